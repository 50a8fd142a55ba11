"""What stands between a request that could be read and its execution, the same over HTTP and on a socket.

admitted = admit(ports, asked)                                  # is it acceptable, and what does it cost
identity = ...                                                  # whose is it
charge = await charge_for(ports, admitted.price, identity, address)   # can they afford it
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from kit.buckets import Bucket
from kit.errors import DomainError, ErrorCode, bad_input
from server.answers import Answer
from server.api import schema
from server.cost import price_of
from server.documents import Operation, read_document, refuse_introspection
from server.identity import Identity
from server.request import GraphQLRequest
from services.ports import Ports


@dataclass(frozen=True, slots=True)
class Admitted:
    operation: Operation
    price: int


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request cost and what its caller has left, as answers show it."""

    requested: int
    remaining: int
    capacity: int
    refill_per_second: float

    def shown_in(self, answer: Answer) -> Answer:
        cost = {
            "requested": self.requested,
            "remaining": self.remaining,
            "capacity": self.capacity,
            "refillPerSecond": self.refill_per_second,
        }
        return {**answer, "extensions": {"cost": cost}}


def admit(ports: Ports, asked: GraphQLRequest) -> Admitted:
    """The operation to execute and its price.

    `Refused` if the document is not valid; QUERY_TOO_COMPLEX if it, or what it asks for, is too much.
    """
    document = read_document(schema.graphql_schema, asked.source, asked.operation_name)
    operation = document.operation(asked.operation_name)
    refuse_introspection(operation, allowed=ports.settings.may_introspect)
    if asked.too_long is not None and operation.kind != "mutation":
        raise bad_input(*asked.too_long)
    return Admitted(operation, price_of(schema.graphql_schema, document, operation, asked.variables))


async def charge_for(ports: Ports, price: int, identity: Identity | None, address: str) -> Charge:
    """Take the price from the address's budget and, signed in, from the member's. THROTTLED if either is spent.

    Nobody is exempt, admins neither: what a stolen token can do to others is worst with theirs.
    """
    settings = ports.settings
    buckets = [
        Bucket(f"address:{network_of(address)}", settings.address_budget, settings.address_budget_per_second),
    ]
    if identity is not None:
        member = f"member:{identity.actor.member_id}"
        buckets.append(Bucket(member, settings.member_budget, settings.member_budget_per_second))
    taken = await ports.buckets.take(buckets, price, ports.clock.now())
    if taken.wait_seconds is not None:
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=taken.wait_seconds)
    own = buckets[-1]
    return Charge(price, taken.left[-1], own.capacity, own.per_second)


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
