"""The notice inbox, and the phones that may be pushed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import Language, NoticeKind, PushProvider
from models.accounts import Member
from models.sessions import Session


class Notice(Model):
    """Something a member was told, once per (member, kind, key), `kind` being a `NoticeKind`.

    `details` are what its sentences are filled with; what it is about, if anything, is a GraphQL type and a row's id.
    `pushed_at`: a phone of the member's was told, too. `push_held_until`: that waits for the morning.
    """

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "notices", on_delete=fields.RESTRICT
    )
    member_id: UUID
    kind = fields.CharField(30)
    key = fields.CharField(100)
    details: dict[str, object] = fields.JSONField()
    object_type = fields.CharField(40, null=True)
    object_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)
    push_held_until = fields.DatetimeField(null=True)
    pushed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notices"


class PushDevice(Model):
    """A phone that may be pushed to, for the member of its session; gone with it. A token is of one phone.

    `language` is that of the app when it registered, for what it is pushed.
    """

    device_id = fields.CharField(64, primary_key=True)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField(
        "models.Session", "push_devices", on_delete=fields.CASCADE
    )
    session_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "push_devices", on_delete=fields.RESTRICT
    )
    member_id: UUID
    provider = fields.CharEnumField(PushProvider, max_length=10)
    token = fields.CharField(512)
    language = fields.CharEnumField(Language, max_length=5, default=Language.CHINESE)
    registered_at = fields.DatetimeField()

    class Meta:
        table = "push_devices"


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to add; columns as in `Notice`."""

    id: UUID
    member_id: UUID
    key: str
    details: Mapping[str, object]
    object_type: str | None
    object_id: UUID | None


@dataclass(frozen=True, slots=True)
class PushRow:
    """A notice that is to be pushed to one phone."""

    notice_id: UUID
    kind: NoticeKind
    details: Mapping[str, object]
    object_type: str | None
    object_id: UUID | None
    created_at: datetime
    device_id: str
    provider: PushProvider
    token: str
    language: Language


async def add_notices(kind: NoticeKind, notices: Sequence[NewNotice], at: datetime) -> dict[UUID, bool]:
    """Add what was not told yet to whoever still has an account; the ids of what was added, and whether its member has
    a phone that may be pushed to.

    Waits for a transaction that tells the same and is not over, so that of two at once one tells. Everybody writes in
    the order of members, so that nobody waits in a circle.
    """
    require_transaction()
    added = await rows(
        "INSERT INTO notices (id, member_id, kind, key, details, object_type, object_id, created_at)"
        " SELECT n.id, m.id, $1, n.key, n.details, n.object_type, n.object_id, $2"
        " FROM jsonb_to_recordset($3::jsonb) AS n (id uuid, member_id uuid, key text, details jsonb, object_type text,"
        " object_id uuid) CROSS JOIN LATERAL (SELECT id FROM members WHERE id = n.member_id AND deleted_at IS NULL"
        " FOR KEY SHARE) m ORDER BY m.id, n.key ON CONFLICT (member_id, kind, key) DO NOTHING"
        " RETURNING id, EXISTS (SELECT FROM push_devices d WHERE d.member_id = notices.member_id) AS has_phone",
        kind, at, orjson.dumps(list(notices), default=str).decode(),
    )  # fmt: skip
    return {row["id"]: row["has_phone"] for row in added}


async def to_push(ids: Sequence[UUID]) -> list[PushRow]:
    """What of these notices is not read and not pushed yet, a row for each phone of its member; the oldest first."""
    found = await rows(
        "SELECT n.id AS notice_id, n.kind, n.details, n.object_type, n.object_id, n.created_at,"
        " d.device_id, d.provider, d.token, d.language"
        " FROM notices n JOIN push_devices d ON d.member_id = n.member_id"
        " WHERE n.id = ANY($1::uuid[]) AND n.read_at IS NULL AND n.pushed_at IS NULL"
        " ORDER BY n.created_at, n.id, d.device_id",
        list(ids),
    )
    return [
        PushRow(
            **{
                **row,
                "kind": NoticeKind(row["kind"]),
                "details": orjson.loads(row["details"]),
                "provider": PushProvider(row["provider"]),
                "language": Language(row["language"]),
            }
        )
        for row in found
    ]


async def mark_pushed(ids: Sequence[UUID], at: datetime) -> None:
    """Remember that a phone of each member was told."""
    await execute("UPDATE notices SET pushed_at = $2 WHERE id = ANY($1::uuid[]) AND pushed_at IS NULL", list(ids), at)


async def hold_pushes(ids: Sequence[UUID], until: datetime | None) -> None:
    """Keep these notices from phones until then; None: no longer."""
    await execute("UPDATE notices SET push_held_until = $2 WHERE id = ANY($1::uuid[])", list(ids), until)


async def held_until_now(now: datetime, limit: int) -> list[UUID]:
    """Up to `limit` notices whose morning has come, locked. Rows that another process holds are passed over."""
    require_transaction()
    found = await rows(
        "SELECT id FROM notices WHERE push_held_until <= $1"
        " ORDER BY push_held_until, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
        now, limit,
    )  # fmt: skip
    return [row["id"] for row in found]


async def drop_tokens(tokens: Sequence[tuple[PushProvider, str]], before: datetime) -> int:
    """Forget phones that are no longer there, unless they registered since; how many."""
    return await execute(
        "DELETE FROM push_devices d USING unnest($1::text[], $2::text[]) AS gone (provider, token)"
        " WHERE d.provider = gone.provider AND d.token = gone.token AND d.registered_at <= $3",
        [provider.value for provider, _ in tokens], [token for _, token in tokens], before,
    )  # fmt: skip


async def notices_of(member_id: UUID, ask: Ask) -> Page[Notice]:
    """The member's notices, the newest first. Key: [created_at, id]."""
    where, values = "member_id = $1", [member_id, *(ask.after or ()), *(ask.before or ())]
    for key, beyond, place in ((ask.after, "<", 2), (ask.before, ">", 4 if ask.after is not None else 2)):
        if key is not None:
            where += f" AND (created_at, id) {beyond} (${place}::timestamptz, ${place + 1}::uuid)"
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        f"SELECT id FROM notices WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY created_at {order}, id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await notices_by_ids([row["id"] for row in found]) if each], ask)


async def count_notices(member_id: UUID) -> int:
    return await Notice.filter(member_id=member_id).count()


async def notices_by_ids(ids: Sequence[UUID]) -> list[Notice | None]:
    """The notices of these ids, in the order of `ids`."""
    found = {each.id: each for each in await Notice.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def mark_read(member_id: UUID, at: datetime, *, ids: Sequence[UUID] | None, up_to: datetime | None) -> None:
    """Mark the member's unread notices of these ids, or all that came no later than `up_to`.

    Locked in one order, so that two phones that mark at once wait for each other and not in a circle.
    """
    await execute(
        "UPDATE notices SET read_at = $2 WHERE id IN (SELECT id FROM notices WHERE member_id = $1 AND read_at IS NULL"
        " AND ($3::uuid[] IS NULL OR id = ANY($3)) AND ($4::timestamptz IS NULL OR created_at <= $4)"
        " ORDER BY id FOR UPDATE)",
        member_id, at, None if ids is None else list(ids), up_to,
    )  # fmt: skip


async def forget_read(before: datetime, limit: int) -> int:
    """Delete up to `limit` notices that were read before then; how many."""
    return await execute(
        "DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE read_at < $1 ORDER BY read_at LIMIT $2)",
        before, limit,
    )  # fmt: skip


async def is_registered(
    session_id: UUID, device_id: str, provider: PushProvider, token: str, language: Language
) -> bool:
    """Whether all of it is known already."""
    return await PushDevice.filter(
        session_id=session_id, device_id=device_id, provider=provider, token=token, language=language
    ).exists()


async def lock_phone(device_id: str, provider: PushProvider, token: str) -> None:
    """Let one transaction at a time deal with this phone and with this token, and with the phones that they are of.

    First the names in one order, then the rows in one order: nobody waits in a circle.
    """
    require_transaction()
    await rows(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name",
        sorted([f"push device {device_id}", f"push token {provider} {token}"]),
    )
    await rows(
        "SELECT device_id FROM push_devices WHERE device_id = $1 OR (provider = $2 AND token = $3)"
        " ORDER BY device_id FOR UPDATE",
        device_id, provider, token,
    )  # fmt: skip


async def is_open_session(session_id: UUID, member_id: UUID) -> bool:
    """Whether the session is the member's and open, and stays so until the transaction ends."""
    require_transaction()
    found = await rows(
        "SELECT id FROM sessions WHERE id = $1 AND member_id = $2 AND ended_at IS NULL FOR SHARE", session_id, member_id
    )
    return bool(found)


async def put_push_device(device: PushDevice) -> None:
    """Register the phone, in place of what was known of it; the token is no other phone's from now on."""
    await execute(
        "DELETE FROM push_devices WHERE provider = $1 AND token = $2 AND device_id <> $3",
        device.provider, device.token, device.device_id,
    )  # fmt: skip
    await execute(
        "INSERT INTO push_devices (device_id, session_id, member_id, provider, token, language, registered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (device_id) DO UPDATE SET session_id = excluded.session_id,"
        " member_id = excluded.member_id, provider = excluded.provider, token = excluded.token,"
        " language = excluded.language, registered_at = excluded.registered_at",
        device.device_id, device.session_id, device.member_id, device.provider, device.token, device.language,
        device.registered_at,
    )  # fmt: skip
