"""Every points rule, in one list. A new rule is one file here, one line below, and one line in the tariff."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from gamification.facts import Fact
from gamification.rules import (
    class_checked_in,
    contest_placed,
    course_completed,
    course_in_time,
    course_rated,
    day_first_lesson,
    duel_won,
    lesson_completed,
    live_attended,
    outlet_upgraded,
    quiz_first_try,
    quiz_passed,
    replay_watched,
    required_course_completed,
    stage_passed,
    story_published,
    streak_reached,
    task_claimed,
    week_full,
)
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer


class Rule(Protocol):
    """A module of this folder. `CODE` is its name in tariff, ledger and answers; it never changes.

    `FACT`: what alone it claims for.
    """

    CODE: str
    TITLE: Title
    ONCE_PER: OncePer
    LIMITS: Limits

    @property
    def FACT(self) -> type[Fact]: ...

    def claim(self, fact: Fact) -> Claim | None:
        """The award this fact has a right to under this rule, if any."""


RULES: tuple[Rule, ...] = (
    lesson_completed,
    course_completed,
    required_course_completed,
    course_in_time,
    day_first_lesson,
    week_full,
    streak_reached,
    task_claimed,
    stage_passed,
    quiz_passed,
    quiz_first_try,
    live_attended,
    replay_watched,
    class_checked_in,
    course_rated,
    duel_won,
    contest_placed,
    story_published,
    outlet_upgraded,
)
CODES = tuple(rule.CODE for rule in RULES)
BY_CODE = {rule.CODE: rule for rule in RULES}
TITLES = {rule.CODE: rule.TITLE for rule in RULES}
_CLAIMANTS: defaultdict[type[Fact], list[Rule]] = defaultdict(list)
for _rule in RULES:
    _CLAIMANTS[_rule.FACT].append(_rule)


def claims_of(facts: Iterable[Fact]) -> list[Claim]:
    """All claims the facts give rise to; facts that share an award claim it several times, with one key."""
    return [claim for fact in facts for rule in _CLAIMANTS[type(fact)] if (claim := rule.claim(fact)) is not None]
