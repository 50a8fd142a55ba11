"""Deleting one's account: what is personal is gone, what others rely on stays, and nothing brings it back."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auth.actor import Actor
from auth.codes import DEMO_CODE
from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id, to_global
from kit.words import ConsentPurpose, OutletTier, Role
from models.accounts import Member
from models.consents import ConsentRecord
from models.courses import CourseRating
from models.exports import DataExport
from models.points import LedgerEntryRow
from models.sessions import Session, ended_among
from services.accounts import ProfileChange, update_profile
from services.audit import verify_audit
from services.board_building import rebuild
from services.board_verifying import verify_boards
from services.codes import request_sign_in_code
from services.courses import rate_course
from services.ledger import ledger_verify
from services.outlets import add_clerk
from services.ports import Ports
from services.privacy import give_consent
from services.privacy_deletion import delete_account, request_deletion_code
from services.privacy_export import make_exports, request_export, sweep_exports
from services.records import progress_verify
from services.sessions import Device, sign_in_with_code
from tests.accounts.letters import delivered
from tests.gql import Gql
from tests.world import World
from workers.relay import drain

PHONE, NAME, DEVICE = "+8613812345678", "阿May独一无二", "device-of-may-0001"
BOARD = """{ honourBoard(metric: POINTS, period: WEEK) { standings { totalCount nodes {
    subject { ... on Member { displayName } } } } } }"""

# Every column in which text could hide, with what it says of the row.
COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
JOIN pg_class t ON t.relname = c.table_name AND t.relnamespace = 'public'::regnamespace
WHERE c.table_schema = 'public' AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  AND c.data_type IN ('text', 'character varying', 'character', 'bytea', 'json', 'jsonb', 'ARRAY', 'tsvector')
"""


async def places_holding(*needles: str) -> list[str]:
    """table.column of every text or bytes of the database in which one of the needles is found."""
    found = []
    for column in await rows(COLUMNS):
        table, name = column["table_name"], column["column_name"]
        column_is = (
            f"position(convert_to($1, 'UTF8') IN \"{name}\") > 0"
            if column["data_type"] == "bytea"
            else f'position($1 IN "{name}"::text) > 0'
        )
        for needle in needles:
            [row] = await rows(f'SELECT count(*) AS hits FROM "{table}" WHERE {column_is}', needle)
            if row["hits"]:
                found.append(f"{table}.{name}: {needle}")
    return found


async def all_forms(ports: Ports) -> list[str]:
    """What must not be found: phone, name and device as they are, and what the phone is looked up and shown by."""
    return [PHONE, PHONE[3:], ports.phones.index(PHONE), ports.phones.mask(PHONE), NAME, DEVICE, "五星好评的话"]


@pytest.fixture
async def may(world: World, clock: FrozenClock) -> Member:
    """A shop owner with everything that a member leaves behind."""
    ports = world.ports
    shop = await world.outlet("好又来", region=await world.region("东莞"), tier=OutletTier.MODERN)
    member = await world.learner(NAME, outlet=shop, phone=PHONE)
    await Member.filter(id=member.id).update(
        avatar_media_id=(await world.media()).id, password_hash=await ports.passwords.hash("correct horse battery")
    )
    course = await world.course("陈列入门", lessons=2)
    clock.advance(timedelta(minutes=5))
    await world.studies(member, course)
    await request_sign_in_code(ports, PHONE, DEVICE)
    signed_in = await sign_in_with_code(ports, PHONE, DEMO_CODE, Device(DEVICE, f"{NAME}的手机"))
    actor = Actor(member.id, signed_in.session_id, ())
    await rate_course(ports, actor, course.id, 5, "五星好评的话")
    await give_consent(ports, actor, ConsentPurpose.TERMS, 1)
    await update_profile(ports, actor, ProfileChange(display_name=NAME))
    await world.assigned(course, member=member)
    await request_export(ports, actor)
    await make_exports(ports)
    await drain(ports)
    return await Member.get(id=member.id)


async def delete(gql: Gql, by: Member, code: str) -> Any:
    answer = await gql.run("DeleteMyAccount", {"input": {"code": code}}, by=by)
    assert "errors" not in answer, answer
    return answer["data"]["deleteMyAccount"]


async def asked_code(gql: Gql, by: Member) -> str:
    answer = await gql.ask(
        'mutation { requestDeletionCode(input: {deviceId: "d1"}) { expiresInSeconds userErrors { code } } }', by=by
    )
    assert answer["data"]["requestDeletionCode"] == {"expiresInSeconds": 300, "userErrors": []}
    return (await delivered(gql.ports)).code(PHONE)


async def test_the_phone_the_name_and_the_device_are_nowhere_in_the_database(
    gql: Gql, may: Member, clock: FrozenClock
) -> None:
    needles = await all_forms(gql.ports)
    before = await places_holding(*needles)
    clock.advance(timedelta(minutes=2))

    gone = await delete(gql, may, await asked_code(gql, may))
    await drain(gql.ports)

    assert {"members.display_name", "members.phone_index", "sessions.device_id", "course_ratings.comment"} <= {
        place.partition(":")[0] for place in before
    }
    assert gone["deletedAt"] is not None
    assert await places_holding(*needles) == []
    row = await Member.get(id=may.id)
    assert (row.display_name, row.phone_cipher, row.password_hash, row.avatar_media_id) == (
        "已注销用户",
        None,
        None,
        None,
    )


async def test_every_token_is_out_at_once(gql: Gql, world: World, may: Member) -> None:
    other_device = await gql.token(may)

    await delete(gql, may, DEMO_CODE)

    answer = await gql.http.post(
        "/graphql", json={"query": "{ viewer { id } }"}, headers={"authorization": f"Bearer {other_device}"}
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert {each.end_reason for each in await Session.all()} == {"ACCOUNT_DELETED"}
    assert await rows("SELECT 1 FROM refresh_tokens") == []


async def test_an_open_socket_ends_with_the_account(gql: Gql, may: Member) -> None:
    session_ids = [each.id for each in await Session.filter(member_id=may.id)]

    await delete(gql, may, DEMO_CODE)

    assert await ended_among(session_ids, gql.ports.clock.now()) == set(session_ids)


async def test_the_books_stay_whole_under_the_bare_id(gql: Gql, may: Member) -> None:
    before = await LedgerEntryRow.filter(member_id=may.id).count()

    await delete(gql, may, DEMO_CODE)
    await drain(gql.ports)

    assert await LedgerEntryRow.filter(member_id=may.id).count() == before > 0
    assert await ledger_verify() == []
    assert await progress_verify() == []
    await rebuild(gql.ports)
    assert await verify_boards(gql.ports) == []
    assert (await verify_audit(gql.ports)).fault is None
    [rating] = await CourseRating.all()
    assert (rating.stars, rating.comment) == (5, "")


async def test_posts_and_roles_end_and_the_boards_drop_the_member(gql: Gql, world: World, may: Member) -> None:
    other = await world.learner("小李")
    shown = await gql.ask(BOARD, by=other)

    await delete(gql, may, DEMO_CODE)
    await drain(gql.ports)

    assert shown["data"]["honourBoard"]["standings"]["totalCount"] == 1
    assert (await gql.ask(BOARD, by=other))["data"]["honourBoard"]["standings"] == {"totalCount": 0, "nodes": []}
    assert await rows("SELECT 1 FROM posts WHERE member_id = $1 AND (until_at IS NULL OR is_current)", may.id) == []
    assert await rows("SELECT 1 FROM role_grants WHERE member_id = $1 AND revoked_at IS NULL", may.id) == []


async def test_consents_are_taken_back_and_the_proof_stays(gql: Gql, may: Member) -> None:
    await delete(gql, may, DEMO_CODE)

    found = [(row.change, row.cause) for row in await ConsentRecord.all().order_by("id")]
    assert found == [("GIVEN", "MEMBER"), ("WITHDRAWN", "ACCOUNT_DELETED")]


async def test_exports_end_with_the_account_and_their_files_are_swept(gql: Gql, may: Member) -> None:
    export = await DataExport.get()
    assert export.size_bytes is not None

    await delete(gql, may, DEMO_CODE)
    await sweep_exports(gql.ports)

    assert (await DataExport.get()).status.value == "EXPIRED"
    assert not await gql.ports.storage.holds(export.storage_key, export.size_bytes)


async def test_an_export_in_the_making_is_thrown_away(gql: Gql, may: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, put = gql.ports.storage, type(gql.ports.storage).put_pieces

    async def deleted_meanwhile(self: Any, key: str, pieces: Any) -> int:
        size = await put(self, key, pieces)
        await delete(gql, may, DEMO_CODE)
        return size

    await request_export(gql.ports, Actor(may.id, new_id(), ()))
    monkeypatch.setattr(type(storage), "put_pieces", deleted_meanwhile)
    await make_exports(gql.ports)

    for export in await DataExport.all():
        path = gql.ports.settings.data_dir / "media" / export.storage_key
        assert export.status.value == "EXPIRED"
        assert not path.exists() or export.size_bytes is not None  # the finished one waits for the sweep


async def test_it_is_written_down_without_a_name(gql: Gql, may: Member) -> None:
    await delete(gql, may, DEMO_CODE)

    [entry] = await rows("SELECT actor_id, object_id, details::text, address FROM audit_entries"
                         " WHERE action = 'member.deleted'")  # fmt: skip
    assert entry == {"actor_id": may.id, "object_id": may.id, "details": "{}", "address": None}


async def test_the_same_phone_joins_anew_as_somebody_else(gql: Gql, world: World, may: Member) -> None:
    owner = await world.learner("店主")
    outlet_id = (await rows("SELECT outlet_id FROM posts WHERE member_id = $1", owner.id))[0]["outlet_id"]
    await delete(gql, may, DEMO_CODE)

    again = await add_clerk(world.ports, await world.actor(owner), outlet_id, PHONE, "May二世")

    assert again.id != may.id
    signed_in = await sign_in_with_code(world.ports, PHONE, DEMO_CODE, Device("d2", "新手机"))
    assert signed_in.member_id == again.id
    points = await gql.ask("{ viewer { displayName points { lifetime } } }", by=again)
    assert points["data"]["viewer"] == {"displayName": "May二世", "points": {"lifetime": 0}}


async def test_a_retry_after_a_lost_answer_is_safe(gql: Gql, world: World, may: Member) -> None:
    token = await gql.token(may)
    await delete(gql, may, DEMO_CODE)
    deleted = await Member.get(id=may.id)
    new = await world.member("同号新人", phone=PHONE)

    answer = await gql.http.post(
        "/graphql",
        json={"query": 'mutation { deleteMyAccount(input: {code: "888888"}) { deletedAt } }'},
        headers={"authorization": f"Bearer {token}"},
    )

    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await Member.get(id=may.id)).deleted_at == deleted.deleted_at
    assert (await Member.get(id=new.id)).deleted_at is None


async def test_of_ten_at_once_one_deletes_and_all_hear_the_same(ports: Ports, may: Member) -> None:
    actor = Actor(may.id, new_id(), ())

    heard = await asyncio.gather(*(delete_account(ports, actor, DEMO_CODE) for _ in range(10)))

    assert len(set(heard)) == 1
    assert len(await rows("SELECT 1 FROM audit_entries WHERE action = 'member.deleted'")) == 1


async def test_it_asks_for_a_fresh_code_of_its_own(ports: Ports, may: Member, clock: FrozenClock) -> None:
    strict = _without_demo(ports)
    actor = Actor(may.id, new_id(), ())
    clock.advance(timedelta(minutes=2))
    await request_sign_in_code(strict, PHONE, "d1")
    for_sign_in = (await delivered(strict)).code(PHONE)
    refused = [await _refusal(strict, actor, for_sign_in), await _refusal(strict, actor, DEMO_CODE)]
    clock.advance(timedelta(minutes=2))
    await request_deletion_code(strict, actor, "d1")
    code = (await delivered(strict)).code(PHONE)
    refused += [await _refusal(strict, actor, f"{(int(code) + 1) % 10**6:06}")]
    clock.advance(timedelta(minutes=5))
    refused += [await _refusal(strict, actor, code)]

    assert refused == [ErrorCode.CODE_WRONG] * 3 + [ErrorCode.CODE_EXPIRED]
    assert (await Member.get(id=may.id)).deleted_at is None
    assert await Session.filter(member_id=may.id, ended_at__isnull=True).exists()


async def test_five_wrong_codes_use_it_up(ports: Ports, may: Member, clock: FrozenClock) -> None:
    strict, actor = _without_demo(ports), Actor(may.id, new_id(), ())
    clock.advance(timedelta(minutes=2))
    await request_deletion_code(strict, actor, "d1")
    code = (await delivered(strict)).code(PHONE)

    wrong = [await _refusal(strict, actor, f"{(int(code) + 1) % 10**6:06}") for _ in range(5)]

    assert wrong == [ErrorCode.CODE_WRONG] * 5
    assert await _refusal(strict, actor, code) is ErrorCode.CODE_EXPIRED


async def test_the_last_admin_of_everything_stays(gql: Gql, world: World) -> None:
    chief = await world.staff(Role.ADMIN)
    local = await world.staff(Role.ADMIN, await world.region())

    refused = await delete(gql, chief, DEMO_CODE)
    await delete(gql, local, DEMO_CODE)

    assert [(each["code"], each["field"]) for each in refused["userErrors"]] == [("STATE_FORBIDS", None)]
    row = await Member.get(id=chief.id)
    assert (row.deleted_at, row.display_name) == (None, "管理员")
    assert (await gql.ask("{ viewer { roles } }", by=chief))["data"]["viewer"]["roles"] == ["ADMIN"]


async def test_of_the_last_two_admins_one_may_go(ports: Ports, world: World) -> None:
    chiefs = [await world.staff(Role.ADMIN) for _ in range(2)]

    answers = await asyncio.gather(
        *(delete_account(ports, Actor(chief.id, new_id(), ()), DEMO_CODE) for chief in chiefs), return_exceptions=True
    )

    [refused] = [answer for answer in answers if isinstance(answer, DomainError)]
    assert refused.code is ErrorCode.STATE_FORBIDS
    assert await Member.filter(deleted_at__isnull=True).count() == 1


async def test_somebody_without_a_phone_cannot_prove_it(ports: Ports, world: World) -> None:
    member = await world.member()
    await Member.filter(id=member.id).update(phone_cipher=None, phone_index=None, masked_phone=None)

    assert await _refusal(ports, Actor(member.id, new_id(), ()), DEMO_CODE) is ErrorCode.STATE_FORBIDS


async def test_what_raced_with_it_brings_nothing_back(ports: Ports, world: World, may: Member) -> None:
    """Requests that were let in a moment before, and reach their transaction a moment after."""
    actor, outlet = Actor(may.id, new_id(), ()), await world.outlet()
    await delete_account(ports, actor, DEMO_CODE)

    with pytest.raises(DomainError) as renamed:
        await update_profile(ports, actor, ProfileChange(display_name=NAME))
    with pytest.raises(DomainError) as posted:
        await world.post(may, outlet)
    with pytest.raises(DomainError) as exported:
        await request_export(ports, actor)
    with pytest.raises(DomainError) as agreed:
        await give_consent(ports, actor, ConsentPurpose.TERMS, 1)

    codes = [each.value.code for each in (renamed, exported, agreed)]
    assert codes == [ErrorCode.UNAUTHENTICATED] * 3
    assert posted.value.code is ErrorCode.UNAVAILABLE
    assert await places_holding(NAME) == []


async def test_a_clerk_added_while_the_account_goes_is_somebody_new(ports: Ports, world: World, may: Member) -> None:
    owner = await world.learner("店主")
    outlet_id = (await rows("SELECT outlet_id FROM posts WHERE member_id = $1", owner.id))[0]["outlet_id"]
    by = await world.actor(owner)

    added, _ = await asyncio.gather(
        add_clerk(ports, by, outlet_id, PHONE, "小李"), delete_account(ports, Actor(may.id, new_id(), ()), DEMO_CODE)
    )

    held = await rows("SELECT member_id FROM posts WHERE until_at IS NULL AND member_id = $1", may.id)
    assert held == []
    assert (await Member.get(id=may.id)).deleted_at is not None
    assert added.id == may.id or (await Member.get(id=added.id)).phone_index == ports.phones.index(PHONE)


async def test_staff_no_longer_find_the_member(gql: Gql, world: World, may: Member) -> None:
    admin = await world.staff(Role.ADMIN)
    await delete(gql, may, DEMO_CODE)

    answer = await gql.ask("{ members { nodes { id } } }", by=admin)

    assert to_global("Member", may.id) not in str(answer["data"])


async def _refusal(ports: Ports, actor: Actor, code: str) -> ErrorCode:
    with pytest.raises(DomainError) as refused:
        await delete_account(ports, actor, code)
    return refused.value.code


def _without_demo(ports: Ports) -> Ports:
    return replace(ports, settings=ports.settings.model_copy(update={"demo": False}))
