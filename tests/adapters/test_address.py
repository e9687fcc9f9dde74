"""The address guard: which addresses a web hook may reach, whatever spelling or name leads there."""

from collections.abc import Sequence

import httpcore
import pytest

from limen.adapters.address import AddressRefused, GuardedBackend, refusal, resolve
from limen.adapters.sink import Sink

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fe80::a9fe:a9fe%1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "2001:db8::5efe:169.254.169.254",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0.0.0.0",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "2a00::5efe:10.0.0.1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("private", [True, False])
def test_link_local_and_metadata_are_always_refused(address: str, private: bool) -> None:
    assert refusal(address, private=private) is not None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_ranges_are_refused_when_they_are_disallowed(address: str) -> None:
    assert refusal(address, private=False) is not None
    assert refusal(address, private=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ones_never(address: str) -> None:
    assert refusal(address, private=False) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "::1"])
async def test_every_spelling_of_loopback_is_judged_by_what_it_resolves_to(host: str) -> None:
    with pytest.raises(AddressRefused, match="private"):
        await GuardedBackend(private=False).connect_tcp(host, 80, timeout=5)


async def test_a_name_with_one_refused_address_is_refused() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["8.8.8.8", "169.254.169.254"]

    with pytest.raises(AddressRefused, match="metadata"):
        await GuardedBackend(private=True, resolver=resolver).connect_tcp("mixed.example", 80, timeout=5)


async def test_a_dead_address_is_passed_over_for_the_next() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["127.77.77.77", "127.0.0.1"]

    async with Sink() as sink:
        port = int(sink.url.rpartition(":")[2])
        stream = await GuardedBackend(private=True, resolver=resolver).connect_tcp("two.example", port, timeout=5)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        await stream.aclose()


async def test_a_name_that_does_not_resolve_is_a_connection_fault() -> None:
    with pytest.raises(httpcore.ConnectError, match="does not resolve"):
        await GuardedBackend(private=True).connect_tcp("no-such-host.invalid", 80, timeout=5)


async def test_the_system_is_asked_once_for_each_address() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


async def test_unix_sockets_are_no_place_for_a_web_hook() -> None:
    with pytest.raises(AddressRefused):
        await GuardedBackend(private=True).connect_unix_socket("/run/docker.sock")
