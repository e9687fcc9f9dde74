"""Random configurations and histories: what people do, and what the targets of web hooks answer to it.

A target's answer hangs on the request alone, so that the same request always gets the same answer. Everybody does one
thing, so that no flow hangs on another.
"""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from limen.adapters import open_engine, open_log
from limen.adapters.sink import Received, Reply, Sink
from limen.adapters.told import tell
from limen.domain import Engine, Outcome
from limen.domain.errors import ActionFailed, FlowRejected, RequestRefused
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.engine import (
    NOON,
    PASSWORD,
    SINK,
    WHOLE,
    JsonDict,
    configuration,
    hook,
    identity,
    messages,
    towards,
    uri,
)

PEOPLE = 6
_PEOPLE: list[tuple[bytes, list[str]]] = []
"""The file that all histories begin with, and the tokens of the sessions in it, once it has been made."""


def _with_traits(**more: Any) -> Callable[[Received], Reply]:
    """An answer that modifies the traits it was told of; where it was told none it goes on."""

    def reply(request: Received) -> Reply:
        told = json.loads(request.body)
        traits = told.get("traits") or (told.get("identity") or {}).get("traits") or {}
        return identity(traits={**traits, **more}) if traits else Reply(200, b"")

    return reply


ANSWERS: Mapping[str, Reply | Callable[[Received], Reply]] = {
    "/fine": Reply(200, b""),
    "/empty": Reply(204, b""),
    "/object": Reply(200, b"{}"),
    "/newsletter": _with_traits(newsletter=True),
    "/number": identity(metadata_public={"number": 7}),
    "/child": _with_traits(age=3),
    "/refuses": messages(("#/traits/email", 4001, "not this one")),
    "/garbage": Reply(200, b"not JSON"),
    "/gone": Reply(404, b""),
}
TEMPLATES = {
    "whole": WHOLE,
    "kind": uri("function(ctx) {flow: ctx.flow.type}"),
    "traits": uri("function(ctx) {traits: if std.objectHas(ctx, 'identity') then ctx.identity.traits else null}"),
    "headers": uri("function(ctx) {headers: ctx.request_headers}"),
    "none": None,
    "cancels": uri("function(ctx) error 'cancel'"),
    "fails": uri("function(ctx) ctx.nothing.there"),
}
MODES: tuple[JsonDict, ...] = ({}, {"response": {"parse": True}}, {"response": {"ignore": True}})
SLOTS = (
    "login.before",
    "login.after",
    "login.after.password",
    "login.after.code",
    "registration.before",
    "registration.after",
    "registration.after.password",
    "settings.before",
    "settings.after",
    "settings.after.profile",
    "verification.before",
    "verification.after",
)
SECTIONS: tuple[JsonDict, ...] = (
    {},
    {},
    {},
    {},
    {},
    {"session": {"lifespan": "1h"}},
    {"clients": {"web_hook": {"header_allowlist": ["Accept"]}}},
    {"selfservice": {"flows": {"login": {"lifespan": "5m"}}}},
    {"selfservice": {"flows": {"registration": {"enabled": False}}}},
    {"selfservice": {"methods": {"code": {"passwordless_enabled": False}}}},
    {"selfservice": {"flows": {"verification": {"enabled": False}}}},
    {"serve": {"public": {"base_url": "https://id.example.org/"}}},
)
BUILT_IN = {
    "login.after": ("revoke_active_sessions", "require_verified_address"),
    "login.after.password": ("revoke_active_sessions", "require_verified_address"),
    "login.after.code": ("revoke_active_sessions", "require_verified_address"),
    "registration.after": ("session",),
    "registration.after.password": ("session", "show_verification_ui"),
    "settings.after.profile": ("show_verification_ui",),
}
CODES = ("code_login", "verification")
DEEDS = ("login", "code_login", "registration", "settings", "verification")

Hooks = dict[str, list[JsonDict]]


@st.composite
def _web_hook(draw: st.DrawFn) -> JsonDict:
    body = TEMPLATES[draw(st.sampled_from(sorted(TEMPLATES)))]
    config = {**draw(st.sampled_from(MODES)), **({"body": body} if body else {})}
    made = hook(draw(st.sampled_from(sorted(ANSWERS))), **config)
    if body is None:
        del made["config"]["body"]
    if name := draw(st.sampled_from([None, None, "risk", "crm"])):
        made["config"]["id"] = name
    return made


@st.composite
def listed(draw: st.DrawFn, slot: str) -> list[JsonDict]:
    """A list of actions for a slot, no two of them the same or of the same id."""
    hooks = draw(st.lists(_web_hook(), min_size=1, max_size=3, unique_by=lambda one: json.dumps(one, sort_keys=True)))
    names = [one["config"].get("id") for one in hooks]
    kept = [one for place, one in enumerate(hooks) if names[place] is None or names.index(names[place]) == place]
    if slot in BUILT_IN and draw(st.booleans()):
        kept.insert(draw(st.integers(0, len(kept))), {"hook": draw(st.sampled_from(BUILT_IN[slot]))})
    return kept


@st.composite
def lists(draw: st.DrawFn) -> Hooks:
    """Lists for most slots."""
    return {slot: draw(listed(slot)) for slot in SLOTS if draw(st.integers(0, 3))}


@st.composite
def changed(draw: st.DrawFn, hooks: Hooks) -> Hooks:
    """Other lists: some as they are, some with another action, order or rule, some gone, some new."""
    result: Hooks = {}
    for slot in SLOTS:
        mine = hooks.get(slot, [])
        change = draw(st.sampled_from(["none", "none", "none", *_CHANGES]))
        result[slot] = mine if change == "none" else draw(_CHANGES[change](slot, mine))
    return {slot: mine for slot, mine in result.items() if mine}


@st.composite
def _one_other(draw: st.DrawFn, slot: str, mine: list[JsonDict]) -> list[JsonDict]:
    """One web hook that asks another target, sends another body, or is read in another way."""
    places = [place for place, one in enumerate(mine) if one["hook"] == "web_hook"]
    if not places:
        return draw(listed(slot))
    place = draw(st.sampled_from(places))
    config = dict(mine[place]["config"])
    match draw(st.sampled_from(["target", "body", "mode"])):
        case "target":
            config["url"] = SINK + draw(st.sampled_from(sorted(ANSWERS)))
        case "body":
            body = TEMPLATES[draw(st.sampled_from(sorted(TEMPLATES)))]
            config = {**config, "body": body} if body else {key: part for key, part in config.items() if key != "body"}
        case "mode":
            del_response = {key: part for key, part in config.items() if key != "response"}
            config = {**del_response, **draw(st.sampled_from(MODES))}
    other = [*mine[:place], {"hook": "web_hook", "config": config}, *mine[place + 1 :]]
    return other if all(other.count(one) == 1 for one in other) else mine


_CHANGES: Mapping[str, Callable[[str, list[JsonDict]], st.SearchStrategy[list[JsonDict]]]] = {
    "one other": _one_other,
    "turned": lambda slot, mine: st.just(mine[::-1]),
    "shorter": lambda slot, mine: st.just(mine[1:]),
    "without": lambda slot, mine: st.just([]),
    "anew": lambda slot, mine: listed(slot),
}


Turns = list[tuple[str, list[tuple[str, str]]]]
"""Of a flow, each turn: how it ended, and the actions that ran before its commit with what they answered."""


@dataclass(frozen=True)
class Lived:
    """A history: a store, its configuration, and the id of each deed's flow."""

    file: Path
    config: JsonDict
    flows: list[UUID | None]

    @property
    def store(self) -> str:
        return f"sqlite:///{self.file}"

    def turns(self, flow: UUID) -> Turns:
        """What really happened, from the log's own timeline."""
        with open_log(self.store) as log:
            told = tell(log, flow)
        return _turns(told.body())


def _turns(body: JsonDict) -> Turns:
    ends = {
        "FlowOpened": "opened",
        "FlowRejected": "rejected",
        "FlowFailed": "failed",
        "FlowCompleted": "completed",
        "FlowInterrupted": "interrupted",
        "FlowReleased": "released",
        "MethodRefused": "refused",
    }
    turns: Turns = []
    begun = False
    ran: list[tuple[str, str]] = []
    blocking: set[tuple[str, str]] = set()
    for event in body["events"]:
        data = event["data"]
        if event["type"] in ("FlowInitiated", "MethodAccepted"):
            ran, begun = [], True
        elif event["type"] == "ActionsPlanned":
            blocking = {(one["hook"], one["id"]) for one in data["actions"] if one["timing"].startswith("before")}
        elif event["type"] in ("ActionAnswered", "ActionFailed", "ActionCanceled"):
            verdict = {"ActionFailed": "fail", "ActionCanceled": "cancel"}.get(event["type"], data.get("verdict"))
            if (data["action"]["hook"], data["action"]["id"]) in blocking:
                ran.append((data["action"]["id"], str(verdict)))
        elif event["type"] in ends and begun:
            begun = False
            turns.append((ends[event["type"]], ran))
    return turns


class World:
    """People who are registered already, in a file that each history begins with, and a sink that answers."""

    def __init__(self, folder: Path, sink: Sink) -> None:
        self.folder = folder
        self.sink = sink
        self.tokens: list[str] = []
        for path, answer in ANSWERS.items():
            sink.script(path, answer)

    def config(self, hooks: Hooks, sections: JsonDict) -> JsonDict:
        return dict(towards(configuration(hooks, **sections), self.sink.url))

    @classmethod
    async def settled(cls, folder: Path, sink: Sink) -> "World":
        """A world whose people have been registered: once, for all worlds."""
        world = cls(folder, sink)
        if not _PEOPLE:
            await world._settle()
            _PEOPLE.append(((folder / "people.db").read_bytes(), world.tokens))
        people, world.tokens = _PEOPLE[0]
        (folder / "people.db").write_bytes(people)
        return world

    async def _settle(self) -> None:
        """Registers everybody and signs them in, in a configuration without actions."""
        async with self._engine(self.folder / "people.db", self.config({}, {})) as (engine, _):
            for number in range(PEOPLE):
                await _submit(engine, "registration", "password", _registration(number))
                outcome = await _submit(engine, "login", "password", _login(number))
                assert outcome is not None
                self.tokens.append(outcome.session_token or "")

    async def live(
        self, name: str, deeds: Sequence[str], hooks: Hooks, sections: JsonDict, contexts: str = "asked"
    ) -> Lived:
        """Everybody does their deed under a configuration."""
        file, config = self.folder / f"{name}.db", self.config(hooks, sections)
        shutil.copy(self.folder / "people.db", file)
        flows = []
        async with self._engine(file, config, contexts) as (engine, courier):
            for number, deed in enumerate(deeds):
                flows.append(await self._do(engine, courier, number, deed))
        return Lived(file, config, flows)

    @asynccontextmanager
    async def _engine(
        self, file: Path, config: JsonDict, contexts: str = "asked"
    ) -> AsyncIterator[tuple[Engine, MemoryCourier]]:
        courier = MemoryCourier()
        clock = FixedClock(NOON)
        async with open_engine(
            config, f"sqlite:///{file}", settings={"contexts": contexts}, clock=clock, courier=courier, worker=False
        ) as engine:
            yield engine, courier

    async def _do(self, engine: Engine, courier: MemoryCourier, number: int, deed: str) -> UUID | None:
        """A deed; submitted a second time where it did not succeed."""
        token = self.tokens[number] if deed == "settings" else None
        kind = deed.removeprefix("code_")
        flow_id: UUID | None = None
        try:
            flow = await engine.start(kind, session_token=token)
            flow_id = flow.id
            if deed in CODES:
                address = {"identifier" if kind == "login" else "email": _email(number)}
                await engine.submit(flow.id, method="code", values=address)
            if deed in CODES and not any(mail.to == _email(number) for mail in courier.messages):
                return flow_id  # no code was sent
            for _ in range(2):
                method, values = _values(deed, number, courier)
                outcome = await _tried(engine, flow.id, method, values, token)
                if outcome is not None and outcome.completed:
                    break
        except FlowRejected as rejected:
            return UUID(str(rejected.flow_id))
        except ActionFailed as failed:
            return failed.flow_id
        except RequestRefused:
            return flow_id
        return flow_id


async def _tried(engine: Engine, flow: UUID, method: str, values: JsonDict, token: str | None) -> Outcome | None:
    try:
        return await engine.submit(flow, method=method, values=values, session_token=token)
    except ActionFailed as failed:
        came_to: Outcome | None = failed.outcome
        return came_to


async def _submit(engine: Engine, kind: str, method: str, values: JsonDict) -> Outcome:
    flow = await engine.start(kind)
    return await engine.submit(flow.id, method=method, values=values)


def _values(deed: str, number: int, courier: MemoryCourier) -> tuple[str, JsonDict]:
    if deed in CODES:
        return "code", {"code": next(mail.code for mail in reversed(courier.messages) if mail.to == _email(number))}
    if deed == "settings":
        return "profile", {"traits": {"email": _email(number), "age": 40}}
    return "password", _login(number) if deed == "login" else _registration(number + PEOPLE)


def _email(number: int) -> str:
    return f"person{number}@example.org"


def _login(number: int) -> JsonDict:
    return {"identifier": _email(number), "password": PASSWORD}


def _registration(number: int) -> JsonDict:
    return {"traits": {"email": _email(number)}, "password": PASSWORD}
