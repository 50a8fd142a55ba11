"""Every check of the books finds what it is there for, and nothing that one of them names is overlooked at a glance."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gamification.prizes import BOARD_PRIZE, SEASON_PRIZE
from kit.clock import FrozenClock
from kit.db import rows, transaction
from kit.ids import new_id
from kit.words import Role
from models import books
from models.books import Book
from models.points import LedgerEntryRow
from services.corrections import CorrectionPlan, correct_points
from services.ledger_checks import verify_book
from services.ledger_glance import book_in_order
from services.ports import Ports
from services.prizes import Win, award_prizes, pay_prizes
from services.tariff import whole_tariff
from tests.points.story import course, lesson, old_hand, say
from tests.tampering import tampered
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

TABLES = {
    "point_accounts": "true",
    "facts": "kind",
    "ledger_entries": "account, reverses_id IS NULL, CASE WHEN rule ~ '^(prize|points)' THEN rule END",
    "learned_days": "amount",
    "streak_marks": "day",
    "metric_days": "metric",
    "prizes": "kind",
    "corrections": "reverses_id IS NULL",
}
"""And what tells the rows of each apart."""

CHECKS = (
    "lifetime points", "lifetime version", "balance points", "balance version", "highest level",
    "version of LIFETIME entry .*", "version of BALANCE entry .*",
    "balance after LIFETIME entry .*", "balance after BALANCE entry .*",
    "entry reversed by entry .*", "what entry .* reverses", "amount of reversal .*",
    "line of the tariff of entry .*", "award for .*", "lifetime less balance of an award for .*",
    "entries of prize.*", "corrections", "amount of correction .*", "what correction .* undoes",
    "written off by correction .*", "learned day .*", "first learning of .*", "streak at the end of .*",
    "POINTS counted on .*", "STREAK_DAYS counted on .*",
)  # fmt: skip
"""What `verify_book` compares, each by what it calls it."""


@pytest.fixture
async def may(world: World, ports: Ports, clock: FrozenClock) -> UUID:
    """A learner with everything that books can hold: a streak over two months, something moved, corrected and won."""
    member_id = await old_hand(world, await world.outlet())
    await say(ports, *(lesson(member_id, day, NOON - day * DAY) for day in (50, *range(12))))
    moving = lesson(member_id, "moving", NOON)
    await say(ports, moving, course(member_id, 1, NOON), course(member_id, 2, NOON, required=True))
    await say(ports, moved=[(moving, lesson(member_id, "moving", NOON - 30 * DAY))])
    admin = await world.actor(await world.staff(Role.ADMIN))
    undone = await LedgerEntryRow.get(rule="course.completed", account="LIFETIME")
    await correct_points(ports, admin, CorrectionPlan(member_id, None, "代学", undone.id, uuid4()))
    await correct_points(ports, admin, CorrectionPlan(member_id, 7, "补发", None, uuid4()))
    await transaction(lambda: award_prizes(ports, SEASON_PRIZE, new_id(), [Win(member_id, 1, 100)]))
    await pay_prizes(ports)
    await transaction(lambda: award_prizes(ports, BOARD_PRIZE, new_id(), [Win(member_id, 3, 20)]))
    return member_id


async def book_of(member_id: UUID) -> Book | None:
    """None: there is no account, as `rows_without_account` then says."""
    there = await rows("SELECT FROM point_accounts WHERE member_id = $1", member_id)
    return (await books.books_of([member_id]))[0] if there else None


async def test_sound_books_of_every_kind_are_in_order_at_a_glance(may: UUID) -> None:
    book = await book_of(may)
    assert book is not None
    held = (book.facts, book.entries, book.learned, book.marks, book.counted, book.prizes, book.corrections)

    assert all(held)
    assert verify_book(book, await whole_tariff()) == []
    assert book_in_order(book, await whole_tariff())


async def test_every_check_finds_a_change_and_none_is_overlooked_at_a_glance(may: UUID) -> None:
    tariff = await whole_tariff()

    async def look() -> tuple[list[str], bool]:
        book = await book_of(may)
        if book is None:
            return ["no account"], False
        return [difference.what for difference in verify_book(book, tariff)], book_in_order(book, tariff)

    named: set[str] = set()
    overlooked: list[str] = []
    async for change, (differences, in_order) in tampered(TABLES, look):
        named |= set(differences)
        if differences and in_order:
            overlooked.append(f"{change}: {differences}")

    assert overlooked == []
    assert [check for check in CHECKS if not any(re.fullmatch(check, each) for each in named)] == []


@pytest.mark.parametrize("metric", ["POINTS", "STREAK_DAYS"])
async def test_a_day_counted_that_nothing_is_behind_is_seen_at_a_glance(may: UUID, metric: str) -> None:
    tariff = await whole_tariff()

    async def look() -> tuple[list[str], bool]:
        await rows(
            "INSERT INTO metric_days SELECT member_id, metric, day - 400, outlet_id, region_id, tier, 5"
            " FROM metric_days WHERE metric = $1 LIMIT 1 RETURNING day",
            metric,
        )
        [book] = await books.books_of([may])
        return [difference.what for difference in verify_book(book, tariff)], book_in_order(book, tariff)

    differences, in_order = await transaction(look)

    assert [each[: len(metric) + 8] for each in differences] == [f"{metric} counted"]
    assert not in_order
