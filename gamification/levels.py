"""Ten levels over lifetime points. Growing things, for an academy of growth."""

from bisect import bisect_right
from dataclasses import dataclass

from gamification.titles import Title


@dataclass(frozen=True, slots=True)
class Level:
    """Held with [from_points, to_points) lifetime points; the top level has no `to_points`."""

    number: int
    title: Title
    from_points: int
    to_points: int | None


STEPS: tuple[tuple[int, Title], ...] = (
    (0, Title("种子", "Seed")),
    (50, Title("萌芽", "Sprout")),
    (150, Title("幼苗", "Seedling")),
    (300, Title("抽枝", "Branch")),
    (600, Title("展叶", "Leaf")),
    (1_000, Title("含苞", "Bud")),
    (1_600, Title("绽放", "Bloom")),
    (2_500, Title("结果", "Fruit")),
    (4_000, Title("成荫", "Canopy")),
    (6_000, Title("参天", "Great Tree")),
)
STARTS = tuple(points for points, _ in STEPS)
LEVELS = tuple(
    Level(number, title, points, STARTS[number] if number < len(STEPS) else None)
    for number, (points, title) in enumerate(STEPS, start=1)
)


def level_for(points: int) -> Level:
    """The level held with `points` lifetime points; the first one below 0, where corrections may lead."""
    return LEVELS[bisect_right(STARTS, max(points, 0)) - 1]


def levels_between(top: int, points: int) -> tuple[Level, ...]:
    """The levels above number `top` that `points` reach, lowest first."""
    return LEVELS[top : level_for(points).number]


def progress(points: int) -> float:
    """How far from this level's first point to the next level's, 0 to 1; 1 on the top level."""
    level = level_for(points)
    if level.to_points is None:
        return 1.0
    return (max(points, 0) - level.from_points) / (level.to_points - level.from_points)
