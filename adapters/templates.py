"""Templates: renders untrusted Jsonnet in a pool of confined worker processes.

The engine (gojsonnet, the one Kratos uses) is never loaded into the server: it has no limit of time or memory, some
inputs crash it, and a child forked after its use hangs. So each worker is a process of its own, given one second an
evaluation, then killed and replaced. Kratos does likewise.
"""

import asyncio
import json
import math
import os
import struct
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from limen.domain.templating import TemplateCanceled, TemplateFailed

WALL: Final = 1.0
"""Seconds an evaluation may take."""
START: Final = 10.0
"""Seconds a worker may take to start."""
MAX_DEPTH: Final = 64
MAX_CONTEXT: Final = 2 << 20
MAX_SOURCE: Final = 1 << 20
MAX_FRAME: Final = 2 << 20
"""Bytes of a worker's frame: its output, in which JSON may need six bytes for one."""
_WORKER: Final = Path(__file__).with_name("template_worker.py")


class TemplatePool:
    """Renders templates; as many at once as there are workers. Belongs to the loop that uses it first.

    Workers are started when they are first needed, about 50 ms and 25 MB each. `aclose` ends them.
    """

    def __init__(self, workers: int = 2, *, wall: float = WALL) -> None:
        self._wall = wall
        self._workers = [_Worker(wall) for _ in range(max(workers, 1))]
        self._idle = list(self._workers)
        # first come, first served; a queue lets who just finished go again before those who wait
        self._free = asyncio.Semaphore(len(self._workers))
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def render(self, source: str, ctx: Mapping[str, Any], *, name: str = "template") -> bytes:
        """The JSON text the template gives for `ctx`, as gojsonnet writes it (Kratos sends the same bytes).

        Raises `TemplateCanceled` for `error "cancel"`, else `TemplateFailed`; it names the template and line, and
        never a value of the context.
        """
        return await self._evaluate("render", source, ctx, name)

    async def map(self, source: str, claims: Mapping[str, Any], *, name: str = "mapper") -> bytes:
        """The JSON text a mapper gives, which finds what a provider said in `std.extVar("claims")` (Kratos').

        Raises like `render`.
        """
        return await self._evaluate("map", source, claims, name)

    async def _evaluate(self, mode: str, source: str, given: Mapping[str, Any], name: str) -> bytes:
        try:
            document = context_text(given)
        except ValueError as fault:
            raise TemplateFailed(f"{name}: {fault}") from None
        answer = await self._ask(mode, source, document)
        if "output" in answer:
            return str(answer["output"]).encode()
        if answer.get("canceled"):
            raise TemplateCanceled
        line = f":{answer['line']}" if answer.get("line") else ""
        raise TemplateFailed(f"{answer.get('kind', 'error')} at {name}{line}")

    async def fault(self, source: str, *, mapper: bool = False) -> str | None:
        """What is wrong with the template; None when it compiles. Its function is not called.

        A template that is no function is evaluated, which is all that will ever be done with it. `mapper`: it is one
        that `map` is to evaluate.
        """
        answer = await self._ask("check_map" if mapper else "check", source, "")
        if "output" in answer or answer.get("canceled"):
            return None
        return f"line {answer['line']}: {answer['kind']}" if answer.get("line") else str(answer.get("kind", "error"))

    async def aclose(self) -> None:
        """Ends the workers, those in the middle of a template too."""
        self._closed = True
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def resize(self, workers: int) -> None:
        """Has as many workers from now on. To be called before the pool is shared: no template may be under way."""
        if len(self._idle) < len(self._workers):
            raise RuntimeError("a template is under way: resize the pool before it is shared")
        wanted = max(workers, 1)
        kept, surplus = self._idle[-wanted:], self._idle[:-wanted]  # the last are those that have been started
        self._idle = [*(_Worker(self._wall) for _ in range(wanted - len(kept))), *kept]
        self._workers = list(self._idle)
        self._free = asyncio.Semaphore(wanted)
        await asyncio.gather(*(worker.stop() for worker in surplus))

    async def _ask(self, mode: str, source: str, document: str) -> dict[str, Any]:
        if self._closed:
            raise RuntimeError("the template pool is closed")
        if len(source) > MAX_SOURCE or "\0" in source:
            return {"kind": f"a template is text of at most {MAX_SOURCE} characters"}
        try:
            request = json.dumps([mode, source, document], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return {"kind": "half a surrogate pair in a string"}
        async with self._free:
            worker = self._idle.pop()
            try:
                return await worker.ask(request)
            finally:
                self._idle.append(worker)


class _NoWorkerError(Exception):
    """The process does not come up."""


class _Worker:
    """One process, started anew after it was killed."""

    def __init__(self, wall: float) -> None:
        self._wall = wall
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False

    async def ask(self, request: bytes) -> dict[str, Any]:
        """One evaluation. What goes wrong with the process is the template's fault, and its end."""
        answered = False
        try:
            process = await self._running()
            async with asyncio.timeout(self._wall):
                answer = await _exchange(process, request)
            answered = True
            return answer
        except _NoWorkerError:
            return {"kind": "the template worker does not start; is the package gojsonnet installed whole?"}
        except TimeoutError:
            return {"kind": f"it takes longer than {self._wall:g} s"}
        except (OSError, EOFError, ValueError):
            return {"kind": "it crashes the evaluation"}
        finally:
            # also when the caller was cancelled: an answer still to come must not be taken for the next one's
            if not answered:
                await self._kill()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        if self._stopped:
            raise RuntimeError("the template pool is closed")
        await self._kill()
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_WORKER),
            _extension(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a crash prints memory, which may hold the context
            env={"GOTRACEBACK": "none", "PATH": os.defpath},
            cwd="/",
        )
        try:
            async with asyncio.timeout(START):
                await _frame(process)
        except (TimeoutError, EOFError, OSError):
            await self._kill()
            raise _NoWorkerError from None
        return process

    async def stop(self) -> None:
        """Ends the process for good."""
        self._stopped = True
        await self._kill()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.shield(process.wait())


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(struct.pack(">I", len(request)) + request)
    await process.stdin.drain()
    return await _frame(process)


async def _frame(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
    if length > MAX_FRAME:
        raise ValueError("a frame that long is none of the worker's")
    value = json.loads(await process.stdout.readexactly(length))
    if not isinstance(value, dict):
        raise ValueError("a frame is an object")
    return value


def _extension() -> str:
    """Where the engine's extension module lies. Finding it does not load it."""
    spec = find_spec("_gojsonnet")
    if spec is None or spec.origin is None:
        raise _NoWorkerError
    return spec.origin


def context_text(ctx: Mapping[str, Any]) -> str:
    """The context as JSON text. Raises ValueError when it is too deep, too large, or holds what is not JSON."""
    _check(ctx, MAX_DEPTH)
    text = json.dumps(ctx, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_CONTEXT or len(text.encode("utf-8", "replace")) > MAX_CONTEXT:
        raise ValueError(f"the context has more than {MAX_CONTEXT} bytes")
    return text


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError(f"the context is nested deeper than {MAX_DEPTH}")
    match value:
        case str() | bool() | None:
            return
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError("the context has a key that is no string")
                _check(item, depth - 1)
        case list() | tuple():
            for item in value:
                _check(item, depth - 1)
        case int() | float():
            # Go reads every number as a float, and what does not fit one ends the process
            if not _fits(value):
                raise ValueError("the context has a number that is infinite or none")
        case _:
            raise ValueError(f"the context holds a {type(value).__name__}, which is not JSON")


def _fits(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False
