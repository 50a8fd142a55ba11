"""How far the boards that are shown are from the rows behind them: a sample, again and again, for whoever watches."""

import asyncio

from gamification.boards import BoardsAway
from gamification.periods import period_of
from gamification.standings import Board, Family, Question, Scope
from kit.clock import day_of
from kit.metrics import counted
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from models.boards import recent_members
from services.boards import answer_from_days, past_day
from services.ports import Ports
from services.seasons import named_seasons

SAMPLE = 50
AGAIN_SECONDS = 2.0
"""What has just been earned is on the boards by then, unless the relay lags: and that has a figure of its own."""


async def measure_drift(ports: Ports) -> None:
    """A tick: take down what `board_drift` says."""
    found = await board_drift(ports)
    if found is not None:
        for name, standings in zip(("compared", "differing"), found, strict=True):
            counted.drift.labels(name).set(standings)


async def board_drift(ports: Ports, again_seconds: float = AGAIN_SECONDS) -> tuple[int, int] | None:
    """(standings compared, of which differing) on this week's board of everyone; None while Valkey is away.

    Those who earned today are asked about, some of them if they are many. What differs is looked at twice.
    """
    now = ports.clock.now()
    week = period_of(BoardPeriod.WEEK, day_of(now), await named_seasons())
    board = Board(Family(BoardMetric.POINTS, week, BoardSubjectKind.MEMBER), Scope())
    asked = await recent_members(BoardMetric.POINTS, day_of(now), SAMPLE)
    differing = set(asked)
    for pause in (0.0, again_seconds):
        await asyncio.sleep(pause)
        question = Question(asked=tuple(differing))
        try:
            shown = await ports.boards.read(board, question, past_day(week, day_of(now)))
        except BoardsAway:
            return None
        true = await answer_from_days(board, question, day_of(now))
        differing = {
            member_id
            for member_id in differing
            if (one := shown.asked.get(member_id)) != (other := true.asked.get(member_id))
            and (one is None or other is None or one.packed != other.packed)
        }
        if not differing:
            break
    return len(asked), len(differing)
