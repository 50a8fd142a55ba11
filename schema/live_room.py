"""The room of a live lesson as clients see it."""

import strawberry

from schema.live_part import LiveLessonPart


@strawberry.type
class LiveRoomPart(LiveLessonPart): ...
