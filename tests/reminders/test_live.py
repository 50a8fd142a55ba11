"""Live lessons: whoever has a seat is reminded a day, an hour and ten minutes before, and hears that it is on air."""

import asyncio
from datetime import datetime, timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import transaction
from kit.ids import new_id
from kit.words import LiveStatus, SeatState
from models.accounts import Member
from models.live import LiveLesson, LiveSeat, locked_lesson
from models.notices import Notice
from models.reminders import Reminder
from services import reminders
from services.live import move_live_lesson
from services.live_news import lesson_planned, lesson_rescheduled
from services.ports import Ports
from services.reminders import send_reminders
from tests.conftest import NOON
from tests.reminders.ticking import counts, outcomes, told
from tests.world import World

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


async def planned(world: World, starts_at: datetime, title: str = "旺季陈列") -> LiveLesson:
    """A lesson of an hour that was put on the calendar now."""
    lesson = await world.live_lesson(title, starts_at=starts_at)
    await transaction(lambda: lesson_planned(world.ports, lesson))
    return lesson


async def seated(lesson: LiveLesson, member: Member, state: SeatState = SeatState.SEATED) -> None:
    number = await LiveSeat.filter(lesson_id=lesson.id).count() + 1
    await LiveSeat.create(
        id=new_id(), lesson_id=lesson.id, member_id=member.id, state=state, arrival=number,
        reserved_at=lesson.created_at, seated_at=lesson.created_at if state is SeatState.SEATED else None,
    )  # fmt: skip


async def moved(ports: Ports, lesson: LiveLesson, by: timedelta) -> None:
    """The lesson begins so much later."""

    async def work() -> None:
        row, before = await locked_lesson(lesson.id), await LiveLesson.get(id=lesson.id)
        assert row is not None
        for name in ("starts_at", "ends_at", "doors_open_at", "doors_close_at"):
            setattr(row, name, getattr(row, name) + by)
        row.schedule_version += 1
        await row.save()
        await lesson_rescheduled(ports, row, before)

    await transaction(work)


async def becomes(ports: Ports, lesson: LiveLesson, status: LiveStatus) -> None:
    async def work() -> None:
        row = await locked_lesson(lesson.id)
        assert row is not None
        await move_live_lesson(ports, row, status, cause="试一试")

    await transaction(work)


async def test_each_reminder_comes_once_and_at_its_time(ports: Ports, world: World, clock: FrozenClock) -> None:
    lesson, may = await planned(world, NOON + 2 * DAY), await world.learner()
    await seated(lesson, may)
    seen = []

    for at in (
        NOON + DAY - MINUTE, NOON + DAY, NOON + 2 * DAY - HOUR - MINUTE, NOON + 2 * DAY - HOUR,
        NOON + 2 * DAY - 11 * MINUTE, NOON + 2 * DAY - 10 * MINUTE,
    ):  # fmt: skip
        clock.at = at
        for _ in range(3):
            await send_reminders(ports)
        seen.append(sum((await counts()).values()))
    clock.at = NOON + 2 * DAY
    await becomes(ports, lesson, LiveStatus.LIVE)
    await send_reminders(ports)
    await becomes(ports, lesson, LiveStatus.INTERRUPTED)
    await becomes(ports, lesson, LiveStatus.LIVE)
    await send_reminders(ports)
    await becomes(ports, lesson, LiveStatus.ENDED)
    await becomes(ports, lesson, LiveStatus.REPLAY_READY)
    await send_reminders(ports)

    assert seen == [0, 1, 1, 2, 2, 3]
    assert await counts() == {
        "LIVE_DAY_BEFORE": 1, "LIVE_HOUR_BEFORE": 1, "LIVE_SOON": 1, "LIVE_STARTED": 1, "LIVE_REPLAY_READY": 1,
    }  # fmt: skip
    assert set((await outcomes(lesson.id)).values()) == {"TOLD"}


async def test_only_whoever_has_a_seat_by_then_is_reminded(ports: Ports, world: World, clock: FrozenClock) -> None:
    lesson = await planned(world, NOON + 2 * DAY)
    early, late, left, waits = [await world.learner(name) for name in ("早", "晚", "走", "等")]
    for member in (early, left):
        await seated(lesson, member)
    await seated(lesson, waits, SeatState.WAITLISTED)
    clock.at = NOON + DAY
    await send_reminders(ports)

    await LiveSeat.filter(member_id=left.id).update(state=SeatState.CANCELLED, cancelled_at=clock.now())
    await seated(lesson, late)
    clock.at = NOON + 2 * DAY - HOUR
    await send_reminders(ports)

    assert await told("LIVE_DAY_BEFORE") == sorted([early.id, left.id])
    assert await told("LIVE_HOUR_BEFORE") == sorted([early.id, late.id])


async def test_a_lesson_that_is_moved_is_told_of_by_its_new_time(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    lesson, may = await planned(world, NOON + 2 * DAY), await world.learner()
    await seated(lesson, may)
    clock.at = NOON + DAY
    await send_reminders(ports)

    await moved(ports, lesson, 2 * DAY)
    clock.at = NOON + 2 * DAY
    await send_reminders(ports)
    before = await counts()
    clock.at = NOON + 3 * DAY
    await send_reminders(ports)

    assert before == {"LIVE_DAY_BEFORE": 1, "LIVE_LESSON_MOVED": 1}
    assert await counts() == {"LIVE_DAY_BEFORE": 2, "LIVE_LESSON_MOVED": 1}
    kept = await Notice.filter(kind="LIVE_DAY_BEFORE").order_by("created_at")
    assert [row.details["starts"] for row in kept] == [
        {"zh-CN": "3月4日12:00", "en": "4 March, 12:00"}, {"zh-CN": "3月6日12:00", "en": "6 March, 12:00"},
    ]  # fmt: skip


@pytest.mark.parametrize("status", [LiveStatus.CANCELLED, LiveStatus.EXPIRED], ids=str)
async def test_a_lesson_that_will_not_take_place_reminds_nobody(
    ports: Ports, world: World, clock: FrozenClock, status: LiveStatus
) -> None:
    lesson, may = await planned(world, NOON + 2 * DAY), await world.learner()
    await seated(lesson, may)
    await becomes(ports, lesson, status)

    for at in (NOON + DAY, NOON + 2 * DAY - HOUR, NOON + 2 * DAY - 10 * MINUTE):
        clock.at = at
        await send_reminders(ports)

    assert await counts() == {"LIVE_LESSON_CANCELLED": 1}
    assert set((await outcomes(lesson.id)).values()) == {"WITHDRAWN"}


async def test_a_lesson_that_begins_early_is_not_announced_any_more(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    lesson, may = await planned(world, NOON + 2 * DAY), await world.learner()
    await seated(lesson, may)
    clock.at = NOON + 2 * DAY - 15 * MINUTE
    await becomes(ports, lesson, LiveStatus.LIVE)

    clock.at = NOON + 2 * DAY - 10 * MINUTE
    await send_reminders(ports)

    assert await counts() == {"LIVE_STARTED": 1}


async def test_what_is_past_when_a_lesson_is_planned_is_not_planned(ports: Ports, world: World) -> None:
    lesson = await planned(world, NOON + 30 * MINUTE)

    assert await outcomes(lesson.id) == {"LIVE_SOON": None}


@pytest.mark.parametrize(
    ("late", "kinds"),
    [
        (-2 * HOUR, {"LIVE_DAY_BEFORE"}),
        (-HOUR, {"LIVE_HOUR_BEFORE"}),
        (-11 * MINUTE, {"LIVE_HOUR_BEFORE"}),
        (-1 * MINUTE, {"LIVE_SOON"}),
        (timedelta(0), set()),
        (DAY, set()),
    ],
    ids=str,
)
async def test_after_a_standstill_only_the_last_that_has_a_point_is_told(
    ports: Ports, world: World, clock: FrozenClock, late: timedelta, kinds: set[str]
) -> None:
    lesson, may = await planned(world, NOON + 2 * DAY), await world.learner()
    await seated(lesson, may)

    clock.at = NOON + 2 * DAY + late
    await send_reminders(ports)

    assert set(await counts()) == kinds


async def test_at_night_only_what_cannot_wait_is_told(ports: Ports, world: World, clock: FrozenClock) -> None:
    clock.at = datetime.fromisoformat("2026-03-02T20:00+08:00")
    early = await planned(world, datetime.fromisoformat("2026-03-04T06:30+08:00"), "早课")
    late = await planned(world, datetime.fromisoformat("2026-03-04T23:30+08:00"), "晚课")
    may = await world.learner()
    for lesson in (early, late):
        await seated(lesson, may)
    seen = {}

    for moment in (
        "03T06:30", "03T06:59", "03T07:00", "03T23:30", "04T05:30", "04T06:20", "04T07:00", "04T22:30", "04T23:20",
    ):  # fmt: skip
        clock.at = datetime.fromisoformat(f"2026-03-{moment}+08:00")
        await send_reminders(ports)
        seen[moment] = [f"{row.details['lesson']} {row.kind}" for row in await Notice.filter(created_at=clock.now())]

    assert seen == {
        "03T06:30": [],
        "03T06:59": [],
        "03T07:00": ["早课 LIVE_DAY_BEFORE"],
        "03T23:30": [],
        "04T05:30": ["早课 LIVE_HOUR_BEFORE"],
        "04T06:20": ["早课 LIVE_SOON"],
        "04T07:00": ["晚课 LIVE_DAY_BEFORE"],
        "04T22:30": ["晚课 LIVE_HOUR_BEFORE"],
        "04T23:20": ["晚课 LIVE_SOON"],
    }


async def test_a_replay_that_is_ready_at_night_is_news_in_the_morning(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    lesson, may = await planned(world, NOON + DAY), await world.learner()
    await seated(lesson, may)
    await LiveLesson.filter(id=lesson.id).update(status=LiveStatus.ENDED)
    clock.at = datetime.fromisoformat("2026-03-03T22:30+08:00")
    await becomes(ports, lesson, LiveStatus.REPLAY_READY)
    await send_reminders(ports)
    at_night = (await counts()).get("LIVE_REPLAY_READY", 0)

    clock.at = datetime.fromisoformat("2026-03-04T07:00+08:00")
    await send_reminders(ports)

    assert (at_night, (await counts())["LIVE_REPLAY_READY"]) == (0, 1)


async def test_workers_that_tick_at_once_while_the_lesson_moves_and_seats_go_tell_nobody_twice(
    ports: Ports, world: World, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "TOLD_AT_ONCE", 5)
    lesson = await planned(world, NOON + 2 * DAY)
    people = [await world.member(f"学员{number}") for number in range(40)]
    for member in people:
        await seated(lesson, member)
    clock.at = NOON + DAY

    async def gives_up(member: Member) -> None:
        await LiveSeat.filter(member_id=member.id).update(state=SeatState.CANCELLED, cancelled_at=clock.now())

    await asyncio.gather(
        *(send_reminders(ports) for _ in range(4)),
        moved(ports, lesson, 3 * HOUR),
        *(gives_up(member) for member in people[:5]),
    )
    before = {row.member_id for row in await Notice.filter(kind="LIVE_DAY_BEFORE")}
    clock.at = NOON + DAY + 3 * HOUR
    await asyncio.gather(*(send_reminders(ports) for _ in range(4)))

    by_version = [row.key for row in await Notice.filter(kind="LIVE_DAY_BEFORE")]
    assert sum(key.endswith(":1") for key in by_version) == 35  # of the new time: whoever has a seat, once
    assert sum(key.endswith(":0") for key in by_version) == len(before)
    states = {(row.version, row.outcome) for row in await Reminder.filter(kind="LIVE_DAY_BEFORE")}
    assert {version for version, _ in states} == {0, 1}
    assert None not in {outcome for _, outcome in states}
