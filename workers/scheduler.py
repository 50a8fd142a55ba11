"""What is done because time has passed. Every tick asks the database what is due, so a missed one is caught up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from kit.db import leadership
from kit.errors import DomainError, ErrorCode
from kit.metrics import counted
from kit.tasks import end
from kit.tracing import tracing
from services.badges import fill_badges
from services.board_building import check_boards
from services.board_closing import close_periods
from services.board_drift import measure_drift
from services.board_projection import average_regions
from services.class_plans import settle_classes
from services.classes import fill_classes
from services.day_totals import count_assignments, count_days
from services.draws import close_draws
from services.leagues import admit_missed, keep_leagues
from services.live import expire_live_lessons
from services.live_asks import close_live_polls
from services.live_attendance import settle_live_lessons, tell_audiences
from services.live_chat import note_word_list
from services.live_feeds import keep_streams
from services.live_replays import make_replays, sweep_streams
from services.live_series import roll_live_series
from services.notices import sweep_notices
from services.paths import settle_paths
from services.points import follow_old_streaks, purge_refused
from services.ports import Ports
from services.privacy_export import make_exports, sweep_exports
from services.prizes import pay_prizes
from services.progress import pay_all_due
from services.push import release_pushes
from services.reminders import plan_assignments, send_reminders
from services.replay_credit import credit_replays
from services.reports import make_reports, sweep_reports
from services.sessions import tidy_sessions
from services.story_contests import close_story_campaigns
from services.suspicions import look_for_suspicions
from services.uploads import sweep_uploads

LOOK_SECONDS = 1.0

_log = structlog.get_logger("scheduler")


class Tick(NamedTuple):
    name: str
    every_seconds: float
    run: Callable[[Ports], Awaitable[object]]


TICKS: tuple[Tick, ...] = (
    Tick("pay pending credit", 15, pay_all_due),
    Tick("check boards", 2, check_boards),
    Tick("average regions", 1, average_regions),
    Tick("count days", 5, count_days),
    Tick("count assignments", 15, count_assignments),
    Tick("measure board drift", 60, measure_drift),
    Tick("follow old streaks", 60, follow_old_streaks),
    Tick("settle paths", 15, settle_paths),
    Tick("close periods", 60, close_periods),
    Tick("pay prizes", 5, pay_prizes),
    Tick("close prize draws", 15, close_draws),
    Tick("close story contests", 15, close_story_campaigns),
    Tick("give classes' free seats to who waits", 15, fill_classes),
    Tick("settle live lessons", 15, settle_live_lessons),
    Tick("settle classes", 15, settle_classes),
    Tick("expire live lessons", 15, expire_live_lessons),
    Tick("roll live series", 60, roll_live_series),
    Tick("keep leagues", 5, keep_leagues),
    Tick("admit to leagues who was missed", 300, admit_missed),
    Tick("look for suspicious learning", 600, look_for_suspicions),
    Tick("keep live streams", 5, keep_streams),
    Tick("make replays", 2, make_replays),
    Tick("credit replays", 15, credit_replays),
    Tick("forget old streams", 600, sweep_streams),
    Tick("make exports", 5, make_exports),
    Tick("sweep exports", 300, sweep_exports),
    Tick("make reports", 5, make_reports),
    Tick("sweep reports", 300, sweep_reports),
    Tick("forget refused awards", 3600, purge_refused),
    Tick("fill in new badges", 15, fill_badges),
    Tick("plan reminders of assignments", 60, plan_assignments),
    Tick("send reminders", 2, send_reminders),
    Tick("push what waited for the morning", 30, release_pushes),
    Tick("forget read notices", 3600, sweep_notices),
    Tick("close live polls", 1, close_live_polls),
    Tick("count live audiences", 5, tell_audiences),
    Tick("note the word list", 60, note_word_list),
    Tick("forget old codes and sessions", 3600, tidy_sessions),
    Tick("sweep uploads", 600, sweep_uploads),
)


async def run_scheduler(ports: Ports, ticks: tuple[Tick, ...] = TICKS, look_seconds: float = LOOK_SECONDS) -> None:
    """Run ticks for ever while this process leads; of many processes one does. Ends when cancelled."""
    async with leadership("scheduler") as leads:
        turns: set[asyncio.Task[None]] = set()
        try:
            while True:
                if not await leads():
                    await end(*turns)
                    turns.clear()
                elif not turns:
                    turns |= {asyncio.create_task(_repeat(ports, tick)) for tick in ticks}
                await asyncio.sleep(look_seconds)
        finally:
            await end(*turns)


async def _repeat(ports: Ports, tick: Tick) -> None:
    while True:
        try:
            with tracing.span(f"tick {tick.name}"), counted.ticks.labels(tick.name).time():
                await tick.run(ports)
        except Exception as error:
            counted.tick_failures.labels(tick.name).inc()
            # A database that is away is told in a line of each tick: where in our code that was noticed helps nobody.
            away = isinstance(error, DomainError) and error.code is ErrorCode.UNAVAILABLE
            said = ErrorCode.UNAVAILABLE.value if away else type(error).__name__
            _log.warning("tick failed", tick=tick.name, error=said, exc_info=not away)
        await asyncio.sleep(tick.every_seconds)
