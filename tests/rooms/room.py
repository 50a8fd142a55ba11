"""A live lesson and who is in its room, as these tests speak of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from auth.actor import Actor
from kit.db import rows, transaction
from kit.ids import new_id, to_global
from kit.words import LiveMessageKind, LiveStatus, Role, SeatState
from models.accounts import Member
from models.live import LiveAiring, LiveSeat, LiveStep, locked_lesson
from models.live_messages import MessageRow
from models.outlets import Region
from services.live import move_live_lesson
from services.live_chat import Post, post_live_message
from services.ports import Ports
from tests.world import World

ROOM = """
subscription Room($id: ID!, $after: Int) {
  liveRoom(liveLessonId: $id, after: $after) { seq at offsetSeconds event { __typename
    ... on LiveStatusChanged { status } ... on LiveMessagePosted { id kind text author { id displayName } }
    ... on LiveMessageRemoved { id } ... on LivePollOpened { poll { id question options { id text } closesAt } }
    ... on LivePollClosed { poll { id options { id text votes } } } ... on LiveCheckInAsked { id answerBy }
    ... on LiveAudienceChanged { watching } ... on LiveProductPinned { product { id title } } } }
}
"""


@dataclass
class Room:
    """A lesson on air since a minute ago, its host, and members who have a seat."""

    world: World
    lesson_id: UUID
    host: Member
    region: Region
    seated: list[Member] = field(default_factory=list)

    @classmethod
    async def opened(
        cls, world: World, *, seated: int = 1, status: LiveStatus = LiveStatus.LIVE, region: Region | None = None
    ) -> "Room":
        now = world.ports.clock.now()
        region = region or await world.region()
        host = await world.staff(Role.LECTURER, name="主播")
        lesson = await world.live_lesson(
            "荔枝怎么卖", host=host, region=region, status=status, starts_at=now - timedelta(minutes=1)
        )
        await LiveStep.create(lesson_id=lesson.id, status=status, at=now, cause="test")
        if status is LiveStatus.LIVE:
            await LiveAiring.create(id=new_id(), lesson_id=lesson.id, from_at=now - timedelta(minutes=1))
        room = cls(world, lesson.id, host, region)
        for number in range(seated):
            await room.seat(f"学员{number + 1}")
        return room

    @property
    def gid(self) -> str:
        return to_global("LiveLesson", self.lesson_id)

    @property
    def ports(self) -> Ports:
        return self.world.ports

    async def seat(self, name: str = "学员") -> Member:
        member, now = await self.world.member(name), self.ports.clock.now()
        await LiveSeat.create(
            id=new_id(), lesson_id=self.lesson_id, member_id=member.id, state=SeatState.SEATED,
            arrival=len(self.seated) + 1, reserved_at=now, seated_at=now,
        )  # fmt: skip
        self.seated.append(member)
        return member

    async def actor(self, member: Member) -> Actor:
        return await self.world.actor(member)

    async def says(
        self, member: Member, text: str = "你好", *, question: bool = False, client_id: UUID | None = None
    ) -> MessageRow:
        kind = LiveMessageKind.QUESTION if question else LiveMessageKind.CHAT
        post = Post(self.lesson_id, kind, text, client_id or uuid4())
        return await post_live_message(self.ports, await self.actor(member), post)

    async def chatter(self, count: int) -> list[MessageRow]:
        """The host says something `count` times."""
        host = await self.actor(self.host)
        return [
            await post_live_message(
                self.ports, host, Post(self.lesson_id, LiveMessageKind.CHAT, f"第{number}句", uuid4())
            )
            for number in range(1, count + 1)
        ]

    async def moves(self, to: LiveStatus) -> None:
        async def work() -> None:
            lesson = await locked_lesson(self.lesson_id)
            assert lesson is not None
            await move_live_lesson(self.ports, lesson, to, cause="test")

        await transaction(work)

    async def seqs(self) -> list[int]:
        """The numbers of all that happened, in order."""
        found = await rows("SELECT seq FROM live_room_events WHERE lesson_id = $1 ORDER BY seq", self.lesson_id)
        return [row["seq"] for row in found]


async def events(socket: Any, count: int, operation_id: str = "1") -> list[dict[str, Any]]:
    """The next events of a room."""
    found = []
    for _ in range(count):
        answer = await socket.next(operation_id)
        assert "errors" not in answer, answer
        found.append(answer["data"]["liveRoom"])
    return found


def texts(found: Sequence[dict[str, Any]]) -> list[str]:
    return [each["event"]["text"] for each in found if each["event"]["__typename"] == "LiveMessagePosted"]
