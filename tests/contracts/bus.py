"""What every bus keeps: order within a stream, at least once, and nothing lost with a consumer.

A bus' own file derives from `BusContract` (or `DurableBusContract`, where messages outlive a process) and gives `url`.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from limen.adapters.bus import ActionRouter, Message, Once
from limen.adapters.bus.envelope import Envelope
from limen.domain.errors import GroupDiffers
from limen.domain.events import FlowCompleted, FlowInitiated, SessionRevoked
from tests.support.bus import Handled, completed, initiated, new_topic, publish, publishing, revoked, router_of, until
from tests.support.consumer import rows_of

ROOT = Path(__file__).parents[2]


def interleaved(topic: str, streams: Sequence[UUID], versions: range) -> list[Envelope]:
    """Events of several streams, as a log holds them: by turns."""
    return [revoked(topic, stream, version) for version in versions for stream in streams]


def at_least(database: Path, count: int) -> bool:
    """Whether so many events have been written."""
    return len(rows_of(str(database))) >= count


class BusContract:
    """The contract of a bus."""

    keeps_history = True
    """A group that comes later gets what was published before it."""

    tells_apart = True
    """What is published again with the same id does not arrive again, within the bus' own window."""

    @pytest.fixture
    def url(self) -> str:
        """Where the bus is."""
        raise AssertionError("each bus says where it is")

    @pytest.fixture
    def topic(self) -> str:
        """A topic of its own; a bus that keeps it deletes it afterwards."""
        return new_topic()

    @staticmethod
    def noting(router: ActionRouter, handled: Handled) -> ActionRouter:
        """Notes every `SessionRevoked`."""

        @router.on(SessionRevoked, id="note")
        async def note(message: Message) -> None:
            handled.ids.append(message.id)

        return router

    async def test_order_holds_within_each_stream_and_everything_arrives(self, url: str, topic: str) -> None:
        handled, streams = Handled(), [uuid4() for _ in range(12)]
        async with self.noting(router_of(url, topic), handled), publishing(url, topic) as publisher:
            await publish(publisher, interleaved(topic, streams, range(1, 21)))
            await handled.until(240)
        assert all(handled.of(stream) == list(range(1, 21)) for stream in streams)

    async def test_what_is_published_again_is_told_apart_by_its_id(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        async with self.noting(router_of(url, topic), handled), publishing(url, topic) as publisher:
            events = [revoked(topic, stream, version) for version in range(1, 6)]
            await publish(publisher, events)
            await publish(publisher, events)
            await publish(publisher, [revoked(topic, stream, 6)])
            await until(lambda: 6 in handled.of(stream))
        assert sorted(set(handled.of(stream))) == [1, 2, 3, 4, 5, 6]
        if self.tells_apart:
            assert handled.of(stream) == [1, 2, 3, 4, 5, 6]

    async def test_a_group_that_comes_later_gets_what_was_published_before(self, url: str, topic: str) -> None:
        if not self.keeps_history:
            return  # a queue holds what was published since it was bound
        handled, stream = Handled(), uuid4()
        async with publishing(url, topic) as publisher:
            await publish(publisher, [revoked(topic, stream, version) for version in (1, 2, 3)])
            async with self.noting(router_of(url, topic), handled):
                await handled.until(3)
        assert handled.of(stream) == [1, 2, 3]

    async def test_a_position_to_begin_after(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        events = [revoked(topic, stream, version) for version in (1, 2, 3, 4)]
        router = router_of(url, topic, since=events[1].position)
        async with self.noting(router, handled), publishing(url, topic) as publisher:
            await publish(publisher, events)
            await handled.until(2)
        assert handled.of(stream) == [3, 4]

    async def test_a_group_goes_on_where_it_was_stopped(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        async with publishing(url, topic) as publisher:
            async with self.noting(router_of(url, topic), handled):
                await publish(publisher, [revoked(topic, stream, version) for version in (1, 2)])
                await handled.until(2)
                await asyncio.sleep(0.05)  # its acknowledgement is on the way
            await publish(publisher, [revoked(topic, stream, version) for version in (3, 4)])
            async with self.noting(router_of(url, topic), handled):
                await handled.until(4)
        assert handled.of(stream) == [1, 2, 3, 4]

    async def test_every_group_gets_everything(self, url: str, topic: str) -> None:
        one, other, stream = Handled(), Handled(), uuid4()
        async with (
            self.noting(router_of(url, topic, "one"), one),
            self.noting(router_of(url, topic, "other"), other),
            publishing(url, topic) as publisher,
        ):
            await publish(publisher, [revoked(topic, stream, version) for version in (1, 2, 3)])
            await one.until(3)
            await other.until(3)
        assert one.of(stream) == other.of(stream) == [1, 2, 3]

    async def test_members_of_a_group_share_the_work_in_order(self, url: str, topic: str) -> None:
        handled, streams = Handled(), [uuid4() for _ in range(5)]
        first, second = (self.noting(router_of(url, topic), handled) for _ in range(2))
        async with first, second, publishing(url, topic) as publisher:
            await publish(publisher, interleaved(topic, streams, range(1, 9)))
            await handled.until(40)
        assert len(handled.ids) == 40
        assert all(handled.of(stream) == list(range(1, 9)) for stream in streams)

    async def test_a_router_with_other_handlers_is_refused_while_the_group_is_at_work(
        self, url: str, topic: str
    ) -> None:
        handled = Handled()
        async with self.noting(router_of(url, topic), handled):
            other = router_of(url, topic)
            other.on(SessionRevoked, id="something_else")(lambda message: None)
            with pytest.raises(GroupDiffers, match="something_else"):
                await other.start()
            await other.stop()

    async def test_the_list_of_a_method_overrides_the_default(self, url: str, topic: str) -> None:
        told: list[tuple[str, str | None]] = []
        router = router_of(url, topic)

        @router.before("login")
        async def begun(event: FlowInitiated, message: Message) -> None:
            told.append(("before", message.flow))

        @router.after("login")
        async def touched(event: FlowCompleted) -> None:
            told.append(("default", event.method))

        @router.after("login", method="oidc")
        def enrich(event: FlowCompleted, message: Message) -> None:
            told.append(("oidc", message.method))

        async with router, publishing(url, topic) as publisher:
            flow = uuid4()
            await publish(
                publisher,
                [
                    initiated(topic, flow),
                    completed(topic, flow, "password"),
                    completed(topic, uuid4(), "oidc"),
                    completed(topic, uuid4(), "password", kind="registration"),
                    completed(topic, uuid4(), "code"),
                ],
            )
            await until(lambda: len(told) >= 4)
        assert sorted(told, key=str) == sorted(
            [("before", "login"), ("default", "password"), ("oidc", "oidc"), ("default", "code")], key=str
        )

    async def test_what_nobody_handles_holds_up_nothing(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        async with self.noting(router_of(url, topic), handled), publishing(url, topic) as publisher:
            await publish(publisher, [initiated(topic, uuid4()) for _ in range(50)])
            await publish(publisher, [revoked(topic, stream, 1)])
            await handled.until(1)
        assert handled.of(stream) == [1]

    async def test_what_always_fails_is_parked_with_its_error_and_can_be_replayed(
        self, url: str, topic: str, tmp_path: Path
    ) -> None:
        handled, stream, broken, tries = Handled(), uuid4(), [True], []
        router = self.noting(router_of(url, topic), handled)

        @router.on(SessionRevoked, id="fragile", once=Once(tmp_path / "once.db"))
        async def fragile(message: Message, tx: object) -> None:
            tries.append((message.sequence, message.attempt))
            if message.sequence == 2 and broken[0]:
                raise ValueError("no such customer")

        async with router, publishing(url, topic) as publisher:
            await publish(publisher, [revoked(topic, stream, version) for version in (1, 2, 3)])
            await until(lambda: (3, 1) in tries)
            assert handled.of(stream) == [1, 2, 3]
            assert tries == [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1)]
            (letter,) = await router.dead()
            assert (letter.id, letter.error, letter.attempts) == (f"{stream}:2", "ValueError: no such customer", 3)
            (still,) = await router.replay()
            assert still.attempts == 4
            broken[0] = False
            assert await router.replay() == []
            assert await router.dead() == []
            assert tries[-1] == (2, 4)
            assert handled.of(stream) == [1, 2, 3]  # the one that had not failed was not asked again

    async def test_a_message_that_cannot_be_read_is_parked_and_the_next_one_comes(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        garbage = replace(revoked(topic, stream, 1), data=b"no JSON at all")
        router = self.noting(router_of(url, topic), handled)
        async with router, publishing(url, topic) as publisher:
            await publish(publisher, [garbage, revoked(topic, stream, 2)])
            await handled.until(1)
            assert handled.of(stream) == [2]
            (letter,) = await router.dead()
        assert letter.data == b"no JSON at all"
        assert "SessionRevoked" in letter.error

    async def test_a_stopped_router_can_be_started_again(self, url: str, topic: str) -> None:
        handled, stream = Handled(), uuid4()
        router = self.noting(router_of(url, topic), handled)
        async with publishing(url, topic) as publisher:
            for version in (1, 2):
                async with router:
                    await publish(publisher, [revoked(topic, stream, version)])
                    await handled.until(version)
                    await asyncio.sleep(0.05)  # its acknowledgement is on the way
        assert handled.of(stream) == [1, 2]


class DurableBusContract(BusContract):
    """A bus whose messages outlive the processes of its consumers."""

    @staticmethod
    def consumer(url: str, topic: str, database: Path, seconds: float = 0.0) -> "subprocess.Popen[str]":
        """A consumer in a process of its own, at work."""
        command = [sys.executable, "-m", "tests.support.consumer", url, topic, "crm", str(database), str(seconds)]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    async def test_a_killed_consumer_loses_nothing_and_effects_are_there_once(
        self, url: str, topic: str, tmp_path: Path
    ) -> None:
        database, streams = tmp_path / "effects.db", [uuid4() for _ in range(4)]
        child = await asyncio.to_thread(self.consumer, url, topic, database, 0.01)
        async with publishing(url, topic) as publisher:
            await publish(publisher, interleaved(topic, streams, range(1, 11)))
            for kill_at in (5, 15):
                await until(partial(at_least, database, kill_at), seconds=60)
                child.kill()
                child.communicate()
                child = await asyncio.to_thread(self.consumer, url, topic, database, 0.01)
            try:
                await until(
                    lambda: len(rows_of(str(database))) >= 40, lambda: f"{len(rows_of(str(database)))} of 40", 60
                )
            finally:
                child.kill()
                child.communicate()
        rows = rows_of(str(database))
        assert len(rows) == 40
        for stream in streams:
            assert [sequence for _, of, sequence in rows if of == str(stream)] == list(range(1, 11))
