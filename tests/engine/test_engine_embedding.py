"""Embedding: the example as it is written, without await, from Django, across forks; clock, secrets, pinned flows."""

import multiprocessing
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine, open_engine_sync, open_log
from limen.adapters.sink import Sink
from limen.domain import ActionContext, ConfigurationInvalid, FlowRejected, Interrupt, StoreUnusable, WrongProcess
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.engine import (
    ADA,
    NOON,
    PASSWORD,
    House,
    configuration,
    hook,
    ignore,
    open_house,
    parse,
    shown,
)

ROOT = Path(__file__).parents[2]

EXAMPLE = """
import asyncio
from limen.adapters import open_engine
from limen.domain import ActionContext, Interrupt

async def main() -> None:
    async with open_engine(config="docs/examples/embedded.yml", store="sqlite:///limen.db") as engine:

        @engine.before("login")
        async def office_hours(context: ActionContext) -> None: ...

        @engine.after("registration", method="password")
        async def no_throwaways(context: ActionContext) -> Interrupt | None:
            if context.identity.traits["email"].endswith("@throwaway.example"):
                return Interrupt.field("#/traits/email", "use a lasting address", id=4001)

        flow = await engine.start("registration", query={"invite": "friend"})
        outcome = await engine.submit(flow.id, method="password",
                                      values={"traits": {"email": "ada@example.org"}, "password": "correct horse battery"})
        print(outcome.state, outcome.session)

asyncio.run(main())
"""  # noqa: E501 - to the letter


def test_the_example_runs_as_written(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    ran = subprocess.run([sys.executable, "-W", "error", "-c", EXAMPLE], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"completed Document\(id, active, .*\)\n", ran.stdout)
    with open_log(f"sqlite:///{tmp_path / 'limen.db'}") as log:
        types = [entry.type for entry in log.events()]
    assert {"IdentityRegistered", "SessionIssued", "FlowCompleted"} <= set(types)
    assert b"ada@example.org" not in (tmp_path / "limen.db").read_bytes()


# ---------------------------------------------------------------------------------------------------- without await


def sync_house(path: Path | None = None, **options: Any) -> Any:
    return open_engine_sync(
        configuration(), f"sqlite:///{path}" if path else "memory:", settings={}, courier=MemoryCourier(), **options
    )


def test_the_same_methods_without_await(tmp_path: Path) -> None:
    with sync_house(tmp_path / "limen.db", clock=FixedClock(NOON)) as engine:
        threads = []

        def greet(context: ActionContext) -> None:
            threads.append(threading.current_thread())

        engine.after("registration", method="password")(greet)

        flow = engine.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        assert engine.submit(flow.id, method="password", values=values).state == "completed"
        assert engine.flow(flow.id).state == "completed"
        flow = engine.start("login")
        token = engine.submit(
            flow.id, method="password", values={"identifier": ADA, "password": PASSWORD}
        ).session_token
        assert engine.session(token).identity.traits["email"] == ADA
        assert engine.logout(token) is True
        assert engine.session(token) is None
        assert threading.current_thread() not in threads


def test_it_is_safe_from_any_thread() -> None:
    with sync_house() as engine:
        done: list[str] = []

        def registers(start: int) -> None:
            for n in range(start, start + 5):
                flow = engine.start("registration")
                values = {"traits": {"email": f"p{n}@example.org"}, "password": PASSWORD}
                done.append(engine.submit(flow.id, method="password", values=values).state)

        threads = [threading.Thread(target=registers, args=(start,)) for start in (0, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == ["completed"] * 10


def test_what_is_wrong_with_the_configuration_is_raised_where_it_is_opened() -> None:
    with pytest.raises(ConfigurationInvalid), open_engine_sync({"nonsense": 1}, "memory:", settings={}):
        pass


def test_an_error_of_a_flow_is_raised_to_the_caller() -> None:
    with sync_house() as engine:
        engine.before("login")(lambda context: Interrupt.flow("closed", id=1))
        with pytest.raises(FlowRejected):
            engine.start("login")


def test_a_use_from_another_process_raises() -> None:
    with sync_house() as engine:
        reading, writing = multiprocessing.Pipe(duplex=False)
        engine.start("login")
        child = os.fork()
        if child == 0:
            try:
                engine.start("login")
            except WrongProcess:
                writing.send("WrongProcess")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert reading.poll(5)
        assert reading.recv() == "WrongProcess"
        assert engine.start("login").state == "choose_method", "this process goes on"


DJANGO = """
import sys, json
from django.conf import settings
settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", MIDDLEWARE=[], USE_TZ=True)
import django
django.setup()
from django.http import JsonResponse
from django.test import Client
from django.urls import path
from limen.adapters import open_engine_sync
from limen.domain import Request
from tests.support.engine import configuration

seen = []

def limen_request(request):
    return Request(request.method, request.build_absolute_uri(), list(request.headers.items()), request.COOKIES,
                   request.META["REMOTE_ADDR"])

def register(request):
    asked = limen_request(request)
    flow = engine.start("registration", request=asked)
    outcome = engine.submit(flow.id, method="password", values=json.loads(request.body), request=asked)
    return JsonResponse({"state": outcome.state, "messages": [message.id for message in outcome.flow.messages]})

urlpatterns = [path("register", register)]

with open_engine_sync(configuration(), "memory:", settings={}) as engine:
    @engine.after("registration")
    def check(context):
        headers = context.request_headers
        seen.append([context.request_url, headers["User-Agent"], headers["True-Client-Ip"], context.request_cookies])

    client = Client(headers={"user-agent": "Firefox"}, REMOTE_ADDR="203.0.113.7")
    client.cookies["theme"] = "dark"
    body = {"traits": {"email": "ada@example.org"}, "password": "correct horse battery"}
    for password in ("short", "correct horse battery"):
        answer = client.post("/register", {**body, "password": password}, content_type="application/json")
        print(answer.status_code, json.dumps(answer.json()))
    print(json.dumps([[url, list(agent), list(ip), cookies.plain()] for url, agent, ip, cookies in seen]))
"""


def test_from_a_django_view() -> None:
    """In a process of its own: Django's settings are the process's."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", DJANGO], cwd=ROOT, capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        '200 {"state": "choose_method", "messages": [4000032]}',
        '200 {"state": "completed", "messages": []}',
        '[["http://testserver/register", ["Firefox"], ["203.0.113.7"], {"theme": "dark"}]]',
    ]


# ---------------------------------------------------------------------------------------------------------- secrets


async def signed_in(store: str) -> str:
    async with open_house({"registration.after": [{"hook": "session"}]}, store=store) as house:
        token = (await house.register()).session_token
    assert token
    return token


OLD, NEW = "a-cookie-secret-of-a-test", "a-newer-cookie-secret-of-a-test"


@pytest.mark.parametrize(("cookie", "holds"), [([NEW, OLD], True), ([NEW], False)])
async def test_cookie_secrets_are_rotated(tmp_path: Path, cookie: list[str], holds: bool) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    token = await signed_in(store)
    async with open_house(store=store, secrets={"cookie": cookie}) as house:
        assert (await house.engine.session(token) is not None) is holds
        assert await house.engine.session((await house.sign_in()).session_token) is not None


CIPHER, CIPHER_NEW = "a-cipher-secret-of-32-characters", "another-cipher-secret-of-32-char"


async def test_cipher_secrets_are_rotated(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    token = await signed_in(store)
    async with open_house(store=store, secrets={"cipher": [CIPHER_NEW, CIPHER]}) as house:
        session = await house.engine.session(token)
        assert session is not None
        assert session.identity.traits["email"] == ADA
        await house.register("bob@example.org")
    async with open_house(store=store, secrets={"cipher": [CIPHER_NEW, CIPHER]}) as house:
        assert (await house.sign_in("bob@example.org")).completed
    with pytest.raises(StoreUnusable, match="cipher"):
        async with open_house(store=store, secrets={"cipher": [CIPHER_NEW]}):
            pass


async def test_a_store_on_disk_needs_a_master_key(tmp_path: Path) -> None:
    config = configuration()
    del config["secrets"]
    with pytest.raises(ConfigurationInvalid, match="cipher"):
        async with open_engine(config, f"sqlite:///{tmp_path / 'limen.db'}", settings={}):
            pass
    async with open_engine(config, "memory:", settings={}) as engine:
        assert (await engine.start("login")).state == "choose_method"


# ------------------------------------------------------------------------------------------------------------ pinned


async def registers(house: House, flow_id: Any) -> Any:
    values = {"traits": {"email": ADA}, "password": PASSWORD}
    return await house.engine.submit(flow_id, method="password", values=values)


async def test_a_flow_is_finished_under_the_configuration_it_began_under(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    longer = {"methods": {"password": {"config": {"min_password_length": 50}}}}
    async with Sink() as sink:
        async with open_house({"registration.after": [parse("/one")]}, store=store, sink=sink) as house:
            begun = await house.start("registration")
        hooks = {"registration.after": [hook("/two")]}
        async with open_house(hooks, store=store, sink=sink, selfservice=longer) as house:
            fresh = await house.start("registration")
            assert fresh.configuration != begun.configuration
            assert shown(await registers(house, fresh.id)) == {"password": [4000032]}
            outcome = await registers(house, begun.id)
            assert outcome.completed, "the length of the newer configuration does not hold for it"
            (planned,) = house.log("ActionsPlanned", begun)
            assert planned.data["configuration"] == str(begun.configuration)
            assert house.called() == ["/one"]


async def test_what_is_due_outlives_the_process_that_scheduled_it(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with Sink() as sink:
        hooks = {"registration.after": [ignore("/later")]}
        async with open_house(hooks, store=store, sink=sink, worker=False) as house:
            await house.register()
            assert sink.received == []
        async with open_house(hooks, store=store, sink=sink) as house:
            await house.until("DeliveryDelivered", 2)
            assert [request.path for request in sink.received] == ["/later"]


async def test_the_clock_ends_sessions() -> None:
    async with open_house(session={"lifespan": "1h"}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        house.clock.advance(3599)
        assert await house.engine.session(token)
        house.clock.advance(1)
        assert await house.engine.session(token) is None
        assert await house.engine.logout(token) is False
