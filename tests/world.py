"""Builders in the words of the academy: a test says who and what there is, and leaves out what does not matter.

Each noun's builders stand together; what they make is made through the services wherever one exists.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.codes import DEMO_CODE
from gamification.reports import ReportedEvent
from kit.db import transaction
from kit.ids import new_id, to_global
from kit.words import (
    CourseForm,
    CourseKind,
    CourseStatus,
    EventStatus,
    LiveStatus,
    OutletTier,
    PostRole,
    ProgressKind,
    RegionKind,
    Role,
)
from models.accounts import Member, grant
from models.assignments import Assignment
from models.courses import Course, CourseEdition, EditionLesson, Lesson, MediaAsset, Module
from models.lessons import lessons_by_ids
from models.live import LiveLesson, LiveSeries
from models.outlets import Outlet, Region
from models.uploads import Upload
from services.accounts import actor_of
from services.outlets import begin_post
from services.ports import Ports
from services.progress import Batch, report_progress
from services.sessions import Device, SignedIn, sign_in_with_code
from services.signing import claims_of


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
        adults_only: bool = False,
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
            adults_only=adults_only,
            created_at=at,
        )
        made = MadeCourse(row.id, to_global("Course", row.id), [])
        await self.edition(made, lessons=lessons, seconds=seconds, form=form)
        once_published = status in (CourseStatus.PUBLISHED, CourseStatus.RETIRED)
        await Course.filter(id=row.id).update(status=status, published_at=at if once_published else None)
        if not once_published:
            await CourseEdition.filter(course_id=row.id).update(published_at=None)
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

    async def studies(self, member: Member, course: MadeCourse, lessons: int | None = None) -> None:
        """The member watches the first `lessons` of the course whole, all of them unless told, and it is reported."""
        now = self.ports.clock.now()
        rows = await lessons_by_ids(member.id, course.lesson_ids[:lessons])
        events = [
            ReportedEvent(
                event_id=new_id(),
                lesson_id=lesson_id,
                kind=ProgressKind.WATCHED if row.dwell_seconds is None else ProgressKind.READ,
                occurred_at=now + timedelta(milliseconds=place),
                spans=((0, row.duration_seconds),),
            )
            for place, (lesson_id, row) in enumerate(zip(course.lesson_ids, rows, strict=False))
            if row is not None
        ]
        outcome = await report_progress(self.ports, Actor(member.id, new_id(), ()), Batch(now, tuple(events)))
        assert {result.status for result in outcome.results} <= {EventStatus.ACCEPTED}, outcome.results

    async def watches(self, member: Member, course: MadeCourse, span: tuple[int, int]) -> None:
        """The member watches these seconds of the course's first lesson, and it is reported."""
        now = self.ports.clock.now()
        event = ReportedEvent(new_id(), course.lesson_ids[0], ProgressKind.WATCHED, now, (span,))
        outcome = await report_progress(self.ports, Actor(member.id, new_id(), ()), Batch(now, (event,)))
        assert [result.status for result in outcome.results] == [EventStatus.ACCEPTED], outcome.results

    async def assigned(
        self,
        course: MadeCourse,
        *,
        due_in: timedelta = timedelta(days=7),
        region: Region | None = None,
        tier: OutletTier | None = None,
        outlet: Outlet | None = None,
        member: Member | None = None,
    ) -> Assignment:
        """The course is to be done by whoever is meant."""
        now = self.ports.clock.now()
        return await Assignment.create(
            id=new_id(),
            course_id=course.id,
            region=region,
            tier=tier,
            outlet=outlet,
            member=member,
            due_at=now + due_in,
            reason="请学一学",
            assigned_at=now,
        )

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

    async def picture(self, of: Member) -> MediaAsset:
        """A picture that the member has uploaded."""
        asset, now = await self.media(), self.ports.clock.now()
        await MediaAsset.filter(id=asset.id).update(kind="IMAGE", content_type="image/png", duration_seconds=None)
        await Upload.create(
            id=asset.id, member_id=of.id, file_name="我.png", content_type="image/png", size_bytes=asset.size_bytes,
            sha256=asset.sha256, created_at=now, attempts=1, received_attempt=1,
            expires_at=now + timedelta(hours=2), completed_at=now,
        )  # fmt: skip
        return asset

    # Live lessons

    async def live_lesson(
        self,
        title: str | None = None,
        *,
        host: Member | None = None,
        starts_at: datetime | None = None,
        minutes: int = 60,
        status: LiveStatus = LiveStatus.SCHEDULED,
        capacity: int | None = None,
        region: Region | None = None,
        tiers: Sequence[OutletTier] = (),
        percent: int = 80,
        points: int | None = None,
        cover: MediaAsset | None = None,
        module: Module | None = None,
        course_id: UUID | None = None,
        series: LiveSeries | None = None,
    ) -> LiveLesson:
        """A lesson for everybody, tomorrow at this time, with a new host; as `models.live.LiveLesson` has it."""
        now = self.ports.clock.now()
        at = starts_at or now + timedelta(days=1)
        return await LiveLesson.create(
            id=new_id(),
            status=status,
            title=title or f"直播课{self.next('live lesson')}",
            host=host or await self.staff(Role.LECTURER, name="讲师"),
            cover_media=cover,
            module=module,
            course_id=course_id,
            series=series,
            occurs_at=at if series is not None else None,
            region=region,
            audience_tiers=[tier.value for tier in tiers],
            starts_at=at,
            ends_at=at + timedelta(minutes=minutes),
            doors_open_at=at - timedelta(minutes=15),
            doors_close_at=at + timedelta(minutes=minutes),
            capacity=capacity,
            min_percent=percent,
            min_seconds=0,
            points=points,
            created_at=now,
        )

    # People, regions, outlets

    def phone(self) -> str:
        """A Chinese mobile number that nobody has yet."""
        return f"+86138{self.next('phone'):08}"

    async def region(
        self, name: str | None = None, *, parent: Region | None = None, kind: RegionKind | None = None
    ) -> Region:
        """A region below `parent` (a root without one), of the kind that follows the parent's."""
        kinds = list(RegionKind)
        code = f"R{self.next('region'):04}"
        return await Region.create(
            id=new_id(),
            code=code,
            name=name or f"地区{code}",
            kind=kind or (kinds[min(kinds.index(parent.kind) + 1, 3)] if parent else RegionKind.PROVINCE),
            parent=parent,
            path=f"{parent.path if parent else ''}{code}/",
        )

    async def outlet(
        self,
        name: str | None = None,
        *,
        region: Region | None = None,
        tier: OutletTier = OutletTier.ORDINARY,
        segment: int = 1,
    ) -> Outlet:
        """An outlet without people; the region is a new one unless given."""
        code = f"44190{self.next('outlet'):05}"
        return await Outlet.create(
            id=new_id(),
            code=code,
            name=name or f"便利店{code}",
            region=region or await self.region(),
            tier=tier,
            segment=segment,
            created_at=self.ports.clock.now(),
        )

    async def member(self, name: str = "阿May", *, phone: str | None = None, password: str | None = None) -> Member:
        """Someone with an account and nothing more."""
        number = phone or self.phone()
        return await Member.create(
            id=new_id(),
            display_name=name,
            phone_cipher=self.ports.phones.seal(number),
            phone_index=self.ports.phones.index(number),
            masked_phone=self.ports.phones.mask(number),
            password_hash=await self.ports.passwords.hash(password) if password else None,
            joined_at=self.ports.clock.now(),
        )

    async def learner(
        self,
        name: str = "阿May",
        *,
        outlet: Outlet | None = None,
        role: PostRole = PostRole.OWNER,
        phone: str | None = None,
    ) -> Member:
        """A member with a post, at a new outlet unless one is given."""
        member = await self.member(name, phone=phone)
        await self.post(member, outlet or await self.outlet(), role)
        return member

    async def post(self, member: Member, outlet: Outlet, role: PostRole = PostRole.CLERK) -> None:
        """A post from now on; the member's first is the current one."""
        await transaction(lambda: begin_post(self.ports, member.id, outlet.id, role))

    async def staff(self, role: Role, region: Region | None = None, name: str = "管理员") -> Member:
        """A member with a role over a region; none: everywhere."""
        member = await self.member(name)
        await grant(new_id(), member.id, role, region.id if region else None, self.ports.clock.now(), None)
        return member

    async def signed_in(self, member: Member, device: str = "一号手机") -> SignedIn:
        """A session of the member's."""
        assert member.phone_cipher is not None
        number = self.ports.phones.open(member.phone_cipher)
        return await sign_in_with_code(self.ports, number, DEMO_CODE, Device(f"device-{device}", device))

    async def actor(self, member: Member) -> Actor:
        """The member with a session of their own, as services meet them."""
        claims = await claims_of(self.ports, (await self.signed_in(member)).access_token)
        return await actor_of(self.ports, claims)
