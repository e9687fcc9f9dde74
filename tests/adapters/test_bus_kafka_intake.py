"""What is particular to Kafka when taking in: what is committed and when, members that come and go, dead letters."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from faststream.kafka import KafkaBroker

from limen.adapters.bus import ActionRouter, Message
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.kafka import intake as taking_in_from_kafka
from limen.adapters.bus.kafka.intake import KafkaIntake
from limen.domain.errors import GroupDiffers
from limen.domain.events import SessionRevoked
from tests.support.brokers import OwnKafka, kafka_url, own_kafka
from tests.support.bus import Handled, initiated, new_topic, publish, publishing, revoked, router_of, until
from tests.support.consumer import rows_of
from tests.support.kafka_leaders import let_leaders_wait
from tests.support.kafka_records import committed, everything, put, servers, until_committed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> Iterator[OwnKafka]:
    with own_kafka() as cluster:
        yield cluster


@pytest.fixture
def topic(cluster: OwnKafka) -> str:
    """A topic of one partition: all that is in it has one order."""
    topic = new_topic()
    cluster.create_topic(topic, 1)
    return topic


def noting(router: ActionRouter, handled: Handled, seconds: float = 0.0) -> ActionRouter:
    """Notes every `SessionRevoked`, after a while."""

    @router.on(SessionRevoked, id="note")
    async def note(message: Message) -> None:
        await asyncio.sleep(seconds)
        handled.ids.append(message.id)

    return router


# -- what is committed


async def test_a_message_is_committed_when_it_has_been_handled_and_not_before(cluster: OwnKafka, topic: str) -> None:
    begun, go_on, stream = asyncio.Event(), asyncio.Event(), uuid4()
    router = router_of(cluster.url, topic)

    @router.on(SessionRevoked)
    async def hold(message: Message) -> None:
        begun.set()
        await go_on.wait()

    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await begun.wait()
        assert await committed(cluster.url, topic) == 0
        go_on.set()
        await until_committed(cluster.url, topic, 1)


async def test_the_message_a_killed_consumer_was_at_comes_again(cluster: OwnKafka, topic: str, tmp_path: Path) -> None:
    handled, stream, database = Handled(), uuid4(), tmp_path / "effects.db"
    command = [sys.executable, "-m", "tests.support.consumer", cluster.url, topic, "crm", str(database), "0.05"]
    async with publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, version) for version in range(1, 41)])
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.DEVNULL)
    await until(lambda: len(rows_of(str(database))) >= 2)
    child.kill()
    await child.wait()
    at = await committed(cluster.url, topic)
    assert 1 <= at <= len(rows_of(str(database)))
    router = router_of(cluster.url, topic)  # its handlers are others, and the one that was killed does not count
    async with noting(router, handled):
        await handled.until(40 - at)
    assert handled.of(stream) == list(range(at + 1, 41))


async def test_what_nobody_wants_is_passed_over_and_committed_now_and_then(
    cluster: OwnKafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in_from_kafka, "SKIPPED", 50)
    handled, received = Handled(), []
    router = noting(router_of(cluster.url, topic), handled)
    receive = router._intake.receive

    async def note(incoming: Any) -> None:
        received.append(incoming.attributes["type"])
        await receive(incoming)

    router._intake.receive = note
    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [initiated(topic, uuid4()) for _ in range(120)])
        await until_committed(cluster.url, topic, 100)
        assert await committed(cluster.url, topic) == 100
        await publish(publisher, [revoked(topic, uuid4(), 1)])
        await until_committed(cluster.url, topic, 121)
    assert received == ["limen.session.revoked"]


async def test_a_position_to_begin_after_costs_no_commits(cluster: OwnKafka, topic: str) -> None:
    handled, stream = Handled(), uuid4()
    events = [revoked(topic, stream, version) for version in range(1, 11)]
    async with publishing(cluster.url, topic) as publisher:
        await publish(publisher, events[:9])
        async with noting(router_of(cluster.url, topic, since=events[8].position), handled):
            await asyncio.sleep(0.5)
            assert await committed(cluster.url, topic) == 0
            await publish(publisher, events[9:])
            await handled.until(1)
    assert handled.of(stream) == [10]


async def test_what_the_router_could_neither_handle_nor_park_comes_again(
    cluster: OwnKafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in_from_kafka, "AGAIN_SECONDS", 0.01)
    handled, stream, fail = Handled(), uuid4(), [True]
    router = noting(router_of(cluster.url, topic), handled)
    receive = router._intake.receive

    async def failing_once(incoming: Any) -> None:
        if fail.pop() if fail else False:
            raise RuntimeError("not expected")
        await receive(incoming)

    router._intake.receive = failing_once
    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, version) for version in (1, 2)])
        await handled.until(2)
    assert handled.of(stream) == [1, 2]


async def test_records_of_somebody_else_hold_up_nothing(cluster: OwnKafka, topic: str) -> None:
    handled, stream = Handled(), uuid4()
    ours = ("ce_type", b"limen.session.revoked")
    await put(cluster.url, topic, (b"?", []), (None, [("x", b"\xff")]), (b"{}", [("ce_type", b"\xff")]))
    await put(cluster.url, topic, (b"no envelope", [ours, ("x", b"\xff\xfe")]))
    router = noting(router_of(cluster.url, topic), handled)
    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await handled.until(1)
        (letter,) = await router.dead()
    assert letter.data == b"no envelope"


async def test_a_broker_with_faststream_s_own_settings_will_do(
    cluster: OwnKafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It logs, which leads FastStream other ways."""
    handled, stream = Handled(), uuid4()
    router = noting(ActionRouter(KafkaBroker(servers(cluster.url)), "crm", topic=topic, patience=2.0), handled)
    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await handled.until(1)


async def test_groups_of_one_name_are_apart_where_their_topics_are(cluster: OwnKafka, topic: str) -> None:
    handled, other_topic, stream = Handled(), new_topic(), uuid4()
    other = router_of(cluster.url, other_topic)
    other.on(SessionRevoked, id="something_else")(lambda message: None)
    async with other, noting(router_of(cluster.url, topic), handled), publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await handled.until(1)


# -- members


async def test_one_that_works_for_long_stays_in_the_group(cluster: OwnKafka, topic: str) -> None:
    handled, stream = Handled(), uuid4()
    router = router_of(cluster.url, topic, patience=1.1)

    @router.on(SessionRevoked)
    async def note(message: Message) -> None:
        await asyncio.sleep(2.0 if message.sequence == 1 else 0.0)
        handled.ids.append(message.id)

    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, version) for version in (1, 2)])
        await handled.until(2)
    assert handled.of(stream) == [1, 2]


async def test_a_router_outlives_an_outage_of_the_server(cluster: OwnKafka, topic: str) -> None:
    handled, stream = Handled(), uuid4()
    router = noting(router_of(cluster.url, topic), handled)
    async with router, publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await handled.until(1)
        cluster.kill()
        await asyncio.sleep(1.0)
        cluster.start()
        await publish(publisher, [revoked(topic, stream, 2)])
        await until(lambda: 2 in handled.of(stream))


async def test_a_member_that_joins_gets_nothing_before_the_message_under_way_is_done(
    cluster: OwnKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That message may come again: the mock cluster refuses commits meanwhile, which a real server takes."""
    let_leaders_wait(monkeypatch)
    topic, steps, streams = new_topic(), [], [uuid4() for _ in range(6)]
    cluster.create_topic(topic, 4)

    def member(seconds: float) -> ActionRouter:
        router = router_of(cluster.url, topic)

        @router.on(SessionRevoked, id="note")
        async def note(message: Message) -> None:
            steps.append(("begins", message.stream, message.sequence, seconds))
            await asyncio.sleep(seconds)
            steps.append(("ends", message.stream, message.sequence, seconds))

        return router

    async with publishing(cluster.url, topic) as publisher, member(0.25):
        await publish(publisher, [revoked(topic, stream, version) for version in (1, 2) for stream in streams])
        await until(lambda: len(steps) > 0)
        async with member(0.01):
            await until(lambda: len({step[1:3] for step in steps if step[0] == "ends"}) == 12)
    assert {step[3] for step in steps} == {0.25, 0.01}
    for stream in streams:
        own = [step for step in steps if step[1] == stream]
        assert [step[0] for step in own] == ["begins", "ends"] * (len(own) // 2)
        assert [step[2] for step in own] == sorted(step[2] for step in own)
    assert len(steps) in (24, 26)


async def test_a_refused_router_leaves_nothing_behind_and_may_join_when_the_others_have_gone(
    cluster: OwnKafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_leaders_wait(monkeypatch)
    handled, others, stream = Handled(), Handled(), uuid4()
    other = router_of(cluster.url, topic)

    @other.on(SessionRevoked, id="other")
    async def note(message: Message) -> None:
        others.ids.append(message.id)

    async with publishing(cluster.url, topic) as publisher:
        async with noting(router_of(cluster.url, topic), handled):
            with pytest.raises(GroupDiffers, match="SessionRevoked=note"):
                await other.start()
            assert not other.broker.running
            await publish(publisher, [revoked(topic, stream, 1)])
            await handled.until(1)
        async with other:
            await publish(publisher, [revoked(topic, stream, 2)])
            await until(lambda: f"{stream}:2" in others.ids)
    assert handled.of(stream) == [1]


# -- dead letters


def letter(id: str, **changes: Any) -> DeadLetter:
    attributes = {"id": id, "type": "limen.session.revoked"} if id else {"type": "limen.session.revoked"}
    one = DeadLetter("crm", "SessionRevoked=note", "ValueError: no", 3, "2026-03-02T12:00:00Z", attributes, b"{}")
    return replace(one, **changes)


async def test_a_dead_letter_is_a_keyed_record_and_its_removal_one_without_a_value() -> None:
    url, topic = kafka_url(), new_topic()
    router = router_of(url, topic)
    intake = router._intake
    assert isinstance(intake, KafkaIntake)
    try:
        assert await router.dead() == []
        for one in (letter("a:1"), letter("a:2"), letter("a:1", attempts=4)):
            await intake.park(one)
        assert [(one.id, one.attempts) for one in await router.dead()] == [("a:2", 3), ("a:1", 4)]
        await intake.remove((await router.dead())[0])
        assert [one.id for one in await router.dead()] == ["a:1"]
        await intake.park(letter("a:2"))
        assert sorted(one.id for one in await router.dead()) == ["a:1", "a:2"]
    finally:
        await router.stop()
    own = [one for one in await everything(url, f"{topic}.dead.crm") if one.key == b"a:2 SessionRevoked=note"]
    assert [one.value for one in own] == [b"{}", None, b"{}"]
    assert dict(own[0].headers)["limen-error"] == b"ValueError: no"
    assert dict(own[0].headers)["ce_id"] == b"a:2"


async def test_letters_without_an_id_are_told_apart_by_what_they_hold() -> None:
    router = router_of(kafka_url(), new_topic())
    intake = router._intake
    assert isinstance(intake, KafkaIntake)
    try:
        for data in (b"one", b"other", b"one"):
            await intake.park(letter("", data=data))
        found = await router.dead()
        assert sorted(one.data for one in found) == [b"one", b"other"]
        for one in found:
            await intake.remove(one)
        assert await router.dead() == []
    finally:
        await router.stop()
