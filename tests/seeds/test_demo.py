"""The demo in the database; a smaller city, so that it is told in a few seconds."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.ids import from_global, new_id, to_global
from kit.words import CourseKind, Role
from models.accounts import Member
from models.courses import Course
from seeds import town
from services import demo_game
from services.board_verifying import verify_boards
from services.courses import course_points
from services.demo import demo_accounts, is_demo_due, seed_demo
from services.demo_city import demo_id
from services.draws import draw_faults
from services.ledger import ledger_verify
from services.ports import Ports
from services.sessions import Device, sign_in_with_code
from services.tariff import tariff_at
from tests.gql import Gql
from workers.relay import drain

SHOPS = 30


@pytest.fixture(autouse=True)
def _small_city(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town, "OUTLETS", SHOPS)


async def learner() -> Member:
    return await Member.get(id=demo_id(1, "member", town.LEARNER))


async def everything() -> dict[str, str]:
    """A checksum of every table."""
    tables = await rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    return {
        table["relname"]: (
            await rows(f"SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS sum"
                       f" FROM {table['relname']} t")
        )[0]["sum"]
        for table in tables
    }  # fmt: skip


async def test_the_demo_stands_on_clean_books_and_true_boards(ports: Ports) -> None:
    told: list[tuple[int, int]] = []

    await seed_demo(ports, progress=lambda done, of: told.append((done, of)))

    assert await ledger_verify() == []
    assert await verify_boards(ports) == []
    assert told[-1][0] == told[-1][1] > SHOPS
    [counted] = await rows("SELECT sum(amount) AS points FROM metric_days WHERE metric = 'POINTS'")
    [booked] = await rows("SELECT sum(lifetime) AS points FROM point_accounts")
    assert counted["points"] == booked["points"] > 10_000


async def test_counters_of_courses_agree_with_learners_and_ratings(ports: Ports) -> None:
    await seed_demo(ports)

    wrong = await rows(
        """SELECT c.code FROM courses c
           WHERE view_count <> (SELECT count(*) FROM course_enrolments e WHERE e.course_id = c.id)
              OR completion_count <> (SELECT count(completed_at) FROM course_enrolments e WHERE e.course_id = c.id)
              OR (rating_count, rating_sum) <> (SELECT count(*), coalesce(sum(stars), 0) FROM course_ratings r
                                                WHERE r.course_id = c.id)"""
    )
    assert wrong == []
    assert await Course.filter(rating_count__gt=0).count() > 20


async def test_the_schedule_has_lessons_of_today_and_of_the_weeks_to_come(ports: Ports, gql: Gql) -> None:
    await seed_demo(ports)
    source = """query ($from: DateTime!, $to: DateTime!) { liveLessons(from: $from, to: $to, first: 100) {
        nodes { startsAt capacity seatsTaken viewerHasSeat viewerWaitlistPosition series { recurrence } } } }"""
    now = ports.clock.now()
    asked = {"from": now.isoformat(), "to": (now + timedelta(days=89)).isoformat()}

    lessons = (await gql.ask(source, asked, by=await learner()))["data"]["liveLessons"]["nodes"]

    assert lessons[0]["startsAt"] == "2026-03-02T07:00:00Z"  # today, three hours from now
    assert lessons[0]["viewerHasSeat"]
    assert sum(each["series"] is not None for each in lessons) == 13
    [small] = [each for each in lessons if each["capacity"] == each["seatsTaken"]]
    assert (small["viewerHasSeat"], small["viewerWaitlistPosition"]) == (False, 9)


async def test_a_second_run_changes_nothing_also_a_day_later(ports: Ports, clock: FrozenClock) -> None:
    await seed_demo(ports)
    before = await everything()
    clock.advance(timedelta(days=1))

    await seed_demo(ports)

    assert await everything() == before
    assert not await is_demo_due()


async def test_a_demo_that_broke_off_goes_on_where_it_was(ports: Ports) -> None:
    def break_off(done: int, of: int) -> None:
        if done == 5:
            raise RuntimeError("the power went")

    assert await is_demo_due()
    with pytest.raises(ExceptionGroup):
        await seed_demo(ports, progress=break_off)
    assert await is_demo_due()
    await seed_demo(ports)

    assert not await is_demo_due()
    assert await ledger_verify() == []
    assert await verify_boards(ports) == []


async def test_another_demo_is_refused_and_leaves_this_one_alone(ports: Ports) -> None:
    await seed_demo(ports)
    before = await everything()

    with pytest.raises(DomainError) as refused:
        await seed_demo(ports, seed=2)

    assert refused.value.code is ErrorCode.CONFLICT
    assert await everything() == before


async def test_every_demo_account_signs_in_with_the_demo_code_and_holds_its_role_alone(ports: Ports) -> None:
    await seed_demo(ports)

    held: list[set[str]] = []
    for _, phone in demo_accounts():
        signed_in = await sign_in_with_code(ports, phone, "888888", Device(f"device {phone}", "Test"))
        found = await rows("SELECT role FROM role_grants WHERE member_id = $1", signed_in.member_id)
        held.append({row["role"] for row in found})

    assert demo_accounts()[0][1] == "+8613800138000"
    assert held == [{account.role.value} for account in town.ACCOUNTS]


async def test_a_visitor_finishes_a_lesson_and_rises_on_the_board(ports: Ports, gql: Gql) -> None:
    await seed_demo(ports)
    member = await learner()
    mine = await gql.data("MyLearning", {"first": 1, "state": "IN_PROGRESS"}, by=member)
    [course] = [node["course"]["id"] for node in mine["viewer"]["learning"]["nodes"]]
    detail = (await gql.data("CourseDetail", {"id": course}, by=member))["course"]
    *done, last = detail["lessons"]
    board = {"metric": "POINTS", "period": "WEEK"}
    before = (await gql.data("HonourBoard", board, by=member))["honourBoard"]
    now = ports.clock.now()

    data = await gql.data(
        "ReportProgress",
        {
            "input": {
                "sentAt": now.isoformat(),
                "events": [
                    {
                        "eventId": str(new_id()),
                        "lessonId": last["id"],
                        "kind": "READ",
                        "occurredAt": now.isoformat(),
                        "spans": [{"fromSeconds": 0, "toSeconds": last["durationSeconds"]}],
                        "playbackRate": 1.0,
                    }
                ],
            }
        },
        by=member,
    )
    await drain(ports)
    after = (await gql.data("HonourBoard", board, by=member))["honourBoard"]

    assert [lesson["viewerProgress"]["percent"] for lesson in done] == [100, 100, 100]
    assert (last["locked"], last["viewerProgress"]["percent"]) == (False, 0)
    assert last["durationSeconds"] <= 40
    answer = data["reportProgress"]
    assert [result["status"] for result in answer["results"]] == ["ACCEPTED"]
    assert {award["rule"]: award["points"] for award in answer["awards"]} == {
        "lesson.completed": 10,
        "course.required": 50,
        "day.first_lesson": 5,
        "stage.passed": 50,
    }
    assert answer["viewer"]["points"]["today"] == 115
    assert answer["viewer"]["streak"]["days"] >= 6
    assert (before["stale"], after["stale"]) == (False, False)
    assert before["viewerStanding"] is None  # it is Monday noon, and the week is young
    assert after["viewerStanding"]["score"] == 115
    assert after["standings"]["totalCount"] == before["standings"]["totalCount"] + 1


async def test_the_demo_learner_has_something_due_something_overdue_and_something_recommended(
    ports: Ports, gql: Gql
) -> None:
    await seed_demo(ports)

    answer = await gql.ask(
        """{ assignedCourses { nodes { overdue reason course { code } } }
             recommendedCourses(first: 5) { nodes { reason course { code } } } }""",
        by=await learner(),
    )

    assigned: list[dict[str, Any]] = answer["data"]["assignedCourses"]["nodes"]
    assert [(node["course"]["code"], node["overdue"]) for node in assigned] == [
        ("digital-08", True),
        ("safety-01", False),
        ("law-07", False),
    ]
    recommended = [node["course"]["code"] for node in answer["data"]["recommendedCourses"]["nodes"]]
    assert set(recommended[:3]) == {"digital-08", "safety-01", "law-07"}
    assert len(recommended) == 5


async def test_covers_and_clips_are_served(ports: Ports, gql: Gql) -> None:
    await seed_demo(ports)
    course = await Course.get(code="safety-07")

    detail = await gql.data("CourseDetail", {"id": to_global("Course", course.id)}, by=await learner())
    listed = await gql.data("CourseList", {"filter": {"text": "不伤腰"}})
    film = detail["course"]["lessons"][0]
    base = ports.settings.public_url
    clip = await gql.http.get(film["mediaUrl"].removeprefix(base))
    picture = await gql.http.get(listed["courses"]["nodes"][0]["coverUrl"].removeprefix(base))

    assert (clip.status_code, clip.headers["content-type"]) == (200, "video/mp4")
    assert len(clip.content) == film["media"]["sizeBytes"]
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert "搬货不伤腰" in picture.text


async def test_what_a_course_is_said_to_pay_is_what_it_pays(ports: Ports) -> None:
    await seed_demo(ports)

    paid = await rows(
        """SELECT c.kind, (SELECT count(*) FROM edition_lessons WHERE edition_id = c.edition_id) AS lessons,
                  sum(l.amount) AS paid
           FROM courses c
           JOIN course_enrolments e ON e.course_id = c.id AND e.completed_at IS NOT NULL
           JOIN ledger_entries l ON l.member_id = e.member_id AND l.account = 'LIFETIME'
                AND l.rule IN ('lesson.completed', 'course.completed', 'course.required')
                AND (l.object_id = c.id OR l.object_id IN (SELECT id FROM lessons WHERE course_id = c.id))
           GROUP BY c.id, e.member_id"""
    )
    tariff = await tariff_at(ports.clock.now())
    said = await course_points(ports, tariff, [(CourseKind(row["kind"]), row["lessons"]) for row in paid])
    assert len(paid) > 100
    assert [row["paid"] for row in paid] == said


async def test_a_lecturers_course_waits_for_its_reviewer_and_another_is_half_done(ports: Ports, gql: Gql) -> None:
    await seed_demo(ports)
    accounts = {account.role: demo_id(1, "member", account.key) for account in town.ACCOUNTS}
    queue = "{ courses(filter: {status: IN_REVIEW}) { nodes { id title team { part } history { to } } } }"
    publish = """mutation ($id: ID!) { moveCourse(input: {courseId: $id, to: PUBLISHED}) {
      course { status } userErrors { code field } } }"""
    own = "{ courses(filter: {madeByViewer: true, status: DRAFT}) { nodes { title lessons { title } } } }"

    [waiting] = (await gql.ask(queue, by=accounts[Role.ADMIN]))["data"]["courses"]["nodes"]
    [draft] = (await gql.ask(own, by=accounts[Role.LECTURER]))["data"]["courses"]["nodes"]
    published = (await gql.ask(publish, {"id": waiting["id"]}, by=accounts[Role.ADMIN]))["data"]["moveCourse"]

    assert [each["part"] for each in waiting["team"]] == ["SCRIPT", "FOOTAGE", "EDIT"]
    assert [each["to"] for each in waiting["history"]] == ["DRAFT", "IN_REVIEW"]
    assert (draft["title"], len(draft["lessons"])) == ("第一次用手机订货", 2)
    assert published == {"course": {"status": "PUBLISHED"}, "userErrors": []}


async def test_a_story_contest_is_open_with_something_to_vote_for_and_something_to_review(
    ports: Ports, gql: Gql
) -> None:
    await seed_demo(ports)
    source = """{ storyCampaigns { nodes { id status votesLeftToday jury { displayName } } } }"""

    [contest] = (await gql.ask(source, by=await learner()))["data"]["storyCampaigns"]["nodes"]
    variables = {"campaignId": contest["id"], "sort": "MOST_VOTED"}
    found = (await gql.data("StoryEntries", variables, by=await learner()))["storyEntries"]
    waiting = await gql.ask(
        "query ($id: ID!) { storyEntries(campaignId: $id, status: SUBMITTED) { totalCount } }",
        {"id": contest["id"]},
        by=await Member.get(id=demo_id(1, "member", "staff-admin")),
    )

    assert (contest["status"], contest["votesLeftToday"], len(contest["jury"])) == ("OPEN", 1, 1)
    assert [len(node["imageUrls"]) for node in found["nodes"]] == [1] * 5
    assert found["nodes"][0]["votes"] == 14
    [cast] = await rows("SELECT count(*) AS votes FROM story_votes")
    assert sum(node["votes"] for node in found["nodes"]) == cast["votes"] > 30
    assert waiting["data"]["storyEntries"]["totalCount"] == 1


async def test_the_game_is_alive(ports: Ports, gql: Gql) -> None:
    await seed_demo(ports)

    answer = await gql.ask(
        """{ rewards { nodes { title imageUrl stockLeft } }
             prizeDraws { nodes { id title status viewerTickets seed winners { ticketNumber } } }
             viewer { unreadNoticeCount redemptions { nodes { status steps { status } } }
                      tasks { code completedAt claimedAt } path { stages { state } } }
             honourBoard(metric: POINTS, period: SEASON) { title startsAt viewerStanding { position } } }""",
        by=await learner(),
    )

    game = answer["data"]
    assert len(game["rewards"]["nodes"]) == 6
    picture = await gql.http.get(game["rewards"]["nodes"][0]["imageUrl"].removeprefix(ports.settings.public_url))
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    selling, drawn = game["prizeDraws"]["nodes"]
    assert (selling["status"], selling["viewerTickets"] > 0, selling["seed"]) == ("OPEN", True, None)
    assert (drawn["status"], len(drawn["winners"]) > 5) == ("DRAWN", True)
    assert await draw_faults(UUID(from_global(drawn["id"])[1])) == []
    viewer = game["viewer"]
    assert [node["status"] for node in viewer["redemptions"]["nodes"]] == ["SHIPPED"]
    assert viewer["unreadNoticeCount"] >= 2
    assert [stage["state"] for stage in viewer["path"]["stages"]] == ["PASSED", "PASSED", "OPEN", "LOCKED", "LOCKED"]
    claimed = [task["code"] for task in viewer["tasks"] if task["claimedAt"]]
    waiting = [task["code"] for task in viewer["tasks"] if task["completedAt"] and not task["claimedAt"]]
    assert claimed == ["once.course"]
    assert "daily.lesson" in waiting
    assert game["honourBoard"]["viewerStanding"]["position"] > 0


async def test_a_game_that_broke_off_goes_on_where_it_was(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_off(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(demo_game, "_claim_first_course", break_off)
        with pytest.raises(RuntimeError):
            await seed_demo(ports)
    assert await is_demo_due()
    await seed_demo(ports)

    assert not await is_demo_due()
    [counted] = await rows("SELECT count(*) AS draws FROM prize_draws")
    assert counted["draws"] == 2
    assert await ledger_verify() == []
