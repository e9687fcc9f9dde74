"""A web hook's target on loopback: answers as it is told, keeps what it got. For the demo and for tests."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urlsplit

Fault = Literal["close", "halfway", "garbage", "flood", "drip", "hang"]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: `target` is path and query, headers in order, `at` seconds on the monotonic clock."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int
    """Which of the sink's connections it came on, from 1: shows whether connections are reused."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for held, value in self.headers if held.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, `delay` seconds after the request came.

    `fault` breaks it: `close` answers nothing, `halfway` closes in the middle of the body, `garbage` is not HTTP,
    `flood` never ends, `drip` sends a byte every 50 ms, `hang` says nothing and stays.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    delay: float = 0.0
    fault: Fault | None = None


Script = Reply | Sequence[Reply] | Callable[[Received], Reply]


class Sink:
    """An HTTP/1.1 server on a free port of 127.0.0.1. `received` holds every request in the order of arrival."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.received: list[Received] = []
        self._scripts: dict[str, Script] = {}
        self._tls = tls
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def script(self, path: str, script: Script) -> None:
        """What is answered on a path: always the same, one after the other (the last stays), or by a function."""
        self._scripts[path] = script

    def of(self, path: str) -> list[Received]:
        """The requests that came to a path."""
        return [request for request in self.received if request.path == path]

    async def wait(self, count: int, *, within: float = 5.0) -> list[Received]:
        """Returns when `count` requests have come. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return self.received

    def _reply(self, request: Received) -> Reply:
        script = self._scripts.get(request.path, Reply())
        if isinstance(script, Reply):
            return script
        if callable(script):
            return script(request)
        if len(script) > 1:
            self._scripts[request.path] = script[1:]
        return script[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        task = asyncio.ensure_future(self._serve(reader, writer, self._connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            async for request in _requests(reader, connection):
                self.received.append(request)
                async with self._arrived:
                    self._arrived.notify_all()
                if not await _send(writer, self._reply(request), request.method):
                    break
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()


async def _requests(reader: asyncio.StreamReader, connection: int) -> AsyncIterator[Received]:
    """The requests of one connection, until it ends."""
    while True:
        letter = await reader.read(1)
        if not letter.isalpha():
            return  # the end, or a TLS greeting, in which a line may never end
        start = (letter + await reader.readline()).decode("latin-1").split()
        if len(start) != 3:
            return
        headers: list[tuple[str, str]] = []
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        yield Received(start[0], start[1], tuple(headers), body, time.monotonic(), connection)


async def _send(writer: asyncio.StreamWriter, reply: Reply, method: str) -> bool:
    """Sends the reply; False when the connection is to be closed after it."""
    await asyncio.sleep(reply.delay)
    if reply.fault == "close":
        return False
    if reply.fault == "hang":
        await asyncio.sleep(3600)
    if reply.fault == "garbage":
        writer.write(b"\x00\xff this is not HTTP\r\n\r\n" * 3)
        await writer.drain()
        return False
    body = b"" if method == "HEAD" or reply.status in (204, 304) else reply.body
    length = len(body) + (1 << 30 if reply.fault == "flood" else 10 if reply.fault == "halfway" else 0)
    framing = [] if reply.status in (204, 304) else [("Content-Length", str(length))]
    lines = [f"HTTP/1.1 {reply.status} Reply", *(f"{name}: {value}" for name, value in (*reply.headers, *framing))]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if reply.fault == "drip":
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
        return True
    writer.write(body)
    await writer.drain()
    while reply.fault == "flood":
        writer.write(b"x" * 65536)
        await writer.drain()
    return reply.fault is None
