"""The draw by itself: what it promises, checked by a second reckoning and by planted lies."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.draws import (
    PublicDraw,
    Ticket,
    draw_winners,
    entrant_list,
    faults_of,
    hash_of_entrants,
    hash_of_seed,
)

SEED = bytes(range(32))
TICKETS = [Ticket(number, entrant) for number, entrant in enumerate("abbcadeb", start=1)]


def drawn(prize_counts: tuple[int, ...] = (1, 2)) -> PublicDraw:
    text = entrant_list(TICKETS)
    wins = draw_winners(SEED, hash_of_entrants(text), TICKETS, prize_counts)
    return PublicDraw(
        seed_hash=hash_of_seed(SEED),
        entrants=text,
        entrants_hash=hash_of_entrants(text),
        seed=SEED.hex(),
        prize_counts=prize_counts,
        winners=tuple((win.prize, win.ticket.number) for win in wins),
    )


def test_the_list_is_a_line_a_ticket() -> None:
    assert entrant_list(TICKETS[:2]) == "1 a\n2 b\n"
    assert hash_of_entrants("1 a\n2 b\n") == hashlib.sha256(b"1 a\n2 b\n").hexdigest()
    assert hash_of_seed(SEED) == "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"


@given(
    seed=st.binary(min_size=32, max_size=32),
    entrants=st.lists(st.sampled_from("abcdefgh"), max_size=30),
    prize_counts=st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_the_winners_are_the_first_lots_of_different_entrants(
    seed: bytes, entrants: list[str], prize_counts: list[int]
) -> None:
    tickets = [Ticket(number, entrant) for number, entrant in enumerate(entrants, start=1)]
    fingerprint = hash_of_entrants(entrant_list(tickets))
    lots = {
        hmac.new(seed, fingerprint.encode() + str(ticket.number).encode(), hashlib.sha256).hexdigest(): ticket
        for ticket in tickets
    }
    expected: dict[str, int] = {}
    for lot in sorted(lots):
        expected.setdefault(lots[lot].entrant, lots[lot].number)

    wins = draw_winners(seed, fingerprint, tickets, prize_counts)

    assert [win.ticket.number for win in wins] == list(expected.values())[: sum(prize_counts)]
    assert [win.prize for win in wins] == [p for p, count in enumerate(prize_counts) for _ in range(count)][: len(wins)]


def test_an_honest_draw_has_no_faults() -> None:
    assert faults_of(drawn()) == []
    assert len(drawn((3, 30)).winners) == 5  # entrants, not tickets
    assert faults_of(drawn((3, 30))) == []


@pytest.mark.parametrize(
    ("lie", "faults"),
    [
        ({"seed": bytes(32).hex()}, 2),
        ({"seed_hash": hash_of_seed(bytes(32))}, 1),
        ({"entrants": entrant_list(TICKETS[:-1])}, 1),
        ({"entrants": "1 a\n3 b\n"}, 1),
        ({"entrants_hash": "0" * 64}, 2),
        ({"winners": ((0, 1), (1, 2), (1, 4))}, 1),
        ({"winners": ()}, 1),
        ({"prize_counts": (1, 1)}, 1),
    ],
    ids=["another seed", "another promise", "a ticket left out", "a gap", "another list", "others", "none", "fewer"],
)
def test_a_lie_is_found(lie: dict[str, object], faults: int) -> None:
    assert len(faults_of(replace(drawn(), **lie))) >= faults  # type: ignore[arg-type]
