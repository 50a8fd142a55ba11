"""What the rules pay, as rows: one for each version of a rule's line. Versions are added, never changed or removed.

Constraints, triggers and version 1 of every rule are in the migration that made the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import require_transaction, rows


class PointRateRow(Model):
    """One version of a rule's line, in force for what occurs from `effective_from` on, until another's comes.

    Of two from the same moment the higher version is in force. `points` null: what is done brings its own price.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    rule = fields.CharField(40)
    version = fields.IntField()
    points = fields.IntField(null=True)
    daily_cap = fields.IntField(null=True)
    enabled = fields.BooleanField()
    effective_from = fields.DatetimeField()
    made_at = fields.DatetimeField()
    made_by = fields.UUIDField(null=True)

    class Meta:
        table = "point_rates"
        unique_together = (("rule", "version"),)


@dataclass(frozen=True, slots=True)
class StoredRate:
    rule: str
    version: int
    points: int | None
    daily_cap: int | None
    enabled: bool
    effective_from: datetime


async def rates_between(starts_at: datetime, ends_at: datetime) -> list[StoredRate]:
    """The lines that are in force at some moment of [starts_at, ends_at], in order of coming into force."""
    found = await rows(
        "SELECT rule, version, points, daily_cap, enabled, effective_from FROM point_rates r"
        " WHERE effective_from <= $2 AND NOT EXISTS (SELECT FROM point_rates later WHERE later.rule = r.rule"
        " AND (later.effective_from, later.version) > (r.effective_from, r.version) AND later.effective_from <= $1)"
        " ORDER BY effective_from, version",
        starts_at,
        ends_at,
    )
    return [StoredRate(**row) for row in found]


async def every_rate() -> list[StoredRate]:
    """All lines there ever were and are to come, in order of coming into force."""
    found = await rows(
        "SELECT rule, version, points, daily_cap, enabled, effective_from FROM point_rates"
        " ORDER BY effective_from, version"
    )
    return [StoredRate(**row) for row in found]


async def next_rates(rules: Sequence[str], after: datetime) -> list[StoredRate | None]:
    """The line that each rule changes to next, None if no change is planned; in the order of `rules`."""
    found = await rows(
        "SELECT DISTINCT ON (rule) rule, version, points, daily_cap, enabled, effective_from FROM point_rates"
        " WHERE rule = ANY($1::text[]) AND effective_from > $2 ORDER BY rule, effective_from, version DESC",
        list(rules),
        after,
    )
    shelf = {row["rule"]: StoredRate(**row) for row in found}
    return [shelf.get(rule) for rule in rules]


async def add_rate(
    rule: str,
    points: int | None,
    daily_cap: int | None,
    *,
    enabled: bool,
    effective_from: datetime,
    made_at: datetime,
    made_by: UUID,
) -> StoredRate:
    """Give the rule its next version; whoever does so at the same time waits and gets the one after."""
    require_transaction()
    await rows("SELECT FROM point_rates WHERE rule = $1 AND version = 1 FOR UPDATE", rule)
    [row] = await rows(
        "INSERT INTO point_rates (rule, version, points, daily_cap, enabled, effective_from, made_at, made_by)"
        " SELECT $1::text, max(version) + 1, $2, $3, $4, $5, $6, $7 FROM point_rates WHERE rule = $1::text"
        " RETURNING rule, version, points, daily_cap, enabled, effective_from",
        rule,
        points,
        daily_cap,
        enabled,
        effective_from,
        made_at,
        made_by,
    )
    return StoredRate(**row)
