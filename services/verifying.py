"""How everybody is verified: in parts of some hundred members, by this process alone or by several beside one another.

Members are independent of one another. A part is a range of ids, open at both ends of the whole, so that whoever comes
meanwhile belongs to one; each stretch of a part is read in one snapshot of the database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from itertools import pairwise
from uuid import UUID

from kit.crew import Crew, cores, crew
from kit.db import PATIENCE_SECONDS, open_database, transaction
from kit.memory import no_collection
from models import MODULES
from models.books import Marks, count_accounts, read_one_snapshot
from services.ledger_checks import Difference
from services.ports import Ports

MEMBERS_AT_ONCE = 200
WORTH_A_PROCESS = 2_000
"""From so many members on it pays to start processes: each takes some seconds to begin."""

Part = tuple[UUID | None, UUID | None]
"""Members after the one up to the other, by id; None: from the first, to the last."""
Verified = tuple[int, list[Difference]]
"""(how many members, what differs)"""
Tell = Callable[[int, int], None]


async def _nothing() -> None:
    pass


ALONE = Crew(None, 0, _nothing)


@asynccontextmanager
async def verifiers(ports: Ports, processes: int | None = None) -> AsyncIterator[Crew]:
    """As many processes as there are cores, unless told otherwise; a small academy is verified by this one alone."""
    if processes is None:
        processes = cores() if cores() > 1 and await count_accounts() >= WORTH_A_PROCESS else 0
    url = ports.settings.database_url
    assert url is not None
    begin = partial(open_database, url, MODULES, pool_size=1, statement_seconds=PATIENCE_SECONDS)
    async with crew(processes, begin) as found:
        yield found


async def verified(
    who: Crew, work: Callable[[Part], Awaitable[Verified]], marks: Marks, progress: Tell | None
) -> list[Difference]:
    """Everybody's differences in the order of ids. `marks` cut them into parts."""
    after, total = marks
    ends: list[UUID | None] = [None, *after, None]
    differences: list[Difference] = []
    done = 0
    async with aclosing(who.answers(work, list(pairwise(ends)))) as answers:
        async for members, found in answers:
            done += members
            differences += found
            if progress is not None and members:
                progress(done, max(done, total))
    return differences


async def verify_stretches(
    part: Part,
    next_members: Callable[[UUID | None, int, UUID | None], Awaitable[list[UUID]]],
    verify: Callable[[list[UUID]], Awaitable[list[Difference]]],
) -> Verified:
    """Verify the members of a part. `next_members` is asked for those after one, so many, up to one."""
    after, until = part
    members, differences = 0, []
    while member_ids := await next_members(after, MEMBERS_AT_ONCE, until):
        differences += await _in_one_snapshot(partial(verify, member_ids))
        members, after = members + len(member_ids), member_ids[-1]
    return members, differences


async def _in_one_snapshot(work: Callable[[], Awaitable[list[Difference]]]) -> list[Difference]:
    async def read() -> list[Difference]:
        await read_one_snapshot()
        return await work()

    with no_collection():
        return await transaction(read)
