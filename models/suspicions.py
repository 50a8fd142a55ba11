"""Suspicions: what detectors found in the learning of a day, and what an admin made of it.

`learning_events.session_id` says on whose phone an event was reported. The sessions name the devices.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows, side_transaction
from kit.paging import Ask, Page, page_of
from kit.words import SuspicionKind, SuspicionState
from models.accounts import Member
from models.conditions import Conditions
from models.outlets import Region
from models.progress import pairs


class Suspicion(Model):
    """A finding about one member, once per kind and key. The region is where they learned that day; none: nowhere."""

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "suspicions", on_delete=fields.RESTRICT
    )
    member_id: UUID
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "suspicions", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    kind = fields.CharEnumField(SuspicionKind, max_length=30)
    key = fields.CharField(60)
    day = fields.DateField()
    evidence: dict[str, Any] = fields.JSONField()
    detected_at = fields.DatetimeField()
    state = fields.CharEnumField(SuspicionState, max_length=10, default=SuspicionState.OPEN)
    judged_at = fields.DatetimeField(null=True)
    judged_by = fields.UUIDField(null=True)

    class Meta:
        table = "suspicions"
        unique_together = (("member", "kind", "key"),)


class SuspicionLook(Model):
    """A Shanghai day that was looked at; `final` once nothing late can come for it any more."""

    day = fields.DateField(primary_key=True)
    looked_at = fields.DatetimeField()
    final = fields.BooleanField()

    class Meta:
        table = "suspicion_looks"


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """An event of a day that showed something; `region_id` is where the member stood, `device_id` where known."""

    member_id: UUID
    lesson_id: UUID
    occurred_at: datetime
    spans: tuple[tuple[int, int], ...]
    device_id: str | None
    region_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewSuspicion:
    id: UUID
    member_id: UUID
    region_id: UUID | None
    kind: SuspicionKind
    key: str
    day: date
    evidence: dict[str, str | int]


async def learned_between(start: datetime, end: datetime) -> AsyncIterator[LearnedRow]:
    """The events with spans that occurred in [start, end), member by member, each member's in order of occurrence."""
    async with side_transaction(snapshot=True) as side:
        async for row in side.stream(
            """SELECT e.member_id, e.lesson_id, e.occurred_at, e.spans, s.device_id, e.region_id
               FROM learning_events e LEFT JOIN sessions s ON s.id = e.session_id
               WHERE e.occurred_at >= $1 AND e.occurred_at < $2 AND e.spans <> '{}'
               ORDER BY e.member_id, e.occurred_at, e.event_id""",
            start,
            end,
        ):
            member_id, lesson_id, occurred_at, spans, device_id, region_id = row
            yield LearnedRow(member_id, lesson_id, occurred_at, pairs(spans), device_id, region_id)


async def looks_since(day: date) -> dict[date, bool]:
    """The days from `day` on that were looked at, with whether that was final."""
    return {look.day: look.final for look in await SuspicionLook.filter(day__gte=day)}


async def note_look(day: date, now: datetime, *, final: bool) -> None:
    await execute(
        """INSERT INTO suspicion_looks (day, looked_at, final) VALUES ($1, $2, $3)
           ON CONFLICT (day) DO UPDATE SET looked_at = excluded.looked_at, final = excluded.final""",
        day, now, final,
    )  # fmt: skip


async def note_suspicions(found: Sequence[NewSuspicion], now: datetime) -> int:
    """Keep new ones, in any order; how many were new. One that is known and still open gets the newer evidence."""
    if not found:
        return 0
    noted = await rows(
        """INSERT INTO suspicions AS s (id, member_id, region_id, kind, key, day, evidence, detected_at, state)
           SELECT id, member_id, region_id, kind, key, day, evidence, $2, 'OPEN'
           FROM jsonb_to_recordset($1::text::jsonb) AS given(
               id uuid, member_id uuid, region_id uuid, kind text, key text, day date, evidence jsonb)
           ORDER BY member_id, kind, key
           ON CONFLICT (member_id, kind, key) DO UPDATE SET evidence = excluded.evidence WHERE s.state = 'OPEN'
           RETURNING xmax = 0 AS is_new""",
        orjson.dumps([_plain(each) for each in found], default=str).decode(),
        now,
    )
    return sum(row["is_new"] for row in noted)


def _plain(found: NewSuspicion) -> dict[str, object]:
    return {
        "id": found.id, "member_id": found.member_id, "region_id": found.region_id, "kind": found.kind,
        "key": found.key, "day": found.day, "evidence": found.evidence,
    }  # fmt: skip


async def locked_suspicion(suspicion_id: UUID) -> Suspicion | None:
    """The suspicion, its row locked until the transaction ends."""
    return await Suspicion.select_for_update().get_or_none(id=suspicion_id)


async def suspicions_by_ids(ids: Sequence[UUID]) -> list[Suspicion | None]:
    """The suspicions of these ids, in the order of `ids`."""
    found = {each.id: each for each in await Suspicion.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def suspicions_page(tops: Sequence[str], state: SuspicionState | None, ask: Ask) -> Page[Suspicion]:
    """Those from the subtrees `tops` ("" is everything), the newest first. Key: [detected_at, id]."""
    where = _from(tops, state)
    if ask.after is not None:
        where.add("(s.detected_at, s.id) < ({0}, {1})", *ask.after)
    if ask.before is not None:
        where.add("(s.detected_at, s.id) > ({0}, {1})", *ask.before)
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        "SELECT s.id FROM suspicions s LEFT JOIN regions r ON r.id = s.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where} ORDER BY s.detected_at {order}, s.id {order} LIMIT {ask.limit + 1}",
        *where.args,
    )
    return page_of([each for each in await suspicions_by_ids([row["id"] for row in found]) if each], ask)


async def count_suspicions(tops: Sequence[str], state: SuspicionState | None) -> int:
    where = _from(tops, state)
    [row] = await rows(
        "SELECT count(*) AS n FROM suspicions s LEFT JOIN regions r ON r.id = s.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where}",
        *where.args,
    )
    return int(row["n"])


def _from(tops: Sequence[str], state: SuspicionState | None) -> Conditions:
    where = Conditions()
    if "" not in tops:
        where.add_subtrees("r.path", tops)
    if state is not None:
        where.add("s.state = {0}", state)
    return where
