"""Boards that admins make: a title and prizes for a metric, period, kind of subject and scope."""

from dataclasses import dataclass

from auth.actor import Actor
from auth.permissions import may_run_offers
from gamification.periods import period_of
from gamification.prize_lines import PrizeList, fault_of
from gamification.standings import Board, Family, Scope
from kit.clock import day_of
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from models.audit import Details
from models.board_prizes import add_board
from services.audit import record
from services.board_prizes import written
from services.offers import path_of
from services.outlets import visible_regions
from services.ports import Ports
from services.seasons import named_seasons

LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class BoardPlan:
    title: str
    metric: BoardMetric
    period: BoardPeriod
    scope: Scope
    subject: BoardSubjectKind
    prizes: PrizeList


async def create_board(ports: Ports, actor: Actor, plan: BoardPlan) -> Board:
    """Give a board a title and prizes; the board of the running period. CONFLICT if it has been made before.

    FORBIDDEN outside the actor's own subtrees. Regions win no prizes, and what never ends is never awarded.
    """
    title, now = plan.title.strip(), ports.clock.now()
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_input("title")
    unpaid = plan.subject is BoardSubjectKind.REGION or plan.period is BoardPeriod.ALL_TIME
    if plan.prizes.lines and unpaid:
        raise bad_input("prizes")
    if (fault := fault_of(plan.prizes.lines)) is not None:
        raise bad_input("prizes", *fault)
    region_id = plan.scope.region_id
    if region_id is not None and (await visible_regions(actor, [region_id]))[0] is None:
        raise not_found("scope", "regionId")
    path = await path_of(region_id)
    if not may_run_offers(actor, path):
        raise DomainError(ErrorCode.FORBIDDEN)
    seasons = await named_seasons() if plan.period is BoardPeriod.SEASON else []
    board = Board(Family(plan.metric, period_of(plan.period, day_of(now), seasons), plan.subject), plan.scope)

    async def work() -> Board:
        row_id = new_id()
        made = await add_board(
            row_id,
            title,
            plan.metric,
            plan.period,
            plan.subject,
            region_id,
            plan.scope.tier,
            written(plan.prizes),
            plan.prizes.by,
            now,
        )
        if not made:
            raise DomainError(ErrorCode.CONFLICT)
        details: Details = {"title": title, "board": f"{board.definition}.{plan.scope}"}
        await record(ports, actor, "board.created", "MadeBoard", row_id, details, region_path=path or None)
        return board

    return await transaction(work)
