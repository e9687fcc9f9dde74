"""What a flow waits for after its commit is sent once, by whoever has it; and the answer to the flow is never lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limen.adapters.sink import Reply, Sink
from limen.domain import ActionFailed, Actions, Outcome
from limen.domain.errors import StoreUnusable
from limen.domain.ports import Mail, Step
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.addresses import PROFILE, VERIFY_NEW, arrive, awaited, change
from tests.support.engine import NOON, House, hook, open_house

A_AND_B = {"registration.after.password": [hook("/a", id="a"), hook("/b", id="b"), {"hook": "session"}]}
AHEAD = timedelta(minutes=5)
"""How far the other process' clock is ahead: to it, whatever the first one has is left over."""


class Interrupted(MemoryCourier):
    """A courier in whose `send`, between the commit and what is awaited, something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def send(self, mail: Mail, *, id: UUID) -> None:
        await super().send(mail, id=id)
        if self.meanwhile is not None:
            await self.meanwhile()


@asynccontextmanager
async def two(path: Path, **options: Any) -> AsyncIterator[tuple[House, House]]:
    """Two processes' engines on one store, neither with a worker; the second one's clock is ahead."""
    options = {"hooks": A_AND_B, "store": f"sqlite:///{path}/limen.db", "worker": False, **options}
    async with (
        Sink() as sink,
        open_house(sink=sink, courier=Interrupted(), **options) as one,
        open_house(sink=sink, clock=FixedClock(NOON + AHEAD), **options) as other,
    ):
        yield one, other


async def of(house: House, action: str) -> UUID:
    """The delivery of an action."""
    return next(one.stream for one in house.log("DeliveryScheduled") if one.data["action"] == action)


def history(house: House, action: str) -> list[tuple[str, int]]:
    """What is recorded of a delivery's attempts."""
    (id_,) = {one.stream for one in house.log("DeliveryScheduled") if one.data["action"] == action}
    return [(one.type, one.data["attempt"]) for one in house.log() if one.stream == id_ and "attempt" in one.data]


def meanwhile(house: House, what: Callable[[], Awaitable[None]]) -> None:
    """Between the commit and what is awaited this happens."""
    assert isinstance(house.courier, Interrupted)
    house.courier.meanwhile = what


@pytest.mark.parametrize(("settings", "seconds"), [({}, (25, 25)), ({"actions": {"b": {"timeout": "2s"}}}, (25, 1))])
async def test_the_second_is_not_taken_over_while_the_first_is_asked(
    settings: Any, seconds: tuple[int, int], tmp_path: Path
) -> None:
    store, clock = f"sqlite:///{tmp_path}/limen.db", FixedClock(NOON)
    async with Sink() as sink:
        options: Any = {
            "store": store,
            "clock": clock,
            "sink": sink,
            "settings": {"worker": {"interval": "10ms"}, **settings},
        }
        async with open_house(A_AND_B, worker=False, **options) as house, open_house(A_AND_B, **options) as other:
            await other.engine.current()
            for path in ("/a", "/b"):
                sink.script(path, Reply(delay=0.2))
            submitting = asyncio.ensure_future(house.register())
            for count, passing in enumerate(seconds, 1):
                await sink.wait(count)
                for _ in range(passing):
                    clock.advance(1)
                    await asyncio.sleep(0.002)
            outcome = await submitting
            assert (outcome.completed, outcome.session_token is not None) == (True, True)
            clock.advance(3600)
            await asyncio.sleep(0.1)
            assert house.called() == ["/a", "/b"]


async def test_what_is_awaited_costs_no_append_beside_the_end_of_each() -> None:
    async with open_house(A_AND_B, worker=False) as house:
        steps: list[Step] = []
        store: Any = house.engine.streams.store
        append = store.append

        async def counted(step: Step) -> None:
            steps.append(step)
            await append(step)

        flow = await house.start("registration")
        store.append = counted
        values = {"traits": {"email": "ada@example.org"}, "password": "correct horse battery"}
        await house.engine.submit(flow.id, method="password", values=values)
        assert len(steps) == 1 + 2 + 2, "the completion; a mail taken on and sent; the end of a and of b"


async def test_what_another_process_has_sent_is_not_sent_again(tmp_path: Path) -> None:
    async with two(tmp_path) as (house, other):

        async def take_over() -> None:
            await other.engine.dispatcher.deliver(await of(house, "b"))

        meanwhile(house, take_over)
        outcome = await house.register()
        assert (outcome.completed, outcome.session_token is not None) == (True, True)
        assert house.called() == ["/b", "/a"]
        assert history(house, "b") == [("DeliveryStarted", 1), ("DeliveryStarted", 2), ("DeliveryDelivered", 2)]


async def test_what_another_process_is_sending_is_not_waited_for(tmp_path: Path) -> None:
    async with two(tmp_path) as (house, other):
        under_way: list[asyncio.Future[Any]] = []

        async def take_over() -> None:
            house.sink.script("/a", Reply(500, delay=0.3))
            under_way.append(asyncio.ensure_future(other.engine.dispatcher.deliver(await of(house, "a"))))
            await house.sink.wait(1)

        meanwhile(house, take_over)
        assert (await house.register()).session_token is not None
        assert not under_way[0].done()
        await under_way[0]
        assert house.called() == ["/a", "/b"]
        assert history(house, "a")[-1] == ("DeliveryAttempted", 2)


async def test_what_another_process_has_given_up_is_told_like_any_failure(tmp_path: Path) -> None:
    settings = {"worker": {"retry": {"attempts": 2}}}
    async with two(tmp_path, settings=settings) as (house, other):
        house.sink.script("/a", Reply(500))

        async def take_over() -> None:
            await other.engine.dispatcher.deliver(await of(house, "a"))

        meanwhile(house, take_over)
        with pytest.raises(ActionFailed, match="the target answered 500") as caught:
            await house.register()
        assert (caught.value.action, caught.value.stands) == ("a", True)
        assert caught.value.outcome.session_token is not None
        assert history(house, "a")[-1] == ("DeliveryParked", 2)
        assert history(house, "b")[-1] == ("DeliveryAttempted", 1), "the worker's, as behind any failure"


async def test_a_failure_is_told_though_the_rest_has_been_taken_over(tmp_path: Path) -> None:
    settings = {"actions": {"a": {"retry": {"attempts": 1}}}}
    async with two(tmp_path, settings=settings) as (house, other):
        house.sink.script("/a", Reply(500))

        async def take_over() -> None:
            await other.engine.dispatcher.deliver(await of(house, "b"))

        meanwhile(house, take_over)
        with pytest.raises(ActionFailed) as caught:
            await house.register()
        assert (caught.value.action, caught.value.outcome.session_token is not None) == ("a", True)
        assert house.called() == ["/b", "/a"]


async def test_a_failed_try_of_what_was_taken_over_meanwhile_is_neither_recorded_nor_repeated(tmp_path: Path) -> None:
    async with two(tmp_path) as (house, other):
        house.sink.script("/a", [Reply(500, delay=0.2), Reply(204)])
        submitting = asyncio.ensure_future(house.register())
        await house.sink.wait(1)
        await other.engine.dispatcher.deliver(await of(house, "a"))
        assert (await submitting).session_token is not None
        assert house.called() == ["/a", "/a", "/b"]
        assert history(house, "a") == [("DeliveryStarted", 1), ("DeliveryStarted", 2), ("DeliveryDelivered", 2)]


async def test_a_turn_that_comes_late_keeps_its_lease_before_anything_is_sent() -> None:
    settings = {"actions": {"a": {"timeout": "2s"}, "b": {"timeout": "2s"}}}
    async with open_house(A_AND_B, courier=Interrupted(), worker=False, settings=settings) as house:

        async def slow() -> None:
            house.clock.advance(29)

        meanwhile(house, slow)
        assert (await house.register()).session_token is not None
        assert house.called() == ["/a", "/b"]
        for action in "ab":
            assert history(house, action) == [("DeliveryStarted", 1)] * 2 + [("DeliveryDelivered", 1)]
        leases = [one.data["lease"] for one in house.log("DeliveryStarted") if one.data["attempt"] == 1]
        assert max(leases) == (NOON + timedelta(seconds=29 + 2 + 15)).isoformat().replace("+00:00", "Z")


async def test_a_change_that_waited_runs_two_lists_in_a_row_and_each_keeps_its_turn() -> None:
    slots = {
        PROFILE: [VERIFY_NEW, hook("/a", id="a")],
        "verification.after": [hook("/b", id="b")],
    }
    async with open_house(slots) as house:
        verification = await awaited(house, await change(house, await arrive(house)))
        house.sink.received.clear()
        house.sink.script("/a", Reply(delay=0.2))
        submitting = asyncio.ensure_future(house.give_code(verification))
        await house.sink.wait(1)
        leases = {(await of(house, name)): name for name in "ab"}
        until = {leases[one.stream]: one.data["lease"] for one in house.log("DeliveryStarted") if one.stream in leases}
        assert until["b"] > until["a"]
        assert (await submitting).completed
        assert house.called() == ["/a", "/b"]


async def test_the_answer_is_not_lost_where_the_store_goes_away_after_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house(A_AND_B, courier=Interrupted(), worker=False) as house:

        async def away(step: Step) -> None:
            raise StoreUnusable("the disk is full")

        async def go_away() -> None:
            monkeypatch.setattr(house.engine.streams.store, "append", away)

        meanwhile(house, go_away)
        outcome: Outcome = await house.register()
        assert (outcome.completed, outcome.session_token is not None) == (True, True)
        assert await house.engine.session(outcome.session_token) is not None


async def test_a_handler_that_runs_out_of_time_leaves_the_rest_to_who_has_it(tmp_path: Path) -> None:
    actions, begun = Actions(), asyncio.Event()

    @actions.named("mine", slots=["registration.after.password"], when="after_commit")
    async def mine(context: Any) -> None:
        begun.set()
        await asyncio.sleep(60)

    listed = [{"hook": "mine", "config": {"id": "a"}}, hook("/b", id="b"), {"hook": "session"}]
    options: Any = {"hooks": {"registration.after.password": listed}, "actions": actions}
    async with two(tmp_path, **options) as (house, other):
        submitting = asyncio.ensure_future(house.register())
        await begun.wait()
        await other.engine.current()
        await other.engine.dispatcher.deliver(await of(house, "b"))
        house.clock.advance(31)
        with pytest.raises(ActionFailed, match="timeout") as caught:
            await submitting
        assert caught.value.outcome.session_token is not None
        assert house.called() == ["/b"]
