"""The path: what admins arrange. Learners see theirs as `viewer.path`."""

from typing import Annotated

import strawberry

from kit.words import Role
from models import paths
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.context import Info
from schema.paths import ArrangePathInput, ArrangePathPayload, PathPlan
from schema.words import OutletTier
from services.paths import arrange_path


@strawberry.type
class PathQueries:
    @strawberry.field(description="The path of a tier as it is arranged. For admins and auditors.")
    async def path_plan(
        self, info: Info, tier: Annotated[OutletTier, strawberry.argument(description="Whose path.")]
    ) -> PathPlan | None:
        staff(info, Role.ADMIN, Role.AUDITOR)
        [stages] = await paths.stages_of([tier])
        return PathPlan.of(tier, await paths.path_of_tier(tier), stages)


@strawberry.type
class PathMutations:
    @mutation(
        description="Arrange the path of a tier as a whole (编排通关路径); what was passed stays passed."
        " For admins of everywhere."
    )
    async def arrange_path(self, info: Info, input: ArrangePathInput) -> ArrangePathPayload:
        path = await arrange_path(info.context.ports, staff(info, Role.ADMIN), input.plain())
        [stages] = await paths.stages_of([path.tier])
        return ArrangePathPayload(path=PathPlan.of(path.tier, path, stages))
