"""A histogram of durations that can be merged, and from which any percentile is read within a known bound.

HdrHistogram's scheme: a whole number keeps its seven highest binary digits, so each power of two from 128 on is cut
into 64 equal buckets. What is read back differs from what was added by less than 1/128 of it (0.8 %), and below 128 not
at all. Counting is exact and in whole numbers: merging parts in any order gives the histogram of the whole, on any
machine.
"""

from collections.abc import Iterable

_DIGITS = 7
_MASK = (1 << _DIGITS) - 1

ERROR = 1 / 128
"""The bound: a percentile is off by less than this part of itself."""


class Histogram:
    """Counts by bucket. Values are whole numbers, 0 or more (limen counts microseconds)."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    @classmethod
    def of(cls, values: Iterable[int]) -> "Histogram":
        """The histogram of these values."""
        made = cls()
        for value in values:
            made.add(value)
        return made

    @classmethod
    def read(cls, text: str) -> "Histogram":
        """The histogram again from its text. Raises `ValueError` for any other."""
        made = cls()
        for part in text.split():
            bucket, _, count = part.partition(":")
            made.counts[int(bucket)] = int(count)
        return made

    def text(self) -> str:
        """As it is kept in a row: `bucket:count` by bucket, a blank between two."""
        return " ".join(f"{bucket}:{self.counts[bucket]}" for bucket in sorted(self.counts))

    @property
    def total(self) -> int:
        """How many values were added."""
        return sum(self.counts.values())

    def add(self, value: int) -> None:
        """Counts one value."""
        bucket = bucket_of(value)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other: "Histogram") -> None:
        """Counts what another has counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def percentiles(self, *percents: int) -> tuple[int | None, ...]:
        """The smallest values that so many percent are at most (nearest rank); None where nothing was counted.

        `percents` rise, each between 1 and 100.
        """
        total, found, seen, wanted = self.total, [], 0, list(percents)
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            while wanted and seen * 100 >= wanted[0] * total:
                found.append(value_of(bucket))
                del wanted[0]
        return (*found, *(None for _ in wanted))


def bucket_of(value: int) -> int:
    """The bucket of a value. Raises `ValueError` below 0."""
    if value < 0:
        raise ValueError(f"a duration is 0 or more, not {value}")
    shift = max(value.bit_length() - _DIGITS, 0)
    return (shift << _DIGITS) + (value >> shift)


def value_of(bucket: int) -> int:
    """The middle of a bucket."""
    shift = bucket >> _DIGITS
    return ((bucket & _MASK) << shift) + ((1 << shift) - 1) // 2
