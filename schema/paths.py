"""The path as a learner stands on it, and as admins arrange it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from gamification.paths import Standing
from models import paths
from schema.context import Info
from schema.courses import Course
from schema.errors import Payload
from schema.ids import decode
from schema.viewer_part import ViewerPart
from schema.words import OutletTier, StageState
from services.courses import visible_courses
from services.paths import Arrangement, StagePlan, path_of


async def _courses(info: Info, course_ids: Sequence[UUID]) -> list[Course]:
    loader = info.context.loaders.of(visible_courses, info.context.actor)
    return [Course.of(row) for row in await loader.load_many(course_ids) if row is not None]


@strawberry.type(description="A stage as the viewer stands before it (关卡).")
class PathStage:
    standing: strawberry.Private[Standing]
    position: int = strawberry.field(description="Its place on the path, from 1.")
    title: str = strawberry.field(description="What it is called.")
    state: StageState = strawberry.field(description="PASSED stays so, wherever the stage is put later.")
    lessons_done: int = strawberry.field(description="Of the lessons it asks for.")
    lesson_count: int = strawberry.field(
        description="Without those of courses that were retired before the viewer completed them."
    )
    points: int = strawberry.field(description="What passing it pays, once, or has paid; 0: nothing in it is left.")

    @classmethod
    def of(cls, standing: Standing) -> Self:
        stage = standing.stage
        return cls(
            standing=standing,
            position=stage.position,
            title=stage.title,
            state=standing.state,
            lessons_done=sum(course.lessons_done for course in stage.asked),
            lesson_count=sum(course.lesson_count for course in stage.asked),
            points=stage.points if stage.asked or standing.passed_at is not None else 0,
        )

    @strawberry.field(description="When it was passed; null before.")
    def passed_at(self) -> datetime | None:
        return self.standing.passed_at

    @strawberry.field(description="The courses it asks for, as they are to be learned.")
    async def courses(self, info: Info) -> list[Course]:
        return await _courses(info, [course.course_id for course in self.standing.stage.asked])


@strawberry.type(description="The path of the viewer's tier (通关路径): stages that open one after the other.")
class Path:
    stages: list[PathStage] = strawberry.field(description="In order; empty while nobody has arranged any.")


@strawberry.type
class PathViewer(ViewerPart):
    @strawberry.field(description="The path of the tier the viewer learns in; null without an outlet.")
    async def path(self, info: Info) -> Path | None:
        found = await path_of(self.member_id)
        return Path(stages=[PathStage.of(standing) for standing in found]) if found is not None else None


@strawberry.type(description="A stage as it was arranged.")
class PlannedStage:
    row: strawberry.Private[paths.PathStage]
    code: str = strawberry.field(description="Its name for ever: under it the stage keeps who has passed it.")
    position: int = strawberry.field(description="Its place on the path, from 1.")
    title: str = strawberry.field(description="What learners read.")
    points: int = strawberry.field(description="What passing it pays.")

    @classmethod
    def of(cls, row: paths.PathStage) -> Self:
        return cls(row=row, code=row.code, position=row.position, title=row.title, points=row.points)

    @strawberry.field(description="What it asks for; a course that was retired still stands here.")
    async def courses(self, info: Info) -> list[Course]:
        return await _courses(info, self.row.course_ids)


@strawberry.type(description="The path of a tier as admins arrange it, and how far that has reached the learners.")
class PathPlan:
    tier: OutletTier = strawberry.field(description="Whose path it is.")
    version: int = strawberry.field(description="Counts the arrangements; 0: there was none yet.")
    stages: list[PlannedStage] = strawberry.field(description="In order.")
    members_settled: int = strawberry.field(
        description="Learners who have been paid for what they had passed already, since the last change."
    )
    members_to_settle: int = strawberry.field(description="How many there were to look at when it began.")
    settled_at: datetime | None = strawberry.field(description="When all of them were done; null: under way.")

    @classmethod
    def of(cls, tier: OutletTier, path: paths.Path | None, stages: Sequence[paths.PathStage]) -> Self:
        return cls(
            tier=tier,
            version=path.version if path is not None else 0,
            stages=[PlannedStage.of(stage) for stage in stages],
            members_settled=path.settled_members if path is not None else 0,
            members_to_settle=path.members_to_settle if path is not None else 0,
            settled_at=path.settled_at if path is not None else None,
        )


@strawberry.input(description="One stage of a path.")
class StageInput:
    code: str = strawberry.field(
        description="Small letters, digits and hyphens, 40 at most. A code that was there before is the same stage."
    )
    title: str = strawberry.field(description="At most 40 characters.")
    points: int = strawberry.field(description="From 1 to 1000; who has passed keeps what it paid then.")
    course_ids: list[strawberry.ID] = strawberry.field(
        description="At most 20 published courses for the tier, each in one stage of the path alone."
    )


@strawberry.input(description="The whole path of a tier.")
class ArrangePathInput:
    tier: OutletTier = strawberry.field(description="Whose path it is.")
    version: int = strawberry.field(description="The version that was looked at; CONFLICT if there is a newer one.")
    stages: list[StageInput] = strawberry.field(description="In order, 50 at most. What is left out is gone.")

    def plain(self) -> Arrangement:
        return Arrangement(
            self.tier,
            self.version,
            tuple(
                StagePlan(
                    stage.code,
                    stage.title,
                    stage.points,
                    tuple(
                        decode(each, "Course", "stages", str(number), "courseIds", str(which))
                        for which, each in enumerate(stage.course_ids)
                    ),
                )
                for number, stage in enumerate(self.stages)
            ),
        )


@strawberry.type(description="What became of `arrangePath`.")
class ArrangePathPayload(Payload):
    path: PathPlan | None = strawberry.field(default=None, description="The path as it is now.")
