"""Private addresses of calendars, and what stands in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import require_transaction, rows
from models.accounts import Member


class CalendarFeed(Model):
    """A member's calendar address. The token in it follows from `nonce` under a key of ours and is not kept: a stolen
    table opens no calendar. `token_hash` (SHA-256, hex) finds it."""

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "calendar_feeds", on_delete=fields.RESTRICT
    )
    member_id: UUID
    nonce = fields.BinaryField()
    token_hash = fields.CharField(64)
    made_at = fields.DatetimeField()

    class Meta:
        table = "calendar_feeds"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """A live lesson or an offline class that the member has a seat in, or had when it was called off. `version` grows
    whenever its time changes."""

    kind: str
    id: UUID
    title: str
    description: str
    host: str
    location: str
    starts_at: datetime
    ends_at: datetime
    version: int
    is_cancelled: bool


async def nonce_of(member_id: UUID) -> bytes | None:
    """What the token of the member's calendar follows from; None if there is none yet."""
    found = await rows("SELECT nonce FROM calendar_feeds WHERE member_id = $1", member_id)
    return bytes(found[0]["nonce"]) if found else None


async def put_feed(feed: CalendarFeed, *, renew: bool) -> bytes:
    """Give the member this address, in place of the old one if it is to be renewed; the nonce that counts from now on.

    Of two that come at once both get the same, unless they renew.
    """
    require_transaction()
    kept = "nonce = excluded.nonce, token_hash = excluded.token_hash, made_at = excluded.made_at"
    same = "nonce = calendar_feeds.nonce"  # written as it is, so that it is returned
    found = await rows(
        "INSERT INTO calendar_feeds (id, member_id, nonce, token_hash, made_at)"  # noqa: S608 - the lines above
        " SELECT $1, id, $3, $4, $5 FROM members WHERE id = $2 AND deleted_at IS NULL"
        f" ON CONFLICT (member_id) DO UPDATE SET {kept if renew else same} RETURNING nonce",
        feed.id, feed.member_id, feed.nonce, feed.token_hash, feed.made_at,
    )  # fmt: skip
    return bytes(found[0]["nonce"])


async def member_behind(token_hash: str) -> UUID | None:
    """Whose calendar it is; None for one that was renewed, or of a member who is suspended or gone."""
    found = await rows(
        "SELECT m.id FROM calendar_feeds f JOIN members m ON m.id = f.member_id"
        " WHERE f.token_hash = $1 AND m.suspended_at IS NULL AND m.deleted_at IS NULL",
        token_hash,
    )
    return found[0]["id"] if found else None


# $1 the member, $2 and $3 as in `seats_of`. What is called off takes its seats along; those who gave theirs up before
# have nothing of it in their calendars.
_LESSONS = """
    SELECT 'live' AS kind, l.id, l.title, l.description, h.display_name AS host, '' AS location, l.starts_at, l.ends_at,
           l.schedule_version AS version, t.at IS NOT NULL AS is_cancelled
    FROM live_seats s JOIN live_lessons l ON l.id = s.lesson_id JOIN members h ON h.id = l.host_id
    LEFT JOIN live_steps t ON t.lesson_id = l.id AND t.status = l.status AND l.status IN ('CANCELLED', 'EXPIRED')
    WHERE s.member_id = $1 AND s.seated_at IS NOT NULL AND l.status <> 'DRAFT'
      AND CASE WHEN t.at IS NULL THEN s.state = 'SEATED' AND l.ends_at > $2
               ELSE (s.state = 'SEATED' OR s.cancelled_at >= t.at) AND t.at > $3 END"""
_CLASSES = """
    SELECT 'class' AS kind, c.id, c.title, '' AS description, h.display_name AS host,
           trim(c.place || ' ' || c.address) AS location, c.starts_at, c.ends_at,
           c.moves + (c.cancelled_at IS NOT NULL)::int AS version, c.cancelled_at IS NOT NULL AS is_cancelled
    FROM class_seats s JOIN offline_classes c ON c.id = s.offline_class_id JOIN members h ON h.id = c.trainer_id
    WHERE s.member_id = $1 AND s.seated_at IS NOT NULL
      AND CASE WHEN c.cancelled_at IS NULL THEN s.state = 'SEATED' AND c.ends_at > $2
               ELSE (s.state = 'SEATED' OR s.cancelled_at >= c.cancelled_at) AND c.cancelled_at > $3 END"""


async def seats_of(member_id: UUID, since: datetime, cancelled_since: datetime, limit: int) -> Sequence[CalendarEvent]:
    """The lessons and classes that the member has a seat in and that end after `since`, the last first; of those that
    were called off or never began only what was so after `cancelled_since`."""
    found = await rows(
        f"{_LESSONS} UNION ALL {_CLASSES} ORDER BY starts_at DESC, id LIMIT $4",
        member_id, since, cancelled_since, limit,
    )  # fmt: skip
    return [CalendarEvent(**row) for row in found]
