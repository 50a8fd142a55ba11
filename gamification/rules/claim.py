"""A right to be paid, before the tariff and its caps decide how much."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kit.clock import day_of


@dataclass(frozen=True, slots=True)
class Claim:
    """`key` is the natural key of the award: whatever claims the same key is paid once between them.

    `object_type` is the GraphQL type of the object. `period_key` is "" for what an object is paid once for ever, else
    which of several times it is: the first day of the period in ISO form, a length, a tier. `points`: the price, where
    what was done brings its own; None: the tariff's.
    """

    rule: str
    object_type: str
    object_id: UUID
    period_key: str
    occurred_at: datetime
    points: int | None = None

    @property
    def key(self) -> tuple[str, UUID, str]:
        return self.rule, self.object_id, self.period_key

    @property
    def day(self) -> date:
        return day_of(self.occurred_at)
