"""The game as hypothesis plays it, and seven bugs that it has to trip over.

`ACADEMY_GAME_EXAMPLES=500 ACADEMY_GAME_STEPS=60 ACADEMY_GAME_SEED=7 make test ARGS=tests/game` plays longer and other
games, and compares every board after each; what every run plays is always the same.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.asyncio import Redis

from gamification.boards import HonourBoards
from services.ports import Ports
from tests.game.desk import Broken, Crowd, Desk
from tests.game.machine import Game
from tests.game.plants import PLANTS, Plant
from tests.servers import Wiper

SHORT = 6
EXAMPLES = int(os.environ.get("ACADEMY_GAME_EXAMPLES", SHORT))
STEPS = int(os.environ.get("ACADEMY_GAME_STEPS", "30"))
SEED = int(os.environ.get("ACADEMY_GAME_SEED", "1"))
MOST_FOR_A_PLANT = 60
"""Games within which a bug must be caught; a handful is enough for each."""

Play = Callable[..., None]


class Tripped(BaseException):
    """The machine tripped over a plant. No `Exception`, so that hypothesis lets it pass and plays nothing again."""


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    """The loop that the databases are opened on; a test that is no coroutine runs it itself."""
    return asyncio.get_running_loop()


@pytest.fixture
def play(
    ports: Ports, patient: Redis, _database: Wiper, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> Play:
    """Play a number of games, each in an academy of its own, with a bug planted into it if one is given."""

    def play(games: int, plant: Plant | None = None) -> None:
        async def fresh() -> Desk:
            monkeypatch.undo()  # with what the plant remembers of the game before
            monkeypatch.setattr("services.progress._turns", Crowd())
            if plant is not None:
                plant.plant(monkeypatch)
            await _database.wipe()
            await patient.flushdb()
            return Desk(replace(ports, redis=patient, boards=HonourBoards(patient)))

        def run(step: Coroutine[Any, Any, Any]) -> Any:
            try:
                return loop.run_until_complete(step)
            except Broken as broken:
                if plant is None:
                    raise
                raise Tripped(broken) from broken

        run_state_machine_as_test(
            seed(SEED)(lambda: Game(run, fresh, thorough=EXAMPLES > SHORT)),
            settings=settings(
                max_examples=games, stateful_step_count=STEPS, deadline=None, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip

    return play


def test_whatever_happens_the_server_keeps_its_word(play: Play) -> None:
    play(EXAMPLES)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_caught(play: Play, plant: Plant) -> None:
    with pytest.raises(Tripped) as caught:
        play(MOST_FOR_A_PLANT, plant)

    [broken] = caught.value.args
    assert broken.what in plant.breaks, broken
