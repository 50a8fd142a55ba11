"""Live lessons on the calendar: planned, changed, moved and called off by admins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from auth.permissions import may_host
from gamification.worth import live_worth
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import LiveStatus, OutletTier
from models.accounts import active_grants
from models.audit import Details
from models.classes import is_trainer_busy
from models.courses import media_by_id, modules_by_ids
from models.live import LiveLesson, LiveStep, is_host_busy, locked_host
from models.live_lists import LiveLessonRow
from services.audit import record
from services.courses import visible_courses
from services.live_news import lesson_planned
from services.offers import path_of, region_for_offer
from services.ports import Ports
from services.tariff import tariff_at

LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 2_000
LONGEST_LESSON = timedelta(hours=4)
FARTHEST = timedelta(days=366)
"""How far ahead a lesson may be planned."""
CAPACITIES = range(1, 100_001)
DOORS_BEFORE = timedelta(minutes=15)
"""How long before the start the doors open; they close with the planned end."""
MOST_POINTS = 300
"""As much as the rules "live.attended" and "replay.watched" may ever pay."""
MOST_CHECK_INS = 20


@dataclass(frozen=True, slots=True)
class CreditRule:
    """What it takes to have been present, and what it pays; columns as in `models.live.LiveLesson`."""

    min_percent: int = 80
    min_seconds: int = 0
    points: int | None = None
    replay_points: int | None = None
    check_ins_required: int = 0


@dataclass(frozen=True, slots=True)
class LivePlan:
    """A lesson to be. `capacity` None: everybody finds room. `region_id` None: all that the actor administers."""

    title: str
    host_id: UUID
    starts_at: datetime
    ends_at: datetime
    description: str = ""
    cover_media_id: UUID | None = None
    module_id: UUID | None = None
    course_id: UUID | None = None
    capacity: int | None = None
    audience_tiers: tuple[OutletTier, ...] = ()
    region_id: UUID | None = None
    credit_rule: CreditRule = CreditRule()
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The lesson that was spoken of, and how many lessons were made or changed."""

    lesson_id: UUID
    occurrences: int


async def schedule_live_lesson(ports: Ports, actor: Actor, plan: LivePlan) -> Planned:
    """Put a lesson on the calendar. HOST_BUSY at `hostId` if its host has another one at that time."""
    now = ports.clock.now()
    title, description = checked_title(plan.title), checked_description(plan.description)
    check_times(now, plan.starts_at, plan.ends_at)
    check_capacity(plan.capacity)
    check_credit_rule(plan.credit_rule)
    await check_cover(plan.cover_media_id)
    await _check_subject(actor, plan)
    region_id = await region_for_offer(actor, plan.region_id)

    async def work() -> Planned:
        await hold_host(plan.host_id)
        if not plan.draft:
            await require_host_free(plan.host_id, plan.starts_at, plan.ends_at)
        rule = plan.credit_rule
        lesson = await LiveLesson.create(
            id=new_id(),
            status=LiveStatus.DRAFT if plan.draft else LiveStatus.SCHEDULED,
            title=title,
            description=description,
            cover_media_id=plan.cover_media_id,
            host_id=plan.host_id,
            module_id=plan.module_id,
            course_id=plan.course_id,
            region_id=region_id,
            audience_tiers=[tier.value for tier in OutletTier if tier in plan.audience_tiers],
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            doors_open_at=plan.starts_at - DOORS_BEFORE,
            doors_close_at=plan.ends_at,
            capacity=plan.capacity,
            min_percent=rule.min_percent,
            min_seconds=rule.min_seconds,
            points=rule.points,
            replay_points=rule.replay_points,
            check_ins_required=rule.check_ins_required,
            created_at=now,
        )
        await LiveStep.create(
            lesson_id=lesson.id, status=lesson.status, at=now, by=actor.member_id, cause="scheduled by an admin"
        )
        if not plan.draft:
            await lesson_planned(ports, lesson)
        details: Details = {"title": title}
        path = await path_of(region_id) or None
        await record(ports, actor, "live_lesson.scheduled", "LiveLesson", lesson.id, details, region_path=path)
        return Planned(lesson.id, 1)

    return await transaction(work)


async def attendance_points(ports: Ports, lessons: Sequence[LiveLessonRow]) -> list[tuple[int, int]]:
    """What having been present pays at the moment, and what the replay pays, for each lesson."""
    now = ports.clock.now()
    tariff = await tariff_at(now)
    return [live_worth(tariff, now, each.points, each.replay_points) for each in lessons]


def checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not 1 <= len(title) <= LONGEST_TITLE or not is_seen(title):
        raise bad_input("title")
    return title


def checked_description(description: str) -> str:
    description = description.strip()
    if len(description) > LONGEST_DESCRIPTION:
        raise bad_input("description")
    return description


def check_times(now: datetime, starts_at: datetime, ends_at: datetime) -> None:
    """BAD_USER_INPUT at `startsAt` in the past or too far ahead, at `endsAt` before the start or over four hours."""
    if not now < starts_at <= now + FARTHEST:
        raise bad_input("startsAt")
    if not starts_at < ends_at <= starts_at + LONGEST_LESSON:
        raise bad_input("endsAt")


def check_capacity(capacity: int | None) -> None:
    if capacity is not None and capacity not in CAPACITIES:
        raise bad_input("capacity")


def check_credit_rule(rule: CreditRule) -> None:
    if rule.min_percent not in range(101):
        raise bad_input("creditRule", "minPercent")
    if rule.min_seconds not in range(int(LONGEST_LESSON.total_seconds()) + 1):
        raise bad_input("creditRule", "minSeconds")
    if rule.points is not None and rule.points not in range(MOST_POINTS + 1):
        raise bad_input("creditRule", "points")
    if rule.replay_points is not None and rule.replay_points not in range(MOST_POINTS + 1):
        raise bad_input("creditRule", "replayPoints")
    if rule.check_ins_required not in range(MOST_CHECK_INS + 1):
        raise bad_input("creditRule", "checkInsRequired")


async def check_cover(media_id: UUID | None) -> None:
    """NOT_FOUND at `coverMediaId` for what is no picture."""
    if media_id is not None:
        media = await media_by_id(media_id)
        if media is None or media.kind != "IMAGE":
            raise not_found("coverMediaId")


async def hold_host(host_id: UUID) -> None:
    """Keep everybody else from planning for this host; NOT_FOUND at `hostId` for who may not host."""
    require_transaction()
    host = await locked_host(host_id)
    [grants] = await active_grants([host_id])
    if host is None or host.suspended_at is not None or not may_host(grant.role for grant in grants):
        raise not_found("hostId")


async def require_host_free(host_id: UUID, starts_at: datetime, ends_at: datetime, but: tuple[UUID, ...] = ()) -> None:
    """HOST_BUSY at `hostId` if the host, who is held, has another lesson then, the lessons `but` aside, or a class."""
    if await is_host_busy(host_id, starts_at, ends_at, but) or await is_trainer_busy(host_id, starts_at, ends_at):
        raise DomainError(ErrorCode.HOST_BUSY, field=["hostId"])


async def _check_subject(actor: Actor, plan: LivePlan) -> None:
    if plan.module_id is not None and await modules_by_ids([plan.module_id]) == [None]:
        raise not_found("moduleId")
    if plan.course_id is not None and await visible_courses(actor, [plan.course_id]) == [None]:
        raise not_found("courseId")
