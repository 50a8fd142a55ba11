"""Deleting one's account: what is personal goes at once and for good, the books stay under an id that names nobody."""

from datetime import datetime

from auth.actor import Actor
from auth.codes import Purpose
from kit.db import transaction
from kit.errors import DomainError, ErrorCode
from models.accounts import Member, locked_member
from models.deletions import erase
from models.exported_files import end_files_of
from models.sessions import Knock, end_sessions, lock_doors
from services.audit import record
from services.codes import CodeAsked, refusal, request_own_code, try_code
from services.live_chat import tell_rooms_of_deletion
from services.live_seats import give_up_all_seats
from services.outbox import announce
from services.people import keep_a_chief_admin
from services.ports import Ports
from services.privacy import withdraw_all


async def request_deletion_code(ports: Ports, actor: Actor, device_id: str) -> CodeAsked:
    """Send a code to the member's phone that deletes the account and does nothing else."""
    return await request_own_code(ports, actor, Purpose.DELETE_ACCOUNT, device_id)


async def delete_account(ports: Ports, actor: Actor, code: str) -> datetime:
    """Delete the account, proved by a fresh code; since when it is gone. Of two at once the second hears the same.

    CODE_WRONG, CODE_EXPIRED as for signing in; STATE_FORBIDS without a phone, and for the last admin of everything.
    """

    async def work() -> datetime | DomainError:
        member = await Member.get(id=actor.member_id)
        if member.deleted_at is None and (member.phone_index is None or member.phone_cipher is None):
            return DomainError(ErrorCode.STATE_FORBIDS)
        if member.phone_index is not None:
            await lock_doors(Knock(member.phone_index))
        locked = await locked_member(actor.member_id)
        if locked is None:
            gone_at = (await Member.get(id=actor.member_id)).deleted_at
            assert gone_at is not None
            return gone_at
        if locked.phone_index != member.phone_index:
            return DomainError(ErrorCode.CONFLICT)
        number = ports.phones.open(bytes(locked.phone_cipher or b""))
        verdict, _ = await try_code(ports, number, Purpose.DELETE_ACCOUNT, code)
        if refused := refusal(verdict, "code"):
            return refused  # not raised: the try is to be kept
        return await _delete(ports, actor, locked)

    done = await transaction(work)
    if isinstance(done, DomainError):
        raise done
    await tell_rooms_of_deletion(ports, actor.member_id)
    return done


async def _delete(ports: Ports, actor: Actor, member: Member) -> datetime:
    assert member.phone_index is not None
    now = ports.clock.now()
    try:
        await keep_a_chief_admin(member.id)
    except DomainError as error:
        raise DomainError(error.code) from error  # it names an input field of other mutations
    await withdraw_all(ports, member.id)
    await end_files_of(member.id, now)
    await give_up_all_seats(ports, member.id)
    await end_sessions(member.id, now, "ACCOUNT_DELETED")
    await erase(member.id, member.phone_index, now)
    await record(ports, member.id, "member.deleted", "Member", member.id)
    await announce("member", str(member.id))
    return now
