"""What a store that outlives its process does besides: several processes share it, and any of them may be killed."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

from limen.adapters.store import open_store
from tests.contracts.appender import CALLERS, whole_step
from tests.contracts.store import NOW, StoreContract

ROOT = Path(__file__).parents[2]
KILLS = 6


def appender(url: str, *args: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.contracts.appender", url, *args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


class DurableStoreContract(StoreContract):
    """Subclasses give the fixture `url`."""

    async def test_what_was_appended_is_there_after_reopening(self, url: str) -> None:
        first, stream = open_store(url), uuid4()
        whole = whole_step(stream)
        await first.append(whole)
        first.close()
        second = open_store(url)
        assert await second.events(stream) == whole.events
        assert await second.vault_rows(stream) == whole.put
        assert await second.due(NOW, 1) == [stream]
        second.close()

    async def test_two_open_stores_see_each_other_at_once(self, url: str) -> None:
        first, second = open_store(url), open_store(url)
        stream = uuid4()
        await first.append(whole_step(stream))
        assert len(await second.events(stream)) == 3
        first.close()
        second.close()

    def test_processes_that_append_at_the_same_time_lose_nothing_and_fork_nothing(self, url: str) -> None:
        shared, times = uuid4(), 40
        running = [appender(url, "count", str(shared), str(times)) for _ in range(3)]
        ready = [process.stdout.readline() for process in running if process.stdout is not None]
        assert ready == ["ready\n"] * 3
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        refusals = [int(process.communicate(timeout=100)[0]) for process in running]
        assert [process.returncode for process in running] == [0, 0, 0]
        assert sum(refusals) > 0, "they never met: nothing was tried"
        store = open_store(url)
        log = asyncio.run(store.log(limit=100_000))
        versions: dict[UUID, list[int]] = {}
        for _, event in log:
            versions.setdefault(event.originator_id, []).append(event.originator_version)
        assert versions.pop(shared) == list(range(1, 3 * times + 1))
        assert list(versions.values()) == [[1, 2, 3]] * (3 * CALLERS * times)
        store.close()

    def test_a_process_killed_while_appending_leaves_every_acknowledged_step_and_no_half_one(self, url: str) -> None:
        acknowledged: set[UUID] = set()
        for _ in range(KILLS):
            process = appender(url, "forever")
            assert process.stdout is not None
            acknowledged.add(UUID(process.stdout.readline().strip()))
            time.sleep(random.uniform(0.01, 0.2))
            process.kill()
            lines = process.communicate(timeout=60)[0].splitlines(keepends=True)
            acknowledged.update(UUID(line.strip()) for line in lines if line.endswith("\n"))
        store = open_store(url)
        steps: dict[UUID, list[int]] = {}
        for _, event in asyncio.run(store.log(limit=1_000_000)):
            steps.setdefault(event.originator_id, []).append(event.originator_version)
        assert acknowledged <= steps.keys()
        assert set(map(tuple, steps.values())) == {(1, 2, 3)}
        due = asyncio.run(store.due(NOW, 1_000_000))
        assert set(due) == steps.keys()
        for stream in steps:
            assert len(asyncio.run(store.vault_rows(stream))) == 1
        store.close()
