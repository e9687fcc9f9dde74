"""A real RabbitMQ for tests: a server that is reachable, else a node of Debian's `rabbitmq-server`. It has no wheel."""

import contextlib
import functools
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pamqp import commands
from pamqp.frame import marshal, unmarshal

from tests.support.own_server import HOST, OwnServer, free_port, new_home, running, until_exit

VARIABLE = "LIMEN_TEST_RABBIT"
"""URL of a server where exchanges and queues may be declared, such as amqp://guest:guest@127.0.0.1:5672/."""

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not the one of that name in /usr/sbin: that changes to the user `rabbitmq`, and refuses all but root."""

BEGIN = f'epmd & until epmd -names >/dev/null 2>&1; do sleep 0.05; done; exec "{PROGRAM}"'
"""The node finds its epmd there. Else it would start one that leaves the process group, and outlives it."""


def rabbit_installed() -> bool:
    """Whether `own_rabbit` can give a node."""
    return PROGRAM.exists()


@functools.cache
def rabbit_url() -> str:
    """The URL of a server, which is looked for, or started, once a process. Skips the test where there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    return _url(5672) if _answers(5672) else until_exit(_server())


@contextlib.contextmanager
def own_rabbit() -> Iterator[OwnServer]:
    """A node of the test's own. It takes seconds to start; what it has confirmed of persistent messages outlives it.

    Skips the test where RabbitMQ is not installed.
    """
    with running(_server()) as server:
        yield server


def _server() -> OwnServer:
    """Its ports, files, cookie and epmd are its own: a node of the system is not touched, nor are its settings read."""
    if not rabbit_installed():
        pytest.skip(f"no RabbitMQ to start: rabbitmq-server is not installed; a server may be named in {VARIABLE}")
    home, port = new_home("rabbit"), free_port()
    (home / "plugins").write_text("[].\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": f"limen-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "none.env"),
        "RABBITMQ_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none.config"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    command = ["/bin/sh", "-c", BEGIN]
    return OwnServer("RabbitMQ", _url(port), home, command, functools.partial(_answers, port), environment)


def _url(port: int) -> str:
    return f"amqp://guest:guest@{HOST}:{port}/"


def _answers(port: int) -> bool:
    """Whether a RabbitMQ is there that lets the guest in: the whole handshake, up to the open connection."""
    login = commands.Connection.StartOk({}, "PLAIN", "\0guest\0guest", "en_US")
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        if isinstance(_received(connection), commands.Connection.Start):
            connection.sendall(marshal(login, 0))
        tune = _received(connection)
        if isinstance(tune, commands.Connection.Tune):
            agreed = commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0)
            connection.sendall(marshal(agreed, 0) + marshal(commands.Connection.Open("/"), 0))
        if isinstance(_received(connection), commands.Connection.OpenOk):
            connection.sendall(marshal(commands.Connection.Close(200, "", 0, 0), 0))
            return isinstance(_received(connection), commands.Connection.CloseOk)
    return False


def _received(connection: socket.socket) -> object:
    """The next frame; None at the end. A frame is seven bytes, as many as these say, and one at the end."""
    stream = connection.makefile("rb", buffering=0)
    head = stream.read(7) or b""
    if len(head) < 7:
        return None
    (length,) = struct.unpack(">I", head[3:])
    rest = b""
    while len(rest) <= length:
        more = stream.read(length + 1 - len(rest))
        if not more:
            return None
        rest += more
    return unmarshal(head + rest)[2]
