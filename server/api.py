"""The executable schema: root types joined from the resolvers, in lists that can be read."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from graphql.execution import Executor
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionContext

from resolvers.accounts import AccountMutations
from resolvers.assigning import AssigningMutations, AssigningQueries
from resolvers.audit import AuditQueries
from resolvers.badges import BadgeMutations, BadgeQueries
from resolvers.boards import BoardFeed, BoardMutations, BoardQueries
from resolvers.calendars import CalendarMutations
from resolvers.classes import ClassMutations, ClassQueries
from resolvers.courses import CourseMutations, CourseQueries
from resolvers.draws import DrawMutations, DrawQueries
from resolvers.insight import InsightQueries
from resolvers.live import LiveMutations, LiveQueries
from resolvers.live_attendance import LiveAttendanceMutations
from resolvers.live_room import LiveRoomFeed, LiveRoomMutations
from resolvers.live_stream import LiveStreamMutations
from resolvers.making import MakingMutations
from resolvers.node import NodeQueries
from resolvers.notices import NoticeMutations
from resolvers.outlets import OutletMutations, OutletQueries
from resolvers.paths import PathMutations, PathQueries
from resolvers.people import PeopleMutations, PeopleQueries
from resolvers.points import PointsFeed, PointsQueries
from resolvers.privacy import PrivacyMutations
from resolvers.progress import ProgressMutations
from resolvers.replay_credit import ReplayCreditMutations
from resolvers.reports import ReportMutations
from resolvers.rewards import RewardMutations, RewardQueries
from resolvers.rules import RuleMutations, RuleQueries
from resolvers.seasons import SeasonMutations, SeasonQueries
from resolvers.stories import StoryMutations, StoryQueries
from resolvers.suspicions import SuspicionMutations, SuspicionQueries
from resolvers.tasks import TaskMutations, TaskQueries
from resolvers.uploads import UploadMutations
from resolvers.viewer import ViewerQueries
from schema.scalars import SCALARS
from server.documents import read_document


@strawberry.type
class Query(
    ViewerQueries,
    NodeQueries,
    OutletQueries,
    CourseQueries,
    PointsQueries,
    RuleQueries,
    PathQueries,
    BoardQueries,
    PeopleQueries,
    AuditQueries,
    RewardQueries,
    SeasonQueries,
    DrawQueries,
    TaskQueries,
    StoryQueries,
    LiveQueries,
    SuspicionQueries,
    BadgeQueries,
    InsightQueries,
    AssigningQueries,
    ClassQueries,
): ...


@strawberry.type
class Mutation(
    AccountMutations,
    OutletMutations,
    CourseMutations,
    ProgressMutations,
    PeopleMutations,
    UploadMutations,
    PrivacyMutations,
    RewardMutations,
    ReportMutations,
    SeasonMutations,
    RuleMutations,
    NoticeMutations,
    CalendarMutations,
    PathMutations,
    BadgeMutations,
    BoardMutations,
    DrawMutations,
    TaskMutations,
    StoryMutations,
    LiveMutations,
    LiveRoomMutations,
    LiveStreamMutations,
    SuspicionMutations,
    MakingMutations,
    AssigningMutations,
    ClassMutations,
    LiveAttendanceMutations,
    ReplayCreditMutations,
): ...


@strawberry.type
class Subscription(PointsFeed, BoardFeed, LiveRoomFeed): ...


class ReadDocument(SchemaExtension):
    """Takes the document as `server/documents.py` read and validated it, once for all requests that send it."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        assert context.query is not None
        schema = context.schema
        assert isinstance(schema, AcademySchema)
        context.graphql_document = read_document(schema.graphql_schema, context.query, context.operation_name).node
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class FreshPerEvent(StrawberryGraphQLCoreExecutionContext):
    """Executes each event of a subscription for whoever acts by then, with loaders of its own: what was read, or
    allowed, at an earlier event is stale."""

    of_event = False

    def build_per_event_executor(self, payload: Any) -> "Executor[Any]":
        executor = super().build_per_event_executor(payload)
        assert isinstance(executor, FreshPerEvent)
        executor.of_event = True
        return executor

    def execute_operation(self, serially: bool | None = None) -> Any:
        return self._execute_event(serially) if self.of_event else super().execute_operation(serially)

    async def _execute_event(self, serially: bool | None) -> Any:
        self.context_value = await self.context_value.at_event()
        result = super().execute_operation(serially)
        return await result if self.is_awaitable(result) else result


class AcademySchema(strawberry.Schema):
    @property
    def graphql_schema(self) -> GraphQLSchema:
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: Strawberry would log the document with its literals. `server/answers.py` logs faults."""


schema = AcademySchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[ReadDocument],
    execution_context_class=FreshPerEvent,
)


def export_schema() -> str:
    """The schema in GraphQL's own language; `schema.graphql` is this text."""
    return schema.as_str().rstrip() + "\n"
