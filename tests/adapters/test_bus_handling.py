"""What a group does with messages that are not as they should be, and with handlers that are not either."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from limen.adapters.bus import ActionRouter, DeadLetter, MemoryBus, Message
from limen.adapters.bus.handling import Handling
from limen.adapters.bus.intake import Incoming
from limen.adapters.bus.registry import Registry
from limen.domain.events import FlowCompleted, FlowInitiated, SessionRevoked
from tests.support.bus import QUICK, completed, new_topic, revoked


class Group:
    """A group's handlers, what they were given, and what was parked."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.parked: list[DeadLetter] = []
        self.told: list[int] = []
        self.handling = Handling("crm", self.registry, QUICK, 5.0, 0, self._park)

    async def _park(self, letter: DeadLetter) -> None:
        self.parked.append(letter)


@pytest.fixture
def group() -> Group:
    return Group()


def incoming(stream: UUID | None = None, version: int = 1, delivered: int = 1, **changes: str) -> Incoming:
    envelope = revoked("t", stream or uuid4(), version)
    return Incoming({**envelope.attributes, **changes}, envelope.data, delivered)


async def test_an_event_that_only_a_newer_limen_knows_is_passed_over(group: Group) -> None:
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    await group.handling.receive(incoming(dataschema="urn:limen:SessionDreamt:1"))
    assert (group.told, group.parked) == ([], [])


async def test_a_newer_version_of_an_event_is_parked_for_a_newer_consumer(group: Group) -> None:
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    await group.handling.receive(incoming(dataschema="urn:limen:SessionRevoked:99"))
    assert group.told == []
    assert "update this consumer" in group.parked[0].error


async def test_a_message_that_ends_its_process_each_time_is_parked_at_last(group: Group) -> None:
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    await group.handling.receive(incoming(delivered=QUICK.attempts))
    assert group.told == [1]
    await group.handling.receive(incoming(delivered=QUICK.attempts + 1))
    assert group.told == [1]
    assert group.parked[0].error.startswith("NeverDone: brought 4 times")


async def test_a_handler_that_raises_cancelled_by_itself_has_failed(group: Group) -> None:
    async def fragile(message: Message) -> None:
        group.told.append(message.attempt)
        raise asyncio.CancelledError

    group.registry.add_event(SessionRevoked, fragile, "fragile", None)
    await group.handling.receive(incoming())
    assert group.told == [1, 2, 3]
    assert group.parked[0].error == "CancelledError"


async def test_who_is_called_off_parks_nothing(group: Group) -> None:
    started = asyncio.Event()

    async def slow() -> None:
        started.set()
        await asyncio.Event().wait()

    group.registry.add_event(SessionRevoked, slow, "slow", None)
    receiving = asyncio.create_task(group.handling.receive(incoming()))
    await started.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert group.parked == []


async def test_one_handler_that_fails_keeps_no_other_from_the_message(group: Group) -> None:
    def broken() -> None:
        raise ValueError("no")

    group.registry.add_event(SessionRevoked, broken, "broken", None)
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    await group.handling.receive(incoming())
    assert group.told == [1]
    assert [letter.handler for letter in group.parked] == ["SessionRevoked=broken"]


async def test_data_that_was_left_out_stands_as_left_out(group: Group) -> None:
    seen: list[FlowCompleted] = []
    group.registry.add_event(FlowCompleted, lambda event: seen.append(event), "see", None)
    envelope = completed("t", uuid4(), "code")
    data = envelope.data.replace(b'"code"', b'"password"')
    await group.handling.receive(Incoming(envelope.attributes, data))
    assert seen[0].method == "password"
    assert seen[0].originator_id == UUID(envelope.stream)


@pytest.mark.parametrize("name", ["id", "subject", "sequence", "time", "dataschema"])
async def test_a_message_without_an_attribute_is_parked(group: Group, name: str) -> None:
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    whole = incoming()
    without = {key: value for key, value in whole.attributes.items() if key != name}
    await group.handling.receive(replace(whole, attributes=without))
    assert group.told == []
    assert len(group.parked) == 1


def test_handlers_are_refused_where_they_are_wrong() -> None:
    router = ActionRouter(MemoryBus(f"memory:{new_topic()}"), "crm")
    with pytest.raises(TypeError, match="asks for 'evnt'"):
        router.after("login")(lambda evnt: None)
    with pytest.raises(TypeError, match="once=Once"):
        router.after("login")(lambda event, tx: None)

    def misplaced(event: FlowInitiated) -> None: ...

    with pytest.raises(TypeError, match="annotated for FlowInitiated, but is given FlowCompleted"):
        router.after("login")(misplaced)
    router.after("login", id="one")(lambda event: None)
    with pytest.raises(ValueError, match=r"registered for login\.after already"):
        router.after("login", id="one")(lambda event: None)
    with pytest.raises(ValueError, match="knows no method 'telepathy'"):
        router.after("login", method="telepathy")
    with pytest.raises(ValueError, match="no event that limen publishes"):
        router.on("IdentityErased")(lambda event: None)  # type: ignore[arg-type]  # the mistake that is tried
    with pytest.raises(ValueError, match="group 'a b'"):
        ActionRouter(MemoryBus(), "a b")
    with pytest.raises(TypeError, match="takes a FastStream broker"):
        ActionRouter("nats://127.0.0.1", "crm")


def test_a_handler_has_the_same_id_however_its_program_was_started() -> None:
    registry = Registry()

    def note() -> None: ...

    note.__module__ = "__main__"
    registry.add_event(SessionRevoked, note, None, None)
    assert not registry.handlers[0].id.startswith("__main__.")
