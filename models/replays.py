"""What happened in the past, member by member and as it is read, for games that might have been."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

from kit.db import Side

ROWS_AT_ONCE = 5_000
"""About a megabyte; on a busy machine each round to the database costs more than reading them."""

# $3 the subtrees whose people are meant, by their open posts; "" is everybody.
_PEOPLE = """('' = ANY($3::text[]) OR t.member_id IN (
    SELECT p.member_id FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
    WHERE p.until_at IS NULL AND EXISTS (SELECT FROM unnest($3::text[]) AS top WHERE starts_with(r.path, top))))"""


def facts_between(side: Side, starts_on: date, ends_on: date, tops: Sequence[str]) -> AsyncIterator[tuple[Any, ...]]:
    """(member, kind, object, occurred_at, details as JSON) of the days [starts_on, ends_on).

    All of one member together, in no order within.
    """
    return side.stream(
        "SELECT t.member_id, t.kind, t.object_id, t.occurred_at, t.details::text FROM facts t"  # noqa: S608 - the text above
        f" WHERE t.day >= $1 AND t.day < $2 AND {_PEOPLE} ORDER BY t.member_id",
        starts_on,
        ends_on,
        list(tops),
        at_once=ROWS_AT_ONCE,
    )


def learned_until(side: Side, starts_on: date, ends_on: date, tops: Sequence[str]) -> AsyncIterator[tuple[Any, ...]]:
    """(member, learned day, its first learning): every one before `ends_on` of those who learned in the period.

    All of one member together, the oldest day first.
    """
    return side.stream(
        "SELECT member_id, day, occurred_at FROM ("  # noqa: S608 - the text above
        " SELECT DISTINCT ON (t.member_id, t.day) t.member_id, t.day, t.occurred_at, t.amount FROM learned_days t"
        " WHERE t.day < $2 AND t.member_id IN (SELECT member_id FROM learned_days WHERE day >= $1 AND day < $2)"
        f" AND {_PEOPLE} ORDER BY t.member_id, t.day, t.id DESC"
        ") last WHERE amount > 0 ORDER BY member_id, day",
        starts_on,
        ends_on,
        list(tops),
        at_once=ROWS_AT_ONCE,
    )


async def annulled_awards(side: Side, rule: str) -> list[dict[str, Any]]:
    """{member_id, object_id, period_key} of every award of the rule that was undone by hand."""
    return await side.rows(
        "SELECT e.member_id, e.object_id, e.period_key FROM corrections c JOIN ledger_entries e ON e.id = c.reverses_id"
        " WHERE e.rule = $1",
        rule,
    )
