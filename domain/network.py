"""The network a client calls from: the part of its address that flows can be found by.

A /24 of IPv4, a /48 of IPv6: what is handed out to a site, so one person in a café is not told from the next. Events
carry its keyed hash alone (under the store's pepper, apart from those of identifiers): there are only 2**24 networks
of IPv4, and a plain hash would be tried out in seconds.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from limen.domain.ports import Keyring

LENGTHS = {4: 24, 6: 48}
"""Bits that are kept, by version of IP."""

_MAPPED = 96
"""Bits that say an address of IPv6 stands for one of IPv4 (RFC 4291 §2.5.5.2)."""


def network_of(address: str | None) -> str | None:
    """`203.0.113.0/24`, or `2001:db8:1::/48`; None for what is no address. One of IPv4 within IPv6 is one of IPv4."""
    try:
        return _cut(ip_address((address or "").strip()))
    except ValueError:
        return None


def network_asked(text: str) -> str:
    """The network that an address lies in, or that a prefix names. Raises `ValueError` for all else."""
    address, slash, _ = text.strip().partition("/")
    try:
        cut = _cut(ip_address(address))
        length = ip_network(text.strip(), strict=False).prefixlen if slash else None
    except ValueError:
        raise ValueError(f"'{text}' is neither an IP address nor a prefix") from None
    kept = int(cut.rpartition("/")[2])
    if length is not None and ":" in address and ":" not in cut:
        length -= _MAPPED
    if length not in (None, kept):
        raise ValueError(f"'{text}': of addresses the /24 (IPv4) or /48 (IPv6) is kept that they lie in; ask for {cut}")
    return cut


def hashed(keyring: Keyring, network: str | None) -> UUID | None:
    """The keyed hash of a network, as events carry it."""
    return keyring.derive("network", network) if network is not None else None


def _cut(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = LENGTHS[address.version]
    dropped = address.max_prefixlen - length
    return f"{type(address)(int(address) >> dropped << dropped)}/{length}"
