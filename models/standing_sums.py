"""Every board of all periods at once, for building and verifying them: the counted days are read one single time.

`models/standings.py` answers any question about any board, and spreads every learner over all boards they stand on
before it adds up. That is plain, and the oracle of what is here; of a year of a whole city it takes minutes. Here the
days between two ends of periods are added up first, and the periods from these; and it is used that nearly everybody
learns in one place: such a subject has the same score on every board of its place, so it is added up once, and regions
are added up from stations instead of persons. Whoever learned in more than one place is left to the plain way.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from kit.clock import day_start
from kit.db import rows
from kit.words import BoardMetric, BoardSubjectKind
from models.standing_steps import (
    LIVE,
    OF_ALL_SUBJECTS,
    OF_REGIONS,
    PLACED,
    RANKED,
    REGION_BOARDS,
    SPREAD_REGIONS,
    statement,
)
from models.standings import IdRange, Stretch, all_scores, columns

Reading = Callable[..., Awaitable[list[dict[str, Any]]]]
"""`kit.db.rows`, or the same of a transaction beside."""

_ROOM = "SET LOCAL work_mem = '128MB'"
_FIRST = date(2020, 1, 1)
_SECONDS_BITS, _DAY_BITS = 32, 16
"""Seconds since the first day, and days: what runs of days are compared by, until the year 2156."""

# What everybody counts for in each stretch k: the amount a<k>, and when it was reached, r<k>, in seconds since 1970.
# Only who is ranked. A run of learned days is cut to the stretch; the longest counts, and of these the one that was
# reached first: its length, the day it ended on and the moment of that day are one number, the greatest is the answer.
_EVERYBODY = """WITH
    days AS (
        SELECT metric, member_id, outlet_id, region_id, tier, width_bucket(day, {edges}) AS part,
               sum(amount)::bigint AS amount, max(reached_at) AS reached_at
        FROM metric_days WHERE {reached} AND metric <> 'STREAK_DAYS' AND {ranked} GROUP BY 1, 2, 3, 4, 5, 6),
    sums AS (
        SELECT metric, member_id, outlet_id, region_id, tier, {sums} FROM days GROUP BY 1, 2, 3, 4, 5),
    learned AS (
        SELECT member_id, outlet_id, region_id, tier, day - DATE '{first}' AS day,
               coalesce(floor(date_part('epoch', reached_at))::bigint - {epoch}, 0) AS reached, day - row_number()
                   OVER (PARTITION BY member_id, outlet_id, region_id, tier ORDER BY day)::int AS run
        FROM metric_days WHERE {reached} AND metric = 'STREAK_DAYS' AND amount > 0 AND {ranked}),
    runs AS (
        SELECT member_id, outlet_id, region_id, tier, min(day) AS begun, max(day) AS ended,
               array_agg(reached ORDER BY day) AS reached
        FROM learned GROUP BY 1, 2, 3, 4, run),
    longest AS (
        SELECT member_id, outlet_id, region_id, tier, {longest} FROM runs GROUP BY 1, 2, 3, 4)
    SELECT * FROM sums UNION ALL SELECT 'STREAK_DAYS', member_id, outlet_id, region_id, tier, {streaks} FROM longest"""

_KEPT = "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {select}"

_SUM = """coalesce(sum(amount) FILTER (WHERE part >= {start} AND part < {end}), 0)::bigint AS a{k},
               floor(date_part('epoch', max(reached_at) FILTER (WHERE part >= {start} AND part < {end})))::bigint
                   AS r{k}"""
_LONGEST = f"""max((least(ended + 1, {{end}}) - greatest(begun, {{start}}))::bigint * {2 ** (_SECONDS_BITS + _DAY_BITS)}
                   + ({2**_DAY_BITS - 1} - least(ended + 1, {{end}}))::bigint * {2**_SECONDS_BITS}
                   + reached[least(ended + 1, {{end}}) - begun])
               FILTER (WHERE begun < {{end}} AND ended >= {{start}}) AS k{{k}}"""
_STREAK = f"""coalesce(k{{k}} / {2 ** (_SECONDS_BITS + _DAY_BITS)}, 0) AS a{{k}},
               k{{k}} % {2**_SECONDS_BITS} + {{epoch}} AS r{{k}}"""

_ELSEWHERE = """
    SELECT 'MEMBER' AS kind, member_id AS subject_id
    FROM (SELECT DISTINCT member_id, outlet_id, region_id, tier FROM everybody) places GROUP BY 2 HAVING count(*) > 1
    UNION ALL
    SELECT 'OUTLET', outlet_id
    FROM (SELECT DISTINCT outlet_id, region_id, tier FROM everybody) places GROUP BY 2 HAVING count(*) > 1"""
_MOVED = "SELECT subject_id FROM elsewhere WHERE kind = '{kind}'"

_SCORED = {
    BoardSubjectKind.MEMBER: """
    SELECT e.*, e.member_id AS subject_id FROM everybody e
    WHERE e.metric = ANY($1) AND e.region_id > $2::uuid AND e.region_id <= $3::uuid""",
    BoardSubjectKind.OUTLET: """
    SELECT e.metric, e.outlet_id AS subject_id, e.region_id, e.tier, {columns} FROM everybody e
    WHERE e.metric = ANY($1) AND e.region_id > $2::uuid AND e.region_id <= $3::uuid GROUP BY 1, 2, 3, 4""",
}
_ADDED = "sum(a{k}) FILTER (WHERE a{k} > 0)::bigint AS a{k}, max(r{k}) FILTER (WHERE a{k} > 0) AS r{k}"
_PLACED = """
    SELECT s.metric, s.subject_id::text AS subject, s.region_id, s.tier, coalesce(v.version, 0) AS version,
           ARRAY[{now}]::bigint[] AS now, ARRAY[{past}]::bigint[] AS past
    FROM ({scored}) s LEFT JOIN board_versions v ON v.subject_kind = '{kind}' AND v.subject_id = s.subject_id
    WHERE s.subject_id NOT IN ({moved})"""
# `gamification.scores.pack`; a period begins on a whole second, so that whole seconds can be subtracted.
_PACKED = """CASE WHEN a{k} > 0 THEN least(a{k}, 268435455) * 33554432 + 33554431
               - least(33554431, greatest(0, (r{k} - {origin}) / {tick})) ELSE 0 END"""

# Who learned in one place, added up per station and tier.
_THERE = """
    settled AS (SELECT * FROM everybody WHERE member_id NOT IN ({moved})),
    places AS (SELECT metric, region_id, tier, {added} FROM settled GROUP BY 1, 2, 3),
    learners_there AS (SELECT member_id, region_id, tier, {most} FROM settled GROUP BY 1, 2, 3),
    active_there AS (SELECT region_id, tier, {active} FROM learners_there GROUP BY 1, 2),
    there AS (
        SELECT t.n::bigint AS n, p.metric, p.region_id, p.tier, t.amount, to_timestamp(t.reached) AS reached_at
        FROM places p CROSS JOIN LATERAL (VALUES {values}) AS t (n, amount, reached) WHERE t.amount > 0
        UNION ALL
        SELECT t.n, 'ACTIVE', a.region_id, a.tier, t.amount, NULL
        FROM active_there a CROSS JOIN LATERAL (VALUES {counts}) AS t (n, amount) WHERE t.amount > 0),
    there_spread AS (
        SELECT c.n, c.metric, l.above_id AS subject_id, b.scope, sum(c.amount)::bigint AS amount,
               max(c.reached_at) AS reached_at
        FROM there c JOIN {boards} GROUP BY 1, 2, 3, 4)"""
_BESIDE = "UNION ALL SELECT n, metric, subject_id, scope, amount, reached_at FROM there_spread"


class Everybody:
    """Everybody who is ranked, added up over some stretches of time as one moment of the database has them.

    What `reading` reads in is one transaction that reads one moment, may make temporary tables, and is asked for one of
    these only.
    """

    def __init__(self, reading: Reading, stretches: Sequence[Stretch]) -> None:
        self._reading = reading
        self._stretches = stretches

    async def added_up(self) -> "Everybody":
        """Read the counted days; to be awaited first."""
        await self._reading(_ROOM)
        await self._reading(_KEPT.format(name="everybody", select=_everybody(self._stretches)))
        await self._reading(_KEPT.format(name="elsewhere", select=_ELSEWHERE))
        await self._reading("ANALYZE everybody, elsewhere")
        return self

    async def placed(
        self, kind: BoardSubjectKind, metrics: Sequence[BoardMetric], regions: IdRange
    ) -> list[dict[str, Any]]:
        """Who learned in one place of these regions, as {metric, subject, region_id, tier, version, now, past}.

        `subject` is the id's text. One packed score for each period, in their order, on all boards of the place: 0 if
        not ranked; `past` is 0 where a period has none. The version is the one under which the subject was last
        projected, 0 if never: what is read is at least as new.
        """
        by_period: dict[int, dict[bool, str]] = {}
        for number, each in enumerate(self._stretches, start=1):
            origin = int(each.origin.timestamp())
            text = _PACKED.format(k=number, origin=origin, tick=each.tick_seconds)
            by_period.setdefault(each.period, {})[each.is_past] = text
        sql = _PLACED.format(
            now=", ".join(of[False] for of in by_period.values()),
            past=", ".join(of.get(True, "0") for of in by_period.values()),
            scored=_SCORED[kind].format(columns=_each(_ADDED, self._stretches)),
            kind=kind.value,
            moved=_MOVED.format(kind=kind.value),
        )
        return await self._reading(sql, [metric.value for metric in metrics], *regions)

    async def moved(
        self, kind: BoardSubjectKind, metrics: Sequence[BoardMetric], subjects: IdRange
    ) -> list[dict[str, Any]]:
        """Members or outlets who learned in several places, as `all_scores` has them."""
        sql = f"{_MOVED.format(kind=kind.value)} AND subject_id > $1::uuid AND subject_id <= $2::uuid"
        found = [row["subject_id"] for row in await self._reading(sql, *subjects)]
        return await all_scores(kind, metrics, self._stretches, found, reading=self._reading) if found else []

    async def regions(self, metrics: Sequence[BoardMetric]) -> list[dict[str, Any]]:
        """All regions, as `all_scores` has them."""
        sql = _of_regions(self._stretches, (), OF_ALL_SUBJECTS.format(kind="$8"))
        named = [metric.value for metric in metrics]
        return await self._reading(sql, *columns(self._stretches), named, BoardSubjectKind.REGION.value)


async def region_scores(
    region_ids: Sequence[UUID], metrics: Sequence[BoardMetric], stretches: Sequence[Stretch]
) -> list[dict[str, Any]]:
    """Regions on every kept board that they can stand on, as {period, metric, subject_id, scopes, now, past}.

    Scopes, now and past go together; a score of 0 is not ranked. Inside the caller's transaction, which has more memory
    to sort in from here on.
    """
    await rows(_ROOM)
    first = (f"everybody AS MATERIALIZED ({_everybody(stretches)})", f"elsewhere AS MATERIALIZED ({_ELSEWHERE})")
    named = [metric.value for metric in metrics]
    return await rows(_of_regions(stretches, first, OF_REGIONS), *columns(stretches), named, list(region_ids))


def _everybody(stretches: Sequence[Stretch]) -> str:
    starts, ends = [each.starts_on for each in stretches], [each.ends_on for each in stretches]
    edges = sorted({*starts, *ends})
    parts = [(edges.index(each.starts_on) + 1, edges.index(each.ends_on) + 1) for each in stretches]
    days = [((each.starts_on - _FIRST).days, (each.ends_on - _FIRST).days) for each in stretches]
    epoch = int(day_start(_FIRST).timestamp())
    return _EVERYBODY.format(
        edges=f"'{{{','.join(map(str, edges))}}}'::date[]",
        reached=f"day >= '{min(starts)}' AND day < '{max(ends)}'",
        ranked=RANKED,
        first=_FIRST,
        epoch=epoch,
        sums=", ".join(_SUM.format(k=k, start=start, end=end) for k, (start, end) in enumerate(parts, start=1)),
        longest=", ".join(_LONGEST.format(k=k, start=start, end=end) for k, (start, end) in enumerate(days, start=1)),
        streaks=_each(_STREAK.replace("{epoch}", str(epoch)), stretches),
    )


def _of_regions(stretches: Sequence[Stretch], first: Sequence[str], final: str) -> str:
    moved = _MOVED.format(kind=BoardSubjectKind.MEMBER.value)
    there = _THERE.format(
        moved=moved,
        added=_each(_ADDED, stretches),
        most=_each("max(a{k}) AS a{k}", stretches),
        active=_each("count(*) FILTER (WHERE a{k} > 0) AS a{k}", stretches),
        values=_each("({k}, a{k}, r{k})", stretches),
        counts=_each("({k}, a{k})", stretches),
        boards=REGION_BOARDS,
    )
    return statement(
        BoardSubjectKind.REGION,
        ",".join((*first, LIVE.format(cells=f"d.member_id IN ({moved})"))),
        SPREAD_REGIONS.format(above="true"),
        RANKED,
        final,
        there=[there],
        placed=f"{PLACED} UNION SELECT region_id FROM everybody",  # noqa: S608 - two texts of ours
        beside=_BESIDE,
    )


def _each(text: str, stretches: Sequence[Stretch]) -> str:
    return ", ".join(text.format(k=number) for number, _ in enumerate(stretches, start=1))
