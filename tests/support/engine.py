"""A house to test in: an engine on a small configuration, a sink for its web hooks, a courier and a clock to look at.

Slots are written as `login.before`, `login.after`, `login.after.password`; a hook of `hook("/path")` goes to the sink.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from limen.adapters import open_engine, open_log
from limen.adapters.bus import MemoryBus
from limen.adapters.log import LogEntry
from limen.adapters.sink import Reply, Sink
from limen.adapters.store import LogStore
from limen.domain import Actions, Engine, FlowView, Outcome
from limen.domain.testing import FixedClock, MemoryCourier

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADA = "ada@example.org"
PASSWORD = "correct horse battery"
UI = "http://127.0.0.1:4455"
SINK = "http://sink.invalid"
"""Stands for the sink's address until it is known."""

WHOLE = "base64://" + b64encode(b"function(ctx) ctx").decode()
"""A template that sends the whole context document."""

JsonDict = dict[str, Any]


def uri(content: str | JsonDict) -> str:
    """Content as the `base64://` URI that stands in a configuration."""
    text = content if isinstance(content, str) else json.dumps(content)
    return "base64://" + b64encode(text.encode()).decode()


def person() -> JsonDict:
    """The identity schema: an address that signs in, is verified and recovers; some plain traits."""
    kratos = {
        "credentials": {
            "password": {"identifier": True},
            "webauthn": {"identifier": True},
            "code": {"identifier": True, "via": "email"},
        },
        "verification": {"via": "email"},
        "recovery": {"via": "email"},
    }
    name = {"type": "object", "properties": {"first": {"type": "string"}, "last": {"type": "string"}}}
    traits = {
        "email": {"type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "ory.sh/kratos": kratos},
        "name": name,
        "newsletter": {"type": "boolean"},
        "age": {"type": "integer", "minimum": 13},
    }
    inner = {"type": "object", "properties": traits, "required": ["email"], "additionalProperties": False}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"traits": inner}}


def hook(path: str, **config: Any) -> JsonDict:
    """A `web_hook` that sends the whole context to a path of the sink."""
    return {"hook": "web_hook", "config": {"url": SINK + path, "method": "POST", "body": WHOLE, **config}}


def parse(path: str, **config: Any) -> JsonDict:
    """A `web_hook` whose answer is read."""
    return hook(path, response={"parse": True}, **config)


def ignore(path: str, **config: Any) -> JsonDict:
    """A `web_hook` whose answer is ignored: a delivery."""
    return hook(path, response={"ignore": True}, **config)


def configuration(hooks: Mapping[str, Sequence[JsonDict]] | None = None, **sections: Any) -> JsonDict:
    """A Kratos configuration with every flow and method on and the cheapest hashing; `sections` are merged over it."""
    flows: JsonDict = {kind: {"ui_url": f"{UI}/{kind}"} for kind in ("login", "registration", "settings")}
    flows |= {kind: {"enabled": True, "use": "code", "ui_url": f"{UI}/{kind}"} for kind in ("recovery", "verification")}
    flows["registration"]["enable_legacy_one_step"] = True
    config: JsonDict = {
        "identity": {"default_schema_id": "person", "schemas": [{"id": "person", "url": uri(person())}]},
        "secrets": {"cookie": ["a-cookie-secret-of-a-test"], "cipher": ["a-cipher-secret-of-32-characters"]},
        "hashers": {"algorithm": "argon2", "argon2": {"memory": "8MB", "iterations": 1, "parallelism": 1}},
        "serve": {"public": {"base_url": "http://127.0.0.1:4433/"}},
        "selfservice": {
            "default_browser_return_url": f"{UI}/welcome",
            "allowed_return_urls": [UI],
            "methods": {
                "password": {"enabled": True, "config": {"haveibeenpwned_enabled": False}},
                "code": {"enabled": True, "passwordless_enabled": True},
                "profile": {"enabled": True},
            },
            "flows": flows,
        },
    }
    for slot, listed in (hooks or {}).items():
        place = flows
        for part in slot.split("."):
            place = place.setdefault(part, {})
        place["hooks"] = list(listed)
    return _merged(config, sections)


def _merged(base: JsonDict, over: Mapping[str, Any]) -> JsonDict:
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return result


def towards(value: Any, url: str) -> Any:
    """The same configuration with the sink's real address."""
    if isinstance(value, str):
        return value.replace(SINK, url)
    if isinstance(value, Mapping):
        return {key: towards(part, url) for key, part in value.items()}
    return [towards(part, url) for part in value] if isinstance(value, list) else value


def quick(*ids: str, **settings: Any) -> JsonDict:
    """limen's own settings that let these actions try again almost at once."""
    return {"actions": {name: {"retry": {"initial": "5ms", "maximum": "20ms"}, **settings} for name in ids}}


def messages(*parts: tuple[str, int, str], kind: str = "error", status: int = 400) -> Reply:
    """The answer that interrupts: (instance_ptr, id, text)."""
    listed = [{"instance_ptr": at, "messages": [{"id": no, "text": text, "type": kind}]} for at, no, text in parts]
    return Reply(status, json.dumps({"messages": listed}).encode())


def identity(**parts: Any) -> Reply:
    """The answer that modifies."""
    return Reply(200, json.dumps({"identity": parts}).encode())


@dataclass
class House:
    """An open engine with what surrounds it."""

    engine: Engine
    sink: Sink
    courier: MemoryCourier
    clock: FixedClock

    async def start(self, kind: str, **options: Any) -> FlowView:
        return await self.engine.start(kind, **options)

    async def register(self, email: str = ADA, password: str = PASSWORD, **options: Any) -> Outcome:
        """A registration from start to end; `traits` beside the address may be given."""
        traits = {"email": email, **options.pop("traits", {})}
        flow = await self.engine.start("registration")
        values = {"traits": traits, "password": password}
        return await self.engine.submit(flow.id, method="password", values=values, **options)

    async def sign_in(self, email: str = ADA, password: str = PASSWORD, **options: Any) -> Outcome:
        """A login by password, from start to end."""
        flow = await self.engine.start("login")
        values = {"identifier": email, "password": password}
        return await self.engine.submit(flow.id, method="password", values=values, **options)

    async def ask_code(self, kind: str, email: str = ADA) -> FlowView:
        """A flow in which a code was asked for."""
        flow = await self.engine.start(kind)
        values: JsonDict = {"email": email}
        if kind in ("login", "registration"):
            values = {"identifier": email} if kind == "login" else {"traits": {"email": email}}
        return (await self.engine.submit(flow.id, method="code", values=values)).flow

    async def give_code(self, flow: FlowView, code: str | None = None, **options: Any) -> Outcome:
        """Submits a code: the last one that was mailed unless another is given."""
        return await self.engine.submit(flow.id, method="code", values={"code": code or self.code}, **options)

    async def verify(self, email: str = ADA) -> Outcome:
        """A verification from start to end."""
        return await self.give_code(await self.ask_code("verification", email))

    @property
    def code(self) -> str:
        """The code that was mailed last."""
        return next(mail.code for mail in reversed(self.courier.messages) if mail.code)

    def called(self) -> list[str]:
        """The paths the sink was called at, in order."""
        return [request.path for request in self.sink.received]

    def sent(self, path: str) -> JsonDict:
        """The body of the last request to a path."""
        body: JsonDict = json.loads(self.sink.of(path)[-1].body)
        return body

    def log(self, named: str | None = None, flow: FlowView | None = None) -> list[LogEntry]:
        """The recorded events, read by the log's own reader: of one type, of one flow, if asked."""
        store = self.engine.streams.store
        assert isinstance(store, LogStore)
        with open_log(store) as log:
            return [entry for entry in log.events(type=named) if flow is None or entry.stream == flow.id]

    def types(self, flow: FlowView) -> list[str]:
        """The types of a flow's events."""
        return [entry.type for entry in self.log(flow=flow)]

    async def until(self, named: str, count: int = 1) -> list[LogEntry]:
        """Waits for the worker: until that many events of a type are recorded."""
        for _ in range(500):
            if len(found := self.log(named)) >= count:
                return found
            await asyncio.sleep(0.01)
        raise TimeoutError(f"{len(self.log(named))} of {count} {named} within 5 s")

    @property
    def size(self) -> int:
        """How many events are recorded in all."""
        return len(self.log())


@asynccontextmanager
async def open_house(
    hooks: Mapping[str, Sequence[JsonDict]] | None = None,
    *,
    store: str = "memory:",
    sink: Sink | None = None,
    courier: MemoryCourier | None = None,
    clock: FixedClock | None = None,
    actions: Actions | None = None,
    settings: JsonDict | None = None,
    bus: MemoryBus | str | None = None,
    worker: bool = True,
    **sections: Any,
) -> AsyncIterator[House]:
    """A house with these actions; `sections` are merged over the configuration."""
    own = sink or await Sink().__aenter__()
    courier, clock = courier or MemoryCourier(), clock or FixedClock(NOON)
    config = towards(configuration(hooks, **sections), own.url)
    try:
        async with open_engine(
            config,
            store,
            settings=towards(settings or {}, own.url),
            actions=actions,
            bus=bus,
            clock=clock,
            courier=courier,
            worker=worker,
        ) as engine:
            yield House(engine, own, courier, clock)
    finally:
        if sink is None:
            await own.__aexit__(None, None, None)


def shown(outcome: Outcome | FlowView) -> dict[str | None, list[int]]:
    """Message ids by the node they stand on; None is the flow itself."""
    flow = outcome.flow if isinstance(outcome, Outcome) else outcome
    found: dict[str | None, list[int]] = {}
    if flow.ui.messages:
        found[None] = [message.id for message in flow.ui.messages]
    for node in flow.ui.nodes or ():
        if node.messages:
            name = node.attributes.name or node.attributes.id
            found.setdefault(name, []).extend(message.id for message in node.messages)
    return found
