"""Weekly leagues: formed on Monday, joined late, settled when the week is over, told, and looked at."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from uuid import UUID

import structlog

from auth.actor import Actor
from gamification.leagues import (
    DIVISIONS,
    SEED_BYTES,
    TITLES,
    Entrant,
    Field,
    Group,
    after,
    groups_of,
    zones,
)
from gamification.periods import DAY, Period
from gamification.scores import pack
from kit.clock import day_of, week_of
from kit.db import require_transaction, transaction
from kit.ids import new_bytes, new_id
from kit.words import BoardPeriod, LeagueDivision, LeagueZone, NoticeKind
from models import leagues as rows
from models.leagues import LeagueRow, NewcomerRow, Result, ScoreRow, SeatRow, TableRow, WeekRow
from services.notices import Tidings, tell_each
from services.ports import Ports

TOLD_AT_ONCE = 500
MOST_DIFFERENCES = 100

_log = structlog.get_logger("leagues")


@dataclass(frozen=True, slots=True)
class League:
    """A league with who is ranked in it and what the week is for them, the first place first."""

    row: LeagueRow
    lines: tuple[tuple[UUID, Result], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """`kept` is what the tables say, `found` what follows from the seed and the rows behind them."""

    where: str
    kept: object
    found: object

    def __str__(self) -> str:
        return f"{self.where}: kept {self.kept}, found {self.found}"


async def keep_leagues(ports: Ports) -> None:
    """A tick: make final what can be, settle what is over, form the running week, tell everybody how theirs ended.

    Whatever was missed is made up for in its order. Of ten processes at once one does it.
    """
    await close_weeks(ports)
    await settle_weeks(ports)
    await form_week(ports)
    await tell_results(ports)


async def close_weeks(ports: Ports) -> None:
    """Make the results final of every week whose points are frozen by now, the oldest first."""
    for week in await rows.weeks(unclosed=True):
        if week.starts_on < _monday(ports):
            await transaction(partial(_close, ports, week.starts_on))


async def settle_weeks(ports: Ports) -> None:
    """Give every week that is over its results, as far as they are known, the oldest first."""
    for week in await rows.weeks(unclosed=True):
        if _waits(week, _monday(ports)):
            await transaction(partial(_settle_known, ports, week.starts_on))


async def form_week(ports: Ports) -> None:
    """Form the running week, unless it is, once every week that is over is settled.

    On time or late it is made of the same: who was active in the 14 days before its Monday. Then whoever came since
    joins. A week that was over before anybody formed it had no leagues.
    """
    if not await rows.is_formed(_monday(ports)):
        await transaction(partial(_form, ports))


async def admit(ports: Ports, member_ids: Sequence[UUID] | None = None) -> int:
    """Find a league for who has learned and is in none, this week; how many joined. Of these members only, if given."""
    monday, tomorrow = _monday(ports), _tomorrow(ports)
    if not await rows.is_formed(monday) or not await rows.newcomers(monday, tomorrow, member_ids):
        return 0

    async def work() -> int:
        week = await rows.locked_week(monday)
        assert week is not None, "weeks are never deleted"
        return await _join(ports, week, await rows.newcomers(monday, tomorrow, member_ids))

    return await transaction(work)


async def admit_missed(ports: Ports) -> None:
    """A tick: whoever was passed over when their points were announced joins all the same."""
    await admit(ports)


async def tell_results(ports: Ports) -> None:
    """Tell every member how a week ended for them, and whom late reports gave another end, that as well."""
    for starts_on in await rows.weeks_to_tell():
        while await transaction(partial(_tell_some, ports, starts_on)):
            pass


async def leagues_of(ports: Ports, member_ids: Sequence[UUID]) -> list[League | None]:
    """The league of each member in the running week; None for who is in none, or not ranked."""
    return [_shown(table) for table in await rows.tables_of_members(_monday(ports), member_ids)]


async def visible_leagues(actor: Actor, ids: Sequence[UUID]) -> list[League | None]:
    """The leagues of these ids, past ones too, in their order; None for those that the actor is not in."""
    found = [_shown(table) for table in await rows.tables_by_ids(ids)]
    return [
        each if each is not None and any(member_id == actor.member_id for member_id, _ in each.lines) else None
        for each in found
    ]


async def verify_leagues() -> list[Difference]:
    """Form every week again from its seed, settle it again, and name every difference, at most `MOST_DIFFERENCES`."""
    found: list[Difference] = []
    for week in await rows.weeks():
        if len(found) < MOST_DIFFERENCES:
            found += await _verify_week(week)
    for row in await rows.held_that_differ(MOST_DIFFERENCES):
        expected = f"what {row['zone'] or 'no result'} makes of {row['before'] or 'nothing'}"
        found.append(Difference(f"{row['starts_on']} {row['member_id']} division", row["held"], expected))
    return found[:MOST_DIFFERENCES]


def ordered(starts_on: date, scores: Iterable[ScoreRow]) -> list[ScoreRow]:
    """In the order of the house: points, who reached them first, then the id; without points behind everybody."""
    week = Period(BoardPeriod.WEEK, starts_on, starts_on + rows.WEEK)
    packed = [(pack(each.points, each.reached_at or week.starts_at, week), each.member_id, each) for each in scores]
    return [each for _, _, each in sorted(packed, key=lambda line: line[:2], reverse=True)]


async def _form(ports: Ports) -> None:
    monday = _monday(ports)
    if not await rows.try_lock_forming() or await rows.is_formed(monday):
        return
    # Whoever was to settle one may have met this lock and gone on: of ten at once, the last one here leaves nothing.
    for over in await rows.weeks(unclosed=True):
        if _waits(over, monday):
            await _settle_known(ports, over.starts_on)
    week = WeekRow(monday, new_bytes(SEED_BYTES), ports.clock.now(), None, None)
    await rows.add_week(week)
    formed = await _join(ports, week, await rows.newcomers(monday, monday))
    late = await _join(ports, week, await rows.newcomers(monday, _tomorrow(ports)))
    _log.info("leagues formed", week=str(monday), members=formed, late=late)


async def _close(ports: Ports, starts_on: date) -> None:
    """Make the results of a week final, once its points are frozen."""
    if not await rows.try_lock_forming():
        return
    week = await rows.locked_week(starts_on)
    assert week is not None, "weeks are never deleted"
    scores = await rows.frozen_scores(starts_on) if week.closed_at is None else None
    if scores is None:
        return
    await _settle(week, scores)
    now = ports.clock.now()
    await rows.mark_settled(starts_on, week.settled_at or now, now)
    _log.info("league results final", week=str(starts_on))


async def _settle_known(ports: Ports, starts_on: date) -> None:
    """Settle by what was reported so far."""
    if not await rows.try_lock_forming():
        return
    week = await rows.locked_week(starts_on)
    assert week is not None, "weeks are never deleted"
    if week.settled_at is None:
        await _settle(week, await rows.scores(starts_on))
        await rows.mark_settled(starts_on, ports.clock.now(), None)


async def _settle(week: WeekRow, scores: Sequence[ScoreRow]) -> None:
    """Write the results, and correct the divisions of who played on before these results were known."""
    results = await _results(week.starts_on, [score for score in scores if score.ranked])
    # The first results of a week are there before another is formed: only later ones can come too late for somebody.
    before = await rows.seats_of_week(week.starts_on) if week.settled_at is not None else []
    await rows.save_results(week.starts_on, results)
    moved = [seat.member_id for seat in before if _zone(seat.result) != _zone(results.get(seat.member_id))]
    corrected = []
    for member_id, played in (await rows.played_since(moved, week.starts_on)).items():
        _, last = played[0]
        held = last.held
        for monday, seat in played[1:]:
            held, last = after(held, _zone(last.result)), seat
            if seat.held is not held:
                corrected.append((member_id, monday, held))
    await rows.save_held(corrected)


async def _tell_some(ports: Ports, starts_on: date) -> bool:
    """Tell as many as one transaction should; whether somebody may be left."""
    await rows.locked_week(starts_on)  # whoever makes it final meanwhile finds new results untold, not marked as told
    found = await rows.untold(starts_on, TOLD_AT_ONCE)
    tidings: dict[NoticeKind, list[Tidings]] = defaultdict(list)
    for seat, told_before in ((each.seat, each.told_before) for each in found):
        if seat.result is not None:
            division = after(seat.held, seat.result.zone)
            zone = seat.result.zone if division is not seat.held else LeagueZone.STAY
            values = {"position": seat.result.position, "result": zone.value, "division": TITLES[division]}
            kind = NoticeKind.LEAGUE_CORRECTED if told_before else NoticeKind.LEAGUE_RESULT
            tidings[kind].append(Tidings(seat.member_id, starts_on.isoformat(), values))
    for kind, each in tidings.items():
        await tell_each(ports, kind, each)
    await rows.mark_told(starts_on, [each.seat.member_id for each in found])
    return bool(found)


async def _results(starts_on: date, scores: Iterable[ScoreRow]) -> dict[UUID, Result]:
    divisions = {row.id: row.division for row in await rows.leagues_of_week(starts_on)}
    by_league: dict[UUID, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        by_league[score.league_id].append(score)
    return {
        member_id: result
        for league_id, each in by_league.items()
        for member_id, result in _lines(starts_on, divisions[league_id], each)
    }


def _lines(starts_on: date, division: LeagueDivision, scores: Iterable[ScoreRow]) -> list[tuple[UUID, Result]]:
    line = ordered(starts_on, scores)
    places = zip(line, zones(division, [each.points for each in line]), strict=True)
    return [(each.member_id, Result(place, each.points, zone)) for place, (each, zone) in enumerate(places, start=1)]


def _shown(table: TableRow | None) -> League | None:
    if table is None:
        return None
    lines = table.results or _lines(table.league.starts_on, table.league.division, table.scores)
    return League(table.league, tuple(lines))


async def _join(ports: Ports, week: WeekRow, newcomers: Sequence[NewcomerRow]) -> int:
    """Find leagues for all of them; the caller holds the week's row or is just making it."""
    require_transaction()
    if not newcomers:
        return 0
    held = {each.member_id: after(each.held, each.zone) if each.held else DIVISIONS[0] for each in newcomers}
    entrants = [Entrant(each.member_id, Field(each.tier, each.city_id), held[each.member_id]) for each in newcomers]
    there = await rows.leagues_with_sizes(week.starts_on, [(each.tier, each.city_id) for each in newcomers])
    ids = {_group(row): row.id for row, _ in there}
    sizes = {_group(row): size for row, size in there}
    # A whole city is most of a second of work: in a thread, so that others are answered meanwhile.
    groups = await asyncio.to_thread(groups_of, week.seed, entrants, sizes)
    made = {group: new_id() for group in set(groups.values()) - ids.keys()}
    await rows.add_leagues(
        LeagueRow(league_id, week.starts_on, group.field.tier, group.field.city_id, group.division, group.number)
        for group, league_id in made.items()
    )
    ids |= made
    turn = await rows.take_turn(week.starts_on)
    await rows.add_seats(
        week.starts_on,
        [SeatRow(each, ids[group], turn, held[each], held[each]) for each, group in groups.items()],
        ports.clock.now(),
    )
    return len(groups)


async def _verify_week(week: WeekRow) -> list[Difference]:
    leagues = {row.id: _group(row) for row in await rows.leagues_of_week(week.starts_on)}
    seats = await rows.seats_of_week(week.starts_on)
    found = [
        Difference(f"{week.starts_on} {seat.member_id} league", _named(leagues[seat.league_id]), _named(group))
        for seat, group in _seated_again(week.seed, seats, leagues)
        if leagues[seat.league_id] != group
    ]
    kept = {seat.member_id: seat.result for seat in seats if seat.result is not None}
    scores = await rows.frozen_scores(week.starts_on) if week.closed_at is not None else None
    if scores is not None:
        # Who was ranked then and had no points is known by their result alone.
        counted = [score for score in scores if (score.points > 0 and score.ranked) or score.member_id in kept]
        again = await _results(week.starts_on, counted)
        found += [
            Difference(f"{week.starts_on} {member_id} result", kept.get(member_id), again.get(member_id))
            for member_id in sorted(kept.keys() | again.keys())
            if kept.get(member_id) != again.get(member_id)
        ]
    return found


def _seated_again(
    seed: bytes, seats: Sequence[SeatRow], leagues: Mapping[UUID, Group]
) -> Iterator[tuple[SeatRow, Group]]:
    """Every seat with the league that the seed gives it, turn by turn among those who sat there already."""
    sizes: Counter[Group] = Counter()
    for _, turn in groupby(seats, key=lambda seat: seat.turn):
        joining = {seat.member_id: seat for seat in turn}
        fields = {seat.member_id: leagues[seat.league_id].field for seat in joining.values()}
        entrants = [Entrant(each, fields[each], seat.entered) for each, seat in joining.items()]
        for member_id, group in groups_of(seed, entrants, sizes).items():
            yield joining[member_id], group
        sizes.update(leagues[seat.league_id] for seat in joining.values())


def _group(row: LeagueRow) -> Group:
    return Group(Field(row.tier, row.city_id), row.division, row.number)


def _named(group: Group) -> str:
    return f"{group.field.tier} {group.field.city_id} {group.division} {group.number}"


def _zone(result: Result | None) -> LeagueZone | None:
    return result.zone if result is not None else None


def _waits(week: WeekRow, monday: date) -> bool:
    """Whether the week is over and has no results."""
    return week.starts_on < monday and week.settled_at is None


def _monday(ports: Ports) -> date:
    return week_of(day_of(ports.clock.now()))


def _tomorrow(ports: Ports) -> date:
    return day_of(ports.clock.now()) + DAY
