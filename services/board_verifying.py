"""Verifying that the boards say what the rows behind them say.

A whole city has ten million lines on its boards. They are compared by digests, a few thousand lines each, and where
these differ line by line. Learning goes on meanwhile, so whatever differed is looked at again, by itself, both ways.

The past of a board, of which `movement` is told, is compared with nothing: it is the board itself as the first move of
the day found it, and what a phone that is fast earned "tomorrow" is on it by then, so it may rightly differ from the
rows. Nothing is decided by it; it lasts a day, and a rebuild takes it from the rows.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha1
from uuid import UUID

import structlog

from gamification.boards import BoardsAway, Piece
from gamification.periods import Period, period_of
from gamification.standings import Family
from kit.clock import day_of
from kit.db import transaction
from kit.tasks import some_at_once
from kit.words import BoardMetric, BoardSubjectKind
from models import boards as rows
from models import standings
from models.standing_sums import region_scores
from services.board_building import Truth, parts_of, true_boards
from services.board_prizes import prize_differences
from services.board_projection import kept_families
from services.boards import stretches_of_all
from services.ports import Ports
from services.seasons import named_seasons

VERIFIERS = 2
"""What is compared is one core of PostgreSQL's each."""
COMPARED_AT_ONCE = 3
"""Valkey digests one family while this process does another."""
PIECE_LINES, PIECES_AT_ONCE = 5_000, 500
"""Valkey digests as many in one go, and answers nobody else meanwhile."""
LOOKS = 4
NEXT_LOOK_SECONDS = 1.5
MOST_DIFFERENCES = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """`shown` is what `where` says, `true` what the rows behind it say."""

    where: str
    subject_id: UUID | None
    shown: str
    true: str


_log = structlog.get_logger("boards")

Suspect = tuple[Family, str, UUID]
"""A line that differed: on which board, by its family and scope, and whose."""


async def verify_boards(ports: Ports) -> list[Difference]:
    """Recompute every board from the rows behind its metric and name every difference, at most `MOST_DIFFERENCES`.

    Counted days against the rows behind them; every board that is kept against the counted days; every snapshot
    against its checksum and its dates; every prize against its snapshot. A line of a board that differs is looked at
    again: learning goes on meanwhile. Whoever is only on the way to their boards yet is no difference.
    """
    checks: list[Callable[[], Awaitable[list[Difference]]]] = [
        *(partial(_days, metric) for metric in rows.SOURCES),
        _snapshots,
        _periods,
        _prizes,
        partial(_boards, ports),
    ]
    found = await some_at_once(VERIFIERS, checks)
    return [difference for differences in found for difference in differences][:MOST_DIFFERENCES]


async def _days(metric: BoardMetric) -> list[Difference]:
    return [
        Difference(
            f"metric_days {metric.value} {row['day']}",
            row["member_id"],
            f"{row['kept']} at {row['kept_reached_at']}",
            f"{row['found']} at {row['found_reached_at']}",
        )
        for row in await rows.days_that_differ(metric, MOST_DIFFERENCES)
    ]


async def _snapshots() -> list[Difference]:
    return [
        Difference(f"snapshot {row.period.value}.{row.starts_on}", None, row.checksum or "", "another checksum")
        for row in await rows.snapshots_that_differ()
    ]


async def _periods() -> list[Difference]:
    """Periods that have ended under other dates than the calendar has."""
    seasons = await named_seasons()
    noticed = [(row, period_of(row.period, row.starts_on, seasons)) for row in await rows.BoardPeriodRow.all()]
    return [
        Difference(f"period {row.period.value}.{row.starts_on}", None, f"until {row.ends_on}", f"until {true.ends_on}")
        for row, true in noticed
        if (true.starts_on, true.ends_on) != (row.starts_on, row.ends_on)
    ]


async def _prizes() -> list[Difference]:
    return [
        Difference(f"prizes {board}", member_id, won, true) for board, member_id, won, true in await prize_differences()
    ]


async def _boards(ports: Ports) -> list[Difference]:
    families = await kept_families(ports.clock.now())
    truths: defaultdict[Family, list[Truth]] = defaultdict(list)
    async with aclosing(true_boards(families, day_of(ports.clock.now()), await parts_of(families))) as parts:
        async for part in parts:
            for family, truth in part.items():
                truths[family].append(truth)
    lost: list[Family] = []

    async def compare(family: Family) -> list[Suspect]:
        try:
            return await _suspects(ports, family, truths.pop(family))
        except BoardsAway:
            lost.append(family)
            return []

    compared = await some_at_once(COMPARED_AT_ONCE, [partial(compare, family) for family in families])
    suspects = sorted((each for some in compared for each in some), key=str)
    found = [Difference(str(family), None, "away", "there") for family in lost]
    for start in range(0, len(suspects), MOST_DIFFERENCES):
        if len(found) < MOST_DIFFERENCES:
            found += await _looked_at_again(ports, suspects[start : start + MOST_DIFFERENCES])
    return found


async def _suspects(ports: Ports, family: Family, truths: Sequence[Truth]) -> list[Suspect]:
    true = _lines(truths)
    scopes = sorted({*true, *await ports.boards.scopes(family)})
    differing: list[str] = []
    for load in _loads(_pieces(scopes, true)):
        shown = await ports.boards.digests(family, [piece for piece, _, _ in load])
        differing += [piece[0] for (piece, _, digest), other in zip(load, shown, strict=True) if digest != other]
    shown_lines = await ports.boards.everything(family, list(dict.fromkeys(differing)))
    suspects: list[Suspect] = []
    for scope in dict.fromkeys(differing):
        right = {tuple(line.split(" ")) for line in true.get(scope, ())}
        kept = {(subject.decode(), str(score)) for subject, score in shown_lines.get(scope, {}).items()}
        suspects += [(family, scope, UUID(subject)) for subject in {subject for subject, _ in right ^ kept}]
    return suspects


def _lines(truths: Sequence[Truth]) -> dict[str, list[str]]:
    """Scope -> the lines of its board as "subject score", in rising order of score and subject."""
    scored: list[tuple[int, str, Sequence[str]]] = []
    for truth in truths:
        for group in truth.settled:
            scored += [
                (score, subject, group.scopes)
                for subject, score in zip(group.subjects, group.now, strict=True)
                if score
            ]
        for placing in truth.spread:
            scored += [
                (score, str(placing.subject_id), (scope,))
                for scope, score in zip(placing.scopes, placing.now, strict=True)
                if score
            ]
    scored.sort(key=lambda each: each[:2])
    boards: defaultdict[str, list[str]] = defaultdict(list)
    for score, subject, scopes in scored:
        line = f"{subject} {score}"
        for scope in scopes:
            boards[scope].append(line)
    return boards


Digested = tuple[Piece, int, str]
"""A piece, how many lines it has, and the digest it should have."""


def _pieces(scopes: Sequence[str], boards: dict[str, list[str]]) -> Iterator[Digested]:
    """What is digested at once. The last piece of a board takes what there is beyond."""
    for scope in scopes:
        lines = boards.get(scope, [])
        for start in range(0, max(len(lines), 1), PIECE_LINES):
            some = lines[start : start + PIECE_LINES]
            last = -1 if start + PIECE_LINES >= len(lines) else start + PIECE_LINES - 1
            digest = sha1(" ".join(some).encode(), usedforsecurity=False).hexdigest()
            yield (scope, start, last), len(some), digest


def _loads(pieces: Iterable[Digested]) -> Iterator[list[Digested]]:
    load: list[Digested] = []
    lines = 0
    for each in pieces:
        if load and (lines + each[1] > PIECE_LINES or len(load) == PIECES_AT_ONCE):
            yield load
            load, lines = [], 0
        load.append(each)
        lines += each[1]
    if load:
        yield load


async def _looked_at_again(ports: Ports, suspects: Sequence[Suspect]) -> list[Difference]:
    found: list[Difference] = []
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(NEXT_LOOK_SECONDS)
        true = await _true_scores(suspects, day_of(ports.clock.now()))
        shown = await _shown_scores(ports, suspects)
        suspects = [each for each in suspects if true.get(each, 0) != shown[each]]
        found = [
            Difference(f"{family}.{scope}", subject_id, str(shown[family, scope, subject_id] or None),
                       str(true.get((family, scope, subject_id))))
            for family, scope, subject_id in suspects
        ]  # fmt: skip
        if not suspects:
            return []
    waiting = await rows.to_follow()
    still = [difference for difference in found if difference.subject_id not in waiting]
    if len(still) < len(found):
        _log.info("on their way to the boards", standings=len(found) - len(still))
    return still


async def _true_scores(suspects: Sequence[Suspect], today: date) -> dict[Suspect, int]:
    """Of everybody among the suspects, every score above 0."""
    found: dict[Suspect, int] = {}
    for kind in BoardSubjectKind:
        mine = [each for each in suspects if each[0].subject is kind]
        if not mine:
            continue
        periods: list[Period] = list(dict.fromkeys(family.period for family, _, _ in mine))
        subject_ids = sorted({subject_id for _, _, subject_id in mine})
        stretches = stretches_of_all(periods, today)
        read = region_scores if kind is BoardSubjectKind.REGION else partial(standings.subject_scores, kind)
        for row in await transaction(partial(read, subject_ids, list(rows.SOURCES), stretches)):
            family = Family(BoardMetric(row["metric"]), periods[row["period"]], kind)
            scores = zip(row["scopes"], row["now"], strict=True)
            found |= {(family, scope, row["subject_id"]): score for scope, score in scores if score}
    return found


async def _shown_scores(ports: Ports, suspects: Sequence[Suspect]) -> dict[Suspect, int]:
    found: dict[Suspect, int] = {}
    for family in dict.fromkeys(family for family, _, _ in suspects):
        mine = [each for each in suspects if each[0] == family]
        try:
            scores = await ports.boards.scores(family, [(scope, subject_id) for _, scope, subject_id in mine])
        except BoardsAway:
            scores = [0] * len(mine)
        found |= dict(zip(mine, scores, strict=True))
    return found
