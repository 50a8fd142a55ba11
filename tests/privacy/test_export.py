"""Everything kept on a member as a file: all of it, for its owner alone, for a day."""

import asyncio
import sys
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.ids import new_id
from kit.settings import Settings
from kit.words import ConsentPurpose, ExportStatus, OutletTier, PostRole
from models.accounts import Member
from models.exports import EXCUSED, SECTIONS, DataExport
from services import privacy_export
from services.courses import rate_course
from services.ports import Ports
from services.privacy import give_consent
from services.privacy_export import MOST_A_DAY, MOST_TRIES, make_exports, sweep_exports
from tests.gql import Gql
from tests.process import ROOT, environment
from tests.world import World
from workers.relay import drain

PHONE = "+8613812345678"
ASK = "query ($id: ID!) { node(id: $id) { ... on DataExport { id status url expiresAt sizeBytes } } }"

# Columns that refer to a member: by a foreign key, or by what they are called.
REFERENCES = """
SELECT c.table_name || '.' || c.column_name AS name FROM information_schema.columns c
JOIN pg_class t ON t.relname = c.table_name AND t.relnamespace = 'public'::regnamespace
WHERE c.table_schema = 'public' AND c.data_type = 'uuid' AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  AND (c.column_name ~ '(^|_)(by|(member|actor|owner|author|host|lecturer|learner|winner|voter|subject|viewer)_id)$'
       OR EXISTS (SELECT FROM pg_constraint k
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
                  WHERE k.contype = 'f' AND k.conrelid = t.oid AND k.confrelid = 'members'::regclass
                    AND a.attname = c.column_name))
"""


@pytest.fixture
async def may(world: World, clock: FrozenClock) -> Member:
    """Somebody with something in nearly every table."""
    shop = await world.outlet("好又来", region=await world.region("东莞"), tier=OutletTier.MODERN)
    member = await world.learner("阿May", outlet=shop, phone=PHONE)
    course = await world.course("陈列入门", lessons=2)
    clock.advance(timedelta(minutes=5))
    await world.studies(member, course)
    actor = await world.actor(member)
    await give_consent(world.ports, actor, ConsentPurpose.TERMS, 1)
    await rate_course(world.ports, actor, course.id, 5, "当天就改了货架")
    await world.assigned(course, member=member)
    await drain(world.ports)
    return member


async def ask(gql: Gql, by: Member, key: object = None) -> Any:
    fields = {"idempotencyKey": str(key)} if key else {}
    return (await gql.data("ExportMyData", {"input": fields}, by=by))["exportMyData"]


async def made(gql: Gql, by: Member) -> dict[str, Any]:
    """An export of the member's, ready."""
    asked = await ask(gql, by)
    await make_exports(gql.ports)
    found = (await gql.ask(ASK, {"id": asked["export"]["id"]}, by=by))["data"]["node"]
    assert found["status"] == "READY", found
    return dict(found)


async def files(gql: Gql, export: dict[str, Any]) -> dict[str, Any]:
    answer = await gql.http.get(export["url"])
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == export["sizeBytes"] == int(answer.headers["content-length"])
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: orjson.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


async def test_every_reference_to_a_member_is_exported_or_excused(database: None) -> None:
    """A new table that knows members fails here: it belongs into SECTIONS, or with a reason into EXCUSED."""
    found = {row["name"] for row in await rows(REFERENCES)}

    covered = {column for section in SECTIONS for column in section.covers}

    assert found - covered - EXCUSED.keys() == set()
    assert (covered | EXCUSED.keys()) - found <= {"audit_entries.object_id"}  # of many types; named here for members
    assert not covered & EXCUSED.keys()


async def test_the_file_holds_what_is_kept_and_the_own_phone_in_clear(gql: Gql, may: Member) -> None:
    export = await made(gql, may)

    found = await files(gql, export)

    assert set(found) == {"profile.json", *(f"{section.name}.json" for section in SECTIONS)}
    assert (found["profile.json"]["phone"], found["profile.json"]["display_name"]) == (PHONE, "阿May")
    assert [(post["name"], post["role"]) for post in found["outlets.json"]] == [("好又来", "OWNER")]
    assert [(course["title"], course["percent"]) for course in found["courses.json"]] == [("陈列入门", 100)]
    assert len(found["learning-events.json"]) == len(found["lessons.json"]) == 2
    assert [(each["stars"], each["comment"]) for each in found["ratings.json"]] == [(5, "当天就改了货架")]
    assert [(each["purpose"], each["change"]) for each in found["consents.json"]] == [("TERMS", "GIVEN")]
    lifetime = [line["amount"] for line in found["point-entries.json"] if line["account"] == "LIFETIME"]
    assert sum(lifetime) == found["point-account.json"][0]["lifetime"] > 0
    assert {"consent.given", "data.export_requested"} <= {each["action"] for each in found["audit.json"]}
    assert found["sessions.json"][0]["device_name"] == "一号手机"
    for name in ("roles", "places", "learned-days", "board-totals", "learning-seconds", "point-facts", "assignments"):
        assert found[f"{name}.json"], name


async def test_what_opens_something_and_what_is_of_others_is_in_no_export(gql: Gql, world: World, may: Member) -> None:
    other = await world.learner("小李", role=PostRole.CLERK, phone="+8613700000009")
    await world.signed_in(other, "别人的手机")

    text = str(await files(gql, await made(gql, may)))

    row = await Member.get(id=may.id)
    hashes = [each["hash"] for each in await rows("SELECT hash FROM refresh_tokens")]
    assert hashes
    for secret in (row.phone_index, *hashes, "小李", "别人的手机", str(other.id), "13700000009"):
        assert str(secret) not in text


async def test_somebody_with_nothing_gets_empty_lists(gql: Gql, world: World) -> None:
    nobody = await world.member()

    found = await files(gql, await made(gql, nobody))

    assert found["point-entries.json"] == found["outlets.json"] == []


async def test_there_is_one_at_a_time_and_three_a_day(gql: Gql, may: Member, clock: FrozenClock) -> None:
    at_once = await asyncio.gather(*(ask(gql, may) for _ in range(10)))
    await make_exports(gql.ports)
    for _ in range(MOST_A_DAY - 1):
        await made(gql, may)

    over = await ask(gql, may)
    clock.advance(timedelta(days=1))
    next_day = await ask(gql, may)

    assert len({each["export"]["id"] for each in at_once}) == 1
    assert (over["export"], [each["code"] for each in over["userErrors"]]) == (None, ["LIMIT_REACHED"])
    assert next_day["export"]["status"] == "QUEUED"
    assert await DataExport.all().count() == MOST_A_DAY + 1


async def test_the_same_key_gives_the_same_export_again(gql: Gql, may: Member) -> None:
    key = uuid4()

    first = await ask(gql, may, key)
    await make_exports(gql.ports)
    again = await ask(gql, may, key)

    assert again["export"] == {"id": first["export"]["id"], "status": "READY"}
    assert await DataExport.all().count() == 1


async def test_nobody_else_finds_it(gql: Gql, world: World, may: Member) -> None:
    export = await made(gql, may)
    stranger = await world.learner("小李")

    answers = [await gql.ask(ASK, {"id": export["id"]}, by=by) for by in (stranger, None)]

    assert [answer["data"]["node"] for answer in answers] == [None, None]


async def test_the_address_is_good_for_a_day_and_then_the_file_is_gone(
    gql: Gql, may: Member, clock: FrozenClock
) -> None:
    export = await made(gql, may)
    row = await DataExport.get()
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    last = await gql.http.get(export["url"])
    await sweep_exports(gql.ports)
    kept = await gql.ports.storage.holds(row.storage_key, export["sizeBytes"])
    clock.advance(timedelta(seconds=1))

    over = await gql.http.get(export["url"])
    before_sweep = (await gql.ask(ASK, {"id": export["id"]}, by=may))["data"]["node"]
    await sweep_exports(gql.ports)

    assert (last.status_code, kept, over.status_code) == (200, True, 403)
    assert before_sweep["url"] is None
    assert not await gql.ports.storage.holds(row.storage_key, export["sizeBytes"])
    swept = await DataExport.get()
    assert (swept.status, swept.removed_at) == (ExportStatus.EXPIRED, clock.now())


@pytest.mark.parametrize("change", ["until=9", "signature=x", "another"])
async def test_a_changed_address_is_refused(gql: Gql, may: Member, change: str) -> None:
    url = (await made(gql, may))["url"]
    name, _, query = url.partition("?")
    changed = {
        "until=9": f"{name}?{query.replace('until=', 'until=9')}",
        "signature=x": f"{name}?{query[:-1]}{'A' if query[-1] != 'A' else 'B'}",
        "another": f"{name[:-36]}{new_id()}?{query}",
    }[change]

    assert (await gql.http.get(changed)).status_code == 403


@pytest.mark.parametrize("path", ["x", f"{UUID(int=7)}", f"{UUID(int=7)}?until=x&signature=y"])
async def test_no_address_at_all_is_refused(gql: Gql, path: str) -> None:
    assert (await gql.http.get(f"/exports/{path}")).status_code == 403


async def test_what_fails_is_tried_again_later_and_given_up_in_the_end(
    gql: Gql, may: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(gql.ports.storage), "put_pieces", _full_disk)
    await ask(gql, may)
    tries = []
    for _ in range(MOST_TRIES + 1):
        await make_exports(gql.ports)
        await make_exports(gql.ports)  # not at once
        tries.append((await DataExport.get()).tries)
        clock.advance(timedelta(minutes=1))

    given_up = await DataExport.get()
    monkeypatch.undo()
    await made(gql, may)

    assert tries == [1, 2, 3, 4, 5, 6]
    assert given_up.status is ExportStatus.FAILED


async def _full_disk(_: object, key: str, pieces: AsyncIterator[bytes]) -> int:
    async for _piece in pieces:
        raise OSError("no space left")
    return 0


async def test_two_workers_make_it_once(gql: Gql, may: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 0
    storage, put = gql.ports.storage, type(gql.ports.storage).put_pieces

    async def counting(self: Any, key: str, pieces: AsyncIterator[bytes]) -> int:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)
        return await put(self, key, pieces)

    monkeypatch.setattr(type(storage), "put_pieces", counting)
    await ask(gql, may)

    await asyncio.gather(*(make_exports(gql.ports) for _ in range(3)))

    assert begun == 1
    assert (await DataExport.get()).status is ExportStatus.READY


async def test_a_worker_killed_in_the_middle_leaves_it_to_the_next_one(
    gql: Gql, may: Member, clock: FrozenClock, settings: Settings
) -> None:
    await ask(gql, may)
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.privacy.dying_worker", str(settings.data_dir), clock.now().isoformat(),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env=environment(ACADEMY_DATABASE_URL=settings.database_url or "", ACADEMY_REDIS_URL=settings.redis_url or ""),
    )  # fmt: skip
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"half way\n"
    clock.advance(timedelta(minutes=2))

    await make_exports(gql.ports)
    while_it_lived = await DataExport.get()
    dying.kill()
    await dying.wait()
    async with asyncio.timeout(30):
        while (await DataExport.get()).status is not ExportStatus.READY:  # PostgreSQL notices the death, and frees it
            await make_exports(gql.ports)
            await asyncio.sleep(0.05)

    assert (while_it_lived.status, while_it_lived.tries) == (ExportStatus.RUNNING, 1)
    row = await DataExport.get()
    assert row.tries == 2
    assert row.size_bytes is not None
    assert await gql.ports.storage.holds(row.storage_key, row.size_bytes)
    folder = Path(settings.data_dir) / "media" / "exports"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".draft")] == []


async def test_a_long_history_takes_no_more_memory_than_a_short_one(
    ports: Ports, gql: Gql, world: World, may: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Megabytes pass through; what is held at a time does not grow with them."""
    lesson = (await rows("SELECT id FROM lessons LIMIT 1"))[0]["id"]

    async def peak() -> int:
        tracemalloc.start()
        async for _ in privacy_export._pieces(ports, may.id):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    await peak()
    short = await peak()
    await execute(
        "INSERT INTO learning_events (member_id, event_id, lesson_id, kind, occurred_at, received_at, spans, digest,"
        " credited_seconds, pending_seconds) SELECT $1, gen_random_uuid(), $2, 'WATCHED', now(), now(), '{0,1}',"
        " sha256(n::text::bytea), 0, 0 FROM generate_series(1, 30000) n",
        may.id, lesson,
    )  # fmt: skip
    long = await peak()

    assert long < short + 3_000_000  # the rows alone are some ten megabytes


async def test_a_killed_write_leaves_nothing_that_a_sweep_does_not_find(ports: Ports) -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield b"half of it"

    storage = ports.storage
    await storage.put_pieces("exports/broken-off.zip", broken_off())
    folder = Path(ports.settings.data_dir) / "media" / "exports"
    (folder / ".draft-broken-off.zip").write_bytes(b"half of it")

    await storage.delete("exports/broken-off.zip")
    await storage.delete("exports/broken-off.zip")

    assert list(folder.glob("*broken-off.zip*")) == list(folder.glob(".*broken-off.zip*")) == []
