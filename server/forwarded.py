"""Who really asks, when requests come through proxies."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

LONGEST_HEADER = 1000
LONGEST_HOP = 64
MOST_HOPS = 20

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that none of our proxies has; "" if nobody can say.

    `peer` is the other end of the connection, None on a Unix socket: a proxy on this machine, so trusted if any is.
    `forwarded` are the X-Forwarded-For headers in order. Each proxy adds on the right whom it heard from, so they are
    read from there, and only as long as it is a trusted proxy that speaks; what a client wrote itself lies further left
    and is never looked at. Where a proxy wrote something else than an address, nothing is believed but the peer.
    """
    near = read_address(peer) if peer is not None else None
    if not trusted or (peer is not None and not _is_trusted(near, trusted)):
        return str(near or peer or "")
    line = ",".join(forwarded)
    hops = line.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if line.strip() and len(line) <= LONGEST_HEADER else []
    found = near
    for hop in reversed(hops):
        found = read_address(hop)
        if found is None:
            return str(near or "")
        if not _is_trusted(found, trusted):
            break
    return str(found or "")


def read_address(text: str) -> Address | None:
    """The address in "1.2.3.4", "1.2.3.4:567", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:567"; None in anything
    else. An IPv4 address written as IPv6 is an IPv4 address."""
    text = text.strip(" \t")
    if len(text) > LONGEST_HOP or "%" in text:
        return None
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not _is_port(port)) or ":" not in host:
            return None
    else:
        host, port = text, ""
        if text.count(":") == 1:
            host, _, port = text.partition(":")
            if not _is_port(f":{port}"):
                return None
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_port(text: str) -> bool:
    digits = text[1:]
    return text[:1] == ":" and digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) < 2**16


def _is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)
