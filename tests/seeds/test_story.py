"""What is told of the demo's people."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kit.clock import day_of
from kit.words import OutletTier, Role
from seeds.courses import read_courses
from seeds.story import DAYS, LEFT_OPEN, SeedReport, published, ratings, reports
from seeds.town import ACCOUNTS, LEARNER, OUTLETS, SeedOutlet, SeedPerson, outlets, regions, staff

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
COURSES = read_courses()
OUT = published(1, COURSES, NOW)
CITY = outlets(1)
PEOPLE = [(outlet, person) for outlet in CITY for person in outlet.people]


def told(outlet: SeedOutlet, person: SeedPerson, *, seed: int = 1) -> list[SeedReport]:
    return reports(seed, person, outlet.tier, COURSES, OUT, NOW)


def demo_learner() -> tuple[SeedOutlet, SeedPerson]:
    return next((outlet, person) for outlet, person in PEOPLE if person.key == LEARNER)


def test_the_city_is_a_tree_from_the_province_to_its_stations_with_shops_in_every_station() -> None:
    tree = {region.code: region for region in regions()}

    assert len(CITY) == OUTLETS == 300
    assert {outlet.region_code for outlet in CITY} == {c for c, each in tree.items() if each.kind == "STATION"}
    assert all(region.parent_code in tree for region in tree.values() if region.parent_code is not None)
    assert {outlet.tier for outlet in CITY} == set(OutletTier)
    assert {outlet.segment for outlet in CITY} == set(range(1, 26))


def test_codes_names_and_keys_do_not_repeat() -> None:
    keys = [person.key for _, person in PEOPLE] + [each.key for each in staff()]

    assert len({outlet.code for outlet in CITY}) == len({outlet.name for outlet in CITY}) == len(CITY)
    assert len(set(keys)) == len(keys)


def test_the_same_seed_tells_the_same_and_another_tells_something_else() -> None:
    outlet, person = demo_learner()

    assert outlets(1) == CITY
    assert outlets(2) != CITY
    assert told(outlet, person) == told(outlet, person)
    assert told(outlet, person, seed=2) != told(outlet, person)


def test_every_demo_account_is_somebody_in_the_city() -> None:
    keys = {person.key for _, person in PEOPLE} | {each.key for each in staff()}

    assert {account.key for account in ACCOUNTS} <= keys
    assert len({account.phone for account in ACCOUNTS}) == len(ACCOUNTS)


def test_every_role_has_one_demo_account_the_learner_first() -> None:
    assert ACCOUNTS[0].role is Role.LEARNER
    assert sorted(account.role for account in ACCOUNTS) == sorted(Role)


def test_nothing_is_told_from_before_somebody_joined_a_course_came_out_or_after_now() -> None:
    for outlet, person in PEOPLE:
        for report in told(outlet, person):
            begun = report.at - timedelta(seconds=report.span[1] - report.span[0])
            assert OUT[report.course.code] <= begun < report.at < NOW
            assert (day_of(NOW) - day_of(begun)).days < min(DAYS, person.joined_days_ago) + 1
            assert not report.course.tiers or outlet.tier in report.course.tiers


def test_nobody_watches_two_things_at_once_or_the_same_seconds_twice() -> None:
    for outlet, person in PEOPLE:
        whole = told(outlet, person)
        for before, after in pairwise(whole):
            assert after.at - timedelta(seconds=after.span[1] - after.span[0]) >= before.at
        seen: dict[tuple[str, int], int] = {}
        for report in whole:
            key = (report.course.code, report.lesson)
            assert report.span[0] == seen.get(key, 0) < report.span[1] <= report.course.lessons[report.lesson].seconds
            seen[key] = report.span[1]


def test_people_differ_in_diligence() -> None:
    counts = [len(told(outlet, person)) for outlet, person in PEOPLE]

    assert sum(count == 0 for count in counts) > 20
    assert sum(count > 80 for count in counts) > 20
    assert 8_000 < sum(counts) < 20_000


def test_the_demo_learner_learned_for_days_until_yesterday_and_has_something_short_to_finish() -> None:
    whole = told(*demo_learner())
    days = {day_of(report.at) for report in whole}
    yesterday = day_of(NOW) - timedelta(days=1)
    last = whole[-1]

    assert {yesterday - timedelta(days=back) for back in range(5)} <= days
    assert day_of(NOW) not in days
    assert (last.course.code, last.lesson) == ("display-01", 2)
    assert len(last.course.lessons) == 4
    assert 15 <= last.course.lessons[3].seconds <= 40


def test_what_is_left_open_for_a_visitor_is_left_open() -> None:
    for outlet, person in PEOPLE:
        kept = LEFT_OPEN.get(person.key, {})
        done = {code: {r.lesson for r in told(outlet, person) if r.course.code == code} for code in kept}
        assert {code: len(lessons) for code, lessons in done.items()} == dict(kept)


def test_ratings_are_between_one_and_five_stars_and_mostly_kind() -> None:
    stars = [rating.stars for _, person in PEOPLE for rating in ratings(1, person, COURSES[:10])]

    assert set(stars) <= {1, 2, 3, 4, 5}
    assert sum(stars) / len(stars) > 3.8
