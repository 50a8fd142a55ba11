"""A learner's desk: a phone that reports, and what the tables say afterwards."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from auth.actor import Actor, Grant
from gamification.reports import ReportedEvent
from kit.db import rows
from kit.ids import new_id
from kit.words import EventStatus, OutletTier, ProgressKind, RegionKind, Role
from models.accounts import Member
from models.outlets import Outlet, PlacementRow, Region
from models.progress import LessonProgressRow, lesson_progress_of
from services.ports import Ports
from services.progress import Batch, BatchOutcome, report_progress

NAMES = UUID(int=0xE)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def station(ports: Ports, code: str = "S1", tier: OutletTier = OutletTier.NEW) -> Outlet:
    """An outlet of this tier in a region of its own."""
    region = await Region.create(id=new_id(), code=code, name=code, kind=RegionKind.STATION, path=f"{code}/")
    return await Outlet.create(
        id=new_id(), code=code, name=code, region=region, tier=tier, segment=1, created_at=ports.clock.now()
    )


async def place(member_id: UUID, outlet: Outlet, from_at: datetime) -> None:
    await PlacementRow.create(
        member_id=member_id, from_at=from_at, outlet_id=outlet.id, region_id=outlet.region_id, tier=outlet.tier
    )


async def learner(ports: Ports, outlet: Outlet | None = None, *, joined: timedelta = timedelta(days=60)) -> Actor:
    """Somebody who joined that long ago, and has stood in the outlet since."""
    joined_at = ports.clock.now() - joined
    member = await Member.create(id=new_id(), display_name="阿May", joined_at=joined_at)
    if outlet is not None:
        await place(member.id, outlet, joined_at)
    return Actor(member.id, new_id(), (Grant(Role.LEARNER, None, ""),))


def named(name: object) -> UUID:
    """The event id of this name."""
    return uuid5(NAMES, str(name))


def watched(
    lesson_id: UUID | None,
    *spans: tuple[int, int],
    at: datetime,
    name: object = None,
    kind: ProgressKind = ProgressKind.WATCHED,
    rate: float = 1.0,
) -> ReportedEvent:
    event_id = named(name) if name is not None else new_id()
    return ReportedEvent(event_id, lesson_id, kind, at, tuple(spans), rate)


async def send(ports: Ports, actor: Actor, *events: ReportedEvent, clock_off: timedelta = timedelta(0)) -> BatchOutcome:
    """Report these events now, from a phone whose clock is off by that much."""
    return await report_progress(ports, actor, Batch(ports.clock.now() + clock_off, events))


def told(outcome: BatchOutcome) -> list[str]:
    """Each result in a word: the code if there is one, else the status."""
    return [(result.code or result.status).value for result in outcome.results]


ACCEPTED, DUPLICATE = EventStatus.ACCEPTED.value, EventStatus.DUPLICATE.value

TABLES = (
    "learning_events", "lesson_progress", "lesson_completions", "course_enrolments", "learning_budgets",
    "learning_seconds", "course_completions", "facts", "ledger_entries", "point_accounts", "learned_days",
    "metric_days", "refused_awards", "outbox",
)  # fmt: skip


async def everything() -> dict[str, list[str]]:
    """Every row that learning can write, as text: to show that nothing changed."""
    return {
        table: sorted(row["line"] for row in await rows(f"SELECT t::text AS line FROM {table} t")) for table in TABLES
    }


async def progress_in(actor: Actor, lesson_id: UUID) -> LessonProgressRow | None:
    return (await lesson_progress_of(actor.member_id, [lesson_id])).get(lesson_id)


async def lifetime(actor: Actor) -> int:
    """The actor's lifetime points."""
    found = await rows("SELECT lifetime FROM point_accounts WHERE member_id = $1", actor.member_id)
    return found[0]["lifetime"] if found else 0


async def totals(member_id: UUID) -> dict[str, object]:
    """What must be the same however events came: seconds, completions with their times, points, learned days."""

    async def these(sql: str) -> list[tuple[object, ...]]:
        return sorted(tuple(row.values()) for row in await rows(sql, member_id))

    return {
        "credited": await these(
            "SELECT event_id, credited_seconds, pending_seconds FROM learning_events"
            " WHERE member_id = $1 AND (credited_seconds > 0 OR pending_seconds > 0)"
        ),
        "seconds": await these(
            "SELECT event_id, sum(seconds), max(occurred_at), max(tier) FROM learning_seconds WHERE member_id = $1"
            " GROUP BY event_id HAVING sum(seconds) <> 0"
        ),
        "lessons": await these(
            "SELECT lesson_id, paid, reported, watched_seconds, furthest_seconds, resume_at_seconds, started_at,"
            " last_activity_at, passed_at, completed_at FROM lesson_progress WHERE member_id = $1"
        ),
        "completions": await these("SELECT lesson_id, completed_at, tier FROM lesson_completions WHERE member_id = $1"),
        "courses": await these(
            "SELECT course_id, started_at, last_activity_at, lessons_completed, percent, completed_at"
            " FROM course_enrolments WHERE member_id = $1"
        ),
        "course_counts": await these(
            "SELECT course_id, occurred_at, sum(amount) FROM course_completions WHERE member_id = $1"
            " GROUP BY course_id, occurred_at HAVING sum(amount) <> 0"
        ),
        "facts": await these("SELECT kind, object_id, occurred_at FROM facts WHERE member_id = $1"),
        "points": await these("SELECT lifetime, balance FROM point_accounts WHERE member_id = $1"),
        "awards": await these(
            "SELECT rule, day, sum(amount) FROM ledger_entries WHERE member_id = $1 AND account = 'LIFETIME'"
            " GROUP BY rule, day HAVING sum(amount) <> 0"
        ),
        "days": await these(
            "SELECT day, occurred_at FROM learned_days WHERE member_id = $1"
            " GROUP BY day, occurred_at HAVING sum(amount) > 0"
        ),
        "counted": await these(
            "SELECT metric, day, outlet_id, amount, reached_at FROM metric_days WHERE member_id = $1 AND amount <> 0"
        ),
    }
