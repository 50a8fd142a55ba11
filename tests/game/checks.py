"""What must hold whatever happened: the server says what the model says, and agrees with itself."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from gamification import periods
from gamification.standings import Board, Family, Question, Scope
from kit.clock import day_of as server_day_of
from kit.db import execute, rows, transaction
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, OutletTier
from models.draws import PrizeDraw
from models.outbox import count_waiting
from models.rewards import Reward
from services.board_projection import kept_families
from services.board_verifying import verify_boards
from services.boards import answer_from_days, closing_of, read_board
from services.ledger import ledger_verify
from services.points import reward
from services.streaks import streak_today
from tests.game.desk import Broken, Desk, fact, hold
from tests.game.model import CORRECTED, Boards, Line, Period, Place, boards_of, day_of, periods_of, standings

DAY = timedelta(days=1)
Cells = dict[tuple[Any, ...], tuple[int, datetime | None]]
"""(metric, member, day of a streak, place) -> (amount, reached at)"""


async def books(desk: Desk) -> None:
    """Points, balances and streaks are the model's."""
    accounts = {
        row["member_id"]: (row["lifetime"], row["balance"])
        for row in await rows("SELECT member_id, lifetime, balance FROM point_accounts")
    }
    paid, today = await booked(), day_of(desk.clock.now())
    for person in desk.people:
        who = person.id
        lifetime, balance = accounts.get(who, (0, 0))
        hold("points", {who: paid.get(who, {})}, {who: person.paid()})
        hold("points", {who: lifetime}, {who: person.lifetime()})
        hold("balance", {who: balance}, {who: person.balance})
        streak, _ = await streak_today(desk.ports, who)
        found = (streak.days, streak.best_days, streak.learned_today, streak.freezes_left)
        hold("streak", {who: found}, {who: person.streak(today)})
    if any(balance < 0 for _, balance in accounts.values()):
        raise Broken("balance", accounts)


async def audit() -> None:
    """The server's own audit of the ledger finds nothing."""
    hold("books", [str(each) for each in await ledger_verify()], [])


async def offers(desk: Desk) -> None:
    """What is gone from the shelf is what was bought and not given back."""
    cup, draw = await Reward.get(id=desk.cup.id), await PrizeDraw.get(id=desk.draw.id)
    hold("answers", (cup.taken, draw.tickets_sold), (desk.taken, desk.tickets.total()))


async def closing(desk: Desk, moments: Sequence[dict[UUID, list[Line]]]) -> None:
    """What is over is closed, and nothing else; each member's part in a new snapshot is what it was at one of `moments`
    (before and after what was under way while it closed), whole."""
    lines = [line for mine in moments[0].values() for line in mine]
    ended = {period for day in {day_of(line.at) for line in lines} for period in periods_of(day, desk.seasons)}
    over = sorted(period for period in ended if period.closes_at is not None and period.closes_at <= desk.clock.now())
    for period in over:
        main = Board(Family(BoardMetric.POINTS, served(period), BoardSubjectKind.MEMBER), Scope())
        phase, _ = await closing_of(desk.ports, main)
        if phase not in (BoardPhase.FROZEN, BoardPhase.AWARDED):
            raise Broken("periods", f"{period} is over since {period.closes_at}, and {phase}")
    for period, kept in (await snapshots()).items():
        if period in desk.frozen:
            continue
        if period.closes_at is None or period.closes_at > desk.clock.now():
            raise Broken("periods", f"{period} was closed before {period.closes_at}")
        chosen: list[Line] = []
        for member in moments[0]:
            choices = [[line for line in at[member] if period.holds(day_of(line.at))] for at in moments]
            mine = {cell: value for cell, value in kept.items() if cell[1] == member}
            chosen += next((each for each in choices if cells_of(each) == mine), choices[0])
        hold("snapshots", {(period, cell): value for cell, value in kept.items()},
             {(period, cell): value for cell, value in cells_of(chosen).items()})  # fmt: skip
        desk.frozen[period] = chosen


async def frozen(desk: Desk) -> None:
    """What was closed answers what it answered, and its snapshot is what it was: nothing lands there later.

    So an award is in one closed period of each kind, the one that holds its moment, or came too late and is in none.
    """
    for period, lines in desk.frozen.items():
        for subject in (BoardSubjectKind.MEMBER, BoardSubjectKind.OUTLET):
            await read(desk, "closed boards", Family(BoardMetric.POINTS, served(period), subject), Scope(), lines)
    found = await snapshots()
    hold("snapshots", {period: found.get(period) for period in desk.frozen},
         {period: cells_of(lines) for period, lines in desk.frozen.items()})  # fmt: skip


async def boards(desk: Desk, choose: Callable[[list[Family]], list[Family]]) -> None:
    """Once the workers are through: the sorted sets show what the model says, and so does SQL to who reads."""
    hold("relay", await count_waiting(), 0)
    lines = [line for mine in desk.ranked_lines().values() for line in mine]
    chosen = choose(await kept_families(desk.clock.now()))
    shown: list[dict[str, dict[bytes, int]]] = []
    for start in range(0, len(chosen), 20):
        some = chosen[start : start + 20]
        shown += await asyncio.gather(*(desk.ports.boards.everything(family) for family in some))
    for family, found in zip(chosen, shown, strict=True):
        expected = kept(desk, family_of(desk, lines, family), family.subject)
        hold("boards", by_board(family, plain(readable(found))), by_board(family, expected))
    for family in chosen[:3]:
        await read(desk, "boards", family, Scope(None, OutletTier.NEW), lines)


def readable(found: dict[str, dict[bytes, int]]) -> dict[Scope, dict[UUID, int]]:
    return {
        Scope.parse(scope): {UUID(subject.decode()): score for subject, score in scores.items()}
        for scope, scores in found.items()
    }


async def read(desk: Desk, what: str, family: Family, scope: Scope, lines: Iterable[Line]) -> None:
    """What a reader of one board is answered."""
    board = Board(family, scope)
    reading = await read_board(desk.ports, board, Question(Ask(100)))
    expected = family_of(desk, lines, family).get((scope.region_id, scope.tier.value if scope.tier else None), {})
    found = [(line.subject_id, line.packed, line.position, line.rank) for line in reading.answer.page.rows]
    hold(what, {str(board): found}, {str(board): standings(expected)})
    if reading.phase is not BoardPhase.FROZEN:
        recomputed = await answer_from_days(board, Question(Ask(100)), server_day_of(desk.clock.now()))
        hold(what, {str(board): recomputed}, {str(board): reading.answer})


async def recomputed(desk: Desk) -> None:
    """The server's own comparison of its boards with the rows behind them finds nothing."""
    hold("boards", [str(each) for each in await verify_boards(desk.ports)], [])


async def replayed(desk: Desk, shuffle: Callable[[list[Any]], None]) -> None:
    """The same deeds told in another order to people who stood where these did: the same points, days and streaks."""
    twins: dict[UUID, UUID] = {}
    for person in desk.people:
        twin = (await desk.world.member()).id
        twins[person.id] = twin
        for at, place in person.places:
            await execute(
                "INSERT INTO placements (member_id, from_at, outlet_id, region_id, tier) VALUES ($1, $2, $3, $4, $5)",
                twin, at, place.outlet, place.region, place.tier,
            )  # fmt: skip
        told = [fact(twin, kind, what, deed) for (kind, what), deed in person.deeds().items()]
        shuffle(told)
        for start in range(0, len(told), 7):
            batch = told[start : start + 7]
            await transaction(lambda of=twin, batch=batch: reward(desk.ports, of, batch))  # type: ignore[misc]
        mine = {(rule, twin if what == person.id else what, time) for rule, what, time in person.annulled}
        for key in sorted(mine & {award.key for award in replace(person, id=twin, annulled=set()).awards()}):
            hold("answers", await desk.annul_award(desk.ports, twin, key), "done")
    paid, learned = await booked(), await all_learned_days()
    for who, twin in twins.items():
        of_facts = {cell: points for cell, points in paid.get(who, {}).items() if cell[0] != CORRECTED}
        hold("replay", {who: paid.get(twin, {})}, {who: of_facts})
        hold("replay", {who: learned.get(twin)}, {who: learned.get(who)})
        hold("replay", {who: await streak_today(desk.ports, twin)}, {who: await streak_today(desk.ports, who)})
    await audit()


# How the server's words are read


def served(period: Period) -> Any:
    """The period as the server has it."""
    return periods.Period(BoardPeriod(period.kind), period.first, period.last + DAY if period.last else None)


def family_of(desk: Desk, lines: Iterable[Line], family: Family) -> Boards:
    ours = periods_of(family.period.starts_on, desk.seasons)
    [period] = [each for each in ours if each.kind == family.period.kind]
    inside = [line for line in lines if period.holds(day_of(line.at))]
    return boards_of(inside, family.metric.value, family.subject.value, period, desk.land)


def kept(desk: Desk, found: Boards, subject: BoardSubjectKind) -> Boards:
    """Those that the sorted sets hold: of region and tier together only a station's."""
    return {
        (region, tier): board
        for (region, tier), board in found.items()
        if region is None or tier is None or (subject is not BoardSubjectKind.REGION and region in desk.stations)
    }


def plain(found: dict[Scope, dict[UUID, int]]) -> Boards:
    return {(scope.region_id, scope.tier.value if scope.tier else None): board for scope, board in found.items()}


def by_board(family: Family, found: Boards) -> dict[Any, dict[UUID, int]]:
    return {(str(family), *scope): board for scope, board in found.items()}


def cells_of(lines: Iterable[Line]) -> Cells:
    """Lines as a snapshot keeps them: added up by metric, member and place, those of streaks by day."""
    found: Cells = {}
    for line in lines:
        day = day_of(line.at) if line.metric == "STREAK_DAYS" else None
        cell = (line.metric, line.member, day, line.place)
        amount, reached = found.get(cell, (0, None))
        if line.amount > 0:
            reached = max(reached, line.at) if reached else line.at
        found[cell] = amount + line.amount, reached
    return {cell: (amount, reached) for cell, (amount, reached) in found.items() if amount}


async def snapshots() -> dict[Period, Cells]:
    """Every closed period and what its snapshot holds."""
    closed = await rows("SELECT id, period, starts_on, ends_on FROM board_periods WHERE phase <> 'GRACE'")
    periods = {row["id"]: Period(row["period"], row["starts_on"], row["ends_on"] - DAY) for row in closed}
    found: dict[Period, Cells] = {period: {} for period in periods.values()}
    for row in await rows("SELECT * FROM frozen_totals WHERE amount <> 0"):
        day = row["day"] if row["metric"] == "STREAK_DAYS" else None
        cell = (row["metric"], row["member_id"], day, Place(row["outlet_id"], row["region_id"], row["tier"]))
        found[periods[row["period_id"]]][cell] = row["amount"], row["reached_at"]
    return found


async def booked() -> dict[UUID, dict[tuple[str, date], int]]:
    """Lifetime points by member, rule and day as the ledger has them, what was undone by hand taken off."""
    found: defaultdict[UUID, dict[tuple[str, date], int]] = defaultdict(dict)
    for row in await rows(
        "SELECT e.member_id, coalesce(u.rule, e.rule) AS rule, e.day, sum(e.amount)::int AS points"
        " FROM ledger_entries e LEFT JOIN ledger_entries u ON u.id = e.reverses_id WHERE e.account = 'LIFETIME'"
        " GROUP BY 1, 2, 3 HAVING sum(e.amount) <> 0"
    ):
        found[row["member_id"]][row["rule"], row["day"]] = row["points"]
    return found


async def all_learned_days() -> dict[UUID, list[date]]:
    found: defaultdict[UUID, list[date]] = defaultdict(list)
    for row in await rows(
        "SELECT member_id, day FROM learned_days GROUP BY member_id, day HAVING sum(amount) > 0 ORDER BY member_id, day"
    ):
        found[row["member_id"]].append(row["day"])
    return found
