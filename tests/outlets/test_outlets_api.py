"""The apps' own operations on outlets and regions, over HTTP."""

import pytest

from kit.db import AcademyClient
from kit.ids import to_global
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member
from models.outlets import Outlet, Post, Region
from tests.gql import Gql
from tests.world import World


@pytest.fixture
async def tree(world: World) -> list[Region]:
    """A city, its county, its station."""
    city = await world.region("东莞")
    county = await world.region("厚街", parent=city)
    return [city, county, await world.region("厚街站", parent=county)]


@pytest.fixture
async def outlet(world: World, tree: list[Region]) -> Outlet:
    return await world.outlet("阿强便利店", region=tree[2], tier=OutletTier.MODERN, segment=7)


@pytest.fixture
async def owner(world: World, outlet: Outlet) -> Member:
    return await world.learner("陈强", outlet=outlet)


@pytest.fixture
async def admin(world: World, tree: list[Region]) -> Member:
    return await world.staff(Role.ADMIN, tree[0])


async def test_outlets_are_listed_in_scope_page_by_page(
    gql: Gql, world: World, tree: list[Region], outlet: Outlet, admin: Member
) -> None:
    second = await world.outlet("梅姐商店", region=tree[2])
    await world.outlet("外地商店")
    everything = {"tier": None, "segment": None, "text": None, "regionId": to_global("Region", tree[0].id)}

    first = (await gql.data("Outlets", {"first": 1, "filter": everything}, by=admin))["outlets"]
    rest = (await gql.data("Outlets", {"after": first["pageInfo"]["endCursor"], "filter": everything}, by=admin))[
        "outlets"
    ]
    found = (await gql.data("Outlets", {"filter": {"text": "梅姐"}}, by=admin))["outlets"]

    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    assert first["nodes"] == [
        {
            "id": to_global("Outlet", outlet.id), "code": outlet.code, "name": "阿强便利店", "tier": "MODERN",
            "segment": 7, "region": {"id": to_global("Region", tree[2].id), "name": "厚街站"},
        }
    ]  # fmt: skip
    assert [node["id"] for node in rest["nodes"]] == [to_global("Outlet", second.id)]
    assert [node["name"] for node in found["nodes"]] == ["梅姐商店"]


async def test_a_cursor_of_another_list_is_bad_input(gql: Gql, outlet: Outlet, admin: Member) -> None:
    first = (await gql.data("Outlets", {"first": 1}, by=admin))["outlets"]

    answer = await gql.run("Outlets", {"after": first["pageInfo"]["endCursor"], "filter": {"tier": "MODERN"}}, by=admin)

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_the_tree_is_walked_step_by_step(
    gql: Gql, tree: list[Region], outlet: Outlet, owner: Member, admin: Member
) -> None:
    city, county, station = (to_global("Region", region.id) for region in tree)

    tops = (await gql.data("Regions", {"first": None, "under": None}, by=admin))["regions"]
    step = (await gql.data("Regions", {"under": city}, by=admin))["regions"]
    own = (await gql.data("Regions", {}, by=owner))["regions"]

    assert tops["nodes"] == [{"id": city, "name": "东莞", "kind": "PROVINCE", "childCount": 1, "outletCount": 1}]
    assert [node["id"] for node in step["nodes"]] == [county]
    assert own["nodes"] == [{"id": station, "name": "厚街站", "kind": "COUNTY", "childCount": 0, "outletCount": 1}]


async def test_signed_out_nothing_is_listed(gql: Gql, outlet: Outlet) -> None:
    for operation in ("Outlets", "Regions"):
        answer = await gql.run(operation, {})
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_a_member_with_two_outlets_chooses(gql: Gql, world: World, outlet: Outlet, owner: Member) -> None:
    second = await world.outlet("分店")
    await world.post(owner, second)

    chosen = await gql.data("SetCurrentOutlet", {"input": {"outletId": to_global("Outlet", second.id)}}, by=owner)
    mine = await gql.data("MyOutlets", by=owner)

    assert chosen["setCurrentOutlet"] == {
        "viewer": {
            "id": to_global("Member", owner.id),
            "outlet": {"id": to_global("Outlet", second.id), "name": "分店"},
        },
        "userErrors": [],
    }
    assert [(post["current"], post["role"], post["outlet"]["name"]) for post in mine["viewer"]["outlets"]] == [
        (True, "CLERK", "分店"),
        (False, "OWNER", "阿强便利店"),
    ]


async def test_an_owner_adds_and_removes_a_clerk(gql: Gql, outlet: Outlet, owner: Member) -> None:
    outlet_id = to_global("Outlet", outlet.id)
    clerk = {"outletId": outlet_id, "phone": "13900139000", "name": "小李"}

    added = (await gql.data("AddClerk", {"input": clerk}, by=owner))["addClerk"]
    again = (await gql.data("AddClerk", {"input": clerk}, by=owner))["addClerk"]
    removal = {"input": {"outletId": outlet_id, "memberId": added["member"]["id"]}}
    removed = (await gql.data("RemoveClerk", removal, by=owner))["removeClerk"]
    twice = (await gql.data("RemoveClerk", removal, by=owner))["removeClerk"]

    assert (added["member"]["displayName"], added["userErrors"]) == ("小李", [])
    assert (again["member"], [error["code"] for error in again["userErrors"]]) == (None, ["ALREADY_DONE"])
    assert removed == {"removed": True, "userErrors": []}
    assert [(error["code"], error["field"]) for error in twice["userErrors"]] == [("NOT_FOUND", ["memberId"])]
    assert await Post.filter(role=PostRole.CLERK, until_at=None).count() == 0


async def test_a_clerk_may_not_and_a_stranger_finds_nothing(
    gql: Gql, world: World, outlet: Outlet, owner: Member
) -> None:
    clerk = await world.learner("小李", outlet=outlet, role=PostRole.CLERK)
    stranger = await world.learner("别人")
    wanted = {"input": {"outletId": to_global("Outlet", outlet.id), "phone": "13900139000", "name": "小王"}}

    by_clerk = await gql.run("AddClerk", wanted, by=clerk)
    by_stranger = await gql.data("AddClerk", wanted, by=stranger)
    by_nonsense = await gql.data("AddClerk", {"input": {**wanted["input"], "outletId": "x"}}, by=stranger)

    assert [error["extensions"]["code"] for error in by_clerk["errors"]] == ["FORBIDDEN"]
    for answer in (by_stranger, by_nonsense):
        assert [(error["code"], error["field"]) for error in answer["addClerk"]["userErrors"]] == [
            ("NOT_FOUND", ["outletId"])
        ]


async def test_nodes_are_found_in_scope_and_do_not_exist_beside_it(
    gql: Gql, world: World, tree: list[Region], outlet: Outlet, owner: Member, admin: Member
) -> None:
    beside = await world.outlet("外地商店")
    ids = [
        to_global("Outlet", outlet.id), to_global("Outlet", beside.id), to_global("Region", tree[2].id),
        to_global("Region", beside.region_id), to_global("Member", owner.id),
    ]  # fmt: skip
    source = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Region { ancestors { name } } } }"

    for seer in (admin, owner):
        found = (await gql.ask(source, {"ids": ids}, by=seer))["data"]["nodes"]
        assert [node and node["__typename"] for node in found] == ["Outlet", None, "Region", None, "Member"]
        assert found[2]["ancestors"] == [{"name": "厚街"}, {"name": "东莞"}]


async def test_a_list_of_regions_asks_the_database_no_more_often_than_one_region(
    gql: Gql, world: World, tree: list[Region], admin: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    source = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Region { childCount outletCount ancestors { id } } } }"

    async def counted(*regions: Region) -> int:
        asked.clear()
        await gql.ask(source, {"ids": [to_global("Region", region.id) for region in regions]}, by=admin)
        return len(asked)

    plain = AcademyClient.execute_query_dict

    async def noted(self, *args, **kwargs):
        asked.append(1)
        return await plain(self, *args, **kwargs)

    monkeypatch.setattr(AcademyClient, "execute_query_dict", noted)
    await counted(tree[0])

    assert await counted(tree[1], tree[2]) == await counted(tree[2]) > 0
