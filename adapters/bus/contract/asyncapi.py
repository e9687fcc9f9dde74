"""AsyncAPI: the contract for consumers as one document, from the event models and the code that publishes them.

Whoever has it needs nothing else of limen. Source: AsyncAPI 3.0.0; the models are FastStream's.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from faststream.specification.asyncapi.v3_0_0.schema import (
    ApplicationInfo,
    ApplicationSchema,
    Channel,
    Components,
    Message,
    Operation,
    Reference,
    Server,
    Tag,
)
from faststream.specification.asyncapi.v3_0_0.schema.bindings import ChannelBinding, amqp, kafka
from faststream.specification.asyncapi.v3_0_0.schema.operations import Action

from limen.adapters.bus import names
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.contract.attributes import headers_schema
from limen.adapters.bus.contract.catalogue import kinds_of, published
from limen.adapters.bus.contract.examples import example
from limen.adapters.bus.contract.places import PLACES, Place
from limen.adapters.bus.contract.rules import rules
from limen.adapters.bus.contract.schemas import bus_schema
from limen.adapters.bus.envelope import CONTENT_TYPE, Envelope, sealed_fields
from limen.adapters.bus.headers import written
from limen.domain.errors import BusUnusable
from limen.domain.events import DomainEvent

VERSION: Final = "1"
"""Of the names and headers described here; each event has a version of its own, in its `dataschema`."""

_HEADERS: Final = {"ce-": "Headers", "ce_": "KafkaHeaders"}


def document(topic: str = names.TOPIC, bus: str | None = None) -> dict[str, Any]:
    """The AsyncAPI document of a topic. With the URL of a bus it names that server alone, without its credentials.

    Raises `BusUnusable` for a topic or a URL that cannot be.
    """
    try:
        names.check_name(topic, "topic")
    except ValueError as error:
        raise BusUnusable(str(error)) from None
    events = published()
    addresses = {_key(event, kind): (event, kind) for event in events.values() for kind in kinds_of(event)}
    schema = ApplicationSchema(
        id="urn:limen:bus",
        info=ApplicationInfo(
            title="limen: what happened",
            version=VERSION,
            description=rules(topic),
            license={"name": "Apache-2.0"},
        ),
        defaultContentType=CONTENT_TYPE,
        servers=_servers(topic, bus),
        channels={key: _channel(topic, event, kind) for key, (event, kind) in addresses.items()},
        operations={key: _operation(key, event, kind) for key, (event, kind) in addresses.items()},
        components=_components(topic, events),
    )
    return dict(schema.to_jsonable())


def _components(topic: str, events: Mapping[str, type[DomainEvent]]) -> Components:
    exchange = {"name": topic, "type": "topic", "durable": True, "autoDelete": False}
    everywhere = ChannelBinding(
        amqp=amqp.ChannelBinding.model_validate({"is": "routingKey", "exchange": exchange}),
        kafka=kafka.ChannelBinding(topic=topic),
    )
    key = {"type": "string", "format": "uuid", "description": "The id of the event's stream."}
    more: dict[str, Any] = {
        "channelBindings": {"events": everywhere.model_dump(by_alias=True, exclude_none=True)},
        "messageBindings": {"events": {"kafka": {"key": key, "bindingVersion": "0.4.0"}}},
    }
    headers = {name: headers_schema(prefix) for prefix, name in _HEADERS.items()}
    payloads = {name: _embedded(event) for name, event in events.items()}
    return Components(
        messages={name: _message(event) for name, event in events.items()}, schemas={**headers, **payloads}, **more
    )


def _embedded(event: type[DomainEvent]) -> dict[str, Any]:
    return {name: part for name, part in bus_schema(event).items() if name != "$schema"}


# -- one event


def _message(event: type[DomainEvent]) -> Message:
    name = event.__name__
    types = [names.event_type(kind, name) for kind in kinds_of(event)]
    own: dict[str, Any] = {}
    for prefix in _HEADERS:
        own |= {f"{prefix}type": {"enum": types}, f"{prefix}dataschema": {"const": names.schema(event)}}
    more: dict[str, Any] = {
        "headers": {"type": "object", "anyOf": [_ref("schemas", one) for one in _HEADERS.values()], "properties": own},
        "bindings": _ref("messageBindings", "events"),
        "examples": _examples(event),
    }
    return Message(
        name=name,
        title=name,
        summary=_sentence(event),
        contentType=CONTENT_TYPE,
        payload=_ref("schemas", name),
        tags=[Tag(name=event.stream)],
        **more,
    )


def _examples(event: type[DomainEvent]) -> list[dict[str, Any]]:
    shown = [("ids", "As it is by default.", example(event))]
    if sealed_fields(event):
        shown.append(("personalData", "Where the destination gets personal data.", example(event, personal_data=True)))
    return [{"name": name, "summary": summary, **_written(envelope)} for name, summary, envelope in shown]


def _written(envelope: Envelope) -> dict[str, Any]:
    return {"headers": written(envelope), "payload": orjson.loads(envelope.data)}


def _sentence(event: type[DomainEvent]) -> str:
    return " ".join((event.__doc__ or "").split())


# -- one address


def _key(event: type[DomainEvent], kind: str) -> str:
    return f"{kind}.{names.fact(event.__name__)}"


def _channel(topic: str, event: type[DomainEvent], kind: str) -> Channel:
    name = event.__name__
    more: dict[str, Any] = {"title": names.event_type(kind, name)}
    channel = Channel(
        address=names.subject(topic, kind, name),
        messages={name: Reference.model_validate(_ref("messages", name))},
        **more,
    )
    channel.bindings = ChannelBinding.model_validate(_ref("channelBindings", "events"))
    return channel


def _operation(key: str, event: type[DomainEvent], kind: str) -> Operation:
    channel = f"#/channels/{key}"
    return Operation(
        action=Action.SEND,
        channel=Reference.model_validate({"$ref": channel}),
        summary=f"{names.event_type(kind, event.__name__)}: {_sentence(event)}",
        messages=[Reference.model_validate({"$ref": f"{channel}/messages/{event.__name__}"})],
    )


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "/".join(("#/components", *path))}


# -- servers


def _servers(topic: str, bus: str | None) -> dict[str, Server]:
    if bus is None:
        return {place.protocol: _server(place, topic, f"localhost:{place.port}", place.protocol) for place in PLACES}
    address = BusAddress.of(bus)
    place = next((one for one in PLACES if one.kind == address.kind), None)
    if place is None:
        raise BusUnusable("a bus in memory has no server: its consumers are in the process of the engine")
    protocol = place.secure if _is_secure(address) else place.protocol
    return {
        f"{place.protocol}{f'-{number}' if number > 1 else ''}": _server(place, topic, host, protocol)
        for number, host in enumerate(address.servers, 1)
    }


def _server(place: Place, topic: str, host: str, protocol: str) -> Server:
    more: dict[str, Any] = {
        "title": place.title,
        "x-limen": {
            **place.names(topic),
            "attributes": place.prefix,
            "headers": _ref("schemas", _HEADERS[place.prefix])["$ref"],
        },
    }
    # FastStream's model wants a path, which says nothing here: a virtual host or a database is the reader's own matter
    return Server(host=host, pathname="", protocol=protocol, description=place.told(topic), **more)


def _is_secure(address: BusAddress) -> bool:
    parts = urlsplit(address.url)
    if parts.scheme == "kafka":
        return parse_qs(parts.query).get("tls", ["on" if parts.username else "off"]) == ["on"]
    return parts.scheme in ("tls", "amqps", "rediss")
