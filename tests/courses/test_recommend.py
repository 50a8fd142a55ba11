from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

from kit.words import CourseKind, OutletTier
from services.recommend import Candidate, Reason, Taste, recommend

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ALL = tuple(OutletTier)
NOBODY = Taste(OutletTier.ORDINARY, 0)


def course(
    number: int,
    *,
    kind: CourseKind = CourseKind.ELECTIVE,
    tiers: tuple[OutletTier, ...] = (),
    due_at: datetime | None = None,
    done: tuple[int, int] = (0, 0),
    similar: int = 0,
    taken_up: int = 0,
    published_at: datetime = NOW,
) -> Candidate:
    return Candidate(UUID(int=number), kind, tiers, published_at, due_at, *done, similar, taken_up)


def order(*candidates: Candidate, taste: Taste = NOBODY) -> list[int]:
    return [each.course.course_id.int for each in recommend(candidates, taste)]


def reason(candidate: Candidate, taste: Taste = NOBODY) -> Reason:
    [found] = recommend([candidate], taste)
    return found.reason


def test_what_is_assigned_stands_before_what_is_required_and_both_before_all_that_merely_fits() -> None:
    assigned = course(1, due_at=NOW)
    required = course(2, kind=CourseKind.REQUIRED)
    everything_else = course(3, tiers=(OutletTier.ORDINARY,), done=(9, 10), similar=50, taken_up=7)

    found = order(everything_else, required, assigned, taste=Taste(OutletTier.ORDINARY, 7))

    assert found == [1, 2, 3]


def test_a_course_made_for_few_tiers_fits_better_than_one_made_for_all() -> None:
    assert order(course(1, tiers=ALL), course(2, tiers=(OutletTier.ORDINARY,))) == [2, 1]


def test_a_course_for_other_tiers_is_left_out_unless_assigned_or_begun() -> None:
    others = (OutletTier.PARTNER,)

    found = order(course(1, tiers=others), course(2, tiers=others, due_at=NOW), course(3, tiers=others, done=(1, 3)))

    assert found == [2, 3]


def test_a_course_required_of_other_tiers_is_not_required_of_the_learner() -> None:
    begun = course(1, kind=CourseKind.REQUIRED, tiers=(OutletTier.PARTNER,), done=(0, 2))

    assert reason(begun) is Reason.BEGUN


def test_of_two_courses_begun_the_one_nearer_its_end_comes_first() -> None:
    assert order(course(1, done=(1, 4)), course(2, done=(3, 4))) == [2, 1]


def test_what_similar_outlets_completed_more_often_comes_first() -> None:
    assert order(course(1, similar=3), course(2, similar=40), course(3)) == [2, 1, 3]


def test_the_module_a_learner_likes_most_lifts_its_courses() -> None:
    taste = Taste(OutletTier.ORDINARY, 3)

    assert order(course(1, taken_up=1), course(2, taken_up=3), taste=taste) == [2, 1]


def test_a_learner_without_an_outlet_is_shown_every_tier() -> None:
    taste = Taste(None, 0)

    assert order(course(1, tiers=(OutletTier.PARTNER,)), taste=taste) == [1]


def test_each_reason_is_the_one_that_weighs_most() -> None:
    assert reason(course(1, due_at=NOW, kind=CourseKind.REQUIRED)) is Reason.ASSIGNED
    assert reason(course(1, kind=CourseKind.REQUIRED, done=(1, 2))) is Reason.REQUIRED
    assert reason(course(1, similar=4, tiers=(OutletTier.ORDINARY,))) is Reason.SIMILAR_DID
    assert reason(course(1, tiers=(OutletTier.ORDINARY,))) is Reason.TIER_FITS
    assert reason(course(1, taken_up=2), Taste(None, 2)) is Reason.MODULE_LIKED
    assert reason(course(1)) is Reason.NEW


def test_the_order_is_total_and_does_not_depend_on_the_order_of_the_candidates() -> None:
    older = NOW - timedelta(days=1)
    candidates = [course(1), course(2), course(3, published_at=older), course(4, similar=1)]

    assert {tuple(order(*each)) for each in permutations(candidates)} == {(4, 1, 2, 3)}
