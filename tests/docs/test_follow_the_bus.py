"""The tutorial on following the bus does what it says: its transcript, its consumer, its kill."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.opening import open_relay
from limen.adapters.demo import Scene, play
from tests.docs.test_pages import ROOT, program
from tests.support.brokers import own_nats
from tests.support.cli import clean_env

PAGE = "docs/tutorials/follow-the-bus.md"
SERVER = "nats://127.0.0.1:4222"


@asynccontextmanager
async def counter(folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """The consumer of the page at work; it is killed at the end. Gives what it prints."""
    pipe = asyncio.subprocess.PIPE
    consumer = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "counter.py", cwd=folder, env=clean_env(), stdout=pipe
    )
    assert consumer.stdout is not None
    try:
        yield consumer.stdout
    finally:
        consumer.kill()
        await consumer.wait()


async def printed(lines: asyncio.StreamReader) -> list[str]:
    """The next lines: one for each login of a demo. A person's id is not looked at."""
    async with asyncio.timeout(60):
        found = [(await lines.readline()).decode().strip() for _ in range(4)]
    return [re.sub(r"[0-9a-f-]{36}", "…", line) for line in found]


async def test_its_consumer_keeps_its_place_and_its_count_when_it_is_killed(tmp_path: Path) -> None:
    page = re.sub(r"[0-9a-f-]{36}", "…", (ROOT / PAGE).read_text())
    store, seen = f"sqlite:///{tmp_path}/limen.db", []
    with own_nats() as server:
        (tmp_path / "counter.py").write_text(program(PAGE).replace(SERVER, server.url))

        async def demo() -> None:
            assert not (await play(Scene(tmp_path / "demo"), store)).failed

        await demo()
        with open_relay(store, Destination(BusAddress.of(server.url))) as relay:
            async with relay:
                async with counter(tmp_path) as lines:
                    seen.append(await printed(lines))
                    await demo()
                    seen.append(await printed(lines))
                await demo()
                async with counter(tmp_path) as lines:
                    seen.append(await printed(lines))
    logins = ("password {}", "code: time for a password, …", "oidc {}", "totp {}")
    assert seen == [[login.format(number) for login in logins] for number in (1, 2, 3)]
    assert all("\n".join(lines) in page for lines in seen)
