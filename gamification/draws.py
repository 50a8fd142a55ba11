"""A prize draw that anyone can check: pure, and from public data alone.

Before the first ticket is sold the hash of a secret seed is shown. When the sale ends the list of entrants is fixed and
its hash shown. The winners are the first tickets in the order of HMAC-SHA256(seed, entrants hash + ticket number); then
the seed is shown. `docs/fair-draws.md` tells how to repeat it by hand.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Ticket:
    """`number` counts from 1 without gaps; `entrant` is an opaque word, the same for all tickets of one entrant."""

    number: int
    entrant: str


@dataclass(frozen=True, slots=True)
class Win:
    """`prize` is the index of the prize; the first prize is 0."""

    prize: int
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class PublicDraw:
    """All that the public sees of a draw that is over. Hashes and seed are lower-case hex; `prize_counts` says how many
    of each prize there are, the first prize first."""

    seed_hash: str
    entrants: str
    entrants_hash: str
    seed: str
    prize_counts: tuple[int, ...]
    winners: tuple[tuple[int, int], ...]
    """(index of the prize, ticket number), in the order drawn."""


def hash_of_seed(seed: bytes) -> str:
    """SHA-256 of the seed's 32 bytes."""
    return hashlib.sha256(seed).hexdigest()


def entrant_list(tickets: Iterable[Ticket]) -> str:
    """The list of entrants as it is published: a line `number entrant` a ticket, each ended by a line feed."""
    return "".join(f"{ticket.number} {ticket.entrant}\n" for ticket in tickets)


def hash_of_entrants(entrants: str) -> str:
    """SHA-256 of the list as it is published."""
    return hashlib.sha256(entrants.encode()).hexdigest()


def draw_winners(seed: bytes, entrants_hash: str, tickets: Sequence[Ticket], prize_counts: Sequence[int]) -> list[Win]:
    """The winners, the first prize first. Nobody wins twice: further tickets of a winner are passed over.

    Fewer entrants than prizes leave the last prizes without a winner.
    """
    line = iter(sorted(tickets, key=lambda ticket: (_lot(seed, entrants_hash, ticket.number), ticket.number)))
    won: set[str] = set()
    wins: list[Win] = []
    for prize in [prize for prize, count in enumerate(prize_counts) for _ in range(count)]:
        ticket = next((each for each in line if each.entrant not in won), None)
        if ticket is None:
            break
        won.add(ticket.entrant)
        wins.append(Win(prize, ticket))
    return wins


def faults_of(draw: PublicDraw) -> list[str]:
    """What is wrong with a draw, in words; empty if everything follows from what was promised."""
    tickets = _tickets(draw.entrants)
    if tickets is None:
        return ["The list of entrants is not one ticket a line, numbered from 1 without gaps."]
    faults = []
    seed = bytes.fromhex(draw.seed)
    if hash_of_seed(seed) != draw.seed_hash:
        faults.append("The seed is not the one whose hash was shown before the sale.")
    if hash_of_entrants(draw.entrants) != draw.entrants_hash:
        faults.append("The list of entrants is not the one whose hash was shown at closing.")
    wins = draw_winners(seed, draw.entrants_hash, tickets, draw.prize_counts)
    if [(win.prize, win.ticket.number) for win in wins] != list(draw.winners):
        faults.append("The winners are not those that the seed and the list give.")
    return faults


def _lot(seed: bytes, entrants_hash: str, number: int) -> bytes:
    return hmac.digest(seed, f"{entrants_hash}{number}".encode(), "sha256")


def _tickets(text: str) -> list[Ticket] | None:
    lines = text.splitlines()
    tickets = []
    for expected, line in enumerate(lines, start=1):
        number, _, entrant = line.partition(" ")
        if number != str(expected) or not entrant:
            return None
        tickets.append(Ticket(expected, entrant))
    return tickets
