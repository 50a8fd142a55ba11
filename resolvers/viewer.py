import strawberry

from schema.context import Info
from schema.viewer import Viewer


@strawberry.type
class ViewerQueries:
    @strawberry.field(description="The signed-in member; null when signed out.")
    def viewer(self, info: Info) -> Viewer | None:
        actor = info.context.actor
        return Viewer.of(actor.member_id) if actor is not None else None
