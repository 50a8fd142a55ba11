"""A build that is broken off, by its own death or Valkey's, is never seen and never in the way of the next one."""

import asyncio
import signal
import sys
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from gamification.boards import HonourBoards
from gamification.standings import Question, Scope
from kit.clock import FrozenClock, day_of
from kit.embedded import Valkey
from kit.paging import Ask
from kit.settings import Settings
from kit.words import BoardPeriod, BoardSubjectKind
from models.boards import region_tree_digest
from server.wiring import build_ports
from services.board_building import check_boards, rebuild
from services.board_projection import kept_families
from services.board_verifying import verify_boards
from services.boards import answer_from_days, read_board
from services.ports import Ports
from tests.boards.story import Learner, Tree, board, earn, learner, outlet, settle, tree
from tests.process import PATIENCE_SECONDS, ROOT, environment

ALL = Question(Ask(100))
STEPS = [("begin", 7), ("fill", 3), ("compose", 2), ("finish", 1), ("finish", 9)]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, a Valkey that is there is never taken to be away."""
    monkeypatch.setattr("gamification.boards.READ_SECONDS", PATIENCE_SECONDS)


async def town(ports: Ports) -> tuple[Tree, list[Learner]]:
    """Learners at every station, each with points of their own."""
    land = await tree()
    people = [await learner(ports, await outlet(ports, station)) for station in land.stations for _ in range(3)]
    for points, who in enumerate(people, start=1):
        await earn(ports, who, points)
    return land, people


async def half_built(ports: Ports, step: str, count: int) -> list[bytes]:
    """Have a process build all boards and die at that step; the keys that say that something is being built."""
    settings = ports.settings
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.boards.dying_builder", str(settings.data_dir), ports.clock.now().isoformat(),
        step, str(count), cwd=ROOT,
        env=environment(ACADEMY_DATABASE_URL=settings.database_url or "", ACADEMY_REDIS_URL=settings.redis_url or ""),
    )  # fmt: skip
    assert await dying.wait() == -signal.SIGKILL
    return await alive(ports)


async def alive(ports: Ports) -> list[bytes]:
    return [key async for key in ports.redis.scan_iter("board:*:a")]


async def answers(ports: Ports, land: Tree) -> set[bool]:
    """Read boards of every kind, each as the counted days have it; whether any of them were stale."""
    stale: set[bool] = set()
    ports = replace(ports, boards=HonourBoards(ports.boards._building))
    scopes = [Scope(), Scope(land.city.id), Scope(land.counties[0].id), Scope(land.stations[0].id)]
    for kind, period, scope in product(BoardSubjectKind, (BoardPeriod.WEEK, BoardPeriod.ALL_TIME), scopes):
        of = board(ports, period=period, scope=scope, of=kind)
        reading = await read_board(ports, of, ALL)
        assert reading.answer == await answer_from_days(of, ALL, day_of(ports.clock.now()))
        stale.add(reading.stale)
    return stale


async def differences(ports: Ports) -> list[str]:
    """Of boards; the counted days of these stories have no rows behind them."""
    return [str(each) for each in await verify_boards(ports) if not each.where.startswith("metric_days")]


async def generations(ports: Ports) -> set[int]:
    """How many generations there are of each family."""
    counts: dict[bytes, set[bytes]] = {}
    async for key in ports.redis.scan_iter("board:*}:*"):
        family, _, rest = key.partition(b"}:")
        counts.setdefault(family, set()).add(rest.partition(b":")[0])
    return {len(found) for found in counts.values()}


@pytest.mark.parametrize(("step", "count"), STEPS)
async def test_a_builder_that_is_killed_is_not_seen_and_the_next_leaves_nothing_of_it(
    ports: Ports, step: str, count: int
) -> None:
    land, people = await town(ports)
    await check_boards(ports)

    begun = await half_built(ports, step, count)
    seen = await answers(ports, land)
    await earn(ports, people[0], 50)
    await settle(ports)
    seen_later = await answers(ports, land)
    rebuilt = await rebuild(ports)

    assert begun
    assert seen == seen_later == {False}
    assert rebuilt
    assert await answers(ports, land) == {False}
    assert await differences(ports) == []
    assert await alive(ports) == []
    assert await generations(ports) == {1}


@pytest.mark.parametrize(("step", "count"), STEPS)
async def test_where_nothing_was_shown_before_the_worker_builds_what_a_killed_builder_has_not(
    ports: Ports, step: str, count: int
) -> None:
    land, people = await town(ports)

    begun = await half_built(ports, step, count)
    seen = await answers(ports, land)
    await earn(ports, people[0], 50)
    await settle(ports)
    seen_later = await answers(ports, land)
    await check_boards(ports)

    assert begun
    assert True in seen & seen_later
    assert await ports.boards.missing(await kept_families(ports.clock.now())) == []
    assert await answers(ports, land) == {False}
    assert await differences(ports) == []
    assert await alive(ports) == []
    assert await generations(ports) == {1}


@pytest.mark.parametrize(("step", "count"), [*STEPS, ("trust", 1)])
async def test_boards_are_built_again_when_valkey_comes_back_empty_while_they_are_built(
    settings: Settings, database: None, clock: FrozenClock, own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch,
    step: str, count: int,
) -> None:  # fmt: skip
    real, asked, seen = getattr(HonourBoards, step), 0, set[bool]()

    async def emptied_before(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == count:
            assert own_valkey.process is not None
            own_valkey.process.kill()
            await asyncio.to_thread(own_valkey.process.wait)
            await asyncio.to_thread(own_valkey.start)
            seen.update(await answers(ports, land))
        return await real(*given)

    async with build_ports(settings.model_copy(update={"redis_url": own_valkey.url()}), clock=clock) as ports:
        land, _ = await town(ports)
        await check_boards(ports)
        before = await ports.boards.mark(await region_tree_digest())
        monkeypatch.setattr(HonourBoards, step, emptied_before)
        monkeypatch.setattr("services.board_building.FILLERS", 1)  # or others give up on it while it is away

        shown = await rebuild(ports)

        mark = await ports.boards.mark(await region_tree_digest())
        assert mark != before
        assert seen == {True}
        assert shown
        assert await ports.boards.trusted(mark) == (step != "trust")
        await check_boards(ports)
        assert await ports.boards.trusted(mark)
        assert await answers(ports, land) == {False}
        assert await differences(ports) == []
        assert await alive(ports) == []
