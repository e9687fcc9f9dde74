"""Child: a process of the demo's own, which ends with the demo, however that ends."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final, Self

PATIENCE_SECONDS: Final = 5.0
"""How long it has to end when it is asked to."""

GUARD: Final = """
home=$1; shift
"$@" </dev/null &
exec >/dev/null 2>&1
read -r _; kill "$!"; wait "$!"
[ -z "$home" ] || rm -rf -- "$home"
"""
"""Runs a command until nobody holds the other end of the standard input; then ends it and removes its home."""


class Child:
    """A command in a session of its own, so that Ctrl-C reaches the demo alone, with a guard beside it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *command: str, home: Path | None = None) -> Self:
        """Starts it. `home` is removed when it has ended, killed or not."""
        guarded: Sequence[str] = ("/bin/sh", "-c", GUARD, "guard", str(home or ""), *command)
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*guarded, stdin=pipe, stdout=pipe, start_new_session=True))

    async def lines(self) -> AsyncIterator[str]:
        """What it writes, line by line; ends when the command has."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield line.decode(errors="replace").rstrip()

    async def kill(self) -> None:
        """SIGKILL, as a crash would end it. Harmless when repeated."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def end(self) -> None:
        """Asks it to end, and waits until it has. Harmless when repeated."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
