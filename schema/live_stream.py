"""The stream of a live lesson as clients see it."""

import strawberry

from schema.live_part import LiveLessonPart


@strawberry.type
class LiveStreamPart(LiveLessonPart): ...
