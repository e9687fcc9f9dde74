"""The envelopes of Ory's format: the same names and order on the bus, Ory's document as the data."""

from dataclasses import replace
from uuid import UUID

import orjson

from limen.adapters.bus.about import About
from limen.adapters.bus.envelope import Envelope, Fact
from limen.adapters.bus.ory.events import ory_events


def enveloped(envelope: Envelope, fact: Fact, about: About, project: str) -> list[Envelope]:
    """What Ory would send of one event: nothing, one document or several, each with an id of its own."""
    told = ory_events(
        fact.type, fact.fields, about, stream=UUID(fact.stream), version=fact.version, time=fact.time, project=project
    )
    attributes = {name: value for name, value in envelope.attributes.items() if name != "dataschema"}
    return [
        replace(
            envelope,
            attributes={**attributes, "id": f"{envelope.id}:{one.name}", "type": one.name},
            data=orjson.dumps(one.body),
            part=part,
        )
        for part, one in enumerate(told)
    ]
