"""What each announced change moves: boards, counters, messages. One line per topic."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from gamification.periods import Period, period_of
from kit.ids import to_global
from kit.words import BoardPeriod, BoardSubjectKind
from models.notices import PushRow
from schema.notice_kinds import link_of, text_of, title_of
from services.board_building import forget_period
from services.board_projection import announce_standings, project, project_members
from services.codes import send_code
from services.courses import recount_course
from services.day_totals import learners_changed, mark_announced
from services.leagues import admit
from services.live_events import rooms_moved
from services.live_keys import stop_stream
from services.paths import settle_moved
from services.ports import Ports
from services.push import Words, push_notices, say_to_staff
from services.seasons import named_seasons
from services.staff_news import until_of
from services.tasks import announce_claims, claim_by_itself

CODES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Change:
    """Everything announced about one key since the last look; `payloads` in order, empty ones left out."""

    key: str
    payloads: tuple[dict[str, Any], ...] = ()


Projector = Callable[[Ports, Sequence[Change]], Awaitable[None]]
"""Reads the present state and writes it, absolutely: it may run twice, late, or beside another for the same key."""


async def members_changed(ports: Ports, changes: Sequence[Change]) -> None:
    """Points, counted days or standing of members changed: find a league for who has none, tell themselves, and have
    their boards follow.

    Boards wait for Valkey and are placed again until they are; what was told once is not told again with them.
    """
    await admit(ports, [UUID(change.key) for change in changes])
    await ports.bus.publish_each((f"member:{change.key}", _news(change)) for change in changes)
    member_ids = [UUID(change.key) for change in changes]
    await announce_claims(member_ids)
    await announce_standings(member_ids)


def _news(change: Change) -> dict[str, Any]:
    awards = [award for payload in change.payloads for award in payload.get("awards", ())]
    badges = [badge for payload in change.payloads for badge in payload.get("badges", ())]
    return {"kind": "changed", "awards": awards, "badges": badges}


async def standings_changed(ports: Ports, changes: Sequence[Change]) -> None:
    await project_members(ports, [UUID(change.key) for change in changes])


async def tasks_changed(ports: Ports, changes: Sequence[Change]) -> None:
    for change in changes:
        await claim_by_itself(ports, UUID(change.key))


async def outlets_changed(ports: Ports, changes: Sequence[Change]) -> None:
    await project(ports, BoardSubjectKind.OUTLET, [UUID(change.key) for change in changes])


async def courses_changed(ports: Ports, changes: Sequence[Change]) -> None:
    await learners_changed([UUID(change.key) for change in changes])
    for change in changes:
        await recount_course(UUID(change.key))


async def days_changed(ports: Ports, changes: Sequence[Change]) -> None:
    await mark_announced(
        (UUID(change.key), (day for payload in change.payloads for day in payload["days"])) for change in changes
    )


async def standing_on_paths_changed(ports: Ports, changes: Sequence[Change]) -> None:
    await settle_moved(ports, [UUID(change.key) for change in changes])


async def codes_asked(ports: Ports, changes: Sequence[Change]) -> None:
    """A few at once, since each waits for a vendor; none after one that must wait, since the vendor may be away."""
    letters = [payload for change in changes for payload in change.payloads]
    for first in range(0, len(letters), CODES_AT_ONCE):
        some = letters[first : first + CODES_AT_ONCE]
        outcomes = await asyncio.gather(*(send_code(ports, letter) for letter in some), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


async def rooms_changed(ports: Ports, changes: Sequence[Change]) -> None:
    """Something happened in the rooms of live lessons; most who follow have heard of it already."""
    await rooms_moved(
        ports, {UUID(change.key): max(payload["seq"] for payload in change.payloads) for change in changes}
    )


async def staff_told(ports: Ports, changes: Sequence[Change]) -> None:
    for change in changes:
        for payload in change.payloads:
            await say_to_staff(ports, payload["robot"], payload["title"], payload["text"], until_of(payload))


async def streams_stopped(ports: Ports, changes: Sequence[Change]) -> None:
    for change in changes:
        await stop_stream(ports, change.key)


async def seasons_began(ports: Ports, changes: Sequence[Change]) -> None:
    """A season was named: what ran at that moment without a name ends earlier than its boards know."""
    seasons = await named_seasons()
    for change in changes:
        for payload in change.payloads:
            starts_on, ends_on = (date.fromisoformat(payload[end]) for end in ("starts_on", "ends_on"))
            cut = Period(BoardPeriod.SEASON, starts_on, ends_on)
            if period_of(BoardPeriod.SEASON, starts_on, seasons) != cut:
                await forget_period(ports, cut)


async def notices_told(ports: Ports, changes: Sequence[Change]) -> None:
    await push_notices(ports, [UUID(change.key) for change in changes], _words)


def _words(row: PushRow) -> Words:
    about = to_global(row.object_type, row.object_id) if row.object_type and row.object_id else None
    language = row.language
    return Words(
        title_of(row.kind, row.details, language), text_of(row.kind, row.details, language), link_of(row.kind, about)
    )


PROJECTORS: dict[str, Projector] = {
    "member": members_changed,
    "standing": standings_changed,
    "task": tasks_changed,
    "outlet": outlets_changed,
    "course": courses_changed,
    "days": days_changed,
    "path": standing_on_paths_changed,
    "season": seasons_began,
    "sms": codes_asked,
    "push": notices_told,
    "staff": staff_told,
    "room": rooms_changed,
    "live-stop": streams_stopped,
}
