"""What the academy brought, as staff see it."""

import datetime
from typing import Self

import strawberry

from models import outlets
from models.assignment_counts import AssignmentCounts, OutletCounts, outlet_key
from models.day_totals import CourseSums, Sums
from schema.context import Info
from schema.courses import Course
from schema.outlets import Outlet, Region
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from services import insight

MOST = 2**31 - 1


@strawberry.type(description="One Shanghai day of an overview; a day without activity is there with noughts.")
class OverviewDay:
    date: datetime.date = strawberry.field(description="Which day, in Shanghai (日期).")
    active_learners: int = strawberry.field(description="Who learned on this day (活跃学员).")
    lessons_completed: int = strawberry.field(description="Lessons completed on this day (完成课时).")
    learning_seconds: int = strawberry.field(description="What was credited for this day (学习时长).")

    @classmethod
    def of(cls, day: datetime.date, sums: Sums) -> Self:
        return cls(
            date=day,
            active_learners=sums.active_learners,
            lessons_completed=sums.lessons_completed,
            learning_seconds=shown(sums.learning_seconds),
        )


@strawberry.type(description="A part of the region an overview is about, to be compared with the others (下级区域).")
class OverviewRegion:
    region: Region = strawberry.field(description="Which part.")
    active_learners: int = strawberry.field(
        description="Who learned there at least once, each counted once (活跃学员)."
    )
    active_percent: int = strawberry.field(
        description="Of those and of everybody who has a post there today, how many learned (活跃率), 0-100."
    )
    courses_completed: int = strawberry.field(description="Courses completed by who stood there then (完课).")
    learning_seconds: int = strawberry.field(description="What was credited to who stood there then (学习时长).")
    assignments_overdue: int = strawberry.field(
        description="Courses asked of people there that fell due in this time and are not done (逾期未完成)."
    )

    @classmethod
    def of(cls, line: insight.RegionLine) -> Self:
        return cls(
            region=Region.of(line.region),
            active_learners=line.active_learners,
            active_percent=percent(line.active_learners, line.known_learners),
            courses_completed=line.sums.courses_completed,
            learning_seconds=shown(line.sums.learning_seconds),
            assignments_overdue=line.assignments_overdue,
        )


@strawberry.type(description="A course among those begun most (热门课程).")
class OverviewCourse:
    row: strawberry.Private[CourseSums]
    views: int = strawberry.field(description="How many began it in this time (学习人数).")
    completions: int = strawberry.field(description="How many completed it in this time, whenever begun (完成人数).")

    @classmethod
    def of(cls, row: CourseSums) -> Self:
        return cls(row=row, views=row.views, completions=row.completions)

    @strawberry.field(description="Which course.")
    async def course(self, info: Info) -> Course:
        course = await Course.load(info, self.row.course_id)
        assert course is not None, "day totals go with their course"
        return course

    @strawberry.field(description="Completions of a hundred views, 100 at most (完成率).")
    def completion_percent(self) -> int:
        return percent(self.completions, self.views)


@strawberry.type(
    description="What the academy brought (成效总览), counted where learners stood then, late reports too."
)
class AcademyOverview:
    seen: strawberry.Private[insight.Insight]
    active_learners: int = strawberry.field(
        description="Who learned at least once in this time, each counted once (活跃学员)."
    )
    new_learners: int = strawberry.field(description="Of those, who had never learned before, anywhere (新学员).")
    lessons_completed: int = strawberry.field(description="How many lessons were completed (完成课时).")
    courses_completed: int = strawberry.field(description="How many courses were completed (完课).")
    learning_seconds: int = strawberry.field(description="What was credited (学习时长).")
    points_earned: int = strawberry.field(description="Lifetime points earned, less what was taken back (获得积分).")
    assignments_done: int = strawberry.field(
        description="Courses completed that somebody had asked the learner to do (完成的指派课程)."
    )
    assignments_overdue: int = strawberry.field(
        description="Courses asked of people of today that fell due in this time and are not done (逾期未完成)."
    )
    days: list[OverviewDay] = strawberry.field(description="Every day of the time, the first one first.")
    regions: list[OverviewRegion] = strawberry.field(
        description="The regions right below, by code; the viewer's own where their roles open several."
    )

    @classmethod
    def of(cls, seen: insight.Insight, overview: insight.Overview) -> Self:
        return cls(
            seen=seen,
            active_learners=overview.active_learners,
            new_learners=overview.new_learners,
            lessons_completed=overview.sums.lessons_completed,
            courses_completed=overview.sums.courses_completed,
            learning_seconds=shown(overview.sums.learning_seconds),
            points_earned=shown(overview.sums.points_earned),
            assignments_done=overview.sums.assignments_done,
            assignments_overdue=overview.assignments_overdue,
            days=[OverviewDay.of(day, sums) for day, sums in overview.days],
            regions=[OverviewRegion.of(line) for line in overview.regions],
        )

    @strawberry.field(description="The courses begun most, ten at most.")
    async def top_courses(self) -> list[OverviewCourse]:
        return [OverviewCourse.of(row) for row in await insight.top_courses_of(self.seen)]


@strawberry.type(description="How far the people of an outlet are with a course asked of them.")
class OutletProgress:
    row: strawberry.Private[OutletCounts]
    assigned: int = strawberry.field(description="People of whom it is asked (应学).")
    done: int = strawberry.field(description="Who completed it (已完成).")
    overdue: int = strawberry.field(description="Who did not, and should have by now (逾期).")
    due_at: datetime.datetime = strawberry.field(
        description="The first date that somebody there has not kept yet; where all are done, the first there was."
    )

    @classmethod
    def of(cls, row: OutletCounts) -> Self:
        return cls(row=row, assigned=row.assigned, done=row.done, overdue=row.overdue, due_at=row.due_at)

    @strawberry.field(description="The shop.")
    async def outlet(self, info: Info) -> Outlet:
        row = await info.context.loaders.of(outlets.outlets_by_ids).load(self.row.outlet_id)
        assert row is not None, "outlets stay"
        return Outlet.of(row)


@strawberry.type(
    description="Who has done what was assigned (指派进度); each person counts once, by the assignment due first."
)
class AssignmentProgress:
    scope: strawberry.Private[insight.AssignmentScope]
    assigned: int = strawberry.field(description="People of whom it is asked (应学): the sum of the other three.")
    done: int = strawberry.field(description="Who completed it (已完成).")
    running: int = strawberry.field(description="Who did not yet, and has time left (进行中).")
    overdue: int = strawberry.field(description="Who did not, and should have by now (逾期).")

    @classmethod
    def of(cls, scope: insight.AssignmentScope, row: AssignmentCounts) -> Self:
        return cls(scope=scope, assigned=row.assigned, done=row.done, running=row.running, overdue=row.overdue)

    @strawberry.field(description="By outlet: most people overdue first, then those due first.")
    async def outlets(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[OutletProgress] | None:
        scope = f"assigned outlets {self.scope}"
        return connection(
            info,
            await insight.list_assigned_outlets(
                info.context.ports, self.scope, ask(info, scope, first, after, last, before)
            ),
            scope=scope,
            of=OutletProgress.of,
            key=outlet_key,
            count=lambda: insight.count_assigned_outlets(self.scope),
        )


def percent(part: int, whole: int) -> int:
    """Rounded half up, 100 at most; of nothing: 0 without and 100 with a part."""
    return min(100, (200 * part + whole) // (2 * whole)) if whole > 0 else 100 * (part > 0)


def shown(amount: int) -> int:
    """As much of it as GraphQL's Int holds: 68 years of learning, which a city does not reach in a year."""
    return max(-MOST, min(MOST, amount))
