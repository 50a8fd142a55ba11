"""The tariff in the database: what an academy starts with, and who pays by which version."""

from datetime import UTC, datetime, timedelta

import pytest
from tortoise.exceptions import BaseORMException

from gamification.rules import CODES
from kit.db import rows, transaction
from kit.ids import new_id
from models.tariff import add_rate
from services.ledger import ledger_verify
from services.ports import Ports
from services.tariff import tariff_at, tariff_of, whole_tariff
from tests.points.first_tariff import RATES
from tests.points.story import course, lesson, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def change(rule: str, points: int | None, daily_cap: int | None, since: datetime, *, enabled: bool = True) -> int:
    """The new version."""

    async def work() -> int:
        made = await add_rate(
            rule, points, daily_cap, enabled=enabled, effective_from=since, made_at=since, made_by=new_id()
        )
        return made.version

    return await transaction(work)


async def test_an_academy_starts_with_one_line_for_every_rule(database: None) -> None:
    tariff = await whole_tariff()

    found = [tariff.rate(code, NOON) for code in CODES]

    assert sorted((rate for rate in found if rate), key=lambda rate: rate.rule) == sorted(
        RATES, key=lambda rate: rate.rule
    )


async def test_an_entry_names_the_version_in_force_when_it_occurred(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    assert await change("lesson.completed", 12, 100, NOON - HOUR) == 2
    assert await change("lesson.completed", 15, 100, NOON + HOUR) == 3

    await say(ports, lesson(may, "late", NOON - 2 * HOUR), lesson(may, "now", NOON), lesson(may, "soon", NOON + HOUR))

    entries = await rows(
        "SELECT amount, tariff_version FROM ledger_entries WHERE account = 'LIFETIME' AND rule = 'lesson.completed'"
        " ORDER BY occurred_at"
    )
    assert [tuple(entry.values()) for entry in entries] == [(10, 1), (12, 2), (15, 3)]
    assert await ledger_verify() == []


async def test_a_change_leaves_what_was_paid_before_it_alone(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *(lesson(may, number, NOON + number * timedelta(minutes=1)) for number in range(4)))
    before = await rows("SELECT * FROM ledger_entries ORDER BY id")

    await change("lesson.completed", 99, 20, NOON + HOUR)
    await change("day.first_lesson", 5, None, NOON + HOUR, enabled=False)
    await say(ports, lesson(may, "later", NOON + 2 * HOUR))

    after = await rows("SELECT * FROM ledger_entries ORDER BY id")
    assert after == before
    refused = await rows("SELECT rule, points_missing, reason FROM refused_awards")
    assert [tuple(row.values()) for row in refused] == [("lesson.completed", 99, "DAILY_CAP")]
    assert await ledger_verify() == []


async def test_what_a_switched_off_rule_refused_is_remembered(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await change("lesson.completed", 10, 100, NOON, enabled=False)

    earned = await say(ports, lesson(may, 1, NOON))

    assert [award.rule for award in earned.awards] == ["day.first_lesson"]
    refused = await rows("SELECT rule, points_missing, reason FROM refused_awards")
    assert [tuple(row.values()) for row in refused] == [("lesson.completed", 10, "RULE_DISABLED")]
    assert await ledger_verify() == []


async def test_a_cap_that_comes_at_noon_counts_from_noon_for_the_audit_too(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await change("course.completed", 30, 40, NOON)

    await say(ports, *(course(may, number, NOON + (number - 2) * HOUR) for number in range(4)))

    entries = await rows(
        "SELECT amount, tariff_version FROM ledger_entries WHERE account = 'LIFETIME' ORDER BY occurred_at"
    )
    assert [tuple(entry.values()) for entry in entries] == [(30, 1), (30, 1), (30, 2), (10, 2)]
    assert await ledger_verify() == []


async def test_only_the_lines_of_the_days_asked_for_are_read(database: None) -> None:
    for day in range(1, 4):
        await change("duel.won", 10 + day, 50, NOON + day * DAY)

    of_one_moment = (await tariff_at(NOON + 2 * DAY)).rate("duel.won", NOON + 9 * DAY)
    before = (await tariff_of([NOON.date()])).rate("duel.won", NOON + 9 * DAY)
    over_two_days = await tariff_of([(NOON + 2 * DAY).date(), (NOON + DAY).date()])

    assert of_one_moment is not None
    assert of_one_moment.points == 12
    assert before is not None
    assert before.points == 10
    found = [over_two_days.rate("duel.won", NOON + step * HOUR) for step in (23, 24, 48, 99)]
    assert [rate.points for rate in found if rate] == [10, 11, 12, 12]


@pytest.mark.parametrize("statement", ["UPDATE {} SET points = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_a_line_is_never_changed_or_removed(database: None, statement: str) -> None:
    with pytest.raises(BaseORMException, match="append-only"):
        await rows(statement.format("point_rates"))

    assert (await rows("SELECT count(*) AS n FROM point_rates"))[0]["n"] == len(CODES)
