"""The tariff that every academy starts with, for tests without a database; `test_tariff.py` compares the two."""

from datetime import UTC, datetime

from gamification.tariff import Rate, Tariff

BEGINNING = datetime(2019, 12, 31, 16, tzinfo=UTC)
FIRST: dict[str, tuple[int | None, int | None]] = {  # rule -> (points, daily cap)
    "lesson.completed": (10, 100),
    "course.completed": (30, None),
    "course.required": (50, None),
    "course.in_time": (20, None),
    "day.first_lesson": (5, None),
    "week.full": (50, None),
    "streak.reached": (50, None),
    "task.claimed": (None, None),
    "stage.passed": (None, None),
    "quiz.passed": (20, 100),
    "quiz.first_try": (10, 50),
    "live.attended": (30, 90),
    "replay.watched": (15, 45),
    "class.checked_in": (50, None),
    "course.rated": (2, 10),
    "duel.won": (10, 50),
    "contest.placed": (100, None),
    "story.published": (30, None),
    "outlet.upgraded": (200, None),
}
RATES = [Rate(rule, 1, BEGINNING, points, cap) for rule, (points, cap) in FIRST.items()]
TARIFF = Tariff(RATES)


def changed(rule: str, points: int | None, daily_cap: int | None = None, *, since: datetime = BEGINNING) -> Tariff:
    """The first tariff with a second version of one line."""
    return Tariff([*RATES, Rate(rule, 2, since, points, daily_cap)])
