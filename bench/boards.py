"""A page of an honour board with one's own line and neighbours: from the sorted sets and from SQL, side by side.

    .venv/bin/python -m bench.boards --learners 32000

The two ways take turns, so that a busy machine is busy for both; what to look at is the ratio.
"""

import random

from bench.ground import Figure, city, main, percentiles
from gamification.periods import period_of
from gamification.standings import Board, Family, Question, Scope
from kit.clock import day_of, monotonic
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from services.board_building import rebuild
from services.boards import answer_from_days, read_board
from services.ports import Ports

ROUNDS = 30


async def figures(ports: Ports, learners: int) -> list[Figure]:
    members = await city(learners)
    start = monotonic()
    await rebuild(ports)
    found = [Figure("all honour boards built from SQL", f"{monotonic() - start:.1f} s")]
    today = day_of(ports.clock.now())
    for kind in (BoardPeriod.DAY, BoardPeriod.WEEK, BoardPeriod.ALL_TIME):
        board = Board(Family(BoardMetric.POINTS, period_of(kind, today, ()), BoardSubjectKind.MEMBER), Scope())
        kept: list[float] = []
        counted: list[float] = []
        for _ in range(ROUNDS):
            question = Question(Ask(20), random.choice(members), 5)  # noqa: S311
            start = monotonic()
            reading = await read_board(ports, board, question)
            middle = monotonic()
            answer = await answer_from_days(board, question, today)
            counted.append(monotonic() - middle)
            kept.append(middle - start)
            assert not reading.stale
            assert reading.answer == answer
        (fast, fast_99), (slow, slow_99) = percentiles(kept), percentiles(counted)
        found.append(
            Figure(
                f"a page of {kind.value}, own line, 10 neighbours: p50, p99",
                f"{fast:.1f} ms, {fast_99:.1f} ms",
                beside=f"SQL: {slow:.0f} ms, {slow_99:.0f} ms; {slow / fast:.0f}x, {slow_99 / fast_99:.0f}x",
            )
        )
    return found


if __name__ == "__main__":
    main(__doc__, figures)
