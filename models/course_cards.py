"""Courses as one viewer sees them in a list: each with how far they are in it, in the statement that finds the course.

f"SELECT {CARD_COLUMNS} FROM {COURSE_TABLES} {enrolment_of('$1')} WHERE ..."
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kit.db import rows
from models.courses import COURSE_COLUMNS, COURSE_TABLES, CourseRow, course_row
from models.progress import ENROLMENT_COLUMNS, EnrolmentRow


@dataclass(frozen=True, slots=True)
class CourseCard:
    """`enrolment` None: the viewer has not begun it, or is signed out."""

    course: CourseRow
    enrolment: EnrolmentRow | None


CARD_COLUMNS = ", ".join([COURSE_COLUMNS, *(f"mine.{name} AS mine_{name}" for name in ENROLMENT_COLUMNS)])


def enrolment_of(viewer: str) -> str:
    """The join that `CARD_COLUMNS` needs beside `COURSE_TABLES`; `viewer` is SQL for a member's id or null."""
    return f"LEFT JOIN course_enrolments mine ON mine.course_id = c.id AND mine.member_id = {viewer}::uuid"


def card_of(row: dict[str, Any]) -> CourseCard:
    """The card in a row with `CARD_COLUMNS`; other columns of it are left alone."""
    begun = row["mine_id"] is not None
    enrolment = EnrolmentRow(**{name: row[f"mine_{name}"] for name in ENROLMENT_COLUMNS}) if begun else None
    return CourseCard(course_row(row), enrolment)


async def cards_by_ids(viewer_id: UUID | None, course_ids: Sequence[UUID]) -> list[CourseCard | None]:
    """The courses of these ids, of any status, in the order of `course_ids`."""
    found = await rows(
        f"SELECT {CARD_COLUMNS} FROM {COURSE_TABLES} {enrolment_of('$1')} WHERE c.id = ANY($2::uuid[])",  # noqa: S608 - names
        viewer_id,
        list(course_ids),
    )
    shelf = {row["id"]: card_of(row) for row in found}
    return [shelf.get(each) for each in course_ids]
