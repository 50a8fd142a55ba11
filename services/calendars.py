"""A member's calendar: a private address that calendar apps ask from time to time, with what they have a seat in."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from auth.actor import Actor
from kit.clock import ZONE
from kit.db import transaction
from kit.ids import new_bytes, new_id
from models import calendars
from models.calendars import CalendarEvent, CalendarFeed
from services.ports import Ports

NONCE_BYTES = 16
TOKEN_LENGTH = 43
"""32 bytes in base64url."""

KEPT = timedelta(days=90)
"""How long what is over stays in the calendar."""
CANCELLED_KEPT = timedelta(days=30)
MOST_EVENTS = 500
REFRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Shown:
    """A calendar as it is sent, and what it can be recognised by as long as nothing in it changes."""

    content: bytes
    etag: str


async def calendar_feed(ports: Ports, actor: Actor, *, renew: bool) -> str:
    """The address of the actor's calendar, the same each time until it is renewed: then the old one ends."""
    kept = None if renew else await calendars.nonce_of(actor.member_id)
    if kept is None:
        nonce = new_bytes(NONCE_BYTES)
        feed = CalendarFeed(
            id=new_id(),
            member_id=actor.member_id,
            nonce=nonce,
            token_hash=_hash(_token(ports, actor.member_id, nonce)),
            made_at=ports.clock.now(),
        )
        kept = await transaction(lambda: calendars.put_feed(feed, renew=renew))
    return f"{ports.settings.public_url.rstrip('/')}/calendar/{_token(ports, actor.member_id, kept)}.ics"


async def shown_calendar(ports: Ports, token: str) -> Shown | None:
    """The calendar behind a token; None for one that is not, or no longer, anybody's."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    member_id = await calendars.member_behind(_hash(token))
    if member_id is None:
        return None
    now = ports.clock.now()
    events = await calendars.seats_of(member_id, now - KEPT, now - CANCELLED_KEPT, MOST_EVENTS)
    # When it was made is in every event and changes each time, so it is no part of what it is recognised by.
    etag = hashlib.sha256(repr(events).encode()).hexdigest()[:32]
    return Shown(compose(events, now), f'W/"{etag}"')


def compose(events: Sequence[CalendarEvent], made_at: datetime) -> bytes:
    """RFC 5545, times in Asia/Shanghai with the zone's own rules beside them."""
    calendar = Calendar()
    calendar.add("prodid", "-//Growth Academy//Live lessons//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "成长学院")
    calendar.add("x-wr-timezone", ZONE.key)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", f"PT{int(REFRESH.total_seconds()) // 60}M")
    for each in events:
        event = Event()
        event.add("uid", f"{each.kind}-{each.id}@growth-academy")
        event.add("dtstamp", made_at)
        event.add("dtstart", each.starts_at.astimezone(ZONE))
        event.add("dtend", each.ends_at.astimezone(ZONE))
        event.add("sequence", each.version)
        event.add("status", "CANCELLED" if each.is_cancelled else "CONFIRMED")
        event.add("summary", f"【已取消】{each.title}" if each.is_cancelled else each.title)
        event.add("description", "\n".join(filter(None, [f"主讲：{each.host}", each.description])))
        event.add("location", each.location or "成长学院直播间")
        event.add("transp", "TRANSPARENT" if each.is_cancelled else "OPAQUE")
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _token(ports: Ports, member_id: UUID, nonce: bytes) -> str:
    mac = hmac.new(ports.settings.key("calendars"), member_id.bytes + nonce, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
