"""What boards pay: which prizes a board has, who won them once it is closed, and that they are paid."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

from gamification.periods import Period, Season
from gamification.prize_lines import PrizeLine, PrizeList
from gamification.prizes import BOARD_PRIZE, SEASON_PRIZE
from gamification.standings import Board, Family, Line, Question, Scope
from kit.db import transaction
from kit.ids import new_id
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, NoticeKind, PrizeOrder
from models import board_prizes, standings
from models.board_prizes import BoardAward, MadeBoard
from models.seasons import seasons_by_starts
from services.boards import closing_of, read_board, stretches_of
from services.notices import Tidings, tell_each
from services.ports import Ports
from services.prizes import Win, award_prizes, pay_prizes
from services.seasons import named_seasons, prizes_of_season

NO_PRIZES = PrizeList((), PrizeOrder.POSITION)


async def prizes_of(boards: Sequence[Board]) -> list[PrizeList]:
    """What each board pays, in their order.

    A named season's own list is that of everyone's points; any other list is that of the board which an admin made,
    for every period that had not ended by then.
    """
    made = {_place(row): row for row in await board_prizes.made_boards([board.period.kind for board in boards])}
    starts = list({board.period.starts_on for board in boards if _is_main(board)})
    seasons = dict(zip(starts, await seasons_by_starts(starts), strict=True)) if starts else {}
    found: list[PrizeList] = []
    for board in boards:
        season = seasons.get(board.period.starts_on) if _is_main(board) else None
        row = made.get((board.definition, board.scope))
        if season is not None and season.prizes:
            found.append(prizes_of_season(season))
        elif row is not None and (board.period.ends_at is None or row.created_at < board.period.ends_at):
            found.append(prizes_of_row(row))
        else:
            found.append(NO_PRIZES)
    return found


async def titles_of(boards: Sequence[Board]) -> list[str | None]:
    """The titles that admins gave these boards, in their order; None where nobody did."""
    made = {_place(row): row for row in await board_prizes.made_boards([board.period.kind for board in boards])}
    rows = [made.get((board.definition, board.scope)) for board in boards]
    return [row.title if row is not None else None for row in rows]


async def missing_to_prize(ports: Ports, board: Board, mine: Line) -> int | None:
    """What this line still needs to win more than it does now; None where there is nothing more to win, or no longer.

    By position somebody has to be overtaken, who got there first; by rank drawing level is enough.
    """
    if (await closing_of(ports, board))[1] is not None:
        return None
    [prizes] = await prizes_of([board])
    by_rank = prizes.by is PrizeOrder.RANK
    place = prizes.next_better(mine.rank if by_rank else mine.position)
    if place is None:
        return None
    ahead = (await read_board(ports, board, Question(place=place))).answer.at_place
    return max(1, ahead - mine.points + (0 if by_rank else 1)) if ahead is not None else None


async def decide_prizes(ports: Ports) -> None:
    """Write down who won what with every board that was closed and has prizes, once each."""
    for period_id in await board_prizes.undecided_periods():
        await transaction(partial(_decide, ports, period_id))


async def give_prizes(ports: Ports) -> None:
    """Decide, pay and mark what was paid. Each step finds what is left to do, so a crash between any two is resumed."""
    await decide_prizes(ports)
    await pay_prizes(ports)
    await transaction(partial(board_prizes.settle_awards, ports.clock.now()))


async def winners(board: Board, prizes: PrizeList, period_id: UUID) -> list[Win]:
    """Who wins what by the snapshot of a closed period, the best place first.

    What a shop wins goes to each of its people who counted for it.
    """
    by_rank = prizes.by is PrizeOrder.RANK
    found = await standings.top_lines(
        board.family.subject,
        board.family.metric,
        (board.scope.region_id, board.scope.tier),
        stretches_of(board.period, board.period.starts_on)[:1],
        period_id,
        prizes.last_place,
        by_rank=by_rank,
    )
    places = [(row["subject_id"], row["rank" if by_rank else "position"]) for row in found]
    paid = [(subject_id, place, prizes.points_for(place)) for subject_id, place in places]
    won = [(subject_id, place, points) for subject_id, place, points in paid if points]
    if board.family.subject is BoardSubjectKind.MEMBER:
        return [Win(*each) for each in won]
    outlets = [subject_id for subject_id, _, _ in won]
    scope = board.scope
    people = await board_prizes.people_behind(period_id, board.family.metric, outlets, scope.region_id, scope.tier)
    best: dict[UUID, Win] = {}
    for outlet_id, place, points in won:
        for member_id in people.get(outlet_id, ()):
            best.setdefault(member_id, Win(member_id, place, points))  # with two shops: the better place
    return list(best.values())


async def boards_of_awards(award_ids: Sequence[UUID]) -> list[Board | None]:
    """The boards that these awards were given for, in their order."""
    seasons = await named_seasons()
    awards = await board_prizes.awards_by_ids(award_ids)
    return [Board.parse(award.board, seasons) if award is not None else None for award in awards]


async def prize_differences() -> list[tuple[str, UUID, str, str]]:
    """(board, member, what was won, what the snapshot says) wherever the two are not the same."""
    found: list[tuple[str, UUID, str, str]] = []
    for award, period_row in await board_prizes.all_awards():
        board = Board.parse(award.board, [Season(period_row.starts_on, period_row.ends_on)])
        assert board is not None, award.board
        won = await winners(board, prizes_of_row(award), period_row.id)
        true = {win.member_id: (win.place, win.points) for win in won}
        kept = await board_prizes.prizes_of_source(award.id)
        found += [
            (award.board, member_id, str(kept.get(member_id)), str(true.get(member_id)))
            for member_id in sorted(true.keys() | kept.keys())
            if true.get(member_id) != kept.get(member_id)
        ]
    return found


def prizes_of_row(row: MadeBoard | BoardAward) -> PrizeList:
    return PrizeList(tuple(PrizeLine(**line) for line in row.prizes), row.prizes_by)


def written(prizes: PrizeList) -> list[dict[str, Any]]:
    """A list as tables keep it."""
    return [asdict(line) for line in prizes.lines]


async def _decide(ports: Ports, period_id: UUID) -> None:
    row = await board_prizes.locked_period(period_id)
    if row.phase is not BoardPhase.FROZEN or row.decided_at is not None:
        return
    period, now = Period(row.period, row.starts_on, row.ends_on), ports.clock.now()
    kind = SEASON_PRIZE if row.period is BoardPeriod.SEASON else BOARD_PRIZE
    boards = await _boards_with_a_name(period)
    for board, prizes in zip(boards, await prizes_of(boards), strict=True):
        if not prizes.lines:
            continue
        award = await BoardAward.create(
            id=new_id(),
            period_id=row.id,
            board=str(board),
            prizes=written(prizes),
            prizes_by=prizes.by,
            decided_at=now,
        )
        won = await winners(board, prizes, row.id)
        await award_prizes(ports, kind, award.id, won)
        await _tell(ports, award, await _name_of(board), won)
    row.decided_at = now
    await row.save(update_fields=["decided_at"], force_update=True)


async def _tell(ports: Ports, award: BoardAward, board: str, won: Sequence[Win]) -> None:
    told = [
        Tidings(win.member_id, str(award.id), {"board": board, "position": win.place, "points": win.points})
        for win in won
    ]
    await tell_each(ports, NoticeKind.SEASON_PRIZE, told)


async def _name_of(board: Board) -> str:
    """What admins called the board, else its season."""
    [title] = await titles_of([board])
    if title is not None:
        return title
    [season] = await seasons_by_starts([board.period.starts_on])
    assert season is not None, "without a title only the board of a named season has prizes"
    return season.title


async def _boards_with_a_name(period: Period) -> list[Board]:
    """The boards of a period that may have prizes: its season's main one, and those that were made."""
    rows = await board_prizes.made_boards([period.kind])
    made = [Board(Family(row.metric, period, row.subject), _scope(row)) for row in rows]
    main = Board(Family(BoardMetric.POINTS, period, BoardSubjectKind.MEMBER), Scope())
    return list(dict.fromkeys([*([main] if _is_main(main) else []), *made]))


def _is_main(board: Board) -> bool:
    family = board.family
    return (family.period.kind, family.metric, family.subject, board.scope) == (
        BoardPeriod.SEASON,
        BoardMetric.POINTS,
        BoardSubjectKind.MEMBER,
        Scope(),
    )


def _place(row: MadeBoard) -> tuple[str, Scope]:
    return f"{row.metric.value}.{row.period.value}.{row.subject.value}", _scope(row)


def _scope(row: MadeBoard) -> Scope:
    return Scope(row.region_id, row.tier)
