"""What every board says, computed from the counted days alone: the truth that the sorted sets are a view of."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from kit.db import rows
from kit.paging import Ask
from kit.words import BoardMetric, BoardSubjectKind, OutletTier
from models.standing_steps import (
    FROZEN,
    IN_SNAPSHOT,
    LINES,
    LIVE,
    OF_ALL_SUBJECTS,
    OF_SOME_SUBJECTS,
    RANKED,
    SPREAD_ONE,
    SPREAD_ONE_OF_REGIONS,
    SPREAD_REGIONS,
    SPREAD_WIDE,
    SUBJECT,
    TOP_LINES,
    UNDER,
    statement,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days [starts_on, ends_on). Ticks of `tick_seconds` are counted from `origin`.

    `period` numbers the periods of one question from 0; a stretch with `is_past` gives that period's past scores.
    """

    period: int
    is_past: bool
    starts_on: date
    ends_on: date
    origin: datetime
    tick_seconds: int


_TABLES = {
    BoardSubjectKind.MEMBER: "members",
    BoardSubjectKind.OUTLET: "outlets",
    BoardSubjectKind.REGION: "regions",
}

IdRange = tuple[UUID, UUID]
"""Ids above the first one, up to and with the second."""
EVERY_ID: IdRange = (UUID(int=0), UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class BoardAsk:
    """What one board is asked: a page, the lines around `viewer`, those of `asked`. Page keys: [packed, subject id]."""

    page: Ask | None
    viewer: UUID | None
    radius: int
    asked: Sequence[UUID]
    place: int | None


async def subject_scores(
    kind: BoardSubjectKind, subject_ids: Sequence[UUID], metrics: Sequence[BoardMetric], stretches: Sequence[Stretch]
) -> list[dict[str, Any]]:
    """Some members or outlets on every kept board where they ever had anything to show.

    As {period, metric, subject_id, scopes, now, past}; scopes, now and past go together, a score of 0 is not ranked.
    A scope is written "region id or -" . "tier or -".
    """
    subject = SUBJECT[kind]
    chosen = f"d.{subject} = ANY($8::uuid[]) AND d.metric = ANY($7)"
    spread = SPREAD_WIDE.format(subject=subject)
    return await rows(
        statement(kind, LIVE.format(cells=chosen), spread, RANKED, OF_SOME_SUBJECTS),
        *columns(stretches),
        [metric.value for metric in metrics],
        list(subject_ids),
    )


async def all_scores(
    kind: BoardSubjectKind,
    metrics: Sequence[BoardMetric],
    stretches: Sequence[Stretch],
    subject_ids: Sequence[UUID] | None = None,
    reading: Callable[..., Awaitable[list[dict[str, Any]]]] = rows,
) -> list[dict[str, Any]]:
    """Everyone, or these members or outlets, on every kept board where they are ranked.

    As {period, metric, subject_id, version, scopes, now, past}. The version is the one under which the subject was last
    projected, 0 if never: what is read here is at least as new. `reading`: in which transaction.
    """
    if kind is BoardSubjectKind.REGION:
        # An average is of those who did anything that is counted, so every metric is read.
        chosen, spread = "true", SPREAD_REGIONS.format(above="true")
    else:
        chosen, spread = "d.metric = ANY($7)", SPREAD_WIDE.format(subject=SUBJECT[kind])
    some: list[object] = []
    if subject_ids is not None:
        chosen += f" AND d.{SUBJECT[kind]} = ANY($9::uuid[])"
        some = [list(subject_ids)]
    return await reading(
        statement(kind, LIVE.format(cells=chosen), spread, RANKED, OF_ALL_SUBJECTS.format(kind="$8")),
        *columns(stretches),
        [metric.value for metric in metrics],
        kind.value,
        *some,
    )


async def region_tree(
    reading: Callable[..., Awaitable[list[dict[str, Any]]]] = rows,
) -> dict[UUID, tuple[bool, UUID | None]]:
    """Region -> (whether it is a station, the region above it). `reading`: in which transaction."""
    found = await reading("SELECT id, kind = 'STATION' AS station, parent_id FROM regions")
    return {row["id"]: (row["station"], row["parent_id"]) for row in found}


async def count_subjects(kind: BoardSubjectKind) -> int:
    """How many members, outlets or regions there are."""
    [row] = await rows(f"SELECT count(*) AS subjects FROM {_TABLES[kind]}")  # noqa: S608 - one of three words
    return int(row["subjects"])


async def id_ranges(kind: BoardSubjectKind, parts: int) -> list[IdRange]:
    """Ranges of ids that hold about as many subjects each, and together all ids there can be."""
    if parts == 1:
        return [EVERY_ID]
    table = _TABLES[kind]
    found = await rows(
        f"""SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS subjects FROM {table}) t
            WHERE place * $1::int / subjects > (place - 1) * $1::int / subjects AND place < subjects ORDER BY id""",  # noqa: S608, E501
        parts,
    )
    edges = [EVERY_ID[0], *(row["id"] for row in found), EVERY_ID[1]]
    return list(pairwise(edges))


async def top_lines(
    kind: BoardSubjectKind,
    metric: BoardMetric,
    scope: tuple[UUID | None, OutletTier | None],
    stretches: Sequence[Stretch],
    frozen_period: UUID,
    last_place: int,
    *,
    by_rank: bool,
) -> list[dict[str, Any]]:
    """The lines of a board of a closed period up to this place, as {subject_id, position, rank}, the best first."""
    region_id, tier = scope
    under = UNDER.format(tops="ARRAY[$8]")
    chosen = f"($8::uuid IS NULL OR {under}) AND ($9::text IS NULL OR d.tier = $9) AND d.metric = ANY($7)"
    return await rows(
        statement(
            kind,
            FROZEN.format(period="$10", cells=chosen),
            SPREAD_ONE.format(subject=SUBJECT[kind]),
            IN_SNAPSHOT,
            TOP_LINES.format(place="rank" if by_rank else "position"),
        ),
        *columns(stretches),
        [metric.value],
        region_id,
        tier.value if tier else None,
        frozen_period,
        last_place,
    )


async def cells_between(starts_on: date, ends_on: date) -> int:
    """How many counted days there are from the first to before the second."""
    [row] = await rows("SELECT count(*) AS cells FROM metric_days WHERE day >= $1 AND day < $2", starts_on, ends_on)
    return int(row["cells"])


async def board_lines(
    kind: BoardSubjectKind,
    metric: BoardMetric,
    scope: tuple[UUID | None, OutletTier | None],
    stretches: Sequence[Stretch],
    ask: BoardAsk,
    frozen_period: UUID | None = None,
) -> list[dict[str, Any]]:
    """The answer to `ask` as {part, subject_id, packed, position, rank, tied, was}.

    part: "page" (up to limit + 1 rows, in the order `ask.page` reads), "around", "asked" (`viewer` among them),
    "ahead" (the next who has more points than the viewer), "place" (who stands at `ask.place`), "count" (its `position`
    is how many are ranked). `was` is the position by the second stretch. `frozen_period`: read the snapshot of that
    period instead of the counted days.
    """
    region_id, tier = scope
    under = UNDER.format(tops="ARRAY[$8]")
    chosen = f"($8::uuid IS NULL OR {under}) AND ($9::text IS NULL OR d.tier = $9)"
    if kind is BoardSubjectKind.REGION:
        spread = SPREAD_ONE_OF_REGIONS
    else:
        chosen += " AND d.metric = ANY($7)"
        spread = SPREAD_ONE.format(subject=SUBJECT[kind])
    source: list[object]
    if frozen_period:
        cells, source = FROZEN.format(period="$19", cells=chosen), [frozen_period]
    else:
        # The stretches lie inside it. PostgreSQL sees no days in them, and would read all that was ever counted.
        cells = LIVE.format(cells=f"{chosen} AND d.day >= $19 AND d.day < $20")
        source = [min(each.starts_on for each in stretches), max(each.ends_on for each in stretches)]
    page = ask.page or Ask(limit=0)
    lines = LINES.format(direction="DESC" if page.backwards else "ASC")
    after, before = page.after or (None, None), page.before or (None, None)
    return await rows(
        statement(kind, cells, spread, IN_SNAPSHOT if frozen_period else RANKED, lines),
        *columns(stretches),
        [metric.value],
        region_id,
        tier.value if tier else None,
        page.limit + 1 if ask.page else 0,
        *after,
        *before,
        ask.viewer,
        ask.radius,
        [*ask.asked, *([ask.viewer] if ask.viewer else [])],
        ask.place,
        *source,
    )


def columns(stretches: Sequence[Stretch]) -> tuple[list[object], ...]:
    """The first six arguments of every statement here."""
    return (
        [each.period for each in stretches],
        [each.is_past for each in stretches],
        [each.starts_on for each in stretches],
        [each.ends_on for each in stretches],
        [each.origin for each in stretches],
        [each.tick_seconds for each in stretches],
    )
