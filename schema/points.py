"""Points as clients see them: what was earned and why, what pays, the level and the streak."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from gamification import corrections, prizes, rules, spending
from kit import words
from models import points
from models.corrections import reasons_of
from models.points import LedgerEntryRow, RefusedAwardRow
from schema.badges import Badge
from schema.boards import HonourBoard
from schema.context import Info
from schema.courses import Course, Lesson
from schema.ids import encode
from schema.levels import ViewerLevel
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.profiles import own_profile
from schema.totals import Points
from schema.viewer_part import ViewerPart
from schema.words import PointAccount, RefusalReason
from services.board_prizes import boards_of_awards
from services.courses import visible_courses, visible_lessons
from services.points import Award as Earned

if TYPE_CHECKING:
    from schema.viewer import Viewer


TITLES = {**rules.TITLES, **spending.TITLES, **prizes.TITLES, **corrections.TITLES}


def title_of(rule: str, info: Info) -> str:
    """The rule's name in the reader's language; what was booked under no rule of the game shows its code."""
    title = TITLES.get(rule)
    return title.text(info.context.language) if title is not None else rule


async def subject_of(object_type: str, object_id: UUID, info: Info) -> Node | None:
    """The course, lesson or board something was about; None for a day or a week, and for what may no longer be seen."""
    loaders, actor = info.context.loaders, info.context.actor
    if object_type == "Course":
        course = await loaders.of(visible_courses, actor).load(object_id)
        return Course.of(course) if course is not None else None
    if object_type == "Lesson":
        lesson = await loaders.of(visible_lessons, actor).load(object_id)
        return Lesson.of(lesson) if lesson is not None else None
    if object_type == "HonourBoard":
        board = await loaders.of(boards_of_awards).load(object_id)
        return HonourBoard.of(board) if board is not None else None
    return None


@strawberry.type(description="Points just earned.")
class Award:
    rule: str = strawberry.field(
        description="The code of the rule that paid, as in `pointRules`; of a prize: prize.season and the like."
    )
    points: int = strawberry.field(description="Paid on both accounts; a prize on the balance alone.")
    object_type: strawberry.Private[str]
    object_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, earned: Earned) -> Self:
        return cls(rule=earned.rule, points=earned.points, object_type=earned.object_type, object_id=earned.object_id)

    @strawberry.field(description="The rule's name in the reader's language.")
    def title(self, info: Info) -> str:
        return title_of(self.rule, info)

    @strawberry.field(description="The course or lesson it is for, the board of a prize; null for a day or a week.")
    async def subject(self, info: Info) -> Node | None:
        return await subject_of(self.object_type, self.object_id, info)


@strawberry.type(description="One line of an account, never changed afterwards.")
class PointEntry(Node):
    row: strawberry.Private[LedgerEntryRow]
    amount: int = strawberry.field(description="In points; negative for what was spent or undone.")
    account: PointAccount = strawberry.field(description="Which of the two accounts.")
    rule: str = strawberry.field(description="The code of the rule it was booked under.")
    occurred_at: datetime = strawberry.field(
        description="When it was earned; its Shanghai day is the day it counts for."
    )
    booked_at: datetime = strawberry.field(description="When the server wrote it down.")
    balance_after: int = strawberry.field(description="What this account held after it.")

    @classmethod
    def of(cls, row: LedgerEntryRow) -> Self:
        return cls(
            id=encode("PointEntry", row.id),
            row=row,
            amount=row.amount,
            account=row.account,
            rule=row.rule,
            occurred_at=row.occurred_at,
            booked_at=row.booked_at,
            balance_after=row.balance_after,
        )

    @strawberry.field(description="The rule's name in the reader's language.")
    def title(self, info: Info) -> str:
        return title_of(self.rule, info)

    @strawberry.field(description="Why somebody corrected the points by hand; null for what rules and prizes did.")
    async def reason(self, info: Info) -> str | None:
        return await info.context.loaders.of(reasons_of).load(self.row.booking_id)

    @strawberry.field(description="The entry this one undoes, if it is a correction.")
    async def reverses(self, info: Info) -> Annotated["PointEntry", strawberry.lazy("schema.points")] | None:
        if self.row.reverses_id is None:
            return None
        undone = await info.context.loaders.of(points.entries_by_ids).load(self.row.reverses_id)
        return PointEntry.of(undone) if undone is not None else None

    @strawberry.field(description="The course or lesson it is for, the board of a prize; null for a day or a week.")
    async def subject(self, info: Info) -> Node | None:
        return await subject_of(self.row.object_type, self.row.object_id, info)


AccountAsked = Annotated[PointAccount | None, strawberry.argument(description="Whose lines; BALANCE unless given.")]


async def entries_of(
    info: Info,
    member_id: UUID,
    account: words.PointAccount,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[PointEntry]:
    """A page of the lines of one account."""
    scope = f"point entries {member_id} {account}"
    page = await points.entries_of(member_id, account, ask(info, scope, first, after, last, before))
    return connection(
        info,
        page,
        scope=scope,
        of=PointEntry.of,
        key=lambda row: [row.account_version],
        count=lambda: points.count_entries(member_id, account),
    )


@strawberry.type(description="Points that something did not earn, remembered for 30 days.")
class RefusedAward:
    row: strawberry.Private[RefusedAwardRow]
    rule: str = strawberry.field(description="The code of the rule that would have paid.")
    points: int = strawberry.field(description="What is missing from the full award.")
    reason: RefusalReason = strawberry.field(description="Why they were not paid.")
    occurred_at: datetime = strawberry.field(description="When it would have been earned.")

    @classmethod
    def of(cls, row: RefusedAwardRow) -> Self:
        return cls(
            row=row,
            rule=row.rule,
            points=row.points_missing,
            reason=RefusalReason(row.reason),
            occurred_at=row.occurred_at,
        )

    @strawberry.field(description="The rule's name in the reader's language.")
    def title(self, info: Info) -> str:
        return title_of(self.rule, info)

    @strawberry.field(description="The course or lesson it is about.")
    async def subject(self, info: Info) -> Node | None:
        return await subject_of(self.row.object_type, self.row.object_id, info)


@strawberry.type(description="The viewer after a change of points, level, streak or badges, and what it brought.")
class PointsChange:
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] = strawberry.field(description="The state of now.")
    awards: list[Award] = strawberry.field(description="Points just earned; empty in the first event.")
    badges: list[Badge] = strawberry.field(description="Badges just earned; empty in the first event.")


@strawberry.type
class PointsViewer(ViewerPart):
    @strawberry.field(description="The viewer's points on both accounts (积分).")
    async def points(self, info: Info) -> Points | None:
        return Points.of((await own_profile(info, self.member_id)).account)

    @strawberry.field(description="The viewer's level and the way to the next (等级).")
    async def level(self, info: Info) -> ViewerLevel | None:
        return ViewerLevel.of((await own_profile(info, self.member_id)).account.lifetime)

    @strawberry.field(description="The lines of one account, the last booked first.")
    async def point_entries(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        account: AccountAsked = PointAccount.BALANCE,
    ) -> Connection[PointEntry] | None:
        return await entries_of(info, self.member_id, account or PointAccount.BALANCE, first, after, last, before)

    @strawberry.field(description="What did not pay in the last 30 days and why, newest first.")
    async def refused_awards(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[RefusedAward] | None:
        scope = f"refused awards {self.member_id}"
        now = info.context.ports.clock.now()
        page = await points.refused_of(self.member_id, now, ask(info, scope, first, after, last, before))
        return connection(
            info,
            page,
            scope=scope,
            of=RefusedAward.of,
            key=lambda row: [row.occurred_at, row.id],
            count=lambda: points.count_refused(self.member_id, now),
        )
