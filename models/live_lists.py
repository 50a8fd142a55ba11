"""Live lessons as they are read: one statement fills a page with the lessons and what stands beside each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import LiveStatus, OutletTier, SeatState
from models.accounts import NamedMember
from models.conditions import Conditions
from models.joined import columns_of, row_if
from models.live import LiveSeat, LiveSeries


@dataclass(frozen=True, slots=True)
class LiveLessonRow:
    """Columns of `LiveLesson`, and who hosts it; `region_path` is "" for everywhere."""

    id: UUID
    series_id: UUID | None
    occurs_at: datetime | None
    status: LiveStatus
    title: str
    description: str
    cover_media_id: UUID | None
    host_id: UUID
    host: NamedMember
    module_id: UUID | None
    course_id: UUID | None
    region_id: UUID | None
    region_path: str
    audience_tiers: tuple[OutletTier, ...]
    starts_at: datetime
    ends_at: datetime
    doors_open_at: datetime
    doors_close_at: datetime
    capacity: int | None
    seats_taken: int
    min_percent: int
    min_seconds: int
    points: int | None
    replay_points: int | None
    check_ins_required: int
    replay_media_id: UUID | None
    started_at: datetime | None
    ended_at: datetime | None
    schedule_version: int


@dataclass(frozen=True, slots=True)
class LiveCard:
    """A lesson in a list, with the reservation of the member who looks."""

    lesson: LiveLessonRow
    seat: LiveSeat | None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who looks: what the member is invited to as a learner of the outlet they learn for now, what they host or have
    reserved, and what staff of the subtrees `tops` look after: the lessons there, and those for a region above.

    Drafts are for their hosts and for those who run the subtrees `drafts`.
    """

    member_id: UUID
    tops: tuple[str, ...]
    drafts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Lessons that overlap [from_at, to_at), in one of `states` or, None, in any; the first to start first.

    With `on_air_first` those on air come ahead of all others, and whatever time was planned for them.
    """

    from_at: datetime
    to_at: datetime
    states: tuple[LiveStatus, ...] | None = None
    on_air_first: bool = False


LESSON_COLUMNS = """
    l.id, l.series_id, l.occurs_at, l.status, l.title, l.description, l.cover_media_id, l.host_id, l.module_id,
    l.course_id, l.region_id, coalesce(r.path, '') AS region_path, l.audience_tiers, l.starts_at, l.ends_at,
    l.doors_open_at, l.doors_close_at, l.capacity, l.seats_taken, l.min_percent, l.min_seconds, l.points,
    l.replay_points, l.check_ins_required, l.replay_media_id, l.started_at, l.ended_at, l.schedule_version,
    (SELECT h.display_name FROM members h WHERE h.id = l.host_id) AS host_name"""
LESSON_TABLES = "live_lessons l LEFT JOIN regions r ON r.id = l.region_id"

LONGEST_HOURS = 4
"""No lesson is planned to be longer, so that one that overlaps a moment began at most so many hours before it."""


_AS_THEY_ARE = tuple(
    each.name for each in fields(LiveLessonRow) if each.name not in ("host", "status", "audience_tiers")
)


def lesson_row(row: dict[str, Any]) -> LiveLessonRow:
    """The lesson in a row with `LESSON_COLUMNS`; other columns of it are left alone."""
    return LiveLessonRow(
        host=NamedMember(row["host_id"], row["host_name"]),
        status=LiveStatus(row["status"]),
        audience_tiers=tuple(OutletTier(tier) for tier in row["audience_tiers"]),
        **{name: row[name] for name in _AS_THEY_ARE},
    )


async def lessons_by_ids(ids: Sequence[UUID]) -> list[LiveLessonRow | None]:
    """The lessons of these ids, whoever may see them, in the order of `ids`."""
    found = await rows(f"SELECT {LESSON_COLUMNS} FROM {LESSON_TABLES} WHERE l.id = ANY($1::uuid[])", list(ids))  # noqa: S608
    shelf = {row["id"]: lesson_row(row) for row in found}
    return [shelf.get(each) for each in ids]


async def visible_to(audience: Audience, ids: Sequence[UUID]) -> list[LiveLessonRow | None]:
    """Those of the lessons that `audience` may see, None for the others, in the order of `ids`."""
    where = _seen_by(audience)
    where.add("l.id = ANY({0}::uuid[])", list(ids))
    found = await rows(f"SELECT {LESSON_COLUMNS} FROM {LESSON_TABLES} WHERE {where}", *where.args)  # noqa: S608
    shelf = {row["id"]: lesson_row(row) for row in found}
    return [shelf.get(each) for each in ids]


async def is_invited(audience: Audience, lesson_id: UUID) -> bool:
    """Whether the lesson is made for the learner that `audience` is; looking after a region invites nobody."""
    where = Conditions()
    where.add(INVITED, audience.member_id)
    where.add("l.id = {0}", lesson_id)
    return bool(await rows(f"SELECT 1 FROM {LESSON_TABLES} WHERE {where}", *where.args))  # noqa: S608 - fixed parts


async def lessons_page(audience: Audience, window: Window, ask: Ask) -> Page[LiveCard]:
    """The lessons of a window that `audience` may see, in its order. Key: `lesson_key`."""
    where = _in_window(audience, window)
    turn, place = (f"{TURN}, ", "{2}::int, ") if window.on_air_first else ("", "")
    for key, beyond in ((ask.after, ">"), (ask.before, "<")):
        if key is not None:
            where.add(f"({turn}l.starts_at, l.id) {beyond} ({place}{{0}}::timestamptz, {{1}}::uuid)", *key)
    order = "DESC" if ask.backwards else "ASC"
    turns = f"{TURN} {order}, " if window.on_air_first else ""
    found = await rows(
        f"SELECT {LESSON_COLUMNS}, {columns_of(LiveSeat, 'mine')} FROM {LESSON_TABLES}"  # noqa: S608 - fixed parts
        f" LEFT JOIN live_seats mine ON mine.lesson_id = l.id AND mine.member_id = ${len(where.args) + 1}"
        f" WHERE {where} ORDER BY {turns}l.starts_at {order}, l.id {order} LIMIT {ask.limit + 1}",
        *where.args,
        audience.member_id,
    )
    return page_of([LiveCard(lesson_row(row), row_if(LiveSeat, "mine", row)) for row in found], ask)


def lesson_key(window: Window, row: LiveLessonRow) -> list[object]:
    """Where the lesson stands in the order of a window."""
    return [row.starts_at, row.id, *([int(row.status not in ON_AIR)] if window.on_air_first else [])]


async def count_lessons(audience: Audience, window: Window) -> int:
    where = _in_window(audience, window)
    [row] = await rows(f"SELECT count(*) AS n FROM {LESSON_TABLES} WHERE {where}", *where.args)  # noqa: S608
    return int(row["n"])


async def series_by_ids(ids: Sequence[UUID]) -> list[LiveSeries | None]:
    """The series of these ids, in the order of `ids`."""
    found = {each.id: each for each in await LiveSeries.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def series_visible_to(audience: Audience, ids: Sequence[UUID]) -> list[LiveSeries | None]:
    """Those of the series of which `audience` may see a lesson, None for the others, in the order of `ids`."""
    where = _seen_by(audience)
    where.add("l.series_id = ANY({0}::uuid[])", list(ids))
    found = await rows(f"SELECT DISTINCT l.series_id AS id FROM {LESSON_TABLES} WHERE {where}", *where.args)  # noqa: S608
    seen = {row["id"] for row in found}
    return [each if each is not None and each.id in seen else None for each in await series_by_ids(ids)]


async def seats_of_member(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[LiveSeat | None]:
    """The member's reservation for each lesson, in the order of the ids."""
    found = {
        each.lesson_id: each for each in await LiveSeat.filter(member_id=member_id, lesson_id__in=list(lesson_ids))
    }
    return [found.get(each) for each in lesson_ids]


async def seats_by_ids(ids: Sequence[UUID]) -> list[LiveSeat | None]:
    """The reservations of these ids, in the order of `ids`."""
    found = {each.id: each for each in await LiveSeat.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def waitlist_positions(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[int | None]:
    """The member's place among those who wait for each lesson, from 1; None for who does not wait."""
    found = await rows(
        "SELECT s.lesson_id, (SELECT count(*) FROM live_seats o WHERE o.lesson_id = s.lesson_id"
        " AND o.state = $3 AND o.arrival <= s.arrival) AS place"
        " FROM live_seats s WHERE s.member_id = $1 AND s.lesson_id = ANY($2::uuid[]) AND s.state = $3",
        member_id, list(lesson_ids), SeatState.WAITLISTED.value,
    )  # fmt: skip
    places = {row["lesson_id"]: int(row["place"]) for row in found}
    return [places.get(each) for each in lesson_ids]


def _in_window(audience: Audience, window: Window) -> Conditions:
    where = _seen_by(audience)
    where.add("l.starts_at < {0}", window.to_at)
    overlaps = f"l.ends_at > {{0}} AND l.starts_at > {{0}}::timestamptz - interval '{LONGEST_HOURS} hours'"
    where.add(f"({overlaps} OR {TURN} = 0)" if window.on_air_first else overlaps, window.from_at)
    if window.states is not None:
        where.add("l.status = ANY({0}::text[])", [each.value for each in window.states])
    return where


ON_AIR = (LiveStatus.LIVE, LiveStatus.INTERRUPTED)
TURN = "(CASE WHEN l.status IN ('LIVE', 'INTERRUPTED') THEN 0 ELSE 1 END)"
"""0 for a lesson that is on air, 1 for all others."""


_HERE = (
    "FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions here ON here.id = o.region_id"
    " WHERE p.member_id = {0} AND p.is_current"
)
INVITED = (
    f"(l.status <> 'DRAFT' AND (l.audience_tiers = '{{{{}}}}' OR (SELECT o.tier {_HERE}) = ANY(l.audience_tiers))"
    f" AND (r.path IS NULL OR starts_with((SELECT here.path {_HERE}), r.path)))"
)
"""Whether the member {0} is invited to the lesson `l` of the region `r` as a learner of the outlet they learn for now.

Who holds no post is invited to what is for everyone everywhere. Where they stand is looked up once in a statement.
"""

SEEN = (
    "(l.host_id = {0} OR EXISTS (SELECT FROM live_seats s WHERE s.lesson_id = l.id AND s.member_id = {0})"
    " OR EXISTS (SELECT FROM unnest({1}::text[]) top WHERE l.status <> 'DRAFT'"
    " AND (starts_with(coalesce(r.path, ''), top) OR starts_with(top, coalesce(r.path, ''))))"
    " OR EXISTS (SELECT FROM unnest({2}::text[]) top WHERE starts_with(coalesce(r.path, ''), top)))"
)
"""Whether the member {0}, who looks after the subtrees {1} and runs the subtrees {2}, sees it for another reason."""


def _seen_by(audience: Audience) -> Conditions:
    either = Conditions()
    either.add(INVITED, audience.member_id)
    either.add(SEEN, audience.member_id, list(audience.tops), list(audience.drafts))
    where = Conditions()
    where.args, where.parts = either.args, [f"({' OR '.join(either.parts)})"]
    return where
