"""Leagues over weeks: formed on Monday, joined late, settled at the end, corrected by late reports, told."""

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.words import BoardMetric, LeagueZone, OutletTier
from models.accounts import Member
from services.leagues import admit, admit_missed, form_week, keep_leagues, verify_leagues
from services.ports import Ports
from tests.leagues.story import Town, divisions, results, sizes, zone_of
from tests.world import World
from workers.relay import drain

THIS = date(2026, 3, 2)
NEXT = date(2026, 3, 9)
PROMOTE, STAY, DEMOTE = LeagueZone.PROMOTE, LeagueZone.STAY, LeagueZone.DEMOTE


@pytest.fixture
async def town(world: World, clock: FrozenClock) -> Town:
    return await Town.founded(world, clock)


async def test_a_week_is_formed_from_those_who_learned_in_the_last_fourteen_days(
    town: Town, clock: FrozenClock
) -> None:
    late, early, never, watching = [await town.learners(many) for many in (3, 4, 5, 2)]
    await town.earn(late, 10, clock.now() - timedelta(days=7))
    await town.earn(early, 10, clock.now() - timedelta(days=8))
    await town.earn(watching, 60, metric=BoardMetric.LEARNING_SECONDS)

    monday = await town.next_week()

    assert monday == NEXT
    # The Monday fourteen days before is the 23rd of February: what was learned on the 22nd is too long ago.
    assert set(await divisions(NEXT)) == {*late, *watching}
    assert not {*early, *never} & set(await divisions(NEXT))
    assert await sizes(NEXT) == {"BRONZE": [5]}


async def test_leagues_are_of_one_tier_and_one_city(town: Town, world: World, clock: FrozenClock) -> None:
    there = await Town.founded(world, clock, "广州")
    people = {}
    for place in (town, there):
        for tier in (OutletTier.NEW, OutletTier.PARTNER):
            people[place.city.id, tier.value] = await place.learners(41, tier)
            await place.earn(people[place.city.id, tier.value], 10)

    await town.next_week()

    found = await rows(
        "SELECT l.city_id, l.tier, count(*)::int AS n, array_agg(m.member_id) AS members FROM leagues l"
        " JOIN league_members m ON m.league_id = l.id GROUP BY l.id"
    )
    assert sorted(row["n"] for row in found) == [20] * 4 + [21] * 4
    assert all(set(row["members"]) <= set(people[row["city_id"], row["tier"]]) for row in found)


async def test_a_shop_without_a_city_above_it_plays_with_its_province(world: World, clock: FrozenClock) -> None:
    province = await world.region("海南")
    county = await world.region("五指山", parent=await world.region(parent=province, kind=None))
    member = await world.learner(outlet=await world.outlet(region=province))
    other = await world.learner(outlet=await world.outlet(region=county))
    town = await Town.founded(world, clock)
    await town.shop()
    await town.earn([member.id, other.id], 10)

    await town.next_week()

    found = await rows("SELECT m.member_id, l.city_id FROM leagues l JOIN league_members m ON m.league_id = l.id")
    assert {row["member_id"]: row["city_id"] for row in found} == {member.id: province.id, other.id: county.parent_id}


async def test_the_first_seven_rise_and_the_last_seven_fall(town: Town) -> None:
    people = await town.learners(30)
    await town.earn(people, 1)
    await town.next_week()
    await town.earn(people, list(range(30, 0, -1)))

    monday = await town.next_week()
    first = await results(NEXT)
    held = await divisions(monday)
    await town.earn(people, list(range(30, 0, -1)))
    await town.next_week()
    second = await results(monday)

    assert [first[each] for each in (people[0], people[6], people[7], people[29])] == [
        (1, 30, "PROMOTE"), (7, 24, "PROMOTE"), (8, 23, "STAY"), (30, 1, "STAY"),
    ]  # fmt: skip
    assert [held[each] for each in people] == ["SILVER"] * 7 + ["BRONZE"] * 23
    # Silver has seven members now, of whom two rise and two fall; bronze has twenty-three.
    assert [zone_of(second, each) for each in people] == (
        [PROMOTE] * 2 + [STAY] * 3 + [DEMOTE] * 2 + [PROMOTE] * 7 + [STAY] * 16
    )


async def test_who_reached_a_score_first_is_ahead_and_who_is_level_with_the_seventh_rises(town: Town) -> None:
    people = await town.learners(24)
    await town.earn(people, 1)
    await town.next_week()
    await town.earn(people, [50] * 6 + [20] * 4 + [5] * 14)

    await town.next_week()

    found = await results(NEXT)
    assert [found[each][0] for each in people if found[each]] == list(range(1, 25))  # type: ignore[index]
    assert [zone_of(found, each) for each in people] == [PROMOTE] * 10 + [STAY] * 14


async def test_nobody_rises_by_doing_nothing(town: Town) -> None:
    people = await town.learners(21)
    await town.earn(people, 5)
    await town.next_week()
    await town.earn(people[:2], 5)

    await town.next_week()

    found = await results(NEXT)
    assert [zone_of(found, each) for each in people[:2]] == [PROMOTE] * 2
    assert {zone_of(found, each) for each in people[2:]} == {STAY}


async def test_who_learns_after_the_forming_joins_the_smallest_league(town: Town, ports: Ports) -> None:
    await town.earn(await town.learners(61), 10)
    monday = await town.next_week()
    before = await sizes(monday)
    [late] = await town.learners(1)

    await town.earn([late], 10)
    await drain(ports)

    assert before == {"BRONZE": [31, 30]}
    assert await sizes(monday) == {"BRONZE": [31, 31]}
    assert (await divisions(monday))[late] == "BRONZE"
    assert await admit(ports) == 0
    assert await verify_leagues() == []


async def test_a_member_who_pauses_keeps_the_division(town: Town, ports: Ports) -> None:
    people = await town.learners(3)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people[:1], 10)
    silver = await divisions(await town.next_week())
    await town.next_week()
    away = await divisions(await town.next_week())

    await town.earn(people[:1], 10)
    await drain(ports)

    assert (silver[people[0]], away) == ("SILVER", {})
    assert await divisions(date(2026, 3, 30)) == {people[0]: "SILVER"}


async def test_a_crowd_that_comes_on_an_unformed_week_is_dealt_out_evenly(town: Town, ports: Ports) -> None:
    await town.tick()
    people = await town.learners(100)
    await town.earn(people, 10)

    await drain(ports)

    assert await sizes(THIS) == {"BRONZE": [34, 33, 33]}


async def test_ten_processes_at_once_settle_form_and_tell_once(town: Town, ports: Ports, clock: FrozenClock) -> None:
    people = await town.learners(100)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, list(range(100)))
    clock.advance(timedelta(days=7))

    await asyncio.gather(*(keep_leagues(ports) for _ in range(10)))

    monday = date(2026, 3, 16)
    # Three leagues had 34, 33 and 33 members: seven of each rise.
    assert await sizes(monday) == {"BRONZE": [27, 26, 26], "SILVER": [21]}
    [counted] = await rows(
        "SELECT (SELECT count(*) FROM league_weeks)::int AS weeks,"
        " (SELECT count(*) FROM notices WHERE kind = 'LEAGUE_RESULT')::int AS told"
    )
    assert counted == {"weeks": 2, "told": 100}
    assert await verify_leagues() == []


async def test_whoever_forms_a_week_settles_first_what_the_others_left(
    town: Town, ports: Ports, clock: FrozenClock
) -> None:
    people = await town.learners(100)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, list(range(100)))
    clock.advance(timedelta(days=7))

    await form_week(ports)

    assert await sizes(date(2026, 3, 16)) == {"BRONZE": [27, 26, 26], "SILVER": [21]}
    assert await verify_leagues() == []


async def test_late_joiners_who_come_at_once_each_have_one_league(town: Town, ports: Ports) -> None:
    await town.earn(await town.learners(41), 10)
    monday = await town.next_week()
    late = await town.learners(20)
    shop = await town.shop()
    await execute(
        "INSERT INTO metric_days SELECT id, 'POINTS', $2, $3, $4, 'NEW', 10, NULL FROM unnest($1::uuid[]) AS id",
        late, monday, shop.id, shop.region_id,
    )  # fmt: skip

    joined = await asyncio.gather(*(admit(ports, late[: 2 + n % 19]) for n in range(10)), admit_missed(ports))

    assert sum(each or 0 for each in joined) <= 20
    assert await sizes(monday) == {"BRONZE": [31, 30]}
    assert await verify_leagues() == []


async def test_after_a_long_pause_what_was_missed_is_settled_in_order_and_the_running_week_formed_late(
    town: Town, clock: FrozenClock
) -> None:
    people = await town.learners(6)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [6, 5, 4, 3, 2, 1])
    monday = await town.next_week()
    await town.earn(people, [1, 2, 3, 4, 5, 6])

    clock.advance(timedelta(days=17))
    await town.tick()

    # Of the six the first two rise; of the four that stay the best, who was last before. Two alone do not move.
    running = date(2026, 3, 30)
    assert await divisions(running) == dict(zip(people, [*["SILVER"] * 2, *["BRONZE"] * 3, "SILVER"], strict=True))
    weeks = await rows("SELECT starts_on, closed_at IS NOT NULL AS closed FROM league_weeks ORDER BY 1")
    assert [tuple(week.values()) for week in weeks] == [(NEXT, True), (monday, True), (running, False)]
    assert await verify_leagues() == []


async def test_what_was_reported_late_corrects_the_result_and_the_division_but_not_the_running_league(
    town: Town, clock: FrozenClock
) -> None:
    people = await town.learners(6)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [60, 50, 40, 30, 20, 10])
    sunday = clock.now() + timedelta(days=6)
    monday = await town.next_week()
    known = await results(NEXT)
    before = await divisions(monday)

    await town.earn(people[5:], 100, sunday)
    await town.grace_ends()
    final = await results(NEXT)
    after = await divisions(monday)
    seats = await rows(
        "SELECT league_id FROM league_members WHERE starts_on = $1 AND member_id = $2", monday, people[5]
    )
    following = await divisions(await town.next_week())

    assert [zone_of(known, each) for each in people] == [PROMOTE] * 2 + [STAY] * 4
    assert [zone_of(final, each) for each in people] == [PROMOTE] + [STAY] * 4 + [PROMOTE]
    assert [before[each] for each in people] == ["SILVER"] * 2 + ["BRONZE"] * 4
    assert [after[each] for each in people] == ["SILVER"] + ["BRONZE"] * 4 + ["SILVER"]
    [league] = await rows("SELECT division FROM leagues WHERE id = $1", seats[0]["league_id"])
    assert league["division"] == "BRONZE"
    assert following[people[5]] == "SILVER"
    assert await verify_leagues() == []


async def test_who_moves_to_another_city_plays_where_they_began_until_the_week_is_over(
    town: Town, world: World, clock: FrozenClock
) -> None:
    people = await town.learners(4)
    await town.earn(people, 10)
    monday = await town.next_week()
    there = await Town.founded(world, clock, "广州")
    shop = await there.shop(OutletTier.PARTNER)
    await execute("UPDATE posts SET outlet_id = $1 WHERE member_id = $2", shop.id, people[0])

    await there.earn(people[:1], 50)
    found = await rows(
        "SELECT city_id FROM leagues JOIN league_members USING (starts_on) WHERE member_id = $1", people[0]
    )
    following = await town.next_week()

    assert [row["city_id"] for row in found] == [town.city.id]
    assert (await results(monday))[people[0]] == (1, 50, "PROMOTE")
    [now] = await rows(
        "SELECT l.city_id, l.tier, l.division FROM leagues l JOIN league_members m ON m.league_id = l.id"
        " WHERE m.member_id = $1 AND m.starts_on = $2",
        people[0], following,
    )  # fmt: skip
    assert now == {"city_id": there.city.id, "tier": "PARTNER", "division": "SILVER"}


async def test_who_is_suspended_takes_nobodys_place(town: Town, clock: FrozenClock) -> None:
    people = await town.learners(4)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [40, 30, 20, 10])
    await Member.filter(id=people[0]).update(suspended_at=clock.now())

    following = await town.next_week()
    await town.grace_ends()

    found = await results(NEXT)
    assert found[people[0]] is None
    assert found[people[1]] == (1, 30, "PROMOTE")
    assert people[0] not in await divisions(following)
    assert await verify_leagues() == []


async def test_verify_names_who_was_put_elsewhere_and_what_was_changed(town: Town) -> None:
    people = await town.learners(61)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, list(range(61)))
    await town.next_week()
    await town.grace_ends()
    assert await verify_leagues() == []
    [one, other] = await rows("SELECT id FROM leagues WHERE starts_on = $1", NEXT)

    await execute(
        "UPDATE league_members SET league_id = $2 WHERE starts_on = $1 AND member_id ="
        " (SELECT min(member_id::text)::uuid FROM league_members WHERE league_id = $3)",
        NEXT, one["id"], other["id"],
    )  # fmt: skip
    await execute("UPDATE league_members SET points = 1000 WHERE starts_on = $1 AND member_id = $2", NEXT, people[9])
    await execute(
        "UPDATE league_members SET held_division = 'DIAMOND' WHERE starts_on > $1 AND member_id = $2", NEXT, people[8]
    )

    named = [difference.where for difference in await verify_leagues()]
    moved = [where for where in named if where.endswith(" league")]
    assert len(moved) == 1
    assert f"{NEXT} {people[9]} result" in named
    assert f"2026-03-16 {people[8]} division" in named


async def test_a_week_is_not_formed_anew_and_its_seed_stays(town: Town) -> None:
    await town.earn(await town.learners(3), 10)
    monday = await town.next_week()

    for statement in (
        "UPDATE league_weeks SET seed = decode(repeat('00', 32), 'hex')",
        "DELETE FROM league_weeks",
    ):
        with pytest.raises(asyncpg.PostgresError, match="not formed anew"):
            await execute(statement)

    assert await sizes(monday) == {"BRONZE": [3]}
