"""Every list of the published schema takes its arguments in one way."""

import pytest
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType

from server.api import schema

LISTS: dict[str, GraphQLField] = {
    f"{kind.name}.{name}": field
    for kind in schema.graphql_schema.type_map.values()
    if isinstance(kind, GraphQLObjectType)
    for name, field in kind.fields.items()
    if str(field.type).rstrip("!").endswith("Connection")
}


def test_there_are_lists() -> None:
    assert {"Query.courses", "Query.outlets", "HonourBoard.standings", "Viewer.sessions"} <= set(LISTS)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_shows_that_it_gives_twenty_unless_asked(name: str) -> None:
    arguments = LISTS[name].args

    assert arguments["first"].default_value == 20
    assert [arguments[each].default_value for each in ("after", "last", "before")] == [None] * 3
    for each in ("first", "after", "last", "before"):
        assert not isinstance(arguments[each].type, GraphQLNonNull)  # null is the same as left out
