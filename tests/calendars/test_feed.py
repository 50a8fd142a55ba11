"""The calendar feed: a private address, right after a lesson moved or was called off, and over when renewed."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from kit.clock import ZONE, FrozenClock
from kit.ids import new_id
from kit.words import LiveStatus, Role, SeatState
from models.accounts import Member
from models.calendars import CalendarFeed
from models.classes import ClassSeat, OfflineClass
from services.ports import Ports
from tests.conftest import NOON
from tests.gql import Gql
from tests.reminders.test_live import becomes, moved, planned, seated
from tests.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FEED = """mutation CalendarFeed($input: CalendarFeedInput!) {
  calendarFeed(input: $input) { url userErrors { code message field } }
}"""


async def address(gql: Gql, member: Member, **fields: object) -> str:
    payload = (await gql.ask(FEED, {"input": fields}, by=member))["data"]["calendarFeed"]
    assert payload["userErrors"] == []
    return str(payload["url"])


async def fetched(gql: Gql, url: str, **headers: str) -> httpx.Response:
    return await gql.http.get(httpx.URL(url).path, headers=headers)


async def events(gql: Gql, url: str) -> list[Any]:
    answer = await fetched(gql, url)
    assert answer.status_code == 200, answer.text
    return list(Calendar.from_ical(answer.text).walk("VEVENT"))


async def test_what_a_member_has_a_seat_in_stands_in_their_calendar(gql: Gql, world: World) -> None:
    may, other = await world.learner(), await world.learner("小李")
    lesson, waiting, foreign = [await planned(world, NOON + (1 + n) * DAY, f"第{n}讲") for n in range(3)]
    await seated(lesson, may)
    await seated(waiting, may, SeatState.WAITLISTED)
    await seated(foreign, other)

    [event] = await events(gql, await address(gql, may))

    assert str(event["uid"]) == f"live-{lesson.id}@growth-academy"
    assert (str(event["summary"]), str(event["status"]), int(event["sequence"])) == ("第0讲", "CONFIRMED", 0)
    assert event["dtstart"].dt == datetime(2026, 3, 3, 12, tzinfo=ZONE)
    assert event["dtend"].dt == datetime(2026, 3, 3, 13, tzinfo=ZONE)
    assert event["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert "主讲：讲师" in str(event["description"])


async def test_the_zone_and_its_rules_stand_beside_the_times(gql: Gql, world: World) -> None:
    may, lesson = await world.learner(), await planned(world, NOON + DAY)
    await seated(lesson, may)

    answer = await fetched(gql, await address(gql, may))

    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    calendar = Calendar.from_ical(answer.text)
    [zone] = calendar.walk("VTIMEZONE")
    assert str(zone["tzid"]) == "Asia/Shanghai"
    assert (str(calendar["version"]), str(calendar["method"])) == ("2.0", "PUBLISH")


async def test_a_moved_lesson_keeps_its_uid_and_counts_its_sequence_up(gql: Gql, ports: Ports, world: World) -> None:
    may, lesson = await world.learner(), await planned(world, NOON + DAY)
    await seated(lesson, may)
    url = await address(gql, may)
    [before] = await events(gql, url)

    await moved(ports, lesson, 3 * HOUR)
    [after] = await events(gql, url)

    assert str(before["uid"]) == str(after["uid"])
    assert [int(each["sequence"]) for each in (before, after)] == [0, 1]
    assert after["dtstart"].dt - before["dtstart"].dt == 3 * HOUR
    assert str(after["status"]) == "CONFIRMED"


async def test_a_lesson_called_off_stays_as_cancelled_for_thirty_days(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock
) -> None:
    may, lesson = await world.learner(), await planned(world, NOON + 60 * DAY)
    await seated(lesson, may)
    url = await address(gql, may)
    await becomes(ports, lesson, LiveStatus.CANCELLED)

    [event] = await events(gql, url)
    clock.advance(30 * DAY - timedelta(seconds=1))
    [still] = await events(gql, url)
    clock.advance(timedelta(seconds=1))

    for each in (event, still):
        assert (str(each["status"]), int(each["sequence"])) == ("CANCELLED", 1)
        assert str(each["summary"]) == "【已取消】旺季陈列"
    assert await events(gql, url) == []


async def test_a_title_of_any_kind_makes_no_line_of_its_own(gql: Gql, world: World) -> None:
    title = "陈列;一,二\\n三\r\nEND:VEVENT" + "长" * 40
    may, lesson = await world.learner(), await planned(world, NOON + DAY, title)
    await seated(lesson, may)

    answer = await fetched(gql, await address(gql, may))

    [event] = Calendar.from_ical(answer.text).walk("VEVENT")
    assert str(event["summary"]).replace("\r\n", "\n") == title.replace("\r\n", "\n")
    assert all(len(line.encode()) <= 75 for line in answer.text.split("\r\n"))


async def test_the_address_is_shown_again_and_renewing_ends_the_old_one(gql: Gql, world: World) -> None:
    may = await world.learner()
    first, again, null = (
        await address(gql, may),
        await address(gql, may, renew=False),
        await address(gql, may, renew=None),
    )

    renewed = await address(gql, may, renew=True)

    assert first == again == null != renewed == await address(gql, may)
    statuses = [(await fetched(gql, url)).status_code for url in (first, renewed)]
    assert statuses == [404, 200]


async def test_asking_at_once_gives_one_address(gql: Gql, world: World) -> None:
    may = await world.learner()

    urls = await asyncio.gather(*(address(gql, may) for _ in range(8)))

    assert len(set(urls)) == 1
    assert await CalendarFeed.all().count() == 1


async def test_neither_the_token_nor_what_it_follows_from_alone_is_kept(gql: Gql, world: World) -> None:
    url = await address(gql, await world.learner())

    [row] = await CalendarFeed.all()

    token = url.rsplit("/", 1)[1].removesuffix(".ics")
    assert len(token) == 43
    assert token not in (row.token_hash, row.nonce.hex())


async def test_nothing_new_is_answered_in_a_line_and_something_new_in_full(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock
) -> None:
    may, lesson = await world.learner(), await planned(world, NOON + DAY)
    await seated(lesson, may)
    url = await address(gql, may)
    first = await fetched(gql, url)
    clock.advance(HOUR)
    same = await fetched(gql, url, **{"if-none-match": first.headers["etag"]})

    await moved(ports, lesson, HOUR)
    changed = await fetched(gql, url, **{"if-none-match": first.headers["etag"]})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
    assert first.headers["cache-control"] == "private, max-age=900"


async def test_whoever_is_suspended_has_no_calendar_until_let_in_again(gql: Gql, world: World) -> None:
    may = await world.learner()
    url = await address(gql, may)
    await Member.filter(id=may.id).update(suspended_at=world.ports.clock.now())
    shut = (await fetched(gql, url)).status_code

    await Member.filter(id=may.id).update(suspended_at=None)

    assert (shut, (await fetched(gql, url)).status_code) == (404, 200)


@pytest.mark.parametrize("token", ["x", "A" * 43, "é" * 43, "A" * 5000, "..", "%00"], ids=range(6))
async def test_a_token_that_is_nobodys_is_refused_politely(gql: Gql, world: World, token: str) -> None:
    await address(gql, await world.learner())

    answer = await gql.http.get(f"/calendar/{token}.ics")

    assert answer.status_code == 404


async def test_whoever_guesses_is_soon_told_to_wait(gql: Gql, world: World) -> None:
    statuses = [(await gql.http.get(f"/calendar/{'A' * 42}{n}.ics")) for n in range(20)]

    assert {answer.status_code for answer in statuses} == {404, 429}
    assert int(statuses[-1].headers["retry-after"]) >= 1


async def test_the_token_is_never_logged(
    gql: Gql, world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = await address(gql, await world.learner())

    await fetched(gql, url)

    token = url.rsplit("/", 1)[1].removesuffix(".ics")
    out, err = capfd.readouterr()
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert token not in out + err + "".join(record.getMessage() for record in ours)


async def test_nobody_signed_out_gets_an_address(gql: Gql) -> None:
    answer = await gql.ask(FEED, {"input": {"renew": True}})

    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await CalendarFeed.all().count() == 0


async def test_a_class_stands_in_the_calendar_with_its_place(gql: Gql, world: World) -> None:
    may, trainer = await world.learner(), await world.staff(Role.LECTURER, name="陈老师")
    held = await OfflineClass.create(
        id=new_id(), title="陈列实操", trainer=trainer, region=await world.region(), place="二楼会议室",
        address="人民路 1 号", starts_at=NOON + DAY, ends_at=NOON + DAY + HOUR, capacity=30, arrivals=1,
        created_at=NOON,
    )  # fmt: skip
    await ClassSeat.create(
        id=new_id(), offline_class=held, member=may, state=SeatState.SEATED, arrival=1, signed_up_at=NOON,
        seated_at=NOON,
    )  # fmt: skip

    [event] = await events(gql, await address(gql, may))

    assert str(event["uid"]) == f"class-{held.id}@growth-academy"
    assert (str(event["summary"]), str(event["status"])) == ("陈列实操", "CONFIRMED")
    assert event["dtstart"].dt == datetime(2026, 3, 3, 12, tzinfo=ZONE)
    assert "二楼会议室" in str(event["location"])
