"""The host's side of live lessons: key, start, end."""

import strawberry

from resolvers.guard import viewer
from resolvers.live import shown_lesson
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode
from schema.live_stream import (
    EndLiveLessonInput,
    EndLiveLessonPayload,
    IssueStreamKeyInput,
    IssueStreamKeyPayload,
    LiveIngest,
    StartLiveLessonInput,
    StartLiveLessonPayload,
)
from services import live_stream


@strawberry.type
class LiveStreamMutations:
    @mutation(
        description="A new stream key (推流密钥) for a live lesson; the one before ends, and the stream under it."
        " For its host, and admins in their regions."
    )
    async def issue_stream_key(self, info: Info, input: IssueStreamKeyInput) -> IssueStreamKeyPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        issued = await live_stream.issue_stream_key(info.context.ports, actor, lesson_id)
        return IssueStreamKeyPayload(ingest=LiveIngest.of(issued))

    @mutation(description="Go on air with the stream that arrives (开播). For the host, and admins in their regions.")
    async def start_live_lesson(self, info: Info, input: StartLiveLessonInput) -> StartLiveLessonPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        await live_stream.start_live_lesson(info.context.ports, actor, lesson_id)
        return StartLiveLessonPayload(live_lesson=await shown_lesson(info, lesson_id))

    @mutation(description="Go off air for good (下播). For the host, and admins in their regions.")
    async def end_live_lesson(self, info: Info, input: EndLiveLessonInput) -> EndLiveLessonPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        await live_stream.end_live_lesson(info.context.ports, actor, lesson_id)
        return EndLiveLessonPayload(live_lesson=await shown_lesson(info, lesson_id))
