"""The replay of a live lesson: phones report what was watched of it."""

import strawberry

from resolvers.guard import viewer
from resolvers.live import shown_lesson
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode
from schema.points import Award
from schema.replay_credit import LiveReplayProgress, ReportReplayInput, ReportReplayPayload
from services import replay_credit


@strawberry.type
class ReplayCreditMutations:
    @mutation(
        description="Hand in what was watched of a replay (回看), any number of times. Who missed the live lesson earns"
        " `replayPoints` by watching enough, once."
    )
    async def report_replay(self, info: Info, input: ReportReplayInput) -> ReportReplayPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        outcome = await replay_credit.report_replay(info.context.ports, actor, lesson_id, input.plain())
        return ReportReplayPayload(
            progress=LiveReplayProgress.of(outcome.watch),
            awards=[Award.of(award) for award in outcome.awards],
            live_lesson=await shown_lesson(info, lesson_id),
        )
