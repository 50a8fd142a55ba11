import base64
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from kit.errors import DomainError, ErrorCode
from kit.paging import Ask, Cursors, page_of

CURSORS = Cursors(b"k" * 32)
KEY = [datetime(2026, 3, 2, 4, tzinfo=UTC), UUID(int=7), date(2026, 3, 2), 41, 0.5, "张三", None, True]


def test_a_cursor_gives_back_the_values_it_was_made_of() -> None:
    assert CURSORS.open("courses", CURSORS.seal("courses", KEY)) == KEY


@pytest.mark.parametrize("text", ["", "x", "é", "=" * 40, "A" * 2000, CURSORS.seal("lessons", KEY)])
def test_a_damaged_or_foreign_cursor_is_bad_input(text: str) -> None:
    with pytest.raises(DomainError) as refused:
        CURSORS.open("courses", text, "before")

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, ("before",))


def test_no_letter_of_a_cursor_can_be_changed() -> None:
    sealed = CURSORS.seal("courses", [41])

    for index, letter in enumerate(sealed):
        changed = sealed[:index] + ("A" if letter != "A" else "B") + sealed[index + 1 :]
        with pytest.raises(DomainError):
            CURSORS.open("courses", changed)


def test_a_cursor_cannot_be_read_without_the_key() -> None:
    sealed = CURSORS.seal("courses", KEY)

    plain = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    assert UUID(int=7).hex.encode() not in plain
    assert CURSORS.seal("courses", KEY) == sealed


def test_a_cursor_of_another_servers_key_is_bad_input() -> None:
    with pytest.raises(DomainError):
        CURSORS.open("courses", Cursors(b"other").seal("courses", KEY))


def test_a_page_forward_knows_its_neighbours() -> None:
    assert page_of([1, 2, 3], Ask(2)).rows == [1, 2]
    assert (page_of([1, 2, 3], Ask(2)).has_next, page_of([1, 2, 3], Ask(2)).has_previous) == (True, False)
    assert (page_of([1, 2], Ask(2)).has_next, page_of([1, 2], Ask(2, after=[0])).has_previous) == (False, True)


def test_a_page_backwards_is_turned_round() -> None:
    page = page_of([9, 8, 7], Ask(2, before=[10], backwards=True))

    assert page.rows == [8, 9]
    assert (page.has_next, page.has_previous) == (True, True)
