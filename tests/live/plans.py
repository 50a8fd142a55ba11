"""What the console sends to plan a lesson, and how its answers are read."""

from datetime import datetime, timedelta
from typing import Any

from kit.ids import to_global
from models.accounts import Member
from tests.gql import Gql

SCHEDULE = """
mutation ($input: ScheduleLiveLessonInput!) {
  scheduleLiveLesson(input: $input) {
    liveLesson { id status startsAt series { id recurrence } } occurrences userErrors { code message field }
  }
}
"""


def plan(host: Member, starts_at: datetime, **other: object) -> dict[str, object]:
    """An hour from `starts_at` on."""
    ends_at = starts_at + timedelta(hours=1)
    return {
        "title": "旺季陈列直播",
        "hostId": to_global("Member", host.id),
        "startsAt": starts_at.isoformat(),
        "endsAt": ends_at.isoformat(),
        **other,
    }


async def schedule(gql: Gql, by: Member, input: dict[str, object]) -> dict[str, Any]:
    answer = await gql.ask(SCHEDULE, {"input": input}, by=by)
    assert "errors" not in answer, answer
    return dict(answer["data"]["scheduleLiveLesson"])


def faults(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(each["code"], each["field"]) for each in payload["userErrors"]]
