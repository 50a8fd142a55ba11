"""A live lesson from the doors to the points: beats, drops, several devices, interruptions, and settling once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from gamification.scores import points_of
from kit import db
from kit.db import execute, rows
from kit.ids import from_global, new_id, to_global
from kit.words import Role
from models.accounts import Member
from models.audit import AuditEntry
from models.live import LiveLesson
from models.live_attendance import lessons_to_settle
from models.live_room import last_seq, rooms_of
from services.board_building import check_boards
from services.board_projection import kept_families
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.live_attendance import (
    beat_live_lesson,
    settle_live_lessons,
    settled_attendances,
    tell_audiences,
    watching,
)
from tests.live_attendance.evening import ANSWER_CHECK_IN, ASK_CHECK_IN, EXCUSE, JOIN, Evening
from tests.pool import counted
from workers.relay import drain


def row_id(gid: str) -> UUID:
    return UUID(from_global(gid)[1])


async def test_who_stays_is_present_and_is_paid_the_lessons_own_price_once(evening: Evening) -> None:
    may = await evening.world.learner()
    await evening.goes_on_air()
    ticket = await evening.join(may)
    early = await evening.stays(may, ticket, 50)
    last = await evening.stays(may, ticket, 50)
    await evening.ends()

    await evening.settles()
    await asyncio.gather(*(settle_live_lessons(evening.ports) for _ in range(3)))

    assert (early["attendedSeconds"], early["credited"], early["status"]) == (50, False, "LIVE")
    assert (last["attendedSeconds"], last["credited"]) == (100, True)
    assert await evening.mine(may) == {"outcome": "PRESENT", "attendedSeconds": 100, "percent": 100, "credited": True}
    source = "{ viewer { pointEntries { nodes { rule amount } } } }"
    entries = (await evening.gql.ask(source, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert [each["amount"] for each in entries if each["rule"] == "live.attended"] == [30]
    counted = await rows("SELECT amount FROM metric_days WHERE metric = 'LIVE_ATTENDANCES' AND member_id = $1", may.id)
    assert [row["amount"] for row in counted] == [1]
    assert await ledger_verify() == []


async def test_a_settled_lesson_is_looked_for_no_more_whichever_version_of_the_server_has_settled_it(
    evening: Evening,
) -> None:
    await evening.goes_on_air()
    await evening.ends()
    evening.clock.advance(timedelta(seconds=90))
    now = evening.clock.now()
    before = await lessons_to_settle(now, 10)

    await execute("INSERT INTO live_settlements VALUES ($1, $2, 0, 0)", evening.lesson.id, now)

    assert (before, await lessons_to_settle(now, 10)) == ([evening.lesson.id], [])
    assert (await LiveLesson.get(id=evening.lesson.id)).settled_at == now


async def test_the_board_of_live_lessons_holds_who_attended_and_verifying_names_a_count_that_is_not_so(
    evening: Evening,
) -> None:
    may = await evening.world.learner()
    await check_boards(evening.ports)
    await evening.goes_on_air()
    ticket = await evening.join(may)
    await evening.stays(may, ticket, 50)
    await evening.stays(may, ticket, 50)
    await evening.ends()
    await evening.settles()
    await drain(evening.ports)

    [week] = [
        each
        for each in await kept_families(evening.clock.now())
        if str(each) == "LIVE_ATTENDANCES.WEEK.2026-03-02.MEMBER"
    ]
    shown = await evening.ports.boards.everything(week)
    assert {subject: points_of(score) for subject, score in shown["-.-"].items()} == {str(may.id).encode(): 1}
    assert await verify_boards(evening.ports) == []

    await db.execute("UPDATE metric_days SET amount = 2 WHERE metric = 'LIVE_ATTENDANCES'")
    found = {each.where.rpartition(" ")[0] for each in await verify_boards(evening.ports)}
    assert "metric_days LIVE_ATTENDANCES" in found


async def test_a_beat_covers_a_minute_at_most_and_joining_again_is_the_same_ticket(evening: Evening) -> None:
    may = await evening.world.learner()
    await evening.goes_on_air()
    ticket = await evening.join(may)

    evening.clock.advance(timedelta(seconds=60))
    whole = await evening.beat(may, ticket)
    evening.clock.advance(timedelta(seconds=100))
    capped = await evening.beat(may, ticket)
    evening.clock.advance(timedelta(seconds=61))
    again = await evening.join(may)
    rejoined = await evening.beat(may, ticket)
    evening.clock.advance(timedelta(seconds=30))
    soon = await evening.join(may)
    after = await evening.beat(may, ticket)

    assert again == soon == ticket
    assert [each["attendedSeconds"] for each in (whole, capped, rejoined, after)] == [60, 120, 120, 150]


async def test_several_devices_count_once_however_they_race(evening: Evening) -> None:
    may = await evening.world.learner()
    await evening.goes_on_air()
    tickets = [await evening.join(may, f"device-{n}") for n in range(3)]
    for _ in range(3):
        evening.clock.advance(timedelta(seconds=20))
        answers = await asyncio.gather(*(evening.beat(may, each) for each in tickets * 3))

    assert answers[-1]["attendedSeconds"] == 60
    assert await watching(evening.lesson.id, evening.clock.now()) == 1
    assert await rows("SELECT 1 FROM live_runs") == []


async def test_interruptions_and_the_time_before_count_for_nobody_and_against_nobody(evening: Evening) -> None:
    may = await evening.world.learner()
    ticket = await evening.join(may)
    await evening.stays(may, ticket, 40)
    await evening.goes_on_air()
    await evening.stays(may, ticket, 30)
    await evening.drops()
    waiting = await evening.stays(may, ticket, 60)
    await evening.goes_on_air()
    await evening.stays(may, ticket, 20)
    await evening.ends()
    late_beat = await evening.stays(may, ticket, 20)
    await evening.settles()

    assert (waiting["attendedSeconds"], waiting["status"]) == (30, "INTERRUPTED")
    assert late_beat["attendedSeconds"] == 50
    assert await evening.mine(may) == {"outcome": "PRESENT", "attendedSeconds": 50, "percent": 100, "credited": True}


async def test_a_settled_lesson_is_what_its_runs_say_and_later_beats_change_nothing(evening: Evening) -> None:
    admin = await evening.world.staff(Role.ADMIN)
    whole, part, nothing = [await evening.world.learner(name) for name in ("整场", "半场", "没看")]
    tickets = {each.id: await evening.join(each) for each in (whole, part, nothing)}
    evening.clock.advance(timedelta(seconds=61))
    tickets[whole.id] = await evening.join(whole)
    await evening.goes_on_air()
    await evening.join(part)
    for second in range(4):
        evening.clock.advance(timedelta(seconds=25))
        await evening.beat(whole, tickets[whole.id])
        if second < 2:
            await evening.beat(part, tickets[part.id])
    await evening.ends()
    await evening.settles()
    after = await evening.beat(part, tickets[part.id])

    found = await evening.listed(admin)
    again = await settled_attendances(evening.lesson.id, evening.clock.now())
    assert found["attendanceSummary"] == {
        "reserved": 0, "joined": 3, "present": 1, "late": 0, "partial": 1, "absent": 1, "replay": 0, "peakWatching": 2,
        "averagePercent": 75,
    }  # fmt: skip
    seen = {node["member"]["displayName"]: (node["outcome"], node["attendedSeconds"]) for node in
            found["attendance"]["nodes"]}  # fmt: skip
    assert seen == {"整场": ("PRESENT", 100), "半场": ("PARTIAL", 50), "没看": ("ABSENT", 0)}
    assert {each.member_id: each.attended_seconds for each in again} == {whole.id: 100, part.id: 50, nothing.id: 0}
    assert after["credited"] is False


async def test_tickets_of_others_and_forged_ones_are_not_found(evening: Evening) -> None:
    may, li = await evening.world.learner(), await evening.world.learner("小李")
    ticket = await evening.join(may)
    before = await rows("SELECT seen_at FROM live_tickets")
    evening.clock.advance(timedelta(seconds=25))

    answers = [await evening.beat(li, each) for each in (ticket, to_global("LiveTicket", new_id()), "x", evening.gid)]

    assert [each["userErrors"] for each in answers] == [[{"code": "NOT_FOUND", "field": ["ticketId"]}]] * 4
    assert await rows("SELECT seen_at FROM live_tickets") == before


async def test_doors_and_seats_are_kept(evening: Evening) -> None:
    first, second, host = await evening.world.learner(), await evening.world.learner("小李"), evening.lesson
    await LiveLesson.filter(id=host.id).update(capacity=1)
    opens = evening.clock.now()

    evening.clock.at = opens - timedelta(microseconds=1)
    early = await evening.ask(JOIN, first, liveLessonId=evening.gid, deviceId="device-1")
    evening.clock.at = opens
    await evening.join(first)
    full = await evening.ask(JOIN, second, liveLessonId=evening.gid, deviceId="device-1")
    for n in range(2, 6):
        await evening.join(first, f"device-{n}")
    many = await evening.ask(JOIN, first, liveLessonId=evening.gid, deviceId="device-6")
    await LiveLesson.filter(id=host.id).update(capacity=None)
    evening.clock.at = opens + timedelta(hours=1)
    late = await evening.ask(JOIN, second, liveLessonId=evening.gid, deviceId="device-1")
    back = await evening.join(first)

    codes = [each["userErrors"][0]["code"] for each in (early, full, many, late)]
    assert codes == ["NOT_OPEN", "FULL", "LIMIT_REACHED", "CLOSED"]
    assert row_id(back)
    assert await rows("SELECT 1 FROM live_seats WHERE state = 'WAITLISTED'") == []


async def test_who_is_excused_is_excused_and_who_was_there_cannot_be(evening: Evening) -> None:
    admin = await evening.world.staff(Role.ADMIN)
    there, sick = await evening.world.learner(), await evening.world.learner("生病的人")
    await evening.goes_on_air()
    ticket = await evening.join(there)
    await evening.stays(there, ticket, 100)
    ids = {"liveLessonId": evening.gid, "reason": "住院"}
    early = await evening.ask(EXCUSE, admin, memberId=to_global("Member", sick.id), **ids)
    await evening.ends()
    await evening.settles()
    refused = await evening.ask(EXCUSE, admin, memberId=to_global("Member", there.id), **ids)
    empty = await evening.ask(EXCUSE, admin, memberId=to_global("Member", sick.id), **{**ids, "reason": " "})

    assert early["excused"] is True
    assert [each["userErrors"][0]["code"] for each in (refused, empty)] == ["STATE_FORBIDS", "BAD_USER_INPUT"]
    assert (await evening.mine(there))["outcome"] == "PRESENT"
    assert await AuditEntry.filter(action="live.excused").count() == 1


async def test_the_room_is_told_as_members_with_a_beat_in_the_last_minute(evening: Evening) -> None:
    may, li = await evening.world.learner(), await evening.world.learner("小李")
    await evening.join(may)
    await evening.join(li)

    await tell_audiences(evening.world.ports)
    [now] = await rooms_of([evening.lesson.id])
    evening.clock.advance(timedelta(seconds=60))
    await tell_audiences(evening.world.ports)
    [later] = await rooms_of([evening.lesson.id])
    await tell_audiences(evening.world.ports)

    assert (now.watching, later.watching) == (2, 0)
    assert await last_seq(evening.lesson.id) == later.last_seq == now.last_seq + 1


@pytest.mark.parametrize(("answers", "outcome"), [(2, "PRESENT"), (1, "PARTIAL")])
async def test_two_of_three_check_ins_decide_what_becomes_of_who_saw_it_all(
    evening: Evening, answers: int, outcome: str
) -> None:
    may, host = await evening.world.learner(), await Member.get(id=evening.lesson.host_id)
    await LiveLesson.filter(id=evening.lesson.id).update(check_ins_required=2)
    await evening.goes_on_air()
    ticket = await evening.join(may)
    before = (await evening.stays(may, ticket, 10))["credited"]

    for number in range(3):
        check_in = (await evening.ask(ASK_CHECK_IN, host, liveLessonId=evening.gid, seconds=10))["checkIn"]["id"]
        if number < answers:
            for _ in range(2):  # the same answer again counts once
                assert (await evening.ask(ANSWER_CHECK_IN, may, checkInId=check_in))["accepted"] is True
        said = await evening.stays(may, ticket, 30)
    late = await evening.ask(ANSWER_CHECK_IN, may, checkInId=check_in)
    await evening.ends()
    await evening.settles()

    assert (before, said["attendedSeconds"], said["credited"]) == (False, 100, outcome == "PRESENT")
    assert late["userErrors"] == [{"code": "CLOSED", "field": ["checkInId"]}]
    assert await evening.mine(may) == {
        "outcome": outcome, "attendedSeconds": 100, "percent": 100, "credited": outcome == "PRESENT",
    }  # fmt: skip


@pytest.mark.parametrize("check_ins_required", [0, 1])
async def test_a_beat_is_two_statements_however_many_are_there(evening: Evening, check_ins_required: int) -> None:
    await LiveLesson.filter(id=evening.lesson.id).update(check_ins_required=check_ins_required)
    crowd = [await evening.world.learner(f"学员{n}") for n in range(6)]
    await evening.goes_on_air()
    tickets = {each.id: await evening.join(each, device) for each in crowd for device in ("device-1", "device-2")}
    may = await evening.world.actor(crowd[0])
    await beat_live_lesson(evening.ports, may, row_id(tickets[may.member_id]))  # warms up
    evening.clock.advance(timedelta(seconds=25))
    with counted(await db._pool()) as soon:
        first = await beat_live_lesson(evening.ports, may, row_id(tickets[may.member_id]))
    evening.clock.advance(timedelta(seconds=90))
    with counted(await db._pool()) as after_a_silence:
        second = await beat_live_lesson(evening.ports, may, row_id(tickets[may.member_id]))

    for seen in (soon, after_a_silence):
        asked = seen
        assert len(asked) == 2, asked
    assert (first.seen.attended_seconds, second.seen.attended_seconds) == (25, 85)


async def test_devices_that_join_at_once_are_one_attendance_and_a_ticket_each(evening: Evening) -> None:
    may = await evening.world.learner()

    tickets = await asyncio.gather(*(evening.join(may, f"device-{n % 4}") for n in range(20)))

    assert len(set(tickets)) == 4
    assert [tickets[n] for n in range(4)] * 5 == list(tickets)
    assert [row["member_id"] for row in await rows("SELECT member_id FROM live_attendances")] == [may.id]
    assert len(await rows("SELECT id FROM live_tickets")) == 4


async def test_a_member_who_joins_with_ten_devices_at_once_has_five(evening: Evening) -> None:
    may = await evening.world.learner()

    answers = await asyncio.gather(
        *(evening.ask(JOIN, may, liveLessonId=evening.gid, deviceId=f"device-{n}") for n in range(10))
    )

    codes = [error["code"] for each in answers for error in each["userErrors"]]
    assert codes == ["LIMIT_REACHED"] * 5
    assert len(await rows("SELECT id FROM live_tickets")) == 5


async def test_of_twelve_who_join_at_once_for_three_seats_three_are_in_on_all_their_devices(evening: Evening) -> None:
    await LiveLesson.filter(id=evening.lesson.id).update(capacity=3)
    crowd = [await evening.world.learner(f"学员{n}") for n in range(12)]

    answers = await asyncio.gather(
        *(
            evening.ask(JOIN, each, liveLessonId=evening.gid, deviceId=device)
            for each in crowd
            for device in ("device-1", "device-2")
        )
    )

    codes = [error["code"] for each in answers for error in each["userErrors"]]
    assert codes == ["FULL"] * 18  # and nobody waits who did not ask for it
    seated = await rows("SELECT member_id FROM live_seats WHERE state = 'SEATED'")
    inside = await rows("SELECT member_id, count(*) AS n FROM live_tickets GROUP BY member_id")
    assert len(seated) == 3
    assert {row["member_id"]: row["n"] for row in inside} == {row["member_id"]: 2 for row in seated}
    assert await rows("SELECT 1 FROM live_seats WHERE state = 'WAITLISTED'") == []
    assert (await LiveLesson.get(id=evening.lesson.id)).seats_taken == 3
