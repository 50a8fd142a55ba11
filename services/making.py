"""Making courses: proposing one, changing what is worked on, who works on it, and throwing a next edition away.

Every change takes the course's row, asks who it is and which version they looked at, and counts the version up. Of two
editors who began with the same version the second is told CONFLICT, and nothing of theirs is kept.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_make_course, may_propose_course, may_run_course, may_see_course
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import CourseForm, CourseKind, CourseStatus, OutletTier
from models import making
from models.accounts import members_by_ids
from models.audit import Details
from models.courses import Course, CourseRow, MediaAsset, courses_by_ids, modules_by_ids
from models.making import CourseDraft, MakerRow, Working
from models.member_lists import home_path
from models.outlets import region_by_path
from services.audit import record
from services.offers import path_of
from services.ports import Ports

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
LONGEST_TITLE = 200
LONGEST_SUMMARY = 1000
MOST_TAGS = 10
LONGEST_TAG = 20
MOST_POINTS = 100_000
MOST_PARTS = 20
"""Lines of a team."""
MOST_PROPOSALS = 20
"""Proposals of a member that are neither published nor given up."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a course is to be. `points_proposed`: what its makers think it is worth; the rules decide what it pays."""

    code: str
    title: str
    summary: str
    tags: tuple[str, ...]
    cover_media_id: UUID | None
    module_id: UUID
    form: CourseForm
    kind: CourseKind
    audience_tiers: tuple[OutletTier, ...]
    points_proposed: int | None
    adults_only: bool
    team: tuple[MakerRow, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be changed of a course; None: left as it is."""

    title: str | None = None
    summary: str | None = None
    tags: tuple[str, ...] | None = None
    cover_media_id: UUID | None = None
    module_id: UUID | None = None
    form: CourseForm | None = None
    kind: CourseKind | None = None
    audience_tiers: tuple[OutletTier, ...] | None = None
    points_proposed: int | None = None
    adults_only: bool | None = None
    team: tuple[MakerRow, ...] | None = None

    @property
    def has_content(self) -> bool:
        """Whether anything but the team is to be changed."""
        content = (
            self.title, self.summary, self.tags, self.cover_media_id, self.module_id, self.form, self.kind,
            self.audience_tiers, self.points_proposed, self.adults_only,
        )  # fmt: skip
        return any(each is not None for each in content)


@dataclass(frozen=True, slots=True)
class Desk:
    """A course on the desk of somebody who changes it, its row locked until the transaction ends."""

    actor: Actor
    course: Course
    draft: CourseDraft | None
    region_path: str
    is_maker: bool

    @property
    def working(self) -> Working:
        return self.draft or self.course

    @property
    def edition_id(self) -> UUID:
        edition_id = self.working.edition_id
        assert edition_id is not None, "made with the course"
        return edition_id


async def create_course(ports: Ports, actor: Actor, proposal: Proposal) -> CourseRow:
    """Propose a course: a draft without lessons. CONFLICT if the code is taken."""
    if not may_propose_course(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    if not CODE.fullmatch(proposal.code):
        raise bad_input("code")
    title, summary, tags = clean_title(proposal.title), _summary(proposal.summary), _tags(proposal.tags)
    _points(proposal.points_proposed)
    await _require_module(proposal.module_id)
    await _require_people(proposal.team)
    home = await home_path(actor.member_id)
    region = await region_by_path(home) if home is not None else None
    course_id, now = new_id(), ports.clock.now()
    await _require_cover(course_id, [actor.member_id], proposal.cover_media_id)

    async def work() -> None:
        if await making.count_proposals(actor.member_id) >= MOST_PROPOSALS:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        course = Course(
            id=course_id,
            code=proposal.code,
            module_id=proposal.module_id,
            form=proposal.form,
            kind=proposal.kind,
            status=CourseStatus.DRAFT,
            title=title,
            summary=summary,
            tags=tags,
            cover_media_id=proposal.cover_media_id,
            audience_tiers=_tiers(proposal.audience_tiers),
            adults_only=proposal.adults_only,
            created_at=now,
            proposed_by=actor.member_id,
            region_id=region.id if region is not None else None,
            points_proposed=proposal.points_proposed,
        )
        if not await making.add_course(course):
            raise DomainError(ErrorCode.CONFLICT, field=["code"])
        await making.set_team(course_id, proposal.team, now)
        made = await Course.get(id=course_id)
        assert made.edition_id is not None
        await making.add_move(course_id, made.edition_id, None, CourseStatus.DRAFT, now, actor.member_id)
        await record(ports, actor, "course.proposed", "Course", course_id, {"title": title}, region_path=home)

    await transaction(work)
    return await _shown(course_id)


async def update_course(
    ports: Ports, actor: Actor, course_id: UUID, expected_version: int, changes: Changes
) -> CourseRow:
    """Change what is worked on; of a published course that is its next edition, begun now if there is none.

    The team is no part of an edition: its change holds at once, and admins of the course's region may make it too.
    CONFLICT if the course has changed since `expected_version`.
    """
    title = clean_title(changes.title) if changes.title is not None else None
    summary = _summary(changes.summary) if changes.summary is not None else None
    tags = _tags(changes.tags) if changes.tags is not None else None
    _points(changes.points_proposed)
    if changes.module_id is not None:
        await _require_module(changes.module_id)
    if changes.team is not None:
        await _require_people(changes.team)

    async def work(desk: Desk) -> str:
        if changes.team is not None:
            await making.set_team(course_id, changes.team, ports.clock.now())
        if changes.has_content:
            desk = await at_work(ports, desk)
            await _require_cover(course_id, await making.had_a_hand(course_id), changes.cover_media_id)
            if changes.form is not None and changes.form is not desk.course.form:
                if desk.draft is not None or await making.lessons_in(desk.edition_id):
                    raise DomainError(ErrorCode.STATE_FORBIDS, field=["form"])
                desk.course.form = changes.form
            given = {
                "title": title, "summary": summary, "tags": tags, "cover_media_id": changes.cover_media_id,
                "module_id": changes.module_id, "kind": changes.kind, "points_proposed": changes.points_proposed,
                "adults_only": changes.adults_only,
                "audience_tiers": _tiers(changes.audience_tiers) if changes.audience_tiers is not None else None,
            }  # fmt: skip
            for name, value in given.items():
                if value is not None:
                    setattr(desk.working, name, value)
            await desk.working.save()
        return "text" if changes.has_content else "team"

    return await change(ports, actor, course_id, expected_version, work, as_admin=not changes.has_content)


async def discard_draft(ports: Ports, actor: Actor, course_id: UUID, expected_version: int | None) -> CourseRow:
    """Throw away the next edition of a published course; what readers see stays. STATE_FORBIDS without one."""

    async def work(desk: Desk) -> str:
        if desk.draft is None or desk.draft.status is not CourseStatus.DRAFT:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["courseId"])
        await making.throw_away(desk.draft)
        return "draft thrown away"

    return await change(ports, actor, course_id, expected_version, work, as_admin=True)


async def change(
    ports: Ports,
    actor: Actor,
    course_id: UUID,
    expected_version: int | None,
    work: Callable[[Desk], Awaitable[str]],
    *,
    as_admin: bool = False,
) -> CourseRow:
    """Do `work` on the course as one change of it: locked, allowed, of the version that was looked at, recorded.

    `work` answers in a word what it changed. `as_admin`: admins of the course's region may do it beside its makers.
    """

    async def locked() -> None:
        desk = await take(actor, course_id)
        if not desk.is_maker and not (as_admin and may_run_course(actor, desk.region_path)):
            raise DomainError(ErrorCode.FORBIDDEN)
        require_version(desk.course, expected_version)
        what = await work(desk)
        await count_version(desk.course)
        path = desk.region_path or None
        details: Details = {"title": desk.working.title, "what": what}
        await record(ports, actor, "course.changed", "Course", course_id, details, region_path=path)

    await transaction(locked)
    return await _shown(course_id)


async def take(actor: Actor, course_id: UUID) -> Desk:
    """The course with its next edition, locked. NOT_FOUND at `courseId` for what the actor may not see."""
    require_transaction()
    course = await making.locked_course(course_id)
    if course is None:
        raise not_found("courseId")
    [team] = await making.teams_of([course_id])
    is_maker = may_make_course(actor, course.proposed_by, [each.member_id for each in team])
    if not is_maker and not may_see_course(actor, course.status):
        raise not_found("courseId")
    draft = await making.draft_of(course_id) if course.published_at is not None else None
    return Desk(actor, course, draft, await path_of(course.region_id), is_maker)


async def at_work(ports: Ports, desk: Desk) -> Desk:
    """The desk with something that may be changed: a draft; of a published course its next edition, begun if need be.

    STATE_FORBIDS while it is reviewed, and once it is retired.
    """
    course, draft = desk.course, desk.draft
    if course.status is CourseStatus.PUBLISHED and draft is None:
        draft = await making.open_draft(course, desk.actor.member_id, ports.clock.now())
    state = draft.status if draft is not None and course.status is CourseStatus.PUBLISHED else course.status
    if state is not CourseStatus.DRAFT:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["courseId"])
    return Desk(desk.actor, course, draft, desk.region_path, desk.is_maker)


def require_version(course: Course, expected_version: int | None) -> None:
    """CONFLICT if somebody has changed the course since this version; None: whichever it is."""
    if expected_version is not None and expected_version != course.version:
        raise DomainError(ErrorCode.CONFLICT, field=["expectedVersion"])


async def count_version(course: Course) -> None:
    """The caller holds the course."""
    course.version += 1
    await course.save(update_fields=["version"])


def clean_title(text: str, *field: str) -> str:
    title = _one_line(text)
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_input(*(field or ("title",)))
    return title


def wrong_for(form: CourseForm, asset: MediaAsset) -> bool:
    """Whether a lesson of a course in this form cannot be this asset. Live courses and classes show either."""
    wanted = {CourseForm.VIDEO: ("VIDEO",), CourseForm.AUDIO: ("AUDIO",), CourseForm.ARTICLE: ()}
    return asset.kind not in wanted.get(form, ("VIDEO", "AUDIO"))


async def _shown(course_id: UUID) -> CourseRow:
    [row] = await courses_by_ids([course_id])
    assert row is not None
    return row


async def _require_module(module_id: UUID) -> None:
    if await modules_by_ids([module_id]) == [None]:
        raise not_found("moduleId")


async def _require_people(team: Sequence[MakerRow]) -> None:
    """BAD_USER_INPUT for too many lines or one twice, NOT_FOUND for somebody who is not, or no longer, there."""
    if len(team) > MOST_PARTS:
        raise bad_input("team")
    found = await members_by_ids([each.member_id for each in team])
    for place, member in enumerate(found):
        if member is None or member.deleted_at is not None or member.suspended_at is not None:
            raise not_found("team", str(place), "memberId")
        if team[place] in team[:place]:
            raise bad_input("team", str(place))


async def _require_cover(course_id: UUID, uploaders: Sequence[UUID] | set[UUID], media_id: UUID | None) -> None:
    """A picture that a maker uploaded, or that the course has already."""
    if media_id is None:
        return
    found = await making.usable_media(course_id, list(uploaders), [media_id])
    if not found:
        raise not_found("coverMediaId")
    if found[0].kind != "IMAGE":
        raise bad_input("coverMediaId")


def _points(points: int | None) -> None:
    if points is not None and not 0 <= points <= MOST_POINTS:
        raise bad_input("points")


def _summary(text: str) -> str:
    summary = text.strip()
    if len(summary) > LONGEST_SUMMARY:
        raise bad_input("summary")
    return summary


def _tags(tags: Sequence[str]) -> list[str]:
    """Each once, in the order given."""
    if len(tags) > MOST_TAGS:
        raise bad_input("tags")
    clean = [_one_line(tag) for tag in tags]
    for place, tag in enumerate(clean):
        if not 1 <= len(tag) <= LONGEST_TAG:
            raise bad_input("tags", str(place))
    return list(dict.fromkeys(clean))


def _tiers(tiers: Sequence[OutletTier]) -> list[str]:
    return [tier.value for tier in OutletTier if tier in tiers]


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in text).split())
