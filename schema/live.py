"""Live lessons on the calendar, as clients see them."""

from datetime import datetime
from typing import Self

import strawberry

from models import courses, live, live_lists
from models.live_lists import LiveCard, LiveLessonRow
from models.outlets import regions_by_ids
from schema.accounts import Member
from schema.context import Info
from schema.courses import Course, Module
from schema.errors import Payload
from schema.ids import decode, encode
from schema.live_attendance import LiveAttendancePart
from schema.live_room import LiveRoomPart
from schema.live_stream import LiveStreamPart
from schema.node import Node
from schema.outlets import Region
from schema.prices import tariff_today
from schema.words import LiveScope, LiveStatus, OutletTier, SeatState
from services.courses import visible_courses
from services.live_plans import CreditRule, LiveChange, LivePlan
from services.live_schedule import attendance_points
from services.media import media_url


@strawberry.type(description="Live lessons by one rule (直播系列).")
class LiveSeries(Node):
    title: str = strawberry.field(description="What its next lessons are called.")
    recurrence: str = strawberry.field(description="RFC 5545 RRULE text, read in Asia/Shanghai from `startsAt`.")
    starts_at: datetime = strawberry.field(description="From when the rule counts: its first lesson.")
    duration_seconds: int = strawberry.field(description="How long its next lessons are planned to be.")
    shift_seconds: int = strawberry.field(
        description="How far its next lessons are planned from the moments of the rule; 0: at them."
    )

    @classmethod
    def of(cls, row: live.LiveSeries) -> Self:
        return cls(
            id=encode("LiveSeries", row.id),
            title=row.title,
            recurrence=row.recurrence,
            starts_at=row.starts_at,
            duration_seconds=row.duration_seconds,
            shift_seconds=row.shift_seconds,
        )


@strawberry.type(description="What it takes to have been present, and what that pays (学分规则).")
class LiveCreditRule:
    row: strawberry.Private[LiveLessonRow]
    min_percent: int = strawberry.field(description="Of the time on air, that must be seen; 0-100.")
    min_seconds: int = strawberry.field(description="That must be seen at least; 0: no matter.")
    check_ins_required: int = strawberry.field(
        description="Check-ins (签到) that must be answered; all of them, if fewer were asked."
    )

    @classmethod
    def of(cls, row: LiveLessonRow) -> Self:
        return cls(
            row=row,
            min_percent=row.min_percent,
            min_seconds=row.min_seconds,
            check_ins_required=row.check_ins_required,
        )

    @strawberry.field(description="Points for having been present; as the rules are today, where the lesson has none.")
    async def points(self, info: Info) -> int:
        return (await self._worth(info))[0]

    @strawberry.field(description="Points for watching the replay instead; likewise.")
    async def replay_points(self, info: Info) -> int:
        return (await self._worth(info))[1]

    async def _worth(self, info: Info) -> tuple[int, int]:
        tariff = await tariff_today(info)
        return await info.context.loaders.of(attendance_points, info.context.ports, tariff).load(self.row)


@strawberry.type(description="A live lesson (直播课): planned, streamed, and then its replay.")
class LiveLesson(LiveAttendancePart, LiveRoomPart, LiveStreamPart, Node):
    title: str = strawberry.field(description="What it is called.")
    description: str = strawberry.field(description="What it is about; may be empty.")
    status: LiveStatus = strawberry.field(description="How far it is.")
    starts_at: datetime = strawberry.field(description="The planned start.")
    ends_at: datetime = strawberry.field(description="The planned end.")
    doors_open_at: datetime = strawberry.field(description="From when the room can be joined.")
    doors_close_at: datetime = strawberry.field(description="Until when it can be joined for the first time.")
    capacity: int | None = strawberry.field(description="Seats; null: everybody finds room.")
    seats_taken: int = strawberry.field(description="How many have a seat; who waits is not counted.")
    audience_tiers: list[OutletTier] = strawberry.field(description="The outlets it is for; empty: for everyone.")

    @classmethod
    def card(cls, info: Info, card: LiveCard) -> Self:
        """A lesson that was read for the viewer: their reservation is known already."""
        if info.context.actor is not None:
            seats = info.context.loaders.of(live_lists.seats_of_member, info.context.actor.member_id)
            seats.prime(card.lesson.id, card.seat)
        return cls.of(card.lesson)

    @classmethod
    def of(cls, row: LiveLessonRow) -> Self:
        return cls(
            id=encode("LiveLesson", row.id),
            row=row,
            title=row.title,
            description=row.description,
            status=row.status,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            doors_open_at=row.doors_open_at,
            doors_close_at=row.doors_close_at,
            capacity=row.capacity,
            seats_taken=row.seats_taken,
            audience_tiers=list(row.audience_tiers),
        )

    @strawberry.field(description="Free seats; null: everybody finds room.")
    def seats_left(self) -> int | None:
        return self.row.capacity - self.row.seats_taken if self.row.capacity is not None else None

    @strawberry.field(description="Its picture, signed; null without one.")
    def cover_url(self, info: Info) -> str | None:
        media_id = self.row.cover_media_id
        return media_url(info.context.ports, media_id).url if media_id is not None else None

    @strawberry.field(description="What it takes to have been present, and what that pays.")
    def credit_rule(self) -> LiveCreditRule:
        return LiveCreditRule.of(self.row)

    @strawberry.field(description="Who teaches (主讲人).")
    def host(self) -> Member | None:
        return Member.named(self.row.host)

    @strawberry.field(description="The subject it belongs to; null for none.")
    async def module(self, info: Info) -> Module | None:
        module_id = self.row.module_id
        row = await info.context.loaders.of(courses.modules_by_ids).load(module_id) if module_id is not None else None
        return Module.of(row) if row is not None else None

    @strawberry.field(description="The course it goes with; null for none, and for one the viewer may not see.")
    async def course(self, info: Info) -> Course | None:
        course_id = self.row.course_id
        if course_id is None:
            return None
        row = await info.context.loaders.of(visible_courses, info.context.actor).load(course_id)
        return Course.of(row) if row is not None else None

    @strawberry.field(description="Whose learners it is for, with everything below; null: everywhere.")
    async def region(self, info: Info) -> Region | None:
        region_id = self.row.region_id
        row = await info.context.loaders.of(regions_by_ids).load(region_id) if region_id is not None else None
        return Region.of(row) if row is not None else None

    @strawberry.field(description="The rule that made it; null for a single lesson.")
    async def series(self, info: Info) -> LiveSeries | None:
        series_id = self.row.series_id
        row = await info.context.loaders.of(live_lists.series_by_ids).load(series_id) if series_id is not None else None
        return LiveSeries.of(row) if row is not None else None

    @strawberry.field(description="A seat is kept for the viewer (已预约).")
    async def viewer_has_seat(self, info: Info) -> bool:
        actor = info.context.actor
        if actor is None:
            return False
        seat = await info.context.loaders.of(live_lists.seats_of_member, actor.member_id).load(self.row.id)
        return seat is not None and seat.state is SeatState.SEATED

    @strawberry.field(description="The viewer's place on the waitlist (候补), from 1; null for who does not wait.")
    async def viewer_waitlist_position(self, info: Info) -> int | None:
        actor = info.context.actor
        if actor is None:
            return None
        return await info.context.loaders.of(live_lists.waitlist_positions, actor.member_id).load(self.row.id)


@strawberry.input(description="What it takes to have been present, and what that pays.")
class LiveCreditRuleInput:
    min_percent: int | None = strawberry.field(default=80, description="Of the time on air, that must be seen; 0-100.")
    min_seconds: int | None = strawberry.field(default=0, description="That must be seen at least; 0-14,400.")
    points: int | None = strawberry.field(
        default=None, description="For having been present, 0-300; default: as the rules say."
    )
    replay_points: int | None = strawberry.field(
        default=None, description="For watching the replay instead, 0-300; default: as the rules say."
    )
    check_ins_required: int | None = strawberry.field(
        default=0, description="Check-ins that must be answered, 0-20; all of them, if fewer are asked."
    )

    def plain(self) -> CreditRule:
        standard = CreditRule()
        return CreditRule(
            min_percent=self.min_percent if self.min_percent is not None else standard.min_percent,
            min_seconds=self.min_seconds if self.min_seconds is not None else standard.min_seconds,
            points=self.points,
            replay_points=self.replay_points,
            check_ins_required=self.check_ins_required or 0,
        )


@strawberry.input(description="A live lesson to announce.")
class ScheduleLiveLessonInput:
    title: str = strawberry.field(description="1-80 characters, on one line.")
    host_id: strawberry.ID = strawberry.field(description="A lecturer, who has no other lesson then.")
    starts_at: datetime = strawberry.field(description="In the future, at most 366 days ahead.")
    ends_at: datetime = strawberry.field(description="After the start, at most 4 hours.")
    description: str | None = strawberry.field(default=None, description="At most 2,000 characters.")
    cover_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture.")
    module_id: strawberry.ID | None = strawberry.field(default=None, description="The subject it belongs to.")
    course_id: strawberry.ID | None = strawberry.field(default=None, description="The course it goes with.")
    capacity: int | None = strawberry.field(
        default=None, description="Seats, 1-100,000; default: everybody finds room."
    )
    audience_tiers: list[OutletTier] | None = strawberry.field(
        default=None, description="The outlets it is for; default: for everyone."
    )
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose learners it is for; default: all that the viewer administers."
    )
    recurrence: str | None = strawberry.field(
        default=None,
        description="RFC 5545 RRULE text: DAILY, WEEKLY or MONTHLY, at most one lesson a day, the first at `startsAt`.",
    )
    credit_rule: LiveCreditRuleInput | None = strawberry.field(
        default=None, description="What it takes to have been present; default: 80 percent."
    )
    draft: bool | None = strawberry.field(
        default=False, description="True: seen by those who run it alone, until it is published; not of a series."
    )

    def plain(self) -> LivePlan:
        return LivePlan(
            title=self.title,
            host_id=decode(self.host_id, "Member", "hostId"),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            description=self.description or "",
            cover_media_id=decode(self.cover_media_id, "Media", "coverMediaId") if self.cover_media_id else None,
            module_id=decode(self.module_id, "Module", "moduleId") if self.module_id is not None else None,
            course_id=decode(self.course_id, "Course", "courseId") if self.course_id is not None else None,
            capacity=self.capacity,
            audience_tiers=tuple(self.audience_tiers or ()),
            region_id=decode(self.region_id, "Region", "regionId") if self.region_id is not None else None,
            recurrence=self.recurrence,
            credit_rule=self.credit_rule.plain() if self.credit_rule is not None else CreditRule(),
            draft=bool(self.draft),
        )


@strawberry.type(description="What became of ScheduleLiveLessonInput.")
class ScheduleLiveLessonPayload(Payload):
    live_lesson: LiveLesson | None = strawberry.field(default=None, description="The new lesson.")
    occurrences: int | None = strawberry.field(default=None, description="How many lessons were made.")


@strawberry.input(description="What is to be different about a live lesson; what is left out stays.")
class UpdateLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson of a region the viewer administers.")
    title: str | None = strawberry.field(default=None, description="1-80 characters, on one line.")
    description: str | None = strawberry.field(default=None, description="At most 2,000 characters.")
    cover_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture.")
    host_id: strawberry.ID | None = strawberry.field(
        default=None, description="A lecturer, who has no other lesson then."
    )
    capacity: int | None = strawberry.field(
        default=None, description="Seats, 1-100,000, no fewer than are taken; more promote who waits."
    )
    unlimited: bool | None = strawberry.field(
        default=False, description="True: from now on everybody finds room; without `capacity`."
    )
    audience_tiers: list[OutletTier] | None = strawberry.field(
        default=None, description="The outlets it is for; an empty list: for everyone."
    )
    credit_rule: LiveCreditRuleInput | None = strawberry.field(
        default=None, description="The whole of the new rule; before it is on air."
    )
    apply: LiveScope | None = strawberry.field(
        default=LiveScope.THIS, description="For which lessons; what was changed for one alone stays."
    )
    publish: bool | None = strawberry.field(default=False, description="True: announce this lesson, a draft so far.")

    def plain(self) -> LiveChange:
        return LiveChange(
            lesson_id=decode(self.live_lesson_id, "LiveLesson", "liveLessonId"),
            title=self.title,
            description=self.description,
            cover_media_id=decode(self.cover_media_id, "Media", "coverMediaId") if self.cover_media_id else None,
            host_id=decode(self.host_id, "Member", "hostId") if self.host_id is not None else None,
            capacity=self.capacity,
            audience_tiers=tuple(self.audience_tiers) if self.audience_tiers is not None else None,
            credit_rule=self.credit_rule.plain() if self.credit_rule is not None else None,
            apply=self.apply or LiveScope.THIS,
            unlimited=bool(self.unlimited),
            publish=bool(self.publish),
        )


@strawberry.type(description="What became of UpdateLiveLessonInput.")
class UpdateLiveLessonPayload(Payload):
    live_lesson: LiveLesson | None = strawberry.field(default=None, description="The lesson as it is now.")
    occurrences: int | None = strawberry.field(default=None, description="How many lessons are different now.")


@strawberry.input(description="Another time for a live lesson.")
class RescheduleLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson that has not begun.")
    starts_at: datetime = strawberry.field(description="In the future, at most 366 days ahead.")
    ends_at: datetime = strawberry.field(description="After the start, at most 4 hours.")
    apply: LiveScope | None = strawberry.field(
        default=LiveScope.THIS,
        description="THIS_AND_FOLLOWING shifts all later ones as far, but for those that were moved by themselves.",
    )


@strawberry.type(description="What became of RescheduleLiveLessonInput.")
class RescheduleLiveLessonPayload(Payload):
    live_lesson: LiveLesson | None = strawberry.field(default=None, description="The lesson at its new time.")
    occurrences: int | None = strawberry.field(default=None, description="How many lessons were moved.")


@strawberry.input(description="A live lesson to call off.")
class CancelLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson that has not begun.")
    reason: str = strawberry.field(description="1-200 characters, on one line; who had a seat reads it.")
    apply: LiveScope | None = strawberry.field(
        default=LiveScope.THIS, description="THIS_AND_FOLLOWING ends the series before this lesson."
    )


@strawberry.type(description="What became of CancelLiveLessonInput.")
class CancelLiveLessonPayload(Payload):
    live_lesson: LiveLesson | None = strawberry.field(default=None, description="The lesson, called off.")
    occurrences: int | None = strawberry.field(default=None, description="How many lessons were called off.")
