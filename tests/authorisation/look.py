"""Ask as one role for everything there is, and write down what comes back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kit.ids import to_global
from tests.authorisation.asks import MUTATIONS, ROOT, SUBSCRIPTIONS, Change, Listing, Lookup
from tests.authorisation.cast import THINGS, Cast, Relation
from tests.authorisation.doors import Door, doors, field_text, object_type, rows
from tests.authorisation.table import EMPTY, NOTHING, NULL, SIGNS, VALUE, Key

Signs = dict[Relation, str]


def keys() -> list[Key]:
    """The rows the schema asks for, in the order of the table."""
    found: list[Key] = []
    for name in object_type("Query").fields:
        found += [f"Query.{name} {kind}" for kind in sorted(THINGS)] if name in ("node", "nodes") else [f"Query.{name}"]
    found += [f"Mutation.{name}" for name in object_type("Mutation").fields]
    found += [f"Subscription.{name}" for name in object_type("Subscription").fields]
    return [*found, *(key for key, _, _ in rows())]


async def column(cast: Cast) -> dict[Key, str]:
    """Row -> cell, as the cast's role sees it."""
    found: dict[Key, str] = {}
    for name in object_type("Query").fields:
        if name in ("node", "nodes"):
            text = {"node": "node(id: $id) { id }", "nodes": "nodes(ids: [$id]) { id }"}[name]
            for kind in sorted(THINGS):
                found[f"Query.{name} {kind}"] = _cell(cast, await _root(cast, name, Lookup(kind, text[len(name) :])))
        else:
            found[f"Query.{name}"] = _cell(cast, await _root(cast, name, ROOT.get(name)))
    for name in object_type("Mutation").fields:
        found[f"Mutation.{name}"] = _cell(cast, await _change(cast, name, MUTATIONS[name]))
    for name in object_type("Subscription").fields:
        found[f"Subscription.{name}"] = _cell(cast, await _first_event(cast, name, SUBSCRIPTIONS.get(name)))
    for owner, ways in doors().items():
        for door in ways:
            seen = await _fields(cast, owner, door)
            for field, signs in seen.items():
                found[f"{owner}.{field} {door.name}".rstrip()] = _cell(cast, signs)
    return found


def _cell(cast: Cast, signs: Signs) -> str:
    """Four signs; one for somebody signed out, about things of an area, or the only one there is."""
    if cast.role is None:
        return signs.get(Relation.AREA, signs.get(Relation.OWN, NOTHING))
    return " ".join(signs.get(relation, NOTHING) for relation in Relation)


def _cases(cast: Cast, kind: str | None) -> list[Relation]:
    return cast.relations(kind) if kind is not None else [Relation.OWN]


async def _ask(cast: Cast, parts: Mapping[Relation, str]) -> Mapping[str, Any]:
    """One request with an alias for each relation."""
    source = "{ " + " ".join(f"{relation}: {part}" for relation, part in parts.items()) + " }"
    answer = await cast.gql.ask(source, by=cast.actor)
    assert "data" in answer, (source, answer)
    return answer


def _filled(cast: Cast, text: str, kind: str | None, relation: Relation) -> str:
    """The text with the ids of the thing, the county above it, somebody far away, and the board where all stand."""
    land = cast.land
    above = to_global("Region", (land.abroad if relation is Relation.FAR else land.county).id)
    ids = {"$board": cast.board, "$above": above, "$stranger": to_global("Member", cast.people[Relation.FAR].id)}
    ids["$course"] = cast.things["Course"][Relation.AREA]
    if kind is not None:
        ids["$id"] = cast.things[kind][relation]
    for name, gid in ids.items():
        text = text.replace(name, json.dumps(gid))
    return text


async def _root(cast: Cast, name: str, asked: Lookup | Listing | None) -> Signs:
    if asked is None:
        text, path = field_text("Query", name, object_type("Query").fields[name])
        answer = await _ask(cast, {Relation.OWN: text})
        return {Relation.OWN: _sign(answer, (Relation.OWN, *path[1:]), path=(Relation.OWN,))}
    cases = _cases(cast, asked.kind)
    answer = await _ask(cast, {each: name + _filled(cast, asked.text, asked.kind, each) for each in cases})
    if isinstance(asked, Lookup):
        return {each: _sign(answer, (each,)) for each in cases}
    signs = {}
    for each in cases:
        ids = list(_all(answer["data"], (each, *asked.path)))
        refused = _code(answer, (each,))
        signs[each] = refused or (VALUE if cast.things[asked.kind][each] in ids else EMPTY)
    return signs


async def _change(cast: Cast, name: str, change: Change) -> Signs:
    signs = {}
    for each in _cases(cast, change.kind):
        if cast.role is None and each not in (Relation.AREA, Relation.OWN):
            continue
        one = await cast.another()
        given = await change.input(one, each)
        kind = name[0].upper() + name[1:]
        source = (
            f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ userErrors {{ code }} {change.also} }} }}"
        )
        answer = await cast.gql.ask(source, {"input": given}, by=one.actor)
        payload = answer["data"][name]
        codes = [error["code"] for error in payload["userErrors"]] if payload else []
        codes += [each["code"] for each in (payload or {}).get("results") or [] if each["code"]]
        signs[each] = _code(answer, (name,)) or (SIGNS[codes[0]] if codes else VALUE)
    return signs


async def _first_event(cast: Cast, name: str, asked: Lookup | None) -> Signs:
    kind = asked.kind if asked else None
    text = asked.text if asked else field_text("Subscription", name, object_type("Subscription").fields[name])[0]
    signs = {}
    for each in _cases(cast, kind):
        selection = _filled(cast, name + text if asked else text, kind, each)
        async with cast.gql.socket(cast.actor) as socket:
            socket.subscribe("1", f"subscription {{ {selection} }}")
            message = await socket.receive()
        payload = message["payload"]
        answer = payload if message["type"] == "next" else {"errors": payload}
        code = answer["errors"][0]["extensions"]["code"] if answer.get("errors") else None
        signs[each] = SIGNS[code] if code else VALUE
    return signs


async def _fields(cast: Cast, owner: str, door: Door) -> dict[str, Signs]:
    """Field -> its signs; asked all together, without those whose refusal would take the object along."""
    shapes = object_type(owner).fields
    seen: dict[str, Signs] = {name: {} for name in shapes}
    left = {relation: list(shapes) for relation in _cases(cast, door.kind)}
    while left:
        parts = {}
        for relation, names in left.items():
            fields = " ".join(field_text(owner, name, shapes[name])[0] for name in names) or "__typename"
            parts[relation] = _filled(cast, door.text.replace("@", fields), door.kind, relation)
        answer = await _ask(cast, parts)
        for relation, names in list(left.items()):
            path = (relation, *door.path)
            there = _sign(answer, path)
            taken = [name for name in names if _code(answer, (*path, name))]
            if there != VALUE and taken:
                for name in taken:
                    seen[name][relation] = _code(answer, (*path, name)) or NULL
                left[relation] = [name for name in names if name not in taken]
                continue
            for name in names:
                shown = field_text(owner, name, shapes[name])[1]
                seen[name][relation] = there if there != VALUE else _sign(answer, (*path, *shown), path=(*path, name))
            del left[relation]
    return seen


def _sign(answer: Mapping[str, Any], where: Sequence[str], *, path: Sequence[str] | None = None) -> str:
    """What stands at a place of the answer, or why there is nothing; `path` is where errors about it point."""
    for length in range(1, len(path or where) + 1):
        if code := _code(answer, (path or where)[:length]):
            return code
    found: Any = answer["data"]
    for key in where:
        found = found[0] if isinstance(found, list) else found
        found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            return NULL
        if found == []:
            return EMPTY
    return NULL if found == [None] else VALUE


def _code(answer: Mapping[str, Any], path: Sequence[str]) -> str | None:
    """The sign of an error at exactly this place."""
    for error in answer.get("errors", ()):
        if [key for key in error["path"] if isinstance(key, str)] == list(path):
            code = error["extensions"]["code"]
            assert code in SIGNS, error
            return SIGNS[code]
    return None


def _all(found: Any, path: Sequence[str]) -> Iterable[Any]:
    """Every value at the end of a path that passes lists."""
    if isinstance(found, list):
        for each in found:
            yield from _all(each, path)
    elif not path:
        yield found
    elif isinstance(found, dict):
        yield from _all(found.get(path[0]), path[1:])
