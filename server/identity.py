"""Whose request it is, from the bearer token."""

from dataclasses import dataclass, replace
from datetime import datetime

from auth.actor import Actor
from auth.tokens import Claims
from kit.errors import DomainError, ErrorCode
from server.documents import Operation
from services.accounts import visit_of
from services.ports import Ports
from services.progress import pay_if_due
from services.signing import claims_of

LONGEST_HEADER = 4 * 1024 + 16

OPEN_MUTATIONS = frozenset(
    {"requestSignInCode", "signInWithCode", "signInWithPassword", "refreshSession", "__typename"}
)
"""An operation with no other root field does not look at the token: it is how one gets a better one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A member with a good token, when that token ends, and when the credit that waits for them is to be paid."""

    actor: Actor
    expires_at: datetime
    credit_due_at: datetime | None


def is_open(operation: Operation) -> bool:
    return operation.kind == "mutation" and operation.root_fields <= OPEN_MUTATIONS


async def identify(ports: Ports, authorization: str | None, address: str) -> Identity | None:
    """The member behind an Authorization header that came from `address`; None if there is no header.

    UNAUTHENTICATED if the token is expired, revoked, malformed, or its member suspended: never a signed-out answer.
    """
    if authorization is None:
        return None
    claims = await claims_behind(ports, authorization)
    try:
        visit = await visit_of(ports, claims)
    except DomainError as error:
        if error.code is ErrorCode.UNAUTHENTICATED:
            ports.tokens.forget(_token_in(authorization))
        raise
    return Identity(replace(visit.actor, address=address), claims.expires_at, visit.credit_due_at)


async def claims_behind(ports: Ports, authorization: str) -> Claims:
    """What the token in an Authorization header says; whether it was revoked is not asked. UNAUTHENTICATED if it is
    expired or malformed."""
    return await claims_of(ports, _token_in(authorization))


async def actor_behind(ports: Ports, authorization: str | None, address: str) -> Actor | None:
    """Who acts by this header now; None without one. UNAUTHENTICATED as in `identify`."""
    identity = await identify(ports, authorization, address)
    return identity.actor if identity is not None else None


async def pay_what_is_due(ports: Ports, operation: Operation, identity: Identity | None) -> None:
    """Pay the member's pending credit before they are shown anything; a report pays it with its own, in its answer."""
    if identity is not None and operation.kind != "mutation":
        await pay_if_due(ports, identity.actor.member_id, identity.credit_due_at)


def _token_in(authorization: str) -> str:
    scheme, _, token = authorization[:LONGEST_HEADER].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    return token.strip()
