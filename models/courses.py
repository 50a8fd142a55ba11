"""The catalogue: modules, courses with their editions and lessons, media, lecturers, ratings; and what is asked of it.

Readers get frozen rows (`CourseRow`, and `LessonRow` of `models/lessons.py`), not table objects: one statement fills a
page with all it shows. Three generated columns of `courses` are in no table class, because nobody writes them:
`listed_at`, `rating_average` and `search` (see the catalogue's migration).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import CourseForm, CourseKind, CourseStatus, OutletTier
from models.accounts import Member, NamedMember
from models.joined import row_of
from models.outlets import Region


class Module(Model):
    """One of the academy's eight subjects."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(40, unique=True)
    name = fields.CharField(80)
    position = fields.IntField()

    class Meta:
        table = "modules"


class MediaAsset(Model):
    """Bytes that never change: new bytes are a new asset, so that a phone may keep a download by the id."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(20)
    content_type = fields.CharField(100)
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(64)
    duration_seconds = fields.IntField(null=True)
    storage_key = fields.CharField(200, unique=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "media_assets"


class Course(Model):
    """A course keeps its id across editions. The counters are projections, recounted by `recount_course`.

    Until it is published for the first time its makers work on this row and on `edition_id`; afterwards both are what
    readers see, and makers work on a `CourseDraft` (`models/making.py`). `version` counts every change of either.
    `region`: where who proposed it stood then; None: nowhere, or it was there before there were proposals.
    """

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(40, unique=True)
    module: fields.ForeignKeyRelation[Module] = fields.ForeignKeyField(
        "models.Module", "courses", on_delete=fields.RESTRICT
    )
    module_id: UUID
    form = fields.CharEnumField(CourseForm, max_length=20)
    kind = fields.CharEnumField(CourseKind, max_length=20)
    status = fields.CharEnumField(CourseStatus, max_length=20)
    edition_id = fields.UUIDField(null=True)
    title = fields.CharField(200)
    summary = fields.CharField(1000, default="")
    tags: list[str] = ArrayField(element_type="text", default=list)
    cover_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "covers", null=True, on_delete=fields.RESTRICT
    )
    cover_media_id: UUID | None
    audience_tiers: list[str] = ArrayField(element_type="text", default=list)
    completion_percent = fields.SmallIntField(default=90)
    duration_seconds = fields.IntField(default=0)
    adults_only = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    published_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1, db_default=1)
    proposed_by = fields.UUIDField(null=True)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "courses", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    points_proposed = fields.IntField(null=True)
    view_count = fields.IntField(default=0)
    completion_count = fields.IntField(default=0)
    rating_sum = fields.IntField(default=0)
    rating_count = fields.IntField(default=0)

    class Meta:
        table = "courses"


class CourseEdition(Model):
    """One publication of a course; `number` counts from 1. Until it is published its makers change it."""

    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "editions", on_delete=fields.CASCADE
    )
    course_id: UUID
    number = fields.IntField()
    published_at = fields.DatetimeField(null=True)

    class Meta:
        table = "course_editions"
        unique_together = (("course", "number"),)


class Lesson(Model):
    """The identity of a lesson; what it says and where it stands is in the edition."""

    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "lessons", on_delete=fields.CASCADE
    )
    course_id: UUID

    class Meta:
        table = "lessons"


class EditionLesson(Model):
    """A lesson as one edition has it. Media lessons are complete by spans watched, articles by `dwell_seconds`."""

    id = fields.UUIDField(primary_key=True)
    edition: fields.ForeignKeyRelation[CourseEdition] = fields.ForeignKeyField(
        "models.CourseEdition", "lessons", on_delete=fields.CASCADE
    )
    edition_id: UUID
    lesson: fields.ForeignKeyRelation[Lesson] = fields.ForeignKeyField(
        "models.Lesson", "editions", on_delete=fields.CASCADE
    )
    lesson_id: UUID
    position = fields.SmallIntField()
    title = fields.CharField(200)
    body: str | None = fields.TextField(null=True)
    media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "lessons", null=True, on_delete=fields.RESTRICT
    )
    media_id: UUID | None
    duration_seconds = fields.IntField()
    dwell_seconds = fields.IntField(null=True)

    class Meta:
        table = "edition_lessons"
        unique_together = (("edition", "lesson"), ("edition", "position"))


class CourseLecturer(Model):
    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "lecturers", on_delete=fields.CASCADE
    )
    course_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "taught_courses", on_delete=fields.CASCADE
    )
    member_id: UUID
    position = fields.SmallIntField()

    class Meta:
        table = "course_lecturers"
        unique_together = (("course", "member"),)


class CourseRating(Model):
    """The one opinion a member holds of a course; rating again replaces it."""

    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "ratings", on_delete=fields.CASCADE
    )
    course_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "course_ratings", on_delete=fields.CASCADE
    )
    member_id: UUID
    stars = fields.SmallIntField()
    comment = fields.CharField(500, default="")
    rated_at = fields.DatetimeField()

    class Meta:
        table = "course_ratings"
        unique_together = (("course", "member"),)


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A course with its module, and its lecturers as the course ranks them."""

    id: UUID
    code: str
    module: Module
    lecturers: tuple[NamedMember, ...]
    form: CourseForm
    kind: CourseKind
    status: CourseStatus
    edition_id: UUID | None
    edition: int | None
    title: str
    summary: str
    tags: tuple[str, ...]
    cover_media_id: UUID | None
    audience_tiers: tuple[OutletTier, ...]
    duration_seconds: int
    lesson_count: int
    adults_only: bool
    published_at: datetime | None
    listed_at: datetime
    view_count: int
    completion_count: int
    rating_average: float
    rating_count: int
    version: int
    proposed_by: UUID | None
    points_proposed: int | None


COURSE_COLUMNS = """
    c.id, c.code, c.form, c.kind, c.status, c.edition_id, m.id AS module_id, m.code AS module_code,
    m.name AS module_name, m.position AS module_position,
    (SELECT jsonb_agg(jsonb_build_array(l.position, l.member_id, p.display_name))
     FROM course_lecturers l JOIN members p ON p.id = l.member_id WHERE l.course_id = c.id) AS lecturers,
    CASE WHEN e.published_at IS NOT NULL THEN e.number END AS edition, c.title, c.summary, c.tags,
    c.cover_media_id, c.audience_tiers, c.duration_seconds,
    (SELECT count(*) FROM edition_lessons l WHERE l.edition_id = c.edition_id)::int AS lesson_count,
    c.adults_only, c.published_at, c.listed_at,
    c.view_count, c.completion_count, c.rating_average, c.rating_count, c.version, c.proposed_by, c.points_proposed"""
COURSE_TABLES = "courses c JOIN modules m ON m.id = c.module_id LEFT JOIN course_editions e ON e.id = c.edition_id"
"""What is looked up for each course stands among the columns, which PostgreSQL computes for the page it shows alone."""

_AS_THEY_ARE = tuple(
    each.name
    for each in dataclass_fields(CourseRow)
    if each.name not in ("module", "lecturers", "form", "kind", "status", "tags", "audience_tiers")
)


def course_row(row: dict[str, Any]) -> CourseRow:
    """The course in a row with `COURSE_COLUMNS`; other columns of it are left alone."""
    lecturers = sorted(orjson.loads(row["lecturers"])) if row["lecturers"] is not None else ()
    return CourseRow(
        module=row_of(Module, "module", row),
        lecturers=tuple(NamedMember(UUID(member_id), name) for _, member_id, name in lecturers),
        form=CourseForm(row["form"]),
        kind=CourseKind(row["kind"]),
        status=CourseStatus(row["status"]),
        tags=tuple(row["tags"]),
        audience_tiers=tuple(OutletTier(tier) for tier in row["audience_tiers"]),
        **{name: row[name] for name in _AS_THEY_ARE},
    )


async def modules() -> list[Module]:
    """Every module, in the academy's order."""
    return await Module.all().order_by("position", "id")


async def courses_by_ids(course_ids: Sequence[UUID]) -> list[CourseRow | None]:
    """The courses of these ids, of any status, in the order of `course_ids`."""
    found = await rows(f"SELECT {COURSE_COLUMNS} FROM {COURSE_TABLES} WHERE c.id = ANY($1)", list(course_ids))  # noqa: S608
    shelf = {row["id"]: course_row(row) for row in found}
    return [shelf.get(course_id) for course_id in course_ids]


async def modules_by_ids(module_ids: Sequence[UUID]) -> list[Module | None]:
    """The modules of these ids, in their order."""
    found = {module.id: module for module in await Module.filter(id__in=list(module_ids))}
    return [found.get(module_id) for module_id in module_ids]


async def course_counts(module_ids: Sequence[UUID]) -> list[int]:
    """How many published courses each module has, in the order of `module_ids`."""
    found = await rows(
        "SELECT module_id, count(*) AS courses FROM courses WHERE module_id = ANY($1) AND status = 'PUBLISHED'"
        " GROUP BY module_id",
        list(module_ids),
    )
    counts = {row["module_id"]: row["courses"] for row in found}
    return [counts.get(module_id, 0) for module_id in module_ids]


async def stars_by_courses(member_id: UUID, course_ids: Sequence[UUID]) -> list[int | None]:
    """The stars this member gave each course, in the order of `course_ids`."""
    found = await rows(
        "SELECT course_id, stars FROM course_ratings WHERE member_id = $1 AND course_id = ANY($2)",
        member_id,
        list(course_ids),
    )
    stars = {row["course_id"]: row["stars"] for row in found}
    return [stars.get(course_id) for course_id in course_ids]


async def begun_and_retired(member_id: UUID, course_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these courses that are retired and that the member has begun."""
    found = await rows(
        "SELECT c.id FROM courses c JOIN course_enrolments e ON e.course_id = c.id AND e.member_id = $1"
        " WHERE c.id = ANY($2::uuid[]) AND c.status = 'RETIRED'",
        member_id,
        list(course_ids),
    )
    return {row["id"] for row in found}


async def replace_rating(
    rating_id: UUID, course_id: UUID, member_id: UUID, stars: int, comment: str, rated_at: datetime
) -> None:
    """Record the member's opinion, in place of an earlier one."""
    await execute(
        """INSERT INTO course_ratings (id, course_id, member_id, stars, comment, rated_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (course_id, member_id) DO UPDATE
           SET stars = excluded.stars, comment = excluded.comment, rated_at = excluded.rated_at""",
        rating_id,
        course_id,
        member_id,
        stars,
        comment,
        rated_at,
    )


async def lock_course(course_id: UUID) -> None:
    """Hold the course's row until the transaction ends, so that the next statement counts all that is committed."""
    require_transaction()
    await rows("SELECT 1 FROM courses WHERE id = $1 FOR NO KEY UPDATE", course_id)


async def recount_ratings(course_id: UUID) -> None:
    """Set what a course's ratings add up to. Absolute; the caller holds the course's lock."""
    await execute(
        """UPDATE courses SET rating_sum = rated.stars, rating_count = rated.opinions
           FROM (SELECT coalesce(sum(stars), 0) AS stars, count(*) AS opinions
                 FROM course_ratings WHERE course_id = $1) rated
           WHERE id = $1""",
        course_id,
    )


async def recount_learners(course_id: UUID) -> None:
    """Set how many learners have begun (a view) and completed a course, in all and by tier of their outlet.

    Absolute; the caller holds the course's lock.
    """
    await execute(
        """UPDATE courses SET view_count = learned.begun, completion_count = learned.completed
           FROM (SELECT count(*) AS begun, count(completed_at) AS completed
                 FROM course_enrolments WHERE course_id = $1) learned
           WHERE id = $1""",
        course_id,
    )
    await execute("DELETE FROM tier_completions WHERE course_id = $1", course_id)
    await execute(
        """INSERT INTO tier_completions (course_id, tier, completions)
           SELECT e.course_id, o.tier, count(*)
           FROM course_enrolments e
           JOIN posts p ON p.member_id = e.member_id AND p.is_current AND p.until_at IS NULL
           JOIN outlets o ON o.id = p.outlet_id
           WHERE e.course_id = $1 AND e.completed_at IS NOT NULL
           GROUP BY e.course_id, o.tier""",
        course_id,
    )


@dataclass(frozen=True, slots=True)
class Credit:
    """What the courses that name a lecturer add up to. Rating: stars given in all, by so many opinions."""

    courses: int
    views: int
    completions: int
    rating_sum: int
    rating_count: int


async def credits_of(member_ids: Sequence[UUID]) -> list[Credit]:
    """The credit of each lecturer, in the order of the ids: the counters of the courses that name them.

    These are projections and are recounted; a course of several lecturers counts whole for each of them. Retired ones
    keep counting, what was never published does not.
    """
    found = await rows(
        "SELECT l.member_id, count(*) AS courses, sum(c.view_count) AS views, sum(c.completion_count) AS completions,"
        " sum(c.rating_sum) AS rating_sum, sum(c.rating_count) AS rating_count"
        " FROM course_lecturers l JOIN courses c ON c.id = l.course_id"
        " WHERE l.member_id = ANY($1::uuid[]) AND c.published_at IS NOT NULL GROUP BY l.member_id",
        list(member_ids),
    )
    shelf = {row.pop("member_id"): Credit(**{name: int(value) for name, value in row.items()}) for row in found}
    return [shelf.get(each, Credit(0, 0, 0, 0, 0)) for each in member_ids]


async def media_by_id(media_id: UUID) -> MediaAsset | None:
    return await MediaAsset.get_or_none(id=media_id)


async def kept_media() -> list[tuple[str, int]]:
    """(storage key, bytes) of every medium, in the order of the keys."""
    return [
        (row["storage_key"], row["size_bytes"])
        for row in await rows("SELECT storage_key, size_bytes FROM media_assets ORDER BY storage_key")
    ]


async def media_by_ids(media_ids: Sequence[UUID]) -> list[MediaAsset | None]:
    """The assets of these ids, in their order."""
    found = {asset.id: asset for asset in await MediaAsset.filter(id__in=list(media_ids))}
    return [found.get(each) for each in media_ids]
