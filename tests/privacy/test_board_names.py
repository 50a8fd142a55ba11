"""Boards show what members call themselves, and nothing else that is personal."""

from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from kit.clock import FrozenClock
from kit.ids import to_global
from models.accounts import Member
from server.api import schema
from tests.gql import Gql
from tests.world import World
from workers.relay import drain

PHONE = "+8613812345678"


@pytest.fixture
async def may(world: World, clock: FrozenClock) -> Member:
    member = await world.learner("阿May", phone=PHONE)
    course = await world.course()
    clock.advance(timedelta(minutes=5))
    await world.studies(member, course)
    await drain(world.ports)
    return member


def everything_below(kind: GraphQLObjectType, depth: int) -> str:
    """Every field of a type that needs no argument, and of what these lead to."""
    parts = ["__typename"]
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(below):
            parts.append(name)
        elif isinstance(below, GraphQLObjectType) and depth:
            parts.append(f"{name} {{ {everything_below(below, depth - 1)} }}")
    return " ".join(parts)


async def board(gql: Gql, of: str, selection: str, by: Member) -> Any:
    source = f"""{{ honourBoard(metric: POINTS, period: WEEK, of: {of}) {{
        standings {{ nodes {{ subject {{ {selection} }} }} }} }} }}"""
    answer = await gql.ask(source, by=by)
    assert answer["data"]["honourBoard"] is not None, answer
    return answer


@pytest.mark.parametrize(("of", "kind"), [("MEMBER", "Member"), ("OUTLET", "Outlet")])
async def test_nothing_that_a_subject_leads_to_tells_a_stranger_a_phone(
    gql: Gql, world: World, may: Member, of: str, kind: str
) -> None:
    stranger = await world.learner("路人")
    graph_type = schema.graphql_schema.get_type(kind)
    assert isinstance(graph_type, GraphQLObjectType)

    answer = await board(gql, of, f"... on {kind} {{ {everything_below(graph_type, 1)} }}", stranger)

    text = str(answer)
    assert answer["data"]["honourBoard"]["standings"]["nodes"][0]["subject"]["__typename"] == kind
    for needle in (PHONE, PHONE[3:], world.ports.phones.mask(PHONE), world.ports.phones.index(PHONE), PHONE[-4:]):
        assert needle not in text
    assert ("阿May" in text) is (of == "MEMBER")


async def test_who_hides_is_nobody_to_others_and_themselves_to_themselves(gql: Gql, world: World, may: Member) -> None:
    stranger = await world.learner("路人")
    await Member.filter(id=may.id).update(hidden_on_boards=True)
    name = "... on Member { id displayName }"

    to_others = await board(gql, "MEMBER", name, stranger)
    to_oneself = await board(gql, "MEMBER", name, may)

    assert to_others["data"]["honourBoard"]["standings"]["nodes"] == [{"subject": None}]
    shown = {"subject": {"id": to_global("Member", may.id), "displayName": "阿May"}}
    assert to_oneself["data"]["honourBoard"]["standings"]["nodes"] == [shown]
