"""A clock that stands still until it is told to move."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(eq=False, slots=True)
class _Sleeper:
    """Somebody who waits in `sleep`, in the event loop it belongs to."""

    wakes_at: datetime
    loop: asyncio.AbstractEventLoop
    woken: "asyncio.Future[None]"

    def wake(self) -> None:
        """Lets it go on. Called in its own loop; it may have been cancelled meanwhile."""
        if not self.woken.done():
            self.woken.set_result(None)


class FixedClock:
    """Implements the `Clock` port: `now()` is `at` until `advance` is called.

    `at` must be an aware datetime; it is kept as UTC. Safe to advance from any thread: each sleeper is woken in the
    event loop it sleeps in.
    """

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("FixedClock needs an aware datetime, as datetime(2026, 1, 1, tzinfo=UTC)")
        self._now = at.astimezone(UTC)
        self._sleepers: list[_Sleeper] = []
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many are asleep now: a test that advances the clock can first see that somebody waits for it."""
        with self._lock:
            return len(self._sleepers)

    def now(self) -> datetime:
        """The instant it was set to, UTC."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Moves the clock on, and wakes everybody whose time has come, the earliest first.

        It moves in one leap: who wakes up sees the new time, and who then sleeps again sleeps from there. They run
        when their event loop next does, so in async code await something before looking at what they did. A negative
        number raises `ValueError`: time does not run backwards.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards: advance by a positive number of seconds")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            due = sorted((one for one in self._sleepers if one.wakes_at <= self._now), key=lambda one: one.wakes_at)
            self._sleepers = [one for one in self._sleepers if one.wakes_at > self._now]
        for sleeper in due:
            if not sleeper.loop.is_closed():
                sleeper.loop.call_soon_threadsafe(sleeper.wake)

    async def sleep(self, seconds: float) -> None:
        """Returns once the clock was advanced by `seconds` in all; at once, after one turn of the loop, for none."""
        loop = asyncio.get_running_loop()
        with self._lock:
            sleeper = _Sleeper(self._now + timedelta(seconds=seconds), loop, loop.create_future())
            if seconds > 0:
                self._sleepers.append(sleeper)
        if seconds <= 0:
            return await asyncio.sleep(0)
        try:
            await sleeper.woken
        finally:
            with self._lock:
                if sleeper in self._sleepers:
                    self._sleepers.remove(sleeper)
