"""Breaches: how often a password is on a list of breached ones, asked without telling the list which password it is.

NIST SP 800-63B §5.1.1.2 (800-63B-4 §3.1.1.2): a new password is compared with those known from breaches. The protocol
is that of Pwned Passwords (k-anonymity): the first five characters of the SHA-1 go out, every suffix of that range
comes back, and `Add-Padding` keeps the length of the answer from telling whoever watches the line which range it was.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from limen.adapters.address import AddressRefused, GuardedBackend
from limen.adapters.answer_body import TooLarge, read_body
from limen.adapters.caller import AGENT, trust
from limen.adapters.lines import Lines
from limen.domain.configuration import Configuration, HttpGuard
from limen.domain.ports import Clock

HOST: Final = "api.pwnedpasswords.com"
"""Kratos' default."""
PATIENCE: Final = 2.0
"""Seconds for the whole answer, from the resolving of the name on: somebody is waiting at a form."""
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=5)
_LINE: Final = re.compile(r"([0-9A-Fa-f]{35})(?::([0-9,]{1,20}))?")

log = logging.getLogger("limen.password")


class BreachesUnknown(Exception):
    """The list could not be asked, or its answer is none. `detail` holds nothing of the password."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Breaches:
    """The list of one configuration. Belongs to the loop that uses it first; `aclose` ends its connections."""

    def __init__(self, config: Mapping[str, Any], guard: HttpGuard, clock: Clock) -> None:
        self.enabled = bool(config.get("haveibeenpwned_enabled", True))
        self.most = int(config.get("max_breaches", 0))
        """How often a password may be on the list and still be taken."""
        self._ignored = bool(config.get("ignore_network_errors", True))
        self._ranges = f"https://{config.get('haveibeenpwned_host', HOST)}/range/"
        self._private = not guard.disallow_private_ip_ranges or self._ranges in guard.private_ip_exception_urls
        self._clock = clock
        self._pause = Pause()
        self._lines: Lines | None = None

    @classmethod
    def of(cls, configuration: Configuration, clock: Clock) -> "Breaches":
        """The list that a configuration names."""
        return cls(configuration.method("password").config, configuration.guard, clock)

    async def aclose(self) -> None:
        """Closes all connections."""
        if self._lines is not None:
            await self._lines.aclose()

    async def count(self, password: str) -> int:
        """How often the password was found; 0 where nobody knows and that is to be ignored, or the check is off.

        Raises `BreachesUnknown` where `ignore_network_errors` is false. Where it is true a list that could not be asked
        is left alone for a while, longer each time, so that a machine without a network does not wait for it.
        """
        if not self.enabled:
            return 0
        ticket = self._pause.enter(self._clock.now()) if self._ignored else None
        if self._ignored and ticket is None:
            return 0
        try:
            found = await self._ask(password)
        except BreachesUnknown as unknown:
            if ticket is None:
                raise
            pause = self._pause.begin(ticket, self._clock.now())
            log.warning("passwords pass unchecked for %d s: %s", pause.total_seconds(), unknown.detail)
            return 0
        self._pause.end()
        return found

    async def _ask(self, password: str) -> int:
        # SHA-1 is the list's index here, and protects nothing
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
        url, host = httpx.URL(self._ranges + digest[:5]), httpx.URL(self._ranges).host
        try:
            async with asyncio.timeout(PATIENCE):
                body = await self._get(url)
        except (TimeoutError, httpx.TimeoutException):
            raise BreachesUnknown(f"{host}: no answer within {PATIENCE:g} s") from None
        except AddressRefused as refused:
            raise BreachesUnknown(f"{host}: {refused.detail}") from None
        except TooLarge as large:
            raise BreachesUnknown(f"{host}: {large}") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
            raise BreachesUnknown(f"{host}: {type(fault).__name__}") from None
        return _found(body, digest[5:], host)

    async def _get(self, url: httpx.URL) -> bytes:
        if self._lines is None:
            self._lines = Lines(GuardedBackend(private=self._private), trust())
        headers = {"User-Agent": AGENT, "Add-Padding": "true", "Accept": "text/plain", "Accept-Encoding": "gzip"}
        async with self._lines.line(url) as line:
            response = await line.handle_async_request(httpx.Request("GET", url, headers=headers))
            try:
                if response.status_code != 200:
                    raise BreachesUnknown(f"{url.host}: answered {response.status_code}")
                return await read_body(response)
            finally:
                await response.aclose()


def _found(body: bytes, suffix: str, host: str) -> int:
    """The count beside a suffix, 0 where it is absent (padding has the count 0). One without a count counts as one.

    Whatever else stands there is no answer: the log-in page of a public network must not pass for an empty list.
    """
    found = 0
    for line in body.decode("ascii", "replace").split():
        entry = _LINE.fullmatch(line)
        if entry is None:
            raise BreachesUnknown(f"{host}: the answer is no list of suffixes")
        if entry[1].upper() == suffix:
            found = int((entry[2] or "1").replace(",", "") or "1")
    return found


@dataclass(slots=True)
class Pause:
    """Between two tries of what could not be reached; doubled each time. Kept in this process's memory alone."""

    length: timedelta = timedelta(0)
    until: datetime | None = None

    def enter(self, now: datetime) -> timedelta | None:
        """A ticket for one try; None during a pause. When a pause is over one goes ahead, the others wait for it."""
        if self.until is not None:
            if now < self.until:
                return None
            self.until = now + self.length
        return self.length

    def begin(self, ticket: timedelta, now: datetime) -> timedelta:
        """The try failed. Of several that were under way together the first to say so counts."""
        if ticket == self.length:
            self.length = min(max(FIRST_PAUSE, 2 * self.length), LONGEST_PAUSE)
            self.until = now + self.length
        return self.length

    def end(self) -> None:
        """It can be reached."""
        self.length, self.until = timedelta(0), None
