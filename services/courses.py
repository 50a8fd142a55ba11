"""Finding, opening and rating courses."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_see_course
from gamification.facts import CourseRated
from gamification.tariff import Tariff
from gamification.worth import course_worth
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page, page_of
from kit.words import CourseKind, CourseSort, CourseStatus, OutletTier
from models import assignments, course_lists, courses, lessons, making
from models.assignments import AssignedRow
from models.course_cards import CourseCard
from models.course_lists import CourseFilter
from models.courses import CourseRow
from models.lessons import LessonRow, MediaRow
from models.progress import enrolments_of
from services.points import reward
from services.ports import Ports
from services.recommend import Candidate, Recommendation, Taste, recommend

LONGEST_TEXT = 100
LONGEST_COMMENT = 500


def readable(actor: Actor | None, wanted: CourseFilter) -> CourseFilter:
    """The filter as this actor may use it; FORBIDDEN for courses that are not published, but those one makes."""
    maker_id = None
    if wanted.made_by_viewer:
        if actor is None:
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        maker_id = actor.member_id
    elif wanted.status is None or not may_see_course(actor, wanted.status):
        raise DomainError(ErrorCode.FORBIDDEN)
    if wanted.text is not None and len(wanted.text) > LONGEST_TEXT:
        raise bad_input("filter", "text")
    member_id = actor.member_id if actor is not None and wanted.state is not None else None
    return replace(wanted, member_id=member_id, maker_id=maker_id)


async def list_courses(actor: Actor | None, wanted: CourseFilter, sort: CourseSort, ask: Ask) -> Page[CourseCard]:
    """A page of the catalogue as the actor sees it; `wanted` comes from `readable`."""
    return await course_lists.course_page(actor.member_id if actor is not None else None, wanted, sort, ask)


async def visible_courses(actor: Actor | None, course_ids: Sequence[UUID]) -> list[CourseRow | None]:
    """Those of the courses the actor may see, None for the others, in the order of `course_ids`."""
    found = await courses.courses_by_ids(course_ids)
    hidden = [row.id for row in found if row is not None and not may_see_course(actor, row.status)]
    known = await _known_courses(actor, hidden)
    return [
        row if row is not None and (may_see_course(actor, row.status) or row.id in known) else None for row in found
    ]


async def visible_lessons(actor: Actor | None, lesson_ids: Sequence[UUID]) -> list[LessonRow | None]:
    """Those of the lessons whose course the actor may see, None for the others, in the order of `lesson_ids`.

    What is only in the making, its makers and staff alone; a learner sees those of the edition they are in.
    """
    member_id = actor.member_id if actor is not None else None
    found = await lessons.lessons_by_ids(member_id, lesson_ids)
    hidden = {row.course_id for row in found if row is not None and not _may_see_lesson(actor, row)}
    known = await _known_courses(actor, hidden) if hidden else set()
    made = await making.made_by(member_id, list(hidden)) if member_id is not None and hidden else set()
    return [
        row
        if row is not None and (_may_see_lesson(actor, row) or row.course_id in (made if row.in_making else known))
        else None
        for row in found
    ]


async def visible_media(actor: Actor | None, media_ids: Sequence[UUID]) -> list[MediaRow | None]:
    """Those of the assets in a lesson the actor may see, None for the others, in the order of `media_ids`."""
    statuses = [status for status in CourseStatus if may_see_course(actor, status)]
    return await lessons.media_in_courses(statuses, actor.member_id if actor is not None else None, media_ids)


async def insight(actor: Actor | None, course_ids: Sequence[UUID]) -> list[bool]:
    """Whether the actor sees how each course is made, in the order of the ids: staff, and its makers."""
    if actor is None or may_see_course(actor, CourseStatus.DRAFT):
        return [actor is not None] * len(course_ids)
    made = await making.made_by(actor.member_id, course_ids)
    return [each in made for each in course_ids]


async def _known_courses(actor: Actor | None, course_ids: Collection[UUID]) -> set[UUID]:
    """Those of the courses that are not everybody's which the actor makes, or began before they were retired."""
    if actor is None or not course_ids:
        return set()
    return await courses.begun_and_retired(actor.member_id, list(course_ids)) | await making.made_by(
        actor.member_id, list(course_ids)
    )


def _may_see_lesson(actor: Actor | None, row: LessonRow) -> bool:
    return may_see_course(actor, CourseStatus.DRAFT if row.in_making else row.course_status)


async def course_points(ports: Ports, tariff: Tariff, kinds: Sequence[tuple[CourseKind, int]]) -> list[int]:
    """What completing all of a course pays at the moment, for each (kind of course, lessons it has)."""
    now = ports.clock.now()
    return [course_worth(tariff, now, required=kind is CourseKind.REQUIRED, lessons=count) for kind, count in kinds]


async def rate_course(ports: Ports, actor: Actor, course_id: UUID, stars: int, comment: str) -> CourseRow:
    """Record the actor's opinion of a course they completed; STATE_FORBIDS before. Rating again replaces, and pays
    nothing more."""
    if not 1 <= stars <= 5:
        raise bad_input("stars")
    if len(comment) > LONGEST_COMMENT:
        raise bad_input("comment")

    async def record() -> CourseRow:
        enrolment = (await enrolments_of(actor.member_id, [course_id])).get(course_id)
        if enrolment is None or enrolment.completed_at is None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["courseId"])
        now = ports.clock.now()
        await reward(ports, actor.member_id, [CourseRated(actor.member_id, course_id, now)])
        await courses.lock_course(course_id)
        await courses.replace_rating(new_id(), course_id, actor.member_id, stars, comment, now)
        await courses.recount_ratings(course_id)
        [rated] = await courses.courses_by_ids([course_id])
        assert rated is not None, course_id
        return rated

    [course] = await visible_courses(actor, [course_id])
    if course is None:
        raise not_found("courseId")
    return await transaction(record)


async def assigned_courses(member_id: UUID | None, ask: Ask) -> Page[AssignedRow]:
    """What the member still has to do, due first first; nothing for someone signed out."""
    return await assignments.assigned_courses(member_id, ask) if member_id is not None else Page([])


async def count_assigned(member_id: UUID | None) -> int:
    return await assignments.count_assigned(member_id) if member_id is not None else 0


async def recommended_courses(member_id: UUID | None) -> list[Recommendation]:
    """Everything worth learning next, best first; nothing for someone signed out."""
    if member_id is None:
        return []
    found = await assignments.candidate_courses(member_id)
    if not found:
        return []
    candidates = [
        Candidate(
            course_id=row["id"],
            kind=CourseKind(row["kind"]),
            audience_tiers=tuple(OutletTier(tier) for tier in row["audience_tiers"]),
            published_at=row["published_at"],
            due_at=row["due_at"],
            lessons_completed=row["lessons_completed"],
            lesson_count=row["lesson_count"],
            tier_completions=row["tier_completions"],
            taken_up=row["taken_up"],
        )
        for row in found
    ]
    tier = found[0]["tier"]
    return recommend(candidates, Taste(OutletTier(tier) if tier is not None else None, found[0]["most_taken_up"]))


def recommendation_page(ranked: Sequence[Recommendation], ask: Ask) -> Page[Recommendation]:
    """A page of `ranked`. Key: `place`, not an index, so that a course that leaves the list disturbs nothing."""
    found = [
        each
        for each in ranked
        if (ask.after is None or list(each.place) > list(ask.after))
        and (ask.before is None or list(each.place) < list(ask.before))
    ]
    return page_of(found[::-1] if ask.backwards else found, ask)


async def recount_course(course_id: UUID) -> None:
    """Bring a course's counters up to date with its learners; may run at any time, and twice."""

    async def work() -> None:
        await courses.lock_course(course_id)
        await courses.recount_learners(course_id)
        await courses.recount_ratings(course_id)

    await transaction(work)
