"""Reading the log: who sees which deeds, how they are found, and what each says."""

from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.ids import new_id, to_global
from kit.paging import Ask
from kit.words import Language, Role
from models.accounts import Member
from models.audit import AuditEntry, DeedQuery, deeds_page
from models.outlets import Region
from schema.audit import summary_of
from services.audit import record
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

LOG = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
  auditLog(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount
    nodes { id at actor { displayName } action object { __typename id } summary address }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest.fixture
async def city(world: World) -> Region:
    return await world.region("东莞")


@pytest.fixture
async def station(world: World, city: Region) -> Region:
    return await world.region("厚街站", parent=city)


async def do(ports: Ports, action: str, region: Region | None = None, *, by: Member | None = None, **more: Any) -> None:
    path = region.path if region else None
    kind, key, details = more.get("kind", "Member"), more.get("key") or new_id(), more.get("details") or {}
    await transaction(lambda: record(ports, by.id if by else None, action, kind, key, details, region_path=path))


async def log(gql: Gql, by: Member, **wanted: object) -> dict[str, Any]:
    answer = await gql.ask(LOG, wanted, by=by)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["auditLog"]
    return found


async def actions(gql: Gql, by: Member, **filter: object) -> list[str]:
    found = await log(gql, by, filter=filter)
    assert found["totalCount"] == len(found["nodes"])
    return [node["action"] for node in found["nodes"]]


async def test_an_entry_says_who_did_what_to_what_when_and_whence(
    gql: Gql, world: World, ports: Ports, city: Region, station: Region
) -> None:
    admin = await world.staff(Role.ADMIN, city, "市管理员")
    may = await world.learner("阿May", outlet=await world.outlet(region=station))
    gid = to_global("Member", may.id)
    suspend = "mutation ($input: SuspendMemberInput!) { suspendMember(input: $input) { userErrors { code } } }"
    await gql.ask(suspend, {"input": {"memberId": gid, "suspended": True, "reason": "打 13800138000 问"}}, by=admin)

    [node] = (await log(gql, admin))["nodes"]

    entry = await AuditEntry.get()
    assert node == {
        "id": to_global("AuditEntry", entry.id),
        "at": ports.clock.now().isoformat().replace("+00:00", "Z"),
        "actor": {"displayName": "市管理员"},
        "action": "member.suspended",
        "object": {"__typename": "Member", "id": gid},
        "summary": "Suspended the account. Reason: 打 *** 问",
        "address": "127.0.0.1",
    }
    chinese = await gql.post({"query": LOG}, by=admin, headers={"accept-language": "zh-CN"})
    assert chinese.json()["data"]["auditLog"]["nodes"][0]["summary"] == "停用了账号，原因：打 *** 问"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
async def test_deeds_are_read_where_one_is_admin_or_auditor(
    gql: Gql, world: World, ports: Ports, city: Region, station: Region, role: Role
) -> None:
    other = await world.region("虎门")
    for action, region in (("a.city", city), ("b.station", station), ("c.other", other), ("d.everywhere", None)):
        await do(ports, action, region)

    assert await actions(gql, await world.staff(role)) == ["d.everywhere", "c.other", "b.station", "a.city"]
    assert await actions(gql, await world.staff(role, city)) == ["b.station", "a.city"]
    assert await actions(gql, await world.staff(role, station)) == ["b.station"]


@pytest.mark.parametrize("role", [Role.LECTURER, Role.ACCOUNT_MANAGER, Role.SUPERVISOR])
async def test_nobody_else_reads_the_log_or_an_entry(
    gql: Gql, world: World, ports: Ports, city: Region, role: Role
) -> None:
    await do(ports, "test", city)
    gid = to_global("AuditEntry", (await AuditEntry.get()).id)

    for by in (await world.staff(role, city), await world.learner()):
        assert (await gql.ask(LOG, by=by))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await gql.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": gid}, by=by))["data"] == {
            "node": None
        }


async def test_an_entry_is_found_by_its_id_in_scope_alone(gql: Gql, world: World, ports: Ports, city: Region) -> None:
    await do(ports, "test", city)
    gid = to_global("AuditEntry", (await AuditEntry.get()).id)
    asked = "query ($id: ID!) { node(id: $id) { ... on AuditEntry { action object { id } } } }"

    here = await gql.ask(asked, {"id": gid}, by=await world.staff(Role.AUDITOR, city))
    there = await gql.ask(asked, {"id": gid}, by=await world.staff(Role.AUDITOR, await world.region("虎门")))

    assert here["data"] == {"node": {"action": "test", "object": None}}
    assert there["data"] == {"node": None}


async def test_deeds_are_found_by_actor_action_object_and_time(
    gql: Gql, world: World, ports: Ports, clock: FrozenClock
) -> None:
    auditor, one, outlet = await world.staff(Role.AUDITOR), await world.member("一"), await world.outlet()
    start = clock.now()
    await do(ports, "a", by=one)
    clock.advance(timedelta(minutes=1))
    await do(ports, "b", by=auditor, kind="Outlet", key=outlet.id)
    clock.advance(timedelta(minutes=1))
    await do(ports, "b", key=one.id)

    assert await actions(gql, auditor, actorId=to_global("Member", one.id)) == ["a"]
    assert await actions(gql, auditor, action="b") == ["b", "b"]
    assert await actions(gql, auditor, objectId=to_global("Outlet", outlet.id)) == ["b"]
    assert await actions(gql, auditor, objectId=to_global("Member", outlet.id)) == []
    assert await actions(gql, auditor, to=(start + timedelta(minutes=1)).isoformat()) == ["a"]
    between = {"from": (start + timedelta(minutes=1)).isoformat(), "to": (start + timedelta(minutes=2)).isoformat()}
    assert await actions(gql, auditor, **between) == ["b"]
    assert await actions(gql, auditor, action="b", objectId=to_global("Member", one.id)) == ["b"]
    nothing = dict.fromkeys(("actorId", "action", "objectId", "from", "to"))
    assert len(await actions(gql, auditor, **nothing)) == 3
    for field in ("actorId", "objectId"):
        answer = await gql.ask(LOG, {"filter": {field: "x"}}, by=auditor)
        assert answer["errors"][0]["extensions"]["code"] in ("NOT_FOUND", "BAD_USER_INPUT")


async def test_pages_follow_each_other_both_ways(gql: Gql, world: World, ports: Ports) -> None:
    auditor = await world.staff(Role.AUDITOR)
    for number in range(5):
        await do(ports, f"deed {number}")

    first = await log(gql, auditor, first=2)
    second = await log(gql, auditor, first=2, after=first["pageInfo"]["endCursor"])
    back = await log(gql, auditor, last=2, before=second["pageInfo"]["startCursor"])

    assert [node["action"] for node in second["nodes"]] == ["deed 2", "deed 1"]
    assert second["pageInfo"]["hasNextPage"]
    assert back["nodes"] == first["nodes"]
    assert not back["pageInfo"]["hasPreviousPage"]


async def test_the_deeds_of_a_small_region_are_found_by_index(ports: Ports, station: Region) -> None:
    await do(ports, "test", station)
    await execute("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_follow")
    await execute(
        "INSERT INTO audit_entries (id, sequence, at, action, object_type, object_id, details, region_path, hash, seal)"
        " SELECT gen_random_uuid(), 1 + n, now(), 'x', 'Thing', gen_random_uuid(), '{}', '99/' || n % 50 || '/',"
        " repeat('a', 64), repeat('a', 64) FROM generate_series(1, 20000) n"
    )
    await execute("ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_follow")
    await execute("ANALYZE audit_entries")

    plan = await rows(
        "EXPLAIN SELECT e.id FROM audit_entries e WHERE (e.region_path ~>=~ $1 AND e.region_path ~<~ $2)"
        " ORDER BY e.sequence DESC LIMIT 21",
        station.path, f"{station.path[:-1]}0",
    )  # fmt: skip

    assert [entry.action for entry in (await deeds_page((station.path,), DeedQuery(), Ask(20))).rows] == ["test"]
    assert any("audit_entries_region" in row["QUERY PLAN"] for row in plan)


def test_a_deed_without_a_sentence_says_its_action_and_nothing_is_everything() -> None:
    unknown = AuditEntry(action="something.new", details={"a": 1})
    everywhere = AuditEntry(action="role.granted", details={"role": "ADMIN", "region": None})

    assert summary_of(unknown, Language.ENGLISH) == "something.new"
    assert summary_of(everywhere, Language.ENGLISH) == "Gave the role ADMIN over everything."
    assert summary_of(everywhere, Language.CHINESE) == "授予了角色ADMIN，范围：全部"
