"""What every board says, computed from the counted days alone: the truth that the sorted sets are a view of.

One chain of steps answers everything. `cells` are the counted days of each stretch of time, added up per learner and
place (those of streaks stay days); `spread` says on which boards and for whom each of them counts; `persons` adds them
up per learner; `totals` per subject, packed into the one score that orders boards (points * 2^25 + 2^25 - 1 - ticks
until they were reached; subject id descending among equals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kit.db import rows
from kit.paging import Ask
from kit.words import BoardMetric, BoardSubjectKind, OutletTier

FEWEST_ACTIVE = 5
"""A region with fewer learners active in the period is not ranked."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days [starts_on, ends_on). Ticks of `tick_seconds` are counted from `origin`."""

    starts_on: date
    ends_on: date
    origin: datetime
    tick_seconds: int


@dataclass(frozen=True, slots=True)
class BoardAsk:
    """What one board is asked: a page, the lines around `viewer`, those of `asked`. Page keys: [packed, subject id]."""

    page: Ask | None
    viewer: UUID | None
    radius: int
    asked: Sequence[UUID]


# $1-$4 the stretches, $5 the metrics; every statement here begins with these.
STRETCHES = """
    stretches AS (
        SELECT * FROM unnest($1::date[], $2::date[], $3::timestamptz[], $4::int[]) WITH ORDINALITY
            AS s (starts_on, ends_on, origin, tick, n))"""

LIVE = """
    cells AS MATERIALIZED (
        SELECT s.n, d.metric, d.member_id, d.outlet_id, d.region_id, d.tier,
               CASE WHEN d.metric = 'STREAK_DAYS' THEN d.day END AS day,
               sum(d.amount)::bigint AS amount, max(d.reached_at) AS reached_at
        FROM stretches s JOIN metric_days d ON d.day >= s.starts_on AND d.day < s.ends_on
        WHERE {cells} GROUP BY 1, 2, 3, 4, 5, 6, 7)"""

FROZEN = """
    cells AS MATERIALIZED (
        SELECT 1::bigint AS n, d.metric, d.member_id, d.outlet_id, d.region_id, d.tier, d.day, d.amount, d.reached_at
        FROM frozen_totals d WHERE d.period_id = {period} AND {cells})"""

# Only unsuspended learners are ranked; a snapshot holds no others.
RANKED = """member_id IN (
            SELECT m.id FROM members m WHERE m.suspended_at IS NULL AND EXISTS (
                SELECT 1 FROM role_grants g
                WHERE g.member_id = m.id AND g.role = 'LEARNER' AND g.revoked_at IS NULL))"""

IN_SNAPSHOT = "member_id IS NOT NULL"

UNDER = """d.region_id IN (
            SELECT r.id FROM regions r JOIN regions top ON starts_with(r.path, top.path) WHERE top.id = ANY({tops}))"""

TREE = """
    lineage AS (
        SELECT r.id AS region_id, r.id AS above_id, r.parent_id FROM regions r
        WHERE r.id IN (SELECT region_id FROM cells)
        UNION ALL
        SELECT l.region_id, r.id, r.parent_id FROM lineage l JOIN regions r ON r.id = l.parent_id),
    tops AS (
        SELECT id FROM regions WHERE kind = (
            SELECT kind FROM regions GROUP BY kind HAVING count(*) > 1
            ORDER BY array_position(ARRAY['PROVINCE', 'CITY', 'COUNTY', 'STATION'], kind::text) LIMIT 1))"""

# On every board that is kept: everyone, each region above, the tier, and station x tier.
SPREAD_WIDE = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, c.{subject} AS subject_id, b.region_id AS scope_region,
               b.tier AS scope_tier, c.day, c.amount, c.reached_at
        FROM cells c CROSS JOIN LATERAL (VALUES (NULL::uuid, NULL::text), (NULL, c.tier)) AS b (region_id, tier)
        UNION ALL
        SELECT c.n, c.metric, c.member_id, c.{subject}, l.above_id, NULL, c.day, c.amount, c.reached_at
        FROM cells c JOIN lineage l USING (region_id)
        UNION ALL
        SELECT c.n, c.metric, c.member_id, c.{subject}, c.region_id, c.tier, c.day, c.amount, c.reached_at
        FROM cells c JOIN regions r ON r.id = c.region_id AND r.kind = 'STATION')"""

# A region stands among its siblings, and on the boards without a region if it is of the highest level that has several.
SPREAD_REGIONS = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, l.above_id AS subject_id, b.region_id AS scope_region, b.tier AS scope_tier,
               c.day, c.amount, c.reached_at
        FROM cells c JOIN lineage l USING (region_id) CROSS JOIN LATERAL (
            SELECT l.parent_id, NULL::text WHERE l.parent_id IS NOT NULL
            UNION ALL SELECT NULL, NULL WHERE l.above_id IN (SELECT id FROM tops)
            UNION ALL SELECT NULL, c.tier WHERE l.above_id IN (SELECT id FROM tops)) AS b (region_id, tier)
        WHERE {above})"""

# On one board alone, whose scope the cells were chosen for.
SPREAD_ONE = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, c.{subject} AS subject_id, NULL::uuid AS scope_region,
               NULL::text AS scope_tier, c.day, c.amount, c.reached_at
        FROM cells c)"""
SPREAD_ONE_OF_REGIONS = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, l.above_id AS subject_id, NULL::uuid AS scope_region,
               NULL::text AS scope_tier, c.day, c.amount, c.reached_at
        FROM cells c JOIN lineage l USING (region_id)
        WHERE CASE WHEN $6::uuid IS NULL THEN l.above_id IN (SELECT id FROM tops) ELSE l.parent_id = $6 END)"""

# A streak is the longest run of learned days; it was reached with the last day of the earliest run that long.
PERSONS = """
    learned AS (
        SELECT n, member_id, subject_id, scope_region, scope_tier, day, max(reached_at) AS reached_at
        FROM spread WHERE metric = 'STREAK_DAYS' GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(amount) > 0),
    numbered AS (
        SELECT *, day - row_number() OVER (
            PARTITION BY n, member_id, subject_id, scope_region, scope_tier ORDER BY day)::int AS run
        FROM learned),
    runs AS (
        SELECT n, member_id, subject_id, scope_region, scope_tier, count(*) AS days, max(day) AS last_day,
               (array_agg(reached_at ORDER BY day DESC))[1] AS reached_at
        FROM numbered GROUP BY 1, 2, 3, 4, 5, run),
    persons AS (
        SELECT n, metric::text AS metric, member_id, subject_id, scope_region, scope_tier,
               sum(amount)::bigint AS amount, max(reached_at) AS reached_at
        FROM spread WHERE metric <> 'STREAK_DAYS' GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        (SELECT DISTINCT ON (n, member_id, subject_id, scope_region, scope_tier)
                n, 'STREAK_DAYS', member_id, subject_id, scope_region, scope_tier, days, reached_at
         FROM runs ORDER BY n, member_id, subject_id, scope_region, scope_tier, days DESC, last_day))"""

SUMS = {
    BoardSubjectKind.MEMBER: """
    sums AS (
        SELECT n, metric, subject_id, scope_region, scope_tier, amount AS points, reached_at
        FROM persons WHERE amount > 0 AND {ranked})""",
    BoardSubjectKind.OUTLET: """
    sums AS (
        SELECT n, metric, subject_id, scope_region, scope_tier, sum(amount)::bigint AS points,
               max(reached_at) AS reached_at
        FROM persons WHERE amount > 0 AND {ranked} GROUP BY 1, 2, 3, 4, 5)""",
    # The average of the learners who did anything at all that is counted, rounded half up.
    BoardSubjectKind.REGION: """
    active AS (
        SELECT n, subject_id, scope_region, scope_tier, count(DISTINCT member_id) AS learners
        FROM spread WHERE amount > 0 AND {ranked} GROUP BY 1, 2, 3, 4),
    sums AS (
        SELECT p.n, p.metric, p.subject_id, p.scope_region, p.scope_tier,
               ((2 * sum(p.amount)::bigint + a.learners) / (2 * a.learners))::bigint AS points,
               max(p.reached_at) AS reached_at
        FROM persons p JOIN active a ON (a.n, a.subject_id) = (p.n, p.subject_id)
             AND a.scope_region IS NOT DISTINCT FROM p.scope_region AND a.scope_tier IS NOT DISTINCT FROM p.scope_tier
        WHERE p.amount > 0 AND p.metric = ANY($5) AND a.learners >= {fewest} AND p.{ranked}
        GROUP BY 1, 2, 3, 4, 5, a.learners)""",
}

TOTALS = """
    totals AS (
        SELECT u.n, u.metric, u.subject_id, u.scope_region, u.scope_tier,
               least(u.points, 268435455) * 33554432 + 33554431 - least(33554431, greatest(0,
                   floor(extract(epoch FROM u.reached_at - s.origin))::bigint / s.tick)) AS packed
        FROM sums u JOIN stretches s USING (n) WHERE u.points > 0)"""

OF_SOME_SUBJECTS = """
    SELECT p.n, p.metric, p.subject_id, p.scope_region, p.scope_tier, coalesce(t.packed, 0) AS packed
    FROM (SELECT DISTINCT n, metric, subject_id, scope_region, scope_tier FROM spread WHERE metric = ANY($5)) p
    LEFT JOIN totals t ON (t.n, t.metric, t.subject_id) = (p.n, p.metric, p.subject_id)
         AND t.scope_region IS NOT DISTINCT FROM p.scope_region AND t.scope_tier IS NOT DISTINCT FROM p.scope_tier"""

OF_ALL_SUBJECTS = """
    SELECT t.n, t.subject_id, t.scope_region, t.scope_tier, t.packed, coalesce(v.version, 0) AS version
    FROM totals t LEFT JOIN board_versions v ON v.subject_kind = $8 AND v.subject_id = t.subject_id
    ORDER BY t.subject_id"""

LINES = """,
    lines AS MATERIALIZED (
        SELECT subject_id, packed, row_number() OVER (ORDER BY packed DESC, subject_id DESC) AS position,
               rank() OVER (ORDER BY packed >> 25 DESC) AS rank,
               count(*) OVER (PARTITION BY packed >> 25) - 1 AS tied
        FROM totals WHERE n = 1),
    past AS (
        SELECT subject_id, row_number() OVER (ORDER BY packed DESC, subject_id DESC) AS was FROM totals WHERE n = 2),
    me AS (SELECT * FROM lines WHERE subject_id = $13),
    answer AS (
        (SELECT 1 AS part, lines.* FROM lines
         WHERE ($9::bigint IS NULL OR (packed, subject_id) < ($9, $10::uuid))
           AND ($11::bigint IS NULL OR (packed, subject_id) > ($11, $12::uuid))
         ORDER BY position {direction} LIMIT $8)
        UNION ALL
        SELECT 2, lines.* FROM lines JOIN me ON lines.position BETWEEN me.position - $14::int AND me.position + $14
        UNION ALL
        SELECT 3, lines.* FROM lines WHERE subject_id = ANY($15::uuid[])
        UNION ALL
        (SELECT 4, lines.* FROM lines JOIN me ON lines.packed >> 25 > me.packed >> 25
         ORDER BY lines.position DESC LIMIT 1)
        UNION ALL
        SELECT 5, NULL, 0, count(*), 0, 0 FROM lines)
    SELECT (ARRAY['page', 'around', 'asked', 'ahead', 'count'])[part] AS part,
           subject_id, packed, position, rank, tied, was
    FROM answer LEFT JOIN past USING (subject_id)
    ORDER BY part = 1 DESC, CASE WHEN part = 1 AND '{direction}' = 'DESC' THEN -position ELSE position END
"""

SUBJECT = {BoardSubjectKind.MEMBER: "member_id", BoardSubjectKind.OUTLET: "outlet_id"}


async def subject_scores(
    kind: BoardSubjectKind, subject_ids: Sequence[UUID], metrics: Sequence[BoardMetric], stretches: Sequence[Stretch]
) -> list[dict[str, Any]]:
    """Some subjects on every kept board of each stretch where they ever had anything to show.

    As {n, metric, subject_id, scope_region, scope_tier, packed}, n from 1 in the order of `stretches`, packed 0: not
    ranked.
    """
    if kind is BoardSubjectKind.REGION:
        chosen = UNDER.format(tops="$6::uuid[]")
        spread = SPREAD_REGIONS.format(above="l.above_id = ANY($6)")
    else:
        chosen = f"d.{SUBJECT[kind]} = ANY($6::uuid[]) AND d.metric = ANY($5)"
        spread = SPREAD_WIDE.format(subject=SUBJECT[kind])
    return await rows(
        _statement(kind, LIVE.format(cells=chosen), spread, RANKED, OF_SOME_SUBJECTS),
        *_columns(stretches),
        [metric.value for metric in metrics],
        list(subject_ids),
    )


async def all_scores(
    kind: BoardSubjectKind, metric: BoardMetric, stretches: Sequence[Stretch], part: int, parts: int
) -> list[dict[str, Any]]:
    """Everyone on every kept board of a metric, as {n, subject_id, scope_region, scope_tier, packed, version}.

    `part` of `parts` (from 0) divides the subjects; regions are few and are not divided. The version is the one under
    which the subject was last projected, 0 if never: what is read here is at least as new.
    """
    if kind is BoardSubjectKind.REGION:
        chosen, spread = "$6::int = $7::int - 1", SPREAD_REGIONS.format(above="true")
    else:
        chosen = f"d.metric = ANY($5) AND get_byte(uuid_send(d.{SUBJECT[kind]}), 15) % $7::int = $6::int"
        spread = SPREAD_WIDE.format(subject=SUBJECT[kind])
    return await rows(
        _statement(kind, LIVE.format(cells=chosen), spread, RANKED, OF_ALL_SUBJECTS),
        *_columns(stretches),
        [metric.value],
        part,
        parts,
        kind.value,
    )


async def cells_between(metric: BoardMetric, starts_on: date, ends_on: date) -> int:
    """How many counted days `all_scores` has to read, about."""
    [row] = await rows(
        "SELECT count(*) AS cells FROM metric_days WHERE metric = $1 AND day >= $2 AND day < $3",
        metric.value,
        starts_on,
        ends_on,
    )
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
    "ahead" (the next who has more points than the viewer), "count" (its `position` is how many are ranked). `was` is
    the position by the second stretch. `frozen_period`: read the snapshot of that period instead of the counted days.
    """
    region_id, tier = scope
    under = UNDER.format(tops="ARRAY[$6]")
    chosen = f"($6::uuid IS NULL OR {under}) AND ($7::text IS NULL OR d.tier = $7)"
    if kind is BoardSubjectKind.REGION:
        spread = SPREAD_ONE_OF_REGIONS
    else:
        chosen += " AND d.metric = ANY($5)"
        spread = SPREAD_ONE.format(subject=SUBJECT[kind])
    cells = FROZEN.format(period="$16", cells=chosen) if frozen_period else LIVE.format(cells=chosen)
    page = ask.page or Ask(limit=0)
    lines = LINES.format(direction="DESC" if page.backwards else "ASC")
    after, before = page.after or (None, None), page.before or (None, None)
    return await rows(
        _statement(kind, cells, spread, IN_SNAPSHOT if frozen_period else RANKED, lines),
        *_columns(stretches),
        [metric.value],
        region_id,
        tier.value if tier else None,
        page.limit + 1 if ask.page else 0,
        *after,
        *before,
        ask.viewer,
        ask.radius,
        [*ask.asked, *([ask.viewer] if ask.viewer else [])],
        *([frozen_period] if frozen_period else []),
    )


def _statement(kind: BoardSubjectKind, cells: str, spread: str, ranked: str, final: str) -> str:
    sums = SUMS[kind].format(ranked=ranked, fewest=FEWEST_ACTIVE)
    return "WITH RECURSIVE " + ",".join((STRETCHES, cells, TREE, spread, PERSONS, sums, TOTALS)) + final


def _columns(stretches: Sequence[Stretch]) -> tuple[list[object], ...]:
    return (
        [each.starts_on for each in stretches],
        [each.ends_on for each in stretches],
        [each.origin for each in stretches],
        [each.tick_seconds for each in stretches],
    )
