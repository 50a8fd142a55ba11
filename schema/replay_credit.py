"""What was watched of the replay of a live lesson, as phones report it and see it."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from models.replay_credit import ReplayWatch
from schema.errors import Payload
from schema.learning import SpanInput
from schema.points import Award
from services.replay_credit import WatchReport

LESSON = Annotated["LiveLesson", strawberry.lazy("schema.live")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="How far the viewer is in a replay (回看进度).")
class LiveReplayProgress:
    watched_seconds: int = strawberry.field(description="What counts so far; the same second counts once.")
    required_seconds: int = strawberry.field(
        description="How much is enough: `minPercent` of the replay, and `minSeconds`, by the lesson's credit rule."
    )
    watched_at: datetime | None = strawberry.field(description="When enough of it was watched; null before.")
    credit_due_at: datetime | None = strawberry.field(
        description="When what was reported will be counted, by itself; null once it is, or if more must be watched."
    )

    @classmethod
    def of(cls, watch: ReplayWatch) -> Self:
        return cls(
            watched_seconds=watch.watched_seconds,
            required_seconds=watch.required_seconds,
            watched_at=watch.watched_at,
            credit_due_at=watch.due_at,
        )


@strawberry.input(description="What was watched of a replay, perhaps offline.")
class ReportReplayInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="One that has a replay.")
    sent_at: datetime = strawberry.field(description="The phone's clock when sending; it corrects `occurredAt`.")
    occurred_at: datetime = strawberry.field(description="When the last of it was watched, by the phone's clock.")
    spans: list[SpanInput] = strawberry.field(description="What was really shown of it; at most 200.")

    def plain(self) -> WatchReport:
        spans = [(span.from_seconds, span.to_seconds) for span in self.spans]
        return WatchReport(self.sent_at, self.occurred_at, spans)


@strawberry.type(description="What became of ReportReplayInput.")
class ReportReplayPayload(Payload):
    progress: LiveReplayProgress | None = strawberry.field(default=None, description="How far the viewer is now.")
    awards: list[Award] | None = strawberry.field(default=None, description="Points that it earned.")
    live_lesson: LESSON | None = strawberry.field(default=None, description="The lesson; null if refused.")
