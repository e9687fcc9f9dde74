"""Asking over real servers: a service written with plain FastStream replies, or does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import pytest
from faststream import Context
from faststream.nats import NatsBroker, NatsResponse
from faststream.rabbit import RabbitBroker, RabbitQueue, RabbitResponse
from nats.js.api import StreamConfig

from limen.adapters.bus import MemoryBus
from limen.adapters.bus.asking import asker_of, open_asker
from limen.domain import ConfigurationInvalid
from limen.domain.action import Action, BusHook
from limen.domain.configuration import FlowKind, Slot
from limen.domain.ports import Answer, Asker, CallFailed, Question
from tests.support.brokers import nats_url, own_nats, rabbit_url
from tests.support.engine import open_house, shown

PATIENCE = 30.0
"""Seconds: what fails sooner does not wait for its time to be over."""

NO = {"messages": [{"instance_ptr": "#/", "messages": [{"id": 7, "text": "no", "type": "error"}]}]}


@dataclass
class Server:
    """A real server, and a service on it."""

    kind: str
    url: str
    broker: Any

    def on(self, subject: str) -> Callable[[Callable[..., Any]], Any]:
        """Registers a replier, as anybody writes one with FastStream."""
        if self.kind == "nats":
            return self.broker.subscriber(subject, max_workers=8)  # type: ignore[no-any-return]  # of either broker
        return self.broker.subscriber(queue(subject))  # type: ignore[no-any-return]  # of either broker

    def with_status(self, body: Any, status: str) -> Any:
        """A reply with a header."""
        kind = NatsResponse if self.kind == "nats" else RabbitResponse
        return kind(body, headers={"status": status})

    @asynccontextmanager
    async def asker(self, hooks: dict[Slot, tuple[Action, ...]] | None = None) -> AsyncIterator[Asker]:
        """The service at work, and an asker."""
        async with self.broker:
            await self.broker.start()
            async with open_asker(self.url, hooks) as asker:
                yield asker


@pytest.fixture(params=["nats", "rabbit"])
def server(request: pytest.FixtureRequest) -> Server:
    url = nats_url() if request.param == "nats" else rabbit_url()
    broker = NatsBroker(url, logger=None) if request.param == "nats" else RabbitBroker(url, logger=None)
    return Server(request.param, url, broker)


@pytest.fixture
def subject() -> str:
    return f"ask.{uuid4().hex}"


def queue(subject: str) -> RabbitQueue:
    """A queue that goes with its service."""
    return RabbitQueue(subject, durable=False, auto_delete=True)


def question(subject: str, body: bytes = b'{"who": "ada"}') -> Question:
    trigger = uuid4()
    headers = {"content-type": "application/json", "Ory-Webhook-Trigger-ID": str(trigger)}
    return Question(subject, body, headers, trigger)


def hooks(subject: str) -> dict[Slot, tuple[Action, ...]]:
    action = Action("bus", "risk", "limen.yml#/hooks/0", 0, bus=BusHook(subject))
    return {Slot(FlowKind.LOGIN, "after"): (action,)}


async def fails(asker: Asker, asked: Question, timeout: float = PATIENCE) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await asker.ask(asked, timeout=timeout)
    return failed.value


# -------------------------------------------------------------------------------------------------------- it replies


async def test_a_question_arrives_whole_and_its_reply_comes_back(server: Server, subject: str) -> None:
    seen: list[Any] = []
    asked = question(subject)

    @server.on(subject)
    async def answer(
        body: dict[str, str], headers: Annotated[dict[str, str], Context("message.headers")]
    ) -> dict[str, Any]:
        seen.extend([body, headers["Ory-Webhook-Trigger-ID"]])
        return {"identity": {"metadata_public": {"asked": body["who"]}}}

    async with server.asker() as asker:
        reply = await asker.ask(asked, timeout=PATIENCE)
    assert reply == Answer(200, b'{"identity":{"metadata_public":{"asked":"ada"}}}', "application/json")
    assert seen == [{"who": "ada"}, str(asked.trigger_id)]


async def test_messages_are_a_no_and_nothing_is_a_yes(server: Server, subject: str) -> None:
    @server.on(f"{subject}.no")
    async def refuse(body: dict[str, str]) -> dict[str, Any]:
        return NO

    @server.on(f"{subject}.nothing")
    async def nod(body: dict[str, str]) -> None:
        return None

    async with server.asker() as asker:
        assert (await asker.ask(question(f"{subject}.no"), timeout=PATIENCE)).status == 400
        nothing = await asker.ask(question(f"{subject}.nothing"), timeout=PATIENCE)
        assert (nothing.status, nothing.body) == (200, b"")


async def test_a_header_gives_the_status(server: Server, subject: str) -> None:
    @server.on(f"{subject}.no")
    async def refuse(body: dict[str, str]) -> Any:
        return server.with_status(NO, "403")

    @server.on(f"{subject}.none")
    async def confuse(body: dict[str, str]) -> Any:
        return server.with_status({}, "fine")

    async with server.asker() as asker:
        assert (await asker.ask(question(f"{subject}.no"), timeout=PATIENCE)).status == 403
        failure = await fails(asker, question(f"{subject}.none"))
        assert (failure.reason, "status" in failure.detail) == ("upstream", True)


async def test_one_that_takes_its_time_keeps_no_other_question_waiting(server: Server, subject: str) -> None:
    go = asyncio.Event()

    @server.on(f"{subject}.slow")
    async def wait(body: dict[str, str]) -> dict[str, Any]:
        await go.wait()
        return {"who": "slow"}

    @server.on(f"{subject}.quick")
    async def answer(body: dict[str, str]) -> dict[str, Any]:
        return {"who": "quick"}

    async with server.asker() as asker:
        slow = asyncio.create_task(asker.ask(question(f"{subject}.slow"), timeout=PATIENCE))
        assert (await asker.ask(question(f"{subject}.quick"), timeout=PATIENCE)).body == b'{"who":"quick"}'
        go.set()
        assert (await slow).body == b'{"who":"slow"}'


# ------------------------------------------------------------------------------------------------- it does not reply


async def test_where_nobody_answers_it_fails_at_once(server: Server, subject: str) -> None:
    async with server.asker() as asker:
        failure = await fails(asker, question(subject))
        assert (failure.reason, failure.detail) == ("upstream", f"nobody answers on {subject}")


async def test_a_late_reply_is_none_and_never_the_answer_to_the_next_question(server: Server, subject: str) -> None:
    go = asyncio.Event()

    @server.on(subject)
    async def answer(body: dict[str, str]) -> dict[str, Any]:
        if body["who"] == "late":
            await go.wait()
        return body

    async with server.asker() as asker:
        failure = await fails(asker, question(subject, b'{"who": "late"}'), timeout=0.2)
        assert failure.reason == "timeout"
        go.set()
        for _ in range(5):
            assert (await asker.ask(question(subject), timeout=PATIENCE)).body == b'{"who":"ada"}'


async def test_a_replier_that_fails_is_a_reply_that_never_comes(server: Server, subject: str) -> None:
    @server.on(subject)
    async def fail(body: dict[str, str]) -> None:
        raise ValueError

    async with server.asker() as asker:
        assert (await fails(asker, question(subject), timeout=0.2)).reason == "timeout"


async def test_a_question_that_lay_in_its_queue_for_too_long_is_gone(subject: str) -> None:
    async with RabbitBroker(rabbit_url(), logger=None) as broker, open_asker(rabbit_url()) as asker:
        lying = await broker.declare_queue(queue(subject))
        assert (await fails(asker, question(subject), timeout=0.2)).reason == "timeout"
        await asyncio.sleep(0.5)  # its time began a little later there
        assert await lying.get(fail=False) is None


async def test_a_server_that_is_away_is_no_obstacle_and_is_found_when_it_is_back(subject: str) -> None:
    with own_nats() as server:
        await asyncio.to_thread(server.kill)
        async with open_asker(server.url, hooks(subject)) as asker:
            failure = await fails(asker, question(subject), timeout=0.1)
            assert failure.detail == "no connection to the bus in time"
            await asyncio.to_thread(server.start)
            await until(asker, subject, f"nobody answers on {subject}")
            await asyncio.to_thread(server.kill)
            await until(asker, subject, "NATS is away")
            await asyncio.to_thread(server.start)
            await until(asker, subject, f"nobody answers on {subject}")


async def until(asker: Asker, subject: str, detail: str) -> None:
    """Asks again and again, until that is why it fails."""
    for _ in range(600):
        if (await fails(asker, question(subject), timeout=1.0)).detail == detail:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never '{detail}'")


async def test_a_question_that_is_too_large_is_not_tried_again(subject: str) -> None:
    async with open_asker(nats_url()) as asker:
        assert (await fails(asker, question(subject, b"x" * 2**21))).reason == "too_large"


# ------------------------------------------------------------------------------------- JetStream must not answer first


@asynccontextmanager
async def stream(subject: str) -> AsyncIterator[str]:
    """A stream that captures a subject."""
    name = uuid4().hex
    async with NatsBroker(nats_url(), logger=None) as broker:
        jetstream = (await broker.connect()).jetstream()
        await jetstream.add_stream(StreamConfig(name=name, subjects=[f"{subject}.>"]))
        try:
            yield name
        finally:
            await jetstream.delete_stream(name)


async def test_a_subject_that_a_stream_captures_is_refused(subject: str) -> None:
    async with stream(subject) as name:
        with pytest.raises(ConfigurationInvalid) as refused:
            async with open_asker(nats_url(), hooks(f"{subject}.check")):
                raise AssertionError("it must not open")
        (fault,) = refused.value.faults
        assert fault.path == "/hooks/0/subject"
        assert fault.message.startswith(f"limen.yml: hook 'risk' would be answered by the stream '{name}'")
        async with open_asker(nats_url(), hooks(f"{subject}x")):
            pass


async def test_an_acknowledgement_is_no_reply(subject: str) -> None:
    async with open_asker(nats_url(), hooks(f"{subject}.check")) as asker, stream(subject):
        failure = await fails(asker, question(f"{subject}.check"))
        assert failure.reason == "upstream"
        assert "acknowledgement" in failure.detail


# ------------------------------------------------------------------------------------------------------ the other buses


async def test_a_bus_in_memory_is_asked_by_its_url_or_as_it_is(subject: str) -> None:
    bus = MemoryBus(f"memory:{subject}")

    @bus.replies.reply(subject)
    async def answer(body: bytes, headers: Any) -> dict[str, Any]:
        return NO

    for given in (bus, bus.url):
        async with open_asker(given) as asker:
            assert (await asker.ask(question(subject), timeout=PATIENCE)).status == 400
            assert (await fails(asker, question("nobody"))).detail == "nobody answers on nobody"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "kafka://127.0.0.1:1"])
async def test_a_bus_that_brings_no_reply_is_refused_where_there_are_hooks(url: str, subject: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"asks need NATS, RabbitMQ or memory:"):
        async with asker_of(url, hooks(subject)):
            raise AssertionError("it must not open")
    async with asker_of(url, {}) as asker:
        assert asker is None


# ------------------------------------------------------------------------------------------------------ the whole way


async def test_a_service_says_no_to_a_registration(server: Server, subject: str) -> None:
    @server.on(subject)
    async def judge(body: dict[str, Any]) -> dict[str, Any]:
        return NO if body["data"]["method"] == "password" else {}

    hook = {"flow": "registration", "phase": "after", "hook": "bus", "id": "it", "subject": subject, "timeout": "30s"}
    settings = {"bus": {"url": server.url, "topic": uuid4().hex}, "hooks": [hook]}
    async with server.asker(), open_house(settings=settings) as house:
        assert shown(await house.register()) == {None: [7]}
        assert not house.log("IdentityRegistered")
        outcome = await house.give_code(await house.ask_code("registration"))
        assert outcome.completed
