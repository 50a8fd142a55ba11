"""From a proposal to its retirement: who may do what, what an edition is, and that two editors do not lose each other's
work."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.ids import from_global, to_global
from kit.words import CourseStatus, Role
from models.courses import Course, CourseEdition, Lesson, MediaAsset
from models.making import CourseDraft
from models.notices import Notice
from models.progress import CourseEnrolment
from services.audit import verify_audit
from services.course_moves import MOVES, starting_point
from services.making import MOST_PROPOSALS
from tests.gql import Gql
from tests.making.desk import Desk, Studio, fault
from tests.world import MadeCourse, World


def row_id(gid: str) -> UUID:
    return UUID(from_global(gid)[1])


async def made_course(studio: Studio, gid: str) -> MadeCourse:
    """What a studio published, as tests speak of courses."""
    lessons = (await studio.maker.course(gid))["lessons"]
    return MadeCourse(row_id(gid), gid, [row_id(each["id"]) for each in lessons])


@pytest.fixture
async def studio(world: World, gql: Gql) -> Studio:
    return await Studio.opened(world, gql)


async def test_a_proposal_goes_through_review_into_the_catalogue_and_out_of_it(
    studio: Studio, clock: FrozenClock, world: World
) -> None:
    maker, reviewer = studio.maker, studio.reviewer
    reader = Desk(studio.gql, await world.learner())
    gid = await studio.proposed(tags=["雨天"], points=30)

    unseen = [await reader.course(gid), await reader.listed(text="雨天")]
    handed_in = await maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
    queue = await reviewer.listed(status="IN_REVIEW")
    sent_back = await reviewer.do("moveCourse", courseId=gid, to="DRAFT", note="第1课太暗")
    await maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
    clock.advance(timedelta(hours=1))
    published = await reviewer.do("moveCourse", courseId=gid, to="PUBLISHED")
    seen = await reader.listed(text="雨天")
    retired = await reviewer.do("moveCourse", courseId=gid, to="RETIRED", note="规定变了")

    assert unseen == [None, []]
    assert (handed_in["status"], queue, sent_back["status"]) == ("IN_REVIEW", ["雨天陈列"], "DRAFT")
    assert published["status"] == "PUBLISHED"
    assert published["publishedAt"] == clock.now().isoformat().replace("+00:00", "Z")
    assert seen == ["雨天陈列"]
    assert [(each["from"], each["to"], each["by"]["displayName"], each["note"]) for each in retired["history"]] == [
        (None, "DRAFT", "小林", ""),
        ("DRAFT", "IN_REVIEW", "小林", ""),
        ("IN_REVIEW", "DRAFT", "审核员", "第1课太暗"),
        ("DRAFT", "IN_REVIEW", "小林", ""),
        ("IN_REVIEW", "PUBLISHED", "审核员", ""),
        ("PUBLISHED", "RETIRED", "审核员", "规定变了"),
    ]
    assert [each["at"] for each in retired["history"]] == ["2026-03-02T04:00:00Z"] * 4 + ["2026-03-02T05:00:00Z"] * 2
    assert await reader.listed(text="雨天") == []
    told = await Notice.filter(member_id=maker.member.id, kind__startswith="COURSE").order_by("id")
    assert [each.kind for each in told] == ["COURSE_RETURNED", "COURSE_PUBLISHED"]
    assert (await verify_audit(world.ports)).fault is None


def test_the_table_of_moves_is_all_there_is() -> None:
    def to(start: CourseStatus, draft: CourseStatus | None = None, *, once: bool = False) -> set[str]:
        return {each.value for each in CourseStatus if starting_point(start, draft, each, once_published=once)}

    assert to(CourseStatus.DRAFT) == {"IN_REVIEW", "RETIRED"}
    assert to(CourseStatus.IN_REVIEW) == {"DRAFT", "PUBLISHED"}
    assert to(CourseStatus.PUBLISHED, once=True) == {"RETIRED"}
    assert to(CourseStatus.PUBLISHED, CourseStatus.DRAFT, once=True) == {"IN_REVIEW", "RETIRED"}
    assert to(CourseStatus.PUBLISHED, CourseStatus.IN_REVIEW, once=True) == {"DRAFT", "PUBLISHED", "RETIRED"}
    assert to(CourseStatus.RETIRED) == {"DRAFT"}
    assert to(CourseStatus.RETIRED, once=True) == {"PUBLISHED"}
    assert all(move.explained for (start, end), move in MOVES.items() if CourseStatus.RETIRED in (start, end))


async def test_only_makers_change_a_course_and_none_of_them_reviews_it(studio: Studio, world: World, gql: Gql) -> None:
    outsider, abroad = Desk(gql, await world.learner()), Desk(gql, await world.staff(Role.ADMIN, await world.region()))
    auditor, chief = Desk(gql, await world.staff(Role.AUDITOR)), Desk(gql, await world.staff(Role.ADMIN))
    gid = await studio.proposed()
    version = (await studio.maker.course(gid))["version"]
    change = {"courseId": gid, "expectedVersion": version, "title": "改名"}

    refused = [
        await each.send("updateCourse", **change) for each in (outsider, abroad, auditor, chief, studio.reviewer)
    ]
    appointed = await studio.reviewer.do(
        "updateCourse", courseId=gid, expectedVersion=version,
        team=[{"memberId": to_global("Member", studio.reviewer.member.id), "part": "EDIT"}],
    )  # fmt: skip
    await studio.reviewer.do("updateCourse", **change | {"expectedVersion": version + 1})
    await studio.reviewer.do("updateCourse", courseId=gid, expectedVersion=version + 2, team=[])
    await studio.maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
    verdicts = [
        await each.send("moveCourse", courseId=gid, to="PUBLISHED")
        for each in (studio.maker, studio.reviewer, abroad, auditor, outsider)
    ]

    assert refused[0]["userErrors"] == fault("NOT_FOUND", "courseId")
    assert refused[1:] == [{"refused": "FORBIDDEN"}] * 4
    assert appointed["team"] == [{"part": "EDIT", "member": {"displayName": "审核员"}}]
    assert verdicts[:4] == [{"refused": "FORBIDDEN"}] * 4, "who once was in the team does not review"
    assert verdicts[4]["userErrors"] == fault("NOT_FOUND", "courseId")
    assert (await chief.do("moveCourse", courseId=gid, to="PUBLISHED"))["status"] == "PUBLISHED"


async def test_the_team_becomes_the_lecturers_and_sees_what_it_makes(studio: Studio, world: World, gql: Gql) -> None:
    editor = await world.staff(Role.LECTURER, name="剪辑师")
    team = [
        {"memberId": to_global("Member", editor.id), "part": part} for part in ("EDIT", "SCRIPT")
    ] + [{"memberId": to_global("Member", studio.maker.member.id), "part": "FOOTAGE"}]  # fmt: skip
    gid = await studio.proposed(team=team)
    desk = Desk(gql, editor)

    own, all_drafts = await desk.listed(madeByViewer=True), await desk.listed(status="DRAFT")
    await desk.do("moveCourse", courseId=gid, to="IN_REVIEW")
    await studio.reviewer.do("moveCourse", courseId=gid, to="PUBLISHED")
    shown = await desk.course(gid, "lecturers { displayName } team { part } history { to }")
    for_reader = await Desk(gql, await world.learner()).course(
        gid, "team { part } history { to } draft { title } proposedBy { id }"
    )

    assert (own, all_drafts) == (["雨天陈列"], ["FORBIDDEN"])
    assert [each["displayName"] for each in shown["lecturers"]] == ["剪辑师", "小林"]
    assert [each["part"] for each in shown["team"]] == ["SCRIPT", "FOOTAGE", "EDIT"]
    assert for_reader == {"team": None, "history": None, "draft": None, "proposedBy": None}


async def test_what_is_not_whole_is_not_handed_in_and_says_what_it_lacks(studio: Studio) -> None:
    maker = studio.maker
    bare = await studio.proposed(lessons=0)
    scripted = await studio.proposed(lessons=1)
    await maker.do("addLesson", courseId=scripted, title="还没拍", body="脚本")
    lost = await studio.proposed(lessons=1)
    media = (await Lesson.get(course_id=from_global(lost)[1]).prefetch_related("editions__media")).editions[0].media
    await studio.world.ports.storage.delete(media.storage_key)

    answers = [await maker.send("moveCourse", courseId=gid, to="IN_REVIEW") for gid in (bare, scripted, lost)]

    assert [each["userErrors"] for each in answers] == [
        fault("STATE_FORBIDS", "lessonIds"),
        fault("STATE_FORBIDS", "lessonIds", "1", "mediaId"),
        fault("STATE_FORBIDS", "lessonIds", "0", "mediaId"),
    ]
    assert await Course.filter(status=CourseStatus.DRAFT).count() == 3


async def test_a_published_course_is_changed_by_a_next_edition_and_learners_in_the_middle_keep_theirs(
    studio: Studio, world: World, gql: Gql, clock: FrozenClock
) -> None:
    maker, reviewer = studio.maker, studio.reviewer
    gid = await studio.published(lessons=2)
    course_id = row_id(gid)
    [first, second] = [each["id"] for each in (await maker.course(gid))["lessons"]]
    old, done, new = await world.learner(), await world.learner(), await world.learner()
    clock.advance(timedelta(hours=2))
    made = MadeCourse(course_id, gid, [row_id(first), row_id(second)])
    await world.studies(old, made, lessons=1)
    await world.studies(done, made)
    published_at = (await Course.get(id=course_id)).published_at

    version = (await maker.course(gid))["version"]
    changed = await maker.do(
        "updateCourse", courseId=gid, expectedVersion=version, title="雨天陈列（新）", tags=["新版"]
    )
    await maker.do("removeLesson", lessonId=first)
    added = await maker.do("addLesson", courseId=gid, title="补充", mediaId=await studio.film(90), position=1)
    meanwhile = await Desk(gql, new).course(gid)
    await maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
    queue = await reviewer.listed(status="IN_REVIEW")
    await reviewer.do("moveCourse", courseId=gid, to="PUBLISHED")

    assert (changed["title"], changed["draft"]["title"], changed["status"]) == (
        "雨天陈列",
        "雨天陈列（新）",
        "PUBLISHED",
    )
    assert [each["id"] for each in meanwhile["lessons"]] == [first, second]
    assert meanwhile["draft"] is None
    assert queue == ["雨天陈列"]
    after = await Desk(gql, new).course(gid)
    assert (after["title"], after["edition"]) == ("雨天陈列（新）", 2)
    assert [each["id"] for each in after["lessons"]] == [added["id"], second]
    assert [each["id"] for each in (await Desk(gql, old).course(gid))["lessons"]] == [first, second]
    assert [each["id"] for each in (await Desk(gql, done).course(gid))["lessons"]] == [added["id"], second]
    clock.advance(timedelta(hours=2))
    await world.studies(old, MadeCourse(made.id, gid, made.lesson_ids))
    enrolments = await CourseEnrolment.filter(course_id=course_id, completed_at__isnull=False)
    assert {each.member_id for each in enrolments} == {old.id, done.id}
    course = await Course.get(id=course_id)
    assert (course.published_at, course.duration_seconds) == (published_at, 150)
    assert await Desk(gql, new).listed(text="新版") == ["雨天陈列（新）"]
    assert await CourseDraft.all().count() == 0
    node = "query ($id: ID!) { node(id: $id) { id } }"
    finds = [(await gql.ask(node, {"id": first}, by=each))["data"]["node"] for each in (old, new)]
    assert finds == [None, None], "complete, the first lesson is in no edition that is theirs"


async def test_of_two_editors_with_one_version_one_wins_and_the_other_is_told(studio: Studio) -> None:
    gid = await studio.published()
    version = (await studio.maker.course(gid))["version"]

    answers = await asyncio.gather(
        *(
            studio.maker.send("updateCourse", courseId=gid, expectedVersion=version, title=f"标题{number}")
            for number in range(6)
        )
    )

    won = [number for number, each in enumerate(answers) if each["userErrors"] == []]
    assert len(won) == 1
    lost = [each["userErrors"] for each in answers if each["userErrors"]]
    assert lost == [fault("CONFLICT", "expectedVersion")] * 5
    after = await studio.maker.course(gid)
    assert (after["version"], after["draft"]["title"]) == (version + 1, f"标题{won[0]}")
    assert await CourseEdition.filter(course_id=from_global(gid)[1]).count() == 2


async def test_lessons_are_added_ordered_and_removed_and_stay_numbered(studio: Studio) -> None:
    maker = studio.maker
    gid = await studio.proposed(lessons=3)
    one, two, three = [each["id"] for each in (await maker.course(gid))["lessons"]]

    front = await maker.do("addLesson", courseId=gid, title="开场", mediaId=await studio.film(30), position=1)
    renamed = await maker.do("updateLesson", lessonId=two, title="改名", durationSeconds=9999)
    ordered = await maker.do("reorderLessons", courseId=gid, lessonIds=[three, front["id"], one, two])
    removed = await maker.do("removeLesson", lessonId=one)

    assert (front["position"], front["durationSeconds"]) == (1, 30)
    assert (renamed["title"], renamed["durationSeconds"]) == ("改名", 60), "a film plays as long as it plays"
    assert [each["id"] for each in ordered["lessons"]] == [three, front["id"], one, two]
    assert [(each["id"], each["position"]) for each in removed["lessons"]] == [(three, 1), (front["id"], 2), (two, 3)]
    assert (await Course.get()).duration_seconds == 150
    assert await Lesson.all().count() == 3


async def test_lessons_of_others_and_orders_that_do_not_fit_are_refused(studio: Studio, world: World, gql: Gql) -> None:
    maker, other = studio.maker, Desk(gql, await world.learner())
    gid = await studio.proposed(lessons=2)
    elsewhere = await world.course()
    one, two = [each["id"] for each in (await maker.course(gid))["lessons"]]
    before = await maker.course(gid)
    stranger = await studio.film(by=other.member)

    async def errors(desk: Desk, name: str, **fields: object) -> object:
        answer = await desk.send(name, **fields)
        return answer.get("userErrors") or answer

    assert await errors(maker, "reorderLessons", courseId=gid, lessonIds=[one]) == fault("CONFLICT", "lessonIds")
    assert await errors(maker, "reorderLessons", courseId=gid, lessonIds=[one, one]) == fault(
        "BAD_USER_INPUT", "lessonIds"
    )
    assert await errors(maker, "reorderLessons", courseId=gid, lessonIds=[one, elsewhere.lesson_gids[0]]) == fault(
        "NOT_FOUND", "lessonIds", "1"
    )
    assert await errors(other, "removeLesson", lessonId=one) == fault("NOT_FOUND", "lessonId")
    assert await errors(other, "removeLesson", lessonId=elsewhere.lesson_gids[0]) == {"refused": "FORBIDDEN"}
    assert await errors(maker, "addLesson", courseId=gid, title="x", position=9, body="稿") == fault(
        "BAD_USER_INPUT", "position"
    )
    assert await errors(maker, "addLesson", courseId=gid, title="x") == fault("BAD_USER_INPUT", "mediaId")
    assert await errors(maker, "addLesson", courseId=gid, title=" ", body="稿") == fault("BAD_USER_INPUT", "title")
    assert await errors(maker, "addLesson", courseId=gid, title="x", mediaId=stranger) == fault("NOT_FOUND", "mediaId")
    picture = await studio.film(kind="IMAGE")
    assert await errors(maker, "updateLesson", lessonId=one, mediaId=picture) == fault("BAD_USER_INPUT", "mediaId")
    unprobed = await studio.film()
    await MediaAsset.filter(id=row_id(unprobed)).update(duration_seconds=None)
    assert await errors(maker, "updateLesson", lessonId=one, mediaId=unprobed) == fault("STATE_FORBIDS", "mediaId")
    assert await errors(maker, "updateLesson", lessonId=one, durationSeconds=0) == fault(
        "BAD_USER_INPUT", "durationSeconds"
    )
    stale = {"expectedVersion": before["version"] - 1}
    assert await errors(maker, "removeLesson", lessonId=two, **stale) == fault("CONFLICT", "expectedVersion")
    assert await maker.course(gid) == before


async def test_nothing_is_changed_while_it_is_reviewed_or_once_it_is_retired(studio: Studio) -> None:
    maker, reviewer = studio.maker, studio.reviewer
    gid = await studio.proposed()
    [lesson] = [each["id"] for each in (await maker.course(gid))["lessons"]]
    await maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
    version = (await maker.course(gid))["version"]

    while_reviewed = [
        await maker.send("updateCourse", courseId=gid, expectedVersion=version, title="x"),
        await maker.send("addLesson", courseId=gid, title="x", body="稿"),
    ]
    of_lesson = await maker.send("removeLesson", lessonId=lesson)
    await reviewer.do("moveCourse", courseId=gid, to="PUBLISHED")
    unexplained = await reviewer.send("moveCourse", courseId=gid, to="RETIRED", note="  ")
    await reviewer.do("moveCourse", courseId=gid, to="RETIRED", note="过时")
    retired = await maker.send("addLesson", courseId=gid, title="x", body="稿")
    back = await reviewer.do("moveCourse", courseId=gid, to="PUBLISHED", note="弄错了")

    assert [each["userErrors"] for each in [*while_reviewed, retired]] == [fault("STATE_FORBIDS", "courseId")] * 3
    assert of_lesson["userErrors"] == fault("STATE_FORBIDS", "lessonId")
    assert unexplained["userErrors"] == fault("BAD_USER_INPUT", "note")
    assert (back["status"], back["edition"]) == ("PUBLISHED", 1)


async def test_a_next_edition_can_be_thrown_away_with_the_lessons_only_it_had(studio: Studio) -> None:
    maker = studio.maker
    gid = await studio.published()
    before = await maker.course(gid, "title lessons { id }")
    await maker.do("addLesson", courseId=gid, title="补充", mediaId=await studio.film())
    none_left = await studio.published()

    thrown = await maker.do("discardCourseDraft", courseId=gid)
    again = await maker.send("discardCourseDraft", courseId=none_left)

    assert thrown["draft"] is None
    assert await maker.course(gid, "title lessons { id }") == before
    assert await Lesson.filter(course_id=from_global(gid)[1]).count() == 1
    assert again["userErrors"] == fault("STATE_FORBIDS", "courseId")


async def test_who_began_a_retired_course_still_finds_it(
    studio: Studio, world: World, gql: Gql, clock: FrozenClock
) -> None:
    gid = await studio.published()
    course = await made_course(studio, gid)
    began, late = await world.learner(), await world.learner()
    clock.advance(timedelta(hours=1))
    await world.watches(began, course, (0, 5))
    await studio.reviewer.do("moveCourse", courseId=gid, to="RETIRED", note="过时")

    selection = "title status lessons { mediaUrl locked }"
    for_began, for_late = [await Desk(gql, each).course(gid, selection) for each in (began, late)]
    await world.studies(began, course)

    assert (for_began["status"], for_began["lessons"][0]["locked"]) == ("RETIRED", False)
    assert for_began["lessons"][0]["mediaUrl"] is not None
    assert for_late is None
    assert await CourseEnrolment.filter(member_id=began.id, completed_at__isnull=False).count() == 1
    assert await Desk(gql, began).listed(text="雨天") == []


@pytest.mark.parametrize(
    ("other", "code", "field"),
    [
        ({"code": "a b"}, "BAD_USER_INPUT", ["code"]),
        ({"code": ""}, "BAD_USER_INPUT", ["code"]),
        ({"title": " \n "}, "BAD_USER_INPUT", ["title"]),
        ({"title": "长" * 201}, "BAD_USER_INPUT", ["title"]),
        ({"summary": "长" * 1001}, "BAD_USER_INPUT", ["summary"]),
        ({"tags": ["好"] * 11}, "BAD_USER_INPUT", ["tags"]),
        ({"tags": ["好", "长" * 21]}, "BAD_USER_INPUT", ["tags", "1"]),
        ({"points": -1}, "BAD_USER_INPUT", ["points"]),
        ({"moduleId": "x"}, "NOT_FOUND", ["moduleId"]),
        ({"coverMediaId": "x"}, "NOT_FOUND", ["coverMediaId"]),
        ({"team": [{"memberId": "x", "part": "EDIT"}]}, "NOT_FOUND", ["team", "0", "memberId"]),
    ],
)
async def test_a_bad_proposal_says_where_and_leaves_nothing(
    studio: Studio, other: dict[str, object], code: str, field: list[str]
) -> None:
    answer = await studio.maker.send("createCourse", **studio.proposal(**other))

    assert answer == {"course": None, "userErrors": fault(code, *field)}
    assert await Course.all().count() == 0


async def test_a_code_is_given_once_and_proposals_have_a_limit(studio: Studio, world: World, gql: Gql) -> None:
    plan = studio.proposal(code="雨".encode().hex())

    raced = await asyncio.gather(*(studio.maker.send("createCourse", **plan) for _ in range(4)))
    for _ in range(MOST_PROPOSALS - 1):
        await studio.maker.do("createCourse", **studio.proposal())
    beyond = await studio.maker.send("createCourse", **studio.proposal())
    stranger = await Desk(gql, await world.member()).send("createCourse", **studio.proposal())

    assert sorted(len(each["userErrors"]) for each in raced) == [0, 1, 1, 1]
    assert [each["userErrors"] for each in raced if each["userErrors"]] == [fault("CONFLICT", "code")] * 3
    assert beyond["userErrors"] == fault("LIMIT_REACHED")
    assert stranger == {"refused": "FORBIDDEN"}
    assert await Course.all().count() == MOST_PROPOSALS


async def test_an_article_needs_its_text_and_its_time(studio: Studio) -> None:
    maker = studio.maker
    gid = await studio.proposed(lessons=0, form="ARTICLE")

    without_time = await maker.send("addLesson", courseId=gid, title="读", body="正文")
    lesson = await maker.do("addLesson", courseId=gid, title="读", body="正文", durationSeconds=90)
    filmed = await maker.send("updateLesson", lessonId=lesson["id"], mediaId=await studio.film())
    emptied = await maker.send("updateLesson", lessonId=lesson["id"], body=" ")
    other_form = await maker.send("updateCourse", courseId=gid, expectedVersion=2, form="AUDIO")
    await maker.do("moveCourse", courseId=gid, to="IN_REVIEW")

    assert without_time["userErrors"] == fault("BAD_USER_INPUT", "durationSeconds")
    assert lesson["durationSeconds"] == 90
    assert filmed["userErrors"] == fault("BAD_USER_INPUT", "mediaId")
    assert emptied["userErrors"] == fault("BAD_USER_INPUT", "body")
    assert other_form["userErrors"] == fault("STATE_FORBIDS", "form")
