"""Honour boards: counting what boards rank, finding boards and reading them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from gamification.boards import BoardsAway
from gamification.periods import BEGINNING, Period, Season, ended, period_of, previous
from gamification.scores import points_of
from gamification.standings import Answer, Board, Family, Line, Question, Scope, joined, page_of_lines
from kit.clock import day_of
from kit.errors import bad_input, not_found
from kit.tasks import end
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, RegionKind
from models import boards as rows
from models import standings
from models.board_prizes import is_awarded
from models.outlets import Placement, current_outlets, regions_by_ids
from services.day_totals import announce_days
from services.ports import Ports
from services.seasons import named_seasons

UPDATE_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""How long a quiet board is watched before looking at the clock: its period may be over."""


@dataclass(frozen=True, slots=True)
class Counted:
    """An amount earned (or, negative, taken back) at a moment, by somebody who stood at `placement` then."""

    member_id: UUID
    metric: BoardMetric
    amount: int
    occurred_at: datetime
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class Offered:
    """A board that can be found, with the definition that says so."""

    board: Board
    definition: rows.BoardDefinition


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of a board and what it is worth. `stale`: the sorted sets are away, so the counted days answered."""

    answer: Answer
    phase: BoardPhase
    as_of: datetime
    stale: bool


async def count(
    member_id: UUID, metric: BoardMetric, amount: int, occurred_at: datetime, placement: Placement | None
) -> None:
    """Count one amount for the boards; see `count_many`."""
    await count_many([Counted(member_id, metric, amount, occurred_at, placement)])


async def count_many(counted: Sequence[Counted], also: Iterable[tuple[UUID, UUID | None, date]] = ()) -> None:
    """Add amounts to the members' days, in the transaction that wrote the rows behind them and after writing them.

    Who never stood anywhere is on no board. The boards move when topic "member" is announced; the totals of the
    regions' days follow by themselves, also where `also` says, as `announce_days` has it.
    """
    touched = {
        (each.member_id, each.placement.region_id, day_of(each.occurred_at))
        for each in counted
        if each.placement is not None and each.amount != 0
    }
    await announce_days({*touched, *also})
    await rows.add_to_days(
        [
            rows.Cell(
                each.member_id,
                each.metric,
                day_of(each.occurred_at),
                each.placement.outlet_id,
                each.placement.region_id,
                each.placement.tier,
                each.amount,
                each.occurred_at,
            )
            for each in counted
            if each.placement is not None and each.amount != 0
        ]
    )


async def hold_open(ports: Ports, days: Collection[date]) -> None:
    """Keep the periods of these days from being frozen before this transaction ends.

    Whoever books late what was earned on a day that is over says so before booking: it is then in the snapshot of
    each of that day's periods whole, or comes after it.
    """
    now = ports.clock.now()
    over = {day for day in days if day < day_of(now)}
    if over:
        seasons = await named_seasons()
        periods = {period for day in over for period in ended(day, now, seasons)}
        await rows.keep_open([f"{period.kind.value}.{period.starts_on}" for period in periods])


async def find_board(
    ports: Ports,
    metric: BoardMetric,
    period: BoardPeriod,
    day: date | None,
    scope: Scope,
    subject: BoardSubjectKind,
) -> Offered:
    """The board of the period that contains `day`, today if None.

    BAD_USER_INPUT for a day that has not come or lies before the beginning; NOT_FOUND for an unknown region, and for
    a board that is not offered.
    """
    today = day_of(ports.clock.now())
    if day is not None and not BEGINNING <= day <= today:
        raise bad_input("date")
    seasons = await named_seasons() if period is BoardPeriod.SEASON else []
    board = Board(Family(metric, period_of(period, day or today, seasons), subject), scope)
    if scope.region_id is not None and (await regions_by_ids([scope.region_id]))[0] is None:
        raise not_found("scope", "regionId")
    [definition] = await rows.definitions([board.definition])
    if definition is None:
        raise not_found()
    return Offered(board, definition)


async def visible_boards(ports: Ports, keys: Sequence[str]) -> list[Board | None]:
    """The boards of these keys, in that order; None for what is no board, has not begun, or is not offered."""
    today = day_of(ports.clock.now())
    seasons = await _seasons_of(keys)
    boards = [Board.parse(key, seasons) for key in keys]
    begun = [board if board and BEGINNING <= board.period.starts_on <= today else None for board in boards]
    titled = dict.fromkeys(board.definition for board in begun if board)
    offered = dict(zip(titled, await rows.definitions(list(titled)), strict=True))
    regions = {board.scope.region_id for board in begun if board and board.scope.region_id}
    known = {region.id for region in await regions_by_ids(list(regions)) if region}
    return [
        board if board and offered[board.definition] and board.scope.region_id in {None, *known} else None
        for board in begun
    ]


async def earlier_boards(boards: Sequence[Board]) -> list[Board | None]:
    """Each board one period earlier, in their order; None before anything was counted for its metric."""
    seasons = await _seasons_of(map(str, boards))
    first_days = await rows.first_days([board.family.metric for board in boards])
    found: list[Board | None] = []
    for board, first_day in zip(boards, first_days, strict=True):
        earlier = previous(board.period, seasons)
        counted = earlier and earlier.ends_on and first_day and earlier.ends_on > first_day
        found.append(replace(board, family=replace(board.family, period=earlier)) if earlier and counted else None)
    return found


async def closing_of(ports: Ports, board: Board) -> tuple[BoardPhase, rows.BoardPeriodRow | None]:
    """The phase of a board, with the row of its period once its snapshot was taken."""
    phase = board.period.phase_by_clock(ports.clock.now())
    if phase is BoardPhase.OPEN:
        return phase, None
    [row] = await rows.ended_periods([(board.period.kind, board.period.starts_on)])
    if row is None or row.checksum is None:
        return phase, None
    return BoardPhase.AWARDED if await is_awarded(row.id, str(board)) else BoardPhase.FROZEN, row


async def read_board(ports: Ports, board: Board, question: Question) -> Reading:
    """Answer a question about a board: from the sorted sets, and from SQL what these do not hold.

    A closed period is answered from its snapshot; a region x tier that is not a station's, from the counted days.
    While Valkey is away the counted days answer everything, `stale`; never an error.
    """
    now = ports.clock.now()
    phase, closed = await closing_of(ports, board)
    if closed is not None:
        answer = await answer_from_days(board, question, day_of(now), closed.id)
        return Reading(answer, phase, closed.frozen_at or now, stale=False)
    kept = await _is_kept(board, now)
    if kept:
        with contextlib.suppress(BoardsAway):
            answer = await ports.boards.read(board, question, past_day(board.period, day_of(now)))
            return Reading(answer, phase, now, stale=False)
    return Reading(await answer_from_days(board, question, day_of(now)), phase, now, stale=kept)


async def readings(ports: Ports, asks: Sequence[tuple[Board, Question]]) -> list[Reading]:
    """An answer for each question, in their order. What is asked of one board together is read together, at once.

    An answer may hold more than its question asked for.
    """
    plans: dict[Board, list[Question]] = {}
    chosen: list[tuple[Board, int]] = []
    for board, question in asks:
        plan = plans.setdefault(board, [])
        for number, planned in enumerate(plan):
            if (both := joined(planned, question)) is not None:
                plan[number] = both
                chosen.append((board, number))
                break
        else:
            plan.append(question)
            chosen.append((board, len(plan) - 1))
    steps = [(board, number) for board, plan in plans.items() for number in range(len(plan))]
    found = await asyncio.gather(*(read_board(ports, board, plans[board][number]) for board, number in steps))
    by_step = dict(zip(steps, found, strict=True))
    return [by_step[step] for step in chosen]


async def viewer_subjects(member_id: UUID, boards: Sequence[Board]) -> list[UUID | None]:
    """Who stands for a member on each board, in their order; see `viewer_subject`."""
    return [await viewer_subject(member_id, board) for board in boards]


async def viewer_subject(member_id: UUID, board: Board) -> UUID | None:
    """Who stands for a member on a board: themselves, or their current outlet or its region among those ranked."""
    if board.family.subject is BoardSubjectKind.MEMBER:
        return member_id
    if board.family.subject is BoardSubjectKind.OUTLET:
        [outlet] = await current_outlets([member_id])
        return outlet.id if outlet else None
    return (await rows.ranked_regions(member_id, [board.scope.region_id]))[0]


async def moves_of(ports: Ports, board: Board, question: Question) -> AsyncGenerator[Reading, None]:
    """The present state, then a new one at most once a second while it differs; the last one says that it is over."""
    async with ports.bus.listen(channel_of(board.family.subject, board.scope)) as messages:
        moved = asyncio.Event()
        watch = asyncio.create_task(_watch(messages, moved))
        try:
            last: Reading | None = None
            rest = 0.0  # the present state is no update: the first one may follow it at once
            while True:
                moved.clear()
                board = Board.parse(str(board), await _seasons_of([str(board)])) or board  # a new season ends one early
                reading = await read_board(ports, board, question)
                if last is None or (reading.answer, reading.phase) != (last.answer, last.phase):
                    yield reading
                    last = reading
                if reading.phase is not BoardPhase.OPEN:
                    return
                await asyncio.sleep(rest)
                rest = UPDATE_SECONDS
                while not moved.is_set() and board.period.phase_by_clock(ports.clock.now()) is BoardPhase.OPEN:
                    if watch.done():
                        await watch
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(moved.wait(), LOOK_SECONDS)
        finally:
            await end(watch)


async def _seasons_of(keys: Iterable[str]) -> list[Season]:
    """The named seasons if any of these boards runs over a season; the periods of the others are the calendar's."""
    return await named_seasons() if any(f".{BoardPeriod.SEASON.value}." in key for key in keys) else []


async def _watch(messages: AsyncIterator[dict[str, Any]], moved: asyncio.Event) -> None:
    async for _ in messages:
        moved.set()


def channel_of(subject: BoardSubjectKind, scope: Scope) -> str:
    """Where the bus tells that boards of a scope may have moved, whatever their metric and period."""
    return f"board:{subject.value}:{scope}"


def past_day(period: Period, today: date) -> date | None:
    """Today (of a period to come: its first day), where positions at that midnight are a past to compare with.

    None where there is no past: a single day has none, and a period that is over moves only by late reports, which
    belong to its past as well.
    """
    day = max(today, period.starts_on)
    return day if period.holds(day) and period.kind is not BoardPeriod.DAY else None


def stretches_of(period: Period, today: date, number: int = 0) -> list[standings.Stretch]:
    """The period itself and, where it has a past, its days before today."""
    ends_on = period.ends_on or date.max
    past = past_day(period, today)
    return [
        standings.Stretch(number, is_past, period.starts_on, end, period.starts_at, period.tick_seconds)
        for is_past, end in ((False, ends_on), (True, past))
        if end is not None
    ]


def stretches_of_all(periods: Sequence[Period], today: date) -> list[standings.Stretch]:
    """`stretches_of` each of the periods, which are numbered in their order."""
    return [stretch for number, period in enumerate(periods) for stretch in stretches_of(period, today, number)]


async def answer_from_days(board: Board, question: Question, today: date, closed_id: UUID | None = None) -> Answer:
    """What the counted days, or the snapshot of a closed period, say: the same as the sorted sets."""
    ask = standings.BoardAsk(question.page, question.viewer, question.radius, question.asked, question.place)
    found = await standings.board_lines(
        board.family.subject,
        board.family.metric,
        (board.scope.region_id, board.scope.tier),
        stretches_of(board.period, today) if closed_id is None else stretches_of(board.period, today)[:1],
        ask,
        closed_id,
    )
    has_past = closed_id is None and past_day(board.period, today) is not None
    parts: dict[str, list[Line]] = {"page": [], "around": [], "asked": []}
    total, ahead, at_place = 0, None, None
    for row in found:
        if row["part"] == "count":
            total = row["position"]
        elif row["part"] == "ahead":
            ahead = points_of(row["packed"])
        elif row["part"] == "place":
            at_place = points_of(row["packed"])
        else:
            was = row["was"] if has_past else row["position"]
            movement = was - row["position"] if was is not None and board.moves else None
            parts[row["part"]].append(
                Line(row["subject_id"], row["packed"], row["position"], row["rank"], row["tied"], movement)
            )
    page = parts["page"]
    if question.page is not None:
        page = page[: question.page.limit]
        page = page[::-1] if question.page.backwards else page
    asked = {line.subject_id: line for line in parts["asked"]}
    return Answer(
        total=total,
        page=page_of_lines(page, total, question.page) if question.page else Answer(total).page,
        viewer=asked.get(question.viewer) if question.viewer else None,
        ahead=ahead,
        around=tuple(parts["around"]) if question.radius else (),
        asked={subject_id: asked[subject_id] for subject_id in question.asked if subject_id in asked},
        at_place=at_place,
    )


async def _is_kept(board: Board, now: datetime) -> bool:
    """Whether the sorted sets hold this board."""
    scope = board.scope
    if not board.period.takes_late_reports(now) or board.family.metric not in rows.SOURCES:
        return False
    if scope.region_id is None or scope.tier is None:
        return True
    if board.family.subject is BoardSubjectKind.REGION:
        return False
    [region] = await regions_by_ids([scope.region_id])
    return region is not None and region.kind is RegionKind.STATION
