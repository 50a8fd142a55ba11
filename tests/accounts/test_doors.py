"""Budgets, pauses, the fuse and the captcha: what strangers may spend, and that the right person always gets in."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from auth.codes import DEVICE_LIMITS, LONGEST_PAUSE, NETWORK_LIMITS, NETWORK_PATIENCE
from kit.clock import FrozenClock
from kit.db import rows, side_transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from models.accounts import Member
from models.sessions import Session, SignInCode, SignInFailure
from providers.captcha.static import SOLVED, StaticCaptcha
from services.codes import CodeAsked, request_sign_in_code
from services.doors import knock_of
from services.ports import Ports
from services.sessions import Device, SignedIn, sign_in_with_code, sign_in_with_password
from tests.accounts.letters import delivered
from tests.gql import Gql
from tests.world import World

PHONE, PASSWORD = "+8613800138000", "correct horse battery"
OWN, STRANGE = Device("own", "自己的手机"), Device("strange", "别人的手机")
HERE, THERE = "203.0.113.7", "198.51.100.1"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MOST = dict(NETWORK_LIMITS)[HOUR]


@pytest.fixture(autouse=True)
async def may(world: World) -> Member:
    return await world.member("主管", phone=PHONE, password=PASSWORD)


def numbers() -> Iterator[str]:
    """Phones that nobody has."""
    return (f"+86139{number:08}" for number in range(10**6))


async def ask(ports: Ports, phone: str = PHONE, device: Device = STRANGE, **more: Any) -> CodeAsked:
    return await request_sign_in_code(ports, phone, device.id, **more)


async def by_password(
    ports: Ports, password: str, device: Device = STRANGE, phone: str = PHONE, **more: Any
) -> SignedIn:
    return await sign_in_with_password(ports, phone, password, device, **more)


async def heard(work: Awaitable[object]) -> tuple[ErrorCode, int | None] | None:
    """Code and wait of the refusal; None if there was none."""
    try:
        await work
    except DomainError as error:
        return error.code, error.retry_after_seconds
    return None


async def codes_before(ports: Ports, count: int, *, device: str | None = None, address: str = "") -> None:
    """So many codes were asked for a minute ago, each for another phone."""
    network = knock_of(ports, PHONE, "", address).network
    at = ports.clock.now() - MINUTE
    await SignInCode.bulk_create(
        [
            SignInCode(
                id=new_id(), phone_index=f"{number:064x}", device_id=device, network=network, purpose="SIGN_IN",
                code_hash="", created_at=at, expires_at=at,
            )
            for number in range(count)
        ]
    )  # fmt: skip


async def failures_before(ports: Ports, count: int, *, device: str | None = None, address: str = "") -> None:
    network = knock_of(ports, PHONE, "", address).network
    at = ports.clock.now()
    await SignInFailure.bulk_create(
        [
            SignInFailure(id=new_id(), phone_index=f"{number:064x}", device_id=device, network=network, failed_at=at)
            for number in range(count)
        ]
    )


THROTTLED = ErrorCode.THROTTLED


# Codes: how many a device, a network, and all together may ask for


async def test_a_device_has_ten_codes_an_hour_for_whatever_phones(ports: Ports, clock: FrozenClock) -> None:
    phone = numbers()
    for _ in range(10):
        await ask(ports, next(phone))
        clock.advance(MINUTE)

    refused = await heard(ask(ports, next(phone)))

    assert dict(DEVICE_LIMITS)[HOUR] == 10
    assert refused == (THROTTLED, 50 * 60)
    assert await SignInCode.all().count() == 10
    assert await heard(ask(ports, next(phone), Device("another", "手机"))) is None
    clock.advance(50 * MINUTE)
    assert await heard(ask(ports, next(phone))) is None


async def test_a_network_has_a_hundred_codes_an_hour_whatever_the_devices(ports: Ports) -> None:
    phone = numbers()
    await codes_before(ports, MOST - 1, address=HERE)

    last = await heard(ask(ports, next(phone), Device("a", "手机"), address=HERE))
    refused = await heard(ask(ports, next(phone), Device("b", "手机"), address=HERE))

    assert last is None
    assert refused == (THROTTLED, 59 * 60)
    assert await heard(ask(ports, next(phone), Device("b", "手机"), address=THERE)) is None
    assert await heard(ask(ports, next(phone), Device("c", "手机"))) is None
    assert await SignInCode.all().count() == MOST + 2


async def test_a_subscriber_of_ipv6_counts_as_one(ports: Ports) -> None:
    phone = numbers()
    await codes_before(ports, MOST, address="2001:db8:1:2::7")

    assert await heard(ask(ports, next(phone), address="2001:db8:1:2:ffff::1")) == (THROTTLED, 59 * 60)
    assert await heard(ask(ports, next(phone), address="2001:db8:1:3::7")) is None


async def test_fifty_requests_at_once_never_exceed_what_is_left_to_a_network(ports: Ports) -> None:
    phone = numbers()
    await codes_before(ports, MOST - 7, address=HERE)

    answers = await asyncio.gather(
        *(heard(ask(ports, next(phone), Device(f"d{number}", "手机"), address=HERE)) for number in range(50))
    )

    assert answers.count(None) == 7
    assert {answer for answer in answers if answer} == {(THROTTLED, 59 * 60)}
    assert await SignInCode.all().count() == MOST


async def test_fifty_requests_at_once_never_exceed_what_is_left_to_a_device(ports: Ports) -> None:
    phone = numbers()

    answers = await asyncio.gather(*(heard(ask(ports, next(phone))) for _ in range(50)))

    assert answers.count(None) == 10
    assert await SignInCode.all().count() == 10


async def test_a_crowd_from_one_network_leaves_the_others_their_connections(ports: Ports) -> None:
    phone, network = numbers(), knock_of(ports, PHONE, "", HERE).network

    async with side_transaction() as side:
        await side.rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"network {network}")
        crowd = [
            asyncio.create_task(heard(ask(ports, next(phone), Device(f"d{number}", "手机"), address=HERE)))
            for number in range(3 * ports.settings.database_pool_size)
        ]
        other = await heard(ask(ports, next(phone), address=THERE))
        waiting = [task.done() for task in crowd]

    assert other is None
    assert not any(waiting)
    assert await asyncio.gather(*crowd) == [None] * len(crowd)


async def members(world: World, count: int) -> list[str]:
    phones = [world.phone() for _ in range(count)]
    for phone in phones:
        await world.member(phone=phone)
    return phones


async def test_all_phones_together_have_a_fuse_that_fifty_at_once_do_not_blow_past(ports: Ports, world: World) -> None:
    tight = replace(ports, settings=ports.settings.model_copy(update={"sms_codes_per_hour": 12}))
    phones = await members(world, 50)

    with structlog.testing.capture_logs() as logs:
        answers = await asyncio.gather(
            *(heard(ask(tight, phone, Device(f"d{n}", "手机"))) for n, phone in enumerate(phones))
        )

    assert answers.count(None) == 12
    assert {answer for answer in answers if answer} == {(THROTTLED, 3600)}
    assert len((await delivered(tight)).sent) == 12
    assert {(entry["log_level"], entry["limit"]) for entry in logs if "limit" in entry} == {("error", 12)}


async def test_the_fuse_counts_what_costs_and_stops_whatever_comes(
    ports: Ports, clock: FrozenClock, world: World
) -> None:
    tight = replace(ports, settings=ports.settings.model_copy(update={"sms_codes_per_hour": 1}))
    stranger = numbers()
    [known] = await members(world, 1)

    free = [await heard(ask(tight, next(stranger))) for _ in range(3)]
    paid = await heard(ask(tight, known))
    clock.advance(20 * MINUTE)
    refused = [await heard(ask(tight, PHONE)), await heard(ask(tight, next(stranger)))]
    clock.advance(40 * MINUTE)

    assert [*free, paid] == [None] * 4
    assert refused == [(THROTTLED, 40 * 60)] * 2
    assert await heard(ask(tight, PHONE)) is None


# Wrong tries: pauses that grow, and end


async def test_wrong_passwords_cost_ever_longer_pauses_up_to_a_quarter_of_an_hour(
    ports: Ports, clock: FrozenClock
) -> None:
    for _ in range(5):
        assert await heard(by_password(ports, "wrong")) == (ErrorCode.CREDENTIALS_WRONG, None)
    waits = []
    for _ in range(6):
        assert await heard(by_password(ports, "wrong")) == (ErrorCode.CREDENTIALS_WRONG, None)
        refused = await heard(by_password(ports, PASSWORD))
        assert refused is not None
        assert refused[0] is THROTTLED
        waits.append(refused[1])
        clock.advance(timedelta(seconds=refused[1] or 0))

    assert waits == [60, 120, 240, 480, 900, 900]
    assert timedelta(seconds=waits[-1]) == LONGEST_PAUSE
    assert (await by_password(ports, PASSWORD)).access_token
    assert await SignInFailure.all().count() == 0


async def test_fifty_wrong_passwords_at_once_are_six_tries(ports: Ports) -> None:
    answers = await asyncio.gather(*(heard(by_password(ports, "wrong")) for _ in range(50)))

    assert answers.count((ErrorCode.CREDENTIALS_WRONG, None)) == 6
    assert answers.count((THROTTLED, 60)) == 44
    assert await SignInFailure.all().count() == 6


async def test_wrong_codes_and_wrong_passwords_count_together(ports: Ports, clock: FrozenClock) -> None:
    for _ in range(3):
        await heard(by_password(ports, "wrong"))
        await heard(sign_in_with_code(ports, PHONE, "000000", STRANGE))

    refused = await heard(sign_in_with_code(ports, PHONE, "000000", STRANGE))

    assert refused == (THROTTLED, 60)
    assert await heard(by_password(ports, PASSWORD)) == (THROTTLED, 60)
    clock.advance(MINUTE)
    assert (await by_password(ports, PASSWORD)).access_token


async def test_in_a_pause_no_code_is_tried_and_none_is_used_up(ports: Ports, clock: FrozenClock) -> None:
    for _ in range(6):
        await heard(by_password(ports, "wrong"))
    await ask(ports)
    code = (await delivered(ports)).code(PHONE)

    refused = [await heard(sign_in_with_code(ports, PHONE, code, STRANGE)) for _ in range(7)]

    assert refused == [(THROTTLED, 60)] * 7
    assert (await SignInCode.get()).tries == 0
    clock.advance(MINUTE)
    assert (await sign_in_with_code(ports, PHONE, code, STRANGE)).access_token


async def test_a_stranger_who_plays_with_my_number_does_not_lock_out_my_own_phone(
    ports: Ports, clock: FrozenClock
) -> None:
    await by_password(ports, PASSWORD, OWN)
    for _ in range(6):
        await heard(by_password(ports, "wrong", address=HERE))
    for _ in range(10):
        await heard(ask(ports, address=HERE))
        clock.advance(12 * MINUTE)
    await heard(by_password(ports, "wrong", address=HERE))
    await failures_before(ports, NETWORK_PATIENCE.free + 9, address=HERE)
    await codes_before(ports, MOST, address=HERE)

    strangers = [await heard(by_password(ports, PASSWORD, address=THERE)), await heard(ask(ports, address=THERE))]
    mine = await ask(ports, device=OWN, address=HERE)
    code = (await delivered(ports)).code(PHONE)

    assert [each and each[0] for each in strangers] == [THROTTLED] * 2
    assert mine == CodeAsked(60, 300)
    assert (await sign_in_with_code(ports, PHONE, code, OWN, address=HERE)).access_token
    assert (await by_password(ports, PASSWORD, OWN, address=HERE)).access_token


async def test_my_own_phone_has_its_own_limits(ports: Ports, clock: FrozenClock) -> None:
    await by_password(ports, PASSWORD, OWN)

    answers = []
    for _ in range(6):
        answers.append(await heard(ask(ports, device=OWN)))
        clock.advance(MINUTE)
    tries = [await heard(by_password(ports, "wrong", OWN)) for _ in range(7)]

    assert answers == [None] * 5 + [(THROTTLED, 55 * 60)]
    assert tries == [(ErrorCode.CREDENTIALS_WRONG, None)] * 6 + [(THROTTLED, 60)]


async def test_a_device_whose_session_was_stolen_is_as_strange_as_any(ports: Ports) -> None:
    await by_password(ports, PASSWORD, OWN)
    await Session.all().update(ended_at=ports.clock.now(), end_reason="REUSED")
    for _ in range(6):
        await heard(by_password(ports, "wrong"))

    assert await heard(by_password(ports, PASSWORD, OWN)) == (THROTTLED, 60)


async def test_a_network_full_of_wrong_tries_pauses_for_every_phone(ports: Ports, clock: FrozenClock) -> None:
    phone = numbers()
    await failures_before(ports, NETWORK_PATIENCE.free, address=HERE)
    last = await heard(by_password(ports, "wrong", Device("a", "手机"), next(phone), address=HERE))

    refused = [
        await heard(by_password(ports, PASSWORD, Device("b", "手机"), address=HERE)),
        await heard(sign_in_with_code(ports, PHONE, "000000", Device("c", "手机"), address=HERE)),
    ]

    assert last == (ErrorCode.CREDENTIALS_WRONG, None)
    assert refused == [(THROTTLED, 60)] * 2
    assert await heard(by_password(ports, PASSWORD, Device("b", "手机"), address=THERE)) is None
    clock.advance(MINUTE)
    assert await heard(by_password(ports, PASSWORD, Device("d", "手机"), address=HERE)) is None


async def test_a_device_that_tries_many_phones_pauses(ports: Ports) -> None:
    phone = numbers()

    answers = [await heard(by_password(ports, "wrong", phone=next(phone))) for _ in range(12)]

    assert answers == [(ErrorCode.CREDENTIALS_WRONG, None)] * 11 + [(THROTTLED, 60)]


async def test_a_right_sign_in_forgives_its_phone_and_no_other(ports: Ports) -> None:
    phone = next(numbers())
    for _ in range(3):
        await heard(by_password(ports, "wrong"))
        await heard(by_password(ports, "wrong", phone=phone))

    await by_password(ports, PASSWORD)

    assert {row.phone_index for row in await SignInFailure.all()} == {ports.phones.index(phone)}


async def test_no_address_is_kept_in_the_clear(ports: Ports) -> None:
    await ask(ports, address=HERE)
    await heard(by_password(ports, "wrong", address=HERE))

    kept = str(await rows("SELECT * FROM sign_in_codes")) + str(await rows("SELECT * FROM sign_in_failures"))

    assert HERE not in kept
    assert knock_of(ports, PHONE, "", HERE).network in kept


# The captcha


class Riddle(StaticCaptcha):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def is_human(self, token: str, address: str) -> bool:
        self.asked.append((token, address))
        return await super().is_human(token, address)


@pytest.fixture
def guarded(ports: Ports) -> Ports:
    return replace(ports, captcha=Riddle())


CAPTCHA_REQUIRED = (ErrorCode.CAPTCHA_REQUIRED, None)


async def test_whoever_is_not_suspicious_meets_no_captcha(guarded: Ports) -> None:
    phone = numbers()
    await codes_before(guarded, MOST // 2 - 1, address=HERE)

    assert await heard(ask(guarded, next(phone), address=HERE, captcha_token="anything")) is None
    assert guarded.captcha.asked == []


async def test_a_suspicious_network_proves_a_person_or_gets_no_code(guarded: Ports) -> None:
    await codes_before(guarded, MOST // 2, address=HERE)

    refused = [
        await heard(ask(guarded, address=HERE)),
        await heard(ask(guarded, address=HERE, captcha_token="")),
        await heard(ask(guarded, address=HERE, captcha_token="robot")),
    ]
    solved = await heard(ask(guarded, address=HERE, captcha_token=SOLVED))

    assert refused == [CAPTCHA_REQUIRED] * 3
    assert solved is None
    assert guarded.captcha.asked == [("", HERE), ("robot", HERE), (SOLVED, HERE)]
    assert await SignInCode.all().count() == MOST // 2 + 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_suspicious_device_proves_a_person_before_a_password_is_looked_at(guarded: Ports, known: bool) -> None:
    phone = PHONE if known else next(numbers())
    await failures_before(guarded, 5, device=STRANGE.id)

    refused = await heard(by_password(guarded, PASSWORD, phone=phone))
    solved = await heard(by_password(guarded, PASSWORD, phone=phone, captcha_token=SOLVED))

    assert refused == CAPTCHA_REQUIRED
    assert solved == (None if known else (ErrorCode.CREDENTIALS_WRONG, None))


async def test_a_solved_captcha_lifts_the_limits_of_device_and_network_and_none_of_the_phones(guarded: Ports) -> None:
    await codes_before(guarded, MOST, device=STRANGE.id, address=HERE)
    await failures_before(guarded, 60, device=STRANGE.id, address=HERE)
    phone = next(numbers())

    asked = await heard(ask(guarded, address=HERE, captcha_token=SOLVED))
    tries = [await heard(by_password(guarded, "no", phone=phone, address=HERE, captcha_token=SOLVED)) for _ in range(7)]

    assert asked is None
    assert tries == [(ErrorCode.CREDENTIALS_WRONG, None)] * 6 + [(THROTTLED, 60)]
    tight = replace(guarded, settings=guarded.settings.model_copy(update={"sms_codes_per_hour": 1}))
    assert (await heard(ask(tight, phone, address=HERE, captcha_token=SOLVED)) or ("", 0))[0] is THROTTLED


async def test_without_a_provider_the_budgets_are_all_there_is(ports: Ports) -> None:
    await codes_before(ports, MOST - 1, address=HERE)

    assert ports.captcha is None
    assert await heard(ask(ports, address=HERE)) is None
    assert await heard(ask(ports, next(numbers()), address=HERE, captcha_token=SOLVED)) == (THROTTLED, 59 * 60)


async def test_apps_hear_of_the_captcha_as_something_to_put_right(guarded: Ports) -> None:
    source = (
        "mutation ($a: RequestSignInCodeInput!) {"
        " requestSignInCode(input: $a) { expiresInSeconds userErrors { code message field } } }"
    )
    by_password_too = (
        "mutation ($a: SignInWithPasswordInput!) {"
        " signInWithPassword(input: $a) { session { accessToken } userErrors { code message field } } }"
    )
    who = {"phone": PHONE, "deviceId": STRANGE.id}
    password = {**who, "password": PASSWORD, "deviceName": "手机"}
    await codes_before(guarded, 8, device=STRANGE.id)

    async with Gql.over(guarded) as gql:
        refused = await gql.ask(source, {"a": who})
        asked = await gql.ask(source, {"a": {**who, "captchaToken": SOLVED}})
        kept_out = await gql.ask(by_password_too, {"a": {**password, "captchaToken": None}})
        let_in = await gql.ask(by_password_too, {"a": {**password, "captchaToken": SOLVED}})

    error = {
        "code": "CAPTCHA_REQUIRED",
        "message": "Please prove that you are a person.",
        "field": ["captchaToken"],
    }
    assert refused["data"]["requestSignInCode"] == {"expiresInSeconds": None, "userErrors": [error]}
    assert asked["data"]["requestSignInCode"] == {"expiresInSeconds": 300, "userErrors": []}
    assert kept_out["data"]["signInWithPassword"] == {"session": None, "userErrors": [error]}
    assert let_in["data"]["signInWithPassword"]["session"]["accessToken"]


async def test_requests_are_counted_by_the_address_they_come_from(gql: Gql, ports: Ports) -> None:
    await codes_before(ports, MOST, address="127.0.0.1")
    source = "mutation ($a: RequestSignInCodeInput!) { requestSignInCode(input: $a) { expiresInSeconds } }"

    answer = await gql.ask(source, {"a": {"phone": PHONE, "deviceId": "d1"}})

    assert answer["data"] == {"requestSignInCode": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["THROTTLED"]
    assert answer["errors"][0]["extensions"]["retryAfterSeconds"] == 59 * 60
