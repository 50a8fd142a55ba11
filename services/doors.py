"""Who may try to get in just now: budgets and pauses of phones, devices and networks, and the proof of being human.

Everything is asked twice: before any work, without a lock, so that a flood costs one read each and waits for nobody;
and again under the locks, where it is exact. Both cost the same for every phone, known or not.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from auth import codes as rules
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.tasks import Turns
from models.sessions import (
    Asked,
    Failed,
    Knock,
    SignInFailure,
    asked_lately,
    failed_lately,
    lock_messages,
    nth_message_at,
)
from services.ports import Ports

T = TypeVar("T")

_log = structlog.get_logger("doors")
_turns = Turns()


def knock_of(ports: Ports, number: str, device_id: str, address: str) -> Knock:
    """`address` as the client has it, "" if nobody knows; what is kept of it is a hash that only we can make."""
    network = rules.network_of(address)
    mac = hmac.new(ports.settings.key("networks"), network.encode(), hashlib.sha256)
    return Knock(ports.phones.index(number), device_id, mac.hexdigest() if network else None)


async def at_door(knock: Knock, work: Callable[[], Awaitable[T]]) -> T:
    """A transaction that locks this door: a crowd from one network waits for itself, and leaves the others their
    connections."""
    async with _turns.take(knock.network or knock.phone_index):
        return await transaction(work)


async def refuse_asking(ports: Ports, knock: Knock, *, human: bool = False) -> Asked:
    """THROTTLED if the device or the network has had its codes; the requests that count at the phone otherwise.

    Whoever has proved to be `human` is let off both.
    """
    now = ports.clock.now()
    asked = await asked_lately(knock, now - rules.WINDOW)
    if not human:
        of_device = rules.wait_of(asked.device, rules.DEVICE_LIMITS, now)
        _refuse(max(of_device, rules.wait_of(asked.network, rules.NETWORK_LIMITS, now)))
    return asked


async def refuse_trying(ports: Ports, knock: Knock, *, human: bool = False) -> None:
    """THROTTLED during the pause after too many wrong tries: of the phone, and unless `human` of device and network."""
    now = ports.clock.now()
    failed = await _failed(knock, now)
    of_phone = rules.pause_of(*failed.phone, rules.PHONE_PATIENCE, now)
    of_device = rules.pause_of(*failed.device, rules.DEVICE_PATIENCE, now)
    of_network = rules.pause_of(*failed.network, rules.NETWORK_PATIENCE, now)
    _refuse(of_phone if human else max(of_phone, of_device, of_network))


async def prove_human(ports: Ports, knock: Knock, address: str, token: str | None) -> bool:
    """True if a captcha was solved that was due. CAPTCHA_REQUIRED if it was not: the device or the network is
    suspicious, and there is a provider to judge. Without one nothing is asked, and the budgets are all there is.

    Asks the provider over the network, so never within a transaction.
    """
    if ports.captcha is None or not await _is_suspicious(ports, knock):
        return False
    if token is None or not await ports.captcha.is_human(token, address):
        raise DomainError(ErrorCode.CAPTCHA_REQUIRED, field=["captchaToken"])
    return True


async def record_failure(ports: Ports, knock: Knock) -> SignInFailure:
    """Write a wrong try down; the caller holds the door's locks."""
    require_transaction()
    return await SignInFailure.create(
        id=new_id(),
        phone_index=knock.phone_index,
        device_id=knock.device_id,
        network=knock.network,
        failed_at=ports.clock.now(),
    )


async def refuse_beyond_fuse(ports: Ports) -> None:
    """THROTTLED once all phones together have had the messages of an hour, so that nobody can spend the distributor's
    money. Locks, so the last thing before a message is decided on."""
    await lock_messages()
    now = ports.clock.now()
    most = ports.settings.sms_codes_per_hour
    first = await nth_message_at(most, now - rules.TOTAL_WINDOW)
    if first is not None:
        _log.error("no more codes this hour: the limit of all phones together is reached", limit=most)
        _refuse(rules.seconds_until(first + rules.TOTAL_WINDOW, now))


async def _is_suspicious(ports: Ports, knock: Knock) -> bool:
    now = ports.clock.now()
    asked, failed = await asked_lately(knock, now - rules.WINDOW), await _failed(knock, now)
    return rules.is_suspicious(
        asked.device, rules.DEVICE_LIMITS, failed.device.tries, rules.DEVICE_PATIENCE, now
    ) or rules.is_suspicious(asked.network, rules.NETWORK_LIMITS, failed.network.tries, rules.NETWORK_PATIENCE, now)


async def _failed(knock: Knock, now: datetime) -> Failed:
    return await failed_lately(
        knock,
        phone=now - rules.PHONE_PATIENCE.window,
        device=now - rules.DEVICE_PATIENCE.window,
        network=now - rules.NETWORK_PATIENCE.window,
    )


def _refuse(seconds: int) -> None:
    if seconds:
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=seconds)
