"""What members are told in the app: kept once, read in the reader's language, marked, and forgotten in the end.

What was told to somebody with a phone is pushed as well, by `services/push.py` after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from gamification.titles import Title
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import Language, NoticeKind, PushProvider
from models import notices
from models.notices import NewNotice, Notice, PushDevice
from services.codes import check_device_text
from services.outbox import announce_each
from services.ports import Ports

MOST_MARKED = 100
READ_KEPT = timedelta(days=180)
SWEPT_AT_ONCE = 5_000
LONGEST_TOKEN = 512

Value = int | str | Title


@dataclass(frozen=True, slots=True)
class Tidings:
    """What one member is told. `key` names the event among all of its kind that the member may be told.

    `values` fill the sentences of the kind (`schema/notice_kinds.py`); `about` is a GraphQL type and the id of its row.
    """

    member_id: UUID
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    about: tuple[str, UUID] | None = None


async def tell(
    ports: Ports,
    member_id: UUID,
    kind: NoticeKind,
    key: str,
    values: Mapping[str, Value],
    about: tuple[str, UUID] | None = None,
) -> bool:
    """Tell a member something, inside the transaction in which it came to be; False if it was told before.

    await tell(ports, member_id, NoticeKind.LEVEL_REACHED, key="3", values={"level": 3, "name": 3})
    """
    return await tell_each(ports, kind, [Tidings(member_id, key, values, about)]) == 1


async def tell_each(ports: Ports, kind: NoticeKind, tidings: Sequence[Tidings]) -> int:
    """`tell` for many at once; how many were not told before. Whoever deleted their account is told nothing."""
    require_transaction()
    if not tidings:
        return 0
    new = [
        NewNotice(new_id(), each.member_id, each.key, _plain(each.values), *(each.about or (None, None)))
        for each in sorted(tidings, key=lambda each: (each.member_id, each.key))
    ]
    told = await notices.add_notices(kind, new, ports.clock.now())
    await announce_each("push", [notice_id for notice_id, has_phone in told.items() if has_phone])
    return len(told)


async def mark_notices_read(
    ports: Ports, actor: Actor, notice_ids: Sequence[UUID] | None, up_to: datetime | None
) -> None:
    """Mark these notices of the actor's, or all until a moment; what was read before keeps its moment.

    NOT_FOUND for the first that is not theirs, and then none is marked. Exactly one of the two is to be given.
    """
    if notice_ids is None and up_to is None:
        raise bad_input("noticeIds")
    if notice_ids is not None and up_to is not None:
        raise bad_input("upTo")
    if notice_ids is not None and len(notice_ids) > MOST_MARKED:
        raise bad_input("noticeIds")
    found = await own_notices(actor, notice_ids or ())
    if None in found:
        raise not_found("noticeIds", str(found.index(None)))
    now = ports.clock.now()
    await transaction(lambda: notices.mark_read(actor.member_id, now, ids=notice_ids, up_to=up_to))


async def own_notices(actor: Actor, ids: Sequence[UUID]) -> list[Notice | None]:
    """The actor's own notices of these ids, in their order; None for others."""
    return [
        each if each is not None and each.member_id == actor.member_id else None
        for each in await notices.notices_by_ids(ids)
    ]


async def register_push_device(
    ports: Ports, actor: Actor, device_id: str, provider: PushProvider, token: str, language: Language
) -> None:
    """Keep where this phone can be pushed to, as long as the actor's session lives, and in which language. The same
    again changes nothing.

    A phone, and a token, is of whoever registered it last.
    """
    check_device_text(device_id, "deviceId")
    if not (1 <= len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token):
        raise bad_input("token")
    if await notices.is_registered(actor.session_id, device_id, provider, token, language):
        return

    async def work() -> None:
        if not await notices.is_open_session(actor.session_id, actor.member_id):
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        await notices.lock_phone(device_id, provider, token)
        if await notices.is_registered(actor.session_id, device_id, provider, token, language):
            return
        await notices.put_push_device(
            PushDevice(
                device_id=device_id,
                session_id=actor.session_id,
                member_id=actor.member_id,
                provider=provider,
                token=token,
                language=language,
                registered_at=ports.clock.now(),
            )
        )

    await transaction(work)


async def sweep_notices(ports: Ports) -> None:
    """A tick: forget what was read half a year ago."""
    while await notices.forget_read(ports.clock.now() - READ_KEPT, SWEPT_AT_ONCE) == SWEPT_AT_ONCE:
        pass


def _plain(values: Mapping[str, Value]) -> dict[str, object]:
    """The values as they are stored: a title in both languages."""
    return {
        name: {language.value: value.text(language) for language in Language} if isinstance(value, Title) else value
        for name, value in values.items()
    }
