"""What the academy brought, for a region and a time; and how far those are of whom a course is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.permissions import reach_over_insight, within
from kit.clock import day_start
from kit.errors import bad_input, not_found
from kit.paging import Ask, Page
from models import assignment_counts, day_totals
from models.assignment_counts import AssignmentCounts, OutletCounts
from models.courses import courses_by_ids
from models.day_totals import CourseSums, Stretch, Sums
from models.outlets import Region, child_regions, regions_by_ids, top_regions
from services.day_totals import LONGEST_DAYS
from services.ports import Ports

TOP_COURSES = 10
FIRST_DAY = date(2000, 1, 1)
"""Before any academy; a date of another millennium is a slip."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Insight:
    """A region subtree, or several, over the Shanghai days of `stretch`, as somebody may look at it.

    `children` divide it: the regions right below, or the subtrees themselves where there are several.
    """

    stretch: Stretch
    children: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class RegionLine:
    """`active_learners` of `known_learners`: who learned there, of those and who holds a current post there today."""

    region: Region
    sums: Sums
    active_learners: int
    known_learners: int
    assignments_overdue: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything of a stretch but its courses. `days`: every day, those without activity among them."""

    active_learners: int
    new_learners: int
    sums: Sums
    assignments_overdue: int
    days: tuple[tuple[date, Sums], ...]
    regions: tuple[RegionLine, ...]


async def insight_of(actor: Actor, region_id: UUID | None, starts_on: date, ends_on: date) -> Insight:
    """What the actor is to see of a region, or of all that their roles open, in [starts_on, ends_on).

    BAD_USER_INPUT for a time that is empty, longer than 400 days or out of this world; NOT_FOUND for a region that the
    actor's roles do not open.
    """
    if not FIRST_DAY <= starts_on < date.max - timedelta(days=LONGEST_DAYS):
        raise bad_input("from")
    if not starts_on < ends_on <= starts_on + timedelta(days=LONGEST_DAYS):
        raise bad_input("to")
    tops, children = await _scope(actor, region_id)
    return Insight(Stretch(tops, starts_on, ends_on, tuple(child.id for child in children)), children)


async def overview_of(ports: Ports, insight: Insight) -> Overview:
    stretch = insight.stretch
    by_day, by_child = await day_totals.day_sums(stretch)
    learners = await day_totals.learners_in(stretch)
    overdue = await day_totals.count_overdue(
        stretch, ports.clock.now(), day_start(stretch.starts_on), day_start(stretch.ends_on)
    )
    days = [stretch.starts_on + DAY * number for number in range((stretch.ends_on - stretch.starts_on).days)]
    lines = []
    for region in insight.children:
        active, known = learners.by_child.get(region.id, (0, 0))
        lines.append(RegionLine(region, by_child.get(region.id, Sums()), active, known, overdue.get(region.id, 0)))
    return Overview(
        active_learners=learners.active,
        new_learners=learners.new,
        sums=_added(list(by_day.values())),
        assignments_overdue=overdue.get(None, 0),
        days=tuple((day, by_day.get(day, Sums())) for day in days),
        regions=tuple(lines),
    )


async def top_courses_of(insight: Insight) -> list[CourseSums]:
    """The courses begun most, ten at most."""
    return await day_totals.top_courses(insight.stretch, TOP_COURSES)


@dataclass(frozen=True, slots=True)
class AssignmentScope:
    """A course that is asked of people, within what somebody may look at."""

    course_id: UUID
    tops: tuple[str, ...]


async def assignment_scope(actor: Actor, course_id: UUID, region_id: UUID | None) -> AssignmentScope:
    """NOT_FOUND for a course there is not, and for a region that the actor's roles do not open."""
    if (await courses_by_ids([course_id]))[0] is None:
        raise not_found("courseId")
    return AssignmentScope(course_id, (await _scope(actor, region_id))[0])


async def progress_of(ports: Ports, scope: AssignmentScope) -> AssignmentCounts:
    return await assignment_counts.assignment_counts(scope.course_id, scope.tops, ports.clock.now())


async def list_assigned_outlets(ports: Ports, scope: AssignmentScope, ask: Ask) -> Page[OutletCounts]:
    """Outlets with the most people overdue first, then those due first. Key: `outlet_key`."""
    return await assignment_counts.outlet_counts(scope.course_id, scope.tops, ports.clock.now(), ask)


async def count_assigned_outlets(scope: AssignmentScope) -> int:
    return await assignment_counts.count_reached_outlets(scope.course_id, scope.tops)


async def _scope(actor: Actor, region_id: UUID | None) -> tuple[tuple[str, ...], tuple[Region, ...]]:
    """The tops of what is asked for, as paths, and the regions that divide it."""
    reach = reach_over_insight(actor)
    if region_id is not None:
        [region] = await regions_by_ids([region_id])
        if region is None or not within(region.path, reach):
            raise not_found("regionId")
        return (region.path,), tuple(await child_regions(region.id))
    tops = await top_regions(reach)
    if len(tops) == 1:
        tops = await child_regions(tops[0].id)
    return reach, tuple(tops)


def _added(sums: Sequence[Sums]) -> Sums:
    return replace(Sums(), **{name: sum(getattr(each, name) for each in sums) for name in Sums.__slots__})
