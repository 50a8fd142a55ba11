"""Asking a live lesson's room: polls, which close by themselves, and check-ins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import LiveStatus, RoomEventKind
from models import live_asks as rows
from models.live_asks import CheckInRow, OptionRow, PollRow
from models.live_room import is_in_audience, locked_room
from services.live import visible_lessons
from services.live_events import room_event, tell_room
from services.live_room import require_present, run_lesson, runs, seen_lesson
from services.ports import Ports

LONGEST_QUESTION = 200
LONGEST_OPTION = 80
OPTIONS = range(2, 11)
POLL_SECONDS = range(5, 3_601)
CHECK_IN_SECONDS = range(10, 601)


@dataclass(frozen=True, slots=True)
class PollPlan:
    lesson_id: UUID
    question: str
    options: tuple[str, ...]
    seconds: int
    multiple: bool = False


# Polls


async def open_live_poll(ports: Ports, actor: Actor, plan: PollPlan) -> PollRow:
    """Ask the room a question. STATE_FORBIDS while another one is open: one at a time."""
    lesson = await run_lesson(actor, plan.lesson_id, "liveLessonId")
    question = _line(plan.question, LONGEST_QUESTION, "question")
    if len(plan.options) not in OPTIONS:
        raise bad_input("options")
    texts = [_line(text, LONGEST_OPTION, "options", str(place)) for place, text in enumerate(plan.options)]
    for place, text in enumerate(texts):
        if text in texts[:place]:
            raise bad_input("options", str(place))
    if plan.seconds not in POLL_SECONDS:
        raise bad_input("seconds")

    async def work() -> tuple[PollRow, int]:
        await locked_room(lesson.id)
        await require_present(ports, actor, lesson.id, "liveLessonId")
        now = ports.clock.now()
        before = await rows.open_poll_of(lesson.id)
        if before is not None and now < before.closes_at:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["liveLessonId"])
        if before is not None:  # over, and nobody has said so yet
            await _close(ports, before, now)
        closes_at = now + timedelta(seconds=plan.seconds)
        poll = PollRow(new_id(), lesson.id, question, plan.multiple, now, closes_at, None)
        options = [(new_id(), text) for text in texts]
        await rows.add_poll(poll, options)
        shown = [{"id": str(option_id), "text": text} for option_id, text in options]
        seq = await room_event(ports, lesson.id, RoomEventKind.POLL_OPENED, poll.id, **_told(poll, shown))
        return poll, seq

    poll, seq = await transaction(work)
    await tell_room(ports, lesson.id, seq)
    return poll


async def vote_in_live_poll(ports: Ports, actor: Actor, poll_id: UUID, option_ids: Sequence[UUID]) -> PollRow:
    """Vote, once: the same again is the same answer, another choice ALREADY_DONE; CLOSED once the poll is over.

    One option, or several where the poll lets one.
    """
    [poll] = await rows.polls_by_ids([poll_id])
    if poll is None:
        raise not_found("pollId")
    await seen_lesson(actor, poll.lesson_id, "pollId")
    chosen = sorted(set(option_ids))
    if not chosen or len(chosen) != len(option_ids) or (len(chosen) > 1 and not poll.multiple):
        raise bad_input("optionIds")
    [options] = await rows.options_of([poll.id])
    for place, option_id in enumerate(option_ids):
        if option_id not in {each.id for each in options}:
            raise not_found("optionIds", str(place))

    async def work() -> PollRow:
        await require_present(ports, actor, poll.lesson_id, "pollId")
        held = await rows.held_poll(poll.id)
        assert held is not None, "polls are never deleted"
        [given] = await rows.votes_of(actor.member_id, [poll.id])
        if not given and not _is_open(held, ports.clock.now()):
            raise DomainError(ErrorCode.CLOSED, field=["pollId"])
        if not given and await rows.add_vote(held.id, actor.member_id, chosen, ports.clock.now()):
            return held
        [given] = await rows.votes_of(actor.member_id, [poll.id])
        if given != chosen:
            raise DomainError(ErrorCode.ALREADY_DONE, field=["pollId"])
        return held

    return await transaction(work)


async def close_live_polls(ports: Ports) -> None:
    """A tick: close the polls whose time is over, and tell their rooms how they ended."""
    for lesson_id in await rows.polls_to_close(ports.clock.now()):
        await _close_due(ports, lesson_id)


async def _close_due(ports: Ports, lesson_id: UUID) -> None:
    async def work() -> int | None:
        await locked_room(lesson_id)
        poll, now = await rows.open_poll_of(lesson_id), ports.clock.now()
        return await _close(ports, poll, now) if poll is not None and now >= poll.closes_at else None

    seq = await transaction(work)
    if seq is not None:
        await tell_room(ports, lesson_id, seq)


async def _close(ports: Ports, poll: PollRow, now: datetime) -> int:
    """The caller holds the room and the poll: no vote is on its way any more."""
    require_transaction()
    await rows.mark_closed(poll.id, now)
    [options] = await rows.options_of([poll.id])
    shown = [{"id": str(each.id), "text": each.text, "votes": each.votes} for each in options]
    return await room_event(ports, poll.lesson_id, RoomEventKind.POLL_CLOSED, poll.id, **_told(poll, shown))


def _told(poll: PollRow, options: Sequence[Mapping[str, object]]) -> dict[str, object]:
    closes_at = poll.closes_at.isoformat()
    return {"question": poll.question, "multiple": poll.multiple, "options": options, "closes_at": closes_at}


def _is_open(poll: PollRow, now: datetime) -> bool:
    return poll.closed_at is None and now < poll.closes_at


async def visible_polls(actor: Actor, ids: Sequence[UUID]) -> list[PollRow | None]:
    """The polls of these ids, in their order; None where the actor does not see the lesson."""
    found = await rows.polls_by_ids(ids)
    lesson_ids = list({each.lesson_id for each in found if each is not None})
    seen = {lesson.id for lesson in await visible_lessons(actor, lesson_ids) if lesson is not None}
    return [each if each is not None and each.lesson_id in seen else None for each in found]


async def poll_options(poll_ids: Sequence[UUID]) -> list[list[OptionRow]]:
    return await rows.options_of(poll_ids)


# Check-ins


async def ask_live_check_in(ports: Ports, actor: Actor, lesson_id: UUID, seconds: int) -> CheckInRow:
    """Ask everybody on air to show that they are there. STATE_FORBIDS while another one can still be answered."""
    lesson = await run_lesson(actor, lesson_id, "liveLessonId")
    if seconds not in CHECK_IN_SECONDS:
        raise bad_input("seconds")

    async def work() -> tuple[CheckInRow, int]:
        await locked_room(lesson.id)
        now = ports.clock.now()
        present = await require_present(ports, actor, lesson.id, "liveLessonId")
        if present.status is not LiveStatus.LIVE or await rows.is_check_in_open(lesson.id, now):
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["liveLessonId"])
        check_in = CheckInRow(new_id(), lesson.id, now, now + timedelta(seconds=seconds))
        await rows.add_check_in(check_in)
        answer_by = check_in.answer_by.isoformat()
        seq = await room_event(ports, lesson.id, RoomEventKind.CHECK_IN_ASKED, check_in.id, answer_by=answer_by)
        return check_in, seq

    check_in, seq = await transaction(work)
    await tell_room(ports, lesson.id, seq)
    return check_in


async def answer_live_check_in(ports: Ports, actor: Actor, check_in_id: UUID) -> None:
    """Answer a check-in, by its `answer_by`; again changes nothing. CLOSED for who is late, whatever the state of the
    lesson by now: who was there in time counts."""
    [check_in] = await rows.check_ins_by_ids([check_in_id])
    if check_in is None:
        raise not_found("checkInId")
    lesson = await seen_lesson(actor, check_in.lesson_id, "checkInId")
    [given] = await rows.answered(actor.member_id, [check_in.id])
    if given:
        return
    now = ports.clock.now()
    if now > check_in.answer_by:
        raise DomainError(ErrorCode.CLOSED, field=["checkInId"])
    if not runs(actor, lesson) and not await is_in_audience(lesson.id, actor.member_id):
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["checkInId"])
    await transaction(lambda: rows.add_answer(check_in.id, actor.member_id, now))


async def visible_check_ins(actor: Actor, ids: Sequence[UUID]) -> list[CheckInRow | None]:
    """The check-ins of these ids, in their order; None where the actor does not see the lesson."""
    found = await rows.check_ins_by_ids(ids)
    lesson_ids = list({each.lesson_id for each in found if each is not None})
    seen = {lesson.id for lesson in await visible_lessons(actor, lesson_ids) if lesson is not None}
    return [each if each is not None and each.lesson_id in seen else None for each in found]


def _line(text: str, longest: int, *field: str) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= longest or not is_seen(line):
        raise bad_input(*field)
    return line
