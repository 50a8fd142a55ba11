"""An academy for the machine to play with: what is done to the server, each time beside what the model makes of it.

The services are the real ones on a real PostgreSQL and a real Valkey. Two servers play: they share the databases and
nothing else. What must hold afterwards is in `checks.py`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from auth.actor import Actor, Grant
from gamification import facts
from gamification.prize_lines import PrizeList
from gamification.reports import ReportedEvent
from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.errors import DomainError
from kit.words import (
    CourseKind,
    EventStatus,
    OutletTier,
    PostRole,
    PrizeOrder,
    ProgressKind,
    RedemptionStatus,
    RegionKind,
    Role,
)
from models.outbox import claim
from services.board_building import check_boards
from services.board_closing import close_periods
from services.board_projection import project_marked_regions
from services.corrections import CorrectionPlan, correct_points
from services.draws import DrawPlan, PrizePlan, create_prize_draw, enter_prize_draw
from services.outlets import begin_post, set_current_outlet
from services.people import lift_suspension, suspend_member
from services.points import reward
from services.ports import Ports
from services.progress import Batch, report_progress
from services.rewards import RewardPlan, advance_redemption, create_reward, redeem_reward
from services.seasons import SeasonPlan, start_season
from services.tariff import RuleChange, update_point_rule
from tests.game.model import (
    PRICES,
    Catalogue,
    Deed,
    Deeds,
    Key,
    Land,
    Line,
    Period,
    Person,
    Place,
    Seasons,
    Tariff,
    day_of,
)
from tests.world import World
from workers.projectors import PROJECTORS
from workers.relay import drain, merged, relay_once

START = datetime(2025, 12, 27, 2, tzinfo=UTC)
"""A Saturday in the last week of a month, a quarter and a year: a few days later all of them end."""
NAMES = UUID(int=0x6A)
DAY = timedelta(days=1)
COURSES = ((1, False), (1, False), (1, True), (2, False), (1, False))
"""(lessons, is it required) of each course of the catalogue."""
SHOPS = ((0, OutletTier.NEW), (0, OutletTier.ORDINARY), (1, OutletTier.NEW), (2, OutletTier.NEW))
"""(station, tier)"""
AT_FIRST = (0, 1, 2, 0, 1, 3)
"""The shop in which each learner begins."""
SECONDS = 40
CUP, TICKET = 35, 10
"""What a reward and a ticket cost."""
STOCK, MOST_TICKETS = 5, 6

SERVER: ContextVar[Ports | None] = ContextVar("SERVER", default=None)
"""The server that a task runs on: what a process remembers, it remembers by this."""

T = TypeVar("T")


class Broken(AssertionError):
    """The server broke a promise; `what` says which."""

    def __init__(self, what: str, details: object) -> None:
        super().__init__(f"{what}: {details}")
        self.what = what


def hold(what: str, found: object, expected: object) -> None:
    """Broken unless the server says what the model says."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        differ = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
        found, expected = ({key: side.get(key) for key in differ} for side in (found, expected))
    raise Broken(what, f"the server says {found!r}, the model {expected!r}")


@dataclass
class Bought:
    person: Person
    redemption: UUID
    cancelled: bool = False


class Desk:
    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.servers = (ports, replace(ports))
        assert isinstance(ports.clock, FrozenClock)
        self.clock = ports.clock
        self.world = World(ports)
        self.people: list[Person] = []
        self.shops: list[Place] = []
        self.bought: list[Bought] = []
        self.tickets: Counter[UUID] = Counter()
        self.taken = 0
        self.tariff = Tariff()
        self.seasons: Seasons = []
        self.frozen: dict[Period, list[Line]] = {}

    async def open(self) -> None:
        """A city with two counties and three stations, four shops, six learners, a few courses, a reward, a draw."""
        world = self.world
        self.clock.at = START - 30 * DAY
        city = await world.region("市", kind=RegionKind.CITY)
        east, west = [await world.region(parent=city) for _ in range(2)]
        stations = [await world.region(parent=county) for county in (east, east, west)]
        self.land = Land(
            {city.id: None, east.id: city.id, west.id: city.id}
            | {station.id: county.id for station, county in zip(stations, (east, east, west), strict=True)},
            frozenset({east.id, west.id}),
        )
        self.stations = frozenset(station.id for station in stations)
        outlets = [await world.outlet(region=stations[at], tier=tier) for at, tier in SHOPS]
        self.shops = [Place(outlet.id, outlet.region_id, outlet.tier.value) for outlet in outlets]
        lessons: dict[UUID, tuple[UUID, int]] = {}
        required: set[UUID] = set()
        module = await world.module()
        for count, must in COURSES:
            kind = CourseKind.REQUIRED if must else CourseKind.ELECTIVE
            course = await world.course(lessons=count, seconds=SECONDS, kind=kind, module=module)
            lessons |= dict.fromkeys(course.lesson_ids, (course.id, SECONDS))
            required |= {course.id} if must else set()
        self.catalogue = Catalogue(lessons, frozenset(required))
        for at in AT_FIRST:
            member = await world.learner(outlet=outlets[at], role=PostRole.CLERK)
            self.people.append(
                Person(member.id, self.clock.now(), [(self.clock.now(), self.shops[at])], self.catalogue, self.tariff)
            )
        chief = await world.staff(Role.ADMIN)
        self.chief = Actor(chief.id, chief.id, (Grant(Role.ADMIN, None, ""),))
        self.cup = await create_reward(self.ports, self.chief, RewardPlan("保温杯", "", CUP, STOCK))
        sale = DrawPlan("抽奖", self.clock.now(), START + 60 * DAY, TICKET, MOST_TICKETS, (PrizePlan("奖", 1),))
        self.draw = await create_prize_draw(self.ports, self.chief, sale)
        self.clock.at = START
        for number in range(len(self.people)):  # something to spend from the start
            await self.tell(number, {("stage.passed", 0): (timedelta(hours=1), 60 + 10 * number)}, retried=False)
        await self.quiet()

    def actor(self, person: Person) -> Actor:
        return Actor(person.id, person.id, (Grant(Role.LEARNER, None, ""),))

    def ranked_lines(self) -> dict[UUID, list[Line]]:
        """What boards count of each member whom they rank."""
        return {person.id: list(person.lines()) for person in self.people if not person.suspended}

    # Learning

    async def watch(self, who: int, lessons: Sequence[tuple[int, timedelta]], *, twice: bool, split: bool) -> None:
        """A phone reports lessons as (which, how long ago), in any order; perhaps in two batches, perhaps once more."""
        person, now = self.people[who], self.clock.now()
        ids = list(self.catalogue.lessons)
        events = [(uuid4(), ids[which], now - ago) for which, ago in lessons]
        batches = [events[:1], events[1:]] if split and len(events) > 1 else [events]
        for batch in [*batches, *batches[:1]] if twice else batches:
            accepted = person.watch(batch, now)
            hold("answers", await self._report(self.ports, person, batch), set(accepted))

    async def everybody_watches(self, which: int, ago: timedelta) -> None:
        """All phones report at once, two of them to both servers."""
        now, sends = self.clock.now(), []
        for number, person in enumerate(self.people):
            event = (uuid4(), list(self.catalogue.lessons)[which], now - ago)
            servers = self.servers if number < 2 else self.servers[number % 2 :][:1]
            sends += [self._report(server, person, [event]) for server in servers]
            person.watch([event], now)
        await asyncio.gather(*sends)

    async def _report(self, server: Ports, person: Person, events: Sequence[tuple[UUID, UUID, datetime]]) -> set[UUID]:
        """The events that were accepted."""
        reported = tuple(
            ReportedEvent(event, lesson, ProgressKind.WATCHED, at, ((0, SECONDS),)) for event, lesson, at in events
        )
        with on(server):
            outcome = await report_progress(server, self.actor(person), Batch(self.clock.now(), reported))
        return {result.event_id for result in outcome.results if result.status is EventStatus.ACCEPTED}

    async def busy_day(self, who: int, ago: int, start: int, count: int, *, retried: bool) -> None:
        """Many lessons of one day are told of, half by one server and half by the other at once, some by both."""
        person, today = self.people[who], day_of(self.clock.now())
        ten = datetime(today.year, today.month, today.day, 2, tzinfo=UTC) - ago * DAY
        ten -= DAY if ten > self.clock.now() - timedelta(hours=1) else 0 * DAY
        told = {
            ("lesson.completed", uuid5(NAMES, f"{who} {number}")): Deed(ten + timedelta(minutes=number))
            for number in range(start, start + count)
        }
        early, late = dict(list(told.items())[: count // 2 + 2]), dict(list(told.items())[count // 2 :])
        first, second = self.servers
        await asyncio.gather(self._tell(first, person, early), self._tell(second, person, late))
        if retried:
            await self._tell(second, person, early)
        person.tell(told)

    async def tell(self, who: int, deeds: Mapping[tuple[str, int], tuple[timedelta, int]], *, retried: bool) -> None:
        """Others tell of deeds as (kind, which) -> (how long ago, extra)."""
        person, now = self.people[who], self.clock.now()
        told = {
            (kind, uuid5(NAMES, f"{who} {kind} {number}")): Deed(now - ago, *details(kind, extra, now - 2 * DAY))
            for (kind, number), (ago, extra) in deeds.items()
        }
        for server in self.servers if retried else self.servers[:1]:
            await self._tell(server, person, told)
        person.tell(told)

    async def move(self, who: int, which: int, ago: timedelta) -> None:
        """Something that was told of turns out to have happened at another moment."""
        person = self.people[who]
        if not person.told:
            return
        key, deed = list(person.told.items())[which % len(person.told)]
        moved = replace(deed, at=self.clock.now() - ago)
        await self._tell(self.ports, person, {}, [(fact(person.id, *key, deed), fact(person.id, *key, moved))])
        person.tell({key: moved}, moved=True)

    async def _tell(
        self, server: Ports, person: Person, deeds: Deeds, moved: Sequence[tuple[facts.Recorded, facts.Recorded]] = ()
    ) -> None:
        told = [fact(person.id, kind, what, deed) for (kind, what), deed in deeds.items()]
        with on(server):
            await transaction(lambda: reward(server, person.id, told, moved))

    # Corrections

    async def annul(self, who: int, which: int) -> None:
        """Two admins undo an award by hand, at once."""
        person = self.people[who]
        awards = person.awards()
        if not awards:
            return
        key = awards[which % len(awards)].key
        answers = await asyncio.gather(*(self.annul_award(server, person.id, key) for server in self.servers))
        hold("answers", sorted(answers), ["ALREADY_DONE", "done"])
        person.annul(key)

    async def annul_award(self, server: Ports, member_id: UUID, key: Key) -> str:
        rule, what, time = key
        [entry] = await rows(
            "SELECT id FROM ledger_entries e WHERE member_id = $1 AND account = 'LIFETIME' AND rule = $2"
            " AND object_id = $3 AND period_key = $4 AND reverses_id IS NULL"
            " AND NOT EXISTS (SELECT FROM ledger_entries undo WHERE undo.reverses_id = e.id)",
            member_id, rule, what, time,
        )  # fmt: skip
        plan = CorrectionPlan(member_id, None, "查实后更正", entry["id"], uuid4())
        told = await _answer(correct_points(server, self.chief, plan))
        return told if isinstance(told, str) else "done"

    async def correct(self, who: int, amount: int, *, retried: bool) -> None:
        """An admin gives or takes points; perhaps the request is sent twice."""
        person = self.people[who]
        plan = CorrectionPlan(person.id, amount, "线下活动补记", None, uuid4())
        servers = self.servers if retried else self.servers[:1]
        answers = await asyncio.gather(*(_answer(correct_points(server, self.chief, plan)) for server in servers))
        done = person.correct(amount, self.clock.now())
        said = {answer if isinstance(answer, str) else "done" for answer in answers}
        hold("answers", said, {"done" if done else "BALANCE_TOO_LOW"})

    # Places and people

    async def change_shop(self, who: int, shop: int) -> None:
        """A learner learns for another shop from now on, and may return later."""
        person, place = self.people[who], self.shops[shop]
        if place not in [held for _, held in person.places]:
            await transaction(lambda: begin_post(self.ports, person.id, place.outlet, PostRole.CLERK))
        await set_current_outlet(self.ports, self.actor(person), place.outlet)
        person.places.append((self.clock.now(), place))

    async def suspend_or_lift(self, who: int) -> None:
        person = self.people[who]
        if person.suspended:
            await lift_suspension(self.ports, self.chief, person.id)
        else:
            await suspend_member(self.ports, self.chief, person.id, "看看情况")
        person.suspended = not person.suspended

    # Spending

    async def spend(self, who: int, cups: int, tickets: int, *, retried: bool) -> None:
        """Cups and tickets are bought at once, through both servers; the first of each kind perhaps twice, as one."""
        person, actor = self.people[who], self.actor(self.people[who])
        keys = [uuid4() for _ in range(cups + tickets)]
        wanted = [(CUP, key) for key in keys[:cups]] + [(TICKET, key) for key in keys[cups:]]
        asked = [*wanted, *wanted[:1], *wanted[cups : cups + 1]] if retried else wanted
        answers = await asyncio.gather(
            *(
                _answer(
                    redeem_reward(self.servers[n % 2], actor, self.cup.id, key)
                    if price == CUP
                    else enter_prize_draw(self.servers[n % 2], actor, self.draw.id, 1, key)
                )
                for n, (price, key) in enumerate(asked)
            )
        )
        told: dict[UUID, set[str]] = {key: set() for key in keys}
        for (_, key), answer in zip(asked, answers, strict=True):
            told[key].add(answer if isinstance(answer, str) else "bought")
        hold("answers", {key: len(said) for key, said in told.items()}, dict.fromkeys(keys, 1))
        outcome = Counter((price, *told[key]) for price, key in wanted)
        possible = [self._told(person, order) for order in set(permutations(price for price, _ in wanted))]
        if outcome not in possible:
            raise Broken("answers", f"{dict(outcome)} with {person.balance} points, but one of {possible} was due")
        cups, tickets = outcome[CUP, "bought"], outcome[TICKET, "bought"]
        person.balance -= CUP * cups + TICKET * tickets
        self.taken += cups
        self.tickets[person.id] += tickets
        redemptions = {key: answer for (price, key), answer in zip(asked, answers, strict=True) if price == CUP}
        self.bought += [Bought(person, each.id) for each in redemptions.values() if not isinstance(each, str)]

    def _told(self, person: Person, order: Iterable[int]) -> Counter[tuple[int, str]]:
        """What is answered to requests that come in this order, counted by (price, answer)."""
        balance, left, held = person.balance, STOCK - self.taken, self.tickets[person.id]
        said: Counter[tuple[int, str]] = Counter()
        for price in order:
            if price == CUP and left == 0:
                answer = "OUT_OF_STOCK"
            elif price == TICKET and held == MOST_TICKETS:
                answer = "LIMIT_REACHED"
            elif balance < price:
                answer = "BALANCE_TOO_LOW"
            else:
                answer, balance = "bought", balance - price
                left, held = left - (price == CUP), held + (price == TICKET)
            said[price, answer] += 1
        return said

    async def cancel(self, which: int) -> None:
        """An admin cancels a redemption, twice at once."""
        if not self.bought:
            return
        bought = self.bought[which % len(self.bought)]
        cancel = [
            advance_redemption(server, self.chief, bought.redemption, RedemptionStatus.CANCELLED, "")
            for server in self.servers
        ]
        answers = await asyncio.gather(*(_answer(each) for each in cancel))
        hold("answers", [answer for answer in answers if isinstance(answer, str)], [])
        if not bought.cancelled:
            bought.cancelled = True
            bought.person.balance += CUP
            self.taken -= 1

    # Rules and seasons

    async def change_rule(self, which: int, factor: int, ahead: timedelta) -> None:
        """An admin has a rule pay more or less, and cap it otherwise, for the time to come."""
        rule = list(PRICES)[which % len(PRICES)]
        points, most = PRICES[rule]
        points = points * factor // 2 + 1 if points is not None else None
        most = most * factor // 2 + (points or 1) if most is not None else None
        made = await update_point_rule(
            self.ports, self.chief, RuleChange(rule, points, most, True, self.clock.now() + ahead)
        )
        self.tariff.change(rule, made.since, points, most)

    async def name_season(self, ahead: int, days: int) -> None:
        """A season that begins in so many days and lasts so many, if none is in its way."""
        first = day_of(self.clock.now()) + ahead * DAY
        last = first + (days - 1) * DAY
        plan = SeasonPlan("春季赛", first, last, PrizeList((), PrizeOrder.RANK))
        told = await _answer(start_season(self.ports, self.chief, plan))
        free = all(last < begun or ended < first for begun, ended in self.seasons)
        hold("answers", told if isinstance(told, str) else "named", "named" if free else "CONFLICT")
        if free:
            self.seasons.append((first, last))

    # Time

    async def close(self, closers: int) -> None:
        """Several processes close what is over, at once."""
        await asyncio.gather(*(close_periods(self.servers[n % 2]) for n in range(closers)))

    # The way to the boards

    async def relay(self, limit: int) -> None:
        await relay_once(self.ports, limit)

    async def relay_dies(self, limit: int) -> None:
        """A relay applies what it took, and dies before it can say so: all of it is delivered again."""
        try:
            async with claim(limit) as batch:
                for topic in dict.fromkeys(row.topic for row in batch.found):
                    await PROJECTORS[topic](self.ports, merged([row for row in batch.found if row.topic == topic]))
                raise Died
        except Died:
            pass

    async def lose_reply(self, limit: int) -> None:
        with losing_a_reply(self.ports):
            await relay_once(self.ports, limit)

    async def lose_valkey(self, limit: int) -> None:
        await self.ports.redis.flushdb()

    async def check_boards(self, limit: int) -> None:
        await check_boards(self.ports)

    async def quiet(self) -> None:
        """The workers do all there is to do."""
        await check_boards(self.ports)
        await execute("UPDATE outbox SET due_at = now()")  # what was put off is due by now
        await drain(self.ports)
        await project_marked_regions(self.ports)


class Died(Exception):
    """A relay's process died."""


@contextmanager
def on(server: Ports) -> Iterator[None]:
    """What is done runs on this server."""
    token = SERVER.set(server)
    try:
        yield
    finally:
        SERVER.reset(token)


@contextmanager
def losing_a_reply(ports: Ports) -> Iterator[None]:
    """Valkey does the next commands that are sent to the boards, and its answer gets lost on the way."""
    genuine = Pipeline.execute

    async def execute_in_vain(self: Pipeline, *args: Any, **kwargs: Any) -> Any:
        answer = await genuine(self, *args, **kwargs)
        if self.connection_pool is ports.redis.connection_pool:
            Pipeline.execute = genuine  # type: ignore[method-assign]
            raise RedisConnectionError("the reply was lost")
        return answer

    Pipeline.execute = execute_in_vain  # type: ignore[method-assign]
    try:
        yield
    finally:
        Pipeline.execute = genuine  # type: ignore[method-assign]


class Crowd:
    """Takes no turns: as if each request of a member came to another process."""

    @asynccontextmanager
    async def take(self, key: object) -> Any:
        yield


def fact(member_id: UUID, kind: str, what: UUID, deed: Deed) -> facts.Recorded:
    """The deed as the server is told of it."""
    extra, at = deed.extra, deed.at
    made: Mapping[str, Callable[[], facts.Recorded]] = {
        "lesson.completed": lambda: facts.LessonCompleted(member_id, what, NAMES, False, at),
        "course.completed": lambda: facts.CourseCompleted(member_id, what, bool(extra), at, deed.due),
        "quiz.passed": lambda: facts.QuizPassed(member_id, what, extra, at),
        "live.attended": lambda: facts.LiveLessonAttended(member_id, what, at),
        "replay.watched": lambda: facts.ReplayWatched(member_id, what, bool(extra), at),
        "class.checked_in": lambda: facts.ClassCheckedIn(member_id, what, at),
        "task.claimed": lambda: facts.TaskClaimed(member_id, what, extra, at),
        "stage.passed": lambda: facts.StagePassed(member_id, what, extra, at),
        "duel.won": lambda: facts.DuelWon(member_id, what, at),
        "contest.placed": lambda: facts.ContestPlaced(member_id, what, extra, at),
    }
    return made[kind]()


def details(kind: str, extra: int, due: datetime) -> tuple[int, datetime | None]:
    """What a deed of this kind is told with, made of a small number."""
    if kind == "course.completed":
        return extra % 2, due if extra > 1 else None
    return (extra % 2, None) if kind == "replay.watched" else (extra + 1, None)


async def _answer(asked: Awaitable[T]) -> T | str:
    """What somebody hears who asks: an object, or a refusal's code. Broken for what is no answer at all."""
    try:
        return await asked
    except DomainError as error:
        return error.code.value
    except Exception as error:
        raise Broken("answers", repr(error)) from error
