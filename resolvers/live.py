"""Live lessons: the schedule, and planning."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from kit.words import Role
from models.live_lists import lesson_key
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, decode_if, row_key
from schema.live import (
    CancelLiveLessonInput,
    CancelLiveLessonPayload,
    LiveLesson,
    LiveSeries,
    RescheduleLiveLessonInput,
    RescheduleLiveLessonPayload,
    ScheduleLiveLessonInput,
    ScheduleLiveLessonPayload,
    UpdateLiveLessonInput,
    UpdateLiveLessonPayload,
)
from schema.live_seats import (
    CancelLiveSeatInput,
    CancelLiveSeatPayload,
    LiveReservation,
    ReserveLiveSeatInput,
    ReserveLiveSeatPayload,
)
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.words import LiveScope, LiveStatus
from services import live, live_schedule, live_seats


async def live_lesson_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    return await _lesson(info, row_id) if row_id is not None else None


async def live_series_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live.visible_series, actor).load(row_id)
    return LiveSeries.of(row) if row is not None else None


async def live_reservation_node(info: Info, key: str) -> Node | None:
    """One's own only."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live_seats.own_seats, actor).load(row_id)
    return LiveReservation.of(row) if row is not None else None


async def shown_lesson(info: Info, lesson_id: UUID) -> LiveLesson | None:
    """A lesson after a change, for a payload; what was read before the change is forgotten."""
    info.context.loaders.forget()
    return await _lesson(info, lesson_id)


async def _lesson(info: Info, lesson_id: UUID) -> LiveLesson | None:
    actor = info.context.actor
    if actor is None:
        return None
    row = await info.context.loaders.of(live.visible_lessons, actor).load(lesson_id)
    return LiveLesson.of(row) if row is not None else None


@strawberry.type
class LiveQueries:
    @strawberry.field(
        description="The live lessons (直播课表) of up to a year, by their start; without `from` those on air first."
    )
    async def live_lessons(
        self,
        info: Info,
        from_: Annotated[
            datetime | None,
            strawberry.argument(
                name="from", description="Those that end later than this moment; default: now, and not yet over."
            ),
        ] = None,
        to: Annotated[
            datetime | None,
            strawberry.argument(description="Those that start before it; default: as long a stretch as may be."),
        ] = None,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: Annotated[
            list[LiveStatus] | None, strawberry.argument(description="Only those in one of these states.")
        ] = None,
    ) -> Connection[LiveLesson] | None:
        actor, window = info.context.actor, live.checked_window(info.context.ports, from_, to, status)
        scope = f"live lessons {actor and actor.member_id} {from_} {to} {window.states}"
        return connection(
            info,
            await live.list_lessons(actor, window, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=partial(LiveLesson.card, info),
            key=lambda card: lesson_key(window, card.lesson),
            count=lambda: live.count_lessons(actor, window),
        )

    @strawberry.field(description="A live lesson by its id; null for what the viewer is not invited to.")
    async def live_lesson(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Of a live lesson.")]
    ) -> LiveLesson | None:
        row_id = decode_if(id, "LiveLesson")
        return await _lesson(info, row_id) if row_id is not None else None


@strawberry.type
class LiveMutations:
    @mutation(description="Put a live lesson on the calendar (排课). For admins, in their regions.")
    async def schedule_live_lesson(self, info: Info, input: ScheduleLiveLessonInput) -> ScheduleLiveLessonPayload:
        actor = staff(info, Role.ADMIN)
        planned = await live_schedule.schedule_live_lesson(info.context.ports, actor, input.plain())
        return ScheduleLiveLessonPayload(
            live_lesson=await shown_lesson(info, planned.lesson_id), occurrences=planned.occurrences
        )

    @mutation(description="Change a live lesson, or all later ones with it (修改). For admins, in their regions.")
    async def update_live_lesson(self, info: Info, input: UpdateLiveLessonInput) -> UpdateLiveLessonPayload:
        actor = staff(info, Role.ADMIN)
        planned = await live_schedule.update_live_lesson(info.context.ports, actor, input.plain())
        return UpdateLiveLessonPayload(
            live_lesson=await shown_lesson(info, planned.lesson_id), occurrences=planned.occurrences
        )

    @mutation(description="Plan a live lesson for another time (改期). For admins, in their regions.")
    async def reschedule_live_lesson(self, info: Info, input: RescheduleLiveLessonInput) -> RescheduleLiveLessonPayload:
        actor, lesson_id = staff(info, Role.ADMIN), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        apply = input.apply or LiveScope.THIS
        planned = await live_schedule.reschedule_live_lesson(
            info.context.ports, actor, lesson_id, input.starts_at, input.ends_at, apply
        )
        return RescheduleLiveLessonPayload(
            live_lesson=await shown_lesson(info, lesson_id), occurrences=planned.occurrences
        )

    @mutation(description="Call off a live lesson; who had a seat is told (取消). For admins, in their regions.")
    async def cancel_live_lesson(self, info: Info, input: CancelLiveLessonInput) -> CancelLiveLessonPayload:
        actor, lesson_id = staff(info, Role.ADMIN), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        apply = input.apply or LiveScope.THIS
        planned = await live_schedule.cancel_live_lesson(info.context.ports, actor, lesson_id, input.reason, apply)
        return CancelLiveLessonPayload(live_lesson=await shown_lesson(info, lesson_id), occurrences=planned.occurrences)

    @mutation(description="Reserve a seat of a live lesson (预约), or a place on its waitlist; again: the same answer.")
    async def reserve_live_seat(self, info: Info, input: ReserveLiveSeatInput) -> ReserveLiveSeatPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        seat = await live_seats.reserve_live_seat(info.context.ports, actor, lesson_id)
        return ReserveLiveSeatPayload(
            reservation=LiveReservation.of(seat), live_lesson=await shown_lesson(info, lesson_id)
        )

    @mutation(description="Give up a seat, or a place on the waitlist (取消预约); without one nothing happens.")
    async def cancel_live_seat(self, info: Info, input: CancelLiveSeatInput) -> CancelLiveSeatPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        await live_seats.cancel_live_seat(info.context.ports, actor, lesson_id)
        return CancelLiveSeatPayload(live_lesson=await shown_lesson(info, lesson_id))
