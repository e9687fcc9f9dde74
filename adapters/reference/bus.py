"""The bus: what consumers have to know, as a page, as an AsyncAPI document and as a JSON Schema for each event."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from limen.adapters.bus import names
from limen.adapters.bus.contract.asyncapi import document
from limen.adapters.bus.contract.attributes import ATTRIBUTES, CONTENT
from limen.adapters.bus.contract.catalogue import kinds_of, published
from limen.adapters.bus.contract.examples import example
from limen.adapters.bus.contract.places import PLACES
from limen.adapters.bus.contract.rules import rules
from limen.adapters.bus.contract.schemas import bus_schema
from limen.adapters.bus.envelope import sealed_fields
from limen.adapters.bus.headers import written
from limen.adapters.reference.markdown import code, page, sentence, table
from limen.domain.configuration import FlowKind
from limen.domain.events import DomainEvent, FlowCompleted

_INTRODUCTION = """This is the contract for services that follow limen over a message bus, whatever they are written in.
[bus/asyncapi.json](bus/asyncapi.json) says the same to programs, with the schema and an example of each event;
`limen bus asyncapi` prints it for another topic, or for one server. Services in Python have routers that keep to it by
themselves: `limen.adapters.bus`."""
_ATTRIBUTES = """In headers an attribute is written `ce-<name>`, on Kafka `ce_<name>`. All are text."""
_EXAMPLE = (
    """A login that is done, as NATS and Redis show it: first what are headers there, or fields, then the data."""
)
_EVENTS = """Every event also has `originator_id`, `originator_version` and `timestamp`. Fields in parentheses are
personal data, which the log keeps sealed: they are left out by default. `<flow>` stands for the kind of the flow:
{kinds}."""


def bus_documents() -> dict[str, str]:
    """The AsyncAPI document and the schemas, by file name."""
    schemas = {f"{name}.json": _text(bus_schema(event)) for name, event in published().items()}
    return {"asyncapi.json": _text(document()), **schemas}


def bus_page() -> str:
    """The same for people."""
    places = [part for place in PLACES for part in (f"### {place.title}", place.told(names.TOPIC))]
    rows = [[code(one.name), "always" if one.always else "", one.text] for one in ATTRIBUTES]
    rows.append([f"{code(CONTENT.name)}, without a prefix", "always", CONTENT.text])
    return page(
        "The bus",
        _INTRODUCTION,
        "## Rules",
        rules(names.TOPIC).rstrip(),
        "## Where events are",
        *places,
        "## Attributes",
        _ATTRIBUTES,
        table(["attribute", "there", "says"], rows),
        _EXAMPLE,
        f"```\n{_example()}\n```",
        "## Events",
        _EVENTS.format(kinds=", ".join(map(code, FlowKind))),
        *_tables(),
    )


def _example() -> str:
    envelope = example(FlowCompleted)
    lines = [f"{name}: {value}" for name, value in written(envelope).items()]
    return "\n".join([*lines, "", json.dumps(json.loads(envelope.data), indent=2)])


def _tables() -> Iterator[str]:
    events = published().items()
    for stream in dict.fromkeys(event.stream for _, event in events):
        rows = [_row(name, event) for name, event in events if event.stream == stream]
        yield f"### {stream.capitalize()}"
        yield table(["event", "type", "subject or routing key", "fields", "meaning"], rows)


def _row(name: str, event: type[DomainEvent]) -> list[str]:
    kinds = ("<flow>",) if kinds_of(event) == tuple(FlowKind) else kinds_of(event)
    types = [code(names.event_type(kind, name)) for kind in kinds]
    subjects = [code(names.subject(names.TOPIC, kind, name)) for kind in kinds]
    return [
        f"[{code(name)}](bus/{name}.json)",
        "<br>".join(types),
        "<br>".join(subjects),
        _fields(event),
        sentence(event.__doc__),
    ]


def _fields(event: type[DomainEvent]) -> str:
    sealed = sealed_fields(event)
    own = [name for name in event.model_fields if name not in DomainEvent.model_fields]
    return ", ".join(f"({code(name)})" if name in sealed else code(name) for name in own)


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
