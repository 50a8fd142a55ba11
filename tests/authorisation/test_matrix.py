"""The authorisation matrix: every field, mutation and subscription x every role x own, shop, area, far and signed out.

`python -m tests.authorisation` writes what is seen; a reviewer reads the difference.
"""

import os

import pytest

from kit.clock import FrozenClock
from kit.words import Role
from tests.authorisation.asks import ARGUMENTS, MUTATIONS, ROOT, SUBSCRIPTIONS
from tests.authorisation.cast import THINGS, Cast
from tests.authorisation.doors import node_types, object_type
from tests.authorisation.look import column, keys
from tests.authorisation.table import COLUMNS, VALUE, read, write
from tests.gql import Gql
from tests.world import World

UNMADE: dict[str, str] = {}
"""Types with a global id of which there is no object yet."""


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    wanted, there = keys(), list(read())

    assert there == wanted, "say in tests/authorisation/asks.py what is new, then: python -m tests.authorisation"


def test_every_kind_of_thing_and_every_mutation_is_asked_about() -> None:
    assert set(node_types()) - set(UNMADE) == set(THINGS)
    assert set(object_type("Mutation").fields) == set(MUTATIONS)
    assert set(ROOT) <= set(object_type("Query").fields)
    assert set(SUBSCRIPTIONS) <= set(object_type("Subscription").fields)
    assert all(name in object_type(owner).fields for owner, name in (each.split(".") for each in ARGUMENTS))


def test_a_field_that_nobody_sees_shows_nothing() -> None:
    """The world must hold a value for each field in somebody's view, or the row says nothing about who may see it."""
    blind = [key for key, cells in read().items() if not any(VALUE in cell for cell in cells.values())]

    assert sorted(blind) == sorted(UNSEEN)


UNSEEN = {
    "Consent.withdrawnAt": "the first purpose, which is looked at, goes with the account alone",
    "HonourBoard.season": "the board that is looked at is of a week",
    "Level.perks": "with the lowest level, which is looked at, comes nothing",
    "Lesson.withheld": "no course of this small world is for adults",
    **{
        f"Member.{name} as a lecturer": "the lecturer works far away from everybody"
        for name in ("maskedPhone", "points", "roles", "roleGrants", "lastSeenAt")
    },
    "Member.suspendedAt": "nobody here is shut out",
    "Member.suspendedAt as a lecturer": "nobody here is shut out",
    "Member.suspendedAt on a board": "nobody here is shut out",
    "Mutation.arrangePath": "a path is everybody's, and the admin here has a county",
    "Mutation.createBadge": "a badge is everybody's, and the admin here has a county",
    "Mutation.startSeason": "a season is everybody's, and the admin here has a county",
    "PointEntry.reason": "nothing was corrected in this small world",
    "Member.suspendedAt as an author": "nobody here is shut out",
    **{
        f"Mutation.{name}": "the game is everybody's, and the admin here has a county"
        for name in ("createTask", "updateTask", "updatePointRule")
    },
    "Mutation.createStoryCampaign": "for admins over everything; those of this world look after a county",
    "PointEntry.reverses": "nothing was corrected in this small world",
    "PointRule.upcoming": "no change of a rule is planned",
    **{
        f"Member.{name} as a trainer": "the trainer has a name and no more"
        for name in ("avatarUrl", "lastSeenAt", "maskedPhone", "outlet", "points", "roleGrants", "roles", "suspendedAt")
    },
    **{
        f"Assignment.{name}": "the one that is looked at is for a member: one is for one kind of people"
        for name in ("outlet", "region", "tier")
    },
    "AcademyOverview.topCourses": "nobody began a course in these days",
    **{
        f"OverviewCourse.{name}": "nobody began a course in these days"
        for name in ("completionPercent", "completions", "course", "views")
    },
    "ClassSeat.waitlistPosition": "the seat that is looked at is one",
    "CourseMove.from": "the first move, which is looked at, comes from nowhere",
    "CourseRating.average": "nobody has rated what the lecturers of this world made",
    "Mutation.askLiveCheckIn": "for the host and admins of the place, while it is on air",
    "OfflineClass.cancelReason": "the class that is looked at takes place",
    **{
        f"LiveAttendance.{name}": "nobody has joined the lesson that is looked at: tests/live_attendance"
        for name in (
            "attendedSeconds",
            "checkInsAnswered",
            "firstJoinedAt",
            "lastLeftAt",
            "member",
            "outcome",
            "percent",
        )
    },
    **{
        f"LiveAttendanceSummary.{name}": "nobody has joined the lesson that is looked at: tests/live_attendance"
        for name in ("averagePercent", "peakWatching")
    },
    **{
        f"ViewerLiveAttendance.{name}": "nobody has joined the lesson that is looked at: tests/live_attendance"
        for name in ("airedSeconds", "attendedSeconds", "credited", "outcome", "percent")
    },
    "LiveLesson.attendance": "nobody has joined the lesson that is looked at: tests/live_attendance",
    "LiveLesson.viewerAttendance": "nobody has joined the lesson that is looked at: tests/live_attendance",
    "LiveLesson.audienceTiers": "the lesson that is looked at is for all tiers",
    "LiveLesson.messages": "in the room that is looked at nobody has spoken: tests/rooms",
    "LiveLesson.products": "the lesson that is looked at sells nothing: tests/rooms",
    "LiveLesson.replay": "the lesson that is looked at is to come: tests/live_stream",
    "LiveLesson.viewerWaitlistPosition": "the lesson that is looked at has seats left: tests/live",
    **{
        f"LiveReplay.{name}": "the lesson that is looked at is to come: tests/live_stream"
        for name in ("durationSeconds", "expiresAt", "id", "playbackUrl", "viewerProgress")
    },
    **{
        f"LiveReplayProgress.{name}": "the lesson that is looked at is to come: tests/live_attendance"
        for name in ("creditDueAt", "requiredSeconds", "watchedAt", "watchedSeconds")
    },
}
"""Rows without any value, and why."""


def test_nodes_sees_what_node_sees() -> None:
    rows = read()

    assert {key: rows[key.replace("nodes", "node")] for key in rows if key.startswith("Query.nodes ")} == {
        key: cells for key, cells in rows.items() if key.startswith("Query.nodes ")
    }


@pytest.mark.parametrize("name", COLUMNS)
async def test_a_role_sees_what_the_matrix_says(world: World, gql: Gql, clock: FrozenClock, name: str) -> None:
    cast = await Cast.made(world, gql, clock, Role(name) if name in Role.__members__ else None)

    seen = await column(cast)

    if os.environ.get("MATRIX") == "write":
        rows = read()
        for key, cell in seen.items():
            rows.setdefault(key, {})[name] = cell
        write(rows, keys())
        return
    expected = {key: cells[name] for key, cells in read().items()}
    differences = [
        f"{key}: expected {expected.get(key)}, seen {cell}" for key, cell in seen.items() if expected.get(key) != cell
    ]
    assert differences == [], name
