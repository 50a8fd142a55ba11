"""services/push.py: what a member is told in the app rings on their phones once, at an hour at which it may."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth.actor import Actor
from gamification.titles import moment
from kit.clock import FrozenClock
from kit.db import execute, transaction
from kit.errors import ErrorCode
from kit.ids import new_id
from kit.tasks import end
from kit.words import Language, NoticeKind, PushProvider
from models.notices import Notice, PushDevice
from models.outbox import count_waiting
from providers.push.base import Message, NotPushed, Phone
from services.notices import Tidings, Value, mark_notices_read, tell, tell_each
from services.outbox import announce, announce_each
from services.ports import Ports
from services.push import release_pushes
from services.quiet import waking
from tests.gql import Gql
from tests.notices.story import REGISTER
from tests.push.rack import Rack, phone_of, reaches
from tests.world import World
from workers.relay import drain, relay_once, run_relay

AWAY = NotPushed("unreachable", again=True)
NIGHT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""23:00 in Shanghai."""
MORNING = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
"""7:00 of the next day in Shanghai."""


@pytest.fixture
def rack() -> Rack:
    return Rack()


@pytest.fixture
def pushing(ports: Ports, rack: Rack) -> Ports:
    """The ports, with the rack in the place of a vendor."""
    return replace(ports, push=rack)


async def announced_again() -> None:
    """Every notice, as after a worker that died before it could say that it was done."""
    ids = [row.id for row in await Notice.all()]
    await transaction(lambda: announce_each("push", ids))


async def due_again() -> None:
    await execute("UPDATE outbox SET due_at = now()")


async def only_waiting(count: int) -> None:
    """Until no more rows than these wait in the outbox."""
    for _ in range(3_000):
        if await count_waiting() <= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the outbox does not empty")


async def test_what_is_told_rings_once_on_every_phone_of_the_member(pushing: Ports, world: World, rack: Rack) -> None:
    may, other = await world.learner(), await world.learner("小李")
    for member, token in ((may, "may-1"), (may, "may-2"), (other, "other")):
        await phone_of(pushing, member, token)

    await reaches(pushing, may)
    await drain(pushing)
    await announced_again()
    await drain(pushing)

    text = "您已升到2级「萌芽」，继续加油。"
    assert rack.rang == [("may-1", text), ("may-2", text)]
    [message] = rack.messages
    assert (message.kind, message.title, message.link) == ("LEVEL_REACHED", "恭喜升级！", "/levels")
    assert [row.pushed_at for row in await Notice.all()] == [pushing.clock.now()]


async def test_whoever_has_no_phone_costs_the_outbox_nothing(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await drain(pushing)

    await reaches(pushing, may)

    assert (await Notice.all().count(), await count_waiting(), rack.rang) == (1, 0, [])


async def test_what_rolls_back_never_rings(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")

    async def fails() -> None:
        await tell_each(pushing, NoticeKind.LEVEL_REACHED, [Tidings(may.id, "2", {"level": 2, "name": 2})])
        raise LookupError

    with pytest.raises(LookupError):
        await transaction(fails)
    await drain(pushing)

    assert rack.rang == []


async def test_each_phone_hears_its_own_language(gql: Gql, pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    for device, language in (("one", "zh-CN"), ("two", "en")):
        told = {"deviceId": device, "provider": "JPUSH", "token": device}
        body = {"query": REGISTER, "variables": {"input": told}}
        await gql.post(body, by=may, headers={"accept-language": language})

    await reaches(pushing, may)
    await drain(pushing)

    assert sorted(message.title for message in rack.messages) == ["Level up!", "恭喜升级！"]
    assert [row.language for row in await PushDevice.all().order_by("device_id")] == [
        Language.CHINESE, Language.ENGLISH,
    ]  # fmt: skip


async def test_a_crowd_that_is_told_the_same_shares_a_message(pushing: Ports, world: World, rack: Rack) -> None:
    people = [await world.member(f"学员{number}") for number in range(25)]
    for number, member in enumerate(people):
        await phone_of(pushing, member, f"phone-{number:02}")
    rack.most = 10
    tidings = [Tidings(member.id, "1", {"level": 2, "name": 2}) for member in people]

    await transaction(lambda: tell_each(pushing, NoticeKind.LEVEL_REACHED, tidings))
    await drain(pushing)

    assert rack.tokens == [f"phone-{number:02}" for number in range(25)]
    assert len(rack.messages) == 3


async def test_a_vendor_that_is_away_is_tried_until_it_is_back_and_nothing_is_lost(
    pushing: Ports, world: World, rack: Rack
) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    rack.failing = AWAY
    await reaches(pushing, may)
    for _ in range(5):
        await relay_once(pushing)
        await due_again()
    assert (rack.rang, await count_waiting()) == ([], 1)

    rack.failing = None
    await drain(pushing)

    assert (rack.tokens, await count_waiting()) == (["may"], 0)


async def test_what_was_taken_beside_what_failed_does_not_ring_again(pushing: Ports, world: World, rack: Rack) -> None:
    people = [await world.learner(f"学员{number}") for number in range(3)]
    for number, member in enumerate(people):
        await phone_of(pushing, member, f"phone-{number}")
        await reaches(pushing, member, level=2 + number)  # three texts, so three messages
    rack.failing, rack.failing_for = AWAY, frozenset({"phone-1"})
    await relay_once(pushing)

    rack.failing = None
    await due_again()
    await drain(pushing)

    assert rack.tokens == ["phone-0", "phone-1", "phone-2"]


async def test_too_many_at_once_is_tried_again_as_well(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    rack.failing = NotPushed("2002", again=True, code=ErrorCode.THROTTLED)
    await reaches(pushing, may)
    await relay_once(pushing)

    rack.failing = None
    await due_again()
    await drain(pushing)

    assert (rack.tokens, await count_waiting()) == (["may"], 0)


async def test_what_the_vendor_refuses_for_good_is_not_asked_again(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    rack.failing = NotPushed("1005", again=False)
    await reaches(pushing, may)

    await drain(pushing)

    assert await count_waiting() == 0
    assert [row.pushed_at for row in await Notice.all()] == [None]


async def test_a_phone_that_is_gone_is_forgotten_and_the_others_are_not(
    pushing: Ports, world: World, rack: Rack
) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "old")
    await phone_of(pushing, may, "new")
    rack.gone = frozenset({"old"})
    await reaches(pushing, may)

    await drain(pushing)

    assert rack.tokens == ["new"]
    assert [row.token for row in await PushDevice.all()] == ["new"]


async def test_a_phone_that_registers_while_it_is_said_to_be_gone_stays(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    may = await world.learner()
    await phone_of(ports, may, "may")

    class Slow(Rack):
        async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
            clock.advance(timedelta(seconds=1))
            await PushDevice.filter(token="may").update(registered_at=clock.now())
            return frozenset(phones)

    await reaches(ports, may)
    await drain(replace(ports, push=Slow()))

    assert [row.token for row in await PushDevice.all()] == ["may"]


async def test_only_phones_that_the_provider_carries_ring(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "by jpush")
    await phone_of(pushing, may, "by apple", provider=PushProvider.APNS)
    await reaches(pushing, may)

    await drain(pushing)

    assert (rack.tokens, await count_waiting()) == (["by jpush"], 0)


async def test_what_was_read_in_the_app_does_not_ring(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    await reaches(pushing, may)
    await mark_notices_read(pushing, Actor(may.id, new_id(), ()), None, pushing.clock.now())

    await drain(pushing)

    assert rack.rang == []


async def test_at_night_a_notice_waits_for_the_morning_and_rings_once_then(
    pushing: Ports, world: World, rack: Rack, clock: FrozenClock
) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    clock.at = NIGHT
    await reaches(pushing, may)
    await drain(pushing)
    assert (await Notice.all())[0].push_held_until == MORNING
    clock.at = MORNING - timedelta(seconds=1)
    await release_pushes(pushing)
    await drain(pushing)
    assert rack.rang == []

    clock.at = MORNING
    await asyncio.gather(*(release_pushes(pushing) for _ in range(5)))
    await drain(pushing)
    await release_pushes(pushing)
    await drain(pushing)

    assert rack.tokens == ["may"]


@pytest.mark.parametrize(
    "kind",
    [NoticeKind.LIVE_SEAT_PROMOTED, NoticeKind.LIVE_HOUR_BEFORE, NoticeKind.LIVE_SOON, NoticeKind.LIVE_STARTED],
    ids=str,
)
async def test_at_night_what_a_seat_holder_would_miss_by_morning_rings_at_once(
    pushing: Ports, world: World, rack: Rack, clock: FrozenClock, kind: NoticeKind
) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    clock.at = NIGHT
    values: dict[str, Value] = {"lesson": "旺季陈列", "starts": moment(NIGHT + timedelta(hours=1))}

    await transaction(lambda: tell(pushing, may.id, kind, "1", values))
    await drain(pushing)

    assert rack.tokens == ["may"]
    assert [row.push_held_until for row in await Notice.all()] == [None]


async def test_what_nobody_needs_any_more_is_dropped(
    pushing: Ports, world: World, rack: Rack, clock: FrozenClock
) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    rack.failing = AWAY
    await reaches(pushing, may)
    await relay_once(pushing)

    rack.failing = None
    clock.advance(timedelta(days=1))
    await due_again()
    await drain(pushing)

    assert (rack.rang, await count_waiting()) == ([], 0)


async def test_a_phone_that_signed_out_meanwhile_does_not_ring(pushing: Ports, world: World, rack: Rack) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    await reaches(pushing, may)
    await PushDevice.filter(token="may").delete()

    await drain(pushing)

    assert (rack.rang, await count_waiting()) == ([], 0)


async def test_a_vendor_that_does_not_answer_holds_up_no_other_topic(pushing: Ports, world: World) -> None:
    may = await world.learner()
    await phone_of(pushing, may, "may")
    course = await world.course()
    await drain(pushing)
    asked, answered = asyncio.Event(), asyncio.Event()

    class Silent(Rack):
        async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
            asked.set()
            await answered.wait()
            return await super().push(message, phones)

    silent = Silent()
    await reaches(pushing, may)
    relay = asyncio.create_task(run_relay(replace(pushing, push=silent)))
    try:
        await asyncio.wait_for(asked.wait(), 30)
        await transaction(lambda: announce("course", str(course.id)))
        await only_waiting(1)
        assert silent.rang == []
        answered.set()
        await only_waiting(0)
    finally:
        await end(relay)

    assert silent.tokens == ["may"]


async def test_two_relays_at_once_ring_each_phone_once(pushing: Ports, world: World, rack: Rack) -> None:
    people = [await world.member(f"学员{number}") for number in range(40)]
    for number, member in enumerate(people):
        await phone_of(pushing, member, f"phone-{number:02}")
        await reaches(pushing, member)

    await asyncio.gather(*(relay_once(pushing, 7) for _ in range(8)))
    await drain(pushing)

    assert rack.tokens == [f"phone-{number:02}" for number in range(40)]


@pytest.mark.parametrize(
    ("at", "awake"),
    [
        ("2026-03-02T21:59:59+08:00", "2026-03-02T21:59:59+08:00"),
        ("2026-03-02T22:00:00+08:00", "2026-03-03T07:00:00+08:00"),
        ("2026-03-03T00:00:00+08:00", "2026-03-03T07:00:00+08:00"),
        ("2026-03-03T06:59:59+08:00", "2026-03-03T07:00:00+08:00"),
        ("2026-03-03T07:00:00+08:00", "2026-03-03T07:00:00+08:00"),
        ("2026-12-31T23:00:00+08:00", "2027-01-01T07:00:00+08:00"),
    ],
)
def test_nobody_is_disturbed_between_ten_and_seven_in_shanghai(at: str, awake: str) -> None:
    assert waking(datetime.fromisoformat(at)) == datetime.fromisoformat(awake)
