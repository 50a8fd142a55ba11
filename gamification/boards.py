"""All sorted-set code: the honour boards as Valkey holds them, a view of the counted days that may vanish at any time.

The boards of one family share a hash tag, so that a cluster can hold each family anywhere. The tag has both ends of the
period: a season that gets another end is another family, and a late write to the old one harms nobody. Its keys:

    board:{family ends_on}  hash: `live`, the generation that is shown; `next`, one that is being built beside it
      :<generation>:s:<scope>   sorted set: subject -> packed score (`gamification/scores.py`)
      :<generation>:m:<scope>   the same as it stood at the start of the day in `d`, for `movement`
      :<generation>:d           hash: scope -> that day, "-" before the first one, "" if the board has no past; lists
                                every scope there is
      :<generation>:v           hash: subject -> version of what was placed last; older news is ignored

Scores are absolute, so writing twice is writing once. The first write of a day copies the board to its past; a board
without a write today is its own past. Whatever fails here is `BoardsAway`; SQL can answer everything instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from gamification.board_scripts import BEGIN, FILL, FINISH, FORGET, PLACE, READ
from gamification.standings import Answer, Board, Family, Line, Question, Scope, page_of_lines
from kit.ids import new_secret
from kit.paging import Ask
from kit.redis import AWAY

READ_SECONDS = 0.5
"""What a reader waits at most before SQL answers instead."""
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
class Still:
    """Subjects on the same boards that have not moved on this day, each with one score on all, above 0.

    As (subject, version, packed score).
    """

    scopes: Sequence[str]
    subjects: Sequence[tuple[UUID, int, int]]


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
        self._begin = self._building.register_script(BEGIN)
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

    async def fill(
        self, family: Family, build: str, placings: Sequence[Placing], day: date | None, keep_seconds: int | None
    ) -> bool:
        """Set scores on what is being built; False if somebody else has begun to build meanwhile. BoardsBehind."""
        arguments = [build, *_placing_arguments(day, keep_seconds, placings)]
        async with _away():
            answer = await _run(self._place_built, family, arguments)
        return _placed(answer) is not None

    async def fill_still(
        self, family: Family, build: str, groups: Sequence[Still], day: date | None, keep_seconds: int | None
    ) -> bool:
        """As `fill`, for subjects that have not moved on this day: a fraction of the work. A few hundred at once."""
        columns = [[group.scopes, *([str(value) for value in column] for column in zip(*group.subjects, strict=True))]
                   for group in groups]  # fmt: skip
        arguments = [build, day.isoformat() if day else "", keep_seconds or "", orjson.dumps(columns).decode()]
        async with _away():
            answer = await _run(self._fill, family, arguments)
        return _placed(answer) is not None

    async def begin(self, family: Family) -> str:
        """Begin to build a family beside the one that is shown; from now on `place` reaches both. Gives its name."""
        build = new_secret()[:12]
        async with _away():
            await _run(self._begin, family, [build])
        return build

    async def finish(self, family: Family, build: str, keep_seconds: int | None) -> bool:
        """Show what was built and forget what was shown; False if somebody else has begun to build meanwhile."""
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

    async def trusted(self, mark: str) -> bool:
        """Whether `trust(mark)` was said to this very run of the server: a restart may have lost the last second."""
        async with _away():
            known = await cast(Awaitable[Any], self._redis.get(TRUST))
            return bool(known == await self._trust(mark))

    async def trust(self, mark: str) -> None:
        async with _away():
            await self._redis.set(TRUST, await self._trust(mark))

    async def everything(self, family: Family) -> dict[str, dict[bytes, int]]:
        """Every score that is shown, for comparing with the truth: scope -> subject's text -> score."""
        found: dict[str, dict[bytes, int]] = {}
        async with _away():
            live = await cast(Awaitable[bytes | None], self._building.hget(_key(family), "live"))
            if live is None:
                raise BoardsAway
            base = f"{_key(family)}:{live.decode()}"
            for name in await cast(Awaitable[list[bytes]], self._building.hkeys(f"{base}:d")):
                scope = name.decode()
                scores = {
                    subject: int(score)
                    async for subject, score in self._building.zscan_iter(f"{base}:s:{scope}", count=1000)
                }
                if scores:
                    found[scope] = scores
        return found

    async def _trust(self, mark: str) -> bytes:
        server = await self._redis.info("server")
        return f"{server['run_id']}/{mark}".encode()


@asynccontextmanager
async def _away(seconds: float | None = None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except AWAY as error:
        raise BoardsAway from error


async def _run(script: AsyncScript, family: Family, arguments: Sequence[str | int]) -> Any:
    return await cast(Awaitable[Any], script(keys=[_key(family)], args=list(arguments)))


def _placing_arguments(day: date | None, keep_seconds: int | None, placings: Sequence[Placing]) -> list[str | int]:
    listed = [[str(each.subject_id), each.version, each.scopes, each.now, each.past] for each in placings]
    return [day.isoformat() if day else "", keep_seconds or "", orjson.dumps(listed).decode()]


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
