"""The lines of an honour board for a file: as the board shows them, names of who is hidden left out."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from auth.names import without_middle
from gamification.scores import reached_at
from gamification.standings import Board, Question
from kit.clock import day_of
from kit.paging import Ask
from kit.words import BoardSubjectKind
from models.accounts import members_by_ids
from models.outlets import current_outlets, outlets_by_ids, regions_by_ids
from services.boards import answer_from_days, closing_of
from services.ports import Ports
from services.sheets import Cell

LINES_AT_ONCE = 5_000


async def count_board_rows(ports: Ports, board: Board) -> int:
    _, closed = await closing_of(ports, board)
    answer = await answer_from_days(
        board, Question(Ask(1)), day_of(ports.clock.now()), closed.id if closed is not None else None
    )
    return answer.total


async def board_rows(ports: Ports, board: Board) -> AsyncIterator[Sequence[Cell]]:
    """Rank, position, who, at which shop, score, when it was reached. From the counted days, or the snapshot."""
    after: tuple[object, ...] | None = None
    while True:
        _, closed = await closing_of(ports, board)
        question = Question(Ask(LINES_AT_ONCE, after=after))
        answer = await answer_from_days(
            board, question, day_of(ports.clock.now()), closed.id if closed is not None else None
        )
        lines = answer.page.rows
        names = await _names(ports, board.family.subject, [line.subject_id for line in lines])
        for line, (name, shop) in zip(lines, names, strict=True):
            yield line.rank, line.position, name, shop, line.points, reached_at(line.packed, board.period)
        if not lines or not answer.page.has_next:
            return
        after = (lines[-1].packed, lines[-1].subject_id)


async def _names(ports: Ports, kind: BoardSubjectKind, ids: Sequence[UUID]) -> list[tuple[str, str]]:
    """(who, at which shop), in the order of the ids; empty for who does not want to be shown."""
    if kind is BoardSubjectKind.REGION:
        return [(region.name if region else "", "") for region in await regions_by_ids(ids)]
    if kind is BoardSubjectKind.OUTLET:
        return [(outlet.name if outlet else "", "") for outlet in await outlets_by_ids(ids)]
    found: list[tuple[str, str]] = []
    by_shop = ports.settings.board_names != "member"
    for member, outlet in zip(await members_by_ids(ids), await current_outlets(ids), strict=True):
        shop = outlet.name if outlet is not None else ""
        if member is None or member.hidden_on_boards:
            found.append(("", ""))
        elif by_shop:
            found.append((without_middle(shop), ""))
        else:
            found.append((member.display_name, shop))
    return found
