"""Passwords: argon2id and bcrypt, verified alike, with the same work for everybody."""

import asyncio
import threading
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import bcrypt
import pytest

from limen.adapters import hasher as hasher_module
from limen.adapters.hasher import PooledHasher
from limen.domain.configuration import HasherSettings
from limen.domain.errors import SubmissionInvalid
from limen.domain.ports import Hasher
from limen.domain.testing import SequentialSecrets

CHEAP_ARGON2 = HasherSettings(memory=64, iterations=1, parallelism=1)
CHEAP_BCRYPT = HasherSettings(algorithm="bcrypt", cost=4)
PASSWORD = "correct horse battery"


@pytest.fixture(params=[CHEAP_ARGON2, CHEAP_BCRYPT], ids=["argon2", "bcrypt"])
def hasher(request: pytest.FixtureRequest) -> Iterator[PooledHasher]:
    made = PooledHasher(request.param)
    yield made
    made.close()


async def test_the_right_password_and_no_other_is_accepted(hasher: Hasher) -> None:
    hashed = await hasher.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, hashed)
    for other in ("", PASSWORD.upper(), PASSWORD + " ", PASSWORD + "\0", "correct horse batterz"):
        assert not await hasher.verify(other, hashed)


async def test_two_hashes_of_one_password_differ_and_hold_nothing_of_it(hasher: Hasher) -> None:
    hashes = [await hasher.hash(PASSWORD) for _ in range(2)]
    assert hashes[0] != hashes[1]
    assert not any("horse" in hashed for hashed in hashes)


async def test_the_settings_decide_how_new_hashes_are_made() -> None:
    asked = HasherSettings(memory=128, iterations=3, parallelism=2, salt_length=24, key_length=40)
    _, kind, version, costs, salt, digest = (await PooledHasher(asked).hash(PASSWORD)).split("$")
    assert (kind, version, costs) == ("argon2id", "v=19", "m=128,t=3,p=2")
    assert (len(salt) * 3 // 4, len(digest) * 3 // 4) == (24, 40)
    assert (await PooledHasher(HasherSettings(algorithm="bcrypt", cost=5)).hash(PASSWORD)).startswith("$2b$05$")


@pytest.mark.parametrize("settings", [CHEAP_ARGON2, CHEAP_BCRYPT], ids=["argon2", "bcrypt"])
async def test_salts_come_through_the_port_so_that_a_run_can_be_repeated(settings: HasherSettings) -> None:
    one, other = PooledHasher(settings, SequentialSecrets()), PooledHasher(settings, SequentialSecrets())
    hashed = await one.hash(PASSWORD)
    assert hashed == await other.hash(PASSWORD)
    assert hashed != await one.hash(PASSWORD)


def test_every_salt_is_one_to_bcrypt() -> None:
    for salt in (bytes(16), b"\xff" * 16, bytes(range(16)), SequentialSecrets().bytes(16)):
        setting = hasher_module._bcrypt_setting(4, salt)
        assert bcrypt.hashpw(b"password", setting).startswith(setting)


async def test_hashes_made_under_other_settings_are_verified(hasher: Hasher) -> None:
    for settings in (CHEAP_BCRYPT, HasherSettings(memory=256, iterations=2, parallelism=2)):
        hashed = await PooledHasher(settings).hash(PASSWORD)
        assert await hasher.verify(PASSWORD, hashed)
        assert not await hasher.verify("wrong", hashed)


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
async def test_bcrypt_as_other_systems_write_it_is_verified(hasher: Hasher, prefix: str) -> None:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", f"${prefix}$")
    assert await hasher.verify(PASSWORD, hashed)
    assert not await hasher.verify("wrong", hashed)


async def test_bcrypt_takes_72_bytes_and_no_more() -> None:
    """Kratos: a longer password is neither hashed nor accepted, though bcrypt itself would ignore the rest."""
    hasher = PooledHasher(CHEAP_BCRYPT)
    whole = "ä" * 36
    hashed = await hasher.hash(whole)
    assert await hasher.verify(whole, hashed)
    assert not await hasher.verify(whole + "x", hashed)
    with pytest.raises(SubmissionInvalid, match=r"/password: .*72 bytes") as refused:
        await hasher.hash(whole + "x")
    assert "ä" not in str(refused.value)


async def test_argon2_takes_passwords_of_any_length() -> None:
    hasher = PooledHasher(CHEAP_ARGON2)
    hashed = await hasher.hash("x" * 5000)
    assert await hasher.verify("x" * 5000, hashed)
    assert not await hasher.verify("x" * 4999, hashed)


async def test_a_lone_surrogate_is_a_character_like_any_other(hasher: Hasher) -> None:
    hashed = await hasher.hash("\ud800")
    assert await hasher.verify("\ud800", hashed)
    assert not await hasher.verify("\ud801", hashed)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "plain",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ",
        "$argon2id$v=19$m=64,t=1,p=1$****$****",
        "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$ZGlnZXN0ZGlnZXN0ZGlnZXN0",
        "$argon2id$v=19$m=64,t=100000,p=1$c2FsdHNhbHRzYWx0$ZGlnZXN0ZGlnZXN0ZGlnZXN0",
        "$2b$04$short",
        "$2b$03$" + "." * 53,
        "$2b$31$" + "." * 53,
        "$2b$04$" + "." * 53 + "\n",
        "$pbkdf2-sha256$i=1000,l=32$c2FsdA$a2V5",
    ],
)
async def test_a_hash_that_cannot_be_used_fits_no_password(hasher: Hasher, broken: str) -> None:
    for password in ("", PASSWORD):
        assert not await hasher.verify(password, broken)


def _spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The real work still runs; what it costs is noted: the algorithm and its parameters."""
    done: list[tuple[str, str]] = []
    check, verify = bcrypt.checkpw, PooledHasher._verified_argon2

    def noting_check(password: bytes, hashed: bytes) -> bool:
        done.append(("bcrypt", hashed[:7].decode()))
        return check(password, hashed)

    def noting_verify(self: PooledHasher, plain: bytes, hashed: str) -> Any:
        done.append(("argon2", hashed.split("$")[3]))
        return verify(self, plain, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", noting_check)
    monkeypatch.setattr(PooledHasher, "_verified_argon2", noting_verify)
    return done


@pytest.mark.parametrize("password", ["", PASSWORD, "x" * 100])
async def test_nobody_costs_the_same_work_as_somebody(
    hasher: Hasher, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = await hasher.hash("somebody else's")
    done = _spied(monkeypatch)
    await hasher.verify(password, hashed)
    await hasher.pretend(password)
    await hasher.verify(password, "no hash at all")
    somebody, nobody, broken = done
    assert somebody == nobody == broken


async def test_nobody_takes_as_long_as_somebody() -> None:
    """Within a factor of two on a busy machine; a skipped verification would be a thousand times faster."""
    hasher = PooledHasher(HasherSettings(memory=16384, iterations=2, parallelism=1), workers=1)
    hashed = await hasher.hash(PASSWORD)

    async def fastest(work: Any) -> float:
        times = []
        for _ in range(7):
            started = perf_counter()
            await work()
            times.append(perf_counter() - started)
        return min(times)

    somebody = await fastest(lambda: hasher.verify("wrong", hashed))
    nobody = await fastest(lambda: hasher.pretend("wrong"))
    assert somebody / 2 < nobody < somebody * 2


async def test_pretending_fits_no_password(hasher: PooledHasher) -> None:
    for password in ("", "\0", PASSWORD):
        assert not await hasher.verify(password, hasher._nobody)


async def test_hashing_leaves_the_event_loop_free_and_runs_in_threads_of_its_own() -> None:
    hasher = PooledHasher(HasherSettings(memory=65536, iterations=3, parallelism=1), workers=2)
    work = asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(4)))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.001)
        turns += 1
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("limen-hasher")]
    assert turns > 10
    assert names
    hasher.close()


async def test_closing_ends_the_threads() -> None:
    before = set(threading.enumerate())
    hasher = PooledHasher(CHEAP_ARGON2)
    await hasher.hash(PASSWORD)
    started = set(threading.enumerate()) - before
    assert started
    hasher.close()
    assert not any(thread.is_alive() for thread in started)
