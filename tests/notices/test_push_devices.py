"""Where phones can be pushed to: kept as long as the session, and never for somebody who has left the phone."""

import asyncio
from typing import Any

import pytest

from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.notices import PushDevice
from models.sessions import Session
from services.sessions import sign_out
from tests.gql import Gql
from tests.notices.story import REGISTER
from tests.world import World


async def register(gql: Gql, by: Member | None, **fields: object) -> dict[str, Any]:
    told = {"deviceId": "phone-1", "provider": "JPUSH", "token": "1a0018970a8e1b2c3d4", **fields}
    return await gql.ask(REGISTER, {"input": told}, by=by)


async def holders() -> list[tuple[str, str, Any]]:
    """(device, token, member) of all that is registered, by device."""
    return [(row.device_id, row.token, row.member_id) for row in await PushDevice.all().order_by("device_id")]


async def test_the_same_again_changes_nothing(gql: Gql, world: World) -> None:
    may = await world.learner()
    first = await register(gql, may)
    [before] = await PushDevice.all().values()

    again = await asyncio.gather(*(register(gql, may) for _ in range(10)))

    done = {"registered": True, "userErrors": []}
    assert [answer["data"]["registerPushDevice"] for answer in (first, *again)] == [done] * 11
    assert await PushDevice.all().values() == [before]


async def test_a_new_token_takes_the_place_of_the_phones_old_one(gql: Gql, world: World) -> None:
    may = await world.learner()
    await register(gql, may, token="old")

    await register(gql, may, token="new", provider="APNS")

    assert await holders() == [("phone-1", "new", may.id)]


async def test_a_phone_is_of_the_member_who_signed_in_last(gql: Gql, world: World) -> None:
    may, clerk = await world.learner(), await world.learner("小李")
    await register(gql, may)

    await register(gql, clerk)

    assert await holders() == [("phone-1", "1a0018970a8e1b2c3d4", clerk.id)]


async def test_a_token_that_turns_up_on_another_phone_moves_there(gql: Gql, world: World) -> None:
    may, clerk = await world.learner(), await world.learner("小李")
    await register(gql, may)

    await register(gql, clerk, deviceId="phone-2")

    assert await holders() == [("phone-2", "1a0018970a8e1b2c3d4", clerk.id)]


async def test_members_racing_for_phones_and_tokens_leave_no_token_on_two_phones(gql: Gql, world: World) -> None:
    people = [await world.learner(f"学员{number}") for number in range(6)]
    phones, tokens = ("phone-1", "phone-2", "phone-3"), ("red", "green")

    answers = await asyncio.gather(
        *(
            register(gql, member, deviceId=phones[(number + turn) % 3], token=tokens[(number + turn) % 2])
            for turn in range(4)
            for number, member in enumerate(people)
        )
    )

    assert all(answer["data"]["registerPushDevice"]["registered"] for answer in answers)
    found = await holders()
    assert 1 <= len(found) == len({token for _, token, _ in found}) <= len(tokens)
    assert {member_id for _, _, member_id in found} <= {member.id for member in people}


async def test_signing_out_forgets_the_phone_and_no_other(gql: Gql, world: World) -> None:
    may, clerk = await world.learner(), await world.learner("小李")
    await register(gql, may)
    await register(gql, clerk, deviceId="phone-2", token="other")

    await gql.ask("mutation { signOut(input: {}) { signedOutSessions } }", by=may)

    assert await holders() == [("phone-2", "other", clerk.id)]


async def test_a_suspension_forgets_the_phone(gql: Gql, world: World) -> None:
    may, admin = await world.learner(), await world.staff(Role.ADMIN)
    await register(gql, may)

    shut = {"memberId": to_global("Member", may.id), "suspended": True, "reason": "试一试"}
    await gql.data("SuspendMember", {"input": shut}, by=admin)

    assert await holders() == []


async def test_of_signing_out_and_registering_at_once_no_phone_is_left(gql: Gql, world: World) -> None:
    for _ in range(10):
        may = await world.learner()
        actor = await world.actor(may)
        gql._sessions[may.id] = actor.session_id

        await asyncio.gather(register(gql, may), sign_out(world.ports, actor), register(gql, may))

        assert await Session.filter(id=actor.session_id, ended_at__isnull=True).count() == 0
        assert await holders() == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deviceId": ""}, "deviceId"),
        ({"deviceId": "d" * 65}, "deviceId"),
        ({"deviceId": "a\nb"}, "deviceId"),
        ({"token": ""}, "token"),
        ({"token": "t" * 513}, "token"),
        ({"token": "令牌"}, "token"),
        ({"token": "two words"}, "token"),
        ({"token": "tab\t"}, "token"),
    ],
    ids=str,
)
async def test_what_is_no_phone_and_no_token_is_refused(
    gql: Gql, world: World, fields: dict[str, Any], field: str
) -> None:
    may = await world.learner()
    await register(gql, may, token="before")

    refused = (await register(gql, may, **fields))["data"]["registerPushDevice"]

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("BAD_USER_INPUT", [field])]
    assert refused["registered"] is None
    assert await holders() == [("phone-1", "before", may.id)]


async def test_nobody_signed_out_registers_a_phone(gql: Gql, world: World) -> None:
    answer = await register(gql, None)

    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await holders() == []
