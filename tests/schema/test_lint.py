"""The published schema keeps to one set of habits: a client developer who knows a part of it knows the rest."""

import re
from collections.abc import Callable, Iterator

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from server.api import schema

GRAPH = schema.graphql_schema
ROOTS = ("Query", "Mutation", "Subscription")
TYPES = {
    name: kind
    for name, kind in GRAPH.type_map.items()
    if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
}
LONGEST_DESCRIPTION = 160
CAMEL, PASCAL, SCREAMING = (
    re.compile(each) for each in (r"[a-z][a-zA-Z0-9]*", r"[A-Z][a-zA-Z0-9]*", r"[A-Z][A-Z0-9_]*")
)

MOMENTS = {
    "AuditEntry.at",
    "CourseMove.at",
    "AuditFilter.from",
    "AuditFilter.to",
    "Badge.validFrom",
    "BoardMoved.asOf",
    "ClassCheckInCode.validUntil",
    "CreateBadgeInput.validFrom",
    "CreateRewardInput.availableFrom",
    "CreateRewardInput.availableUntil",
    "HonourBoard.asOf",
    "LiveCheckIn.answerBy",
    "LiveCheckInAsked.answerBy",
    "LiveRoomUpdate.at",
    "MarkNoticesReadInput.upTo",
    "PointRule.effectiveFrom",
    "Query.liveLessons(from)",
    "Query.liveLessons(to)",
    "Query.offlineClasses(from)",
    "Query.offlineClasses(to)",
    "RedemptionStep.at",
    "Reward.availableFrom",
    "Reward.availableUntil",
    "UpdatePointRuleInput.effectiveFrom",
}
"""Times whose names the apps' documents fix without an At."""
DAYS = {
    *(f"{owner}.{name}" for owner in ("SimulatePointRuleInput", "RuleSimulation") for name in ("from", "to")),
    "RequestExportInput.from",
    "RequestExportInput.to",
    "Query.academyOverview(from)",
    "Query.academyOverview(to)",
}
"""Days whose names they fix."""
PAGE_FLAGS = {"PageInfo.hasNextPage", "PageInfo.hasPreviousPage"}
"""Relay's own names."""
DENYING = re.compile(
    r"(not|no|non|un|in|dis|without|never)[A-Z].*|(disabled|inactive|invalid|unread|unavailable|disallowed)"
)
SPANS = re.compile(
    r".*(duration|elapsed|timeout|interval|(Minutes|Hours|Ms|Millis|Milliseconds|Mins|Secs)$)", re.IGNORECASE
)


def fields() -> Iterator[tuple[str, GraphQLField | GraphQLInputField]]:
    """("Course.title", field) of every object, interface and input."""
    for name, kind in sorted(TYPES.items()):
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            yield from ((f"{name}.{field}", shape) for field, shape in kind.fields.items())


def arguments() -> Iterator[tuple[str, GraphQLArgument]]:
    """("Query.course(id)", argument) of every field."""
    for place, field in fields():
        if isinstance(field, GraphQLField):
            yield from ((f"{place}({name})", argument) for name, argument in field.args.items())


def enum_values() -> Iterator[tuple[str, str | None]]:
    for name, kind in sorted(TYPES.items()):
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", shape.description) for value, shape in kind.values.items())


def described() -> Iterator[tuple[str, str | None]]:
    """Every place a client developer reads, with what it says."""
    yield from ((name, kind.description) for name, kind in sorted(TYPES.items()) if name not in ROOTS)
    yield from ((place, field.description) for place, field in fields())
    yield from ((place, argument.description) for place, argument in arguments())
    yield from enum_values()


def words(text: str) -> list[str]:
    """A name or a sentence as lower-case words: "dueAt", "DUE_AT" and "Due at." are the same."""
    return [each.lower() for each in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)]


def last(place: str) -> str:
    return re.split(r"[.(]", place.rstrip(")"))[-1]


def fault_of_description(place: str, text: str | None) -> str | None:
    if not text or not text.strip():
        return "has no description"
    filler = {"the", "a", "an", "of", "its", "this"}
    if [word for word in words(text) if word not in filler] == words(last(place)):
        return "only repeats its name"
    if len(text) > LONGEST_DESCRIPTION:
        return "is described at too great a length"
    return None if text.rstrip().endswith((".", "。", "!", "?", "”")) else "is not described in a sentence"


def test_everything_is_described_and_not_by_its_name_again() -> None:
    faults = [f"{place} {fault}" for place, text in described() if (fault := fault_of_description(place, text))]

    assert faults == []


def test_the_lint_sees_what_is_missing() -> None:
    assert fault_of_description("Course.dueAt", None) == "has no description"
    assert fault_of_description("Course.dueAt", "The due at.") == "only repeats its name"
    assert fault_of_description("Course.dueAt", "When it is to be done") == "is not described in a sentence"
    assert fault_of_description("Course.dueAt", "By when it is to be completed.") is None


def test_names_have_one_spelling() -> None:
    spelled: list[tuple[re.Pattern[str], Iterator[tuple[str, object]]]] = [
        (PASCAL, iter(TYPES.items())),
        (CAMEL, fields()),
        (CAMEL, arguments()),
        (SCREAMING, enum_values()),
    ]

    wrong = [place for pattern, places in spelled for place, _ in places if not pattern.fullmatch(last(place))]

    assert wrong == []


def test_a_mutation_takes_one_input_of_its_own_and_answers_a_payload_with_user_errors() -> None:
    mutations = GRAPH.mutation_type
    assert mutations is not None
    shared = {"signInWithCode": "SignInPayload", "signInWithPassword": "SignInPayload"}

    for name, field in mutations.fields.items():
        pascal = name[0].upper() + name[1:]
        assert {each: str(argument.type) for each, argument in field.args.items()} == {"input": f"{pascal}Input!"}, name
        assert str(field.type) == shared.get(name, f"{pascal}Payload"), name
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!", name
        others = [each for each, shape in payload.fields.items() if isinstance(shape.type, GraphQLNonNull)]
        assert others == ["userErrors"], f"{payload.name}: what a refused mutation cannot give is nullable"


@pytest.mark.parametrize("root", ROOTS)
def test_one_failure_at_the_root_does_not_blank_the_screen(root: str) -> None:
    kind = GRAPH.type_map[root]
    assert isinstance(kind, GraphQLObjectType)

    assert [name for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)] == []


def test_what_is_computed_under_the_viewer_is_nullable() -> None:
    """A fault there must not look like being signed out."""
    viewer = GRAPH.type_map["Viewer"]
    assert isinstance(viewer, GraphQLObjectType)

    assert [name for name, field in viewer.fields.items() if isinstance(field.type, GraphQLNonNull)] == ["id"]


def is_connection(field: GraphQLField | GraphQLInputField) -> bool:
    return get_named_type(field.type).name.endswith("Connection")


def test_a_list_takes_the_four_arguments_and_gives_twenty_unless_asked() -> None:
    lists = {place: field for place, field in fields() if isinstance(field, GraphQLField) and is_connection(field)}
    assert {"Query.courses", "Query.outlets", "HonourBoard.standings", "Viewer.sessions"} <= set(lists)

    for place, field in lists.items():
        paging = {name: field.args[name] for name in ("first", "after", "last", "before")}
        assert {name: str(argument.type) for name, argument in paging.items()} == {
            "first": "Int", "after": "String", "last": "Int", "before": "String",
        }, place  # fmt: skip
        assert {name: argument.default_value for name, argument in paging.items()} == {
            "first": 20, "after": None, "last": None, "before": None,
        }, place  # fmt: skip


def test_a_connection_has_nodes_edges_page_info_and_a_count() -> None:
    for name, kind in TYPES.items():
        if name.endswith("Connection"):
            assert isinstance(kind, GraphQLObjectType)
            shown = name.removesuffix("Connection")
            assert {field: str(shape.type) for field, shape in kind.fields.items()} == {
                "nodes": f"[{shown}!]!", "edges": f"[{shown}Edge!]!", "pageInfo": "PageInfo!", "totalCount": "Int",
            }  # fmt: skip
            edge = TYPES[f"{shown}Edge"]
            assert isinstance(edge, GraphQLObjectType)
            assert {field: str(shape.type) for field, shape in edge.fields.items()} == {
                "cursor": "String!", "node": f"{shown}!",
            }  # fmt: skip


SHORT_LISTS = {
    "AcademyOverview.days": "at most 400, by its arguments",
    "AcademyOverview.regions": "one floor of the tree below one region",
    "AcademyOverview.topCourses": "ten",
    "LiveLesson.products": "at most 50",
    "LivePoll.options": "at most 10",
    "LivePoll.viewerVote": "at most 10",
    "OpenedLivePoll.options": "at most 10",
    "ClosedLivePoll.options": "at most 10",
    "Viewer.badges": "as many as there are badges, a few dozen at most",
    "Course.lecturers": "a team of three",
    "Course.lessons": "at most 100, as its makers planned it",
    "Course.history": "the latest 50",
    "Course.team": "at most 20 lines",
    "CourseDraft.lessons": "at most 100",
    "ImportOutletsPayload.rejected": "at most 100",
    "Upload.headers": "a few headers",
    "Member.roleGrants": "the few roles of one member",
    "HonourBoard.aroundViewer": "at most 101, by its argument",
    "HonourBoard.standingsOf": "at most 100, by its argument",
    "BoardMoved.standings": "at most 100, by its argument",
    "Path.stages": "at most 50",
    "PathPlan.stages": "at most 50",
    "PathStage.courses": "at most 20",
    "PlannedStage.courses": "at most 20",
    "Streak.calendar": "at most 84 days",
    "League.standings": "about 30",
    "PointsChange.awards": "of one change",
    "PointsChange.badges": "of one change",
    "PrizeDraw.prizes": "at most 20",
    "PrizeDraw.winners": "at most 500",
    "HonourBoard.prizes": "at most 50 lines",
    "Season.prizes": "at most 50 lines",
    "Query.levels": "ten",
    "Query.modules": "eight subjects",
    "Query.nodes": "at most 100, by its argument",
    "Query.pointRules": "one for each rule in the code",
    "Redemption.steps": "at most one for each state",
    "StoryCampaign.jury": "at most 20",
    "StoryCampaign.prizes": "at most 20 lines",
    "Region.ancestors": "at most four floors",
    "ReportProgressPayload.awards": "of one batch",
    "ReportProgressPayload.badges": "of one batch",
    "ReportProgressPayload.lessons": "of one batch",
    "ReportProgressPayload.levelUps": "of one batch",
    "ReportReplayPayload.awards": "of one report",
    "ReportProgressPayload.results": "one for each of at most 100 events",
    "CheckInToClassPayload.awards": "of one class",
    "ClaimTaskPayload.awards": "of one task",
    "Viewer.tasks": "at most 40 tasks, and their turns of some days",
    "Viewer.outlets": "the few shops of one member",
    "Viewer.consents": "one a purpose, a closed list",
}
"""Lists of objects that do not grow, and why; any other is a connection."""


def test_a_list_that_can_grow_is_a_connection() -> None:
    plain = {
        place
        for place, field in fields()
        if isinstance(field, GraphQLField)
        and "[" in str(field.type)
        and not isinstance(get_named_type(field.type), GraphQLEnumType)
        and get_named_type(field.type).name not in ("String", "UserError")
        and not place.split(".")[0].endswith("Connection")
    }

    assert plain == set(SHORT_LISTS), "say in SHORT_LISTS why a list does not grow, or make it a connection"


def wrong(rule: Callable[[str, str, str], bool]) -> list[str]:
    """Fields and arguments that break a rule about (place, last name, type without !)."""
    places = [*fields(), *arguments()]
    return [place for place, shape in places if rule(place, last(place), str(shape.type).replace("!", ""))]


def test_ids_are_ids() -> None:
    """`id` is the global one; what a person or another system made up is a code, a key or a device id."""
    named = {"id": "ID"} | {"eventId": "UUID", "clientId": "UUID", "deviceId": "String"}

    def breaks(_: str, name: str, kind: str) -> bool:
        if name.endswith("Ids") or name == "ids":
            return kind != "[ID]"
        return (name == "id" or name.endswith("Id")) and kind != named.get(name, "ID")

    assert wrong(breaks) == []
    nodes = [place for place, field in fields() if last(place) == "id" and isinstance(field, GraphQLField)]
    assert [place for place in nodes if str(dict(fields())[place].type) != "ID!"] == []


def test_durations_are_whole_seconds_and_say_so() -> None:
    def breaks(_: str, name: str, kind: str) -> bool:
        return (name.endswith("Seconds") and kind != "Int") or bool(SPANS.match(name) and not name.endswith("Seconds"))

    assert wrong(breaks) == []


def test_moments_end_in_at_and_days_do_not() -> None:
    def breaks(place: str, name: str, kind: str) -> bool:
        return (kind == "DateTime") != (name.endswith("At") or place in MOMENTS) or (
            kind == "Date" and not (name == "date" or name.endswith(("Date", "On")) or place in DAYS)
        )

    assert wrong(breaks) == []


def test_booleans_say_what_is_so() -> None:
    def breaks(place: str, name: str, kind: str) -> bool:
        prefixed = re.match(r"(is|has|are|should|can)[A-Z]", name) and place not in PAGE_FLAGS
        return kind == "Boolean" and bool(prefixed or DENYING.fullmatch(name))

    assert wrong(breaks) == []


def test_nothing_is_of_any_shape() -> None:
    """A bare JSON tells a client nothing and cannot be deprecated piece by piece."""
    assert {name for name in TYPES if re.search(r"JSON|Any|Object$|Map$", name)} == set()
    assert [name for name, field in fields() if get_named_type(field.type).name in ("JSON", "Any")] == []
