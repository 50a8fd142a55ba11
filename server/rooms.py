"""Rooms of live lessons, for thousands of followers in one process.

What a room tells is the same for everybody (`schema/live_room.py`), so it is read once for the process, and executed
and encoded once for all who asked for the same of it: the same document, operation, language, and values of the
variables that the answer depends on. Each of them is sent those very bytes; only the id of their own operation is put
in front. Whoever lags too far behind is cut off.

The plain way, an execution for each follower (`services/live_room.room_feed`), stays for what cannot be shared, and as
what this one is held against.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import structlog
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import get_argument_values, get_variable_values

from auth.actor import Actor
from kit.buckets import Bucket
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.tasks import end
from kit.words import Language
from models.live_room import RoomEvent, events_between, last_seq
from resolvers.node import find
from schema.context import Context
from schema.ids import decode
from schema.live_room import LiveRoomUpdate
from server.admission import Admitted
from server.answers import Caller, answer
from server.api import FreshPerEvent, schema
from server.documents import REMEMBERED, Document, Operation
from server.request import GraphQLRequest
from services.live_room import EVENTS_AT_ONCE, LOOK_SECONDS, enter_room, entry, follow_news, is_last, is_over
from services.ports import Ports

MOST_WAITING = 256
"""Events on their way to one follower. A busy room has two a second: this is a minute or two of reading nothing."""
FRAMES_KEPT = 256
"""Encoded events that a group keeps for those who come in: what they are told first, and a short absence."""
GROUPS_KEPT = 64
"""Groups of a room that nobody is in any more; who comes back finds their frames."""
WOKEN_AT_ONCE = 200
"""Followers that are woken before the process looks at its other sockets."""

ROOM = "liveRoom"

log = structlog.get_logger("rooms")


class TooSlow(Exception):
    """A follower has not taken what was on its way to them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Equal for all who are sent the same bytes. `values`: of the variables that the answer depends on."""

    source: str
    operation_name: str | None
    language: Language
    values: str


@dataclass(frozen=True, slots=True)
class RoomAsk:
    """A subscription to a room that can share. `after`: the last number that was received before."""

    lesson_gid: str
    after: int | None
    selection: Selection
    asked: GraphQLRequest
    document: Document


def room_ask(asked: GraphQLRequest, admitted: Admitted, language: Language) -> RoomAsk | None:
    """The subscription to a room in an admitted request; None for everything else, and for what is not spelled plainly
    or has values that the execution will refuse."""
    operation = admitted.operation
    if operation.kind != "subscription" or operation.root_fields != {ROOM}:
        return None
    field, definition, used = _parts(admitted.document, operation)
    if field is None or definition is None:
        return None
    values = get_variable_values(
        schema.graphql_schema, definition.variable_definitions or (), asked.variables or {}, hide_suggestions=True
    )
    if isinstance(values, list):
        return None
    root = schema.graphql_schema.subscription_type
    assert root is not None
    given = get_argument_values(root.fields[ROOM], field, values)
    shown = repr([(name, values.coerced.get(name)) for name in sorted(used)])
    selection = Selection(asked.source, asked.operation_name, language, shown)
    return RoomAsk(given["liveLessonId"], given.get("after"), selection, asked, admitted.document)


@lru_cache(maxsize=REMEMBERED)
def _parts(
    document: Document, operation: Operation
) -> tuple[FieldNode | None, OperationDefinitionNode | None, frozenset[str]]:
    """The field of the room, if it stands alone and unconditionally in the operation, and the variables below it."""
    parts = document.node.definitions
    fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
    [definition] = (
        part
        for part in parts
        if isinstance(part, OperationDefinitionNode) and (part.name.value if part.name else None) == operation.name
    )
    [first, *more] = definition.selection_set.selections
    if more or not isinstance(first, FieldNode) or first.directives or first.selection_set is None:
        return None, None, frozenset()
    return first, definition, _variables_below(first.selection_set, fragments)


def _variables_below(top: Node, fragments: dict[str, FragmentDefinitionNode]) -> frozenset[str]:
    found: set[str] = set()
    waiting, spread = [top], set[str]()

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            found.add(node.name.value)

        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
            if node.name.value not in spread:
                spread.add(node.name.value)
                waiting.append(fragments[node.name.value])

    while waiting:
        visit(waiting.pop(), Uses())
    return frozenset(found)


class Seat:
    """A follower's place in a group: what is on its way to them, in order and bounded."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        """Events after this number are put here."""
        self._waiting: deque[tuple[RoomEvent, str]] = deque()
        self._ready = asyncio.Event()
        self._overrun = False

    def put(self, event: RoomEvent, frame: str) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.cut()
        else:
            self._waiting.append((event, frame))
            self._ready.set()

    def cut(self) -> None:
        self._overrun = True
        self._ready.set()

    async def take(self) -> tuple[RoomEvent, str]:
        while not self._waiting and not self._overrun:
            self._ready.clear()
            await self._ready.wait()
        if self._overrun:
            raise TooSlow
        return self._waiting.popleft()


class Group:
    """All in a room who are sent the same bytes."""

    def __init__(self, ports: Ports, ask: RoomAsk, seq: int) -> None:
        self.seq = seq
        """Everything up to this number was handed out."""
        self.seats: set[Seat] = set()
        self.executions = 0
        self._language = ask.selection.language
        context = Context(ports, None, self._language, "", "", find=find)
        built = FreshPerEvent.build(
            schema.graphql_schema,
            ask.document.node,
            context_value=context,
            raw_variable_values=ask.asked.variables,
            operation_name=ask.asked.operation_name,
        )
        assert not isinstance(built, list), "its variables were coerced before"
        self._executor = built
        self._frames: OrderedDict[object, asyncio.Future[str]] = OrderedDict()

    async def frame(self, event: RoomEvent) -> str:
        """The answer for an event as JSON; executed once, however many ask. A removed message is another one."""
        key = (event.seq, event.at, event.removed)
        found = self._frames.get(key)
        if found is None:
            found = self._frames[key] = asyncio.ensure_future(self._execute(event))
            while len(self._frames) > FRAMES_KEPT:
                self._frames.popitem(last=False)
        return found.result() if found.done() else await asyncio.shield(found)

    async def hand_out(self, event: RoomEvent) -> None:
        if event.seq <= self.seq:
            return
        frame = await self.frame(event)
        self.seq = event.seq
        seats = tuple(self.seats)  # who comes in from here on reads this event by themselves
        for number, seat in enumerate(seats, start=1):
            seat.put(event, frame)
            if number % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    def cut(self) -> None:
        """Cut everybody off; they come back with the number that they have."""
        for seat in self.seats:
            seat.cut()

    async def _execute(self, event: RoomEvent) -> str:
        self.executions += 1
        caller = Caller(self._language, new_id().hex, "")
        result: Any = self._executor.build_per_event_executor(LiveRoomUpdate.of(event)).execute_operation(False)
        if self._executor.is_awaitable(result):
            result = await result
        return orjson.dumps(answer(result.data, result.errors, caller)).decode()


class Room:
    """One room as this process follows it: a single reader, and the groups it hands out to."""

    def __init__(self, ports: Ports, lesson_id: UUID) -> None:
        self._ports = ports
        self._lesson_id = lesson_id
        self.seq = 0
        """What was read last."""
        self.groups: dict[Selection, Group] = {}
        self.guests = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reading = asyncio.create_task(self._read())

    def group(self, ask: RoomAsk) -> Group:
        if ask.selection not in self.groups:
            if len(self.groups) >= GROUPS_KEPT:
                self.groups = {name: group for name, group in self.groups.items() if group.seats}
            self.groups[ask.selection] = Group(self._ports, ask, self.seq)
        return self.groups[ask.selection]

    @contextlib.contextmanager
    def seat(self, ask: RoomAsk) -> Any:
        """A seat in the group of those who ask the same; what comes after its number is put there from now on."""
        group = self.group(ask)
        if not group.seats:
            group.seq = self.seq  # nobody was there to be handed anything
        seat = Seat(group.seq)
        group.seats.add(seat)
        try:
            yield group, seat
        finally:
            group.seats.discard(seat)

    async def _read(self) -> None:
        """Read what is new, for ever, and hand it out. The database may be away for a while."""
        async with follow_news(self._ports, self._lesson_id, lambda: self.seq) as moved:
            while True:
                try:
                    if not self.ready.done():
                        self.seq = await last_seq(self._lesson_id)
                        self.ready.set_result(None)
                    moved.clear()
                    while events := await self._new_events():
                        await self._hand_out(events)
                except DomainError as error:
                    if not self.ready.done():
                        self.ready.set_exception(error)
                        return
                    log.warning("room out of reach", code=error.code.value)
                except Exception as error:
                    log.exception("room not read", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(moved.wait(), LOOK_SECONDS)

    async def _new_events(self) -> list[RoomEvent]:
        return await events_between(self._lesson_id, self.seq, self.seq + EVENTS_AT_ONCE, EVENTS_AT_ONCE)

    async def _hand_out(self, events: list[RoomEvent]) -> None:
        groups = [group for group in self.groups.values() if group.seats]
        self.seq = events[-1].seq  # a group that is made from here on begins after these
        for event in events:
            for group in groups:
                try:
                    await group.hand_out(event)
                except Exception:
                    log.exception("event not handed out", kind=event.kind.value)
                    group.cut()  # rather than leave a gap


class Rooms:
    """The rooms that somebody follows in this process."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.rooms: dict[UUID, Room] = {}

    async def frames(self, actor: Actor, ask: RoomAsk) -> AsyncGenerator[str, None]:
        """The answers for one follower as JSON, in order, each number once: what somebody is told who comes in, or all
        after `ask.after`; then what follows. Refuses as the resolver does; `TooSlow` for who lags too far behind."""
        lesson_id = decode(ask.lesson_gid, "LiveLesson", "liveLessonId")
        await enter_room(self._ports, actor, lesson_id, ask.after)
        async with self._room(lesson_id) as room:
            after = ask.after
            while after is not None and room.seq - after > EVENTS_AT_ONCE:  # a long way back, before taking a seat
                events = await events_between(lesson_id, after, after + EVENTS_AT_ONCE, EVENTS_AT_ONCE)
                await self._charge(actor)
                for event in events:
                    yield await room.group(ask).frame(event)
                after = events[-1].seq
            with room.seat(ask) as (group, seat):
                if after is None:
                    events = (await entry(self._ports, lesson_id, seat.seq)).events
                else:
                    events = await events_between(lesson_id, after, seat.seq, EVENTS_AT_ONCE)
                    if not events and await is_over(lesson_id, after):
                        return
                for event in events:
                    yield await group.frame(event)
                    if is_last(event):
                        return
                seen = max(seat.seq, after or 0)  # another process may have been ahead of this one
                while True:
                    event, frame = await seat.take()
                    if event.seq > seen:
                        yield frame
                        if is_last(event):
                            return

    async def _charge(self, actor: Actor) -> None:
        """A long way back is paid page by page; THROTTLED for who cannot."""
        settings, ports = self._ports.settings, self._ports
        bucket = Bucket(f"member:{actor.member_id}", settings.member_budget, settings.member_budget_per_second)
        taken = await ports.buckets.take([bucket], EVENTS_AT_ONCE, ports.clock.now())
        if taken.wait_seconds is not None:
            raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=taken.wait_seconds)

    @asynccontextmanager
    async def _room(self, lesson_id: UUID) -> AsyncIterator[Room]:
        """The room, followed as long as somebody is in it."""
        room = self.rooms.get(lesson_id)
        if room is None:
            room = self.rooms[lesson_id] = Room(self._ports, lesson_id)
        room.guests += 1
        try:
            await asyncio.shield(room.ready)
            yield room
        finally:
            room.guests -= 1
            if not room.guests or room.reading.done():
                if self.rooms.get(lesson_id) is room:
                    del self.rooms[lesson_id]
                if not room.guests:
                    await end(room.reading)
