"""The sealer of an engine's process: seals what happens, holds nobody up, and survives whatever happens to it."""

import asyncio
import logging
import random
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from limen.adapters.keyring import Keys
from limen.adapters.ledger import open_ledger, sealer
from limen.adapters.ledger.key import seed_in, seed_of
from limen.adapters.ledger.note import Signer
from limen.adapters.ledger.verification import Report, verify
from limen.adapters.store import LogStore, open_store
from limen.adapters.system import SystemSecrets
from limen.domain.configuration import LedgerSettings
from limen.domain.errors import StoreUnusable
from limen.domain.ports import Step
from tests.contracts.sealer import SEED
from tests.contracts.store import probe
from tests.engine_robust.test_erasure import whose
from tests.support.engine import House, open_house
from tests.support.postgres import fresh_database

ROOT = Path(__file__).parents[2]
SECRET = "a-cipher-secret-of-32-characters"
"""What the house is configured with."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'limen.db'}"
        return
    with fresh_database() as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'limen.db'}"


def verified(url: str) -> Report:
    with open_ledger(url) as ledger:
        return verify(ledger.tables)


async def sealed(house: House, url: str) -> Report:
    """What stands there when all is sealed."""
    for _ in range(1000):
        report = verified(url)
        if report.sealed and not report.unsealed:
            return report
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{report.unsealed} events were not sealed within 10 s")


async def test_closing_the_engine_seals_all_that_happened(url: str) -> None:
    async with open_house(store=url) as house:
        await house.register()
        first = house.size
    report = verified(url)
    assert (report.valid, report.sealed, report.unsealed, report.checkpoints) == (True, first, 0, 1)
    async with open_house(store=url) as house:
        await house.sign_in()
        second = house.size
    later = verified(url)
    assert (later.valid, later.sealed, later.checkpoints, later.key) == (True, second, 2, report.key)


async def test_the_key_is_the_vaults_and_the_time_is_the_engines(file: str) -> None:
    async with open_house(store=file) as house:
        await house.register()
    store = open_store(file)
    seed = await seed_of(LedgerSettings(), Keys(store, [SECRET], SystemSecrets()))
    store.close()
    with open_ledger(file) as ledger:
        last = ledger.last()
    assert last is not None
    assert last.key == Signer(last.origin, seed).verifier
    assert last.time == "2026-03-02T12:00:00Z"


async def test_without_a_worker_sealing_is_left_to_others(url: str) -> None:
    async with open_house(store=url, worker=False) as house:
        await house.register()
    assert verified(url).sealed == 0


async def test_it_can_be_switched_off(file: str) -> None:
    async with open_house(store=file, settings={"ledger": {"seal": False}}) as house:
        await house.register()
    assert verified(file).sealed == 0


async def test_so_many_events_are_sealed_while_the_engine_is_open(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "LOOK_SECONDS", 0.01)
    async with open_house(store=url, settings={"ledger": {"events": 1}}) as house:
        await house.register()
        assert (await sealed(house, url)).sealed == house.size
        await house.sign_in()
        assert (await sealed(house, url)).sealed == house.size


async def test_whatever_happened_is_sealed_after_a_while(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "LOOK_SECONDS", 0.01)
    settings = {"ledger": {"events": 100_000, "interval": "20ms", "origin": "example.org/limen"}}
    async with open_house(store=file, settings=settings) as house:
        await house.register()
        report = await sealed(house, file)
    assert (report.key or "").startswith("example.org/limen+")


async def test_a_key_in_a_file_signs(file: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.pem"
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    async with open_house(store=file, settings={"ledger": {"key": str(path)}}) as house:
        await house.register()
    with open_ledger(file) as ledger:
        last = ledger.last()
    assert last is not None
    assert last.key == Signer(last.origin, seed_in(path)).verifier
    assert seed_in(path) == SEED


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_a_key_is_refused_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="openssl genpkey -algorithm ed25519") as refused:
        seed_in(path)
    assert "secret" not in str(refused.value)


async def test_two_engines_on_one_store_seal_every_event_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "LOOK_SECONDS", 0.01)
    settings = {"ledger": {"events": 1}}
    async with open_house(store=url, settings=settings) as one, open_house(store=url, settings=settings) as other:
        await one.register()
        for _ in range(5):
            await asyncio.gather(one.sign_in(), other.sign_in(), one.start("login"), other.start("login"))
        report = await sealed(one, url)
    assert report.valid
    assert verified(url).valid


async def test_the_ledger_holds_after_a_person_is_erased(url: str) -> None:
    async with open_house(store=url) as house:
        ada = await house.register()
        await house.sign_in()
    before = verified(url)
    async with open_house(store=url) as house:
        assert await house.engine.erase(whose(ada)) > 0
    report = verified(url)
    assert (report.valid, report.unsealed) == (True, 0)
    assert report.sealed > before.sealed, "that they were erased is an event like any other"
    assert report.key == before.key, "and the key is nobody's data"


async def test_what_was_tampered_with_is_never_signed_over_and_appends_go_on(
    file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "LOOK_SECONDS", 0.01)
    async with open_house(store=file) as house:
        await house.register()
    other = sqlite3.connect(tmp_path / "limen.db")
    with other:
        ((hashes,),) = other.execute("SELECT hashes FROM ledger_leaves").fetchall()
        other.execute("UPDATE ledger_leaves SET hashes = ?", (bytes(32) + hashes[32:],))
    other.close()
    with caplog.at_level(logging.WARNING, "limen.ledger"):
        async with open_house(store=file, settings={"ledger": {"events": 1}}) as house:
            for _ in range(3):
                assert (await house.sign_in()).state == "completed"
                await asyncio.sleep(0.05)
    assert [one.message for one in caplog.records] == [
        "sealing waits: what is stored is not what checkpoint 1 signed; limen audit verify says more"
    ]
    report = verified(file)
    assert (report.checkpoints, [(fault.kind, fault.position) for fault in report.faults]) == (1, [("leaf", 1)])


def test_killed_at_any_instant_it_goes_on_from_what_is_stored(url: str) -> None:
    open_store(url).close()
    told: list[str] = []
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.contracts.sealer", url], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        told.append(process.stdout.readline().strip())
        time.sleep(random.uniform(0.0, 0.1))
        process.kill()
        told += [
            line.strip() for line in process.communicate(timeout=60)[0].splitlines(keepends=True) if line[-1] == "\n"
        ]
    report = verified(url)
    assert report.valid
    with open_ledger(url) as ledger:
        for line in told:
            number, size = map(int, line.split())
            assert ledger.checkpoint(number).size == size
    assert report.checkpoints >= len(told)


async def filled(store: LogStore, count: int) -> None:
    for _ in range(count // 1000):
        await store.append(Step(events=[probe(uuid4(), 1, "x" * 200) for _ in range(1000)]))


async def test_verifying_needs_no_more_memory_for_a_longer_log(file: str) -> None:
    store = open_store(file)
    peaks = []
    for count in (5_000, 25_000):
        await filled(store, count)
        with open_ledger(file, write=True) as ledger:
            ledger.seal()
            ledger.sign(SEED, datetime.now(UTC))
        with open_ledger(file) as ledger:
            tracemalloc.start()
            assert verify(ledger.tables).valid
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    store.close()
    assert peaks[1] < peaks[0] + 500_000
