"""What the ledger of every store does: seals each event once, and names whatever was done to it afterwards."""

from abc import abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Thread
from uuid import UUID, uuid4

import pytest

from limen.adapters.ledger import Ledger, open_ledger
from limen.adapters.ledger.checkpoint import Checkpoint
from limen.adapters.ledger.note import Signer, Verifier
from limen.adapters.ledger.page import Page
from limen.adapters.ledger.proof import verdict
from limen.adapters.ledger.tables import CheckpointRow
from limen.adapters.ledger.tree import Growth
from limen.adapters.ledger.verification import Report, verify
from limen.adapters.store import LogStore, open_store
from limen.domain.errors import LedgerBroken, NotInLedger
from limen.domain.ports import Step
from tests.contracts.store import probe

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SEED = b"k" * 32
FIRST, SECOND = 700, 1100
"""Events under the first checkpoint, and under the second: leaves of three full tiles, and of a fifth in part."""


def found(report: Report) -> list[tuple[str, int | None]]:
    """Kind and position of each fault."""
    return [(fault.kind, fault.position) for fault in report.faults]


class LedgerContract:
    """Subclasses give `url` (a fixture), and how to tamper with their database behind limen's back."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[LogStore]:
        store = open_store(url)
        yield store
        store.close()

    @pytest.fixture
    def ledger(self, store: LogStore, url: str) -> Iterator[Ledger]:
        with self.opened(store, url) as ledger:
            yield ledger

    @pytest.fixture
    async def sealed(self, store: LogStore, ledger: Ledger) -> list[UUID]:
        """Two checkpoints over `SECOND` events, each of a stream of its own; the stream of position n is at n - 1."""
        streams = await self.append(store, FIRST)
        self.checkpoint(ledger)
        streams += await self.append(store, SECOND - FIRST)
        self.checkpoint(ledger)
        assert self.verified(ledger).valid
        return streams

    def opened(self, store: LogStore, url: str) -> Ledger:
        return open_ledger(store if store.kind == "memory" else url, write=True)

    async def append(self, store: LogStore, count: int) -> list[UUID]:
        streams = [uuid4() for _ in range(count)]
        await store.append(Step(events=[probe(stream, 1, f"event {n}") for n, stream in enumerate(streams)]))
        return streams

    def checkpoint(self, ledger: Ledger) -> Checkpoint:
        ledger.seal()
        made = ledger.sign(SEED, NOON)
        assert made is not None
        return made

    def verified(self, ledger: Ledger, *keys: Verifier, **kept: str) -> Report:
        return verify(ledger.tables, keys=keys, kept=kept)

    # -- what is done behind limen's back

    @abstractmethod
    def change(self, position: int, state: bytes) -> None:
        """Writes another state into an event."""

    @abstractmethod
    def delete(self, first: int, last: int) -> None:
        """Deletes the events at these positions and between."""

    @abstractmethod
    def insert(self, before: int, stream: UUID) -> None:
        """Puts an event in front of a position; the others make room."""

    @abstractmethod
    def swap(self, one: int, other: int) -> None:
        """Lets two events change places."""

    # -- sealing

    async def test_nothing_is_sealed_at_first_and_nothing_is_wrong_with_it(
        self, store: LogStore, ledger: Ledger
    ) -> None:
        await self.append(store, 3)
        report = self.verified(ledger)
        assert (report.valid, report.events, report.sealed, report.unsealed) == (True, 3, 0, 3)
        assert ledger.sign(SEED, NOON) is None
        assert ledger.last() is None

    async def test_all_is_sealed_once_and_what_comes_later_is_counted(self, store: LogStore, ledger: Ledger) -> None:
        assert ledger.seal() == 0
        for size in (1, 255, 256, 257, 2000):
            await self.append(store, size - (ledger.last() or Checkpoint("", 0, b"", 0, "", Verifier("", b""))).size)
            assert ledger.waiting()
            assert self.checkpoint(ledger).size == size == ledger.seal()
            assert not ledger.waiting()
        await self.append(store, 40)
        report = self.verified(ledger)
        assert (report.valid, report.events, report.sealed, report.unsealed) == (True, 2040, 2000, 40)
        assert report.checkpoints == 5

    async def test_a_checkpoint_is_made_only_where_something_was_sealed_since(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        last = ledger.last()
        assert last is not None
        assert self.checkpoint(ledger) == last
        assert (last.number, last.size, last.origin) == (2, SECOND, ledger.checkpoint(1).origin)

    async def test_pages_of_any_size_grow_the_same_tree(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        growth = Growth(Empty())  # type: ignore[arg-type]  # only what is asked of an empty ledger
        rows = ledger.tables.events(0, SECOND)
        start = 0
        for size in (1, 2, 254, 300, 100, SECOND):
            growth.add(Page.of(rows[start : start + size]))
            start += size
        assert [tile.hashes for tile in growth.tiles] == [tile.hashes for tile in ledger.tables.leaf_tiles(0, 99)]
        assert growth.nodes == [(1, 0, ledger.tables.node_tile(1, 0))]

    async def test_killed_between_hashing_and_signing_nothing_is_wrong(self, store: LogStore, ledger: Ledger) -> None:
        await self.append(store, 300)
        ledger.seal()
        report = self.verified(ledger)
        assert (report.valid, report.sealed, report.unsealed) == (True, 0, 300)
        assert ledger.waiting() == 300, "it is signed by the next who looks"
        made = ledger.sign(SEED, NOON)
        assert made is not None
        assert self.verified(ledger).sealed == made.size == 300

    async def test_killed_before_what_was_hashed_is_kept_it_is_hashed_again(
        self, store: LogStore, ledger: Ledger
    ) -> None:
        await self.append(store, 300)
        ledger.tables.prepare()
        lost = ledger.begin()
        ledger.read(lost)
        assert self.checkpoint(ledger).size == 300
        assert not ledger.keep(lost), "somebody else was first: what it would write is not there twice"
        assert self.verified(ledger).valid

    async def test_two_that_sign_at_once_make_one_checkpoint_after_the_other(
        self, store: LogStore, ledger: Ledger
    ) -> None:
        await self.append(store, 10)
        first = self.checkpoint(ledger)
        assert not ledger.tables.keep_checkpoint(CheckpointRow(1, 10, "another"))
        assert ledger.last() == first

    # -- tampering with the log

    async def test_a_changed_event_is_named(self, ledger: Ledger, sealed: list[UUID]) -> None:
        self.change(300, b'{"timestamp":"2026-05-17T10:30:15.123456Z","text":"another"}')
        report = self.verified(ledger)
        assert found(report) == [("changed", 300)]
        assert report.body()["faults"][0]["stream"] == str(sealed[299])
        assert report.faults[0].version == 1

    @pytest.mark.parametrize(("first", "last"), [(1, 1), (300, 300), (250, 260), (10, 1050)])
    async def test_removed_events_are_named(self, ledger: Ledger, sealed: list[UUID], first: int, last: int) -> None:
        self.delete(first, last)
        report = self.verified(ledger)
        assert found(report) == [("removed", position) for position in range(first, last + 1)]
        assert [fault.stream for fault in report.faults] == [sealed[at - 1].hex for at in range(first, last + 1)]
        assert report.events == SECOND - (last - first + 1)

    @pytest.mark.parametrize("first", [1, 650, 701, SECOND])
    async def test_a_truncated_log_is_named(self, ledger: Ledger, sealed: list[UUID], first: int) -> None:
        self.delete(first, SECOND)
        report = self.verified(ledger)
        assert found(report) == [("truncated", position) for position in range(first, SECOND + 1)]
        assert report.faults[0].stream == sealed[first - 1].hex
        assert (report.events, report.unsealed) == (first - 1, 0)

    @pytest.mark.parametrize("before", [1, 300, SECOND])
    async def test_an_inserted_event_is_named_and_those_that_made_room_are_not(
        self, ledger: Ledger, sealed: list[UUID], before: int
    ) -> None:
        stream = uuid4()
        self.insert(before, stream)
        report = self.verified(ledger)
        assert found(report) == [("inserted", before)]
        assert report.faults[0].stream == stream.hex
        assert report.unsealed == 0

    @pytest.mark.parametrize(("one", "other"), [(300, 301), (256, 257), (10, 250), (1, SECOND)])
    async def test_events_that_changed_places_are_named(
        self, ledger: Ledger, sealed: list[UUID], one: int, other: int
    ) -> None:
        self.swap(one, other)
        report = self.verified(ledger)
        assert found(report) == [("reordered", one), ("reordered", other)]
        assert [fault.stream for fault in report.faults] == [sealed[one - 1].hex, sealed[other - 1].hex]

    async def test_many_things_at_once_are_each_named(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.swap(900, 920)
        self.change(500, b"{}")
        self.change(20, b"{}")
        self.delete(1090, SECOND)
        report = self.verified(ledger)
        assert found(report) == [
            *(("changed", 20), ("changed", 500), ("reordered", 900), ("reordered", 920)),
            *(("truncated", position) for position in range(1090, SECOND + 1)),
        ]

    async def test_what_was_never_sealed_may_go_unnoticed_and_is_counted(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        await self.append(store, 5)
        self.delete(SECOND + 2, SECOND + 2)
        report = self.verified(ledger)
        assert (report.valid, report.events, report.unsealed) == (True, SECOND + 4, 4)

    async def test_what_is_sealed_after_tampering_does_not_hide_it(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.change(300, b"{}")
        await self.append(store, 500)
        assert self.checkpoint(ledger).size == SECOND + 500
        assert found(self.verified(ledger)) == [("changed", 300)]

    # -- tampering with the ledger

    async def test_leaves_that_were_recomputed_with_the_events_are_found_by_the_checkpoint(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.change(800, b"{}")
        self.rehash(ledger)
        report = self.verified(ledger)
        assert [(fault.kind, fault.position, fault.stream) for fault in report.faults] == [
            ("rewritten", FIRST + 1, sealed[FIRST].hex)
        ], "what the first checkpoint signed is as it was; from there on nothing tells which event it is"
        await self.append(store, 1)
        with pytest.raises(LedgerBroken, match="not what checkpoint 2 signed"):
            self.checkpoint(ledger)
        assert ledger.checkpoint(2).size == SECOND, "and nothing was signed over it"

    def rehash(self, ledger: Ledger) -> None:
        """Writes the leaves and nodes anew, as they follow from the events that are there now."""
        growth = Growth(Empty())  # type: ignore[arg-type]  # only what is asked of an empty ledger
        growth.add(Page.of(ledger.tables.events(-(2**63), 100_000)))
        size = sum(tile.count for tile in ledger.tables.leaf_tiles(0, 10_000))
        assert growth.size == size
        assert ledger.tables.keep(size, growth.tiles, growth.nodes)

    async def test_leaves_that_were_changed_are_told_from_events_that_were(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        tile = ledger.tables.leaf_tile(1)
        assert tile is not None
        wrong = tile.hashes[:32] + bytes(32) + tile.hashes[64:]
        ledger.tables.keep(SECOND, [type(tile)(1, wrong, tile.positions, tile.streams, tile.versions)], [])
        report = self.verified(ledger)
        assert found(report) == [("leaf", 258)]
        assert report.faults[0].stream == sealed[257].hex

    async def test_leaves_that_tell_of_other_places_are_found(self, ledger: Ledger, sealed: list[UUID]) -> None:
        tile = ledger.tables.leaf_tile(2)
        assert tile is not None
        ledger.tables.keep(SECOND, [type(tile)(2, tile.hashes, tile.positions, tile.streams[::-1], tile.versions)], [])
        assert found(self.verified(ledger)) == [("leaf", 513)]

    async def test_nodes_that_were_changed_are_found(self, ledger: Ledger, sealed: list[UUID]) -> None:
        ledger.tables.keep(SECOND, [], [(1, 0, bytes(32) + ledger.tables.node_tile(1, 0)[32:])])
        report = self.verified(ledger)
        assert [(fault.kind, fault.detail) for fault in report.faults] == [
            ("node", "node 0 of level 1 is not what the leaves give")
        ]

    @abstractmethod
    def drop_leaves(self, number: int) -> None:
        """Deletes a tile of leaves."""

    @abstractmethod
    def drop_checkpoint(self, number: int) -> None:
        """Deletes a checkpoint."""

    @abstractmethod
    def put_checkpoint(self, row: CheckpointRow) -> None:
        """Puts another checkpoint in the place of one."""

    async def test_leaves_that_are_gone_are_found_and_the_log_is_known_to_be_whole(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.drop_leaves(2)
        report = self.verified(ledger)
        assert [(fault.kind, fault.detail) for fault in report.faults] == [
            ("leaf", "leaves from 512 on are missing or damaged")
        ]
        assert (report.events, report.unsealed) == (SECOND, 0)

    async def test_a_checkpoint_that_is_gone_is_found(
        self, store: LogStore, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.drop_checkpoint(1)
        assert [fault.detail for fault in self.verified(ledger).faults] == ["checkpoint 1 is missing"]

    @pytest.mark.parametrize(
        ("made", "detail"),
        [
            (lambda last: last.note.replace(f"\n{SECOND}\n", "\n1000\n"), "is another one than its row says"),
            (lambda last: last.note.replace("2026", "2025"), "is not to be trusted: its signature is false"),
            (lambda last: "nothing", "cannot be read: this is no signed note"),
            (
                lambda last: Checkpoint.signed(Signer(last.origin, b"x" * 32), SECOND, last.root, 2, NOON).note,
                "is not to be trusted: it is not signed by a key that is trusted",
            ),
            (
                lambda last: Checkpoint.signed(Signer("another", SEED), SECOND, last.root, 2, NOON).note,
                "is of another log",
            ),
        ],
    )
    async def test_a_checkpoint_that_is_another_is_found(
        self, ledger: Ledger, sealed: list[UUID], made: Callable[[Checkpoint], str], detail: str
    ) -> None:
        self.put_checkpoint(CheckpointRow(2, SECOND, made(ledger.checkpoint(2))))
        faults = self.verified(ledger).faults
        assert [(fault.kind, fault.detail) for fault in faults] == [("checkpoint", f"checkpoint 2 {detail}")]

    async def test_a_checkpoint_of_another_history_is_found(self, ledger: Ledger, sealed: list[UUID]) -> None:
        first = ledger.checkpoint(1)
        signer = Signer(first.origin, SEED)
        self.put_checkpoint(CheckpointRow(1, FIRST, Checkpoint.signed(signer, FIRST, bytes(32), 1, NOON).note))
        assert [fault.detail for fault in self.verified(ledger).faults] == [
            f"a checkpoint of {FIRST} events was signed for another history"
        ]

    async def test_a_history_that_was_signed_by_somebody_else_is_found_by_who_knows_the_key(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        mine = ledger.checkpoint(1).key
        for number in (1, 2):
            old = ledger.checkpoint(number)
            theirs = Checkpoint.signed(Signer(old.origin, b"x" * 32), old.size, old.root, number, NOON)
            self.put_checkpoint(CheckpointRow(number, old.size, theirs.note))
        assert self.verified(ledger).valid, "the checkpoints alone cannot tell whose they are"
        report = self.verified(ledger, mine)
        assert [fault.kind for fault in report.faults] == ["checkpoint", "checkpoint"]
        assert report.trusted

    async def test_a_checkpoint_that_was_kept_finds_a_ledger_and_log_that_were_rolled_back(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        kept = ledger.checkpoint(2).note
        assert self.verified(ledger, kept=kept).valid
        self.delete(FIRST + 1, SECOND)
        self.drop_checkpoint(2)
        for number in (3, 4):
            self.drop_leaves(number)
        assert self.verified(ledger).valid, "what is left is a ledger of the first checkpoint, and whole"
        report = self.verified(ledger, kept=kept)
        assert not report.valid
        assert [fault.kind for fault in report.faults if fault.position is None] == ["leaf", "truncated"]
        assert report.faults[-1].detail == f"{SECOND} events were signed, {FIRST} are there"

    # -- proofs

    async def test_every_event_is_proven_and_the_proof_stands_alone(self, ledger: Ledger, sealed: list[UUID]) -> None:
        key = ledger.checkpoint(1).key
        for position in (1, 2, 255, 256, 257, 512, 699, 701, 1024, SECOND):
            document = ledger.prove_position(position)
            shown = verdict(document, key)
            assert shown.valid
            assert shown.body()["stream"] == str(sealed[position - 1])
            assert ledger.prove(sealed[position - 1], 1) == document
            other = b64encode(b'["%b",1,"StoreProbe"]\n{}' % sealed[0].hex.encode()).decode()
            assert not verdict({**document, "entry": other}, key).valid

    async def test_one_checkpoint_is_proven_to_go_on_from_another(self, ledger: Ledger, sealed: list[UUID]) -> None:
        for old, new in ((1, 2), (2, 1), (2, 2)):
            document = ledger.prove_consistency(old, new)
            assert verdict(document).valid
        swapped = {**document, "old": ledger.checkpoint(2).note, "new": ledger.checkpoint(1).note}
        assert not verdict(swapped).valid

    async def test_what_is_not_there_is_not_proven(self, store: LogStore, ledger: Ledger, sealed: list[UUID]) -> None:
        (late,) = await self.append(store, 1)
        for stream, version, why in ((late, 1, "not sealed yet"), (sealed[0], 2, "no event"), (uuid4(), 1, "no event")):
            with pytest.raises(NotInLedger, match=why):
                ledger.prove(stream, version)
        with pytest.raises(NotInLedger, match="no event at position"):
            ledger.prove_position(SECOND + 100)
        with pytest.raises(NotInLedger, match="there is no checkpoint 3"):
            ledger.prove_consistency(1, 3)

    async def test_a_changed_event_is_not_proven(self, ledger: Ledger, sealed: list[UUID]) -> None:
        self.change(300, b"{}")
        with pytest.raises(LedgerBroken, match="not what was sealed"):
            ledger.prove_position(300)


class SharedLedgerContract(LedgerContract):
    """Of a store that several connections share."""

    async def test_sealers_at_once_seal_every_event_once(self, store: LogStore, url: str) -> None:
        streams = await self.append(store, 3000)
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with open_ledger(url, write=True) as ledger:
                    for _ in range(3):
                        ledger.seal()
                        ledger.sign(SEED, NOON)
            except BaseException as failure:
                failures.append(failure)

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        streams += await self.append(store, 500)
        for thread in threads:
            thread.join()
        assert failures == []
        with open_ledger(url, write=True) as ledger:
            self.checkpoint(ledger)
            report = self.verified(ledger)
            assert (report.valid, report.sealed, report.unsealed) == (True, 3500, 0)
            leaves = [leaf for tile in ledger.tables.leaf_tiles(0, 100) for leaf in tile.leaves()]
            assert [leaf.stream for leaf in leaves] == [stream.hex for stream in streams]

    async def test_verifying_creates_nothing(self, store: LogStore, url: str) -> None:
        await self.append(store, 3)
        with open_ledger(url) as ledger:
            assert self.verified(ledger).unsealed == 3
            assert ledger.tables.tables() == set()  # type: ignore[attr-defined]  # of a database


class Empty:
    """The tables of a ledger in which nothing is."""

    def leaf_tile(self, number: int | None = None) -> None:
        return None

    def node_tile(self, level: int, number: int) -> bytes:
        return b""
