"""The ranking as a rule: what a score is made of, and who is ahead of whom."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gamification.stories import Contender, PrizeLine, prize_of, ranking, score
from tests.conftest import NOON

MOMENTS = st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes))
FIELDS = st.lists(
    st.tuples(st.integers(0, 50), st.lists(st.integers(0, 100), max_size=4).map(tuple), MOMENTS), max_size=12
)


def contender(number: int, votes: int = 0, jury: tuple[int, ...] = (), minute: int = 0) -> Contender:
    return Contender(UUID(int=number), votes, jury, NOON + timedelta(minutes=minute))


def order(*field: Contender, weight: int = 50) -> list[int]:
    return [placed.entry_id.int for placed in ranking(field, weight)]


def test_votes_are_measured_by_the_entry_that_has_most_and_the_jury_by_its_mean() -> None:
    field = [contender(1, votes=40, jury=(70, 80)), contender(2, votes=10, jury=(100,)), contender(3)]

    placed = ranking(field, 40)

    assert [(each.entry_id.int, each.position, each.score) for each in placed] == [
        (1, 1, 40 * 100 + 60 * 75),
        (2, 2, 40 * 25 + 60 * 100),
        (3, 3, 0),
    ]


def test_a_score_is_rounded_once_half_up() -> None:
    assert score(1, 3, (), 100) == 3333
    assert score(2, 3, (), 100) == 6667
    assert score(0, 1, (0, 0, 1), 0) == 33
    assert score(1, 8, (0, 1), 1) == 62  # 12.5 of the votes, 49.5 of the jury: 62 as it is
    assert score(1, 8, (0,), 3) == 38  # 37.5


def test_of_equal_scores_more_votes_are_ahead() -> None:
    by_votes, by_jury = contender(2, votes=10, jury=(0,)), contender(1, votes=0, jury=(100,))

    assert order(by_votes, by_jury) == [2, 1]


def test_of_equal_votes_the_one_published_first_is_ahead_and_then_the_one_made_first() -> None:
    assert order(contender(1, minute=1), contender(2), contender(4), contender(3)) == [2, 3, 4, 1]


def test_nobody_in_the_contest_is_a_ranking_of_nobody() -> None:
    assert ranking([], 50) == []


def test_a_prize_is_for_the_positions_of_its_line() -> None:
    lines = [PrizeLine(1, 1, 500), PrizeLine(2, 3, 100)]

    assert [prize_of(position, lines) for position in (1, 2, 3, 4)] == [500, 100, 100, 0]


@given(FIELDS, st.integers(0, 100), st.randoms())
def test_a_ranking_depends_on_nothing_but_votes_scores_and_moments(field, weight, random) -> None:  # type: ignore[no-untyped-def]
    contenders = [Contender(UUID(int=number), *each) for number, each in enumerate(field)]
    shuffled = random.sample(contenders, len(contenders))

    placed = ranking(shuffled, weight)

    assert placed == ranking(contenders, weight)
    assert [each.position for each in placed] == list(range(1, len(field) + 1))
    by_id = {each.entry_id: each for each in contenders}
    most = max((each.votes for each in contenders), default=0)
    for each in placed:
        entry = by_id[each.entry_id]
        by_votes = Fraction(100 * entry.votes, most or 1)
        by_jury = Fraction(sum(entry.jury), len(entry.jury) or 1)
        exact = weight * by_votes + (100 - weight) * by_jury
        assert exact - Fraction(1, 2) < each.score <= exact + Fraction(1, 2)
    for ahead, behind in pairwise(placed):
        first, second = by_id[ahead.entry_id], by_id[behind.entry_id]
        assert (-ahead.score, -first.votes, first.published_at, first.entry_id) < (
            -behind.score, -second.votes, second.published_at, second.entry_id,
        )  # fmt: skip


@given(FIELDS, st.integers(0, 100), st.integers(0, 11))
def test_one_more_vote_never_costs_a_place_to_who_has_most(field, weight, chosen) -> None:  # type: ignore[no-untyped-def]
    contenders = [Contender(UUID(int=number), *each) for number, each in enumerate(field)]
    leaders = [each for each in contenders if each.votes == max(other.votes for other in contenders)]
    if not leaders:
        return
    leader = leaders[chosen % len(leaders)]
    more = Contender(leader.entry_id, leader.votes + 1, leader.jury, leader.published_at)

    def place(field: list[Contender]) -> int:
        return next(each.position for each in ranking(field, weight) if each.entry_id == leader.entry_id)

    assert place([more if each is leader else each for each in contenders]) <= place(contenders)
