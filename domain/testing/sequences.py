"""Ids and secrets that come in a known order, so that a test can name them and a run repeats itself."""

import hashlib
from itertools import count as counting
from uuid import UUID

_STEP = 618_033_988_749_894_848_204_586_834_365_638_117_721
"""Coprime to 10, so that multiples of it run through every code of n digits before one comes again."""


class SequentialIds:
    """Implements the `Ids` port: valid UUIDs of version 4 that count up from `start`.

    The first is `00000000-0000-4000-8000-000000000001`. Two engines on one store need different starts. Safe from any
    thread.
    """

    def __init__(self, start: int = 1) -> None:
        self._numbers = counting(start)

    def new(self) -> UUID:
        """The next id."""
        return UUID(int=next(self._numbers), version=4)


class SequentialSecrets:
    """Implements the `Secrets` port: the same bytes and codes in every run, never the same twice within one.

    They look random, so that a search for them in a file finds only them, and anybody can guess them. Two with
    different seeds give different ones. Safe from any thread.
    """

    def __init__(self, seed: str = "limen") -> None:
        self._seed = seed.encode()
        self._drawn = counting()
        self._codes = counting(1)

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        return hashlib.shake_256(b"%b/%d" % (self._seed, next(self._drawn))).digest(count)

    def digits(self, count: int) -> str:
        """The next code of `count` digits; all 10**count of them come before one comes again."""
        first = int.from_bytes(hashlib.sha256(self._seed).digest())
        return str((first + _STEP * next(self._codes)) % 10**count).zfill(count)
