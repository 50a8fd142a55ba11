"""Being in a live lesson: joining, beating, being excused."""

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode
from schema.live_attendance import (
    BeatLiveLessonInput,
    BeatLiveLessonPayload,
    ExcuseFromLiveLessonInput,
    ExcuseFromLiveLessonPayload,
    JoinLiveLessonInput,
    JoinLiveLessonPayload,
    LiveTicket,
)
from services import live_attendance


@strawberry.type
class LiveAttendanceMutations:
    @mutation(description="Go into a live lesson whose doors are open (进入直播间).")
    async def join_live_lesson(self, info: Info, input: JoinLiveLessonInput) -> JoinLiveLessonPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        ticket = await live_attendance.join_live_lesson(info.context.ports, actor, lesson_id, input.device_id)
        return JoinLiveLessonPayload(ticket=LiveTicket.of(ticket))

    @mutation(description="Say that one is still there (心跳), every `heartbeatSeconds`.")
    async def beat_live_lesson(self, info: Info, input: BeatLiveLessonInput) -> BeatLiveLessonPayload:
        actor, ticket_id = viewer(info), decode(input.ticket_id, "LiveTicket", "ticketId")
        found = await live_attendance.beat_live_lesson(info.context.ports, actor, ticket_id)
        return BeatLiveLessonPayload(
            attended_seconds=found.seen.attended_seconds, credited=found.credited, status=found.status
        )

    @mutation(description="Excuse a member from a live lesson (请假). For admins of its region.")
    async def excuse_from_live_lesson(
        self, info: Info, input: ExcuseFromLiveLessonInput
    ) -> ExcuseFromLiveLessonPayload:
        actor, lesson_id = staff(info, Role.ADMIN), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        member_id = decode(input.member_id, "Member", "memberId")
        ports = info.context.ports
        await live_attendance.excuse_from_live_lesson(ports, actor, lesson_id, member_id, input.reason)
        return ExcuseFromLiveLessonPayload(excused=True)
