import pytest

from kit.errors import DomainError
from kit.phones import Phones

PHONES = Phones(b"k" * 32)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+8613800138000", "+8613800138000"),
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+852 5123 4567", "+85251234567"),
    ],
)
def test_every_way_to_write_a_number_is_one_number(text: str, number: str) -> None:
    assert PHONES.normalise(text, "phone") == number


@pytest.mark.parametrize(
    "text", ["", "123", "abc", "076922222222", "+86", "13800138000 ext 5", "1" * 40, "+999123456789", "\0"]
)
def test_what_no_message_reaches_is_bad_input(text: str) -> None:
    with pytest.raises(DomainError) as refused:
        PHONES.normalise(text, "newPhone")

    assert (refused.value.code.value, refused.value.field) == ("BAD_USER_INPUT", ("newPhone",))


def test_a_number_opens_again_and_is_never_sealed_alike() -> None:
    first, second = PHONES.seal("+8613800138000"), PHONES.seal("+8613800138000")

    assert first != second
    assert b"138" not in first
    assert PHONES.open(first) == PHONES.open(second) == "+8613800138000"


@pytest.mark.parametrize("spoil", [lambda kept: kept[:-1], lambda kept: bytes([kept[0] ^ 1]) + kept[1:]])
def test_a_spoiled_seal_does_not_open(spoil) -> None:
    with pytest.raises(ValueError, match="damaged"):
        PHONES.open(spoil(PHONES.seal("+8613800138000")))


def test_the_index_finds_a_number_and_needs_the_key() -> None:
    assert PHONES.index("+8613800138000") == PHONES.index("+8613800138000")
    assert PHONES.index("+8613800138000") != PHONES.index("+8613800138001")
    assert PHONES.index("+8613800138000") != Phones(b"x" * 32).index("+8613800138000")


def test_people_see_the_ends_of_a_number() -> None:
    assert PHONES.mask("+8613800138000") == "138****8000"
    assert PHONES.mask("+85251234567") == "+852 ****4567"
