"""Honour boards: one of them, and watching one move."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from typing import Annotated

import strawberry

from gamification.standings import Question
from kit.errors import bad_input, not_found
from kit.ids import from_global
from kit.paging import Ask
from kit.words import Role
from models.boards import definitions
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.boards import BoardMoved, BoardScopeInput, CreateBoardInput, CreateBoardPayload, HonourBoard
from schema.context import Info
from schema.paging import MOST_ROWS
from schema.words import BoardMetric, BoardPeriod, BoardSubjectKind
from services.board_making import create_board
from services.boards import find_board, moves_of, viewer_subject, visible_boards

TOP_ROWS = 10


async def honour_board_node(info: Info, key: str) -> HonourBoard | None:
    if info.context.actor is None:
        return None
    board = await info.context.loaders.of(visible_boards, info.context.ports).load(key)
    return HonourBoard.of(board) if board is not None else None


@strawberry.type
class BoardQueries:
    @strawberry.field(
        description="An honour board (光荣榜): a ranking of one metric over one period; signed out, null."
    )
    async def honour_board(
        self,
        info: Info,
        metric: Annotated[BoardMetric, strawberry.argument(description="What is counted.")],
        period: Annotated[BoardPeriod, strawberry.argument(description="How long it counts.")],
        date: Annotated[
            date | None,
            strawberry.argument(description="A day of the period wanted; unless given, of the running one."),
        ] = None,
        scope: Annotated[
            BoardScopeInput | None, strawberry.argument(description="Whose learning counts; everyone's unless given.")
        ] = None,
        of: Annotated[
            BoardSubjectKind | None, strawberry.argument(description="Who is ranked.")
        ] = BoardSubjectKind.MEMBER,
    ) -> HonourBoard | None:
        if info.context.actor is None:
            return None
        plain = BoardScopeInput.plain(scope)
        subject = of or BoardSubjectKind.MEMBER
        offered = await find_board(info.context.ports, metric, period, date, plain, subject)
        info.context.loaders.of(definitions).prime(offered.board.definition, offered.definition)
        return HonourBoard.of(offered.board)


@strawberry.type
class BoardMutations:
    @mutation(description="Give an honour board a title and prizes (新建榜单). For admins of its region.")
    async def create_board(self, info: Info, input: CreateBoardInput) -> CreateBoardPayload:
        actor = staff(info, Role.ADMIN)
        return CreateBoardPayload(board=HonourBoard.of(await create_board(info.context.ports, actor, input.plain())))


@strawberry.type
class BoardFeed:
    @strawberry.subscription(
        description="The present state of a board, then at most one update a second; completes when its period is over."
    )
    async def honour_board_moved(
        self,
        info: Info,
        board_id: Annotated[strawberry.ID, strawberry.argument(description="Of an honour board.")],
        top: Annotated[
            int | None, strawberry.argument(description="Lines from the top, 1-100; 10 unless given.")
        ] = TOP_ROWS,
    ) -> AsyncGenerator[BoardMoved | None, None]:
        actor, ports = viewer(info), info.context.ports
        limit = top if top is not None else TOP_ROWS
        if not 1 <= limit <= MOST_ROWS:
            raise bad_input("top")
        [board] = await visible_boards(ports, [_board_key(board_id)])
        if board is None:
            raise not_found("boardId")
        question = Question(Ask(limit), await viewer_subject(actor.member_id, board))
        async with aclosing(moves_of(ports, board, question)) as moves:
            async for reading in moves:
                yield BoardMoved.of(board, reading)


def _board_key(gid: str) -> str:
    """The key in a board's global id, "" if it is none."""
    try:
        kind, key = from_global(gid)
    except ValueError:
        return ""
    return key if kind == "HonourBoard" else ""
