"""What every noun's share of `LiveLesson` stands on.

    @strawberry.type
    class LiveRoomPart(LiveLessonPart):
        @strawberry.field(description="...")
        async def products(self, info: Info) -> list[LiveProduct]:
            return [LiveProduct.of(each) for each in await info.context.loaders.of(products_of).load(self.row.id)]

`schema/live.py` joins the parts. A part that needs `LiveLesson` itself, as in a payload, names it
`Annotated["LiveLesson", strawberry.lazy("schema.live")]`.
"""

import strawberry

from models.live_lists import LiveLessonRow


@strawberry.type
class LiveLessonPart:
    row: strawberry.Private[LiveLessonRow]
