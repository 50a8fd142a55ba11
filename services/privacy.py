"""What members agree to, and who is known to be an adult."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_confirm_adult
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.words import ConsentPurpose, Language
from models.accounts import Member, confirm_adult, locked_member
from models.audit import Details
from models.consents import ConsentRecord, given_at, newest_consents
from models.member_lists import home_path, member_places
from services.audit import record
from services.ports import Ports

TEXTS = Path(__file__).parent / "consents"
TEXT_NAME = re.compile(r"[a-z_]{1,20}-[1-9][0-9]{0,3}[.](zh-CN|en)")
GIVEN, WITHDRAWN = "GIVEN", "WITHDRAWN"
BY_MEMBER, BY_DELETION = "MEMBER", "ACCOUNT_DELETED"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for one purpose now. `version` counts from 1; the texts of all versions are kept in `consents/`."""

    version: int
    required: bool


TERMS: dict[ConsentPurpose, Terms] = {
    ConsentPurpose.TERMS: Terms(version=1, required=True),
    ConsentPurpose.PRIVACY_POLICY: Terms(version=1, required=True),
    ConsentPurpose.MARKETING: Terms(version=1, required=False),
    ConsentPurpose.ANALYTICS: Terms(version=1, required=False),
}
"""A new text is a new pair of files and a higher number here; members are then asked again."""


@dataclass(frozen=True, slots=True)
class Consent:
    """How one purpose stands with a member.

    `version` is the one to agree to now. `given_at`: when the member agreed to that version; None: to be asked.
    `withdrawn_at`: when they took back what they had agreed to; None while it holds, or if they never did.
    """

    purpose: ConsentPurpose
    version: int
    required: bool
    given_at: datetime | None
    withdrawn_at: datetime | None


async def consents_of(member_ids: Sequence[UUID]) -> list[list[Consent]]:
    """Every purpose as it stands with each member, in the order of `member_ids` and of the list of purposes."""
    return [
        [await _consent(member_id, purpose, newest.get(purpose)) for purpose in ConsentPurpose]
        for member_id, newest in zip(member_ids, await newest_consents(member_ids), strict=True)
    ]


async def give_consent(ports: Ports, actor: Actor, purpose: ConsentPurpose, version: int) -> Consent:
    """Record that the member agrees to the present version; again it changes nothing.

    CONFLICT for an older version (the text has changed: show the new one), BAD_USER_INPUT for one that never was.
    """
    current = TERMS[purpose].version
    if version != current:
        raise DomainError(ErrorCode.CONFLICT, field=["version"]) if 1 <= version < current else bad_input("version")

    async def work() -> Consent:
        newest = await _newest(actor.member_id, purpose)
        if newest is None or newest.change == WITHDRAWN or newest.version != version:
            newest = await _append(ports, actor.member_id, purpose, version, GIVEN, BY_MEMBER)
        return await _consent(actor.member_id, purpose, newest)

    return await transaction(work)


async def withdraw_consent(ports: Ports, actor: Actor, purpose: ConsentPurpose) -> Consent:
    """Take back what the member agreed to, whichever version; nothing to take back changes nothing.

    STATE_FORBIDS for a required one: that goes with the account.
    """
    if TERMS[purpose].required:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["purpose"])

    async def work() -> Consent:
        newest = await _newest(actor.member_id, purpose)
        if newest is not None and newest.change == GIVEN:
            newest = await _append(ports, actor.member_id, purpose, newest.version, WITHDRAWN, BY_MEMBER)
        return await _consent(actor.member_id, purpose, newest)

    return await transaction(work)


async def withdraw_all(ports: Ports, member_id: UUID) -> None:
    """Nothing is agreed to any more: the account goes. The caller holds the member's row."""
    require_transaction()
    [newest] = await newest_consents([member_id])
    for purpose, row in newest.items():
        if row.change == GIVEN:
            await _append(ports, member_id, purpose, row.version, WITHDRAWN, BY_DELETION)


def text_url(ports: Ports, consent: Consent, language: Language) -> str:
    """Where the text of this version is read; it stays there when a newer one comes."""
    name = consent.purpose.value.lower()
    return f"{ports.settings.public_url.rstrip('/')}/consents/{name}/{consent.version}/{language.value}"


def consent_text(purpose: str, version: str, language: str) -> list[str] | None:
    """Title and paragraphs of a text by the parts of its address; None if there is none."""
    name = f"{purpose}-{version}.{language}"
    path = TEXTS / f"{name}.md"
    return path.read_text(encoding="utf-8").splitlines() if TEXT_NAME.fullmatch(name) and path.is_file() else None


async def confirm_as_adult(ports: Ports, actor: Actor, member_id: UUID) -> Member:
    """An admin of where the member works vouches that they are an adult; again it changes nothing."""

    async def work() -> Member:
        member = await locked_member(member_id)
        [places] = await member_places([member_id])
        if member is None or not may_confirm_adult(actor, member_id, places):
            raise not_found("memberId")
        if await confirm_adult(member_id, ports.clock.now()):
            home = await home_path(member_id)
            await record(ports, actor, "member.adult_confirmed", "Member", member_id, region_path=home)
        return await Member.get(id=member_id)

    return await transaction(work)


async def _newest(member_id: UUID, purpose: ConsentPurpose) -> ConsentRecord | None:
    """How things stand, with the member's row locked: of two decisions at once one comes first."""
    if await locked_member(member_id) is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    return (await newest_consents([member_id]))[0].get(purpose)


async def _append(
    ports: Ports, member_id: UUID, purpose: ConsentPurpose, version: int, change: str, cause: str
) -> ConsentRecord:
    row = await ConsentRecord.create(
        member_id=member_id, purpose=purpose, version=version, change=change, cause=cause, at=ports.clock.now()
    )
    details: Details = {"purpose": purpose.value, "version": version}
    if change == GIVEN:
        await record(ports, member_id, "consent.given", "Member", member_id, details)
    else:
        await record(ports, member_id, "consent.withdrawn", "Member", member_id, details)
    return row


async def _consent(member_id: UUID, purpose: ConsentPurpose, newest: ConsentRecord | None) -> Consent:
    terms = TERMS[purpose]
    given: datetime | None = None
    if newest is not None and newest.version == terms.version:
        given = newest.at if newest.change == GIVEN else await given_at(member_id, purpose, terms.version)
    withdrawn = newest.at if newest is not None and newest.change == WITHDRAWN else None
    return Consent(purpose, terms.version, terms.required, given, withdrawn)
