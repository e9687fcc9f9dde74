"""Consumers of another make, one for each bus: they know the committed AsyncAPI document, and nothing of limen."""

import ast
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http, kafka, rabbitmq

from limen.adapters import open_log
from limen.adapters.bus.publishing import _HOMES
from limen.adapters.log import LogEntry
from tests.support.brokers import own_kafka, own_nats, own_rabbit, own_redis
from tests.support.cli import ROOT, clean_env, spawned
from tests.support.engine import ADA, ignore, open_house

PROGRAM = ROOT / "tests" / "support" / "independent.py"
CONTRACT = ROOT / "docs" / "reference" / "bus" / "asyncapi.json"
CHANNEL, TYPE = "login.completed", "limen.login.completed"
SERVERS: Mapping[str, Callable[[], contextlib.AbstractContextManager[Any]]] = {
    "nats": own_nats,
    "rabbit": own_rabbit,
    "redis": own_redis,
    "kafka": own_kafka,
}
"""A server of the test's own for each: under the default names it would meet others on a shared one."""


@dataclass(frozen=True)
class Log:
    """A store, and what is in it."""

    url: str
    entries: list[LogEntry]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A person registers, signs in three times and recovers; then there is nobody any more."""
    url = f"sqlite:///{tmp_path_factory.mktemp('independent')}/limen.db"

    async def happens() -> None:
        async with open_house({"registration.after.password": [ignore("/welcome", id="welcome")]}, store=url) as house:
            person = (await house.register()).identity
            for password in (None, "not the one", None, None):
                await house.sign_in(**({} if password is None else {"password": password}))
            await house.give_code(await house.ask_code("recovery"))
            await house.until("DeliveryDelivered", 2)
            assert person is not None
            await house.engine.erase(person.id)

    asyncio.run(happens())
    with open_log(url) as reader:
        return Log(url, list(reader.events()))


class Consumer:
    """A process of its own that reads a bus by the contract, as one who has no limen would."""

    def __init__(self, url: str, count: int, *channel: str) -> None:
        command = [sys.executable, "-I", str(PROGRAM), url, str(CONTRACT), str(count), *channel]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_env()
        )

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "ready\n", self._process.communicate()[1]

    def read(self) -> list[dict[str, Any]]:
        """What it has printed when it has seen as many as it was told."""
        out, err = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def consumers(url: str, log: Log) -> Iterator[tuple[Consumer, Consumer]]:
    """One for everything, and one for a single channel."""
    logins = sum(entry.type == "FlowCompleted" for entry in of_logins(log))
    everything, single = Consumer(url, len(log.entries)), Consumer(url, logins, CHANNEL)
    try:
        for one in (everything, single):
            one.wait_until_ready()
        yield everything, single
    finally:
        for one in (everything, single):
            one.end()


def of_logins(log: Log) -> list[LogEntry]:
    flows = {entry.stream for entry in log.entries if entry.type == "FlowInitiated" and entry.data["kind"] == "login"}
    return [entry for entry in log.entries if entry.stream in flows]


def read_by_sdk(bus: str, line: Mapping[str, Any]) -> BaseCloudEvent:
    """The event as the CloudEvents SDK reads it, by the binding of that bus."""
    headers, body = line["headers"], line["data"].encode()
    if bus == "rabbit":
        return rabbitmq.from_binary_event(rabbitmq.RabbitMQMessage(headers, line["content"], body))
    if bus == "kafka":
        raw = {name: value.encode() for name, value in headers.items()}
        return kafka.from_binary_event(kafka.KafkaMessage(raw, headers["ce_partitionkey"], body))
    return http.from_binary_event(http.HTTPMessage(headers, body))


def test_there_is_one_for_every_bus() -> None:
    assert SERVERS.keys() == _HOMES.keys()


def test_it_knows_nothing_of_limen() -> None:
    tree = ast.parse(PROGRAM.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.split(".")[0] in ("limen", "tests")]
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    words = {text for text in texts if "\n" not in text and ("limen" in text or text.startswith("ce"))}
    assert words == {"x-limen"}  # where the document tells the names


@pytest.mark.parametrize("bus", SERVERS)
def test_it_gets_everything_in_order_by_the_document_alone(bus: str, log: Log, tmp_path: Path) -> None:
    with SERVERS[bus]() as server, consumers(server.url, log) as (everything, single):
        ran = spawned("relay", "--once", "--bus", server.url, "--store", log.url, "--name", bus, cwd=tmp_path)
        assert ran.code == 0, ran.err
        lines, logins = everything.read(), single.read()
    told = [(read_by_sdk(bus, line), json.loads(line["data"])) for line in lines]
    assert {str(event.get_id()) for event, _ in told} == {f"{one.stream}:{one.version}" for one in log.entries}
    for stream in {entry.stream for entry in log.entries}:
        expected = [entry for entry in log.entries if entry.stream == stream]
        came = [(event, data) for event, data in told if event.get_subject() == str(stream)]
        assert [int(event.get_extension("sequence")) for event, _ in came] == [entry.version for entry in expected]
        assert [data for _, data in came] == [sent(entry) for entry in expected]
    conform(told)
    assert [read_by_sdk(bus, line).get_type() for line in logins] == [TYPE] * 3
    assert ADA not in json.dumps(lines)


def sent(entry: LogEntry) -> dict[str, Any]:
    """The data of an event on its way: what is sealed in the log is left out."""
    shown = {name: value for name, value in entry.data.items() if value not in ({"sealed": True}, {"erased": True})}
    body = entry.body()
    return {"originator_id": body["stream"], "originator_version": entry.version, "timestamp": body["time"], **shown}


def conform(told: list[tuple[BaseCloudEvent, dict[str, Any]]]) -> None:
    """Each has the form that the document gives for its schema's name."""
    document = json.loads(CONTRACT.read_text())
    schemas = {one["$id"]: one for one in document["components"]["schemas"].values() if "$id" in one}
    validators = {name: jsonschema_rs.validator_for(schema) for name, schema in schemas.items()}
    for event, data in told:
        validators[str(event.get_dataschema())].validate(data)
        assert event.get_type() in {one["title"] for one in document["channels"].values()}
