"""Levels as clients see them; apart from the points, because a `Member` shows one too."""

from typing import Self
from uuid import UUID

import strawberry

from gamification import levels
from schema.context import Info
from schema.profiles import own_profile


@strawberry.type(description="A level (等级): a step of the ladder of lifetime points.")
class Level:
    number: int = strawberry.field(description="1 is the lowest.")
    from_points: int = strawberry.field(description="Lifetime points from which it is held.")
    to_points: int | None = strawberry.field(description="Where the next level begins; null on the top level.")
    row: strawberry.Private[levels.Level]

    @classmethod
    def of(cls, row: levels.Level) -> Self:
        return cls(number=row.number, from_points=row.from_points, to_points=row.to_points, row=row)

    @classmethod
    async def load(cls, info: Info, member_id: UUID) -> Self:
        """The level a member holds."""
        return cls.of(levels.level_for((await own_profile(info, member_id)).account.lifetime))

    @strawberry.field(description="Its name in the reader's language, as Sprout (萌芽).")
    def title(self, info: Info) -> str:
        return self.row.title.text(info.context.language)

    @strawberry.field(description="What comes with it, beside all from the levels below; in the reader's language.")
    def perks(self, info: Info) -> list[str]:
        return [perk.text(info.context.language) for perk in self.row.perks]


@strawberry.type(description="The level of the viewer and the way to the next.")
class ViewerLevel:
    number: int = strawberry.field(description="1 is the lowest.")
    from_points: int = strawberry.field(description="Lifetime points from which it is held.")
    to_points: int | None = strawberry.field(description="Where the next level begins; null on the top level.")
    progress: float = strawberry.field(description="From this level's first point to the next level's, 0 to 1.")
    row: strawberry.Private[levels.Level]

    @classmethod
    def of(cls, lifetime: int) -> Self:
        row = levels.level_for(lifetime)
        return cls(
            number=row.number,
            from_points=row.from_points,
            to_points=row.to_points,
            progress=levels.progress(lifetime),
            row=row,
        )

    @strawberry.field(description="Its name in the reader's language, as Sprout (萌芽).")
    def title(self, info: Info) -> str:
        return self.row.title.text(info.context.language)
