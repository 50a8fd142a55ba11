"""The apps' own operations of signing in and of the profile, over HTTP."""

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.sessions import Session
from services.accounts import actor_of
from services.people import suspend_member
from services.ports import Ports
from tests.accounts.letters import delivered
from tests.gql import Gql
from tests.world import World

PHONE, NEW = "+8613800138000", "+8613900139000"
DEVICE = {"deviceId": "d1", "deviceName": "一号手机"}


@pytest.fixture
async def may(world: World) -> Member:
    return await world.learner("阿May", phone=PHONE)


async def signed_in(gql: Gql, ports: Ports, phone: str = PHONE) -> dict[str, Any]:
    await gql.data("RequestSignInCode", {"input": {"phone": phone, "deviceId": "d1"}})
    code = (await delivered(ports)).code(phone)
    data = await gql.data("SignInWithCode", {"input": {"phone": phone, "code": code, **DEVICE}})
    session: dict[str, Any] = data["signInWithCode"]
    return session


async def by_token(gql: Gql, query: str, token: str) -> dict[str, Any]:
    response = await gql.post({"query": query}, headers={"authorization": f"Bearer {token}"})
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_learner_signs_in_by_code(gql: Gql, ports: Ports, clock: FrozenClock, may: Member) -> None:
    asked = await gql.data("RequestSignInCode", {"input": {"phone": PHONE, "deviceId": "d1"}})
    code = (await delivered(ports)).code(PHONE)

    data = await gql.data("SignInWithCode", {"input": {"phone": PHONE, "code": code, **DEVICE}})

    assert asked == {"requestSignInCode": {"retryAfterSeconds": 60, "expiresInSeconds": 300, "userErrors": []}}
    answer = data["signInWithCode"]
    assert answer["userErrors"] == []
    assert answer["viewer"] == {"id": to_global("Member", may.id), "displayName": "阿May", "roles": ["LEARNER"]}
    assert answer["session"]["accessTokenExpiresAt"] == "2026-03-02T04:15:00Z"
    assert answer["session"]["refreshTokenExpiresAt"] == "2026-05-01T04:00:00Z"
    me = await by_token(gql, "{ viewer { id } }", answer["session"]["accessToken"])
    assert me["data"] == {"viewer": {"id": to_global("Member", may.id)}}


async def test_a_wrong_code_is_a_user_error_and_no_session(gql: Gql, may: Member) -> None:
    data = await gql.data("SignInWithCode", {"input": {"phone": PHONE, "code": "000000", **DEVICE}})

    assert data["signInWithCode"] == {
        "session": None,
        "viewer": None,
        "userErrors": [{"code": "CODE_WRONG", "message": "The code is wrong.", "field": ["code"]}],
    }
    assert await Session.all().count() == 0


async def test_too_many_codes_are_throttled_at_the_top(gql: Gql, clock: FrozenClock, may: Member) -> None:
    variables = {"input": {"phone": PHONE, "deviceId": "d1"}}
    for _ in range(5):
        await gql.data("RequestSignInCode", variables)
        clock.advance(timedelta(minutes=1))

    answer = await gql.run("RequestSignInCode", variables)

    assert answer["data"] == {"requestSignInCode": None}
    [error] = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfterSeconds"]) == ("THROTTLED", 55 * 60)
    assert error["extensions"]["requestId"]


async def test_staff_sign_in_by_password(gql: Gql, world: World) -> None:
    phone = world.phone()
    member = await world.member("主管", phone=phone, password="correct horse")

    right = await gql.data("SignInWithPassword", {"input": {"phone": phone, "password": "correct horse", **DEVICE}})
    wrong = await gql.data("SignInWithPassword", {"input": {"phone": phone, "password": "wrong horse", **DEVICE}})

    assert right["signInWithPassword"]["viewer"]["id"] == to_global("Member", member.id)
    assert wrong["signInWithPassword"]["session"] is None
    assert [error["code"] for error in wrong["signInWithPassword"]["userErrors"]] == ["CREDENTIALS_WRONG"]


async def test_a_session_is_refreshed_whatever_token_the_header_holds(
    gql: Gql, ports: Ports, clock: FrozenClock, may: Member
) -> None:
    session = (await signed_in(gql, ports))["session"]
    clock.advance(timedelta(hours=1))
    stale = await by_token(gql, "{ viewer { id } }", session["accessToken"])

    data = await gql.data("RefreshSession", {"input": {"refreshToken": session["refreshToken"]}})

    assert [error["extensions"]["code"] for error in stale["errors"]] == ["UNAUTHENTICATED"]
    fresh = data["refreshSession"]
    assert fresh["userErrors"] == []
    assert fresh["session"]["refreshToken"] != session["refreshToken"]
    me = await by_token(gql, "{ viewer { id } }", fresh["session"]["accessToken"])
    assert me["data"] == {"viewer": {"id": to_global("Member", may.id)}}


async def test_a_reused_session_says_so(gql: Gql, ports: Ports, clock: FrozenClock, may: Member) -> None:
    first = (await signed_in(gql, ports))["session"]["refreshToken"]
    second = (await gql.data("RefreshSession", {"input": {"refreshToken": first}}))["refreshSession"]["session"]
    await gql.data("RefreshSession", {"input": {"refreshToken": second["refreshToken"]}})
    clock.advance(timedelta(seconds=31))

    data = await gql.data("RefreshSession", {"input": {"refreshToken": first}})

    assert data["refreshSession"]["session"] is None
    assert [error["code"] for error in data["refreshSession"]["userErrors"]] == ["SESSION_REUSED"]
    gone = await by_token(gql, "{ viewer { id } }", second["accessToken"])
    assert [error["extensions"]["code"] for error in gone["errors"]] == ["UNAUTHENTICATED"]


async def test_twenty_refreshes_over_http_give_one_successor(gql: Gql, ports: Ports, may: Member) -> None:
    token = (await signed_in(gql, ports))["session"]["refreshToken"]

    answers = await asyncio.gather(*(gql.data("RefreshSession", {"input": {"refreshToken": token}}) for _ in range(20)))

    assert len({answer["refreshSession"]["session"]["refreshToken"] for answer in answers}) == 1


async def test_sessions_are_seen_and_ended(gql: Gql, ports: Ports, world: World, may: Member) -> None:
    other = await Session.get(id=(await _second_device(gql, ports, may)))

    data = await gql.data("MySessions", by=may)
    ended = await gql.data("SignOut", {"input": {"sessionId": to_global("Session", other.id)}}, by=may)
    again = await gql.data("SignOut", {"input": {"sessionId": to_global("Session", other.id)}}, by=may)
    rest = await gql.data("SignOut", {"input": {"everywhere": True, "sessionId": None}}, by=may)

    assert {(node["deviceName"], node["current"]) for node in data["viewer"]["sessions"]["nodes"]} == {
        ("Test", True),
        ("一号手机", False),
    }
    assert ended["signOut"] == {"signedOutSessions": 1, "userErrors": []}
    assert [(error["code"], error["field"]) for error in again["signOut"]["userErrors"]] == [
        ("NOT_FOUND", ["sessionId"])
    ]
    assert rest["signOut"]["signedOutSessions"] == 1


async def _second_device(gql: Gql, ports: Ports, member: Member):
    await signed_in(gql, ports)
    await gql.token(member.id)
    return (await Session.get(device_id="d1")).id


async def test_signing_out_needs_no_more_than_a_token(gql: Gql, ports: Ports, may: Member) -> None:
    token = (await signed_in(gql, ports))["session"]["accessToken"]

    out = await by_token(gql, "mutation { signOut(input: {}) { signedOutSessions } }", token)
    after = await by_token(gql, "{ viewer { id } }", token)
    signed_out = await gql.run("SignOut", {"input": {}})

    assert out["data"] == {"signOut": {"signedOutSessions": 1}}
    assert [error["extensions"]["code"] for error in after["errors"]] == ["UNAUTHENTICATED"]
    assert [error["extensions"]["code"] for error in signed_out["errors"]] == ["UNAUTHENTICATED"]


async def test_the_profile_shows_what_was_changed(gql: Gql, world: World, may: Member) -> None:
    picture = await world.picture(of=may)
    wanted = {"displayName": "梅姐", "avatarMediaId": to_global("Media", picture.id), "hiddenOnBoards": None}

    data = await gql.data("UpdateProfile", {"input": wanted}, by=may)
    bad = await gql.data("UpdateProfile", {"input": {"displayName": ""}}, by=may)

    viewer = data["updateProfile"]["viewer"]
    assert (viewer["displayName"], viewer["hiddenOnBoards"]) == ("梅姐", False)
    assert str(picture.id) in viewer["avatarUrl"]
    assert bad["updateProfile"] == {
        "viewer": None,
        "userErrors": [
            {"code": "BAD_USER_INPUT", "message": "This value is not valid.", "field": ["displayName"]},
        ],
    }


async def test_a_phone_is_changed(gql: Gql, ports: Ports, may: Member) -> None:
    source = (
        "mutation ($input: RequestChangePhoneCodesInput!)"
        " { requestChangePhoneCodes(input: $input) { retryAfterSeconds expiresInSeconds userErrors { code } } }"
    )
    asked = await gql.ask(source, {"input": {"newPhone": NEW}}, by=may)
    letters = await delivered(ports)
    wanted = {"newPhone": NEW, "codeFromOld": letters.code(PHONE), "codeFromNew": letters.code(NEW)}

    data = await gql.data("ChangePhone", {"input": wanted}, by=may)

    assert asked["data"]["requestChangePhoneCodes"] == {
        "retryAfterSeconds": 60, "expiresInSeconds": 300, "userErrors": [],
    }  # fmt: skip
    assert data["changePhone"] == {
        "viewer": {"id": to_global("Member", may.id), "maskedPhone": "139****9000"},
        "userErrors": [],
    }


async def test_a_suspended_member_is_unauthenticated_at_the_next_request(
    gql: Gql, ports: Ports, world: World, may: Member
) -> None:
    token = (await signed_in(gql, ports))["session"]["accessToken"]
    boss = await world.staff(Role.ADMIN)
    claims = ports.tokens.verify(await gql.token(boss.id), ports.clock.now())
    await suspend_member(ports, await actor_of(ports, claims), may.id, "转卖账号")

    answer = await by_token(gql, "{ viewer { id } }", token)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_the_published_keys_prove_our_tokens(gql: Gql, ports: Ports, may: Member) -> None:
    token = (await signed_in(gql, ports))["session"]["accessToken"]
    jwks = jwt.PyJWKSet.from_dict((await gql.http.get("/.well-known/jwks.json")).json())

    key = jwks[jwt.get_unverified_header(token)["kid"]].key
    claims = jwt.decode(
        token, key, ["ES256"], audience="academy-app", options={"verify_exp": False, "verify_iat": False}
    )

    assert claims["sub"] == str(may.id)


async def test_people_find_themselves_and_their_colleagues_by_id_and_nobody_else(
    gql: Gql, ports: Ports, world: World, may: Member
) -> None:
    stranger = await world.learner("陌生人")
    session = await Session.get(id=(await _second_device(gql, ports, may)))
    ids = [to_global("Member", may.id), to_global("Member", stranger.id), to_global("Session", session.id)]

    mine = await gql.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}, by=may)
    theirs = await gql.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}, by=stranger)
    nobodys = await gql.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})

    assert mine["data"]["nodes"] == [{"id": ids[0]}, None, {"id": ids[2]}]
    assert theirs["data"]["nodes"] == [None, {"id": ids[1]}, None]
    assert nobodys["data"]["nodes"] == [None, None, None]
