"""Engines that meet on one store: in this process and in others, at the same instant or one just before the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from limen.adapters import open_engine
from limen.domain.engine import Engine
from limen.domain.testing import MemoryCourier
from tests.engine_robust.peer import Call, Peer, Result, together
from tests.support.engine import PASSWORD


@asynccontextmanager
async def peers(count: int, config: dict[str, Any], url: str, tmp_path: Path) -> AsyncIterator[list[Peer]]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    async with open_engine(config, url, settings={}, worker=False) as engine:  # makes the tables before they meet
        await engine.current()
    opened = [Peer.open(path, url) for _ in range(count)]
    try:
        yield list(await asyncio.gather(*(peer.__aenter__() for peer in opened)))
    finally:
        await asyncio.gather(*(peer.__aexit__(None, None, None) for peer in opened))


def who(name: str) -> dict[str, Any]:
    return {"traits": {"email": f"{name}@example.org"}, "password": PASSWORD}


def login(name: str) -> dict[str, Any]:
    return {"identifier": f"{name}@example.org", "password": PASSWORD}


def states(results: list[Result]) -> list[str]:
    return sorted(result.get("state") or result["raised"] for result in results)


@asynccontextmanager
async def reader(config: dict[str, Any], url: str) -> AsyncIterator[Engine]:
    async with open_engine(config, url, settings={}, worker=False, courier=MemoryCourier()) as engine:
        await engine.current()
        yield engine


def overtake(engine: Engine, other: Engine, call: Call) -> None:
    """The engine's next append comes a moment late: another one has made a call before it."""
    store = engine.streams.store
    append = store.append

    async def late(step: Any) -> None:
        store.append = append  # type: ignore[method-assign]
        assert states(await together(other, [call])) == ["completed"]
        await append(step)

    store.append = late  # type: ignore[method-assign]
