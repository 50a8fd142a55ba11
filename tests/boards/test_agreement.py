"""Three ways to one answer: the sorted sets, SQL, and plain arithmetic over everything that was counted."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from gamification.periods import Period, counting
from gamification.scores import pack
from gamification.standings import Board, Family, Question, Scope
from kit.clock import day_of
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier
from models.accounts import Member
from models.boards import SOURCES
from services.board_building import check_boards, rebuild
from services.board_verifying import verify_boards
from services.boards import answer_from_days, read_board
from services.ports import Ports
from tests.boards.story import Learner, Tree, changed, earn, learner, moved_to, outlet, settle, tree

Totals = dict[UUID, int]


@dataclass(frozen=True, slots=True)
class Earned:
    who: Learner
    metric: BoardMetric
    amount: int
    at: datetime


async def live(ports: Ports, people: list[Learner], random: Random, start: datetime, hours: int) -> list[Earned]:
    """Everybody does something now and then, in amounts and at hours that make for many ties."""
    done: list[Earned] = []
    for _ in range(60):
        at = start + timedelta(hours=random.randint(0, hours))
        earned = Earned(random.choice(people), random.choice(list(SOURCES)), random.randint(1, 3), at)
        await earn(ports, earned.who, earned.amount, earned.at, earned.metric)
        done.append(earned)
    return done


def person_totals(earned: list[Earned], period: Period) -> dict[UUID, tuple[int, datetime]]:
    """Learner -> (total, reached at) of what was earned, all of one metric."""
    mine: defaultdict[UUID, list[Earned]] = defaultdict(list)
    for each in earned:
        mine[each.who.id].append(each)
    if earned and earned[0].metric is BoardMetric.STREAK_DAYS:
        return {who: streak(each) for who, each in mine.items()}
    return {who: (sum(e.amount for e in each), max(e.at for e in each)) for who, each in mine.items()}


def streak(earned: list[Earned]) -> tuple[int, datetime]:
    latest: dict[date, datetime] = {}
    for each in earned:
        day = day_of(each.at)
        latest[day] = max(latest.get(day, each.at), each.at)
    best, run = (0, min(latest.values())), 0
    for day in sorted(latest):
        run = run + 1 if day - timedelta(days=1) in latest else 1
        best = (run, latest[day]) if run > best[0] else best
    return best


def expected(everything: list[Earned], board: Board, land: Tree, ranked: set[UUID], until: date) -> Totals:
    """Subject -> packed score, from what happened before the day `until`, the plain way."""
    parents = {land.counties[0].id: land.city.id, land.counties[1].id: land.city.id}
    parents |= {land.stations[0].id: land.counties[0].id, land.stations[1].id: land.counties[0].id}
    parents |= {land.stations[2].id: land.counties[1].id}

    def lineage(region_id: UUID) -> list[UUID]:
        return [region_id, *(lineage(parents[region_id]) if region_id in parents else [])]

    def inside(each: Earned) -> bool:
        place, scope, day = each.who.placement, board.scope, day_of(each.at)
        return (
            each.who.id in ranked
            and board.period.holds(day)
            and day < until
            and (scope.region_id is None or scope.region_id in lineage(place.region_id))
            and (scope.tier is None or scope.tier is place.tier)
        )

    counted = [each for each in everything if inside(each)]
    of_metric = [each for each in counted if each.metric is board.family.metric]
    if board.family.subject is BoardSubjectKind.MEMBER:
        return {who: pack(*total, board.period) for who, total in person_totals(of_metric, board.period).items()}
    siblings = {child for child, parent in parents.items() if parent == board.scope.region_id}
    if board.scope.region_id is None:
        siblings = {county.id for county in land.counties}

    def subject(each: Earned) -> UUID | None:
        if board.family.subject is BoardSubjectKind.OUTLET:
            return each.who.placement.outlet_id
        return next((region for region in lineage(each.who.placement.region_id) if region in siblings), None)

    found: Totals = {}
    for one in {subject(each) for each in of_metric} - {None}:
        persons = person_totals([each for each in of_metric if subject(each) == one], board.period)
        points, reached_at = sum(points for points, _ in persons.values()), max(at for _, at in persons.values())
        if board.family.subject is BoardSubjectKind.REGION:
            active = len({each.who.id for each in counted if subject(each) == one})
            if active < 5:
                continue
            points = (2 * points + active) // (2 * active)
        if points and one is not None:
            found[one] = pack(points, reached_at, board.period)
    return found


def ordered(totals: Totals) -> list[UUID]:
    return sorted(totals, key=lambda subject: (totals[subject], subject.bytes), reverse=True)


def all_boards(ports: Ports, land: Tree) -> list[Board]:
    regions = [None, land.city.id, *(county.id for county in land.counties), *(each.id for each in land.stations)]
    return [
        Board(Family(metric, period, subject), Scope(region_id, tier))
        for period in counting(ports.clock.now(), ())
        for metric in SOURCES
        for subject in BoardSubjectKind
        for region_id in regions
        for tier in (None, OutletTier.NEW)
    ]


async def agree(ports: Ports, everything: list[Earned], land: Tree, ranked: set[UUID], random: Random) -> None:
    today = day_of(ports.clock.now())
    boards = all_boards(ports, land)
    for board in random.sample(boards, 60):
        now = expected(everything, board, land, ranked, date.max)
        past = expected(everything, board, land, ranked, today)
        order, before = ordered(now), {subject: place for place, subject in enumerate(ordered(past), start=1)}
        viewer = random.choice(order) if order else None
        question = Question(Ask(100), viewer, 2, tuple(random.sample(order, min(3, len(order)))))

        reading = await read_board(ports, board, question)
        answer = reading.answer

        assert not reading.stale
        assert [(line.subject_id, line.packed) for line in answer.page.rows] == [(each, now[each]) for each in order]
        over = not board.period.holds(today)
        for place, line in enumerate(answer.page.rows, start=1):
            better = sum(1 for each in now.values() if each >> 25 > line.points)
            same = sum(1 for each in now.values() if each >> 25 == line.points)
            moved = before[line.subject_id] - place if line.subject_id in before else None
            moved = None if board.period.kind is BoardPeriod.DAY else 0 if over else moved
            assert (line.position, line.rank, line.tied_with, line.movement) == (place, better + 1, same - 1, moved)
        assert await answer_from_days(board, question, today) == answer
        for _ in range(4):
            asked = replace(question, page=random_page(now, random))
            kept = (await read_board(ports, board, asked)).answer
            assert await answer_from_days(board, asked, today) == kept


def random_page(totals: Totals, random: Random) -> Ask:
    """A page between keys some of which are on the board, some of which were."""

    def key() -> tuple[int, UUID] | None:
        if not totals or random.random() < 0.4:
            return None
        subject = random.choice(list(totals))
        gone = random.random() < 0.4
        return totals[subject] + random.randint(-1, 1) * gone, UUID(int=random.getrandbits(128)) if gone else subject

    return Ask(random.randint(1, 6), key(), key(), backwards=random.random() < 0.5)


@pytest.mark.parametrize("seed", range(3))
async def test_sorted_sets_and_sql_answer_what_arithmetic_says(ports: Ports, seed: int) -> None:
    random = Random(seed)
    land = await tree()
    shops = [await outlet(ports, random.choice(land.stations), random.choice(list(OutletTier)[:2])) for _ in range(5)]
    people = [await learner(ports, random.choice(shops)) for _ in range(14)]
    ports.clock.advance(timedelta(days=-1))  # type: ignore[attr-defined]
    await check_boards(ports)

    history = await live(ports, people, random, ports.clock.now() - timedelta(days=9), 9 * 24)
    await settle(ports)
    ranked = {who.id for who in people}
    await agree(ports, history, land, ranked, random)

    ports.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    await check_boards(ports)
    for number in (0, 1):
        shop = random.choice(shops)
        station = next(each for each in land.stations if each.id == shop.region_id)
        people[number] = moved_to(people[number], shop, station)
    history += await live(ports, people, random, ports.clock.now() - timedelta(hours=40), 40)
    await Member.filter(id=people[2].id).update(suspended_at=ports.clock.now())
    await changed(ports, people[2])
    await settle(ports)
    ranked -= {people[2].id}
    await agree(ports, history, land, ranked, random)
    differences = [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")]
    assert differences == []

    await rebuild(ports)
    await agree(ports, history, land, ranked, random)
