"""`limen relay` and `limen bus`, as processes and in this one."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import pytest

from limen.adapters.bus.nats import streams as jetstream
from limen.domain.events import SessionRevoked
from tests.support.brokers import nats_url
from tests.support.bus import new_topic, publish, publishing, revoked, router_of
from tests.support.cli import clean_env, invoked, spawned
from tests.support.engine import open_house


@pytest.fixture
async def store(tmp_path: Path) -> str:
    """A store with one registration in it."""
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(store=url) as house:
        await house.register()
    return url


@pytest.fixture
async def topic() -> AsyncIterator[str]:
    topic = new_topic()
    yield topic
    client = await nats.connect(nats_url())
    for stream in (topic, jetstream.dead_stream(topic)):
        try:
            await client.jetstream().delete_stream(stream)
        except nats.js.errors.NotFoundError:
            continue
    await client.close()


def test_once_publishes_what_is_there_and_ends(store: str, topic: str, tmp_path: Path) -> None:
    ran = spawned("relay", "--once", "--store", store, "--bus", nats_url(), "--topic", topic, cwd=tmp_path)
    assert ran.code == 0
    assert "events published" in ran.out
    status = spawned("bus", "status", "--store", store, "--json", cwd=tmp_path)
    (row,) = status.json
    assert row["lag"] == 0
    assert row["position"] == row["head"] > 0
    assert row["active"] is False
    again = spawned("relay", "--once", "--store", store, "--bus", nats_url(), "--topic", topic, "--json", cwd=tmp_path)
    assert again.lines[-1]["sent"] == 0


@pytest.fixture
def running(store: str, topic: str, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A relay at work, in a process of its own."""
    command = [sys.executable, "-m", "limen.adapters.cli", "relay", "--json", "--store", store, "--bus", nats_url()]
    child = subprocess.Popen(
        [*command, "--topic", topic], cwd=tmp_path, env=clean_env(), stdout=subprocess.PIPE, text=True
    )
    yield child
    child.kill()
    child.communicate()


def test_a_relay_shows_how_it_stands_and_ends_in_peace_when_it_is_told_to(
    running: "subprocess.Popen[str]", store: str
) -> None:
    assert running.stdout is not None
    body: dict[str, Any] = {}
    while body.get("state") != "up to date":
        body = json.loads(running.stdout.readline())
    assert body["position"] == body["head"]
    (row,) = invoked("bus", "status", "--store", store, "--json").json
    assert row["active"] is True
    table = invoked("bus", "status", "--store", store)
    assert "at work" in table.out
    running.send_signal(signal.SIGTERM)
    rest = running.communicate(timeout=30)[0]
    assert running.returncode == 0
    assert json.loads(rest.splitlines()[-1])["state"] == "ended"


def test_a_killed_relay_leaves_its_seat(running: "subprocess.Popen[str]", store: str) -> None:
    assert running.stdout is not None
    while json.loads(running.stdout.readline())["state"] not in ("relaying", "up to date"):
        pass
    running.kill()
    running.wait()
    for _ in range(100):
        (row,) = invoked("bus", "status", "--store", store, "--json").json
        if not row["active"]:
            return
        time.sleep(0.05)
    raise AssertionError("the seat of a dead relay is still taken")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "name the bus"),
        (("--bus", "memory:"), "one process"),
        (("--bus", "mqtt://ada:hunter2@host"), "names no bus"),
        (("--bus", "nats://ada:hunter2@host", "--type", "Nothing"), "no event type"),
        (("--bus", "nats://ada:hunter2@host", "--flow", "logon"), "no flow"),
        (("--bus", "nats://ada:hunter2@host", "--format", "xml"), "no format"),
        (("--bus", "nats://ada:hunter2@host", "--topic", "a.b"), "topic"),
    ],
)
def test_wrong_use_is_told_without_a_secret(options: tuple[str, ...], word: str, store: str) -> None:
    ran = invoked("relay", "--store", store, *options)
    assert ran.code == 2
    assert word in " ".join(ran.err.split())
    assert "hunter2" not in ran.err + ran.out


async def test_dead_letters_are_listed(topic: str) -> None:
    router = router_of(nats_url(), topic)

    @router.on(SessionRevoked, id="fragile")
    def fragile() -> None:
        raise ValueError("no such customer")

    stream = uuid4()
    async with router, publishing(nats_url(), topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        while not await router.dead():  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.01)
    ran = spawned("bus", "dead", "--group", "crm", "--bus", nats_url(), "--topic", topic, "--json", cwd=Path.cwd())
    (letter,) = ran.json
    assert letter["id"] == f"{stream}:1"
    assert letter["handler"] == "SessionRevoked=fragile"
    assert letter["error"] == "ValueError: no such customer"
    shown = spawned("bus", "dead", "--group", "crm", "--bus", nats_url(), "--topic", topic, cwd=Path.cwd())
    assert "no such customer" in shown.out
