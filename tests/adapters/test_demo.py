"""The demo checks what it shows, keeps what it used, and says what to try next."""

import filecmp
import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from limen.adapters.demo import Scene, play
from limen.adapters.demo.expected import Expected, arrivals
from limen.adapters.sink import Sink
from tests.adapters.conftest import Demo
from tests.support.cli import EXAMPLES, spawned

PACKAGED = Path(str(files("limen.adapters.demo") / "files"))
KINDS = {"login", "registration", "recovery", "verification", "settings"}


def test_the_example_is_the_file_the_demo_uses() -> None:
    packaged = sorted(path.relative_to(PACKAGED) for path in PACKAGED.rglob("*") if path.is_file())
    assert Path("identity.yml") in packaged
    for path in packaged:
        assert filecmp.cmp(PACKAGED / path, EXAMPLES / path, shallow=False), f"docs/examples/{path} differs"


def test_every_flow_is_played_and_every_check_held(demo: Demo) -> None:
    told = demo.told
    assert told["ok"] is True
    assert {one["flow"] for one in told["flows"]} == KINDS
    assert all(check["held"] for check in told["checks"])
    reached = [check["claim"] for check in told["checks"] if " reached POST " in check["claim"]]
    assert len(reached) == told["requests"] == 27
    ids = {claim.split()[0] for claim in reached}
    configured = set(re.findall(r"config:\n +id: (\w+)", (PACKAGED / "identity.yml").read_text()))
    assert configured - ids == {"registered"}, "the default list that a method's own replaced"


def test_it_keeps_the_store_and_the_configuration_it_used(demo: Demo) -> None:
    kept = demo.folder / "demo"
    names = {path.name for path in kept.iterdir() if not path.name.endswith(("-wal", "-shm"))}
    assert names == {"identity.yml", "customer.schema.json", "hooks", "limen.db"}
    assert "127.0.0.1:4456" not in (kept / "identity.yml").read_text(), "the port that was free, not the example's"


def test_every_command_it_suggests_works(tmp_path: Path) -> None:
    ran = spawned("demo", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.count("✓") == 11
    exports = dict(re.findall(r"^  export (\w+)=(.*)$", ran.out, flags=re.MULTILINE))
    env = {name: shlex.split(value)[0] for name, value in exports.items()}
    assert env == {"LIMEN_CONFIG": "demo/identity.yml", "LIMEN_STORE": "sqlite:///demo/limen.db"}
    commands = re.findall(r"^  (limen .*?)   ", ran.out, flags=re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        tried = spawned(*shlex.split(command)[1:], cwd=tmp_path, **env)
        assert tried.code == 0, f"{command}: {tried.err}"
        assert tried.out


def test_it_can_be_played_again_on_the_same_store(demo: Demo, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'kept.db'}"
    for _ in range(2):
        ran = spawned("demo", "--json", "--store", store, cwd=tmp_path)
        assert ran.code == 0, ran.out
    listed = spawned("flow", "list", "--json", "--store", store, cwd=tmp_path).json
    assert len(listed) == 2 * len(spawned("flow", "list", "--json", cwd=tmp_path, **demo.env).json)


@pytest.mark.parametrize(
    ("file", "written", "instead", "missing"),
    [
        ("identity.yml", "/analytics\n", "/elsewhere\n", "signup_analytics"),
        ("hooks/flow.jsonnet", "ctx.flow.id", "'another'", "recovery_asked"),
    ],
)
async def test_an_action_that_does_not_arrive_as_it_should_fails_it_by_name(
    file: str, written: str, instead: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limen.adapters.demo.expected.PATIENCE_SECONDS", 0.5)

    class Altered(Scene):
        def write(self, target: str, provider: str) -> None:
            super().write(target, provider)
            path = self.folder / file
            text = path.read_text()
            assert text.count(written) == 1
            path.write_text(text.replace(written, instead))

    played = await play(Altered(tmp_path / "demo"), f"sqlite:///{tmp_path / 'limen.db'}")
    assert any(check.claim.startswith(f"{missing} reached") for check in played.failed)


async def test_a_target_that_refuses_stops_the_story_and_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limen.adapters.demo.expected.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("limen.adapters.demo.playing.furnish", lambda sink: None)
    told: list[tuple[str, bool]] = []
    played = await play(
        Scene(tmp_path / "demo"),
        f"sqlite:///{tmp_path / 'limen.db'}",
        told=lambda what, held: told.append((what, held)),
    )
    assert told[0] == ("registration without an invitation is rejected", False)
    assert any(check.claim == "invite_only rejected the registration" for check in played.failed)


async def test_arrivals_name_what_is_missing_wrong_or_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setattr("limen.adapters.demo.expected.PATIENCE_SECONDS", 0.1)
    trigger = {"Ory-Webhook-Trigger-Id": "1", "webhook-id": "1"}
    async with Sink() as sink, httpx.AsyncClient(base_url=sink.url, headers=trigger) as client:
        await client.post("/right", json={"a": 1})
        await client.post("/wrong", json={"a": 2})
        await client.post("/twice", json={})
        await client.post("/twice", json={})
        await client.post("/uncalled", json={})
        paths = ("right", "wrong", "twice", "never")
        expected = [Expected(one, f"/{one}", {"a": 1} if one != "twice" else {}) for one in paths]
        checks = await arrivals(sink, expected)
    assert [(check.claim, check.held) for check in checks] == [
        ("right reached POST /right", True),
        ("wrong reached POST /wrong", False),
        ("twice reached POST /twice", True),
        ("never reached POST /never", False),
        ("nothing else comes to /twice", False),
        ("nothing else comes to /uncalled", False),
    ]
    assert [check.detail for check in checks if not check.held] == [
        'its body is {"a": 2}, not {"a": 1}',
        "it did not arrive",
        "2 requests, not 1",
        "1 requests, not 0",
    ]
