"""What clients in the field were built on is not taken from them: first a deprecation in a release, then a change that
is named in the changelog.

`docs/schema/released.graphql` is the schema of the last release. It is written when one is made:
`python main.py export-schema docs/schema/released.graphql`.
"""

import re
from pathlib import Path

import pytest
from graphql import (
    BreakingChange,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    get_named_type,
)

from server.api import export_schema

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "docs" / "schema" / "released.graphql"
CHANGELOG = ROOT / "CHANGELOG.md"

PLACE = re.compile(r"\b(\w+)\.(\w+)(?:\((\w+):\))?")


def faults(released: str, current: str, changelog: str) -> list[str]:
    """The breaking changes that come without warning or without a word."""
    old, new = build_schema(released), build_schema(current)
    found = []
    for change in find_breaking_changes(old, new):
        place = place_of(change)
        if not is_deprecated(old, place):
            found.append(f"{change.description} It was not deprecated in the last release.")
        if not any(
            line.lstrip("- ").startswith("Breaking:") and f"`{place}`" in line for line in changelog.splitlines()
        ):
            found.append(f"{change.description} CHANGELOG.md has no line “Breaking: `{place}` ...”.")
    return found


def place_of(change: BreakingChange) -> str:
    """ "Course.title", "Query.courses(sort)", "CourseForm.AUDIO", or a type's name."""
    match = PLACE.search(change.description)
    if match is None:
        return change.description.removeprefix("Standard scalar ").split()[0]
    owner, name, argument = match.groups()
    return f"{owner}.{name}({argument})" if argument else f"{owner}.{name}"


def is_deprecated(old: GraphQLSchema, place: str) -> bool:
    """Whether the last release warned of it: the thing itself, or for a type everything that showed it."""
    owner, _, rest = place.partition(".")
    kind = old.type_map.get(owner)
    if not rest:
        shown = [
            field.deprecation_reason
            for each in old.type_map.values()
            if isinstance(each, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
            for field in each.fields.values()
            if get_named_type(field.type) is kind
        ]
        return bool(shown) and all(shown)
    name, _, argument = rest.rstrip(")").partition("(")
    if isinstance(kind, GraphQLEnumType):
        return bool(kind.values[name].deprecation_reason)
    if isinstance(kind, GraphQLInputObjectType):
        return name in kind.fields and bool(kind.fields[name].deprecation_reason)
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType), place
    field = kind.fields[name]
    warned = argument in field.args and field.args[argument].deprecation_reason
    return bool(field.deprecation_reason or warned)


def test_what_was_released_is_changed_only_with_warning_and_a_word() -> None:
    assert faults(RELEASED.read_text(encoding="utf-8"), export_schema(), CHANGELOG.read_text(encoding="utf-8")) == []


BEFORE = """
type Query {
  plain(size: Int): String!
  old(size: Int): String! @deprecated(reason: "Use plain.")
  part(gone: Int @deprecated(reason: "Not needed.")): Part @deprecated(reason: "Use plain.")
  kind: Kind
}
type Part { name: String }
enum Kind { A B C @deprecated(reason: "Nobody is one.") }
input Given { name: String }
"""


@pytest.mark.parametrize(
    ("was", "becomes", "place"),
    [
        ("plain(size: Int): String!", "", "Query.plain"),
        ("plain(size: Int): String!", "plain: String!", "Query.plain(size)"),
        ("plain(size: Int): String!", "plain(size: Int): String", "Query.plain"),
        ("plain(size: Int): String!", "plain(size: Int, unit: Int!): String!", "Query.plain(unit)"),
        ("A B C", "A C", "Kind.B"),
        ("name: String }\n", "name: String, more: Int! }\n", "Given.more"),
    ],
)
def test_a_change_without_warning_is_seen(was: str, becomes: str, place: str) -> None:
    after = BEFORE[::-1].replace(was[::-1], becomes[::-1], 1)[::-1]  # the last one: of the input, not of the type

    found = faults(BEFORE, after, f"- Breaking: `{place}` is different.")

    assert len(found) == 1, found
    assert found[0].endswith("It was not deprecated in the last release.")


@pytest.mark.parametrize(
    ("was", "becomes", "place"),
    [
        ('old(size: Int): String! @deprecated(reason: "Use plain.")', "", "Query.old"),
        ('(gone: Int @deprecated(reason: "Not needed."))', "", "Query.part(gone)"),
        (' C @deprecated(reason: "Nobody is one.")', "", "Kind.C"),
    ],
)
def test_a_change_after_warning_needs_a_line_in_the_changelog(was: str, becomes: str, place: str) -> None:
    after = BEFORE.replace(was, becomes)

    assert faults(BEFORE, after, f"Something else.\n- Breaking: `{place}` is gone.") == []
    assert [text.partition(" CHANGELOG.md ")[2] for text in faults(BEFORE, after, "Nothing.")] == [
        f"has no line “Breaking: `{place}` ...”."
    ]


def test_a_type_goes_with_the_fields_that_showed_it() -> None:
    after = re.sub(r"  part.*\n", "", BEFORE).replace("type Part { name: String }", "")

    assert faults(BEFORE, after, "- Breaking: `Query.part` and with it `Part` are gone.") == []
    assert len(faults(BEFORE, after, "")) == 2


def test_what_is_added_breaks_nobody() -> None:
    after = BEFORE.replace("kind: Kind", "kind: Kind\n  more(size: Int): [Part!]").replace("A B C", "A B C ")

    assert faults(BEFORE, after, "") == []
