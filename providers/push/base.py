"""What the academy asks of whoever carries its messages to phones, and to the groups in which staff talk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kit.errors import DomainError, ErrorCode
from kit.words import PushProvider


class NotPushed(DomainError):
    """A message that was not taken, or of which nobody knows.

    `again` is true if another moment may be better: nobody answered, or there were too many. Then it is tried again,
    and after a lost answer may come twice: a reminder that rings twice does less harm than one that never does.
    `reason` is for the log, a word of ours or a number of the vendor's, without anything that was sent.
    """

    def __init__(self, reason: str, *, again: bool, code: ErrorCode = ErrorCode.UNAVAILABLE) -> None:
        super().__init__(code, retry_after_seconds=1)
        self.reason = reason
        self.again = again


@dataclass(frozen=True, slots=True)
class Message:
    """What a phone shows. `link` is a path in the app. Past `good_for_seconds` from now nobody needs it any more."""

    kind: str
    title: str
    text: str
    link: str
    good_for_seconds: int


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone as its provider knows it."""

    provider: PushProvider
    token: str


class Push(Protocol):
    @property
    def carries(self) -> frozenset[PushProvider]:
        """Whose phones it reaches."""
        ...

    @property
    def most(self) -> int:
        """How many phones one message may go to."""
        ...

    async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
        """Hand one message over for up to `most` phones that it carries; those that are no longer there.

        `NotPushed` if it was not taken, for none of them.
        """
        ...


class Robot(Protocol):
    """A robot that speaks in a group of staff."""

    @property
    def name(self) -> str:
        """Tells robots apart, without what lets one speak."""
        ...

    async def say(self, title: str, text: str) -> None:
        """Say it once, to everybody in the group. `NotPushed` if it was not taken."""
        ...


def clipped(text: str, most: int) -> str:
    """At most `most` characters, with … where something is left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
