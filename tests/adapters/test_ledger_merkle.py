"""The tree: known answers of RFC 6962 and 9162, and proofs for trees of any size."""

from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.adapters.ledger.merkle import (
    EMPTY,
    Frontier,
    Range,
    consistency_holds,
    consistency_ranges,
    folded,
    inclusion_holds,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    perfect_parts,
    perfect_root,
)

LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first one, two, … leaves: the answers that certificate transparency's own tests have (RFC 6962)."""

_LEFT = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_FOUR = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_REST = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_FIFTH = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_END = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_SIXTH = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


def by_definition(hashes: Sequence[bytes]) -> bytes:
    """The root as the RFC defines it, and as slowly."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256().digest()
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return node_hash(by_definition(hashes[:middle]), by_definition(hashes[middle:]))


def over(hashes: Sequence[bytes], leaves: Range) -> bytes:
    """The hash over a range, put together from perfect subtrees as the ledger does it."""
    return folded([perfect_root(hashes[first : first + (1 << height)]) for height, first in perfect_parts(*leaves)])


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Frontier().root() == EMPTY


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_known_answers(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    frontier = Frontier()
    for one in hashes:
        frontier.push(one)
    assert frontier.root().hex() == ROOTS[size - 1] == over(hashes, (0, size)).hex()


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, [_LEFT, _FOUR, _REST]),
        (5, 8, [_FIFTH, _END, ROOTS[3]]),
        (2, 3, [ROOTS[1]]),
        (1, 5, [ROOTS[0], _FOUR, _FIFTH]),
    ],
)
def test_inclusion_proofs_are_those_of_the_known_answers(index: int, size: int, path: list[str]) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [over(hashes, one).hex() for one in inclusion_ranges(index, size)] == path
    assert inclusion_holds(hashes[index], index, size, [*map(bytes.fromhex, path)], bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (1, 1, []),
        (1, 8, [_LEFT, _FOUR, _REST]),
        (6, 8, [_SIXTH, _END, ROOTS[3]]),
        (2, 5, [_FOUR, _FIFTH]),
    ],
)
def test_consistency_proofs_are_those_of_the_known_answers(old: int, new: int, path: list[str]) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [over(hashes, one).hex() for one in consistency_ranges(old, new)] == path
    roots = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert consistency_holds(old, roots[0], new, roots[1], [*map(bytes.fromhex, path)])


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_tree_that_grows_has_the_root_that_is_defined(before: int, more: int) -> None:
    hashes, frontier = numbered(before + more), Frontier()
    for one in hashes[:before]:
        frontier.push(one)
    assert frontier.root() == by_definition(hashes[:before])
    for one in hashes[before:]:
        frontier.push(one)
    assert frontier.root() == by_definition(hashes)


@given(st.data(), st.integers(1, 700))
def test_any_leaf_is_proven_and_no_changed_bit_is(data: st.DataObject, size: int) -> None:
    index, bit = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 255))
    hashes = numbered(size)
    root, path = over(hashes, (0, size)), [over(hashes, one) for one in inclusion_ranges(index, size)]
    assert inclusion_holds(hashes[index], index, size, path, root)
    assert not inclusion_holds(flipped(hashes[index], bit), index, size, path, root)
    assert not inclusion_holds(hashes[index], index, size, path, flipped(root, bit))
    assert not inclusion_holds(hashes[index], index, size, [*path, root], root)
    for place in range(len(path)):
        changed = [*path[:place], flipped(path[place], bit), *path[place + 1 :]]
        assert not inclusion_holds(hashes[index], index, size, changed, root)
        assert not inclusion_holds(hashes[index], index, size, path[:place] + path[place + 1 :], root)
    other = data.draw(st.integers(-1, size).filter(lambda one: one != index))
    assert not inclusion_holds(hashes[index], other, size, path, root)


@given(st.data(), st.integers(1, 700))
def test_any_two_sizes_are_proven_consistent_and_no_changed_bit_is(data: st.DataObject, new: int) -> None:
    old, bit = data.draw(st.integers(1, new)), data.draw(st.integers(0, 255))
    hashes = numbered(new)
    before, after = over(hashes, (0, old)), over(hashes, (0, new))
    path = [over(hashes, one) for one in consistency_ranges(old, new)]
    assert consistency_holds(old, before, new, after, path)
    assert not consistency_holds(old, flipped(before, bit), new, after, path)
    assert not consistency_holds(old, before, new, flipped(after, bit), path)
    assert not consistency_holds(old, before, new, after, [*path, after])
    for place in range(len(path)):
        changed = [*path[:place], flipped(path[place], bit), *path[place + 1 :]]
        assert not consistency_holds(old, before, new, after, changed)


def test_nothing_is_consistent_with_anything_but_only_without_a_path() -> None:
    root = b64decode("VJ342QeBQNpMpmhBjUkEOFC/6SsckUVteHdH9Y3/xuA=")
    assert consistency_holds(0, EMPTY, 5, root, [])
    assert not consistency_holds(0, root, 5, root, [])
    assert not consistency_holds(0, EMPTY, 5, root, [root])
    assert not consistency_holds(6, root, 5, root, [])
    assert not consistency_holds(3, root, 5, root, [])
