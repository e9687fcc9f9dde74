"""Verification finds whatever was done to a log, however much it was, and never blames a log that is as it was."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limen.adapters.ledger import Ledger, verification
from limen.adapters.ledger.entry import Entry, entry, leaf_hashes
from limen.adapters.ledger.memory import MemoryLedgerTables
from limen.adapters.ledger.merkle import leaf_hash
from limen.adapters.ledger.verification import Report, verify

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Row = tuple[str, int, str, bytes]


class Rows(MemoryLedgerTables):
    """A log that is a list, so that anything can be done to it. `gap` is how far positions are apart."""

    def __init__(self, rows: Sequence[Row], gap: int = 1) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nothing is asked of a recorder here
        self.rows: list[tuple[int, Row]] = [((place + 1) * gap, row) for place, row in enumerate(rows)]

    def events(self, start: int, limit: int) -> list[Any]:
        return [(position, *row) for position, row in self.rows if position >= start][:limit]

    def count(self, start: int) -> int:
        return sum(position >= start for position, _ in self.rows)

    def head(self) -> int:
        return max((position for position, _ in self.rows), default=0)


def row(number: int, state: bytes = b"{}") -> Row:
    return (UUID(int=number).hex, 1, "Probe", state)


def sealed(count: int, gap: int, steps: Sequence[int]) -> Rows:
    """So many events, a checkpoint after each of the steps and after the last."""
    tables = Rows([], gap)
    ledger = Ledger(tables)
    every = [(number * gap, row(number)) for number in range(1, count + 1)]
    for step in sorted({*(step % count + 1 for step in steps), count}):
        tables.rows = every[:step]
        ledger.seal()
        ledger.sign(b"k" * 32, NOON)
    return tables


OPERATION = st.tuples(
    st.sampled_from(["change", "remove", "insert", "move", "swap", "shift"]),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.sampled_from([1, 1, 1, 2, 30, 300]),
)


def applied(rows: list[tuple[int, Row]], operations: Sequence[tuple[str, int, int, int]]) -> list[tuple[int, Row]]:
    """What is left of a log after some operations on blocks of it; positions stay in order."""
    rows, fresh = list(rows), 10**7
    for name, one, other, length in operations:
        if not rows:
            break
        start = one % len(rows)
        block = rows[start : start + length]
        if name == "change":
            rows[start : start + length] = [(at, (*was[:3], was[3] + b" ")) for at, was in block]
        elif name == "remove":
            del rows[start : start + length]
        elif name == "insert":
            fresh += length
            rows[start:start] = [(0, row(fresh + n)) for n in range(length)]
        elif name == "move":
            del rows[start : start + length]
            place = other % (len(rows) + 1)
            rows[place:place] = block
        elif name == "swap":
            place = other % len(rows)
            rows[start], rows[place] = rows[place], rows[start]
        else:
            rows = [(at + other, was) for at, was in rows]
    return rows


@settings(deadline=None, max_examples=150)
@given(
    count=st.sampled_from([1, 5, 255, 256, 257, 700]),
    gap=st.sampled_from([1, 3]),
    steps=st.lists(st.integers(0, 10**6), max_size=3),
    operations=st.lists(OPERATION, max_size=5),
    window=st.sampled_from([2, 16, 1024]),
)
def test_whatever_is_done_to_a_log_is_found_and_named(
    count: int, gap: int, steps: list[int], operations: list[tuple[str, int, int, int]], window: int
) -> None:
    tables = sealed(count, gap, steps)
    before = [one for _, one in tables.rows]
    where = {one[0]: position for position, one in tables.rows}
    tables.rows = [((place + 1) * gap, one) for place, (_, one) in enumerate(applied(tables.rows, operations))]
    after = [one for _, one in tables.rows]
    report = windowed(tables, window)
    assert report.events == len(after)
    if after[:count] == before:
        assert report.valid
        assert report.unsealed == len(after) - count
        return
    assert not report.valid
    named = {(fault.kind, fault.stream) for fault in report.faults}
    for one in set(before) - set(after):
        assert named & {(kind, one[0]) for kind in ("changed", "removed", "truncated")}, "each that is gone is named"
        assert where[one[0]] in {fault.position for fault in report.faults}
    signed = set(before)
    changed = {fault.position for fault in report.faults if fault.kind == "changed"}
    for place, one in enumerate(after[:count]):
        if one not in signed:
            instead = (place + 1) * gap in changed
            assert instead or named & {(kind, one[0]) for kind in ("changed", "inserted")}, "and each that came"
    if sorted(before) == sorted(after):
        assert {kind for kind, _ in named} == {"reordered"}


def windowed(tables: Rows, window: int) -> Report:
    """Verifies with windows of another size, so that small logs show what large ones would."""
    usual, verification.WINDOW = verification.WINDOW, window
    try:
        return verify(tables)
    finally:
        verification.WINDOW = usual


def test_a_block_that_is_longer_than_any_window_is_named_event_by_event() -> None:
    tables = sealed(3000, 1, [])
    tables.rows = [(at, (*was[:3], b"other")) if 200 < at <= 2700 else (at, was) for at, was in tables.rows]
    report = verify(tables)
    assert [(fault.kind, fault.position) for fault in report.faults] == [("changed", at) for at in range(201, 2701)]
    tables = sealed(3000, 1, [])
    tables.rows = [one for one in tables.rows if not 200 < one[0] <= 2700]
    report = verify(tables)
    assert [(fault.kind, fault.position) for fault in report.faults] == [("removed", at) for at in range(201, 2701)]


def test_a_log_that_is_copied_without_its_gaps_has_the_same_tree() -> None:
    with_gaps, without = sealed(600, 7, [300]), sealed(600, 1, [300])
    assert [one.note for one in with_gaps.checkpoints()] == [one.note for one in without.checkpoints()]


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.integers(1, 2**31), st.text(), st.binary())
def test_an_entry_is_read_as_it_was_written(stream: str, version: int, topic: str, state: bytes) -> None:
    data = entry(stream, version, topic, state)
    assert Entry.of(data) == Entry(stream, version, topic, state)
    assert leaf_hashes([(7, stream, version, topic, state)]) == [leaf_hash(data)]


@given(st.lists(st.tuples(st.text(max_size=4), st.integers(0, 3), st.text(max_size=4), st.binary(max_size=4))))
def test_no_two_events_have_the_same_entry(events: list[Row]) -> None:
    assert len({entry(*one) for one in events}) == len(set(events))


def test_what_is_no_event_has_a_hash_of_its_own() -> None:
    odd: list[Any] = [
        (1, "a", 1, "T", None),
        (1, "a", 1, "T", "text"),
        (1, "\udcff", 1, "T", b""),
        (1, b"a", 1, "T", b""),
    ]
    assert len(set(leaf_hashes(odd))) == len(odd)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]\n", b'["a","1","T"]\n{}', b'["a",1]\n{}', b'["a",1,"T"]'])
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        Entry.of(data)
