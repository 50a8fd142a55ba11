"""The list of members: who may ask, whom it shows, how it is searched, and what it costs."""

from datetime import timedelta
from typing import Any

import pytest

from kit import db
from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import to_global
from kit.paging import Ask
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member
from models.member_lists import MemberQuery, member_places, members_page
from models.outlets import Region
from tests.gql import Gql
from tests.pool import counted
from tests.world import World

LIST = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: MemberFilter) {
  members(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { id displayName maskedPhone roles roleGrants { role region { id name } }
      outlet { id name tier region { id name } } level { number } lastSeenAt suspendedAt }
  }
}
"""


@pytest.fixture
async def city(world: World) -> Region:
    return await world.region("东莞")


@pytest.fixture
async def station(world: World, city: Region) -> Region:
    return await world.region("厚街站", parent=city)


@pytest.fixture
async def admin(world: World, city: Region) -> Member:
    return await world.staff(Role.ADMIN, city, "市管理员")


async def listed(gql: Gql, by: Member, **wanted: object) -> dict[str, Any]:
    answer = await gql.ask(LIST, wanted, by=by)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["members"]
    return found


async def names(gql: Gql, by: Member, **filter: object) -> list[str]:
    found = await listed(gql, by, filter=filter)
    assert found["totalCount"] == len(found["nodes"])
    return [node["displayName"] for node in found["nodes"]]


async def test_a_member_is_shown_with_all_that_staff_may_know(
    gql: Gql, world: World, station: Region, admin: Member
) -> None:
    outlet = await world.outlet("好又来", region=station, tier=OutletTier.MODERN)
    may = await world.learner("阿May", outlet=outlet, phone="+8613800138000")

    [node] = (await listed(gql, admin, filter={"text": "阿May"}))["nodes"]

    assert node == {
        "id": to_global("Member", may.id),
        "displayName": "阿May",
        "maskedPhone": "138****8000",
        "roles": ["LEARNER"],
        "roleGrants": [{"role": "LEARNER", "region": None}],
        "outlet": {
            "id": to_global("Outlet", outlet.id),
            "name": "好又来",
            "tier": "MODERN",
            "region": {"id": to_global("Region", station.id), "name": "厚街站"},
        },
        "level": {"number": 1},
        "lastSeenAt": None,
        "suspendedAt": None,
    }


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
async def test_admins_and_auditors_list_whoever_has_a_post_or_a_role_in_their_regions(
    gql: Gql, world: World, city: Region, station: Region, role: Role
) -> None:
    asking = await world.staff(role, city, "我")
    await world.staff(Role.SUPERVISOR, station, "站长")
    await world.learner("店主", outlet=await world.outlet(region=station))
    await world.learner("外地人", outlet=await world.outlet(region=await world.region("虎门")))
    await world.staff(Role.ADMIN, None, "总管理员")
    await world.member("无店无职")

    assert await names(gql, asking) == ["店主", "站长", "我"]
    assert len(await names(gql, await world.staff(role))) == 7


@pytest.mark.parametrize("role", [Role.LECTURER, Role.ACCOUNT_MANAGER, Role.SUPERVISOR])
async def test_nobody_else_lists_members(gql: Gql, world: World, city: Region, role: Role) -> None:
    for asking in (await world.staff(role, city), await world.learner()):
        answer = await gql.ask(LIST, by=asking)
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"members": None}, "FORBIDDEN")
    assert (await gql.ask(LIST))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_filters_narrow_by_each_thing_and_by_all_at_once(
    gql: Gql, world: World, city: Region, station: Region, admin: Member
) -> None:
    other = await world.region("虎门站", parent=city)
    modern = await world.outlet(region=station, tier=OutletTier.MODERN)
    plain = await world.outlet(region=other, tier=OutletTier.NEW)
    await world.learner("陈强", outlet=modern, phone="+8613900139000")
    clerk = await world.learner("陈小李", outlet=modern, role=PostRole.CLERK)
    await world.post(clerk, plain)
    await world.staff(Role.SUPERVISOR, other, "虎门站长")
    here, there = to_global("Region", station.id), to_global("Region", other.id)

    assert await names(gql, admin, text="陈") == ["陈小李", "陈强"]
    assert await names(gql, admin, text="小李") == ["陈小李"]
    assert await names(gql, admin, text="139 0013 9000") == ["陈强"]
    assert await names(gql, admin, text="+8613900139000") == ["陈强"]
    assert await names(gql, admin, text="1390013") == []
    assert await names(gql, admin, text="%") == []
    assert await names(gql, admin, role="SUPERVISOR") == ["虎门站长"]
    assert await names(gql, admin, regionId=there) == ["虎门站长", "陈小李"]
    assert await names(gql, admin, tier="MODERN") == ["陈小李", "陈强"]
    assert await names(gql, admin, tier="MODERN", regionId=there) == []
    assert await names(gql, admin, outletId=to_global("Outlet", plain.id)) == ["陈小李"]
    assert await names(gql, admin, regionId=here, tier="MODERN", role="LEARNER", text="陈强") == ["陈强"]
    assert len(await names(gql, admin, text=None, role=None, regionId=None, tier=None, outletId=None)) == 4
    assert len(await names(gql, admin, text=" ")) == 4


async def test_what_lies_out_of_sight_gives_an_empty_list_and_what_is_no_id_an_error(
    gql: Gql, world: World, admin: Member
) -> None:
    far = await world.outlet(region=await world.region("虎门"))
    stranger = await world.learner("外地人", outlet=far, phone="+8613900139000")

    assert await names(gql, admin, regionId=to_global("Region", far.region_id)) == []
    assert await names(gql, admin, outletId=to_global("Outlet", far.id)) == []
    assert await names(gql, admin, text="13900139000") == []
    assert await names(gql, admin, text="外地") == []
    for filter in ({"regionId": to_global("Outlet", far.id)}, {"outletId": "x"}, {"text": "x" * 51}):
        answer = await gql.ask(LIST, {"filter": filter}, by=admin)
        assert answer["errors"][0]["extensions"]["code"] in ("NOT_FOUND", "BAD_USER_INPUT")
    assert stranger.id is not None


async def test_pages_follow_each_other_both_ways_and_miss_nobody(
    gql: Gql, world: World, clock: FrozenClock, station: Region, admin: Member
) -> None:
    outlet = await world.outlet(region=station)
    for number in range(5):
        clock.advance(timedelta(seconds=number % 2))  # some join at one moment
        await world.learner(f"店员{number}", outlet=outlet, role=PostRole.CLERK)
    whole = [node["id"] for node in (await listed(gql, admin))["nodes"]]

    forth, after = [], None
    while True:
        page = await listed(gql, admin, first=2, after=after)
        forth += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    back = await listed(gql, admin, last=2, before=page["pageInfo"]["startCursor"])

    assert (len(whole), forth) == (6, whole)
    assert [node["id"] for node in back["nodes"]] == whole[2:4]
    assert back["pageInfo"]["hasPreviousPage"]
    other = await gql.ask(LIST, {"after": after, "filter": {"text": "店"}}, by=admin)
    assert other["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_is_kept_about_a_member_is_shown_to_themselves_and_staff_of_theirs_alone(
    gql: Gql, world: World, city: Region, station: Region
) -> None:
    outlet = await world.outlet(region=station)
    may = await world.learner("阿May", outlet=outlet)
    clerk = await world.learner("小李", outlet=outlet, role=PostRole.CLERK)
    asked = "query ($id: ID!) { node(id: $id) { ... on Member { displayName maskedPhone roles roleGrants { role } } } }"

    async def seen_by(by: Member) -> dict[str, Any] | None:
        answer = await gql.ask(asked, {"id": to_global("Member", may.id)}, by=by)
        assert "errors" not in answer, answer
        node: dict[str, Any] | None = answer["data"]["node"]
        return node

    whole = {
        "displayName": "阿May",
        "maskedPhone": may.masked_phone,
        "roles": ["LEARNER"],
        "roleGrants": [{"role": "LEARNER"}],
    }
    assert await seen_by(may) == whole
    for role in (Role.ADMIN, Role.AUDITOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER):
        assert await seen_by(await world.staff(role, city)) == whole
    assert await seen_by(clerk) == {"displayName": "阿May", "maskedPhone": None, "roles": None, "roleGrants": None}
    assert await seen_by(await world.staff(Role.ADMIN, await world.region("虎门"))) is None


async def test_a_hundred_members_cost_as_many_statements_as_two(
    gql: Gql, world: World, city: Region, station: Region, admin: Member
) -> None:
    outlets = [await world.outlet(region=station) for _ in range(10)]
    for number in range(99):
        member = await world.learner(f"人{number}", outlet=outlets[number % 10], role=PostRole.CLERK)
        await rows(
            "INSERT INTO role_grants (id, member_id, role, region_id, granted_at)"
            " VALUES (gen_random_uuid(), $1, 'LECTURER', $2, now())",
            member.id, station.id if number % 2 else city.id,
        )  # fmt: skip
    await listed(gql, admin, first=1)
    pool = await db._pool()

    with counted(pool) as few:
        await listed(gql, admin, first=2)
    with counted(pool) as many:
        assert len((await listed(gql, admin, first=100))["nodes"]) == 100

    # Regions are asked for by roles and by outlets, at once or one after the other, as it happens.
    assert abs(asked(many) - asked(few)) <= 1
    assert asked(many) <= 13


def asked(statements: list[str]) -> int:
    """Without what the driver asks of a new connection."""
    own = ("SELECT current_setting('jit')", "WITH RECURSIVE typeinfo_tree")
    return sum(not each.startswith(own) for each in statements)


async def test_the_whole_list_is_read_in_the_order_of_an_index(world: World) -> None:
    await rows(
        "INSERT INTO members (id, display_name, hidden_on_boards, joined_at)"
        " SELECT gen_random_uuid(), '人' || n, false, now() - n * interval '1 minute' FROM generate_series(1, 5000) n"
    )
    await rows("VACUUM (ANALYZE) members")  # what waits to be merged into the index counts against it

    plan = await rows("EXPLAIN SELECT m.id FROM members m WHERE true ORDER BY m.joined_at DESC, m.id DESC LIMIT 21")
    search = await rows(
        "EXPLAIN SELECT m.id FROM members m WHERE character_pairs(m.display_name) @> character_pairs('人4999')"
    )

    assert any("members_newest" in row["QUERY PLAN"] for row in plan)
    assert any("members_search" in row["QUERY PLAN"] for row in search)


async def test_places_are_those_of_posts_and_roles_that_are_held_now(world: World, station: Region) -> None:
    may, nobody = await world.learner(outlet=await world.outlet(region=station)), await world.member()
    supervisor = await world.staff(Role.SUPERVISOR, station)
    await rows("UPDATE role_grants SET revoked_at = now() WHERE member_id = $1", supervisor.id)

    assert await member_places([nobody.id, may.id, supervisor.id]) == [[], [station.path], []]
    assert (await members_page((), MemberQuery(), Ask(20))).rows == []
