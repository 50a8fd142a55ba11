"""Staying signed in: rotation that a lost answer survives and a thief does not; signing out."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.paging import Ask
from models.accounts import Member
from models.audit import AuditEntry
from models.sessions import DeniedToken, RefreshToken, Session, SignInCode, SignInFailure
from server.identity import identify
from services.accounts import actor_of
from services.ports import Ports
from services.sessions import (
    Device,
    SignedIn,
    list_sessions,
    refresh_session,
    sign_in_with_password,
    sign_out,
    tidy_sessions,
)
from services.signing import claims_of, deny_leaked, public_keys, rotate_keys
from tests.world import World

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PASSWORD = "correct horse battery"
DEVICE = Device("d1", "一号手机")


@pytest.fixture
def ports(ports: Ports) -> Ports:
    return replace(ports, settings=ports.settings.model_copy(update={"demo": True}))


@pytest.fixture
async def may(world: World) -> Member:
    return await world.learner("阿May")


@pytest.fixture
async def signed_in(world: World, may: Member) -> SignedIn:
    return await world.signed_in(may)


async def refused(work) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value


async def code_of(work) -> ErrorCode:
    return (await refused(work)).code


async def test_refreshing_gives_a_successor_and_a_fresh_access_token(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    clock.advance(timedelta(minutes=14))

    fresh = await refresh_session(ports, signed_in.refresh_token)

    assert (fresh.session_id, fresh.member_id) == (signed_in.session_id, signed_in.member_id)
    assert fresh.refresh_token != signed_in.refresh_token
    assert fresh.access_token_expires_at == clock.now() + timedelta(minutes=15)
    assert fresh.refresh_token_expires_at == clock.now() + 60 * DAY
    assert (await Session.get()).last_seen_at == clock.now()
    assert (await Member.get(id=signed_in.member_id)).last_seen_at == clock.now()


async def test_only_hashes_are_kept(ports: Ports, signed_in: SignedIn) -> None:
    fresh = await refresh_session(ports, signed_in.refresh_token)

    kept = {row["hash"] for row in await rows("SELECT hash FROM refresh_tokens")}
    assert kept == {
        hashlib.sha256(text.encode()).hexdigest() for text in (signed_in.refresh_token, fresh.refresh_token)
    }


async def test_a_lost_answer_is_given_again(ports: Ports, clock: FrozenClock, signed_in: SignedIn) -> None:
    first = await refresh_session(ports, signed_in.refresh_token)
    clock.advance(30 * DAY)

    again = await refresh_session(ports, signed_in.refresh_token)

    assert again.refresh_token == first.refresh_token
    assert again.refresh_token_expires_at == first.refresh_token_expires_at
    assert again.access_token_expires_at == clock.now() + timedelta(minutes=15)
    assert await RefreshToken.all().count() == 2


async def test_within_thirty_seconds_a_replay_is_harmless_even_after_the_successor_was_used(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    first = await refresh_session(ports, signed_in.refresh_token)
    clock.advance(10 * SECOND)
    await refresh_session(ports, first.refresh_token)
    clock.advance(20 * SECOND)

    again = await refresh_session(ports, signed_in.refresh_token)

    assert again.refresh_token == first.refresh_token
    assert (await Session.get()).ended_at is None


async def test_any_other_second_use_ends_the_family_and_is_audited(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    first = await refresh_session(ports, signed_in.refresh_token)
    newest = await refresh_session(ports, first.refresh_token)
    clock.advance(31 * SECOND)

    assert await code_of(refresh_session(ports, signed_in.refresh_token)) is ErrorCode.SESSION_REUSED

    session = await Session.get()
    assert (session.ended_at, session.end_reason) == (clock.now(), "REUSED")
    entry = await AuditEntry.get()
    assert (entry.action, entry.object_type, entry.object_id) == ("session.reused", "Session", session.id)
    assert await code_of(refresh_session(ports, newest.refresh_token)) is ErrorCode.SESSION_REUSED
    claims = await claims_of(ports, newest.access_token)
    assert await code_of(actor_of(ports, claims)) is ErrorCode.UNAUTHENTICATED
    assert await AuditEntry.all().count() == 1


async def test_a_reused_family_leaves_other_sessions_alone(
    ports: Ports, clock: FrozenClock, world: World, may: Member, signed_in: SignedIn
) -> None:
    other = await world.signed_in(may, "二号手机")
    first = await refresh_session(ports, signed_in.refresh_token)
    await refresh_session(ports, first.refresh_token)
    clock.advance(31 * SECOND)
    await refused(refresh_session(ports, signed_in.refresh_token))

    assert (await refresh_session(ports, other.refresh_token)).session_id == other.session_id


async def test_twenty_refreshes_at_once_give_one_successor(ports: Ports, signed_in: SignedIn) -> None:
    answers = await asyncio.gather(*(refresh_session(ports, signed_in.refresh_token) for _ in range(20)))

    assert len({answer.refresh_token for answer in answers}) == 1
    assert await RefreshToken.all().count() == 2


async def test_the_successor_cannot_be_worked_out_without_the_servers_key(ports: Ports, signed_in: SignedIn) -> None:
    here = await refresh_session(ports, signed_in.refresh_token)
    await RefreshToken.exclude(parent_hash=None).delete()
    await RefreshToken.all().update(used_at=None)
    elsewhere = replace(
        ports, settings=ports.settings.model_copy(update={"secret": ports.settings.secret.__class__("x" * 40)})
    )

    assert (await refresh_session(elsewhere, signed_in.refresh_token)).refresh_token != here.refresh_token


async def test_sixty_days_without_use_are_the_end(ports: Ports, clock: FrozenClock, signed_in: SignedIn) -> None:
    clock.advance(60 * DAY - SECOND)
    fresh = await refresh_session(ports, signed_in.refresh_token)
    clock.advance(60 * DAY)

    assert await code_of(refresh_session(ports, fresh.refresh_token)) is ErrorCode.SESSION_EXPIRED
    assert await RefreshToken.all().count() == 2


async def test_a_year_is_the_end_however_often_it_was_used(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    end = clock.now() + 365 * DAY
    latest = signed_in
    for _ in range(9):
        clock.advance(40 * DAY)
        latest = await refresh_session(ports, latest.refresh_token)

    assert latest.refresh_token_expires_at == end
    clock.at = end
    assert await code_of(refresh_session(ports, latest.refresh_token)) is ErrorCode.SESSION_EXPIRED
    assert await code_of(refresh_session(ports, latest.refresh_token)) is ErrorCode.SESSION_EXPIRED


@pytest.mark.parametrize(
    "text", ["", "x", "x" * 10_000, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]
)
async def test_an_unknown_token_is_an_expired_session(ports: Ports, database: None, text: str) -> None:
    assert await code_of(refresh_session(ports, text)) is ErrorCode.SESSION_EXPIRED


async def test_an_access_token_ends_with_its_session(ports: Ports, signed_in: SignedIn) -> None:
    claims = await claims_of(ports, signed_in.access_token)
    actor = await actor_of(ports, claims)

    assert await sign_out(ports, actor) == 1

    assert await code_of(actor_of(ports, claims)) is ErrorCode.UNAUTHENTICATED
    assert await code_of(refresh_session(ports, signed_in.refresh_token)) is ErrorCode.SESSION_EXPIRED


async def test_signing_out_another_device_leaves_this_one(ports: Ports, world: World, may: Member) -> None:
    actor, other = await world.actor(may), await world.signed_in(may, "二号手机")

    assert await sign_out(ports, actor, session_id=other.session_id) == 1

    assert [session.id for session in await Session.filter(ended_at=None)] == [actor.session_id]
    assert (await refused(sign_out(ports, actor, session_id=other.session_id))).code is ErrorCode.NOT_FOUND


async def test_signing_out_everywhere_ends_all_of_mine_and_none_of_yours(
    ports: Ports, world: World, may: Member
) -> None:
    actor = await world.actor(may)
    await world.signed_in(may, "二号手机")
    yours = await world.signed_in(await world.learner("小李"))

    assert await sign_out(ports, actor, everywhere=True) == 2

    assert [session.id for session in await Session.filter(ended_at=None)] == [yours.session_id]


async def test_nobody_signs_out_somebody_else(ports: Ports, world: World, may: Member) -> None:
    actor, yours = await world.actor(may), await world.signed_in(await world.learner("小李"))

    error = await refused(sign_out(ports, actor, session_id=yours.session_id))

    assert (error.code, error.field) == (ErrorCode.NOT_FOUND, ("sessionId",))
    assert await Session.filter(ended_at=None).count() == 2


async def test_living_sessions_are_listed_last_seen_first_page_by_page(
    ports: Ports, clock: FrozenClock, world: World, may: Member
) -> None:
    forgotten = await world.signed_in(may, "旧手机")
    clock.advance(60 * DAY)
    first = [await world.signed_in(may, name) for name in ("一号", "二号", "三号")]
    clock.advance(SECOND)
    await refresh_session(ports, first[0].refresh_token)
    ended = await world.signed_in(may, "已退出")
    await sign_out(ports, await actor_of(ports, await claims_of(ports, ended.access_token)))

    page = await list_sessions(ports, may.id, Ask(2))
    rest = await list_sessions(ports, may.id, Ask(2, after=[page.rows[-1].last_seen_at, page.rows[-1].id]))
    back = await list_sessions(
        ports, may.id, Ask(2, before=[rest.rows[0].last_seen_at, rest.rows[0].id], backwards=True)
    )

    listed = [session.device_name for session in [*page.rows, *rest.rows]]
    assert listed == ["一号", "三号", "二号"]
    assert (page.has_next, rest.has_next) == (True, False)
    assert back.rows == page.rows
    assert forgotten.session_id not in {session.id for session in page.rows}


async def test_staff_sign_in_by_password(ports: Ports, world: World) -> None:
    phone = world.phone()
    member = await world.member("主管", phone=phone, password=PASSWORD)

    found = await sign_in_with_password(ports, phone, PASSWORD, DEVICE)

    assert found.member_id == member.id
    assert await SignInFailure.all().count() == 0


async def test_whatever_is_wrong_the_credentials_are(ports: Ports, world: World) -> None:
    phone, without, gone = world.phone(), world.phone(), world.phone()
    await world.member("主管", phone=phone, password=PASSWORD)
    await world.member("店员", phone=without)
    suspended = await world.member("停用", phone=gone, password=PASSWORD)
    await Member.filter(id=suspended.id).update(suspended_at=ports.clock.now())

    heard = [
        await refused(sign_in_with_password(ports, number, password, DEVICE))
        for number, password in [(phone, "wrong"), (without, PASSWORD), (gone, PASSWORD), (world.phone(), PASSWORD)]
    ]

    assert [(error.code, error.field) for error in heard] == [(ErrorCode.CREDENTIALS_WRONG, None)] * 4
    assert await Session.all().count() == 0


async def test_what_is_long_over_is_forgotten(ports: Ports, clock: FrozenClock, signed_in: SignedIn) -> None:
    await SignInCode.create(
        id=signed_in.session_id, phone_index="0" * 64, purpose="SIGN_IN", code_hash="", created_at=clock.now(),
        expires_at=clock.now(),
    )  # fmt: skip
    clock.advance(365 * DAY + 29 * DAY)
    await tidy_sessions(ports)
    assert (await SignInCode.all().count(), await Session.all().count()) == (0, 1)

    clock.advance(2 * DAY)
    await tidy_sessions(ports)

    assert (await Session.all().count(), await RefreshToken.all().count()) == (0, 0)


async def test_living_tokens_survive_a_change_of_keys(ports: Ports, clock: FrozenClock, signed_in: SignedIn) -> None:
    new = await rotate_keys(ports)
    clock.advance(timedelta(minutes=3))

    fresh = await refresh_session(ports, signed_in.refresh_token)

    for token in (signed_in.access_token, fresh.access_token):
        assert (await claims_of(ports, token)).session_id == signed_in.session_id
    shown = [key["kid"] for key in (await public_keys(ports))["keys"]]
    assert (len(shown), shown[-1]) == (2, new)


async def test_a_process_that_missed_the_change_learns_the_key_from_the_first_token(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    elsewhere = replace(ports, tokens=type(ports.tokens)(ports.settings.key("tokens")))
    await claims_of(elsewhere, signed_in.access_token)
    elsewhere.tokens.loaded_at -= 5
    await rotate_keys(ports)
    clock.advance(timedelta(minutes=3))
    fresh = await refresh_session(ports, signed_in.refresh_token)

    assert (await claims_of(elsewhere, fresh.access_token)).session_id == signed_in.session_id


async def test_a_token_alone_is_refused_and_its_session_goes_on(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    other = await refresh_session(ports, signed_in.refresh_token)
    identity = await identify(ports, f"Bearer {signed_in.access_token}", "")
    assert identity is not None

    denied = [await deny_leaked(ports, signed_in.access_token) for _ in range(2)]

    assert denied == [True, False]
    assert await code_of(identify(ports, f"Bearer {signed_in.access_token}", "")) is ErrorCode.UNAUTHENTICATED
    assert await identify(ports, f"Bearer {other.access_token}", "") is not None
    assert (await refresh_session(ports, other.refresh_token)).access_token
    entry = await AuditEntry.get()
    assert (entry.action, entry.object_id, entry.actor_id) == ("token.denied", signed_in.session_id, None)


async def test_denying_needs_a_good_token(ports: Ports, clock: FrozenClock, signed_in: SignedIn) -> None:
    assert await code_of(deny_leaked(ports, f"{signed_in.access_token}x")) is ErrorCode.UNAUTHENTICATED
    clock.advance(timedelta(minutes=15))
    assert await code_of(deny_leaked(ports, signed_in.access_token)) is ErrorCode.UNAUTHENTICATED
    assert (await DeniedToken.all().count(), await AuditEntry.all().count()) == (0, 0)


async def test_signing_out_denies_the_token_presented_as_well(ports: Ports, world: World, may: Member) -> None:
    mine, other = await world.actor(may), await world.signed_in(may, "二号手机")

    await sign_out(ports, mine, session_id=other.session_id)
    assert await DeniedToken.all().count() == 0
    await sign_out(ports, mine)

    assert [row.token_id for row in await DeniedToken.all()] == [mine.token_id]


async def test_a_remembered_token_is_refused_at_the_next_request_in_every_process(
    ports: Ports, signed_in: SignedIn
) -> None:
    header = f"Bearer {signed_in.access_token}"
    elsewhere = replace(ports, tokens=type(ports.tokens)(ports.settings.key("tokens")))
    actors = [await identify(each, header, "") for each in (ports, elsewhere)]
    assert None not in actors
    assert [len(each.tokens._remembered) for each in (ports, elsewhere)] == [1, 1]

    await sign_out(ports, actors[0].actor)

    for each in (elsewhere, ports):
        assert await code_of(identify(each, header, "")) is ErrorCode.UNAUTHENTICATED
        assert len(each.tokens._remembered) == 0


async def test_refusals_are_forgotten_once_their_tokens_would_be_over(
    ports: Ports, clock: FrozenClock, signed_in: SignedIn
) -> None:
    await deny_leaked(ports, signed_in.access_token)
    clock.advance(timedelta(minutes=16))
    await tidy_sessions(ports)
    kept = await DeniedToken.all().count()

    clock.advance(SECOND)
    await tidy_sessions(ports)

    assert (kept, await DeniedToken.all().count()) == (1, 0)


async def test_many_processes_starting_at_once_make_one_key(ports: Ports) -> None:
    others = [replace(ports, tokens=type(ports.tokens)(ports.settings.key("tokens"))) for _ in range(8)]

    shown = await asyncio.gather(*(public_keys(each) for each in others))

    assert len({key["kid"] for each in shown for key in each["keys"]}) == 1
