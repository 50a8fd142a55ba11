"""What members change about themselves, moving to another phone, suspension, the first admin, the audit."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import BaseORMException

from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import Role
from models.accounts import Member, active_grants, ranked
from models.audit import AuditEntry
from models.sessions import Session, SignInCode
from services.accounts import (
    PhoneChange,
    ProfileChange,
    actor_of,
    change_phone,
    create_admin,
    update_profile,
)
from services.audit import record
from services.codes import CodeAsked, request_change_phone_codes, request_sign_in_code
from services.people import lift_suspension, suspend_member
from services.ports import Ports
from services.sessions import Device, refresh_session, sign_in_with_code, sign_in_with_password
from services.signing import claims_of
from tests.accounts.letters import delivered
from tests.world import World

OLD, NEW, TAKEN = "+8613800138000", "+8613900139000", "+8613700137000"
DEVICE = Device("d1", "一号手机")


@pytest.fixture
def demo(ports: Ports) -> Ports:
    return replace(ports, settings=ports.settings.model_copy(update={"demo": True}))


@pytest.fixture
def world(demo: Ports) -> World:
    return World(demo)


@pytest.fixture
async def may(world: World) -> Member:
    return await world.learner("阿May", phone=OLD)


async def refused(work) -> tuple[ErrorCode, tuple[str, ...] | None]:
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.code, caught.value.field


async def snapshot(member_id: UUID) -> dict[str, Any]:
    [row] = await rows("SELECT * FROM members WHERE id = $1", member_id)
    return row


async def test_a_profile_changes_where_it_is_told_to_and_stays_elsewhere(
    ports: Ports, world: World, may: Member
) -> None:
    picture = await world.picture(of=may)
    actor = await world.actor(may)

    await update_profile(ports, actor, ProfileChange(display_name="  梅姐 "))
    await update_profile(ports, actor, ProfileChange(hidden_on_boards=True))
    await update_profile(ports, actor, ProfileChange(avatar_media_id=picture.id))

    found = await Member.get(id=may.id)
    assert (found.display_name, found.hidden_on_boards, found.avatar_media_id) == ("梅姐", True, picture.id)


async def test_a_refused_profile_changes_nothing(ports: Ports, world: World, may: Member) -> None:
    film = await world.media()
    actor, before = await world.actor(may), await snapshot(may.id)

    name = await refused(update_profile(ports, actor, ProfileChange(display_name="\u202e", hidden_on_boards=True)))
    no_picture = await refused(update_profile(ports, actor, ProfileChange("梅姐", film.id)))
    not_theirs = await refused(
        update_profile(ports, actor, ProfileChange("梅姐", (await world.picture(of=await world.member())).id))
    )
    nothing = await refused(update_profile(ports, actor, ProfileChange("梅姐", new_id())))

    assert name == (ErrorCode.BAD_USER_INPUT, ("displayName",))
    assert no_picture == not_theirs == nothing == (ErrorCode.NOT_FOUND, ("avatarMediaId",))
    assert await snapshot(may.id) == before


async def test_a_phone_changes_by_a_code_from_each(ports: Ports, world: World, may: Member) -> None:
    actor = await world.actor(may)
    asked = await request_change_phone_codes(ports, actor, NEW)
    letters = await delivered(ports)

    await change_phone(ports, actor, PhoneChange(NEW, letters.code(OLD), letters.code(NEW)))

    assert asked == CodeAsked(60, 300)
    found = await Member.get(id=may.id)
    assert (found.masked_phone, found.phone_index) == ("139****9000", ports.phones.index(NEW))
    assert ports.phones.open(found.phone_cipher) == NEW
    assert [entry.action for entry in await AuditEntry.all()] == ["member.phone_changed"]
    assert (
        await actor_of(ports, await claims_of(ports, (await world.signed_in(found)).access_token))
    ).member_id == may.id


async def test_a_wrong_code_from_either_phone_changes_nothing_and_uses_up_nothing(
    ports: Ports, world: World, may: Member
) -> None:
    actor = await world.actor(may)
    await request_change_phone_codes(ports, actor, NEW)
    letters, before = await delivered(ports), await snapshot(may.id)
    old, new = letters.code(OLD), letters.code(NEW)

    by_old = await refused(change_phone(ports, actor, PhoneChange(NEW, f"x{old}", new)))
    by_new = await refused(change_phone(ports, actor, PhoneChange(NEW, old, f"x{new}")))

    assert by_old == (ErrorCode.CODE_WRONG, ("codeFromOld",))
    assert by_new == (ErrorCode.CODE_WRONG, ("codeFromNew",))
    assert await snapshot(may.id) == before
    assert [code.tries for code in await SignInCode.all()] == [1, 1]
    assert await SignInCode.filter(used_at=None).count() == 2
    await change_phone(ports, actor, PhoneChange(NEW, old, new))


async def test_a_sign_in_code_moves_no_account(ports: Ports, world: World, may: Member) -> None:
    actor, before = await world.actor(may), await snapshot(may.id)
    await request_sign_in_code(ports, OLD, "d1")
    await request_change_phone_codes(ports, actor, NEW)
    letters = await delivered(ports)

    heard = await refused(change_phone(ports, actor, PhoneChange(NEW, letters.code(OLD), letters.code(NEW))))

    assert heard == (ErrorCode.CODE_WRONG, ("codeFromOld",))
    assert await snapshot(may.id) == before


async def test_somebody_elses_phone_gets_no_code_and_the_answer_does_not_tell(
    ports: Ports, demo: Ports, world: World, may: Member
) -> None:
    await world.learner("小李", phone=TAKEN)
    actor, before = await world.actor(may), await snapshot(may.id)

    asked = await request_change_phone_codes(ports, actor, TAKEN)
    letters = await delivered(ports)

    assert asked == CodeAsked(60, 300)
    assert [phone for phone, _ in letters.sent] == [OLD]
    heard = await refused(change_phone(demo, actor, PhoneChange(TAKEN, "888888", "888888")))
    assert heard == (ErrorCode.CODE_WRONG, ("codeFromNew",))
    assert await snapshot(may.id) == before


async def test_ones_own_phone_is_no_new_one(ports: Ports, world: World, may: Member) -> None:
    actor = await world.actor(may)

    assert await refused(request_change_phone_codes(ports, actor, "138 0013 8000")) == (
        ErrorCode.BAD_USER_INPUT,
        ("newPhone",),
    )
    assert await refused(change_phone(ports, actor, PhoneChange(OLD, "1", "2"))) == (
        ErrorCode.BAD_USER_INPUT,
        ("newPhone",),
    )


async def test_two_members_who_want_one_number_get_it_once(demo: Ports, world: World, may: Member) -> None:
    actors = [await world.actor(may), await world.actor(await world.learner("小李"))]

    heard = await asyncio.gather(
        *(change_phone(demo, actor, PhoneChange(NEW, "888888", "888888")) for actor in actors), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in heard) == ["DomainError", "NoneType"]
    assert await Member.filter(phone_index=demo.phones.index(NEW)).count() == 1


async def test_a_suspended_member_is_out_at_once_and_off_the_boards(ports: Ports, world: World, may: Member) -> None:
    admin = await world.actor(await world.staff(Role.ADMIN))
    session = await world.signed_in(may)
    claims = await claims_of(ports, session.access_token)

    await suspend_member(ports, admin, may.id, " 转卖账号 ")

    assert await refused(actor_of(ports, claims)) == (ErrorCode.UNAUTHENTICATED, None)
    assert await refused(refresh_session(ports, session.refresh_token)) == (ErrorCode.SESSION_EXPIRED, None)
    assert await ranked([may.id]) == set()
    assert (await Session.get(id=session.session_id)).end_reason == "SUSPENDED"
    entry = await AuditEntry.get()
    assert (entry.actor_id, entry.action, entry.object_id, entry.details) == (
        admin.member_id, "member.suspended", may.id, {"reason": "转卖账号"},
    )  # fmt: skip
    await request_sign_in_code(ports, OLD, "d1")
    assert (await delivered(ports)).sent == []


async def test_a_suspended_member_signs_in_by_no_door_until_it_is_lifted(
    demo: Ports, world: World, may: Member
) -> None:
    admin = await world.actor(await world.staff(Role.ADMIN))
    await suspend_member(demo, admin, may.id, "转卖账号")
    assert await refused(world.signed_in(may)) == (ErrorCode.CODE_WRONG, ("code",))

    await lift_suspension(demo, admin, may.id)

    assert (await world.signed_in(may)).member_id == may.id
    assert await ranked([may.id]) == {may.id}
    assert await refused(lift_suspension(demo, admin, may.id)) == (ErrorCode.ALREADY_DONE, None)


async def test_who_signs_in_while_being_suspended_is_out_as_well(demo: Ports, world: World, may: Member) -> None:
    admin = await world.actor(await world.staff(Role.ADMIN))

    await asyncio.gather(
        suspend_member(demo, admin, may.id, "转卖账号"),
        *(world.signed_in(may) for _ in range(6)),
        return_exceptions=True,
    )

    assert await Session.filter(member_id=may.id, ended_at=None).count() == 0


async def test_an_admin_suspends_in_the_own_region_only(ports: Ports, world: World) -> None:
    here, there = await world.region("厚街"), await world.region("虎门")
    learner = await world.learner(outlet=await world.outlet(region=there))
    before = await snapshot(learner.id)

    for role, region in ((Role.ADMIN, here), (Role.AUDITOR, there), (Role.SUPERVISOR, there)):
        actor = await world.actor(await world.staff(role, region))
        assert await refused(suspend_member(ports, actor, learner.id, "x")) == (ErrorCode.NOT_FOUND, ("memberId",))

    assert await snapshot(learner.id) == before
    await suspend_member(ports, await world.actor(await world.staff(Role.ADMIN, there)), learner.id, "x")


async def test_an_admin_is_made_and_made_again(ports: Ports, world: World) -> None:
    region = await world.region("东莞")

    first = await create_admin(ports, "13800138000", "管理员", password="a long password", region_code=region.code)
    again = await create_admin(ports, "+8613800138000", "别名", password="another password", region_code=region.code)

    assert first.id == again.id
    assert (await Member.get(id=first.id)).display_name == "管理员"
    [held] = await active_grants([first.id])
    assert [(grant.role, grant.region_path) for grant in held] == [(Role.ADMIN, region.path)]
    assert await refused(sign_in_with_password(ports, OLD, "a long password", DEVICE)) == (
        ErrorCode.CREDENTIALS_WRONG, None,
    )  # fmt: skip
    assert (await sign_in_with_password(ports, OLD, "another password", DEVICE)).member_id == first.id


async def test_an_admin_of_nowhere_is_not_made(ports: Ports) -> None:
    assert await refused(create_admin(ports, OLD, "管理员", region_code="XX")) == (ErrorCode.NOT_FOUND, ("regionCode",))
    assert await refused(create_admin(ports, OLD, "管理员", password="short")) == (
        ErrorCode.BAD_USER_INPUT, ("password",),
    )  # fmt: skip
    assert await Member.all().count() == 0


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
async def test_the_audit_is_only_ever_added_to(ports: Ports, sql: str) -> None:
    await transaction(lambda: record(ports, None, "test", "Member", new_id()))

    with pytest.raises(Exception, match="append-only") as caught:
        await execute(sql)

    assert not isinstance(caught.value, AssertionError | BaseORMException)
    assert [entry.action for entry in await AuditEntry.all()] == ["test"]


async def test_whoever_was_here_later_was_not_here_earlier(
    ports: Ports, clock: FrozenClock, world: World, may: Member
) -> None:
    session = await world.signed_in(may)
    clock.advance(timedelta(hours=-1))

    await refresh_session(ports, session.refresh_token)

    assert (await Member.get(id=may.id)).last_seen_at == clock.now() + timedelta(hours=1)


async def test_signing_in_needs_a_device(ports: Ports, may: Member) -> None:
    for device, field in ((Device("", "n"), "deviceId"), (Device("d", "a\nb"), "deviceName")):
        assert await refused(sign_in_with_code(ports, OLD, "1", device)) == (ErrorCode.BAD_USER_INPUT, (field,))
