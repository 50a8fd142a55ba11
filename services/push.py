"""Notices on their way to phones. Runs after the commit, from the outbox, and may run again at any point.

A notice is pushed once, unless the vendor's answer is lost: then it may ring twice. What was read in the app meanwhile
is not pushed any more, nor what nobody needs by now.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from kit.db import transaction
from kit.words import NoticeKind
from models import notices
from models.notices import PushRow
from providers.push.base import Message, NotPushed, Phone
from services.outbox import announce_each
from services.ports import Ports
from services.quiet import waking

AT_ANY_HOUR = frozenset(
    {
        NoticeKind.LIVE_SEAT_PROMOTED,
        NoticeKind.LIVE_HOUR_BEFORE,
        NoticeKind.LIVE_SOON,
        NoticeKind.LIVE_STARTED,
        NoticeKind.LIVE_LESSON_MOVED,
        NoticeKind.LIVE_LESSON_CANCELLED,
    }
)
"""What is told at night too: whoever has a seat wants to know, and in the morning it may be over."""

GOOD_FOR = {
    NoticeKind.LIVE_HOUR_BEFORE: timedelta(hours=1),
    NoticeKind.LIVE_SOON: timedelta(minutes=10),
    NoticeKind.LIVE_STARTED: timedelta(minutes=30),
}
"""For how long after it was told a notice is worth ringing for, if that is less than a day."""
A_DAY = timedelta(days=1)

AT_ONCE = 8
RELEASED_AT_ONCE = 1_000

_log = structlog.get_logger("push")


class Words(NamedTuple):
    """What a notice says, in one language."""

    title: str
    text: str
    link: str


Write = Callable[[PushRow], Words]
"""`schema/notice_kinds.py` has the sentences, a floor above: whoever calls brings them."""


async def push_notices(ports: Ports, ids: Sequence[UUID], write: Write) -> None:
    """Hand these notices to the vendor for every phone of their members; those of a night wait for the morning.

    Phones that are told the same share a message. Raises if one of the messages is to be tried again; the others are
    marked as pushed by then.
    """
    now = ports.clock.now()
    waiting = [
        row
        for row in await notices.to_push(ids)
        if row.provider in ports.push.carries and now < row.created_at + _good_for(row)
    ]
    morning = waking(now)
    held = {row.notice_id for row in waiting if morning > now and row.kind not in AT_ANY_HOUR}
    if held:
        await notices.hold_pushes(list(held), morning)
    letters = _letters(ports, [row for row in waiting if row.notice_id not in held], write, now)
    for first in range(0, len(letters), AT_ONCE):
        some = letters[first : first + AT_ONCE]
        outcomes = await asyncio.gather(*(_hand_over(ports, *letter) for letter in some), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


async def release_pushes(ports: Ports) -> None:
    """A tick: let go what waited for the morning."""
    while await transaction(partial(_release_some, ports)) == RELEASED_AT_ONCE:
        pass


async def say_to_staff(ports: Ports, robot: str, title: str, text: str, until: datetime) -> None:
    """Have one of the robots say something in its group, unless it is too late for that. Runs after the commit."""
    for each in ports.robots:
        if each.name == robot and ports.clock.now() < until:
            try:
                await each.say(title, text)
            except NotPushed as refused:
                if refused.again:
                    raise
                _log.error("not said to staff", robot=robot, reason=refused.reason)


async def _release_some(ports: Ports) -> int:
    ids = await notices.held_until_now(ports.clock.now(), RELEASED_AT_ONCE)
    await notices.hold_pushes(ids, None)
    await announce_each("push", ids)
    return len(ids)


def _letters(
    ports: Ports, rows: Sequence[PushRow], write: Write, now: datetime
) -> list[tuple[Message, Sequence[PushRow]]]:
    """What is to be handed over, each message with up to as many phones as one may have."""
    shelves: dict[Message, list[PushRow]] = {}
    for row in rows:
        left = row.created_at + _good_for(row) - now
        minutes = max(1, int(left.total_seconds()) // 60)
        message = Message(row.kind.value, *write(row), good_for_seconds=60 * minutes)
        shelves.setdefault(message, []).append(row)
    most = ports.push.most
    return [
        (message, shelf[first : first + most])
        for message, shelf in shelves.items()
        for first in range(0, len(shelf), most)
    ]


async def _hand_over(ports: Ports, message: Message, rows: Sequence[PushRow]) -> None:
    asked_at = ports.clock.now()
    try:
        gone = await ports.push.push(message, [Phone(row.provider, row.token) for row in rows])
    except NotPushed as refused:
        if refused.again:
            _log.warning("push waits", kind=message.kind, phones=len(rows), reason=refused.reason)
            raise
        _log.error("not pushed", kind=message.kind, phones=len(rows), reason=refused.reason)
        return
    if gone:
        dropped = await notices.drop_tokens([(phone.provider, phone.token) for phone in gone], asked_at)
        _log.info("phones are gone", phones=dropped)
    reached = {row.notice_id for row in rows if Phone(row.provider, row.token) not in gone}
    await notices.mark_pushed(list(reached), asked_at)


def _good_for(row: PushRow) -> timedelta:
    return GOOD_FOR.get(row.kind, A_DAY)
