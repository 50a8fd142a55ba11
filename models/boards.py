"""Honour boards: what is counted per member and day, which boards there are, and the snapshots of closed periods.

Made by migration 0007, most with keys of several columns:

metric_days     (member, metric, Shanghai day, outlet, region, tier) -> amount, reached_at. What the rows behind a
                metric add up to at the place held then, kept in the transaction that writes those rows. `reached_at`
                is the newest moment among the rows that still count, null if none does. For STREAK_DAYS the day is
                learned while its amount is above 0.
board_versions  (subject kind, subject) -> version, taken by every projection under this row's lock: who holds the
                higher version has read the later totals.
region_marks    region -> marks, done: how often something below it moved, and up to which mark its boards followed.
frozen_totals   the `metric_days` of a closed period, added up per member and place (STREAK_DAYS: still day by day),
                of those who were ranked when it closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, OutletTier
from models.standing_steps import RANKED


class BoardDefinition(Model):
    """One kind of board, `metric.period.subject`. A disabled one cannot be found."""

    key = fields.CharField(60, primary_key=True)
    metric = fields.CharEnumField(BoardMetric, max_length=20)
    period = fields.CharEnumField(BoardPeriod, max_length=10)
    subject = fields.CharEnumField(BoardSubjectKind, max_length=10)
    title = fields.CharField(40)
    enabled = fields.BooleanField(default=True)

    class Meta:
        table = "board_definitions"


class BoardPeriodRow(Model):
    """A period that has ended: GRACE until its snapshot is taken, then FROZEN under the checksum of its totals.

    `decided_at`: who won the prizes of its boards is written down. AWARDED: there were some, and they are paid.
    """

    id = fields.UUIDField(primary_key=True)
    period = fields.CharEnumField(BoardPeriod, max_length=10)
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    phase = fields.CharEnumField(BoardPhase, max_length=10)
    frozen_at = fields.DatetimeField(null=True)
    checksum = fields.CharField(64, null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "board_periods"
        unique_together = (("period", "starts_on"),)


@dataclass(frozen=True, slots=True)
class Cell:
    """An amount to add to one line of `metric_days`, `day` being the Shanghai day of `occurred_at`."""

    member_id: UUID
    metric: BoardMetric
    day: date
    outlet_id: UUID
    region_id: UUID
    tier: OutletTier
    amount: int
    occurred_at: datetime


# The rows behind each metric, one shape: where and when each amount was earned, and whether it still counts.
SOURCES: dict[BoardMetric, str] = {
    BoardMetric.POINTS: """
        SELECT e.member_id, e.day, e.outlet_id, e.region_id, e.tier, e.amount, e.occurred_at,
               e.amount > 0 AND e.reverses_id IS NULL
               AND NOT EXISTS (SELECT 1 FROM ledger_entries undo WHERE undo.reverses_id = e.id) AS counts
        FROM ledger_entries e WHERE e.account = 'LIFETIME'""",
    BoardMetric.LEARNING_SECONDS: """
        SELECT member_id, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, outlet_id, region_id, tier,
               seconds AS amount, occurred_at, sum(seconds) OVER (PARTITION BY member_id, event_id) > 0 AS counts
        FROM learning_seconds""",
    BoardMetric.COURSES_COMPLETED: """
        SELECT member_id, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, outlet_id, region_id, tier,
               amount, occurred_at, sum(amount) OVER (PARTITION BY member_id, course_id, occurred_at) > 0 AS counts
        FROM course_completions""",
    BoardMetric.STREAK_DAYS: """
        SELECT member_id, day, outlet_id, region_id, tier, amount, occurred_at,
               sum(amount) OVER (PARTITION BY member_id, day, occurred_at) > 0 AS counts
        FROM learned_days""",
    BoardMetric.LIVE_ATTENDANCES: """
        SELECT member_id, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, outlet_id, region_id, tier,
               1 AS amount, occurred_at, true AS counts
        FROM live_attendances WHERE rewarded_at IS NOT NULL""",
}


async def add_to_days(cells: Sequence[Cell]) -> None:
    """Add amounts to `metric_days`. Where one is taken back, `reached_at` is looked up anew in the rows behind."""
    require_transaction()
    added: dict[tuple[Any, ...], tuple[int, datetime | None]] = {}
    for cell in cells:
        key = (cell.member_id, cell.metric.value, cell.day, cell.outlet_id, cell.region_id, cell.tier.value)
        amount, reached_at = added.get(key, (0, None))
        if cell.amount > 0:
            reached_at = max(reached_at, cell.occurred_at) if reached_at else cell.occurred_at
        added[key] = (amount + cell.amount, reached_at)
    if not added:
        return
    lines = sorted((*key, *sums) for key, sums in added.items())  # one order of locks for everybody
    await execute(
        """INSERT INTO metric_days AS d (member_id, metric, day, outlet_id, region_id, tier, amount, reached_at)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[],
                                $8::timestamptz[])
           ON CONFLICT (member_id, metric, day, outlet_id, region_id, tier) DO UPDATE
           SET amount = d.amount + excluded.amount, reached_at = greatest(d.reached_at, excluded.reached_at)""",
        *(list(column) for column in zip(*lines, strict=True)),
    )
    for metric in {cell.metric for cell in cells if cell.amount < 0}:
        taken = {(cell.member_id, cell.day) for cell in cells if cell.metric is metric and cell.amount < 0}
        await _look_up_reached_at(metric, sorted(taken))


async def _look_up_reached_at(metric: BoardMetric, taken: Sequence[tuple[UUID, date]]) -> None:
    await execute(
        f"""WITH touched AS (SELECT * FROM unnest($2::uuid[], $3::date[]) AS t (member_id, day))
            UPDATE metric_days d SET reached_at = (
                SELECT max(s.occurred_at) FROM ({SOURCES[metric]}) s
                WHERE s.member_id = d.member_id AND s.day = d.day AND s.outlet_id = d.outlet_id
                  AND s.region_id = d.region_id AND s.tier = d.tier AND s.counts)
            FROM touched t WHERE d.metric = $1 AND d.member_id = t.member_id AND d.day = t.day""",  # noqa: S608
        metric.value,
        [member_id for member_id, _ in taken],
        [day for _, day in taken],
    )


async def days_that_differ(metric: BoardMetric, limit: int) -> list[dict[str, Any]]:
    """Lines of `metric_days` that are not what the rows behind them add up to.

    As {member_id, day, kept, found, kept_reached_at, found_reached_at}.
    """
    return await rows(
        f"""WITH found AS (
                SELECT member_id, day, outlet_id, region_id, tier::text AS tier, sum(amount)::bigint AS amount,
                       max(occurred_at) FILTER (WHERE counts) AS reached_at
                FROM ({SOURCES[metric]}) s WHERE outlet_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5),
            kept AS (SELECT * FROM metric_days WHERE metric = $1)
            SELECT member_id, day, k.amount AS kept, f.amount AS found,
                   k.reached_at AS kept_reached_at, f.reached_at AS found_reached_at
            FROM kept k FULL JOIN found f USING (member_id, day, outlet_id, region_id, tier)
            WHERE coalesce(k.amount, 0) <> coalesce(f.amount, 0) OR k.reached_at IS DISTINCT FROM f.reached_at
            ORDER BY member_id, day LIMIT $2""",  # noqa: S608 - the texts above
        metric.value,
        limit,
    )


async def next_versions(kind: BoardSubjectKind, subject_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Lock the subjects' versions and count them up.

    What is read after this in the same transaction belongs to these versions.
    """
    require_transaction()
    found = await rows(
        """INSERT INTO board_versions AS v (subject_kind, subject_id, version)
           SELECT $1, id, 1 FROM unnest($2::uuid[]) AS subjects (id) ORDER BY id
           ON CONFLICT (subject_kind, subject_id) DO UPDATE SET version = v.version + 1
           RETURNING subject_id, version""",
        kind.value,
        list(subject_ids),
    )
    return {row["subject_id"]: row["version"] for row in found}


async def places_of(member_ids: Sequence[UUID]) -> tuple[list[UUID], list[UUID]]:
    """The outlets in which anything of the members was ever counted, and their regions with all that lie above them."""
    outlets = await rows(
        "SELECT DISTINCT outlet_id AS id FROM metric_days WHERE member_id = ANY($1::uuid[]) ORDER BY 1",
        list(member_ids),
    )
    regions = await rows(
        """WITH RECURSIVE up AS (
               SELECT r.id, r.parent_id FROM regions r
               WHERE r.id IN (SELECT region_id FROM metric_days WHERE member_id = ANY($1::uuid[]))
               UNION SELECT r.id, r.parent_id FROM up JOIN regions r ON r.id = up.parent_id)
           SELECT id FROM up ORDER BY 1""",
        list(member_ids),
    )
    return [row["id"] for row in outlets], [row["id"] for row in regions]


async def to_follow() -> set[UUID]:
    """Members, outlets and regions whose boards have something to follow yet."""
    found = await rows(
        "SELECT DISTINCT topic, key::uuid AS id FROM outbox WHERE topic IN ('member', 'standing', 'outlet')"
    )
    members = [row["id"] for row in found if row["topic"] != "outlet"]
    outlets, regions = await places_of(members)
    return {*(row["id"] for row in found), *outlets, *regions, *await marked_regions()}


async def mark_regions(ids: Sequence[UUID]) -> None:
    """Something below these regions has moved."""
    await execute(
        """INSERT INTO region_marks AS m (region_id, marks, done)
           SELECT id, 1, 0 FROM unnest($1::uuid[]) AS regions (id) ORDER BY id
           ON CONFLICT (region_id) DO UPDATE SET marks = m.marks + 1""",
        list(ids),
    )


async def marked_regions() -> dict[UUID, int]:
    """The regions whose boards have something to follow, with their mark."""
    found = await rows("SELECT region_id, marks FROM region_marks WHERE marks > done")
    return {row["region_id"]: row["marks"] for row in found}


async def settle_regions(marked: Mapping[UUID, int]) -> None:
    """The boards of these regions have followed up to these marks."""
    await execute(
        """UPDATE region_marks m SET done = greatest(m.done, s.mark)
           FROM unnest($1::uuid[], $2::bigint[]) AS s (region_id, mark) WHERE m.region_id = s.region_id""",
        list(marked),
        list(marked.values()),
    )


async def first_days(metrics: Sequence[BoardMetric]) -> list[date | None]:
    """The first day on which anything was counted for each metric, in the order of `metrics`."""
    found = await rows(
        "SELECT (SELECT min(day) FROM metric_days WHERE metric = asked.metric) AS day"
        " FROM unnest($1::text[]) WITH ORDINALITY AS asked (metric, n) ORDER BY n",
        [metric.value for metric in metrics],
    )
    return [row["day"] for row in found]


async def ranked_regions(member_id: UUID, above: Sequence[UUID | None]) -> list[UUID | None]:
    """The member's present region as boards of regions rank it, for each scope's region in `above`.

    Among the children of that region; for None among the regions of the highest level that has several.
    """
    found = await rows(
        """SELECT a.id, a.parent_id, a.kind = (
                      SELECT kind FROM regions GROUP BY kind HAVING count(*) > 1
                      ORDER BY array_position(ARRAY['PROVINCE', 'CITY', 'COUNTY', 'STATION'], kind::text) LIMIT 1
                  ) AS is_top
           FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
           JOIN regions a ON starts_with(r.path, a.path)
           WHERE p.member_id = $1 AND p.is_current""",
        member_id,
    )
    by_scope = {row["parent_id"]: row["id"] for row in found if row["parent_id"] is not None}
    by_scope |= {None: row["id"] for row in found if row["is_top"]}  # noqa: B035 - at most one is
    return [by_scope.get(each) for each in above]


async def recent_members(metric: BoardMetric, day: date, limit: int) -> list[UUID]:
    """Some of the members who have counted for a metric on this day, another choice each time."""
    found = await rows(
        "SELECT member_id FROM metric_days WHERE metric = $1 AND day = $2"
        " GROUP BY member_id ORDER BY random() LIMIT $3",
        metric.value,
        day,
        limit,
    )
    return [row["member_id"] for row in found]


async def region_tree_digest() -> str:
    """Changes with every change of the region tree, on which the boards of regions depend."""
    [row] = await rows(
        "SELECT md5(coalesce(string_agg(id::text || kind || coalesce(parent_id::text, ''), ',' ORDER BY id), ''))"
        " AS sum FROM regions"
    )
    return str(row["sum"])


async def definitions(keys: Sequence[str]) -> list[BoardDefinition | None]:
    """The enabled definitions of these keys, in the order of `keys`."""
    found = {each.key: each for each in await BoardDefinition.filter(key__in=list(keys), enabled=True)}
    return [found.get(key) for key in keys]


async def ended_periods(keys: Sequence[tuple[BoardPeriod, date]]) -> list[BoardPeriodRow | None]:
    """The rows of periods (kind, starts_on) that have ended and were noticed, in the order of `keys`."""
    starts = {starts_on for _, starts_on in keys}
    found = {(each.period, each.starts_on): each for each in await BoardPeriodRow.filter(starts_on__in=starts)}
    return [found.get(key) for key in keys]


async def frozen_starts() -> set[tuple[BoardPeriod, date]]:
    """The periods (kind, starts_on) whose snapshot was taken."""
    found = await rows("SELECT period, starts_on FROM board_periods WHERE phase <> 'GRACE'")
    return {(BoardPeriod(row["period"]), row["starts_on"]) for row in found}


async def noticed_period(new_id: UUID, period: BoardPeriod, starts_on: date, ends_on: date) -> BoardPeriodRow:
    """The row of a period that has ended, made if nobody noticed before, locked until the transaction ends."""
    require_transaction()
    await execute(
        """INSERT INTO board_periods (id, period, starts_on, ends_on, phase) VALUES ($1, $2, $3, $4, 'GRACE')
           ON CONFLICT (period, starts_on) DO NOTHING""",
        new_id, period.value, starts_on, ends_on,
    )  # fmt: skip
    return await BoardPeriodRow.select_for_update().get(period=period, starts_on=starts_on)


async def keep_open(keys: Sequence[str]) -> None:
    """None of these periods is frozen before the transaction ends. `key`: kind.starts_on."""
    require_transaction()
    await rows(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('period ' || key, 0)) FROM unnest($1::text[]) AS key",
        sorted(keys),
    )


async def await_late_ones(key: str) -> None:
    """Wait until whoever keeps this period open is through; those who come later wait for this transaction."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('period ' || $1, 0))", key)


async def freeze(row: BoardPeriodRow, now: datetime) -> None:
    """Take the snapshot of a period and close it under its checksum, in one statement's view of the counted days.

    Awards that are being booked for its days are waited for: each is in the snapshot whole, or came too late for it.
    """
    await await_late_ones(f"{row.period.value}.{row.starts_on}")
    await execute(
        f"""INSERT INTO frozen_totals (period_id, metric, member_id, day, outlet_id, region_id, tier, amount,
                                       reached_at)
            SELECT $1, metric, member_id, CASE WHEN metric = 'STREAK_DAYS' THEN day ELSE $2::date END AS day,
                   outlet_id, region_id, tier, sum(amount)::bigint, max(reached_at)
            FROM metric_days WHERE day >= $2 AND day < $3 AND {RANKED} GROUP BY 2, 3, 4, 5, 6, 7""",  # noqa: S608
        row.id,
        row.starts_on,
        row.ends_on,
    )
    await execute(
        "UPDATE board_periods SET phase = 'FROZEN', frozen_at = $2, checksum = $3 WHERE id = $1",
        row.id, now, await checksum_of(row.id),
    )  # fmt: skip


async def checksum_of(period_id: UUID) -> str:
    """SHA-256 over the period's frozen totals in a fixed order."""
    [row] = await rows(
        """SELECT encode(sha256(convert_to(coalesce(string_agg(md5(concat_ws(' ', metric, member_id, day, outlet_id,
                      region_id, tier, amount, extract(epoch FROM reached_at))), ''
                      ORDER BY metric, member_id, day, outlet_id, region_id, tier), ''), 'UTF8')), 'hex') AS checksum
           FROM frozen_totals WHERE period_id = $1""",
        period_id,
    )
    return str(row["checksum"])


async def snapshots_that_differ() -> list[BoardPeriodRow]:
    """Closed periods whose totals are not what their checksum says."""
    closed = await BoardPeriodRow.exclude(phase=BoardPhase.GRACE).order_by("starts_on", "period")
    return [row for row in closed if await checksum_of(row.id) != row.checksum]
