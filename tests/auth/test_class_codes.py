"""The check-in code: exact at every edge of its time, and bound to its class, its step and its key."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.class_codes import FORM, GOOD_FOR, NEW_EVERY, code_at, judge
from auth.codes import Verdict

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CLASS, OTHER_CLASS = UUID(int=1), UUID(int=2)
SHOWN = datetime(2026, 3, 2, 4, 0, 0, tzinfo=UTC)
"""The beginning of a step: a multiple of 15 seconds."""
TICK = timedelta(microseconds=1)


def body_of(payload: str) -> bytearray:
    return bytearray(base64.urlsafe_b64decode(payload.removeprefix("GAC1.")))


def payload_of(body: bytes | bytearray) -> str:
    return "GAC1." + base64.urlsafe_b64encode(bytes(body)).decode()


def test_a_code_is_new_every_fifteen_seconds_to_the_microsecond() -> None:
    first = code_at(KEY, CLASS, SHOWN)

    assert code_at(KEY, CLASS, SHOWN + NEW_EVERY - TICK) == first
    assert code_at(KEY, CLASS, SHOWN + NEW_EVERY).payload != first.payload
    assert code_at(KEY, CLASS, SHOWN - TICK).payload != first.payload
    assert (first.shown_at, first.next_at, first.valid_until) == (
        SHOWN, SHOWN + timedelta(seconds=15), SHOWN + timedelta(seconds=20),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (-TICK, Verdict.WRONG),
        (timedelta(), Verdict.RIGHT),
        (timedelta(seconds=15), Verdict.RIGHT),
        (timedelta(seconds=20) - TICK, Verdict.RIGHT),
        (timedelta(seconds=20), Verdict.EXPIRED),
        (timedelta(days=400), Verdict.EXPIRED),
    ],
    ids=["before", "first moment", "next is shown", "last moment", "too old", "long ago"],
)
def test_a_code_is_good_from_its_beginning_for_twenty_seconds(after: timedelta, verdict: Verdict) -> None:
    payload = code_at(KEY, CLASS, SHOWN).payload

    judged = judge(KEY, payload, SHOWN + after)

    assert (judged.verdict, judged.class_id) == (verdict, CLASS)


@given(st.integers(0, 10**15), st.integers(0, 40_000_000))
def test_at_any_moment_the_code_that_is_shown_is_taken_and_stops_at_its_own_time(begins: int, later: int) -> None:
    at = SHOWN + begins * TICK
    code = code_at(KEY, CLASS, at)
    moment = at + later * TICK

    assert code.shown_at <= at < code.next_at
    assert judge(KEY, code.payload, at).verdict is Verdict.RIGHT
    assert (judge(KEY, code.payload, moment).verdict is Verdict.RIGHT) == (moment < code.shown_at + GOOD_FOR)


def test_a_code_of_another_class_or_key_or_step_cannot_be_made_from_one_that_was_seen() -> None:
    payload = code_at(KEY, CLASS, SHOWN).payload
    other_class, later = body_of(payload), body_of(payload)
    other_class[:16] = OTHER_CLASS.bytes
    later[16:20] = (int.from_bytes(later[16:20], "big") + 1).to_bytes(4, "big")

    forged = [
        payload_of(other_class), payload_of(later), code_at(OTHER_KEY, CLASS, SHOWN).payload,
        payload_of(body_of(payload)[:20] + bytes(16)),
    ]  # fmt: skip

    for each in forged:
        assert judge(KEY, each, SHOWN + NEW_EVERY) == judge(KEY, "nothing", SHOWN)


def test_every_bit_of_a_code_counts() -> None:
    payload = code_at(KEY, CLASS, SHOWN).payload
    body = body_of(payload)

    for place in range(len(body) * 8):
        changed = bytearray(body)
        changed[place // 8] ^= 1 << place % 8
        assert judge(KEY, payload_of(changed), SHOWN).verdict is Verdict.WRONG, place


@pytest.mark.parametrize(
    "spoil",
    [
        lambda code: "", lambda code: code[:-1], lambda code: code + "A", lambda code: code[:-4],
        lambda code: code + "=", lambda code: code.lower(), lambda code: code.replace("GAC1.", "GAC2."),
        lambda code: " " + code[1:], lambda code: code + "\n", lambda code: "GAC1." + "é" * 48,
        lambda code: "GAC1." + "+" * 48, lambda code: "GAC1." + "A" * 100_000, lambda code: code * 40,
    ],
    ids=["empty", "short", "long", "cut", "padded", "lower", "version", "blank", "line", "letters", "alphabet", "huge",
         "many"],
)  # fmt: skip
def test_what_is_no_code_is_wrong(spoil: object) -> None:
    assert callable(spoil)
    judged = judge(KEY, spoil(code_at(KEY, CLASS, SHOWN).payload), SHOWN)

    assert (judged.verdict, judged.class_id) == (Verdict.WRONG, None)


@given(st.text(max_size=80))
def test_no_text_makes_it_stumble(text: str) -> None:
    assert judge(KEY, text, SHOWN).verdict is Verdict.WRONG
    assert judge(KEY, "GAC1." + text, SHOWN).verdict is Verdict.WRONG


def test_the_form_is_what_a_small_qr_code_holds() -> None:
    assert FORM.fullmatch(code_at(KEY, CLASS, SHOWN).payload)
    assert len(code_at(KEY, CLASS, SHOWN).payload) == 53
