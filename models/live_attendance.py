"""Who is in a live lesson, for how long, and what became of it. Tables without a class: each question is one statement,
since a beat comes from every phone every 25 seconds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import AttendanceOutcome
from models.live_lists import LESSON_COLUMNS, LESSON_TABLES, LiveLessonRow, lesson_row
from models.outlets import Placement

Stretch = tuple[datetime, datetime]
"""[from, until)"""

COLUMNS = (
    "lesson_id, member_id, recorded_at, outcome, attended_seconds, percent, first_joined_at, last_left_at,"
    " check_ins_answered, credited"
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A device's way into a lesson; the same one however often it joins."""

    id: UUID
    lesson_id: UUID


@dataclass(frozen=True, slots=True)
class AttendanceRow:
    """`outcome` None: the lesson is not settled; the figures are then those of `live_tickets`, not of this row."""

    lesson_id: UUID
    member_id: UUID
    recorded_at: datetime
    outcome: AttendanceOutcome | None
    attended_seconds: int
    percent: int
    first_joined_at: datetime | None
    last_left_at: datetime | None
    check_ins_answered: int
    credited: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one lesson; `aired_seconds` and `peak` None until it is settled."""

    reserved: int
    joined: int
    present: int
    late: int
    partial: int
    absent: int
    replay: int
    average_percent: int | None
    peak: int | None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life, with all that says how far its member is but the runs. `airings` that go on end with None;
    check-ins are counted where some are required."""

    lesson: LiveLessonRow
    outcome: AttendanceOutcome | None
    credited: bool
    airings: list[tuple[datetime, datetime | None]]
    check_ins_asked: int
    check_ins_answered: int


async def put_ticket(
    ticket_id: UUID, lesson_id: UUID, member_id: UUID, device_id: str, now: datetime, gap: timedelta
) -> Ticket:
    """The device's ticket, a new one the first time. Coming back within `gap` of its last sign of life was no break;
    after it a new run begins now. In a transaction, the member's attendance of the lesson is held from here on."""
    await execute(
        "INSERT INTO live_attendances (lesson_id, member_id, recorded_at, first_joined_at) VALUES ($1, $2, $3, $3)"
        " ON CONFLICT (lesson_id, member_id) DO UPDATE"
        " SET first_joined_at = coalesce(live_attendances.first_joined_at, excluded.first_joined_at)",
        lesson_id, member_id, now,
    )  # fmt: skip
    await execute(
        "INSERT INTO live_tickets (id, lesson_id, member_id, device_id, joined_at, run_from, seen_at)"
        " VALUES ($1, $2, $3, $4, $5, $5, $5) ON CONFLICT (lesson_id, member_id, device_id) DO NOTHING",
        ticket_id, lesson_id, member_id, device_id, now,
    )  # fmt: skip
    [row] = await rows(
        "SELECT id FROM live_tickets WHERE lesson_id = $1 AND member_id = $2 AND device_id = $3",
        lesson_id, member_id, device_id,
    )  # fmt: skip
    await execute(f"{_ALIVE} SELECT FROM alive", row["id"], member_id, now, gap, now)
    return Ticket(row["id"], lesson_id)


async def count_tickets(lesson_id: UUID, member_id: UUID, but_device: str) -> int:
    """How many other devices of the member have a ticket."""
    [row] = await rows(
        "SELECT count(*) AS n FROM live_tickets WHERE lesson_id = $1 AND member_id = $2 AND device_id <> $3",
        lesson_id, member_id, but_device,
    )  # fmt: skip
    return int(row["n"])


# $1 the ticket, $2 its member, $3 now, $4 the gap, $5 from when a new run is.
_ALIVE = (
    "WITH old AS (SELECT id, run_from, seen_at FROM live_tickets WHERE id = $1 AND member_id = $2 FOR NO KEY UPDATE),"
    " closed AS (INSERT INTO live_runs (ticket_id, from_at, until_at) SELECT id, run_from, seen_at FROM old"
    "  WHERE seen_at < $3::timestamptz - $4::interval AND run_from < seen_at),"
    " alive AS (UPDATE live_tickets t SET seen_at = greatest(old.seen_at, $3),"
    "  run_from = CASE WHEN old.seen_at < $3::timestamptz - $4::interval THEN $5 ELSE old.run_from END"
    "  FROM old WHERE t.id = old.id RETURNING t.lesson_id, t.member_id)"
)
"""Lengthens the ticket's run to now; after a silence of more than the gap begins a new one. `alive` has no row if it is
not the member's. A clock that stepped back shortens nothing."""


async def beat(ticket_id: UUID, member_id: UUID, now: datetime, gap: timedelta) -> Beat | None:
    """Keep a sign of life that covers `gap` at most; None for a ticket that is not the member's."""
    found = await rows(
        f"{_ALIVE} SELECT {LESSON_COLUMNS}, a.outcome, a.credited,"  # noqa: S608 - fixed parts
        " ARRAY(SELECT g.from_at FROM live_airings g WHERE g.lesson_id = l.id ORDER BY g.from_at) AS aired_from,"
        " ARRAY(SELECT g.until_at FROM live_airings g WHERE g.lesson_id = l.id ORDER BY g.from_at) AS aired_until,"
        " CASE WHEN l.check_ins_required > 0 THEN"
        "  (SELECT count(*) FROM live_check_ins c WHERE c.lesson_id = l.id) ELSE 0 END AS asked,"
        " CASE WHEN l.check_ins_required > 0 THEN (SELECT count(*) FROM live_check_in_answers w JOIN live_check_ins c"
        "  ON c.id = w.check_in_id WHERE c.lesson_id = l.id AND w.member_id = a.member_id) ELSE 0 END AS answered"
        " FROM alive JOIN live_attendances a USING (lesson_id, member_id)"
        f" CROSS JOIN {LESSON_TABLES} WHERE l.id = a.lesson_id",
        ticket_id, member_id, now, gap, now - gap,
    )  # fmt: skip
    if not found:
        return None
    row = found[0]
    outcome, credited = row.pop("outcome"), row.pop("credited")
    airings = list(zip(row.pop("aired_from"), row.pop("aired_until"), strict=True))
    asked, answered = row.pop("asked"), row.pop("answered")
    kept = AttendanceOutcome(outcome) if outcome is not None else None
    return Beat(lesson_row(row), kept, credited, airings, asked, answered)


async def runs_of(lesson_id: UUID, member_ids: Sequence[UUID] | None = None) -> dict[UUID, list[Stretch]]:
    """Member -> when any device of theirs was there, in no order; of these members, or of all."""
    found = await rows(
        "SELECT t.member_id, t.run_from AS from_at, t.seen_at AS until_at FROM live_tickets t"
        " WHERE t.lesson_id = $1 AND ($2::uuid[] IS NULL OR t.member_id = ANY($2)) UNION ALL"
        " SELECT t.member_id, r.from_at, r.until_at FROM live_tickets t JOIN live_runs r ON r.ticket_id = t.id"
        " WHERE t.lesson_id = $1 AND ($2::uuid[] IS NULL OR t.member_id = ANY($2))",
        lesson_id, list(member_ids) if member_ids is not None else None,
    )  # fmt: skip
    runs: defaultdict[UUID, list[Stretch]] = defaultdict(list)
    for row in found:
        runs[row["member_id"]].append((row["from_at"], row["until_at"]))
    return dict(runs)


async def count_watching(lesson_id: UUID, since: datetime) -> int:
    """How many members gave a sign of life after `since`."""
    [row] = await rows(
        "SELECT count(DISTINCT member_id) AS n FROM live_tickets WHERE lesson_id = $1 AND seen_at > $2",
        lesson_id, since,
    )  # fmt: skip
    return int(row["n"])


async def audiences_changed(since: datetime, now: datetime) -> list[tuple[UUID, int]]:
    """The open rooms whose audience is another one than was told last, with how many members watch by now: those with
    a sign of life after `since`, on however many devices."""
    found = await rows(
        "SELECT l.id AS lesson_id, w.n FROM live_lessons l LEFT JOIN live_rooms r ON r.lesson_id = l.id"
        " CROSS JOIN LATERAL (SELECT count(DISTINCT t.member_id) AS n FROM live_tickets t"
        " WHERE t.lesson_id = l.id AND t.seen_at > $1) w"
        " WHERE l.status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED') AND l.doors_open_at <= $2"
        " AND coalesce(r.watching, 0) <> w.n",
        since, now,
    )  # fmt: skip
    return [(row["lesson_id"], int(row["n"])) for row in found]


async def seated_members(lesson_id: UUID) -> list[UUID]:
    found = await rows("SELECT member_id FROM live_seats WHERE lesson_id = $1 AND state = 'SEATED'", lesson_id)
    return [row["member_id"] for row in found]


async def attendance_rows(lesson_id: UUID, member_ids: Sequence[UUID]) -> list[AttendanceRow | None]:
    """What is known of each member and the lesson, in the order of the ids."""
    found = await rows(
        f"SELECT {COLUMNS} FROM live_attendances WHERE lesson_id = $1 AND member_id = ANY($2::uuid[])",  # noqa: S608
        lesson_id, list(member_ids),
    )  # fmt: skip
    by_member = {row["member_id"]: _row(row) for row in found}
    return [by_member.get(each) for each in member_ids]


async def attendance_page(lesson_id: UUID, ask: Ask) -> Page[AttendanceRow]:
    """Who came in order of coming, then who did not. Key: [recorded_at, member_id]."""
    where, values = "lesson_id = $1", [lesson_id, *(ask.after or ()), *(ask.before or ())]
    for key, beyond, place in ((ask.after, ">", 2), (ask.before, "<", 4 if ask.after is not None else 2)):
        if key is not None:
            where += f" AND (recorded_at, member_id) {beyond} (${place}::timestamptz, ${place + 1}::uuid)"
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT {COLUMNS} FROM live_attendances WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY recorded_at {order}, member_id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([_row(row) for row in found], ask)


async def count_attendances(lesson_id: UUID) -> int:
    [row] = await rows("SELECT count(*) AS n FROM live_attendances WHERE lesson_id = $1", lesson_id)
    return int(row["n"])


async def summaries(lesson_ids: Sequence[UUID]) -> list[Summary]:
    """The figures of each lesson, in the order of the ids. The average is over who was there."""
    found = await rows(
        "SELECT l.id, (SELECT count(*) FROM live_seats s WHERE s.lesson_id = l.id AND s.state = 'SEATED') AS reserved,"
        " count(a.first_joined_at) AS joined, count(*) FILTER (WHERE a.outcome = 'PRESENT') AS present,"
        " count(*) FILTER (WHERE a.outcome = 'LATE') AS late,"
        " count(*) FILTER (WHERE a.outcome = 'PARTIAL') AS partial,"
        " count(*) FILTER (WHERE a.outcome = 'ABSENT') AS absent,"
        " count(*) FILTER (WHERE a.outcome = 'REPLAY') AS replay,"
        " floor(avg(a.percent) FILTER (WHERE a.attended_seconds > 0))::int AS average,"
        " (SELECT peak_watching FROM live_settlements p WHERE p.lesson_id = l.id) AS peak"
        " FROM live_lessons l LEFT JOIN live_attendances a ON a.lesson_id = l.id WHERE l.id = ANY($1::uuid[])"
        " GROUP BY l.id",
        list(lesson_ids),
    )
    by_id = {
        row["id"]: Summary(
            row["reserved"], row["joined"], row["present"], row["late"], row["partial"], row["absent"],
            row["replay"], row["average"], row["peak"],
        )
        for row in found
    }  # fmt: skip
    return [by_id[each] for each in lesson_ids]


# Settling


async def lessons_to_settle(ended_by: datetime, limit: int) -> list[UUID]:
    """Lessons that were over by then and are not settled, the earliest first."""
    found = await rows(
        "SELECT id FROM live_lessons WHERE status IN ('ENDED', 'REPLAY_READY', 'ARCHIVED') AND ended_at <= $1"
        " AND settled_at IS NULL ORDER BY ended_at, id LIMIT $2",
        ended_by, limit,
    )  # fmt: skip
    return [row["id"] for row in found]


async def is_settled(lesson_id: UUID) -> bool:
    return bool(await rows("SELECT 1 FROM live_settlements WHERE lesson_id = $1", lesson_id))


async def settle(
    lesson_id: UUID, settled: Sequence[AttendanceRow], now: datetime, *, aired_seconds: int, peak: int
) -> None:
    """Write down what became of everybody; who was excused and did not make it stays EXCUSED. Holds the lesson."""
    require_transaction()
    await execute(
        "INSERT INTO live_settlements (lesson_id, settled_at, aired_seconds, peak_watching) VALUES ($1, $2, $3, $4)",
        lesson_id, now, aired_seconds, peak,
    )  # fmt: skip
    await execute(
        "INSERT INTO live_attendances AS a (lesson_id, member_id, recorded_at, outcome, attended_seconds, percent,"
        " first_joined_at, last_left_at, check_ins_answered, credited)"
        " SELECT s.* FROM jsonb_to_recordset($1::jsonb) AS s (lesson_id uuid, member_id uuid, recorded_at timestamptz,"
        " outcome text, attended_seconds int, percent int, first_joined_at timestamptz, last_left_at timestamptz,"
        " check_ins_answered int, credited boolean) ORDER BY s.member_id"
        " ON CONFLICT (lesson_id, member_id) DO UPDATE SET attended_seconds = excluded.attended_seconds,"
        " percent = excluded.percent, last_left_at = excluded.last_left_at, credited = excluded.credited,"
        " check_ins_answered = excluded.check_ins_answered,"
        " outcome = CASE WHEN a.excused_at IS NOT NULL AND NOT excluded.credited THEN 'EXCUSED'"
        " ELSE excluded.outcome END",
        orjson.dumps(list(settled), default=str).decode(),
    )
    # Who was excused and had neither seat nor ticket is not among `settled`.
    await execute(
        "UPDATE live_attendances SET outcome = 'EXCUSED' WHERE lesson_id = $1 AND outcome IS NULL"
        " AND excused_at IS NOT NULL",
        lesson_id,
    )


async def attendances_to_reward(limit: int) -> list[tuple[UUID, UUID]]:
    """(lesson, member) of attendances that are credited and not rewarded."""
    found = await rows(
        "SELECT lesson_id, member_id FROM live_attendances WHERE credited AND rewarded_at IS NULL"
        " ORDER BY lesson_id, member_id LIMIT $1",
        limit,
    )
    return [(row["lesson_id"], row["member_id"]) for row in found]


async def mark_rewarded(
    lesson_id: UUID, member_id: UUID, now: datetime, occurred_at: datetime, place: Placement | None
) -> bool:
    """Keep that the attendance was rewarded, and where the member stood; False if it was before."""
    require_transaction()
    marked = await execute(
        "UPDATE live_attendances SET rewarded_at = $3, occurred_at = $4, outlet_id = $5, region_id = $6, tier = $7"
        " WHERE lesson_id = $1 AND member_id = $2 AND credited AND rewarded_at IS NULL",
        lesson_id, member_id, now, occurred_at, place.outlet_id if place else None,
        place.region_id if place else None, place.tier.value if place else None,
    )  # fmt: skip
    return bool(marked)


async def excuse(lesson_id: UUID, member_id: UUID, by: UUID, reason: str, now: datetime) -> bool:
    """Excuse a member, settled or not; False for who has the credit, also by the replay. Holds the lesson."""
    require_transaction()
    excused = await execute(
        "INSERT INTO live_attendances AS a (lesson_id, member_id, recorded_at, excused_at, excused_by, excuse, outcome)"
        " VALUES ($1, $2, $5, $5, $3, $4, CASE WHEN EXISTS (SELECT FROM live_settlements WHERE lesson_id = $1)"
        " THEN 'EXCUSED' END) ON CONFLICT (lesson_id, member_id) DO UPDATE SET excused_at = $5, excused_by = $3,"
        " excuse = $4, outcome = CASE WHEN a.outcome IS NOT NULL THEN 'EXCUSED' END WHERE NOT a.credited"
        " AND a.replayed_at IS NULL",
        lesson_id, member_id, by, reason, now,
    )  # fmt: skip
    return bool(excused)


def _row(row: dict[str, Any]) -> AttendanceRow:
    outcome = row["outcome"]
    return AttendanceRow(**{**row, "outcome": AttendanceOutcome(outcome) if outcome is not None else None})
