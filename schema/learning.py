"""Learning as phones report it, and the list of what the viewer learns."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext

from gamification.reports import ReportedEvent
from kit.errors import DomainError, bad_input
from kit.words import Language
from models.progress import EnrolmentRow, count_enrolments, enrolments_page
from schema.badges import Badge
from schema.context import Context, Info
from schema.courses import Course, Lesson
from schema.errors import Payload, message_of
from schema.ids import decode
from schema.levels import Level
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.points import Award
from schema.viewer_part import ViewerPart
from schema.words import ErrorCode, EventStatus, ProgressKind, ProgressState
from services.courses import visible_lessons
from services.progress import Batch, BatchOutcome, EventResult

if TYPE_CHECKING:
    from schema.viewer import Viewer

FASTEST_PLAYBACK = 16.0


@strawberry.type(description="A course the viewer has begun.")
class Enrolment:
    course_id: strawberry.Private[UUID]
    percent: int = strawberry.field(description="0-100; 100 only when it is complete.")
    lessons_completed: int = strawberry.field(description="Of the edition the viewer began.")
    lesson_count: int = strawberry.field(description="Of the edition the viewer began.")
    started_at: datetime = strawberry.field(description="The first report of it.")
    completed_at: datetime | None = strawberry.field(description="When its last lesson was complete; null before.")
    last_activity_at: datetime = strawberry.field(description="The newest report of it.")

    @classmethod
    def of(cls, row: EnrolmentRow) -> Self:
        return cls(
            course_id=row.course_id,
            percent=row.percent,
            lessons_completed=row.lessons_completed,
            lesson_count=row.lesson_count,
            started_at=row.started_at,
            completed_at=row.completed_at,
            last_activity_at=row.last_activity_at,
        )

    @strawberry.field(description="What is learned, also when it is no longer in the catalogue.")
    async def course(self, info: Info) -> Course | None:
        return await Course.load(info, self.course_id)


@strawberry.type
class LearningViewer(ViewerPart):
    @strawberry.field(description="Courses begun, the one touched last first.")
    async def learning(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        state: Annotated[
            ProgressState | None,
            strawberry.argument(description="Only those this far; all that were begun unless given."),
        ] = None,
    ) -> Connection[Enrolment] | None:
        scope = f"learning {self.member_id} {state}"
        page = await enrolments_page(self.member_id, state, ask(info, scope, first, after, last, before))
        return connection(
            info,
            page,
            scope=scope,
            of=Enrolment.of,
            key=lambda row: [row.last_activity_at, row.id],
            count=lambda: count_enrolments(self.member_id, state),
        )


@strawberry.input(description="A stretch of media that was really shown, half-open.")
class SpanInput:
    from_seconds: int = strawberry.field(description="The first second of it.")
    to_seconds: int = strawberry.field(description="The first second behind it.")


@strawberry.input(description="Something that happened on the phone. The same id always means the same event.")
class LearningEventInput:
    event_id: UUID = strawberry.field(description="Made once on the phone; the event may be sent again under it.")
    lesson_id: strawberry.ID = strawberry.field(description="What was learned.")
    kind: ProgressKind = strawberry.field(description="What was done with it.")
    occurred_at: datetime = strawberry.field(description="When it ended, by the phone's clock.")
    spans: list[SpanInput] | None = strawberry.field(
        default=None, description="What was watched of the media; of an article, seconds since it was opened."
    )
    playback_rate: float | None = strawberry.field(
        default=None, description="1 is normal speed and the default; at most 16."
    )

    def plain(self, index: int) -> ReportedEvent:
        """BAD_USER_INPUT for what no phone can mean; an id of no lesson is judged with the event."""
        rate = float(self.playback_rate) if self.playback_rate is not None else 1.0
        if not 0 < rate <= FASTEST_PLAYBACK:
            raise bad_input("events", str(index), "playbackRate")
        return ReportedEvent(
            event_id=self.event_id,
            lesson_id=_lesson_id(self.lesson_id),
            kind=self.kind,
            occurred_at=self.occurred_at,
            spans=tuple((span.from_seconds, span.to_seconds) for span in self.spans or ()),
            playback_rate=rate,
        )


def _event_of(cls: type[LearningEventInput], value: Mapping[str, Any], context: InputContext) -> LearningEventInput:
    """The event of a value that graphql-core has coerced already.

    Strawberry's own way visits every field of every span: half a second for the 20,000 spans of the largest batch.
    """
    spans = value.get("spans")
    return cls(
        event_id=value["eventId"],
        lesson_id=value["lessonId"],
        kind=value["kind"],
        occurred_at=value["occurredAt"],
        spans=None
        if spans is None
        else [SpanInput(from_seconds=span["fromSeconds"], to_seconds=span["toSeconds"]) for span in spans],
        playback_rate=value.get("playbackRate"),
    )


get_object_definition(LearningEventInput, strict=True).from_input = _event_of


def _lesson_id(gid: str) -> UUID | None:
    try:
        return decode(gid, "Lesson")
    except DomainError:
        return None


@strawberry.input(description="A batch of what the phone collected, perhaps offline.")
class ReportProgressInput:
    sent_at: datetime = strawberry.field(description="The phone's clock when sending; it corrects `occurredAt`.")
    events: list[LearningEventInput] = strawberry.field(description="At most 100, in any order.")

    def plain(self) -> Batch:
        return Batch(self.sent_at, tuple(event.plain(index) for index, event in enumerate(self.events)))


@strawberry.type(description="What became of one event.")
class LearningEventResult:
    event_id: UUID = strawberry.field(description="Which event of the batch.")
    status: EventStatus = strawberry.field(description="Whether the phone may forget it.")
    code: ErrorCode | None = strawberry.field(
        description="Why it was REJECTED; TOO_FAST on ACCEPTED: part of it is credited later, by itself."
    )
    message: str | None = strawberry.field(description="The sentence for `code`; null without one.")

    @classmethod
    def of(cls, result: EventResult, language: Language) -> Self:
        message = message_of(result.code, language) if result.code is not None else None
        return cls(event_id=result.event_id, status=result.status, code=result.code, message=message)


@strawberry.type(description="What became of a batch and what it brought.")
class ReportProgressPayload(Payload):
    results: list[LearningEventResult] | None = strawberry.field(
        default=None, description="One for each event, in the order of `events`."
    )
    awards: list[Award] | None = strawberry.field(default=None, description="Points this batch earned.")
    level_ups: list[Level] | None = strawberry.field(default=None, description="Levels it reached, lowest first.")
    badges: list[Badge] | None = strawberry.field(default=None, description="Badges it earned.")
    lessons: list[Lesson] | None = strawberry.field(default=None, description="The lessons whose progress changed.")
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="After the batch, with points, level and streak of now."
    )

    @classmethod
    async def of(cls, info: Info, outcome: BatchOutcome, viewer: "Viewer") -> Self:
        context: Context = info.context
        found = await context.loaders.of(visible_lessons, context.actor).load_many(list(outcome.lesson_ids))
        return cls(
            results=[LearningEventResult.of(result, context.language) for result in outcome.results],
            awards=[Award.of(award) for award in outcome.awards],
            level_ups=[Level.of(level) for level in outcome.level_ups],
            badges=[],
            lessons=[Lesson.of(row) for row in found if row is not None],
            viewer=viewer,
        )
