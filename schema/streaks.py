"""Streaks as their owner sees them: how long, what holds them, and the calendar."""

import datetime
from collections.abc import Sequence
from typing import Self

import strawberry

from gamification import streaks
from schema.context import Info
from schema.viewer_part import ViewerPart
from services.streaks import streak_today


@strawberry.type(description="One day of the calendar (学习日历).")
class StreakDay:
    date: datetime.date = strawberry.field(description="The day in Shanghai.")
    learned: bool = strawberry.field(description="Whether something was learned on it.")
    frozen: bool = strawberry.field(
        description="Whether a freeze card held the streak over it, as nothing was learned."
    )


@strawberry.type(description="A streak (连续学习): learned days one after the other, held together by freeze cards.")
class Streak:
    days: int = strawberry.field(
        description="Its learned days; it holds until a day is over that was not learned and found no card."
    )
    best_days: int = strawberry.field(description="The longest there ever was.")
    learned_today: bool = strawberry.field(description="Whether today already counts.")
    freezes_left: int = strawberry.field(
        description="Freeze cards held (保护卡), 2 at most. A day without learning takes one by itself."
    )
    shown: strawberry.Private[Sequence[streaks.CalendarDay]]

    @classmethod
    def of(cls, found: streaks.Streak, shown: Sequence[streaks.CalendarDay]) -> Self:
        return cls(
            days=found.days,
            best_days=found.best_days,
            learned_today=found.learned_today,
            freezes_left=found.freezes_left,
            shown=shown,
        )

    @strawberry.field(description="This week and the eleven before it, day by day from a Monday until today.")
    def calendar(self) -> list[StreakDay]:
        return [StreakDay(date=day.date, learned=day.learned, frozen=day.frozen) for day in self.shown]


@strawberry.type
class StreakViewer(ViewerPart):
    @strawberry.field(description="The viewer's streak as of today (连续学习).")
    async def streak(self, info: Info) -> Streak | None:
        return Streak.of(*await streak_today(info.context.ports, self.member_id))
