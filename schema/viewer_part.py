"""What every noun's share of `Viewer` stands on.

    @strawberry.type
    class PointsViewer(ViewerPart):
        @strawberry.field
        async def points(self, info: Info) -> PointsSummary | None:
            return PointsSummary.of(await info.context.loaders.of(point_accounts).load(self.member_id))

`schema/viewer.py` joins the parts. Fields of the viewer are nullable, so that a fault in one does not look like being
signed out. A payload shows the viewer as `Viewer.of(actor.member_id)`, and names the type
`Annotated["Viewer", strawberry.lazy("schema.viewer")] | None`.
"""

from uuid import UUID

import strawberry


@strawberry.type
class ViewerPart:
    member_id: strawberry.Private[UUID]
