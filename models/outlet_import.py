"""Regions and outlets in bulk: whole batches by one statement for each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.db import execute, require_transaction, rows
from kit.ids import new_id
from kit.words import OutletTier, RegionKind


@dataclass(frozen=True, slots=True)
class OutletRow:
    """An outlet as an import wants it; the owner by the keyed index of the phone."""

    code: str
    name: str
    region_id: UUID
    tier: OutletTier
    segment: int
    owner_index: str


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """Somebody who becomes a member unless the phone is known."""

    phone_index: str
    phone_cipher: bytes
    masked_phone: str
    name: str


@dataclass(frozen=True, slots=True)
class RegionPlace:
    id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class RegionRow:
    code: str
    name: str
    kind: RegionKind
    parent_code: str | None
    path: str


async def lock_import() -> None:
    """One import at a time: of two at once the second finds the first one's work.

    Statements are planned afresh in it: plans made while the tables were small take minutes on a city.
    """
    require_transaction()
    await execute("SET LOCAL plan_cache_mode = force_custom_plan")
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('outlet import', 0))")


async def regions_within(tops: Sequence[str]) -> dict[str, RegionPlace]:
    """The regions of these subtrees ("" is everything), by code."""
    found = await rows(
        "SELECT code, id, path FROM regions WHERE path LIKE ANY($1::text[])", [f"{top}%" for top in tops]
    )
    return {row["code"]: RegionPlace(row["id"], row["path"]) for row in found}


async def regions_kept() -> dict[str, RegionRow]:
    """Every region by its code."""
    found = await rows(
        "SELECT r.code, r.name, r.kind, p.code AS parent_code, r.path FROM regions r"
        " LEFT JOIN regions p ON p.id = r.parent_id"
    )
    return {
        row["code"]: RegionRow(row["code"], row["name"], RegionKind(row["kind"]), row["parent_code"], row["path"])
        for row in found
    }


async def keep_regions(wanted: Sequence[RegionRow]) -> None:
    """Insert or rename; parents come before their children."""
    for kind in RegionKind:
        floor = [row for row in wanted if row.kind is kind]
        await rows(
            "INSERT INTO regions (id, code, name, kind, parent_id, path)"
            " SELECT w.id, w.code, w.name, $6, p.id, w.path"
            " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])"
            " AS w (id, code, name, parent, path)"
            " LEFT JOIN regions p ON p.code = w.parent ON CONFLICT (code) DO UPDATE SET name = excluded.name",
            [new_id() for _ in floor],
            [row.code for row in floor],
            [row.name for row in floor],
            [row.parent_code for row in floor],
            [row.path for row in floor],
            kind.value,
        )


async def outlets_kept(codes: Sequence[str]) -> dict[str, OutletRow]:
    """The outlets of these codes that exist; the owner's index is "" where there is none."""
    found = await rows(
        "SELECT o.code, o.name, o.region_id, o.tier, o.segment, coalesce(m.phone_index, '') AS owner FROM outlets o"
        " LEFT JOIN posts p ON p.outlet_id = o.id AND p.role = 'OWNER' AND p.until_at IS NULL"
        " LEFT JOIN members m ON m.id = p.member_id WHERE o.code = ANY($1::text[])",
        list(codes),
    )
    return {
        row["code"]: OutletRow(
            row["code"], row["name"], row["region_id"], OutletTier(row["tier"]), row["segment"], row["owner"]
        )
        for row in found
    }


async def keep_owners(owners: Sequence[OwnerRow], at: datetime) -> dict[str, UUID]:
    """Make members of the new ones; the ids of all by phone index. Who holds a licence is an adult."""
    await rows(
        "INSERT INTO members (id, display_name, phone_cipher, phone_index, masked_phone, hidden_on_boards, joined_at,"
        " adult_confirmed_at)"
        " SELECT w.id, w.name, w.cipher, w.phone, w.masked, false, $6, $6"
        " FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[])"
        " AS w (id, name, cipher, phone, masked) ORDER BY w.phone ON CONFLICT (phone_index) DO NOTHING",
        [new_id() for _ in owners],
        [owner.name for owner in owners],
        [owner.phone_cipher for owner in owners],
        [owner.phone_index for owner in owners],
        [owner.masked_phone for owner in owners],
        at,
    )
    await rows(
        "UPDATE members SET adult_confirmed_at = $2 WHERE id IN (SELECT id FROM members"
        " WHERE phone_index = ANY($1::text[]) AND adult_confirmed_at IS NULL ORDER BY id FOR UPDATE)",
        [owner.phone_index for owner in owners], at,
    )  # fmt: skip
    found = await rows(
        "SELECT id, phone_index FROM members WHERE phone_index = ANY($1::text[])",
        [owner.phone_index for owner in owners],
    )
    return {row["phone_index"]: row["id"] for row in found}


async def keep_outlets(wanted: Sequence[OutletRow], at: datetime) -> dict[str, UUID]:
    """Insert or change outlets; their ids by code."""
    await rows(
        "INSERT INTO outlets (id, code, name, region_id, tier, segment, created_at)"
        " SELECT w.*, $7 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::int2[])"
        " AS w (id, code, name, region_id, tier, segment) ORDER BY w.code ON CONFLICT (code) DO UPDATE SET"
        " name = excluded.name, region_id = excluded.region_id, tier = excluded.tier, segment = excluded.segment",
        [new_id() for _ in wanted],
        [row.code for row in wanted],
        [row.name for row in wanted],
        [row.region_id for row in wanted],
        [row.tier.value for row in wanted],
        [row.segment for row in wanted],
        at,
    )
    found = await rows("SELECT id, code FROM outlets WHERE code = ANY($1::text[])", [row.code for row in wanted])
    return {row["code"]: row["id"] for row in found}


async def keep_owner_posts(owner_of: dict[UUID, UUID], at: datetime) -> list[UUID]:
    """Give each outlet (key) its owner (value): end the posts of others and of the owner as a clerk, begin what is new.

    The members whose posts may have changed, their rows locked.
    """
    outlets, owners = list(owner_of), list(owner_of.values())
    locked = await rows(
        # One list of ids, so that they are looked up: with OR the plan is to read all members.
        "SELECT id FROM members WHERE id = ANY($2::uuid[] || ARRAY(SELECT member_id FROM posts"
        " WHERE outlet_id = ANY($1::uuid[]) AND role = 'OWNER' AND until_at IS NULL)) ORDER BY id FOR UPDATE",
        outlets, owners,
    )  # fmt: skip
    await rows(
        "UPDATE posts p SET until_at = $3, is_current = false FROM unnest($1::uuid[], $2::uuid[]) AS w (outlet, owner)"
        " WHERE p.outlet_id = w.outlet AND p.until_at IS NULL"
        " AND (p.role = 'OWNER' AND p.member_id <> w.owner OR p.role = 'CLERK' AND p.member_id = w.owner)",
        outlets, owners, at,
    )  # fmt: skip
    await rows(
        "INSERT INTO posts (id, member_id, outlet_id, role, from_at, is_current)"
        " SELECT w.id, w.owner, w.outlet, 'OWNER', $4, false"
        " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS w (id, outlet, owner) ON CONFLICT DO NOTHING",
        [new_id() for _ in outlets], outlets, owners, at,
    )  # fmt: skip
    return [row["id"] for row in locked]


async def settle_posts(member_ids: Sequence[UUID], at: datetime) -> list[UUID]:
    """After posts changed: give each of these members a current post if any is open, and LEARNER exactly then.

    Those who gained or lost LEARNER, without those who only joined at `at`.
    """
    everybody = list(member_ids)
    await rows(
        "UPDATE posts SET is_current = true WHERE id IN (SELECT DISTINCT ON (p.member_id) p.id FROM posts p"
        " WHERE p.member_id = ANY($1::uuid[]) AND p.until_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM posts c WHERE c.member_id = p.member_id AND c.is_current)"
        " ORDER BY p.member_id, p.from_at, p.id)",
        everybody,
    )
    gained = await rows(
        "INSERT INTO role_grants (id, member_id, role, granted_at)"
        " SELECT w.id, w.member, 'LEARNER', $3 FROM unnest($1::uuid[], $2::uuid[]) AS w (id, member)"
        " WHERE EXISTS (SELECT 1 FROM posts p WHERE p.member_id = w.member AND p.until_at IS NULL)"
        " ON CONFLICT DO NOTHING RETURNING member_id",
        [new_id() for _ in everybody], everybody, at,
    )  # fmt: skip
    lost = await rows(
        "UPDATE role_grants g SET revoked_at = $2 WHERE g.member_id = ANY($1::uuid[]) AND g.role = 'LEARNER'"
        " AND g.revoked_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM posts p WHERE p.member_id = g.member_id AND p.until_at IS NULL) RETURNING g.member_id",
        everybody, at,
    )  # fmt: skip
    settled = await rows(
        "SELECT id FROM members WHERE id = ANY($1::uuid[]) AND joined_at < $2 ORDER BY id",
        [row["member_id"] for row in [*gained, *lost]], at,
    )  # fmt: skip
    return [row["id"] for row in settled]


async def learners_at(outlet_ids: Sequence[UUID]) -> list[UUID]:
    """Who learns for one of these outlets now."""
    found = await rows(
        "SELECT member_id FROM posts WHERE outlet_id = ANY($1::uuid[]) AND is_current ORDER BY member_id",
        list(outlet_ids),
    )
    return [row["member_id"] for row in found]
