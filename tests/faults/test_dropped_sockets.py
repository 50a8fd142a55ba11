"""A client that goes away in the middle of a mutation, again and again, costs the server nothing."""

import asyncio
import random
from uuid import uuid4

from models.credit import all_events
from tests.gql import Gql
from tests.pool import pool_falls_idle
from tests.sockets import TestSocket
from tests.world import World

DROPS = 200

REPORT = """
mutation ($input: ReportProgressInput!) {
  reportProgress(input: $input) { results { status } viewer { points { lifetime } } userErrors { code } }
}
"""


async def test_two_hundred_drops_leave_the_pool_idle(gql: Gql, world: World) -> None:
    learner, course = await world.learner(), await world.course(lessons=1, seconds=600)
    dice = random.Random(7)
    token = await gql.token(learner)
    now = world.ports.clock.now().isoformat()

    async def drop_one(number: int) -> None:
        async with TestSocket(gql.app) as socket:
            await socket.init(token)
            event = {
                "eventId": str(uuid4()), "lessonId": course.lesson_gids[0], "kind": "WATCHED", "occurredAt": now,
                "spans": [{"fromSeconds": number % 600, "toSeconds": number % 600 + 1}],
            }  # fmt: skip
            socket.subscribe("1", REPORT, {"input": {"sentAt": now, "events": [event]}})
            await asyncio.sleep(dice.uniform(0, 0.03))
            await socket.drop()

    for first in range(0, DROPS, 8):
        await asyncio.gather(*(drop_one(number) for number in range(first, min(first + 8, DROPS))))

    assert await pool_falls_idle()
    assert (await gql.ask("{ viewer { id } }", by=learner))["data"]["viewer"]
    async with gql.socket(by=learner) as socket:
        socket.subscribe("1", "{ viewer { id } }")
        assert (await socket.next())["data"]["viewer"]


async def test_what_was_under_way_is_whole_or_not_there(gql: Gql, world: World) -> None:
    learner, course = await world.learner(), await world.course(lessons=1, seconds=60)
    now = world.ports.clock.now().isoformat()
    event = {
        "eventId": str(uuid4()), "lessonId": course.lesson_gids[0], "kind": "WATCHED", "occurredAt": now,
        "spans": [{"fromSeconds": 0, "toSeconds": 60}],
    }  # fmt: skip
    batch = {"input": {"sentAt": now, "events": [event]}}

    async with TestSocket(gql.app) as socket:
        await socket.init(await gql.token(learner))
        socket.subscribe("1", REPORT, batch)
        await asyncio.sleep(0.01)
        await socket.drop()
    known = await all_events(learner.id)
    again = (await gql.ask(REPORT, batch, by=learner))["data"]["reportProgress"]

    assert again["results"] == [{"status": "DUPLICATE" if known else "ACCEPTED"}]
    assert again["viewer"]["points"]["lifetime"] > 0
