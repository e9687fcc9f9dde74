"""A list of breached passwords as Pwned Passwords answers: over TLS on loopback, by range, padded where asked to."""

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import breaches
from limen.adapters.sink import Received, Reply, Sink
from tests.support.certificates import self_signed


class BreachList(Sink):
    """`leaked` says which passwords are on it and how often; `broken` is answered in the place of any range."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.leaked: dict[str, int] = {}
        self.broken: Reply | None = None

    @property
    def config(self) -> dict[str, Any]:
        """`selfservice.methods.password.config` that asks it."""
        return {"haveibeenpwned_enabled": True, "haveibeenpwned_host": f"localhost:{self._port}"}

    @property
    def asked(self) -> list[str]:
        """The ranges that were asked for, in order."""
        return [request.path.removeprefix("/range/") for request in self.received]

    def _reply(self, request: Received) -> Reply:
        if self.broken is not None:
            return self.broken
        prefix = request.path.removeprefix("/range/")
        digests = {hashlib.sha1(word.encode()).hexdigest().upper(): count for word, count in self.leaked.items()}
        lines = [f"{digest[5:]}:{count}" for digest, count in digests.items() if digest.startswith(prefix)]
        if request.header("Add-Padding") == "true":
            lines += [f"{number:035X}:0" for number in range(800)]
        return Reply(200, "\r\n".join(sorted(lines)).encode(), (("Content-Type", "text/plain"),))


@asynccontextmanager
async def breach_list(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[BreachList]:
    """A list that this process trusts."""
    tls = self_signed(folder, "localhost")
    trusted = ssl.create_default_context(cafile=str(folder / "localhost.pem"))
    patch.setattr(breaches, "trust", lambda: trusted)
    async with BreachList(tls=tls) as opened:
        yield opened
