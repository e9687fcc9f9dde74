"""Every Python program in the documentation runs as it is printed."""

import asyncio
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from uuid import UUID

import pytest

from limen.adapters.bus.asking import open_asker
from limen.adapters.configuration import read
from limen.domain.ports import Asker, CallFailed, Question
from tests.support.brokers import own_nats

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
RUN = sys.executable


def program(page: str, number: int = 0) -> str:
    """The Python block of that number on a page."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return textwrap.dedent(blocks[number])


def run(source: str, folder: Path, **environment: str) -> str:
    """Runs a program where the examples are at hand, and gives what it prints."""
    (folder / "docs").symlink_to(ROOT / "docs")
    script = folder / "program.py"
    script.write_text(source)
    done = subprocess.run(
        [RUN, "-W", "error", str(script)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    lines = run(program("docs/tutorials/embed-the-core.md"), tmp_path).splitlines()
    assert lines[:3] == [
        "choose_method ['use a lasting address']",
        "completed ada@example.org aal1",
        "signed in as ada@example.org",
    ]
    assert "IdentityRegistered" in "\n".join(lines)
    assert (tmp_path / "signup.db").exists()


PRINTING = [
    "ask-for-a-second-factor",
    "ask-in-two-steps",
    "change-addresses-safely",
    "choose-a-schema",
    "recover-by-link",
    "sign-in-with-a-passkey",
]
"""The pages of how-to that print."""


@pytest.mark.parametrize("name", PRINTING)
def test_a_page_prints_what_it_says(name: str, tmp_path: Path) -> None:
    page = f"docs/how-to/{name}.md"
    said = re.findall(r"^```text\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert [run(program(page), tmp_path)] == said


def test_the_page_on_failed_logins_prints_what_it_says(tmp_path: Path) -> None:
    page = "docs/how-to/react-to-failed-logins.md"
    said = re.findall(r"^```text\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert [run(program(page), tmp_path)] == said


def test_the_example_of_triggers_is_accepted() -> None:
    examples = ROOT / "docs" / "examples"
    env = {"ALARM_SECRET": "whsec_" + "A" * 32}
    found = read(examples / "identity.yml", examples / "triggers.yml", env=env)
    assert found.settings.lockout is not None
    assert sorted(map(str, found.triggers)) == ["login.failed", "login.failed.password", "logout"]


def test_the_handlers_of_the_how_to_page_register(tmp_path: Path) -> None:
    check = "\nprint(actions.ids)\n"
    printed = run(program("docs/how-to/write-an-action.md") + check, tmp_path)
    assert "registration.after.password=no_throwaways" in printed


def test_the_fastapi_page_signs_somebody_in(tmp_path: Path) -> None:
    check = """
    from fastapi.testclient import TestClient

    with TestClient(app) as client:
        app.state.engine.after("login", id="seen", pure=True)(
            lambda context: print(*context.request_headers["User-Agent"], *context.request_headers["True-Client-Ip"])
        )
        portal = client.portal
        async def register():
            flow = await app.state.engine.start("registration")
            return await app.state.engine.submit(
                flow.id, method="password",
                values={"traits": {"email": "ada@example.org"}, "password": "correct horse battery"},
            )
        portal.call(register)
        flow = client.get("/login", headers={"user-agent": "page/1"}).json()
        wrong = client.post(f"/login/{flow['id']}", json={"method": "password", "identifier": "ada@example.org",
                            "password": "not the one"})
        right = client.post(f"/login/{flow['id']}", json={"method": "password", "identifier": "ada@example.org",
                            "password": "correct horse battery"}, headers={"user-agent": "page/1"})
        again = client.post(f"/login/{flow['id']}", json={"method": "password"})
        print(wrong.status_code, right.status_code, again.status_code, right.json()["session"]["active"])
    """
    store = f"sqlite:///{tmp_path}/page.db"
    source = "import warnings; warnings.simplefilter('ignore')\n" + program("docs/how-to/embed-in-fastapi.md")
    printed = run(source + textwrap.dedent(check), tmp_path, LIMEN_STORE=store).splitlines()
    assert printed == ["page/1 testclient", "400 200 410 True"]


def test_the_django_page_registers_somebody(tmp_path: Path) -> None:
    setup = """
    import django
    from django.conf import settings
    from django.urls import path

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="for the test alone")
    django.setup()
    """
    check = """
    from django.test import Client

    urlpatterns = [path("start", start), path("submit/<flow_id>", submit)]
    client = Client()
    flow = client.get("/start").json()
    body = {"method": "password", "traits": {"email": "ada@example.org"}, "password": "correct horse battery"}
    done = client.post(f"/submit/{flow['id']}", body, content_type="application/json")
    again = client.post(f"/submit/{flow['id']}", body, content_type="application/json")
    print(done.status_code, done.json()["identity"]["traits"]["email"], again.status_code)
    """
    source = textwrap.dedent(setup) + program("docs/how-to/embed-in-django.md") + textwrap.dedent(check)
    printed = run(source, tmp_path, LIMEN_STORE=f"sqlite:///{tmp_path}/page.db")
    assert printed == "200 ada@example.org 410\n"


def test_the_fixed_clock_page_is_a_test_that_passes(tmp_path: Path) -> None:
    source = program("docs/how-to/test-with-a-fixed-clock.md")
    call = "\nimport asyncio\nasyncio.run(test_a_code_counts_for_a_quarter_of_an_hour())\nprint('passed')\n"
    assert run(source + call, tmp_path) == "passed\n"


def test_the_page_on_what_happened_tells_a_flow_and_draws_it(tmp_path: Path) -> None:
    check = """
    import asyncio
    from limen.adapters import open_engine

    async def main():
        async with open_engine("docs/examples/embedded.yml", "sqlite:///seen.db") as engine:
            engine.before("login", id="seen", pure=True)(lambda context: None)
            return str((await engine.start("login")).id)
    look("sqlite:///seen.db", asyncio.run(main()))
    print(Path("path.svg").read_text()[:4])
    """
    printed = run(program("docs/how-to/look-at-what-happened.md") + textwrap.dedent(check), tmp_path).splitlines()
    assert printed[0].startswith("seen continue default ")
    assert printed[1:] == ["<svg"]


def test_the_page_on_what_happened_finds_what_an_action_interrupted(tmp_path: Path) -> None:
    check = """
    import asyncio
    from limen.adapters import open_engine
    from limen.domain import FlowRejected, Interrupt

    async def main():
        async with open_engine("docs/examples/embedded.yml", "sqlite:///seen.db") as engine:
            engine.before("login", id="no", pure=True)(lambda context: Interrupt.flow("not now", id=1))
            try:
                await engine.start("login")
            except FlowRejected as rejected:
                return str(rejected.flow_id)
    print(asyncio.run(main()))
    interrupted_by("sqlite:///seen.db", "no")
    """
    source = program("docs/how-to/look-at-what-happened.md", 1)
    flow, found = run(source + textwrap.dedent(check), tmp_path).splitlines()
    assert found == f"{flow} [{{'action': 'no', 'outcome': 'interrupt', 'times': 1}}]"


def test_the_page_on_exports_exports(tmp_path: Path) -> None:
    page = "docs/how-to/export-the-log.md"
    (query,) = re.findall(r"^```sql\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    check = f"""
    import asyncio, duckdb, yaml
    from datetime import UTC, timedelta
    from limen.adapters import open_engine

    CONFIG, ADA = "docs/examples/embedded.yml", "ada@example.org"
    SECRET = yaml.safe_load(Path(CONFIG).read_text())["secrets"]["cipher"][0]

    async def main():
        async with open_engine(CONFIG, "sqlite:///limen.db") as engine:
            flow = await engine.start("login")
            await engine.submit(flow.id, method="password", values={{"identifier": ADA, "password": "not the one"}})
    asyncio.run(main())
    now, month = datetime.now(UTC), timedelta(days=31)
    counts = [monthly("sqlite:///limen.db", Path(), now + month * n, now + month * (n + 1)) for n in (-1, 1)]
    print(counts[0] > 3, counts[1])
    print(opened("sqlite:///limen.db", Path("opened.jsonl"), SECRET), ADA in Path("opened.jsonl").read_text())
    export("sqlite:///limen.db", Path("events"), format="parquet")
    print(duckdb.sql({query!r}).fetchall())
    """
    printed = run(program(page) + textwrap.dedent(check), tmp_path).splitlines()
    assert printed == ["True 0", "1 True", "[('login', 'password', 'credentials', 1)]"]


def test_the_address_page_lets_in_and_keeps_out(tmp_path: Path) -> None:
    check = """
    import asyncio
    from limen.adapters import open_engine
    from limen.domain import FlowRejected, Request

    async def main():
        async with open_engine("docs/examples/embedded.yml", "memory:", actions=actions) as engine:
            print((await engine.start("login", request=Request(client_ip="10.20.1.2"))).state)
            try:
                await engine.start("login", request=Request(client_ip="203.0.113.9"))
            except FlowRejected as rejected:
                print(rejected.messages[0]["id"])
    asyncio.run(main())
    """
    printed = run(program("docs/how-to/check-the-address.md") + textwrap.dedent(check), tmp_path)
    assert printed.splitlines() == ["choose_method", "4002"]


async def test_the_bus_page_asks_its_service(tmp_path: Path) -> None:
    page = "docs/how-to/ask-over-the-bus.md"
    (settings,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    with own_nats() as server:
        (tmp_path / "limen.yml").write_text(settings.replace("nats://127.0.0.1:4222", server.url))
        (tmp_path / "risk.py").write_text(program(page))
        environment = os.environ | {"NATS_URL": server.url}
        service = await asyncio.create_subprocess_exec(
            RUN, str(tmp_path / "risk.py"), env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with open_asker(server.url) as asker:
                await listening(asker, "risk.check")
            printed = await asyncio.to_thread(run, program(page, 1), tmp_path)
        finally:
            service.terminate()
            await service.wait()
    assert printed in (ROOT / page).read_text()
    assert printed.splitlines() == ["choose_method ['use a lasting address'] None", "completed [] free"]


async def listening(asker: Asker, subject: str) -> None:
    """Returns when somebody subscribes to a subject, whatever is said there."""
    for _ in range(600):
        try:
            await asker.ask(Question(subject, b"{}", {"content-type": "application/json"}, UUID(int=0)), timeout=0.5)
        except CallFailed as failed:
            if failed.reason == "timeout":
                return
            await asyncio.sleep(0.05)
    raise AssertionError(f"nobody answers on {subject}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?\.md)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_inline_templates_are_what_the_pages_say() -> None:
    """A base64 template on a page decodes to the Jsonnet that the page spells out."""
    import base64

    for name in ("write-an-action", "check-the-address"):
        text = (ROOT / "docs/how-to" / f"{name}.md").read_text()
        for encoded in re.findall(r"base64://(\S+)", text):
            assert base64.b64decode(encoded).decode() in text.replace("\n", " ")
