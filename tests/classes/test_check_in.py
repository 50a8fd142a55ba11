"""Checking in: by the code on the screen, once, in time and near enough; by the trainer for who cannot; for points."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from auth.class_codes import code_at
from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.audit import AuditEntry
from models.classes import ClassAttendance
from models.ledger import facts_on
from services.class_check_in import KEY
from services.class_plans import settle_classes
from services.ledger import ledger_verify
from tests.classes.school import FAR, HALL, LASTS, NEAR, School, faults, row_id

TICK = timedelta(microseconds=1)
TOO_OLD = [("CODE_EXPIRED", ["payload"])]


async def balance(school: School, member: object) -> int:
    source = "{ viewer { points { balance } } }"
    answer = await school.gql.ask(source, by=member)  # type: ignore[arg-type]
    points: int = answer["data"]["viewer"]["points"]["balance"]
    return points


async def test_who_scans_the_code_is_there_and_is_paid_at_once(school: School, clock: FrozenClock) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id, -timedelta(minutes=30))

    payload = await school.check_in(may, await school.payload(class_id))

    moment = clock.now().isoformat()
    assert payload["attendance"]["outcome"] == "PRESENT"
    assert payload["attendance"]["checkedInAt"].replace("Z", "+00:00") == moment
    assert payload["awards"][0]["rule"] == "class.checked_in"
    assert await balance(school, may) == sum(each["points"] for each in payload["awards"]) > 0
    assert await ledger_verify() == []


async def test_again_is_the_same_answer_with_the_same_code_a_new_one_and_an_old_one(
    school: School, clock: FrozenClock
) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    code = await school.payload(class_id)
    first = await school.check_in(may, code)
    before = await balance(school, may)

    same = await school.check_in(may, code, FAR)
    clock.advance(timedelta(minutes=1))
    old, new = await school.check_in(may, code), await school.check_in(may, await school.payload(class_id))
    clock.advance(timedelta(days=3))
    after_the_end = await school.check_in(may, code)

    assert same == old == new == after_the_end == first
    assert (await balance(school, may), await ClassAttendance.all().count()) == (before, 1)


async def test_one_learner_at_once_is_paid_once(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    code = await school.payload(class_id)

    answers = await asyncio.gather(*(school.check_in(may, code) for _ in range(20)))

    assert all(answer == answers[0] for answer in answers)
    assert await balance(school, may) == sum(each["points"] for each in answers[0]["awards"])
    assert await ledger_verify() == []


async def test_a_class_of_thirty_at_once_is_thirty(school: School) -> None:
    class_id = await school.scheduled()
    pupils = await school.signed_up(class_id, 30)
    await school.begins(class_id)
    code = await school.payload(class_id)

    answers = await asyncio.gather(*(school.check_in(each, code) for each in pupils))

    assert [answer["attendance"]["outcome"] for answer in answers] == ["PRESENT"] * 30
    assert (await school.attendance(class_id))["totalCount"] == 30
    assert await ledger_verify() == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(), []), (timedelta(seconds=15), []), (timedelta(seconds=20) - TICK, []),
        (timedelta(seconds=20), TOO_OLD), (timedelta(minutes=5), TOO_OLD),
    ],
    ids=["at once", "as it disappears", "the last moment", "too old", "a forwarded picture"],
)  # fmt: skip
async def test_a_code_is_taken_for_twenty_seconds(school: School, after: timedelta, expected: list[object]) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    code = await school.payload(class_id)
    await school.begins(class_id, after)

    payload = await school.check_in(may, code)

    assert faults(payload) == expected
    assert await ClassAttendance.all().count() == (0 if expected else 1)
    assert (payload["attendance"] is None) is bool(expected)


async def test_the_screen_has_a_new_code_every_fifteen_seconds_and_says_when(school: School) -> None:
    class_id = await school.scheduled()
    await school.begins(class_id)

    first = await school.screen(class_id)
    await school.begins(class_id, timedelta(seconds=15) - TICK)
    same = await school.screen(class_id)
    await school.begins(class_id, timedelta(seconds=15))
    second = await school.screen(class_id)

    assert first is not None
    assert second is not None
    assert first == same
    assert first["payload"] != second["payload"]
    assert first["svg"].startswith("<svg")
    assert second["validUntil"] > first["validUntil"]


async def test_forged_codes_and_those_of_other_classes_check_nobody_in(school: School, clock: FrozenClock) -> None:
    class_id = await school.scheduled()
    other_id = await school.scheduled(trainerId=to_global("Member", (await school.world.staff(Role.LECTURER)).id))
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    now, key = clock.now(), school.ports.settings.key(KEY)
    good, other = await school.payload(class_id), code_at(key, row_id(other_id), now).payload
    mixed = good[:26] + other[26:]

    answers = [
        await school.check_in(may, each)
        for each in (
            code_at(b"guessed" * 5, row_id(class_id), now).payload, code_at(key, row_id(class_id), now + LASTS).payload,
            mixed, good[:-1], good + "A", good[:-2] + "AA", "", "GAC1.", "签到", "A" * 2000, class_id,
        )
    ]  # fmt: skip
    huge = await school.check_in(may, "A" * 2001)
    there = await school.check_in(may, other)

    assert {str(faults(each)) for each in answers} == {"[('CODE_WRONG', ['payload'])]"}
    assert faults(huge) == [("BAD_USER_INPUT", ["payload"])]
    assert there["attendance"]["outcome"] == "PRESENT"  # at the other class, where a seat was free
    attended = await ClassAttendance.all()
    assert [each.offline_class_id for each in attended] == [row_id(other_id)]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (None, []), (HALL, []), (NEAR, []), (FAR, [("TOO_FAR", ["location"])]),
        ({"latitude": 0.0, "longitude": 0.0}, [("TOO_FAR", ["location"])]),
        ({"latitude": 91.0, "longitude": 0.0}, [("BAD_USER_INPUT", ["location"])]),
    ],
    ids=["unknown", "in the hall", "289 m", "311 m", "at sea", "nowhere"],
)  # fmt: skip
async def test_a_phone_that_says_where_it_is_must_be_near(
    school: School, location: dict[str, float] | None, expected: list[object]
) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)

    payload = await school.check_in(may, await school.payload(class_id), location)

    assert faults(payload) == expected
    assert await ClassAttendance.all().count() == (0 if expected else 1)


async def test_a_class_without_a_place_on_the_map_takes_phones_from_anywhere(school: School) -> None:
    class_id = await school.scheduled(location=None)
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)

    assert faults(await school.check_in(may, await school.payload(class_id), FAR)) == []


async def test_check_in_opens_half_an_hour_before_and_closes_with_the_class(school: School) -> None:
    class_id = await school.scheduled()
    [may, li] = await school.signed_up(class_id, 2)
    key, row = school.ports.settings.key(KEY), await school.row(class_id)
    answers, shown = [], []
    for at in (row.starts_at - timedelta(minutes=30) - TICK, row.ends_at, row.ends_at - TICK):
        school.clock.at = at
        shown.append(await school.screen(class_id) is not None)
        answers.append(faults(await school.check_in(may, code_at(key, row.id, at).payload)))
    school.clock.at = row.starts_at - timedelta(minutes=30)
    early = await school.check_in(li, await school.payload(class_id))

    assert answers == [[("NOT_OPEN", ["payload"])], [("CLOSED", ["payload"])], []]
    assert shown == [False, False, True]
    assert early["attendance"]["outcome"] == "PRESENT"


async def test_a_quarter_of_an_hour_after_the_beginning_is_late_and_pays_all_the_same(school: School) -> None:
    class_id = await school.scheduled()
    [may, li] = await school.signed_up(class_id, 2)
    await school.begins(class_id, timedelta(minutes=15))
    on_time = await school.check_in(may, await school.payload(class_id))
    await school.begins(class_id, timedelta(minutes=15) + TICK)
    late = await school.check_in(li, await school.payload(class_id))

    assert [each["attendance"]["outcome"] for each in (on_time, late)] == ["PRESENT", "LATE"]
    assert on_time["awards"] == late["awards"]


async def test_a_class_that_was_called_off_takes_nobody(school: School, clock: FrozenClock) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.cancel(class_id)
    await school.begins(class_id)
    code = code_at(school.ports.settings.key(KEY), row_id(class_id), clock.now()).payload

    payload = await school.check_in(may, code)

    assert (faults(payload), await school.screen(class_id)) == ([("STATE_FORBIDS", ["payload"])], None)


async def test_the_screen_is_for_the_trainer_and_admins_of_the_region(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    others = [
        may,
        await school.world.staff(Role.SUPERVISOR, school.station),
        await school.world.staff(Role.AUDITOR),
    ]
    abroad = await school.world.staff(Role.ADMIN, await school.world.region("外省"))

    assert [await school.screen(class_id, each) is not None for each in (school.trainer, school.admin)] == [True] * 2
    assert [await school.screen(class_id, each) for each in others] == [None] * 3
    data = await school.gql.data("ClassCheckInCode", {"id": class_id}, by=abroad)
    assert data["offlineClass"] is None


async def test_who_comes_without_a_seat_takes_a_free_one(school: School) -> None:
    class_id, walk_in = await school.scheduled(capacity=1), await school.learner("路过的人")
    await school.begins(class_id)

    first = await school.check_in(walk_in, await school.payload(class_id))
    full = await school.check_in(await school.learner("晚来的人"), await school.payload(class_id))

    assert first["attendance"]["outcome"] == "PRESENT"
    assert faults(full) == [("FULL", ["payload"])]
    assert await school.seats(class_id) == {walk_in.id: "SEATED"}


async def test_who_waits_and_is_there_is_refused_while_seats_are_kept_for_others(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)
    await school.begins(class_id)

    refused = await school.check_in(waiting, await school.payload(class_id))

    assert faults(refused) == [("FULL", ["payload"])]
    assert await school.seats(class_id) == {seated.id: "SEATED", waiting.id: "WAITLISTED"}


async def test_the_last_seat_at_the_door_is_one_seat(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    crowd = [await school.learner(f"路过{n}") for n in range(10)]
    await school.begins(class_id)
    code = await school.payload(class_id)

    answers = await asyncio.gather(*(school.check_in(each, code) for each in crowd))

    assert sorted(str(faults(each)) for each in answers) == ["[('FULL', ['payload'])]"] * 9 + ["[]"]


async def test_who_was_not_invited_does_not_check_in(school: School) -> None:
    class_id = await school.scheduled()
    await school.begins(class_id)
    code = await school.payload(class_id)
    abroad = await school.learner("远方", await school.world.region("外站"))

    hidden = await school.check_in(abroad, code)
    staff = [await school.refused("CheckInToClass", each, payload=code) for each in (school.admin, school.trainer)]

    assert faults(hidden) == [("NOT_FOUND", ["payload"])]
    assert staff == ["FORBIDDEN"] * 2
    assert await ClassAttendance.all().count() == 0


async def test_the_trainer_checks_in_who_has_no_phone_and_it_is_written_down(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id, timedelta(hours=1))

    payload = await school.check_in_for(class_id, may)
    again = await school.check_in_for(class_id, may, reason="又来一次")
    by_phone = await school.check_in(may, await school.payload(class_id))

    assert payload["attendance"]["outcome"] == "PRESENT"
    assert again == payload
    assert by_phone["attendance"] == payload["attendance"]
    assert await balance(school, may) > 0
    [node] = (await school.attendance(class_id))["nodes"]
    assert (node["by"], node["member"]["displayName"]) == ({"displayName": "陈老师"}, may.display_name)
    deeds = await AuditEntry.filter(action="class.checked_in_for")
    assert [(each.actor_id, each.details["reason"]) for each in deeds] == [(school.trainer.id, "手机没电了")]


async def test_the_trainer_may_let_in_more_than_there_are_seats_and_from_elsewhere(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)
    abroad = await school.learner("远方", await school.world.region("外站"))
    await school.begins(class_id)

    answers = [await school.check_in_for(class_id, each) for each in (waiting, abroad)]
    last = await school.check_in(seated, await school.payload(class_id))

    assert [each["attendance"]["outcome"] for each in (*answers, last)] == ["PRESENT"] * 3
    assert await school.seats(class_id) == {seated.id: "SEATED", waiting.id: "CANCELLED"}
    assert [each["id"] for each in await school.listed(abroad)] == [class_id]


async def test_only_trainer_and_admins_check_others_in_and_never_themselves(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.world.post(school.admin, await school.world.outlet(region=school.station))
    await school.begins(class_id)
    ids = {"offlineClassId": class_id, "reason": "请代签"}

    refused = [
        await school.refused("CheckInForMember", by, memberId=to_global("Member", about.id), **ids)
        for by, about in (
            (may, may), (await school.world.staff(Role.AUDITOR), may), (school.admin, school.admin),
            (school.admin, school.trainer),
        )
    ]  # fmt: skip
    stranger = await school.check_in_for(class_id, may, await school.world.staff(Role.LECTURER))

    assert refused == ["FORBIDDEN"] * 4
    assert faults(stranger) == [("NOT_FOUND", ["offlineClassId"])]
    assert await ClassAttendance.all().count() == 0


async def test_checking_in_for_somebody_needs_a_reason_and_a_learner(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    ids = {"offlineClassId": class_id, "reason": "在"}
    unknown = [to_global("Member", uuid4()), "x", to_global("Member", (await school.world.staff(Role.SUPERVISOR)).id)]

    reasons = [await school.check_in_for(class_id, may, reason=each) for each in ("", "  ", "长" * 201)]
    missing = [await school.do("CheckInForMember", school.trainer, memberId=each, **ids) for each in unknown]

    assert [faults(each) for each in reasons] == [[("BAD_USER_INPUT", ["reason"])]] * 3
    assert [faults(each) for each in missing] == [[("NOT_FOUND", ["memberId"])]] * 3
    assert await ClassAttendance.all().count() == 0


async def test_a_day_after_the_end_the_trainer_may_still_put_it_right_and_then_no_more(school: School) -> None:
    class_id = await school.scheduled()
    [may, li] = await school.signed_up(class_id, 2)
    await school.begins(class_id, -timedelta(minutes=30) - TICK)
    early = await school.check_in_for(class_id, may)
    await school.begins(class_id, LASTS)
    await settle_classes(school.ports)
    absent = [node["outcome"] for node in (await school.attendance(class_id))["nodes"]]
    await school.begins(class_id, LASTS + timedelta(days=1) - TICK)
    corrected = await school.check_in_for(class_id, may)
    await school.begins(class_id, LASTS + timedelta(days=1))
    late = await school.check_in_for(class_id, li)

    row = await school.row(class_id)
    assert (faults(early), faults(late)) == ([("NOT_OPEN", ["offlineClassId"])], [("CLOSED", ["offlineClassId"])])
    assert absent == ["ABSENT", "ABSENT"]
    assert corrected["attendance"]["outcome"] == "PRESENT"
    [fact] = await facts_on(may.id, [row.ends_at.date()])
    assert (fact.kind, fact.object_id, fact.occurred_at) == ("class.checked_in", row.id, row.ends_at)
    assert await ledger_verify() == []


async def test_the_absent_are_written_down_once_when_it_is_over(school: School) -> None:
    class_id = await school.scheduled(capacity=2)
    [there, absent, waiting] = await school.signed_up(class_id, 3)
    await school.begins(class_id)
    await school.check_in(there, await school.payload(class_id))
    await school.begins(class_id, LASTS - TICK)
    await settle_classes(school.ports)
    before = (await school.row(class_id)).settled_at
    await school.begins(class_id, LASTS)

    await asyncio.gather(*(settle_classes(school.ports) for _ in range(4)))

    nodes = (await school.attendance(class_id))["nodes"]
    assert before is None
    assert [(node["member"]["displayName"], node["outcome"]) for node in nodes] == [
        (there.display_name, "PRESENT"), (absent.display_name, "ABSENT"),
    ]  # fmt: skip
    assert await balance(school, absent) == await balance(school, waiting) == 0


async def test_a_class_counts_for_badges_and_as_a_learned_day(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)

    await school.check_in(may, await school.payload(class_id))

    answer = await school.gql.ask("{ viewer { streak { days learnedToday } } }", by=may)
    assert answer["data"]["viewer"]["streak"] == {"days": 1, "learnedToday": True}
