"""Codes by SMS: who gets one, how often, and what it opens."""

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.errors import DomainError, ErrorCode
from models.sessions import Session, SignInCode, SignInFailure
from providers.sms.base import NotSent
from services.codes import CodeAsked, request_sign_in_code, send_code
from services.ports import Ports
from services.sessions import Device, SignedIn, sign_in_with_code
from tests.accounts.letters import Letterbox, delivered
from tests.world import World
from workers.relay import drain

PHONE, STRANGER = "+8613800138000", "+8613900139000"
DEVICE = Device("d1", "一号手机")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def may(world: World):
    return await world.learner("阿May", phone=PHONE)


async def ask(ports: Ports, phone: str = PHONE, device: Device = DEVICE) -> CodeAsked:
    return await request_sign_in_code(ports, phone, device.id)


async def asked_code(ports: Ports, phone: str = PHONE) -> str:
    await ask(ports, phone)
    return (await delivered(ports)).code(phone)


async def sign_in(ports: Ports, code: str, phone: str = PHONE, device: Device = DEVICE) -> SignedIn:
    return await sign_in_with_code(ports, phone, code, device)


async def refusal(ports: Ports, code: str, phone: str = PHONE, device: Device = DEVICE) -> ErrorCode:
    with pytest.raises(DomainError) as refused:
        await sign_in(ports, code, phone, device)
    return refused.value.code


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_code_by_sms_opens_a_session(ports: Ports, may) -> None:
    asked = await ask(ports)
    letters = await delivered(ports)

    found = await sign_in(ports, letters.code(PHONE))

    assert asked == CodeAsked(60, 300)
    assert [phone for phone, _ in letters.sent] == [PHONE]
    session = await Session.get()
    assert (found.member_id, found.session_id) == (may.id, session.id)
    assert (session.member_id, session.device_id, session.device_name) == (may.id, "d1", "一号手机")


async def test_an_unknown_phone_gets_the_same_answer_and_no_code(ports: Ports) -> None:
    answer, known = await ask(ports, STRANGER), await ask(ports)
    letters = await delivered(ports)

    assert answer == known
    assert [phone for phone, _ in letters.sent] == [PHONE]
    assert await refusal(ports, "123456", STRANGER) is ErrorCode.CODE_WRONG
    assert await SignInCode.all().count() == 2
    assert await Session.all().count() == 0


async def test_an_unknown_phone_is_refused_even_the_code_it_never_got(ports: Ports, monkeypatch) -> None:
    monkeypatch.setattr("services.codes.new_digits", lambda count: "123456")
    await ask(ports, STRANGER)

    assert await refusal(ports, "123456", STRANGER) is ErrorCode.CODE_WRONG


async def test_known_and_unknown_phones_meet_the_same_limits_and_refusals(ports: Ports, clock: FrozenClock) -> None:
    async def story(phone: str) -> list[object]:
        device = Device(f"of {phone}", "手机")
        heard: list[object] = [await refusal(ports, "000000", phone, device)]
        for step in (30, 30, 61, 61, 61, 61, 61):
            try:
                heard.append(await ask(ports, phone, device))
            except DomainError as error:
                heard.append((error.code, error.retry_after_seconds))
            heard.append(await refusal(ports, "wrong", phone, device))
            clock.advance(timedelta(seconds=step))
        heard += [await refusal(ports, "wrong", phone, device) for _ in range(6)]
        clock.advance(5 * MINUTE)
        return [*heard, await refusal(ports, "wrong", phone, device)]

    known, unknown = await story(PHONE), await story(STRANGER)

    assert known == unknown
    assert (ErrorCode.THROTTLED, 3600 - 304) in known


async def test_inside_the_minute_nothing_is_sent_and_the_answer_says_how_long(ports: Ports, clock: FrozenClock) -> None:
    first = await asked_code(ports)
    clock.advance(timedelta(seconds=25))

    again = await ask(ports)

    assert again == CodeAsked(35, 275)
    assert len((await delivered(ports)).sent) == 1
    assert (await sign_in(ports, first)).access_token


async def test_five_an_hour_and_ten_a_day_and_then_throttled(ports: Ports, clock: FrozenClock) -> None:
    for _ in range(5):
        await ask(ports)
        clock.advance(MINUTE)
    with pytest.raises(DomainError) as sixth:
        await ask(ports)
    clock.advance(55 * MINUTE)
    for _ in range(5):
        await ask(ports)
        clock.advance(MINUTE)
    clock.advance(60 * MINUTE)
    with pytest.raises(DomainError) as eleventh:
        await ask(ports)

    assert (sixth.value.code, sixth.value.retry_after_seconds) == (ErrorCode.THROTTLED, 55 * 60)
    assert (eleventh.value.code, eleventh.value.retry_after_seconds) == (ErrorCode.THROTTLED, (24 * 60 - 125) * 60)
    assert len((await delivered(ports)).sent) <= 10
    assert await SignInCode.all().count() == 10


async def test_twenty_requests_at_once_send_one_message(ports: Ports) -> None:
    answers = await asyncio.gather(*(ask(ports) for _ in range(20)))

    assert answers == [CodeAsked(60, 300)] * 20
    assert len((await delivered(ports)).sent) == 1


async def test_a_code_lives_five_minutes(ports: Ports, clock: FrozenClock) -> None:
    code = await asked_code(ports)
    clock.advance(5 * MINUTE)

    assert await refusal(ports, code) is ErrorCode.CODE_EXPIRED
    assert await Session.all().count() == 0


async def test_a_code_bears_five_tries(ports: Ports) -> None:
    code = await asked_code(ports)

    assert [await refusal(ports, other(code)) for _ in range(5)] == [ErrorCode.CODE_WRONG] * 5
    assert await refusal(ports, code) is ErrorCode.CODE_EXPIRED
    assert await Session.all().count() == 0


async def test_the_fifth_try_may_be_the_right_one(ports: Ports) -> None:
    code = await asked_code(ports)
    for _ in range(4):
        await refusal(ports, other(code))

    assert (await sign_in(ports, code)).access_token
    assert await SignInFailure.all().count() == 0


async def test_twenty_wrong_tries_at_once_are_five(ports: Ports) -> None:
    code = await asked_code(ports)

    heard = await asyncio.gather(*(refusal(ports, other(code)) for _ in range(20)))

    assert sorted(heard) == [ErrorCode.CODE_EXPIRED] * 15 + [ErrorCode.CODE_WRONG] * 5


async def test_a_code_opens_one_session_once(ports: Ports) -> None:
    code = await asked_code(ports)
    await sign_in(ports, code)

    assert await refusal(ports, code) is ErrorCode.CODE_WRONG
    assert await Session.all().count() == 1


async def test_two_sign_ins_at_once_with_one_code_open_one_session(ports: Ports) -> None:
    code = await asked_code(ports)

    answers = await asyncio.gather(*(sign_in(ports, code) for _ in range(2)), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["DomainError", "SignedIn"]
    assert await Session.all().count() == 1


async def test_only_the_newest_code_opens(ports: Ports, clock: FrozenClock) -> None:
    first = await asked_code(ports)
    clock.advance(MINUTE)
    second = await asked_code(ports)

    assert first == second or await refusal(ports, first) is ErrorCode.CODE_WRONG
    assert (await sign_in(ports, second)).access_token


async def test_a_code_is_bound_to_its_phone_and_purpose(ports: Ports, world: World) -> None:
    await world.learner("小李", phone=STRANGER)
    code = await asked_code(ports)
    await ask(ports, STRANGER)

    assert await refusal(ports, code, STRANGER) is ErrorCode.CODE_WRONG
    await SignInCode.all().update(purpose="CHANGE_PHONE_OLD")
    assert await refusal(ports, code) is ErrorCode.CODE_WRONG


async def test_the_demo_code_opens_nothing_outside_the_demo(ports: Ports) -> None:
    await asked_code(ports)

    assert await refusal(ports, "888888") is ErrorCode.CODE_WRONG


async def test_in_the_demo_888888_opens_known_phones_only(ports: Ports) -> None:
    demo = replace(ports, settings=ports.settings.model_copy(update={"demo": True}))

    assert (await sign_in(demo, "888888")).access_token
    assert await refusal(demo, "888888", STRANGER) is ErrorCode.CODE_WRONG


async def test_the_tables_hold_no_phone_and_no_code_in_the_clear(ports: Ports) -> None:
    await ask(ports)
    kept = str(await rows("SELECT * FROM outbox")) + str(await rows("SELECT * FROM sign_in_codes"))
    code = (await delivered(ports)).code(PHONE)

    assert PHONE[3:] not in kept
    assert code not in kept
    assert base64.b64encode(PHONE.encode()).decode()[:10] not in kept


async def test_a_message_announced_twice_is_sent_once_and_a_late_one_not_at_all(
    ports: Ports, clock: FrozenClock
) -> None:
    await ask(ports)
    [waiting] = await rows("SELECT payload->>'sealed' AS sealed FROM outbox WHERE topic = 'sms'")
    for _ in range(2):
        await send_code(ports, {"sealed": waiting["sealed"]})
    assert len(ports.sms.sent) == 1

    clock.advance(MINUTE)
    await ask(ports)
    clock.advance(5 * MINUTE)
    await delivered(ports)

    assert len(ports.sms.sent) == 1


class Moody(Letterbox):
    """Gives the next messages to these phones back, each as told."""

    def __init__(self, **moods: NotSent) -> None:
        super().__init__()
        self.moods = moods
        self.tried: list[str] = []

    async def send_code(self, phone: str, code: str) -> None:
        self.tried.append(phone)
        if (mood := self.moods.get(phone)) is not None:
            raise mood
        await super().send_code(phone, code)


async def waiting_codes() -> int:
    [row] = await rows("SELECT count(*) AS found FROM outbox WHERE topic = 'sms'")
    return row["found"]


async def hurry() -> None:
    """What was postponed is due."""
    await execute("UPDATE outbox SET due_at = now()")


async def test_a_code_that_did_not_reach_the_vendor_is_tried_again_and_sent_once(ports: Ports) -> None:
    moody = Moody(**{PHONE: NotSent("unreachable", again=True)})
    ports = replace(ports, sms=moody)
    await ask(ports)
    await drain(ports)
    assert (moody.tried, moody.sent, await waiting_codes()) == ([PHONE], [], 1)

    moody.moods = {}
    for _ in range(2):
        await hurry()
        await drain(ports)

    assert [phone for phone, _ in moody.sent] == [PHONE]
    assert (len(moody.tried), await waiting_codes()) == (2, 0)


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.THROTTLED])
async def test_a_code_that_may_have_arrived_or_was_refused_is_never_handed_over_again(
    ports: Ports, code: ErrorCode
) -> None:
    moody = Moody(**{PHONE: NotSent("unanswered", code=code)})
    ports = replace(ports, sms=moody)
    await ask(ports)
    [waiting] = await rows("SELECT payload->>'sealed' AS sealed FROM outbox WHERE topic = 'sms'")

    await drain(ports)
    await send_code(ports, {"sealed": waiting["sealed"]})

    assert (moody.tried, await waiting_codes()) == ([PHONE], 0)


async def test_a_worker_that_ends_in_the_middle_leaves_a_code_that_is_not_handed_over_again(ports: Ports) -> None:
    taking, never = asyncio.Event(), asyncio.Event()

    class Slow(Letterbox):
        async def send_code(self, phone: str, code: str) -> None:
            await super().send_code(phone, code)
            taking.set()
            await never.wait()

    slow = Slow()
    ports = replace(ports, sms=slow)
    await ask(ports)
    first = asyncio.create_task(drain(ports))
    await taking.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await waiting_codes() == 1

    await drain(ports)

    assert (len(slow.sent), await waiting_codes()) == (1, 0)


async def test_two_workers_with_one_message_hand_it_over_once(ports: Ports) -> None:
    await ask(ports)
    [waiting] = await rows("SELECT payload->>'sealed' AS sealed FROM outbox WHERE topic = 'sms'")

    await asyncio.gather(*(send_code(ports, {"sealed": waiting["sealed"]}) for _ in range(5)))

    assert len(ports.sms.sent) == 1


async def test_a_phone_that_the_vendor_throttles_does_not_hold_up_the_others(ports: Ports, world: World) -> None:
    other = "+8613900139111"
    await world.learner("阿Jun", phone=other)
    moody = Moody(**{PHONE: NotSent("Throttling.User", code=ErrorCode.THROTTLED, again=True)})
    ports = replace(ports, sms=moody)
    await ask(ports)
    await ask(ports, other)

    await drain(ports)

    assert [phone for phone, _ in moody.sent] == [other]
    assert await waiting_codes() == 1


@pytest.mark.parametrize(
    ("phone", "device_id", "field"), [("123", "d", "phone"), (PHONE, "", "deviceId"), (PHONE, "x" * 65, "deviceId")]
)
async def test_bad_input_is_named_and_leaves_nothing(ports: Ports, phone: str, device_id: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        await request_sign_in_code(ports, phone, device_id)

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, (field,))
    assert await SignInCode.all().count() == 0
