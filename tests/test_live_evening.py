"""A live evening as shops meet it: from the calendar over RTMP, HLS and a WebSocket to points and the replay."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import ClientConnection

from kit.clock import SystemClock
from kit.db import execute, rows
from kit.ids import from_global, to_global
from kit.settings import Settings
from kit.words import PostRole, Role
from models.accounts import Member
from server.wiring import build_ports
from services.live_attendance import SETTLED_AFTER
from tests.films import frames_in
from tests.live_stream.camera import eventually, filming
from tests.phone import Phone, begin, line, next_event
from tests.process import Serving
from tests.world import World

STREAM_SECONDS = 20
PICTURES_A_SECOND = 25
SEGMENT_SECONDS = 2
PHONE_PAUSE_SECONDS = 0.5
POINTS, ENOUGH_SECONDS = 40, 10
RULE = {"minPercent": 30, "minSeconds": ENOUGH_SECONDS, "points": POINTS, "checkInsRequired": 1}
ATTENDED = """
SELECT round(extract(epoch FROM sum(upper(part) - lower(part))))::int AS seconds FROM (SELECT unnest(
    (SELECT range_agg(tstzrange(from_at, until_at)) FROM (
        SELECT run_from AS from_at, seen_at AS until_at FROM live_tickets WHERE lesson_id = $1 AND member_id = $2
        UNION ALL SELECT r.from_at, r.until_at FROM live_runs r JOIN live_tickets t ON t.id = r.ticket_id
        WHERE t.lesson_id = $1 AND t.member_id = $2) runs)
    * (SELECT range_agg(tstzrange(from_at, until_at)) FROM live_airings WHERE lesson_id = $1)) AS part) parts
"""
"""The seconds a member attended, worked out a second time, by PostgreSQL's ranges."""
AIRED = "SELECT sum(extract(epoch FROM until_at - from_at))::float AS seconds FROM live_airings WHERE lesson_id = $1"


@dataclass
class Evening:
    """An academy of one shop that is being served, and the phones of those who are signed in there."""

    served: Serving
    host_id: str
    admin: Phone
    host: Phone
    comes: Phone
    stays_away: Phone
    gives_up: Phone

    @classmethod
    @asynccontextmanager
    async def at(cls, settings: Settings, data: Path) -> AsyncIterator["Evening"]:
        async with build_ports(settings, clock=SystemClock()) as ports, AsyncExitStack() as stack:
            world = World(ports)
            shop = await world.outlet("好又来")
            admin, host = await world.staff(Role.ADMIN), await world.staff(Role.LECTURER, name="王老师")
            learners = [
                await world.learner(name, outlet=shop, role=PostRole.CLERK) for name in ("小陈", "阿May", "老李")
            ]
            variables = {
                "ACADEMY_DATABASE_URL": settings.database_url or "",
                "ACADEMY_REDIS_URL": settings.redis_url or "",
                "ACADEMY_DEMO": "true",  # for its code alone: where there is a region, nothing is made up
            }
            served = await asyncio.to_thread(Serving(data, variables=variables).start)
            stack.callback(served.stop)

            async def signed_in(member: Member) -> Phone:
                assert member.phone_cipher is not None
                phone = await stack.enter_async_context(Phone.at(served.address))
                await phone.sign_in(ports.phones.open(member.phone_cipher))
                return phone

            phones = [await signed_in(each) for each in (admin, host, *learners)]
            yield cls(served, to_global("Member", host.id), *phones)


@dataclass
class Room:
    """All that a learner has heard of a room, over as many connections as it took."""

    address: str
    phone: Phone
    lesson: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seqs(self) -> list[int]:
        return [each["seq"] for each in self.heard]

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[ClientConnection]:
        """A connection that goes on where the one before ended."""
        async with line(self.address, self.phone.token) as socket:
            await begin(socket, "LiveRoom", liveLessonId=self.lesson, after=self.seqs[-1] if self.heard else 0)
            yield socket

    async def hear(self, socket: ClientConnection, kind: str, **fields: object) -> dict[str, Any]:
        """The first event like this, which may have been heard already."""

        def like_this() -> Iterator[dict[str, Any]]:
            events = (each["event"] for each in self.heard)
            return (each for each in events if {"__typename": kind, **fields}.items() <= each.items())

        while (found := next(like_this(), None)) is None:
            self.heard.append((await next_event(socket))["liveRoom"])
        return found


@dataclass
class Player:
    """A phone that plays HLS: the playlist again and again, and each segment once."""

    phone: Phone
    place: Path
    files: dict[str, Path] = field(default_factory=dict)

    async def play(self, url: str, segments: int) -> None:
        """Until this many segments have come."""

        async def came() -> bool:
            playlist = await self.phone.http.get(url)
            names = [each for each in playlist.text.splitlines() if each and not each.startswith("#")]
            for name in names if playlist.is_success else ():
                if name not in self.files:
                    part = await self.phone.http.get(urljoin(url, name))
                    assert part.status_code == 200
                    self.files[name] = self.place / f"{len(self.files)}.ts"
                    self.files[name].write_bytes(part.content)
            return len(self.files) >= segments

        await eventually(came)

    async def pictures(self) -> list[int]:
        """How many pictures of each segment can be decoded."""
        return [await frames_in("-i", str(each)) for each in self.files.values()]


@pytest.fixture
async def evening(settings: Settings, database: None, redis: object, tmp_path: Path) -> AsyncIterator[Evening]:
    async with Evening.at(settings, tmp_path / "data") as opened:
        yield opened


async def do(phone: Phone, operation: str, **fields: object) -> dict[str, Any]:
    """The payload of a mutation without any userError."""
    [payload] = (await phone.send(operation, input=fields)).values()
    assert payload["userErrors"] == [], payload
    return dict(payload)


async def say(phone: Phone, lesson: str, text: str) -> None:
    await do(phone, "PostLiveMessage", liveLessonId=lesson, kind="CHAT", text=text, clientId=str(uuid4()))


async def detail(phone: Phone, lesson: str) -> dict[str, Any]:
    return dict((await phone.send("LiveLessonDetail", id=lesson))["liveLesson"])


async def weekly_lesson(evening: Evening) -> str:
    """The first lesson of a weekly series with two seats; it starts in five minutes, so its doors are open."""
    starts_at = SystemClock().now().replace(microsecond=0) + timedelta(minutes=5)
    made = await do(
        evening.admin, "ScheduleLiveLesson", title="周三晚课", hostId=evening.host_id, capacity=2, creditRule=RULE,
        startsAt=starts_at.isoformat(), endsAt=(starts_at + timedelta(hours=1)).isoformat(), recurrence="FREQ=WEEKLY",
    )  # fmt: skip
    assert made["occurrences"] == 13
    assert made["liveLesson"]["series"]["recurrence"] == "FREQ=WEEKLY"
    return str(made["liveLesson"]["id"])


async def fill_seats(evening: Evening, lesson: str) -> None:
    """Two reserve, a third waits; one of the two gives up, and the third moves up."""
    first, second, third = [
        (await do(each, "ReserveLiveSeat", liveLessonId=lesson))["reservation"]
        for each in (evening.stays_away, evening.gives_up, evening.comes)
    ]
    assert [each["state"] for each in (first, second, third)] == ["SEATED", "SEATED", "WAITLISTED"]
    assert third["waitlistPosition"] == 1
    await do(evening.gives_up, "CancelLiveSeat", liveLessonId=lesson)
    seats = [(await detail(each, lesson))["viewerHasSeat"] for each in (evening.stays_away, evening.comes)]
    assert seats == [True, True]


async def test_an_evening_goes_from_the_calendar_to_points_and_replay(evening: Evening, tmp_path: Path) -> None:
    lesson = await weekly_lesson(evening)
    await fill_seats(evening, lesson)
    host, learner = evening.host, evening.comes
    room, player = Room(evening.served.address, learner, lesson), Player(learner, tmp_path)
    ingest = (await do(host, "IssueStreamKey", liveLessonId=lesson))["ingest"]

    async def join() -> dict[str, Any]:
        return dict((await do(learner, "JoinLiveLesson", liveLessonId=lesson, deviceId="一号手机"))["ticket"])

    async def beat() -> dict[str, Any]:
        return await do(learner, "BeatLiveLesson", ticketId=ticket["id"])

    async def rehearses() -> bool:
        return (await detail(host, lesson))["status"] == "REHEARSAL"

    async def long_enough() -> bool:
        return int((await beat())["attendedSeconds"]) >= ENOUGH_SECONDS

    async with filming(f"{ingest['url']}/{ingest['key']}", seconds=STREAM_SECONDS) as camera:
        await eventually(rehearses, pause_seconds=PHONE_PAUSE_SECONDS)
        ticket = await join()
        assert ticket["playback"] is None
        async with room.followed() as socket:
            began = SystemClock().now()
            await do(host, "StartLiveLesson", liveLessonId=lesson)
            await room.hear(socket, "LiveStatusChanged", status="LIVE")
            on_air = await join()
            await player.play(on_air["playback"]["url"], segments=3)
            await say(learner, lesson, "老师好")
            await room.hear(socket, "LiveMessagePosted", text="老师好")
            await do(
                host, "OpenLivePoll", liveLessonId=lesson, question="先摆哪一层？", options=["上", "下"], seconds=5
            )
            poll = (await room.hear(socket, "LivePollOpened"))["poll"]
            voted = await do(learner, "VoteInLivePoll", pollId=poll["id"], optionIds=[poll["options"][1]["id"]])
            assert voted["poll"]["viewerVote"] == [poll["options"][1]["id"]]
            assert (await beat())["status"] == "LIVE"

        await say(host, lesson, "刚才掉线的同学，看这里")
        await do(host, "AskLiveCheckIn", liveLessonId=lesson, seconds=60)

        again = await join()
        async with room.followed() as socket:
            check_in = await room.hear(socket, "LiveCheckInAsked")
            assert (await do(learner, "AnswerLiveCheckIn", checkInId=check_in["id"]))["accepted"] is True
            closed = (await room.hear(socket, "LivePollClosed"))["poll"]
            assert [option["votes"] for option in closed["options"]] == [0, 1]
            await player.play(again["playback"]["url"], segments=6)
            await eventually(long_enough, pause_seconds=PHONE_PAUSE_SECONDS)
            last_beat = SystemClock().now()
            assert await camera.ended() == 0
            await do(host, "EndLiveLesson", liveLessonId=lesson)
            await room.hear(socket, "LiveStatusChanged", status="ENDED")

    assert ticket["id"] == on_air["id"] == again["id"]
    assert await player.pictures() == [SEGMENT_SECONDS * PICTURES_A_SECOND] * len(player.files)
    assert room.seqs == list(range(1, len(room.seqs) + 1))
    assert said(room) == ["老师好", "刚才掉线的同学，看这里"]
    await settled(evening, lesson)
    seconds = await attendance_is_exact(evening, lesson)
    assert ENOUGH_SECONDS <= seconds <= ceil((last_beat - began).total_seconds())
    await points_and_boards_are_exact(evening)
    await replay_is_whole(evening, lesson, tmp_path)


def said(room: Room) -> list[str]:
    return [each["event"]["text"] for each in room.heard if each["event"]["__typename"] == "LiveMessagePosted"]


async def settled(evening: Evening, lesson: str) -> None:
    """Attendance is settled a minute and a half after the end, by a tick of the server. The end is moved back as far,
    so that nobody sits it out here; what was on air and who was there stays as it was."""
    earlier = "UPDATE live_lessons SET ended_at = ended_at - $2::interval WHERE id = $1"
    await execute(earlier, row_id(lesson), SETTLED_AFTER)

    async def rewarded() -> bool:
        return (await learnt(evening.comes))["points"]["lifetime"] > 0

    await eventually(rewarded, pause_seconds=PHONE_PAUSE_SECONDS)


async def attendance_is_exact(evening: Evening, lesson: str) -> int:
    """The seconds of who came: as they were shown them, as the host reads them, and as they are worked out anew."""
    told = (await evening.host.send("LiveAttendance", id=lesson))["liveLesson"]
    seen = (await detail(evening.comes, lesson))["viewerAttendance"]
    [found] = await rows(ATTENDED, row_id(lesson), row_id(evening.comes.viewer["id"]))
    [aired] = await rows(AIRED, row_id(lesson))
    seconds, whole = found["seconds"], int(aired["seconds"] + 0.5)

    assert seen == {
        "outcome": "PRESENT", "attendedSeconds": seconds, "airedSeconds": whole, "percent": seconds * 100 // whole,
    }  # fmt: skip
    assert told["attendanceSummary"] == {
        "reserved": 2, "joined": 1, "present": 1, "late": 0, "partial": 0, "absent": 1, "peakWatching": 1,
        "averagePercent": seen["percent"],
    }  # fmt: skip
    assert [
        (each["member"]["displayName"], each["outcome"], each["attendedSeconds"], each["checkInsAnswered"])
        for each in told["attendance"]["nodes"]
    ] == [("小陈", "PRESENT", seconds, 1), ("阿May", "ABSENT", 0, 0)]
    return int(seconds)


async def points_and_boards_are_exact(evening: Evening) -> None:
    learner = await learnt(evening.comes)
    [entry] = learner["pointEntries"]["nodes"]
    assert (entry["rule"], entry["amount"], learner["points"]["lifetime"]) == ("live.attended", POINTS, POINTS)
    for metric, score in (("LIVE_ATTENDANCES", 1), ("POINTS", POINTS)):
        await eventually(
            lambda metric=metric, score=score: board_shows(evening, metric, score), metric, PHONE_PAUSE_SECONDS
        )
    assert [(await learnt(each))["points"]["lifetime"] for each in (evening.stays_away, evening.gives_up)] == [0, 0]


async def board_shows(evening: Evening, metric: str, score: int) -> bool:
    """Whether the board has who came with this score, and nobody else."""
    board = (await evening.comes.send("HonourBoard", metric=metric, period="ALL_TIME"))["honourBoard"]
    found = [(each["subject"]["displayName"], each["score"]) for each in board["standings"]["nodes"]]
    return not board["stale"] and found == [("小陈", score)]


async def replay_is_whole(evening: Evening, lesson: str, place: Path) -> None:
    """About as long as the lesson was on air, to the last picture; and the chat comes with it."""

    async def is_made() -> bool:
        return (await detail(evening.comes, lesson))["replay"] is not None

    await eventually(is_made, pause_seconds=PHONE_PAUSE_SECONDS)
    replay = (await detail(evening.comes, lesson))["replay"]
    film = place / "replay.mp4"
    film.write_bytes((await evening.comes.http.get(replay["playbackUrl"])).content)
    [aired] = await rows(AIRED, row_id(lesson))
    assert abs(await frames_in("-i", str(film)) / PICTURES_A_SECOND - aired["seconds"]) <= 3
    assert abs(replay["durationSeconds"] - aired["seconds"]) <= 3
    assert STREAM_SECONDS / 2 < aired["seconds"] < STREAM_SECONDS + 5
    chat = (await evening.comes.send("LiveChat", id=lesson))["liveLesson"]["messages"]["nodes"]
    assert [each["text"] for each in chat] == ["老师好", "刚才掉线的同学，看这里"]
    assert all(0 <= each["offsetSeconds"] <= replay["durationSeconds"] for each in chat)


async def learnt(phone: Phone) -> dict[str, Any]:
    return dict((await phone.send("PointsHistory"))["viewer"])


def row_id(gid: str) -> UUID:
    return UUID(from_global(gid)[1])
