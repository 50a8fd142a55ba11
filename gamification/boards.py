"""All sorted-set code: the honour boards as Valkey holds them, a view of the counted days that may vanish at any time.

The boards of one family share a hash tag, so that a cluster can hold each family anywhere. The tag has both ends of the
period: a season that gets another end is another family, and a late write to the old one harms nobody. Its keys:

    board:{family ends_on}  hash: `live`, the generation that is shown; `next`, one that is being built beside it
      :<generation>:s:<scope>   sorted set: subject -> packed score (`gamification/scores.py`)
      :<generation>:m:<scope>   the same as it stood at the start of the day in `d`, for `movement`
      :<generation>:d           hash: scope -> that day, "-" before the first one, "" if the board has no past; lists
                                every scope there is
      :<generation>:v           hash: subject -> version of what was placed last; older news is ignored
      :<generation>:l:<place>   while it is built, sorted set: who learned at this one place and nowhere else, `f` their
                                versions; `lm:` the same at the start of the day, for the places in `lm`; `l` lists all
      :<generation>:t:<scope>   while it is built, set: who was placed there meanwhile
      :<generation>:a           while it is built: it is alive. What only building needs is forgotten some time after
                                its builder was heard of last, and this before anything else of it

Scores are absolute, so writing twice is writing once. The first write of a day copies the board to its past; a board
without a write today is its own past. Whatever fails here is `BoardsAway`; SQL can answer everything instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from gamification.board_scripts import BEGIN, COMPOSE, DIGEST, FILL, FINISH, FORGET, GIVE_UP, KEEP, PLACE, READ
from gamification.standings import Answer, Board, Family, Line, Question, Scope, page_of_lines
from kit.ids import new_secret
from kit.paging import Ask
from kit.redis import AWAY

READ_SECONDS = 0.5
"""What a reader waits at most before SQL answers instead."""
BUILDING_SECONDS = 900
"""How long what only building needs is kept after `keep` was said last: a builder that is silent as long has died."""
TRUST = "boards:trust"


class BoardsAway(ConnectionError):
    """Valkey does not answer, or has lost this family."""


class BoardsBehind(Exception):
    """Others already place on a later day; place again as of `day`."""

    def __init__(self, day: date) -> None:
        super().__init__(day.isoformat())
        self.day = day


@dataclass(frozen=True, slots=True)
class Placing:
    """One subject on the boards of a family: `scopes` (as `str(Scope)`), its packed score on each, and its past ones.

    A score of 0 is not ranked. Of two placings the one with the higher version counts.
    """

    subject_id: UUID
    version: int
    scopes: Sequence[str]
    now: Sequence[int]
    past: Sequence[int]


@dataclass(frozen=True, slots=True)
class Settled:
    """Subjects who learned at one place, and so have one score on each of its boards, the scopes.

    `place`: any name that no other place has. Subjects (the text of their ids), versions, packed scores and past ones
    go together, 0 for not ranked; `past` None: the same as `now`, or the family has none. Scopes: those of the place's
    region and of each above it come in this order, then everyone's.
    """

    place: str
    scopes: Sequence[str]
    subjects: list[str]
    versions: list[int]
    now: list[int]
    past: list[int] | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A board and what it is made of: settled places, and whole boards below it. Nobody stands in two of them."""

    scope: str
    places: Sequence[str]
    below: Sequence[str] = ()


Piece = tuple[str, int, int]
"""A board's scope, and the places of the first and last line from below, from 0; -1 for the highest."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A placing and its family; `day` is today where the boards have a past, `keep_seconds` how long they are kept."""

    family: Family
    placing: Placing
    day: date | None
    keep_seconds: int | None


class HonourBoards:
    def __init__(self, redis: Redis, building: Redis | None = None) -> None:
        """Boards are built and compared through `building`, a client with more patience; else through the same."""
        self._redis = redis
        self._building = building or redis
        self._read = redis.register_script(READ)
        self._place = redis.register_script(PLACE)
        self._place_built = self._building.register_script(PLACE)
        self._fill = self._building.register_script(FILL)
        self._compose = self._building.register_script(COMPOSE)
        self._digest = self._building.register_script(DIGEST)
        self._begin = self._building.register_script(BEGIN)
        self._keep = self._building.register_script(KEEP)
        self._give_up = self._building.register_script(GIVE_UP)
        self._finish = self._building.register_script(FINISH)
        self._forget = redis.register_script(FORGET)

    async def read(self, board: Board, question: Question, day: date | None) -> Answer:
        """Answer a question; `day` is today where the board has a past, None where it has none (`movement` is 0 then).

        BoardsAway within `READ_SECONDS`, and also when the family is not there: it may be lost.
        """
        page = question.page or Ask(limit=0)
        arguments: list[str | int] = [
            str(board.scope),
            day.isoformat() if day else "",
            page.limit,
            "1" if page.backwards else "0",
            *(str(part) for part in page.after or ("", "")),
            *(str(part) for part in page.before or ("", "")),
            str(question.viewer or ""),
            question.radius,
            question.place or "",
            *(str(subject_id) for subject_id in question.asked),
        ]
        async with _away(READ_SECONDS):
            found = await _run(self._read, board.family, arguments)
        if found is None:
            raise BoardsAway
        total, rows, around, ahead, asked, at_place = found
        neighbours = tuple(_line(row, board.moves) for row in around)
        return Answer(
            total=total,
            page=page_of_lines([_line(row, board.moves) for row in rows], total, page),
            viewer=next((line for line in neighbours if line.subject_id == question.viewer), None),
            ahead=int(float(ahead)) >> 25 if ahead else None,
            around=neighbours if question.radius else (),
            asked={line.subject_id: line for line in (_line(row, board.moves) for row in asked)},
            at_place=int(float(at_place)) >> 25 if at_place else None,
        )

    async def place(self, placed: Sequence[Placed]) -> set[Scope]:
        """Set scores on what is shown and on what is being built; the scopes whose boards moved.

        A family that is not there is passed over: whoever builds it reads later than this. BoardsBehind if a day is
        over for somebody else; what was placed so far stands, and may be placed again.
        """
        pipe = self._redis.pipeline(transaction=False)
        async with _away():
            for each in placed:
                arguments = ["", *_placing_arguments(each.day, each.keep_seconds, [each.placing])]
                await cast(Awaitable[Any], self._place(keys=[_key(each.family)], args=arguments, client=pipe))
            answers = await pipe.execute()
        moved: set[Scope] = set()
        for answer in answers:
            moved |= _placed(answer) or set()
        return moved

    async def fill(self, family: Family, build: str, groups: Sequence[Settled]) -> bool:
        """Fill what is being built with who learned at one place, some hundreds at once; then `compose`.

        A place comes whole. False if somebody else has begun to build meanwhile, or what was built is lost. Writing
        twice is writing once.
        """
        columns = [
            [each.place, _lines(each.now, each.subjects), each.past is not None and _lines(each.past, each.subjects)]
            for each in groups
        ]
        versions = [word for each in groups for pair in zip(each.subjects, each.versions, strict=True) for word in pair]
        listed = [orjson.dumps(each).decode() for each in (columns, versions)]
        async with _away():
            answer = await _run(self._fill, family, [build, BUILDING_SECONDS, *listed])
        return _placed(answer) is not None

    async def compose(
        self, family: Family, build: str, boards: Sequence[Composed], day: date | None, keep_seconds: int | None
    ) -> bool:
        """Make boards of what was filled in, those below others first; False as `fill`. BoardsBehind.

        Who has been placed on such a board since it was begun stands there as they were placed.
        """
        listed = orjson.dumps([[each.scope, each.places, each.below] for each in boards]).decode()
        arguments = [build, day.isoformat() if day else "", keep_seconds or "", listed]
        async with _away():
            answer = await _run(self._compose, family, arguments)
        return _placed(answer) is not None

    async def fill_placings(
        self, family: Family, build: str, placings: Sequence[Placing], day: date | None, keep_seconds: int | None
    ) -> bool:
        """Set scores on what is being built, once it is composed: of whoever differs from board to board; as `fill`."""
        arguments = [build, *_placing_arguments(day, keep_seconds, placings)]
        async with _away():
            answer = await _run(self._place_built, family, arguments)
        return _placed(answer) is not None

    async def begin(self, family: Family) -> str:
        """Begin to build a family beside the one that is shown; from now on `place` reaches both. Gives its name."""
        build = new_secret()[:12]
        async with _away():
            await _run(self._begin, family, [build, BUILDING_SECONDS])
        return build

    async def keep(self, family: Family, build: str) -> bool:
        """Say that this is still being built, or it is given up after `BUILDING_SECONDS`. False as `fill`."""
        async with _away():
            return bool(await _run(self._keep, family, [build, BUILDING_SECONDS]))

    async def give_up(self, families: Sequence[Family]) -> None:
        """Drop what nobody builds any more: as long as it is there `place` writes everything twice."""
        async with _away():
            pipe = self._redis.pipeline(transaction=False)
            for family in families:
                pipe.hexists(_key(family), "next")
            for family, building in zip(families, await pipe.execute(), strict=True):
                if building:
                    await _run(self._give_up, family, [])

    async def finish(self, family: Family, build: str, keep_seconds: int | None) -> bool:
        """Show what was built and forget what was shown; False as `fill`. Finishing twice is finishing once."""
        async with _away():
            return bool(await _run(self._finish, family, [build, keep_seconds or ""]))

    async def forget(self, family: Family) -> None:
        """Drop everything that is kept of a family."""
        async with _away():
            await _run(self._forget, family, [])

    async def missing(self, families: Sequence[Family]) -> list[Family]:
        """Those that are not there: new, or lost."""
        async with _away():
            pipe = self._redis.pipeline(transaction=False)
            for family in families:
                pipe.hexists(_key(family), "live")
            return [family for family, there in zip(families, await pipe.execute(), strict=True) if not there]

    async def mark(self, text: str) -> bytes:
        """The text with the name of this very run of the server: a restart may have lost the last second."""
        async with _away():
            server = await self._redis.info("server")
        return f"{server['run_id']}/{text}".encode()

    async def trusted(self, mark: bytes) -> bool:
        """Whether `trust(mark)` was said last."""
        async with _away():
            return bool(await cast(Awaitable[Any], self._redis.get(TRUST)) == mark)

    async def trust(self, mark: bytes) -> None:
        """Say that everything that is kept was built after `mark` was given."""
        async with _away():
            await self._redis.set(TRUST, mark)

    async def scopes(self, family: Family) -> list[str]:
        """Every scope that is shown, for comparing with the truth; BoardsAway for a family that is not there."""
        async with _away():
            return await self._scopes(await self._shown(family))

    async def digests(self, family: Family, pieces: Sequence[Piece]) -> list[str]:
        """The SHA-1 of "subject score subject score..." of each piece, in rising order of score and subject."""
        arguments = [word for piece in pieces for word in piece]
        async with _away():
            found = await _run(self._digest, family, arguments)
        if found is None:
            raise BoardsAway
        return [each.decode() for each in found]

    async def scores(self, family: Family, asked: Sequence[tuple[str, UUID]]) -> list[int]:
        """What is shown for each (scope, subject), 0 for who is not there."""
        async with _away():
            base = await self._shown(family)
            pipe = self._building.pipeline(transaction=False)
            for scope, subject_id in asked:
                pipe.zscore(f"{base}:s:{scope}", str(subject_id))
            return [int(score or 0) for score in await pipe.execute()]

    async def everything(self, family: Family, scopes: Sequence[str] | None = None) -> dict[str, dict[bytes, int]]:
        """Every score that is shown, or those of some scopes: scope -> subject's text -> score."""
        found: dict[str, dict[bytes, int]] = {}
        async with _away():
            base = await self._shown(family)
            for scope in await self._scopes(base) if scopes is None else scopes:
                scores = {
                    subject: int(score)
                    async for subject, score in self._building.zscan_iter(f"{base}:s:{scope}", count=1000)
                }
                if scores:
                    found[scope] = scores
        return found

    async def _shown(self, family: Family) -> str:
        """What the keys of the generation that is shown begin with."""
        live = await cast(Awaitable[bytes | None], self._building.hget(_key(family), "live"))
        if live is None:
            raise BoardsAway
        return f"{_key(family)}:{live.decode()}"

    async def _scopes(self, base: str) -> list[str]:
        return [name.decode() for name in await cast(Awaitable[list[bytes]], self._building.hkeys(f"{base}:d"))]


@asynccontextmanager
async def _away(seconds: float | None = None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except AWAY as error:
        raise BoardsAway from error


async def _run(script: AsyncScript, family: Family, arguments: Sequence[str | int]) -> Any:
    return await cast(Awaitable[Any], script(keys=[_key(family)], args=list(arguments)))


def _lines(scores: Iterable[int], subjects: Iterable[str]) -> list[int | str]:
    """As ZADD takes them; a score of 0 is not ranked."""
    return [word for pair in zip(scores, subjects, strict=True) if pair[0] for word in pair]


def _placing_arguments(day: date | None, keep_seconds: int | None, placings: Sequence[Placing]) -> list[str | int]:
    listed = [[str(each.subject_id), each.version, each.scopes, each.now, each.past] for each in placings]
    return [day.isoformat() if day else "", keep_seconds or "", orjson.dumps(listed).decode(), BUILDING_SECONDS]


def _placed(answer: Sequence[bytes]) -> set[Scope] | None:
    """The scopes that moved; None if there was nothing to place on."""
    status, *details = [text.decode() for text in answer]
    if status == "behind":
        raise BoardsBehind(date.fromisoformat(details[0]))
    return {Scope.parse(text) for text in details} if status == "placed" else None


def _key(family: Family) -> str:
    return f"board:{{{family} {family.period.ends_on or ''}}}"


def _line(row: Sequence[Any], moves: bool) -> Line:
    subject, score, position, rank, tied, was = row
    movement = was - position if was and moves else None
    return Line(UUID(subject.decode()), int(float(score)), position, rank, tied, movement)
