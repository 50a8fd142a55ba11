"""The game as hypothesis plays it: anything may happen in any order, and after each step the server keeps its word."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.game import checks
from tests.game.desk import DAY, Desk

who = st.integers(0, 5)
lesson = st.integers(0, 5)
ago = st.one_of(
    st.integers(0, 8 * 24 * 4).map(lambda quarters: timedelta(minutes=15 * quarters)),
    st.integers(0, 5).map(lambda days: days * DAY),
)
"""How long ago something happened: up to eight days, of which the last is too late for a phone. Many are alike."""
lessons = st.lists(st.tuples(lesson, ago), min_size=1, max_size=4)
DEEDS = (
    "lesson.completed", "course.completed", "quiz.passed", "live.attended", "replay.watched", "class.checked_in",
    "task.claimed", "stage.passed", "duel.won", "contest.placed",
)  # fmt: skip
deeds = st.dictionaries(
    st.tuples(st.sampled_from(DEEDS), st.integers(0, 3)), st.tuples(ago, st.integers(0, 4)), min_size=1, max_size=5
)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Game(RuleBasedStateMachine):
    """`run` drives the loop that the databases of the suite live on; `fresh` empties them and gives a desk.

    `thorough`: look at every board at the end, not at some.
    """

    def __init__(self, run: Run, fresh: Callable[[], Awaitable[Desk]], *, thorough: bool) -> None:
        super().__init__()
        self.thorough = thorough
        self.run = run
        self.fresh = fresh
        self.desk: Desk | None = None
        self.unchecked = False

    @initialize()
    def open(self) -> None:
        self.desk = self.run(self.fresh())
        self.run(self.desk.open())

    def step(self, what: Coroutine[Any, Any, None]) -> None:
        self.desk.clock.advance(timedelta(seconds=7))
        self.unchecked = True
        self.run(what)

    @rule(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.desk.clock.advance(timedelta(hours=hours))
        self.unchecked = True

    @rule(
        who=who,
        lessons=lessons,
        twice=st.booleans(),
        split=st.booleans(),
    )
    def watch(self, who: int, lessons: list[tuple[int, timedelta]], twice: bool, split: bool) -> None:
        self.step(self.desk.watch(who, lessons, twice=twice, split=split))

    @rule(which=lesson, ago=ago)
    def everybody_watches(self, which: int, ago: timedelta) -> None:
        self.step(self.desk.everybody_watches(which, ago))

    @rule(who=who, ago=st.integers(0, 6), start=st.integers(0, 12), count=st.integers(4, 14), retried=st.booleans())
    def busy_day(self, who: int, ago: int, start: int, count: int, retried: bool) -> None:
        self.step(self.desk.busy_day(who, ago, start, count, retried=retried))

    @rule(who=who, deeds=deeds, retried=st.booleans())
    def tell(self, who: int, deeds: dict[tuple[str, int], tuple[timedelta, int]], retried: bool) -> None:
        self.step(self.desk.tell(who, deeds, retried=retried))

    @rule(who=who, which=st.integers(0, 30), ago=ago)
    def move(self, who: int, which: int, ago: timedelta) -> None:
        self.step(self.desk.move(who, which, ago))

    @rule(who=who, which=st.integers(0, 40))
    def annul(self, who: int, which: int) -> None:
        self.step(self.desk.annul(who, which))

    @rule(who=who, amount=st.integers(-120, 60).filter(bool), retried=st.booleans())
    def correct(self, who: int, amount: int, retried: bool) -> None:
        self.step(self.desk.correct(who, amount, retried=retried))

    @rule(who=who, shop=st.integers(0, 3))
    def change_shop(self, who: int, shop: int) -> None:
        self.step(self.desk.change_shop(who, shop))

    @rule(who=who)
    def suspend_or_lift(self, who: int) -> None:
        self.step(self.desk.suspend_or_lift(who))

    @rule(who=who, cups=st.integers(0, 3), tickets=st.integers(0, 3), retried=st.booleans())
    def spend(self, who: int, cups: int, tickets: int, retried: bool) -> None:
        self.step(self.desk.spend(who, cups, tickets, retried=retried))

    # The simplest there is, by which hypothesis begins: thirty times nothing.
    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        if self.desk.bought:
            self.step(self.desk.cancel(which))

    @rule(which=st.integers(0, 15), factor=st.integers(0, 4), ahead=st.integers(0, 30))
    def change_rule(self, which: int, factor: int, ahead: int) -> None:
        self.step(self.desk.change_rule(which, factor, timedelta(hours=ahead)))

    @rule(ahead=st.integers(0, 4), days=st.integers(1, 6))
    def name_season(self, ahead: int, days: int) -> None:
        self.step(self.desk.name_season(ahead, days))

    @rule(hours=st.integers(0, 120), closers=st.integers(1, 4))
    def close(self, hours: int, closers: int) -> None:
        """The closers were down for a while."""
        self.desk.clock.advance(timedelta(hours=hours))
        before = self.desk.ranked_lines()
        self.step(self.desk.close(closers))
        self.the_books_are_right()
        self.run(checks.closing(self.desk, [before]))

    @rule(closers=st.integers(1, 3), which=lesson, ago=ago)
    def close_while_all_learn(self, closers: int, which: int, ago: timedelta) -> None:
        before = self.desk.ranked_lines()
        self.step(both(self.desk.everybody_watches(which, ago), self.desk.close(closers)))
        self.the_books_are_right()
        self.run(checks.closing(self.desk, [before, self.desk.ranked_lines()]))

    @rule(
        what=st.sampled_from([Desk.relay, Desk.relay_dies, Desk.lose_reply, Desk.lose_valkey, Desk.check_boards]),
        limit=st.integers(1, 20),
    )
    def on_the_way_to_the_boards(self, what: Callable[[Desk, int], Coroutine[Any, Any, None]], limit: int) -> None:
        self.step(what(self.desk, limit))

    @rule(seed=st.integers(0, 2**16))
    def look_at_boards(self, seed: int) -> None:
        self.step(self.desk.quiet())
        self.run(checks.boards(self.desk, lambda families: Random(seed).sample(families, 6)))
        self.run(checks.audit())

    @invariant()
    def the_books_are_right(self) -> None:
        if self.unchecked:
            self.unchecked = False
            self.run(checks.books(self.desk))

    def teardown(self) -> None:
        if self.desk is None or sys.exc_info()[0] is not None:  # it is broken already
            return
        self.run(checks.audit())
        self.run(checks.offers(self.desk))
        self.run(checks.frozen(self.desk))
        self.run(self.desk.quiet())
        if self.thorough:
            self.run(checks.boards(self.desk, lambda families: families))
            self.run(checks.recomputed(self.desk))
        else:
            self.run(checks.boards(self.desk, lambda families: Random(7).sample(families, 24)))
        self.run(checks.replayed(self.desk, Random(7).shuffle))


async def both(*together: Awaitable[None]) -> None:
    await asyncio.gather(*together)
