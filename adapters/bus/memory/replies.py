"""Replies: who answers which subject on the bus in memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from limen.domain.ports import CallFailed

Reply = bytes | dict[str, Any] | None
Replier = Callable[[bytes, Mapping[str, str]], Awaitable[Reply]]


class Replies:
    """The repliers of one bus, by subject. Each runs in the event loop of whoever asks."""

    def __init__(self) -> None:
        self._repliers: dict[str, Replier] = {}

    def reply(self, subject: str) -> Callable[[Replier], Replier]:
        """Registers the decorated function for a subject, in place of an earlier one.

        It is given the body and the headers of a question, and answers a JSON object, bytes, or None for nothing.
        """

        def register(replier: Replier) -> Replier:
            self._repliers[subject] = replier
            return replier

        return register

    async def ask(self, subject: str, body: bytes, headers: Mapping[str, str], timeout: float) -> bytes:
        """The reply to a question, as bytes, within `timeout` seconds.

        Raises `CallFailed`: `upstream` where nobody answers this subject or the replier raised, `timeout`.
        """
        replier = self._repliers.get(subject)
        if replier is None:
            raise CallFailed("upstream", f"nobody answers on {subject}")
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                reply = await replier(body, headers)
            return reply if isinstance(reply, bytes) else b"" if reply is None else json.dumps(reply).encode()
        except Exception as error:
            if limit.expired():
                raise CallFailed("timeout", f"no reply on {subject} in time") from None
            raise CallFailed("upstream", f"the replier on {subject} failed: {type(error).__name__}") from error
