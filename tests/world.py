"""Builders in the words of the academy: a test says who and what there is, and leaves out what does not matter.

Each noun's builders stand together; what they make is made through the services wherever one exists.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.ids import new_id, to_global
from kit.words import CourseForm, CourseKind, CourseStatus, OutletTier
from models.courses import Course, CourseEdition, EditionLesson, Lesson, MediaAsset, Module
from services.ports import Ports


@dataclass(frozen=True, slots=True)
class MadeCourse:
    """A course as tests speak of it: its id, its global id, and the ids of its current lessons in order."""

    id: UUID
    gid: str
    lesson_ids: list[UUID]

    @property
    def lesson_gids(self) -> list[str]:
        return [to_global("Lesson", lesson_id) for lesson_id in self.lesson_ids]


class World:
    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._counts: dict[str, int] = {}

    def next(self, what: str) -> int:
        """1, 2, 3, ... for each kind of thing; for codes and names that must differ."""
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    # The catalogue

    async def module(self, name: str | None = None) -> Module:
        number = self.next("module")
        return await Module.create(id=new_id(), code=f"M{number}", name=name or f"模块{number}", position=number)

    async def course(
        self,
        title: str | None = None,
        *,
        lessons: int = 1,
        seconds: int = 60,
        form: CourseForm = CourseForm.VIDEO,
        kind: CourseKind = CourseKind.ELECTIVE,
        status: CourseStatus = CourseStatus.PUBLISHED,
        tiers: Sequence[OutletTier] = (),
        module: Module | None = None,
        summary: str = "",
        tags: Sequence[str] = (),
        percent: int = 90,
        published_at: datetime | None = None,
    ) -> MadeCourse:
        """A course in its first edition, its lessons each `seconds` long; articles have that as their dwell time.

        Published now, unless told otherwise; a draft has its edition all the same.
        """
        number = self.next("course")
        at = published_at or self.ports.clock.now()
        row = await Course.create(
            id=new_id(),
            code=f"C{number}",
            module=module or await self.module(),
            form=form,
            kind=kind,
            status=CourseStatus.DRAFT,
            title=title or f"课程{number}",
            summary=summary,
            tags=list(tags),
            audience_tiers=[tier.value for tier in tiers],
            completion_percent=percent,
            duration_seconds=lessons * seconds,
            created_at=at,
        )
        made = MadeCourse(row.id, to_global("Course", row.id), [])
        await self.edition(made, lessons=lessons, seconds=seconds, form=form)
        once_published = status in (CourseStatus.PUBLISHED, CourseStatus.RETIRED)
        await Course.filter(id=row.id).update(status=status, published_at=at if once_published else None)
        return made

    async def edition(
        self,
        course: MadeCourse,
        *,
        lessons: int = 0,
        seconds: int = 60,
        form: CourseForm = CourseForm.VIDEO,
        keep: Sequence[UUID] = (),
    ) -> MadeCourse:
        """Make a new edition the current one: the lessons `keep`, in that order, then `lessons` new ones."""
        now = self.ports.clock.now()
        number = await CourseEdition.filter(course_id=course.id).count() + 1
        edition = await CourseEdition.create(id=new_id(), course_id=course.id, number=number, published_at=now)
        new = [await Lesson.create(id=new_id(), course_id=course.id) for _ in range(lessons)]
        course.lesson_ids[:] = [*keep, *(lesson.id for lesson in new)]
        article = form is CourseForm.ARTICLE
        for position, lesson_id in enumerate(course.lesson_ids, start=1):
            await EditionLesson.create(
                id=new_id(),
                edition=edition,
                lesson_id=lesson_id,
                position=position,
                title=f"第{position}课",
                body="正文" if article else None,
                media=None if article else await self.media(seconds),
                duration_seconds=seconds,
                dwell_seconds=seconds if article else None,
            )
        await Course.filter(id=course.id).update(edition_id=edition.id)
        return course

    async def media(self, seconds: int = 60, content: bytes = b"not really a film") -> MediaAsset:
        """An asset with its bytes in storage."""
        key = f"test/{new_id()}.mp4"
        await self.ports.storage.put(key, content)
        return await MediaAsset.create(
            id=new_id(),
            kind="VIDEO",
            content_type="video/mp4",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            duration_seconds=seconds,
            storage_key=key,
            created_at=self.ports.clock.now(),
        )
