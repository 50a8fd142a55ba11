"""The pure rules of leagues: forming, joining late, zones; against plain readings of what the rules say."""

from collections import Counter, defaultdict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.leagues import DIVISIONS, FULL, TITLES, Entrant, Field, Group, after, groups_of, split, zones
from kit.words import LeagueDivision, LeagueZone, OutletTier

PROMOTE, STAY, DEMOTE = LeagueZone.PROMOTE, LeagueZone.STAY, LeagueZone.DEMOTE
BRONZE, SILVER, GOLD, PLATINUM, DIAMOND = LeagueDivision
CITIES = [UUID(int=number) for number in (1, 2)]
SEED, OTHER_SEED = b"s" * 32, b"t" * 32

fields = st.builds(Field, st.sampled_from(list(OutletTier)[:2]), st.sampled_from(CITIES))
entrants = st.lists(
    st.builds(Entrant, st.uuids(), fields, st.sampled_from(LeagueDivision)),
    max_size=200,
    unique_by=lambda entrant: entrant.member_id,
)
leagues = st.lists(st.integers(0, 60), max_size=120).map(lambda points: sorted(points, reverse=True))


def people(count: int, division: LeagueDivision = BRONZE, first: int = 0) -> list[Entrant]:
    field = Field(OutletTier.NEW, CITIES[0])
    return [Entrant(UUID(int=first + number), field, division) for number in range(count)]


def sizes_of(found: dict[UUID, Group]) -> dict[Group, int]:
    return dict(Counter(found.values()))


@given(entrants)
def test_everybody_has_one_league_of_their_tier_and_city(them: list[Entrant]) -> None:
    found = groups_of(SEED, them, {})

    assert found.keys() == {entrant.member_id for entrant in them}
    assert all(found[entrant.member_id].field == entrant.field for entrant in them)


@given(entrants)
def test_only_the_lone_play_in_another_division_and_only_who_is_alone_in_tier_and_city_plays_alone(
    them: list[Entrant],
) -> None:
    found = groups_of(SEED, them, {})

    in_field = Counter(entrant.field for entrant in them)
    in_division = Counter((entrant.field, entrant.division) for entrant in them)
    for entrant in them:
        group = found[entrant.member_id]
        if group.division is not entrant.division:
            assert in_division[entrant.field, entrant.division] == 1
        if sizes_of(found)[group] == 1:
            assert in_field[entrant.field] == 1


@given(entrants, st.randoms())
def test_the_same_seed_makes_the_same_leagues_in_whatever_order_they_are_named(
    them: list[Entrant], dice: object
) -> None:
    mixed = list(them)
    dice.shuffle(mixed)  # type: ignore[attr-defined]

    assert groups_of(SEED, mixed, {}) == groups_of(SEED, them, {})


def test_another_seed_makes_other_leagues() -> None:
    them = people(300)

    together = [_pairs(groups_of(seed, them, {})) for seed in (SEED, OTHER_SEED)]

    # Of 300 in tens of thirty a tenth of all pairs meets; of those that meet, a tenth meets again.
    assert len(together[0] & together[1]) < len(together[0]) / 4


def _pairs(found: dict[UUID, Group]) -> set[tuple[UUID, UUID]]:
    return {(one, other) for one in found for other in found if one.int < other.int and found[one] == found[other]}


@given(st.integers(1, 5000))
def test_leagues_are_as_near_to_thirty_as_they_can_be(count: int) -> None:
    sizes = split(count)

    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    ways = [abs(count / groups - 30) for groups in range(1, count + 1)]
    assert abs(count / len(sizes) - 30) == min(ways)
    assert max(sizes) <= FULL
    assert min(sizes) >= 20 or len(sizes) == 1


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (40, [40]), (41, [21, 20]), (72, [36, 36]), (73, [25, 24, 24]), (90, [30, 30, 30])],
)
def test_sizes(count: int, sizes: list[int]) -> None:
    assert split(count) == sizes


@given(entrants)
def test_the_leagues_that_are_formed_have_the_sizes_of_the_rule(them: list[Entrant]) -> None:
    sizes = defaultdict(list)
    for group, size in sizes_of(groups_of(SEED, them, {})).items():
        sizes[group.field, group.division].append((group.number, size))

    for made in sizes.values():
        assert [size for _, size in sorted(made)] == split(sum(size for _, size in made))
        assert [number for number, _ in sorted(made)] == list(range(1, len(made) + 1))


@given(entrants, entrants)
def test_late_joiners_fill_up_the_smallest_and_move_nobody(them: list[Entrant], late: list[Entrant]) -> None:
    before = sizes_of(groups_of(SEED, them, {}))

    found = groups_of(SEED, late, before)

    now = Counter(before) + Counter(found.values())
    joined = Counter(found.values())
    for group in joined:
        rivals = [size for each, size in now.items() if (each.field, each.division) == (group.field, group.division)]
        if group in before:
            assert now[group] <= FULL
            # When the last of them came the league was the smallest, so none is smaller by more than that one.
            assert now[group] - 1 <= min(rivals)
        elif any((each.field, each.division) == (group.field, group.division) for each in before):
            assert all(
                now[each] >= FULL for each in before if (each.field, each.division) == (group.field, group.division)
            )


def test_a_single_late_joiner_plays_with_the_nearest_division_of_two_the_lower() -> None:
    field = Field(OutletTier.NEW, CITIES[0])
    there = {Group(field, BRONZE, 1): 30, Group(field, GOLD, 1): 30, Group(field, DIAMOND, 1): 5}

    [silver] = groups_of(SEED, people(1, SILVER), there).values()
    [platinum] = groups_of(SEED, people(1, PLATINUM), there).values()
    two = groups_of(SEED, people(2, SILVER), there)

    assert (silver.division, platinum.division) == (BRONZE, GOLD)
    assert set(two.values()) == {Group(field, SILVER, 1)}


def test_a_crowd_that_comes_late_fills_the_leagues_there_are_and_makes_new_ones_of_the_rest() -> None:
    field = Field(OutletTier.NEW, CITIES[0])
    there = {Group(field, BRONZE, 1): 39, Group(field, BRONZE, 2): 38, Group(field, BRONZE, 3): 45}

    found = groups_of(SEED, people(63), there)

    assert [sizes_of(found)[Group(field, BRONZE, number)] for number in (1, 2, 4, 5)] == [1, 2, 30, 30]


@given(st.sampled_from(LeagueDivision), leagues)
def test_zones_are_what_the_rules_say(division: LeagueDivision, points: list[int]) -> None:
    assert zones(division, points) == [_zone(division, points, place) for place in range(len(points))]


def _zone(division: LeagueDivision, points: list[int], place: int) -> LeagueZone:
    """The rules read aloud: one place at a time, by counting who is ahead and who is behind."""
    moving = 7 if len(points) >= 21 else len(points) // 3
    mine = points[place]
    ahead = sum(1 for each in points if each > mine)
    behind = sum(1 for each in points if each < mine)
    # Among the first seven, or as much as one of them has: fewer than seven have more.
    if division is not DIAMOND and mine > 0 and ahead < moving:
        return PROMOTE
    # Among the last seven, and nobody who stays has as little: those from here down are seven at most.
    if division is not BRONZE and behind + points.count(mine) <= moving:
        return DEMOTE
    return STAY


def test_seven_rise_and_seven_fall_of_thirty() -> None:
    assert zones(GOLD, list(range(30, 0, -1))) == [PROMOTE] * 7 + [STAY] * 16 + [DEMOTE] * 7


@pytest.mark.parametrize(("size", "moving"), [(1, 0), (2, 0), (3, 1), (8, 2), (20, 6), (21, 7), (40, 7)])
def test_a_small_league_moves_a_third(size: int, moving: int) -> None:
    found = zones(GOLD, list(range(size, 0, -1)))

    assert found == [PROMOTE] * moving + [STAY] * (size - 2 * moving) + [DEMOTE] * moving


def test_who_is_level_with_the_last_to_rise_rises_and_with_the_last_to_stay_stays() -> None:
    points = [9, 9, 9, 9, 9, 9, 5, 5, 5, *[4] * 11, 3, 3, 3, *[2] * 7]

    assert zones(GOLD, points) == [PROMOTE] * 9 + [STAY] * 14 + [DEMOTE] * 7
    assert zones(GOLD, [*points[:-7], *[3] * 4, 2, 2, 2]) == [PROMOTE] * 9 + [STAY] * 18 + [DEMOTE] * 3


def test_nobody_rises_without_points_and_of_those_without_none_falls() -> None:
    assert zones(GOLD, [1, 1, *[0] * 28]) == [PROMOTE] * 2 + [STAY] * 28


def test_the_top_does_not_rise_and_the_bottom_does_not_fall() -> None:
    points = list(range(30, 0, -1))

    assert zones(DIAMOND, points) == [STAY] * 23 + [DEMOTE] * 7
    assert zones(BRONZE, points) == [PROMOTE] * 7 + [STAY] * 23
    assert (after(DIAMOND, PROMOTE), after(BRONZE, DEMOTE)) == (DIAMOND, BRONZE)
    assert [after(SILVER, zone) for zone in (PROMOTE, STAY, DEMOTE, None)] == [GOLD, SILVER, BRONZE, SILVER]


def test_every_division_has_a_name_in_both_languages() -> None:
    assert tuple(TITLES) == DIVISIONS
    assert len({title for titles in TITLES.values() for title in titles}) == 10
