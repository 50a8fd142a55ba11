"""Live lessons: series, the lessons themselves, their seats, when they were on air, and the states they went through.

Readers get frozen rows (`LiveLessonRow`, from `models/live_lists.py`); `LiveLesson` is for who changes one. Everything
that changes a lesson or its seats holds the lesson's row first (`locked_lesson`); whoever holds several took them in
the order of their ids.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import LiveStatus, SeatState
from models.accounts import Member
from models.courses import Course, MediaAsset, Module
from models.outlets import Region


class LiveSeries(Model):
    """Lessons by one rule (RFC 5545), read in Asia/Shanghai from `starts_at` on; the other columns are what each new
    lesson begins with, named as in `LiveLesson`.

    `shift_seconds`: how far its lessons are planned from the moments of the rule. Lessons are there for all of the rule
    before `made_until`. `ends_before`: nothing from this moment on, whatever the
    rule says; None: as the rule says.
    """

    id = fields.UUIDField(primary_key=True)
    recurrence = fields.CharField(500)
    starts_at = fields.DatetimeField()
    duration_seconds = fields.IntField()
    shift_seconds = fields.IntField(default=0)
    made_until = fields.DatetimeField()
    ends_before = fields.DatetimeField(null=True)
    title = fields.CharField(80)
    description = fields.CharField(2000, default="")
    cover_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "live_series", null=True, on_delete=fields.RESTRICT
    )
    cover_media_id: UUID | None
    host: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "live_series", on_delete=fields.RESTRICT
    )
    host_id: UUID
    module: fields.ForeignKeyNullableRelation[Module] = fields.ForeignKeyField(
        "models.Module", "live_series", null=True, on_delete=fields.RESTRICT
    )
    module_id: UUID | None
    course: fields.ForeignKeyNullableRelation[Course] = fields.ForeignKeyField(
        "models.Course", "live_series", null=True, on_delete=fields.RESTRICT
    )
    course_id: UUID | None
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "live_series", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    audience_tiers: list[str] = ArrayField(element_type="text", default=list)
    capacity = fields.IntField(null=True)
    min_percent = fields.SmallIntField()
    min_seconds = fields.IntField()
    points = fields.SmallIntField(null=True)
    replay_points = fields.SmallIntField(null=True)
    check_ins_required = fields.SmallIntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "live_series"


class LiveLesson(Model):
    """One lesson, planned for [starts_at, ends_at). Nobody hosts two at once: a constraint sees to that.

    `occurs_at` is the moment of the series' rule it was made for, and stays when the lesson is moved. `edited` names
    the columns that were changed for this lesson alone: changes of the series leave them. No `region`: everywhere; no
    `audience_tiers`: all. Doors are open in [doors_open_at, doors_close_at).
    `capacity` None: without limit. `seats_taken` counts the seated ones; `arrivals` numbers reservations.
    The credit rule: present is who saw `min_percent` of the aired time and at least `min_seconds`, and answered
    `check_ins_required` of the check-ins, or all if fewer were asked. `points`, `replay_points` None: as the tariff
    says. `started_at`: first on air; `ended_at`: over; `settled_at`: a trigger writes it with the settlement, so that
    what is still to be settled is found. `schedule_version` is the SEQUENCE of calendars: it grows with every change of
    time and with cancelling.
    """

    id = fields.UUIDField(primary_key=True)
    series: fields.ForeignKeyNullableRelation[LiveSeries] = fields.ForeignKeyField(
        "models.LiveSeries", "lessons", null=True, on_delete=fields.RESTRICT
    )
    series_id: UUID | None
    occurs_at = fields.DatetimeField(null=True)
    edited: list[str] = ArrayField(element_type="text", default=list)
    status = fields.CharEnumField(LiveStatus, max_length=12)
    title = fields.CharField(80)
    description = fields.CharField(2000, default="")
    cover_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "live_lessons", null=True, on_delete=fields.RESTRICT
    )
    cover_media_id: UUID | None
    host: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "hosted_lessons", on_delete=fields.RESTRICT
    )
    host_id: UUID
    module: fields.ForeignKeyNullableRelation[Module] = fields.ForeignKeyField(
        "models.Module", "live_lessons", null=True, on_delete=fields.RESTRICT
    )
    module_id: UUID | None
    course: fields.ForeignKeyNullableRelation[Course] = fields.ForeignKeyField(
        "models.Course", "live_lessons", null=True, on_delete=fields.RESTRICT
    )
    course_id: UUID | None
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "live_lessons", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    audience_tiers: list[str] = ArrayField(element_type="text", default=list)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    doors_open_at = fields.DatetimeField()
    doors_close_at = fields.DatetimeField()
    capacity = fields.IntField(null=True)
    seats_taken = fields.IntField(default=0)
    arrivals = fields.IntField(default=0)
    min_percent = fields.SmallIntField()
    min_seconds = fields.IntField()
    points = fields.SmallIntField(null=True)
    replay_points = fields.SmallIntField(null=True)
    check_ins_required = fields.SmallIntField(default=0)
    replay_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "replays", null=True, on_delete=fields.RESTRICT
    )
    replay_media_id: UUID | None
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    schedule_version = fields.IntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "live_lessons"


class LiveStep(Model):
    """A state that a lesson came into, when and why. `by` None: the server itself, as by time or by a stream's hook."""

    id = fields.BigIntField(primary_key=True, generated=True)
    lesson: fields.ForeignKeyRelation[LiveLesson] = fields.ForeignKeyField(
        "models.LiveLesson", "steps", on_delete=fields.RESTRICT
    )
    lesson_id: UUID
    status = fields.CharEnumField(LiveStatus, max_length=12)
    at = fields.DatetimeField()
    by = fields.UUIDField(null=True)
    cause = fields.CharField(200)

    class Meta:
        table = "live_steps"


class LiveAiring(Model):
    """A stretch in which the lesson was truly on air, [from_at, until_at); until_at None: it still is."""

    id = fields.UUIDField(primary_key=True)
    lesson: fields.ForeignKeyRelation[LiveLesson] = fields.ForeignKeyField(
        "models.LiveLesson", "airings", on_delete=fields.RESTRICT
    )
    lesson_id: UUID
    from_at = fields.DatetimeField()
    until_at = fields.DatetimeField(null=True)

    class Meta:
        table = "live_airings"


class LiveSeat(Model):
    """The one reservation of a member for a lesson. `arrival`: when it came among all of the lesson, from 1; given
    anew to who had cancelled and comes again. `seated_at` is when the seat was had."""

    id = fields.UUIDField(primary_key=True)
    lesson: fields.ForeignKeyRelation[LiveLesson] = fields.ForeignKeyField(
        "models.LiveLesson", "seats", on_delete=fields.RESTRICT
    )
    lesson_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "live_seats", on_delete=fields.RESTRICT
    )
    member_id: UUID
    state = fields.CharEnumField(SeatState, max_length=10)
    arrival = fields.IntField()
    reserved_at = fields.DatetimeField()
    seated_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "live_seats"


async def locked_lesson(lesson_id: UUID) -> LiveLesson | None:
    """The lesson, its row locked until the transaction ends: nobody moves, changes or seats meanwhile."""
    return await LiveLesson.select_for_update(no_key=True).get_or_none(id=lesson_id)


async def hold_member(member_id: UUID) -> bool:
    """Keep the account from being deleted until the transaction ends; False for one that is."""
    require_transaction()
    return bool(await rows("SELECT 1 FROM members WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE", member_id))


async def seat_of(lesson_id: UUID, member_id: UUID) -> LiveSeat | None:
    """The member's reservation; it stays as it is while the lesson's row is held."""
    return await LiveSeat.get_or_none(lesson_id=lesson_id, member_id=member_id)


async def waiting(lesson_id: UUID, limit: int | None) -> list[LiveSeat]:
    """Who waits for a seat, in order of arrival, the first `limit` of them; None: all."""
    found = LiveSeat.filter(lesson_id=lesson_id, state=SeatState.WAITLISTED).order_by("arrival")
    return await (found.limit(limit) if limit is not None else found)


async def seat_all(seats: Sequence[LiveSeat], at: datetime) -> None:
    """Give a seat to each of those who waited; the caller holds the lesson's row and counts them."""
    require_transaction()
    await LiveSeat.filter(id__in=[each.id for each in seats]).update(state=SeatState.SEATED, seated_at=at)


async def end_seats(lesson_id: UUID, at: datetime) -> None:
    """Cancel every seat and every place on the waitlist; the caller holds the lesson's row."""
    require_transaction()
    held = LiveSeat.filter(lesson_id=lesson_id, state__in=[SeatState.SEATED, SeatState.WAITLISTED])
    await held.update(state=SeatState.CANCELLED, cancelled_at=at)
    await LiveLesson.filter(id=lesson_id).update(seats_taken=0)


async def reserved_by(lesson_id: UUID, *states: SeatState) -> list[UUID]:
    """The members whose reservations are in one of these states, in order of arrival."""
    found = LiveSeat.filter(lesson_id=lesson_id, state__in=list(states)).order_by("arrival")
    return [row[0] for row in await found.values_list("member_id")]


async def reserved_to_come(member_id: UUID) -> list[UUID]:
    """The lessons that are not over and that the member has a seat of or waits for, by id."""
    found = await rows(
        "SELECT l.id FROM live_seats s JOIN live_lessons l ON l.id = s.lesson_id WHERE s.member_id = $1"
        " AND s.state <> 'CANCELLED' AND l.status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED') ORDER BY l.id",
        member_id,
    )
    return [row["id"] for row in found]


async def airings_of(lesson_ids: Sequence[UUID]) -> list[list[LiveAiring]]:
    """When each lesson was on air, the first first, in the order of the ids."""
    shelf: dict[UUID, list[LiveAiring]] = {each: [] for each in lesson_ids}
    for airing in await LiveAiring.filter(lesson_id__in=list(lesson_ids)).order_by("from_at", "id"):
        shelf[airing.lesson_id].append(airing)
    return [shelf[each] for each in lesson_ids]


async def steps_of(lesson_ids: Sequence[UUID]) -> list[list[LiveStep]]:
    """The states each lesson went through, the first first, in the order of the ids."""
    shelf: dict[UUID, list[LiveStep]] = {each: [] for each in lesson_ids}
    for step in await LiveStep.filter(lesson_id__in=list(lesson_ids)).order_by("id"):
        shelf[step.lesson_id].append(step)
    return [shelf[each] for each in lesson_ids]


async def is_host_busy(host_id: UUID, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the member hosts a lesson that overlaps [starts_at, ends_at)."""
    found = await rows(
        "SELECT 1 FROM live_lessons WHERE host_id = $1 AND status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED')"
        " AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) LIMIT 1",
        host_id, starts_at, ends_at,
    )  # fmt: skip
    return bool(found)


async def busy_times(
    host_id: UUID, spans: Sequence[tuple[datetime, datetime]], but: Sequence[UUID] = ()
) -> set[tuple[datetime, datetime]]:
    """Those of the spans [from, until) in which the member hosts a lesson, those of the ids `but` aside, or trains a
    class."""
    found = await rows(
        "SELECT s.from_at, s.until_at FROM unnest($2::timestamptz[], $3::timestamptz[]) AS s (from_at, until_at)"
        " WHERE EXISTS (SELECT FROM live_lessons l WHERE l.host_id = $1"
        " AND l.status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED')"
        " AND tstzrange(l.starts_at, l.ends_at) && tstzrange(s.from_at, s.until_at) AND l.id <> ALL($4::uuid[]))"
        " OR EXISTS (SELECT FROM offline_classes c WHERE c.trainer_id = $1 AND c.cancelled_at IS NULL"
        " AND tstzrange(c.starts_at, c.ends_at) && tstzrange(s.from_at, s.until_at))",
        host_id, [each[0] for each in spans], [each[1] for each in spans], list(but),
    )  # fmt: skip
    return {(row["from_at"], row["until_at"]) for row in found}


async def defer_host_check() -> None:
    """Look only at the end of the transaction that no host is in two places: lessons move past one another in it."""
    require_transaction()
    await execute("SET CONSTRAINTS live_lessons_host_in_one_place DEFERRED")


async def locked_series(series_id: UUID) -> LiveSeries:
    """The series, its row locked until the transaction ends. Taken after hosts and before lessons."""
    return await LiveSeries.select_for_update(no_key=True).get(id=series_id)


async def locked_following(series_id: UUID, occurs_at: datetime) -> list[LiveLesson]:
    """The lessons of the series from that moment of its rule on, their rows locked, in the order of their ids."""
    found = LiveLesson.select_for_update(no_key=True).filter(series_id=series_id, occurs_at__gte=occurs_at)
    return await found.order_by("id")


async def hosts_of_following(series_id: UUID, occurs_at: datetime) -> set[UUID]:
    """Who hosts the lessons of the series from that moment of its rule on."""
    found = LiveLesson.filter(series_id=series_id, occurs_at__gte=occurs_at).distinct()
    return {row[0] for row in await found.values_list("host_id")}


async def series_to_roll(before: datetime) -> list[UUID]:
    """Series that go on, and whose lessons are there for less than until `before`."""
    found = await rows(
        "SELECT id FROM live_series WHERE made_until < $1 AND (ends_before IS NULL OR ends_before > made_until)"
        " ORDER BY made_until, id",
        before,
    )
    return [row["id"] for row in found]


async def lessons_to_expire(before: datetime) -> list[UUID]:
    """Lessons that were planned to start by then and have not, the earliest first."""
    found = LiveLesson.filter(
        status__in=[LiveStatus.DRAFT, LiveStatus.SCHEDULED, LiveStatus.REHEARSAL], starts_at__lte=before
    )
    return [row[0] for row in await found.order_by("starts_at", "id").values_list("id")]


async def locked_host(member_id: UUID) -> Member | None:
    """The member, the row held until the transaction ends, so that nobody else plans a lesson for the same host.

    None for one that was deleted. Taken before the rows of lessons.
    """
    return await Member.select_for_update(no_key=True).get_or_none(id=member_id, deleted_at__isnull=True)
