"""What every noun stands on: scalars, ids, connections, payloads, loaders, events."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from kit.errors import DomainError, ErrorCode, bad_input
from kit.ids import to_global
from kit.paging import Ask, Page, page_of
from kit.words import Language
from resolvers.mutation import mutation
from schema.context import Context, Info
from schema.errors import Payload
from schema.ids import decode, decode_each, decode_if, encode
from schema.paging import Connection, ask, connection
from schema.scalars import SCALARS, parse_day, parse_moment, parse_uuid, write_moment
from server.api import FreshPerEvent
from services.ports import Ports

NUMBERS = range(1, 51)
reads: list[list[int]] = []


async def doubled(factor: int, numbers: Sequence[int]) -> list[int]:
    reads.append(list(numbers))
    return [factor * number for number in numbers]


def page(wanted: Ask) -> Page[int]:
    """The numbers 1 to 50, by the rules every list follows."""
    found = [n for n in NUMBERS if wanted.after is None or n > wanted.after[0]]  # type: ignore[operator]
    found = [n for n in found if wanted.before is None or n < wanted.before[0]]  # type: ignore[operator]
    return page_of((found[::-1] if wanted.backwards else found)[: wanted.limit + 1], wanted)


@strawberry.type
class Number:
    value: int

    @strawberry.field
    async def double(self, info: Info) -> int:
        return await info.context.loaders.of(doubled, 2).load(self.value)


@strawberry.input
class CountInput:
    to: int


@strawberry.type
class CountPayload(Payload):
    number: Number | None = None


@strawberry.type
class Query:
    @strawberry.field
    async def numbers(
        self,
        info: Info,
        first: int | None = 20,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[Number] | None:
        async def count() -> int:
            return len(NUMBERS)

        found = page(ask(info, "numbers", first, after, last, before))
        return connection(info, found, scope="numbers", of=lambda n: Number(value=n), key=lambda n: [n], count=count)


@strawberry.type
class Mutation:
    @mutation(description="Count to a number.")
    async def count(self, info: Info, input: CountInput) -> CountPayload:
        if input.to > 1000:
            raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=9)
        if input.to < 0:
            raise bad_input("to")
        return CountPayload(number=Number(value=input.to))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, info: Info) -> AsyncGenerator[Number, None]:
        for _ in range(3):
            yield Number(value=7)


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
    execution_context_class=FreshPerEvent,
)


NUMBERS_QUERY = """
query ($first: Int, $after: String, $last: Int, $before: String) {
  numbers(first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest.fixture
def context(ports: Ports) -> Context:
    reads.clear()
    return Context(ports, None, Language.ENGLISH, "request", "127.0.0.1")


async def numbers(context: Context, **arguments: object) -> dict[str, Any]:
    result = await schema.execute(NUMBERS_QUERY, arguments, context_value=context)
    assert result.errors is None, result.errors
    assert result.data is not None
    found: dict[str, Any] = result.data["numbers"]
    return found


def values(found: dict[str, Any]) -> list[int]:
    return [node["value"] for node in found["nodes"]]


async def test_pages_go_through_the_whole_list_both_ways(context: Context) -> None:
    forward, cursor = [], None
    while True:
        found = await numbers(context, first=7, after=cursor)
        forward += values(found)
        cursor = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    backward, cursor = [], None
    while True:
        found = await numbers(context, last=7, before=cursor)
        backward = values(found) + backward
        cursor = found["pageInfo"]["startCursor"]
        if not found["pageInfo"]["hasPreviousPage"]:
            break

    assert forward == backward == list(NUMBERS)
    assert found["totalCount"] == 50


@pytest.mark.parametrize("nulls", [{}, {"first": None, "after": None, "last": None, "before": None}])
async def test_null_is_the_same_as_left_out(context: Context, nulls: dict[str, None]) -> None:
    assert values(await numbers(context, **nulls)) == list(range(1, 21))


async def test_last_alone_overrules_the_default_of_first(context: Context) -> None:
    assert values(await numbers(context, last=3)) == [48, 49, 50]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"first": 0}, "first"), ({"first": 101}, "first"), ({"last": 0}, "last"), ({"last": -1}, "last"),
        ({"first": 5, "last": 5}, "last"), ({"after": "x"}, "after"), ({"before": "é"}, "before"),
    ],
)  # fmt: skip
async def test_impossible_pages_are_bad_input(context: Context, arguments: dict[str, Any], field: str) -> None:
    result = await schema.execute(NUMBERS_QUERY, arguments, context_value=context)

    assert result.errors is not None
    error = result.errors[0].original_error
    assert isinstance(error, DomainError)
    assert (error.code, error.field) == (ErrorCode.BAD_USER_INPUT, (field,))


async def test_an_expected_failure_becomes_a_user_error(context: Context) -> None:
    document = "mutation{count(input:{to:-1}){number{value} userErrors{code message field}}}"
    result = await schema.execute(document, context_value=context)

    assert result.errors is None
    assert result.data == {
        "count": {
            "number": None,
            "userErrors": [{"code": "BAD_USER_INPUT", "message": "This value is not valid.", "field": ["to"]}],
        }
    }


async def test_a_top_level_failure_leaves_the_other_mutations_answered(context: Context) -> None:
    document = "mutation{a:count(input:{to:1}){number{value}} b:count(input:{to:1001}){number{value}}}"
    result = await schema.execute(document, context_value=context)

    assert result.data == {"a": {"number": {"value": 1}}, "b": None}
    assert result.errors is not None
    assert result.errors[0].extensions == {"code": "THROTTLED", "retryAfterSeconds": 9}


async def test_many_loads_are_one_read(context: Context) -> None:
    result = await schema.execute(
        "{numbers(first:5){nodes{double}} again:numbers(first:5){nodes{double}}}", context_value=context
    )

    assert result.errors is None
    assert reads == [[1, 2, 3, 4, 5]]


async def test_every_event_of_a_subscription_reads_anew(context: Context) -> None:
    stream = await schema.subscribe("subscription{ticks{double}}", context_value=context)

    events = [event.data async for event in stream]

    assert events == [{"ticks": {"double": 14}}] * 3
    assert reads == [[7], [7], [7]]


def test_moments_have_an_offset_and_are_answered_in_utc() -> None:
    moment = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

    assert parse_moment("2026-03-02T12:00:00+08:00") == parse_moment("2026-03-02t04:00z") == moment
    assert parse_moment("2026-03-02T04:00:00.123456789Z").microsecond == 123456
    assert write_moment(moment) == "2026-03-02T04:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-03-02", "2026-03-02T12:00:00", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00",
        "2026-03-02T25:00Z", 5, None, "２０２６-03-02T00:00:00Z", "2026-03-02T12:00:00+99:00",
    ],
)  # fmt: skip
def test_no_other_moment_is_read(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected|no such"):
        parse_moment(text)


def test_days_and_uuids_have_one_spelling() -> None:
    assert parse_day("2026-03-02") == date(2026, 3, 2)
    assert parse_uuid("00000000-0000-0000-0000-00000000000A") == UUID(int=10)
    for day in ("2026-3-2", "20260302", "2026-02-30", 5):
        with pytest.raises(ValueError, match=r"expected|no such"):
            parse_day(day)
    for text in ("{00000000-0000-0000-0000-000000000001}", "0" * 32, "urn:uuid:" + "0" * 8, 1):
        with pytest.raises(ValueError, match="expected"):
            parse_uuid(text)


def test_ids_open_for_their_own_kind_only() -> None:
    key = UUID(int=5)

    assert decode(encode("Course", key), "Course") == key
    assert decode_if(encode("Lesson", key), "Course") is None
    for bad in ("", "x", "é", encode("Lesson", key), to_global("Course", "5"), "A" * 1000):
        with pytest.raises(DomainError) as refused:
            decode_each([encode("Course", key), strawberry.ID(bad)], "Course", "courseIds")
        assert (refused.value.code, refused.value.field) == (ErrorCode.NOT_FOUND, ("courseIds", "1"))
