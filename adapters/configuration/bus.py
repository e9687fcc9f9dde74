"""Bus: reads `bus` of `limen.yml`, a URL or an object around one.

::

    bus: nats://127.0.0.1:4222                  # or env:NAME
    bus: {url: env:BUS_URL, topic: limen, personal_data: false, format: cloudevents, types: [], flows: [login], name: a,
          publish: true}

The URL may hold a password: no message repeats it, and no document holds it.
"""

from collections.abc import Mapping
from typing import Any

from limen.adapters.configuration.check import check
from limen.adapters.configuration.findings import Findings
from limen.adapters.configuration.shape import BOOL, Leaf, Many, Shape, one_of
from limen.domain.configuration import BusSettings, FlowKind
from limen.domain.events import EVENT_TYPES

SCHEMES = ("nats", "tls", "amqp", "amqps", "redis", "rediss", "kafka", "memory")
_URL = Leaf("text", 1)
_BUS: Shape = {
    "url!": _URL,
    "topic": Leaf("text", 1, 63, pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$"),
    "name": Leaf("text", 1, 200),
    "personal_data": BOOL,
    "publish": BOOL,
    "source": Leaf("text", 1, 200),
    "project": Leaf("text", 1, 200),
    "format": one_of("cloudevents", "ory"),
    "types": Many(one_of(*EVENT_TYPES), unique=True),
    "flows": Many(one_of(*FlowKind), unique=True),
}


def read_bus(value: Any, env: Mapping[str, str], findings: Findings) -> BusSettings | None:
    """The bus, or None where there is none or something is wrong with it."""
    if value is None:
        return None
    before = len(findings.faults)
    given: Any = value if isinstance(value, Mapping) else {"url": value}
    here = "/bus/url" if isinstance(value, Mapping) else "/bus"
    if isinstance(value, Mapping):
        check(_BUS, value, "/bus", findings)
    else:
        check(_URL, value, here, findings)
    if len(findings.faults) > before:
        return None
    url = _resolved(given["url"], here, env, findings)
    if url is None:
        return None
    chosen: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in given.items()}
    return BusSettings(**{**chosen, "url": url})


def overlaid(value: Any, url: str) -> Any:
    """`bus` with the URL of `LIMEN_BUS`; what else the file says of it stays."""
    return {**value, "url": url} if isinstance(value, Mapping) else url


def _resolved(url: str, here: str, env: Mapping[str, str], findings: Findings) -> str | None:
    if url.startswith("env:"):
        variable = url.removeprefix("env:")
        url = env.get(variable, "")
        if not url:
            findings.fault(here, f"limen.yml: the environment variable {variable} is not set")
            return None
    if url.partition(":")[0] not in SCHEMES:
        findings.fault(here, "must be nats://…, amqp://…, redis://…, kafka://… or memory:")
        return None
    return url
