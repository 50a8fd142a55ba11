"""What is asked of a live lesson when it is planned or changed, and what of it is refused, with the field at fault."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from auth.permissions import may_host
from kit.db import require_transaction
from kit.errors import bad_input, not_found
from kit.words import LiveScope, OutletTier
from models.accounts import active_grants
from models.courses import media_by_id, modules_by_ids
from models.live import locked_host
from services.courses import visible_courses

LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 2_000
LONGEST_REASON = 200
LONGEST_LESSON = timedelta(hours=4)
FARTHEST = timedelta(days=366)
"""How far ahead a lesson may be planned."""
CAPACITIES = range(1, 100_001)
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
    """A lesson to be. `capacity` None: everybody finds room. `region_id` None: all that the actor administers.

    `recurrence`: the rule of a series that begins with it; None: this one lesson. A `draft` is not announced.
    """

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
    recurrence: str | None = None
    credit_rule: CreditRule = CreditRule()
    draft: bool = False


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What is to be different; None: stays as it is. `unlimited`: without capacity. `publish`: announce a draft."""

    lesson_id: UUID
    title: str | None = None
    description: str | None = None
    cover_media_id: UUID | None = None
    host_id: UUID | None = None
    capacity: int | None = None
    audience_tiers: tuple[OutletTier, ...] | None = None
    credit_rule: CreditRule | None = None
    apply: LiveScope = LiveScope.THIS
    unlimited: bool = False
    publish: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The lesson that was spoken of, and how many lessons were made or changed."""

    lesson_id: UUID
    occurrences: int


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


def checked_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= LONGEST_REASON or not is_seen(reason):
        raise bad_input("reason")
    return reason


def sorted_tiers(tiers: tuple[OutletTier, ...]) -> list[str]:
    """Each once, in the order of the list."""
    return [tier.value for tier in OutletTier if tier in tiers]


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


async def check_subject(actor: Actor, plan: LivePlan) -> None:
    if plan.module_id is not None and await modules_by_ids([plan.module_id]) == [None]:
        raise not_found("moduleId")
    if plan.course_id is not None and await visible_courses(actor, [plan.course_id]) == [None]:
        raise not_found("courseId")


async def hold_host(host_id: UUID) -> None:
    """Keep everybody else from planning for this host; NOT_FOUND at `hostId` for who may not host."""
    require_transaction()
    host = await locked_host(host_id)
    [grants] = await active_grants([host_id])
    if host is None or host.suspended_at is not None or not may_host(grant.role for grant in grants):
        raise not_found("hostId")
