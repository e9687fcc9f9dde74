"""Another process with an engine on the same store: it does what it is told, when it is told, and says what came of it.

Run as `python -m tests.engine_robust.peer CONFIG URL` it reads one JSON line after the other, each a list of calls to
make at the same time, and answers each with one line of results. `Peer` is its other end.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limen.adapters import open_engine
from limen.domain.engine import Engine
from limen.domain.errors import LimenError, RequestRefused
from limen.domain.testing import MemoryCourier

ROOT = Path(__file__).parents[2]
LEAD = 0.05
"""Seconds between telling the peers and their doing it, so that all of them start at once."""

Call = tuple[str, dict[str, Any]]
Result = dict[str, Any]


async def do(engine: Engine, name: str, options: dict[str, Any]) -> Result:
    """One call; its outcome, or the name of what it raised."""
    try:
        if name == "register":
            flow = await engine.start("registration")
            return await do(engine, "submit", {"flow_id": str(flow.id), "method": "password", "values": options})
        if name == "sign_in":
            flow = await engine.start("login")
            return await do(engine, "submit", {"flow_id": str(flow.id), "method": "password", "values": options})
        if name == "settings":
            flow = await engine.start("settings", session_token=options["session_token"])
            return await do(engine, "submit", {"flow_id": str(flow.id), **options})
        if name == "submit":
            outcome = await engine.submit(options.pop("flow_id"), **options)
            shown = [message.id for message in outcome.flow.messages]
            identity = str(outcome.identity.id) if outcome.identity else None
            return {"state": outcome.state, "identity": identity, "token": outcome.session_token, "messages": shown}
        return {"answer": str(await getattr(engine, name)(**options))}
    except RequestRefused as refused:
        return {"raised": refused.id}
    except LimenError as error:
        return {"raised": type(error).__name__}


async def together(engine: Engine, calls: Sequence[Call]) -> list[Result]:
    """All of these at the same time."""
    return list(await asyncio.gather(*(do(engine, name, dict(options)) for name, options in calls)))


@dataclass
class Peer:
    """A process that was started."""

    process: asyncio.subprocess.Process

    async def tell(self, calls: Sequence[Call], at: float) -> list[Result]:
        """Makes the calls at an instant (`time.time`), and returns when all are done."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([at, calls]).encode() + b"\n")
        return list(await self._line())

    async def _line(self) -> Any:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        assert line, "the peer has died"
        return json.loads(line)

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Path, url: str) -> AsyncIterator["Peer"]:
        """A peer, ready; ended afterwards."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.engine_robust.peer", str(config), url, cwd=ROOT, stdin=pipe, stdout=pipe,
            limit=1 << 22,
        )  # fmt: skip
        peer = cls(process)
        try:
            assert await peer._line() == "ready"
            yield peer
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 30)


async def at_once(peers: Sequence[Peer], *calls: Sequence[Call]) -> list[Result]:
    """Tells the first peer the first calls, the second the second, all at the same instant; results in that order."""
    at = time.time() + LEAD
    results = await asyncio.gather(*(peer.tell(told, at) for peer, told in zip(peers, calls, strict=True)))
    return [result for listed in results for result in listed]


async def main(config: Any, url: str) -> None:
    """Serves until its input ends."""
    async with open_engine(config, url, settings={}, courier=MemoryCourier()) as engine:
        await engine.current()
        print(json.dumps("ready"), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            at, calls = json.loads(line)
            await asyncio.sleep(max(at - time.time(), 0))
            print(json.dumps(await together(engine, calls)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]))
