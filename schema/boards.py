"""Honour boards as clients see them."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from gamification.scores import reached_at
from gamification.standings import Board, Line, Question, Scope
from kit import words
from kit.errors import DomainError, bad_input
from models import accounts, boards, outlets
from models.seasons import NamedSeason
from schema.accounts import Member
from schema.board_prizes import BoardPrize, BoardPrizeInput, prize_list
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.outlets import Outlet, Region
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.profiles import profile_of
from schema.seasons import Season
from schema.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, OutletTier, PrizeOrder
from services.board_making import BoardPlan
from services.board_prizes import missing_to_prize, prizes_of, titles_of
from services.boards import Reading, earlier_boards, readings, viewer_subjects
from services.seasons import seasons_on

NEAR_RADIUS = 5
WIDEST_RADIUS = 50
MOST_ASKED = 100
KINDS = {
    words.BoardSubjectKind.MEMBER: "Member",
    words.BoardSubjectKind.OUTLET: "Outlet",
    words.BoardSubjectKind.REGION: "Region",
}

BoardSubject = Annotated[
    Member | Outlet | Region, strawberry.union("BoardSubject", description="Who stands on a line of an honour board.")
]


@strawberry.input(description="Whose learning counts: that of a region with all below it, of a tier, of both, or all.")
class BoardScopeInput:
    region_id: strawberry.ID | None = strawberry.field(default=None, description="With everything below it.")
    tier: OutletTier | None = strawberry.field(default=None, description="Of the outlet where it was learned.")

    @classmethod
    def plain(cls, given: Self | None) -> Scope:
        """NOT_FOUND for an id that is no region's."""
        if given is None:
            return Scope()
        region_id = decode(given.region_id, "Region", "scope", "regionId") if given.region_id is not None else None
        return Scope(region_id, given.tier)


@strawberry.type(description="One line of a board.")
class Standing:
    board: strawberry.Private[Board]
    line: strawberry.Private[Line]

    @strawberry.field(description="1, 1, 3 for equal scores.")
    def rank(self) -> int:
        return self.line.rank

    @strawberry.field(description="1, 2, 3: who reached the score first is ahead.")
    def position(self) -> int:
        return self.line.position

    @strawberry.field(description="How many others share the rank.")
    def tied_with(self) -> int:
        return self.line.tied_with

    @strawberry.field(description="In the unit of the board's metric: points, courses, seconds, days or lessons.")
    def score(self) -> int:
        return self.line.points

    @strawberry.field(description="When the score was reached, to the second; to the minute for ALL_TIME.")
    def reached_at(self) -> datetime:
        return reached_at(self.line.packed, self.board.period)

    @strawberry.field(description="Places gained since the last Shanghai midnight; null if new, and on DAY.")
    def movement(self) -> int | None:
        return self.line.movement

    @strawberry.field(description="Null for a member who does not want to be shown.")
    async def subject(self, info: Info) -> BoardSubject | None:
        kind, subject_id = self.board.family.subject, self.line.subject_id
        if kind is words.BoardSubjectKind.OUTLET:
            outlet = await info.context.loaders.of(outlets.outlets_by_ids).load(subject_id)
            return Outlet.of(outlet) if outlet is not None else None
        if kind is words.BoardSubjectKind.REGION:
            region = await info.context.loaders.of(outlets.regions_by_ids).load(subject_id)
            return Region.of(region) if region is not None else None
        profile = await profile_of(info, subject_id)
        return Member.on_board(info, profile) if profile is not None and not is_hidden(info, profile.member) else None


@strawberry.type(description="The viewer's own line; their current outlet's or region's where those are ranked.")
class ViewerStanding(Standing):
    ahead: strawberry.Private[int | None]

    @strawberry.field(description="How much is missing to the next higher rank; null at the top.")
    def gap_to_next(self) -> int | None:
        return self.ahead - self.line.points if self.ahead is not None else None

    @strawberry.field(description="How much is missing to the next better prize; null without one, and once final.")
    async def gap_to_prize(self, info: Info) -> int | None:
        return await missing_to_prize(info.context.ports, self.board, self.line)

    @classmethod
    def of(cls, board: Board, reading: Reading) -> Self | None:
        answer = reading.answer
        return cls(board=board, line=answer.viewer, ahead=answer.ahead) if answer.viewer is not None else None


@strawberry.type(description="An honour board (光荣榜): a ranking over one period, of whom, by what, in which scope.")
class HonourBoard(Node):
    board: strawberry.Private[Board]
    metric: BoardMetric = strawberry.field(description="What is counted.")
    period: BoardPeriod = strawberry.field(description="How long it counts.")
    starts_at: datetime = strawberry.field(description="The first moment that counts.")
    ends_at: datetime | None = strawberry.field(description="The first moment after it; null for ALL_TIME.")

    @classmethod
    def of(cls, board: Board) -> Self:
        return cls(
            id=encode("HonourBoard", board),
            board=board,
            metric=board.family.metric,
            period=board.period.kind,
            starts_at=board.period.starts_at,
            ends_at=board.period.ends_at,
        )

    @strawberry.field(description="What it counts, for people to read (榜名).")
    async def title(self, info: Info) -> str:
        own = await info.context.loaders.of(titles_of).load(self.board)
        if own is not None:
            return own
        definition = await info.context.loaders.of(boards.definitions).load(self.board.definition)
        season = await self._season(info)
        words = [season.title] if season is not None else []
        return "·".join([*words, definition.title if definition is not None else ""])

    @strawberry.field(description="What its places win when it is closed (奖励), the best first; empty without prizes.")
    async def prizes(self, info: Info) -> list[BoardPrize]:
        return [BoardPrize.of(line) for line in (await info.context.loaders.of(prizes_of).load(self.board)).lines]

    @strawberry.field(description="What the places of `prizes` are.")
    async def prizes_by(self, info: Info) -> PrizeOrder:
        return (await info.context.loaders.of(prizes_of).load(self.board)).by

    @strawberry.field(description="The named season it runs over (赛季); null where none is named.")
    async def season(self, info: Info) -> Season | None:
        row = await self._season(info)
        return Season.of(row) if row is not None else None

    @strawberry.field(description="GRACE: late offline reports still count. FROZEN: final.")
    async def phase(self, info: Info) -> BoardPhase:
        return (await self._read(info, Question())).phase

    @strawberry.field(description="The moment the answer stands for.")
    async def as_of(self, info: Info) -> datetime:
        return (await self._read(info, Question())).as_of

    @strawberry.field(description="The fast copy of the boards is away, and this is computed from the records.")
    async def stale(self, info: Info) -> bool:
        return (await self._read(info, Question())).stale

    @strawberry.field(description="The lines from the top, in the order of their positions.")
    async def standings(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Standing] | None:
        scope = f"board {self.board}"
        wanted = ask(info, scope, first, after, last, before)
        key = replace(
            wanted,
            after=tuple(wanted.after) if wanted.after is not None else None,
            before=tuple(wanted.before) if wanted.before is not None else None,
        )
        answer = (await self._read(info, Question(key))).answer

        async def count() -> int:
            return answer.total

        return connection(
            info,
            answer.page,
            scope=scope,
            of=lambda line: Standing(board=self.board, line=line),
            key=lambda line: [line.packed, line.subject_id],
            count=count,
        )

    @strawberry.field(description="Null while the viewer is not ranked.")
    async def viewer_standing(self, info: Info) -> ViewerStanding | None:
        return ViewerStanding.of(self.board, await self._read(info, Question()))

    @strawberry.field(
        description="The viewer's line and its neighbours on both sides; empty while the viewer is not ranked."
    )
    async def around_viewer(
        self,
        info: Info,
        radius: Annotated[
            int | None, strawberry.argument(description="Lines on each side, 1-50; 5 unless given.")
        ] = NEAR_RADIUS,
    ) -> list[Standing] | None:
        wanted = radius if radius is not None else NEAR_RADIUS
        if not 1 <= wanted <= WIDEST_RADIUS:
            raise bad_input("radius")
        answer = (await self._read(info, Question(radius=wanted))).answer
        return [Standing(board=self.board, line=line) for line in answer.around]

    @strawberry.field(description="The same board one period earlier; null before anything was counted.")
    async def previous(self, info: Info) -> Annotated["HonourBoard", strawberry.lazy("schema.boards")] | None:
        earlier = await info.context.loaders.of(earlier_boards).load(self.board)
        return HonourBoard.of(earlier) if earlier is not None else None

    @strawberry.field(description="At most 100, in the order asked; null for who is not ranked.")
    async def standings_of(
        self,
        info: Info,
        subject_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="Of members, outlets or regions, as the board ranks.")
        ],
    ) -> list[Standing | None] | None:
        if len(subject_ids) > MOST_ASKED:
            raise bad_input("subjectIds")
        asked = [_subject_id(self.board, gid) for gid in subject_ids]
        shown = [subject_id if subject_id and await self._is_shown(info, subject_id) else None for subject_id in asked]
        ranked = (await self._read(info, Question(asked=tuple({each for each in shown if each})))).answer.asked
        lines = [ranked.get(each) if each is not None else None for each in shown]
        return [Standing(board=self.board, line=line) if line is not None else None for line in lines]

    async def _season(self, info: Info) -> NamedSeason | None:
        if self.board.period.kind is not words.BoardPeriod.SEASON:
            return None
        return await info.context.loaders.of(seasons_on).load(self.board.period.starts_on)

    async def _read(self, info: Info, question: Question) -> Reading:
        """Every field asks together with the viewer's line, and so all of them in one reading."""
        whole = replace(question, viewer=await self._viewer(info))
        return await info.context.loaders.of(readings, info.context.ports).load((self.board, whole))

    async def _viewer(self, info: Info) -> UUID | None:
        actor = info.context.actor
        if actor is None:
            return None
        return await info.context.loaders.of(viewer_subjects, actor.member_id).load(self.board)

    async def _is_shown(self, info: Info, subject_id: UUID) -> bool:
        """Who hides on boards is not found by asking for them either."""
        if self.board.family.subject is not words.BoardSubjectKind.MEMBER:
            return True
        profile = await profile_of(info, subject_id)
        return profile is not None and not is_hidden(info, profile.member)


@strawberry.input(description="A board to give a title and prizes.")
class CreateBoardInput:
    title: str = strawberry.field(description="1-40 characters.")
    metric: BoardMetric = strawberry.field(description="What is counted.")
    period: BoardPeriod = strawberry.field(description="How long it counts; each one anew.")
    scope: BoardScopeInput | None = strawberry.field(
        default=None, description="Whose learning counts; everyone's unless given."
    )
    of: BoardSubjectKind | None = strawberry.field(default=None, description="Who is ranked; MEMBER unless given.")
    prizes: list[BoardPrizeInput] | None = strawberry.field(
        default=None,
        description="Won in each period that has not ended; of a shop by each of its people. Not of REGION, ALL_TIME.",
    )
    prizes_by: PrizeOrder | None = strawberry.field(
        default=None, description="What the places of `prizes` are; POSITION unless given."
    )

    def plain(self) -> BoardPlan:
        return BoardPlan(
            title=self.title,
            metric=self.metric,
            period=self.period,
            scope=BoardScopeInput.plain(self.scope),
            subject=self.of or BoardSubjectKind.MEMBER,
            prizes=prize_list(self.prizes, self.prizes_by),
        )


@strawberry.type(description="What became of CreateBoardInput.")
class CreateBoardPayload(Payload):
    board: HonourBoard | None = strawberry.field(default=None, description="The board of the running period.")


@strawberry.type(description="A board at one moment of its life.")
class BoardMoved:
    as_of: datetime = strawberry.field(description="The moment the update stands for.")
    phase: BoardPhase = strawberry.field(description="Once it is not OPEN, this was the last update.")
    standings: list[Standing] = strawberry.field(description="The top of the board, as many lines as asked for.")
    viewer_standing: ViewerStanding | None = strawberry.field(description="Null while the viewer is not ranked.")

    @classmethod
    def of(cls, board: Board, reading: Reading) -> Self:
        return cls(
            as_of=reading.as_of,
            phase=reading.phase,
            standings=[Standing(board=board, line=line) for line in reading.answer.page.rows],
            viewer_standing=ViewerStanding.of(board, reading),
        )


def is_hidden(info: Info, member: accounts.Member) -> bool:
    """Whether the viewer must not see who this is: everyone but the member."""
    actor = info.context.actor
    return member.hidden_on_boards and (actor is None or actor.member_id != member.id)


def _subject_id(board: Board, gid: str) -> UUID | None:
    try:
        return decode(gid, KINDS[board.family.subject])
    except DomainError:
        return None
