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
    perks: tuple[Title, ...]


STEPS: tuple[tuple[int, Title, tuple[Title, ...]], ...] = (
    (0, Title("种子", "Seed"), ()),
    (50, Title("萌芽", "Sprout"), (Title("「萌芽」头像框", "The Sprout frame for your picture"),)),
    (150, Title("幼苗", "Seedling"), (Title("「幼苗」头像框", "The Seedling frame for your picture"),)),
    (300, Title("抽枝", "Branch"), (Title("学习海报：春日", "A poster of your learning: Spring"),)),
    (600, Title("展叶", "Leaf"), (Title("榜单昵称变绿色", "Your name in green on honour boards"),)),
    (1_000, Title("含苞", "Bud"), (Title("「含苞」头像框", "The Bud frame for your picture"),)),
    (
        1_600,
        Title("绽放", "Bloom"),
        (
            Title("「绽放」动态头像框", "The Bloom frame, which moves"),
            Title("学习海报：花开", "A poster of your learning: Blossom"),
        ),
    ),
    (2_500, Title("结果", "Fruit"), (Title("榜单昵称变金色", "Your name in gold on honour boards"),)),
    (4_000, Title("成荫", "Canopy"), (Title("「成荫」动态头像框", "The Canopy frame, which moves"),)),
    (
        6_000,
        Title("参天", "Great Tree"),
        (
            Title("「参天」专属头像框", "The Great Tree frame, which few have"),
            Title("学习海报：参天", "A poster of your learning: Great Tree"),
        ),
    ),
)
"""From how many points, called what, and what comes with it. Perks are the app's to draw: it knows every member's level
wherever it shows one. The server keeps nothing back from lower levels."""
STARTS = tuple(points for points, *_ in STEPS)
LEVELS = tuple(
    Level(number, title, points, STARTS[number] if number < len(STEPS) else None, perks)
    for number, (points, title, perks) in enumerate(STEPS, start=1)
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
