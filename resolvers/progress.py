"""Learning: phones report what was watched."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.learning import ReportProgressInput, ReportProgressPayload
from schema.viewer import Viewer
from services.progress import report_progress


@strawberry.type
class ProgressMutations:
    @mutation(description="Hand in what was learned, also offline; any number of times, in any order.")
    async def report_progress(self, info: Info, input: ReportProgressInput) -> ReportProgressPayload:
        actor = viewer(info)
        outcome = await report_progress(info.context.ports, actor, input.plain())
        return await ReportProgressPayload.of(info, outcome, Viewer.of(actor.member_id))
