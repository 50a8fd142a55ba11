"""An evening: a lesson of 100 seconds whose doors are open, and everybody's way into it and out of it."""

from datetime import timedelta
from typing import Any

from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import LiveStatus
from models.accounts import Member
from models.live import LiveAiring, LiveLesson
from services.live_attendance import settle_live_lessons
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

JOIN = (
    "mutation ($input: JoinLiveLessonInput!) { joinLiveLesson(input: $input) {"
    " ticket { id heartbeatSeconds playback { url } } userErrors { code field } } }"
)
BEAT = (
    "mutation ($input: BeatLiveLessonInput!) { beatLiveLesson(input: $input) {"
    " attendedSeconds credited status userErrors { code field } } }"
)
EXCUSE = (
    "mutation ($input: ExcuseFromLiveLessonInput!) { excuseFromLiveLesson(input: $input) {"
    " excused userErrors { code field } } }"
)
ASK_CHECK_IN = (
    "mutation ($input: AskLiveCheckInInput!) { askLiveCheckIn(input: $input) {"
    " checkIn { id } userErrors { code field } } }"
)
ANSWER_CHECK_IN = (
    "mutation ($input: AnswerLiveCheckInInput!) { answerLiveCheckIn(input: $input) {"
    " accepted userErrors { code field } } }"
)
LIST = (
    "query ($id: ID!) { liveLesson(id: $id) { attendanceSummary { reserved joined present late partial absent replay"
    " peakWatching averagePercent } attendance { totalCount nodes { member { displayName } outcome attendedSeconds"
    " percent } } } }"
)
MINE = "query ($id: ID!) { liveLesson(id: $id) { viewerAttendance { outcome attendedSeconds percent credited } } }"


class Evening:
    """A lesson of 100 seconds for everybody, its doors open."""

    def __init__(self, ports: Ports, gql: Gql, world: World, clock: FrozenClock, lesson: LiveLesson) -> None:
        self.ports, self.gql, self.world, self.clock, self.lesson = ports, gql, world, clock, lesson
        self.gid = to_global("LiveLesson", lesson.id)

    async def ask(self, source: str, by: Member, **fields: object) -> Any:
        answer = await self.gql.ask(source, {"input": fields}, by=by)
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))

    async def join(self, by: Member, device: str = "device-1") -> str:
        payload = await self.ask(JOIN, by, liveLessonId=self.gid, deviceId=device)
        assert payload["userErrors"] == [], payload
        ticket: str = payload["ticket"]["id"]
        return ticket

    async def beat(self, by: Member, ticket: str) -> Any:
        return await self.ask(BEAT, by, ticketId=ticket)

    async def stays(self, by: Member, ticket: str, seconds: int, every: int = 25) -> Any:
        """The member beats for so long; what the last beat said."""
        said = None
        while seconds > 0:
            self.clock.advance(timedelta(seconds=min(every, seconds)))
            seconds -= every
            said = await self.beat(by, ticket)
        return said

    async def goes_on_air(self) -> None:
        now = self.clock.now()
        await LiveLesson.filter(id=self.lesson.id).update(status=LiveStatus.LIVE, started_at=now)
        await LiveAiring.create(id=new_id(), lesson_id=self.lesson.id, from_at=now)

    async def drops(self, to: LiveStatus = LiveStatus.INTERRUPTED) -> None:
        now = self.clock.now()
        await LiveAiring.filter(lesson_id=self.lesson.id, until_at=None).update(until_at=now)
        over = {"ended_at": now} if to is LiveStatus.ENDED else {}
        await LiveLesson.filter(id=self.lesson.id).update(status=to, **over)

    async def ends(self) -> None:
        await self.drops(LiveStatus.ENDED)

    async def settles(self) -> None:
        self.clock.advance(timedelta(seconds=90))
        await settle_live_lessons(self.ports)

    async def listed(self, by: Member) -> Any:
        return (await self.gql.ask(LIST, {"id": self.gid}, by=by))["data"]["liveLesson"]

    async def mine(self, by: Member) -> Any:
        return (await self.gql.ask(MINE, {"id": self.gid}, by=by))["data"]["liveLesson"]["viewerAttendance"]
