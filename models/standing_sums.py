"""Every board of one period at once, for building and verifying them: the counted days are read one single time.

`models/standings.py` answers any question about any board, and spreads every learner over all boards they stand on
before it adds up. That is plain, and the oracle of what is here; of a year of a whole city it takes minutes. Here
it is used that nearly everybody learns in one place: such a subject has the same score on every board of its place, so
it is added up once, for now and for the past midnight together; and regions are added up from stations instead of
persons. Whoever learned in more than one place is left to the plain way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kit.db import execute, rows
from kit.words import BoardMetric, BoardSubjectKind
from models.standing_steps import (
    LIVE,
    OF_ALL_SUBJECTS,
    OF_REGIONS,
    PLACED,
    RANKED,
    REGION_BOARDS,
    SPREAD_REGIONS,
    STRETCHES,
    SUBJECT,
    packed,
    statement,
)
from models.standings import IdRange, Stretch, all_scores, columns

# $1-$6 the stretches: the period, and where it has one its past, which ends sooner. $7 the metrics, $8 the kind.
_ROOM = "SET LOCAL work_mem = '64MB'"
_PERIOD = "d.day >= ($3::date[])[1] AND d.day < ($4::date[])[1]"
_BEFORE = "FILTER (WHERE day < ($4::date[])[2])"
_RANGE = "d.{subject} > $9::uuid AND d.{subject} <= $10::uuid"

# A run that reaches into today was a shorter one at midnight. `reached_at` lies on its day: the last is the greatest.
_EVERYBODY = f"""
    day_sums AS (
        SELECT d.metric::text AS metric, d.member_id, d.outlet_id, d.region_id, d.tier::text AS tier,
               sum(d.amount)::bigint AS now, max(d.reached_at) AS now_at,
               coalesce(sum(d.amount) {_BEFORE}, 0)::bigint AS past, max(d.reached_at) {_BEFORE} AS past_at
        FROM metric_days d WHERE {_PERIOD} AND d.metric <> 'STREAK_DAYS' AND {{chosen}} GROUP BY 1, 2, 3, 4, 5),
    run_days AS (
        SELECT d.member_id, d.outlet_id, d.region_id, d.tier::text AS tier, d.day, d.reached_at, d.day - row_number()
                   OVER (PARTITION BY d.member_id, d.outlet_id, d.region_id, d.tier ORDER BY d.day)::int AS run
        FROM metric_days d WHERE {_PERIOD} AND d.metric = 'STREAK_DAYS' AND d.amount > 0 AND {{chosen}}),
    runs AS MATERIALIZED (
        SELECT member_id, outlet_id, region_id, tier, run, count(*) AS now, max(reached_at) AS now_at,
               count(*) {_BEFORE} AS past, max(reached_at) {_BEFORE} AS past_at
        FROM run_days GROUP BY 1, 2, 3, 4, 5),
    longest AS (
        SELECT DISTINCT ON (member_id, outlet_id, region_id, tier) * FROM runs
        ORDER BY member_id, outlet_id, region_id, tier, now DESC, run),
    longest_before AS (
        SELECT DISTINCT ON (member_id, outlet_id, region_id, tier) * FROM runs WHERE past > 0
        ORDER BY member_id, outlet_id, region_id, tier, past DESC, run),
    everybody AS MATERIALIZED (
        SELECT * FROM day_sums
        UNION ALL
        SELECT 'STREAK_DAYS', member_id, outlet_id, region_id, tier, l.now, l.now_at, coalesce(b.past, 0), b.past_at
        FROM longest l LEFT JOIN longest_before b USING (member_id, outlet_id, region_id, tier)),
    elsewhere AS MATERIALIZED (
        SELECT {{subject}} AS subject_id FROM (SELECT DISTINCT {{subject}}, {{place}} FROM everybody) places
        GROUP BY 1 HAVING count(*) > 1),
    settled AS MATERIALIZED (
        SELECT * FROM everybody WHERE {RANKED} AND {{subject}} NOT IN (SELECT subject_id FROM elsewhere))"""  # noqa: S608 - the texts above

_SCORED = {
    BoardSubjectKind.MEMBER: """
    scored AS (SELECT metric, member_id AS subject_id, region_id, tier, now, now_at, past, past_at FROM settled)""",
    BoardSubjectKind.OUTLET: """
    scored AS (
        SELECT metric, outlet_id AS subject_id, region_id, tier,
               coalesce(sum(now) FILTER (WHERE now > 0), 0)::bigint AS now,
               coalesce(sum(past) FILTER (WHERE past > 0), 0)::bigint AS past,
               max(now_at) FILTER (WHERE now > 0) AS now_at, max(past_at) FILTER (WHERE past > 0) AS past_at
        FROM settled GROUP BY 1, 2, 3, 4)""",
}
# Whoever was in several places comes as a line without a metric.
_ORIGIN, _TICK = "($5::timestamptz[])[1]", "($6::int[])[1]"
_PLACED = f"""
    SELECT s.metric, s.subject_id, s.region_id, s.tier, coalesce(v.version, 0) AS version,
           CASE WHEN now > 0 THEN {packed("now", "now_at", _ORIGIN, _TICK)} ELSE 0 END AS now,
           CASE WHEN past > 0 THEN {packed("past", "past_at", _ORIGIN, _TICK)} ELSE 0 END AS past
    FROM scored s LEFT JOIN board_versions v ON v.subject_kind = $8 AND v.subject_id = s.subject_id
    WHERE s.metric = ANY($7) AND (now > 0 OR past > 0)
    UNION ALL
    SELECT NULL, subject_id, NULL, NULL, 0, 0, 0 FROM elsewhere"""  # noqa: S608 - the texts above

# Who learned in one place, added up per station and tier: n is 1 for now and 2 for the past.
_THERE = f"""
    there AS (
        SELECT 1::bigint AS n, metric, region_id, tier, sum(now)::bigint AS amount, max(now_at) AS reached_at
        FROM settled WHERE now > 0 GROUP BY 2, 3, 4
        UNION ALL
        SELECT 2, metric, region_id, tier, sum(past)::bigint, max(past_at) FROM settled WHERE past > 0 GROUP BY 2, 3, 4
        UNION ALL
        SELECT n, 'ACTIVE', region_id, tier, count(*), NULL
        FROM (SELECT DISTINCT n, member_id, region_id, tier FROM settled
              CROSS JOIN LATERAL (VALUES (1::bigint, now), (2, past)) AS t (n, amount) WHERE amount > 0) active
        GROUP BY 1, 3, 4),
    there_spread AS (
        SELECT c.n, c.metric, l.above_id AS subject_id, b.scope, sum(c.amount)::bigint AS amount,
               max(c.reached_at) AS reached_at
        FROM there c JOIN {REGION_BOARDS} GROUP BY 1, 2, 3, 4)"""  # noqa: S608 - the text above
_SETTLED_THERE = "SELECT region_id FROM settled"
_BESIDE = "UNION ALL SELECT n, metric, subject_id, scope, amount, reached_at FROM there_spread"


@dataclass(frozen=True, slots=True)
class Whole:
    """All boards of one period and kind of subject, or a part of the subjects.

    `placed`: {metric, subject_id, region_id, tier, now, past, version}, one score on all boards of the place.
    `spread`: {metric, subject_id, scopes, now, past, version}, a score for each board; regions, and who moved.
    """

    placed: list[dict[str, Any]]
    spread: list[dict[str, Any]]


async def whole_boards(
    kind: BoardSubjectKind, metrics: Sequence[BoardMetric], stretches: Sequence[Stretch], subjects: IdRange
) -> Whole:
    """Everyone on every kept board of one period. `subjects` are those to read, of `id_ranges`; regions are all read.

    Inside the caller's transaction, which has more memory to sort in from here on. The version is the one under which
    the subject was last projected, 0 if never: what is read is at least as new.
    """
    await execute(_ROOM)
    arguments = (*columns(stretches), [metric.value for metric in metrics], kind.value)
    if kind is BoardSubjectKind.REGION:
        return Whole([], await rows(_of_regions(OF_ALL_SUBJECTS.format(kind="$8")), *arguments))
    found = await rows(_of_placed(kind), *arguments, *subjects)
    moved = [row["subject_id"] for row in found if row["metric"] is None]
    return Whole(
        [row for row in found if row["metric"] is not None],
        await all_scores(kind, metrics, stretches, moved) if moved else [],
    )


async def region_scores(
    region_ids: Sequence[UUID], metrics: Sequence[BoardMetric], stretches: Sequence[Stretch]
) -> list[dict[str, Any]]:
    """Regions on every kept board of one period that they can stand on, as {metric, subject_id, scopes, now, past}.

    Scopes, now and past go together; a score of 0 is not ranked. Inside the caller's transaction, as `whole_boards`.
    """
    await execute(_ROOM)
    named = [metric.value for metric in metrics]
    return await rows(_of_regions(OF_REGIONS), *columns(stretches), named, BoardSubjectKind.REGION, list(region_ids))


def _of_placed(kind: BoardSubjectKind) -> str:
    subject = SUBJECT[kind]
    place = "outlet_id, region_id, tier" if kind is BoardSubjectKind.MEMBER else "region_id, tier"
    everybody = _EVERYBODY.format(chosen=_RANGE.format(subject=subject), subject=subject, place=place)
    return "WITH " + ",".join((STRETCHES, everybody, _SCORED[kind])) + _PLACED


def _of_regions(final: str) -> str:
    everybody = _EVERYBODY.format(chosen="$8 = 'REGION'", subject="member_id", place="outlet_id, region_id, tier")
    moved = LIVE.format(cells="d.member_id IN (SELECT subject_id FROM elsewhere)")
    return statement(
        BoardSubjectKind.REGION,
        f"{everybody},{moved}",
        SPREAD_REGIONS.format(above="true"),
        RANKED,
        final,
        there=[_THERE],
        placed=f"{PLACED} UNION {_SETTLED_THERE}",
        beside=_BESIDE,
    )
