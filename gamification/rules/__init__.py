"""Every points rule, in one list. A new rule is one file here, one line below, and one line in the tariff."""

from collections.abc import Iterable
from typing import Protocol

from gamification.facts import Fact
from gamification.rules import (
    course_completed,
    day_first_lesson,
    lesson_completed,
    required_course_completed,
    week_full,
)
from gamification.rules.claim import Claim
from gamification.titles import Title
from kit.words import OncePer


class Rule(Protocol):
    """A module of this folder. `CODE` is its name in tariff, ledger and answers; it never changes."""

    CODE: str
    TITLE: Title
    ONCE_PER: OncePer

    def claim(self, fact: Fact) -> Claim | None:
        """The award this fact has a right to under this rule, if any."""


RULES: tuple[Rule, ...] = (
    lesson_completed,
    course_completed,
    required_course_completed,
    day_first_lesson,
    week_full,
)
CODES = tuple(rule.CODE for rule in RULES)
TITLES = {rule.CODE: rule.TITLE for rule in RULES}


def claims_of(facts: Iterable[Fact]) -> list[Claim]:
    """All claims the facts give rise to; facts that share an award claim it several times, with one key."""
    return [claim for fact in facts for rule in RULES if (claim := rule.claim(fact)) is not None]
