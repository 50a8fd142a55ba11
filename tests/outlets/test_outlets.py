"""Outlets and regions in scope, the current outlet, clerks."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.paging import Ask
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member, active_grants
from models.audit import AuditEntry
from models.outlets import Outlet, PlacementRow, Post, Region, current_outlets, placement_at, region_ancestors
from services.outlets import (
    OutletFilter,
    add_clerk,
    count_listed_outlets,
    list_outlets,
    list_regions,
    remove_clerk,
    set_current_outlet,
    sizes_of_regions,
    visible_members,
    visible_outlets,
    visible_regions,
)
from services.ports import Ports
from tests.world import World

DAY = timedelta(days=1)
ALL = Ask(100)


class City:
    """A province with two counties of two stations each, two outlets a station; codes rise in the order of making."""

    province: Region
    counties: list[Region]
    stations: list[Region]
    outlets: list[Outlet]


@pytest.fixture
async def city(world: World) -> City:
    made = City()
    made.province = await world.region("广东")
    made.counties = [await world.region(name, parent=made.province) for name in ("厚街", "虎门")]
    made.stations = [await world.region(parent=county) for county in made.counties for _ in range(2)]
    tiers = list(OutletTier)
    made.outlets = [
        await world.outlet(
            f"阿{number}便利店", region=made.stations[number // 2], tier=tiers[number % 4], segment=number + 1
        )
        for number in range(8)
    ]
    return made


async def names(actor: Actor, wanted: OutletFilter | None = None, ask: Ask = ALL) -> list[str]:
    return [outlet.name for outlet in (await list_outlets(actor, wanted or OutletFilter(), ask)).rows]


def shops(*numbers: int) -> list[str]:
    return [f"阿{number}便利店" for number in numbers]


async def refused(work: Awaitable[object]) -> tuple[ErrorCode, tuple[str, ...] | None]:
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.code, caught.value.field


async def test_staff_list_the_outlets_of_their_subtrees(world: World, city: City) -> None:
    everywhere = await world.actor(await world.staff(Role.AUDITOR))
    one_county = await world.actor(await world.staff(Role.ACCOUNT_MANAGER, city.counties[1]))

    assert await names(everywhere) == shops(*range(8))
    assert await names(one_county) == shops(4, 5, 6, 7)
    assert await count_listed_outlets(one_county, OutletFilter()) == 4


async def test_a_learner_lists_the_own_outlets_and_a_lecturer_none(world: World, city: City) -> None:
    learner = await world.learner(outlet=city.outlets[3])
    await world.post(learner, city.outlets[6])

    assert await names(await world.actor(learner)) == shops(3, 6)
    assert await names(await world.actor(await world.staff(Role.LECTURER, city.province))) == []


async def test_filters_narrow_and_hold_together(world: World, city: City) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN, city.province))

    assert await names(actor, OutletFilter(region_id=city.counties[0].id)) == shops(0, 1, 2, 3)
    assert await names(actor, OutletFilter(tier=OutletTier.MODERN)) == shops(2, 6)
    assert await names(actor, OutletFilter(segment=5)) == shops(4)
    assert await names(actor, OutletFilter(region_id=city.stations[3].id, tier=OutletTier.MODERN)) == shops(6)
    assert await names(actor, OutletFilter(region_id=city.stations[3].id, tier=OutletTier.NEW)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("便利", range(8)),
        ("利便", ()),
        ("阿5", (5,)),
        ("5", (5,)),
        ("00003", (2,)),
        ("店", range(8)),
        ("%", ()),
        ("_", ()),
        ("阿5便利店", (5,)),
    ],
)
async def test_outlets_are_found_by_any_part_of_name_or_code(world: World, city: City, text: str, found) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN))
    matching = await names(actor, OutletFilter(text=text))

    assert set(matching) >= set(shops(*found))
    assert all(text in outlet.name or text in outlet.code for outlet in await Outlet.filter(name__in=matching))
    assert bool(matching) == bool(list(found))


async def test_search_ignores_case_and_may_cross_from_code_to_name(world: World, city: City) -> None:
    await Outlet.filter(id=city.outlets[0].id).update(code="Ab-1", name="Cafe 阿May")
    actor = await world.actor(await world.staff(Role.ADMIN))

    assert await names(actor, OutletFilter(text="AB-1 cAFE")) == ["Cafe 阿May"]


async def test_a_filter_outside_the_scope_finds_nothing_even_by_id(world: World, city: City) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN, city.counties[0]))

    assert await names(actor, OutletFilter(region_id=city.counties[1].id)) == []
    assert await count_listed_outlets(actor, OutletFilter(region_id=city.counties[1].id)) == 0
    assert await names(actor, OutletFilter(region_id=city.province.id)) == shops(0, 1, 2, 3)


@pytest.mark.parametrize(
    ("wanted", "field"), [(OutletFilter(segment=26), "segment"), (OutletFilter(text="x" * 51), "text")]
)
async def test_a_filter_of_no_sense_is_bad_input(world: World, wanted: OutletFilter, field: str) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN))

    assert await refused(list_outlets(actor, wanted, ALL)) == (ErrorCode.BAD_USER_INPUT, ("filter", field))


async def test_pages_join_without_gap_or_overlap_both_ways(world: World, city: City) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN))
    first = await list_outlets(actor, OutletFilter(), Ask(3))
    second = await list_outlets(actor, OutletFilter(), Ask(3, after=[first.rows[-1].code]))
    last = await list_outlets(actor, OutletFilter(), Ask(3, backwards=True))
    before = await list_outlets(actor, OutletFilter(), Ask(3, before=[last.rows[0].code], backwards=True))

    assert [[row.name for row in page.rows] for page in (first, second, last, before)] == [
        shops(0, 1, 2), shops(3, 4, 5), shops(5, 6, 7), shops(2, 3, 4),
    ]  # fmt: skip
    assert [(page.has_previous, page.has_next) for page in (first, second, last, before)] == [
        (False, True), (True, True), (True, False), (True, True),
    ]  # fmt: skip


async def test_the_tree_is_walked_step_by_step_from_the_tops(world: World, city: City) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN, city.counties[0]))
    everywhere = await world.actor(await world.staff(Role.ADMIN))

    assert list((await list_regions(actor, None, ALL)).rows) == [city.counties[0]]
    assert list((await list_regions(actor, city.counties[0].id, ALL)).rows) == city.stations[:2]
    assert list((await list_regions(everywhere, None, ALL)).rows) == [city.province]
    assert list((await list_regions(everywhere, city.province.id, ALL)).rows) == city.counties


async def test_what_lies_beside_the_scope_does_not_exist(world: World, city: City) -> None:
    actor = await world.actor(await world.staff(Role.ADMIN, city.counties[0]))
    regions = [city.province, *city.counties, *city.stations]

    seen = await visible_regions(actor, [region.id for region in regions])

    assert [region is not None for region in seen] == [True, True, False, True, True, False, False]
    assert list((await list_regions(actor, city.province.id, ALL)).rows) == [city.counties[0]]
    assert list((await list_regions(actor, city.counties[1].id, ALL)).rows) == []
    shown = await visible_outlets(actor, [outlet.id for outlet in city.outlets])
    assert [outlet is not None for outlet in shown] == [True] * 4 + [False] * 4


async def test_a_learner_sees_the_way_up_from_the_own_outlet(world: World, city: City) -> None:
    actor = await world.actor(await world.learner(outlet=city.outlets[3]))

    assert list((await list_regions(actor, None, ALL)).rows) == [city.stations[1]]
    assert list((await list_regions(actor, city.province.id, ALL)).rows) == [city.counties[0]]
    sizes = await sizes_of_regions(actor, [city.province.id, city.stations[1].id, city.stations[0].id])
    assert [(size.children, size.outlets) for size in sizes] == [(1, 1), (0, 1), (0, 0)]


async def test_sizes_count_the_whole_subtree_in_scope(world: World, city: City) -> None:
    everywhere = await world.actor(await world.staff(Role.ADMIN))
    one = await world.actor(await world.staff(Role.ADMIN, city.counties[0]))
    ids = [city.province.id, city.counties[0].id, city.counties[1].id]

    assert [(size.children, size.outlets) for size in await sizes_of_regions(everywhere, ids)] == [
        (2, 8),
        (2, 4),
        (2, 4),
    ]
    assert [(size.children, size.outlets) for size in await sizes_of_regions(one, ids)] == [(1, 4), (2, 4), (0, 0)]


async def test_ancestors_come_nearest_first_for_many_regions_at_once(city: City) -> None:
    station, county, province = city.stations[3], city.counties[1], city.province

    found = await region_ancestors([province.id, station.id, county.id])

    assert found == [[], [county, province], [province]]


async def test_people_are_seen_by_colleagues_and_staff_of_their_regions(world: World, city: City) -> None:
    owner = await world.learner("店主", outlet=city.outlets[0])
    clerk = await world.learner("店员", outlet=city.outlets[0], role=PostRole.CLERK)
    other = await world.learner("别人", outlet=city.outlets[1])
    admin = await world.staff(Role.ADMIN, city.stations[0])
    away = await world.staff(Role.ADMIN, city.stations[1])
    ids = [owner.id, clerk.id, other.id, admin.id]

    async def seen(member: Member) -> list[bool]:
        return [each is not None for each in await visible_members(await world.actor(member), ids)]

    assert await seen(owner) == [True, True, False, False]
    assert await seen(other) == [False, False, True, False]
    assert await seen(admin) == [True, True, True, True]
    assert await seen(away) == [False, False, False, False]


async def test_choosing_another_outlet_leaves_the_past_behind(
    ports: Ports, world: World, clock: FrozenClock, city: City
) -> None:
    learner = await world.learner(outlet=city.outlets[0])
    await world.post(learner, city.outlets[6])
    actor, before = await world.actor(learner), clock.now()
    clock.advance(DAY)

    await set_current_outlet(ports, actor, city.outlets[6].id)
    await set_current_outlet(ports, actor, city.outlets[6].id)

    assert await current_outlets([learner.id]) == [city.outlets[6]]
    old, new = await placement_at(learner.id, before), await placement_at(learner.id, clock.now())
    assert old is not None
    assert new is not None
    assert (old.outlet_id, old.region_path) == (city.outlets[0].id, city.stations[0].path)
    assert (new.outlet_id, new.region_path, new.tier) == (city.outlets[6].id, city.stations[3].path, OutletTier.MODERN)
    assert await placement_at(learner.id, before - 9 * DAY) == old
    assert await PlacementRow.all().count() == 2


async def test_only_an_outlet_of_ones_own_can_be_chosen(ports: Ports, world: World, city: City) -> None:
    learner = await world.learner(outlet=city.outlets[0])

    heard = await refused(set_current_outlet(ports, await world.actor(learner), city.outlets[1].id))

    assert heard == (ErrorCode.NOT_FOUND, ("outletId",))
    assert await current_outlets([learner.id]) == [city.outlets[0]]


async def test_an_owner_adds_a_clerk_who_becomes_a_learner(ports: Ports, world: World, city: City) -> None:
    owner = await world.learner("店主", outlet=city.outlets[0])

    clerk = await add_clerk(ports, await world.actor(owner), city.outlets[0].id, "139 0013 9000", " 小李 ")

    assert (clerk.display_name, clerk.masked_phone) == ("小李", "139****9000")
    post = await Post.get(member_id=clerk.id)
    assert (post.outlet_id, post.role, post.is_current) == (city.outlets[0].id, PostRole.CLERK, True)
    assert [[grant.role for grant in held] for held in await active_grants([clerk.id])] == [[Role.LEARNER]]
    entry = await AuditEntry.get()
    assert (entry.actor_id, entry.action, entry.details) == (owner.id, "clerk.added", {"member": str(clerk.id)})
    fresh = await Member.get(id=clerk.id)
    assert (await world.signed_in(fresh)).member_id == clerk.id


async def test_a_known_phone_keeps_its_member_name_and_current_outlet(ports: Ports, world: World, city: City) -> None:
    owner, known = (
        await world.learner("店主", outlet=city.outlets[0]),
        await world.learner("小李", outlet=city.outlets[1]),
    )
    number = ports.phones.open((await Member.get(id=known.id)).phone_cipher)

    clerk = await add_clerk(ports, await world.actor(owner), city.outlets[0].id, number, "别名")

    assert (clerk.id, clerk.display_name) == (known.id, "小李")
    assert await current_outlets([known.id]) == [city.outlets[1]]
    assert await Post.filter(member_id=known.id, until_at=None).count() == 2


async def test_twenty_equal_requests_add_one_clerk(ports: Ports, world: World, city: City) -> None:
    actor = await world.actor(await world.learner("店主", outlet=city.outlets[0]))

    answers = await asyncio.gather(
        *(add_clerk(ports, actor, city.outlets[0].id, "13900139000", "小李") for _ in range(20)), return_exceptions=True
    )

    refusals = [answer for answer in answers if isinstance(answer, DomainError)]
    assert [(each.code, each.field) for each in refusals] == [(ErrorCode.ALREADY_DONE, ("phone",))] * 19
    assert await Post.filter(role=PostRole.CLERK).count() == 1
    assert await Member.all().count() == 2


async def test_clerks_and_strangers_add_nobody(ports: Ports, world: World, city: City) -> None:
    clerk = await world.learner("店员", outlet=city.outlets[0], role=PostRole.CLERK)
    stranger = await world.learner("别人", outlet=city.outlets[1])
    supervisor = await world.staff(Role.SUPERVISOR, city.province)
    away = await world.staff(Role.ADMIN, city.counties[1])
    people = await Member.all().count()

    heard = [
        await refused(add_clerk(ports, await world.actor(each), city.outlets[0].id, "13900139000", "小李"))
        for each in (clerk, stranger, supervisor, away)
    ]

    forbidden, hidden = (ErrorCode.FORBIDDEN, None), (ErrorCode.NOT_FOUND, ("outletId",))
    assert heard == [forbidden, hidden, forbidden, hidden]
    assert await Member.all().count() == people
    admin = await world.actor(await world.staff(Role.ADMIN, city.counties[0]))
    assert await add_clerk(ports, admin, city.outlets[0].id, "13900139000", "小李")


@pytest.mark.parametrize(("phone", "name", "field"), [("1", "小李", "phone"), ("13900139000", "\n", "name")])
async def test_bad_input_adds_nobody(ports: Ports, world: World, city: City, phone: str, name: str, field: str) -> None:
    actor = await world.actor(await world.learner("店主", outlet=city.outlets[0]))

    heard = await refused(add_clerk(ports, actor, city.outlets[0].id, phone, name))

    assert heard == (ErrorCode.BAD_USER_INPUT, (field,))
    assert await Member.all().count() == 1


async def test_a_removed_clerk_learns_on_for_another_outlet_or_is_no_learner(
    ports: Ports, world: World, clock: FrozenClock, city: City
) -> None:
    actor = await world.actor(await world.learner("店主", outlet=city.outlets[0]))
    clerk = await world.learner("小李", outlet=city.outlets[0], role=PostRole.CLERK)
    await world.post(clerk, city.outlets[6])
    clock.advance(DAY)

    await remove_clerk(ports, actor, city.outlets[0].id, clerk.id)

    assert await current_outlets([clerk.id]) == [city.outlets[6]]
    placement = await placement_at(clerk.id, clock.now())
    assert placement is not None
    assert placement.outlet_id == city.outlets[6].id
    assert await active_grants([clerk.id]) != [[]]
    admin = await world.actor(await world.staff(Role.ADMIN))
    await remove_clerk(ports, admin, city.outlets[6].id, clerk.id)
    assert await current_outlets([clerk.id]) == [None]
    assert await active_grants([clerk.id]) == [[]]
    told = await rows("SELECT DISTINCT key FROM outbox WHERE topic = 'member' AND key = $1", str(clerk.id))
    assert len(told) == 1


async def test_an_owner_is_no_clerk_to_be_removed(ports: Ports, world: World, city: City) -> None:
    owner = await world.learner("店主", outlet=city.outlets[0])
    actor = await world.actor(owner)
    other = await world.learner("别人", outlet=city.outlets[1], role=PostRole.CLERK)

    for member_id in (owner.id, other.id):
        heard = await refused(remove_clerk(ports, actor, city.outlets[0].id, member_id))
        assert heard == (ErrorCode.NOT_FOUND, ("memberId",))

    assert await Post.filter(until_at=None).count() == 2


async def test_a_clerk_comes_back_after_being_removed(
    ports: Ports, world: World, clock: FrozenClock, city: City
) -> None:
    actor = await world.actor(await world.learner("店主", outlet=city.outlets[0]))
    clerk = await add_clerk(ports, actor, city.outlets[0].id, "13900139000", "小李")
    clock.advance(DAY)
    await remove_clerk(ports, actor, city.outlets[0].id, clerk.id)
    clock.advance(DAY)

    again = await add_clerk(ports, actor, city.outlets[0].id, "13900139000", "小李")

    assert again.id == clerk.id
    assert [post.until_at is None for post in await Post.filter(member_id=clerk.id).order_by("from_at")] == [
        False,
        True,
    ]
    assert [[grant.role for grant in held] for held in await active_grants([clerk.id])] == [[Role.LEARNER]]


@pytest.mark.parametrize(
    ("constraint", "sql"),
    [
        ("posts_one_current", "UPDATE posts SET is_current = true"),
        (
            "posts_one_owner",
            "UPDATE posts SET outlet_id = (SELECT id FROM outlets ORDER BY code DESC LIMIT 1) WHERE is_current",
        ),
        ("posts_current_is_open", "UPDATE posts SET until_at = from_at"),
        ("outlets_segment_range", "UPDATE outlets SET segment = 26"),
        ("outlets_tier_known", "UPDATE outlets SET tier = 'GOLD'"),
        ("regions_code_plain", "UPDATE regions SET code = 'a/b', path = 'a/b/'"),
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(world: World, city: City, constraint: str, sql: str) -> None:
    learner = await world.learner(outlet=city.outlets[0])
    await world.post(learner, city.outlets[1])
    await world.learner("别人", outlet=city.outlets[2])

    with pytest.raises(Exception, match=constraint):
        await rows(sql)
