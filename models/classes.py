"""Offline classes: when and where, who has a seat or waits for one, who was there and what they thought of it.

Everything that changes a class, its seats or its attendance holds the class's row first (`locked_class`). Seats are
counted, never kept as a number: a class has a few dozen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.places import Point
from kit.words import AttendanceOutcome, OfflineClassStatus, SeatState
from models.accounts import Member
from models.courses import Course
from models.outlets import Region


class OfflineClass(Model):
    """A class in [starts_at, ends_at) for the region's shops; no region: for all. Nobody trains two at once: a
    constraint sees to that.

    `arrivals` numbers the sign-ups. `settled_at`: since when those who did not come are written down.
    """

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(80)
    course: fields.ForeignKeyNullableRelation[Course] = fields.ForeignKeyField(
        "models.Course", "classes", null=True, on_delete=fields.RESTRICT
    )
    course_id: UUID | None
    trainer: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "trained_classes", on_delete=fields.RESTRICT
    )
    trainer_id: UUID
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "classes", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    place = fields.CharField(80)
    address = fields.CharField(200, default="")
    latitude = fields.FloatField(null=True)
    longitude = fields.FloatField(null=True)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    capacity = fields.SmallIntField()
    arrivals = fields.IntField(default=0)
    moves = fields.IntField(default=0)
    cancelled_at = fields.DatetimeField(null=True)
    cancel_reason = fields.CharField(200, default="")
    settled_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "offline_classes"

    def status_at(self, now: datetime) -> OfflineClassStatus:
        if self.cancelled_at is not None:
            return OfflineClassStatus.CANCELLED
        if now < self.starts_at:
            return OfflineClassStatus.SCHEDULED
        return OfflineClassStatus.RUNNING if now < self.ends_at else OfflineClassStatus.ENDED

    @property
    def location(self) -> Point | None:
        if self.latitude is None or self.longitude is None:
            return None
        return Point(self.latitude, self.longitude)


class ClassSeat(Model):
    """The one sign-up of a member for a class. `arrival`: when it came among all of the class, from 1; given anew to
    who had left and comes again. `seated_at` is when the seat was had."""

    id = fields.UUIDField(primary_key=True)
    offline_class: fields.ForeignKeyRelation[OfflineClass] = fields.ForeignKeyField(
        "models.OfflineClass", "seats", on_delete=fields.RESTRICT
    )
    offline_class_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "class_seats", on_delete=fields.RESTRICT
    )
    member_id: UUID
    state = fields.CharEnumField(SeatState, max_length=10)
    arrival = fields.IntField()
    signed_up_at = fields.DatetimeField()
    seated_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "class_seats"


class ClassAttendance(Model):
    """What became of a member and a class: there (PRESENT, LATE), or signed up and not there (ABSENT).

    `by`: who checked them in, with a reason; None: they did so themselves. `awards` is what checking in earned, for
    the same answer again. Where the phone was is not kept.
    """

    id = fields.UUIDField(primary_key=True)
    offline_class: fields.ForeignKeyRelation[OfflineClass] = fields.ForeignKeyField(
        "models.OfflineClass", "attendances", on_delete=fields.RESTRICT
    )
    offline_class_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "class_attendances", on_delete=fields.RESTRICT
    )
    member_id: UUID
    outcome = fields.CharEnumField(AttendanceOutcome, max_length=10)
    recorded_at = fields.DatetimeField()
    checked_in_at = fields.DatetimeField(null=True)
    by = fields.UUIDField(null=True)
    reason = fields.CharField(200, default="")
    awards: list[dict[str, Any]] = fields.JSONField(default=list)
    stars = fields.SmallIntField(null=True)
    comment = fields.CharField(500, default="")
    rated_at = fields.DatetimeField(null=True)

    class Meta:
        table = "class_attendances"


@dataclass(frozen=True, slots=True)
class SeatRow:
    """`waitlist_position`: 1 is the next to get a seat; None for who does not wait."""

    state: SeatState
    waitlist_position: int | None


@dataclass(frozen=True, slots=True)
class Rating:
    """`average` of the stars, None without any."""

    average: float | None
    count: int


NO_RATING = Rating(None, 0)


async def locked_class(class_id: UUID) -> OfflineClass | None:
    """The class, its row locked until the transaction ends: nobody moves it, signs up or checks in meanwhile."""
    return await OfflineClass.select_for_update(no_key=True).get_or_none(id=class_id)


async def classes_by_ids(ids: Sequence[UUID]) -> list[OfflineClass | None]:
    """The classes of these ids, in the order of `ids`."""
    found = {each.id: each for each in await OfflineClass.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def is_trainer_busy(trainer_id: UUID, starts_at: datetime, ends_at: datetime, but: UUID | None = None) -> bool:
    """Whether the member trains another class, `but` aside, that overlaps [starts_at, ends_at)."""
    found = await rows(
        "SELECT 1 FROM offline_classes WHERE trainer_id = $1 AND cancelled_at IS NULL"
        " AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) AND id IS DISTINCT FROM $4::uuid LIMIT 1",
        trainer_id, starts_at, ends_at, but,
    )  # fmt: skip
    return bool(found)


# Seats


async def seats_taken(class_ids: Sequence[UUID]) -> list[int]:
    """How many seats of each class are taken, in the order of the ids."""
    found = await rows(
        "SELECT offline_class_id, count(*) AS n FROM class_seats"
        " WHERE offline_class_id = ANY($1::uuid[]) AND state = 'SEATED' GROUP BY offline_class_id",
        list(class_ids),
    )
    taken = {row["offline_class_id"]: int(row["n"]) for row in found}
    return [taken.get(each, 0) for each in class_ids]


async def seats_of_member(member_id: UUID, class_ids: Sequence[UUID]) -> list[SeatRow | None]:
    """What the member's sign-up for each class has come to, in the order of the ids; None: never signed up."""
    found = await rows(
        "SELECT s.offline_class_id, s.state, CASE WHEN s.state = 'WAITLISTED' THEN (SELECT count(*) FROM class_seats w"
        " WHERE w.offline_class_id = s.offline_class_id AND w.state = 'WAITLISTED' AND w.arrival <= s.arrival)"
        " END AS position FROM class_seats s WHERE s.member_id = $1 AND s.offline_class_id = ANY($2::uuid[])",
        member_id, list(class_ids),
    )  # fmt: skip
    held = {row["offline_class_id"]: SeatRow(SeatState(row["state"]), row["position"]) for row in found}
    return [held.get(each) for each in class_ids]


async def seat_of(class_id: UUID, member_id: UUID) -> ClassSeat | None:
    return await ClassSeat.get_or_none(offline_class_id=class_id, member_id=member_id)


async def put_seat(
    offline_class: OfflineClass, seat_id: UUID, member_id: UUID, state: SeatState, now: datetime
) -> None:
    """Give the member the next arrival and this state, in place of what they had given up.

    The caller holds the class's row. Nothing for a member whose account is deleted.
    """
    require_transaction()
    offline_class.arrivals += 1
    await execute("UPDATE offline_classes SET arrivals = $2 WHERE id = $1", offline_class.id, offline_class.arrivals)
    await execute(
        "INSERT INTO class_seats (id, offline_class_id, member_id, state, arrival, signed_up_at, seated_at)"
        " SELECT $1, $2, m.id, $4::text, $5, $6, CASE WHEN $4::text = 'SEATED' THEN $6::timestamptz END FROM"
        " (SELECT id FROM members WHERE id = $3 AND deleted_at IS NULL FOR KEY SHARE) m"
        " ON CONFLICT (offline_class_id, member_id) DO UPDATE SET state = excluded.state, arrival = excluded.arrival,"
        " signed_up_at = excluded.signed_up_at, seated_at = excluded.seated_at, cancelled_at = NULL",
        seat_id, offline_class.id, member_id, state.value, offline_class.arrivals, now,
    )  # fmt: skip


async def give_up_seat(class_id: UUID, member_id: UUID, now: datetime) -> bool:
    """End the member's seat or waiting; False if there was neither. The caller holds the class's row."""
    require_transaction()
    ended = await execute(
        "UPDATE class_seats SET state = 'CANCELLED', cancelled_at = $3"
        " WHERE offline_class_id = $1 AND member_id = $2 AND state <> 'CANCELLED'",
        class_id, member_id, now,
    )  # fmt: skip
    return bool(ended)


async def seat_next(class_id: UUID, most: int, now: datetime) -> list[UUID]:
    """Give seats to up to `most` of those who wait, in order of arrival; who they are. The caller holds the class.

    Who is next is asked in an array, which PostgreSQL reads once. A joined table it may read anew for each seat, and as
    that one locks, it passes over those who were just seated: then everybody who waits gets a seat.
    """
    require_transaction()
    if most <= 0:
        return []
    seated = await rows(
        "UPDATE class_seats SET state = 'SEATED', seated_at = $3 WHERE id = ANY(ARRAY(SELECT id FROM class_seats"
        " WHERE offline_class_id = $1 AND state = 'WAITLISTED' ORDER BY arrival LIMIT $2 FOR UPDATE))"
        " RETURNING member_id",
        class_id, most, now,
    )  # fmt: skip
    return [row["member_id"] for row in seated]


async def members_signed_up(class_id: UUID) -> list[UUID]:
    """Who has a seat or waits for one, in order of arrival."""
    found = ClassSeat.filter(offline_class_id=class_id).exclude(state=SeatState.CANCELLED).order_by("arrival")
    return [row[0] for row in await found.values_list("member_id")]


async def classes_to_fill(now: datetime) -> list[UUID]:
    """Classes that have not begun, with members who wait beside free seats: somebody deleted their account."""
    found = await rows(
        "SELECT c.id FROM offline_classes c WHERE c.cancelled_at IS NULL AND c.starts_at > $1"
        " AND EXISTS (SELECT FROM class_seats s WHERE s.offline_class_id = c.id AND s.state = 'WAITLISTED')"
        " AND (SELECT count(*) FROM class_seats s WHERE s.offline_class_id = c.id AND s.state = 'SEATED') < c.capacity"
        " ORDER BY c.starts_at, c.id",
        now,
    )
    return [row["id"] for row in found]


# Attendance


async def attendance_of(class_id: UUID, member_id: UUID) -> ClassAttendance | None:
    return await ClassAttendance.get_or_none(offline_class_id=class_id, member_id=member_id)


async def attendances_of_member(member_id: UUID, class_ids: Sequence[UUID]) -> list[ClassAttendance | None]:
    """What became of the member and each class, in the order of the ids; None while that is open."""
    found = {
        each.offline_class_id: each
        for each in await ClassAttendance.filter(member_id=member_id, offline_class_id__in=list(class_ids))
    }
    return [found.get(each) for each in class_ids]


async def classes_to_settle(now: datetime, limit: int) -> list[UUID]:
    """Classes that are over and whose absent members are not written down yet, the earliest first."""
    due = OfflineClass.filter(settled_at=None, cancelled_at=None, ends_at__lte=now).order_by("ends_at", "id")
    return [row[0] for row in await due.limit(limit).values_list("id")]


async def absent_members(class_id: UUID) -> list[UUID]:
    """Who has a seat and was not there."""
    found = await rows(
        "SELECT s.member_id FROM class_seats s WHERE s.offline_class_id = $1 AND s.state = 'SEATED' AND NOT EXISTS"
        " (SELECT FROM class_attendances a WHERE a.offline_class_id = $1 AND a.member_id = s.member_id)"
        " ORDER BY s.arrival",
        class_id,
    )
    return [row["member_id"] for row in found]


async def add_absent(class_id: UUID, absent: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Write down members who were not there, as (id of the row, member). The caller holds the class."""
    require_transaction()
    await execute(
        "INSERT INTO class_attendances (id, offline_class_id, member_id, outcome, recorded_at, reason, awards, comment)"
        " SELECT unnest($2::uuid[]), $1, unnest($3::uuid[]), 'ABSENT', $4, '', '[]', ''",
        class_id, [row_id for row_id, _ in absent], [member_id for _, member_id in absent], now,
    )  # fmt: skip


async def ratings_of(class_ids: Sequence[UUID]) -> list[Rating]:
    """What those who were there gave each class, in the order of the ids."""
    found = await rows(
        "SELECT offline_class_id, avg(stars)::float8 AS average, count(*) AS n FROM class_attendances"
        " WHERE offline_class_id = ANY($1::uuid[]) AND stars IS NOT NULL GROUP BY offline_class_id",
        list(class_ids),
    )
    rated = {row["offline_class_id"]: Rating(row["average"], int(row["n"])) for row in found}
    return [rated.get(each, NO_RATING) for each in class_ids]
