import asyncio
from datetime import timedelta
from typing import Any

import pytest

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import CourseForm, CourseKind, CourseStatus, OutletTier, RegionKind, Role
from models.courses import Course, CourseLecturer
from services.courses import rate_course, recount_course
from tests.gql import Gql
from tests.world import MadeCourse, World


async def test_modules_come_in_the_academys_order_and_count_what_is_published(world: World, gql: Gql) -> None:
    first, second = await world.module("市场营销"), await world.module("安全经营")
    await world.course(module=second)
    await world.course(module=second, status=CourseStatus.DRAFT)

    data = await gql.data("Modules")

    assert [(m["name"], m["courseCount"]) for m in data["modules"]] == [("市场营销", 0), ("安全经营", 1)]
    assert data["modules"][0]["id"] == to_global("Module", first.id)


async def test_the_list_shows_each_course_whole(world: World, gql: Gql) -> None:
    learner = await world.learner()
    lecturer = await world.staff(Role.LECTURER, name="何老师")
    course = await world.course("货架会说话", lessons=2, tiers=[OutletTier.NEW], summary="十分钟学会陈列")
    await CourseLecturer.create(id=new_id(), course_id=course.id, member_id=lecturer.id, position=1)
    await world.studies(learner, course, lessons=1)

    data = await gql.data("CourseList", {"filter": {"text": "货架"}}, by=learner)

    assert data["courses"]["totalCount"] == 1
    [shown] = data["courses"]["nodes"]
    assert shown["id"] == course.gid
    assert (shown["form"], shown["kind"], shown["audienceTiers"]) == ("VIDEO", "ELECTIVE", ["NEW"])
    assert shown["durationSeconds"] == 120
    assert shown["rating"] == {"average": None, "count": 0}
    assert [each["displayName"] for each in shown["lecturers"]] == ["何老师"]
    assert shown["viewerProgress"] == {"percent": 50, "completedAt": None}
    assert shown["publishedAt"] == "2026-03-02T04:00:00Z"


async def test_a_page_of_the_list_takes_as_few_statements_for_many_courses_as_for_one(
    world: World, gql: Gql, statements: list[tuple[str, list[Any]]]
) -> None:
    learner = await world.learner()
    lecturer = await world.staff(Role.LECTURER)
    for number in range(12):
        course = await world.course(lessons=2)
        await CourseLecturer.create(id=new_id(), course_id=course.id, member_id=lecturer.id, position=1)
        if number < 5:
            await world.studies(learner, course, lessons=1)
    await gql.data("CourseList", {"first": 1}, by=learner)
    statements.clear()

    await gql.data("CourseList", {"first": 1}, by=learner)
    for_one = len(statements)
    statements.clear()
    data = await gql.data("CourseList", {"first": 12}, by=learner)

    assert len(data["courses"]["nodes"]) == 12
    assert len(statements) == for_one
    assert for_one <= 9, statements  # who asks; the page, its count, modules, lecturers (2), progress, the tariff


async def test_pages_of_the_list_follow_their_cursors_and_no_others(world: World, gql: Gql) -> None:
    made = [(await world.course(published_at=world.ports.clock.now() - timedelta(days=day))).gid for day in range(3)]

    first = await gql.data("CourseList", {"first": 2})
    after = first["courses"]["pageInfo"]["endCursor"]
    second = await gql.data("CourseList", {"first": 2, "after": after})
    elsewhere = await gql.run("CourseList", {"first": 2, "after": after, "sort": "POPULAR"})

    assert [each["id"] for page in (first, second) for each in page["courses"]["nodes"]] == made
    assert first["courses"]["pageInfo"]["hasNextPage"]
    assert not second["courses"]["pageInfo"]["hasNextPage"]
    assert elsewhere["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_state_of_the_viewer_narrows_the_list(world: World, gql: Gql) -> None:
    learner = await world.learner()
    fresh, begun, done = await world.course(), await world.course(lessons=2), await world.course()
    await world.studies(learner, begun, lessons=1)
    await world.studies(learner, done)

    found = {
        state: [node["id"] for node in (await gql.data("CourseList", {"filter": {"viewerState": state}}, by=learner))
                ["courses"]["nodes"]]
        for state in ("NOT_STARTED", "IN_PROGRESS", "COMPLETED")
    }  # fmt: skip

    assert found == {"NOT_STARTED": [fresh.gid], "IN_PROGRESS": [begun.gid], "COMPLETED": [done.gid]}


async def test_text_longer_than_a_hundred_characters_is_bad_input(world: World, gql: Gql) -> None:
    answer = await gql.run("CourseList", {"filter": {"text": "长" * 101}})

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_drafts_are_listed_for_staff_and_forbidden_to_others(world: World, gql: Gql) -> None:
    draft = await world.course(status=CourseStatus.DRAFT)
    learner, admin = await world.learner(), await world.staff(Role.ADMIN)

    for_staff = await gql.data("CourseList", {"filter": {"status": "DRAFT"}}, by=admin)
    for_learner = await gql.run("CourseList", {"filter": {"status": "DRAFT"}}, by=learner)

    assert [node["id"] for node in for_staff["courses"]["nodes"]] == [draft.gid]
    assert for_learner["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert for_learner["data"] == {"courses": None}


async def test_lessons_open_gate_by_gate_and_say_what_is_missing(world: World, gql: Gql) -> None:
    learner = await world.learner()
    course = await world.course(lessons=3)
    await world.studies(learner, course, lessons=1)

    data = await gql.data("CourseDetail", {"id": course.gid}, by=learner)

    lessons = data["course"]["lessons"]
    assert [lesson["id"] for lesson in lessons] == course.lesson_gids
    assert [lesson["locked"] for lesson in lessons] == [False, False, True]
    assert [lesson["lockedReason"] for lesson in lessons] == [None, None, "Complete “第2课” first"]
    assert [lesson["viewerProgress"]["percent"] for lesson in lessons] == [100, 0, 0]
    assert data["course"]["viewerProgress"] == {
        "percent": 33,
        "completedAt": None,
        "lessonsCompleted": 1,
        "lessonCount": 3,
    }
    assert data["course"]["edition"] == 1


async def test_a_learner_in_the_middle_keeps_lessons_and_gates_of_their_edition(world: World, gql: Gql) -> None:
    course = await world.course(lessons=3)
    first, second, third = course.lesson_ids
    learner, newcomer = await world.learner(), await world.learner()
    await world.studies(learner, course, lessons=1)
    [fresh] = (await world.edition(course, lessons=1)).lesson_ids
    await world.edition(course, keep=[first, fresh, second, third])

    for_learner = await gql.data("CourseDetail", {"id": course.gid}, by=learner)
    for_newcomer = await gql.data("CourseDetail", {"id": course.gid}, by=newcomer)

    assert [lesson["id"] for lesson in for_learner["course"]["lessons"]] == [
        to_global("Lesson", lesson_id) for lesson_id in (first, second, third)
    ]
    assert [lesson["locked"] for lesson in for_learner["course"]["lessons"]] == [False, False, True]
    assert [lesson["locked"] for lesson in for_newcomer["course"]["lessons"]] == [False, True, True, True]
    assert for_learner["course"]["edition"] == 3


async def test_what_is_shown_as_open_is_what_takes_credit(world: World, gql: Gql) -> None:
    course = await world.course(lessons=2)
    first, second = course.lesson_ids
    learner = await world.learner()
    await world.studies(learner, course, lessons=1)
    [fresh] = (await world.edition(course, lessons=1)).lesson_ids
    await world.edition(course, keep=[first, fresh, second])

    open_ones = [
        lesson["id"]
        for lesson in (await gql.data("CourseDetail", {"id": course.gid}, by=learner))["course"]["lessons"]
        if not lesson["locked"]
    ]
    await world.studies(learner, MadeCourse(course.id, course.gid, [fresh, second]))

    assert open_ones == [to_global("Lesson", lesson_id) for lesson_id in (first, second)]


async def test_media_of_locked_lessons_may_be_taken_along(world: World, gql: Gql) -> None:
    learner = await world.learner()
    course = await world.course(lessons=2)

    data = await gql.data("CourseDetail", {"id": course.gid}, by=learner)
    locked = data["course"]["lessons"][1]
    path = locked["mediaUrl"].removeprefix(world.ports.settings.public_url)
    fetched = await gql.http.get(path, headers={"range": "bytes=0-3"})

    assert locked["locked"]
    assert (fetched.status_code, fetched.content) == (206, b"not ")
    assert locked["media"]["sizeBytes"] == 17
    assert locked["media"]["contentType"] == "video/mp4"
    assert locked["mediaUrlExpiresAt"] == "2026-03-02T10:00:00Z"
    assert locked["body"] is None


async def test_signed_out_the_course_is_seen_but_not_its_contents(world: World, gql: Gql) -> None:
    course = await world.course(lessons=2, form=CourseForm.ARTICLE)

    data = await gql.data("CourseDetail", {"id": course.gid})

    assert data["course"]["viewerProgress"] is None
    assert data["course"]["viewerRating"] is None
    assert [(lesson["body"], lesson["mediaUrl"]) for lesson in data["course"]["lessons"]] == [(None, None)] * 2
    assert [lesson["locked"] for lesson in data["course"]["lessons"]] == [False, True]


async def test_an_article_has_its_text_and_no_media(world: World, gql: Gql) -> None:
    course = await world.course(form=CourseForm.ARTICLE)

    data = await gql.data("CourseDetail", {"id": course.gid}, by=await world.learner())

    [lesson] = data["course"]["lessons"]
    assert (lesson["body"], lesson["media"], lesson["mediaUrl"]) == ("正文", None, None)


@pytest.mark.parametrize("status", [CourseStatus.DRAFT, CourseStatus.IN_REVIEW, CourseStatus.RETIRED])
async def test_what_is_not_published_does_not_exist_for_learners(world: World, gql: Gql, status: CourseStatus) -> None:
    course = await world.course(status=status)
    learner, auditor = await world.learner(), await world.staff(Role.AUDITOR)
    asked = (
        "query ($id: ID!, $lesson: ID!) { course(id: $id) { id } a: node(id: $id) { id } b: node(id: $lesson) { id } }"
    )
    variables = {"id": course.gid, "lesson": course.lesson_gids[0]}

    hidden = await gql.ask(asked, variables, by=learner)
    shown = await gql.ask(asked, variables, by=auditor)

    assert hidden == {"data": {"course": None, "a": None, "b": None}}
    assert shown["data"]["course"] == {"id": course.gid}
    assert shown["data"]["b"] == {"id": course.lesson_gids[0]}


async def test_node_finds_modules_courses_lessons_and_media(world: World, gql: Gql) -> None:
    learner = await world.learner()
    module = await world.module()
    course = await world.course(module=module)
    detail = await gql.data("CourseDetail", {"id": course.gid}, by=learner)
    ids = [
        to_global("Module", module.id), course.gid, course.lesson_gids[0],
        detail["course"]["lessons"][0]["media"]["id"], to_global("Course", new_id()), to_global("Course", "nonsense"),
    ]  # fmt: skip

    answer = await gql.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids}, by=learner)

    found = answer["data"]["nodes"]
    assert [node and node["__typename"] for node in found] == ["Module", "Course", "Lesson", "Media", None, None]
    assert [node["id"] for node in found[:4]] == ids[:4]


async def test_a_course_is_rated_only_after_completing_it(world: World, gql: Gql) -> None:
    learner = await world.learner()
    course = await world.course(lessons=2)
    await world.studies(learner, course, lessons=1)

    data = await gql.data("RateCourse", {"input": {"courseId": course.gid, "stars": 5}}, by=learner)

    assert data["rateCourse"]["course"] is None
    assert [error["code"] for error in data["rateCourse"]["userErrors"]] == ["STATE_FORBIDS"]
    assert (await Course.get(id=course.id)).rating_count == 0


async def test_rating_again_replaces_and_the_average_follows_at_once(world: World, gql: Gql) -> None:
    one, other = await world.learner(), await world.learner()
    course = await world.course()
    for learner in (one, other):
        await world.studies(learner, course)

    await gql.data("RateCourse", {"input": {"courseId": course.gid, "stars": 2, "comment": "还行"}}, by=one)
    await gql.data("RateCourse", {"input": {"courseId": course.gid, "stars": 4}}, by=other)
    data = await gql.data("RateCourse", {"input": {"courseId": course.gid, "stars": 5}}, by=one)

    rated = data["rateCourse"]["course"]
    assert rated == {"id": course.gid, "rating": {"average": 4.5, "count": 2}, "viewerRating": 5}
    assert data["rateCourse"]["userErrors"] == []


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"stars": 0}, "BAD_USER_INPUT", ["stars"]),
        ({"stars": 6}, "BAD_USER_INPUT", ["stars"]),
        ({"comment": "长" * 501}, "BAD_USER_INPUT", ["comment"]),
        ({"courseId": "nonsense"}, "NOT_FOUND", ["courseId"]),
        ({"courseId": to_global("Course", "00000000-0000-0000-0000-000000000000")}, "NOT_FOUND", ["courseId"]),
    ],
)
async def test_a_rating_that_cannot_be_taken_says_which_field_is_wrong(
    world: World, gql: Gql, changed: dict[str, object], code: str, field: list[str]
) -> None:
    learner = await world.learner()
    course = await world.course()
    await world.studies(learner, course)

    data = await gql.data("RateCourse", {"input": {"courseId": course.gid, "stars": 5, **changed}}, by=learner)

    [error] = data["rateCourse"]["userErrors"]
    assert (error["code"], error["field"]) == (code, field)
    assert (await Course.get(id=course.id)).rating_count == 0


async def test_ratings_given_at_once_are_all_counted(world: World) -> None:
    course = await world.course()
    learners = [await world.learner() for _ in range(8)]
    for learner in learners:
        await world.studies(learner, course)

    await asyncio.gather(
        *(
            rate_course(world.ports, Actor(learner.id, new_id(), ()), course.id, 1 + place % 5, "")
            for place, learner in enumerate(learners)
        )
    )

    row = await Course.get(id=course.id)
    assert (row.rating_count, row.rating_sum) == (8, 1 + 2 + 3 + 4 + 5 + 1 + 2 + 3)


async def test_counters_are_recounted_from_learners_by_tier(world: World) -> None:
    course = await world.course(lessons=2)
    done = await world.learner(outlet=await world.outlet(tier=OutletTier.MODERN))
    await world.studies(done, course)
    await world.studies(await world.learner(), course, lessons=1)

    await recount_course(course.id)
    await recount_course(course.id)

    row = await Course.get(id=course.id)
    assert (row.view_count, row.completion_count) == (2, 1)


HOME_LISTS = """
query ($first: Int, $after: String) {
  assignedCourses(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { dueAt overdue reason course { id title } }
  }
  recommendedCourses(first: $first) { totalCount nodes { reason course { id } } }
}
"""


async def test_assignments_reach_people_by_region_tier_outlet_and_name_and_are_due_first_first(
    world: World, gql: Gql, clock: FrozenClock
) -> None:
    city = await world.region("临溪", kind=RegionKind.CITY)
    station = await world.region("城东", parent=city)
    elsewhere = await world.region("别处", kind=RegionKind.CITY)
    outlet = await world.outlet(region=station, tier=OutletTier.MODERN)
    learner = await world.learner(outlet=outlet)
    by = {name: await world.course(name) for name in ("region", "tier", "both", "outlet", "member")}
    for days, name, to in (
        (5, "region", {"region": city}),
        (4, "tier", {"tier": OutletTier.MODERN}),
        (3, "both", {"region": city, "tier": OutletTier.MODERN}),
        (-1, "outlet", {"outlet": outlet}),
        (1, "member", {"member": learner}),
    ):
        await world.assigned(by[name], due_in=timedelta(days=days), **to)
    not_meant = await world.course()
    await world.assigned(not_meant, region=elsewhere)
    await world.assigned(not_meant, region=city, tier=OutletTier.NEW)
    await world.assigned(not_meant, member=await world.learner())
    await world.assigned(by["region"], region=station, due_in=timedelta(days=9))

    answer = await gql.ask(HOME_LISTS, {"first": 3}, by=learner)
    first = answer["data"]["assignedCourses"]
    rest = await gql.ask(HOME_LISTS, {"first": 3, "after": first["pageInfo"]["endCursor"]}, by=learner)

    nodes = [*first["nodes"], *rest["data"]["assignedCourses"]["nodes"]]
    assert [node["course"]["title"] for node in nodes] == ["outlet", "member", "both", "tier", "region"]
    assert [node["overdue"] for node in nodes] == [True, False, False, False, False]
    assert first["totalCount"] == 5


async def test_what_is_completed_is_neither_assigned_nor_recommended(world: World, gql: Gql) -> None:
    learner = await world.learner()
    done, left = await world.course(), await world.course(kind=CourseKind.REQUIRED)
    await world.assigned(done, member=learner)
    await world.studies(learner, done)

    data = (await gql.ask(HOME_LISTS, by=learner))["data"]

    assert data["assignedCourses"]["nodes"] == []
    assert data["recommendedCourses"]["nodes"] == [
        {"reason": "Required for shops like yours", "course": {"id": left.gid}}
    ]
    assert data["recommendedCourses"]["totalCount"] == 1


async def test_recommendations_say_when_an_assigned_course_is_due_and_how_many_similar_people_did_it(
    world: World, gql: Gql
) -> None:
    similar, learner = await world.learner(), await world.learner()
    assigned, popular = await world.course(), await world.course()
    await world.assigned(assigned, member=learner, due_in=timedelta(days=3))
    await world.studies(similar, popular)
    await recount_course(popular.id)

    data = (await gql.ask(HOME_LISTS, by=learner))["data"]

    assert data["recommendedCourses"]["nodes"] == [
        {"reason": "Assigned to you, due on 3/5", "course": {"id": assigned.gid}},
        {"reason": "1 people of similar shops completed it", "course": {"id": popular.gid}},
    ]


async def test_signed_out_personal_lists_are_empty(world: World, gql: Gql) -> None:
    await world.course(kind=CourseKind.REQUIRED)

    data = (await gql.ask(HOME_LISTS))["data"]

    assert data["assignedCourses"]["nodes"] == []
    assert data["recommendedCourses"] == {"totalCount": 0, "nodes": []}


async def test_the_first_rating_of_a_course_pays_and_a_changed_mind_does_not(world: World, gql: Gql) -> None:
    may, course = await world.learner(), await world.course()
    await world.studies(may, course)
    source = "{ viewer { pointEntries(first: 2) { nodes { rule amount subject { id } } } } }"
    sent = {"courseId": course.gid, "stars": 4}

    for stars in (4, 5):
        await gql.data("RateCourse", {"input": {**sent, "stars": stars}}, by=may)

    last, before = (await gql.ask(source, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert last == {"rule": "course.rated", "amount": 2, "subject": {"id": course.gid}}
    assert before["rule"] != "course.rated"
