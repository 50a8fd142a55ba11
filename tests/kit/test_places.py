import pytest

from kit.places import Point, meters_between

GUANGZHOU_TOWER = Point(23.106574, 113.324564)
CANTON_MUSEUM = Point(23.116390, 113.326580)


def test_a_place_is_no_way_from_itself() -> None:
    assert meters_between(GUANGZHOU_TOWER, GUANGZHOU_TOWER) == 0


def test_known_distances_are_met_within_half_a_per_cent() -> None:
    one_degree_north = meters_between(Point(0, 0), Point(1, 0))
    one_degree_east_at_60 = meters_between(Point(60, 0), Point(60, 1))
    half_around = meters_between(Point(0, 0), Point(0, 180))

    assert one_degree_north == pytest.approx(111_195, abs=1)
    assert one_degree_east_at_60 == pytest.approx(55_597, rel=0.005)
    assert half_around == pytest.approx(20_015_115, rel=0.005)


def test_the_way_there_is_the_way_back_also_over_the_date_line() -> None:
    there = meters_between(Point(0, 179.999), Point(0, -179.999))
    back = meters_between(Point(0, -179.999), Point(0, 179.999))

    assert there == back == pytest.approx(222.4, abs=0.1)
    assert meters_between(GUANGZHOU_TOWER, CANTON_MUSEUM) == meters_between(CANTON_MUSEUM, GUANGZHOU_TOWER)


def test_opposite_points_are_half_a_circle_apart_and_no_more() -> None:
    assert meters_between(Point(90, 0), Point(-90, 0)) == meters_between(Point(0, 0), Point(0, 180))


@pytest.mark.parametrize(
    ("point", "on_earth"),
    [
        (Point(90, 180), True), (Point(-90, -180), True), (Point(90.0001, 0), False), (Point(0, 180.0001), False),
        (Point(float("nan"), 0), False), (Point(0, float("inf")), False),
    ],
)  # fmt: skip
def test_degrees_have_bounds(point: Point, on_earth: bool) -> None:
    assert point.is_on_earth is on_earth
