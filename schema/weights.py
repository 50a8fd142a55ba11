"""What fields cost, for the price of a request (`server/cost.py`). One is about one row of a list, read and shown.

By default an object costs 1 for every object it hangs on, a list of objects as many as `ROWS_OF_A_LIST`, a page as many
as it may hold, a mutation and a subscription `A_CHANGE`, and a plain value nothing. Here stands what costs more: it
asks the database or Redis by itself, or searches. A new field needs a line only if it does so too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ROWS_OF_A_LIST = 10
"""What a list that is no page is taken to hold: lessons of a course, lecturers, levels."""

A_CHANGE = 10
"""A mutation locks, writes and commits; a subscription keeps a place."""

A_COUNT = 10
"""`totalCount` of any list: reads all of it."""

A_SEARCH = 50
"""A filter with `text` in it looks into every row's index of words."""

THE_SCHEMA = 500
"""`__schema` and `__type`, with all that is asked of them."""


@dataclass(frozen=True, slots=True)
class Weight:
    """`once` is paid each time the field is answered, and 1 more for each item of the argument `items`. `rows` names
    the argument that says how many rows the field has; `beside`: rows on both sides of one, twice the number and one.
    A list counts as its length, a number as itself."""

    once: int = 0
    items: str = ""
    rows: str = ""
    beside: bool = False


WEIGHTS: Mapping[str, Weight] = {
    "Query.node": Weight(2),
    "Query.nodes": Weight(2, rows="ids"),
    "Query.honourBoard": Weight(10),
    "Query.recommendedCourses": Weight(20),
    "Query.simulatePointRule": Weight(300),
    "Query.storyEntries": Weight(10),
    "Query.academyOverview": Weight(100),
    "AcademyOverview.topCourses": Weight(50),
    "Query.assignmentProgress": Weight(30),
    "AssignmentProgress.outlets": Weight(30),
    "HonourBoard.standings": Weight(5),
    "HonourBoard.viewerStanding": Weight(5),
    "HonourBoard.aroundViewer": Weight(5, rows="radius", beside=True),
    "HonourBoard.previous": Weight(10),
    "HonourBoard.standingsOf": Weight(5, rows="subjectIds"),
    "Viewer.league": Weight(5),
    "LiveLesson.viewerWaitlistPosition": Weight(1),
    "League.standings": Weight(20),
    "Mutation.requestSignInCode": Weight(50),
    "Mutation.signInWithPassword": Weight(100),
    "Mutation.reportProgress": Weight(A_CHANGE, items="input.events"),
    "Subscription.honourBoardMoved": Weight(20, items="top"),
    "Viewer.unreadNoticeCount": Weight(1),
    "Region.outletCount": Weight(2),
    "Region.childCount": Weight(2),
    "Viewer.tasks": Weight(10),
    "Module.courseCount": Weight(1),
}
