"""The quick way to every board of a period says what the plain way says, which spreads everybody over all boards."""

from collections import defaultdict
from contextlib import aclosing
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from gamification.periods import counting, period_of
from gamification.standings import Family
from kit.clock import day_of
from kit.db import transaction
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier
from models.accounts import Member
from models.boards import SOURCES
from models.standing_sums import region_scores
from models.standings import all_scores
from services.board_building import Truth, parts_of, true_boards
from services.board_projection import kept_families
from services.boards import past_day, stretches_of, stretches_of_all
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


def told(families: dict[Family, Truth], today: date) -> dict[Family, Scores]:
    found: dict[Family, Scores] = {}
    for family, truth in families.items():
        scores: Scores = {}
        has_past, metric = past_day(family.period, today) is not None, family.metric.value
        for group in truth.settled:
            pasts = group.past or (group.now if has_past else [0] * len(group.now))
            for subject, version, now, past in zip(group.subjects, group.versions, group.now, pasts, strict=True):
                for scope in group.scopes:
                    scores[metric, UUID(subject), scope] = (version, now, past)
        for placing in truth.spread:
            for scope, now, past in zip(placing.scopes, placing.now, placing.past, strict=True):
                if now or past:
                    scores[metric, placing.subject_id, scope] = (placing.version, now, past)
        found[family] = scores
    return found


async def true_scores(families: list[Family], today: date) -> dict[Family, Scores]:
    found: defaultdict[Family, Scores] = defaultdict(dict)
    async with aclosing(true_boards(families, today, await parts_of(families))) as parts:
        async for part in parts:
            for family, scores in told(part, today).items():
                assert not found[family].keys() & scores.keys(), "somebody is in two parts"
                found[family] |= scores
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
    monkeypatch.setattr("services.board_building.READ_AT_ONCE", 4)  # in several parts
    await months_of_learning(ports, Random(seed))
    today = day_of(ports.clock.now())
    families = await kept_families(ports.clock.now())

    quick = await true_scores(families, today)

    compared = 0
    for family in families:
        plain = spread(await all_scores(family.subject, [family.metric], stretches_of(family.period, today)))
        assert quick[family] == plain, (seed, str(family))
        compared += len(plain)
    assert compared > 500


async def test_a_few_families_are_read_by_themselves(ports: Ports) -> None:
    await months_of_learning(ports, Random(7))
    today = day_of(ports.clock.now())
    week, month = (period_of(kind, today, ()) for kind in (BoardPeriod.WEEK, BoardPeriod.MONTH))
    families = [
        Family(BoardMetric.POINTS, week, BoardSubjectKind.OUTLET),
        Family(BoardMetric.STREAK_DAYS, month, BoardSubjectKind.MEMBER),
    ]

    found = await true_scores(families, today)

    assert found.keys() == set(families)
    for family in families:
        plain = spread(await all_scores(family.subject, [family.metric], stretches_of(family.period, today)))
        assert found[family] == plain
        assert plain


async def test_marked_regions_are_what_all_regions_are_and_leave_boards_where_nothing_is_left(ports: Ports) -> None:
    people = await months_of_learning(ports, Random(1))
    today = day_of(ports.clock.now())
    regions = {each.placement.region_id for each in people}

    periods = counting(ports.clock.now(), ())

    at = stretches_of_all(periods, today)
    marked = await transaction(lambda: region_scores(list(regions), list(SOURCES), at))

    assert {row["subject_id"] for row in marked} == regions
    assert {len(row["scopes"]) for row in marked} == {1}  # a station stands on the board of its county alone
    for number, period in enumerate(periods):
        plain = spread(await all_scores(BoardSubjectKind.REGION, list(SOURCES), stretches_of(period, today)))
        assert spread([row | {"version": 0} for row in marked if row["period"] == number]) == {
            key: score for key, score in plain.items() if key[1] in regions
        }
