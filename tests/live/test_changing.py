"""Changing, moving and calling off: one lesson or all that follow; own edits stay; a refusal changes nothing."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from kit.clock import ZONE, FrozenClock
from kit.ids import to_global
from kit.words import LiveStatus, NoticeKind, OutletTier, Role, SeatState
from models.accounts import Member
from models.audit import AuditEntry
from models.live import LiveLesson, LiveSeat, LiveSeries
from models.notices import Notice
from services.live import expire_live_lessons
from services.live_series import roll_live_series
from services.ports import Ports
from tests.gql import Gql
from tests.live.plans import faults, plan, schedule
from tests.live.seats import all_at_once, crowd, reserve, seats_are_right
from tests.world import World

EVENING = datetime(2026, 3, 4, 20, 0, tzinfo=ZONE)
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
FOLLOWING = {"apply": "THIS_AND_FOLLOWING"}


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


@pytest.fixture
async def host(world: World) -> Member:
    return await world.staff(Role.LECTURER, name="王老师")


@pytest.fixture
async def series(gql: Gql, admin: Member, host: Member) -> list[LiveLesson]:
    """Four Wednesdays and more to come."""
    await schedule(gql, admin, plan(host, EVENING, recurrence="FREQ=WEEKLY", capacity=10))
    return await LiveLesson.all().order_by("starts_at")


async def change(gql: Gql, by: Member, name: str, lesson: LiveLesson, **other: object) -> dict[str, Any]:
    """`name` as Update, Reschedule or Cancel."""
    field = f"{name.lower()}LiveLesson"
    source = f"""mutation ($input: {name}LiveLessonInput!) {{ {field}(input: $input) {{
        liveLesson {{ id title capacity status }} occurrences userErrors {{ code message field }} }} }}"""
    answer = await gql.ask(source, {"input": {"liveLessonId": to_global("LiveLesson", lesson.id), **other}}, by=by)
    assert "errors" not in answer, answer
    return dict(answer["data"][field])


async def update(gql: Gql, by: Member, lesson: LiveLesson, **other: object) -> dict[str, Any]:
    return await change(gql, by, "Update", lesson, **other)


async def move(gql: Gql, by: Member, lesson: LiveLesson, to: datetime, **other: object) -> dict[str, Any]:
    times = {"startsAt": to.isoformat(), "endsAt": (to + HOUR).isoformat()}
    return await change(gql, by, "Reschedule", lesson, **{**times, **other})


async def cancel(gql: Gql, by: Member, lesson: LiveLesson, **other: object) -> dict[str, Any]:
    return await change(gql, by, "Cancel", lesson, **{"reason": "主讲人生病了", **other})


async def column(name: str) -> list[Any]:
    """A column of all lessons, in order of the series' rule."""
    return [getattr(each, name) for each in await LiveLesson.all().order_by("occurs_at")]


async def test_one_lesson_is_changed_alone(gql: Gql, world: World, admin: Member, series: list[LiveLesson]) -> None:
    other = await world.staff(Role.LECTURER)
    rule = {"minPercent": 50, "points": 40}

    changed = await update(
        gql, admin, series[1], title="特别场", description="请带货架照片", capacity=20, audienceTiers=["MODERN"],
        hostId=to_global("Member", other.id), creditRule=rule,
    )  # fmt: skip

    assert (changed["userErrors"], changed["occurrences"]) == ([], 1)
    assert (changed["liveLesson"]["title"], changed["liveLesson"]["capacity"]) == ("特别场", 20)
    lesson = await LiveLesson.get(id=series[1].id)
    assert (lesson.host_id, lesson.audience_tiers) == (other.id, ["MODERN"])
    assert (lesson.min_percent, lesson.points, lesson.description) == (50, 40, "请带货架照片")
    assert (await column("title"))[::2] == ["旺季陈列直播"] * 7
    assert (await AuditEntry.get(action="live_lesson.updated")).details["lessons"] == 1


async def test_a_change_of_all_that_follow_leaves_own_edits_and_what_was_before(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, series: list[LiveLesson]
) -> None:
    await update(gql, admin, series[3], title="特别场")

    changed = await update(gql, admin, series[2], title="新系列", capacity=30, **FOLLOWING)
    clock.advance(timedelta(days=8))
    await roll_live_series(ports)

    assert (changed["userErrors"], changed["occurrences"]) == ([], 11)
    assert await column("title") == ["旺季陈列直播"] * 2 + ["新系列", "特别场"] + ["新系列"] * 10
    assert await column("capacity") == [10] * 2 + [30] * 12


async def test_a_lesson_changed_with_all_that_follow_is_of_the_series_again(
    gql: Gql, admin: Member, series: list[LiveLesson]
) -> None:
    await update(gql, admin, series[3], title="特别场")
    await update(gql, admin, series[3], title="新系列", **FOLLOWING)

    await update(gql, admin, series[2], title="再新的", **FOLLOWING)

    assert await column("title") == ["旺季陈列直播"] * 2 + ["再新的"] * 11


async def test_following_a_single_lesson_there_is_nothing(gql: Gql, world: World, admin: Member) -> None:
    single, other = await world.live_lesson(), await world.live_lesson("别的")

    changed = await update(gql, admin, single, title="改了", **FOLLOWING)

    assert (changed["userErrors"], changed["occurrences"]) == ([], 1)
    assert (await LiveLesson.get(id=other.id)).title == "别的"


async def test_the_same_again_changes_nothing(gql: Gql, admin: Member, series: list[LiveLesson]) -> None:
    await update(gql, admin, series[0], title="特别场")

    again = await update(gql, admin, series[0], title="特别场")

    assert (again["userErrors"], again["occurrences"]) == ([], 0)
    assert await AuditEntry.filter(action="live_lesson.updated").count() == 1


async def test_more_seats_promote_who_waits_in_order_of_arrival(gql: Gql, world: World, admin: Member) -> None:
    lesson, members = await world.live_lesson(capacity=1), await crowd(world, 5)
    for each in members:
        await reserve(gql, each, lesson)

    await update(gql, admin, lesson, capacity=3)
    states = {seat.member_id: seat.state for seat in await LiveSeat.all()}
    await update(gql, admin, lesson, unlimited=True)

    assert [states[each.id] for each in members] == [SeatState.SEATED] * 3 + [SeatState.WAITLISTED] * 2
    assert {seat.state for seat in await LiveSeat.all()} == {SeatState.SEATED}
    told = await Notice.filter(kind=NoticeKind.LIVE_SEAT_PROMOTED)
    assert {each.member_id for each in told} == {each.id for each in members[1:]}
    await seats_are_right()


async def test_a_capacity_below_the_seats_taken_is_refused_for_all(
    gql: Gql, world: World, admin: Member, series: list[LiveLesson]
) -> None:
    for each in await crowd(world, 2):
        await reserve(gql, each, series[5])

    refused = await update(gql, admin, series[0], capacity=1, **FOLLOWING)

    assert faults(refused) == [("BAD_USER_INPUT", ["capacity"])]
    assert set(await column("capacity")) == {10}


async def test_a_raise_amid_a_rush_skips_nobody(gql: Gql, world: World, admin: Member) -> None:
    lesson, members = await world.live_lesson(capacity=5), await crowd(world, 60)

    await all_at_once(
        [
            *(reserve(gql, each, lesson) for each in members[:30]),
            *(update(gql, admin, lesson, capacity=size) for size in (10, 20, 30)),
            *(reserve(gql, each, lesson) for each in members[30:]),
        ]
    )

    await seats_are_right()
    assert await LiveSeat.filter(state=SeatState.SEATED).count() == (await LiveLesson.get()).capacity


@pytest.mark.parametrize(
    ("status", "changed", "field"),
    [
        (LiveStatus.LIVE, {"audienceTiers": ["NEW"]}, "audienceTiers"),
        (LiveStatus.LIVE, {"creditRule": {"minPercent": 1}}, "creditRule"),
        (LiveStatus.REHEARSAL, {"hostId": "another"}, "hostId"),
        (LiveStatus.ENDED, {"capacity": 99}, "capacity"),
        (LiveStatus.CANCELLED, {"title": "改了"}, "title"),
        (LiveStatus.ARCHIVED, {"description": "改了"}, "description"),
        (LiveStatus.SCHEDULED, {"publish": True}, "publish"),
    ],
)
async def test_what_the_state_forbids_is_shown_with_its_field_and_changes_nothing(
    gql: Gql, world: World, admin: Member, status: LiveStatus, changed: dict[str, Any], field: str
) -> None:
    lesson = await world.live_lesson("原来的", status=status)
    if "hostId" in changed:
        changed = {"hostId": to_global("Member", (await world.staff(Role.LECTURER)).id)}
    before = dict(await LiveLesson.get(id=lesson.id))

    refused = await update(gql, admin, lesson, **changed)

    assert faults(refused) == [("STATE_FORBIDS", [field])]
    assert dict(await LiveLesson.get(id=lesson.id)) == before


async def test_a_new_host_must_be_free_at_all_of_them(
    gql: Gql, world: World, admin: Member, host: Member, series: list[LiveLesson]
) -> None:
    other = await world.staff(Role.LECTURER)
    await world.live_lesson(host=other, starts_at=EVENING + 9 * WEEK)

    refused = await update(gql, admin, series[0], hostId=to_global("Member", other.id), **FOLLOWING)
    alone = await update(gql, admin, series[0], hostId=to_global("Member", other.id))

    assert faults(refused) == [("HOST_BUSY", ["hostId"])]
    assert (alone["userErrors"], alone["occurrences"]) == ([], 1)
    assert await LiveLesson.filter(host_id=host.id).count() == 12


async def test_a_draft_is_published_once_its_host_is_free(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    draft = await world.live_lesson(host=host, starts_at=EVENING, status=LiveStatus.DRAFT)
    await world.live_lesson(host=host, starts_at=EVENING)
    late = await world.live_lesson(starts_at=clock.now(), status=LiveStatus.DRAFT)
    other = await world.staff(Role.LECTURER)

    busy = await update(gql, admin, draft, publish=True)
    past = await update(gql, admin, late, publish=True)
    done = await update(gql, admin, draft, hostId=to_global("Member", other.id), publish=True)

    assert (faults(busy), faults(past)) == ([("HOST_BUSY", ["publish"])], [("BAD_USER_INPUT", ["publish"])])
    assert (done["userErrors"], done["liveLesson"]["status"], done["occurrences"]) == ([], "SCHEDULED", 1)


async def test_one_lesson_is_moved_alone_with_its_seats_and_they_are_told(
    gql: Gql, world: World, admin: Member, series: list[LiveLesson]
) -> None:
    [seated] = await crowd(world, 1)
    await reserve(gql, seated, series[1])
    to = EVENING + WEEK + timedelta(days=1)

    moved = await move(gql, admin, series[1], to)
    again = await move(gql, admin, series[1], to)

    assert (moved["userErrors"], moved["occurrences"], again["occurrences"]) == ([], 1, 0)
    lesson = await LiveLesson.get(id=series[1].id)
    assert (lesson.starts_at, lesson.ends_at, lesson.occurs_at) == (to, to + HOUR, EVENING + WEEK)
    assert (lesson.doors_open_at, lesson.doors_close_at) == (to - timedelta(minutes=15), to + HOUR)
    assert (lesson.schedule_version, lesson.seats_taken) == (1, 1)
    notice = await Notice.get(kind=NoticeKind.LIVE_LESSON_MOVED)
    assert (notice.member_id, notice.details["starts"]["zh-CN"]) == (seated.id, "3月12日20:00")
    assert (await LiveLesson.get(id=series[2].id)).starts_at == EVENING + 2 * WEEK


async def test_all_that_follow_are_shifted_but_for_those_moved_by_themselves(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, series: list[LiveLesson]
) -> None:
    own = EVENING + 3 * WEEK + timedelta(hours=-5)
    await move(gql, admin, series[3], own)
    day = timedelta(days=1)

    moved = await move(gql, admin, series[2], EVENING + 2 * WEEK + day, **FOLLOWING)
    clock.advance(timedelta(days=8))
    await roll_live_series(ports)

    assert (moved["userErrors"], moved["occurrences"]) == ([], 10)
    later = [EVENING + number * WEEK + day for number in range(4, 14)]
    assert await column("starts_at") == [EVENING, EVENING + WEEK, EVENING + 2 * WEEK + day, own, *later]
    assert (await LiveSeries.get()).shift_seconds == 86_400


async def test_a_series_may_move_past_itself(gql: Gql, admin: Member, series: list[LiveLesson]) -> None:
    """Each of them takes the time that the next one has until then."""
    moved = await move(gql, admin, series[0], EVENING + WEEK, **FOLLOWING)

    assert (moved["userErrors"], moved["occurrences"]) == ([], 13)
    assert await column("starts_at") == [EVENING + number * WEEK for number in range(1, 14)]


async def test_a_move_onto_another_lesson_of_the_host_is_refused_for_all(
    gql: Gql, world: World, admin: Member, host: Member, series: list[LiveLesson]
) -> None:
    await world.live_lesson(host=host, starts_at=EVENING + 6 * WEEK + timedelta(days=1))
    before = await column("starts_at")

    refused = await move(gql, admin, series[0], EVENING + timedelta(days=1), **FOLLOWING)
    onto_the_next = await move(gql, admin, series[0], EVENING + WEEK)

    assert [faults(each) for each in (refused, onto_the_next)] == [[("HOST_BUSY", ["startsAt"])]] * 2
    assert await column("starts_at") == before


@pytest.mark.parametrize(
    ("starts_in", "lasts", "field"),
    [
        (timedelta(), HOUR, "startsAt"),
        (timedelta(days=367), HOUR, "startsAt"),
        (HOUR, timedelta(), "endsAt"),
        (HOUR, timedelta(hours=5), "endsAt"),
    ],
)
async def test_a_bad_new_time_is_shown_with_its_field(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, starts_in: timedelta, lasts: timedelta, field: str
) -> None:
    lesson, to = await world.live_lesson(), clock.now() + starts_in

    refused = await move(gql, admin, lesson, to, endsAt=(to + lasts).isoformat())

    assert faults(refused) == [("BAD_USER_INPUT", [field])]
    assert (await LiveLesson.get()).schedule_version == 0


@pytest.mark.parametrize("status", [status for status in LiveStatus if status not in ("DRAFT", "SCHEDULED")])
async def test_what_has_begun_or_is_over_is_not_moved(
    gql: Gql, world: World, admin: Member, status: LiveStatus
) -> None:
    lesson = await world.live_lesson(status=status)

    refused = await move(gql, admin, lesson, EVENING + WEEK)

    assert faults(refused) == [("STATE_FORBIDS", ["liveLessonId"])]
    assert (await LiveLesson.get()).starts_at == lesson.starts_at


async def test_many_moves_at_once_leave_a_host_in_one_place(
    gql: Gql, world: World, admin: Member, host: Member
) -> None:
    lessons = [await world.live_lesson(host=host, starts_at=EVENING + number * WEEK) for number in range(10)]

    moved = await asyncio.gather(*(move(gql, admin, each, EVENING + 20 * WEEK) for each in lessons))

    assert sorted(each["occurrences"] or 0 for each in moved) == [0] * 9 + [1]
    assert {fault for each in moved for fault, _ in faults(each)} == {"HOST_BUSY"}


async def test_one_lesson_is_called_off_and_the_rule_does_not_bring_it_back(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock, admin: Member, series: list[LiveLesson]
) -> None:
    [seated] = await crowd(world, 1)
    await reserve(gql, seated, series[1])

    ended = await cancel(gql, admin, series[1])
    again = await cancel(gql, admin, series[1])
    clock.advance(timedelta(days=8))
    await roll_live_series(ports)

    assert (ended["userErrors"], ended["occurrences"], ended["liveLesson"]["status"]) == ([], 1, "CANCELLED")
    assert (again["userErrors"], again["occurrences"]) == ([], 0)
    assert (await column("status")).count(LiveStatus.CANCELLED) == 1
    assert await LiveLesson.all().count() == 14
    notice = await Notice.get(kind=NoticeKind.LIVE_LESSON_CANCELLED)
    assert (notice.member_id, notice.details["reason"]) == (seated.id, "主讲人生病了")
    assert (await AuditEntry.get(action="live_lesson.cancelled")).details["reason"] == "主讲人生病了"


async def test_all_that_follow_are_called_off_and_no_more_are_made(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, series: list[LiveLesson]
) -> None:
    ended = await cancel(gql, admin, series[4], **FOLLOWING)
    clock.advance(timedelta(days=30))
    await roll_live_series(ports)

    assert (ended["userErrors"], ended["occurrences"]) == ([], 9)
    assert await column("status") == [LiveStatus.SCHEDULED] * 4 + [LiveStatus.CANCELLED] * 9


@pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
async def test_calling_off_needs_a_reason(gql: Gql, world: World, admin: Member, reason: str) -> None:
    lesson = await world.live_lesson()

    refused = await cancel(gql, admin, lesson, reason=reason)

    assert faults(refused) == [("BAD_USER_INPUT", ["reason"])]
    assert (await LiveLesson.get(id=lesson.id)).status is LiveStatus.SCHEDULED


@pytest.mark.parametrize("status", [LiveStatus.LIVE, LiveStatus.ENDED, LiveStatus.EXPIRED])
async def test_what_was_on_air_is_not_called_off(gql: Gql, world: World, admin: Member, status: LiveStatus) -> None:
    lesson = await world.live_lesson(status=status)

    refused = await cancel(gql, admin, lesson)

    assert faults(refused) == [("STATE_FORBIDS", ["liveLessonId"])]
    assert (await LiveLesson.get(id=lesson.id)).status is status


async def test_an_admin_changes_lessons_of_the_own_region_alone(gql: Gql, world: World) -> None:
    province = await world.region()
    city, beside = await world.region(parent=province), await world.region(parent=province)
    above, foreign = await world.live_lesson(region=province), await world.live_lesson(region=beside)
    local = await world.staff(Role.ADMIN, city)
    source = "mutation ($input: CancelLiveLessonInput!) { cancelLiveLesson(input: $input) { userErrors { code } } }"

    [seen, unseen] = [
        await gql.ask(
            source, {"input": {"liveLessonId": to_global("LiveLesson", each.id), "reason": "不办了"}}, by=local
        )
        for each in (above, foreign)
    ]

    assert [each["extensions"]["code"] for each in seen["errors"]] == ["FORBIDDEN"]
    assert unseen["data"]["cancelLiveLesson"]["userErrors"] == [{"code": "NOT_FOUND"}]
    assert {each.status for each in await LiveLesson.all()} == {LiveStatus.SCHEDULED}


async def test_what_has_not_begun_an_hour_after_its_time_expires(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock
) -> None:
    hour_ago, less = clock.now() - HOUR, clock.now() - HOUR + timedelta(seconds=1)
    late = await world.live_lesson("迟到", starts_at=hour_ago)
    rehearsed = await world.live_lesson("排练", starts_at=hour_ago, status=LiveStatus.REHEARSAL)
    draft = await world.live_lesson("草稿", starts_at=hour_ago, status=LiveStatus.DRAFT)
    on_air = await world.live_lesson("在播", starts_at=hour_ago, status=LiveStatus.LIVE)
    soon = await world.live_lesson("还等", starts_at=less)
    [seated] = await crowd(world, 1)
    await LiveSeat.create(
        id=seated.id, lesson=late, member_id=seated.id, state=SeatState.SEATED, arrival=1, reserved_at=hour_ago,
        seated_at=hour_ago,
    )  # fmt: skip
    await LiveLesson.filter(id=late.id).update(seats_taken=1, arrivals=1)

    await asyncio.gather(*(expire_live_lessons(ports) for _ in range(3)))

    states = {each.id: each.status for each in await LiveLesson.all()}
    assert {states[each.id] for each in (late, rehearsed, draft)} == {LiveStatus.EXPIRED}
    assert (states[on_air.id], states[soon.id]) == (LiveStatus.LIVE, LiveStatus.SCHEDULED)
    assert (await Notice.get()).member_id == seated.id
    await seats_are_right()


async def test_tiers_may_be_opened_to_everybody_again(gql: Gql, world: World, admin: Member) -> None:
    lesson = await world.live_lesson(tiers=[OutletTier.NEW])

    await update(gql, admin, lesson, audienceTiers=[])

    assert (await LiveLesson.get()).audience_tiers == []
