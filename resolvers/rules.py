"""The rules of the game: what pays, and what admins do about it."""

from typing import Annotated

import strawberry

from kit.words import Role
from models.accounts import members_by_ids
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.context import Info
from schema.corrections import CorrectPointsInput, CorrectPointsPayload
from schema.rules import (
    PointRule,
    RuleSimulation,
    SimulatePointRuleInput,
    UpdatePointRuleInput,
    UpdatePointRulePayload,
    point_rules,
)
from services.corrections import correct_points
from services.simulation import simulate_point_rule
from services.tariff import update_point_rule


@strawberry.type
class RuleQueries:
    @strawberry.field(description="The rules that pay points, as they are applied now.")
    async def point_rules(self, info: Info) -> list[PointRule] | None:
        return await point_rules(info)

    @strawberry.field(
        description="What a past period would have paid under other numbers (规则试算). For admins, over their regions."
    )
    async def simulate_point_rule(
        self,
        info: Info,
        input: Annotated[SimulatePointRuleInput, strawberry.argument(description="The rule, its numbers, the days.")],
    ) -> RuleSimulation | None:
        actor, trial = staff(info, Role.ADMIN), input.plain()
        return RuleSimulation.of(trial, await simulate_point_rule(info.context.ports, actor, trial))


@strawberry.type
class RuleMutations:
    @mutation(
        description="Change what a rule pays (修改积分规则), for what occurs from then on; past entries never change."
        " For admins of everywhere."
    )
    async def update_point_rule(self, info: Info, input: UpdatePointRuleInput) -> UpdatePointRulePayload:
        actor = staff(info, Role.ADMIN)
        rate = await update_point_rule(info.context.ports, actor, input.plain())
        return UpdatePointRulePayload(rule=PointRule.of(rate))

    @mutation(
        description="Undo an award by hand, once, or give or take points (更正积分); the balance gives what it has."
        " For admins, of members of their regions."
    )
    async def correct_points(self, info: Info, input: CorrectPointsInput) -> CorrectPointsPayload:
        actor, plan = staff(info, Role.ADMIN), input.plain()
        entry = await correct_points(info.context.ports, actor, plan)
        [member] = await members_by_ids([plan.member_id])
        return CorrectPointsPayload.of(entry, member)
