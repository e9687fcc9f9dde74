"""Waking: telling an event loop something from whatever thread it is noticed in."""

import asyncio
import threading
from collections.abc import Callable


def waker(event: asyncio.Event) -> Callable[[], None]:
    """Gives what sets an event of the running loop, safe to call from any thread, and after the loop has ended."""
    loop, thread = asyncio.get_running_loop(), threading.get_ident()

    def wake() -> None:
        if threading.get_ident() == thread:
            event.set()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    return wake
