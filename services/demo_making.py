"""What the demo's lecturers are making, as rows: nobody has published it yet."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from kit.words import CourseStatus
from models.courses import Course, CourseEdition, EditionLesson, Lesson
from models.making import CourseMaker, CourseMove
from seeds.media import SeedClip
from seeds.proposals import PROPOSALS, SeedProposal
from services.demo_city import City

Rows: TypeAlias = Iterator[Course | CourseEdition | Lesson | EditionLesson | CourseMaker | CourseMove]

PROPOSED = timedelta(days=4)
HANDED_IN = timedelta(days=1)


def proposals(city: City) -> Rows:
    """The proposals with their editions, lessons, teams and moves."""
    for proposal in PROPOSALS:
        yield from _proposal(city, proposal)


def _proposal(city: City, proposal: SeedProposal) -> Rows:
    course_id, edition_id = city.id("course", proposal.code), city.id("edition", proposal.code)
    films = [clip for _, clip in sorted(city.clips.items()) if clip.kind == "VIDEO"]
    author = city.id("member", f"staff-lecturer-{proposal.team[0][0]}")
    at = city.now - PROPOSED
    lessons = list(_lessons(city, proposal, films))
    yield Course(
        id=course_id,
        code=proposal.code,
        module_id=city.id("module", proposal.module),
        form=proposal.form,
        kind=proposal.kind,
        status=proposal.status,
        edition_id=edition_id,
        title=proposal.title,
        summary=proposal.summary,
        tags=list(proposal.tags),
        duration_seconds=sum(lesson.duration_seconds for lesson in lessons),
        created_at=at,
        proposed_by=author,
        version=len(lessons) + (2 if proposal.status is CourseStatus.IN_REVIEW else 1),
    )
    yield CourseEdition(id=edition_id, course_id=course_id, number=1)
    for lesson in lessons:
        yield Lesson(id=lesson.lesson_id, course_id=course_id)
    yield from lessons
    for number, part in proposal.team:
        member_id = city.id("member", f"staff-lecturer-{number}")
        maker_id = city.id("maker", f"{proposal.code} {number} {part}")
        yield CourseMaker(id=maker_id, course_id=course_id, member_id=member_id, part=part, joined_at=at)
    moves: list[tuple[CourseStatus | None, CourseStatus, datetime]] = [(None, CourseStatus.DRAFT, at)]
    if proposal.status is CourseStatus.IN_REVIEW:
        moves.append((CourseStatus.DRAFT, CourseStatus.IN_REVIEW, city.now - HANDED_IN))
    for start, end, moved_at in moves:
        yield CourseMove(
            course_id=course_id, edition=1, from_status=start, to_status=end, at=moved_at, by=author, note=""
        )


def _lessons(city: City, proposal: SeedProposal, films: list[SeedClip]) -> Iterator[EditionLesson]:
    for place, (title, script) in enumerate(proposal.lessons, start=1):
        name = f"{proposal.code} {place}"
        film = films[place % len(films)] if place <= proposal.filmed else None
        yield EditionLesson(
            id=city.id("edition lesson", name),
            edition_id=city.id("edition", proposal.code),
            lesson_id=city.id("lesson", name),
            position=place,
            title=title,
            body=script,
            media_id=city.id("media", film.name) if film is not None else None,
            duration_seconds=film.duration_seconds if film is not None else 60,
        )
