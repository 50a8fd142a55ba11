"""What a member has on both accounts."""

from datetime import timedelta
from typing import Self

import strawberry

from kit.clock import day_of, week_of
from models import points
from models.points import PointAccountRow
from schema.context import Info


@strawberry.type(description="A member's points. Lifetime decides levels and boards; the balance can be spent.")
class Points:
    row: strawberry.Private[PointAccountRow]
    lifetime: int = strawberry.field(description="Ever earned; decides levels and boards (累计积分).")
    balance: int = strawberry.field(description="To be spent (可用积分).")

    @classmethod
    def of(cls, row: PointAccountRow) -> Self:
        return cls(row=row, lifetime=row.lifetime, balance=row.balance)

    @strawberry.field(description="Lifetime points for what happened today.")
    async def today(self, info: Info) -> int:
        return await self._earned(info, days=1)

    @strawberry.field(description="Lifetime points for what happened since Monday.")
    async def this_week(self, info: Info) -> int:
        today = day_of(info.context.ports.clock.now())
        return await self._earned(info, days=(today - week_of(today)).days + 1)

    async def _earned(self, info: Info, *, days: int) -> int:
        """Over the last `days` days, today included."""
        today = day_of(info.context.ports.clock.now())
        loader = info.context.loaders.of(points.earned_by_day, self.row.member_id)
        return sum(await loader.load_many([today - timedelta(days=back) for back in range(days)]))
