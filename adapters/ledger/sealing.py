"""Sealing in the process of an engine, as its settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limen.adapters.keyring import Keys
from limen.adapters.ledger.key import seed_of
from limen.adapters.ledger.ledger import Ledger
from limen.adapters.ledger.opening import open_ledger
from limen.adapters.ledger.sealer import Sealer
from limen.adapters.store import LogStore
from limen.domain.configuration import LedgerSettings
from limen.domain.ports import Clock


@asynccontextmanager
async def sealing(
    store: LogStore, url: str, settings: LedgerSettings, keys: Keys, clock: Clock
) -> AsyncIterator[Sealer | None]:
    """A sealer at work on an open store; None where the settings want none, or where the log ends with the process."""
    if not settings.seal or store.kind == "memory":
        yield None
        return

    def opened() -> Ledger:
        return open_ledger(url, write=True, log=store.application)

    async def seed() -> bytes:
        return await seed_of(settings, keys)

    async with Sealer(opened, seed, clock, settings, threaded=store.kind == "postgresql") as sealer:
        yield sealer
