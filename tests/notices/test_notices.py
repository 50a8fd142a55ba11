"""The inbox: told once, read in one's own language, marked by oneself alone, swept in the end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gamification.levels import LEVELS
from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.ids import new_id, to_global
from kit.words import Language, NoticeKind, Role
from models.accounts import Member
from models.notices import Notice
from schema.notice_kinds import KINDS, link_of, places_of, text_of, title_of
from services.notices import MOST_MARKED, READ_KEPT, Tidings, sweep_notices, tell, tell_each
from services.ports import Ports
from tests.gql import Gql
from tests.notices.story import MARK, NOTICES, inbox, mark, told
from tests.rewards.story import Shop
from tests.world import World

YEARS_OF_NOTICES = """
INSERT INTO notices (id, member_id, kind, key, details, created_at, read_at)
SELECT gen_random_uuid(), member_id, 'LEVEL_REACHED', hours, '{}', now() - hours * interval '1 h',
       CASE WHEN hours > 5 THEN now() - hours * interval '1 h' END
FROM unnest($1::uuid[]) AS member_id, generate_series(1, 1000) AS hours
"""
"""A thousand for each, an hour apart, the newest five unread: with so many the planner has a clear choice."""
STARTS = {"zh-CN": "3月5日20:00", "en": "5 March, 20:00"}
TOLD: dict[NoticeKind, dict[str, object]] = {
    NoticeKind.LEVEL_REACHED: {"level": 3, "name": 3},
    NoticeKind.BADGE_EARNED: {"badge": {"zh-CN": "初心", "en": "First Step"}},
    NoticeKind.LEAGUE_RESULT: {"position": 2, "result": "PROMOTE", "division": {"zh-CN": "银组", "en": "Silver"}},
    NoticeKind.LEAGUE_CORRECTED: {"position": 9, "result": "STAY", "division": {"zh-CN": "银组", "en": "Silver"}},
    NoticeKind.SEASON_PRIZE: {"board": "积分周榜", "position": 1, "points": 500},
    NoticeKind.REDEMPTION_ADVANCED: {"reward": "保温杯", "status": "SHIPPED"},
    NoticeKind.STORY_PUBLISHED: {"story": "我的小店"},
    NoticeKind.STORY_REFUSED: {"story": "我的小店", "reason": "照片不清楚"},
    NoticeKind.STORY_WITHDRAWN: {"story": "我的小店", "reason": "照片里有顾客的脸"},
    NoticeKind.CONTEST_PRIZE: {"contest": "最美门店", "rank": 3, "points": 200},
    NoticeKind.LIVE_SEAT_PROMOTED: {"lesson": "旺季陈列", "starts": STARTS},
    NoticeKind.LIVE_LESSON_MOVED: {"lesson": "旺季陈列", "starts": STARTS},
    NoticeKind.LIVE_LESSON_CANCELLED: {"lesson": "旺季陈列", "starts": STARTS, "reason": "主讲人生病了"},
    NoticeKind.COURSE_PUBLISHED: {"course": "每单必扫"},
    NoticeKind.COURSE_RETURNED: {"course": "每单必扫", "note": "第二节听不清"},
    NoticeKind.LIVE_DAY_BEFORE: {"lesson": "旺季陈列", "starts": STARTS},
    NoticeKind.LIVE_HOUR_BEFORE: {"lesson": "旺季陈列", "starts": STARTS},
    NoticeKind.LIVE_SOON: {"lesson": "旺季陈列", "starts": STARTS},
    NoticeKind.LIVE_STARTED: {"lesson": "旺季陈列"},
    NoticeKind.LIVE_REPLAY_READY: {"lesson": "旺季陈列"},
    NoticeKind.COURSE_DUE_SOON: {"course": "每单必扫", "due": STARTS},
    NoticeKind.COURSE_DUE: {"course": "每单必扫", "due": STARTS},
    NoticeKind.COURSE_OVERDUE: {"course": "每单必扫", "due": STARTS},
    NoticeKind.CLASS_SEAT_GAINED: {"title": "门店动线", "when": STARTS, "place": "虎门店二楼"},
    NoticeKind.CLASS_MOVED: {"title": "门店动线", "when": STARTS, "place": "虎门店二楼"},
    NoticeKind.CLASS_CANCELLED: {"title": "门店动线", "when": STARTS, "place": "虎门店二楼", "reason": "场地停电"},
}


def test_every_kind_reads_well_in_both_languages_with_all_its_values() -> None:
    said = {
        kind: [text(kind, TOLD[kind], language) for text in (title_of, text_of) for language in Language]
        for kind in NoticeKind
    }

    for kind, sentences in said.items():
        wanted = places_of(KINDS[kind].title) | places_of(KINDS[kind].text)
        assert wanted <= TOLD[kind].keys() | KINDS[kind].words.keys(), kind
        assert not any("{" in sentence or "}" in sentence or not sentence for sentence in sentences), sentences
    assert said[NoticeKind.LEVEL_REACHED][2:] == [
        "您已升到3级「幼苗」，继续加油。",
        "You are now at level 3, Seedling. Keep growing!",
    ]
    assert said[NoticeKind.LEAGUE_RESULT][2:] == [
        "您上周在联赛中排第2名，升入「银组」。",
        "Last week you finished at place 2 and rise to Silver.",
    ]


def test_what_somebody_wrote_is_shown_as_written() -> None:
    values = {"story": "{reason}", "reason": "{story} \\1 {"}

    text = text_of(NoticeKind.STORY_REFUSED, values, Language.CHINESE)

    assert text == "「{reason}」没有通过审核：{story} \\1 {"


def test_a_link_without_an_object_leads_to_the_page_above() -> None:
    assert link_of(NoticeKind.REDEMPTION_ADVANCED, "abc") == "/redemptions/abc"
    assert link_of(NoticeKind.REDEMPTION_ADVANCED, None) == "/redemptions"


def test_every_level_has_its_name_in_the_notice() -> None:
    assert list(KINDS[NoticeKind.LEVEL_REACHED].words["name"]) == [str(level.number) for level in LEVELS]


async def test_the_inbox_shows_what_was_told_newest_first(gql: Gql, world: World, clock: FrozenClock) -> None:
    may, other = await world.learner(), await world.learner("小李")
    ids = []
    for level in (2, 3, 4):
        ids.append(await told(world.ports, may, level))
        clock.advance(timedelta(minutes=1))
    await told(world.ports, other)

    first = await inbox(gql, may, first=2)
    rest = await inbox(gql, may, first=2, after=first["notices"]["pageInfo"]["endCursor"])

    assert [node["id"] for node in first["notices"]["nodes"] + rest["notices"]["nodes"]] == ids[::-1]
    assert (first["notices"]["pageInfo"]["hasNextPage"], rest["notices"]["pageInfo"]["hasNextPage"]) == (True, False)
    newest = first["notices"]["nodes"][0]
    assert (newest["kind"], newest["title"], newest["link"], newest["readAt"]) == (
        "LEVEL_REACHED", "Level up!", "/levels", None,
    )  # fmt: skip
    assert newest["text"] == "You are now at level 4, Branch. Keep growing!"
    assert newest["object"] == {"__typename": "Member", "id": to_global("Member", may.id)}
    assert first["unreadNoticeCount"] == 3


async def test_pages_go_back_as_they_went_forth(gql: Gql, world: World) -> None:
    may = await world.learner()
    ids = [await told(world.ports, may, level) for level in (2, 3, 4, 5)]
    source = """query ($before: String) { viewer { notices(last: 2, before: $before) {
        totalCount nodes { id } pageInfo { hasPreviousPage startCursor } } } }"""

    end = (await gql.ask(source, by=may))["data"]["viewer"]["notices"]
    above = (await gql.ask(source, {"before": end["pageInfo"]["startCursor"]}, by=may))["data"]["viewer"]["notices"]

    assert [node["id"] for node in above["nodes"] + end["nodes"]] == ids[::-1]
    assert (end["totalCount"], above["pageInfo"]["hasPreviousPage"]) == (4, False)


async def test_an_inbox_without_notices_is_empty(gql: Gql, world: World) -> None:
    found = await inbox(gql, await world.learner())

    assert (found["unreadNoticeCount"], found["notices"]["nodes"]) == (0, [])


async def test_a_notice_is_for_its_member_alone(gql: Gql, world: World) -> None:
    may, other = await world.learner(), await world.staff(Role.ADMIN)
    notice = await told(world.ports, may)
    source = "query ($id: ID!) { node(id: $id) { __typename id } }"

    seen = [(await gql.ask(source, {"id": notice}, by=member))["data"]["node"] for member in (may, other, None)]

    assert seen == [{"__typename": "Notice", "id": notice}, None, None]


async def test_an_object_the_viewer_may_no_longer_see_is_left_out(gql: Gql, world: World) -> None:
    may, far = await world.learner(), await world.learner("远方")

    async def work() -> bool:
        values = {"story": "我的小店"}
        return await tell(world.ports, may.id, NoticeKind.STORY_PUBLISHED, "1", values, ("Member", far.id))

    await transaction(work)

    [node] = (await inbox(gql, may))["notices"]["nodes"]

    assert (node["object"], node["link"]) == (None, f"/stories/{to_global('Member', far.id)}")


async def test_the_same_is_told_once_however_often_and_at_once(world: World) -> None:
    may, ports = await world.learner(), world.ports
    start = asyncio.Event()

    async def once(key: str) -> bool:
        await start.wait()
        values = {"level": 2, "name": 2}
        return await transaction(lambda: tell(ports, may.id, NoticeKind.LEVEL_REACHED, key, values))

    racing = [asyncio.create_task(once(key)) for key in ("2", "3") * 10]
    start.set()
    answers = await asyncio.gather(*racing)

    assert sorted(answers) == [False] * 18 + [True] * 2
    assert await Notice.filter(member_id=may.id).count() == 2


async def test_what_rolls_back_was_not_told(world: World) -> None:
    may, ports = await world.learner(), world.ports

    async def fails() -> None:
        await tell(ports, may.id, NoticeKind.BADGE_EARNED, "b", {"badge": "初心"})
        raise LookupError

    with pytest.raises(LookupError):
        await transaction(fails)

    assert await Notice.all().count() == 0


async def test_two_crowds_told_in_opposite_orders_do_not_wait_in_a_circle(world: World) -> None:
    people, ports = [await world.member(f"学员{number}") for number in range(20)], world.ports

    async def crowd(members: list[Member]) -> int:
        tidings = [Tidings(member.id, "1", {"contest": "最美门店", "rank": 1, "points": 5}) for member in members]
        return await transaction(lambda: tell_each(ports, NoticeKind.CONTEST_PRIZE, tidings))

    told_now = await asyncio.gather(*(crowd(people[::way]) for way in (1, -1) * 5))

    assert sum(told_now) == 20
    assert await Notice.all().count() == 20


async def test_whoever_deleted_their_account_is_told_nothing(world: World) -> None:
    may, gone, ports = await world.learner(), await world.member("走了"), world.ports
    await Member.filter(id=gone.id).update(
        deleted_at=ports.clock.now(), display_name="已注销用户", phone_cipher=None, phone_index=None, masked_phone=None,
        hidden_on_boards=True,
    )  # fmt: skip

    tidings = [Tidings(member.id, "1", {"story": "店"}) for member in (may, gone)]
    count = await transaction(lambda: tell_each(ports, NoticeKind.STORY_PUBLISHED, tidings))

    assert (count, [row.member_id for row in await Notice.all()]) == (1, [may.id])


async def test_named_notices_are_marked_and_keep_their_moment(gql: Gql, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    first, second, third = [await told(world.ports, may, level) for level in (2, 3, 4)]

    marked = await mark(gql, may, noticeIds=[first, second])
    read_at = clock.now()
    clock.advance(timedelta(hours=1))
    again = await mark(gql, may, noticeIds=[first, first])

    assert (marked["userErrors"], marked["viewer"]["unreadNoticeCount"]) == ([], 1)
    assert (again["userErrors"], again["viewer"]["unreadNoticeCount"]) == ([], 1)
    kept = {node["id"]: node["readAt"] for node in (await inbox(gql, may))["notices"]["nodes"]}
    written = read_at.isoformat().replace("+00:00", "Z")
    assert kept == {first: written, second: written, third: None}


async def test_all_up_to_a_moment_are_marked_and_none_after(gql: Gql, world: World, clock: FrozenClock) -> None:
    may, other = await world.learner(), await world.learner("小李")
    await told(world.ports, may, 2)
    await told(world.ports, other, 2)
    clock.advance(timedelta(microseconds=1))
    await told(world.ports, may, 3)
    shown = (await inbox(gql, may))["notices"]["nodes"][0]["createdAt"]
    clock.advance(timedelta(microseconds=1))
    await told(world.ports, may, 4)

    marked = await mark(gql, may, upTo=shown)

    assert marked["viewer"]["unreadNoticeCount"] == 1
    assert (await inbox(gql, other))["unreadNoticeCount"] == 1


async def test_a_notice_of_somebody_else_is_not_found_and_none_is_marked(gql: Gql, world: World) -> None:
    may, other = await world.learner(), await world.learner("小李")
    mine, theirs = await told(world.ports, may), await told(world.ports, other)

    refused = await mark(gql, may, noticeIds=[mine, theirs])

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("NOT_FOUND", ["noticeIds", "1"])]
    assert refused["viewer"] is None
    assert await Notice.filter(read_at__isnull=False).count() == 0


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "BAD_USER_INPUT", ["noticeIds"]),
        ({"noticeIds": None, "upTo": None}, "BAD_USER_INPUT", ["noticeIds"]),
        ({"noticeIds": [], "upTo": "2026-03-02T04:00:00Z"}, "BAD_USER_INPUT", ["upTo"]),
        ({"noticeIds": [to_global("Notice", new_id())] * (MOST_MARKED + 1)}, "BAD_USER_INPUT", ["noticeIds"]),
        ({"noticeIds": ["nonsense"]}, "NOT_FOUND", ["noticeIds", "0"]),
        ({"noticeIds": [to_global("Member", new_id())]}, "NOT_FOUND", ["noticeIds", "0"]),
        ({"noticeIds": [to_global("Notice", new_id())]}, "NOT_FOUND", ["noticeIds", "0"]),
    ],
    ids=["neither", "nulls", "both", "too many", "nonsense", "another type", "unknown"],
)
async def test_what_cannot_be_marked_is_refused(
    gql: Gql, world: World, fields: dict[str, Any], code: str, field: list[str]
) -> None:
    may = await world.learner()
    await told(world.ports, may)

    refused = await mark(gql, may, **fields)

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [(code, field)]
    assert await Notice.filter(read_at__isnull=False).count() == 0


async def test_nobody_signed_out_marks_anything(gql: Gql, world: World) -> None:
    await told(world.ports, await world.learner())

    answer = await gql.ask(MARK, {"input": {"upTo": "2030-01-01T00:00:00Z"}})

    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await Notice.filter(read_at__isnull=False).count() == 0
    assert (await gql.ask(NOTICES))["data"]["viewer"] is None


async def test_two_phones_mark_at_once_and_both_are_answered(gql: Gql, world: World) -> None:
    may = await world.learner()
    ids = [await told(world.ports, may, level) for level in range(2, 10)]

    answers = await asyncio.gather(*(mark(gql, may, noticeIds=ids[::way]) for way in (1, -1) * 5))

    assert {answer["viewer"]["unreadNoticeCount"] for answer in answers} == {0}


async def test_what_was_read_half_a_year_ago_is_swept(ports: Ports, world: World, clock: FrozenClock) -> None:
    may, before = await world.learner(), clock.now()
    for level in (2, 3, 4):
        await told(ports, may, level)
    await Notice.filter(key="2").update(read_at=before)
    await Notice.filter(key="3").update(read_at=before + timedelta(microseconds=1))
    clock.advance(READ_KEPT + timedelta(microseconds=1))

    await sweep_notices(ports)

    assert sorted([row.key for row in await Notice.all()]) == ["3", "4"]


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (
            "SELECT id FROM notices WHERE member_id = '{id}' ORDER BY created_at DESC, id DESC LIMIT 9",
            "notices_newest",
        ),
        ("SELECT FROM notices WHERE member_id = '{id}' AND read_at IS NULL LIMIT 999", "notices_unread"),
        (
            "SELECT id FROM notices WHERE read_at < now() - interval '999 h' ORDER BY read_at LIMIT 5000",
            "notices_read",
        ),
    ],
    ids=["inbox", "unread", "sweep"],
)
async def test_the_inbox_is_read_by_its_indexes(world: World, question: str, index: str) -> None:
    may, *others = [await world.learner() for _ in range(3)]
    await execute(YEARS_OF_NOTICES, [each.id for each in (may, *others)])
    await execute("ANALYZE notices")

    plan = "\n".join(row["QUERY PLAN"] for row in await rows("EXPLAIN " + question.format(id=may.id)))

    assert index in plan


async def test_each_step_of_a_redemption_is_told_once(ports: Ports, gql: Gql, world: World) -> None:
    shop = await Shop.open(ports, gql, world)
    may = await shop.learner(100)
    redemption = (await shop.redeem(may, await shop.reward()))["redemption"]["id"]

    for step in ("APPROVED", "APPROVED", "SHIPPED", "DELIVERED", "CANCELLED"):
        await asyncio.gather(*(shop.advance(shop.admin, redemption, step) for _ in range(3)))

    nodes = [node for node in (await inbox(gql, may))["notices"]["nodes"] if node["kind"] == "REDEMPTION_ADVANCED"]
    assert [node["text"] for node in nodes] == [
        "Your “保温杯” has been handed over.", "Your “保温杯” is on its way.", "Your “保温杯” has been approved.",
    ]  # fmt: skip
    assert {node["link"] for node in nodes} == {f"/redemptions/{redemption}"}
    assert nodes[0]["object"] == {"__typename": "Redemption", "id": redemption}
