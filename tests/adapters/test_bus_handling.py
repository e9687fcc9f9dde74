"""What a group does with messages that are not as they should be, and with handlers that are not either."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from limen.adapters.bus import ActionRouter, DeadLetter, MemoryBus, Message, Once
from limen.adapters.bus.handling import NEVER_DONE, Handling
from limen.adapters.bus.intake import Incoming
from limen.adapters.bus.registry import Registry
from limen.domain.events import ActionsPlanned, FlowCompleted, FlowInitiated, SessionRevoked
from limen.domain.slot_names import slot_of
from tests.support.bus import QUICK, TIME, completed, new_topic, revoked, until


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


def planned(**changes: Any) -> Incoming:
    """A plan as version 1 published it: no action has a rule."""
    action = {"hook": "web_hook", "id": "welcome", "position": 0, "phase": "after", "method": "password"}
    action |= {"source": "/selfservice/flows/login/after/password/hooks/0", "timing": "before_commit"}
    plan = {"originator_id": str(uuid4()), "originator_version": 5, "timestamp": TIME, "deadline": TIME}
    plan |= {"phase": "after", "method": "password", "rule": "method", "configuration": str(uuid4())}
    told = {**plan, "actions": [{**action, "origin": "configured"}], **changes}
    data = json.dumps({name: value for name, value in told.items() if value is not None}).encode()
    return replace(incoming(dataschema="urn:limen:ActionsPlanned:1"), data=data)


async def test_an_older_version_of_an_event_is_brought_up_to_the_present_one(group: Group) -> None:
    rules: list[str | None] = []

    def note(event: ActionsPlanned) -> None:
        rules.extend(action.rule for action in event.actions)

    group.registry.add_event(ActionsPlanned, note, "note", None)
    await group.handling.receive(planned())
    assert (rules, group.parked) == (["method"], [])


@pytest.mark.parametrize("actions", [None, [{"hook": "bus", "source": 7}]], ids=["left out", "of another kind"])
async def test_what_no_older_version_said_is_parked(group: Group, actions: Any) -> None:
    group.registry.add_event(ActionsPlanned, lambda: group.told.append(1), "note", None)
    await group.handling.receive(planned(actions=actions))
    assert group.told == []
    assert "does not fit ActionsPlanned" in group.parked[0].error


async def test_a_message_that_ends_its_process_each_time_is_parked_at_last(group: Group) -> None:
    group.registry.add_event(SessionRevoked, lambda: group.told.append(1), "note", None)
    await group.handling.receive(incoming(delivered=NEVER_DONE))
    assert group.told == [1]
    await group.handling.receive(incoming(delivered=NEVER_DONE + 1))
    assert group.told == [1]
    assert group.parked[0].error.startswith("NeverDone: brought 21 times")


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


@pytest.mark.parametrize("start", [["crm.py"], ["-m", "crm"], ["-c", "import crm"]])
def test_a_handler_has_the_same_id_however_its_program_was_started(start: list[str], tmp_path: Path) -> None:
    (tmp_path / "crm.py").write_text(
        "from limen.adapters.bus.registry import Registry\n"
        "from limen.domain.events import SessionRevoked\n"
        "def note(): ...\n"
        "registry = Registry()\n"
        "registry.add_event(SessionRevoked, note, None, None)\n"
        "print(registry.handlers[0].id)\n"
    )
    done = subprocess.run([sys.executable, *start], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "crm.note\n"


async def test_what_looks_plain_and_leads_to_a_coroutine_is_awaited(group: Group) -> None:
    async def note() -> None:
        await asyncio.sleep(0)
        group.told.append(1)

    class Callable:
        async def __call__(self) -> None:
            group.told.append(2)

    group.registry.add_event(SessionRevoked, lambda: note(), "wrapped", None)
    group.registry.add_event(SessionRevoked, Callable(), "object", None)
    await group.handling.receive(incoming())
    assert group.told == [1, 2]
    assert group.parked == []


async def test_a_plain_handler_that_raises_stop_iteration_has_failed(group: Group) -> None:
    def find() -> None:
        next(iter(()))

    group.registry.add_event(SessionRevoked, find, "find", None)
    async with asyncio.timeout(10):
        await group.handling.receive(incoming())
    assert group.parked[0].error == "RuntimeError: the handler raised StopIteration"


async def test_the_same_id_in_two_places_is_two_handlers_for_once(group: Group, tmp_path: Path) -> None:
    once = Once(tmp_path / "once.db")

    async def note(tx: object) -> None:
        group.told.append(1)

    group.registry.add_event(FlowCompleted, note, "note", once)
    group.registry.add_slot(slot_of("login", "after", None), note, "note", once)
    envelope = completed("t", uuid4(), "code")
    for _ in range(2):
        await group.handling.receive(Incoming(envelope.attributes, envelope.data))
    assert group.told == [1, 1]


async def test_a_flow_of_a_kind_that_only_a_newer_limen_knows_is_passed_over(group: Group) -> None:
    group.registry.add_slot(slot_of("login", "after", None), lambda: group.told.append(1), "note", None)
    envelope = completed("t", uuid4(), "code")
    await group.handling.receive(Incoming({**envelope.attributes, "flow": "consent"}, envelope.data))
    assert (group.told, group.parked) == ([], [])


async def test_only_the_first_line_of_an_error_is_kept(group: Group) -> None:
    def broken() -> None:
        raise ValueError("duplicate key\nDETAIL: Key (email)=(ada@example.org) already exists")

    group.registry.add_event(SessionRevoked, broken, "broken", None)
    await group.handling.receive(incoming())
    assert group.parked[0].error == "ValueError: duplicate key"


async def test_once_may_be_given_what_it_is_made_of(tmp_path: Path) -> None:
    told: list[object] = []
    bus = MemoryBus(f"memory:{new_topic()}")
    router = ActionRouter(bus, "crm", topic="t", retry=QUICK)

    @router.on(SessionRevoked, once=tmp_path / "crm.db")
    async def note(tx: object) -> None:
        told.append(tx)

    async with router:
        bus.state.append(revoked("t", uuid4(), 1))
        await until(lambda: len(told) == 1)


async def test_a_router_without_handlers_is_refused_at_its_start() -> None:
    router = ActionRouter(MemoryBus(f"memory:{new_topic()}"), "crm")
    with pytest.raises(RuntimeError, match="has no handlers"):
        await router.start()
