"""The steps by which `models/standings.py` computes boards, each the text of one or more common table expressions.

`cells` are the counted days of each stretch of time, added up per learner and place (those of streaks stay days);
`counted` adds up the streaks of those who stayed in one place; `spread` says on which boards and for whom each of them
counts; `persons` adds them up per learner; `totals` per subject, packed into the one score that orders boards
(points * 2^25 + 2^25 - 1 - ticks until they were reached; subject id descending among equals).
"""

from collections.abc import Sequence

from kit.words import BoardSubjectKind, OutletTier

FEWEST_ACTIVE = 5
"""A region with fewer learners active in the period is not ranked."""

# $1-$6 the stretches, $7 the metrics; every statement here begins with these.
STRETCHES = """
    stretches AS (
        SELECT * FROM unnest($1::int[], $2::bool[], $3::date[], $4::date[], $5::timestamptz[], $6::int[])
            WITH ORDINALITY AS s (period, is_past, starts_on, ends_on, origin, tick, n))"""

LIVE = """
    cells AS MATERIALIZED (
        SELECT s.n, d.metric::text AS metric, d.member_id, d.outlet_id, d.region_id, d.tier::text AS tier,
               CASE WHEN d.metric = 'STREAK_DAYS' THEN d.day END AS day,
               sum(d.amount)::bigint AS amount, max(d.reached_at) AS reached_at
        FROM stretches s JOIN metric_days d ON d.day >= s.starts_on AND d.day < s.ends_on
        WHERE {cells} GROUP BY 1, 2, 3, 4, 5, 6, 7)"""

FROZEN = """
    cells AS MATERIALIZED (
        SELECT 1::bigint AS n, d.metric::text AS metric, d.member_id, d.outlet_id, d.region_id, d.tier::text AS tier,
               CASE WHEN d.metric = 'STREAK_DAYS' THEN d.day END AS day, d.amount, d.reached_at
        FROM frozen_totals d WHERE d.period_id = {period} AND {cells})"""

# Only unsuspended learners are ranked; a snapshot holds no others.
RANKED = """member_id IN (
            SELECT m.id FROM members m WHERE m.suspended_at IS NULL AND EXISTS (
                SELECT 1 FROM role_grants g
                WHERE g.member_id = m.id AND g.role = 'LEARNER' AND g.revoked_at IS NULL))"""
IN_SNAPSHOT = "member_id IS NOT NULL"

UNDER = """d.region_id IN (
            SELECT r.id FROM regions r JOIN regions top ON starts_with(r.path, top.path) WHERE top.id = ANY({tops}))"""

PLACED = "SELECT region_id FROM cells"
TREE = """
    lineage AS (
        SELECT r.id AS region_id, r.id AS above_id, r.parent_id FROM regions r
        WHERE r.id IN ({placed})
        UNION ALL
        SELECT l.region_id, r.id, r.parent_id FROM lineage l JOIN regions r ON r.id = l.parent_id),
    tops AS (
        SELECT id FROM regions WHERE kind = (
            SELECT kind FROM regions GROUP BY kind HAVING count(*) > 1
            ORDER BY array_position(ARRAY['PROVINCE', 'CITY', 'COUNTY', 'STATION'], kind::text) LIMIT 1))"""

# A streak is the longest run of learned days; it was reached with the last day of the earliest run that long.
RUNS = """
    {name}_days AS (
        SELECT *, day - row_number() OVER (PARTITION BY {keys} ORDER BY day)::int AS run FROM {source}),
    {name}_runs AS (
        SELECT {keys}, count(*) AS amount, max(day) AS last_day,
               (array_agg(reached_at ORDER BY day DESC))[1] AS reached_at
        FROM {name}_days GROUP BY {keys}, run),
    {name} AS (
        SELECT DISTINCT ON ({keys}) {keys}, amount, reached_at FROM {name}_runs
        ORDER BY {keys}, amount DESC, last_day)"""

# Streaks are no sums: who moved meanwhile needs a run of days for each board, all others have the same on each.
STAYED = """
    learning_days AS MATERIALIZED (
        SELECT *, (n, member_id) IN (
            SELECT n, member_id FROM cells WHERE metric = 'STREAK_DAYS' GROUP BY 1, 2
            HAVING count(DISTINCT (outlet_id, region_id, tier)) > 1) AS moved
        FROM cells WHERE metric = 'STREAK_DAYS'),
    learned_there AS (SELECT * FROM learning_days WHERE NOT moved AND amount > 0)"""
STAYED_STREAKS = RUNS.format(
    name="stayed_streaks", source="learned_there", keys="n, member_id, outlet_id, region_id, tier"
)
COUNTED = """
    counted AS (
        SELECT n, metric, member_id, outlet_id, region_id, tier, NULL::date AS day, amount, reached_at
        FROM cells WHERE metric = ANY($7) AND metric <> 'STREAK_DAYS'
        UNION ALL
        SELECT DISTINCT n, metric, member_id, outlet_id, region_id, tier, NULL::date, 0, NULL::timestamptz
        FROM learning_days WHERE NOT moved AND metric = ANY($7)
        UNION ALL
        SELECT n, 'STREAK_DAYS', member_id, outlet_id, region_id, tier, NULL, amount, reached_at
        FROM stayed_streaks WHERE 'STREAK_DAYS' = ANY($7)
        UNION ALL
        SELECT n, metric, member_id, outlet_id, region_id, tier, day, amount, reached_at
        FROM learning_days WHERE moved AND metric = ANY($7)
        UNION ALL
        SELECT DISTINCT n, 'ACTIVE', member_id, NULL::uuid, region_id, tier, NULL::date, 1, NULL::timestamptz
        FROM cells WHERE {averages} AND amount > 0)"""

# On every board that is kept: everyone, each region above, the tier, and station x tier.
SPREAD_WIDE = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, c.{subject} AS subject_id, b.scope, c.day, c.amount, c.reached_at
        FROM counted c CROSS JOIN LATERAL (VALUES ('-.-'), ('-.' || c.tier)) AS b (scope)
        UNION ALL
        SELECT c.n, c.metric, c.member_id, c.{subject}, l.above_id || '.-', c.day, c.amount, c.reached_at
        FROM counted c JOIN lineage l USING (region_id)
        UNION ALL
        SELECT c.n, c.metric, c.member_id, c.{subject}, c.region_id || '.' || c.tier, c.day, c.amount, c.reached_at
        FROM counted c JOIN regions r ON r.id = c.region_id AND r.kind = 'STATION')"""

# A region stands among its siblings, and on the boards without a region if it is of the highest level that has several.
REGION_BOARDS = """lineage l USING (region_id) CROSS JOIN LATERAL (
            SELECT l.parent_id || '.-' WHERE l.parent_id IS NOT NULL
            UNION ALL SELECT '-.-' WHERE l.above_id IN (SELECT id FROM tops)
            UNION ALL SELECT '-.' || c.tier WHERE l.above_id IN (SELECT id FROM tops)) AS b (scope)"""
SPREAD_REGIONS = f"""
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, l.above_id AS subject_id, b.scope, c.day, c.amount, c.reached_at
        FROM counted c JOIN {REGION_BOARDS}
        WHERE {{above}})"""  # noqa: S608 - the text above

# On one board alone, whose scope the cells were chosen for.
SPREAD_ONE = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, c.{subject} AS subject_id, '' AS scope, c.day, c.amount, c.reached_at
        FROM counted c)"""
SPREAD_ONE_OF_REGIONS = """
    spread AS MATERIALIZED (
        SELECT c.n, c.metric, c.member_id, l.above_id AS subject_id, '' AS scope, c.day, c.amount, c.reached_at
        FROM counted c JOIN lineage l USING (region_id)
        WHERE CASE WHEN $8::uuid IS NULL THEN l.above_id IN (SELECT id FROM tops) ELSE l.parent_id = $8 END)"""

LEARNED = """
    learned AS (
        SELECT n, member_id, subject_id, scope, day, max(reached_at) AS reached_at
        FROM spread WHERE day IS NOT NULL GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) > 0)"""
STREAKS = RUNS.format(name="streaks", source="learned", keys="n, member_id, subject_id, scope")
PERSONS = """
    persons AS MATERIALIZED (
        SELECT n, metric, member_id, subject_id, scope, sum(amount)::bigint AS amount, max(reached_at) AS reached_at
        FROM spread WHERE day IS NULL GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT n, 'STREAK_DAYS', member_id, subject_id, scope, amount, reached_at FROM streaks)"""

SUMS = {
    BoardSubjectKind.MEMBER: """
    sums AS (
        SELECT n, metric, subject_id, scope, amount AS points, reached_at
        FROM persons WHERE amount > 0 AND {ranked})""",
    BoardSubjectKind.OUTLET: """
    sums AS (
        SELECT n, metric, subject_id, scope, sum(amount)::bigint AS points, max(reached_at) AS reached_at
        FROM persons WHERE amount > 0 AND {ranked} GROUP BY 1, 2, 3, 4)""",
    # The average of the learners who did anything at all that is counted, rounded half up.
    BoardSubjectKind.REGION: """
    learners AS (
        SELECT n, metric, subject_id, scope, CASE WHEN metric = 'ACTIVE' THEN 1 ELSE amount END AS amount, reached_at
        FROM persons WHERE amount > 0 AND {ranked} {beside}),
    active AS (
        SELECT n, subject_id, scope, sum(amount)::bigint AS learners
        FROM learners WHERE metric = 'ACTIVE' GROUP BY 1, 2, 3 HAVING sum(amount) >= {fewest}),
    added AS (
        SELECT n, metric, subject_id, scope, sum(amount)::bigint AS amount, max(reached_at) AS reached_at
        FROM learners WHERE metric = ANY($7) GROUP BY 1, 2, 3, 4),
    sums AS (
        SELECT n, metric, subject_id, scope, (2 * amount + learners) / (2 * learners) AS points, reached_at
        FROM added JOIN active USING (n, subject_id, scope))""",
}


def packed(points: str, reached_at: str, origin: str, tick: str) -> str:
    """`gamification.scores.pack` in SQL, of expressions."""
    ticks = f"floor(extract(epoch FROM {reached_at} - {origin}))::bigint / {tick}"
    return f"least({points}, 268435455) * 33554432 + 33554431 - least(33554431, greatest(0, {ticks}))"


TOTALS = f"""
    totals AS (
        SELECT u.n, u.metric, u.subject_id, u.scope,
               {packed("u.points", "u.reached_at", "s.origin", "s.tick")} AS packed
        FROM sums u JOIN stretches s USING (n) WHERE u.points > 0)"""  # noqa: S608 - the text above

# Also where the subject is not ranked: it may have to leave a board.
OF_SOME_SUBJECTS = """,
    scores AS (
        SELECT s.period, p.metric, p.subject_id, p.scope, coalesce(max(packed) FILTER (WHERE NOT is_past), 0) AS now,
               coalesce(max(packed) FILTER (WHERE is_past), 0) AS past
        FROM (SELECT DISTINCT n, metric, subject_id, scope FROM spread WHERE metric <> 'ACTIVE') p
        JOIN stretches s USING (n) LEFT JOIN totals t USING (n, metric, subject_id, scope) GROUP BY 1, 2, 3, 4)
    SELECT period, metric, subject_id, array_agg(scope) AS scopes, array_agg(now) AS now, array_agg(past) AS past
    FROM scores GROUP BY 1, 2, 3"""

# The regions $8 on every board they can stand on, those where they have nothing among them.
OF_REGIONS = f""",
    stands AS (
        SELECT r.id AS subject_id, b.scope
        FROM regions r CROSS JOIN LATERAL (
            SELECT r.parent_id || '.-' WHERE r.parent_id IS NOT NULL
            UNION ALL SELECT '-.' || tier FROM unnest(ARRAY{["-", *(tier.value for tier in OutletTier)]}) AS tier
            WHERE r.id IN (SELECT id FROM tops)
        ) AS b (scope) WHERE r.id = ANY($8::uuid[])),
    scores AS (
        SELECT period, metric, subject_id, scope, max(now) AS now, max(past) AS past
        FROM (
            SELECT s.period, m.metric, p.subject_id, p.scope, 0::bigint AS now, 0::bigint AS past
            FROM stands p CROSS JOIN unnest($7::text[]) AS m (metric) CROSS JOIN stretches s WHERE NOT s.is_past
            UNION ALL
            SELECT s.period, t.metric, t.subject_id, t.scope, CASE WHEN s.is_past THEN 0 ELSE packed END,
                   CASE WHEN s.is_past THEN packed ELSE 0 END
            FROM totals t JOIN stretches s USING (n) WHERE t.subject_id = ANY($8::uuid[])
        ) either GROUP BY 1, 2, 3, 4)
    SELECT period, metric, subject_id, array_agg(scope) AS scopes, array_agg(now) AS now, array_agg(past) AS past
    FROM scores GROUP BY 1, 2, 3"""  # noqa: S608 - words of ours

OF_ALL_SUBJECTS = """,
    scores AS (
        SELECT s.period, t.metric, t.subject_id, t.scope, coalesce(max(packed) FILTER (WHERE NOT is_past), 0) AS now,
               coalesce(max(packed) FILTER (WHERE is_past), 0) AS past
        FROM totals t JOIN stretches s USING (n) GROUP BY 1, 2, 3, 4)
    SELECT c.period, c.metric, c.subject_id, coalesce(max(v.version), 0) AS version,
           array_agg(c.scope) AS scopes, array_agg(c.now) AS now, array_agg(c.past) AS past
    FROM scores c LEFT JOIN board_versions v ON v.subject_kind = {kind} AND v.subject_id = c.subject_id
    GROUP BY 1, 2, 3"""

LINES = """,
    lines AS MATERIALIZED (
        SELECT subject_id, packed, row_number() OVER (ORDER BY packed DESC, subject_id DESC) AS position,
               rank() OVER (ORDER BY packed >> 25 DESC) AS rank,
               count(*) OVER (PARTITION BY packed >> 25) - 1 AS tied
        FROM totals WHERE n = 1),
    past AS (
        SELECT subject_id, row_number() OVER (ORDER BY packed DESC, subject_id DESC) AS was FROM totals WHERE n = 2),
    me AS (SELECT * FROM lines WHERE subject_id = $15),
    answer AS (
        (SELECT 1 AS part, lines.* FROM lines
         WHERE ($11::bigint IS NULL OR (packed, subject_id) < ($11, $12::uuid))
           AND ($13::bigint IS NULL OR (packed, subject_id) > ($13, $14::uuid))
         ORDER BY position {direction} LIMIT $10)
        UNION ALL
        SELECT 2, lines.* FROM lines JOIN me ON lines.position BETWEEN me.position - $16::int AND me.position + $16
        UNION ALL
        SELECT 3, lines.* FROM lines WHERE subject_id = ANY($17::uuid[])
        UNION ALL
        (SELECT 4, lines.* FROM lines JOIN me ON lines.packed >> 25 > me.packed >> 25
         ORDER BY lines.position DESC LIMIT 1)
        UNION ALL
        SELECT 5, NULL, 0, count(*), 0, 0 FROM lines
        UNION ALL
        SELECT 6, lines.* FROM lines WHERE position = $18::int)
    SELECT (ARRAY['page', 'around', 'asked', 'ahead', 'count', 'place'])[part] AS part,
           subject_id, packed, position, rank, tied, was
    FROM answer LEFT JOIN past USING (subject_id)
    ORDER BY part = 1 DESC, CASE WHEN part = 1 AND '{direction}' = 'DESC' THEN -position ELSE position END
"""

TOP_LINES = """,
    lines AS (
        SELECT subject_id, row_number() OVER (ORDER BY packed DESC, subject_id DESC) AS position,
               rank() OVER (ORDER BY packed >> 25 DESC) AS rank
        FROM totals)
    SELECT * FROM lines WHERE {place} <= $11 ORDER BY position"""

SUBJECT = {BoardSubjectKind.MEMBER: "member_id", BoardSubjectKind.OUTLET: "outlet_id"}


def statement(
    kind: BoardSubjectKind,
    cells: str,
    spread: str,
    ranked: str,
    final: str,
    *,
    placed: str = PLACED,
    there: Sequence[str] = (),
    beside: str = "",
) -> str:
    """The whole chain, ending in `final`; the other parts are those that vary.

    `placed`: the regions where anybody learned. `there`: steps that need the tree. `beside`: a UNION ALL of learners
    of regions that are added up already, as {n, metric, subject_id, scope, amount, reached_at}.
    """
    counted = COUNTED.format(averages="true" if kind is BoardSubjectKind.REGION else "false")
    sums = SUMS[kind].format(ranked=ranked, fewest=FEWEST_ACTIVE, beside=beside)
    tree = TREE.format(placed=placed)
    streaks = (STAYED, STAYED_STREAKS, counted, spread, LEARNED, STREAKS)
    return "WITH RECURSIVE " + ",".join((STRETCHES, cells, tree, *there, *streaks, PERSONS, sums, TOTALS)) + final
