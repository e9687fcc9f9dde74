"""A server process of the tests' own, on loopback: it may be killed and started again on the same data and port."""

import atexit
import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 30
"""Seconds a server has to begin, or to end when it was asked to."""

GUARD = 'while read group; do now=$group; done; [ -z "$now" ] || kill -s KILL -- "-$now"; rm -rf -- "$1"'
"""Reads which process group runs now; when nobody is left to tell it, it ends that group and removes its files."""


class OwnServer:
    """A process group with a directory of its own, `home`, where `log` is what it has written.

    `answers` says whether it is ready; `environment` is all that it is given, None this process' own.
    All calls block for as long as they take, from any thread: a test whose loop must go on meanwhile uses
    `asyncio.to_thread`. A guard outlives the tests' process by a moment, however that ends, and takes the server with
    it; PR_SET_PDEATHSIG would end the server with the thread that started it, and spare its children.
    """

    def __init__(
        self,
        name: str,
        url: str,
        home: Path,
        command: Sequence[str],
        answers: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.url, self.home = name, url, home
        self._command, self._answers, self._environment = command, answers, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = -1  # a pipe that ends with the last process of the group, which may not be the one we wait for
        quiet = subprocess.DEVNULL
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(home)],
            stdin=subprocess.PIPE,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )

    def start(self) -> None:
        """Starts it, and returns when it answers. Raises RuntimeError, with the end of its log, when it does not."""
        assert self._process is None, f"{self.name} runs already"
        self._ended, held = os.pipe()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[held],
                start_new_session=True,
            )
        os.close(held)
        self._tell(str(self._process.pid))
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                code = self._process.returncode
                self.kill()
                outcome = "does not answer" if code is None else f"ended with code {code}"
                raise RuntimeError(f"{self.name} {outcome}; its log ends:\n{self.log()[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to all of it, as a crash would end it; its data stay. Nothing happens when it does not run."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end, and waits until it has; its data stay. Nothing happens when it does not run."""
        self._end(signal.SIGTERM)

    def log(self) -> str:
        """What it has written since the beginning, over all its lives."""
        return (self.home / "log").read_text(errors="replace")

    def close(self) -> None:
        """Ends it, and removes its directory."""
        self.kill()
        self._guard.communicate(timeout=PATIENCE)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)
        ended = select.poll()
        ended.register(self._ended)
        if not ended.poll(PATIENCE * 1000):
            os.killpg(self._process.pid, signal.SIGKILL)
            ended.poll(PATIENCE * 1000)
        os.close(self._ended)
        self._process.wait()
        self._process = None
        self._tell("")

    def _tell(self, group: str) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.write(f"{group}\n".encode())
        self._guard.stdin.flush()


@contextlib.contextmanager
def running(server: OwnServer) -> Iterator[OwnServer]:
    """Started, and gone afterwards with its data."""
    try:
        server.start()
        yield server
    finally:
        server.close()


def until_exit(server: OwnServer) -> str:
    """Started, and gone when this process ends; its URL."""
    atexit.register(server.close)
    server.start()
    return server.url


def new_home(name: str) -> Path:
    """A new directory for a server."""
    return Path(tempfile.mkdtemp(prefix=f"limen-{name}-"))


def free_port() -> int:
    """A port nobody listens on.

    It lies below those that the system lends to clients. One of these would be lost to any client while the server is
    down, and a client that dials again and again would sooner or later be lent that very port, and meet itself.
    """
    for _ in range(1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, random.randrange(10_000, 32_768)))
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port between 10000 and 32767")
