"""A client's network is the /24 or /48 its address lies in; what is no address has none."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from limen.domain.network import network_asked, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        (" 203.0.113.255 ", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("2001:DB8:0001::", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
    assert network_asked(address) == network


@pytest.mark.parametrize(
    "text", ["", None, "unknown", "203.0.113.7:443", "[::1]", "203.0.113.07", "1.2.3", "203.0.113.7, 10.0.0.1", "\x00"]
)
def test_what_is_no_address_has_no_network(text: str | None) -> None:
    assert network_of(text) is None
    with pytest.raises(ValueError, match="neither an IP address nor a prefix"):
        network_asked(text or "")


@over(st.ip_addresses())
def test_the_network_is_the_one_the_standard_library_says(address: IPv4Address | IPv6Address) -> None:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    assert network_of(str(address)) == str(ip_network((address, 24 if address.version == 4 else 48), strict=False))


def test_a_prefix_is_one_that_is_kept() -> None:
    assert network_asked("203.0.113.0/24") == "203.0.113.0/24"
    assert network_asked("203.0.113.9/24") == "203.0.113.0/24"
    assert network_asked("2001:db8:1::/48") == "2001:db8:1::/48"
    assert network_asked("::ffff:203.0.113.0/120") == "203.0.113.0/24"
    for other in ("203.0.113.0/25", "203.0.0.0/16", "203.0.113.7/32", "2001:db8::/32", "2001:db8:1::/64"):
        with pytest.raises(ValueError, match=r"the /24 \(IPv4\) or /48 \(IPv6\)"):
            network_asked(other)
    for nothing in ("203.0.113.0/33", "203.0.113.0/", "203.0.113.0/24/24"):
        with pytest.raises(ValueError, match="neither an IP address nor a prefix"):
            network_asked(nothing)
