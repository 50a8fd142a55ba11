"""Outlets and regions as lists: what a scope holds, searched, filtered, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import OutletTier
from models.conditions import Conditions
from models.outlets import Outlet, Region


@dataclass(frozen=True, slots=True)
class Scope:
    """What a member may see: the subtrees of their staff roles ("" is everything), and the outlets they hold posts at.

    Of the tree they are shown `region_tops` with what lies below and above.
    """

    tops: tuple[str, ...]
    outlet_ids: tuple[UUID, ...]
    region_tops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionSize:
    """Regions right below, and outlets in the whole subtree."""

    children: int
    outlets: int


@dataclass(frozen=True, slots=True)
class OutletQuery:
    """None leaves a thing open. `text` is part of a name or code; `region_path` opens a subtree."""

    text: str | None = None
    region_path: str | None = None
    tier: OutletTier | None = None
    segment: int | None = None


async def outlets_page(scope: Scope, query: OutletQuery, ask: Ask) -> Page[Outlet]:
    """Outlets by code; keyed by (code,)."""
    where = _matching(scope, query)
    if ask.after is not None:
        where.add("o.code > {0}", ask.after[0])
    if ask.before is not None:
        where.add("o.code < {0}", ask.before[0])
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT o.id FROM outlets o WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY o.code {order} LIMIT {ask.limit + 1}",
        *where.args,
    )
    ids = [row["id"] for row in found]
    by_id = {outlet.id: outlet for outlet in await Outlet.filter(id__in=ids)}
    return page_of([by_id[each] for each in ids], ask)


async def count_outlets(scope: Scope, query: OutletQuery) -> int:
    where = _matching(scope, query)
    [row] = await rows(f"SELECT count(*) AS n FROM outlets o WHERE {where}", *where.args)  # noqa: S608 - fixed parts
    return int(row["n"])


async def regions_page(tops: Sequence[str], parent_id: UUID | None, ask: Ask) -> Page[Region]:
    """One step of the tree by code; keyed by (code,).

    Below a parent: the regions in the subtrees `tops` or above them. Without one: the tops themselves.
    """
    where = _step(tops, parent_id)
    if ask.after is not None:
        where.add("r.code > {0}", ask.after[0])
    if ask.before is not None:
        where.add("r.code < {0}", ask.before[0])
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT r.id FROM regions r WHERE {where} ORDER BY r.code {order} LIMIT {ask.limit + 1}",  # noqa: S608
        *where.args,
    )
    ids = [row["id"] for row in found]
    by_id = {region.id: region for region in await Region.filter(id__in=ids)}
    return page_of([by_id[each] for each in ids], ask)


async def count_regions(tops: Sequence[str], parent_id: UUID | None) -> int:
    where = _step(tops, parent_id)
    [row] = await rows(f"SELECT count(*) AS n FROM regions r WHERE {where}", *where.args)  # noqa: S608
    return int(row["n"])


async def region_sizes(scope: Scope, region_ids: Sequence[UUID]) -> list[RegionSize]:
    """How much of each region the scope shows, in the order of the ids."""
    found = await rows(
        "SELECT r.id, (SELECT count(*) FROM regions c WHERE c.parent_id = r.id AND EXISTS"
        "   (SELECT 1 FROM unnest($2::text[]) top WHERE c.path LIKE top || '%' OR top LIKE c.path || '%')) AS children,"
        " (SELECT count(*) FROM regions d JOIN outlets o ON o.region_id = d.id"
        # "0" follows "/": this is the stretch of paths that begin with r.path, as the index can read it.
        "   WHERE d.path ~>=~ r.path AND d.path ~<~ (rtrim(r.path, '/') || '0')"
        "   AND (d.path LIKE ANY($3::text[]) OR o.id = ANY($4::uuid[]))) AS outlets"
        " FROM regions r WHERE r.id = ANY($1::uuid[])",
        list(region_ids), list(scope.region_tops), [f"{top}%" for top in scope.tops], list(scope.outlet_ids),
    )  # fmt: skip
    sizes = {row["id"]: RegionSize(row["children"], row["outlets"]) for row in found}
    return [sizes.get(each, RegionSize(0, 0)) for each in region_ids]


async def outlet_paths(outlet_ids: Sequence[UUID]) -> list[str | None]:
    """The path of each outlet's region, in the order of the ids."""
    found = await rows(
        "SELECT o.id, r.path FROM outlets o JOIN regions r ON r.id = o.region_id WHERE o.id = ANY($1::uuid[])",
        list(outlet_ids),
    )
    paths = {row["id"]: row["path"] for row in found}
    return [paths.get(each) for each in outlet_ids]


async def post_places(member_ids: Sequence[UUID]) -> list[list[tuple[UUID, str]]]:
    """(outlet, path of its region) of each member's open posts, in the order of the ids."""
    found = await rows(
        "SELECT p.member_id, p.outlet_id, r.path FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " JOIN regions r ON r.id = o.region_id WHERE p.member_id = ANY($1::uuid[]) AND p.until_at IS NULL",
        list(member_ids),
    )
    shelf: dict[UUID, list[tuple[UUID, str]]] = {each: [] for each in member_ids}
    for row in found:
        shelf[row["member_id"]].append((row["outlet_id"], row["path"]))
    return [shelf[each] for each in member_ids]


def _step(tops: Sequence[str], parent_id: UUID | None) -> Conditions:
    where = Conditions()
    if parent_id is None:
        where.add("(r.path = ANY({0}::text[]) OR r.parent_id IS NULL AND '' = ANY({0}::text[]))", list(tops))
    else:
        where.add("r.parent_id = {0}", parent_id)
        where.add(
            "EXISTS (SELECT 1 FROM unnest({0}::text[]) top WHERE r.path LIKE top || '%' OR top LIKE r.path || '%')",
            list(tops),
        )
    return where


# The regions come first and are few, so that their shops are found by index, and not every shop's region looked up.
_REGION_LIKE = "o.region_id = ANY(ARRAY(SELECT r.id FROM regions r WHERE r.path LIKE ANY({0}::text[])))"


def _matching(scope: Scope, query: OutletQuery) -> Conditions:
    where = Conditions()
    if "" not in scope.tops:
        where.add(
            f"({_REGION_LIKE} OR o.id = ANY({{1}}::uuid[]))",
            [f"{top}%" for top in scope.tops],
            list(scope.outlet_ids),
        )
    if query.region_path is not None:
        where.add(_REGION_LIKE, [f"{query.region_path}%"])
    if query.tier is not None:
        where.add("o.tier = {0}", query.tier.value)
    if query.segment is not None:
        where.add("o.segment = {0}", query.segment)
    if query.text:
        where.add("position(lower({0}::text) IN lower(o.code || ' ' || o.name)) > 0", query.text)
    if query.text and len(query.text) > 1:  # its pairs find it by index; the position confirms their order
        where.add("character_pairs(o.code || ' ' || o.name) @> character_pairs({0}::text)", query.text)
    return where
