"""A process killed right after a failed login, or a logout, was appended: the worker of another one tells of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from limen.adapters import open_engine
from limen.adapters.sink import Sink
from limen.adapters.store import open_store
from tests.engine_robust.audit import audit
from tests.support.crash import Scene, open_stage
from tests.support.engine import configuration


def configured(sink: Sink) -> dict[str, Any]:
    """Two triggers; no other action, so a login's appends are: opened, refused, opened again as completed."""
    hooks = {
        name: {"hook": "web_hook", "config": {"id": name, "url": f"{sink.url}/{name}"}} for name in ("failed", "out")
    }
    triggers = {"login_failed": {"hooks": [hooks["failed"]]}, "logout": {"hooks": [hooks["out"]]}}
    return {"kratos": configuration(), "limen": {"triggers": triggers}}


async def killed(sink: Sink, path: Path, nth: int, only: str, *, before: bool = False) -> str:
    """Plays somebody's `only`, and kills the process around its `nth` append; the store it leaves."""
    config, store = path / "config.json", f"sqlite:///{path / 'limen.db'}"
    config.write_text(json.dumps(configured(sink)))
    scene = Scene(config=str(config), store=store, told=str(path / "told"), name="ada", only=only, nth=nth)
    async with open_stage() as stage:
        await stage.begin(replace(scene, before=before))
        assert await stage.ended() == 9, "it was killed"
    return store


async def arrived(sink: Sink, store: str, count: int) -> list[str]:
    """What has arrived when another process has worked on the store for long enough."""
    config = configured(sink)
    async with open_engine(config["kratos"], store, settings=config["limen"]) as engine:
        if count:
            await sink.wait(count)
        while await engine.streams.store.next_due() is not None:
            await engine.tools.clock.sleep(0.01)
        await audit(engine)
    return [request.path for request in sink.received]


async def test_a_failed_login_is_told_though_its_process_died(tmp_path: Path) -> None:
    async with Sink() as sink:
        store = await killed(sink, tmp_path, 2, "login")
        assert sink.received == [], "it died before it could send"
        assert await arrived(sink, store, 1) == ["/failed"]
        payload = json.loads(sink.received[0].body)
        assert (payload["type"], payload["data"]["reason"]) == ("login.failed.password", "credentials")


async def test_one_that_was_never_appended_never_was(tmp_path: Path) -> None:
    async with Sink() as sink:
        store = await killed(sink, tmp_path, 2, "login", before=True)
        assert await arrived(sink, store, 0) == []


async def test_a_logout_is_told_though_its_process_died(tmp_path: Path) -> None:
    async with Sink() as sink:
        store = await killed(sink, tmp_path, 1, "logout")
        assert sink.of("/out") == []
        assert (await arrived(sink, store, 2))[1:] == ["/out"], "after the wrong password of her login"
        assert json.loads(sink.received[1].body)["type"] == "logout"
        opened = open_store(store)
        try:
            log = await audit(opened)
        finally:
            opened.close()
        assert [one.reason for one in log.of("SessionRevoked")] == ["logout"]
