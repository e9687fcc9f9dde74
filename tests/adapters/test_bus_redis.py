"""What is particular to Redis: plain entries under the log's own ids, one seat for a group, and what it holds first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from limen.adapters.bus import ActionRouter, DeadLetter, Message
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.brokers import broker_of
from limen.adapters.bus.contract.catalogue import published
from limen.adapters.bus.intake import Terms
from limen.adapters.bus.publisher import PublishFailed
from limen.adapters.bus.publishing import publisher_of
from limen.adapters.bus.redis import intake as taking_in_from_redis
from limen.adapters.bus.redis import keys
from limen.adapters.bus.redis import publisher as publishing_to_redis
from limen.adapters.bus.redis.intake import RedisIntake
from limen.adapters.bus.redis.member import Entry, Nothing, RedisMember
from limen.domain.errors import BusUnusable, GroupDiffers
from limen.domain.events import SessionRevoked
from tests.contracts.bus import DurableBusContract
from tests.support.brokers import own_redis, redis_url
from tests.support.bus import completed, initiated, new_topic, publish, publishing, revoked, router_of, until
from tests.support.consumer import rows_of

SUBJECT = "events.session.revoked"


@pytest.fixture
def url() -> str:
    return redis_url()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    """A client that knows nothing of limen."""
    async with Redis.from_url(url) as client:
        yield client


@pytest.fixture
async def topic(client: Any) -> AsyncIterator[str]:
    topic = new_topic()
    yield topic
    async for key in client.scan_iter(match=f"*{topic}*", count=1000):
        await client.delete(key)


class Noted:
    """What a handler was given: versions, and at which attempt."""

    def __init__(self) -> None:
        self.came: list[tuple[int, int]] = []
        self.cut_off: list[int] = []
        self.held = asyncio.Event()
        self.held.set()

    async def take(self, message: Message) -> None:
        self.came.append((message.sequence, message.attempt))
        try:
            await self.held.wait()
        except asyncio.CancelledError:
            self.cut_off.append(message.sequence)
            raise

    async def until(self, *came: tuple[int, int]) -> None:
        await until(lambda: len(self.came) >= len(came), lambda: f"came: {self.came}")
        assert self.came == list(came)


def noting(router: ActionRouter, noted: Noted) -> ActionRouter:
    router.on(SessionRevoked, id="note")(noted.take)
    return router


def events(topic: str, stream: UUID, count: int) -> list[Any]:
    return [revoked(topic, stream, version) for version in range(1, count + 1)]


@contextlib.asynccontextmanager
async def member_of(
    url: str, topic: str, *, patience: float = 30.0, roster: str = "same"
) -> AsyncIterator[RedisMember]:
    """A member of the group `crm` without a router around it."""
    broker = broker_of(url)
    terms = Terms("crm", topic, 0, patience, lambda: [f"{topic}.{SUBJECT}"])
    member = RedisMember(await broker.connect(), terms, roster)
    await member.declare()
    yield member
    await broker.stop()


async def pending(client: Any, topic: str) -> list[tuple[str, int]]:
    """What the group was brought and has not acknowledged, and how often."""
    found = await client.xpending_range(topic, "crm", "-", "+", 100)
    return [(one["message_id"].decode(), one["times_delivered"]) for one in found]


async def until_pending(client: Any, topic: str, wanted: list[tuple[str, int]]) -> None:
    while await pending(client, topic) != wanted:  # noqa: ASYNC110 - it is the server that knows
        await asyncio.sleep(0.02)


# -- publishing


async def test_any_client_reads_the_entries(url: str, topic: str, client: Any) -> None:
    event = completed(topic, uuid4(), "password")
    async with publishing(url, topic) as publisher:
        await publish(publisher, [event])
    [(place, fields)] = await client.xrange(topic)
    del fields[b"limen-relay"]  # whose it is, for the relay itself
    assert place.decode() == f"{event.position}-0"
    assert fields == {
        b"content-type": b"application/json",
        b"data": event.data,
        **{f"ce-{name}".encode(): value.encode() for name, value in event.attributes.items()},
    }
    assert fields[b"ce-type"] == b"limen.login.completed"


async def test_what_is_there_counts_as_confirmed_and_is_there_once(url: str, topic: str, client: Any) -> None:
    wanted = events(topic, uuid4(), 6)
    parts = [replace(wanted[-1], part=part, attributes={**wanted[-1].attributes, "id": f"p{part}"}) for part in (1, 2)]
    async with publishing(url, topic) as publisher:
        await publisher.send_all(wanted[:4])
        await publisher.send_all([*wanted, *parts])
        await (await publisher.send(wanted[2]))
        await (await publisher.send(parts[1]))
    places = [place.decode() for place, _ in await client.xrange(topic)]
    assert places == [f"{one.position}-{one.part}" for one in (*wanted, *parts)]


async def test_a_batch_is_taken_as_a_whole_or_not_at_all() -> None:
    topic, stream = new_topic(), uuid4()
    wanted = events(topic, stream, 40)
    with own_redis() as server:
        async with Redis.from_url(server.url) as client, publishing(server.url, topic) as publisher:
            await publisher.send_all(wanted[:1])
            used = int((await client.info("memory"))["used_memory"])
            await client.config_set("maxmemory", used + 300_000)
            large = [replace(one, data=one.data + b" " * 20_000) for one in wanted[1:]]
            with pytest.raises(PublishFailed, match="Redis: OutOfMemoryError"):
                await publisher.send_all(large)
            assert await client.xlen(topic) == 1
            await client.config_set("maxmemory", 0)
            await publisher.send_all(large)
            found: Any = await client.xrange(topic)
    assert [fields[b"ce-id"].decode() for _, fields in found] == [one.id for one in wanted]


async def test_very_much_data_goes_in_several_transactions(
    url: str, topic: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_to_redis, "TRANSACTION_BYTES", 1000)
    wanted = events(topic, uuid4(), 20)
    wanted[3] = replace(wanted[3], data=b" " * 2000)
    async with publishing(url, topic) as publisher:
        await publisher.send_all(wanted)
    found = await client.xrange(topic)
    assert [fields[b"data"] for _, fields in found] == [one.data for one in wanted]


async def test_where_another_log_has_the_ids_events_get_ids_of_the_server_and_none_is_lost(
    url: str, topic: str, client: Any
) -> None:
    ours = events(topic, uuid4(), 4)
    theirs = [replace(one, attributes={**one.attributes, "id": f"{uuid4()}:1"}) for one in ours]
    async with publishing(url, topic) as publisher:
        await publisher.send_all(theirs[:2])
    async with publishing(url, topic) as publisher:
        await publish(publisher, ours)
    async with publishing(url, topic) as publisher:
        await publish(publisher, theirs[2:])
    found = [fields[b"ce-id"].decode() for _, fields in await client.xrange(topic)]
    assert found == [one.id for one in (*theirs[:2], *ours, *theirs[2:])]


async def test_two_logs_that_publish_at_once_lose_nothing_and_keep_their_order(
    url: str, topic: str, client: Any
) -> None:
    one, other = events(topic, uuid4(), 300), events(topic, uuid4(), 300)
    async with publishing(url, topic) as first, publishing(url, topic) as second:
        await asyncio.gather(publish(first, one), publish(second, other))
    found = [fields[b"ce-id"].decode() for _, fields in await client.xrange(topic)]
    for log in (one, other):
        wanted = [envelope.id for envelope in log]
        assert [id_ for id_ in found if id_ in set(wanted)] == wanted


async def test_an_event_that_was_deleted_from_the_stream_is_not_taken_for_published(
    url: str, topic: str, client: Any
) -> None:
    wanted = events(topic, uuid4(), 2)
    async with publishing(url, topic) as publisher:
        await publisher.send_all(wanted)
        await client.xdel(topic, keys.entry_id(wanted[0]))
        await publisher.send_all(wanted)
    found = [fields[b"ce-id"].decode() for _, fields in await client.xrange(topic)]
    assert found == [wanted[1].id, wanted[0].id, wanted[1].id]


async def test_errors_tell_what_is_wrong_and_nothing_secret(url: str, topic: str, client: Any) -> None:
    await client.set(topic, "a string")
    secret = "hunter2secret"
    host = url.removeprefix("redis://")
    told = []
    for address in (url, f"redis://nobody:{secret}@{host}", f"redis://nobody:{secret}@127.0.0.1:1"):
        publisher = publisher_of(BusAddress.of(address), topic)
        with pytest.raises(PublishFailed) as failed:
            await publisher.open()
        await publisher.close()
        told.append(str(failed.value))
    assert told == ["Redis: ResponseError WRONGTYPE", "Redis: AuthenticationError", "Redis: ConnectionError"]
    with pytest.raises(BusUnusable, match="written %2F") as unusable:
        publisher_of(BusAddress.of(f"redis://nobody:{secret}/x@127.0.0.1:6379"), topic)
    assert secret not in str(unusable.value)


# -- one seat, and what was brought and not acknowledged first


async def test_what_a_killed_consumer_held_comes_first_and_counts_as_tried(
    url: str, topic: str, client: Any, tmp_path: Path
) -> None:
    noted, stream = Noted(), uuid4()
    child = await asyncio.to_thread(DurableBusContract.consumer, url, topic, tmp_path / "effects.db", 60)
    try:
        async with publishing(url, topic) as publisher:
            one, two, three = events(topic, stream, 3)
            await publish(publisher, [one])
            await until_pending(client, topic, [(keys.entry_id(one), 1)])
            router = router_of(url, topic)
            for event in published().values():
                router.on(event, id="write")(noted.take)
            async with router:
                await publish(publisher, [two, three])
                child.kill()
                await noted.until((1, 2), (2, 1), (3, 1))
    finally:
        child.kill()
        child.communicate()
    assert rows_of(str(tmp_path / "effects.db")) == []


async def test_who_lost_the_seat_gets_nothing_and_acknowledges_nothing(url: str, topic: str, client: Any) -> None:
    async with (
        publishing(url, topic) as publisher,
        member_of(url, topic) as slow,
        member_of(url, topic) as other,
    ):
        first, second = events(topic, uuid4(), 2)
        await publisher.send_all([first, second])
        held = await slow.next("")
        assert isinstance(held, Entry)
        assert (held.id, held.delivered) == (keys.entry_id(first), 1)
        assert await other.next("") is None
        assert await slow.beat()
        await client.delete(keys.seat(topic, "crm"))  # as when its time is over
        again = await other.next("")
        assert isinstance(again, Entry)
        assert (again.id, again.delivered) == (held.id, 2)
        assert await slow.next(held.id) is None
        await slow.leave(held.id)
        assert not await slow.beat()
        assert await pending(client, topic) == [(held.id, 2)]
        following = await other.next(held.id)
        assert isinstance(following, Entry)
        assert following.id == keys.entry_id(second)
        assert await pending(client, topic) == [(following.id, 1)]
        assert isinstance(await other.next(following.id), Nothing)


async def test_a_handler_at_work_is_cut_off_when_the_seat_is_lost_and_its_message_comes_again(
    url: str, topic: str, client: Any
) -> None:
    noted = Noted()
    noted.held.clear()
    async with publishing(url, topic) as publisher, noting(router_of(url, topic, patience=1.5), noted):
        await publish(publisher, events(topic, uuid4(), 2))
        await until(lambda: noted.came == [(1, 1)])
        await client.set(keys.seat(topic, "crm"), "somebody else")
        await until(lambda: noted.cut_off == [1])
        assert noted.came == [(1, 1)]
        noted.held.set()
        await client.delete(keys.seat(topic, "crm"))
        await noted.until((1, 1), (1, 2), (2, 1))


async def test_a_handler_may_take_longer_than_the_seat_lasts(url: str, topic: str, client: Any) -> None:
    noted = Noted()
    noted.held.clear()
    async with publishing(url, topic) as publisher, noting(router_of(url, topic, patience=1.5), noted):
        async with member_of(url, topic) as other:
            await publish(publisher, events(topic, uuid4(), 1))
            await until(lambda: noted.came == [(1, 1)])
            for _ in range(20):
                await asyncio.sleep(0.1)
                assert await other.next("") is None
        noted.held.set()
        await until_pending(client, topic, [])
    assert noted.came == [(1, 1)]


async def test_a_seat_is_free_at_once_when_its_router_stops(url: str, topic: str, client: Any) -> None:
    noted, next_one = Noted(), Noted()
    noted.held.clear()
    async with publishing(url, topic) as publisher:
        stopped = noting(router_of(url, topic, patience=3600.0), noted)
        await stopped.start()
        await publish(publisher, events(topic, uuid4(), 2))
        await until(lambda: noted.came == [(1, 1)])
        async with noting(router_of(url, topic, patience=3600.0), next_one):
            await stopped.stop()
            assert noted.cut_off == [1]
            await next_one.until((1, 2), (2, 1))


async def test_a_message_that_ends_within_the_grace_is_acknowledged_by_the_stop(
    url: str, topic: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in_from_redis, "GRACE", 30.0)
    noted = Noted()
    noted.held.clear()
    async with publishing(url, topic) as publisher:
        async with noting(router_of(url, topic), noted):
            await publish(publisher, events(topic, uuid4(), 1))
            await until(lambda: noted.came == [(1, 1)])
            asyncio.get_running_loop().call_later(0.05, noted.held.set)
        assert await pending(client, topic) == []


async def test_what_nobody_wants_and_what_was_deleted_are_acknowledged_on_the_way(
    url: str, topic: str, client: Any
) -> None:
    stream = uuid4()
    async with publishing(url, topic) as publisher, member_of(url, topic) as member:
        gone, *others = events(topic, stream, 3)
        await publisher.send_all([gone, *others])
        assert isinstance(await member.next(""), Entry)
        await client.xdel(topic, keys.entry_id(gone))
        found = await member.next("")
        assert isinstance(found, Entry)
        assert found.attributes["id"] == f"{stream}:2"
        last = await member.next(found.id)
        assert isinstance(last, Entry)
        await publisher.send_all([initiated(topic, uuid4()) for _ in range(600)])
        await client.xadd(topic, {"something": "else"})
        asked = await member.next(last.id)
        while isinstance(asked, Nothing) and not asked.newest:
            asked = await member.next("")
        assert asked == Nothing((await client.xrevrange(topic, count=1))[0][0].decode())
        assert await pending(client, topic) == []


# -- the group


async def test_a_group_agrees_on_its_handlers_while_one_of_it_is_there(url: str, topic: str) -> None:
    async with member_of(url, topic, roster="one") as first, member_of(url, topic, roster="other") as second:
        await first.beat()
        await first.beat()
        with pytest.raises(GroupDiffers, match=r"\(one\) than these \(other\)"):
            await second.beat()
        await first.leave("")
        await second.beat()


async def test_a_member_that_is_gone_without_a_word_counts_for_as_long_as_its_seat_would(url: str, topic: str) -> None:
    async with (
        member_of(url, topic, roster="one", patience=0.5) as killed,
        member_of(url, topic, roster="other") as other,
    ):
        await killed.beat()
        with pytest.raises(GroupDiffers):
            await other.beat()
        while True:
            with contextlib.suppress(GroupDiffers):
                await other.beat()
                break
            await asyncio.sleep(0.02)
        with pytest.raises(GroupDiffers):
            await killed.beat()


async def test_routers_on_one_broker_stop_and_start_with_it(url: str, topic: str) -> None:
    broker, stream = broker_of(url), uuid4()
    noted = {group: Noted() for group in ("crm", "mail")}
    for group, one in noted.items():
        noting(ActionRouter(broker, group, topic=topic), one)
    async with publishing(url, topic) as publisher:
        for version in (1, 2, 3):
            await broker.start()
            await broker.start()  # once more is no harm
            await publish(publisher, [revoked(topic, stream, version)])
            for one in noted.values():
                await one.until(*((seen, 1) for seen in range(1, version + 1)))
            await broker.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("limen-redis")]


async def test_a_group_whose_stream_was_deleted_begins_again(url: str, topic: str, client: Any) -> None:
    noted, stream = Noted(), uuid4()
    async with publishing(url, topic) as publisher, noting(router_of(url, topic), noted):
        await publish(publisher, [revoked(topic, stream, 1)])
        await noted.until((1, 1))
        await client.delete(topic)
        await publish(publisher, [revoked(topic, stream, 2)])
        await noted.until((1, 1), (2, 1))


async def test_nothing_is_lost_nor_repeated_over_the_server_s_restart() -> None:
    topic, noted, stream = new_topic(), Noted(), uuid4()
    with own_redis() as server:
        async with (
            publishing(server.url, topic) as publisher,
            noting(router_of(server.url, topic, patience=60.0), noted),
        ):
            await publish(publisher, [revoked(topic, stream, version) for version in range(1, 6)])
            await noted.until(*((version, 1) for version in range(1, 6)))
            await asyncio.to_thread(server.kill)
            sending = asyncio.create_task(publish(publisher, [revoked(topic, stream, seen) for seen in range(6, 11)]))
            await asyncio.to_thread(server.start)
            await sending
            await noted.until(*((version, 1) for version in range(1, 11)))
        async with Redis.from_url(server.url) as client:
            assert await pending(client, topic) == []


async def test_a_group_goes_on_where_there_is_no_memory_left_for_publishing() -> None:
    topic, noted, stream = new_topic(), Noted(), uuid4()
    with own_redis() as server:
        async with publishing(server.url, topic) as publisher, Redis.from_url(server.url) as client:
            one, two, three = events(topic, stream, 3)
            await publish(publisher, [one])
            async with noting(router_of(server.url, topic), noted):
                await noted.until((1, 1))
            await publish(publisher, [two])
            await client.config_set("maxmemory", 1)
            with pytest.raises(PublishFailed, match="OutOfMemory"):
                await publisher.send_all([three])
            async with noting(router_of(server.url, topic), noted):
                await noted.until((1, 1), (2, 1))
                await until_pending(client, topic, [])


async def test_a_letter_that_is_parked_again_is_kept_once(url: str, topic: str) -> None:
    broker = broker_of(url)
    intake = RedisIntake(broker, Terms("crm", topic, 0, 30.0, list), _nobody)
    event = revoked(topic, uuid4(), 1)
    letters = [
        DeadLetter("crm", handler, "ValueError: why", 3, "2026-03-02T12:00:00Z", event.attributes, b"\xff\x00 no JSON")
        for handler in ("one", "other", "one")
    ]
    for letter in letters:
        await intake.park(letter)
    found = [letter async for letter in intake.dead()]
    assert [(one.handler, one.error, one.attempts, one.data) for one in found] == [
        ("one", "ValueError: why", 3, b"\xff\x00 no JSON"),
        ("other", "ValueError: why", 3, b"\xff\x00 no JSON"),
    ]
    await intake.remove(found[0])
    assert [letter.handler async for letter in intake.dead()] == ["other"]
    await broker.stop()


async def _nobody(_: object) -> None:
    raise AssertionError("nothing is taken in here")
