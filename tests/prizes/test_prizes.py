"""Prizes: won once, paid once, and onto the balance alone."""

import asyncio
import signal
import sys
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from gamification.prizes import SEASON_PRIZE, STORY_PRIZE, PrizeKind
from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.settings import Settings
from models.accounts import Member
from models.deletions import erase
from services.ledger import ledger_verify
from services.ports import Ports
from services.prizes import Win, award_prizes, pay_prizes
from tests.gql import Gql
from tests.points.story import course, say
from tests.points.test_ledger import tamper
from tests.process import ROOT, environment
from tests.world import World

SOURCE = UUID(int=0x5EA50)


async def win(ports: Ports, *wins: Win, kind: PrizeKind = SEASON_PRIZE, source: UUID = SOURCE) -> None:
    await transaction(lambda: award_prizes(ports, kind, source, wins))


async def accounts() -> dict[UUID, tuple[int, int]]:
    """member -> (lifetime, balance)"""
    found = await rows("SELECT member_id, lifetime, balance FROM point_accounts")
    return {row["member_id"]: (row["lifetime"], row["balance"]) for row in found}


async def test_a_prize_can_be_spent_and_moves_no_level_and_no_board(ports: Ports, world: World, gql: Gql) -> None:
    may = await world.learner()
    await say(ports, course(may.id, 1, ports.clock.now()))
    counted = await rows("SELECT * FROM metric_days")

    await win(ports, Win(may.id, 1, 500))
    paid = await pay_prizes(ports)

    assert paid == 1
    assert await accounts() == {may.id: (30, 530)}
    assert await rows("SELECT * FROM metric_days") == counted
    history = await gql.data("PointsHistory", {"first": 1}, by=may.id)
    [line] = history["viewer"]["pointEntries"]["nodes"]
    assert (line["amount"], line["rule"], line["title"], line["balanceAfter"]) == (
        500,
        "prize.season",
        "Season prize",
        530,
    )
    assert history["viewer"]["points"] == {"lifetime": 30, "balance": 530, "today": 30, "thisWeek": 30}
    assert await ledger_verify() == []


async def test_a_source_is_won_once_whatever_place_is_said_later(ports: Ports, world: World) -> None:
    may, lin = await world.learner(), await world.learner()
    await win(ports, Win(may.id, 1, 500), Win(lin.id, 2, 300))
    await pay_prizes(ports)

    await win(ports, Win(may.id, 2, 300), Win(lin.id, 1, 500))
    await win(ports, Win(may.id, 1, 20), kind=STORY_PRIZE)
    await win(ports, Win(lin.id, 1, 40), source=uuid4())
    paid = await pay_prizes(ports)

    assert paid == 2
    assert await accounts() == {may.id: (0, 520), lin.id: (0, 340)}
    assert await ledger_verify() == []


async def test_ten_that_pay_at_once_pay_once_while_points_are_earned(ports: Ports, world: World) -> None:
    people = [await world.learner() for _ in range(20)]
    await win(ports, *(Win(who.id, place, 100) for place, who in enumerate(people, start=1)))
    now = ports.clock.now()

    paid, *_ = await asyncio.gather(
        asyncio.gather(*(pay_prizes(ports) for _ in range(10))),
        *(say(ports, course(who.id, number, now)) for who in people for number in (1, 2)),
    )

    assert sum(paid) == 20
    assert await accounts() == {who.id: (60, 160) for who in people}
    assert await ledger_verify() == []


async def test_paying_goes_on_after_a_crash_between_two_members(
    ports: Ports, world: World, settings: Settings, clock: FrozenClock
) -> None:
    people = [await world.learner() for _ in range(5)]
    await win(ports, *(Win(who.id, place, 10) for place, who in enumerate(people, start=1)))
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.prizes.dying_payer", str(settings.data_dir), clock.now().isoformat(), cwd=ROOT,
        env=environment(ACADEMY_DATABASE_URL=settings.database_url or "", ACADEMY_REDIS_URL=settings.redis_url or ""),
    )  # fmt: skip
    assert await dying.wait() == -signal.SIGKILL
    between = Counter(balance for _, balance in (await accounts()).values())
    found = await ledger_verify()

    paid = await pay_prizes(ports)

    assert (between, found) == ({10: 2}, [])
    assert paid == 3
    assert await accounts() == {who.id: (0, 10) for who in people}
    assert await ledger_verify() == []


async def test_two_prizes_of_one_member_are_two_lines_that_follow_each_other(ports: Ports, world: World) -> None:
    may = await world.learner()
    await win(ports, Win(may.id, 3, 70))
    await win(ports, Win(may.id, 1, 30), source=uuid4())

    await pay_prizes(ports)

    entries = await rows("SELECT amount, balance_after, account_version FROM ledger_entries ORDER BY account_version")
    assert sorted(entry["amount"] for entry in entries) == [30, 70]
    assert [entry["balance_after"] for entry in entries][-1] == 100
    assert [entry["account_version"] for entry in entries] == [1, 2]


async def test_the_suspended_wait_and_the_deleted_go_without(ports: Ports, world: World, clock: FrozenClock) -> None:
    may, lin, gone = await world.learner(), await world.learner(), await world.learner()
    await win(ports, Win(may.id, 1, 50), Win(lin.id, 2, 40), Win(gone.id, 3, 30))
    await Member.filter(id=lin.id).update(suspended_at=clock.at)
    await transaction(lambda: erase(gone.id, gone.phone_index or "", clock.at))

    first = await pay_prizes(ports)
    clock.advance(timedelta(days=40))
    await Member.filter(id=lin.id).update(suspended_at=None)
    second = await pay_prizes(ports)

    assert (first, second) == (1, 1)
    assert await accounts() == {may.id: (0, 50), lin.id: (0, 40)}
    assert await pay_prizes(ports) == 0
    assert await ledger_verify() == []


@pytest.mark.parametrize("prize", [Win(uuid4(), 1, 0), Win(uuid4(), 1, 1_000_001), Win(uuid4(), 0, 5)])
async def test_a_prize_out_of_range_is_refused(ports: Ports, prize: Win) -> None:
    with pytest.raises(ValueError, match="out of range"):
        await win(ports, prize)

    assert await rows("SELECT FROM prizes") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE prizes SET points = points + 1",
        "UPDATE prizes SET paid_at = NULL",
        "DELETE FROM prizes",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_entries SET object_id = gen_random_uuid()",
        "UPDATE ledger_entries SET account = 'LIFETIME'",
    ],
)
async def test_the_audit_of_the_points_names_what_was_changed(ports: Ports, world: World, change: str) -> None:
    await win(ports, Win((await world.learner()).id, 1, 500))
    await pay_prizes(ports)
    assert await ledger_verify() == []

    await tamper(change)

    found = [difference.what for difference in await ledger_verify()]
    assert any(what.startswith("entries of prize.season") for what in found), found


async def test_the_database_lets_a_prize_be_paid_and_nothing_else(ports: Ports, world: World) -> None:
    await win(ports, Win((await world.learner()).id, 1, 500))
    await pay_prizes(ports)
    before = await rows("SELECT * FROM prizes")

    for statement in (
        "UPDATE prizes SET points = 1", "UPDATE prizes SET paid_at = now()", "DELETE FROM prizes", "TRUNCATE prizes",
    ):  # fmt: skip
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await execute(statement)
    again = (
        "INSERT INTO prizes (id, member_id, kind, source_type, source_id, place, points, decided_at)"
        " SELECT gen_random_uuid(), member_id, kind, source_type, source_id, 2, 5, decided_at FROM prizes"
    )
    with pytest.raises(asyncpg.UniqueViolationError, match="prizes_once"):
        await execute(again)

    assert await rows("SELECT * FROM prizes") == before
