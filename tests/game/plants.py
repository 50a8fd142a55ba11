"""Bugs that such games have had, each planted into the running server from here: the machine must trip over it.

A plant says what goes wrong and for whom. It is patched in for one test and pulled out after it; the product knows
nothing of it. What a process remembers is kept by the server that the task runs on (`SERVER`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest

from gamification.boards import HonourBoards, Placed, _key
from gamification.caps import Paid, Settlement, settle
from gamification.facts import Recorded
from gamification.periods import Period, Seasons, due_to_close
from gamification.rules import claims_of
from gamification.rules.claim import Claim
from gamification.standings import Board, Scope
from gamification.tariff import Tariff
from kit.db import execute
from kit.ids import new_id
from kit.words import BoardPeriod, BoardPhase, BoardSubjectKind
from models import ledger
from models.boards import BoardPeriodRow
from models.outbox import Claim as Claimed
from models.points import PointAccountRow
from services import board_closing, boards, draws, points, rewards
from services.ports import Ports
from tests.game.desk import SERVER


def paid_again_on_retry(patch: pytest.MonkeyPatch) -> None:
    """A lesson's answer gets lost in the lift, the phone says it again, and is paid again.

    What is told is taken for news: it counts as unpaid whatever stands in the ledger, and since each booking takes the
    next free part of its key, no unique index objects. Who has a bad line collects double; the honest are overtaken.
    """
    told: ContextVar[frozenset[tuple[str, UUID, str]]] = ContextVar("told")
    genuine = points._record

    async def record_anyway(
        member_id: UUID, facts: Iterable[Recorded], moved: Sequence[Recorded], now: datetime
    ) -> set[date]:
        facts = list(facts)
        told.set(frozenset(claim.key for claim in claims_of(facts)))
        return await genuine(member_id, facts, moved, now) | {claim.day for claim in claims_of(facts)}

    def settle_as_news(claims: Iterable[Claim], paid: Sequence[Paid], tariff: Tariff) -> Settlement:
        return settle(
            claims, [replace(each, reversed=each.reversed or each.key in told.get()) for each in paid], tariff
        )

    patch.setattr(points, "_record", record_anyway)
    patch.setattr(points, "settle", settle_as_news)


def charged_again_on_retry(patch: pytest.MonkeyPatch) -> None:
    """Somebody taps "redeem", nothing comes back, they tap again: two cups, twice the price.

    The idempotency key is taken along and never looked at.
    """

    async def always_the_first_time(*_: object) -> tuple[UUID, bool]:
        return new_id(), True

    patch.setattr(rewards, "first_time", always_the_first_time)
    patch.setattr(draws, "first_time", always_the_first_time)


def cap_by_memory(patch: pytest.MonkeyPatch) -> None:
    """Lessons pay up to 100 points a day, and each server remembers for itself how many it has paid.

    Whoever's phone is answered by two servers, or learns on the day of a release, is paid up to 100 by each.
    """
    remembered: defaultdict[Ports | None, Counter[tuple[UUID, str, date]]] = defaultdict(Counter)
    member: ContextVar[UUID] = ContextVar("member")
    genuine = ledger.locked_account

    async def noting(member_id: UUID) -> PointAccountRow:
        member.set(member_id)
        return await genuine(member_id)

    def settle_from_memory(claims: Iterable[Claim], paid: Sequence[Paid], tariff: Tariff) -> Settlement:
        lines = [replace(rate, daily_cap=None) for line in tariff._lines.values() for rate in line]
        found, mine, dues = settle(claims, paid, Tariff(lines)), remembered[SERVER.get()], []
        for due in found.dues:
            rate, key = (
                tariff.rate(due.claim.rule, due.claim.occurred_at),
                (member.get(), due.claim.rule, due.claim.day),
            )
            assert rate is not None
            allowed = due.points if rate.daily_cap is None else min(due.points, rate.daily_cap - mine[key])
            mine[key] += allowed
            dues += [replace(due, points=allowed)] if allowed > 0 else []
        return replace(found, dues=tuple(dues))

    patch.setattr(ledger, "locked_account", noting)
    patch.setattr(points, "settle", settle_from_memory)


def added_to_boards(patch: pytest.MonkeyPatch) -> None:
    """Each message brings what is new since the last one that was done with, and ZINCRBY adds it to the board.

    As long as each message is applied once this is right. One whose answer got lost, or whose relay died, or that
    waited while the boards were built anew, is added twice: its learner stands above those who have more.
    """
    done: dict[tuple[Any, UUID, str], int] = {}
    under_way: dict[tuple[Any, UUID, str], int] = {}
    place, acknowledge = HonourBoards.place, Claimed.settle

    async def add(self: HonourBoards, placed: Sequence[Placed]) -> set[Scope]:
        people = [each for each in placed if each.family.subject is BoardSubjectKind.MEMBER]
        moved = await place(self, [each for each in placed if each not in people])
        pipe = self._redis.pipeline(transaction=False)
        for each in people:
            live = await self._redis.hget(_key(each.family), "live")  # type: ignore[misc]
            for scope, now in zip(each.placing.scopes, each.placing.now, strict=True):
                step = (each.family, each.placing.subject_id, scope)
                base = f"{_key(each.family)}:{live.decode() if live else ''}"
                if live and now:
                    pipe.hsetnx(f"{base}:d", scope, "")
                    pipe.zincrby(f"{base}:s:{scope}", now - done.get(step, 0), str(each.placing.subject_id))
                elif live:
                    pipe.zrem(f"{base}:s:{scope}", str(each.placing.subject_id))
                under_way[step] = now
        try:
            await pipe.execute()
        except ConnectionError as error:
            raise boards.BoardsAway from error
        return moved | {Scope.parse(scope) for each in people for scope in each.placing.scopes}

    async def done_with(self: Claimed, ids: Sequence[int]) -> None:
        done.update(under_way)
        under_way.clear()
        await acknowledge(self, ids)

    patch.setattr(HonourBoards, "place", add)
    patch.setattr(Claimed, "settle", done_with)


def spent_without_lock(patch: pytest.MonkeyPatch) -> None:
    """Two taps on two phones of one shop are both shown 40 points, and both buy a cup for 35.

    The account is read without holding it. The database still refuses the second booking, by its number: that shop
    hears an error which says nothing, in place of "not enough points".
    """

    async def glanced_at(member_id: UUID) -> PointAccountRow:
        await execute(
            "INSERT INTO point_accounts (member_id, lifetime, lifetime_version, balance, balance_version, top_level)"
            " VALUES ($1, 0, 0, 0, 0, 1) ON CONFLICT DO NOTHING",
            member_id,
        )
        return await PointAccountRow.get(member_id=member_id)

    patch.setattr(rewards, "locked_account", glanced_at)
    patch.setattr(draws, "locked_account", glanced_at)


def closed_by_the_clock(patch: pytest.MonkeyPatch) -> None:
    """A week counts as closed as soon as the clock says so, and its board is added up anew for whoever looks.

    A phone that comes home days later moves last week's ranks after the prizes were paid for them.
    """

    async def closed_by_clock(ports: Ports, board: Board) -> tuple[BoardPhase, BoardPeriodRow | None]:
        now, period = ports.clock.now(), board.period
        return period.phase_by_clock(now) if period.takes_late_reports(now) else BoardPhase.FROZEN, None

    patch.setattr(boards, "closing_of", closed_by_clock)


def closed_if_awake(patch: pytest.MonkeyPatch) -> None:
    """Only the period that ended last is closed: what ended while the system was down for a weekend never is.

    Its board stays open for good, and its winners wait for their prizes.
    """

    def the_last_one(kind: BoardPeriod, first_day: date, now: datetime, seasons: Seasons) -> list[Period]:
        return list(due_to_close(kind, first_day, now, seasons))[-1:]

    patch.setattr(board_closing, "due_to_close", the_last_one)


@dataclass(frozen=True)
class Plant:
    """`breaks`: the promises that the bug breaks, one of which the machine names first."""

    plant: Callable[[pytest.MonkeyPatch], None]
    breaks: frozenset[str]

    @property
    def name(self) -> str:
        return self.plant.__name__


PLANTS = (
    Plant(paid_again_on_retry, frozenset({"points"})),
    Plant(charged_again_on_retry, frozenset({"answers", "balance"})),
    Plant(cap_by_memory, frozenset({"points"})),
    Plant(added_to_boards, frozenset({"boards"})),
    Plant(spent_without_lock, frozenset({"answers"})),
    Plant(closed_by_the_clock, frozenset({"closed boards"})),
    Plant(closed_if_awake, frozenset({"periods"})),
)
