"""Whose address a request has when proxies stand in front, and what of it anybody can make up."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.forwarded import client_address, read_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
PROXY, CLIENT = "10.0.0.1", "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        (CLIENT, [], CLIENT),
        (CLIENT, ["198.51.100.1"], CLIENT),  # said by somebody who is no proxy of ours
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}"], CLIENT),  # the client wrote the first itself
        (PROXY, ["198.51.100.1", CLIENT], CLIENT),
        (PROXY, [f"{CLIENT}, 10.9.9.9"], CLIENT),
        (PROXY, [f"10.1.1.1,{CLIENT},10.9.9.9"], CLIENT),
        (PROXY, ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        (PROXY, [f"nonsense, {CLIENT}"], CLIENT),
        (PROXY, [f", {CLIENT}"], CLIENT),
        (PROXY, [f"{CLIENT}, nonsense"], PROXY),
        (PROXY, [f"{CLIENT}, unknown, 10.9.9.9"], PROXY),
        (PROXY, [f"{CLIENT},"], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, [" "], PROXY),
        (PROXY, [f"{CLIENT}:4711"], CLIENT),
        (PROXY, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (PROXY, ["[2001:db8::7]"], "2001:db8::7"),
        (PROXY, ["2001:DB8:0::7"], "2001:db8::7"),
        (PROXY, ["::ffff:203.0.113.7"], CLIENT),
        (PROXY, ["x" * 1001], PROXY),
        (PROXY, [",".join(["10.2.2.2"] * 30)], "10.2.2.2"),
        ("::ffff:10.0.0.1", [CLIENT], CLIENT),
        ("fd00::1", [CLIENT], CLIENT),
        ("::ffff:203.0.113.7", ["198.51.100.1"], CLIENT),
        (None, [CLIENT], CLIENT),
        (None, [f"198.51.100.1, {CLIENT}"], CLIENT),
        (None, [], ""),
        (None, ["nonsense"], ""),
        ("testclient", [CLIENT], "testclient"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_is_the_clients(
    peer: str | None, forwarded: list[str], found: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == found


@pytest.mark.parametrize("peer", [PROXY, CLIENT, None])
def test_without_proxies_the_header_is_nobodys(peer: str | None) -> None:
    assert client_address(peer, [CLIENT], []) == (peer or "")


@pytest.mark.parametrize(
    "text",
    [
        "", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:99999",
        "1.2.3.4:-1", "1.2.3.4:١", "[1.2.3.4]", "[1.2.3.4]:80", "[::1", "::1]", "[::1]80", "[::1]:", "fe80::1%eth0",
        "[fe80::1%eth0]", "1.2.3.4/32", "1.2.3.4 5.6.7.8", "for=1.2.3.4", '"1.2.3.4"', "1", "0x7f000001",
        "::1" + " " * 80 + "x", "1.2.3.4\n",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None


@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=40), max_size=5), st.ip_addresses())
def test_nothing_a_client_writes_itself_moves_the_address_that_a_proxy_saw(written: list[str], seen) -> None:
    line = ", ".join([*written, str(seen)])
    if any(seen in network for network in PROXIES) or len(line) > 1000:
        return

    found = client_address(PROXY, [line], PROXIES)

    assert ip_address(found) == (getattr(seen, "ipv4_mapped", None) or seen)


@given(st.lists(st.text(st.characters(codec="latin-1")), max_size=3))
def test_whatever_a_proxy_writes_gives_an_address(written: list[str]) -> None:
    assert ip_address(client_address(PROXY, written, PROXIES))
