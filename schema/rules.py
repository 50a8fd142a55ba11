"""The rules of the game as clients see them: what pays, what is left of it today, and what admins change it to."""

from datetime import date, datetime
from typing import Self

import strawberry

from gamification import rules
from gamification.rules import BY_CODE
from gamification.rules.limits import MOST_A_DAY
from gamification.tariff import Rate
from kit.clock import day_of
from models import points
from schema.context import Info
from schema.errors import Payload
from schema.words import OncePer
from services.simulation import Outcome, Trial
from services.tariff import RuleChange, next_lines, tariff_at


@strawberry.type(description="What pays (积分规则): one version of a rule's line.")
class PointRule:
    rule: strawberry.Private[rules.Rule]
    rate: strawberry.Private[Rate]
    code: str = strawberry.field(description="Stable; entries and awards name it as `rule`.")
    points: int = strawberry.field(description="Of one award; 0 where `ownPrice`.")
    own_price: bool = strawberry.field(description="What is done brings its own price, as each task and stage does.")
    daily_cap: int | None = strawberry.field(description="The most of it for one day of occurrence; null: no limit.")
    once_per: OncePer = strawberry.field(description="What is never paid twice.")
    enabled: bool = strawberry.field(description="Whether it pays at all.")
    version: int = strawberry.field(description="Counts the changes of this rule from 1; an entry remembers its own.")
    effective_from: datetime = strawberry.field(description="Holds for what occurs from this moment on.")

    @classmethod
    def of(cls, rate: Rate) -> Self:
        rule = BY_CODE[rate.rule]
        return cls(
            rule=rule,
            rate=rate,
            code=rule.CODE,
            points=rate.points or 0,
            own_price=rate.points is None,
            daily_cap=rate.daily_cap,
            once_per=rule.ONCE_PER,
            enabled=rate.enabled,
            version=rate.version,
            effective_from=rate.since,
        )

    @strawberry.field(description="The rule's name in the reader's language.")
    def title(self, info: Info) -> str:
        return self.rule.TITLE.text(info.context.language)

    @strawberry.field(description="The most that `points` may be set to; null where `ownPrice`.")
    def most_points(self) -> int | None:
        return self.rule.LIMITS.most_points

    @strawberry.field(description="The most that `dailyCap` may be set to.")
    def most_daily_cap(self) -> int:
        return self.rule.LIMITS.most_a_day or MOST_A_DAY

    @strawberry.field(description="Whether it must have a `dailyCap`.")
    def cap_needed(self) -> bool:
        return self.rule.LIMITS.most_a_day is not None

    @strawberry.field(description="The change that is planned next; null if none is.")
    async def upcoming(self, info: Info) -> "PointRule | None":
        rate = await info.context.loaders.of(next_lines, info.context.ports).load(self.code)
        return PointRule.of(rate) if rate is not None and rate != self.rate else None

    @strawberry.field(description="What the viewer has earned by it today; null when signed out.")
    async def viewer_earned_today(self, info: Info) -> int | None:
        actor = info.context.actor
        if actor is None:
            return None
        today = day_of(info.context.ports.clock.now())
        earned = await info.context.loaders.of(points.earned_by_rule, actor.member_id).load(today)
        return earned.get(self.code, 0)

    @strawberry.field(
        description="What is left of today's cap, 0 where it is not `enabled`; null without a cap and when signed out."
    )
    async def viewer_left_today(self, info: Info) -> int | None:
        earned = await self.viewer_earned_today(info)
        if earned is None or not self.enabled:
            return None if earned is None else 0
        return max(0, self.daily_cap - earned) if self.daily_cap is not None else None


async def point_rules(info: Info) -> list[PointRule]:
    """The lines that are in force now, in the order of the rules."""
    now = info.context.ports.clock.now()
    tariff = await tariff_at(now)
    in_force = (tariff.rate(rule.CODE, now) for rule in rules.RULES)
    return [PointRule.of(rate) for rate in in_force if rate is not None]


@strawberry.input(description="The whole of a rule's new line: what is left out is not kept as it was.")
class UpdatePointRuleInput:
    code: str = strawberry.field(description="Which rule.")
    points: int | None = strawberry.field(
        default=None, description="Of one award, from 1 to the rule's `mostPoints`; left out exactly where `ownPrice`."
    )
    daily_cap: int | None = strawberry.field(
        default=None,
        description="The most of it for one day, at least one award; null: no limit, where none is needed.",
    )
    enabled: bool | None = strawberry.field(default=True, description="False: it pays nothing.")
    effective_from: datetime | None = strawberry.field(
        default=None,
        description="From when it holds, not in the past; what is sooner than in five minutes is in five minutes.",
    )

    def plain(self) -> RuleChange:
        return RuleChange(
            self.code, self.points or None, self.daily_cap, self.enabled is not False, self.effective_from
        )


@strawberry.type(description="What became of `updatePointRule`.")
class UpdatePointRulePayload(Payload):
    rule: PointRule | None = strawberry.field(default=None, description="The new line, perhaps not in force yet.")


@strawberry.input(description="Other numbers for one rule, and the past days to try them on.")
class SimulatePointRuleInput:
    code: str = strawberry.field(description="Which rule; it is taken to be enabled.")
    points: int | None = strawberry.field(
        default=None, description="Of one award, as in `updatePointRule`; left out exactly where `ownPrice`."
    )
    daily_cap: int | None = strawberry.field(default=None, description="The most of it for one day; null: no limit.")
    from_: date = strawberry.field(name="from", description="The first day, from 2020 on.")
    to: date = strawberry.field(description="The day after the last one, at most 92 later and not after tomorrow.")

    def plain(self) -> Trial:
        return Trial(self.code, self.points or None, self.daily_cap, self.from_, self.to)


@strawberry.type(description="What a rule paid in a past period and what it would have paid; nothing was written.")
class RuleSimulation:
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The day after the last one.")
    awards_before: int = strawberry.field(description="Awards that stand in the ledger.")
    awards_after: int = strawberry.field(description="Awards under the other numbers.")
    points_before: int = strawberry.field(description="What those in the ledger add up to.")
    points_after: int = strawberry.field(description="What the others would.")
    members_affected: int = strawberry.field(description="Members for whom the two are not the same.")

    @classmethod
    def of(cls, trial: Trial, found: Outcome) -> Self:
        return cls(
            from_=trial.starts_on,
            to=trial.ends_on,
            awards_before=found.before.awards,
            awards_after=found.after.awards,
            points_before=found.before.points,
            points_after=found.after.points,
            members_affected=found.members_affected,
        )
