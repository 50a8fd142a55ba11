"""Settling a ledger held in memory: totals depend on the set of facts, never on the way they came."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.caps import Paid, settle
from gamification.facts import CourseCompleted, LessonCompleted, Recorded
from gamification.rules import RULES, claims_of
from gamification.rules.claim import Claim
from gamification.streaks import first_learning, full_weeks
from gamification.tariff import Rate, Tariff
from kit.clock import day_of
from tests.points.first_tariff import BEGINNING, FIRST, RATES, TARIFF, changed

MEMBER, COURSE = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MONDAY = date(2026, 3, 2)


class Ledger:
    """The settlement applied to lists, as `services.points.reward` applies it to tables."""

    def __init__(self) -> None:
        self.facts: dict[tuple[str, UUID], Recorded] = {}
        self.paid: list[Paid] = []
        self.news: list[tuple[Claim, int]] = []
        """Of the last settlement."""

    def say(self, *facts: Recorded) -> None:
        for fact in facts:
            self.facts.setdefault((fact.KIND, fact.object_id), fact)
        self.settle()

    def move(self, fact: Recorded) -> None:
        self.facts[fact.KIND, fact.object_id] = fact
        self.settle()

    def settle(self) -> None:
        known = list(self.facts.values())
        found = settle(claims_of([*known, *full_weeks(MEMBER, first_learning(known))]), self.paid, TARIFF)
        self.news = found.news()
        gone = {paid.entry_id for paid in found.reversals}
        self.paid = [replace(paid, reversed=paid.reversed or paid.entry_id in gone) for paid in self.paid]
        for due in found.dues:
            claim = due.claim
            self.paid.append(Paid(len(self.paid), claim.key, due.part, due.points, claim.occurred_at, claim.day, False))

    def totals(self) -> dict[tuple[str, date], int]:
        """Points by rule and day."""
        found: defaultdict[tuple[str, date], int] = defaultdict(int)
        for paid in self.paid:
            if not paid.reversed:
                found[paid.key[0], paid.day] += paid.points
        return dict(found)


def lesson(number: int, at: datetime = NOON) -> LessonCompleted:
    return LessonCompleted(MEMBER, UUID(int=100 + number), COURSE, False, at)


def expected(facts: Sequence[Recorded]) -> dict[tuple[str, date], int]:
    """What the rules say in words, counted the plain way."""
    found: defaultdict[tuple[str, date], int] = defaultdict(int)
    learned: set[date] = set()
    for fact in facts:
        day = day_of(fact.occurred_at)
        if isinstance(fact, LessonCompleted):
            found["lesson.completed", day] = min(100, found["lesson.completed", day] + 10)
            found["day.first_lesson", day] = 5
            learned.add(day)
        else:
            found["course.required" if fact.required else "course.completed", day] += 50 if fact.required else 30
    for day in learned:
        week = {day - timedelta(days=step) for step in range(7)}
        if day.weekday() == 6 and week <= learned:
            found["week.full", day] = 50
    return dict(found)


def test_every_rule_has_a_rate_and_titles() -> None:
    codes = [rule.CODE for rule in RULES]

    assert sorted(codes) == sorted(FIRST)
    assert all(rule.TITLE.chinese and rule.TITLE.english for rule in RULES)


def test_the_line_in_force_when_it_occurred_pays() -> None:
    dearer = changed("lesson.completed", 12, 100, since=NOON + timedelta(hours=1))
    facts = [lesson(1), lesson(2, NOON + timedelta(hours=1)), lesson(3, NOON + timedelta(minutes=59))]

    found = settle(claims_of(facts), [], dearer)

    paid = [(due.points, due.tariff_version) for due in found.dues if due.claim.rule == "lesson.completed"]
    assert paid == [(10, 1), (10, 1), (12, 2)]


def test_a_cap_lowered_in_the_middle_of_a_day_takes_nothing_back() -> None:
    tighter = changed("lesson.completed", 10, 20, since=NOON + timedelta(minutes=5))
    facts = [lesson(number, NOON + timedelta(minutes=number)) for number in range(8)]

    found = settle(claims_of(facts), [], tighter)

    assert [due.points for due in found.dues if due.claim.rule == "lesson.completed"] == [10] * 5
    assert [refused.points_missing for refused in found.refused] == [10] * 3


def test_a_rule_pays_nothing_for_what_occurred_before_its_first_line() -> None:
    found = settle(claims_of([lesson(1, BEGINNING - timedelta(seconds=1))]), [], TARIFF)

    assert (found.dues, found.refused) == ((), ())


def test_of_two_lines_from_one_moment_the_later_version_is_in_force() -> None:
    since = NOON + timedelta(days=1)
    planned = Rate("lesson.completed", 2, since, 20, 100)
    cancelled = Rate("lesson.completed", 3, since, 10, 100)
    sooner = Rate("lesson.completed", 4, NOON, 15, 100)
    tariff = Tariff([*RATES, sooner, cancelled, planned])

    versions = [tariff.rate("lesson.completed", at) for at in (NOON - timedelta(seconds=1), NOON, since)]

    assert [rate.version for rate in versions if rate] == [1, 4, 3]


def test_the_last_award_of_a_day_is_partial_and_the_rest_is_refused() -> None:
    odd = changed("lesson.completed", 40, 100)
    facts = [lesson(number, NOON + timedelta(minutes=number)) for number in range(4)]

    found = settle(claims_of(facts), [], odd)

    assert [due.points for due in found.dues if due.claim.rule == "lesson.completed"] == [40, 40, 20]
    assert [(refused.claim.object_id, refused.points_missing) for refused in found.refused] == [
        (UUID(int=102), 20),
        (UUID(int=103), 40),
    ]


def test_a_moved_award_is_reversed_and_paid_again_as_its_next_part() -> None:
    ledger = Ledger()
    ledger.say(lesson(1))

    ledger.move(lesson(1, NOON - timedelta(days=1)))

    history = [(paid.key[0], paid.part, paid.day, paid.reversed) for paid in ledger.paid if not paid.key[2]]
    assert history == [
        ("lesson.completed", 0, MONDAY, True),
        ("lesson.completed", 1, MONDAY - timedelta(days=1), False),
    ]


def test_room_freed_by_a_move_is_offered_to_what_was_refused() -> None:
    ledger = Ledger()
    ledger.say(*(lesson(number) for number in range(11)))
    assert ledger.totals()["lesson.completed", MONDAY] == 100

    ledger.move(lesson(0, NOON - timedelta(days=1)))

    assert ledger.totals()["lesson.completed", MONDAY] == 100
    assert ledger.totals()["lesson.completed", MONDAY - timedelta(days=1)] == 10


def test_a_day_pays_what_happened_first_however_late_it_comes() -> None:
    ledger = Ledger()
    ledger.say(*(lesson(number, NOON + timedelta(minutes=number)) for number in range(10)))
    early = lesson(99, NOON - timedelta(minutes=1))

    ledger.say(early)

    paid = {paid.key[1] for paid in ledger.paid if not paid.reversed and paid.key[0] == "lesson.completed"}
    assert paid == {early.lesson_id, *(lesson(number).lesson_id for number in range(9))}
    assert ledger.totals()["lesson.completed", MONDAY] == 100
    assert [paid.occurred_at for paid in ledger.paid if paid.key[2] and not paid.reversed] == [early.occurred_at]
    assert ledger.news == []


def test_news_are_what_is_earned_beyond_what_it_takes_the_place_of() -> None:
    odd = changed("lesson.completed", 40, 100)
    paid = [
        Paid(number, claim.key, 0, 40, claim.occurred_at, claim.day, False)
        for number, claim in enumerate(claims_of([lesson(1), lesson(2, NOON + timedelta(minutes=1))]))
        if claim.rule == "lesson.completed"
    ]
    facts = [lesson(number, NOON + timedelta(minutes=number - 1)) for number in range(3)]

    found = settle(claims_of(facts), paid, odd)

    assert [(claim.object_id, points) for claim, points in found.news() if not claim.period_key] == [
        (lesson(0).lesson_id, 20)
    ]


MOMENTS = st.integers(0, 9 * 24 - 1).map(lambda hours: NOON + timedelta(hours=hours))


@st.composite
def stories(draw: st.DrawFn) -> list[list[Recorded]]:
    """Lists of moments for each fact: where it was first thought to be, then where it moved."""
    story: list[list[Recorded]] = []
    for number in range(draw(st.integers(1, 40))):
        moments = draw(st.lists(MOMENTS, min_size=1, max_size=3))
        if number % 9 == 8:
            required = draw(st.booleans())
            story.append([CourseCompleted(MEMBER, UUID(int=500 + number), required, at) for at in moments])
        else:
            story.append([lesson(number, at) for at in moments])
    return story


@settings(max_examples=60, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_order_splitting_repetition_and_moves_never_change_the_totals(story: list[list[Recorded]], random) -> None:
    ledger = Ledger()
    pending = [list(moments) for moments in story]
    while pending:
        batch = random.sample(pending, random.randint(1, min(5, len(pending))))
        first = [moments for moments in batch if moments[0] is story_start(story, moments)]
        ledger.say(*(moments[0] for moments in first), *(moments[0] for moments in first))
        for moments in batch:
            if moments not in first:
                ledger.move(moments[0])
            moments.pop(0)
        pending = [moments for moments in pending if moments]

    assert {key: points for key, points in ledger.totals().items() if points} == expected(
        [moments[-1] for moments in story]
    )
    awarded = [(paid.key, paid.part) for paid in ledger.paid]
    assert len(awarded) == len(set(awarded))


def story_start(story: list[list[Recorded]], rest: list[Recorded]) -> Recorded | None:
    """The first moment of the fact if nothing of it was said yet."""
    whole = next(moments for moments in story if moments[-1] is rest[-1])
    return whole[0] if len(rest) == len(whole) else None
