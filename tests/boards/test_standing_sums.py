"""The quick way to every board of a period says what the plain way says, which spreads everybody over all boards."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from gamification.boards import Placed, Placing, Still
from gamification.periods import counting
from gamification.standings import Family, Scope
from kit.clock import day_of
from kit.db import transaction
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier
from models.accounts import Member
from models.boards import SOURCES
from models.standing_sums import region_scores
from models.standings import all_scores
from services.board_projection import Truth, parts_of, true_boards
from services.boards import past_day, stretches_of
from services.ports import Ports
from tests.boards.story import Learner, earn, learner, moved_to, outlet, tree

Scores = dict[tuple[str, UUID, str], tuple[int, int, int]]
"""(metric, subject, scope) -> (version, score now, score at midnight), of those who have any."""


def spread(rows: list[dict[str, Any]]) -> Scores:
    return {
        (row["metric"], row["subject_id"], scope): (row["version"], now, past)
        for row in rows
        for scope, now, past in zip(row["scopes"], row["now"], row["past"], strict=True)
        if now or past
    }


def told(families: dict[Family, Truth], *, has_past: bool) -> Scores:
    found: Scores = {}
    for family, truth in families.items():
        for group in truth.still:
            for subject_id, version, score in group.subjects:
                for scope in group.scopes:
                    found[family.metric.value, subject_id, scope] = (version, score, score if has_past else 0)
        for placing in truth.moved:
            for scope, now, past in zip(placing.scopes, placing.now, placing.past, strict=True):
                if now or past:
                    found[family.metric.value, placing.subject_id, scope] = (placing.version, now, past)
    return found


async def months_of_learning(ports: Ports, random: Random) -> list[Learner]:
    """Fourteen learners in five shops; some change shops, a shop changes its station, one is suspended."""
    land = await tree()
    shops = [await outlet(ports, random.choice(land.stations), random.choice(list(OutletTier)[:2])) for _ in range(5)]
    people = [await learner(ports, random.choice(shops)) for _ in range(14)]
    now = ports.clock.now()
    for turn in range(2):
        for _ in range(150):
            at = now - timedelta(hours=random.randint(0, 20 * 24))
            amount = random.choice((1, 2, 3, -1))
            await earn(ports, random.choice(people), amount, at, random.choice(list(SOURCES)))
        if turn == 0:
            for number in (0, 1, 2):
                people[number] = moved_to(people[number], random.choice(shops), random.choice(land.stations))
    await Member.filter(id=people[3].id).update(suspended_at=now)
    return people


@pytest.mark.parametrize("seed", range(4))
async def test_the_quick_way_and_the_plain_way_agree(ports: Ports, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.board_projection.READ_AT_ONCE", 4)  # in several parts
    await months_of_learning(ports, Random(seed))
    today = day_of(ports.clock.now())
    compared = 0

    for period in counting(ports.clock.now(), ()):
        stretches = stretches_of(period, today)
        for kind in BoardSubjectKind:
            families = [Family(metric, period, kind) for metric in SOURCES]
            quick: Scores = {}
            for subjects in await parts_of(period, kind):
                quick |= told(await true_boards(families, today, subjects), has_past=len(stretches) == 2)
            plain = spread(await all_scores(kind, list(SOURCES), stretches))
            assert quick == plain, (seed, period, kind)
            compared += len(plain)
    assert compared > 500


async def test_marked_regions_are_what_all_regions_are_and_leave_boards_where_nothing_is_left(ports: Ports) -> None:
    people = await months_of_learning(ports, Random(1))
    today = day_of(ports.clock.now())
    regions = {each.placement.region_id for each in people}

    for period in counting(ports.clock.now(), ()):
        stretches = stretches_of(period, today)
        plain = spread(await all_scores(BoardSubjectKind.REGION, list(SOURCES), stretches))
        marked = await transaction(lambda at=stretches: region_scores(list(regions), list(SOURCES), at))

        assert {row["subject_id"] for row in marked} == regions
        assert {len(row["scopes"]) for row in marked} == {1}  # a station stands on the board of its county alone
        assert spread([row | {"version": 0} for row in marked]) == {
            key: score for key, score in plain.items() if key[1] in regions
        }


async def test_who_moves_while_a_board_is_built_does_not_take_the_others_past_away(ports: Ports) -> None:
    today = day_of(ports.clock.now())
    week = next(each for each in counting(ports.clock.now(), ()) if each.kind is BoardPeriod.WEEK and each.holds(today))
    family = Family(BoardMetric.POINTS, week, BoardSubjectKind.MEMBER)
    early, mover, late = (UUID(int=number) for number in (1, 2, 3))
    scope, day = str(Scope()), past_day(week, today)
    build = await ports.boards.begin(family)

    await ports.boards.fill_still(family, build, [Still([scope], [(early, 1, 300)])], day, None)
    await ports.boards.place([Placed(family, Placing(mover, 2, [scope], [400], [100]), day, None)])
    await ports.boards.fill_still(family, build, [Still([scope], [(late, 1, 200), (mover, 1, 100)])], day, None)
    await ports.boards.finish(family, build, None)

    keys = [key async for key in ports.redis.scan_iter(f"board:{{{family}*:m:{scope}")]
    assert await ports.boards.everything(family) == {
        scope: {str(early).encode(): 300, str(mover).encode(): 400, str(late).encode(): 200}
    }
    assert [dict(await ports.redis.zrange(key, 0, -1, withscores=True)) for key in keys] == [
        {str(mover).encode(): 100, str(late).encode(): 200, str(early).encode(): 300}
    ]
