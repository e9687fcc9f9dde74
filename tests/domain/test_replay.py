"""The names and fields of events are the storage format; and folding what is stored has no effect on anything."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

import limen.domain.engine  # noqa: F401 - every event there is
from limen.adapters.export import Disclosure, export
from limen.adapters.store.mapper import EventMapper
from limen.domain.action_events import ActionsPlanned
from limen.domain.aggregate import Aggregate
from limen.domain.delivery import Delivery, DeliveryCanceled
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.export import Export
from limen.domain.flow import Flow
from limen.domain.handler import Actions
from limen.domain.identity import Identity
from limen.domain.lockout import Lockout
from limen.domain.machine import DELIVERY, FLOWS, Table
from limen.domain.published import PublishedConfiguration
from limen.domain.reservation import Reservation
from limen.domain.session import Session
from tests.support.engine import House, hook, ignore, open_house

STORED = Path(__file__).with_name("stored_events.json")
SAMPLES: dict[str, list[dict[str, Any]]] = json.loads(STORED.read_text(encoding="utf-8"))
"""Events as earlier versions stored them. Samples are added, never changed: these bytes are in people's databases."""

CONCRETE = {
    name: kind
    for name, kind in EVENT_TYPES.items()
    if kind.__module__.startswith("limen.domain.") and not kind.__subclasses__()
}
ENVELOPE = {"originator_id", "originator_version", "timestamp"}
AGGREGATES: dict[str, type[Aggregate]] = {
    "flow": Flow,
    "identity": Identity,
    "session": Session,
    "delivery": Delivery,
    "reservation": Reservation,
    "lockout": Lockout,
    "configuration": PublishedConfiguration,
    "export": Export,
}


def samples() -> Iterator[Any]:
    for name, listed in SAMPLES.items():
        for number, sample in enumerate(listed):
            yield pytest.param(name, sample, id=f"{name}-{number}")


@pytest.mark.parametrize(("name", "sample"), list(samples()))
def test_what_was_stored_is_read_as_the_same_event_and_written_as_the_same_bytes(
    name: str, sample: dict[str, Any]
) -> None:
    mapper, state = EventMapper(), sample["state"].encode()
    event = mapper.to_domain_event(StoredEvent(UUID(sample["stream"]), sample["version"], name, state))
    envelope = {"originator_id": sample["stream"], "originator_version": sample["version"]}
    fields, now = json.loads(state), CONCRETE[name].class_version
    then = fields.pop("class_version", 1)
    for version in range(then, now):
        getattr(CONCRETE[name], f"upcast_v{version}_v{version + 1}")(fields)
    assert type(event) is CONCRETE[name]
    assert event == CONCRETE[name].model_validate_json(json.dumps({**envelope, **fields}))
    for field, value in fields.items():
        assert json.loads(event.model_dump_json())[field] == value
    if then == now:
        assert mapper.columns(event) == (name, state)


def test_every_version_of_an_event_has_a_stored_sample() -> None:
    for name, listed in SAMPLES.items():
        versions = {json.loads(sample["state"]).get("class_version", 1) for sample in listed}
        assert versions == set(range(1, CONCRETE[name].class_version + 1)), name


def test_every_event_has_a_stored_sample_with_each_of_its_fields_and_none_was_renamed() -> None:
    assert set(SAMPLES) == set(CONCRETE)
    for name, listed in SAMPLES.items():
        fields = set(CONCRETE[name].model_fields) - ENVELOPE | {"timestamp"}
        assert set(json.loads(listed[0]["state"])) - {"class_version"} == fields, name


@pytest.mark.parametrize("name", sorted(CONCRETE))
def test_every_optional_field_was_once_stored_as_something_else_than_its_default(name: str) -> None:
    event = EventMapper().event(UUID(int=1).hex, 1, name, SAMPLES[name][0]["state"].encode())
    for field, about in CONCRETE[name].model_fields.items():
        if not about.is_required():
            assert getattr(event, field) != about.get_default(call_default_factory=True), f"{name}.{field}"


def test_an_event_that_grew_reads_what_it_wrote_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """How a change of format is made: a higher version, a step from the one before, and the old bytes still read."""
    monkeypatch.setitem(EVENT_TYPES, "DeliveryCanceled", DeliveryCanceled)

    def upcast(state: dict[str, Any]) -> None:
        state["by"] = "template" if state.pop("reason") == "canceled" else "limen"

    body = {
        "__module__": __name__,
        "__annotations__": {"by": str},
        "class_version": 2,
        "stream": "delivery",
        "upcast_v1_v2": staticmethod(upcast),
    }
    grown = type("DeliveryCanceled", (DomainEvent,), body)
    assert EVENT_TYPES["DeliveryCanceled"] is grown
    mapper, stored = EventMapper(), SAMPLES["DeliveryCanceled"][0]
    event = mapper.event(UUID(stored["stream"]).hex, 2, "DeliveryCanceled", stored["state"].encode())
    assert (type(event), event.by) == (grown, "limen")  # type: ignore[attr-defined]  # grown above
    topic, state = mapper.columns(event)
    assert state.startswith(b'{"class_version":2,')
    assert mapper.event(UUID(stored["stream"]).hex, 2, topic, state) == event


def test_a_plan_of_version_1_knows_the_rule_of_the_configured_list_alone() -> None:
    mapper = EventMapper()
    of_handlers, configured, of_all_kinds, present = [
        [(one.origin, one.rule) for one in event.actions]
        for sample in SAMPLES["ActionsPlanned"]
        for event in [mapper.event(sample["stream"], sample["version"], "ActionsPlanned", sample["state"].encode())]
        if isinstance(event, ActionsPlanned)
    ]
    assert of_handlers == [("python", None), ("python", None)]
    assert configured == [("configured", "method"), ("configured", "method")]
    assert of_all_kinds == [("configured", "default"), ("bus", None), ("python", None), ("configured", "default")]
    assert present == [("configured", "default"), ("bus", "method"), ("python", "default"), ("configured", "default")]


def test_a_handler_that_an_application_named_bus_was_a_configured_action_and_stays_one() -> None:
    named = {"hook": "bus", "id": "it", "source": "/selfservice/flows/login/after/hooks/0"}
    state: dict[str, Any] = {"rule": "method", "actions": [named]}
    ActionsPlanned.upcast_v1_v2(state)
    assert state["actions"] == [{**named, "rule": "method"}]


@pytest.mark.parametrize("state", [b"{}", b"[]", b'{"rule":"a-word-of-theirs","actions":["a-word-of-theirs"]}'])
def test_what_no_version_wrote_cannot_be_brought_up_and_says_where_it_is(state: bytes) -> None:
    mapper, stream = EventMapper(), UUID(int=7)
    for read in (mapper.event, mapper.state):
        with pytest.raises(MapperDeserialisationError, match=f"stream {stream.hex}, version 3.*its version") as failed:
            read(stream.hex, 3, "ActionsPlanned", state)
        assert "a-word-of-theirs" not in str(failed.value)


def test_what_cannot_be_read_says_where_it_is_and_nothing_of_what_is_in_it() -> None:
    mapper, stream = EventMapper(), UUID(int=7)
    bad = b'{"timestamp":"2026-03-02T12:00:00Z","reason":["a-word-of-theirs"]}'
    for topic, state in (("DeliveryCanceled", bad), ("DeliveryCanceled", bad[:-9]), ("Forgotten", b"{}")):
        with pytest.raises(MapperDeserialisationError, match=f"stream {stream.hex}, version 3") as failed:
            mapper.to_domain_event(StoredEvent(stream, 3, topic, state))
        assert "a-word-of-theirs" not in str(failed.value)


# ------------------------------------------------------------------------------------------------- real logs, folded


async def lead_a_life(house: House) -> None:
    """All five flows, with refusals, a resent code, and a delivery that fails."""
    outcome = await house.register()
    await house.sign_in(password="not the pass phrase")
    signed = await house.sign_in()
    settings = await house.start("settings", session_token=signed.session_token)
    values = {"traits": {"email": "ada@elsewhere.example"}}
    await house.engine.submit(settings.id, method="profile", values=values, session_token=signed.session_token)
    await house.verify("ada@elsewhere.example")
    recovery = await house.ask_code("recovery", "ada@elsewhere.example")
    await house.give_code(recovery, "000000")
    await house.engine.submit(recovery.id, method="code", values={"email": "ada@elsewhere.example"})
    await house.give_code(recovery)
    await house.engine.logout(signed.session_token)
    await house.until("DeliveryDelivered")
    await asyncio.to_thread(take_out, house)
    await house.engine.erase(outcome.flow.identity_id or "")
    assert await house.engine.streams.load(Flow, outcome.flow.id)


def take_out(house: House) -> None:
    """Exports the log, with what it says of people."""
    store: Any = house.engine.streams.store
    keys: Any = house.engine.tools.keyring
    export(store, io.BytesIO(), disclosure=Disclosure(store, keys, clock=house.clock))


HOOKS = {"login.before": [hook("/before")], "login.after": [hook("/after"), ignore("/told")]}


async def test_folding_a_log_again_and_again_gives_the_same_and_does_nothing() -> None:
    called: list[str] = []
    actions = Actions()

    @actions.after("login")
    async def tell(context: Any) -> None:
        called.append(context.flow.id)

    async with open_house(HOOKS, actions=actions, settings={"lockout": {}}) as house:
        await lead_a_life(house)
        log = [event for _, event in await house.engine.streams.store.log(limit=10_000)]  # type: ignore[attr-defined]
        before = (len(called), len(house.sink.received), len(house.courier.messages))
        assert all(before)
        streams: dict[UUID, list[DomainEvent]] = {}
        for event in log:
            streams.setdefault(event.originator_id, []).append(event)
        assert {events[0].stream for events in streams.values()} == set(AGGREGATES)
        for stream, events in streams.items():
            kind = AGGREGATES[events[0].stream]
            once, twice = kind.replay(stream, events), kind.replay(stream, events)
            kept = await house.engine.streams.load(kind, stream)
            assert vars(once) == vars(twice) == vars(kept)
            half = kind.replay(stream, events[: len(events) // 2])
            for event in events[len(events) // 2 :]:
                half.fold(event)
            assert vars(half) == vars(once)
            assert once.version == len(events)
        assert (len(called), len(house.sink.received), len(house.courier.messages)) == before


async def test_every_recorded_event_follows_an_arrow_of_its_table() -> None:
    async with open_house(HOOKS) as house:
        await lead_a_life(house)
        log = [event for _, event in await house.engine.streams.store.log(limit=10_000)]  # type: ignore[attr-defined]
    followed = set()
    for stream in {event.originator_id for event in log if event.stream in ("flow", "delivery")}:
        events = [event for event in log if event.originator_id == stream]
        one = AGGREGATES[events[0].stream](stream)
        one.fold(events[0])
        table = table_of(one)
        for event in events[1:]:
            source: str = one.state  # type: ignore[attr-defined]  # all here have it
            one.fold(event)
            step = (source, one.state, type(event).__name__)  # type: ignore[attr-defined]  # as above
            assert step in {(left, to, name) for left, _, to, name in table.edges()}
            followed.add(step)
    assert len(followed) >= 18  # most of the arrows; which deliveries had to wait is a matter of speed


def table_of(one: Any) -> Table:
    return DELIVERY if isinstance(one, Delivery) else FLOWS[one.kind]
