"""People's data is readable with their key and a configured secret, and never again without the key."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag

from limen.adapters import keyring
from limen.adapters.keyring import Keys
from limen.adapters.store import LogStore, open_store
from limen.domain.errors import Erased, StoreUnusable
from limen.domain.ports import Step
from limen.domain.sealed import Sealed
from limen.domain.testing import SequentialSecrets

TRAITS = {"email": "ada@example.org", "age": 36, "tags": ["ü", None, True]}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'limen.db'}"


@pytest.fixture
def store(url: str) -> Iterator[LogStore]:
    store = open_store(url)
    yield store
    store.close()


async def opened(store: LogStore, *master: str, seed: str = "limen") -> Keys:
    keys = Keys(store, master, SequentialSecrets(seed))
    await keys.open()
    return keys


async def owner_of(keys: Keys, store: LogStore, subject: UUID | None = None) -> UUID:
    owner = uuid4()
    await store.append(Step(put=[keys.create(owner, subject)]))
    return owner


async def test_what_is_sealed_is_read_back_also_by_another_process(store: LogStore) -> None:
    keys = await opened(store, "secret")
    owner = await owner_of(keys, store)
    sealed, vaulted = keys.seal(owner, TRAITS), keys.encrypt(owner, b"\0argon2\xff")
    digest = keys.digest(owner, b"request body")
    assert keys.unseal(sealed) == TRAITS
    other = await opened(store, "secret", seed="other")
    assert not other.ready(owner)
    assert await other.load(owner)
    assert other.ready(owner)
    assert other.unseal(sealed) == TRAITS
    assert other.decrypt(owner, vaulted) == b"\0argon2\xff"
    assert other.digest(owner, b"request body") == digest


async def test_the_same_value_never_looks_the_same_and_shows_nothing(store: LogStore) -> None:
    keys = await opened(store, "secret")
    owner = await owner_of(keys, store)
    first, second = keys.seal(owner, TRAITS), keys.seal(owner, TRAITS)
    assert first.sealed != second.sealed
    assert b"example.org" not in b64decode(first.sealed) + keys.encrypt(owner, b"example.org")
    assert first.key == owner


async def test_a_digest_proves_equality_only_under_its_own_key(store: LogStore) -> None:
    keys = await opened(store, "secret")
    owner, other = await owner_of(keys, store), await owner_of(keys, store)
    assert keys.digest(owner, b"x") == keys.digest(owner, b"x") != keys.digest(owner, b"y")
    assert keys.digest(owner, b"x") != keys.digest(other, b"x")
    assert len(bytes.fromhex(keys.digest(owner, b"x"))) == 32


async def test_a_ciphertext_that_was_touched_or_moved_does_not_open(store: LogStore) -> None:
    keys = await opened(store, "secret")
    owner, other = await owner_of(keys, store), await owner_of(keys, store)
    sealed = keys.seal(owner, TRAITS)
    touched = bytearray(b64decode(sealed.sealed))
    touched[-1] ^= 1
    with pytest.raises(InvalidTag):
        keys.unseal(Sealed(sealed=b64encode(touched).decode(), key=owner))
    with pytest.raises(InvalidTag):
        keys.unseal(Sealed(sealed=sealed.sealed, key=other))
    with pytest.raises(InvalidTag):
        keys.decrypt(owner, b64decode(sealed.sealed))


async def test_forgetting_a_person_erases_what_was_sealed_for_them_and_their_flows(store: LogStore) -> None:
    keys = await opened(store, "secret")
    identity = await owner_of(keys, store)
    flow, stranger = await owner_of(keys, store, subject=identity), await owner_of(keys, store)
    sealed = [keys.seal(owner, TRAITS) for owner in (identity, flow, stranger)]
    assert await store.forget([identity]) == 2
    for gone in sealed[:2]:
        with pytest.raises(Erased):
            keys.unseal(gone)
        assert not await keys.load(gone.key)
        with pytest.raises(Erased):
            keys.digest(gone.key, b"x")
    assert keys.unseal(sealed[2]) == TRAITS
    other = await opened(store, "secret")
    assert not await other.load(identity)
    with pytest.raises(Erased):
        other.unseal(sealed[0])


async def test_a_key_that_is_not_at_hand_is_read_where_it_is_used_and_one_that_never_was_reads_as_erased(
    store: LogStore,
) -> None:
    before = await opened(store, "secret")
    owner = await owner_of(before, store)
    sealed, keys = before.seal(owner, TRAITS), await opened(store, "secret")
    assert keys.unseal(sealed) == TRAITS
    with pytest.raises(Erased):
        keys.seal(uuid4(), TRAITS)


async def test_a_replaced_secret_still_opens_and_the_new_one_seals(store: LogStore) -> None:
    before = await opened(store, "old")
    owner = await owner_of(before, store)
    sealed, name = before.seal(owner, TRAITS), before.derive("email", "ada@example.org")
    between = await opened(store, "new", "old", seed="between")
    assert await between.load(owner)
    assert between.unseal(sealed) == TRAITS
    assert between.derive("email", "ada@example.org") == name
    newer = await owner_of(between, store)
    with pytest.raises(StoreUnusable):
        await before.load(newer)


async def test_a_store_made_with_another_secret_is_refused_without_saying_the_secret(store: LogStore) -> None:
    await opened(store, "right-secret")
    with pytest.raises(StoreUnusable, match="none of the configured secrets") as refused:
        await opened(store, "wrong-secret", "another-wrong")
    assert "wrong" not in str(refused.value)


def test_a_store_that_lasts_needs_a_secret_and_one_in_memory_gets_its_own(store: LogStore) -> None:
    with pytest.raises(StoreUnusable, match=r"secrets\.cipher"):
        Keys(store, (), SequentialSecrets())

    async def in_memory() -> None:
        memory = open_store("memory:")
        keys = await opened(memory)
        assert keys.unseal(keys.seal(await owner_of(keys, memory), TRAITS)) == TRAITS

    asyncio.run(in_memory())


async def test_derived_names_are_the_same_for_everyone_on_the_store_and_for_nobody_else(store: LogStore) -> None:
    first, second = await asyncio.gather(opened(store, "secret", seed="a"), opened(store, "secret", seed="b"))
    name = first.derive("email", "ada@example.org")
    assert second.derive("email", "ada@example.org") == name
    assert (name.version, name.variant) == (5, "specified in RFC 4122")
    assert len({name, first.derive("emaila", "da@example.org"), first.derive("email", "ada@example.org", "")}) == 3
    elsewhere = await opened(open_store("memory:"), "secret", seed="c")
    assert elsewhere.derive("email", "ada@example.org") != name


async def test_the_keys_in_memory_are_bounded_and_the_one_used_longest_ago_goes(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "CACHED_KEYS", 3)
    keys = await opened(store, "secret")
    owners = [await owner_of(keys, store) for _ in range(3)]
    keys.seal(owners[0], TRAITS)
    owners.append(await owner_of(keys, store))
    assert [keys.ready(owner) for owner in owners] == [True, False, True, True]
    assert await keys.load(owners[1])


@pytest.mark.parametrize("capacity", [1, 3])
async def test_a_new_key_stays_until_it_is_stored_however_many_come_between(
    store: LogStore, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    monkeypatch.setattr(keyring, "CACHED_KEYS", capacity)
    keys = await opened(store, "secret")
    owner = uuid4()
    row = keys.create(owner)
    for _ in range(5):
        await owner_of(keys, store)
    assert keys.ready(owner)
    sealed, vaulted, digest = keys.seal(owner, TRAITS), keys.encrypt(owner, b"code"), keys.digest(owner, b"body")
    await store.append(Step(put=[row]))
    del row
    for _ in range(5):
        await owner_of(keys, store)
    assert not keys.ready(owner)
    assert keys.unseal(sealed) == TRAITS
    assert (keys.decrypt(owner, vaulted), keys.digest(owner, b"body")) == (b"code", digest)
    await store.forget([owner])
    with pytest.raises(Erased):
        keys.unseal(sealed)


async def test_keys_that_are_never_stored_do_not_pile_up(store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "CACHED_KEYS", 3)
    keys = await opened(store, "secret")
    owners = [uuid4() for _ in range(50)]
    for owner in owners:
        keys.create(owner)
    assert sum(map(keys.ready, owners)) == 3


def test_no_key_stands_in_the_store_in_clear(store: LogStore, tmp_path: Path) -> None:
    drawn: list[bytes] = []

    class Recording(SequentialSecrets):
        def bytes(self, count: int) -> bytes:
            drawn.append(super().bytes(count))
            return drawn[-1]

    keys = Keys(store, ["master-secret"], Recording())
    asyncio.run(keys.open())
    asyncio.run(owner_of(keys, store))
    written = b"".join(path.read_bytes() for path in tmp_path.glob("limen.db*"))
    secret = [one for one in drawn if len(one) == 32]
    assert len(secret) == 2
    assert not [one for one in (*secret, b"master-secret") if one in written]


async def test_a_key_of_the_stores_own_is_made_once_for_each_kind_and_outlives_rotation(store: LogStore) -> None:
    keys = await opened(store, "old")
    ledger, other = await keys.own("ledger"), await keys.own("other")
    assert len({ledger, other}) == 2
    assert await (await opened(store, "old")).own("ledger") == ledger
    assert await (await opened(store, "new", "old")).own("ledger") == ledger
    with pytest.raises(StoreUnusable, match="none of the configured secrets"):
        await Keys(store, ["wrong"], SequentialSecrets()).own("ledger")
