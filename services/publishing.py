"""Moving a course on its way: handing in, sending back, publishing, retiring.

A publication is an edition: learners in the middle of an earlier one keep it, everybody else finds the new one. The ids
of the course and of its lessons stay, and completions and awards belong to those.
"""

from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_review_course
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input
from kit.words import CourseForm, CourseStatus, NoticeKind
from models import making
from models.courses import CourseEdition, CourseRow, EditionLesson, MediaAsset, courses_by_ids
from services.audit import record
from services.course_moves import MOVES, Who, starting_point
from services.making import Desk, count_version, require_version, take, wrong_for
from services.notices import Tidings, tell_each
from services.ports import Ports

LONGEST_NOTE = 500


async def move_course(
    ports: Ports, actor: Actor, course_id: UUID, to: CourseStatus, note: str, expected_version: int | None
) -> CourseRow:
    """Move a course, or the next edition of a published one, along `MOVES`.

    STATE_FORBIDS at `to` where there is no such move; at `lessonIds` and what is below while the course is not whole.
    """
    why = " ".join(note.split())
    if len(why) > LONGEST_NOTE:
        raise bad_input("note")
    missing = await _lost_media(ports, course_id)

    async def work() -> None:
        desk = await take(actor, course_id)
        require_version(desk.course, expected_version)
        start = starting_point(
            desk.course.status,
            desk.draft.status if desk.draft is not None else None,
            to,
            once_published=desk.course.published_at is not None,
        )
        if start is None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["to"])
        move = MOVES[start, to]
        if not await _may(desk, move.who):
            raise DomainError(ErrorCode.FORBIDDEN)
        if move.explained and not why:
            raise bad_input("note")
        if move.complete:
            await _require_whole(desk, missing)
        await _carry_out(ports, desk, start, to, why)

    await transaction(work)
    [row] = await courses_by_ids([course_id])
    assert row is not None
    return row


async def _may(desk: Desk, who: frozenset[Who]) -> bool:
    makers = await making.had_a_hand(desk.course.id)
    return (Who.MAKERS in who and desk.is_maker) or (
        Who.REVIEWERS in who and may_review_course(desk.actor, desk.region_path, makers)
    )


async def _carry_out(ports: Ports, desk: Desk, start: CourseStatus, to: CourseStatus, why: str) -> None:
    course, now = desk.course, ports.clock.now()
    is_edition = desk.draft is not None and course.status is CourseStatus.PUBLISHED and to is not CourseStatus.RETIRED
    edition_id = desk.edition_id if is_edition else course.edition_id
    assert edition_id is not None, "made with the course"
    title = desk.draft.title if is_edition and desk.draft is not None else course.title
    if to is CourseStatus.PUBLISHED and start is CourseStatus.IN_REVIEW:
        await making.publish(course, desk.draft if is_edition else None, now)
    elif is_edition and desk.draft is not None:
        desk.draft.status = to
        await desk.draft.save(update_fields=["status"])
    else:
        course.status = to
        await course.save(update_fields=["status"])
    await count_version(course)
    await making.add_move(course.id, edition_id, start, to, now, desk.actor.member_id, why)
    await _tell_makers(ports, desk, start, to, title, why)
    edition = await CourseEdition.get(id=edition_id)
    details = {"title": title, "edition": edition.number, "from": start.value, "to": to.value, "note": why}
    path = desk.region_path or None
    await record(ports, desk.actor, "course.moved", "Course", course.id, details, region_path=path)


async def _tell_makers(ports: Ports, desk: Desk, start: CourseStatus, to: CourseStatus, title: str, why: str) -> None:
    """What a reviewer decided, to everybody who makes the course."""
    if start is not CourseStatus.IN_REVIEW or desk.is_maker:
        return
    course = desk.course
    [team] = await making.teams_of([course.id])
    makers = {each.member_id for each in team} | ({course.proposed_by} if course.proposed_by is not None else set())
    kind = NoticeKind.COURSE_PUBLISHED if to is CourseStatus.PUBLISHED else NoticeKind.COURSE_RETURNED
    values = {"course": title} | ({"note": why} if kind is NoticeKind.COURSE_RETURNED else {})
    key = f"{course.id} {course.version}"
    await tell_each(ports, kind, [Tidings(each, key, values, ("Course", course.id)) for each in makers])


async def _lost_media(ports: Ports, course_id: UUID) -> set[UUID]:
    """Assets of what is worked on whose bytes are not in storage. Asked before the transaction: storage is far away."""
    draft = await making.draft_of(course_id)
    [course] = await courses_by_ids([course_id])
    edition_id = draft.edition_id if draft is not None else course.edition_id if course is not None else None
    media_ids = [row.media_id for row in await making.lessons_in(edition_id) if row.media_id is not None]
    assets = await MediaAsset.filter(id__in=media_ids)
    return {each.id for each in assets if not await ports.storage.holds(each.storage_key, each.size_bytes)}


async def _require_whole(desk: Desk, missing: set[UUID]) -> None:
    """STATE_FORBIDS at what is not there: `lessonIds`, or there the place of a lesson and what it lacks."""
    lessons = await making.lessons_in(desk.edition_id)
    if not lessons:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["lessonIds"])
    media_ids = [row.media_id for row in lessons if row.media_id is not None]
    assets = {each.id: each for each in await MediaAsset.filter(id__in=media_ids)}
    for place, row in enumerate(lessons):
        lack = _lack(desk.course.form, row, assets.get(row.media_id) if row.media_id else None, missing)
        if lack is not None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["lessonIds", str(place), lack])


def _lack(form: CourseForm, row: EditionLesson, asset: MediaAsset | None, missing: set[UUID]) -> str | None:
    """What a lesson still lacks, as the input field that would bring it."""
    if form is CourseForm.ARTICLE:
        return None if row.body and row.dwell_seconds else "body"
    if asset is None:
        return "mediaId" if form in (CourseForm.VIDEO, CourseForm.AUDIO) else None
    return "mediaId" if asset.id in missing or wrong_for(form, asset) or asset.duration_seconds is None else None
