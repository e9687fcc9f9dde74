"""The store in a SQLite file keeps the contract, shared, killed, locked and full."""

import asyncio
import random
import sqlite3
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest

from limen.adapters.store import LogStore, open_store, sqlite
from limen.domain.errors import StoreUnusable
from limen.domain.ports import Step, VaultKey
from tests.contracts.processes import DurableStoreContract
from tests.contracts.store import NOW, probe, row


class TestSQLiteStore(DurableStoreContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "odd name %20?#.db"

    @pytest.fixture
    def url(self, file: Path) -> str:
        return f"sqlite:///{file}"

    def test_it_is_synchronous_and_for_its_owner_alone(self, store: LogStore, file: Path) -> None:
        assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
        writer = store.application.vault._writer  # type: ignore[attr-defined]  # SQLite's own
        asked = [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert asked == ["wal", 2]

    async def test_a_file_that_somebody_else_has_locked_is_waited_for(self, store: LogStore, file: Path) -> None:
        stream, locked = uuid4(), threading.Event()

        def hold() -> None:
            other = sqlite3.connect(file, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            time.sleep(0.7)
            other.execute("ROLLBACK")
            other.close()

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait()
        await store.append(Step(events=[probe(stream, 1)]))
        holder.join()
        assert len(await store.events(stream)) == 1

    async def test_a_full_disk_reaches_every_caller_and_the_writer_lives_on(self, store: LogStore) -> None:
        writer = store.application.vault._writer  # type: ignore[attr-defined]  # SQLite's own
        pages = writer.execute("PRAGMA page_count").fetchone()[0]
        writer.execute(f"PRAGMA max_page_count={pages}").fetchall()
        big = [Step(events=[probe(uuid4(), 1, "x" * 10_000)]) for _ in range(5)]
        answers = await asyncio.gather(*map(store.append, big), return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnusable] * 5
        assert "full" in str(answers[0])
        writer.execute("PRAGMA max_page_count=1000000").fetchall()
        await asyncio.gather(*map(store.append, big))
        assert len(await store.log()) == 5

    async def test_what_was_forgotten_is_in_no_file_any_more(self, store: LogStore, file: Path) -> None:
        owner, replaced, dropped, erased = uuid4(), b"replaced-value", b"dropped-value!", b"erased-value!!"
        await store.append(Step(put=[row(owner, "a", value=replaced), row(owner, "b", value=dropped * 400)]))
        await store.append(Step(put=[row(owner, "a", value=erased)], drop=[VaultKey(owner, "b")]))
        bytes_before = b"".join(path.read_bytes() for path in file.parent.iterdir())
        assert erased in bytes_before
        await store.forget([owner])
        bytes_after = b"".join(path.read_bytes() for path in file.parent.iterdir())
        assert not [value for value in (replaced, dropped, erased) if value in bytes_after]

    async def test_nothing_forgotten_is_left_in_pages_that_were_split_before(self, store: LogStore, file: Path) -> None:
        rows = [row(uuid4(), value=random.randbytes(random.randint(60, 1500))) for _ in range(1000)]
        for few in range(0, len(rows), 3):
            await store.append(Step(put=rows[few : few + 3]))
        gone, kept = rows[::2], rows[1::2]
        await store.forget([one.owner for one in gone])
        data = file.read_bytes()  # noqa: ASYNC240 - nothing else runs
        assert [one for one in gone if one.value[:24] in data] == []
        assert [await store.vault(one.owner, one.kind) for one in kept] == kept

    @pytest.mark.parametrize("later", ["forget", "sweep", "close", "open"])
    async def test_writers_go_on_while_a_reader_keeps_the_erased_in_the_log_and_it_goes_later(
        self, store: LogStore, url: str, file: Path, monkeypatch: pytest.MonkeyPatch, later: str
    ) -> None:
        monkeypatch.setattr(sqlite, "TRUNCATING_SECONDS", 0.6)
        owner, erased = uuid4(), b"erased-value!!"
        await store.append(Step(put=[row(owner, value=erased)]))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM vault").fetchone()
        began = time.monotonic()
        forgetting = asyncio.ensure_future(store.forget([owner]))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            for _ in range(3):
                await store.append(Step(events=[probe(uuid4(), 1)]))
        assert not forgetting.done()
        assert await forgetting == 1
        assert time.monotonic() - began < 5
        assert erased in self.written(file)
        other.execute("ROLLBACK")
        if later == "forget":
            await store.forget([uuid4()])
        elif later == "sweep":
            await store.sweep(NOW)
        elif later == "close":
            store.close()
        else:  # somebody else, as after a crash of the one who erased
            open_store(url).close()
        assert erased not in self.written(file)
        other.close()

    @staticmethod
    def written(file: Path) -> bytes:
        return b"".join(path.read_bytes() for path in file.parent.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "", "limen.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://relative.db", "sqlite:///:memory:",
        "mysql://root:hunter2@host/db", "memory:x", "postgresql:", "sqlite:///no/such/folder/limen.db", "sqlite:////",
    ],
)  # fmt: skip
def test_a_url_that_names_no_store_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(StoreUnusable) as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_database_is_unusable_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_bytes(b"Dear reader, " * 100)
    with pytest.raises(StoreUnusable, match="not a database"):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes() == b"Dear reader, " * 100


def test_a_relative_url_is_a_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///relative.db").close()
    assert [path.name for path in tmp_path.iterdir()] == ["relative.db"]


def test_without_the_driver_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limen.adapters.store.opening.find_spec", lambda name: None)
    with pytest.raises(StoreUnusable, match=r"pip install limen\[postgres\]"):
        open_store("postgresql://postgres@127.0.0.1/limen")
