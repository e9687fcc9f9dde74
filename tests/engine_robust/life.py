"""A person's whole life in a store, with words in it that must never be found again outside the sealed parts."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from limen.adapters.sink import Reply, Sink
from limen.domain.errors import ActionFailed, FlowRejected, LimenError, RequestRefused
from limen.domain.request import Request
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.engine import NOON, House, configuration, hook, identity, ignore, messages, open_house, parse, quick
from tests.support.factors import FACTORS, Authenticator, codes_of, secret_of

ADDRESS = "ada.markova@post-office.example"
MOVED = "ada.neumarkova@post-office.example"
STRANGER = "nobody.nieman@post-office.example"
NAME = "Zoë-Ñandú"
PASSWORD = "a lasting pass phrase"
NEW_PASSWORD = "another pass phrase altogether"
WRONG_PASSWORD = "not her pass phrase"
API_KEY, BEARER, BASIC, COOKIE_KEY = "api-key-7f3a9c", "bearer-4b8d2e", "basic-9e1f6a", "cookie-key-2c5d8b"
URL_KEY, SIGNING = "url-key-6d4c1f", "whsec_" + b64encode(b"a-signing-secret-of-32-characters").decode()
CLIENT_IP, AGENT, COOKIE, REFERER = "203.0.113.77", "Markerbrowser/77.3", "cookie-value-51ab", "referer-text-8a"
PAYLOAD, QUERY, ADMIN, SAID = "payload-text-93cf", "query-text-1b2c", "admin-note-55de", "said-to-the-user-4a"
SECRETS = {"cookie": ["cookie-secret-marker-of-limen"], "cipher": ["cipher-secret-marker-32-chars-xx"]}

WORDS = (
    *(ADDRESS, MOVED, STRANGER, "ada.markova", "nobody.nieman", NAME, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD),
    *(API_KEY, BEARER, BASIC, COOKIE_KEY, URL_KEY, SIGNING, "a-signing-secret-of-32"),
    *(CLIENT_IP, AGENT, COOKIE, REFERER, PAYLOAD, QUERY, ADMIN, SAID),
    *(SECRETS["cookie"][0], SECRETS["cipher"][0], "$argon2"),
)
"""All that was said to the house and is nobody else's business."""

BROWSER = Request(
    url=f"http://127.0.0.1:4433/?note={QUERY}",
    headers=(("User-Agent", AGENT), ("Referer", f"http://127.0.0.1/{REFERER}"), ("Cookie", f"c={COOKIE}")),
    cookies={"c": COOKIE},
    client_ip=CLIENT_IP,
)


def hooks() -> dict[str, list[dict[str, Any]]]:
    """Actions of every kind, with every kind of credential."""
    key = {"type": "api_key", "config": {"name": "X-Key", "value": API_KEY, "in": "header"}}
    cookie = {"type": "api_key", "config": {"name": "key", "value": COOKIE_KEY, "in": "cookie"}}
    basic = {"type": "basic_auth", "config": {"user": "limen", "password": BASIC}}
    bearer = {"Authorization": f"Bearer {BEARER}", "Content-Type": "application/json"}
    tell = ignore(f"/tell?key={URL_KEY}", id="tell", auth=cookie)
    return {
        "registration.before": [parse("/invite", id="invite", headers=bearer)],
        "registration.after": [parse("/admit", auth=key), hook("/greet", auth=basic), tell, {"hook": "session"}],
        "login.before": [hook("/before", auth=key)],
        "login.after": [
            parse("/check", id="check", auth=basic),
            hook("/after"),
            ignore(f"/tell?key={URL_KEY}", id="t"),
        ],
        "settings.after": [parse("/change"), hook("/changed")],
        "recovery.after": [parse("/recover"), ignore("/recovered")],
        "verification.after": [parse("/verify"), hook("/verified")],
    }


def triggers() -> dict[str, Any]:
    """What is told of failed logins and of logouts, with credentials of its own."""
    key = {"type": "api_key", "config": {"name": "X-Key", "value": API_KEY, "in": "header"}}
    failed = hook(f"/failed?key={URL_KEY}", id="failed", auth=key)
    return {"login_failed": {"hooks": [failed]}, "logout": {"hooks": [hook("/out", id="out", auth=key)]}}


@dataclass
class Life:
    """What happened: every outcome and error, every token and code.

    `factors` are the secrets of authenticator apps and the codes on paper, in force, given up and never confirmed.
    """

    house: House
    outcomes: list[Any] = field(default_factory=list)
    errors: list[LimenError] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    factors: list[str] = field(default_factory=list)
    person: Any = None

    @property
    def codes(self) -> list[str]:
        """The codes that were mailed."""
        return [mail.code for mail in self.house.courier.messages if mail.code]

    async def start(self, kind: str, **options: Any) -> Any:
        """A flow, asked for by a browser with a lot to say; None where it was refused."""
        payload = {"note": PAYLOAD}
        try:
            flow = await self.house.engine.start(kind, request=BROWSER, transient_payload=payload, **options)
        except (FlowRejected, ActionFailed, RequestRefused) as error:
            self.errors.append(error)
            return None
        self.outcomes.append(flow)
        return flow

    async def submit(self, flow: Any, method: str, values: dict[str, Any], **options: Any) -> Any:
        """A submission; its outcome, or the error that it was."""
        options = {"request": BROWSER, "transient_payload": {"note": PAYLOAD}, **options}
        try:
            outcome = await self.house.engine.submit(flow.id, method=method, values=values, **options)
        except (ActionFailed, RequestRefused) as error:
            self.errors.append(error)
            return error
        self.outcomes.append(outcome)
        self.tokens += [outcome.session_token] if outcome.session_token else []
        return outcome

    async def code(self, kind: str, address: str) -> Any:
        """A flow by code, from start to end, with a wrong code on the way."""
        flow = await self.start(kind)
        await self.submit(flow, "code", {"email": address, "identifier": address})
        await self.submit(flow, "code", {"code": "000000"})
        return await self.submit(flow, "code", {"code": self.house.code})


@asynccontextmanager
async def lived(store: str, clock: FixedClock | None = None, **options: Any) -> Any:
    """A store in which a life has been lived: all five flows, what went right in them and what went wrong."""
    settings = quick("invite", "check")
    settings["actions"]["tell"] = {"signing_secrets": [SIGNING]}
    settings |= {"triggers": triggers(), "lockout": {}}
    courier, clock = MemoryCourier(), clock or FixedClock(NOON)
    async with Sink() as sink:
        options.setdefault("selfservice", {"methods": FACTORS})
        opened = open_house(
            hooks(), store=store, sink=sink, courier=courier, clock=clock, settings=settings, secrets=SECRETS, **options
        )
        async with opened as house:
            life = Life(house)
            await live(life, sink)
            yield life


async def live(life: Life, sink: Sink) -> None:
    """Everything once, and the failures twice."""
    who = {"traits": {"email": ADDRESS, "name": {"first": NAME}}, "password": PASSWORD}
    sink.script("/invite", [messages(("#/", 1, SAID)), *[Reply(500, SAID.encode())] * 3, Reply(204)])
    assert await life.start("registration") is None
    assert await life.start("registration") is None
    flow = await life.start("registration")
    await life.submit(flow, "password", {**who, "password": "short"})
    sink.script("/admit", [messages(("#/traits/email", 4, SAID)), identity(metadata_admin={"note": ADMIN}), Reply(204)])
    await life.submit(flow, "password", who)
    done = await life.submit(flow, "password", who)
    life.person = done.identity.id
    again = await life.start("registration")
    await life.submit(again, "password", who)
    await life.code("verification", ADDRESS)
    await sign_in(life, sink)
    await change(life, sink)
    for kind in ("recovery", "verification", "login"):
        await life.submit(await life.start(kind), "code", {"email": STRANGER, "identifier": STRANGER})
    await life.house.engine.logout(life.tokens[-1], request=BROWSER)


async def sign_in(life: Life, sink: Sink) -> None:
    """Logins: two wrong ones, one whose action fails, one that an action refuses, two right ones."""
    flow = await life.start("login")
    await life.submit(flow, "password", {"identifier": ADDRESS, "password": WRONG_PASSWORD})
    await life.submit(flow, "password", {"identifier": STRANGER, "password": WRONG_PASSWORD})
    failed = await life.start("login")
    await life.submit(failed, "password", {"identifier": ADDRESS, "password": WRONG_PASSWORD})
    sink.script("/check", [Reply(500, SAID.encode()), Reply(500), Reply(500), messages(("#/", 1, SAID)), Reply(204)])
    sink.script("/tell", Reply(500, SAID.encode()))
    right = {"identifier": ADDRESS, "password": PASSWORD}
    for _ in range(3):
        await life.submit(flow, "password", right)
    await life.code("login", ADDRESS)


async def change(life: Life, sink: Sink) -> None:
    """Settings, and an account recovered at the new address."""
    token = life.tokens[0]
    flow = await life.start("settings", session_token=token)
    traits = {"email": MOVED, "name": {"first": NAME}}
    await life.submit(flow, "profile", {"traits": {"email": "no address"}}, session_token=token)
    await life.submit(flow, "profile", {"traits": traits}, session_token=token)
    flow = await life.start("settings", session_token=token)
    await life.submit(flow, "password", {"password": NEW_PASSWORD}, session_token=token)
    await factors(life, sink, token)
    await life.code("recovery", MOVED)


async def factors(life: Life, sink: Sink, token: str) -> None:
    """An app and codes on paper: tried in vain, set up, used, refused by an action, shown again, given up."""
    clock = life.house.clock
    flow = await life.start("settings", session_token=token)
    waiting = await life.start("settings", session_token=token)
    app = Authenticator(secret_of(flow))
    life.factors += [app.secret, secret_of(waiting)]
    for code in (app.wrong(clock.now()), app.code(clock.now())):
        await life.submit(flow, "totp", {"totp_code": code}, session_token=token)
    flow = await life.start("settings", session_token=token)
    for _ in range(2):
        made = await life.submit(flow, "lookup_secret", {"lookup_secret_regenerate": True}, session_token=token)
        life.factors += codes_of(made)
    await life.submit(flow, "lookup_secret", {"lookup_secret_confirm": True}, session_token=token)
    clock.advance(30)
    sink.script("/check", [messages(("#/", 1, SAID)), Reply(204)])
    codes = codes_of(made)
    counting = [{"lookup_secret": codes[0]}, {"lookup_secret": codes[0]}, {"totp_code": app.code(clock.now())}]
    for values in ({"lookup_secret": "nonesuch"}, {"totp_code": app.wrong(clock.now())}, *counting):
        login = await life.start("login", aal="aal2", refresh=True, session_token=token)
        method = "totp" if "totp_code" in values else "lookup_secret"
        await life.submit(login, method, values, session_token=token)
    for button in ("lookup_secret_reveal", "lookup_secret_disable"):
        flow = await life.start("settings", session_token=token)
        await life.submit(flow, "lookup_secret", {button: True}, session_token=token)
    flow = await life.start("settings", session_token=token)
    await life.submit(flow, "totp", {"totp_unlink": True}, session_token=token)


# ------------------------------------------------------------------------------------------------------- searching


def disguises(word: str) -> Iterator[bytes]:
    """A word as it may stand in a file: as it is, in JSON, in a URL, in hex, in base64 at any place."""
    for text in {word, json.dumps(word)[1:-1], json.dumps(json.dumps(word)[1:-1])[1:-1], quote(word), quote(word, "")}:
        yield text.encode()
    raw = word.encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode(), word.encode("utf-16-le"))
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + raw + b"xx")[first:last]


def found(data: bytes, words: Any) -> list[str]:
    """Which of the words stand in the data, disguised or not."""
    return [word for word in words if any(disguise in data for disguise in disguises(word))]


def files(url: str) -> bytes:
    """Every byte that a store has on disk, or every column of every row in a database."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        listed = sorted(path.parent.glob(f"{path.name}*"))
        return b"\n".join(one.read_bytes() for one in listed)
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        assert len(tables) >= 3
        parts: list[bytes] = []
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
                parts += [one if isinstance(one, bytes) else str(one).encode() for one in row]
    return b"\n".join(parts)


def base(**sections: Any) -> dict[str, Any]:
    """The configuration of a life, without its actions."""
    return configuration(secrets=SECRETS, **sections)
