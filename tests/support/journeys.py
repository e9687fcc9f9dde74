"""Journeys: a house whose provider is where its configuration says, there only while somebody goes to it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.engine import House, JsonDict
from tests.support.provider import Abroad, LyingProvider, providers


def provider_section() -> JsonDict:
    """`selfservice.methods.oidc` with one provider, on a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{probe.getsockname()[1]}"
    (one,) = providers(issuer)
    return {"enabled": True, "config": {"providers": [one]}}


async def journey(house: House) -> Abroad:
    """Who goes there from this house; `there` brings the provider up."""
    desk = await house.engine.current()
    issuer: str = desk.rules.configuration.method("oidc").config["providers"][0]["issuer_url"]
    idp = LyingProvider(house.clock, port=int(issuer.rpartition(":")[2]))
    return Abroad(house, idp, idp)


@asynccontextmanager
async def there(abroad: Abroad) -> AsyncIterator[Abroad]:
    """The same, with the provider up."""
    async with abroad.idp:
        yield abroad
