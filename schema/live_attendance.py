"""The attendance of a live lesson as clients see it."""

from datetime import datetime
from typing import Self

import strawberry

from gamification.attendance import HEARTBEAT_SECONDS
from models import accounts
from models import live_attendance as rows
from models.live_lists import LiveLessonRow
from schema.accounts import Member
from schema.context import Info
from schema.errors import Payload
from schema.ids import encode
from schema.live_part import LiveLessonPart
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.words import AttendanceOutcome, LiveStatus
from services.live_attendance import Standing, sees_attendance, standings, ticket_playback


@strawberry.type(description="How far the viewer is in a live lesson (我的出勤).")
class ViewerLiveAttendance:
    outcome: AttendanceOutcome | None = strawberry.field(description="What became of it; null until it is settled.")
    attended_seconds: int = strawberry.field(description="Seen while it was on air, on all devices together.")
    aired_seconds: int = strawberry.field(description="How long it has been on air, interruptions left out.")
    percent: int = strawberry.field(description="Whole per cent of the time on air, rounded down.")
    credited: bool = strawberry.field(description="The credit rule is met; once met, it stays met.")

    @classmethod
    def of(cls, found: Standing) -> Self:
        return cls(
            outcome=found.outcome,
            attended_seconds=found.seen.attended_seconds,
            aired_seconds=found.seen.aired_seconds,
            percent=found.seen.percent,
            credited=found.credited,
        )


@strawberry.type(description="What became of a member and a live lesson (出勤).")
class LiveAttendance:
    row: strawberry.Private[rows.AttendanceRow]
    lesson: strawberry.Private[LiveLessonRow]
    outcome: AttendanceOutcome | None = strawberry.field(description="Null until the lesson is settled.")
    first_joined_at: datetime | None = strawberry.field(description="When they first came in; null for who never did.")
    last_left_at: datetime | None = strawberry.field(description="The end of what they saw; null until it is settled.")
    check_ins_answered: int = strawberry.field(description="How many check-ins they answered; 0 until it is settled.")

    @classmethod
    def of(cls, row: rows.AttendanceRow, lesson: LiveLessonRow) -> Self:
        return cls(
            row=row,
            lesson=lesson,
            outcome=row.outcome,
            first_joined_at=row.first_joined_at,
            last_left_at=row.last_left_at,
            check_ins_answered=row.check_ins_answered,
        )

    @strawberry.field(description="Who it is about.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None else None

    @strawberry.field(description="Seen while it was on air; of a lesson that runs, until now.")
    async def attended_seconds(self, info: Info) -> int:
        found = await self._running(info)
        return found.seen.attended_seconds if found is not None else self.row.attended_seconds

    @strawberry.field(description="Whole per cent of the time on air, rounded down.")
    async def percent(self, info: Info) -> int:
        found = await self._running(info)
        return found.seen.percent if found is not None else self.row.percent

    async def _running(self, info: Info) -> Standing | None:
        if self.row.outcome is not None:
            return None
        now = info.context.ports.clock.now()
        return await info.context.loaders.of(standings, self.lesson, now).load(self.row.member_id)


@strawberry.type(description="The attendance of a live lesson in figures; outcomes count once it is settled.")
class LiveAttendanceSummary:
    reserved: int = strawberry.field(description="Who has a seat.")
    joined: int = strawberry.field(description="Who came in, however briefly.")
    present: int = strawberry.field(description="Who was there from the start, for long enough.")
    late: int = strawberry.field(description="Who came late, and stayed for long enough.")
    partial: int = strawberry.field(description="Who was there, but not for long enough.")
    absent: int = strawberry.field(description="Who had a seat, or a ticket, and saw nothing.")
    replay: int = strawberry.field(description="Who missed it, and watched the replay instead (回看).")
    peak_watching: int | None = strawberry.field(description="The most at one moment; null until it is settled.")
    average_percent: int | None = strawberry.field(description="Of who saw something; null for nobody.")

    @classmethod
    def of(cls, found: rows.Summary) -> Self:
        return cls(
            reserved=found.reserved,
            joined=found.joined,
            present=found.present,
            late=found.late,
            partial=found.partial,
            absent=found.absent,
            replay=found.replay,
            peak_watching=found.peak,
            average_percent=found.average_percent,
        )


@strawberry.type
class LiveAttendancePart(LiveLessonPart):
    @strawberry.field(description="How far the viewer is in it; null for who has not been in.")
    async def viewer_attendance(self, info: Info) -> ViewerLiveAttendance | None:
        actor = info.context.actor
        if actor is None:
            return None
        now = info.context.ports.clock.now()
        found = await info.context.loaders.of(standings, self.row, now).load(actor.member_id)
        return ViewerLiveAttendance.of(found) if found is not None else None

    @strawberry.field(description="Its attendance in figures; for the host, admins and auditors.")
    async def attendance_summary(self, info: Info) -> LiveAttendanceSummary | None:
        actor = info.context.actor
        if actor is None or not await sees_attendance(actor, self.row):
            return None
        return LiveAttendanceSummary.of(await info.context.loaders.of(rows.summaries).load(self.row.id))

    @strawberry.field(description="Who came, in order, then who did not (出勤名单); for the host, admins and auditors.")
    async def attendance(
        self, info: Info, first: First = DEFAULT_ROWS, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LiveAttendance] | None:
        actor = info.context.actor
        if actor is None or not await sees_attendance(actor, self.row):
            return None
        scope = f"live attendance {self.row.id}"
        return connection(
            info,
            await rows.attendance_page(self.row.id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=lambda row: LiveAttendance.of(row, self.row),
            key=lambda row: [row.recorded_at, row.member_id],
            count=lambda: rows.count_attendances(self.row.id),
        )


@strawberry.type(description="Where the stream is watched, for this ticket alone.")
class LivePlayback:
    protocol: str = strawberry.field(description="As HLS.")
    url: str = strawberry.field(description="Signed; join again before it expires.")
    expires_at: datetime = strawberry.field(description="Until when the address is good.")


@strawberry.type(description="A device's way into a live lesson (入场券).")
class LiveTicket:
    id: strawberry.ID = strawberry.field(description="Opaque; for `beatLiveLesson`.")
    heartbeat_seconds: int = strawberry.field(description="How often to say that one is still there.")
    row: strawberry.Private[rows.Ticket]

    @classmethod
    def of(cls, ticket: rows.Ticket) -> Self:
        return cls(id=encode("LiveTicket", ticket.id), heartbeat_seconds=HEARTBEAT_SECONDS, row=ticket)

    @strawberry.field(description="Where to watch; null until there is a stream.")
    async def playback(self, info: Info) -> LivePlayback | None:
        actor, ports = info.context.actor, info.context.ports
        found = await ticket_playback(ports, actor, self.row.lesson_id) if actor is not None else None
        return LivePlayback(protocol=found[0], url=found[1], expires_at=found[2]) if found is not None else None


@strawberry.input(description="A live lesson to go into.")
class JoinLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="One whose doors are open.")
    device_id: str = strawberry.field(description="Made once per installation.")


@strawberry.type(description="What became of JoinLiveLessonInput.")
class JoinLiveLessonPayload(Payload):
    ticket: LiveTicket | None = strawberry.field(default=None, description="The same for the same device.")


@strawberry.input(description="A sign of life in a live lesson.")
class BeatLiveLessonInput:
    ticket_id: strawberry.ID = strawberry.field(description="As `joinLiveLesson` gave it.")


@strawberry.type(description="What became of BeatLiveLessonInput.")
class BeatLiveLessonPayload(Payload):
    attended_seconds: int | None = strawberry.field(default=None, description="Seen so far while it was on air.")
    credited: bool | None = strawberry.field(default=None, description="The credit rule is met; it stays met.")
    status: LiveStatus | None = strawberry.field(default=None, description="How far the lesson is.")


@strawberry.input(description="Who could not come, and why.")
class ExcuseFromLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="The lesson.")
    member_id: strawberry.ID = strawberry.field(description="Not the viewer.")
    reason: str = strawberry.field(description="For the audit, 1-200 characters.")


@strawberry.type(description="What became of ExcuseFromLiveLessonInput.")
class ExcuseFromLiveLessonPayload(Payload):
    excused: bool | None = strawberry.field(default=None, description="It is kept.")
