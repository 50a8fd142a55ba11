"""What the apps ask most, at the size of the demo and of a city: p50, p99, and how many times slower the city is.

    .venv/bin/python -m bench.operations --learners 32000
    .venv/bin/python -m bench.operations --city-data DIRECTORY   # of a city that `seed --scale city` has filled

Whole requests, documents and all, through the application in this process; people and courses are chosen anew for each.
"""

import argparse
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.ground import LEARNERS, Figure, ground, measured, measured_in, percentiles, table
from kit.clock import monotonic
from kit.ids import new_id, to_global
from kit.memory import keep_what_is_loaded
from models.courses import Course, EditionLesson
from models.outlets import Outlet, Post
from seeds.big_city import FULL, CitySize
from services.board_building import check_boards
from services.city_seed import seed_city
from services.demo import seed_demo
from services.ports import Ports
from tests.gql import Gql

ROUNDS = 200
WARM = 20
TEXTS = ("陈列", "订货", "安全", "顾客", "证照", "价格")
EVENTS = 20

Ask = Callable[[], Awaitable[None]]
Timed = dict[str, list[float]]
"""Operation -> seconds of each request."""


def figures(learners: int, city_data: Path | None = None) -> list[Figure]:
    """The figures of both in one run; `city_data` is a directory with a seeded city, else one is seeded first."""
    small = measured(_at_demo, learners)
    big = measured_in(city_data, _asked, learners) if city_data else measured(_at_city, learners)
    found = []
    for operation, times in small.items():
        (p50, p99), (city_50, city_99) = percentiles(times), percentiles(big[operation])
        found.append(
            Figure(
                f"{operation}, city: p50, p99",
                f"{city_50:.1f} ms, {city_99:.1f} ms",
                "3x the demo",
                f"demo: {p50:.1f} ms, {p99:.1f} ms; {city_50 / p50:.1f}x, {city_99 / p99:.1f}x",
            )
        )
    return found


async def _at_demo(ports: Ports, learners: int) -> Timed:
    await seed_demo(ports)
    return await _asked(ports, learners)


async def _at_city(ports: Ports, learners: int) -> Timed:
    await seed_city(ports, CitySize(learners, FULL.courses, FULL.events * learners // FULL.outlets))
    return await _asked(ports, learners)


async def _asked(ports: Ports, _: int) -> Timed:
    """Every operation in turn, round by round, so that a busy moment hits all of them; demo and city by themselves."""
    await check_boards(ports)  # a Valkey of a bench begins empty, and without it SQL would answer
    keep_what_is_loaded()  # as `serve` does
    dice = random.Random(1)  # noqa: S311
    async with Gql.over(ports) as gql:
        asks = await _operations(gql, dice)
        times: Timed = {name: [] for name in asks}
        for round_number in range(-WARM, ROUNDS):
            for name, ask in asks.items():
                start = monotonic()
                await ask()
                if round_number >= 0:
                    times[name].append(monotonic() - start)
    return times


async def _operations(gql: Gql, dice: random.Random) -> dict[str, Ask]:
    """What is measured, by name. Each person signs in before, so that this is no part of it."""
    posts = await Post.filter(is_current=True).order_by("id").limit(5_000)
    people = dice.sample(posts, min(200, len(posts)))
    outlets = {outlet.id: outlet for outlet in await Outlet.filter(id__in=[post.outlet_id for post in people])}
    for post in people:
        await gql.token(post.member_id)
    courses = await Course.filter(status="PUBLISHED").order_by("id")
    firsts = await EditionLesson.filter(position=1, edition_id__in=[course.edition_id for course in courses])
    open_to_all = {course.edition_id for course in courses if not course.adults_only and not course.audience_tiers}
    films = [
        lesson
        for lesson in firsts
        if lesson.edition_id in open_to_all and lesson.dwell_seconds is None and lesson.duration_seconds >= EVENTS
    ]

    async def board(scope: Callable[[Outlet], dict[str, str] | None]) -> None:
        post = dice.choice(people)
        asked = {"metric": "POINTS", "period": "WEEK", "scope": scope(outlets[post.outlet_id])}
        answer = await gql.data("HonourBoard", asked, by=post.member_id)
        assert not answer["honourBoard"]["stale"]

    async def course_list() -> None:
        wanted = {"filter": {"text": dice.choice(TEXTS)}}
        await gql.data("CourseList", wanted, by=dice.choice(people).member_id)

    async def course_detail() -> None:
        asked = {"id": to_global("Course", dice.choice(courses).id)}
        await gql.data("CourseDetail", asked, by=dice.choice(people).member_id)

    turns = cycle(people)  # nobody is in two evenings at once, or the second one would be refused and cost less

    async def report() -> None:
        sent = {"input": evening(gql.ports, dice.choice(films))}
        answer = (await gql.data("ReportProgress", sent, by=next(turns).member_id))["reportProgress"]
        assert {each["status"] for each in answer["results"]} == {"ACCEPTED"}, answer

    return {
        "HonourBoard, everyone": partial(board, lambda outlet: None),
        "HonourBoard, a station": partial(board, lambda outlet: {"regionId": to_global("Region", outlet.region_id)}),
        "HonourBoard, a tier": partial(board, lambda outlet: {"tier": outlet.tier.value}),
        "CourseList, two characters": course_list,
        "CourseDetail": course_detail,
        f"ReportProgress, {EVENTS} events": report,
    }


def evening(ports: Ports, lesson: EditionLesson) -> dict[str, Any]:
    """A film watched second by second, a minute ago."""
    now = ports.clock.now()
    events = [
        {
            "eventId": str(new_id()),
            "lessonId": to_global("Lesson", lesson.lesson_id),
            "kind": "WATCHED",
            "playbackRate": 1,
            "occurredAt": (now - timedelta(seconds=60 - second)).isoformat(),
            "spans": [{"fromSeconds": second, "toSeconds": second + 1}],
        }
        for second in range(EVENTS)
    ]
    return {"sentAt": now.isoformat(), "events": events}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=LEARNERS, help="shops of the city")
    parser.add_argument("--city-data", type=Path)
    given = parser.parse_args()
    print(f"{given.learners} shops, {ground()}\n\n{table(figures(given.learners, given.city_data))}")


if __name__ == "__main__":
    main()
