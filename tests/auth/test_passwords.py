import asyncio

import pytest

from auth.passwords import Passwords
from kit.errors import DomainError


@pytest.fixture
def passwords():
    made = Passwords()
    yield made
    made.close()


async def test_a_password_is_right_or_wrong_and_kept_as_argon2(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse")

    assert kept.startswith("$argon2id$")
    assert await passwords.verify("correct horse", kept)
    assert not await passwords.verify("wrong horse", kept)
    assert not await passwords.verify("correct horse", "not a hash")


async def test_nobody_has_any_password(passwords: Passwords) -> None:
    assert not await passwords.verify("the password of nobody", None)


@pytest.mark.parametrize("password", ["", "short", "x" * 129])
async def test_a_password_has_ten_to_128_characters(passwords: Passwords, password: str) -> None:
    with pytest.raises(DomainError) as refused:
        await passwords.hash(password, "password")

    assert refused.value.field == ("password",)
    assert not await passwords.verify(password, await passwords.hash("correct horse"))


async def test_the_loop_goes_on_while_passwords_are_worked_out(passwords: Passwords) -> None:
    rush = asyncio.gather(*(passwords.verify("wrong horse", None) for _ in range(10)))
    turns = 0
    while not rush.done():
        turns += 1
        await asyncio.sleep(0.001)

    assert turns > 10
    assert await rush == [False] * 10
