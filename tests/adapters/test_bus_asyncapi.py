"""The contract for consumers: what the AsyncAPI document and the schemas say is what is sent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import typer
from cloudevents.core.bindings import http, kafka, rabbitmq
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema, Message

from limen.adapters.bus import names
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.contract.asyncapi import document
from limen.adapters.bus.contract.attributes import ATTRIBUTES
from limen.adapters.bus.contract.catalogue import kinds_of, published
from limen.adapters.bus.contract.examples import example
from limen.adapters.bus.contract.places import PLACES
from limen.adapters.bus.contract.schemas import PERSONAL, bus_schema
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.envelope import CONTENT_TYPE, Envelope, event_of, reduced, sealed_fields
from limen.adapters.bus.headers import written
from limen.adapters.bus.nats.streams import DUPLICATE_SECONDS
from limen.adapters.bus.redis.keys import DATA
from limen.adapters.bus.source import LogSource
from limen.adapters.cli.app import app
from limen.adapters.keyring import Keys
from limen.adapters.reference import build, compare
from limen.adapters.store import LogStore
from limen.adapters.unsealing import Unsealer
from limen.domain.errors import BusUnusable, FlowRejected
from limen.domain.events import EVENT_TYPES
from tests.support.cli import ROOT, invoked
from tests.support.engine import ADA, House, ignore, messages, open_house, parse, quick
from tests.support.factors import FACTORS, keep_codes, press, prove
from tests.support.provider import Abroad, abroad

DOCUMENT = document()
EVENTS = published()
COMMANDS = typer.main.get_command(app)
HOOKS = {
    "registration.after.password": [ignore("/welcome", id="welcome"), {"hook": "session"}],
    "login.before": [parse("/address", id="address")],
    "login.after": [parse("/risk", id="risk")],
}


# --------------------------------------------------------------------------------------------------------- the document


def test_faststream_s_models_take_the_document() -> None:
    schema = ApplicationSchema.model_validate(DOCUMENT)
    assert schema.to_jsonable() == DOCUMENT
    assert schema.components is not None
    assert schema.components.messages is not None
    assert all(isinstance(message, Message) for message in schema.components.messages.values())


def test_every_reference_leads_somewhere() -> None:
    references = set(referred(DOCUMENT))
    assert "#/components/messages/FlowCompleted" in references
    for reference in references:
        assert resolved(reference)


def test_every_event_is_in_it_under_each_address_it_goes_to() -> None:
    assert set(EVENTS) == set(DOCUMENT["components"]["messages"])
    assert {name for name, event in EVENT_TYPES.items() if limen_s(event)} == set(EVENTS)
    addresses = {names.subject("limen", kind, name): name for name, event in EVENTS.items() for kind in kinds_of(event)}
    channels = DOCUMENT["channels"].values()
    assert {channel["address"]: next(iter(channel["messages"])) for channel in channels} == addresses
    assert len(DOCUMENT["operations"]) == len(addresses)
    assert addresses["limen.events.login.completed"] == "FlowCompleted"
    assert "limen.events.settings.challenge_sent" not in addresses


def limen_s(event: type) -> bool:
    """Whether it is one of limen's own that is recorded: no test's, and no base of others."""
    return event.__module__.startswith("limen.") and not event.__subclasses__()


def test_every_example_fits_the_schemas_beside_it_and_limen_reads_it() -> None:
    for name, message in DOCUMENT["components"]["messages"].items():
        assert [one["name"] for one in message["examples"]] == ["ids", "personalData"][: len(message["examples"])]
        assert len(message["examples"]) == (2 if sealed_fields(EVENTS[name]) else 1)
        for one in message["examples"]:
            within(message["headers"]).validate(one["headers"])
            within(message["payload"]).validate(one["payload"])
            attributes = {key.removeprefix("ce-"): value for key, value in one["headers"].items()}
            assert type(event_of(attributes, orjson.dumps(one["payload"]))) is EVENTS[name]


def test_headers_are_required_in_either_spelling_and_of_the_message_s_own_event() -> None:
    headers = DOCUMENT["components"]["messages"]["FlowCompleted"]["headers"]
    good = written(example(EVENTS["FlowCompleted"]))
    on_kafka = written(example(EVENTS["FlowCompleted"]), "ce_")
    validator = within(headers)
    for spelled, prefix in ((good, "ce-"), (on_kafka, "ce_")):
        validator.validate(spelled)
        for one in ATTRIBUTES:
            if one.always:
                assert not validator.is_valid({k: v for k, v in spelled.items() if k != f"{prefix}{one.name}"})
        assert not validator.is_valid({**spelled, f"{prefix}type": "limen.login.opened"})
        assert not validator.is_valid({**spelled, f"{prefix}dataschema": "urn:limen:FlowOpened:1"})
        assert not validator.is_valid({**spelled, f"{prefix}sequence": "4"})


def test_another_topic_is_named_everywhere() -> None:
    text = json.dumps(document("crm"))
    assert '"crm.events.login.completed"' in text
    assert "limen.events" not in text
    with pytest.raises(BusUnusable, match="topic 'no topic'"):
        document("no topic")


@pytest.mark.parametrize(
    ("url", "hosts", "protocol"),
    [
        ("nats://ada:pa55@bus.example.org:4222", ["bus.example.org:4222"], "nats"),
        ("amqps://ada:pa55@bus.example.org/vhost", ["bus.example.org"], "amqps"),
        ("redis://:pa55@bus.example.org:6379/3", ["bus.example.org:6379"], "redis"),
        (
            "kafka://ada:pa55@one.example.org:9092,two.example.org",
            ["one.example.org:9092", "two.example.org"],
            "kafka-secure",
        ),
        ("kafka://one.example.org:9092", ["one.example.org:9092"], "kafka"),
    ],
)
def test_a_server_is_named_without_its_credentials(url: str, hosts: list[str], protocol: str) -> None:
    found = document(bus=url)
    assert [server["host"] for server in found["servers"].values()] == hosts
    assert {server["protocol"] for server in found["servers"].values()} == {protocol}
    assert "pa55" not in json.dumps(found)
    assert "ada:" not in json.dumps(found)


def test_what_is_no_server_is_refused() -> None:
    with pytest.raises(BusUnusable, match="in memory"):
        document(bus="memory:")
    with pytest.raises(BusUnusable, match="names no bus"):
        document(bus="https://bus.example.org")


def test_the_words_say_what_the_code_does() -> None:
    told = {place.kind: place.told("limen") for place in PLACES}
    assert f"within {DUPLICATE_SECONDS:g} s" in told["nats"]
    assert f"and `{DATA}`, which is the event" in told["redis"]
    assert {place.kind for place in PLACES} == {BusAddress.of(f"{place.protocol}://h").kind for place in PLACES}


def test_the_command_prints_what_is_committed() -> None:
    committed = (ROOT / "docs" / "reference" / "bus" / "asyncapi.json").read_text()
    ran = invoked("bus", "asyncapi")
    assert (ran.code, ran.out) == (0, committed)
    named = invoked("bus", "asyncapi", "--bus", "nats://ada:pa55@bus.example.org", "--topic", "crm")
    assert list(named.json["servers"]) == ["nats"]


def test_pages_of_the_bus_drift_like_all_others(tmp_path: Path) -> None:
    build(tmp_path, COMMANDS)
    (tmp_path / "bus.md").write_text("changed by hand")
    (tmp_path / "bus" / "FlowOpened.json").unlink()
    (tmp_path / "bus" / "NoSuchEvent.json").write_text("{}")
    assert {(drift.path.name, drift.what) for drift in compare(tmp_path, COMMANDS)} == {
        ("bus.md", "different"),
        ("FlowOpened.json", "missing"),
        ("NoSuchEvent.json", "left over"),
    }


def test_no_client_of_a_bus_has_to_be_installed() -> None:
    without = "import sys; sys.modules.update(dict.fromkeys(('nats', 'aio_pika', 'aiormq', 'redis', 'aiokafka')))"
    program = (
        f"{without}; from limen.adapters.bus.contract.asyncapi import document; print(len(document()['channels']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"{len(DOCUMENT['channels'])}\n", "")


# ---------------------------------------------------------------------------------------------------------- the schemas


def test_a_schema_goes_by_its_dataschema_and_needs_no_other() -> None:
    for event in EVENTS.values():
        schema = bus_schema(event)
        assert schema["$id"] == names.schema(event)
        assert not list(referred(schema))
        assert set(schema["properties"]) == set(event.model_fields)
        sealed = {name for name, one in schema["properties"].items() if one.get(PERSONAL)}
        assert sealed == set(sealed_fields(event)) == set(event.model_fields) - set(schema["required"])


async def test_whatever_happens_is_sent_as_the_schemas_say() -> None:
    async with abroad(HOOKS, settings=quick("welcome"), worker=True, methods=FACTORS) as there:
        house = there.house
        await through_a_provider(there)
        person = await everything(house)
        by_default, in_clear = await sent(house), await sent(house, personal_data=True)
        await house.engine.erase(person)
        after = await sent(house, personal_data=True)
    told = {name_of(envelope) for envelope in after}
    assert len(told) > len(EVENTS) * 2 / 3
    for envelope in (*by_default, *in_clear, *after):
        conform(envelope)
    assert not [envelope for envelope in by_default if ADA.encode() in envelope.data]
    assert [envelope for envelope in in_clear if ADA.encode() in envelope.data]
    assert not [envelope for envelope in after if ADA.encode() in envelope.data]
    erased = [envelope for envelope in after if name_of(envelope) == "IdentityRegistered"]
    assert [orjson.loads(envelope.data)["profile"] for envelope in erased][1:] == [{"erased": True}]


async def test_personal_data_has_the_form_that_the_examples_show() -> None:
    async with open_house(HOOKS, settings=quick("welcome"), selfservice={"methods": FACTORS}) as house:
        await everything(house)
        in_clear = await sent(house, personal_data=True)
    compared = set()
    for envelope in in_clear:
        event = EVENTS[name_of(envelope)]
        real, shown = (orjson.loads(one.data) for one in (envelope, example(event, personal_data=True)))
        for name in sealed_fields(event):
            if real[name] is not None:
                compared.add(name)
                assert real[name].keys() == shown[name].keys()
    assert compared == {name for event in EVENTS.values() for name in sealed_fields(event)}


def test_what_was_too_large_names_what_it_lacks() -> None:
    whole = example(EVENTS["ConfigurationPublished"])
    small = reduced(whole, limit=200)
    within(DOCUMENT["components"]["messages"]["ConfigurationPublished"]["headers"]).validate(written(small))
    missing = set(small.attributes["omitted"].split(","))
    assert missing
    assert orjson.loads(small.data).keys() == orjson.loads(whole.data).keys() - missing


# -------------------------------------------------------------------------------------------------- the CloudEvents SDK


@pytest.mark.parametrize("name", EVENTS)
def test_the_sdk_reads_what_is_sent(name: str) -> None:
    envelope = example(EVENTS[name])
    on_kafka = {header: value.encode() for header, value in written(envelope, "ce_").items()}
    in_amqp = {f"ce-{header}": value for header, value in envelope.attributes.items()}
    for event in (
        http.from_binary_event(http.HTTPMessage(written(envelope), envelope.data)),
        kafka.from_binary_event(kafka.KafkaMessage(on_kafka, envelope.stream, envelope.data)),
        rabbitmq.from_binary_event(rabbitmq.RabbitMQMessage(in_amqp, CONTENT_TYPE, envelope.data)),
    ):
        found = event.get_attributes()
        assert found.pop("datacontenttype") == CONTENT_TYPE
        found["time"] = found["time"].isoformat().replace("+00:00", "Z")
        assert found == envelope.attributes
        assert event.get_data() == orjson.loads(envelope.data)


# -------------------------------------------------------------------------------------------------------------- helpers


def referred(value: Any) -> Iterator[str]:
    """Every `$ref` below a value."""
    if isinstance(value, list):
        for part in value:
            yield from referred(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key == "$ref":
                yield part
            else:
                yield from referred(part)


def resolved(reference: str) -> Any:
    at: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        at = at[part]
    return at


def within(schema: dict[str, Any]) -> Any:
    """A validator for a schema that stands in the document."""
    return _within(json.dumps(schema))


@lru_cache
def _within(schema: str) -> Any:
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def name_of(envelope: Envelope) -> str:
    return envelope.attributes["dataschema"].split(":")[2]


def conform(envelope: Envelope) -> None:
    """The envelope is as the message of its event says, at an address that is one of its channels."""
    message = DOCUMENT["components"]["messages"][name_of(envelope)]
    within(message["headers"]).validate(written(envelope))
    within(message["payload"]).validate(orjson.loads(envelope.data))
    (channel,) = [one for one in DOCUMENT["channels"].values() if one["address"] == envelope.subject]
    assert channel["messages"].keys() == {name_of(envelope)}
    assert channel["title"] == envelope.attributes["type"]


async def sent(house: House, *, personal_data: bool = False) -> list[Envelope]:
    """The whole log as it goes to a destination."""
    store, keys = house.engine.streams.store, house.engine.tools.keyring
    assert isinstance(store, LogStore)
    assert isinstance(keys, Keys)
    destination = Destination(BusAddress.of("memory:"), personal_data=personal_data)
    source = LogSource(store.application, destination, opener=Unsealer(store.application.vault, keys).opener)
    envelopes: list[Envelope] = []
    after = 0
    while True:
        reached, page = await source.page(after)
        if reached == after:
            return envelopes
        envelopes += page
        after = reached


async def second_factors(house: House, token: str) -> None:
    """Backup codes are made, mistyped, used and given up."""
    codes = await keep_codes(house, token)
    flow = await house.start("login", aal="aal2", refresh=True, session_token=token)
    for code in ("nonesuch", codes[0]):
        await prove(house, token, flow, lookup_secret=code)
    await press(house, await house.start("settings", session_token=token), "lookup_secret_disable", token)


async def through_a_provider(there: Abroad) -> None:
    """Somebody else, and what a trip to a provider and back may come to."""
    flow = await there.house.start(
        "login", query={"return_session_token_exchange_code": "true"}, return_to="http://127.0.0.1:4455/app"
    )
    there.idp.visitor = "s-bob"
    away = await there.go("login", flow=flow)
    await there.house.engine.exchange(flow.body.session_token_exchange_code, away.return_code)
    there.other.visitor = "s-bob"
    assert not (await there.go("login", values={"provider": "other"})).completed, "the address is an account's"


async def everything(house: House) -> str:
    """Much of what can happen to a person; their id."""
    outcome = await house.register()
    assert outcome.identity is not None
    await house.until("DeliveryDelivered", 2)
    await house.verify()
    await house.give_code(await house.ask_code("recovery"))
    assert outcome.session_token is not None
    await second_factors(house, outcome.session_token)
    flow = await house.start("login")
    await house.engine.submit(flow.id, method="no such method", values={})
    await house.sign_in(password="not the one")
    await house.sign_in()
    house.sink.script("/risk", messages(("#/identifier", 7, "no")))
    await house.sign_in()
    house.sink.script("/address", messages(("#/", 8, "not from there")))
    with pytest.raises(FlowRejected):
        await house.start("login")
    token = outcome.session_token
    assert token is not None
    await house.engine.logout(token)
    return str(outcome.identity.id)
