"""What a past period would have paid under another line of the tariff. Read as a stream; nothing is written."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from auth.actor import Actor
from gamification.caps import AwardKey
from gamification.facts import Fact, Recorded, StreakReached, WeekLearned, recorded
from gamification.periods import BEGINNING
from gamification.replay import Played, play
from gamification.rules import BY_CODE, Rule, streak_reached, week_full
from gamification.rules.claim import Claim
from gamification.streaks import first_learning, full_weeks, streaks_reached
from gamification.tariff import Rate, Tariff
from kit.clock import day_of, day_start, week_of
from kit.db import Side, side_transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.words import Role
from models.replays import annulled_awards, facts_between, learned_until
from services.ports import Ports
from services.tariff import tariff_of

MOST_DAYS = 92
Line: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Other numbers for one rule over the Shanghai days [starts_on, ends_on)."""

    code: str
    points: int | None
    daily_cap: int | None
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rule paid, what it would have, and for how many members that is not the same."""

    before: Played
    after: Played
    members_affected: int


async def simulate_point_rule(ports: Ports, actor: Actor, trial: Trial) -> Outcome:
    """Replay the members of the actor's regions as an admin. The rule is taken to be enabled all the time.

    Before is what stands in the ledger; what was undone by hand stays undone in both.
    """
    rule = BY_CODE.get(trial.code)
    if rule is None:
        raise not_found("code")
    if fault := rule.LIMITS.fault(trial.points, trial.daily_cap):
        raise bad_input(fault)
    if trial.starts_on < BEGINNING:
        raise bad_input("from")
    if not 0 < (trial.ends_on - trial.starts_on).days <= MOST_DAYS:
        raise bad_input("to")
    if trial.ends_on > day_of(ports.clock.now()) + timedelta(days=1):
        raise bad_input("to")
    tops = actor.reach(Role.ADMIN)
    if not tops:
        raise DomainError(ErrorCode.FORBIDDEN)
    days = (trial.starts_on, trial.ends_on)
    as_it_was = await tariff_of([trial.starts_on, trial.ends_on - timedelta(days=1)])
    as_it_might = Tariff([Rate(trial.code, 0, day_start(date(2000, 1, 1)), trial.points, trial.daily_cap)])
    awards = points = awards_after = points_after = affected = 0
    async with side_transaction(snapshot=True) as side:
        annulled: defaultdict[UUID, set[AwardKey]] = defaultdict(set)
        for row in await annulled_awards(side, trial.code):
            annulled[row["member_id"]].add((trial.code, row["object_id"], row["period_key"]))
        async for member_id, claims in _claims(side, rule, days, tops):
            undone = annulled.get(member_id, set())
            was, might = (play(claims, tariff, undone, days) for tariff in (as_it_was, as_it_might))
            awards, points = awards + was.awards, points + was.points
            awards_after, points_after = awards_after + might.awards, points_after + might.points
            affected += was.points != might.points
    return Outcome(Played(awards, points), Played(awards_after, points_after), affected)


async def _claims(
    side: Side, rule: Rule, days: tuple[date, date], tops: tuple[str, ...]
) -> AsyncIterator[tuple[UUID, list[Claim]]]:
    """(member, what they claim under the rule on these days and perhaps beside them), member by member."""
    starts_on, ends_on = days
    read: Callable[[UUID, Sequence[Line]], Sequence[Fact]] = _facts
    if rule is streak_reached:
        lines, read = learned_until(side, starts_on, ends_on, tops), _streaks
    elif rule is week_full:  # full on its Sunday, by days that may lie before the first one asked for
        whole = (week_of(starts_on), week_of(ends_on - timedelta(days=1)) + timedelta(days=7))
        lines, read = facts_between(side, *whole, tops), _weeks
    else:
        lines = facts_between(side, starts_on, ends_on, tops)
    async for member_id, kept in _by_member(lines):
        claims = [claim for fact in read(member_id, kept) if (claim := rule.claim(fact)) is not None]
        if claims:
            yield member_id, claims


async def _by_member(lines: AsyncIterator[Line]) -> AsyncIterator[tuple[UUID, list[Line]]]:
    present: UUID | None = None
    kept: list[Line] = []
    async for line in lines:
        if line[0] != present:
            if present is not None:
                yield present, kept
            present, kept = line[0], []
        kept.append(line)
    if present is not None:
        yield present, kept


def _facts(member_id: UUID, lines: Sequence[Line]) -> list[Recorded]:
    return [recorded(kind, member_id, object_id, at, orjson.loads(text)) for _, kind, object_id, at, text in lines]


def _weeks(member_id: UUID, lines: Sequence[Line]) -> list[WeekLearned]:
    return full_weeks(member_id, first_learning(_facts(member_id, lines)))


def _streaks(member_id: UUID, lines: Sequence[Line]) -> list[StreakReached]:
    return streaks_reached(member_id, {day: at for _, day, at in lines})
