"""The audit is a chain: whole under many writers, and whatever is done to it by hand is found and named."""

import asyncio
import hashlib
import json
import re
from datetime import UTC
from uuid import UUID

import pytest
from tortoise.exceptions import BaseORMException

from auth.actor import Actor
from kit.db import before_commit, execute, rows, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from models.audit import AuditEntry, AuditHead, Link, entries_after, linked, sealed
from services.audit import record, verify_audit
from services.ports import Ports
from tests.process import ROOT
from tests.test_cli import run_here
from tests.test_house import FLOOR
from tests.world import World

THING = UUID(int=7)
WRITERS = 50


async def deeds(ports: Ports, count: int, **details: object) -> None:
    for number in range(1, count + 1):
        await transaction(lambda number=number: record(ports, None, "test", "Thing", THING, {"n": number, **details}))


async def by_hand(*statements: str) -> None:
    """As somebody with the database's own password might: no trigger stands in the way."""

    async def work() -> None:
        for table in ("audit_entries", "audit_head"):
            await execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await execute(statement)
        for table in ("audit_entries", "audit_head"):
            await execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    await transaction(work)


async def test_a_hash_is_what_the_decision_record_says(ports: Ports) -> None:
    actor = Actor(new_id(), new_id(), (), address="203.0.113.9")
    await transaction(
        lambda: record(ports, actor, "member.suspended", "Member", THING, {"原因": "作弊", "a": [1, True]})
    )
    await transaction(lambda: record(ports, None, "test", "Thing", THING, region_path="44/4419/"))

    first, second = await AuditEntry.all().order_by("sequence")

    before = bytes(32)
    for entry, tail in ((first, [None, "203.0.113.9"]), (second, ["44/4419/", None])):
        text = json.dumps(
            [
                1,
                entry.sequence,
                str(entry.id),
                entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
                str(entry.actor_id) if entry.actor_id else None,
                entry.action,
                entry.object_type,
                str(entry.object_id),
                entry.details,
                *tail,
            ],
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
        )
        assert entry.hash == hashlib.sha256(before + text.encode()).hexdigest()
        before = bytes.fromhex(entry.hash)
    assert (first.sequence, second.sequence, second.actor_id) == (1, 2, None)
    assert (await AuditHead.get()).hash == second.hash


async def test_fifty_writers_at_once_leave_no_gap(ports: Ports) -> None:
    async def write(number: int) -> None:
        async def work() -> None:
            await record(ports, None, "test", "Thing", THING, {"writer": number, "deed": 1})
            await execute("SELECT 1")
            await record(ports, None, "test", "Thing", THING, {"writer": number, "deed": 2})
            if number % 5 == 0:
                raise DomainError(ErrorCode.CONFLICT)

        await transaction(work)

    answers = await asyncio.gather(*(write(number) for number in range(WRITERS)), return_exceptions=True)

    kept = await AuditEntry.all().order_by("sequence")
    assert sum(isinstance(answer, DomainError) for answer in answers) == WRITERS // 5
    assert [entry.sequence for entry in kept] == list(range(1, 2 * (WRITERS - WRITERS // 5) + 1))
    pairs = [
        (first.details["writer"], second.details["writer"]) for first, second in zip(kept[::2], kept[1::2], strict=True)
    ]
    assert all(first == second for first, second in pairs)
    proof = await verify_audit(ports)
    assert (proof.entries, proof.hash, proof.fault) == (len(kept), kept[-1].hash, None)


async def test_whoever_holds_the_log_waits_for_nobody(ports: Ports, world: World) -> None:
    """Some record and then lock a row, others lock it and then record: with the log locked at once they would block."""
    member = await world.member()
    begun: list[bool] = []

    async def work(*, first: bool) -> None:
        begun.append(first)
        if first:
            await record(ports, None, "test", "Member", member.id)
        await execute("UPDATE members SET hidden_on_boards = NOT hidden_on_boards WHERE id = $1", member.id)
        if not first:
            await record(ports, None, "test", "Member", member.id)

    await asyncio.gather(*(transaction(lambda first=first: work(first=first)) for first in [True, False] * 10))

    assert len(begun) == 20, "some met a deadlock and began again"
    assert (await verify_audit(ports)).entries == 20


async def test_what_is_rolled_back_was_never_recorded(ports: Ports) -> None:
    async def work() -> None:
        await record(ports, None, "test", "Thing", THING)
        raise DomainError(ErrorCode.CONFLICT)

    with pytest.raises(DomainError):
        await transaction(work)

    assert await AuditEntry.all().count() == 0
    assert (await verify_audit(ports)).fault is None


async def test_a_deed_that_cannot_be_recorded_is_not_done(ports: Ports, world: World) -> None:
    member = await world.member("阿May")

    async def work() -> None:
        await execute("UPDATE members SET display_name = '改' WHERE id = $1", member.id)
        await record(ports, None, "test", "Member", member.id, {"share": 0.5})

    with pytest.raises(ValueError, match="float"):
        await transaction(work)

    assert await rows("SELECT display_name FROM members") == [{"display_name": "阿May"}]


async def test_outside_a_transaction_nothing_is_put_off_to_its_end(ports: Ports) -> None:
    async def never() -> None:
        raise AssertionError

    with pytest.raises(AssertionError, match="no open transaction"):
        before_commit(never)
    with pytest.raises(AssertionError, match="no open transaction"):
        await record(ports, None, "test", "Thing", THING)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("call 13800138000 now", "call *** now"),
        ("+86 138-0013-8000", "***"),
        ("打138 0013 8000，谢谢", "打***，谢谢"),
        ("+852 9123 4567", "***"),
        ("outlet 4419012345", "outlet 4419012345"),
        ("0193f1c2-1381-7234-8000-138001380000", "0193f1c2-1381-7234-8000-138001380000"),
    ],
)
async def test_phones_that_people_type_are_crossed_out(ports: Ports, said: str, kept: str) -> None:
    await transaction(lambda: record(ports, None, "test", "Thing", THING, {"reason": said, "more": [{"a": said}]}))

    assert (await AuditEntry.get()).details == {"reason": kept, "more": [{"a": kept}]}


@pytest.mark.parametrize("table", ["audit_entries", "audit_head"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET sequence = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_log_is_only_ever_added_to(ports: Ports, table: str, sql: str) -> None:
    await deeds(ports, 2)
    before = await everything()

    with pytest.raises(Exception, match="append-only") as caught:
        await execute(sql.format(table))

    assert not isinstance(caught.value, AssertionError | BaseORMException)
    assert await everything() == before


async def test_the_database_itself_takes_no_entry_out_of_turn(ports: Ports) -> None:
    await deeds(ports, 2)
    before = await everything()

    for sequence in (2, 4):
        with pytest.raises(Exception, match="does not follow"):
            await execute(
                "INSERT INTO audit_entries SELECT gen_random_uuid(), at, actor_id, action, object_type, object_id,"
                f" details, {sequence}, region_path, address, hash, seal FROM audit_entries WHERE sequence = 2"
            )

    assert await everything() == before


HAND = {
    "an action": ("UPDATE audit_entries SET action = 'x' WHERE sequence = 3", "entry 3 "),
    "an actor": ("UPDATE audit_entries SET actor_id = gen_random_uuid() WHERE sequence = 3", "entry 3 "),
    "a moment": ("UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE sequence = 3", "entry 3 "),
    "a detail": ("UPDATE audit_entries SET details = details || '{\"n\": 9}' WHERE sequence = 3", "entry 3 "),
    "a fraction": ("UPDATE audit_entries SET details = '{\"n\": 3.0}' WHERE sequence = 3", "entry 3 "),
    "a region": ("UPDATE audit_entries SET region_path = '44/' WHERE sequence = 3", "entry 3 "),
    "an address": ("UPDATE audit_entries SET address = '::1' WHERE sequence = 3", "entry 3 "),
    "a hash": ("UPDATE audit_entries SET hash = repeat('a', 64) WHERE sequence = 3", "entry 3 "),
    "a seal": ("UPDATE audit_entries SET seal = repeat('a', 64) WHERE sequence = 3", "entry 3 "),
    "the first": ("DELETE FROM audit_entries WHERE sequence = 1", "entry 1 is missing"),
    "one within": ("DELETE FROM audit_entries WHERE sequence = 3", "entry 3 is missing"),
    "the last": ("DELETE FROM audit_entries WHERE sequence = 5", "entry 5 is missing"),
    "all": ("DELETE FROM audit_entries", "entry 1 is missing"),
    "the head": ("DELETE FROM audit_head", "the head does not name entry 5"),
    "the head's hash": ("UPDATE audit_head SET hash = repeat('a', 64)", "the head does not name entry 5"),
}


@pytest.mark.parametrize(("statement", "named"), HAND.values(), ids=list(HAND))
async def test_what_is_done_by_hand_is_found_and_named(ports: Ports, statement: str, named: str) -> None:
    await deeds(ports, 5)
    assert (await verify_audit(ports)).fault is None

    await by_hand(statement)

    fault = (await verify_audit(ports)).fault
    assert fault is not None
    assert fault.startswith(named)


async def test_two_entries_that_changed_places_are_found(ports: Ports) -> None:
    await deeds(ports, 5)

    await by_hand(
        "UPDATE audit_entries SET sequence = -2 WHERE sequence = 2",
        "UPDATE audit_entries SET sequence = 2 WHERE sequence = 4",
        "UPDATE audit_entries SET sequence = 4 WHERE sequence = -2",
    )

    proof = await verify_audit(ports)
    assert proof.entries == 1
    assert proof.fault is not None
    assert proof.fault.startswith("entry 2 ")


async def test_a_chain_made_anew_without_the_secret_is_found(ports: Ports) -> None:
    """Every hash from the changed entry on is right again, and the head too."""
    await deeds(ports, 4)
    await by_hand("UPDATE audit_entries SET action = 'harmless' WHERE sequence = 2")
    found = await verify_audit(ports)
    here = Link(1, found.hash)
    for kept in await entries_after(1, 10):
        here = linked(here, kept.deed)
        seal = sealed(b"another secret", here)
        await by_hand(
            f"UPDATE audit_entries SET hash = '{here.hash}', seal = '{seal}' WHERE sequence = {here.sequence}"
        )
    await by_hand(f"UPDATE audit_head SET hash = '{here.hash}'")

    fault = (await verify_audit(ports)).fault

    assert fault is not None
    assert fault.startswith("entry 2 ")
    assert fault.endswith("its seal is wrong")


async def test_the_command_counts_the_log_and_names_the_first_bad_row(ports: Ports) -> None:
    await deeds(ports, 3)
    fine = run_here(ports.settings, "audit", "verify")
    head = (await AuditHead.get()).hash

    await by_hand("UPDATE audit_entries SET action = 'x' WHERE sequence = 2")
    code, said = run_here(ports.settings, "audit", "verify")

    entry = await AuditEntry.get(sequence=2)
    assert fine == (0, f"3 entries are in order; the last hash is {head}")
    assert code == 1
    assert f"entry 2 ({entry.id}) is not as it was written" in said
    assert "1 entries before it are in order." in said


async def test_progress_is_told_to_the_end(ports: Ports) -> None:
    await deeds(ports, 3)
    told: list[tuple[int, int]] = []

    await verify_audit(ports, lambda done, of: told.append((done, of)))

    assert told == [(3, 3)]


async def everything() -> list[object]:
    return [await rows(f"SELECT * FROM {name} ORDER BY sequence") for name in ("audit_entries", "audit_head")]


def test_recording_is_the_only_way_into_the_log() -> None:
    """Nobody else puts an entry into the table, or asks the chain to take one."""
    places = [path for top in FLOOR if (ROOT / top).is_dir() for path in (ROOT / top).rglob("*.py")]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in places}

    into = {place for place, text in texts.items() if re.search(r"INTO audit_(entries|head)|UPDATE audit_", text)}
    asking = {
        place
        for place, text in texts.items()
        if re.search(r"(?<!class )\bAuditEntry\(|AuditEntry\.(create|bulk)", text)
    }
    calling = {place for place, text in texts.items() if re.search(r"models\.audit import[^)]*\bappend\b", text)}

    assert into == {"models/audit.py", "models/migrations/0008_audit_chain.py"}
    assert asking == set()
    assert calling == {"services/audit.py"}
