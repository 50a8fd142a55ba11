"""Everybody is verified, whoever does it: this process alone, or several, each with a part of the members."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from kit.crew import Crew, crew
from kit.db import open_database, rows
from models import MODULES
from services import ledger, records, verifying
from services.ledger import ledger_verify
from services.ports import Ports
from services.records import progress_verify
from services.verifying import ALONE, verifiers
from tests.points.story import lesson, say
from tests.points.test_ledger import tamper
from tests.progress import desk
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
IN_A_PART = 3
BORDERS = (0, 2, 3, 5, 6, 9)
"""The first and the last of the whole, and those on either side of the marks."""


@pytest.fixture
async def everybody(world: World, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Ten learners by id, in parts of three."""
    for module in (ledger, records):
        monkeypatch.setattr(module, "MEMBERS_AT_ONCE", IN_A_PART)
    film = await world.course(seconds=60)
    for number in range(10):
        may = await desk.learner(ports, await desk.station(ports, f"S{number}"))
        await desk.send(ports, may, desk.watched(film.lesson_ids[0], (0, 60), at=ports.clock.now() - HOUR))
    return [row["member_id"] for row in await rows("SELECT member_id FROM point_accounts ORDER BY member_id")]


@pytest.fixture(params=["alone", "two processes"])
async def who(request: pytest.FixtureRequest, ports: Ports) -> AsyncIterator[Crew]:
    async with crew(
        0 if request.param == "alone" else 2, partial(open_database, ports.settings.database_url, MODULES, pool_size=1)
    ) as found:
        yield found


async def test_nobody_is_skipped_at_the_borders_of_the_parts(everybody: list[UUID], who: Crew) -> None:
    wrong = [everybody[number] for number in BORDERS]
    listed = ", ".join(f"'{member_id}'" for member_id in wrong)
    await tamper(f"UPDATE point_accounts SET top_level = 7 WHERE member_id IN ({listed})")
    await tamper(f"UPDATE lesson_progress SET watched_seconds = 59 WHERE member_id IN ({listed})")

    points, learning = await ledger_verify(crew=who), await progress_verify(crew=who)

    assert [(each.member_id, each.what, each.kept, each.found) for each in points] == [
        (member_id, "highest level", 7, 1) for member_id in wrong
    ]
    assert [(each.member_id, each.kept, each.found) for each in learning] == [
        (member_id, 59, 60) for member_id in wrong
    ]


async def test_processes_find_what_one_finds_in_the_same_order(everybody: list[UUID], who: Crew) -> None:
    await tamper("UPDATE ledger_entries SET amount = amount + 1 WHERE account_version = 1")
    await tamper(f"DELETE FROM point_accounts WHERE member_id = '{everybody[3]}'")
    await tamper(f"DELETE FROM learning_events WHERE member_id = '{everybody[9]}'")
    await tamper(f"DELETE FROM lesson_progress WHERE member_id = '{everybody[6]}'")

    found = [await progress_verify(crew=who), await ledger_verify(crew=who)]

    assert found == [await progress_verify(), await ledger_verify()]
    assert {each.member_id for each in found[1] if each.what.startswith("account of a row in")} == {everybody[3]}
    ids = [each.member_id for each in found[1] if not each.what.startswith("account of a row in")]
    assert sorted(set(ids)) == [each for each in everybody if each != everybody[3]]
    assert ids == sorted(ids)
    assert {each.member_id for each in found[0]} == {everybody[6], everybody[9]}


@pytest.mark.parametrize("audit", [ledger_verify, progress_verify])
async def test_progress_is_told_part_by_part(everybody: list[UUID], who: Crew, audit: Callable[..., object]) -> None:
    told: list[tuple[int, int]] = []

    await audit(lambda done, total: told.append((done, total)), who)  # type: ignore[misc]

    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]


async def test_who_comes_while_others_are_verified_belongs_to_a_part(everybody: list[UUID], ports: Ports) -> None:
    late: list[UUID] = []

    async def one_more() -> None:
        may = (await desk.learner(ports)).member_id
        await say(ports, lesson(may, 1, NOON))
        await tamper(f"UPDATE point_accounts SET top_level = 7 WHERE member_id = '{may}'")
        late.append(may)

    marks = await ledger.books.account_marks(IN_A_PART)
    await one_more()
    found = await verifying.verified(ALONE, ledger._verify_part, marks, None)

    assert [each.member_id for each in found] == late


async def test_a_small_academy_starts_no_process(everybody: list[UUID], ports: Ports) -> None:
    async with verifiers(ports) as few, verifiers(ports, 1) as told:
        assert few._pool is None
        assert told._pool is not None


async def test_a_large_academy_is_verified_by_every_core(
    everybody: list[UUID], ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "WORTH_A_PROCESS", 10)
    monkeypatch.setattr(verifying, "cores", lambda: 2)

    async with verifiers(ports) as found:
        assert found._pool is not None
        assert await ledger_verify(crew=found) == []
