"""Offline classes as clients see them."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from auth.class_codes import ClassCode
from kit.places import Point
from kit.qr import qr_svg
from models import accounts, classes
from models.class_lists import attendance_page, count_attendance, count_seats, seats_page
from models.outlets import regions_by_ids
from schema.accounts import Member
from schema.context import Info
from schema.courses import Course
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.outlets import Region
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.points import Award
from schema.words import AttendanceOutcome, OfflineClassStatus, SeatState
from services.class_check_in import check_in_code, own_attendances
from services.class_plans import CAPACITY, ClassChange, ClassPlan
from services.classes import sees_class_list
from services.courses import visible_courses


@strawberry.type(description="A place on the map, in degrees (WGS-84).")
class GeoPoint:
    latitude: float = strawberry.field(description="North of the equator, -90 to 90.")
    longitude: float = strawberry.field(description="East of Greenwich, -180 to 180.")


@strawberry.input(description="A place on the map, in degrees, as the phone's receiver gives it (WGS-84, not GCJ-02).")
class GeoPointInput:
    latitude: float = strawberry.field(description="North of the equator, -90 to 90.")
    longitude: float = strawberry.field(description="East of Greenwich, -180 to 180.")

    def plain(self) -> Point:
        return Point(self.latitude, self.longitude)


@strawberry.type(description="A member's sign-up for an offline class.")
class ClassSeat:
    state: SeatState = strawberry.field(description="What it has come to.")
    waitlist_position: int | None = strawberry.field(description="1 is the next to get a seat; null for who has one.")

    @classmethod
    def of(cls, row: classes.SeatRow) -> Self:
        return cls(state=row.state, waitlist_position=row.waitlist_position)


@strawberry.type(description="A line in the list of those who signed up (报名).")
class ClassSignUp:
    state: SeatState = strawberry.field(description="A seat, or waiting for one.")
    signed_up_at: datetime = strawberry.field(description="When.")
    row: strawberry.Private[classes.ClassSeat]

    @classmethod
    def of(cls, row: classes.ClassSeat) -> Self:
        return cls(state=row.state, signed_up_at=row.signed_up_at, row=row)

    @strawberry.field(description="Who signed up.")
    async def member(self, info: Info) -> Member | None:
        return await _member(info, self.row.member_id)


@strawberry.type(description="What became of a member and an offline class (签到).")
class ClassAttendance:
    outcome: AttendanceOutcome = strawberry.field(description="PRESENT, LATE or ABSENT.")
    checked_in_at: datetime | None = strawberry.field(description="When they were there; null for who was not.")
    stars: int | None = strawberry.field(description="What they gave the class, 1-5; null: nothing yet.")
    comment: str = strawberry.field(description="What they said of it; may be empty.")
    row: strawberry.Private[classes.ClassAttendance]

    @classmethod
    def of(cls, row: classes.ClassAttendance) -> Self:
        return cls(outcome=row.outcome, checked_in_at=row.checked_in_at, stars=row.stars, comment=row.comment, row=row)

    @strawberry.field(description="Who it is about.")
    async def member(self, info: Info) -> Member | None:
        return await _member(info, self.row.member_id)

    @strawberry.field(description="Who checked them in (代签人); null: they did so themselves.")
    async def by(self, info: Info) -> Member | None:
        return await _member(info, self.row.by) if self.row.by is not None else None

    @strawberry.field(description="Why somebody else checked them in; null where nobody did.")
    def reason(self) -> str | None:
        return self.row.reason or None


@strawberry.type(description="The check-in code of a class (签到码), for the trainer's screen; a new one every 15 s.")
class ClassCheckInCode:
    payload: str = strawberry.field(description="What a phone reads off it and sends to `checkInToClass`.")
    next_at: datetime = strawberry.field(description="When the next one comes: ask again then.")
    valid_until: datetime = strawberry.field(description="Until when this one is taken, 20 s in all.")

    @classmethod
    def of(cls, code: ClassCode) -> Self:
        return cls(payload=code.payload, next_at=code.next_at, valid_until=code.valid_until)

    @strawberry.field(description="It as a QR picture.")
    def svg(self) -> str:
        return qr_svg(self.payload)


@strawberry.type(description="What those who were there gave a class.")
class ClassRating:
    average: float | None = strawberry.field(description="Of 1-5 stars; null without any.")
    count: int = strawberry.field(description="How many gave some.")


@strawberry.type(description="A small class at a place (线下小班).")
class OfflineClass(Node):
    row: strawberry.Private[classes.OfflineClass]
    title: str = strawberry.field(description="What it is called.")
    place: str = strawberry.field(description="Where: the name of the house or room.")
    address: str = strawberry.field(description="How to get there; may be empty.")
    starts_at: datetime = strawberry.field(description="The beginning; check-in opens half an hour before.")
    ends_at: datetime = strawberry.field(description="The end; check-in closes.")
    capacity: int = strawberry.field(description="How many seats there are.")

    @classmethod
    def of(cls, row: classes.OfflineClass) -> Self:
        return cls(
            id=encode("OfflineClass", row.id),
            row=row,
            title=row.title,
            place=row.place,
            address=row.address,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            capacity=row.capacity,
        )

    @strawberry.field(description="How far it is.")
    def status(self, info: Info) -> OfflineClassStatus:
        return self.row.status_at(info.context.ports.clock.now())

    @strawberry.field(description="Why it was called off; null if it was not.")
    def cancel_reason(self) -> str | None:
        return self.row.cancel_reason or None

    @strawberry.field(description="Where it is on the map; null: not said.")
    def location(self) -> GeoPoint | None:
        found = self.row.location
        return GeoPoint(latitude=found.latitude, longitude=found.longitude) if found is not None else None

    @strawberry.field(description="Who teaches it (培训师).")
    async def trainer(self, info: Info) -> Member | None:
        return await _member(info, self.row.trainer_id)

    @strawberry.field(description="The course it belongs to; null without one, or for whom it is not to be seen.")
    async def course(self, info: Info) -> Course | None:
        if self.row.course_id is None:
            return None
        row = await info.context.loaders.of(visible_courses, info.context.actor).load(self.row.course_id)
        return Course.of(row) if row is not None else None

    @strawberry.field(description="Whose shops are invited, with everything below; null: all.")
    async def region(self, info: Info) -> Region | None:
        region_id = self.row.region_id
        row = await info.context.loaders.of(regions_by_ids).load(region_id) if region_id is not None else None
        return Region.of(row) if row is not None else None

    @strawberry.field(description="How many seats are free.")
    async def seats_left(self, info: Info) -> int:
        taken = await info.context.loaders.of(classes.seats_taken).load(self.row.id)
        return max(int(self.row.capacity) - taken, 0)

    @strawberry.field(description="The viewer's sign-up; null: none so far.")
    async def viewer_seat(self, info: Info) -> ClassSeat | None:
        actor = info.context.actor
        if actor is None:
            return None
        row = await info.context.loaders.of(classes.seats_of_member, actor.member_id).load(self.row.id)
        return ClassSeat.of(row) if row is not None else None

    @strawberry.field(description="What became of the viewer and this class; null while that is open.")
    async def viewer_attendance(self, info: Info) -> ClassAttendance | None:
        actor = info.context.actor
        row = await info.context.loaders.of(own_attendances, actor).load(self.row.id) if actor is not None else None
        return ClassAttendance.of(row) if row is not None else None

    @strawberry.field(description="What those who were there gave it.")
    async def rating(self, info: Info) -> ClassRating:
        found = await info.context.loaders.of(classes.ratings_of).load(self.row.id)
        return ClassRating(average=found.average, count=found.count)

    @strawberry.field(
        description="What the screen shows, for the trainer and admins; null to others, and outside check-in."
    )
    async def check_in_code(self, info: Info) -> ClassCheckInCode | None:
        actor = info.context.actor
        code = await check_in_code(info.context.ports, actor, self.row) if actor is not None else None
        return ClassCheckInCode.of(code) if code is not None else None

    @strawberry.field(description="Who signed up, in order (报名名单); for the trainer, admins and auditors.")
    async def sign_ups(
        self, info: Info, first: First = DEFAULT_ROWS, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[ClassSignUp] | None:
        if not await self._is_listed_for(info):
            return None
        scope = f"class sign-ups {self.row.id}"
        return connection(
            info,
            await seats_page(self.row.id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=ClassSignUp.of,
            key=lambda row: [row.arrival],
            count=lambda: count_seats(self.row.id),
        )

    @strawberry.field(description="Who was there, and in the end who was not (签到名单); for those who read `signUps`.")
    async def attendance(
        self, info: Info, first: First = DEFAULT_ROWS, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[ClassAttendance] | None:
        if not await self._is_listed_for(info):
            return None
        scope = f"class attendance {self.row.id}"
        return connection(
            info,
            await attendance_page(self.row.id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=ClassAttendance.of,
            key=lambda row: [row.recorded_at, row.id],
            count=lambda: count_attendance(self.row.id),
        )

    async def _is_listed_for(self, info: Info) -> bool:
        actor = info.context.actor
        return actor is not None and await info.context.loaders.of(sees_class_list, actor).load(self.row)


async def _member(info: Info, member_id: UUID) -> Member | None:
    row = await info.context.loaders.of(accounts.members_by_ids).load(member_id)
    return Member.of(row) if row is not None else None


@strawberry.input(description="A class to plan.")
class ScheduleClassInput:
    title: str = strawberry.field(description="1-80 characters, on one line.")
    trainer_id: strawberry.ID = strawberry.field(description="A lecturer, in one place at a time.")
    place: str = strawberry.field(description="1-80 characters: the name of the house or room.")
    starts_at: datetime = strawberry.field(description="In the future, at most a year ahead.")
    ends_at: datetime = strawberry.field(description="At most 8 hours after the beginning.")
    course_id: strawberry.ID | None = strawberry.field(default=None, description="The course it belongs to, if any.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose shops are invited; default: everything the admin looks after."
    )
    address: str | None = strawberry.field(default=None, description="At most 200 characters.")
    location: GeoPointInput | None = strawberry.field(
        default=None, description="Where phones that check in should be; null: anywhere."
    )
    capacity: int | None = strawberry.field(default=CAPACITY, description="Seats, 1-500.")

    def plain(self) -> ClassPlan:
        return ClassPlan(
            title=self.title,
            trainer_id=decode(self.trainer_id, "Member", "trainerId"),
            place=self.place,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            course_id=decode(self.course_id, "Course", "courseId") if self.course_id is not None else None,
            region_id=decode(self.region_id, "Region", "regionId") if self.region_id is not None else None,
            address=self.address or "",
            location=self.location.plain() if self.location is not None else None,
            capacity=self.capacity if self.capacity is not None else CAPACITY,
        )


@strawberry.type(description="What became of ScheduleClassInput.")
class ScheduleClassPayload(Payload):
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The new class.")


@strawberry.input(description="What is to change; what is left out or null stays.")
class UpdateClassInput:
    offline_class_id: strawberry.ID = strawberry.field(description="A class that has not begun.")
    title: str | None = strawberry.field(default=None, description="1-80 characters, on one line.")
    trainer_id: strawberry.ID | None = strawberry.field(default=None, description="A lecturer.")
    place: str | None = strawberry.field(default=None, description="1-80 characters.")
    address: str | None = strawberry.field(default=None, description="At most 200 characters.")
    location: GeoPointInput | None = strawberry.field(default=None, description="Where it is on the map.")
    starts_at: datetime | None = strawberry.field(default=None, description="In the future.")
    ends_at: datetime | None = strawberry.field(default=None, description="At most 8 hours after the beginning.")
    capacity: int | None = strawberry.field(default=None, description="Not below the seats that are taken.")

    def plain(self) -> ClassChange:
        return ClassChange(
            title=self.title,
            trainer_id=decode(self.trainer_id, "Member", "trainerId") if self.trainer_id is not None else None,
            place=self.place,
            address=self.address,
            location=self.location.plain() if self.location is not None else None,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            capacity=self.capacity,
        )


@strawberry.type(description="What became of UpdateClassInput.")
class UpdateClassPayload(Payload):
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The class as it is now.")


@strawberry.input(description="A class to call off.")
class CancelClassInput:
    offline_class_id: strawberry.ID = strawberry.field(description="A class that has not begun.")
    reason: str = strawberry.field(description="For those who signed up, 1-200 characters.")


@strawberry.type(description="What became of CancelClassInput.")
class CancelClassPayload(Payload):
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The class as it is now.")


@strawberry.input(description="A class to sign up for.")
class SignUpForClassInput:
    offline_class_id: strawberry.ID = strawberry.field(description="A class that has not begun.")


@strawberry.type(description="What became of SignUpForClassInput.")
class SignUpForClassPayload(Payload):
    seat: ClassSeat | None = strawberry.field(default=None, description="The viewer's seat or place in the waitlist.")
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The class as it is now.")


@strawberry.input(description="A class not to go to after all.")
class LeaveClassInput:
    offline_class_id: strawberry.ID = strawberry.field(description="A class that has not begun.")


@strawberry.type(description="What became of LeaveClassInput.")
class LeaveClassPayload(Payload):
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The class as it is now.")


@strawberry.input(description="What was scanned at a class.")
class CheckInToClassInput:
    payload: str = strawberry.field(description="The text of the code on the trainer's screen.")
    location: GeoPointInput | None = strawberry.field(
        default=None, description="Where the phone is, if it knows; compared once and not kept."
    )


@strawberry.type(description="What became of CheckInToClassInput.")
class CheckInToClassPayload(Payload):
    attendance: ClassAttendance | None = strawberry.field(default=None, description="The viewer's; again the same.")
    awards: list[Award] | None = strawberry.field(default=None, description="What it earned; again the same.")


@strawberry.input(description="Somebody who came without a phone or a seat.")
class CheckInForMemberInput:
    offline_class_id: strawberry.ID = strawberry.field(description="Until a day after its end.")
    member_id: strawberry.ID = strawberry.field(description="A learner, not the viewer.")
    reason: str = strawberry.field(description="For the audit, 1-200 characters.")


@strawberry.type(description="What became of CheckInForMemberInput.")
class CheckInForMemberPayload(Payload):
    attendance: ClassAttendance | None = strawberry.field(default=None, description="The member's.")


@strawberry.input(description="How a class was.")
class RateClassInput:
    offline_class_id: strawberry.ID = strawberry.field(description="A class the viewer was at, once it is over.")
    stars: int = strawberry.field(description="1-5; again replaces it.")
    comment: str | None = strawberry.field(default=None, description="For the trainer and admins, at most 500.")


@strawberry.type(description="What became of RateClassInput.")
class RateClassPayload(Payload):
    rated: bool | None = strawberry.field(default=None, description="It is kept.")
    offline_class: OfflineClass | None = strawberry.field(default=None, description="The class with its rating.")
