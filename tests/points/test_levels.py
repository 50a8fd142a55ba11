from gamification.levels import LEVELS, level_for, levels_between, progress


def test_there_are_ten_levels_each_starting_where_the_one_below_ends() -> None:
    assert [level.number for level in LEVELS] == list(range(1, 11))
    assert LEVELS[0].from_points == 0
    assert [level.to_points for level in LEVELS] == [level.from_points for level in LEVELS[1:]] + [None]
    assert all(level.title.chinese and level.title.english for level in LEVELS)


def test_a_level_is_held_from_its_first_point() -> None:
    assert level_for(0).number == 1
    assert [level_for(points).number for points in (49, 50, 149, 150)] == [1, 2, 2, 3]
    assert level_for(10**9).number == 10


def test_one_booking_may_rise_several_levels_and_names_each() -> None:
    assert [level.number for level in levels_between(1, 310)] == [2, 3, 4]
    assert levels_between(4, 310) == ()
    assert levels_between(5, 310) == ()


def test_progress_runs_from_nought_to_one() -> None:
    assert progress(0) == 0.0
    assert progress(100) == 0.5
    assert progress(6_000) == 1.0
