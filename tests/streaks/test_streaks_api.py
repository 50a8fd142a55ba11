"""A learner's own streak, as the app shows it."""

from datetime import UTC, datetime, timedelta

from services.ports import Ports
from tests.gql import Gql
from tests.points.story import lesson, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)

STREAK = """query {
  viewer { streak { days bestDays learnedToday freezesLeft calendar { date learned frozen } } }
}"""


async def test_the_app_shows_what_holds_a_streak_and_twelve_weeks_of_days(gql: Gql, world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *(lesson(may, back, NOON - back * DAY) for back in range(1, 10) if back != 2))

    streak = (await gql.ask(STREAK, by=may))["data"]["viewer"]["streak"]

    calendar = streak.pop("calendar")
    assert streak == {"days": 8, "bestDays": 8, "learnedToday": False, "freezesLeft": 0}
    assert len(calendar) == 11 * 7 + 1
    assert calendar[0] == {"date": "2025-12-15", "learned": False, "frozen": False}
    assert calendar[-4:] == [
        {"date": "2026-02-27", "learned": True, "frozen": False},
        {"date": "2026-02-28", "learned": False, "frozen": True},
        {"date": "2026-03-01", "learned": True, "frozen": False},
        {"date": "2026-03-02", "learned": False, "frozen": False},
    ]


async def test_a_newcomer_has_an_empty_calendar(gql: Gql, world: World) -> None:
    may = await world.learner()

    streak = (await gql.ask(STREAK, by=may))["data"]["viewer"]["streak"]

    assert (streak["days"], streak["bestDays"], streak["freezesLeft"]) == (0, 0, 0)
    assert {(day["learned"], day["frozen"]) for day in streak["calendar"]} == {(False, False)}


async def test_a_late_event_gives_the_card_back(gql: Gql, world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *(lesson(may, back, NOON - back * DAY) for back in range(2, 9)))
    before = (await gql.ask(STREAK, by=may))["data"]["viewer"]["streak"]

    await say(ports, lesson(may, "on the train", NOON - DAY))

    after = (await gql.ask(STREAK, by=may))["data"]["viewer"]["streak"]
    assert (before["days"], before["freezesLeft"], before["calendar"][-2]["frozen"]) == (7, 0, True)
    assert (after["days"], after["freezesLeft"], after["calendar"][-2]["frozen"]) == (8, 1, False)
