"""What a member has on both accounts."""

from typing import Self

import strawberry

from models.points import PointAccountRow
from schema.context import Info
from schema.profiles import figures


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
        return (await figures(info, self.row.member_id)).points_today

    @strawberry.field(description="Lifetime points for what happened since Monday.")
    async def this_week(self, info: Info) -> int:
        return (await figures(info, self.row.member_id)).points_this_week
