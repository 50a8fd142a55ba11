"""The words of honour boards as plain values: which board, what it is asked, what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self
from uuid import UUID

from gamification.periods import Period, Seasons, period_of
from gamification.scores import points_of
from kit.paging import Ask, Page
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose learning counts: that of one region with all below it, of outlets of one tier, of both, or all."""

    region_id: UUID | None = None
    tier: OutletTier | None = None

    def __str__(self) -> str:
        return f"{self.region_id or '-'}.{self.tier.value if self.tier else '-'}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The scope of `str(scope)`; ValueError for any other text."""
        region_id, tier = text.split(".")
        return cls(UUID(region_id) if region_id != "-" else None, OutletTier(tier) if tier != "-" else None)


@dataclass(frozen=True, slots=True)
class Family:
    """The boards of one metric, period and kind of subject: one for each scope."""

    metric: BoardMetric
    period: Period
    subject: BoardSubjectKind

    def __str__(self) -> str:
        return f"{self.metric.value}.{self.period.kind.value}.{self.period.starts_on}.{self.subject.value}"


@dataclass(frozen=True, slots=True)
class Board:
    family: Family
    scope: Scope

    def __str__(self) -> str:
        """The key in its global id: any board has one, without a row anywhere."""
        return f"{self.family}.{self.scope}"

    @property
    def period(self) -> Period:
        return self.family.period

    @property
    def moves(self) -> bool:
        """Whether its lines have a movement: a day is all there is, and has no midnight to compare with."""
        return self.period.kind is not BoardPeriod.DAY

    @property
    def definition(self) -> str:
        """The key of its `BoardDefinition`."""
        return f"{self.family.metric.value}.{self.period.kind.value}.{self.family.subject.value}"

    @classmethod
    def parse(cls, key: str, seasons: Seasons) -> Self | None:
        """The board of `str(board)`; None for any other text."""
        try:
            metric, kind, starts_on, subject, scope = key.split(".", 4)
            period = period_of(BoardPeriod(kind), date.fromisoformat(starts_on), seasons)
            board = cls(Family(BoardMetric(metric), period, BoardSubjectKind(subject)), Scope.parse(scope))
        except (ValueError, OverflowError):
            return None
        return board if str(board) == key else None


@dataclass(frozen=True, slots=True)
class Question:
    """What one reading of a board is to answer.

    page: keys are (packed score, subject id). viewer: whose line, and whose `radius` neighbours on both sides.
    asked: up to a hundred subjects. place: the position whose points are wanted.
    """

    page: Ask | None = None
    viewer: UUID | None = None
    radius: int = 0
    asked: tuple[UUID, ...] = ()
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One standing. `rank` is 1, 1, 3 among equals, `position` 1, 2, 3; `tied_with` is how many others share the rank.

    `movement`: places gained since the last Shanghai midnight; None for who was not ranked then, and where a day is
    all there is.
    """

    subject_id: UUID
    packed: int
    position: int
    rank: int
    tied_with: int
    movement: int | None

    @property
    def points(self) -> int:
        return points_of(self.packed)


@dataclass(frozen=True, slots=True)
class Answer:
    """One reading of a board.

    `ahead`: the fewest points above the viewer's, None if nobody has more. `at_place`: those of the position asked for,
    None if nobody stands there.
    """

    total: int
    page: Page[Line] = field(default_factory=lambda: Page[Line]([]))
    viewer: Line | None = None
    ahead: int | None = None
    around: tuple[Line, ...] = ()
    asked: Mapping[UUID, Line] = field(default_factory=dict)
    at_place: int | None = None


def page_of_lines(lines: list[Line], total: int, ask: Ask) -> Page[Line]:
    """A page that knows by its positions what lies before and behind it."""
    if not lines:
        return Page([], has_next=ask.before is not None, has_previous=ask.after is not None)
    return Page(lines, has_next=lines[-1].position < total, has_previous=lines[0].position > 1)


def joined(first: Question, second: Question) -> Question | None:
    """One question whose answer holds the answers of both; None where they ask for different pages or neighbours."""
    pages = {question.page for question in (first, second) if question.page is not None}
    viewers = {question.viewer for question in (first, second) if question.viewer is not None}
    radii = {question.radius for question in (first, second) if question.radius}
    places = {question.place for question in (first, second) if question.place is not None}
    if max(len(pages), len(viewers), len(radii), len(places)) > 1:
        return None
    asked = tuple(dict.fromkeys((*first.asked, *second.asked)))
    page, viewer, place = next(iter(pages), None), next(iter(viewers), None), next(iter(places), None)
    return Question(page, viewer, max(radii, default=0), asked, place)
