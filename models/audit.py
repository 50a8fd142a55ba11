"""What was done by whom to what: a chain of entries, written once, never changed (triggers see to it).

Entry n carries `hash` = SHA-256 over the hash of entry n - 1 (32 bytes; zeros before the first) followed by `written`
of the entry, and `seal` = a MAC of that hash under the server's secret. Whoever changes a row by hand breaks its hash;
whoever makes new hashes from there on has no seals for them; whoever cuts off the end is short of the head. See ADR 11.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import require_transaction, rows
from kit.paging import Ask, Page, page_of
from models.conditions import Conditions

FORMAT = 1
"""The first thing in every `written` text; another encoding is another number, and the old one stays readable."""
NOTHING = "0" * 64
"""What stands for the hash before the first entry."""
MOST_EXACT = 2**63 - 1

Details = dict[str, Any]


class AuditEntry(Model):
    """One deed. `actor_id` is None when the server itself acted. `details` holds no phone, token or code.

    `region_path`: where the thing lay then; None for what lies in no region. `address`: of the request, if it was one.
    """

    id = fields.UUIDField(primary_key=True)
    sequence = fields.BigIntField()
    at = fields.DatetimeField()
    actor_id = fields.UUIDField(null=True)
    action = fields.CharField(40)
    object_type = fields.CharField(40)
    object_id = fields.UUIDField()
    details: Details = fields.JSONField()
    region_path = fields.CharField(100, null=True)
    address = fields.CharField(45, null=True)
    hash = fields.CharField(64)
    seal = fields.CharField(64)

    class Meta:
        table = "audit_entries"


class AuditHead(Model):
    """How far the log goes: one row, and none before the first entry."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    sequence = fields.BigIntField()
    hash = fields.CharField(64)

    class Meta:
        table = "audit_head"


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry that has no place in the chain yet."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    object_type: str
    object_id: UUID
    details: Details
    region_path: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class DeedQuery:
    """None leaves a thing open; times are half-open, [from_at, to_at)."""

    actor_id: UUID | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it lies in the table."""

    deed: Deed
    link: Link
    seal: str


def written(sequence: int, deed: Deed) -> bytes:
    """The canonical text of an entry: a JSON array in UTF-8 without spaces, keys of objects sorted by code point.

    ValueError for details that JSON and the database do not give back as they were: fractions, huge integers.
    """
    _require_exact(deed.details)
    return orjson.dumps(
        [
            FORMAT,
            sequence,
            str(deed.id),
            deed.at.astimezone(UTC).isoformat(timespec="microseconds"),
            str(deed.actor_id) if deed.actor_id is not None else None,
            deed.action,
            deed.object_type,
            str(deed.object_id),
            deed.details,
            deed.region_path,
            deed.address,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


def linked(before: Link, deed: Deed) -> Link:
    """The place of an entry that follows `before`."""
    sequence = before.sequence + 1
    return Link(sequence, hashlib.sha256(bytes.fromhex(before.hash) + written(sequence, deed)).hexdigest())


def sealed(key: bytes, link: Link) -> str:
    """The proof, hex, that this server wrote the entry at this place."""
    return hmac.new(key, f"{link.sequence} {link.hash}".encode(), hashlib.sha256).hexdigest()


async def append(deed: Deed, key: bytes) -> None:
    """Put an entry at the end of the chain. Nobody else can until the transaction ends, so this comes last in it."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('audit log', 0))")
    link = linked(await head() or Link(0, NOTHING), deed)
    await rows(
        "WITH moved AS (INSERT INTO audit_head (id, sequence, hash) VALUES (1, $1, $2)"
        " ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash)"
        " INSERT INTO audit_entries (sequence, hash, seal, id, at, actor_id, action, object_type, object_id, details,"
        " region_path, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11, $12)",
        link.sequence, link.hash, sealed(key, link), deed.id, deed.at, deed.actor_id, deed.action, deed.object_type,
        deed.object_id, orjson.dumps(deed.details).decode(), deed.region_path, deed.address,
    )  # fmt: skip


async def head() -> Link | None:
    """The end of the chain as it is kept; None before the first entry."""
    found = await rows("SELECT sequence, hash FROM audit_head")
    return Link(found[0]["sequence"], found[0]["hash"]) if found else None


async def last_sequence() -> int:
    """The highest number of an entry that is there, 0 for none."""
    [found] = await rows("SELECT coalesce(max(sequence), 0) AS last FROM audit_entries")
    return int(found["last"])


async def entries_after(sequence: int, limit: int) -> list[Kept]:
    """Entries by their number, from the one after `sequence`."""
    found = await rows(
        "SELECT sequence, hash, seal, id, at, actor_id, action, object_type, object_id, details::text AS details,"
        " region_path, address FROM audit_entries WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        sequence, limit,
    )  # fmt: skip
    return [_kept(row) for row in found]


async def entries_by_ids(ids: Sequence[UUID]) -> list[AuditEntry | None]:
    """The entries of these ids, in the order of `ids`."""
    found = {entry.id: entry for entry in await AuditEntry.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def deeds_page(tops: Sequence[str], query: DeedQuery, ask: Ask) -> Page[AuditEntry]:
    """Entries of the subtrees `tops`, the latest first; what lies in no region for "" alone. Keyed by (sequence,)."""
    where = _matching(tops, query)
    if ask.after is not None:
        where.add("e.sequence < {0}", *ask.after)
    if ask.before is not None:
        where.add("e.sequence > {0}", *ask.before)
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        f"SELECT e.id FROM audit_entries e WHERE {where} ORDER BY e.sequence {order} LIMIT {ask.limit + 1}",  # noqa: S608
        *where.args,
    )
    return page_of([entry for entry in await entries_by_ids([row["id"] for row in found]) if entry], ask)


async def deeds_count(tops: Sequence[str], query: DeedQuery) -> int:
    where = _matching(tops, query)
    [row] = await rows(f"SELECT count(*) AS n FROM audit_entries e WHERE {where}", *where.args)  # noqa: S608
    return int(row["n"])


def _matching(tops: Sequence[str], query: DeedQuery) -> Conditions:
    where = Conditions()
    if "" not in tops:
        where.add_subtrees("e.region_path", tops)
    for column, wanted in (
        ("actor_id", query.actor_id),
        ("action", query.action),
        ("object_type", query.object_type),
        ("object_id", query.object_id),
    ):
        if wanted is not None:
            where.add(f"e.{column} = {{0}}", wanted)
    if query.from_at is not None:
        where.add("e.at >= {0}", query.from_at)
    if query.to_at is not None:
        where.add("e.at < {0}", query.to_at)
    return where


def _kept(row: dict[str, Any]) -> Kept:
    deed = Deed(
        row["id"], row["at"], row["actor_id"], row["action"], row["object_type"], row["object_id"],
        orjson.loads(row["details"]), row["region_path"], row["address"],
    )  # fmt: skip
    return Kept(deed, Link(row["sequence"], row["hash"]), row["seal"])


def _require_exact(value: object) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueError("a key of details is no text")
            _require_exact(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            _require_exact(each)
    elif isinstance(value, int):
        if abs(value) > MOST_EXACT:
            raise ValueError("too large for details")
    elif value is not None and not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} in details")
