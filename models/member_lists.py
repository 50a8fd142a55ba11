"""Members as staff see them: where each one stands in the region tree, and lists of them, searched and filtered."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import OutletTier, Role
from models.accounts import Member
from models.conditions import Conditions


@dataclass(frozen=True, slots=True)
class MemberQuery:
    """None leaves a thing open. `phone_index` is a whole phone, `text` part of a name; `region_path` opens a subtree.

    Tier and outlet, and with them the region, are those of one open post; the region alone may be that of a role too.
    """

    text: str | None = None
    phone_index: str | None = None
    role: Role | None = None
    region_path: str | None = None
    tier: OutletTier | None = None
    outlet_id: UUID | None = None


async def members_page(tops: Sequence[str], query: MemberQuery, ask: Ask) -> Page[Member]:
    """Those with an open post or a role in the subtrees `tops` ("" is everything), but not deleted; the newest first.

    Keyed by (joined_at, id).
    """
    where = _matching(tops, query)
    if ask.after is not None:
        where.add("(m.joined_at, m.id) < ({0}, {1})", *ask.after)
    if ask.before is not None:
        where.add("(m.joined_at, m.id) > ({0}, {1})", *ask.before)
    order = "m.joined_at, m.id" if ask.backwards else "m.joined_at DESC, m.id DESC"
    found = await rows(
        f"SELECT m.id FROM members m WHERE {where} ORDER BY {order} LIMIT {ask.limit + 1}",  # noqa: S608 - fixed parts
        *where.args,
    )
    ids = [row["id"] for row in found]
    by_id = {member.id: member for member in await Member.filter(id__in=ids)}
    return page_of([by_id[each] for each in ids], ask)


async def count_members(tops: Sequence[str], query: MemberQuery) -> int:
    where = _matching(tops, query)
    [row] = await rows(f"SELECT count(*) AS n FROM members m WHERE {where}", *where.args)  # noqa: S608 - fixed parts
    return int(row["n"])


async def member_places(member_ids: Sequence[UUID]) -> list[list[str]]:
    """The regions of each member's open posts and of their roles, as paths, in the order of the ids."""
    found = await rows(
        "SELECT p.member_id, r.path FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " JOIN regions r ON r.id = o.region_id WHERE p.member_id = ANY($1::uuid[]) AND p.until_at IS NULL"
        " UNION SELECT g.member_id, r.path FROM role_grants g JOIN regions r ON r.id = g.region_id"
        " WHERE g.member_id = ANY($1::uuid[]) AND g.revoked_at IS NULL ORDER BY path",
        list(member_ids),
    )
    shelf: dict[UUID, list[str]] = {each: [] for each in member_ids}
    for row in found:
        shelf[row["member_id"]].append(row["path"])
    return [shelf[each] for each in member_ids]


async def home_path(member_id: UUID) -> str | None:
    """Where the member is at home, as a path: the region of the current post, else of a role; None for neither."""
    found = await rows(
        "(SELECT r.path FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id"
        " WHERE p.member_id = $1 AND p.is_current)"
        " UNION ALL (SELECT r.path FROM role_grants g JOIN regions r ON r.id = g.region_id"
        " WHERE g.member_id = $1 AND g.revoked_at IS NULL ORDER BY r.path LIMIT 1) LIMIT 1",
        member_id,
    )
    return found[0]["path"] if found else None


async def lock_chief_admins() -> None:
    """Let one transaction at a time take somebody from among the admins of everywhere."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('chief admins', 0))")


async def chief_admins() -> set[UUID]:
    """Who administers everything and is not suspended."""
    found = await rows(
        "SELECT g.member_id FROM role_grants g JOIN members m ON m.id = g.member_id"
        " WHERE g.role = 'ADMIN' AND g.region_id IS NULL AND g.revoked_at IS NULL AND m.suspended_at IS NULL"
    )
    return {row["member_id"] for row in found}


def _matching(tops: Sequence[str], query: MemberQuery) -> Conditions:
    where = Conditions()
    where.add("m.deleted_at IS NULL")
    if "" not in tops:
        _within(where, [f"{top}%" for top in tops])
    if query.tier is not None or query.outlet_id is not None:
        _at_outlet(where, query)
    elif query.region_path is not None:
        _within(where, [f"{query.region_path}%"])
    if query.role is not None:
        where.add(
            "m.id IN (SELECT g.member_id FROM role_grants g WHERE g.role = {0} AND g.revoked_at IS NULL)", query.role
        )
    if query.phone_index is not None:
        where.add("m.phone_index = {0}", query.phone_index)
    if query.text:
        where.add("position(lower({0}::text) IN lower(m.display_name)) > 0", query.text)
    if query.text and len(query.text) > 1:  # its pairs find it by index; the position confirms their order
        where.add("character_pairs(m.display_name) @> character_pairs({0}::text)", query.text)
    return where


def _within(where: Conditions, patterns: Sequence[str]) -> None:
    """A post or a role in one of the subtrees."""
    where.add(
        "m.id IN (SELECT p.member_id FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " JOIN regions r ON r.id = o.region_id WHERE p.until_at IS NULL AND r.path LIKE ANY({0}::text[])"
        " UNION ALL SELECT g.member_id FROM role_grants g JOIN regions r ON r.id = g.region_id"
        " WHERE g.revoked_at IS NULL AND r.path LIKE ANY({0}::text[]))",
        list(patterns),
    )


def _at_outlet(where: Conditions, query: MemberQuery) -> None:
    """One open post with all that is asked of its outlet."""
    where.add(
        "m.id IN (SELECT p.member_id FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " JOIN regions r ON r.id = o.region_id WHERE p.until_at IS NULL AND ({0}::uuid IS NULL OR o.id = {0})"
        " AND ({1}::text IS NULL OR o.tier = {1}) AND r.path LIKE {2})",
        query.outlet_id, query.tier, f"{query.region_path or ''}%",
    )  # fmt: skip
