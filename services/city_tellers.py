"""Who tells a city's year: this process alone, or several beside each other, in the same order and the same words.

Telling is arithmetic, so it goes as fast as there are cores; writing is one connection, so that there is a whole year
or none. What passes between the two is the text that COPY takes.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from gamification.tariff import Tariff
from kit.clock import day_of
from kit.crew import cores, crew
from kit.memory import no_collection
from kit.phones import Phones
from kit.words import OutletTier
from models.badges import Badge
from models.paths import PathStage
from seeds import big_city
from seeds.big_city import CitySize
from seeds.town import SeedPerson
from services.city import BigCity
from services.city_year import Row, Told, Year

MEMBERS_AT_ONCE = 250
"""Some 40,000 events, 200,000 rows, 25 MB of text."""
WORTH_A_PROCESS = 4
"""From so many loads on it pays to start processes: each takes some seconds to begin."""


@dataclass(frozen=True, slots=True)
class Matter:
    """All that a year follows from, in a form that another process takes."""

    seed: int
    size: CitySize
    now: datetime
    tariff: Tariff
    badges: Sequence[Badge]
    stages: Mapping[OutletTier, Sequence[PathStage]]
    shares: Sequence[int]
    """How many events each learner reports, in the order of the city."""


@dataclass(frozen=True, slots=True)
class Load:
    """The year of some members as COPY text by table, and how many events are told in it."""

    events: int
    text: Mapping[str, bytes]


class Teller:
    """Tells members by their place in the city."""

    def __init__(self, matter: Matter) -> None:
        # Nobody's phone is written in a year, so any key will do; the real one stays where it is.
        self.city = BigCity(Phones(b""), matter.size, matter.seed, matter.now)
        self.year = Year(self.city, matter.tariff, matter.badges, matter.stages)
        self._shares = matter.shares
        self._residents = self.city.residents()
        self._next = 0
        today = day_of(matter.now)
        self._days: list[date] = [today - timedelta(days=ago) for ago in range(big_city.YEAR_DAYS, 0, -1)]

    def stories(self, start: int, stop: int) -> list[Told]:
        """What the members from `start` to before `stop` did. A start lies never before the last stop."""
        assert start >= self._next, "the city is walked once"
        chosen = islice(self._residents, start - self._next, stop - self._next)
        self._next = stop
        return [
            self.year.told(resident, self._days[len(self._days) - tenure(resident.person) :], events)
            for resident, events in zip(chosen, self._shares[start:stop], strict=True)
        ]

    def load(self, start: int, stop: int) -> Load:
        """Their whole year, and everything that the rules make of it."""
        told = self.stories(start, stop)
        with no_collection():
            for story in told:
                self.year.write(story)
            rows, text = self.year.taken(), CopyText()
            return Load(
                sum(story.events for story in told), {table: text.of(rows[table]) for table in rows if rows[table]}
            )


async def loads(matter: Matter, processes: int | None = None) -> AsyncGenerator[Load, None]:
    """The whole city, load by load in its order; by as many processes as there are cores, unless told otherwise.

    `CrewLost` if one of them dies.
    """
    members = len(matter.shares)
    parts = [(start, min(members, start + MEMBERS_AT_ONCE)) for start in range(0, members, MEMBERS_AT_ONCE)]
    if processes is None:
        processes = cores() if len(parts) >= WORTH_A_PROCESS else 0
    if processes == 0:
        teller = Teller(matter)
        for part in parts:
            yield await asyncio.to_thread(teller.load, *part)
        return
    async with crew(processes, partial(_begin, matter)) as hands, aclosing(hands.answers(_told, parts)) as told:
        async for load in told:
            yield load


_teller: Teller | None = None
"""Of this process, where it is one of several."""


async def _begin(matter: Matter) -> None:
    global _teller
    _teller = Teller(matter)


async def _told(part: tuple[int, int]) -> Load:
    assert _teller is not None
    return _teller.load(*part)


def tenure(person: SeedPerson) -> int:
    """On how many days of the year somebody can learn: from the day after they joined."""
    return min(big_city.YEAR_DAYS, person.joined_days_ago - 1)


class CopyText:
    """Rows in the text format of COPY; it remembers how it wrote what comes again and again, so make one for each load.

    Of https://www.postgresql.org/docs/15/sql-copy.html: a line each, fields apart by tabs; backslash, tab and line ends
    are escaped, nothing is \\N.
    """

    def __init__(self) -> None:
        hexes = _Written("{:032x}".format)
        self._kinds = _Kinds({
            type(None): lambda _: "\\N",
            bool: lambda value: "t" if value else "f",
            int: str,
            str: _Written(_escaped).__getitem__,
            UUID: lambda value: hexes[value.int],
            datetime: _Written(datetime.isoformat).__getitem__,
            date: _Written(date.isoformat).__getitem__,
            bytes: lambda value: "\\\\x" + value.hex(),
            list: lambda value: "{" + ",".join(map(str, value)) + "}",
        })  # fmt: skip
        """How each kind of value is written. A list holds whole numbers."""

    def of(self, rows: Sequence[Row]) -> bytes:
        """One or more rows of one table, a column at a time: mostly all of a column is of one kind."""
        columns = [self._column(column) for column in zip(*rows, strict=True)]
        return ("\n".join(map("\t".join, zip(*columns, strict=True))) + "\n").encode()

    def _column(self, values: Sequence[object]) -> Iterable[str]:
        kinds = set(map(type, values))
        if len(kinds) == 1:
            return map(self._kinds[kinds.pop()], values)
        return [self._kinds[type(value)](value) for value in values]


def _escaped(text: str) -> str:
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text


class _Written(dict[Any, str]):
    """Values as text, each put into words once."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: Any) -> str:
        text = self[value] = self._write(value)
        return text


class _Kinds(dict[type, Callable[[Any], str]]):
    """A kind that is not listed is written like the nearest one above it: asyncpg's UUID like any other."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        self[kind] = next(self[above] for above in kind.__mro__[1:] if above in self)
        return self[kind]
