"""What RabbitMQ makes of the bus: what lies on the server, what its failures lose, and how a group agrees."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import pytest
from faststream.rabbit import RabbitBroker

from limen.adapters.bus import ActionRouter, DeadLetter, Message
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.contract.catalogue import published
from limen.adapters.bus.intake import Terms
from limen.adapters.bus.publisher import PublishFailed
from limen.adapters.bus.rabbit import publisher as rabbit
from limen.adapters.bus.rabbit.channels import Lock
from limen.adapters.bus.rabbit.intake import RabbitIntake
from limen.domain.errors import BusUnusable, GroupDiffers
from limen.domain.events import FlowInitiated, SessionRevoked
from tests.support.brokers import own_rabbit, rabbit_url
from tests.support.bus import Handled, initiated, new_topic, publish, publishing, revoked, router_of, until
from tests.support.own_server import OwnServer

ROOT = Path(__file__).parents[2]


class Server:
    """The server seen by a client of its own, and what lies there under a topic."""

    def __init__(self, url: str, channel: aio_pika.abc.AbstractChannel, topic: str) -> None:
        self.url, self.channel, self.topic = url, channel, topic

    async def bound(self, *keys: str, name: str = "raw") -> aio_pika.abc.AbstractQueue:
        """A queue of a consumer that knows nothing of limen."""
        exchange = await self.channel.declare_exchange(self.topic, "topic", durable=True)
        queue = await self.channel.declare_queue(f"{self.topic}.{name}", durable=True)
        for key in keys or ("#",):
            await queue.bind(exchange, key)
        return queue

    async def ready(self, queue: str) -> int:
        """Messages that wait in a queue, those under way not counted."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def clear(self) -> None:
        """Nothing of the topic is left."""
        for group in ("crm", "raw"):
            for queue in (f"{self.topic}.{group}", f"{self.topic}.{group}.roster", f"{self.topic}.dead.{group}"):
                await self.channel.queue_delete(queue)
        await self.channel.exchange_delete(self.topic)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with await aio_pika.connect(rabbit_url()) as connection, connection.channel() as channel:
        server = Server(rabbit_url(), channel, new_topic())
        yield server
        await server.clear()


class Wire:
    """The way to the server, which can be cut, and on which its answers can be held back."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._ends: set[asyncio.StreamWriter] = set()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.url = ""

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"amqp://guest:guest@127.0.0.1:{port}{self._to.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Every connection ends in the middle of whatever it does."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._ends |= {writer, to[1]}
        await asyncio.gather(self._carry(reader, to[1], None), self._carry(to[0], writer, self.flowing))

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, when: asyncio.Event | None) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if when is not None:
                    await when.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    async with Wire(server.url) as wire:
        yield wire


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher that waits no longer than half a second."""
    monkeypatch.setattr(rabbit, "PUBLISH_SECONDS", 0.5)


def noting(router: ActionRouter, handled: Handled) -> ActionRouter:
    @router.on(SessionRevoked, id="note")
    async def note(message: Message) -> None:
        handled.ids.append(message.id)

    return router


def broker_of(url: str) -> RabbitBroker:
    return RabbitBroker(url, logger=None, reconnect_interval=0.1)


def once_each(versions: list[int]) -> list[int]:
    """Without those that came again at once."""
    return [version for version, _ in groupby(versions)]


# ------------------------------------------------------------------------------------------------------- on the server


async def test_a_consumer_that_knows_no_limen_reads_an_event(server: Server) -> None:
    queue = await server.bound(f"{server.topic}.events.login.*")
    event = initiated(server.topic, uuid4())
    async with publishing(server.url, server.topic) as publisher:
        await publish(publisher, [event])
    message = await queue.get(timeout=30)
    await message.ack()
    assert message.body == event.data
    assert message.routing_key == f"{server.topic}.events.login.initiated"
    assert message.headers == {f"ce-{name}": value for name, value in event.attributes.items()}
    assert (message.message_id, message.content_type) == (event.id, "application/json")
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_an_event_of_many_frames_arrives_whole(server: Server) -> None:
    queue = await server.bound()
    events = [replace(revoked(server.topic, uuid4(), 1), data=bytes(size)) for size in (0, 131_064, 131_065, 1_000_000)]
    async with publishing(server.url, server.topic) as publisher:
        await publish(publisher, events)
    bodies = [(await queue.get(timeout=30, no_ack=True)).body for _ in events]
    assert sorted(bodies) == [event.data for event in events]


async def test_an_event_that_no_queue_is_bound_for_counts_as_confirmed(server: Server) -> None:
    async with publishing(server.url, server.topic) as publisher:
        await (await publisher.send(revoked(server.topic, uuid4(), 1)))


async def test_an_exchange_that_was_deleted_is_declared_again(server: Server) -> None:
    async with publishing(server.url, server.topic) as publisher:
        await server.channel.exchange_delete(server.topic)
        with pytest.raises(PublishFailed):
            await (await publisher.send(revoked(server.topic, uuid4(), 1)))
        queue = await server.bound()
        await publish(publisher, [revoked(server.topic, uuid4(), 1)])
        assert await queue.get(timeout=30, no_ack=True)


async def test_the_queue_is_bound_to_what_its_handlers_want_and_to_nothing_else(server: Server) -> None:
    router = noting(router_of(server.url, server.topic), Handled())
    async with router:
        pass
    later = router_of(server.url, server.topic)
    later.on(FlowInitiated, id="begun")(lambda message: None)
    async with later:
        pass
    async with publishing(server.url, server.topic) as publisher:
        await publish(publisher, [revoked(server.topic, uuid4(), 1), initiated(server.topic, uuid4())])
    await until_ready(server, f"{server.topic}.crm", 1)
    queue = await server.channel.declare_queue(f"{server.topic}.crm", passive=True)
    async with queue.iterator(no_ack=True) as messages:
        assert (await anext(messages)).routing_key == f"{server.topic}.events.login.initiated"


async def until_ready(server: Server, queue: str, count: int) -> None:
    """Waits until so many messages are ready."""
    for _ in range(3000):
        if await server.ready(queue) == count:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{await server.ready(queue)} messages instead of {count}")


async def test_a_queue_with_other_settings_is_refused_by_name(server: Server) -> None:
    await server.bound(name="crm")
    router = noting(router_of(server.url, server.topic), Handled())
    with pytest.raises(BusUnusable, match=f"queue '{server.topic}.crm' is there with other settings"):
        await router.start()
    await router.stop()


# ------------------------------------------------------------------------------------------------------------- failures


async def test_a_connection_that_is_cut_again_and_again_loses_nothing(server: Server, wire: Wire) -> None:
    handled, streams = Handled(), [uuid4() for _ in range(10)]
    router = noting(ActionRouter(broker_of(wire.url), "crm", topic=server.topic), handled)

    async def cut() -> None:
        for part in (1, 2, 3):
            await handled.until(part * 100)
            wire.cut()

    async with router, publishing(wire.url, server.topic) as publisher:
        events = [revoked(server.topic, stream, version) for version in range(1, 61) for stream in streams]
        await asyncio.gather(publish(publisher, events), cut())
        await until(lambda: len(set(handled.ids)) == 600, lambda: f"{len(set(handled.ids))} of 600", 60)
    assert all(once_each(handled.of(stream)) == list(range(1, 61)) for stream in streams)


async def test_what_was_not_confirmed_fails_when_the_connection_ends(server: Server, wire: Wire) -> None:
    async with publishing(wire.url, server.topic) as publisher:
        wire.flowing.clear()
        pending = [await publisher.send(revoked(server.topic, uuid4(), 1)) for _ in range(100)]
        wire.cut()
        outcomes = await asyncio.gather(*pending, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [PublishFailed] * 100
        wire.flowing.set()
        await publisher.open()
        await (await publisher.send(revoked(server.topic, uuid4(), 1)))


@pytest.mark.usefixtures("quick")
async def test_what_the_server_does_not_confirm_in_time_fails_and_nothing_more_is_sent(
    server: Server, wire: Wire
) -> None:
    queue, stream = await server.bound(), uuid4()
    async with publishing(wire.url, server.topic) as publisher:
        wire.flowing.clear()
        with pytest.raises(PublishFailed, match="no confirmation in time"):
            await (await publisher.send(revoked(server.topic, stream, 1)))
        for _ in range(2):
            with pytest.raises(PublishFailed, match="does not confirm"):
                await publisher.send(revoked(server.topic, stream, 1))
            with pytest.raises(PublishFailed):
                await publisher.open()
        wire.flowing.set()
        await publish(publisher, [revoked(server.topic, stream, version) for version in (1, 2, 3)])
    ids = [str((await queue.get(timeout=30, no_ack=True)).message_id) for _ in range(4)]
    assert ids == [f"{stream}:{version}" for version in (1, 1, 2, 3)]


async def test_a_server_that_is_killed_loses_nothing_it_confirmed() -> None:
    handled, streams = Handled(), [uuid4() for _ in range(10)]
    topic = new_topic()
    with own_rabbit() as server:
        router = noting(ActionRouter(broker_of(server.url), "crm", topic=topic), handled)
        async with router, publishing(server.url, topic) as publisher:
            events = [revoked(topic, stream, version) for version in range(1, 61) for stream in streams]
            await publish(publisher, events[:400])
            await asyncio.gather(publish(publisher, events[400:]), asyncio.to_thread(_again, server))
            await until(lambda: len(set(handled.ids)) == 600, lambda: f"{len(set(handled.ids))} of 600", 60)
    assert all(once_each(handled.of(stream)) == list(range(1, 61)) for stream in streams)


def _again(server: OwnServer) -> None:
    server.kill()
    server.start()


async def test_errors_and_logs_show_no_password(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = server.url.replace("guest:guest", "guest:hunter2")
    publisher = rabbit.RabbitPublisher(BusAddress.of(wrong), server.topic)
    with pytest.raises(PublishFailed) as refused:
        await publisher.open()
    await publisher.close()
    with pytest.raises(BusUnusable) as unreadable:
        rabbit.RabbitPublisher(BusAddress.of("amqp://guest:hunter2@host:port/"), server.topic)
    assert "hunter2" not in f"{refused.value!r} {unreadable.value!r} {caplog.text}"


# -------------------------------------------------------------------------------------------------------------- a group


class Child:
    """A consumer in a process of its own, whose handler never ends."""

    def __init__(self, server: Server, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.support.consumer", server.url, server.topic, "crm"]
        self._process = subprocess.Popen(
            [*command, str(folder / "effects.db"), "3600"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.communicate()


async def test_what_a_killed_consumer_had_in_hand_comes_first_and_tells_how_often_it_came(
    server: Server, tmp_path: Path
) -> None:
    stream, told = uuid4(), []
    queue = f"{server.topic}.crm"
    child = await asyncio.to_thread(Child, server, tmp_path)
    async with publishing(server.url, server.topic) as publisher:
        await publish(publisher, [revoked(server.topic, stream, version) for version in (1, 2, 3)])
    await until_ready(server, queue, 2)
    child.kill()
    await until_ready(server, queue, 3)
    child = await asyncio.to_thread(Child, server, tmp_path)
    await until_ready(server, queue, 2)
    child.kill()
    router = router_of(server.url, server.topic)

    @router.on(SessionRevoked)
    async def note(message: Message) -> None:
        told.append((message.sequence, message.attempt))

    async with router:
        await until(lambda: len(told) == 3)
    assert told == [(1, 3), (2, 1), (3, 1)]


async def test_a_member_that_stands_by_goes_on_where_a_killed_one_stopped(server: Server, tmp_path: Path) -> None:
    streams, told = [uuid4(), uuid4()], Handled()
    child = await asyncio.to_thread(Child, server, tmp_path)
    router = router_of(server.url, server.topic)

    async def write(message: Message) -> None:
        told.ids.append(message.id)

    for event in published().values():
        router.on(event, id="write")(write)
    async with router, publishing(server.url, server.topic) as publisher:
        await publish(publisher, [revoked(server.topic, one, version) for version in (1, 2, 3) for one in streams])
        await until_ready(server, f"{server.topic}.crm", 5)
        assert told.ids == []
        child.kill()
        await told.until(6)
    assert [told.of(stream) for stream in streams] == [[1, 2, 3], [1, 2, 3]]


async def test_of_two_routers_that_differ_and_start_at_once_one_is_refused(server: Server) -> None:
    handled = Handled()
    one, other = (noting(router_of(server.url, server.topic), handled) for _ in range(2))
    other.on(SessionRevoked, id="something_else")(lambda message: None)
    outcomes = await asyncio.gather(one.start(), other.start(), return_exceptions=True)
    try:
        assert sorted(str(type(outcome)) for outcome in outcomes) == sorted(map(str, (GroupDiffers, type(None))))
        async with publishing(server.url, server.topic) as publisher:
            await publish(publisher, [revoked(server.topic, uuid4(), 1)])
            await handled.until(1)
    finally:
        await asyncio.gather(one.stop(), other.stop())


async def test_a_lock_is_free_when_the_connection_of_its_holder_ends(server: Server, wire: Wire) -> None:
    holder, next_one = broker_of(wire.url), broker_of(server.url)
    async with holder, next_one:
        lock = Lock(holder, f"{server.topic}.lock")
        await lock.take()
        waiting = asyncio.create_task(Lock(next_one, f"{server.topic}.lock").take())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        wire.cut()
        await waiting
        assert lock.lost


# --------------------------------------------------------------------------------------------------------- dead letters


@pytest.fixture
async def intake(server: Server) -> AsyncIterator[RabbitIntake]:
    async def receive(incoming: Any) -> None:
        raise AssertionError("nothing is taken in here")

    async with broker_of(server.url) as broker:
        yield RabbitIntake(broker, Terms("crm", server.topic, 0, 30.0, list), receive)


def letter(number: int) -> DeadLetter:
    attributes = {"id": f"{uuid4()}:{number}", "type": "limen.session.revoked"}
    return DeadLetter("crm", "SessionRevoked=note", "ValueError: no", 3, "2026-03-02T12:00:00Z", attributes, b"{}")


async def test_dead_letters_keep_their_order_however_often_they_are_read(intake: RabbitIntake) -> None:
    letters = [letter(number) for number in range(100)]
    for one in letters:
        await intake.park(one)
    for _ in range(25):
        assert [one.id for one in [one async for one in intake.dead()]] == [one.id for one in letters]


async def test_a_dead_letter_is_removed_from_between_the_others(intake: RabbitIntake) -> None:
    for number in range(5):
        await intake.park(letter(number))
    before = [one async for one in intake.dead()]
    await intake.remove(before[3])
    await intake.remove(before[1])
    await intake.remove(before[1])  # it has gone already
    after = [one async for one in intake.dead()]
    assert after == [before[0], before[2], before[4]]


async def test_dead_letters_are_read_by_one_at_a_time(server: Server, intake: RabbitIntake) -> None:
    for number in range(20):
        await intake.park(letter(number))

    async with broker_of(server.url) as broker:
        other = RabbitIntake(broker, intake.terms, intake.receive)

        async def read(intake: RabbitIntake) -> int:
            return len([one async for one in intake.dead()])

        assert await asyncio.gather(*(read(one) for one in (intake, other, intake, other))) == [20] * 4
