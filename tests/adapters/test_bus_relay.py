"""The relay: everything in order from a stored position, one at work, whatever is away meanwhile."""

import asyncio
import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import orjson
import pytest

from limen.adapters.bus import ActionRouter, MemoryBus, Message
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.nats import streams as jetstream
from limen.adapters.bus.opening import open_relay, positions
from limen.adapters.store import open_store
from limen.adapters.views import open_views
from limen.domain.errors import BusUnusable
from limen.domain.events import FlowCompleted, FlowInitiated, IdentityErased
from tests.support.brokers import nats_url, own_nats
from tests.support.bus import new_topic, until
from tests.support.engine import ADA, House, open_house
from tests.support.postgres import fresh_database

Told = tuple[str, dict[str, str], dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'limen.db'}"


@pytest.fixture
async def topic() -> AsyncIterator[str]:
    topic = new_topic()
    yield topic
    client = await nats.connect(nats_url())
    for stream in (topic, jetstream.dead_stream(topic)):
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await client.jetstream().delete_stream(stream)
    await client.close()


def destination(topic: str, url: str | None = None, **options: Any) -> Destination:
    return Destination(BusAddress.of(url or nats_url()), topic=topic, **options)


async def relay_all(store: str, to: Destination, **options: Any) -> int:
    """Relays what is there; gives how many events were sent."""
    with open_relay(store, to, **options) as relay:
        relay.finish()
        async with asyncio.timeout(60):
            await relay.run()
        return relay.progress.sent


async def there(topic: str, url: str | None = None) -> list[Told]:
    """What stands in the stream: subject, attributes and data of each, read by the raw client."""
    client = await nats.connect(url or nats_url())
    context = client.jetstream()
    count = (await context.stream_info(topic)).state.messages
    subscription = await context.subscribe(f"{topic}.events.>", ordered_consumer=True)
    told: list[Told] = []
    for _ in range(count):
        message = await subscription.next_msg(timeout=10)
        attributes = {name[3:]: value for name, value in (message.headers or {}).items() if name.startswith("ce-")}
        told.append((message.subject, attributes, orjson.loads(message.data)))
    await client.close()
    return told


def in_order(told: list[Told]) -> bool:
    """Whether each stream is there from its first event, one after the other, none twice."""
    seen: dict[str, int] = defaultdict(int)
    for _, attributes, _ in told:
        if int(attributes["sequence"]) != seen[attributes["subject"]] + 1:
            return False
        seen[attributes["subject"]] += 1
    return True


async def some_flows(house: House) -> None:
    await house.register()
    await house.sign_in()


async def test_every_event_is_published_once_in_order_and_the_position_is_stored(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        log = house.log()
        assert await relay_all(store, destination(topic)) == len(log)
        assert await relay_all(store, destination(topic)) == 0
        await house.sign_in()
        assert await relay_all(store, destination(topic)) == house.size - len(log)
        told = await there(topic)
    assert len(told) == house_size(store)
    assert in_order(told)
    head, places = positions(store)
    assert places == {destination(topic).name: head}


def house_size(store: str) -> int:
    opened = open_store(store)
    try:
        return opened.application.vault.max_notification_id() or 0
    finally:
        opened.close()


async def test_names_and_attributes_are_those_of_the_contract(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic))
        login = next(
            one
            for one in house.log("FlowCompleted")
            if one.data["method"] == "password" and house_flow(house, one) == "login"
        )
    subject, attributes, data = next(
        one for one in await there(topic) if one[1]["id"] == f"{login.stream}:{login.version}"
    )
    assert subject == f"{topic}.events.login.completed"
    assert attributes == {
        "specversion": "1.0",
        "id": f"{login.stream}:{login.version}",
        "source": "/limen",
        "type": "limen.login.completed",
        "subject": str(login.stream),
        "time": login.time.isoformat().replace("+00:00", "Z"),
        "dataschema": "urn:limen:FlowCompleted:1",
        "sequence": f"{login.version:010}",
        "partitionkey": str(login.stream),
        "position": str(login.position),
        "flow": "login",
        "method": "password",
        "phase": "after",
        "configuration": attributes["configuration"],
    }
    assert UUID(attributes["configuration"])
    assert data["originator_id"] == str(login.stream)
    assert data["method"] == "password"


def house_flow(house: House, entry: Any) -> str:
    initiated = next(one for one in house.log("FlowInitiated") if one.stream == entry.stream)
    return str(initiated.data["kind"])


async def test_what_is_said_of_an_event_does_not_depend_on_where_a_relay_began(store: str, topic: str) -> None:
    other = new_topic()
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic))
        middle = house.size // 2
        await relay_all(store, destination(other), start=middle)
    whole, half = await there(topic), await there(other)
    assert [attributes for _, attributes, _ in whole[middle:]] == [attributes for _, attributes, _ in half]
    client = await nats.connect(nats_url())
    await client.jetstream().delete_stream(other)
    await client.jetstream().delete_stream(jetstream.dead_stream(other))
    await client.close()


async def test_events_that_are_there_are_not_sent_again_though_the_position_was_lost(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic))
        await house.sign_in()
        new = house.size - len(await there(topic))
        with open_views(store) as views:
            views._tables.move(destination(topic).mark, 0)
        assert await relay_all(store, destination(topic)) == new
    assert in_order(await there(topic))


async def test_types_and_flows_choose_what_goes_to_a_destination(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic, types=("FlowCompleted", "SessionIssued"), flows=("login",)))
    told = [(attributes["type"], attributes["flow"]) for _, attributes, _ in await there(topic)]
    assert told == [("limen.login.completed", "login"), ("limen.session.issued", "login")]
    head, places = positions(store)
    assert set(places.values()) == {head}  # what is left out holds up nothing


async def test_personal_data_is_left_out_unless_the_destination_gets_it(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic))
        assert ADA not in orjson.dumps(await there(topic)).decode()
        clear = destination(topic, personal_data=True, name="clear")
        with MemoryRecord() as record:
            await relay_to_memory(house, store, record, clear)
            assert ADA in record.text
            assert "password" not in [name for data in record.data for name in data.get("submission") or {}]
        person = house.log("IdentityRegistered")[0].stream
        await house.engine.erase(person)
        with MemoryRecord() as record:
            await relay_to_memory(house, store, record, clear)
            assert ADA not in record.text
            assert {"erased": True} in [data.get("profile") for data in record.data]


class MemoryRecord:
    """A bus in memory, and what was published to it."""

    def __init__(self) -> None:
        self.bus = MemoryBus(f"memory:{new_topic()}")

    def __enter__(self) -> "MemoryRecord":
        return self

    def __exit__(self, *_: object) -> None:
        """It is gone with its handle."""

    @property
    def data(self) -> list[dict[str, Any]]:
        return [orjson.loads(one.data) for one in self.bus.state.events.values()]

    @property
    def text(self) -> str:
        return orjson.dumps(self.data).decode()


async def relay_to_memory(house: House, store: str, record: MemoryRecord, to: Destination) -> None:
    opened = house.engine.streams.store
    keys: Any = house.engine.tools.keyring
    with open_relay(store, to, log=opened.application, keys=keys, bus=record.bus, start=0) as relay:  # type: ignore[attr-defined]  # a LogStore
        relay.finish()
        await relay.run()


async def test_an_event_that_is_too_large_loses_fields_and_stops_nothing(store: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        record = MemoryRecord()
        opened: Any = house.engine.streams.store
        with open_relay(store, destination("t"), log=opened.application, bus=record.bus, start=0) as relay:
            relay._publisher.limit = 600
            relay.finish()
            await relay.run()
        published = [one for one in record.bus.state.events.values() if "omitted" in one.attributes]
        assert len(record.bus.state.events) == house.size
    configuration = next(one for one in published if one.attributes["type"] == "limen.configuration.published")
    assert configuration.attributes["omitted"] == "document"
    assert all(len(one.data) <= 600 for one in record.bus.state.events.values())


async def test_two_stores_may_share_a_topic(tmp_path: Path, topic: str) -> None:
    stores = [f"sqlite:///{tmp_path / name}" for name in ("one.db", "other.db")]
    sizes = []
    async with contextlib.AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(open_house(store=store)) for store in stores]
        relays = [stack.enter_context(open_relay(store, destination(topic))) for store in stores]
        for relay in relays:
            await stack.enter_async_context(relay)
        for _ in range(3):
            await asyncio.gather(*(house.sign_in() if _ else some_flows(house) for house in houses))
        sizes = [house.size for house in houses]
        await until(
            lambda: [one.progress.sent for one in relays] == sizes, lambda: str([one.progress for one in relays])
        )
    told = await there(topic)
    assert len(told) == sum(sizes)
    assert in_order(told)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_one_relay_is_at_work_and_the_other_takes_over(kind: str, store: str, topic: str) -> None:
    with contextlib.ExitStack() as stack:
        url = store if kind == "sqlite" else stack.enter_context(fresh_database())
        async with open_house(store=url) as house:
            await some_flows(house)
            first = stack.enter_context(open_relay(url, destination(topic)))
            second = stack.enter_context(open_relay(url, destination(topic)))
            async with second:
                async with first:
                    await until(lambda: first.progress.sent + second.progress.sent == house.size)
                    states = {first.progress.state, second.progress.state}
                    assert states == {"relaying", "standing by"}
                    at_work = first if first.progress.state == "relaying" else second
                    if at_work is second:  # leave them in the order in which they are closed
                        return
                await until(lambda: second.progress.state == "relaying")
                await house.sign_in()
                await until(lambda: first.progress.sent + second.progress.sent == house.size)
    told = await there(topic)
    assert in_order(told)


async def test_a_bus_that_is_away_is_waited_for_and_nothing_is_lost(store: str) -> None:
    with own_nats() as server:
        to = destination("away", server.url)
        async with open_house(store=store) as house:
            with open_relay(store, to) as relay:
                async with relay:
                    await some_flows(house)
                    await until(lambda: relay.progress.sent == house.size)
                    await asyncio.to_thread(server.kill)
                    await house.sign_in()
                    await until(lambda: relay.progress.state == "waiting", seconds=60)
                    await house.sign_in()
                    await asyncio.to_thread(server.start)
                    await until(lambda: relay.progress.sent >= house.size, lambda: str(relay.progress), 60)
                    assert relay.progress.trouble == ""
            told = await there("away", server.url)
            assert len(told) == house.size
        assert in_order(told)


async def test_a_relay_that_begins_before_its_bus_waits_for_it(store: str) -> None:
    with own_nats() as server:
        await asyncio.to_thread(server.kill)
        async with open_house(store=store) as house:
            await some_flows(house)
            with open_relay(store, destination("later", server.url)) as relay:
                async with relay:
                    await until(lambda: bool(relay.progress.trouble), seconds=60)
                    await asyncio.to_thread(server.start)
                    await until(lambda: relay.progress.sent == house.size, lambda: str(relay.progress), 60)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_an_engine_relays_in_process_to_routers_in_memory(kind: str, store: str) -> None:
    told: list[Any] = []
    with contextlib.ExitStack() as stack:
        url = {"memory": "memory:", "sqlite": store}.get(kind) or stack.enter_context(fresh_database())
        bus = MemoryBus(f"memory:{new_topic()}")
        router = ActionRouter(bus, "crm")

        @router.before("login")
        async def begun(event: FlowInitiated) -> None:
            told.append(("before", event.request))

        @router.after("login", method="password")
        async def signed_in(event: FlowCompleted, message: Message) -> None:
            told.append(("after", message.flow, event.method))

        async with open_house(store=url, bus=bus) as house:
            await some_flows(house)
            await until(lambda: len(told) == 2)
    assert told[0][0] == "before"
    assert repr(told[0][1]) == "Shown(left out)"
    assert told[1] == ("after", "login", "password")


@pytest.mark.parametrize("bus", [None, "memory:"], ids=["by default", "by its URL"])
async def test_memory_is_one_bus_in_the_process_whoever_names_it(bus: str | None) -> None:
    told: list[UUID] = []
    router = ActionRouter(MemoryBus(), "crm")

    @router.on(IdentityErased)
    def forget(event: IdentityErased) -> None:
        told.append(event.originator_id)

    async with open_house(bus=bus) as house:
        person = (await house.register()).identity
        assert person is not None
        await house.engine.erase(person.id)
        await until(lambda: len(told) == 1)
    assert told == [UUID(str(person.id))]


async def test_routers_run_until_the_last_engine_that_relays_to_them_is_closed() -> None:
    told: list[UUID] = []
    bus = MemoryBus(f"memory:{new_topic()}")
    router = ActionRouter(bus, "crm")

    @router.before("login")
    def begun(event: FlowInitiated) -> None:
        told.append(event.originator_id)

    async with open_house(bus=bus) as house:
        async with open_house(bus=MemoryBus(bus.url)) as other:
            first = await other.start("login")
        second = await house.start("login")
        await until(lambda: told == [first.id, second.id])


@pytest.mark.parametrize("url", ["mqtt://ada:secret@host", "nats:secret", "", "secret"])
def test_a_url_that_names_no_bus_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BusUnusable) as refused:
        BusAddress.of(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://ada:secret@one:4222,two:4222/?token=secret", "nats://one:4222,two:4222"),
        ("nats://ada:secret@one:4222,nats://ada:secret@two:4222", "nats://one:4222,two:4222"),
        ("tls://secret@one", "tls://one"),
        ("amqp://ada:se%2Fcret@host:5672/shop", "amqp://host:5672/shop"),
        ("redis://:secret@host:6379/3", "redis://host:6379/3"),
        ("kafka://ada:secret@one:9092,two:9092", "kafka://one:9092,two:9092"),
        ("memory:", "memory:"),
    ],
)
def test_credentials_are_no_part_of_a_destinations_name(url: str, shown: str) -> None:
    assert destination("limen", url).name == shown
    assert "secret" not in repr(destination("limen", url))


async def test_what_was_appended_before_closing_is_published(store: str, topic: str) -> None:
    settings = {"bus": {"url": nats_url(), "topic": topic}}
    async with open_house(store=store, settings=settings) as house:
        await some_flows(house)
    assert len(await there(topic)) == house_size(store)


async def test_destinations_with_other_filters_may_share_a_topic_and_lose_nothing(store: str, topic: str) -> None:
    logins = destination(topic, name="logins", flows=("login",))
    others = destination(topic, name="others", flows=("registration",))
    async with open_house(store=store) as house:
        await some_flows(house)
        first, second = await relay_all(store, logins), await relay_all(store, others)
        with open_relay(store, logins) as one, open_relay(store, others) as other:
            async with one, other:
                await house.register("grace@example.org")
                await house.sign_in()
        for each in (logins, others):  # whoever was refused because of the other one may have closed with some left
            await relay_all(store, each)
        assert min(first, second) > 0
        told = await there(topic)
        for kind in ("login", "registration"):
            flows = {entry.stream for entry in house.log("FlowInitiated") if entry.data["kind"] == kind}
            wanted = [f"{entry.stream}:{entry.version}" for entry in house.log() if entry.stream in flows]
            arrived = [attributes["id"] for _, attributes, _ in told if UUID(attributes["subject"]) in flows]
            assert sorted(set(arrived)) == sorted(wanted)


async def test_an_erasure_passes_every_choice_of_flows(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        person = (await house.register()).identity
        assert person is not None
        await house.engine.erase(person.id)
        await relay_all(store, destination(topic, flows=("login",)))
    assert [attributes["type"] for _, attributes, _ in await there(topic)] == ["limen.identity.erased"]


async def test_destinations_that_overlap_on_a_topic_confirm_nothing_that_is_not_there(store: str, topic: str) -> None:
    some = destination(topic, name="some", types=("FlowCompleted",))
    async with open_house(store=store) as house:
        with open_relay(store, some) as one, open_relay(store, destination(topic, name="all")) as every:
            async with one, every:
                await until(lambda: one.progress.state == every.progress.state == "relaying")
                await house.register()
                for _ in range(5):
                    await house.sign_in()
                await until(lambda: every.progress.sent >= house.size, lambda: str(every.progress))
        there_now = {attributes["id"] for _, attributes, _ in await there(topic)}
        assert there_now == {f"{entry.stream}:{entry.version}" for entry in house.log()}


async def test_a_failing_database_is_waited_for(store: str, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        with open_relay(store, destination(topic)) as relay:
            move, failures = relay._tables.move, [sqlite3.OperationalError("database is locked")] * 2

            def fragile(name: str, position: int) -> None:
                if failures:
                    raise failures.pop()
                move(name, position)

            monkeypatch.setattr(relay._tables, "move", fragile)
            async with relay:
                await until(lambda: relay.progress.sent == house.size, lambda: str(relay.progress))
    assert in_order(await there(topic))


async def test_the_name_in_the_settings_is_not_that_of_another_bus(store: str, topic: str) -> None:
    settings = {"bus": {"url": nats_url(), "topic": topic, "name": "main"}}
    async with open_house(store=store, settings=settings, bus=MemoryBus(f"memory:{new_topic()}")) as house:
        await some_flows(house)
    assert positions(store)[1] == {}


@pytest.mark.parametrize(
    "url",
    [
        "nats://ada:s3cr3t/x@one:4222",
        "nats://ada:s3,cr3t@one:4222",
        "redis://:s3#cr3t@one:6379",
        "kafka://ada:s3?cr3t@one:9092",
        "amqp://ada:s3@cr3t@one:5672/",
        "nats://one:s3cr3t",
    ],
)
def test_a_url_in_which_a_password_cannot_be_told_for_certain_is_refused(url: str) -> None:
    with pytest.raises(BusUnusable, match="%40") as refused:
        BusAddress.of(url)
    assert "cr3t" not in str(refused.value)


async def test_what_was_purged_is_there_again_after_starting_over(store: str, topic: str) -> None:
    async with open_house(store=store) as house:
        await some_flows(house)
        await relay_all(store, destination(topic))
        client = await nats.connect(nats_url())
        await client.jetstream().purge_stream(topic)
        await client.close()
        await relay_all(store, destination(topic), start=0)
        told = await there(topic)
        assert len(told) == house.size
    assert in_order(told)
