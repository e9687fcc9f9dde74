"""A person is erased, and then every reader of the store is asked for them: commands in processes of their own.

The log verifies, the timeline says `erased`, and nothing of the person is in any file of the store, in its views or its
vault, in an export made afterwards, in what a search, a statistic or a simulation prints.
"""

import json
from pathlib import Path

import pytest
import yaml

from tests.engine_robust.life import ADDRESS, MOVED, NAME, SECRETS, WORDS, found, hooks, lived
from tests.support.cli import Ran, spawned
from tests.support.engine import SINK, configuration, towards

THEIRS = (ADDRESS, MOVED, "ada.markova", NAME, *[word for word in WORDS if "ada" in word])
FORMATS = ("jsonl", "ocsf", "parquet")


@pytest.fixture
async def store(tmp_path: Path) -> tuple[Path, str, str]:
    """A store in which a life was lived, its views built and its events sealed; then the person was erased."""
    folder = tmp_path / "store"
    folder.mkdir()
    url = f"sqlite:///{folder / 'limen.db'}"
    config = tmp_path / "identity.yml"
    config.write_text(yaml.safe_dump(towards(configuration(hooks(), secrets=SECRETS), "http://127.0.0.1:9")))
    assert SINK not in config.read_text()
    async with lived(url) as life:
        person = str(life.person)
    for command in (("projection", "rebuild"), ("audit", "checkpoint")):
        assert limen(tmp_path, url, *command).code == 0
    assert words_in(export(tmp_path, url, "before", "jsonl", "--personal")), "before, they are there to be found"
    assert limen(tmp_path, url, "audit", "erase", person, "--yes").code == 0
    return tmp_path, url, person


def limen(folder: Path, url: str, *command: str) -> Ran:
    return spawned(*command, cwd=folder, LIMEN_STORE=url, LIMEN_CONFIG="identity.yml")


def export(folder: Path, url: str, name: str, format_: str, *options: str) -> bytes:
    """The bytes of every file of an export."""
    target = folder / name
    ran = limen(folder, url, "audit", "export", "--format", format_, "--output", str(target), *options)
    assert ran.code == 0, ran.err
    paths = sorted(target.rglob("*")) if target.is_dir() else [target]
    return b"".join(path.read_bytes() for path in paths if path.is_file())


def words_in(data: bytes) -> list[str]:
    return found(data, THEIRS)


@pytest.mark.timeout(180)
async def test_nothing_of_them_is_left_for_anybody_who_reads(store: tuple[Path, str, str]) -> None:
    folder, url, person = store
    verified = limen(folder, url, "audit", "verify", "--json")
    assert (verified.code, verified.json["valid"], verified.json["faults"]) == (0, True, [])
    proof = limen(folder, url, "audit", "prove", "1", "--json")
    (folder / "proof.json").write_text(json.dumps(proof.json))
    assert limen(folder, url, "audit", "verify-proof", "proof.json").code == 0

    flows = limen(folder, url, "flow", "list", "--identity", person, "--json").json
    timelines = [limen(folder, url, "flow", "show", one["id"], "--open", "--json") for one in flows]
    assert {one.json["flow"] for one in timelines} == {"login", "registration", "recovery", "verification", "settings"}
    assert [one.json["events"][0]["data"]["request"] for one in timelines] == [{"erased": True}] * len(timelines)

    shown = limen(folder, url, "flow", "show", flows[0]["id"], "--open")
    assert "erased" in shown.out
    printed = [
        *timelines,
        shown,
        limen(folder, url, "log", "--open", "--json"),
        limen(folder, url, "actions", "stats", "--json"),
        limen(folder, url, "audit", "search", "--identifier", MOVED, "--json"),
        limen(folder, url, "simulate", "--json", "--open"),
    ]
    assert all(one.code in (0, 1) and one.out for one in printed)
    assert words_in("".join(one.out + one.err for one in printed).encode()) == []

    exports = [
        export(folder, url, f"{name}-{way}", name, *options) for name in FORMATS for way, options in WAYS.items()
    ]
    assert [words_in(data) for data in exports] == [[]] * len(exports)

    files = [path for path in (folder / "store").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"limen.db"}
    assert {path.name: words_in(path.read_bytes()) for path in files} == {path.name: [] for path in files}


WAYS: dict[str, tuple[str, ...]] = {"plain": (), "personal": ("--personal", "--reason", "a test")}
