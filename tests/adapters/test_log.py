"""The log is read without a configuration, changes nothing, and shows sealed fields only to who has the key."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from pydantic import Field

from limen.adapters import log
from limen.adapters.keyring import Keys
from limen.adapters.log import open_log
from limen.adapters.store import LogStore, open_store
from limen.domain.errors import FlowNotFound, StoreUnusable
from limen.domain.event import DomainEvent
from limen.domain.ports import Step
from limen.domain.sealed import Sealed
from limen.domain.testing import SequentialSecrets
from tests.support.postgres import fresh_database

NOW = datetime(2026, 5, 17, 10, 30, 15, 123456, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


class LogProbe(DomainEvent):
    stream: ClassVar[str] = "log_probe"

    number: int = 0
    note: dict[str, Sealed] = Field(default_factory=dict)


class LogProbeOther(DomainEvent):
    stream: ClassVar[str] = "log_probe_other"


def probe(stream: UUID, version: int, **fields: Any) -> LogProbe:
    return LogProbe(originator_id=stream, originator_version=version, timestamp=NOW, **fields)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'limen.db'}"
    else:
        with fresh_database() as url:
            yield url


@pytest.fixture
def store(url: str) -> Iterator[LogStore]:
    store = open_store(url)
    yield store
    store.close()


async def test_events_come_in_order_with_everything_an_auditor_asks(store: LogStore, url: str) -> None:
    stream = uuid4()
    await store.append(Step(events=[probe(stream, 1, number=5), probe(stream, 2, number=6)]))
    with open_log(url) as log:
        entries = list(log.events())
        assert [entry.body() for entry in entries] == [
            {
                "position": entry.position,
                "stream": str(stream),
                "kind": "log_probe",
                "version": version,
                "type": "LogProbe",
                "time": "2026-05-17T10:30:15.123456Z",
                "data": {"number": number, "note": {}},
            }
            for entry, version, number in zip(entries, (1, 2), (5, 6), strict=True)
        ]
        assert entries[0].time == NOW
        assert entries[0].position < entries[1].position
        assert list(log.events(after=entries[0].position)) == entries[1:]


async def test_events_are_chosen_by_kind_and_by_type(store: LogStore, url: str) -> None:
    other = LogProbeOther(originator_id=uuid4(), originator_version=1, timestamp=NOW)
    await store.append(Step(events=[probe(uuid4(), 1), other, probe(uuid4(), 1)]))
    with open_log(url) as log:
        assert [entry.type for entry in log.events(kind="log_probe")] == ["LogProbe", "LogProbe"]
        assert [entry.type for entry in log.events(type="LogProbeOther")] == ["LogProbeOther"]
        assert list(log.events(kind="log_probe", type="LogProbeOther")) == []
        with pytest.raises(ValueError, match="no event type 'Nothing'"):
            log.events(type="Nothing")


async def test_a_long_log_is_read_page_by_page(store: LogStore, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE_EVENTS", 3)
    stream = uuid4()
    await store.append(Step(events=[probe(stream, version) for version in range(1, 11)]))
    with open_log(url) as reader:
        assert [entry.version for entry in reader.events()] == list(range(1, 11))


async def test_sealed_fields_open_with_the_key_alone_and_read_as_erased_without_it_for_ever(
    store: LogStore, url: str
) -> None:
    keys = Keys(store, ["secret"], SequentialSecrets())
    await keys.open()
    owner = uuid4()
    row = keys.create(owner)
    await store.append(Step(events=[probe(owner, 1, note={"email": keys.seal(owner, "ada@example.org")})], put=[row]))
    reading = Keys(store, ["secret"], SequentialSecrets("reading"))
    with open_log(url) as without, open_log(url, keys=reading) as having:
        assert [entry.data["note"] for entry in without.events()] == [{"email": {"sealed": True}}]
        assert [entry.data["note"] for entry in having.events()] == [{"email": "ada@example.org"}]
        await store.forget([owner])
        for log in (without, having):
            assert [entry.data["note"] for entry in log.events()] == [{"email": {"erased": True}}]


async def test_a_sealed_field_that_was_changed_is_told_and_not_shown(store: LogStore) -> None:
    keys, owner = Keys(store, ["secret"], SequentialSecrets()), uuid4()
    await keys.open()
    key = keys.create(owner)
    field = keys.seal(owner, "Ada")
    changed = Sealed(sealed=field.sealed.replace(field.sealed[-8:-4], "AAAA"), key=owner)
    await store.append(Step(events=[probe(owner, 1, note={"name": changed})], put=[key]))
    with (
        open_log(store, keys=keys) as log,
        pytest.raises(StoreUnusable, match="changed afterwards; limen audit verify"),
    ):
        list(log.events())


async def test_a_follower_sees_what_was_there_and_what_comes(store: LogStore, url: str) -> None:
    stream = uuid4()
    await store.append(Step(events=[probe(stream, 1), probe(stream, 2)]))
    with open_log(url) as log:
        following = log.follow(after=next(log.events()).position)
        assert (await anext(following)).version == 2
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0.1)
        await store.append(Step(events=[probe(stream, 3)]))
        assert (await asyncio.wait_for(waiting, timeout=3)).version == 3
        await following.aclose()


async def test_the_log_of_an_open_store_is_read_without_opening_it_again(store: LogStore) -> None:
    memory = open_store("memory:")
    for one in (store, memory):
        await one.append(Step(events=[probe(uuid4(), 1)]))
        with open_log(one) as log:
            assert [entry.type for entry in log.events()] == ["LogProbe"]
        await one.append(Step(events=[probe(uuid4(), 1)]))
        one.close()


def test_a_flow_that_is_not_there_is_not_found(store: LogStore, url: str) -> None:
    with open_log(url) as log, pytest.raises(FlowNotFound):
        log.flow(uuid4())


async def test_a_stream_of_another_kind_is_no_flow(store: LogStore, url: str) -> None:
    stream = uuid4()
    await store.append(Step(events=[probe(stream, 1)]))
    with open_log(url) as log:
        for at in (None, 1, NOW + timedelta(days=1)):
            with pytest.raises(FlowNotFound):
                log.flow(stream, at)


def test_where_there_is_no_store_none_is_created(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="no store at"):
        open_log(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []
    with fresh_database() as empty, pytest.raises(StoreUnusable, match="no store in this database"):
        open_log(empty)
    with pytest.raises(StoreUnusable, match="open store instead"):
        open_log("memory:")


def test_a_file_that_is_no_store_is_unusable(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_bytes(b"Dear reader, " * 100)
    with pytest.raises(StoreUnusable), open_log(f"sqlite:///{file}") as log:
        list(log.events())


def test_the_log_of_a_process_that_was_killed_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    command = [sys.executable, "-m", "tests.contracts.appender", url, "forever"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = UUID(process.stdout.readline().strip())
    process.kill()
    process.communicate()
    importlib.import_module("tests.contracts.store")  # what the other process wrote is known here too
    with open_log(url) as log:
        assert acknowledged in {entry.stream for entry in log.events()}
