"""What the benchmarks run on: a configuration, people who are signed in, and the flows they go through."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limen.adapters import open_engine
from limen.domain.engine import Engine
from limen.domain.handler import Actions
from limen.domain.request import Request

PASSWORD = "a lasting password, and a long one"
_SCHEMA = {
    "$id": "https://example.org/schemas/benchmark.json",
    "type": "object",
    "properties": {
        "traits": {
            "type": "object",
            "required": ["email"],
            "additionalProperties": False,
            "properties": {
                "email": {
                    "type": "string",
                    "format": "email",
                    "ory.sh/kratos": {
                        "credentials": {"password": {"identifier": True}},
                        "recovery": {"via": "email"},
                        "verification": {"via": "email"},
                    },
                },
                "name": {"type": "string"},
            },
        }
    },
}


def configuration() -> dict[str, Any]:
    """A Kratos configuration: passwords hashed as cheaply as can be, verification off, no web hook."""
    schema = base64.b64encode(json.dumps(_SCHEMA).encode()).decode()
    return {
        "dsn": "memory",
        "identity": {"default_schema_id": "person", "schemas": [{"id": "person", "url": f"base64://{schema}"}]},
        "secrets": {"cookie": ["a-cookie-secret-for-benchmarks"], "cipher": ["a-cipher-secret-of-32-characters"]},
        "hashers": {"algorithm": "argon2", "argon2": {"memory": "8KB", "iterations": 1, "parallelism": 1}},
        "selfservice": {
            "default_browser_return_url": "http://127.0.0.1:4455/",
            "methods": {
                "password": {"enabled": True, "config": {"haveibeenpwned_enabled": False}},
                "profile": {"enabled": True},
            },
            "flows": {
                "registration": {"after": {"password": {"hooks": [{"hook": "session"}]}}},
                "recovery": {"enabled": False},
                "verification": {"enabled": False},
            },
        },
    }


@dataclass(slots=True)
class Person:
    """Somebody who is signed in."""

    number: int
    token: str = ""
    turn: int = 0

    @property
    def email(self) -> str:
        """Where they are reached."""
        return f"person{self.number}@example.org"

    @property
    def request(self) -> Request:
        """What they call with: each from a network of their own."""
        return Request(client_ip=f"198.18.{self.number % 256}.7")


@asynccontextmanager
async def engine_on(store: str | Path, actions: Actions | None = None) -> AsyncIterator[Engine]:
    """An engine on a store: a URL, or the path of a SQLite file. No worker: nothing is ever due here."""
    url = f"sqlite:///{store}" if isinstance(store, Path) else store
    async with open_engine(configuration(), url, actions=actions, worker=False) as engine:
        yield engine


async def register(engine: Engine, person: Person) -> None:
    """Registers a person by password; they are signed in afterwards."""
    flow = await engine.start("registration", request=person.request)
    values = {"traits": {"email": person.email, "name": "Somebody"}, "password": PASSWORD}
    outcome = await engine.submit(flow.id, method="password", values=values, request=person.request)
    if not outcome.completed or outcome.session_token is None:
        raise RuntimeError(f"a registration of the benchmark came to {outcome.state}")
    person.token = outcome.session_token


async def login(engine: Engine, person: Person) -> None:
    """One login by password."""
    flow = await engine.start("login", request=person.request)
    values = {"identifier": person.email, "password": PASSWORD}
    outcome = await engine.submit(flow.id, method="password", values=values, request=person.request)
    if not outcome.completed:
        raise RuntimeError(f"a login of the benchmark came to {outcome.state}")


async def start_login(engine: Engine, person: Person) -> None:
    """A login flow that is only started."""
    await engine.start("login", request=person.request)


async def refused_login(engine: Engine, request: Request) -> None:
    """A login that fails, of the first person's, from anywhere."""
    flow = await engine.start("login", request=request)
    values = {"identifier": Person(0).email, "password": f"not {PASSWORD}"}
    outcome = await engine.submit(flow.id, method="password", values=values, request=request)
    if outcome.completed:
        raise RuntimeError("a login of the benchmark came through with a wrong password")


async def change_profile(engine: Engine, person: Person) -> None:
    """The flow without a password: settings are opened and a name is changed. Six events, two durable commits."""
    person.turn += 1
    flow = await engine.start("settings", request=person.request, session_token=person.token)
    outcome = await engine.submit(
        flow.id,
        method="profile",
        values={"traits": {"email": person.email, "name": f"Name {person.turn}"}},
        request=person.request,
        session_token=person.token,
    )
    if not outcome.completed:
        raise RuntimeError(f"a flow of the benchmark came to {outcome.state}")


async def seed(store: str | Path, count: int) -> list[Person]:
    """A store with so many people, all of them signed in."""
    people = [Person(number) for number in range(count)]
    async with engine_on(store) as engine:
        for person in people:
            await register(engine, person)
    return people


Step = Callable[[Engine, Person], Awaitable[None]]


async def all_at_once(engine: Engine, people: Sequence[Person], turns: int, step: Step) -> None:
    """Everybody takes so many turns one after the other, all of them at the same time."""

    async def one(person: Person) -> None:
        for _ in range(turns):
            await step(engine, person)

    await asyncio.gather(*map(one, people))


async def one_by_one(engine: Engine, people: Sequence[Person], turns: int, step: Step) -> None:
    """The same turns, never two at a time."""
    for _ in range(turns):
        for person in people:
            await step(engine, person)


async def fill(path: Path, people: int, events: int) -> None:
    """Settings and logins in turn by so many people, until there are enough events in a file."""
    somebody = await seed(path, people)
    async with engine_on(path) as engine:
        while events_in(path) < events:
            await all_at_once(engine, somebody, 4, change_profile)
            await all_at_once(engine, somebody, 4, login)


def events_in(path: Path) -> int:
    """How many events are in the file."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM stored_events").fetchone()[0])
    finally:
        connection.close()
