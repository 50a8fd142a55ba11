"""The way of a course from proposal to retirement: every move there is, in one table.

A course that is published stays so while its next edition is made: then DRAFT and IN_REVIEW are the state of that
edition, and moving it moves the edition. Pure.
"""

from dataclasses import dataclass
from enum import StrEnum

from kit.words import CourseStatus


class Who(StrEnum):
    """Whom a move is for; `auth/permissions.py` says who these are."""

    MAKERS = "makers"
    REVIEWERS = "reviewers"


@dataclass(frozen=True, slots=True)
class Move:
    """`explained`: who makes it says why. `complete`: the course must be whole, see `services/publishing.py`."""

    who: frozenset[Who]
    explained: bool = False
    complete: bool = False


MAKERS, REVIEWERS = frozenset({Who.MAKERS}), frozenset({Who.REVIEWERS})

MOVES: dict[tuple[CourseStatus, CourseStatus], Move] = {
    (CourseStatus.DRAFT, CourseStatus.IN_REVIEW): Move(MAKERS, complete=True),  # handed in
    (CourseStatus.IN_REVIEW, CourseStatus.DRAFT): Move(MAKERS | REVIEWERS, explained=True),  # taken back, or sent back
    (CourseStatus.IN_REVIEW, CourseStatus.PUBLISHED): Move(REVIEWERS, complete=True),
    (CourseStatus.PUBLISHED, CourseStatus.RETIRED): Move(REVIEWERS, explained=True),
    (CourseStatus.RETIRED, CourseStatus.PUBLISHED): Move(REVIEWERS, explained=True),  # the edition it had
    (CourseStatus.DRAFT, CourseStatus.RETIRED): Move(MAKERS | REVIEWERS, explained=True),  # given up
    (CourseStatus.RETIRED, CourseStatus.DRAFT): Move(MAKERS | REVIEWERS, explained=True),  # taken up again
}


def starting_point(
    course: CourseStatus, draft: CourseStatus | None, to: CourseStatus, *, once_published: bool
) -> CourseStatus | None:
    """The state from which a move to `to` begins; None if there is no such move.

    `draft`: the state of the next edition of a published course, if one is made. Retiring is for the course, whatever
    becomes of its next edition; what has been published once never becomes a bare draft again.
    """
    of_edition = course is CourseStatus.PUBLISHED and to is not CourseStatus.RETIRED
    start = draft if of_edition and draft is not None else course
    if course is CourseStatus.RETIRED and (to is CourseStatus.PUBLISHED) != once_published:
        return None
    return start if (start, to) in MOVES else None
