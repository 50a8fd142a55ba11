"""Classes, their seats and their attendance as lists, and who may see which class."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.db import rows
from kit.paging import Ask, Page, page_of
from models.classes import ClassAttendance, ClassSeat, OfflineClass, classes_by_ids

VISIBLE = (
    "(c.trainer_id = $1 OR starts_with($2::text, coalesce(r.path, ''))"
    " OR EXISTS (SELECT FROM unnest($3::text[]) top"
    " WHERE starts_with(coalesce(r.path, ''), top) OR starts_with(top, coalesce(r.path, '')))"
    " OR EXISTS (SELECT FROM class_seats s WHERE s.offline_class_id = c.id AND s.member_id = $1)"
    " OR EXISTS (SELECT FROM class_attendances a WHERE a.offline_class_id = c.id AND a.member_id = $1))"
)
"""A condition on a class `c` and its region `r` (left-joined); `$1` to `$3` are `ClassScope.values`."""


@dataclass(frozen=True, slots=True)
class ClassScope:
    """Whose classes are meant: those the member trains or has signed up for, those for the shops where they learn now
    (`own_path`, None for who holds no post), and those of the subtrees `tops` with what lies above them."""

    member_id: UUID
    own_path: str | None
    tops: tuple[str, ...]

    @property
    def values(self) -> tuple[UUID, str | None, list[str]]:
        return self.member_id, self.own_path, list(self.tops)


@dataclass(frozen=True, slots=True)
class ClassQuery:
    """Classes that end after `from_at` and begin before `to_at`, for regions inside `under` ("" is everything)."""

    from_at: datetime
    to_at: datetime | None = None
    under: str = ""


_FROM = f"""
FROM offline_classes c LEFT JOIN regions r ON r.id = c.region_id
WHERE {VISIBLE} AND c.ends_at > $4 AND ($5::timestamptz IS NULL OR c.starts_at < $5)
  AND starts_with(coalesce(r.path, ''), $6)
"""


async def visible_classes(scope: ClassScope, ids: Sequence[UUID]) -> list[OfflineClass | None]:
    """The classes of these ids, in their order; None for what is not in the scope."""
    found = await rows(
        "SELECT c.id FROM offline_classes c LEFT JOIN regions r ON r.id = c.region_id"  # noqa: S608 - see VISIBLE
        f" WHERE c.id = ANY($4::uuid[]) AND {VISIBLE}",
        *scope.values, list(ids),
    )  # fmt: skip
    seen = {row["id"] for row in found}
    return [each if each and each.id in seen else None for each in await classes_by_ids(ids)]


async def classes_page(scope: ClassScope, wanted: ClassQuery, ask: Ask) -> Page[OfflineClass]:
    """The soonest first. Key: [starts_at, id]."""
    values: list[object] = [*scope.values, wanted.from_at, wanted.to_at, wanted.under]
    where = ""
    for key, beyond in ((ask.after, ">"), (ask.before, "<")):
        if key is not None:
            where += f" AND (c.starts_at, c.id) {beyond} (${len(values) + 1}::timestamptz, ${len(values) + 2}::uuid)"
            values += key
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT c.id {_FROM} {where} ORDER BY c.starts_at {order}, c.id {order} LIMIT {ask.limit + 1}", *values
    )
    return page_of([each for each in await classes_by_ids([row["id"] for row in found]) if each], ask)


async def count_classes(scope: ClassScope, wanted: ClassQuery) -> int:
    [row] = await rows(f"SELECT count(*) AS n {_FROM}", *scope.values, wanted.from_at, wanted.to_at, wanted.under)
    return int(row["n"])


async def seats_page(class_id: UUID, ask: Ask) -> Page[ClassSeat]:
    """Who has a seat or waits, in order of arrival. Key: [arrival]."""
    query = ClassSeat.filter(offline_class_id=class_id, cancelled_at=None)
    if ask.after is not None:
        query = query.filter(arrival__gt=ask.after[0])
    if ask.before is not None:
        query = query.filter(arrival__lt=ask.before[0])
    return page_of(await query.order_by("-arrival" if ask.backwards else "arrival").limit(ask.limit + 1), ask)


async def count_seats(class_id: UUID) -> int:
    return await ClassSeat.filter(offline_class_id=class_id, cancelled_at=None).count()


async def attendance_page(class_id: UUID, ask: Ask) -> Page[ClassAttendance]:
    """Who was there in the order in which it was recorded, then who was not. Key: [recorded_at, id]."""
    where, values = "offline_class_id = $1", [class_id, *(ask.after or ()), *(ask.before or ())]
    for key, beyond, place in ((ask.after, ">", 2), (ask.before, "<", 4 if ask.after is not None else 2)):
        if key is not None:
            where += f" AND (recorded_at, id) {beyond} (${place}::timestamptz, ${place + 1}::uuid)"
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT id FROM class_attendances WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY recorded_at {order}, id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    ids = [row["id"] for row in found]
    by_id = {each.id: each for each in await ClassAttendance.filter(id__in=ids)}
    return page_of([by_id[each] for each in ids], ask)


async def count_attendance(class_id: UUID) -> int:
    return await ClassAttendance.filter(offline_class_id=class_id).count()
