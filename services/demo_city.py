"""The demo's city and catalogue as rows. Every id is derived from the seed, so the same seed is the same demo."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeAlias
from uuid import UUID

from kit.clock import ZONE, day_of, day_start
from kit.ids import derived_id
from kit.words import CourseStatus, OutletTier, PostRole, Role
from models.accounts import Member, RoleGrant
from models.assignments import Assignment
from models.courses import Course, CourseEdition, CourseLecturer, EditionLesson, Lesson, MediaAsset, Module
from models.outlets import Outlet, Placement, PlacementRow, Post, Region
from seeds import town
from seeds.courses import MODULES, SeedCourse, read_courses
from seeds.covers import cover
from seeds.media import SeedClip, read_clips
from seeds.story import published
from seeds.town import DemoAccount, SeedOutlet, SeedPerson
from services.ports import Ports

Rows: TypeAlias = Iterator[
    Region | Outlet | Member | RoleGrant | Post | PlacementRow | MediaAsset | Module | Course | CourseEdition | Lesson
    | EditionLesson | CourseLecturer | Assignment
]  # fmt: skip

LECTURERS = 8


def demo_id(seed: int, kind: str, name: object) -> UUID:
    return derived_id("demo", seed, kind, name)


@dataclass(frozen=True, slots=True)
class Resident:
    """A learner of the city, and where they stand."""

    person: SeedPerson
    member_id: UUID
    joined_at: datetime
    placement: Placement


class City:
    """Everything that is there before anybody learns; `now` decides the dates, the seed all the rest."""

    lecturers = LECTURERS

    def __init__(self, ports: Ports, seed: int) -> None:
        self.seed = seed
        self.now = ports.clock.now()
        self.courses = read_courses()
        self.clips = read_clips()
        self.outlets = town.outlets(seed)
        self.published = published(seed, self.courses, self.now)
        self._phones = ports.phones
        regions = {region.code: region for region in town.regions()}
        self._paths: dict[str, str] = {}
        for region in regions.values():
            self._paths[region.code] = self._paths.get(region.parent_code or "", "") + f"{region.code}/"

    def id(self, kind: str, name: object) -> UUID:
        return demo_id(self.seed, kind, name)

    def lesson_id(self, course: SeedCourse, lesson: int) -> UUID:
        """The id of a course's lesson; `lesson` counts from 0."""
        return self.id("lesson", f"{course.code} {lesson + 1}")

    def residents(self) -> Iterator[Resident]:
        """Every learner; the demo's own learner last."""
        for outlet in reversed(self.outlets):
            placement = Placement(
                self.id("outlet", outlet.code),
                self.id("region", outlet.region_code),
                self._paths[outlet.region_code],
                outlet.tier,
            )
            for person in reversed(outlet.people):
                joined_at = self._days_ago(person.joined_days_ago)
                yield Resident(person, self.id("member", person.key), joined_at, placement)

    def people(self) -> Rows:
        """Regions, outlets, members with their grants, posts and placements."""
        accounts = {account.key: account for account in town.ACCOUNTS}
        for region in town.regions():
            yield Region(
                id=self.id("region", region.code),
                code=region.code,
                name=region.name,
                kind=region.kind,
                parent_id=self.id("region", region.parent_code) if region.parent_code else None,
                path=self._paths[region.code],
            )
        for outlet in self.outlets:
            yield from self._outlet(outlet, accounts)
        for each in town.staff():
            yield self._member(each.key, each.name, self._days_ago(500), accounts.get(each.key))
            yield self._grant(each.key, each.role, each.region_code, self._days_ago(500))

    def catalogue(self) -> Rows:
        """Media, modules, courses with their editions and lessons, lecturers, assignments."""
        for clip in self.clips.values():
            yield self._clip(clip)
        for position, (code, name) in enumerate(MODULES.items(), start=1):
            yield Module(id=self.id("module", code), code=code, name=name, position=position)
        for number, course in enumerate(self.courses):
            yield from self._course(number, course)
        yield from self._assignments()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(storage key, bytes) of every clip and cover."""
        for clip in self.clips.values():
            yield f"demo/{clip.name}", clip.read()
        for number, course in enumerate(self.courses):
            yield f"demo/{self.seed}/{course.code}.svg", self._cover(number, course)

    def _days_ago(self, days: int) -> datetime:
        """Nine in the morning, some days ago."""
        return day_start(day_of(self.now) - timedelta(days=days)) + timedelta(hours=9)

    def _outlet(self, outlet: SeedOutlet, accounts: Mapping[str, DemoAccount]) -> Rows:
        outlet_id, region_id = self.id("outlet", outlet.code), self.id("region", outlet.region_code)
        yield Outlet(
            id=outlet_id,
            code=outlet.code,
            name=outlet.name,
            region_id=region_id,
            tier=outlet.tier,
            segment=outlet.segment,
            created_at=self._days_ago(500),
        )
        for person in outlet.people:
            member_id, joined_at = self.id("member", person.key), self._days_ago(person.joined_days_ago)
            member = self._member(person.key, person.name, joined_at, accounts.get(person.key))
            member.adult_confirmed_at = joined_at if person.role is PostRole.OWNER else None
            yield member
            yield self._grant(person.key, Role.LEARNER, None, joined_at)
            yield Post(
                id=self.id("post", person.key),
                member_id=member_id,
                outlet_id=outlet_id,
                role=person.role,
                from_at=joined_at,
                is_current=True,
            )
            yield PlacementRow(
                member_id=member_id, from_at=joined_at, outlet_id=outlet_id, region_id=region_id, tier=outlet.tier
            )

    def _member(self, key: str, name: str, joined_at: datetime, account: DemoAccount | None) -> Member:
        """Only the demo's accounts have a phone: nobody is to sign in as the others."""
        member = Member(id=self.id("member", key), display_name=name, joined_at=joined_at)
        if account is not None:
            member.phone_cipher = self._phones.seal(account.phone)
            member.phone_index = self._phones.index(account.phone)
            member.masked_phone = self._phones.mask(account.phone)
        return member

    def _grant(self, key: str, role: Role, region_code: str | None, at: datetime) -> RoleGrant:
        return RoleGrant(
            id=self.id("grant", key),
            member_id=self.id("member", key),
            role=role,
            region_id=self.id("region", region_code) if region_code else None,
            granted_at=at,
        )

    def _clip(self, clip: SeedClip) -> MediaAsset:
        return MediaAsset(
            id=self.id("media", clip.name),
            kind=clip.kind,
            content_type=clip.content_type,
            size_bytes=clip.size_bytes,
            sha256=clip.sha256,
            duration_seconds=clip.duration_seconds,
            storage_key=f"demo/{clip.name}",
            created_at=self._days_ago(500),
        )

    def _cover(self, number: int, course: SeedCourse) -> bytes:
        return cover(course.module, MODULES[course.module], course.title, number).encode()

    def _course(self, number: int, course: SeedCourse) -> Rows:
        course_id, edition_id = self.id("course", course.code), self.id("edition", course.code)
        at, picture = self.published[course.code], self._cover(number, course)
        yield MediaAsset(
            id=self.id("cover", course.code),
            kind="IMAGE",
            content_type="image/svg+xml",
            size_bytes=len(picture),
            sha256=hashlib.sha256(picture).hexdigest(),
            storage_key=f"demo/{self.seed}/{course.code}.svg",
            created_at=at,
        )
        yield Course(
            id=course_id,
            code=course.code,
            module_id=self.id("module", course.module),
            form=course.form,
            kind=course.kind,
            status=CourseStatus.PUBLISHED,
            edition_id=edition_id,
            title=course.title,
            summary=course.summary,
            tags=list(course.tags),
            cover_media_id=self.id("cover", course.code),
            audience_tiers=[tier.value for tier in course.tiers],
            duration_seconds=sum(lesson.seconds for lesson in course.lessons),
            adults_only=course.adults_only,
            created_at=at,
            published_at=at,
        )
        yield CourseEdition(id=edition_id, course_id=course_id, number=1, published_at=at)
        for place, lesson in enumerate(course.lessons):
            lesson_id = self.lesson_id(course, place)
            yield Lesson(id=lesson_id, course_id=course_id)
            yield EditionLesson(
                id=self.id("edition lesson", lesson_id),
                edition_id=edition_id,
                lesson_id=lesson_id,
                position=place + 1,
                title=lesson.title,
                body=lesson.body,
                media_id=self.id("media", lesson.clip.name) if lesson.clip else None,
                duration_seconds=lesson.seconds,
                dwell_seconds=None if lesson.clip else lesson.seconds,
            )
        for place in range(1 + number % 2):
            lecturer = 1 + (number * 3 + place * 5) % self.lecturers
            yield CourseLecturer(
                id=self.id("course lecturer", f"{course.code} {place}"),
                course_id=course_id,
                member_id=self.id("member", f"staff-lecturer-{lecturer}"),
                position=place + 1,
            )

    def _assignments(self) -> Rows:
        """Something is due for everyone, for new shops, for one county, and for the demo's learner."""
        plans: tuple[tuple[str, int, str, dict[str, object]], ...] = (
            ("law-07", 6, "市里统一安排，请全体店主和店员学习", {"region_id": self.id("region", town.CITY[0])}),
            ("law-01", 12, "新店必学，开门之前先弄清楚", {"tier": OutletTier.NEW}),
            ("digital-02", 9, "本月重点：每单必扫", {"tier": OutletTier.MODERN}),
            ("safety-02", -3, "夏季用电检查，请尽快补上", {"region_id": self.id("region", f"{town.CITY[0]}02")}),
            ("digital-08", -2, "代收快递的门店，请先学这一课", {"outlet_id": self.id("outlet", self.outlets[0].code)}),
            ("safety-01", 2, "上次走访时约好的", {"member_id": self.id("member", town.LEARNER)}),
        )
        for code, days, reason, to in plans:
            due_day = day_of(self.now) + timedelta(days=days)
            yield Assignment(
                id=self.id("assignment", code),
                course_id=self.id("course", code),
                due_at=datetime.combine(due_day, time(22), ZONE),
                reason=reason,
                assigned_at=self._days_ago(10),
                assigned_by=self.id("member", "staff-admin"),
                **to,
            )
