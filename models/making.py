"""Courses in the making: what is worked on, by whom, and the way of a course from proposal to retirement.

Who locks several rows takes them in this order: the course, then its draft.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.ids import new_id
from kit.words import CourseKind, CoursePart, CourseStatus
from models.accounts import Member
from models.courses import Course, CourseEdition, CourseLecturer, EditionLesson, Lesson, MediaAsset, Module


class CourseDraft(Model):
    """The next edition of a course that has been published: what `courses` and its current edition will become.

    `status` is DRAFT or IN_REVIEW. It is gone once it is published or thrown away.
    """

    course: fields.OneToOneRelation[Course] = fields.OneToOneField(
        "models.Course", "draft", primary_key=True, on_delete=fields.CASCADE
    )
    course_id: UUID
    edition: fields.OneToOneRelation[CourseEdition] = fields.OneToOneField(
        "models.CourseEdition", "draft", on_delete=fields.CASCADE
    )
    edition_id: UUID
    status = fields.CharEnumField(CourseStatus, max_length=20)
    module: fields.ForeignKeyRelation[Module] = fields.ForeignKeyField(
        "models.Module", "drafts", on_delete=fields.RESTRICT
    )
    module_id: UUID
    kind = fields.CharEnumField(CourseKind, max_length=20)
    title = fields.CharField(200)
    summary = fields.CharField(1000)
    tags: list[str] = ArrayField(element_type="text", default=list)
    cover_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "draft_covers", null=True, on_delete=fields.RESTRICT
    )
    cover_media_id: UUID | None
    audience_tiers: list[str] = ArrayField(element_type="text", default=list)
    adults_only = fields.BooleanField()
    points_proposed = fields.IntField(null=True)
    opened_at = fields.DatetimeField()
    opened_by = fields.UUIDField()

    class Meta:
        table = "course_drafts"


class CourseMaker(Model):
    """One part of one member in the team of a course, from when until when."""

    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "makers", on_delete=fields.CASCADE
    )
    course_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "courses_made", on_delete=fields.CASCADE
    )
    member_id: UUID
    part = fields.CharEnumField(CoursePart, max_length=10)
    joined_at = fields.DatetimeField()
    left_at = fields.DatetimeField(null=True)

    class Meta:
        table = "course_makers"


class CourseMove(Model):
    """One step of a course, or of its next edition. `from_status` is None where it was proposed. Append-only."""

    id = fields.BigIntField(primary_key=True, generated=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "moves", on_delete=fields.CASCADE
    )
    course_id: UUID
    edition = fields.IntField()
    from_status = fields.CharEnumField(CourseStatus, max_length=20, null=True)
    to_status = fields.CharEnumField(CourseStatus, max_length=20)
    at = fields.DatetimeField()
    by = fields.UUIDField(null=True)
    note = fields.CharField(500, default="")

    class Meta:
        table = "course_moves"


Working: TypeAlias = Course | CourseDraft
"""What makers change: the course itself before it was ever published, its draft afterwards."""

DRAFTED = (
    "module_id", "kind", "title", "summary", "tags", "cover_media_id", "audience_tiers", "adults_only",
    "points_proposed",
)  # fmt: skip
"""What a draft holds of its course."""


@dataclass(frozen=True, slots=True)
class MakerRow:
    member_id: UUID
    part: CoursePart


async def add_course(course: Course) -> bool:
    """Insert a proposal with its first edition, which is empty; False if another course has the code."""
    require_transaction()
    added = await rows(
        "INSERT INTO courses (id, code, module_id, form, kind, status, title, summary, tags, cover_media_id,"
        " audience_tiers, completion_percent, duration_seconds, adults_only, created_at, version, proposed_by,"
        " region_id, points_proposed, view_count, completion_count, rating_sum, rating_count)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, 1, $15, $16, $17, 0, 0, 0, 0)"
        " ON CONFLICT (code) DO NOTHING RETURNING id",
        course.id, course.code, course.module_id, course.form.value, course.kind.value, course.status.value,
        course.title, course.summary, course.tags, course.cover_media_id, course.audience_tiers,
        course.completion_percent, course.adults_only, course.created_at, course.proposed_by, course.region_id,
        course.points_proposed,
    )  # fmt: skip
    if not added:
        return False
    edition = await CourseEdition.create(id=new_id(), course_id=course.id, number=1)
    await Course.filter(id=course.id).update(edition_id=edition.id)
    return True


async def locked_course(course_id: UUID) -> Course | None:
    """The course, its row locked until the transaction ends; learners go on meanwhile."""
    return await Course.select_for_update(no_key=True).get_or_none(id=course_id)


async def draft_of(course_id: UUID) -> CourseDraft | None:
    return await CourseDraft.get_or_none(course_id=course_id)


async def drafts_of(course_ids: Sequence[UUID]) -> list[CourseDraft | None]:
    """What is being made of each course that has been published, in the order of the ids."""
    found = {draft.course_id: draft for draft in await CourseDraft.filter(course_id__in=list(course_ids))}
    return [found.get(each) for each in course_ids]


async def open_draft(course: Course, by: UUID, now: datetime) -> CourseDraft:
    """Begin the next edition as a copy of the current one. The caller holds the course."""
    require_transaction()
    [row] = await rows("SELECT max(number) + 1 AS next FROM course_editions WHERE course_id = $1", course.id)
    edition = await CourseEdition.create(id=new_id(), course_id=course.id, number=row["next"])
    await EditionLesson.bulk_create(
        [
            EditionLesson(
                id=new_id(),
                edition_id=edition.id,
                lesson_id=row.lesson_id,
                position=row.position,
                title=row.title,
                body=row.body,
                media_id=row.media_id,
                duration_seconds=row.duration_seconds,
                dwell_seconds=row.dwell_seconds,
            )
            for row in await lessons_in(course.edition_id)
        ]
    )
    return await CourseDraft.create(
        course_id=course.id,
        edition_id=edition.id,
        status=CourseStatus.DRAFT,
        opened_at=now,
        opened_by=by,
        **{name: getattr(course, name) for name in DRAFTED},
    )


async def throw_away(draft: CourseDraft) -> None:
    """Forget a draft and the lessons that were nowhere else. The caller holds the course."""
    require_transaction()
    lessons = await rows("SELECT lesson_id FROM edition_lessons WHERE edition_id = $1", draft.edition_id)
    await CourseDraft.filter(course_id=draft.course_id).delete()
    await CourseEdition.filter(id=draft.edition_id).delete()
    await _forget_lessons([row["lesson_id"] for row in lessons])


# Lessons of what is worked on


async def course_of_lesson(lesson_id: UUID) -> UUID | None:
    """The course of a lesson, whatever edition it is in."""
    lesson = await Lesson.get_or_none(id=lesson_id)
    return lesson.course_id if lesson is not None else None


async def lessons_in(edition_id: UUID | None) -> list[EditionLesson]:
    """The lessons of an edition, by position."""
    return await EditionLesson.filter(edition_id=edition_id).order_by("position")


async def put_in_order(edition_id: UUID, lesson_ids: Sequence[UUID]) -> None:
    """Number the lessons of an edition anew; `lesson_ids` are all of them. The caller holds the course."""
    require_transaction()
    # Out of each other's way first: no two may ever have one position.
    await execute("UPDATE edition_lessons SET position = position + 10000 WHERE edition_id = $1", edition_id)
    await execute(
        "UPDATE edition_lessons l SET position = o.place FROM unnest($2::uuid[]) WITH ORDINALITY AS o (id, place)"
        " WHERE l.edition_id = $1 AND l.lesson_id = o.id",
        edition_id, list(lesson_ids),
    )  # fmt: skip


async def remove_lesson(edition_id: UUID, lesson_id: UUID) -> None:
    """Take a lesson out of an edition; it stays in others, with all that was learned in it."""
    require_transaction()
    await EditionLesson.filter(edition_id=edition_id, lesson_id=lesson_id).delete()
    await _forget_lessons([lesson_id])


async def _forget_lessons(lesson_ids: Sequence[UUID]) -> None:
    await execute(
        "DELETE FROM lessons l WHERE l.id = ANY($1::uuid[])"
        " AND NOT EXISTS (SELECT 1 FROM edition_lessons e WHERE e.lesson_id = l.id)"
        " AND NOT EXISTS (SELECT 1 FROM lesson_progress p WHERE p.lesson_id = l.id)",
        list(lesson_ids),
    )


async def usable_media(course_id: UUID, member_ids: Sequence[UUID], media_ids: Sequence[UUID]) -> list[MediaAsset]:
    """Those of the assets that may go into the course: uploaded by one of these members, or in it already."""
    found = await rows(
        "SELECT a.id FROM media_assets a WHERE a.id = ANY($3::uuid[]) AND ("
        " EXISTS (SELECT 1 FROM uploads u WHERE u.id = a.id AND u.member_id = ANY($2::uuid[])"
        " AND u.completed_at IS NOT NULL)"
        " OR EXISTS (SELECT 1 FROM edition_lessons l JOIN course_editions e ON e.id = l.edition_id"
        " WHERE l.media_id = a.id AND e.course_id = $1)"
        " OR EXISTS (SELECT 1 FROM courses c WHERE c.id = $1 AND c.cover_media_id = a.id)"
        " OR EXISTS (SELECT 1 FROM course_drafts d WHERE d.course_id = $1 AND d.cover_media_id = a.id))",
        course_id, list(member_ids), list(media_ids),
    )  # fmt: skip
    return await MediaAsset.filter(id__in=[row["id"] for row in found])


# The team


async def teams_of(course_ids: Sequence[UUID]) -> list[list[MakerRow]]:
    """The team of each course, by part and then since when, in the order of the ids."""
    shelf: dict[UUID, list[MakerRow]] = {each: [] for each in course_ids}
    for row in await rows(
        "SELECT course_id, member_id, part FROM course_makers WHERE course_id = ANY($1::uuid[]) AND left_at IS NULL"
        " ORDER BY array_position(ARRAY['SCRIPT', 'FOOTAGE', 'EDIT'], part::text), joined_at, member_id",
        list(course_ids),
    ):
        shelf[row["course_id"]].append(MakerRow(row["member_id"], CoursePart(row["part"])))
    return [shelf[each] for each in course_ids]


async def set_team(course_id: UUID, team: Sequence[MakerRow], now: datetime) -> None:
    """Make these the team; who left stays known as one who had a hand in it. The caller holds the course."""
    require_transaction()
    members, parts = [each.member_id for each in team], [each.part.value for each in team]
    await execute(
        "UPDATE course_makers m SET left_at = $4 WHERE course_id = $1 AND left_at IS NULL AND NOT EXISTS ("
        " SELECT 1 FROM unnest($2::uuid[], $3::text[]) AS t (member_id, part)"
        " WHERE t.member_id = m.member_id AND t.part = m.part)",
        course_id, members, parts, now,
    )  # fmt: skip
    await execute(
        "INSERT INTO course_makers (id, course_id, member_id, part, joined_at)"
        " SELECT t.id, $1, t.member_id, t.part, $5 FROM unnest($2::uuid[], $3::uuid[], $4::text[])"
        " AS t (id, member_id, part) ON CONFLICT DO NOTHING",
        course_id, [new_id() for _ in team], members, parts, now,
    )  # fmt: skip


async def had_a_hand(course_id: UUID) -> set[UUID]:
    """Who proposed the course or ever was in its team."""
    found = await rows(
        "SELECT member_id FROM course_makers WHERE course_id = $1"
        " UNION SELECT proposed_by FROM courses WHERE id = $1 AND proposed_by IS NOT NULL",
        course_id,
    )
    return {row["member_id"] for row in found}


async def made_by(member_id: UUID, course_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these courses that the member proposed or is in the team of."""
    found = await rows(
        "SELECT id FROM courses WHERE id = ANY($2::uuid[]) AND proposed_by = $1"
        " UNION SELECT course_id FROM course_makers"
        " WHERE course_id = ANY($2::uuid[]) AND member_id = $1 AND left_at IS NULL",
        member_id, list(course_ids),
    )  # fmt: skip
    return {row["id"] for row in found}


async def makes_courses(member_id: UUID) -> bool:
    """Whether the member proposed, or is in the team of, any course that is not retired."""
    found = await rows(
        "SELECT 1 FROM courses c WHERE c.status <> 'RETIRED' AND (c.proposed_by = $1 OR EXISTS ("
        " SELECT 1 FROM course_makers m WHERE m.course_id = c.id AND m.member_id = $1 AND m.left_at IS NULL)) LIMIT 1",
        member_id,
    )
    return bool(found)


async def count_proposals(member_id: UUID) -> int:
    """Courses the member proposed that have never been published nor given up."""
    return await Course.filter(
        proposed_by=member_id, published_at=None, status__in=[CourseStatus.DRAFT, CourseStatus.IN_REVIEW]
    ).count()


# The way


async def add_move(
    course_id: UUID,
    edition_id: UUID,
    from_status: CourseStatus | None,
    to_status: CourseStatus,
    at: datetime,
    by: UUID | None,
    note: str = "",
) -> None:
    edition = await CourseEdition.get(id=edition_id)
    await CourseMove.create(
        course_id=course_id,
        edition=edition.number,
        from_status=from_status,
        to_status=to_status,
        at=at,
        by=by,
        note=note,
    )


async def moves_of(most: int, course_ids: Sequence[UUID]) -> list[list[CourseMove]]:
    """The latest `most` moves of each course, the first of them first, in the order of the ids."""
    shelf: dict[UUID, list[CourseMove]] = {each: [] for each in course_ids}
    found = await rows(
        "SELECT m.id FROM unnest($1::uuid[]) AS c (id) CROSS JOIN LATERAL ("
        " SELECT id FROM course_moves WHERE course_id = c.id ORDER BY id DESC LIMIT $2) m",
        list(course_ids), most,
    )  # fmt: skip
    for move in await CourseMove.filter(id__in=[row["id"] for row in found]).order_by("id"):
        shelf[move.course_id].append(move)
    return [shelf[each] for each in course_ids]


async def publish(course: Course, draft: CourseDraft | None, now: datetime) -> None:
    """Make what is worked on what readers see. Learners in the middle stay enrolled in the edition they began.

    The team becomes the course's lecturers, if it has one. The caller holds the course, and saves nothing of it after.
    """
    require_transaction()
    if draft is not None:
        for name in DRAFTED:
            setattr(course, name, getattr(draft, name))
        course.edition_id = draft.edition_id
        await CourseDraft.filter(course_id=course.id).delete()
    course.status = CourseStatus.PUBLISHED
    course.published_at = course.published_at or now
    course.duration_seconds = await duration_of(course.edition_id)
    await CourseEdition.filter(id=course.edition_id, published_at=None).update(published_at=now)
    await course.save()
    [team] = await teams_of([course.id])
    if team:
        await CourseLecturer.filter(course_id=course.id).delete()
        await CourseLecturer.bulk_create(
            [
                CourseLecturer(id=new_id(), course_id=course.id, member_id=member_id, position=place)
                for place, member_id in enumerate(dict.fromkeys(each.member_id for each in team), start=1)
            ]
        )


async def duration_of(edition_id: UUID | None) -> int:
    """Of all lessons of an edition together."""
    [row] = await rows(
        "SELECT coalesce(sum(duration_seconds), 0)::int AS seconds FROM edition_lessons WHERE edition_id = $1",
        edition_id,
    )
    return int(row["seconds"])
