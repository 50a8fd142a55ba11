"""A known phone and an unknown one cannot be told apart: by statements, by hashing, by the time it takes."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import count
from math import sqrt

import pytest

from auth.codes import HOUR, NETWORK_LIMITS, NETWORK_PATIENCE
from auth.passwords import Passwords
from kit import db
from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from models.sessions import SignInFailure
from services.codes import request_sign_in_code
from services.ports import Ports
from services.sessions import Device, sign_in_with_code, sign_in_with_password
from tests.pool import counted
from tests.world import World

PASSWORD = "correct horse battery"
ADDRESS = "203.0.113.7"
SAMPLES = 40
FAR_APART = 4.0
"""Standard deviations; two equal distributions come to lie as far apart in one of 15,000 runs."""

numbers = count()


class Counting(Passwords):
    """The real thing, and how often it worked."""

    def __init__(self) -> None:
        super().__init__()
        self.worked = 0

    async def verify(self, password: str, kept: str | None) -> bool:
        self.worked += 1
        return await super().verify(password, kept)


@pytest.fixture
def ports(ports: Ports) -> Iterator[Ports]:
    counting = Counting()
    yield replace(ports, passwords=counting)
    counting.close()


def stranger() -> str:
    """A phone that nobody has, never one twice."""
    return f"+86139{next(numbers):08}"


async def known(world: World) -> str:
    """The phone of a member with a password."""
    phone = world.phone()
    await world.member("主管", phone=phone, password=PASSWORD)
    return phone


Door = Callable[[Ports, str], Awaitable[object]]


async def for_a_code(ports: Ports, phone: str) -> object:
    return await request_sign_in_code(ports, phone, f"d{next(numbers)}", address=ADDRESS)


async def with_a_code(ports: Ports, phone: str) -> object:
    return await sign_in_with_code(ports, phone, "000000", Device(f"d{next(numbers)}", "手机"), address=ADDRESS)


async def with_a_password(ports: Ports, phone: str) -> object:
    device = Device(f"d{next(numbers)}", "手机")
    return await sign_in_with_password(ports, phone, "wrong horse battery", device, address=ADDRESS)


async def asked_then_with_a_code(ports: Ports, phone: str) -> object:
    await for_a_code(ports, phone)
    return await with_a_code(ports, phone)


DOORS = [for_a_code, with_a_code, with_a_password, asked_then_with_a_code]


async def answer(ports: Ports, door: Door, phone: str) -> object:
    try:
        return await door(ports, phone)
    except DomainError as error:
        return error.code, error.field, error.retry_after_seconds


@pytest.mark.parametrize("door", DOORS)
async def test_both_phones_take_the_same_statements_and_the_same_hashing(
    ports: Ports, world: World, door: Door
) -> None:
    for phone in (await known(world), stranger()):  # whatever is done once in a process is done now
        await answer(ports, door, phone)
    pool, passwords = await db._pool(), ports.passwords
    assert isinstance(passwords, Counting)

    found = []
    for phone in (await known(world), stranger()):
        passwords.worked = 0
        with counted(pool) as statements:
            heard = await answer(ports, door, phone)
        found.append((heard, list(statements), passwords.worked))

    assert found[0] == found[1]
    assert len(found[0][1]) >= 6


def distance(some: list[float], others: list[float]) -> float:
    """How far apart two samples lie, in standard deviations of the rank sum of equal ones (Mann-Whitney)."""
    wins = sum((mine < yours) + (mine == yours) / 2 for mine in some for yours in others)
    pairs = len(some) * len(others)
    return abs(wins - pairs / 2) / sqrt(pairs * (len(some) + len(others) + 1) / 12)


async def taken(work: Callable[[], Awaitable[object]]) -> float:
    begun = monotonic()
    await work()
    return monotonic() - begun


@pytest.mark.parametrize("door", DOORS)
async def test_both_phones_take_times_of_one_distribution(ports: Ports, world: World, door: Door) -> None:
    """In turns, so that a busy machine is busy for both, and by rank, so that one slow answer is one slow answer."""
    pairs = [(await known(world), stranger()) for _ in range(SAMPLES)]
    assert min(dict(NETWORK_LIMITS)[HOUR], 2 * NETWORK_PATIENCE.free) > 2 * SAMPLES, "no budget ends the measuring"

    times: tuple[list[float], list[float]] = ([], [])
    for place, pair in enumerate(pairs):
        await SignInFailure.all().delete()
        for which in (0, 1) if place % 2 else (1, 0):
            times[which].append(await taken(lambda which=which, pair=pair: answer(ports, door, pair[which])))

    assert distance(*times) < FAR_APART


async def test_the_measure_would_see_a_password_that_is_not_looked_at(ports: Ports, world: World) -> None:
    class Lazy(Passwords):
        async def verify(self, password: str, kept: str | None) -> bool:
            return kept is not None and await super().verify(password, kept)

    lazy = replace(ports, passwords=Lazy())
    pairs = [(await known(world), stranger()) for _ in range(15)]

    times: tuple[list[float], list[float]] = ([], [])
    for pair in pairs:
        for which in (0, 1):
            times[which].append(await taken(lambda which=which, pair=pair: answer(lazy, with_a_password, pair[which])))

    lazy.passwords.close()
    assert distance(*times) > FAR_APART


async def test_the_answers_are_what_they_should_be(ports: Ports) -> None:
    assert await answer(ports, with_a_code, stranger()) == (ErrorCode.CODE_WRONG, ("code",), None)
    assert await answer(ports, with_a_password, stranger()) == (ErrorCode.CREDENTIALS_WRONG, None, None)
