"""What a fact earns, once, whichever way it comes."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from asyncpg.connection import LoggedQuery
from tortoise.connection import get_connections

from gamification.facts import Recorded
from kit.clock import FrozenClock, day_of
from kit.db import rows, transaction
from kit.words import OutletTier
from models.points import PointAccountRow
from services.points import Award, purge_refused, reward
from services.ports import Ports
from tests.points.story import booked, course, learned_days, lesson, old_hand, place, plainly, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def totals(member_id: UUID) -> tuple[int, int]:
    account = await PointAccountRow.get(member_id=member_id)
    return account.lifetime, account.balance


async def statements(ports: Ports, facts: list[Recorded]) -> int:
    """How many statements one reward sends, but for those by which the driver learns a type for the first time."""
    sent: list[LoggedQuery] = []

    async def work() -> None:
        async with get_connections().get("default").acquire_connection() as connection:
            connection.add_query_logger(sent.append)
        await reward(ports, facts[0].member_id, facts)
        connection.remove_query_logger(sent.append)

    await transaction(work)
    return sum("current_setting('jit')" not in each.query and "typeinfo_tree" not in each.query for each in sent)


async def counted(member_id: UUID, metric: str) -> dict[tuple[date, UUID], int]:
    found = await rows(
        "SELECT day, outlet_id, amount FROM metric_days WHERE member_id = $1 AND metric = $2 AND amount <> 0",
        member_id,
        metric,
    )
    return {(row["day"], row["outlet_id"]): row["amount"] for row in found}


async def test_a_lesson_pays_itself_and_the_first_of_its_day(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    fact = lesson(may, 1, NOON)

    earned = await say(ports, fact)

    assert earned.awards == (
        Award("day.first_lesson", 5, "Member", may),
        Award("lesson.completed", 10, "Lesson", fact.lesson_id),
    )
    assert (earned.lifetime, earned.balance, earned.level_ups) == (15, 15, ())
    assert await totals(may) == (15, 15)
    assert await learned_days(may) == [MONDAY]


async def test_a_required_course_pays_more(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    earned = await say(ports, course(may, 1, NOON), course(may, 2, NOON + HOUR, required=True))

    paid = [(award.rule, award.points) for award in earned.awards]
    assert paid == [("course.completed", 30), ("course.required", 50)]
    assert await learned_days(may) == []


async def test_an_award_books_both_accounts_under_one_booking(world: World, ports: Ports) -> None:
    outlet = await world.outlet(tier=OutletTier.NEW)
    may = (await world.learner(outlet=outlet)).id
    await say(ports, course(may, 1, NOON - HOUR))

    entries = await rows("SELECT * FROM ledger_entries ORDER BY id")

    assert [(entry["account"], entry["amount"], entry["balance_after"]) for entry in entries] == [
        ("LIFETIME", 30, 30),
        ("BALANCE", 30, 30),
    ]
    assert len({entry["booking_id"] for entry in entries}) == 1
    assert {entry["counter_account"] for entry in entries} == {"rule:course.completed"}
    assert {(entry["occurred_at"], entry["booked_at"]) for entry in entries} == {(NOON - HOUR, NOON)}
    assert {(entry["outlet_id"], entry["tier"]) for entry in entries} == {(outlet.id, "NEW")}


async def test_a_repeated_fact_pays_once_and_announces_nothing(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, lesson(may, 1, NOON))

    again = await say(ports, lesson(may, 1, NOON + HOUR), lesson(may, 1, NOON))

    assert again.awards == ()
    assert again.lifetime == 15
    assert len(await rows("SELECT FROM outbox WHERE payload::text LIKE '%lesson.completed%'")) == 1


async def test_twenty_parallel_identical_rewards_pay_once(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    rewards = await asyncio.gather(*(say(ports, lesson(may, 1, NOON)) for _ in range(20)))

    assert sorted(len(each.awards) for each in rewards) == [0] * 19 + [2]
    assert await totals(may) == (15, 15)


async def test_twenty_parallel_facts_name_every_level_once(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    rewards = await asyncio.gather(*(say(ports, course(may, number, NOON)) for number in range(20)))

    assert await totals(may) == (600, 600)
    assert sorted(level.number for each in rewards for level in each.level_ups) == [2, 3, 4, 5]


async def test_a_level_lost_and_reached_again_is_no_news(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    facts = [lesson(may, number, NOON) for number in range(5)]
    first = await say(ports, *facts)
    assert [level.number for level in first.level_ups] == [2]
    full = [lesson(may, f"full {number}", NOON - DAY) for number in range(10)]
    await say(ports, *full)

    # Into a day whose cap is reached: the points fall, and rise again with what follows.
    fallen = await say(ports, moved=[(fact, lesson(may, number, NOON - DAY)) for number, fact in enumerate(facts)])
    risen = await say(ports, *(course(may, number, NOON) for number in range(2)))

    assert (fallen.lifetime, fallen.level_ups) == (105, ())
    assert (risen.lifetime, [level.number for level in risen.level_ups]) == (165, [])


async def test_a_day_pays_its_cap_and_remembers_what_it_refused(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    earned = await say(ports, *(lesson(may, number, NOON + number * timedelta(minutes=1)) for number in range(12)))

    assert earned.lifetime == 105
    refused = await rows("SELECT rule, object_id, points_missing, reason, occurred_at FROM refused_awards ORDER BY id")
    assert [tuple(row.values()) for row in refused] == [
        ("lesson.completed", lesson(may, number, NOON).lesson_id, 10, "DAILY_CAP", NOON + number * timedelta(minutes=1))
        for number in (10, 11)
    ]


async def test_caps_count_by_the_day_of_occurrence(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    midnight = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)

    earned = await say(
        ports,
        *(lesson(may, f"before {number}", midnight - timedelta(seconds=1)) for number in range(11)),
        *(lesson(may, f"after {number}", midnight) for number in range(11)),
    )

    assert earned.lifetime == 2 * 105
    assert set(await booked(may)) == {
        (rule, day) for rule in ("lesson.completed", "day.first_lesson") for day in (MONDAY, MONDAY - DAY)
    }


async def test_a_full_week_pays_once_on_its_sunday(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    days = [NOON - 7 * DAY + step * DAY for step in range(7)]

    for step in (6, 0, 5, 1, 4, 2):
        assert "week.full" not in [award.rule for award in (await say(ports, lesson(may, step, days[step]))).awards]
    earned = await say(ports, lesson(may, 3, days[3]))
    await say(ports, lesson(may, "more", days[3]))

    assert "week.full" in [award.rule for award in earned.awards]
    assert (await booked(may))["week.full", MONDAY - DAY] == 50
    assert len(await learned_days(may)) == 7


async def test_a_moved_fact_takes_its_awards_along(world: World, ports: Ports) -> None:
    old, new = await world.outlet(), await world.outlet(tier=OutletTier.MODERN)
    may = await old_hand(world, old)
    await place(may, new, NOON - HOUR)
    before, after = lesson(may, 1, NOON), lesson(may, 1, NOON - DAY)
    await say(ports, before)
    assert await counted(may, "POINTS") == {(MONDAY, new.id): 15}

    moved = await say(ports, moved=[(before, after)])

    assert (moved.awards, moved.lifetime, moved.balance) == ((Award("day.first_lesson", 5, "Member", may),), 15, 15)
    assert await booked(may) == await booked(may, "BALANCE") == plainly([after])
    assert await counted(may, "POINTS") == {(MONDAY - DAY, old.id): 15}
    assert await counted(may, "STREAK_DAYS") == {(MONDAY - DAY, old.id): 1}
    assert await learned_days(may) == [MONDAY - DAY]
    reversals = await rows("SELECT amount, account, part FROM ledger_entries WHERE reverses_id IS NOT NULL ORDER BY id")
    assert sorted(row["amount"] for row in reversals) == [-10, -10, -5, -5]


async def test_moving_again_to_the_same_moment_changes_nothing(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    before, after = lesson(may, 1, NOON), lesson(may, 1, NOON - HOUR)
    await say(ports, before)
    await say(ports, moved=[(before, after)])
    entries = len(await rows("SELECT FROM ledger_entries"))

    again = await say(ports, moved=[(before, after)])

    assert again.awards == ()
    assert len(await rows("SELECT FROM ledger_entries")) == entries


async def test_room_freed_by_a_move_goes_to_what_was_refused(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    facts = [lesson(may, number, NOON) for number in range(11)]
    await say(ports, *facts)
    paid = await rows("SELECT object_id FROM ledger_entries WHERE rule = 'lesson.completed'")
    chosen = next(fact for fact in facts if fact.lesson_id in {row["object_id"] for row in paid})

    moved = await say(ports, moved=[(chosen, lesson(may, facts.index(chosen), NOON - DAY))])

    assert moved.lifetime == 105 + 15
    assert await rows("SELECT FROM refused_awards") == []


async def test_a_reversal_takes_of_the_balance_what_is_there(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    full = [lesson(may, f"full {number}", NOON - DAY) for number in range(10)]
    fact = lesson(may, 1, NOON)
    await say(ports, *full, fact)
    await rows(
        "INSERT INTO ledger_entries (booking_id, member_id, account, counter_account, amount, balance_after,"
        " account_version, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day, booked_at)"
        " SELECT gen_random_uuid(), member_id, 'BALANCE', 'rewards', 3 - balance, 3, balance_version + 1,"
        " 'reward.redeemed', 1, 'Reward', gen_random_uuid(), '', 0, $1, $2, $1 FROM point_accounts",
        NOON,
        MONDAY,
    )
    await rows("UPDATE point_accounts SET balance = 3, balance_version = balance_version + 1")

    moved = await say(ports, moved=[(fact, lesson(may, 1, NOON - DAY))])

    assert (moved.lifetime, moved.balance) == (105, 0)


async def test_a_fact_of_another_member_is_refused(world: World, ports: Ports) -> None:
    may, bo = (await world.learner()).id, (await world.learner()).id

    with pytest.raises(ValueError, match="another member"):
        await transaction(lambda: reward(ports, may, [lesson(bo, 1, NOON)]))

    assert await rows("SELECT FROM facts") == []


async def test_reward_runs_in_its_callers_transaction_only(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    with pytest.raises(AssertionError, match="no open transaction"):
        await reward(ports, may, [lesson(may, 1, NOON)])


async def test_what_fails_afterwards_takes_the_award_back(world: World, ports: Ports) -> None:
    may = (await world.learner()).id

    async def fail() -> None:
        await reward(ports, may, [lesson(may, 1, NOON)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await transaction(fail)

    for table in ("facts", "ledger_entries", "point_accounts", "learned_days", "metric_days"):
        assert await rows(f"SELECT FROM {table}") == [], table
    assert await rows("SELECT FROM outbox WHERE payload::text LIKE '%lesson.completed%'") == []


async def test_refused_awards_are_forgotten_after_thirty_days(world: World, ports: Ports, clock: FrozenClock) -> None:
    may = (await world.learner()).id
    await say(ports, *(lesson(may, number, NOON) for number in range(11)))

    clock.advance(30 * DAY - HOUR)
    await purge_refused(ports)
    kept = await rows("SELECT FROM refused_awards")
    clock.advance(HOUR)
    await purge_refused(ports)

    assert len(kept) == 1
    assert await rows("SELECT FROM refused_awards") == []


async def test_points_are_counted_where_the_learner_stood(world: World, ports: Ports) -> None:
    old, new = await world.outlet(), await world.outlet()
    may = await old_hand(world, old)
    await place(may, new, NOON)

    await say(ports, course(may, 1, NOON - timedelta(microseconds=1)), course(may, 2, NOON))

    day = day_of(NOON)
    assert await counted(may, "POINTS") == {(day, old.id): 30, (day, new.id): 30}


async def test_one_reward_of_twenty_facts_takes_as_many_statements_as_one(world: World, ports: Ports) -> None:
    may, bo = (await world.learner()).id, (await world.learner()).id

    one = await statements(ports, [lesson(may, 0, NOON)])
    twenty = await statements(ports, [lesson(bo, number, NOON + number % 5 * DAY) for number in range(20)])

    # Twenty facts reach a level, which is told. One of the others announces the region's days anew for the overview.
    assert twenty <= one + 1 <= 22
