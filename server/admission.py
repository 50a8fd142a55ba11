"""What stands between a request and its execution, the same over HTTP and on a socket.

`Gate.hear` says whether we are still patient with its sender, `Gate.admit` whether the document may run, the view or
the socket whose it is, and `charge_for` whether its values are right and can be afforded.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

import orjson

from kit.buckets import Bucket
from kit.errors import DomainError, ErrorCode, bad_input
from kit.settings import Settings
from server.answers import Answer
from server.api import schema
from server.bodies import MOST_BYTES, SMALL_BYTES, Malformed, too_large
from server.cost import price_of
from server.documents import Document, Operation, Refused, read_document, refuse_introspection
from server.identity import Identity, claims_behind
from server.refusals import Refusals
from server.request import GraphQLRequest
from server.trusted import Trusted
from server.variables import MOST_BATCH_VALUES, MOST_VALUES, settle_variables
from services.ports import Ports

BATCHES = frozenset({"reportProgress"})
"""What an operation holds whose body may be as large as a batch, and nothing else."""

PRICE_OF_BAD_VALUES = 200
VALUES_FOR_ONE = 10
"""Values in variables that cost as much as one row."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A document that may run, and what of it is to run."""

    document: Document
    operation: Operation


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request cost and what its caller has left, as answers show it."""

    requested: int
    remaining: int
    capacity: int
    refill_per_second: float

    def shown_in(self, answer: Answer) -> Answer:
        return {**answer, "extensions": self._extensions()}

    def put_in(self, frame: str) -> str:
        """The same in an answer that is JSON already."""
        return f'{frame[:-1]},"extensions":{orjson.dumps(self._extensions()).decode()}}}'

    def _extensions(self) -> Answer:
        cost = {
            "requested": self.requested,
            "remaining": self.remaining,
            "capacity": self.capacity,
            "refillPerSecond": self.refill_per_second,
        }
        return {"cost": cost}


class Gate:
    """Where requests come in: the trusted documents, and how patient this process still is with each sender."""

    def __init__(self, trusted: Trusted, settings: Settings) -> None:
        self.trusted = trusted
        self._refusals = Refusals(settings.sender_refusals, settings.sender_refusals_per_second)

    async def hear(self, sender: str, announced_bytes: int) -> None:
        """Before a body is read. THROTTLED if too much of this sender's was refused, unless it is a small one: that is
        soon read, and may ask for a trusted document."""
        if announced_bytes > SMALL_BYTES:
            await self._refusals.require_patience(sender)

    async def admit(self, ports: Ports, asked: GraphQLRequest, sender: str) -> Admitted:
        """The operation to execute. `Refused` if the document is not valid; QUERY_TOO_COMPLEX if it is too much;
        THROTTLED, for all but trusted documents as clients send them, if too much of this sender's was refused."""
        if not self.trusted.knows(asked.source):
            await self._refusals.require_patience(sender)
        try:
            return _admitted(ports, asked)
        except (Refused, DomainError):
            self._refusals.add(sender)
            raise

    @contextlib.contextmanager
    def blaming(self, sender: str) -> Iterator[None]:
        """Around what is only refused as malformed when somebody made it up: no app sends that."""
        try:
            yield
        except Malformed:
            self._refusals.add(sender)
            raise


async def sender_of(ports: Ports, authorization: str | None, address: str) -> str:
    """Who is answerable for a request before it is read: the member of a good token, else the network address.

    So a flood costs the member who sends it, and not the thousands who share an address of a mobile network with them.
    """
    if authorization is not None:
        with contextlib.suppress(DomainError):
            return f"member:{(await claims_behind(ports, authorization)).member_id}"
    return f"address:{network_of(address)}"


def _admitted(ports: Ports, asked: GraphQLRequest) -> Admitted:
    document = read_document(schema.graphql_schema, asked.source, asked.operation_name)
    operation = document.operation(asked.operation_name)
    refuse_introspection(operation, allowed=ports.settings.may_introspect)
    if asked.size_bytes > MOST_BYTES and not _is_batch(operation):
        raise too_large()
    return Admitted(document, operation)


async def charge_for(
    ports: Ports, asked: GraphQLRequest, admitted: Admitted, identity: Identity | None, address: str
) -> Charge:
    """Settle the values of the variables, and take the price of what is asked from the budget of the address and,
    signed in, from the member's. QUERY_TOO_COMPLEX if no request may cost as much, THROTTLED if a budget is spent.

    Nobody is exempt, admins neither: what a stolen token can do to others is worst with theirs.
    """
    settings = ports.settings
    buckets = [
        Bucket(f"address:{network_of(address)}", settings.address_budget, settings.address_budget_per_second),
    ]
    if identity is not None:
        member = f"member:{identity.actor.member_id}"
        buckets.append(Bucket(member, settings.member_budget, settings.member_budget_per_second))
    try:
        price = _price(asked, admitted, identity)
    except DomainError:
        await ports.buckets.take(buckets, PRICE_OF_BAD_VALUES, ports.clock.now())  # refusing them was work
        raise
    taken = await ports.buckets.take(buckets, price, ports.clock.now())
    if taken.wait_seconds is not None:
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=taken.wait_seconds)
    own = buckets[-1]
    return Charge(price, taken.left[-1], own.capacity, own.per_second)


def _is_batch(operation: Operation) -> bool:
    return operation.kind == "mutation" and operation.root_fields == BATCHES


def _price(asked: GraphQLRequest, admitted: Admitted, identity: Identity | None) -> int:
    if asked.size_bytes > MOST_BYTES and identity is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)  # reading so much is work, and done for members alone
    price = price_of(schema.graphql_schema, admitted.document, admitted.operation, asked.variables)
    if not asked.variables:
        return price
    found = settle_variables(asked.variables, MOST_BATCH_VALUES if _is_batch(admitted.operation) else MOST_VALUES)
    if found.too_long is not None and admitted.operation.kind != "mutation":
        raise bad_input(*found.too_long)
    return price + found.count // VALUES_FOR_ONE


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """The address as one caller: of IPv6 the first 64 bits, for everybody has all addresses behind them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False))
