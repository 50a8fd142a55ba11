"""Scalars of the schema, stricter than Strawberry's own: what they let in, the database can hold.

Annotate with `datetime`, `date` and `UUID`; `SCALARS` gives them their GraphQL names. Int is GraphQL's own 32 bits.
What text may come in stands in `schema/texts.py`: a resolver never meets NUL, and always NFC.
"""

import re
from datetime import UTC, date, datetime
from uuid import UUID

import strawberry
from strawberry.types.scalar import ScalarDefinition

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.]\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
HEX = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def parse_moment(value: object) -> datetime:
    """An aware datetime in UTC, from ISO 8601 with an offset."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise ValueError("expected ISO 8601 with an offset, as 2026-03-02T12:00:00+08:00")
    # Python reads at most six digits of a second.
    text = re.sub(r"([.]\d{6})\d+", r"\1", value.upper().replace(" ", "T"))
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("no such moment") from error


def write_moment(value: datetime) -> str:
    assert value.tzinfo is not None, value
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_day(value: object) -> date:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("expected a day, as 2026-03-02")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("no such day") from error


def parse_uuid(value: object) -> UUID:
    if not isinstance(value, str) or not HEX.fullmatch(value):
        raise ValueError("expected a UUID")
    return UUID(value)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment: ISO 8601 with an offset; answered in UTC.",
        serialize=write_moment,
        parse_value=parse_moment,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day in the academy's zone, Asia/Shanghai.",
        serialize=date.isoformat,
        parse_value=parse_day,
    ),
    UUID: strawberry.scalar(
        name="UUID", description="A UUID in its 36-character form.", serialize=str, parse_value=parse_uuid
    ),
}
