"""The histogram: merged it is the whole, and every percentile is within its bound of the true one."""

from math import ceil

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from limen.projections.histogram import ERROR, Histogram, bucket_of, value_of

DURATIONS = st.lists(st.integers(0, 10**12) | st.integers(0, 300), max_size=200)
"""Microseconds up to eleven days, and many small ones."""


@over(DURATIONS, DURATIONS)
def test_merged_parts_are_the_histogram_of_the_whole_in_any_order(one: list[int], other: list[int]) -> None:
    whole = Histogram.of([*one, *other])
    for first, second in ((one, other), (other, one)):
        merged = Histogram.of(first)
        merged.merge(Histogram.of(second))
        assert merged.text() == whole.text()
        assert merged.total == len(one) + len(other)


@over(DURATIONS.filter(bool), st.integers(1, 100))
def test_a_percentile_is_within_the_bound_of_the_nearest_rank(durations: list[int], percent: int) -> None:
    true = sorted(durations)[ceil(len(durations) * percent / 100) - 1]
    (read,) = Histogram.of(durations).percentiles(percent)
    assert read is not None
    assert abs(read - true) < max(true * ERROR, 1)
    assert true >= 128 or read == true


@over(DURATIONS)
def test_percentiles_rise_and_nothing_has_none(durations: list[int]) -> None:
    found = Histogram.of(durations).percentiles(1, 50, 90, 99, 100)
    assert len(found) == 5
    if durations:
        known = [value for value in found if value is not None]
        assert known == sorted(known)
        assert len(known) == 5
    else:
        assert found == (None,) * 5


@over(DURATIONS)
def test_a_row_holds_all_of_it(durations: list[int]) -> None:
    histogram = Histogram.of(durations)
    assert Histogram.read(histogram.text()).counts == histogram.counts


@over(st.integers(0, 2**63))
def test_buckets_stand_in_the_order_of_what_is_in_them(value: int) -> None:
    assert bucket_of(value) <= bucket_of(value + 1)
    assert bucket_of(value_of(bucket_of(value))) == bucket_of(value)


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="not -1"):
        Histogram.of([-1])
