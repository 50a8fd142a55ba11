"""A live lesson from the calendar to its attendance, in the operations of the apps and of the console."""

from datetime import datetime, timedelta
from uuid import uuid4

from kit.clock import FrozenClock
from kit.ids import from_global, to_global
from kit.words import LiveStatus, Role
from models.accounts import Member
from models.live import LiveLesson
from services.live_attendance import settle_live_lessons
from services.live_feeds import Publisher, publish
from tests.contract.sender import Phone
from tests.world import World


async def holds_a_live_lesson(phone: Phone, console: Phone, world: World, clock: FrozenClock) -> None:
    host = Phone(phone.gql, await world.staff(Role.LECTURER, name="王老师"), phone.sent)
    second = Phone(phone.gql, await world.learner("小周"), phone.sent)
    lesson = await _plans(console, _member(host), clock.now())
    await _takes_a_seat(phone, lesson, clock.now())
    clock.advance(timedelta(minutes=12))
    await _goes_on_air(host, lesson)
    tickets = [await _joins(each, lesson) for each in (phone, second)]
    await _talks(phone, second, host, lesson)
    await _sells_and_asks(phone, host, lesson)
    for _ in range(3):
        clock.advance(timedelta(seconds=20))
        said = await phone.do("BeatLiveLesson", ticketId=tickets[0])
    assert (said["attendedSeconds"], said["credited"], said["status"]) == (60, False, "LIVE")
    assert (await host.do("EndLiveLesson", liveLessonId=lesson))["liveLesson"]["status"] == "ENDED"
    await _settles(phone, host, lesson, clock)
    await _watches_the_replay(second, lesson, world, clock)


async def _plans(console: Phone, host: Member, now: datetime) -> str:
    """The lesson that is held; a series beside it is changed, moved and called off."""
    starts_at = now + timedelta(minutes=20)
    plan = {
        "title": "旺季陈列直播", "description": "怎么摆", "hostId": to_global("Member", host.id),
        "startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(minutes=30)).isoformat(), "capacity": 3,
        "creditRule": {"minPercent": 50, "minSeconds": 30, "points": 25, "replayPoints": 5},
    }  # fmt: skip
    made = await console.do("ScheduleLiveLesson", **plan)
    assert (made["liveLesson"]["status"], made["liveLesson"]["series"], made["occurrences"]) == ("SCHEDULED", None, 1)
    later = {
        "startsAt": (starts_at + timedelta(days=1)).isoformat(),
        "endsAt": (starts_at + timedelta(days=1, minutes=30)).isoformat(),
    }
    weekly = await console.do("ScheduleLiveLesson", **{**plan, **later, "recurrence": "FREQ=WEEKLY;COUNT=3"})
    assert (weekly["occurrences"], weekly["liveLesson"]["series"] is not None) == (3, True)
    first = {"liveLessonId": weekly["liveLesson"]["id"]}
    changed = await console.do("UpdateLiveLesson", **first, title="每周陈列", apply="THIS_AND_FOLLOWING")
    assert (changed["liveLesson"]["title"], changed["occurrences"]) == ("每周陈列", 3)
    moved_to = {name: (datetime.fromisoformat(at) + timedelta(hours=1)).isoformat() for name, at in later.items()}
    moved = await console.do("RescheduleLiveLesson", **first, **moved_to, apply="THIS")
    assert datetime.fromisoformat(moved["liveLesson"]["startsAt"]) == starts_at + timedelta(days=1, hours=1)
    off = await console.do("CancelLiveLesson", **first, reason="讲师生病", apply="THIS")
    assert (off["liveLesson"]["status"], off["occurrences"]) == ("CANCELLED", 1)
    return str(made["liveLesson"]["id"])


async def _takes_a_seat(phone: Phone, lesson: str, now: datetime) -> None:
    days = {"from": now.isoformat(), "to": (now + timedelta(hours=2)).isoformat()}
    [listed] = (await phone.ask("LiveSchedule", **days))["liveLessons"]["nodes"]
    assert (listed["id"], listed["seatsLeft"], listed["viewerHasSeat"]) == (lesson, 3, False)
    seat = await phone.do("ReserveLiveSeat", liveLessonId=lesson)
    assert (seat["reservation"]["state"], seat["liveLesson"]["seatsLeft"]) == ("SEATED", 2)
    left = await phone.do("CancelLiveSeat", liveLessonId=lesson)
    assert (left["liveLesson"]["viewerHasSeat"], left["liveLesson"]["seatsLeft"]) == (False, 3)
    await phone.do("ReserveLiveSeat", liveLessonId=lesson)
    feed = (await phone.do("CalendarFeed", renew=False))["url"]
    answer = await phone.gql.http.get(feed)
    assert (answer.status_code, "旺季陈列直播" in answer.text) == (200, True)


async def _goes_on_air(host: Phone, lesson: str) -> None:
    ingest = (await host.do("IssueStreamKey", liveLessonId=lesson))["ingest"]
    name, _, secret = ingest["key"].partition("?key=")
    assert await publish(host.gql.ports, Publisher(name, "camera", secret))
    assert (await host.do("StartLiveLesson", liveLessonId=lesson))["liveLesson"]["status"] == "LIVE"


async def _joins(phone: Phone, lesson: str) -> str:
    ticket = (await phone.do("JoinLiveLesson", liveLessonId=lesson, deviceId="d1"))["ticket"]
    again = (await phone.do("JoinLiveLesson", liveLessonId=lesson, deviceId="d1"))["ticket"]
    assert again["id"] == ticket["id"]
    assert ticket["playback"]["url"].startswith("http")
    return str(ticket["id"])


async def _talks(phone: Phone, second: Phone, host: Phone, lesson: str) -> None:
    said = {"liveLessonId": lesson, "clientId": str(uuid4())}
    chat = (await phone.do("PostLiveMessage", **said, kind="CHAT", text="大家好"))["message"]
    assert (await phone.do("PostLiveMessage", **said, kind="CHAT", text="大家好"))["message"] == chat
    asked = {"liveLessonId": lesson, "clientId": str(uuid4()), "kind": "QUESTION", "text": "雨天怎么摆"}
    question = (await second.do("PostLiveMessage", **asked))["message"]
    voted = (await phone.do("UpvoteLiveQuestion", messageId=question["id"]))["message"]
    assert (voted["upvotes"], voted["viewerUpvoted"]) == (1, True)
    opening = (await phone.first("LiveRoom", liveLessonId=lesson))["liveRoom"]
    assert opening["event"]["__typename"] in ("LiveStatusChanged", "LiveMessagePosted")
    assert (await host.do("SetLiveSlowMode", liveLessonId=lesson, seconds=5))["seconds"] == 5
    assert (await host.do("SetLiveSlowMode", liveLessonId=lesson, seconds=0))["seconds"] == 0
    assert (await host.do("RemoveLiveMessage", messageId=chat["id"]))["messageId"] == chat["id"]
    shut = {"liveLessonId": lesson, "memberId": to_global("Member", _member(second).id)}
    assert (await host.do("MuteInLiveLesson", **shut, seconds=60))["muted"] is True
    assert (await host.do("MuteInLiveLesson", **shut, seconds=0))["muted"] is False
    kept = (await phone.ask("LiveChat", id=lesson))["liveLesson"]["messages"]["nodes"]
    assert [(each["id"], each["kind"]) for each in kept] == [(question["id"], "QUESTION")]


async def _sells_and_asks(phone: Phone, host: Phone, lesson: str) -> None:
    poll = {"liveLessonId": lesson, "question": "听懂了吗", "options": ["懂了", "没懂"], "seconds": 60}
    opened = (await host.do("OpenLivePoll", **poll))["poll"]["id"]
    [yes, _] = (await phone.gql.ask(
        "query ($id: ID!) { node(id: $id) { ... on LivePoll { options { id } } } }", {"id": opened}, by=phone.owner
    ))["data"]["node"]["options"]  # fmt: skip
    counted = (await phone.do("VoteInLivePoll", pollId=opened, optionIds=[yes["id"]]))["poll"]
    assert counted["viewerVote"] == [yes["id"]]
    shelf = {"liveLessonId": lesson, "products": [{"title": "荔枝", "priceText": "¥19.9/斤"}]}
    [product] = (await host.do("SetLiveProducts", **shelf))["liveLesson"]["products"]
    pinned = await host.do("PinLiveProduct", liveLessonId=lesson, productId=product["id"])
    assert pinned["product"] == {"id": product["id"], "pinned": True}
    check_in = (await host.do("AskLiveCheckIn", liveLessonId=lesson, seconds=60))["checkIn"]
    assert (await phone.do("AnswerLiveCheckIn", checkInId=check_in["id"]))["accepted"] is True
    detail = (await phone.ask("LiveLessonDetail", id=lesson))["liveLesson"]
    assert (detail["creditRule"]["points"], detail["creditRule"]["replayPoints"]) == (25, 5)
    assert [each["pinned"] for each in detail["products"]] == [True]


async def _settles(phone: Phone, host: Phone, lesson: str, clock: FrozenClock) -> None:
    clock.advance(timedelta(seconds=90))
    await settle_live_lessons(phone.gql.ports)
    mine = (await phone.ask("LiveLessonDetail", id=lesson))["liveLesson"]["viewerAttendance"]
    assert mine == {"outcome": "PRESENT", "attendedSeconds": 60, "airedSeconds": 60, "percent": 100}
    found = (await host.ask("LiveAttendance", id=lesson))["liveLesson"]
    summary = found["attendanceSummary"]
    assert (summary["joined"], summary["present"], summary["peakWatching"]) == (2, 1, 1)
    assert sorted(node["outcome"] for node in found["attendance"]["nodes"]) == ["ABSENT", "PRESENT"]
    [there] = [node for node in found["attendance"]["nodes"] if node["outcome"] == "PRESENT"]
    assert (there["attendedSeconds"], there["checkInsAnswered"]) == (60, 1)


async def _watches_the_replay(phone: Phone, lesson: str, world: World, clock: FrozenClock) -> None:
    """By who was ABSENT from the lesson."""
    asset = await world.media(60)
    await LiveLesson.filter(id=from_global(lesson)[1]).update(status=LiveStatus.REPLAY_READY, replay_media_id=asset.id)
    now = clock.now().isoformat()
    spans = [{"fromSeconds": 0, "toSeconds": 40}]
    found = await phone.do("ReportReplay", liveLessonId=lesson, sentAt=now, occurredAt=now, spans=spans)
    assert (found["progress"]["watchedSeconds"], found["progress"]["requiredSeconds"]) == (40, 30)
    assert [(each["rule"], each["points"]) for each in found["awards"]] == [("replay.watched", 5)]
    assert found["liveLesson"]["viewerAttendance"] == {"outcome": "REPLAY"}


def _member(phone: Phone) -> Member:
    assert phone.owner is not None
    return phone.owner
