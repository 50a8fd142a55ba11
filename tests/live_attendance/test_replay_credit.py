"""The replay in place of the lesson: what is watched of it is counted once, and pays once who was not there."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from kit.db import execute, rows
from kit.ids import to_global
from kit.words import LiveStatus, OutletTier, Role
from models.accounts import Member
from models.live import LiveLesson
from services.ledger import ledger_verify
from services.replay_credit import credit_replays
from tests.live_attendance.evening import EXCUSE, Evening

REPORT = (
    "mutation ($input: ReportReplayInput!) { reportReplay(input: $input) {"
    " progress { watchedSeconds requiredSeconds watchedAt creditDueAt } awards { rule points }"
    " liveLesson { viewerAttendance { outcome } replay { viewerProgress { watchedSeconds watchedAt } } }"
    " userErrors { code field } } }"
)
PAID = "SELECT rule, amount FROM ledger_entries WHERE member_id = $1 AND account = 'LIFETIME' ORDER BY rule"
REPLAY_PRICE = 12
REPLAY = ("replay.watched", REPLAY_PRICE)


async def has_replay(evening: Evening, seconds: int = 100) -> None:
    asset = await evening.world.media(seconds)
    await LiveLesson.filter(id=evening.lesson.id).update(
        status=LiveStatus.REPLAY_READY, replay_media_id=asset.id, replay_points=REPLAY_PRICE
    )


async def over(evening: Evening, seconds: int = 100) -> None:
    """The lesson has run, is settled, and its replay is there."""
    await evening.goes_on_air()
    evening.clock.advance(timedelta(seconds=100))
    await evening.ends()
    await evening.settles()
    await has_replay(evening, seconds)


async def watch(evening: Evening, by: Member, *spans: tuple[int, int], at: datetime | None = None) -> Any:
    now = evening.clock.now()
    return await evening.ask(
        REPORT,
        by,
        liveLessonId=evening.gid,
        sentAt=now.isoformat(),
        occurredAt=(at or now).isoformat(),
        spans=[{"fromSeconds": start, "toSeconds": end} for start, end in spans],
    )


async def paid_to(member: Member) -> list[tuple[str, int]]:
    """What the two rules of live lessons paid."""
    found = [(row["rule"], row["amount"]) for row in await rows(PAID, member.id)]
    return [entry for entry in found if entry[0] in ("live.attended", "replay.watched")]


async def watches() -> list[dict[str, Any]]:
    return await rows("SELECT * FROM live_replay_watches")


async def test_who_missed_the_lesson_and_watches_enough_of_its_replay_is_paid_its_price_once(evening: Evening) -> None:
    may, admin = await evening.world.learner(), await evening.world.staff(Role.ADMIN)
    await over(evening)

    part = await watch(evening, may, (0, 40), (20, 79))
    enough = await watch(evening, may, (79, 80))
    again = [await watch(evening, may, (79, 80)), await watch(evening, may, (0, 100))]

    assert part["progress"] == {
        "watchedSeconds": 79, "requiredSeconds": 80, "watchedAt": None, "creditDueAt": None,
    }  # fmt: skip
    assert (part["awards"], part["liveLesson"]["viewerAttendance"]) == ([], None)
    assert enough["awards"] == [{"rule": "replay.watched", "points": REPLAY_PRICE}]
    assert enough["liveLesson"]["viewerAttendance"] == {"outcome": "REPLAY"}
    assert enough["progress"]["watchedAt"] is not None
    assert [each["awards"] for each in again] == [[], []]
    assert {each["progress"]["watchedSeconds"] for each in again} == {80}
    assert await paid_to(may) == [REPLAY]
    assert await rows("SELECT 1 FROM metric_days WHERE metric = 'LIVE_ATTENDANCES'") == []
    found = await evening.listed(admin)
    assert (found["attendanceSummary"]["replay"], found["attendanceSummary"]["absent"]) == (1, 0)
    assert [node["outcome"] for node in found["attendance"]["nodes"]] == ["REPLAY"]
    assert await ledger_verify() == []


async def test_the_points_reach_the_board(evening: Evening) -> None:
    may = await evening.world.learner()
    await over(evening)

    await watch(evening, may, (0, 100))

    source = "{ viewer { points { lifetime } pointEntries { nodes { rule amount } } } }"
    seen = (await evening.gql.ask(source, by=may))["data"]["viewer"]
    [entry] = [each for each in seen["pointEntries"]["nodes"] if each["rule"] == "replay.watched"]
    assert entry["amount"] == REPLAY_PRICE
    [day] = await rows("SELECT amount FROM metric_days WHERE metric = 'POINTS' AND member_id = $1", may.id)
    assert day["amount"] == seen["points"]["lifetime"] >= REPLAY_PRICE


async def test_twenty_phones_at_once_are_one_payment(evening: Evening) -> None:
    may = await evening.world.learner()
    await over(evening)

    answers = await asyncio.gather(*(watch(evening, may, (0, 80 + n)) for n in range(20)))

    assert sum(len(each["awards"]) for each in answers) == 1
    assert {each["liveLesson"]["viewerAttendance"]["outcome"] for each in answers} == {"REPLAY"}
    assert await paid_to(may) == [REPLAY]
    assert await ledger_verify() == []


async def test_the_tick_and_the_phone_racing_pay_once(evening: Evening) -> None:
    may = await evening.world.learner()
    await evening.goes_on_air()
    evening.clock.advance(timedelta(seconds=100))
    await evening.ends()
    await has_replay(evening)
    early = await watch(evening, may, (0, 100))
    await evening.settles()

    await asyncio.gather(*(credit_replays(evening.ports) for _ in range(4)), watch(evening, may, (0, 100)))

    assert (early["awards"], early["progress"]["watchedAt"]) == ([], None)
    assert early["progress"]["creditDueAt"] is not None
    assert await paid_to(may) == [REPLAY]
    assert await ledger_verify() == []


async def test_who_was_there_gets_nothing_for_the_replay_also_when_it_is_settled_after_it(evening: Evening) -> None:
    first, second = await evening.world.learner(), await evening.world.learner("小李")
    await evening.goes_on_air()
    tickets = {each.id: await evening.join(each) for each in (first, second)}
    for _ in range(4):
        evening.clock.advance(timedelta(seconds=25))
        for each in (first, second):
            await evening.beat(each, tickets[each.id])
    await evening.ends()
    await has_replay(evening)
    await watch(evening, first, (0, 100))
    await evening.settles()
    await credit_replays(evening.ports)
    late = await watch(evening, second, (0, 100))

    assert late["awards"] == []
    assert late["progress"]["watchedAt"] is not None
    for each in (first, second):
        assert (await evening.mine(each))["outcome"] == "PRESENT"
        assert await paid_to(each) == [("live.attended", 30)]
    assert await ledger_verify() == []


async def test_partial_absent_and_excused_become_replay_and_cannot_be_excused_any_more(evening: Evening) -> None:
    admin = await evening.world.staff(Role.ADMIN)
    part, absent, sick = [await evening.world.learner(name) for name in ("半场", "没看", "生病的人")]
    await evening.join(absent)
    await evening.goes_on_air()
    ticket = await evening.join(part)
    await evening.stays(part, ticket, 50)
    evening.clock.advance(timedelta(seconds=50))
    ids = {"liveLessonId": evening.gid, "reason": "住院"}
    await evening.ask(EXCUSE, admin, memberId=to_global("Member", sick.id), **ids)
    await evening.ends()
    await evening.settles()
    await has_replay(evening)
    before = [(await evening.mine(each))["outcome"] for each in (part, absent, sick)]

    for each in (part, absent, sick):
        await watch(evening, each, (0, 80))
    refused = await evening.ask(EXCUSE, admin, memberId=to_global("Member", sick.id), **ids)

    assert before == ["PARTIAL", "ABSENT", "EXCUSED"]
    assert refused["userErrors"] == [{"code": "STATE_FORBIDS", "field": ["memberId"]}]
    for each in (part, absent, sick):
        seen = await evening.mine(each)
        assert (seen["outcome"], seen["credited"], await paid_to(each)) == ("REPLAY", False, [REPLAY])
    assert (await evening.mine(part))["attendedSeconds"] == 50


async def test_faster_than_the_clock_is_counted_later_and_by_itself(evening: Evening) -> None:
    may = await evening.world.learner()
    await LiveLesson.filter(id=evening.lesson.id).update(ends_at=evening.lesson.starts_at + timedelta(hours=2))
    await over(evening, seconds=7200)
    await execute(
        "INSERT INTO learning_budgets (member_id, available_ms, updated_at) VALUES ($1, 60000, $2)",
        may.id, evening.clock.now(),
    )  # fmt: skip

    at_once = await watch(evening, may, (0, 7200))
    evening.clock.advance(timedelta(seconds=2849))
    await credit_replays(evening.ports)
    too_soon = await paid_to(may)
    evening.clock.advance(timedelta(seconds=1))
    await credit_replays(evening.ports)

    assert (at_once["awards"], at_once["progress"]["watchedSeconds"]) == ([], 60)
    assert at_once["progress"]["requiredSeconds"] == 5760
    assert at_once["progress"]["watchedAt"] is None
    assert too_soon == []
    assert await paid_to(may) == [REPLAY]
    assert (await evening.mine(may))["outcome"] == "REPLAY"


async def test_a_replay_and_a_course_are_paid_from_one_budget(evening: Evening) -> None:
    may = await evening.world.learner()
    await over(evening)
    await execute(
        "INSERT INTO learning_budgets (member_id, available_ms, updated_at) VALUES ($1, 70500, $2)",
        may.id, evening.clock.now(),
    )  # fmt: skip

    await watch(evening, may, (0, 30))
    await watch(evening, may, (0, 90))

    [budget] = await rows("SELECT available_ms FROM learning_budgets WHERE member_id = $1", may.id)
    [kept] = await watches()
    assert (budget["available_ms"], kept["watched_seconds"], list(kept["paid"])) == (500, 70, [0, 70])


@pytest.mark.parametrize(
    ("spans", "shift", "code", "field"),
    [
        ([(-1, 5)], timedelta(0), "SPAN_IMPOSSIBLE", "spans"),
        ([(9, 5)], timedelta(0), "SPAN_IMPOSSIBLE", "spans"),
        ([(0, 50), (60, 101)], timedelta(0), "SPAN_IMPOSSIBLE", "spans"),
        ([(n % 100, n % 100) for n in range(201)], timedelta(0), "SPAN_IMPOSSIBLE", "spans"),
        ([(0, 100)], timedelta(minutes=3), "TIME_IN_FUTURE", "occurredAt"),
        ([(0, 100)], timedelta(days=-8), "TOO_LATE", "occurredAt"),
        ([(0, 100)], timedelta(seconds=-91), "TOO_LATE", "occurredAt"),
    ],
    ids=["negative", "backwards", "beyond the end", "too many", "tomorrow", "last week", "before the replay"],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    evening: Evening, spans: list[tuple[int, int]], shift: timedelta, code: str, field: str
) -> None:
    may = await evening.world.learner()
    await over(evening)

    answer = await watch(evening, may, *spans, at=evening.clock.now() + shift)

    assert answer["userErrors"] == [{"code": code, "field": [field]}]
    assert (answer["progress"], answer["awards"]) == (None, None)
    assert await watches() == []
    assert await rows("SELECT 1 FROM live_attendances") == []
    assert await rows("SELECT 1 FROM learning_budgets") == []
    assert await paid_to(may) == []


async def test_only_while_there_is_a_replay(evening: Evening) -> None:
    may = await evening.world.learner()
    before = await watch(evening, may, (0, 80))
    await over(evening)
    await LiveLesson.filter(id=evening.lesson.id).update(status=LiveStatus.ARCHIVED)
    after = await watch(evening, may, (0, 80))

    refusal = [{"code": "STATE_FORBIDS", "field": ["liveLessonId"]}]
    assert (before["userErrors"], after["userErrors"]) == (refusal, refusal)
    assert await watches() == []


async def test_only_the_audience_may(evening: Evening) -> None:
    city = await evening.world.region("别的城市")
    away = await evening.world.learner("外地人", outlet=await evening.world.outlet(region=city))
    admin, host = await evening.world.staff(Role.ADMIN), await Member.get(id=evening.lesson.host_id)
    small = await evening.world.learner("小店", outlet=await evening.world.outlet(tier=OutletTier.NEW))
    await over(evening)
    await LiveLesson.filter(id=evening.lesson.id).update(audience_tiers=[OutletTier.NEW.value])
    input_ = {
        "liveLessonId": evening.gid, "sentAt": evening.clock.now().isoformat(),
        "occurredAt": evening.clock.now().isoformat(), "spans": [{"fromSeconds": 0, "toSeconds": 100}],
    }  # fmt: skip

    codes = {}
    for name, by in (("away", away), ("admin", admin), ("host", host)):
        answer = await evening.gql.ask(REPORT, {"input": input_}, by=by)
        errors = answer.get("errors")
        codes[name] = errors[0]["extensions"]["code"] if errors else answer["data"]["reportReplay"]["userErrors"]
    invited = await watch(evening, small, (0, 100))

    assert codes == {"away": [{"code": "NOT_FOUND", "field": ["liveLessonId"]}], "admin": "FORBIDDEN",
                     "host": "FORBIDDEN"}  # fmt: skip
    assert invited["awards"] == [{"rule": "replay.watched", "points": REPLAY_PRICE}]
    assert [row["member_id"] for row in await watches()] == [small.id]


async def test_without_a_price_of_its_own_a_replay_pays_what_the_tariff_says_at_the_time_of_watching(
    evening: Evening,
) -> None:
    may = await evening.world.learner()
    await over(evening)
    await LiveLesson.filter(id=evening.lesson.id).update(replay_points=None)
    evening.clock.advance(timedelta(days=2))

    answer = await watch(evening, may, (0, 100), at=evening.clock.now() - timedelta(days=1))

    assert answer["awards"] == [{"rule": "replay.watched", "points": 15}]
    [fact] = await rows("SELECT occurred_at FROM facts WHERE kind = 'replay.watched' AND member_id = $1", may.id)
    assert fact["occurred_at"] == evening.clock.now() - timedelta(days=1)


@pytest.mark.parametrize(
    "change",
    [
        "outcome = 'REPLAY'",
        "credited = true, outcome = 'PRESENT'",
        "rewarded_at = now()",
        "outcome = 'ABSENT'",
    ],
)
async def test_no_row_can_say_that_a_lesson_was_attended_and_watched_later(evening: Evening, change: str) -> None:
    may = await evening.world.learner()
    await over(evening)
    await watch(evening, may, (0, 100))
    if change == "outcome = 'REPLAY'":
        await execute("UPDATE live_attendances SET outcome = 'ABSENT', replayed_at = NULL")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await execute(f"UPDATE live_attendances SET {change}")
