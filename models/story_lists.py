"""Campaigns and entries as lists.

A list by votes is read as it stood when its first page was: its cursors carry the number of the last vote that was
cast by then, and every page takes off what came later. So a story that gains votes between two pages is neither shown
twice nor passed over. What is published meanwhile has no vote that counts, and comes last.
"""

from dataclasses import dataclass
from uuid import UUID

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import StoryEntryStatus, StorySort
from models.stories import StoryCampaign, StoryEntry, entries_by_ids


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a campaign: of the published ones those of authors who are not suspended; of any other status
    those from the subtrees `tops` ("" is everywhere)."""

    campaign_id: UUID
    status: StoryEntryStatus = StoryEntryStatus.PUBLISHED
    tops: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry with the key of its place in the list."""

    entry: StoryEntry
    key: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """Columns of a key with their types, after what names the moment of the list; all of them ascending, or none."""

    columns: tuple[tuple[str, str], ...]
    ascending: bool


ORDERS = {
    StorySort.NEWEST: _Order((("listed_at", "timestamptz"), ("id", "uuid")), ascending=False),
    StorySort.MOST_VOTED: _Order(
        (("minus_votes", "bigint"), ("listed_at", "timestamptz"), ("id", "uuid")), ascending=True
    ),
    StorySort.RANKING: _Order((("position", "int"),), ascending=True),
}

LINES = """
WITH moment AS (SELECT coalesce($4::int, votes_cast) AS number FROM story_campaigns WHERE id = $1),
later AS (
    SELECT v.entry_id, count(*) AS votes FROM story_votes v, moment
    WHERE v.campaign_id = $1 AND v.number > moment.number GROUP BY v.entry_id),
lines AS (
    SELECT e.id, e.position, coalesce(e.published_at, e.submitted_at) AS listed_at,
           coalesce(l.votes, 0) - e.votes AS minus_votes
    FROM story_entries e JOIN members m ON m.id = e.member_id LEFT JOIN regions r ON r.id = e.region_id
    LEFT JOIN later l ON l.entry_id = e.id
    WHERE e.campaign_id = $1 AND e.status = $2 AND (e.status <> 'PUBLISHED' OR m.suspended_at IS NULL)
      AND EXISTS (SELECT 1 FROM unnest($3::text[]) top WHERE starts_with(coalesce(r.path, ''), top)))
"""


async def campaigns_page(ask: Ask) -> Page[StoryCampaign]:
    """All campaigns, the last to close first. Key: [closes_at, id]."""
    where, values = "true", list[object]()
    for key, beyond in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            where += f" AND (closes_at, id) {beyond} (${len(values) + 1}::timestamptz, ${len(values) + 2}::uuid)"
            values += key
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        f"SELECT id FROM story_campaigns WHERE {where} ORDER BY closes_at {order}, id {order} LIMIT {ask.limit + 1}",  # noqa: S608
        *values,
    )
    ids = [row["id"] for row in found]
    by_id = {campaign.id: campaign for campaign in await StoryCampaign.filter(id__in=ids)}
    return page_of([by_id[each] for each in ids], ask)


async def count_campaigns() -> int:
    return await StoryCampaign.all().count()


async def entries_page(wanted: Wanted, sort: StorySort, ask: Ask) -> Page[Listed]:
    """The entries in the order of `sort`. Key: the number of the last vote that counts, then `ORDERS`."""
    order = ORDERS[sort]
    values = _values(wanted)
    moment, where = None, ["position IS NOT NULL"] if sort is StorySort.RANKING else []
    columns = ", ".join(column for column, _ in order.columns)
    for key, beyond in ((ask.before, "<" if order.ascending else ">"), (ask.after, ">" if order.ascending else "<")):
        if key is not None:
            moment = key[0]
            marks = ", ".join(f"${len(values) + 1 + place}::{kind}" for place, (_, kind) in enumerate(order.columns, 1))
            where.append(f"({columns}) {beyond} ({marks})")
            values += key[1:]
    direction = "ASC" if order.ascending is not ask.backwards else "DESC"
    ordered = ", ".join(f"{column} {direction}" for column, _ in order.columns)
    found = await rows(
        f"{LINES} SELECT {columns}, id, (SELECT number FROM moment) AS moment FROM lines"  # noqa: S608 - fixed parts
        f" WHERE {' AND '.join(where) or 'true'} ORDER BY {ordered} LIMIT {ask.limit + 1}",
        *values[:3], moment, *values[3:],
    )  # fmt: skip
    entries = {entry.id: entry for entry in await entries_by_ids([row["id"] for row in found]) if entry is not None}
    lines = [Listed(entries[row["id"]], (row["moment"], *(row[name] for name, _ in order.columns))) for row in found]
    return page_of(lines, ask)


async def count_entries(wanted: Wanted, sort: StorySort) -> int:
    where = "position IS NOT NULL" if sort is StorySort.RANKING else "true"
    [row] = await rows(f"{LINES} SELECT count(*) AS n FROM lines WHERE {where}", *_values(wanted), None)  # noqa: S608
    return int(row["n"])


def _values(wanted: Wanted) -> list[object]:
    return [wanted.campaign_id, wanted.status.value, list(wanted.tops)]
