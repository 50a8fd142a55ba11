"""What is asked where the schema alone does not say it: arguments, lists, the input of each mutation.

A new field is added here in the commit that adds it, if it needs anything:

a field with a required argument     a line in `ARGUMENTS`
a list or a lookup at the root       a line in `ROOT`
a mutation                           a function and a line in `MUTATIONS`
a subscription                       a line in `SUBSCRIPTIONS`, if it takes arguments
another way to see somebody's things a line in `BACK_DOORS`
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from auth.class_codes import code_at
from auth.codes import DEMO_CODE
from kit.clock import day_of
from kit.db import transaction
from kit.ids import from_global, new_id, to_global
from kit.words import CourseStatus, LiveStatus, PostRole, Role, StoryEntryStatus
from models.accounts import Member, grant
from models.courses import Course
from models.live import LiveLesson
from models.live_asks import options_of
from models.live_attendance import put_ticket
from models.making import open_draft
from models.streams import StreamFeed, StreamKey
from models.uploads import Upload
from services.class_check_in import KEY
from tests.authorisation.cast import (
    THINGS,
    Cast,
    Relation,
    campaign_for,
    class_for,
    draw_for,
    live_lesson_for,
    live_room_for,
    story_by,
)
from tests.uploads.files import PNG, promise
from tests.world import MadeCourse

ARGUMENTS = {
    "HonourBoard.standingsOf": "(subjectIds: [$stranger])",
    "Query.academyOverview": '(from: "2026-03-01", to: "2026-03-08")',
    "Query.assignmentProgress": "(courseId: $course)",
    "Query.pathPlan": "(tier: MODERN)",
    "Query.simulatePointRule": (
        '(input: {code: "duel.won", points: 10, dailyCap: 50, from: "2026-01-01", to: "2026-01-02"})'
    ),
}
"""How a field is asked that has required arguments; `$stranger` is the member far away, `$course` is published."""


@dataclass(frozen=True, slots=True)
class BackDoor:
    """A second way to the fields of type `of`, which shows more things than its id does."""

    of: str
    name: str
    kind: str
    text: str
    path: tuple[str, ...]


LINE = "node(id: $board) { ... on HonourBoard { standingsOf(subjectIds: [$id]) { subject { ... on Member { @ } } } } }"
STANDING = ("standingsOf", "subject")
BACK_DOORS = (
    BackDoor("Member", "on a board", "Member", LINE, STANDING),
    BackDoor("Outlet", "on a board", "Member", LINE.replace("@", "outlet { @ }"), (*STANDING, "outlet")),
    BackDoor(
        "Region", "on a board", "Member",
        LINE.replace("@", "outlet { region { @ } }"), (*STANDING, "outlet", "region"),
    ),
    BackDoor(
        "Member", "as an author", "StoryEntry", "node(id: $id) { ... on StoryEntry { member { @ } } }", ("member",)
    ),
    BackDoor("Member", "as a trainer", "OfflineClass", "offlineClass(id: $id) { trainer { @ } }", ("trainer",)),
    BackDoor("Member", "as a lecturer", "Course", "course(id: $id) { lecturers { @ } }", ("lecturers",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lookup:
    """A root field that finds one thing by `$id`, an id of a `kind`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A root list: is the thing of `kind` in it? `path` leads to the ids of its lines; `$above` is the county."""

    kind: str
    text: str
    path: tuple[str, ...] = ("nodes", "id")


ROOT: dict[str, Lookup | Listing] = {
    "assignedCourses": Listing(
        "Course", "(first: 100) { totalCount nodes { course { id } } }", ("nodes", "course", "id")
    ),
    "academyOverview": Lookup("Region", '(from: "2026-03-01", to: "2026-03-08", regionId: $id) { activeLearners }'),
    "assignmentProgress": Lookup("Region", "(courseId: $course, regionId: $id) { assigned }"),
    "assignments": Listing("Assignment", "(first: 100) { totalCount nodes { id } }"),
    "auditLog": Listing("AuditEntry", "(first: 100) { totalCount nodes { id } }"),
    "course": Lookup("Course", "(id: $id) { id }"),
    "courses": Listing("Course", "(first: 100) { totalCount nodes { id } }"),
    "honourBoard": Lookup("Region", "(metric: POINTS, period: WEEK, scope: {regionId: $id}) { id }"),
    "liveLesson": Lookup("LiveLesson", "(id: $id) { id }"),
    "liveLessons": Listing(
        "LiveLesson",
        '(from: "2026-03-01T00:00:00Z", to: "2026-12-01T00:00:00Z", first: 100) { totalCount nodes { id } }',
    ),
    "lecturerCredit": Lookup("Member", "(memberId: $id) { viewCount }"),
    "offlineClass": Lookup("OfflineClass", "(id: $id) { id }"),
    "offlineClasses": Listing("OfflineClass", "(first: 100) { totalCount nodes { id } }"),
    "members": Listing("Member", "(first: 100) { totalCount nodes { id } }"),
    "modules": Listing("Module", "{ id }", ("id",)),
    "outlets": Listing("Outlet", "(first: 100) { totalCount nodes { id } }"),
    "recommendedCourses": Listing(
        "Course", "(first: 100) { totalCount nodes { course { id } } }", ("nodes", "course", "id")
    ),
    "pointEntries": Lookup("Member", "(memberId: $id) { totalCount }"),
    "badges": Listing("Badge", "(first: 100) { totalCount nodes { id } }"),
    "prizeDraws": Listing("PrizeDraw", "(first: 100) { totalCount nodes { id } }"),
    "redemptions": Listing("Redemption", "(first: 100) { totalCount nodes { id } }"),
    "regions": Listing("Region", "(under: $above) { totalCount nodes { id } }"),
    "seasons": Listing("Season", "(first: 100) { totalCount nodes { id } }"),
    "taskPlans": Listing("TaskPlan", "(first: 100) { totalCount nodes { id } }"),
    "suspiciousLearning": Listing("Suspicion", "(first: 100) { totalCount nodes { id } }"),
    "rewards": Listing("Reward", "(first: 100) { totalCount nodes { id } }"),
    "storyCampaigns": Listing("StoryCampaign", "(first: 100) { totalCount nodes { id } }"),
    "storyEntries": Listing(
        "StoryCampaign", "(campaignId: $id) { totalCount nodes { campaign { id } } }", ("nodes", "campaign", "id")
    ),
}
"""Root fields that are asked about things; any other has nothing but the viewer to show. `node` and `nodes` are asked
for every kind of thing."""

SUBSCRIPTIONS: dict[str, Lookup] = {
    "honourBoardMoved": Lookup("HonourBoard", "(boardId: $id) { asOf }"),
    "liveRoom": Lookup("LiveLesson", "(liveLessonId: $id) { seq }"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation about a thing of `kind` (None: about the viewer alone) and the input it is sent.

    `also` is asked of the payload beside userErrors; a code in it is what became of the change.
    """

    kind: str | None
    input: Callable[[Cast, Relation], Awaitable[dict[str, object]]]
    also: str = "__typename"


SHEET = b"code,name,region,tier,segment,owner_name,owner_phone\n"
DEVICE = {"deviceId": "matrix", "deviceName": "Matrix"}


async def _code_for_a_phone(cast: Cast, _: Relation) -> dict[str, object]:
    return {"phone": cast.world.phone(), "deviceId": "matrix"}


async def _report(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"kind": "MEMBERS", "format": "CSV", "regionId": cast.things["Region"][relation]}


async def _code(cast: Cast, _: Relation) -> dict[str, object]:
    phone = cast.world.phone()
    await cast.world.member(phone=phone)
    return {"phone": phone, "code": DEMO_CODE, **DEVICE}


async def _password(cast: Cast, _: Relation) -> dict[str, object]:
    phone = cast.world.phone()
    await cast.world.member(phone=phone, password="correct horse battery")
    return {"phone": phone, "password": "correct horse battery", **DEVICE}


async def _refresh(cast: Cast, _: Relation) -> dict[str, object]:
    return {"refreshToken": (await cast.world.signed_in(await cast.world.member())).refresh_token}


async def _session(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"sessionId": await THINGS["Session"](cast, relation)}


async def _name(_: Cast, __: Relation) -> dict[str, object]:
    return {"displayName": "新名"}


async def _new_phone(cast: Cast, _: Relation) -> dict[str, object]:
    return {"newPhone": cast.world.phone()}


async def _new_phone_with_codes(cast: Cast, _: Relation) -> dict[str, object]:
    return {"newPhone": cast.world.phone(), "codeFromOld": DEMO_CODE, "codeFromNew": DEMO_CODE}


async def _outlet(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"outletId": cast.things["Outlet"][relation]}


async def _new_clerk(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"outletId": cast.things["Outlet"][relation], "phone": cast.world.phone(), "name": "小李"}


async def _clerk(cast: Cast, relation: Relation) -> dict[str, object]:
    clerk = await cast.world.member("小李")
    await cast.world.post(clerk, cast.land.outlets[relation], PostRole.CLERK)
    return {"outletId": cast.things["Outlet"][relation], "memberId": to_global("Member", clerk.id)}


async def _somebody(cast: Cast, relation: Relation) -> dict[str, object]:
    """Somebody new in this relation, so that nobody of the cast is changed; or the viewer."""
    if relation is Relation.OWN:
        return {"memberId": to_global("Member", cast.people[Relation.OWN].id)}
    member = await cast.world.member("某人")
    await cast.world.post(member, cast.land.outlets[Relation.OWN if relation is Relation.SHOP else relation])
    return {"memberId": to_global("Member", member.id)}


async def _somebody_for_a_reason(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _somebody(cast, relation), "reason": "试一试"}


async def _somebody_to_suspend(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _somebody_for_a_reason(cast, relation), "suspended": True}


async def _a_new_role(cast: Cast, relation: Relation) -> dict[str, object]:
    county = to_global("Region", cast.land.county.id)
    return {**await _somebody(cast, relation), "role": Role.SUPERVISOR, "regionId": county}


async def _a_role_held(cast: Cast, relation: Relation) -> dict[str, object]:
    given = await _a_new_role(cast, relation)
    member_id, now = from_global(str(given["memberId"]))[1], cast.world.ports.clock.now()
    await grant(new_id(), UUID(member_id), Role.SUPERVISOR, cast.land.county.id, now, None)
    return given


async def _upload(_: Cast, __: Relation) -> dict[str, object]:
    return promise(PNG, "image/png")


async def _put_upload(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"uploadId": await _upload_of(cast.people.get(relation), cast, "image/png")}


async def _sheet(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"uploadId": await _upload_of(cast.people.get(relation), cast, "text/csv"), "dryRun": True}


async def _upload_of(member: Member | None, cast: Cast, content_type: str) -> str:
    """An upload that has come whole, whoever may ask for one; of a sheet also completed."""
    content, now = {"image/png": PNG, "text/csv": SHEET}[content_type], cast.world.ports.clock.now()
    sheet = content_type == "text/csv"
    upload = await Upload.create(
        id=new_id(), member_id=(member or cast.people[Relation.FAR]).id, file_name="文件", content_type=content_type,
        size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), created_at=now, attempts=1,
        expires_at=now + timedelta(hours=1), received_attempt=1, completed_at=now if sheet else None,
    )  # fmt: skip
    await cast.world.ports.storage.put(f"uploads/{upload.id}-1.{'csv' if sheet else 'png'}", content)
    return to_global("Upload", upload.id)


async def _stars(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"courseId": cast.things["Course"][relation], "stars": 5}


async def _event(cast: Cast, relation: Relation) -> dict[str, object]:
    now = cast.world.ports.clock.now().isoformat()
    lesson = cast.land.courses[relation].lesson_gids[0]
    return {
        "sentAt": now,
        "events": [{"eventId": str(uuid4()), "lessonId": lesson, "kind": "STARTED", "occurredAt": now}],
    }


async def _consent(_: Cast, __: Relation) -> dict[str, object]:
    return {"purpose": "ANALYTICS", "version": 1}


async def _purpose(_: Cast, __: Relation) -> dict[str, object]:
    return {"purpose": "ANALYTICS"}


async def _member(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"memberId": cast.things["Member"][relation]}


async def _new_reward(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"title": "礼品", "cost": 1, "stock": 9, "regionId": cast.things["Region"][relation]}


async def _purchase(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"rewardId": cast.things["Reward"][relation], "idempotencyKey": str(uuid4())}


async def _approval(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"redemptionId": cast.things["Redemption"][relation], "to": "APPROVED"}


async def _judgement(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"id": cast.things["Suspicion"][relation], "verdict": "CLEAR"}


async def _new_draw(cast: Cast, relation: Relation) -> dict[str, object]:
    now = cast.world.ports.clock.now()
    return {
        "title": "抽奖", "opensAt": now.isoformat(), "closesAt": (now + timedelta(days=1)).isoformat(), "ticketCost": 1,
        "maxTickets": 1, "prizes": [{"title": "奖", "count": 1}], "regionId": cast.things["Region"][relation],
    }  # fmt: skip


async def _ticket(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _open_draw(cast, relation), "tickets": 1, "idempotencyKey": str(uuid4())}


async def _open_draw(cast: Cast, relation: Relation) -> dict[str, object]:
    draw = await draw_for(cast, cast.land.regions[relation].id)
    return {"prizeDrawId": to_global("PrizeDraw", draw.id)}


async def _drawn(cast: Cast, relation: Relation) -> dict[str, object]:
    """Drawn again, it gives the same answer."""
    return {"prizeDrawId": cast.things["PrizeDraw"][relation]}


async def _new_board(cast: Cast, relation: Relation) -> dict[str, object]:
    scope = {"regionId": cast.things["Region"][relation]}
    return {"title": "服务站日榜", "metric": "POINTS", "period": "DAY", "scope": scope}


async def _new_season(cast: Cast, _: Relation) -> dict[str, object]:
    today = day_of(cast.world.ports.clock.now()).isoformat()
    return {"title": "开门红", "startsOn": today, "endsOn": today}


async def _gift(cast: Cast, relation: Relation) -> dict[str, object]:
    somebody = await _somebody_for_a_reason(cast, relation)
    return {**somebody, "amount": 5, "idempotencyKey": str(uuid4())}


async def _rule(_: Cast, __: Relation) -> dict[str, object]:
    return {"code": "duel.won", "points": 10, "dailyCap": 50}


async def _new_badge(cast: Cast, _: Relation) -> dict[str, object]:
    return {
        "code": new_id().hex, "title": "徽章", "englishTitle": "Badge", "description": "做", "englishDescription": "Do",
        "measure": "DUELS_WON", "threshold": 1, "icon": "star",
    }  # fmt: skip


async def _notice_read(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"noticeIds": [await THINGS["Notice"](cast, relation)]}


async def _calendar(_: Cast, __: Relation) -> dict[str, object]:
    return {"renew": False}


async def _push_device(_: Cast, __: Relation) -> dict[str, object]:
    return {"deviceId": "matrix", "provider": "JPUSH", "token": "matrix"}


async def _claim(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"taskId": cast.things["Task"][relation]}


async def _new_task(_: Cast, __: Relation) -> dict[str, object]:
    return {
        "code": f"task.{new_id().hex[:20]}", "titleZh": "学一课", "titleEn": "Finish a lesson", "period": "DAILY",
        "measure": "LESSONS_COMPLETED", "target": 1, "rewardPoints": 1,
    }  # fmt: skip


async def _task_to_end(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"taskPlanId": cast.things["TaskPlan"][relation], "enabled": False}


async def _story(cast: Cast, _: Relation) -> dict[str, object]:
    campaign = await campaign_for(cast, cast.people[Relation.FAR])
    return {"campaignId": to_global("StoryCampaign", campaign.id), "title": "故事", "text": "灯亮着"}


async def _published_story(cast: Cast, relation: Relation) -> dict[str, object]:
    campaign = await campaign_for(cast, cast.people[Relation.FAR])
    return {"entryId": to_global("StoryEntry", (await story_by(cast, campaign, relation)).id)}


async def _verdict(cast: Cast, relation: Relation) -> dict[str, object]:
    campaign = await campaign_for(cast, cast.people[Relation.FAR])
    entry = await story_by(cast, campaign, relation, StoryEntryStatus.SUBMITTED)
    return {"entryId": to_global("StoryEntry", entry.id), "verdict": "PUBLISH"}


async def _score(cast: Cast, relation: Relation) -> dict[str, object]:
    """The viewer is in the jury, but not of the story far away."""
    juror = cast.people[Relation.FAR] if relation is Relation.FAR or cast.actor is None else cast.actor
    entry = await story_by(cast, await campaign_for(cast, juror), relation)
    return {"entryId": to_global("StoryEntry", entry.id), "score": 80}


async def _new_contest(cast: Cast, _: Relation) -> dict[str, object]:
    now = cast.world.ports.clock.now()
    return {"title": "征文", "opensAt": now.isoformat(), "closesAt": (now + timedelta(days=1)).isoformat()}


async def _room(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"liveLessonId": to_global("LiveLesson", (await live_room_for(cast, relation))[0].id)}


async def _saying(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _room(cast, relation), "kind": "CHAT", "text": "你好", "clientId": str(uuid4())}


async def _live_poll(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _room(cast, relation), "question": "好吗？", "options": ["好", "不好"], "seconds": 60}


async def _live_seconds(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _room(cast, relation), "seconds": 30}


async def _live_shelf(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _room(cast, relation), "products": [{"title": "荔枝"}]}


async def _somebody_to_mute(cast: Cast, relation: Relation) -> dict[str, object]:
    far = to_global("Member", cast.people[Relation.FAR].id)
    return {**await _room(cast, relation), "memberId": far, "seconds": 30}


async def _live_message(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"messageId": to_global("LiveMessage", (await live_room_for(cast, relation))[1]["LiveMessage"])}


async def _live_vote(cast: Cast, relation: Relation) -> dict[str, object]:
    poll_id = (await live_room_for(cast, relation, poll_closed=False))[1]["LivePoll"]
    [options] = await options_of([poll_id])
    return {"pollId": to_global("LivePoll", poll_id), "optionIds": [to_global("LivePollOption", options[0].id)]}


async def _live_answer(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"checkInId": to_global("LiveCheckIn", (await live_room_for(cast, relation))[1]["LiveCheckIn"])}


async def _new_live_lesson(cast: Cast, relation: Relation) -> dict[str, object]:
    starts_at = cast.world.ports.clock.now() + timedelta(days=9)
    host = await cast.world.staff(Role.LECTURER, name="讲师")
    return {
        "title": "直播课", "hostId": to_global("Member", host.id), "startsAt": starts_at.isoformat(),
        "endsAt": (starts_at + timedelta(hours=1)).isoformat(), "regionId": cast.things["Region"][relation],
    }  # fmt: skip


async def _live_title(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _seat(cast, relation), "title": "新名"}


async def _live_time(cast: Cast, relation: Relation) -> dict[str, object]:
    at = cast.world.ports.clock.now() + timedelta(days=9)
    return {
        **await _seat(cast, relation),
        "startsAt": at.isoformat(),
        "endsAt": (at + timedelta(hours=1)).isoformat(),
    }


async def _live_end(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _seat(cast, relation), "reason": "试一试"}


async def _seat(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"liveLessonId": to_global("LiveLesson", (await live_lesson_for(cast, relation)).id)}


async def _live_device(cast: Cast, relation: Relation) -> dict[str, object]:
    lesson, _ = await live_room_for(cast, relation)
    return {"liveLessonId": to_global("LiveLesson", lesson.id), "deviceId": "matrix"}


async def _live_beat(cast: Cast, relation: Relation) -> dict[str, object]:
    """With the ticket of whoever stands in this relation."""
    lesson, _ = await live_room_for(cast, relation)
    member, now = cast.people.get(relation, cast.people[Relation.AREA]), cast.world.ports.clock.now()
    gap = timedelta(minutes=1)
    ticket = await put_ticket(new_id(), lesson.id, member.id, "matrix", now, gap)
    return {"ticketId": to_global("LiveTicket", ticket.id)}


async def _live_replay(cast: Cast, relation: Relation) -> dict[str, object]:
    lesson, asset = await live_lesson_for(cast, relation), await cast.world.media(60)
    now = cast.world.ports.clock.now()
    await LiveLesson.filter(id=lesson.id).update(status=LiveStatus.REPLAY_READY, ended_at=now, replay_media_id=asset.id)
    return {
        "liveLessonId": to_global("LiveLesson", lesson.id), "sentAt": now.isoformat(), "occurredAt": now.isoformat(),
        "spans": [{"fromSeconds": 0, "toSeconds": 1}],
    }  # fmt: skip


async def _live_excuse(cast: Cast, relation: Relation) -> dict[str, object]:
    lesson, _ = await live_room_for(cast, relation)
    member_id = to_global("Member", (await cast.world.learner("学员")).id)
    return {"liveLessonId": to_global("LiveLesson", lesson.id), "memberId": member_id, "reason": "试一试"}


async def _new_class(cast: Cast, relation: Relation) -> dict[str, object]:
    starts_at = cast.world.ports.clock.now() + timedelta(days=9)
    trainer = await cast.world.staff(Role.LECTURER, name="培训师")
    return {
        "title": "线下课", "trainerId": to_global("Member", trainer.id), "place": "会议室",
        "startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(hours=1)).isoformat(),
        "regionId": cast.things["Region"][relation],
    }  # fmt: skip


async def _class_to_come(cast: Cast, relation: Relation) -> dict[str, object]:
    row = await class_for(cast, relation, begins=timedelta(days=5))
    return {"offlineClassId": to_global("OfflineClass", row.id)}


async def _class_to_change(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _class_to_come(cast, relation), "title": "新题目"}


async def _class_to_call_off(cast: Cast, relation: Relation) -> dict[str, object]:
    return {**await _class_to_come(cast, relation), "reason": "试一试"}


async def _class_code(cast: Cast, relation: Relation) -> dict[str, object]:
    row, ports = await class_for(cast, relation), cast.world.ports
    return {"payload": code_at(ports.settings.key(KEY), row.id, ports.clock.now()).payload}


async def _somebody_at_a_class(cast: Cast, relation: Relation) -> dict[str, object]:
    """Somebody who learns in that region and came without a phone."""
    row = await class_for(cast, relation)
    pupil = await cast.world.learner("学员", outlet=await cast.world.outlet(region=cast.land.regions[relation]))
    member_id = to_global("Member", pupil.id)
    return {"offlineClassId": to_global("OfflineClass", row.id), "memberId": member_id, "reason": "试一试"}


async def _opinion_of_a_class(cast: Cast, relation: Relation) -> dict[str, object]:
    row = await class_for(cast, relation, begins=timedelta(hours=-3))
    return {"offlineClassId": to_global("OfflineClass", row.id), "stars": 5}


async def _streamed_lesson(cast: Cast, relation: Relation) -> dict[str, object]:
    """A stream arrives, as if the host had begun early."""
    lesson = await live_lesson_for(cast, relation)
    now = cast.world.ports.clock.now()
    key = await StreamKey.create(
        id=new_id(), lesson=lesson, name=new_id().hex, secret_hash="0" * 64, issued_by=lesson.host_id, issued_at=now,
        valid_from=now, expires_at=now + timedelta(days=2),
    )  # fmt: skip
    await StreamFeed.create(id=new_id(), lesson=lesson, key=key, client="1", from_at=now)
    return {"liveLessonId": to_global("LiveLesson", lesson.id)}


async def _lesson_on_air(cast: Cast, relation: Relation) -> dict[str, object]:
    lesson = await live_lesson_for(cast, relation)
    await LiveLesson.filter(id=lesson.id).update(status="LIVE")
    return {"liveLessonId": to_global("LiveLesson", lesson.id)}


async def _path(cast: Cast, _: Relation) -> dict[str, object]:
    course = to_global("Course", cast.land.courses[Relation.OWN].id)
    stage = {"code": "one", "title": "第一关", "points": 30, "courseIds": [course]}
    return {"tier": "MODERN", "version": 1, "stages": [stage]}


async def _export(_: Cast, __: Relation) -> dict[str, object]:
    return {}


async def _device(_: Cast, __: Relation) -> dict[str, object]:
    return {"deviceId": "matrix"}


async def _demo_code(_: Cast, __: Relation) -> dict[str, object]:
    return {"code": DEMO_CODE}


async def _proposal(cast: Cast, _: Relation) -> dict[str, object]:
    return {
        "code": f"C{new_id()}", "title": "新课", "moduleId": cast.things["Module"][Relation.AREA], "form": "VIDEO",
        "kind": "ELECTIVE",
    }  # fmt: skip


async def _draft(cast: Cast, relation: Relation, status: CourseStatus = CourseStatus.DRAFT) -> MadeCourse:
    """A course with a lesson that somebody in this relation proposed from where they stand."""
    course = await cast.world.course(status=status)
    region = cast.land.county if relation is Relation.OWN else cast.land.regions[relation]
    proposer = cast.people.get(relation, cast.people[Relation.FAR])
    await Course.filter(id=course.id).update(proposed_by=proposer.id, region_id=region.id)
    return course


async def _course_to_change(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"courseId": (await _draft(cast, relation)).gid, "expectedVersion": 1, "title": "改名"}


async def _course_to_review(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"courseId": (await _draft(cast, relation, CourseStatus.IN_REVIEW)).gid, "to": "PUBLISHED"}


async def _next_edition(cast: Cast, relation: Relation) -> dict[str, object]:
    course, maker = await _draft(cast, relation, CourseStatus.PUBLISHED), cast.people[Relation.FAR]
    row, now = await Course.get(id=course.id), cast.world.ports.clock.now()
    await transaction(lambda: open_draft(row, maker.id, now))
    return {"courseId": course.gid}


async def _lesson_to_add(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"courseId": (await _draft(cast, relation)).gid, "title": "一课", "body": "脚本"}


async def _lesson_to_change(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"lessonId": (await _draft(cast, relation)).lesson_gids[0], "title": "改名"}


async def _lesson_to_remove(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"lessonId": (await _draft(cast, relation)).lesson_gids[0]}


async def _order(cast: Cast, relation: Relation) -> dict[str, object]:
    course = await _draft(cast, relation)
    return {"courseId": course.gid, "lessonIds": course.lesson_gids}


async def _assignment(cast: Cast, relation: Relation) -> dict[str, object]:
    due_at = cast.world.ports.clock.now() + timedelta(days=9, minutes=cast.world.next("assignment"))
    return {
        "courseId": cast.things["Course"][Relation.AREA], "to": {"regionId": cast.things["Region"][relation]},
        "dueAt": due_at.isoformat(), "reason": "学一学",
    }  # fmt: skip


async def _assignment_to_withdraw(cast: Cast, relation: Relation) -> dict[str, object]:
    return {"assignmentId": cast.things["Assignment"][relation]}


MUTATIONS: dict[str, Change] = {
    "cancelLiveSeat": Change("LiveLesson", _seat),
    "reserveLiveSeat": Change("LiveLesson", _seat),
    "answerLiveCheckIn": Change("LiveLesson", _live_answer),
    "askLiveCheckIn": Change("LiveLesson", _live_seconds),
    "muteInLiveLesson": Change("LiveLesson", _somebody_to_mute),
    "openLivePoll": Change("LiveLesson", _live_poll),
    "pinLiveProduct": Change("LiveLesson", _room),
    "postLiveMessage": Change("LiveLesson", _saying),
    "removeLiveMessage": Change("LiveLesson", _live_message),
    "setLiveProducts": Change("LiveLesson", _live_shelf),
    "setLiveSlowMode": Change("LiveLesson", _live_seconds),
    "upvoteLiveQuestion": Change("LiveLesson", _live_message),
    "voteInLivePoll": Change("LiveLesson", _live_vote),
    "cancelLiveLesson": Change("LiveLesson", _live_end),
    "rescheduleLiveLesson": Change("LiveLesson", _live_time),
    "updateLiveLesson": Change("LiveLesson", _live_title),
    "scheduleLiveLesson": Change("Region", _new_live_lesson),
    "createCourse": Change(None, _proposal),
    "updateCourse": Change("Course", _course_to_change),
    "discardCourseDraft": Change("Course", _next_edition),
    "addLesson": Change("Course", _lesson_to_add),
    "updateLesson": Change("Course", _lesson_to_change),
    "removeLesson": Change("Course", _lesson_to_remove),
    "reorderLessons": Change("Course", _order),
    "moveCourse": Change("Course", _course_to_review),
    "assignCourse": Change("Region", _assignment),
    "withdrawAssignment": Change("Assignment", _assignment_to_withdraw),
    "joinLiveLesson": Change("LiveLesson", _live_device),
    "beatLiveLesson": Change("LiveLesson", _live_beat),
    "reportReplay": Change("LiveLesson", _live_replay),
    "excuseFromLiveLesson": Change("LiveLesson", _live_excuse),
    "cancelClass": Change("OfflineClass", _class_to_call_off),
    "checkInForMember": Change("OfflineClass", _somebody_at_a_class),
    "checkInToClass": Change("OfflineClass", _class_code),
    "leaveClass": Change("OfflineClass", _class_to_come),
    "rateClass": Change("OfflineClass", _opinion_of_a_class),
    "scheduleClass": Change("Region", _new_class),
    "signUpForClass": Change("OfflineClass", _class_to_come),
    "updateClass": Change("OfflineClass", _class_to_change),
    "issueStreamKey": Change("LiveLesson", _seat),
    "startLiveLesson": Change("LiveLesson", _streamed_lesson),
    "endLiveLesson": Change("LiveLesson", _lesson_on_air),
    "createBadge": Change(None, _new_badge),
    "addClerk": Change("Outlet", _new_clerk),
    "advanceRedemption": Change("Redemption", _approval),
    "arrangePath": Change(None, _path),
    "changePhone": Change(None, _new_phone_with_codes),
    "completeUpload": Change("Member", _put_upload),
    "grantRole": Change("Member", _a_new_role),
    "importOutlets": Change("Member", _sheet),
    "confirmAdult": Change("Member", _member),
    "deleteMyAccount": Change(None, _demo_code),
    "exportMyData": Change(None, _export),
    "requestExport": Change("Region", _report),
    "requestDeletionCode": Change(None, _device),
    "giveConsent": Change(None, _consent),
    "correctPoints": Change("Member", _gift),
    "createBoard": Change("Region", _new_board),
    "createPrizeDraw": Change("Region", _new_draw),
    "createReward": Change("Region", _new_reward),
    "claimTask": Change("Task", _claim),
    "createTask": Change(None, _new_task),
    "updateTask": Change("TaskPlan", _task_to_end),
    "createStoryCampaign": Change(None, _new_contest),
    "enterPrizeDraw": Change("PrizeDraw", _ticket),
    "markNoticesRead": Change("Notice", _notice_read),
    "calendarFeed": Change(None, _calendar),
    "registerPushDevice": Change(None, _push_device),
    "rateCourse": Change("Course", _stars),
    "redeemReward": Change("Reward", _purchase),
    "refreshSession": Change(None, _refresh),
    "removeClerk": Change("Outlet", _clerk),
    "reportProgress": Change("Lesson", _event, also="results { code }"),
    "reviewStory": Change("StoryEntry", _verdict),
    "scoreStory": Change("StoryEntry", _score),
    "submitStory": Change(None, _story),
    "voteForStory": Change("StoryEntry", _published_story),
    "revealPhone": Change("Member", _somebody_for_a_reason),
    "revokeRole": Change("Member", _a_role_held),
    "requestChangePhoneCodes": Change(None, _new_phone),
    "requestUpload": Change(None, _upload),
    "requestSignInCode": Change(None, _code_for_a_phone),
    "runPrizeDraw": Change("PrizeDraw", _drawn),
    "startSeason": Change(None, _new_season),
    "setCurrentOutlet": Change("Outlet", _outlet),
    "signInWithCode": Change(None, _code),
    "signInWithPassword": Change(None, _password),
    "signOut": Change("Session", _session),
    "judgeSuspicion": Change("Suspicion", _judgement),
    "suspendMember": Change("Member", _somebody_to_suspend),
    "updatePointRule": Change(None, _rule),
    "updateProfile": Change(None, _name),
    "withdrawConsent": Change(None, _purpose),
}
