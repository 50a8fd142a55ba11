"""A rack of phones in the place of a vendor: what rang on which, and what the vendor says next."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.db import transaction
from kit.ids import new_id
from kit.words import Language, NoticeKind, PushProvider
from models.accounts import Member
from models.notices import PushDevice
from models.sessions import Session
from providers.push.base import Message, NotPushed, Phone
from services.notices import tell
from services.ports import Ports


@dataclass
class Rack:
    """A `Push` that keeps what rang: (token, text), in order."""

    carries: frozenset[PushProvider] = frozenset({PushProvider.JPUSH})
    most: int = 1000
    rang: list[tuple[str, str]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    failing: NotPushed | None = None
    failing_for: frozenset[str] = frozenset()
    """Tokens whose messages fail; empty: all of them."""
    gone: frozenset[str] = frozenset()

    async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
        assert 1 <= len(phones) <= self.most
        assert {phone.provider for phone in phones} <= self.carries
        if self.failing and (not self.failing_for or any(phone.token in self.failing_for for phone in phones)):
            raise self.failing
        self.messages.append(message)
        self.rang += [(phone.token, message.text) for phone in phones if phone.token not in self.gone]
        return frozenset(phone for phone in phones if phone.token in self.gone)

    @property
    def tokens(self) -> list[str]:
        return sorted(token for token, _ in self.rang)


async def phone_of(
    ports: Ports,
    member: Member,
    token: str,
    *,
    provider: PushProvider = PushProvider.JPUSH,
    language: Language = Language.CHINESE,
) -> None:
    """The member has a phone that may be pushed to."""
    now = ports.clock.now()
    session = await Session.create(
        id=new_id(), member_id=member.id, device_id=token, device_name="手机", created_at=now, last_seen_at=now,
        expires_at=now.replace(year=now.year + 1),
    )  # fmt: skip
    await PushDevice.create(
        device_id=token, session_id=session.id, member_id=member.id, provider=provider, token=token,
        language=language, registered_at=now,
    )  # fmt: skip


async def reaches(ports: Ports, member: Member, level: int = 2) -> None:
    """The member is told that they reached a level."""
    values = {"level": level, "name": level}
    await transaction(lambda: tell(ports, member.id, NoticeKind.LEVEL_REACHED, str(level), values))
