"""Suspicions: found once a day is over, shown to whoever administers the region, and judged by people."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from auth.actor import Actor, Grant
from kit import db
from kit.clock import FrozenClock, day_of
from kit.db import rows
from kit.ids import new_id, to_global
from kit.words import PostRole, Role, SuspicionKind, SuspicionState
from models.accounts import Member
from models.outlets import Outlet
from models.suspicions import Suspicion
from services.ledger import ledger_verify
from services.ports import Ports
from services.progress import pay_all_due
from services.suspicions import DAYS_AT_ONCE, LOOK_BACK, look_for_suspicions, visible_suspicions
from tests.gql import Gql
from tests.pool import counted
from tests.progress.desk import DAY, HOUR, MINUTE, send, watched
from tests.world import World

LIST = """query SuspiciousLearning($first: Int = 20, $after: String) {
  suspiciousLearning(first: $first, after: $after) {
    nodes { id member { id displayName } kind evidence detectedAt state }
    pageInfo { hasNextPage endCursor }
  }
}"""
JUDGE = """mutation JudgeSuspicion($input: JudgeSuspicionInput!) {
  judgeSuspicion(input: $input) { suspicion { id state } userErrors { code message field } }
}"""
GAPPED = ((0, 31), (47, 95), (118, 240))


class Yesterday:
    """A shop in which people learned yesterday, honestly or not; it is morning now."""

    def __init__(self, ports: Ports, clock: FrozenClock, world: World, outlet: Outlet, lessons: Sequence[UUID]) -> None:
        self.ports = ports
        self.clock = clock
        self.world = world
        self.outlet = outlet
        self.lessons = lessons

    @classmethod
    async def in_a_shop(cls, ports: Ports, clock: FrozenClock, world: World) -> "Yesterday":
        course = await world.course("陈列入门", lessons=12, seconds=600)
        return cls(ports, clock, world, await world.outlet(), course.lesson_ids)

    async def learner(self, device: str | None = None) -> tuple[Member, Actor]:
        """Somebody who has long been in the shop, signed in on a device."""
        self.clock.advance(-60 * DAY)
        member = await self.world.learner(outlet=self.outlet, role=PostRole.CLERK)
        self.clock.advance(60 * DAY)
        session_id = (await self.world.signed_in(member, device)).session_id if device else new_id()
        return member, Actor(member.id, session_id, (Grant(Role.LEARNER, None, ""),))

    async def rushes(self, actor: Actor) -> None:
        """Watches twelve lessons of ten minutes in a minute."""
        now = self.clock.now()
        events = [
            watched(each, (0, 600), at=now - MINUTE + timedelta(seconds=5 * at)) for at, each in enumerate(self.lessons)
        ]
        await send(self.ports, actor, *events)

    async def replays(self, actor: Actor) -> None:
        await send(self.ports, actor, watched(self.lessons[0], *GAPPED, at=self.clock.now()))

    async def learns(self, actor: Actor) -> None:
        now = self.clock.now()
        await send(
            self.ports,
            actor,
            *[watched(each, (0, 600), at=now - 10 * (3 - at) * MINUTE) for at, each in enumerate(self.lessons[:3])],
        )

    async def looked_at(self) -> int:
        self.clock.advance(DAY)
        return await look_for_suspicions(self.ports)


@pytest.fixture
async def shop(ports: Ports, clock: FrozenClock, world: World) -> Yesterday:
    return await Yesterday.in_a_shop(ports, clock, world)


async def test_a_rush_is_found_once_and_honest_learning_is_not(shop: Yesterday) -> None:
    (may, rushing), (_, learning) = await shop.learner(), await shop.learner()
    await shop.rushes(rushing)
    await shop.learns(learning)

    found, again = await shop.looked_at(), await look_for_suspicions(shop.ports)
    later = await shop.looked_at() + await shop.looked_at() + await shop.looked_at() + await shop.looked_at()

    assert (found, again, later) == (1, 0, 0)
    [suspicion] = await Suspicion.all()
    assert (suspicion.member_id, suspicion.kind) == (may.id, SuspicionKind.FASTER_THAN_THE_CLOCK)
    assert (suspicion.region_id, suspicion.state) == (shop.outlet.region_id, SuspicionState.OPEN)
    assert suspicion.evidence["watchedSeconds"] == 6_600
    assert suspicion.day == day_of(shop.clock.now() - 5 * DAY)


async def test_the_day_is_left_alone_until_it_is_over(shop: Yesterday) -> None:
    _, rushing = await shop.learner()
    await shop.rushes(rushing)

    assert await look_for_suspicions(shop.ports) == 0
    assert await Suspicion.all().count() == 0


async def test_what_phones_report_late_is_found_when_nothing_more_can_come(shop: Yesterday) -> None:
    _, late = await shop.learner()
    day = shop.clock.now()
    assert await shop.looked_at() == 0

    events = [watched(each, (0, 600), at=day) for each in shop.lessons]
    await send(shop.ports, late, *events)
    at_once = await look_for_suspicions(shop.ports)
    shop.clock.advance(3 * DAY)

    assert (at_once, await look_for_suspicions(shop.ports)) == (0, 1)


async def test_a_recording_on_three_devices_is_found_with_each_of_its_members(shop: Yesterday) -> None:
    people = [await shop.learner(device=f"手机{number}") for number in range(3)]
    for _, actor in people:
        await shop.replays(actor)

    assert await shop.looked_at() == 3
    found = await Suspicion.all()
    assert {each.member_id for each in found} == {member.id for member, _ in people}
    assert {each.evidence["devices"] for each in found} == {3}


async def test_four_people_on_one_tablet_are_found(shop: Yesterday) -> None:
    people = [await shop.learner(device="平板") for _ in range(4)]
    for _, actor in people:
        await shop.learns(actor)

    assert await shop.looked_at() == 4
    assert {each.kind for each in await Suspicion.all()} == {SuspicionKind.SHARED_DEVICE}


async def test_ten_workers_looking_at_once_find_it_once(shop: Yesterday) -> None:
    _, rushing = await shop.learner()
    await shop.rushes(rushing)
    shop.clock.advance(DAY)

    found = await asyncio.gather(*(look_for_suspicions(shop.ports) for _ in range(10)))

    assert sum(found) == 1
    assert await Suspicion.all().count() == 1


async def test_after_a_long_time_away_every_day_of_the_last_month_is_looked_at(shop: Yesterday) -> None:
    _, rushing = await shop.learner()
    await shop.rushes(rushing)
    shop.clock.advance(20 * DAY)

    turns = [await look_for_suspicions(shop.ports) for _ in range(1 + LOOK_BACK.days // DAYS_AT_ONCE)]

    assert sum(turns) == 1
    [looks] = await rows("SELECT count(*) AS days, count(*) FILTER (WHERE final) AS final FROM suspicion_looks")
    assert looks["days"] == LOOK_BACK.days + 1
    assert looks["final"] == LOOK_BACK.days - 2  # the last three days may still hear from phones


class Desk:
    """Suspicions as an admin works through them."""

    def __init__(self, gql: Gql) -> None:
        self.gql = gql

    async def list(self, by: Member, **variables: Any) -> list[dict[str, Any]]:
        answer = await self.gql.ask(LIST, variables, by=by)
        assert "errors" not in answer
        nodes: list[dict[str, Any]] = answer["data"]["suspiciousLearning"]["nodes"]
        return nodes

    async def judge(self, by: Member, suspicion: Suspicion, **verdict: Any) -> dict[str, Any]:
        given = {"id": to_global("Suspicion", suspicion.id), **verdict}
        answer = await self.gql.ask(JUDGE, {"input": given}, by=by)
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"]["judgeSuspicion"]
        return payload


@pytest.fixture
def desk(gql: Gql) -> Desk:
    return Desk(gql)


async def found_one(shop: Yesterday) -> Suspicion:
    _, rushing = await shop.learner()
    await shop.rushes(rushing)
    assert await shop.looked_at() == 1
    return await Suspicion.get()


async def test_an_admin_sees_what_was_found_in_a_sentence(shop: Yesterday, desk: Desk) -> None:
    suspicion, admin = await found_one(shop), await shop.world.staff(Role.ADMIN)

    [shown] = await desk.list(admin)

    assert (shown["id"], shown["kind"], shown["state"]) == (
        to_global("Suspicion", suspicion.id), "FASTER_THAN_THE_CLOCK", "OPEN"
    )  # fmt: skip
    assert shown["member"]["displayName"] == "阿May"
    assert shown["evidence"] == "6,600 seconds of lessons were reported within 55 seconds, from 11:59:00 to 11:59:55."


async def test_staff_see_what_was_found_in_their_regions_alone(shop: Yesterday, desk: Desk) -> None:
    await found_one(shop)
    region = await shop.outlet.region
    near, far = (
        await shop.world.staff(Role.ADMIN, region),
        await shop.world.staff(Role.ADMIN, await shop.world.region()),
    )
    auditor = await shop.world.staff(Role.AUDITOR, region)

    assert [len(await desk.list(by)) for by in (near, auditor, far)] == [1, 1, 0]


async def test_however_many_are_looked_up_at_once_it_costs_the_same(shop: Yesterday) -> None:
    first = await found_one(shop)
    admin = Actor(new_id(), new_id(), (Grant(Role.ADMIN, None, (await shop.outlet.region).path),))
    copies = [
        await Suspicion.create(
            id=new_id(), member_id=first.member_id, region_id=first.region_id, kind=first.kind, key=str(number),
            day=first.day, evidence=first.evidence, detected_at=first.detected_at,
        )
        for number in range(20)
    ]  # fmt: skip
    costs = []
    for ids in ([first.id], [first.id, *(each.id for each in copies)]):
        with counted(await db._pool()) as seen:
            assert None not in await visible_suspicions(admin, ids)
        costs.append(len(seen))

    assert costs[0] == costs[1]


async def test_a_verdict_is_kept_with_who_gave_it(shop: Yesterday, desk: Desk) -> None:
    suspicion, admin = await found_one(shop), await shop.world.staff(Role.ADMIN)

    judged = await desk.judge(admin, suspicion, verdict="CLEAR")
    again = await desk.judge(admin, suspicion, verdict="CLEAR")

    assert (
        judged
        == again
        == {"suspicion": {"id": to_global("Suspicion", suspicion.id), "state": "CLEARED"}, "userErrors": []}
    )
    after = await Suspicion.get()
    assert (after.judged_by, after.judged_at) == (admin.id, shop.clock.now())
    deeds = await rows("SELECT actor_id, details FROM audit_entries WHERE action = 'suspicion.judged'")
    assert [deed["actor_id"] for deed in deeds] == [admin.id]


@pytest.mark.parametrize("verdict", ["CLEAR", "CONFIRM"])
async def test_another_verdict_is_refused_once_there_is_one(shop: Yesterday, desk: Desk, verdict: str) -> None:
    suspicion, admin = await found_one(shop), await shop.world.staff(Role.ADMIN)
    await desk.judge(admin, suspicion, verdict=verdict)
    before = await Suspicion.get()

    refused = await desk.judge(admin, suspicion, verdict="CONFIRM" if verdict == "CLEAR" else "CLEAR")

    assert [(each["code"], each["field"]) for each in refused["userErrors"]] == [("STATE_FORBIDS", ["verdict"])]
    assert (await Suspicion.get()).state is before.state


async def test_two_admins_who_disagree_at_once_leave_one_verdict(shop: Yesterday, desk: Desk) -> None:
    suspicion = await found_one(shop)
    first, second = await shop.world.staff(Role.ADMIN), await shop.world.staff(Role.ADMIN)

    answers = await asyncio.gather(
        desk.judge(first, suspicion, verdict="CLEAR"), desk.judge(second, suspicion, verdict="CONFIRM")
    )

    assert sorted([each["code"] for each in answer["userErrors"]] for answer in answers) == [[], ["STATE_FORBIDS"]]
    assert len(await rows("SELECT 1 FROM audit_entries WHERE action = 'suspicion.judged'")) == 1


async def test_nobody_judges_what_is_far_away_or_about_oneself(shop: Yesterday, desk: Desk) -> None:
    suspicion = await found_one(shop)
    far = await shop.world.staff(Role.ADMIN, await shop.world.region())
    own = await shop.world.staff(Role.ADMIN)
    await Suspicion.filter(id=suspicion.id).update(member_id=own.id)

    away = await desk.judge(far, suspicion, verdict="CLEAR")
    answer = await desk.gql.ask(
        JUDGE, {"input": {"id": to_global("Suspicion", suspicion.id), "verdict": "CLEAR"}}, by=own
    )

    assert [(each["code"], each["field"]) for each in away["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await Suspicion.get()).state is SuspicionState.OPEN


async def test_a_day_that_was_judged_keeps_the_evidence_it_was_judged_by(shop: Yesterday, desk: Desk) -> None:
    suspicion, admin = await found_one(shop), await shop.world.staff(Role.ADMIN)
    await desk.judge(admin, suspicion, verdict="CLEAR")
    await Suspicion.filter(id=suspicion.id).update(evidence={"watchedSeconds": 1})

    shop.clock.advance(3 * DAY)
    await look_for_suspicions(shop.ports)

    assert (await Suspicion.get()).evidence == {"watchedSeconds": 1}


async def points_of(member_id: UUID) -> tuple[int, int]:
    [account] = await rows("SELECT lifetime, balance FROM point_accounts WHERE member_id = $1", member_id)
    return account["lifetime"], account["balance"]


async def test_confirming_may_take_back_what_the_day_has_earned_and_nothing_else(shop: Yesterday, desk: Desk) -> None:
    admin = await shop.world.staff(Role.ADMIN)
    may, actor = await shop.learner()
    await shop.learns(actor)
    shop.clock.advance(DAY)
    honest = await points_of(may.id)
    await send(shop.ports, actor, *[watched(each, (0, 600), at=shop.clock.now()) for each in shop.lessons[3:]])
    shop.clock.advance(2 * HOUR)
    await pay_all_due(shop.ports)
    earned = await points_of(may.id)
    assert await shop.looked_at() == 1
    suspicion = await Suspicion.get()

    confirmed = await desk.judge(admin, suspicion, verdict="CONFIRM")
    kept = await points_of(may.id)
    reversed_ = await desk.judge(admin, suspicion, verdict="CONFIRM", reverse=True)
    after = await points_of(may.id)
    again = await desk.judge(admin, suspicion, verdict="CONFIRM", reverse=True)

    assert confirmed == reversed_ == again
    assert kept == earned > honest
    assert after == honest
    assert await points_of(may.id) == honest
    assert await ledger_verify() == []
    [reason] = {row["reason"] for row in await rows("SELECT reason FROM corrections")}
    assert reason == f"{suspicion.day} 的学习记录经核实不是真实学习"


async def test_what_is_cleared_takes_nothing_back(shop: Yesterday, desk: Desk) -> None:
    suspicion, admin = await found_one(shop), await shop.world.staff(Role.ADMIN)
    before = await points_of(suspicion.member_id)

    refused = await desk.judge(admin, suspicion, verdict="CLEAR", reverse=True)

    assert [(each["code"], each["field"]) for each in refused["userErrors"]] == [("BAD_USER_INPUT", ["reverse"])]
    assert (await Suspicion.get()).state is SuspicionState.OPEN
    assert await points_of(suspicion.member_id) == before


async def test_points_are_taken_back_once_by_two_admins_at_once(shop: Yesterday, desk: Desk) -> None:
    suspicion = await found_one(shop)
    first, second = await shop.world.staff(Role.ADMIN), await shop.world.staff(Role.ADMIN)

    await asyncio.gather(*(desk.judge(by, suspicion, verdict="CONFIRM", reverse=True) for by in (first, second)))

    assert await points_of(suspicion.member_id) == (0, 0)
    assert await ledger_verify() == []
    assert len(await rows("SELECT 1 FROM audit_entries WHERE action = 'suspicion.judged'")) == 1
