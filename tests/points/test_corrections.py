"""Corrections: an award undone by hand stays undone, boards that still count follow, and every loss has its reason."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.exceptions import BaseORMException

from auth.actor import Actor
from gamification.facts import Recorded
from gamification.spending import REWARD_REDEEMED
from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id, to_global
from kit.words import Role
from models import ledger
from models.accounts import Member
from models.audit import AuditEntry
from models.corrections import Correction
from models.points import LedgerEntryRow, PointAccountRow
from services.board_closing import close_periods
from services.corrections import CorrectionPlan, correct_points, reverse_award
from services.ledger import ledger_verify
from services.ports import Ports
from services.spending import spend
from tests.gql import Gql
from tests.points.story import booked, course, lesson, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CORRECT = """mutation CorrectPoints($input: CorrectPointsInput!) { # {memberId, amount, reason, reversesEntryId, idempotencyKey}
  correctPoints(input: $input) { entry { id amount } member { id points { lifetime balance } } userErrors { code message field } }
}"""  # noqa: E501 - as the apps send it


@pytest.fixture
async def may(world: World) -> UUID:
    return (await world.learner(outlet=await world.outlet())).id


@pytest.fixture
async def admin(world: World) -> Actor:
    return await world.actor(await world.staff(Role.ADMIN))


async def award_of(rule: str, account: str = "LIFETIME", fact: Recorded | None = None) -> int:
    """The id of the entry that stands for this rule (and fact)."""
    found = LedgerEntryRow.filter(rule=rule, account=account, reverses_id=None)
    if fact is not None:
        found = found.filter(object_id=fact.object_id)
    return (await found.order_by("-id").first()).id


async def undo(ports: Ports, admin: Actor, member_id: UUID, entry_id: int, amount: int | None = None) -> LedgerEntryRow:
    return await correct_points(ports, admin, CorrectionPlan(member_id, amount, "代学", entry_id, uuid4()))


async def give(ports: Ports, admin: Actor, member_id: UUID, amount: int) -> LedgerEntryRow:
    return await correct_points(ports, admin, CorrectionPlan(member_id, amount, "补发", None, uuid4()))


async def totals(member_id: UUID) -> tuple[int, int]:
    account = await PointAccountRow.get(member_id=member_id)
    return account.lifetime, account.balance


async def counted(member_id: UUID) -> dict[date, int]:
    found = await rows(
        "SELECT day, sum(amount)::int AS points FROM metric_days WHERE member_id = $1 AND metric = 'POINTS'"
        " GROUP BY day HAVING sum(amount) <> 0",
        member_id,
    )
    return {row["day"]: row["points"] for row in found}


async def spend_all_but(ports: Ports, member_id: UUID, left: int) -> None:
    async def work() -> None:
        account = await ledger.locked_account(member_id)
        await spend(ports, account, account.balance - left, REWARD_REDEEMED, new_id())

    await transaction(work)


async def snapshot() -> list[dict[str, Any]]:
    """All that a refused correction might have touched."""
    tables = ("ledger_entries", "point_accounts", "corrections", "metric_days", "audit_entries", "idempotency_keys")
    return [{table: await rows(f"SELECT * FROM {table} t ORDER BY t::text")} for table in tables]


async def test_a_reversal_undoes_both_accounts_where_and_when_it_was_earned(
    ports: Ports, admin: Actor, may: UUID, clock: FrozenClock
) -> None:
    await say(ports, course(may, 1, NOON), course(may, 2, NOON + HOUR))
    clock.advance(2 * DAY)
    entry_id = await award_of("course.completed", fact=course(may, 1, NOON))

    entry = await undo(ports, admin, may, entry_id)

    assert (entry.amount, entry.account, entry.reverses_id) == (-30, "LIFETIME", entry_id)
    assert (entry.rule, entry.occurred_at, entry.booked_at) == ("points.corrected", NOON, NOON + 2 * DAY)
    assert await totals(may) == (30, 30)
    assert await counted(may) == {MONDAY: 30}
    assert await ledger_verify() == []


async def test_the_entry_of_either_account_may_be_named(ports: Ports, admin: Actor, may: UUID) -> None:
    await say(ports, course(may, 1, NOON))

    entry = await undo(ports, admin, may, await award_of("course.completed", "BALANCE"), amount=-30)

    assert entry.reverses_id == await award_of("course.completed", "LIFETIME")
    assert await totals(may) == (0, 0)


async def test_lifetime_falls_in_full_and_what_was_spent_is_written_off(ports: Ports, admin: Actor, may: UUID) -> None:
    await say(ports, course(may, 1, NOON))
    await spend_all_but(ports, may, 12)

    await undo(ports, admin, may, await award_of("course.completed"))

    assert await totals(may) == (0, 0)
    [correction] = await Correction.all()
    assert (correction.amount, correction.written_off) == (-30, 18)
    [deed] = await AuditEntry.all()
    assert (deed.details["amount"], deed.details["written_off"], deed.details["reason"]) == (-30, 18, "代学")
    assert await ledger_verify() == []


async def test_with_nothing_left_to_spend_the_lifetime_alone_falls(ports: Ports, admin: Actor, may: UUID) -> None:
    await say(ports, course(may, 1, NOON))
    await spend_all_but(ports, may, 0)

    await undo(ports, admin, may, await award_of("course.completed"))

    reversals = await rows("SELECT account, amount FROM ledger_entries WHERE rule = 'points.corrected'")
    assert [tuple(row.values()) for row in reversals] == [("LIFETIME", -30)]
    assert (await Correction.get()).written_off == 30
    assert await ledger_verify() == []


REPEATS: Sequence[str] = ("said again", "another fact of its day", "moved to another week", "moved and then a late one")


@pytest.mark.parametrize("what", REPEATS)
async def test_what_was_undone_is_never_paid_again(ports: Ports, admin: Actor, may: UUID, what: str) -> None:
    fact, earlier = lesson(may, 1, NOON), lesson(may, 1, NOON - 9 * DAY)
    await say(ports, fact)
    await undo(ports, admin, may, await award_of("lesson.completed"))
    assert await totals(may) == (5, 5)

    if what == "said again":
        await say(ports, fact, lesson(may, 1, NOON - HOUR))
    elif what == "another fact of its day":
        await say(ports, course(may, 1, NOON - HOUR))
    else:
        await say(ports, moved=[(fact, earlier)])
    if what == "moved and then a late one":
        await say(ports, course(may, 1, NOON - 9 * DAY + HOUR))

    paid = {rule: points for (rule, _), points in (await booked(may)).items() if rule != "points.corrected"}
    lifetime, balance = await totals(may)
    assert lifetime == balance == 5 + paid.get("course.completed", 0)
    assert await ledger_verify() == []


async def test_an_award_taken_away_makes_no_room_under_the_cap(ports: Ports, admin: Actor, may: UUID) -> None:
    facts = [lesson(may, number, NOON + number * timedelta(minutes=1)) for number in range(11)]
    await say(ports, *facts)
    await undo(ports, admin, may, await award_of("lesson.completed", fact=facts[3]))

    await say(ports, lesson(may, "one more", NOON + HOUR))

    assert await totals(may) == (95, 95)
    refused = await rows("SELECT object_id FROM refused_awards")
    assert {row["object_id"] for row in refused} == {facts[10].lesson_id, lesson(may, "one more", NOON).lesson_id}
    assert await ledger_verify() == []


async def test_boards_of_an_open_period_follow_and_frozen_ones_never_move(
    ports: Ports, admin: Actor, may: UUID, clock: FrozenClock
) -> None:
    await say(ports, course(may, 1, NOON))
    clock.advance(timedelta(days=11))  # the week is over and its grace too; the quarter goes on
    await close_periods(ports)
    frozen = await rows("SELECT * FROM frozen_totals ORDER BY period_id, metric")
    assert {row["amount"] for row in frozen if row["metric"] == "POINTS"} == {30}

    await undo(ports, admin, may, await award_of("course.completed"))

    assert await rows("SELECT * FROM frozen_totals ORDER BY period_id, metric") == frozen
    assert await counted(may) == {}


async def test_points_are_given_on_both_accounts_and_reach_levels(ports: Ports, admin: Actor, may: UUID) -> None:
    entry = await give(ports, admin, may, 60)

    assert (entry.amount, entry.object_type, entry.occurred_at) == (60, "Correction", NOON)
    assert await totals(may) == (60, 60)
    assert await counted(may) == {MONDAY: 60}
    assert (await PointAccountRow.get(member_id=may)).top_level == 2
    assert await ledger_verify() == []


async def test_points_are_taken_whole_from_lifetime_and_as_far_as_there_are_any_from_the_balance(
    ports: Ports, admin: Actor, may: UUID
) -> None:
    await say(ports, course(may, 1, NOON))
    await spend_all_but(ports, may, 5)

    await give(ports, admin, may, -20)

    assert await totals(may) == (10, 0)
    assert (await Correction.get()).written_off == 15
    assert await ledger_verify() == []


async def test_a_gift_is_taken_back_and_a_loss_is_given_back_by_undoing_it(
    ports: Ports, admin: Actor, may: UUID
) -> None:
    gift = await give(ports, admin, may, 40)
    await undo(ports, admin, may, gift.id)
    assert await totals(may) == (0, 0)

    await say(ports, course(may, 1, NOON))
    loss = await give(ports, admin, may, -10)
    await undo(ports, admin, may, loss.id, amount=10)

    assert await totals(may) == (30, 30)
    assert await ledger_verify() == []


async def test_lifetime_may_fall_below_nothing_when_what_was_earned_goes_after_points_were_taken(
    ports: Ports, admin: Actor, may: UUID
) -> None:
    """The sum is the same whichever was first."""
    await say(ports, course(may, 1, NOON))
    await give(ports, admin, may, -20)
    await undo(ports, admin, may, await award_of("course.completed"))
    assert await totals(may) == (-20, 0)

    await say(ports, course(may, 2, NOON))

    assert await totals(may) == (10, 30)
    assert await ledger_verify() == []


async def test_ten_admins_undo_an_entry_at_once_and_one_does(world: World, ports: Ports, may: UUID) -> None:
    await say(ports, course(may, 1, NOON))
    admins = [await world.actor(await world.staff(Role.ADMIN)) for _ in range(10)]
    names = [await award_of("course.completed", account) for account in ("LIFETIME", "BALANCE")]

    outcomes = await asyncio.gather(
        *(undo(ports, each, may, names[number % 2]) for number, each in enumerate(admins)), return_exceptions=True
    )

    codes = [each.code if isinstance(each, DomainError) else None for each in outcomes]
    assert sorted(codes, key=str) == [*[ErrorCode.ALREADY_DONE] * 9, None]
    assert await totals(may) == (0, 0)
    assert await ledger_verify() == []


async def test_undoing_and_learning_at_once_keep_the_books(world: World, ports: Ports, admin: Actor, may: UUID) -> None:
    facts = [course(may, number, NOON) for number in range(6)]
    await say(ports, *facts)
    entries = [await award_of("course.completed", fact=fact) for fact in facts]

    await asyncio.gather(
        *(undo(ports, admin, may, entry_id) for entry_id in entries),
        *(say(ports, fact, course(may, f"new {number}", NOON)) for number, fact in enumerate(facts)),
    )

    assert await totals(may) == (180, 180)
    assert await ledger_verify() == []


async def test_the_same_key_corrects_once_and_another_input_is_refused(ports: Ports, admin: Actor, may: UUID) -> None:
    plan = CorrectionPlan(may, 40, "补发", None, uuid4())

    first, *again = await asyncio.gather(*(correct_points(ports, admin, plan) for _ in range(5)))

    assert {each.id for each in again} == {first.id}
    assert await totals(may) == (40, 40)
    with pytest.raises(DomainError) as refused:
        await correct_points(ports, admin, CorrectionPlan(may, 41, "补发", None, plan.key))
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await totals(may) == (40, 40)


async def test_a_verdict_undoes_several_awards_in_its_own_transaction(ports: Ports, admin: Actor, may: UUID) -> None:
    await say(ports, lesson(may, 1, NOON), course(may, 1, NOON))
    awards = await rows("SELECT id FROM ledger_entries WHERE account = 'LIFETIME'")

    async def verdict() -> None:
        account = await ledger.locked_account(may)
        for award in awards:
            await reverse_award(ports, admin, account, award["id"], "代学", new_id())

    await transaction(verdict)

    assert await totals(may) == (0, 0)
    assert await counted(may) == {}
    assert await ledger_verify() == []


# What clients see


async def ask(gql: Gql, by: Member | UUID | None, member_id: UUID, **given: object) -> dict[str, Any]:
    asked = {"memberId": to_global("Member", member_id), "reason": "代学", "idempotencyKey": str(uuid4())}
    return await gql.ask(CORRECT, {"input": asked | given}, by=by)


async def test_the_console_undoes_an_entry_and_the_member_reads_why(
    gql: Gql, world: World, ports: Ports, may: UUID
) -> None:
    boss = await world.staff(Role.ADMIN)
    await say(ports, course(may, 1, NOON))
    listed = "query ($id: ID!) { pointEntries(memberId: $id, account: LIFETIME) { nodes { id amount rule reason } } }"
    [line] = (await gql.ask(listed, {"id": to_global("Member", may)}, by=boss))["data"]["pointEntries"]["nodes"]

    answer = (await ask(gql, boss, may, reversesEntryId=line["id"]))["data"]["correctPoints"]

    assert answer["userErrors"] == []
    assert answer["entry"]["amount"] == -30
    assert answer["member"] == {"id": to_global("Member", may), "points": {"lifetime": 0, "balance": 0}}
    asked = "{ viewer { pointEntries { nodes { amount title reason reverses { id amount } } } } }"
    [undone, paid] = (await gql.ask(asked, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert (undone["amount"], undone["title"], undone["reason"]) == (-30, "Points corrected", "代学")
    assert (undone["reverses"]["amount"], paid["reason"]) == (30, None)


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "BAD_USER_INPUT", ["amount"]),
        ({"amount": 0}, "BAD_USER_INPUT", ["amount"]),
        ({"amount": 1_000_001}, "BAD_USER_INPUT", ["amount"]),
        ({"amount": -1_000_001}, "BAD_USER_INPUT", ["amount"]),
        ({"amount": -31}, "BALANCE_TOO_LOW", ["amount"]),
        ({"amount": 5, "reason": "  "}, "BAD_USER_INPUT", ["reason"]),
        ({"amount": 5, "reason": "长" * 201}, "BAD_USER_INPUT", ["reason"]),
        ({"reversesEntryId": "nonsense"}, "BAD_USER_INPUT", ["reversesEntryId"]),
        ({"reversesEntryId": to_global("Course", UUID(int=7))}, "BAD_USER_INPUT", ["reversesEntryId"]),
        ({"reversesEntryId": to_global("PointEntry", 10**17)}, "NOT_FOUND", ["reversesEntryId"]),
        ({"reversesEntryId": "award", "amount": -29}, "BAD_USER_INPUT", ["amount"]),
        ({"reversesEntryId": "spending"}, "STATE_FORBIDS", ["reversesEntryId"]),
        ({"reversesEntryId": "correction"}, "STATE_FORBIDS", ["reversesEntryId"]),
        ({"reversesEntryId": "undone"}, "ALREADY_DONE", ["reversesEntryId"]),
        ({"reversesEntryId": "somebody's"}, "NOT_FOUND", ["reversesEntryId"]),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
async def test_what_cannot_be_corrected_is_told_and_changes_nothing(
    gql: Gql, world: World, ports: Ports, admin: Actor, may: UUID, given: dict[str, object], code: str, field: list[str]
) -> None:
    boss, bo = await world.staff(Role.ADMIN), (await world.learner()).id
    await say(ports, course(may, 1, NOON), course(may, 2, NOON))
    await say(ports, course(bo, 3, NOON))
    await spend_all_but(ports, may, 40)
    undone = await award_of("course.completed", fact=course(may, 2, NOON))
    correction = await undo(ports, admin, may, undone)
    entries = {
        "award": await award_of("course.completed", fact=course(may, 1, NOON)),
        "spending": await award_of("reward.redeemed", "BALANCE"),
        "correction": correction.id,
        "undone": undone,
        "somebody's": await award_of("course.completed", fact=course(bo, 3, NOON)),
    }
    wanted = given.get("reversesEntryId")
    if wanted in entries:
        given = given | {"reversesEntryId": to_global("PointEntry", entries[str(wanted)])}
    before = await snapshot()

    answer = (await ask(gql, boss, may, **given))["data"]["correctPoints"]

    assert [(error["code"], error["field"]) for error in answer["userErrors"]] == [(code, field)]
    assert (answer["entry"], answer["member"]) == (None, None)
    assert await snapshot() == before


async def test_only_admins_of_the_members_region_correct_and_never_themselves(
    gql: Gql, world: World, ports: Ports
) -> None:
    here, there = await world.region(), await world.region()
    may = await world.learner(outlet=await world.outlet(region=here))
    near, far = await world.staff(Role.ADMIN, here), await world.staff(Role.ADMIN, there)

    answers = [await ask(gql, by, may.id, amount=5) for by in (None, may, await world.staff(Role.AUDITOR))]
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers]
    hidden = [
        (await ask(gql, by, whose, amount=5))["data"]["correctPoints"]["userErrors"]
        for by, whose in ((far, may.id), (near, near.id), (near, new_id()))
    ]
    done = (await ask(gql, near, may.id, amount=5))["data"]["correctPoints"]

    assert codes == ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN"]
    assert [(error["code"], error["field"]) for [error] in hidden] == [("NOT_FOUND", ["memberId"])] * 3
    assert done["member"]["points"] == {"lifetime": 5, "balance": 5}


async def test_the_lines_of_a_member_are_for_themselves_and_staff_of_their_region(
    gql: Gql, world: World, ports: Ports
) -> None:
    here = await world.region()
    may = await world.learner(outlet=await world.outlet(region=here))
    await say(ports, course(may.id, 1, NOON))
    gid = to_global("Member", may.id)
    asked = "query ($id: ID!) { pointEntries(memberId: $id) { totalCount nodes { id } } }"
    near, far = await world.staff(Role.AUDITOR, here), await world.staff(Role.AUDITOR, await world.region())

    seen = (await gql.ask(asked, {"id": gid}, by=near))["data"]["pointEntries"]
    codes = [(await gql.ask(asked, {"id": gid}, by=by))["errors"][0]["extensions"]["code"] for by in (None, may, far)]
    node = {"id": seen["nodes"][0]["id"]}
    found = [
        (await gql.ask("query ($id: ID!) { node(id: $id) { id } }", node, by=by))["data"]["node"]
        for by in (may, near, far)
    ]

    assert seen["totalCount"] == 1
    assert codes == ["UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"]
    assert found == [node, node, None]


@pytest.mark.parametrize(
    "change", ["UPDATE corrections SET amount = 1", "UPDATE corrections SET reason = 'x'", "DELETE FROM corrections",
               "TRUNCATE corrections"]
)  # fmt: skip
async def test_a_correction_stays_and_only_its_words_go(ports: Ports, admin: Actor, may: UUID, change: str) -> None:
    await give(ports, admin, may, 40)

    with pytest.raises(BaseORMException, match=r"stays|append-only"):
        await rows(change)
    await execute("UPDATE corrections SET reason = ''")

    kept = await Correction.get()
    assert (kept.amount, kept.reason) == (40, "")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE corrections SET amount = -31", "amount of correction"),
        ("UPDATE corrections SET written_off = 1", "written off by correction"),
        ("DELETE FROM corrections", "corrections"),
        ("UPDATE ledger_entries SET tariff_version = 9 WHERE rule = 'course.completed'", "line of the tariff"),
    ],
)
async def test_the_audit_of_the_ledger_looks_at_corrections(
    ports: Ports, admin: Actor, may: UUID, change: str, named: str
) -> None:
    await say(ports, course(may, 1, NOON), course(may, 2, NOON))
    await undo(ports, admin, may, await award_of("course.completed"))

    async def tamper() -> None:
        await execute("SET LOCAL session_replication_role = replica")
        await execute(change)

    await transaction(tamper)

    found = [difference.what for difference in await ledger_verify()]
    assert any(what.startswith(named) for what in found), found
