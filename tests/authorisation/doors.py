"""Ways to the fields of every object type, found in the schema itself.

What only the answers of mutations and subscriptions hold (their payloads, tokens, results of a batch) has no door: who
may do the one may read the other, and the row is theirs.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from server.api import schema
from tests.authorisation.asks import ARGUMENTS, BACK_DOORS
from tests.authorisation.cast import THINGS

TYPES = schema.graphql_schema.type_map


@dataclass(frozen=True, slots=True)
class Door:
    """A query in which `@` stands for the fields of an object, and `$id` for the id of a thing.

    `kind` names the type in `THINGS` whose relations to the viewer count; None: there is only the viewer's own.
    `path` leads to the object in the answer, from the field behind the alias on; of a list the first is taken.
    """

    kind: str | None
    text: str
    path: tuple[str, ...] = ()
    name: str = ""


def object_type(name: str) -> GraphQLObjectType:
    found = TYPES[name]
    assert isinstance(found, GraphQLObjectType), name
    return found


def field_text(owner: str, name: str, field: GraphQLField, inner: str = "__typename") -> tuple[str, tuple[str, ...]]:
    """A field as it is asked for, with `inner` of the object it shows; and the path to that object."""
    given = ARGUMENTS.get(f"{owner}.{name}", "")
    missing = [each for each, argument in field.args.items() if is_required_argument(argument) and each not in given]
    assert not missing, f"say in ARGUMENTS with which {missing} {owner}.{name} is asked"
    shown = get_named_type(field.type)
    if is_leaf_type(shown):
        return f"{name}{given}", (name,)
    if shown.name.endswith("Connection"):
        return f"{name}{given} {{ totalCount nodes {{ {inner} }} }}", (name, "nodes")
    return f"{name}{given} {{ {inner} }}", (name,)


def shown_type(field: GraphQLField) -> GraphQLObjectType | None:
    """The object type a field shows, that of the lines if it is a list; None for leaves, interfaces and unions."""
    shown = get_named_type(field.type)
    if isinstance(shown, GraphQLObjectType) and shown.name.endswith("Connection"):
        shown = get_named_type(shown.fields["nodes"].type)
    return shown if isinstance(shown, GraphQLObjectType) else None


def is_node(kind: GraphQLObjectType) -> bool:
    return any(interface.name == "Node" for interface in kind.interfaces)


def node_types() -> list[str]:
    return sorted(name for name, kind in TYPES.items() if isinstance(kind, GraphQLObjectType) and is_node(kind))


def doors() -> dict[str, list[Door]]:
    """Type -> the ways to it: by its id, or through the fields that show it, nearest to the root first."""
    found = {name: [Door(name, f"node(id: $id) {{ ... on {name} {{ @ }} }}")] for name in THINGS}
    waiting: deque[tuple[str, Door]] = deque()
    for name, field in object_type("Query").fields.items():
        shown = shown_type(field)
        if shown is not None and shown.name not in found:
            text, (_, *path) = field_text("Query", name, field, "@")
            found[shown.name] = [Door(None, text, tuple(path))]
            waiting.append((shown.name, found[shown.name][0]))
    waiting.extend((name, found[name][0]) for name in sorted(THINGS))
    while waiting:
        owner, door = waiting.popleft()
        for name, field in object_type(owner).fields.items():
            shown = shown_type(field)
            if shown is not None and shown.name not in found:
                text, path = field_text(owner, name, field, "@")
                found[shown.name] = [Door(door.kind, door.text.replace("@", text), (*door.path, *path))]
                waiting.append((shown.name, found[shown.name][0]))
    for back in BACK_DOORS:
        found[back.of].append(Door(back.kind, back.text, back.path, back.name))
    return {name: ways for name, ways in sorted(found.items()) if name != "PageInfo"}


def rows() -> Iterator[tuple[str, str, Door]]:
    """(row of the table, field, door) of every field behind a door."""
    for owner, ways in doors().items():
        for door in ways:
            for name in object_type(owner).fields:
                yield f"{owner}.{name} {door.name}".rstrip(), name, door
