"""What each announced change moves: boards, counters, messages. One line per topic."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.ports import Ports


@dataclass(frozen=True, slots=True)
class Change:
    """Everything announced about one key since the last look; `payloads` in order, empty ones left out."""

    key: str
    payloads: tuple[dict[str, Any], ...] = ()


Projector = Callable[[Ports, Sequence[Change]], Awaitable[None]]
"""Reads the present state and writes it, absolutely: it may run twice, late, or beside another for the same key."""

PROJECTORS: dict[str, Projector] = {}
