"""The catalogue as a list: every filter, every order, page by page."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import CourseForm, CourseKind, CourseSort, CourseStatus, OutletTier, ProgressState
from models.course_cards import CARD_COLUMNS, CourseCard, card_of, enrolment_of
from models.courses import COURSE_TABLES, CourseRow

RUNS = re.compile("[a-z0-9]+|[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


@dataclass(frozen=True, slots=True)
class CourseFilter:
    """What a reader looks for; None: no matter. Without a member, nothing has been begun.

    DRAFT and IN_REVIEW also find courses whose next edition is there. `maker_id`: who proposed it or is in its team;
    it stands for `made_by_viewer`. `lecturer_id`: who is named as having made what is published.
    """

    status: CourseStatus | None = CourseStatus.PUBLISHED
    module_id: UUID | None = None
    form: CourseForm | None = None
    kind: CourseKind | None = None
    tier: OutletTier | None = None
    text: str | None = None
    state: ProgressState | None = None
    member_id: UUID | None = None
    made_by_viewer: bool = False
    maker_id: UUID | None = None
    lecturer_id: UUID | None = None


# Columns of each order with their types, all descending; the id that makes it total follows.
ORDERS: dict[CourseSort, tuple[tuple[str, str], ...]] = {
    CourseSort.NEWEST: (("listed_at", "timestamptz"),),
    CourseSort.POPULAR: (("view_count", "integer"),),
    CourseSort.BEST_RATED: (("rating_average", "double precision"), ("rating_count", "integer")),
}

STATES = {
    ProgressState.NOT_STARTED: "NOT EXISTS ({enrolment})",
    ProgressState.IN_PROGRESS: "EXISTS ({enrolment} AND n.completed_at IS NULL)",
    ProgressState.COMPLETED: "EXISTS ({enrolment} AND n.completed_at IS NOT NULL)",
}


async def course_page(viewer_id: UUID | None, wanted: CourseFilter, sort: CourseSort, ask: Ask) -> Page[CourseCard]:
    """Courses in the order of `sort`, best or newest first, as the viewer sees them. Key: `course_key`."""
    where, values = _conditions(wanted)
    order = (*ORDERS[sort], ("id", "uuid"))
    columns = ", ".join(f"c.{column}" for column, _ in order)
    for key, beyond in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            marks = ", ".join(f"${len(values) + place}::{kind}" for place, (_, kind) in enumerate(order, start=1))
            where.append(f"({columns}) {beyond} ({marks})")
            values.extend(key)
    direction = "ASC" if ask.backwards else "DESC"
    ordered = ", ".join(f"c.{column} {direction}" for column, _ in order)
    viewer = enrolment_of(f"${len(values) + 1}")
    found = await rows(
        f"SELECT {CARD_COLUMNS} FROM {COURSE_TABLES} {viewer} WHERE {' AND '.join(where)}"  # noqa: S608 - names
        f" ORDER BY {ordered} LIMIT {ask.limit + 1}",
        *values,
        viewer_id,
    )
    return page_of([card_of(row) for row in found], ask)


def course_key(sort: CourseSort, row: CourseRow) -> Sequence[object]:
    """The values a course is ordered by."""
    return [*(getattr(row, column) for column, _ in ORDERS[sort]), row.id]


async def count_courses(wanted: CourseFilter) -> int:
    where, values = _conditions(wanted)
    [row] = await rows(f"SELECT count(*) AS courses FROM courses c WHERE {' AND '.join(where)}", *values)  # noqa: S608
    return int(row["courses"])


def search_query(text: str) -> str | None:
    """The tsquery that finds courses with every part of `text`; None if it holds nothing to search by.

    Chinese is looked up by overlapping pairs, a single character and Latin words as beginnings.
    """
    terms: list[str] = []
    for run in RUNS.findall(unicodedata.normalize("NFKC", text).lower()):
        if run.isascii() or len(run) == 1:
            terms.append(f"'{run}':*")
        else:
            terms.extend(f"'{run[place : place + 2]}'" for place in range(len(run) - 1))
    return " & ".join(terms) or None


def _conditions(wanted: CourseFilter) -> tuple[list[str], list[object]]:
    """SQL conditions on `courses c` and the values of their parameters, from $1."""
    where: list[str] = []
    values: list[object] = []

    def require(condition: str, value: object) -> None:
        values.append(value)
        where.append(condition.format(f"${len(values)}"))

    if wanted.status in (CourseStatus.DRAFT, CourseStatus.IN_REVIEW):
        # Both are few: what is worked on stands in one small table, courses never published behind their own index.
        values.append(wanted.status.value)
        where.append(
            f"c.id IN (SELECT id FROM courses WHERE status = ${len(values)}"  # noqa: S608 - a number
            f" UNION ALL SELECT course_id FROM course_drafts WHERE status = ${len(values)})"
        )
    elif wanted.status is not None:
        require("c.status = {}", wanted.status.value)
    if wanted.maker_id is not None:
        values.append(wanted.maker_id)
        where.append(
            f"c.id IN (SELECT id FROM courses WHERE proposed_by = ${len(values)} UNION ALL"  # noqa: S608 - a number
            f" SELECT course_id FROM course_makers WHERE member_id = ${len(values)} AND left_at IS NULL)"
        )
    if wanted.lecturer_id is not None:
        require("c.id IN (SELECT course_id FROM course_lecturers WHERE member_id = {})", wanted.lecturer_id)
    if wanted.module_id is not None:
        require("c.module_id = {}", wanted.module_id)
    if wanted.form is not None:
        require("c.form = {}", wanted.form.value)
    if wanted.kind is not None:
        require("c.kind = {}", wanted.kind.value)
    if wanted.tier is not None:
        require("(c.audience_tiers @> ARRAY[{}::text] OR c.audience_tiers = '{{}}')", wanted.tier.value)
    if wanted.text is not None and wanted.text.strip():
        # A text of nothing but punctuation finds nothing: the empty query matches no course.
        require("c.search @@ {}::text::tsquery", search_query(wanted.text) or "")
    if wanted.state is not None:
        enrolment = "SELECT 1 FROM course_enrolments n WHERE n.course_id = c.id AND n.member_id = {}"
        require(STATES[wanted.state].format(enrolment=enrolment), wanted.member_id)
    return where or ["TRUE"], values
