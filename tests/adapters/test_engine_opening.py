"""An opening that fails halfway leaves nothing behind: no process, no thread, no open file."""

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.adapters.caller import HttpCaller
from limen.adapters.keyring import Keys
from limen.adapters.worker import Worker
from limen.domain import LimenError
from tests.support.children import children
from tests.support.engine import ADA, PASSWORD, configuration, hook
from tests.support.postgres import fresh_database

TEMPLATED = {"login.before": [hook("/one", id="one")]}
OTHER_KEY = {"cipher": ["quite-another-secret-of-32-chars"]}


def held() -> dict[str, Any]:
    """Children, threads of limen and open files of this process."""
    files = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            files.append(str(handle.readlink()))
    return {
        "children": len(children()),
        "threads": sorted(thread.name for thread in threading.enumerate() if not _of_asyncio(thread)),
        "files": sorted(name.split(":")[0] if name.startswith("socket") else name for name in files),
    }


def _of_asyncio(thread: threading.Thread) -> bool:
    """Its executor's, and those that wait for a child process that has ended: they go by themselves."""
    return "asyncio" in thread.name or thread.name.startswith("waitpid")


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/limen.db"
    elif request.param == "memory":
        yield "memory:"
    else:
        with fresh_database() as url:
            yield url


async def opened(url: str, **sections: Any) -> None:
    async with open_engine(configuration(TEMPLATED, **sections), url, settings={}) as engine:
        flow = await engine.start("registration")
        await engine.submit(flow.id, method="password", values={"traits": {"email": ADA}, "password": PASSWORD})


async def test_an_engine_that_was_closed_has_let_go_of_everything(url: str) -> None:
    await opened(url)
    before = held()
    for _ in range(3):
        await opened(url)
    assert held() == before


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_a_store_of_another_key_is_closed_again(url: str) -> None:
    await opened(url)
    before = held()
    for _ in range(3):
        with pytest.raises(LimenError, match="none of the configured secrets"):
            await opened(url, secrets=OTHER_KEY)
    assert held() == before


@pytest.mark.parametrize(
    "place", [(Keys, "__init__"), (Keys, "open"), (HttpCaller, "__init__"), (Worker, "__aenter__")]
)
async def test_whatever_fails_midway(url: str, place: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    await opened(url)
    before = held()

    def failing(*_: Any, **__: Any) -> None:
        raise OSError("it fails here")

    monkeypatch.setattr(*place, failing)
    for _ in range(3):
        with pytest.raises(OSError, match="it fails here"):
            await opened(url)
    assert held() == before


@pytest.mark.parametrize(
    "content", [b"Dear reader, " * 100, b"SQLite format 3\0" + b"\xff" * 4096, None], ids=["text", "broken", "folder"]
)
async def test_a_file_that_is_no_store(tmp_path: Path, content: bytes | None) -> None:
    await opened("memory:")
    file = tmp_path / "limen.db"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    before = held()
    for _ in range(3):
        with pytest.raises(LimenError):
            await opened(f"sqlite:///{file}")
    assert held() == before


async def test_a_server_that_is_not_there() -> None:
    await opened("memory:")
    before = held()
    for _ in range(2):
        with pytest.raises(LimenError):
            await opened("postgresql://nobody@127.0.0.1:1/limen")
    assert held() == before
