"""Codes sent to a phone: who gets one, when, and what a try with one is worth."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog

from auth import codes as rules
from auth.actor import Actor
from auth.codes import Purpose, Verdict, Wait
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input
from kit.ids import new_digits, new_id
from kit.seals import Seal
from models.accounts import Member, member_by_phone
from models.sessions import Knock, SignInCode, lock_doors, newest_code
from providers.sms.base import NotSent
from services.doors import at_door, knock_of, prove_human, refuse_asking, refuse_beyond_fuse
from services.outbox import announce
from services.ports import Ports

LONGEST_DEVICE = 64

_log = structlog.get_logger("codes")


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """`expires_in_seconds` is that of the code on its way; 0 if the wait stems from a code for something else."""

    retry_after_seconds: int
    expires_in_seconds: int


async def request_sign_in_code(
    ports: Ports, phone: str, device_id: str, *, address: str = "", captcha_token: str | None = None
) -> CodeAsked:
    """Send a code to sign in with, if the phone is a member's; the answer is the same for any phone.

    Within a minute of the last one nothing is sent and the answer says how long to wait. THROTTLED beyond the limits of
    `auth/codes.py` for the phone, the device, the network of `address` and all together; CAPTCHA_REQUIRED before that.
    """
    number = ports.phones.normalise(phone, "phone")
    check_device_text(device_id, "deviceId")
    knock = knock_of(ports, number, device_id, address)
    human = await prove_human(ports, knock, address, captcha_token)
    await refuse_asking(ports, knock, human=human)

    async def work() -> CodeAsked:
        await lock_doors(knock)
        member = await member_by_phone(knock.phone_index)
        return await _ask(ports, number, knock, Purpose.SIGN_IN, wanted=may_sign_in(member), human=human)

    return await at_door(knock, work)


async def request_change_phone_codes(ports: Ports, actor: Actor, new_phone: str) -> CodeAsked:
    """Send one code to the member's phone and one to the new phone; the same limits as for signing in.

    A phone that is someone else's gets none, and the answer does not tell.
    """
    new_number = ports.phones.normalise(new_phone, "newPhone")

    async def work() -> CodeAsked:
        old_number = ports.phones.open(await _own_phone(actor.member_id))
        if old_number == new_number:
            raise bad_input("newPhone")
        await lock_phones(ports, [old_number, new_number])
        taken = await member_by_phone(ports.phones.index(new_number)) is not None
        asked = [
            await _ask(ports, number, Knock(ports.phones.index(number)), purpose, wanted=wanted)
            for number, purpose, wanted in (
                (old_number, Purpose.CHANGE_PHONE_OLD, True),
                (new_number, Purpose.CHANGE_PHONE_NEW, not taken),
            )
        ]
        return CodeAsked(
            max(each.retry_after_seconds for each in asked), min(each.expires_in_seconds for each in asked)
        )

    return await transaction(work)


async def request_own_code(ports: Ports, actor: Actor, purpose: Purpose, device_id: str) -> CodeAsked:
    """Send a code to the member's own phone; the same limits as for signing in. STATE_FORBIDS without a phone."""
    check_device_text(device_id, "deviceId")

    async def work() -> CodeAsked:
        number = ports.phones.open(await _own_phone(actor.member_id))
        knock = knock_of(ports, number, device_id, actor.address)
        await lock_doors(knock)
        return await _ask(ports, number, knock, purpose, wanted=True)

    return await transaction(work)


async def try_code(ports: Ports, number: str, purpose: Purpose, code: str) -> tuple[Verdict, SignInCode | None]:
    """What `code` is worth, and the row to use up if it is right. A wrong one is counted. The caller holds the phone's
    lock, and commits whatever the verdict."""
    require_transaction()
    now = ports.clock.now()
    row = await newest_code(ports.phones.index(number), purpose)
    if _is_demo(ports, code) and (row is None or now >= row.expires_at or row.tries < rules.TRIES):
        return Verdict.RIGHT, row
    if row is None:
        return Verdict.WRONG, None
    right = hmac.compare_digest(row.code_hash, _hash(ports, row.id, number, purpose, code))
    verdict = rules.judge(
        right=right, tries=row.tries, used=row.used_at is not None, expires_at=row.expires_at, now=now
    )
    if verdict is Verdict.WRONG:
        await SignInCode.filter(id=row.id).update(tries=row.tries + 1)
    return verdict, row


async def use_up(ports: Ports, row: SignInCode | None) -> None:
    """A code opens one door once."""
    if row is not None and row.used_at is None:
        await SignInCode.filter(id=row.id).update(used_at=ports.clock.now())


def refusal(verdict: Verdict, *field: str) -> DomainError | None:
    """The error to raise after the commit."""
    if verdict is Verdict.RIGHT:
        return None
    code = ErrorCode.CODE_EXPIRED if verdict is Verdict.EXPIRED else ErrorCode.CODE_WRONG
    return DomainError(code, field=field)


def check_device_text(text: str, field: str) -> None:
    """What an app says of its device: short, and all of it to be seen."""
    if not 1 <= len(text) <= LONGEST_DEVICE or not text.isprintable():
        raise bad_input(field)


def may_sign_in(member: Member | None) -> bool:
    return member is not None and member.suspended_at is None


async def lock_phones(ports: Ports, numbers: Iterable[str]) -> None:
    """Several phones in one order, so that two members cannot wait for each other."""
    await lock_doors(*(Knock(ports.phones.index(number)) for number in numbers))


async def send_code(ports: Ports, payload: dict[str, str]) -> None:
    """Send what `_ask` announced, unless it was sent before, was used or is too old. Runs after the commit.

    It is marked as sent before it is: whoever dies in between leaves a code unsent, and its member asks again; the
    other way round a phone would ring twice. The mark goes again only if the provider says that nothing was taken.
    """
    letter = orjson.loads(_seal(ports).open(base64.b64decode(payload["sealed"]), "sms"))
    row = await SignInCode.get_or_none(id=UUID(letter["id"]))
    now = ports.clock.now()
    if not letter["wanted"] or row is None or row.sent_at or row.used_at or now >= row.expires_at:
        return
    if not await SignInCode.filter(id=row.id, sent_at=None).update(sent_at=now):
        return
    try:
        await ports.sms.send_code(letter["phone"], letter["code"])
    except NotSent as refused:
        if refused.again:
            await SignInCode.filter(id=row.id).update(sent_at=None)
            raise
        _log.error("code not sent", code=refused.code.value, reason=refused.reason, code_id=str(row.id))


async def _ask(
    ports: Ports, number: str, knock: Knock, purpose: Purpose, *, wanted: bool, human: bool = False
) -> CodeAsked:
    """One request under the door's locks. The work is the same whether or not a message is `wanted`."""
    now = ports.clock.now()
    asked = await refuse_asking(ports, knock, human=human)
    wait = rules.wait_for(asked.phone, now)
    if wait is not None:
        return await _waiting(knock.phone_index, purpose, wait, now)
    await refuse_beyond_fuse(ports)
    code, code_id = new_digits(rules.DIGITS), new_id()
    while code == rules.DEMO_CODE:
        code = new_digits(rules.DIGITS)
    await SignInCode.create(
        id=code_id,
        phone_index=knock.phone_index,
        device_id=knock.device_id,
        network=knock.network,
        wanted=wanted,
        purpose=purpose.value,
        code_hash=_hash(ports, code_id, number, purpose, code),
        created_at=now,
        expires_at=now + rules.LIFE,
    )
    letter = {"id": str(code_id), "phone": number, "code": code, "wanted": wanted}
    sealed = _seal(ports).close(orjson.dumps(letter), "sms")
    await announce("sms", str(code_id), {"sealed": base64.b64encode(sealed).decode()})
    return CodeAsked(_seconds(rules.PAUSE), _seconds(rules.LIFE))


async def _waiting(index: str, purpose: Purpose, wait: Wait, now: datetime) -> CodeAsked:
    if wait.throttled:
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=wait.seconds)
    last = await newest_code(index, purpose)
    return CodeAsked(wait.seconds, max(0, _seconds(last.expires_at - now)) if last else 0)


async def _own_phone(member_id: UUID) -> bytes:
    member = await Member.get(id=member_id)
    if member.phone_cipher is None:
        raise DomainError(ErrorCode.STATE_FORBIDS)
    return bytes(member.phone_cipher)


def _is_demo(ports: Ports, code: str) -> bool:
    return ports.settings.demo and hmac.compare_digest(code.encode(), rules.DEMO_CODE.encode())


def _hash(ports: Ports, code_id: UUID, number: str, purpose: Purpose, code: str) -> str:
    """Bound to this request, phone and purpose; keyed, because six digits alone are soon tried."""
    bound = f"{code_id} {number} {purpose.value} {code}"
    return hmac.new(ports.settings.key("codes"), bound.encode(), hashlib.sha256).hexdigest()


def _seal(ports: Ports) -> Seal:
    """The outbox holds neither phones nor codes in the clear."""
    return Seal(ports.settings.key("sms"))


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
