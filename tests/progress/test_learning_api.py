"""ReportProgress and MyLearning as the apps send them."""

from datetime import timedelta

import pytest

from kit.ids import new_id, to_global
from kit.words import CourseStatus
from models.courses import Course
from tests.progress.desk import HOUR, MINUTE, everything, learner, send, station, watched


def event(lesson_gid, at, *spans, **changes):
    return {
        "eventId": str(new_id()),
        "lessonId": lesson_gid,
        "kind": "WATCHED",
        "occurredAt": at.isoformat(),
        "spans": [{"fromSeconds": start, "toSeconds": end} for start, end in spans],
        "playbackRate": 1.0,
        **changes,
    }


def sent(ports, *events):
    return {"input": {"sentAt": ports.clock.now().isoformat(), "events": list(events)}}


async def test_a_report_answers_with_everything_it_changed(gql, ports, world):
    course = await world.course("陈列", lessons=2, seconds=60)
    first, second = course.lesson_gids
    may = await learner(ports, await station(ports))
    now = ports.clock.now()
    reports = [event(first, now - MINUTE, (0, 60)), event(second, now, (0, 40))]

    data = (await gql.data("ReportProgress", sent(ports, *reports), by=may.member_id))["reportProgress"]

    assert data == {
        "results": [
            {"eventId": report["eventId"], "status": "ACCEPTED", "code": None, "message": None} for report in reports
        ],
        "awards": [
            {"rule": "day.first_lesson", "title": "First lesson of the day", "points": 5, "subject": None},
            {
                "rule": "lesson.completed",
                "title": "Lesson completed",
                "points": 10,
                "subject": {"__typename": "Lesson"},
            },
        ],
        "viewer": {
            "id": to_global("Member", may.member_id),
            "points": {"lifetime": 15, "balance": 15, "today": 15, "thisWeek": 15},
            "level": data["viewer"]["level"],
            "streak": {"days": 1, "bestDays": 1, "learnedToday": True},
        },
        "levelUps": [],
        "badges": [],
        "lessons": [
            {
                "id": first,
                "viewerProgress": {
                    "watchedSeconds": 60,
                    "furthestSeconds": 60,
                    "resumeAtSeconds": 0,
                    "percent": 100,
                    "completedAt": "2026-03-02T03:59:00Z",
                    "missing": None,
                },
            },
            {
                "id": second,
                "viewerProgress": {
                    "watchedSeconds": 40,
                    "furthestSeconds": 40,
                    "resumeAtSeconds": 40,
                    "percent": 66,
                    "completedAt": None,
                    "missing": "seconds 40-60",
                },
            },
        ],
        "userErrors": [],
    }


async def test_results_keep_the_order_of_the_events_and_say_why_in_words(gql, ports, world):
    course = await world.course(lessons=2, seconds=60)
    may = await learner(ports)
    now = ports.clock.now()
    reports = [
        event(course.lesson_gids[1], now, (0, 60)),
        event("nonsense", now, (0, 60)),
        event(course.gid, now, (0, 60)),
        event(course.lesson_gids[0], now - MINUTE, (0, 30)),
    ]

    data = (await gql.data("ReportProgress", sent(ports, *reports), by=may.member_id))["reportProgress"]

    assert [(result["status"], result["code"], result["message"]) for result in data["results"]] == [
        ("REJECTED", "LESSON_LOCKED", "Please complete the lesson before this one first."),
        ("REJECTED", "LESSON_UNAVAILABLE", "This lesson is not available."),
        ("REJECTED", "LESSON_UNAVAILABLE", "This lesson is not available."),
        ("ACCEPTED", None, None),
    ]
    assert [lesson["id"] for lesson in data["lessons"]] == [course.lesson_gids[0]]


async def test_what_waits_to_be_paid_says_until_when(gql, ports, world):
    course = await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    report = event(course.lesson_gids[0], ports.clock.now(), (0, 900))

    data = (await gql.data("ReportProgress", sent(ports, report), by=may.member_id))["reportProgress"]

    [result], [lesson] = data["results"], data["lessons"]
    assert (result["status"], result["code"]) == ("ACCEPTED", "TOO_FAST")
    assert lesson["viewerProgress"]["watchedSeconds"] == 600
    assert lesson["viewerProgress"]["missing"] == ("wait until 03-02 12:01:45: what was watched is credited by itself")


async def test_missing_speaks_chinese(gql, ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    await send(ports, may, watched(course.lesson_ids[0], (10, 20), (30, 31), (40, 41), at=ports.clock.now()))
    source = "query Q($id: ID!) { course(id: $id) { lessons { viewerProgress { missing } } } }"

    answer = await gql.post(
        {"query": source, "variables": {"id": course.gid}}, by=may.member_id, headers={"accept-language": "zh-CN"}
    )

    [lesson] = answer.json()["data"]["course"]["lessons"]
    assert lesson["viewerProgress"]["missing"] == "还差第0-10、20-30、31-40…秒"


async def test_an_overlong_batch_is_a_user_error(gql, ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    reports = [event(course.lesson_gids[0], ports.clock.now(), (0, 1)) for _ in range(101)]

    data = (await gql.data("ReportProgress", sent(ports, *reports), by=may.member_id))["reportProgress"]

    assert data["userErrors"] == [{"code": "BATCH_TOO_LARGE", "message": "Too many at once.", "field": ["events"]}]
    assert data["results"] is None


async def test_a_malformed_event_fails_the_whole_batch_and_changes_nothing(gql, ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    good = event(course.lesson_gids[0], ports.clock.now(), (0, 60))
    await gql.token(may.member_id)
    before = await everything()

    for wrong, field in (
        ({"eventId": "17"}, ["eventId"]),
        ({"occurredAt": "yesterday"}, ["occurredAt"]),
        ({"occurredAt": "2026-03-02T12:00:00"}, ["occurredAt"]),
        ({"kind": "SLEPT"}, ["kind"]),
        ({"spans": [{"fromSeconds": 0, "toSeconds": 2**31}]}, ["spans", "0", "toSeconds"]),
        ({"spans": [{"fromSeconds": 0}]}, ["spans", "0"]),
    ):
        answer = await gql.run("ReportProgress", sent(ports, good, {**good, **wrong}), by=may.member_id)
        [error] = answer["errors"]
        assert (error["extensions"]["code"], error["extensions"]["field"]) == (
            "BAD_USER_INPUT",
            ["events", "1", *field],
        )
    data = await gql.data("ReportProgress", sent(ports, good, {**good, "playbackRate": 0}), by=may.member_id)
    [error] = data["reportProgress"]["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", ["events", "1", "playbackRate"])
    assert await everything() == before


async def test_a_report_signed_out_is_unauthenticated(gql, ports):
    answer = await gql.run("ReportProgress", sent(ports))

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_an_empty_batch_is_fine(gql, ports):
    may = await learner(ports)

    data = (await gql.data("ReportProgress", sent(ports), by=may.member_id))["reportProgress"]

    assert (data["results"], data["awards"], data["lessons"], data["userErrors"]) == ([], [], [], [])


async def test_my_learning_lists_courses_by_last_activity_page_by_page(gql, ports, world):
    may = await learner(ports)
    now = ports.clock.now()
    courses = [await world.course(f"课{number}", lessons=2, seconds=60) for number in range(3)]
    for number, course in enumerate(courses):
        await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=now - HOUR + number * MINUTE))
    await send(ports, may, watched(courses[0].lesson_ids[1], (0, 60), at=now))
    await Course.filter(id=courses[1].id).update(status=CourseStatus.RETIRED)

    one = (await gql.data("MyLearning", {"first": 2}, by=may.member_id))["viewer"]["learning"]
    two = await gql.data("MyLearning", {"first": 2, "after": one["pageInfo"]["endCursor"]}, by=may.member_id)
    two = two["viewer"]["learning"]
    done = (await gql.data("MyLearning", {"state": "COMPLETED"}, by=may.member_id))["viewer"]["learning"]
    under_way = (await gql.data("MyLearning", {"state": "IN_PROGRESS"}, by=may.member_id))["viewer"]["learning"]

    assert (one["totalCount"], one["pageInfo"]["hasNextPage"], two["pageInfo"]["hasNextPage"]) == (3, True, False)
    assert [(node["course"]["title"], node["percent"]) for node in [*one["nodes"], *two["nodes"]]] == [
        ("课0", 100),
        ("课2", 50),
        ("课1", 50),
    ]
    assert done["nodes"] == [
        {
            "percent": 100,
            "startedAt": "2026-03-02T03:00:00Z",
            "completedAt": "2026-03-02T04:00:00Z",
            "lastActivityAt": "2026-03-02T04:00:00Z",
            "course": {"id": courses[0].gid, "title": "课0", "coverUrl": None},
        }
    ]
    assert [node["course"]["title"] for node in under_way["nodes"]] == ["课2", "课1"]


async def test_my_learning_reads_backwards_and_its_cursors_open_on_no_other_list(gql, ports, world):
    may, lin = await learner(ports), await learner(ports)
    for number in range(3):
        course = await world.course(f"课{number}", seconds=60)
        await send(ports, may, watched(course.lesson_ids[0], (0, 6), at=ports.clock.now() - number * MINUTE))
    source = (
        "query Q($last: Int, $before: String, $state: ProgressState) { viewer { learning(last: $last, before: $before,"
        " state: $state) { pageInfo { startCursor hasPreviousPage } nodes { course { title } } } } }"
    )

    end = (await gql.ask(source, {"last": 1}, by=may.member_id))["data"]["viewer"]["learning"]
    before = {"last": 5, "before": end["pageInfo"]["startCursor"]}
    rest = (await gql.ask(source, before, by=may.member_id))["data"]["viewer"]["learning"]
    other_state = await gql.ask(source, {**before, "state": "IN_PROGRESS"}, by=may.member_id)
    other_member = await gql.ask(source, before, by=lin.member_id)

    assert ([node["course"]["title"] for node in end["nodes"]], end["pageInfo"]["hasPreviousPage"]) == (["课2"], True)
    assert [node["course"]["title"] for node in rest["nodes"]] == ["课0", "课1"]
    for refused in (other_state, other_member):
        assert [error["extensions"]["code"] for error in refused["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("operation", "shown"),
    [
        ("MyLearning", lambda data: data["viewer"]["learning"]["nodes"][0]["completedAt"] == "2026-03-02T04:00:00Z"),
        ("CourseDetail", lambda data: data["course"]["lessons"][0]["viewerProgress"]["missing"] is None),
        ("PointsHistory", lambda data: data["viewer"]["points"]["lifetime"] > 0),
    ],
)
async def test_whatever_the_member_asks_next_pays_what_is_due(gql, ports, world, operation, shown):
    course = await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    await send(ports, may, watched(course.lesson_ids[0], (0, 900), at=ports.clock.now()))
    variables = {"id": course.gid} if operation == "CourseDetail" else {}

    ports.clock.advance(timedelta(seconds=104))
    early = await gql.data(operation, variables, by=may.member_id)
    ports.clock.advance(timedelta(seconds=1))
    due = await gql.data(operation, variables, by=may.member_id)

    assert (shown(early), shown(due)) == (False, True)


async def test_a_report_answers_with_the_awards_of_what_it_found_due(gql, ports, world):
    course = await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    await send(ports, may, watched(course.lesson_ids[0], (0, 900), at=ports.clock.now()))

    ports.clock.advance(timedelta(seconds=105))
    empty = {"input": {"sentAt": "2026-03-02T04:01:45Z", "events": []}}
    report = (await gql.data("ReportProgress", empty, by=may.member_id))["reportProgress"]

    assert "lesson.completed" in {award["rule"] for award in report["awards"]}
