"""Time, ids and randomness of the operating system come through the ports."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from limen.adapters.system import SystemClock, SystemIds, SystemSecrets
from limen.domain.ports import Clock, Ids, Secrets


def test_the_clock_tells_the_present_in_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    now = clock.now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


async def test_sleep_lasts_as_long_as_asked_and_no_time_for_none() -> None:
    clock: Clock = SystemClock()
    started = time.monotonic()
    await clock.sleep(0.02)
    assert time.monotonic() - started >= 0.019
    await clock.sleep(-5)


def test_ids_are_random_and_of_version_4() -> None:
    ids: Ids = SystemIds()
    drawn = {ids.new() for _ in range(1000)}
    assert len(drawn) == 1000
    assert {one.version for one in drawn} == {4}


def test_secrets_are_as_long_as_asked_and_differ() -> None:
    secrets: Secrets = SystemSecrets()
    assert [len(secrets.bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert secrets.bytes(32) != secrets.bytes(32)


@pytest.mark.parametrize("count", [1, 6, 8])
def test_codes_keep_their_leading_zeros(count: int) -> None:
    secrets: Secrets = SystemSecrets()
    codes = [secrets.digits(count) for _ in range(500)]
    assert all(len(code) == count and code.isdecimal() and code.isascii() for code in codes)
    assert {code[0] for code in codes} == set("0123456789")
