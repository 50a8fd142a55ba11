"""Who asks, and about whom: one small world, seen by one role.

Four relations of a thing to who asks:

own    the viewer's own: their account, sessions and points, the outlet they own, its station
shop   of a clerk at the viewer's outlet; for staff, who have no outlet, at an outlet of their area
area   of another outlet of the same station; of a sibling station. Staff hold their role over the county around them
far    of another province

Of the catalogue: own is a course that was completed, area one that is published, far one that is not.
A new kind of object adds a line to `THINGS`: the global id of one such object in a relation to who asks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Self
from uuid import UUID

from auth.actor import Actor
from kit.clock import FrozenClock, day_of
from kit.db import transaction
from kit.ids import new_id, new_word, to_global
from kit.words import (
    AttendanceOutcome,
    ConsentPurpose,
    CoursePart,
    CourseStatus,
    ExportStatus,
    Language,
    LiveMessageKind,
    LiveStatus,
    OutletTier,
    PostRole,
    PrizeOrder,
    RedemptionStatus,
    RefusalReason,
    ReportFormat,
    ReportKind,
    Role,
    RoomEventKind,
    SeatState,
    StoryEntryStatus,
    SuspicionKind,
    SuspicionState,
    TaskMeasure,
    TaskPeriod,
)
from models.accounts import Member, grant
from models.assignments import Assignment
from models.audit import AuditEntry
from models.badges import Badge, EarnedBadge
from models.board_prizes import MadeBoard
from models.classes import ClassAttendance, ClassSeat, OfflineClass
from models.courses import Course, CourseLecturer, EditionLesson
from models.draws import DrawPrize, DrawPurchase, DrawWinner, PrizeDraw
from models.exports import DataExport
from models.live import LiveLesson, LiveSeat, LiveSeries, LiveStep
from models.live_asks import CheckInRow, PollRow, add_check_in, add_poll, add_vote, mark_closed
from models.live_messages import add_message
from models.live_products import ProductRow, put_products
from models.making import MakerRow, add_move, open_draft, set_team
from models.member_lists import home_path
from models.notices import Notice
from models.outlets import Outlet, Region, current_outlets
from models.paths import Path, begin_settling, locked_path, replace_stages, settled
from models.points import RefusedAwardRow
from models.reports import ReportExport
from models.rewards import Redemption, RedemptionStep, Reward
from models.seasons import NamedSeason
from models.stories import StoryCampaign, StoryEntry, add_prizes_and_jury, jurors_of, put_pictures, put_score
from models.suspicions import Suspicion
from models.tasks import Task, TaskClaim
from services.audit import record
from services.courses import rate_course
from services.leagues import form_week
from services.live_events import room_event
from services.privacy import give_consent
from tests.gql import Gql
from tests.world import MadeCourse, World
from workers.relay import drain


class Relation(StrEnum):
    OWN = "own"
    SHOP = "shop"
    AREA = "area"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Land:
    """The regions, outlets and courses that everybody stands on."""

    county: Region
    abroad: Region
    """The county of what is far."""
    regions: dict[Relation, Region]
    outlets: dict[Relation, Outlet]
    courses: dict[Relation, MadeCourse]


@dataclass(frozen=True, slots=True)
class Cast:
    """The world as `actor` meets it; None is somebody signed out."""

    world: World
    gql: Gql
    role: Role | None
    land: Land
    people: dict[Relation, Member]
    board: str
    """Where everybody stands: all points of all time."""
    things: dict[str, dict[Relation, str]] = field(default_factory=dict)

    @classmethod
    async def made(cls, world: World, gql: Gql, clock: FrozenClock, role: Role | None) -> Self:
        """Everybody learns on two Mondays; the clerk learns more on the Tuesday after, and that is today."""
        land = await _land(world)
        people = {
            Relation.SHOP: await _shopkeeper(world, "同店", land.outlets[Relation.OWN], PostRole.CLERK),
            Relation.AREA: await _shopkeeper(world, "邻店", land.outlets[Relation.AREA], PostRole.OWNER),
            Relation.FAR: await _shopkeeper(world, "远方", land.outlets[Relation.FAR], PostRole.OWNER),
        }
        board = await gql.ask("{ honourBoard(metric: POINTS, period: ALL_TIME) { id } }", by=people[Relation.FAR])
        cast = cls(world, gql, role, land, people, board["data"]["honourBoard"]["id"])
        if role is not None:
            people[Relation.OWN] = await cast._actor()
        for lessons, pause in ((1, timedelta(days=7)), (2, timedelta(days=1))):
            for member in people.values():
                await world.studies(member, land.courses[Relation.OWN], lessons)
            await drain(world.ports)
            clock.advance(pause)
        for member in people.values():
            await cast._leaves_traces(member)
        await world.studies(people[Relation.SHOP], land.courses[Relation.AREA])
        await CourseLecturer.create(
            id=new_id(), course_id=land.courses[Relation.AREA].id, member_id=people[Relation.FAR].id, position=1
        )
        await _makes_next_editions(cast, people[Relation.FAR])
        await form_week(world.ports)
        await drain(world.ports)
        for kind, make in THINGS.items():
            cast.things[kind] = {relation: await make(cast, relation) for relation in cast.relations(kind)}
        return cast

    @property
    def actor(self) -> Member | None:
        return self.people.get(Relation.OWN)

    @property
    def is_staff(self) -> bool:
        return self.role not in (None, Role.LEARNER, Role.LECTURER)

    def relations(self, kind: str) -> list[Relation]:
        """Those in which there is a thing of this kind."""
        if kind in OF_PEOPLE:
            with_one = set(self.people)
        elif kind in OF_THE_CATALOGUE:
            with_one = {Relation.OWN, Relation.AREA, Relation.FAR}
        else:
            with_one = {Relation.AREA, Relation.FAR}
            if self.role is not None and not self.is_staff:
                with_one.add(Relation.OWN)
        return [relation for relation in Relation if relation in with_one]

    async def another(self) -> "Cast":
        """The same with an actor of its own, for what changes or ends the one who asks."""
        if self.role is None:
            return self
        world, own, things = self.world, self.land.outlets, dict(self.things)
        if not self.is_staff:
            outlet = await world.outlet(region=self.land.regions[Relation.OWN], tier=OutletTier.MODERN)
            await world.post(self.people[Relation.SHOP], outlet)
            things["Outlet"] = {**things["Outlet"], Relation.OWN: to_global("Outlet", outlet.id)}
            own = {**own, Relation.OWN: outlet}
        cast = replace(self, land=replace(self.land, outlets=own), people=dict(self.people), things=things)
        actor = cast.people[Relation.OWN] = await cast._actor()
        await world.studies(actor, self.land.courses[Relation.OWN])
        return cast

    async def _actor(self) -> Member:
        world, now = self.world, self.world.ports.clock.now()
        assert self.role is not None
        if self.is_staff:
            member = await _person(world, "本人")
            await grant(new_id(), member.id, self.role, self.land.county.id, now, None)
            return member
        member = await _shopkeeper(world, "本人", self.land.outlets[Relation.OWN], PostRole.OWNER)
        if self.role is Role.LECTURER:
            await grant(new_id(), member.id, Role.LECTURER, None, now, None)
        return member

    async def _leaves_traces(self, member: Member) -> None:
        """A session, an opinion of the course, a consent, and points that were refused."""
        course, now = self.land.courses[Relation.OWN], self.world.ports.clock.now()
        actor = await self.world.actor(member)
        await rate_course(self.world.ports, actor, course.id, 5, "好")
        await give_consent(self.world.ports, actor, ConsentPurpose.TERMS, 1)
        await RefusedAwardRow.create(
            member_id=member.id, rule="lesson.completed", object_type="Lesson", object_id=course.lesson_ids[0],
            period_key="", points_missing=10, reason=RefusalReason.DAILY_CAP, occurred_at=now, day=day_of(now),
        )  # fmt: skip


async def _land(world: World) -> Land:
    city = await world.region("临溪市", parent=await world.region("江东省"))
    county = await world.region("溪城区", parent=city)
    station, sibling = [await world.region(name, parent=county) for name in ("城东服务站", "城西服务站")]
    abroad = await world.region("外县", parent=await world.region("外市", parent=await world.region("外省")))
    far = await world.region("外站", parent=abroad)
    outlets = {
        relation: await world.outlet(name, region=region, tier=OutletTier.MODERN)
        for relation, name, region in (
            (Relation.OWN, "本店", station), (Relation.AREA, "邻店", station), (Relation.FAR, "外店", far),
        )
    }  # fmt: skip
    courses = {
        Relation.OWN: await world.course("学完的课", lessons=2, tiers=[OutletTier.MODERN]),
        Relation.AREA: await world.course("没学的课", lessons=2, tiers=[OutletTier.MODERN]),
        Relation.FAR: await world.course("没发布的课", status=CourseStatus.DRAFT, tiers=[OutletTier.MODERN]),
    }
    cover = await world.media()
    await Course.all().update(cover_media_id=cover.id)
    await EditionLesson.all().update(body="课文")
    await world.assigned(courses[Relation.AREA], region=county, due_in=timedelta(days=30))
    await transaction(partial(_path, [courses[Relation.OWN].id, courses[Relation.AREA].id], world.ports.clock.now()))
    regions = {Relation.OWN: station, Relation.AREA: sibling, Relation.FAR: far}
    return Land(county, abroad, regions, outlets, courses)


async def _makes_next_editions(cast: "Cast", maker: Member) -> None:
    """Somebody far away makes every course here, and the next edition of those that are published."""
    now, everything = cast.world.ports.clock.now(), await Course.all()
    await Course.all().update(proposed_by=maker.id, points_proposed=5, tags=["陈列"])

    async def work() -> None:
        for course in everything:
            assert course.edition_id is not None
            await set_team(course.id, [MakerRow(maker.id, CoursePart.EDIT)], now)
            await add_move(course.id, course.edition_id, None, CourseStatus.DRAFT, now, maker.id, "好题目")
            await add_move(course.id, course.edition_id, CourseStatus.DRAFT, CourseStatus.IN_REVIEW, now, maker.id)
            if course.status is CourseStatus.PUBLISHED:
                await open_draft(await Course.get(id=course.id), maker.id, now)

    await transaction(work)


async def _path(course_ids: list[UUID], now: datetime) -> None:
    """The path of the shops' tier: the course that was completed, then the one that is published."""
    await locked_path(OutletTier.MODERN, now)
    await replace_stages(
        OutletTier.MODERN,
        [
            {
                "id": new_id(), "code": f"stage-{number}", "title": f"第{number}关", "points": 10,
                "course_ids": [course_id], "since": now,
            }
            for number, course_id in enumerate(course_ids, start=1)
        ],
    )  # fmt: skip
    await begin_settling(OutletTier.MODERN, 1, now, now)
    await settled(await Path.get(tier=OutletTier.MODERN), [], now)


async def _person(world: World, name: str) -> Member:
    member = await world.member(name)
    await Member.filter(id=member.id).update(
        avatar_media_id=(await world.media()).id, adult_confirmed_at=world.ports.clock.now()
    )
    return member


async def _shopkeeper(world: World, name: str, outlet: Outlet, role: PostRole) -> Member:
    member = await _person(world, name)
    await world.post(member, outlet, role)
    return member


async def _member(cast: Cast, relation: Relation) -> str:
    return to_global("Member", cast.people[relation].id)


async def _region(cast: Cast, relation: Relation) -> str:
    return to_global("Region", cast.land.regions[relation].id)


async def _outlet(cast: Cast, relation: Relation) -> str:
    return to_global("Outlet", cast.land.outlets[relation].id)


async def _session(cast: Cast, relation: Relation) -> str:
    return await _own(cast, relation, "sessions(first: 1) { nodes { id } }", "sessions")


async def _point_entry(cast: Cast, relation: Relation) -> str:
    return await _own(cast, relation, "pointEntries(first: 1) { nodes { id } }", "pointEntries")


async def _honour_board(cast: Cast, relation: Relation) -> str:
    """The week of a station, with a prize; everybody's where the viewer has no station."""
    await MadeBoard.get_or_create(
        region_id=cast.land.regions[relation].id,
        defaults={
            "id": new_id(), "title": "站榜", "metric": "POINTS", "period": "WEEK", "subject": "MEMBER",
            "prizes": [{"first": 1, "last": 1, "points": 9}], "prizes_by": PrizeOrder.POSITION,
            "created_at": cast.world.ports.clock.now(),
        },
    )  # fmt: skip
    region = to_global("Region", cast.land.regions[relation].id)
    source = "query ($region: ID!) { honourBoard(metric: POINTS, period: WEEK, scope: {regionId: $region}) { id } }"
    answer = await cast.gql.ask(source, {"region": region}, by=cast.people[Relation.FAR])
    return str(answer["data"]["honourBoard"]["id"])


async def _season(cast: Cast, relation: Relation) -> str:
    """Everybody's, and to come."""
    begins = day_of(cast.world.ports.clock.now()) + list(Relation).index(relation) * timedelta(days=30)
    season = await NamedSeason.create(
        id=new_id(), title="春季赛", starts_on=begins + timedelta(days=9), ends_on=begins + timedelta(days=39),
        prizes=[{"first": 1, "last": 1, "points": 100}], prizes_by=PrizeOrder.RANK,
        created_at=cast.world.ports.clock.now(),
    )  # fmt: skip
    return to_global("Season", season.id)


async def _data_export(cast: Cast, relation: Relation) -> str:
    """One that is ready to be fetched; its file does not matter."""
    now = cast.world.ports.clock.now()
    export = await DataExport.create(
        id=new_id(), member_id=cast.people[relation].id, status=ExportStatus.READY, storage_key=f"exports/{new_id()}",
        requested_at=now, due_at=now, ready_at=now, expires_at=now + timedelta(days=1), size_bytes=1, sha256="0" * 64,
    )  # fmt: skip
    return to_global("DataExport", export.id)


async def _report_export(cast: Cast, relation: Relation) -> str:
    """One that is ready to be fetched; its file does not matter."""
    now = cast.world.ports.clock.now()
    report = await ReportExport.create(
        id=new_id(), member_id=cast.people[relation].id, kind=ReportKind.MEMBERS, format=ReportFormat.CSV,
        language=Language.ENGLISH, tops=[cast.land.county.path], status=ExportStatus.READY,
        storage_key=f"exports/{new_id()}", requested_at=now, due_at=now, ready_at=now,
        expires_at=now + timedelta(days=1), size_bytes=1, sha256="0" * 64,
    )  # fmt: skip
    return to_global("ReportExport", report.id)


async def _audit_entry(cast: Cast, relation: Relation) -> str:
    """A deed about somebody, where they are at home."""
    member, ports, by = cast.people[relation], cast.world.ports, Actor(cast.people[Relation.FAR].id, new_id(), ())
    home = await home_path(member.id)

    async def work() -> None:
        deed = ("member.suspension_lifted", "Member", member.id)
        await record(ports, replace(by, address="203.0.113.9"), *deed, region_path=home)

    await transaction(work)
    return to_global("AuditEntry", (await AuditEntry.all().order_by("-sequence").first()).id)


async def _assignment(cast: Cast, relation: Relation) -> str:
    """Asked of somebody alone; taken back again far away."""
    now, course = cast.world.ports.clock.now(), cast.land.courses[Relation.AREA]
    due_in = timedelta(days=30, minutes=cast.world.next("assignment"))
    row = await cast.world.assigned(course, member=cast.people[relation], due_in=due_in)
    if relation is not Relation.OWN:
        await Assignment.filter(id=row.id).update(withdrawn_at=now)
    return to_global("Assignment", row.id)


async def _badge(cast: Cast, relation: Relation) -> str:
    """One that can be earned, and has been filled in; far away is one that cannot yet."""
    now, far = cast.world.ports.clock.now(), relation is Relation.FAR
    row = await Badge.create(
        id=new_id(), code=str(new_id()), title_chinese="徽章", title_english="Badge", description_chinese="做",
        description_english="Do", measure="DUELS_WON", threshold=1, icon="star", created_at=now,
        valid_from=now + timedelta(days=1 if far else 0), fill_total=1, filled_members=1, filled_at=now,
    )  # fmt: skip
    if relation is Relation.OWN and cast.actor is not None:
        await EarnedBadge.create(member=cast.actor, badge=row, value=1, earned_at=now)
    return to_global("Badge", row.id)


async def _course(cast: Cast, relation: Relation) -> str:
    return cast.land.courses[relation].gid


async def _league(cast: Cast, relation: Relation) -> str:
    """This week's; those of staff play in none, so theirs is that of somebody in their area."""
    member = cast.people[relation if relation is not Relation.OWN or not cast.is_staff else Relation.AREA]
    answer = await cast.gql.ask("{ viewer { league { id } } }", by=member)
    return str(answer["data"]["viewer"]["league"]["id"])


async def _lesson(cast: Cast, relation: Relation) -> str:
    """The last one, which is locked where nothing was learned."""
    return cast.land.courses[relation].lesson_gids[-1]


async def _media(cast: Cast, relation: Relation) -> str:
    edition = await EditionLesson.filter(lesson_id=cast.land.courses[relation].lesson_ids[0]).first()
    assert edition is not None
    return to_global("Media", edition.media_id)


async def _live_lesson(cast: Cast, relation: Relation) -> str:
    return to_global("LiveLesson", (await live_lesson_for(cast, relation)).id)


async def _live_series(cast: Cast, relation: Relation) -> str:
    return to_global("LiveSeries", (await live_lesson_for(cast, relation)).series_id)


async def _live_reservation(cast: Cast, relation: Relation) -> str:
    """One that waits."""
    now = cast.world.ports.clock.now()
    seat = await LiveSeat.create(
        id=new_id(), lesson=await live_lesson_for(cast, relation), member=cast.people[relation],
        state=SeatState.WAITLISTED, arrival=1, reserved_at=now,
    )  # fmt: skip
    return to_global("LiveReservation", seat.id)


async def live_lesson_for(cast: Cast, relation: Relation) -> LiveLesson:
    """For the region's learners, tomorrow; with all that may stand beside it."""
    at = cast.world.ports.clock.now() + timedelta(days=1)
    series = await LiveSeries.create(
        id=new_id(), recurrence="FREQ=WEEKLY", starts_at=at, duration_seconds=3600, made_until=at, title="直播课",
        host_id=cast.people[Relation.FAR].id, min_percent=80, min_seconds=0, created_at=at - timedelta(days=1),
    )  # fmt: skip
    lesson = await cast.world.live_lesson(
        host=await cast.world.staff(Role.LECTURER, name="讲师"), starts_at=at,
        region=cast.land.regions.get(relation, cast.land.county),
        capacity=9, cover=await cast.world.media(), module=await cast.world.module(), series=series,
        course_id=cast.land.courses[Relation.AREA].id,
    )  # fmt: skip
    await LiveStep.create(lesson_id=lesson.id, status=lesson.status, at=lesson.created_at, cause="planned")
    return lesson


async def live_room_for(
    cast: Cast, relation: Relation, *, poll_closed: bool = True
) -> tuple[LiveLesson, dict[str, UUID]]:
    """A lesson on air in whose room everything has happened: a question, a poll, a check-in, a shelf."""
    lesson, now, ports = await live_lesson_for(cast, relation), cast.world.ports.clock.now(), cast.world.ports
    made = {kind: new_id() for kind in ("LiveMessage", "LivePoll", "LiveCheckIn", "LiveProduct")}
    later, image = now + timedelta(hours=1), await cast.world.media()
    await LiveLesson.filter(id=lesson.id).update(status=LiveStatus.LIVE, doors_open_at=now)

    async def work() -> None:
        seq = await room_event(ports, lesson.id, RoomEventKind.MESSAGE_POSTED, made["LiveMessage"])
        author = cast.people[Relation.FAR]
        said = (LiveMessageKind.QUESTION, "多少钱一斤？")
        await add_message(made["LiveMessage"], lesson.id, seq, author.id, new_id(), *said)
        poll = PollRow(made["LivePoll"], lesson.id, "喜欢吗？", False, now, later, None)
        option = new_id()
        await add_poll(poll, [(option, "喜欢"), (new_id(), "不喜欢")])
        if cast.actor is not None:
            await add_vote(poll.id, cast.actor.id, [option], now)
        if poll_closed:
            await mark_closed(poll.id, now)
        await add_check_in(CheckInRow(made["LiveCheckIn"], lesson.id, now, later))
        address = "https://shop.example/lychee"
        await put_products(lesson.id, [ProductRow(made["LiveProduct"], lesson.id, "荔枝", image.id, "¥19.9", address)])

    await transaction(work)
    return lesson, made


async def _of_a_room(kind: str, cast: Cast, relation: Relation) -> str:
    return to_global(kind, (await live_room_for(cast, relation))[1][kind])


async def _offline_class(cast: Cast, relation: Relation) -> str:
    return to_global("OfflineClass", (await class_for(cast, relation)).id)


async def class_for(cast: Cast, relation: Relation, begins: timedelta = timedelta()) -> OfflineClass:
    """For the region's shops, about to begin or so long from now; whoever stands in this relation was there. One to
    come has a pupil."""
    at, region = cast.world.ports.clock.now(), cast.land.regions[relation]
    trainer = await cast.world.staff(Role.LECTURER, name="培训师")
    row = await OfflineClass.create(
        id=new_id(), title="线下课", trainer=trainer, region=region, course_id=cast.land.courses[Relation.OWN].id,
        place="会议室", address="人民路", latitude=23.0, longitude=113.7, starts_at=at + begins,
        ends_at=at + begins + timedelta(hours=2), capacity=30, arrivals=1, created_at=at,
    )  # fmt: skip
    member = cast.people.get(relation, cast.people[Relation.AREA])
    await ClassSeat.create(
        id=new_id(), offline_class=row, member=member, state=SeatState.SEATED, arrival=1, signed_up_at=at, seated_at=at
    )
    if begins <= timedelta() and relation is not Relation.FAR:
        await ClassAttendance.create(
            id=new_id(), offline_class=row, member=member, outcome=AttendanceOutcome.PRESENT, recorded_at=at,
            checked_in_at=at, by=trainer.id, reason="没带手机", stars=5, comment="好", rated_at=at,
        )  # fmt: skip
    return row


async def _module(cast: Cast, relation: Relation) -> str:
    course = await Course.get(id=cast.land.courses[relation].id)
    return to_global("Module", course.module_id)


async def _notice(cast: Cast, relation: Relation) -> str:
    """One that was read, about the member themselves."""
    member, now = cast.people[relation], cast.world.ports.clock.now()
    notice = await Notice.create(
        id=new_id(), member=member, kind="LEVEL_REACHED", key=str(new_id()), details={"level": 2, "name": 2},
        object_type="Member", object_id=member.id, created_at=now, read_at=now,
    )  # fmt: skip
    return to_global("Notice", notice.id)


async def _reward(cast: Cast, relation: Relation) -> str:
    """Made for the region's learners."""
    return to_global("Reward", (await _reward_for(cast, cast.land.regions[relation].id)).id)


async def _redemption(cast: Cast, relation: Relation) -> str:
    [outlet] = await current_outlets([cast.people[relation].id])
    region_id = outlet.region_id if outlet is not None else None
    reward = await _reward_for(cast, region_id)
    redemption = await Redemption.create(
        id=new_id(), reward=reward, member_id=cast.people[relation].id, region_id=region_id,
        status=RedemptionStatus.REQUESTED, code=new_word(8), cost=1, created_at=reward.created_at,
    )  # fmt: skip
    await RedemptionStep.create(
        redemption=redemption, status=redemption.status, at=reward.created_at, by=redemption.member_id, note=""
    )
    return to_global("Redemption", redemption.id)


async def _suspicion(cast: Cast, relation: Relation) -> str:
    """About somebody, found where they stand; the viewer's own was judged, so that it shows by whom."""
    [outlet] = await current_outlets([cast.people[relation].id])
    judge = cast.people[Relation.FAR] if relation is Relation.OWN else None
    now = cast.world.ports.clock.now()
    suspicion = await Suspicion.create(
        id=new_id(), member_id=cast.people[relation].id, region_id=outlet.region_id if outlet is not None else None,
        kind=SuspicionKind.SHARED_DEVICE, key=str(new_id()), day=day_of(now), evidence={"members": 4}, detected_at=now,
        state=SuspicionState.CLEARED if judge else SuspicionState.OPEN, judged_at=now if judge else None,
        judged_by=judge.id if judge else None,
    )  # fmt: skip
    return to_global("Suspicion", suspicion.id)


async def _prize_draw(cast: Cast, relation: Relation) -> str:
    """Made for the region's learners, and drawn: the viewer won, or somebody far away."""
    draw = await draw_for(cast, cast.land.regions[relation].id)
    winner = cast.actor or cast.people[Relation.FAR]
    prize = await DrawPrize.create(id=new_id(), draw=draw, position=1, title="奖", count=1)
    await DrawPurchase.create(
        id=new_id(), draw=draw, member=winner, entrant="entrant", first_ticket=1, tickets=1, bought_at=draw.opens_at
    )
    await DrawWinner.create(id=new_id(), draw=draw, place=1, prize=prize, ticket_number=1, member_id=winner.id)
    await PrizeDraw.filter(id=draw.id).update(
        closed_at=draw.closes_at, entrants_hash="1" * 64, drawn_at=draw.closes_at, seed="2" * 64
    )
    return to_global("PrizeDraw", draw.id)


async def draw_for(cast: Cast, region_id: UUID) -> PrizeDraw:
    """A draw whose tickets are on sale."""
    now = cast.world.ports.clock.now()
    return await PrizeDraw.create(
        id=new_id(), title="抽奖", region_id=region_id, opens_at=now, closes_at=now + timedelta(days=1), ticket_cost=1,
        max_tickets=9, seed_sealed=b"sealed", seed_hash="0" * 64, created_at=now,
    )  # fmt: skip


async def _story_campaign(cast: Cast, relation: Relation) -> str:
    """Judged and ranked, with prizes, and somebody's story in it; to the viewer's own they have submitted one."""
    campaign = await campaign_for(cast, cast.people[Relation.SHOP])
    await story_by(cast, campaign, Relation.FAR if relation is not Relation.OWN else relation, ranked=True)
    return to_global("StoryCampaign", campaign.id)


async def _story_entry(cast: Cast, relation: Relation) -> str:
    """The own one is published, noted and ranked; the one of the shop published, with the viewer in its jury; the one
    of the area waits; the one far away is published."""
    in_jury = cast.actor if relation is Relation.SHOP else None
    campaign = await campaign_for(cast, in_jury or cast.people[Relation.SHOP])
    status = StoryEntryStatus.SUBMITTED if relation is Relation.AREA else StoryEntryStatus.PUBLISHED
    entry = await story_by(cast, campaign, relation, status, ranked=relation is Relation.OWN)
    return to_global("StoryEntry", entry.id)


async def campaign_for(cast: Cast, juror: Member) -> StoryCampaign:
    """An open one, the last vote of which decides nothing."""
    now = cast.world.ports.clock.now()
    campaign = await StoryCampaign.create(
        id=new_id(), title="征文", brief="讲一讲", opens_at=now, closes_at=now + timedelta(days=1), created_at=now,
        judging_ends_at=now + timedelta(days=2), votes_per_day=1, vote_weight=50,
    )  # fmt: skip
    await transaction(lambda: add_prizes_and_jury(campaign.id, [(1, 3, 100)], [juror.id]))
    return campaign


async def story_by(
    cast: Cast,
    campaign: StoryCampaign,
    relation: Relation,
    status: StoryEntryStatus = StoryEntryStatus.PUBLISHED,
    *,
    ranked: bool = False,
) -> StoryEntry:
    """A story with a picture, a score and a note, by whoever stands in this relation."""
    author, now = cast.people[relation], campaign.opens_at
    [outlet] = await current_outlets([author.id])
    entry = await StoryEntry.create(
        id=new_id(), campaign=campaign, member=author, region_id=outlet.region_id if outlet else None, title="故事",
        text="灯亮着", status=status, submitted_at=now, note="好",
        published_at=None if status is StoryEntryStatus.SUBMITTED else now,
    )  # fmt: skip
    picture = await cast.world.picture(author)
    await transaction(lambda: put_pictures(entry.id, [picture.id]))
    [[juror_id]] = await jurors_of([campaign.id])
    await put_score(entry.id, juror_id, 90, now)
    if ranked:
        await StoryEntry.filter(id=entry.id).update(position=1, score=9000)
        await StoryCampaign.filter(id=campaign.id).update(ranked_at=campaign.judging_ends_at)
    return entry


async def _reward_for(cast: Cast, region_id: UUID | None) -> Reward:
    now = cast.world.ports.clock.now()
    return await Reward.create(
        id=new_id(), title="礼品", description="", image_media=await cast.world.media(), region_id=region_id, cost=1,
        stock=99, per_member_limit=9, available_from=now, available_until=now + timedelta(days=1), created_at=now,
    )  # fmt: skip


async def _task(cast: Cast, relation: Relation) -> str:
    """To be done once by learners like the viewer, or far away by other tiers; the own one is claimed."""
    tiers = [OutletTier.NEW] if relation is Relation.FAR else [OutletTier.MODERN]
    task = await _task_for(cast, tiers)
    if relation is Relation.OWN and cast.actor is not None:
        now = cast.world.ports.clock.now()
        await TaskClaim.create(member=cast.actor, task=task, turn="once", completed_at=now, claimed_at=now)
    return to_global("Task", f"{task.id}.once")


async def _task_plan(cast: Cast, relation: Relation) -> str:
    return to_global("TaskPlan", (await _task_for(cast, [OutletTier.MODERN])).id)


async def _task_for(cast: Cast, tiers: list[OutletTier]) -> Task:
    now = cast.world.ports.clock.now()
    return await Task.create(
        id=new_id(), code=str(new_id()), title_zh="学一课", title_en="Finish a lesson", period=TaskPeriod.ONCE,
        measure=TaskMeasure.LESSONS_COMPLETED, target=1, reward_points=1, tiers=[tier.value for tier in tiers],
        starts_on=day_of(now) - timedelta(days=30), ends_on=day_of(now) + timedelta(days=1), created_at=now,
    )  # fmt: skip


async def _own(cast: Cast, relation: Relation, selection: str, name: str) -> str:
    """The first id in a list that somebody sees under their own `viewer`."""
    answer = await cast.gql.ask(f"{{ viewer {{ {selection} }} }}", by=cast.people[relation])
    return str(answer["data"]["viewer"][name]["nodes"][0]["id"])


THINGS: dict[str, Callable[[Cast, Relation], Awaitable[str]]] = {
    "Assignment": _assignment,
    "AuditEntry": _audit_entry,
    "Badge": _badge,
    "Course": _course,
    "DataExport": _data_export,
    "ReportExport": _report_export,
    "HonourBoard": _honour_board,
    "League": _league,
    "Lesson": _lesson,
    "LiveCheckIn": partial(_of_a_room, "LiveCheckIn"),
    "LiveLesson": _live_lesson,
    "LiveReservation": _live_reservation,
    "LiveMessage": partial(_of_a_room, "LiveMessage"),
    "LivePoll": partial(_of_a_room, "LivePoll"),
    "LiveProduct": partial(_of_a_room, "LiveProduct"),
    "LiveSeries": _live_series,
    "Media": _media,
    "Member": _member,
    "Module": _module,
    "Notice": _notice,
    "OfflineClass": _offline_class,
    "Outlet": _outlet,
    "PointEntry": _point_entry,
    "Region": _region,
    "PrizeDraw": _prize_draw,
    "Redemption": _redemption,
    "Reward": _reward,
    "Season": _season,
    "Session": _session,
    "Task": _task,
    "TaskPlan": _task_plan,
    "StoryCampaign": _story_campaign,
    "StoryEntry": _story_entry,
    "Suspicion": _suspicion,
}
OF_PEOPLE = {
    "AuditEntry",
    "DataExport",
    "ReportExport",
    "League",
    "LiveReservation",
    "Member",
    "Session",
    "PointEntry",
    "Redemption",
    "Notice",
    "StoryEntry",
    "Suspicion",
}
OF_THE_CATALOGUE = {"Badge", "Course", "Lesson", "Media", "Module", "Season"}
