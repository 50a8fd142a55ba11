"""Reminders: planned beforehand, told once, and caught up with after a standstill unless they are pointless by then.

One row stands for all who are meant. A tick takes what is due and tells a stretch of them in each transaction, so that
one lesson with thousands of seats holds up nothing. How a lesson's plan changes with it: `services/live_news.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from gamification.titles import moment
from kit.clock import ZONE, day_of, day_start
from kit.db import transaction
from kit.ids import new_id
from kit.words import NoticeKind, ReminderOutcome
from models import live_reminders, reminders
from models.assignment_reminders import assignments_to_plan, due_assignment, yet_to_do
from models.live import LiveLesson
from models.reminders import NewReminder, Reminder
from services.notices import Tidings, Value, tell_each
from services.ports import Ports
from services.push import AT_ANY_HOUR
from services.quiet import waking

TOLD_AT_ONCE = 1_000
PLANNED_AT_ONCE = 500

LESSON, ASSIGNMENT = "LiveLesson", "Assignment"

_log = structlog.get_logger("reminders")


class Before(NamedTuple):
    """Told so long before a lesson begins; pointless once the next one is due."""

    kind: NoticeKind
    before: timedelta
    pointless: timedelta


BEFORE_LESSON = (
    Before(NoticeKind.LIVE_DAY_BEFORE, timedelta(days=1), timedelta(hours=1)),
    Before(NoticeKind.LIVE_HOUR_BEFORE, timedelta(hours=1), timedelta(minutes=10)),
    Before(NoticeKind.LIVE_SOON, timedelta(minutes=10), timedelta(0)),
)
REPLAY_IS_NEWS = timedelta(days=7)

MORNING = timedelta(hours=8)
"""When in Shanghai people are reminded of courses."""
FIRST_NOTICE = timedelta(days=3)
OVERDUE_IS_NEWS = timedelta(days=7)
LOOK_AGAIN = timedelta(minutes=15)
"""How soon somebody who comes within reach of an assignment hears what is due."""


class Stuck(Exception):
    """A reminder that cannot be told, for a fault of ours."""

    def __init__(self, reminder_id: UUID) -> None:
        super().__init__(str(reminder_id))
        self.reminder_id = reminder_id


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next people of a reminder, in order, and what each of them is told. None of them: that was all."""

    member_ids: list[UUID]
    key: str
    values: dict[str, Value]
    about: tuple[str, UUID]


async def plan_lesson(ports: Ports, lesson: LiveLesson) -> None:
    """Plan what precedes a lesson and is not past; in the transaction that put it on the calendar or moved it."""
    now = ports.clock.now()
    planned = [
        _of_lesson(lesson, step.kind, lesson.starts_at - step.before, lesson.starts_at - step.pointless)
        for step in BEFORE_LESSON
        if now < lesson.starts_at - step.before
    ]
    await reminders.add_reminders(planned, now)


async def tell_seats(ports: Ports, lesson: LiveLesson, kind: NoticeKind, until: datetime) -> None:
    """Have everybody with a seat told something from now on, and not after `until`; in the transaction in which it
    came to be."""
    now = ports.clock.now()
    await reminders.add_reminders([_of_lesson(lesson, kind, now, until)], now)


async def withdraw_lesson(ports: Ports, lesson: LiveLesson) -> None:
    """Nobody more is told what precedes the lesson."""
    await reminders.withdraw([lesson.id], ports.clock.now(), [step.kind for step in BEFORE_LESSON])


async def plan_assignments(ports: Ports) -> None:
    """A tick: plan the reminders of assignments that come due, however they came to be."""
    while await transaction(partial(_plan_some, ports)) == PLANNED_AT_ONCE:
        pass


async def send_reminders(ports: Ports) -> None:
    """A tick: tell what is due, a stretch of people at a time. Any number of processes may do so at once."""
    stuck: list[UUID] = []
    while True:
        try:
            if not await transaction(partial(_tell_some, ports, stuck)):
                return
        except Stuck as error:
            _log.exception("reminder not told", reminder=str(error.reminder_id))
            stuck.append(error.reminder_id)  # one that cannot be told must not hold up the others


def due_moments(due_at: datetime) -> tuple[datetime, datetime, datetime]:
    """When people hear that a course is due in three days, due today, and overdue: mornings in Shanghai.

    The last day is the one whose morning still leaves time: what is due by night is due the day before.
    """
    last = day_of(due_at) if due_at.astimezone(ZONE).hour >= 9 else day_of(due_at) - timedelta(days=1)
    today = day_start(last) + MORNING
    return today - FIRST_NOTICE, today, max(due_at, today + timedelta(days=1))


async def _plan_some(ports: Ports) -> int:
    now = ports.clock.now()
    horizon = now + FIRST_NOTICE + timedelta(days=2)
    found = await assignments_to_plan(now - OVERDUE_IS_NEWS, horizon, PLANNED_AT_ONCE)
    await reminders.withdraw_outdated({assignment_id: _version(due_at) for assignment_id, due_at in found}, now)
    planned = [each for assignment_id, due_at in found for each in _of_assignment(assignment_id, due_at)]
    await reminders.add_reminders(planned, now)
    return len(found)


def _of_assignment(assignment_id: UUID, due_at: datetime) -> list[NewReminder]:
    soon, today, overdue = due_moments(due_at)
    again = int(LOOK_AGAIN.total_seconds())
    steps = (
        (NoticeKind.COURSE_DUE_SOON, soon, today, again),
        (NoticeKind.COURSE_DUE, today, due_at, again),
        (NoticeKind.COURSE_OVERDUE, overdue, overdue + OVERDUE_IS_NEWS, None),
    )
    return [
        NewReminder(new_id(), kind, ASSIGNMENT, assignment_id, _version(due_at), from_at, until, look_again)
        for kind, from_at, until, look_again in steps
    ]


def _version(due_at: datetime) -> int:
    """Of an assignment: the minute in which it is due, since 1970."""
    return int(due_at.timestamp()) // 60


def _of_lesson(lesson: LiveLesson, kind: NoticeKind, due_at: datetime, void_at: datetime) -> NewReminder:
    return NewReminder(new_id(), kind, LESSON, lesson.id, lesson.schedule_version, due_at, void_at)


async def _tell_some(ports: Ports, but: list[UUID]) -> bool:
    """Take one reminder a step further, none of `but`; False if none is due."""
    reminder = await reminders.claim_due(ports.clock.now(), but)
    if reminder is None:
        return False
    try:
        await _step(ports, reminder)
    except (LookupError, TypeError, ValueError, AssertionError) as error:
        raise Stuck(reminder.id) from error
    return True


async def _step(ports: Ports, reminder: Reminder) -> None:
    now = ports.clock.now()
    kind, morning = NoticeKind(reminder.kind), waking(now)
    if now >= reminder.void_at:
        # One that goes round has told everybody who came in time.
        _finish(reminder, now, ReminderOutcome.TOLD if reminder.looked_at else ReminderOutcome.TOO_LATE)
    elif morning > now and kind not in AT_ANY_HOUR:
        reminder.due_at = morning
    else:
        await _tell_stretch(ports, reminder, kind, now)
    await reminder.save()


async def _tell_stretch(ports: Ports, reminder: Reminder, kind: NoticeKind, now: datetime) -> None:
    stretch = await STRETCHES[reminder.object_type](reminder)
    if stretch is None:
        _finish(reminder, now, ReminderOutcome.WITHDRAWN)
        return
    tidings = [Tidings(each, stretch.key, stretch.values, stretch.about) for each in stretch.member_ids]
    reminder.looked_at = now
    reminder.told += await tell_each(ports, kind, tidings)
    if len(stretch.member_ids) == TOLD_AT_ONCE:
        reminder.told_up_to = stretch.member_ids[-1]
    elif reminder.look_again_seconds is None:
        _finish(reminder, now, ReminderOutcome.TOLD)
    else:
        reminder.told_up_to = None
        reminder.due_at = now + timedelta(seconds=reminder.look_again_seconds)


def _finish(reminder: Reminder, now: datetime, outcome: ReminderOutcome) -> None:
    reminder.finished_at, reminder.outcome = now, outcome


async def _of_course(reminder: Reminder) -> Stretch | None:
    """Whoever the assignment reaches by now and who has not done the course. Two assignments of one course that are
    due on one day are one thing to be told."""
    assignment = await due_assignment(reminder.object_id)
    if assignment is None or reminder.version != _version(assignment.due_at):
        return None
    if assignment.course_id is None:
        return Stretch([], "", {}, ("Course", reminder.object_id))
    key = f"{assignment.course_id}:{day_of(assignment.due_at)}"
    people = await yet_to_do(assignment, reminder.told_up_to, TOLD_AT_ONCE)
    values: dict[str, Value] = {"course": assignment.title, "due": moment(assignment.due_at)}
    return Stretch(people, key, values, ("Course", assignment.course_id))


async def _of_seats(reminder: Reminder) -> Stretch | None:
    """Whoever has a seat by now, as long as the lesson is planned for the time that the reminder is about."""
    lesson = await live_reminders.told_lesson(reminder.object_id)
    if lesson is None or lesson.schedule_version != reminder.version:
        return None
    people = await live_reminders.seat_holders(lesson.id, reminder.told_up_to, TOLD_AT_ONCE)
    values: dict[str, Value] = {"lesson": lesson.title, "starts": moment(lesson.starts_at)}
    return Stretch(people, f"{lesson.id}:{lesson.schedule_version}", values, (LESSON, lesson.id))


STRETCHES: dict[str, Callable[[Reminder], Awaitable[Stretch | None]]] = {
    ASSIGNMENT: _of_course,
    LESSON: _of_seats,
}
"""Who is next, by what it is about. None: there is nothing to tell any more, or another version is what counts."""
