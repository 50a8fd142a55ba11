"""Regions, outlets, the posts members hold in them, and the history of where each member stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows
from kit.words import OutletTier, PostRole, RegionKind


class Region(Model):
    """A place in the tree province > city > county > station. `path`: the codes from the top, each followed by "/"."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(20, unique=True)
    name = fields.CharField(60)
    kind = fields.CharEnumField(RegionKind, max_length=10)
    parent: fields.ForeignKeyNullableRelation["Region"] = fields.ForeignKeyField(
        "models.Region", "children", null=True, on_delete=fields.RESTRICT
    )
    parent_id: UUID | None
    path = fields.CharField(100, unique=True)

    class Meta:
        table = "regions"


class Outlet(Model):
    """A shop. `segment` is the distributor's own class of it, 1 to 25."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(32, unique=True)
    name = fields.CharField(60)
    region: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "models.Region", "outlets", on_delete=fields.RESTRICT
    )
    region_id: UUID
    tier = fields.CharEnumField(OutletTier, max_length=10)
    segment = fields.SmallIntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "outlets"


class Post(Model):
    """A member at an outlet, [from_at, until_at). One of a member's open posts is the current one."""

    id = fields.UUIDField(primary_key=True)
    member_id = fields.UUIDField()
    outlet: fields.ForeignKeyRelation[Outlet] = fields.ForeignKeyField(
        "models.Outlet", "posts", on_delete=fields.RESTRICT
    )
    outlet_id: UUID
    role = fields.CharEnumField(PostRole, max_length=10)
    from_at = fields.DatetimeField()
    until_at = fields.DatetimeField(null=True)
    is_current = fields.BooleanField()

    class Meta:
        table = "posts"


class PlacementRow(Model):
    """From `from_at` on the member stood in this outlet, region and tier. Appended: the past stays what it was."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    from_at = fields.DatetimeField()
    outlet_id = fields.UUIDField()
    region_id = fields.UUIDField()
    tier = fields.CharEnumField(OutletTier, max_length=10)

    class Meta:
        table = "placements"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a member stood at a moment; `region_path` is the region's place in today's tree."""

    outlet_id: UUID
    region_id: UUID
    region_path: str
    tier: OutletTier


async def placement_at(member_id: UUID, at: datetime) -> Placement | None:
    """Where the member stood at `at`; before the first placement: the first one. None: never held a post."""
    [found] = await placements_at(member_id, [at])
    return found


async def placements_at(member_id: UUID, moments: Sequence[datetime]) -> list[Placement | None]:
    """`placement_at` for many moments of one member in one question, in the order of `moments`."""
    history = await rows(
        "SELECT p.from_at, p.outlet_id, p.region_id, r.path, p.tier FROM placements p"
        " JOIN regions r ON r.id = p.region_id WHERE p.member_id = $1 ORDER BY p.from_at",
        member_id,
    )
    found: list[Placement | None] = []
    for moment in moments:
        held = [row for row in history if row["from_at"] <= moment]
        row = held[-1] if held else history[0] if history else None
        found.append(
            Placement(row["outlet_id"], row["region_id"], row["path"], OutletTier(row["tier"])) if row else None
        )
    return found


async def regions_by_ids(ids: Sequence[UUID]) -> list[Region | None]:
    """The regions of these ids, in the order of `ids`."""
    found = {region.id: region for region in await Region.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def region_ancestors(ids: Sequence[UUID]) -> list[list[Region]]:
    """The regions above each region, nearest first, in the order of `ids`."""
    steps = await rows(
        "WITH RECURSIVE up AS (SELECT id AS start, parent_id, 1 AS depth FROM regions WHERE id = ANY($1::uuid[])"
        " UNION ALL SELECT up.start, r.parent_id, depth + 1 FROM up JOIN regions r ON r.id = up.parent_id)"
        " SELECT start, parent_id FROM up WHERE parent_id IS NOT NULL ORDER BY depth",
        list(ids),
    )
    above = {region.id: region for region in await Region.filter(id__in={step["parent_id"] for step in steps})}
    shelf: dict[UUID, list[Region]] = {each: [] for each in ids}
    for step in steps:
        shelf[step["start"]].append(above[step["parent_id"]])
    return [shelf[each] for each in ids]


async def child_regions(region_id: UUID) -> list[Region]:
    """The regions right below, by code."""
    return await Region.filter(parent_id=region_id).order_by("code")


async def top_regions(tops: Sequence[str]) -> list[Region]:
    """The regions at these paths, by code; "" is everywhere, whose tops are the regions below nothing."""
    if "" in tops:
        return await Region.filter(parent_id__isnull=True).order_by("code")
    return await Region.filter(path__in=list(tops)).order_by("code")


async def outlets_by_ids(ids: Sequence[UUID]) -> list[Outlet | None]:
    """The outlets of these ids, in the order of `ids`."""
    found = {outlet.id: outlet for outlet in await Outlet.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def current_outlets(member_ids: Sequence[UUID]) -> list[Outlet | None]:
    """The outlet each member learns for now, in the order of `member_ids`."""
    posts = await Post.filter(member_id__in=list(member_ids), is_current=True).values_list("member_id", "outlet_id")
    outlet_of: dict[UUID, UUID] = dict(posts)
    outlets = {outlet.id: outlet for outlet in await Outlet.filter(id__in=set(outlet_of.values()))}
    return [outlets[outlet_of[each]] if each in outlet_of else None for each in member_ids]


async def region_by_code(code: str) -> Region | None:
    return await Region.get_or_none(code=code)


async def region_by_path(path: str) -> Region | None:
    return await Region.get_or_none(path=path)


async def outlet_with_path(outlet_id: UUID) -> tuple[Outlet, str] | None:
    """The outlet and the path of its region."""
    outlet = await Outlet.filter(id=outlet_id).select_related("region").first()
    return (outlet, outlet.region.path) if outlet else None


async def open_post(member_id: UUID, outlet_id: UUID) -> Post | None:
    return await Post.get_or_none(member_id=member_id, outlet_id=outlet_id, until_at=None)


async def open_posts(member_ids: Sequence[UUID]) -> list[list[tuple[Post, Outlet]]]:
    """The posts each member holds now with their outlets, in the order of `member_ids`; the current one first."""
    shelf: dict[UUID, list[tuple[Post, Outlet]]] = {each: [] for each in member_ids}
    held = Post.filter(member_id__in=list(member_ids), until_at=None).order_by("-is_current", "from_at", "id")
    for post in await held.select_related("outlet"):
        shelf[post.member_id].append((post, post.outlet))
    return [shelf[each] for each in member_ids]


async def post_region_paths(member_id: UUID) -> list[str]:
    """Where the member's open posts lie, as paths."""
    found = await rows(
        "SELECT DISTINCT r.path FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id"
        " WHERE p.member_id = $1 AND p.until_at IS NULL ORDER BY r.path",
        member_id,
    )
    return [row["path"] for row in found]


async def make_current(member_id: UUID, outlet_id: UUID | None) -> None:
    """Of the member's open posts make the one at this outlet the current one; None: the oldest."""
    await execute("UPDATE posts SET is_current = false WHERE member_id = $1 AND is_current", member_id)
    await execute(
        "UPDATE posts SET is_current = true WHERE id = (SELECT id FROM posts WHERE member_id = $1 AND until_at IS NULL"
        " AND ($2::uuid IS NULL OR outlet_id = $2) ORDER BY from_at, id LIMIT 1)",
        member_id, outlet_id,
    )  # fmt: skip


async def place(member_ids: Sequence[UUID], at: datetime) -> list[UUID]:
    """Append to the history where these members stand from `at` on, by their current posts; for whom it changed."""
    moved = await rows(
        "INSERT INTO placements (member_id, from_at, outlet_id, region_id, tier)"
        " SELECT p.member_id, $2, o.id, o.region_id, o.tier FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " LEFT JOIN LATERAL (SELECT * FROM placements l WHERE l.member_id = p.member_id"
        " ORDER BY l.from_at DESC LIMIT 1) l ON true"
        " WHERE p.member_id = ANY($1::uuid[]) AND p.is_current"
        " AND (l.outlet_id, l.region_id, l.tier) IS DISTINCT FROM (o.id, o.region_id, o.tier)"
        " ON CONFLICT (member_id, from_at) DO UPDATE"
        " SET outlet_id = excluded.outlet_id, region_id = excluded.region_id, tier = excluded.tier"
        " RETURNING member_id",
        list(member_ids), at,
    )  # fmt: skip
    return [row["member_id"] for row in moved]
