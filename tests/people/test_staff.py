"""What admins do to members: a phone shown for a reason, roles given and taken, suspension."""

import asyncio
from typing import Any

import pytest

from auth.actor import Actor
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member, active_grants
from models.audit import AuditEntry
from models.outlets import Region
from models.sessions import Session
from services.audit import verify_audit
from services.people import RoleChange, revoke_role, suspend_member
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

ERRORS = "userErrors { code field }"
REVEAL = f"mutation ($input: RevealPhoneInput!) {{ revealPhone(input: $input) {{ phone {ERRORS} }} }}"
GRANT = f"mutation ($input: GrantRoleInput!) {{ grantRole(input: $input) {{ member {{ roles }} {ERRORS} }} }}"
REVOKE = f"mutation ($input: RevokeRoleInput!) {{ revokeRole(input: $input) {{ member {{ roles }} {ERRORS} }} }}"
SUSPEND = (
    f"mutation ($input: SuspendMemberInput!) {{ suspendMember(input: $input) {{ member {{ suspendedAt }} {ERRORS} }} }}"
)


@pytest.fixture
async def city(world: World) -> Region:
    return await world.region("东莞", parent=await world.region("广东"))


@pytest.fixture
async def station(world: World, city: Region) -> Region:
    return await world.region("厚街站", parent=city)


@pytest.fixture
async def admin(world: World, city: Region) -> Member:
    return await world.staff(Role.ADMIN, city, "市管理员")


@pytest.fixture
async def may(world: World, station: Region) -> Member:
    return await world.learner("阿May", outlet=await world.outlet(region=station), phone="+8613800138000")


async def done(gql: Gql, source: str, by: Member, **fields: object) -> dict[str, Any]:
    """The payload; of a request refused as a whole its code."""
    ids = {"memberId": "Member", "regionId": "Region"}
    sent = {
        name: to_global(ids[name], value.id) if isinstance(value, Member | Region) else value
        for name, value in fields.items()
    }
    answer = await gql.ask(source, {"input": sent}, by=by)
    if "errors" in answer:
        return {"refused": answer["errors"][0]["extensions"]["code"]}
    [payload] = answer["data"].values()
    found: dict[str, Any] = payload
    return found


def fault(code: str, *field: str) -> list[dict[str, Any]]:
    return [{"code": code, "field": list(field) or None}]


async def deeds() -> list[tuple[str, object]]:
    return [(entry.action, entry.details) for entry in await AuditEntry.all().order_by("sequence")]


async def kept() -> list[object]:
    return [await rows(f"SELECT * FROM {name} ORDER BY 1") for name in ("members", "role_grants", "audit_entries")]


async def test_a_phone_is_shown_for_a_reason_that_is_kept_with_who_where_and_whence(
    gql: Gql, admin: Member, may: Member, station: Region
) -> None:
    shown = await done(gql, REVEAL, admin, memberId=may, reason="  送货联系不上 13800138000 ")

    assert shown == {"phone": "+8613800138000", "userErrors": []}
    [entry] = await AuditEntry.all()
    assert (entry.actor_id, entry.action, entry.object_id) == (admin.id, "member.phone_revealed", may.id)
    assert entry.details == {"reason": "送货联系不上 ***"}
    assert (entry.region_path, entry.address) == (station.path, "127.0.0.1")


async def test_no_phone_is_shown_without_a_reason_out_of_scope_or_to_others(
    gql: Gql, world: World, admin: Member, may: Member, city: Region
) -> None:
    far = await world.learner("外地人")
    mute = await world.learner("无号", outlet=await world.outlet(region=city))
    await rows("UPDATE members SET phone_cipher = NULL, phone_index = NULL, masked_phone = NULL WHERE id = $1", mute.id)
    before = await kept()

    for reason in ("", "  ", "x" * 201):
        refused = await done(gql, REVEAL, admin, memberId=may, reason=reason)
        assert refused == {"phone": None, "userErrors": fault("BAD_USER_INPUT", "reason")}
    for member in (far, city, "x"):
        gone = await done(gql, REVEAL, admin, memberId=member, reason="x")
        assert gone == {"phone": None, "userErrors": fault("NOT_FOUND", "memberId")}
    assert (await done(gql, REVEAL, admin, memberId=mute, reason="x"))["userErrors"] == fault(
        "STATE_FORBIDS", "memberId"
    )
    for role in (Role.AUDITOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.LECTURER):
        other = await world.staff(role, city)
        assert await done(gql, REVEAL, other, memberId=may, reason="x") == {"refused": "FORBIDDEN"}
    assert await done(gql, REVEAL, may, memberId=may, reason="x") == {"refused": "FORBIDDEN"}
    assert [row["id"] for row in (await kept())[2]] == [row["id"] for row in before[2]]


async def test_a_role_is_given_and_taken_within_the_own_subtree(
    gql: Gql, admin: Member, may: Member, station: Region
) -> None:
    given = await done(gql, GRANT, admin, memberId=may, role="SUPERVISOR", regionId=station)
    again = await done(gql, GRANT, admin, memberId=may, role="SUPERVISOR", regionId=station)
    taken = await done(gql, REVOKE, admin, memberId=may, role="SUPERVISOR", regionId=station)
    missing = await done(gql, REVOKE, admin, memberId=may, role="SUPERVISOR", regionId=station)

    assert given == {"member": {"roles": ["LEARNER", "SUPERVISOR"]}, "userErrors": []}
    assert again == {"member": None, "userErrors": fault("ALREADY_DONE")}
    assert taken == {"member": {"roles": ["LEARNER"]}, "userErrors": []}
    assert missing == {"member": None, "userErrors": fault("NOT_FOUND", "role")}
    details = {"role": "SUPERVISOR", "region": "厚街站"}
    assert await deeds() == [("role.granted", details), ("role.revoked", details)]
    assert {entry.region_path for entry in await AuditEntry.all()} == {station.path}


async def test_nobody_gives_more_than_they_have_or_to_themselves(
    gql: Gql, world: World, admin: Member, may: Member, city: Region, station: Region
) -> None:
    [province] = await Region.filter(id=city.parent_id)
    far, stranger = await world.region("虎门"), await world.learner("外地人")
    before = await kept()

    wider = [await done(gql, GRANT, admin, memberId=may, role="ADMIN", regionId=region) for region in (province, None)]
    own = [await done(gql, source, admin, memberId=admin, role="ADMIN", regionId=city) for source in (GRANT, REVOKE)]
    unseen = [
        await done(gql, GRANT, admin, memberId=may, role="ADMIN", regionId=far),
        await done(gql, GRANT, admin, memberId=stranger, role="ADMIN", regionId=station),
    ]
    learner = await done(gql, GRANT, admin, memberId=may, role="LEARNER", regionId=None)
    auditor = await done(gql, GRANT, await world.staff(Role.AUDITOR), memberId=may, role="ADMIN", regionId=station)

    assert wider == [{"refused": "FORBIDDEN"}] * 2
    assert own == [{"refused": "FORBIDDEN"}] * 2
    assert [each["userErrors"] for each in unseen] == [fault("NOT_FOUND", "regionId"), fault("NOT_FOUND", "memberId")]
    assert learner["userErrors"] == fault("BAD_USER_INPUT", "role")
    assert auditor == {"refused": "FORBIDDEN"}
    assert (await kept())[1][: len(before[1])] == before[1]
    assert await deeds() == []


async def test_an_admin_takes_no_role_that_reaches_beyond_their_own(
    gql: Gql, world: World, admin: Member, station: Region
) -> None:
    chief = await world.staff(Role.ADMIN, None, "总管理员")
    await world.post(chief, await world.outlet(region=station))

    refused = await done(gql, REVOKE, admin, memberId=chief, role="ADMIN", regionId=None)
    shut_out = await done(gql, SUSPEND, admin, memberId=chief, suspended=True, reason="x")

    assert refused == {"refused": "FORBIDDEN"}
    assert shut_out["userErrors"] == fault("NOT_FOUND", "memberId")
    assert (await Member.get(id=chief.id)).suspended_at is None


async def test_an_admin_of_everywhere_appoints_whoever_has_an_account(gql: Gql, world: World) -> None:
    chief, nobody = await world.staff(Role.ADMIN), await world.member("新人")

    assert (await done(gql, GRANT, chief, memberId=nobody, role="ADMIN", regionId=None))["userErrors"] == []

    [held] = await active_grants([nobody.id])
    assert [(each.role, each.region_path) for each in held] == [(Role.ADMIN, "")]


async def chiefs(world: World, count: int) -> list[Actor]:
    return [await world.actor(await world.staff(Role.ADMIN, None, f"总{number}")) for number in range(count)]


async def left() -> int:
    [row] = await rows(
        "SELECT count(*) AS n FROM role_grants g JOIN members m ON m.id = g.member_id WHERE g.role = 'ADMIN'"
        " AND g.region_id IS NULL AND g.revoked_at IS NULL AND m.suspended_at IS NULL"
    )
    return int(row["n"])


async def test_of_admins_who_take_each_others_role_at_once_one_is_left(ports: Ports, world: World) -> None:
    """Each had the right when they asked; whoever comes last is refused."""
    actors = await chiefs(world, 4)
    ring = zip(actors, [*actors[1:], actors[0]], strict=True)

    answers = await asyncio.gather(
        *(revoke_role(ports, one, RoleChange(other.member_id, Role.ADMIN, None)) for one, other in ring),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if answer is not None]
    assert [(each.code, each.field) for each in refused if isinstance(each, DomainError)] == [
        (ErrorCode.STATE_FORBIDS, ("memberId",))
    ]
    assert len(refused) == 1
    assert await left() == 1
    assert (await verify_audit(ports)).entries == 3


async def test_of_admins_who_suspend_and_dismiss_each_other_at_once_one_is_left(ports: Ports, world: World) -> None:
    one, other = await chiefs(world, 2)

    answers = await asyncio.gather(
        suspend_member(ports, one, other.member_id, "x"),
        revoke_role(ports, other, RoleChange(one.member_id, Role.ADMIN, None)),
        return_exceptions=True,
    )

    assert [answer is None for answer in answers].count(True) == 1
    assert await left() == 1


async def test_a_suspended_member_is_out_at_once_and_in_again_when_it_is_lifted(
    gql: Gql, ports: Ports, admin: Member, may: Member
) -> None:
    await gql.token(may)

    out = await done(gql, SUSPEND, admin, memberId=may, suspended=True, reason="转卖账号")
    shut = await gql.ask("{ viewer { id } }", by=may)
    again = await done(gql, SUSPEND, admin, memberId=may, suspended=True, reason="转卖账号")
    back = await done(gql, SUSPEND, admin, memberId=may, suspended=False, reason=None)
    twice = await done(gql, SUSPEND, admin, memberId=may, suspended=False)

    assert out["member"]["suspendedAt"] == ports.clock.now().isoformat().replace("+00:00", "Z")
    assert shut["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert again["userErrors"] == twice["userErrors"] == fault("ALREADY_DONE")
    assert back == {"member": {"suspendedAt": None}, "userErrors": []}
    assert await Session.filter(member_id=may.id, ended_at=None).count() == 0
    assert await deeds() == [("member.suspended", {"reason": "转卖账号"}), ("member.suspension_lifted", {})]
    announced = await rows("SELECT key FROM outbox WHERE topic = 'member' AND key = $1", str(may.id))
    assert announced, "boards follow"


async def test_nobody_is_suspended_without_a_reason_by_themselves_or_from_elsewhere(
    gql: Gql, world: World, admin: Member, may: Member, city: Region
) -> None:
    stranger = await world.staff(Role.ADMIN, await world.region("虎门"))

    assert (await done(gql, SUSPEND, admin, memberId=may, suspended=True))["userErrors"] == fault(
        "BAD_USER_INPUT", "reason"
    )
    for by, member in ((stranger, may), (admin, admin)):
        refused = await done(gql, SUSPEND, by, memberId=member, suspended=True, reason="x")
        assert refused["userErrors"] == fault("NOT_FOUND", "memberId")
    supervisor = await world.staff(Role.SUPERVISOR, city)
    assert await done(gql, SUSPEND, supervisor, memberId=may, suspended=True, reason="x") == {"refused": "FORBIDDEN"}
    assert await rows("SELECT id FROM members WHERE suspended_at IS NOT NULL") == []
    assert await deeds() == []


async def test_an_admin_suspends_staff_of_their_own_regions_who_hold_no_post(
    gql: Gql, world: World, admin: Member, station: Region
) -> None:
    supervisor = await world.staff(Role.SUPERVISOR, station, "站长")

    out = await done(gql, SUSPEND, admin, memberId=supervisor, suspended=True, reason="离职")

    assert out["userErrors"] == []
    assert (await AuditEntry.get()).region_path == station.path


async def test_a_deleted_account_is_nobody(gql: Gql, world: World, may: Member) -> None:
    chief = await world.staff(Role.ADMIN)
    await rows(
        "UPDATE members SET display_name = '已注销用户', phone_cipher = NULL, phone_index = NULL, masked_phone = NULL,"
        " last_seen_at = NULL, adult_confirmed_at = NULL, hidden_on_boards = true, deleted_at = now() WHERE id = $1",
        may.id,
    )

    listed = await gql.ask("{ members { nodes { id } } }", by=chief)
    changed = [
        await done(gql, REVEAL, chief, memberId=may, reason="x"),
        await done(gql, GRANT, chief, memberId=may, role="ADMIN", regionId=None),
        await done(gql, SUSPEND, chief, memberId=may, suspended=True, reason="x"),
    ]

    assert [node["id"] for node in listed["data"]["members"]["nodes"]] == [to_global("Member", chief.id)]
    assert [each["userErrors"] for each in changed] == [fault("NOT_FOUND", "memberId")] * 3
    assert await deeds() == []
