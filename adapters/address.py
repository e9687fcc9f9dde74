"""The address guard: where web hooks may go, judged by the address actually connected to.

Sources: IANA's special-purpose registries (RFC 6890), RFC 6598 (carrier-grade NAT), RFC 6052 (NAT64), RFC 3056 (6to4),
RFC 4380 (Teredo), and the providers' pages on their metadata services.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final, cast

import httpcore

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name, best first. Raises OSError when there are none."""

NEVER: Final = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "fe80::/10",
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "fd00:ec2::/32",  # AWS
        "fd20:ce::254/128",  # Google
        "fd00:42::42/128",  # Scaleway
    )
)
"""Link-local and cloud metadata addresses: refused whatever the configuration says."""
_NAT64: Final = ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ip_network("64:ff9b:1::/48")
_COMPATIBLE: Final = ip_network("::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


class AddressRefused(Exception):
    """The guard does not let this connection be made. `detail` names the kind of address, never the address."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


def refusal(text: str, *, private: bool) -> str | None:
    """Why an IP address may not be connected to; None when it may. `private`: private ranges are allowed."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        address = IPv6Address(int(address))
    for each in (address, *_embedded(address)):
        if any(each in network for network in NEVER):
            return "link-local and cloud metadata addresses are refused"
        if not private and not _public(each):
            return "private, loopback and reserved addresses are refused (clients.http.disallow_private_ip_ranges)"
    return None


def _public(address: Address) -> bool:
    # 0.0.0.0 and :: reach the machine itself; neither they nor carrier-grade NAT are global
    return address.is_global and not address.is_multicast and address not in _NAT64_LOCAL


def _embedded(address: Address) -> Iterator[Address]:
    """The IPv4 addresses an IPv6 address carries: what a translator or the kernel would connect to in its place."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or address in _NAT64_LOCAL or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield last
    if address in _COMPATIBLE and number > 1:
        yield last


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, asked of the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, refuses it if any of its addresses is refused, and connects to what was checked.

    So a name that resolves differently the second time gains nothing. Host header and TLS keep the name.
    """

    def __init__(self, *, private: bool, resolver: Resolver = resolve) -> None:
        self._private = private
        self._resolver = resolver
        self._backend = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """One connection, tried at each address in turn."""
        try:
            addresses = await self._resolver(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host name does not resolve") from None
        for address in addresses:
            why = refusal(address, private=self._private)
            if why is not None:
                raise AddressRefused(why)
        fault: Exception = httpcore.ConnectError("the host name does not resolve")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                fault = failed
        raise fault

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Not a place a web hook goes to."""
        raise AddressRefused("only http and https are called")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._backend.sleep(seconds)
