"""What the academy brought: overviews, and how far those are of whom a course is asked. For staff, of their regions."""

from datetime import date
from typing import Annotated

import strawberry

from auth.actor import STAFF
from resolvers.guard import staff
from schema.context import Info
from schema.ids import decode
from schema.insight import AcademyOverview, AssignmentProgress
from services import insight

RegionArgument = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="With everything below it; all that the viewer's roles open if left out."),
]


@strawberry.type
class InsightQueries:
    @strawberry.field(description="For staff: what the academy brought (成效总览) in [from, to), 400 days at most.")
    async def academy_overview(
        self,
        info: Info,
        from_: Annotated[date, strawberry.argument(name="from", description="The first Shanghai day.")],
        to: Annotated[date, strawberry.argument(description="The Shanghai day after the last.")],
        region_id: RegionArgument = None,
    ) -> AcademyOverview | None:
        region = decode(region_id, "Region", "regionId") if region_id is not None else None
        seen = await insight.insight_of(staff(info, *STAFF), region, from_, to)
        return AcademyOverview.of(seen, await insight.overview_of(info.context.ports, seen))

    @strawberry.field(description="For staff: how far their people are with a course that was assigned (指派进度).")
    async def assignment_progress(
        self,
        info: Info,
        course_id: Annotated[strawberry.ID, strawberry.argument(description="Of any status.")],
        region_id: RegionArgument = None,
    ) -> AssignmentProgress | None:
        actor, course = staff(info, *STAFF), decode(course_id, "Course", "courseId")
        region = decode(region_id, "Region", "regionId") if region_id is not None else None
        scope = await insight.assignment_scope(actor, course, region)
        return AssignmentProgress.of(scope, await insight.progress_of(info.context.ports, scope))
