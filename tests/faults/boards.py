"""When boards are right again."""

import asyncio

from gamification.standings import Question
from kit.clock import day_of
from kit.paging import Ask
from kit.words import BoardSubjectKind
from services.boards import answer_from_days, read_board
from services.ports import Ports
from tests.boards.story import board


async def equal_again(ports: Ports) -> None:
    """Return once the boards of the week answer by themselves what the counted days say."""
    everything = Question(Ask(100))
    for kind in BoardSubjectKind:
        of = board(ports, of=kind)
        while True:
            reading = await read_board(ports, of, everything)
            if not reading.stale and reading.answer == await answer_from_days(
                of, everything, day_of(ports.clock.now())
            ):
                break
            await asyncio.sleep(0.1)
