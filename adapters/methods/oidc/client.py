"""Client: the requests that go to a provider, through the address guard. Redirects are not followed.

httpx' own client is not used: it logs whole URLs, and follows what a provider's token endpoint should never send.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import orjson

from limen.adapters.address import AddressRefused, GuardedBackend, Resolver, resolve
from limen.adapters.answer_body import TooLarge, read_body
from limen.adapters.caller import AGENT, CONNECT, trust
from limen.adapters.lines import Lines
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.domain.configuration import HttpGuard

TIMEOUT: Final = 10.0
"""Seconds one request to a provider may take, its answer included."""


class ProviderClient:
    """Fetches JSON from providers. Belongs to the loop that uses it first; `aclose` ends its connections."""

    def __init__(self, guard: HttpGuard, *, resolver: Resolver = resolve, tls: ssl.SSLContext | None = None) -> None:
        tls = tls or trust()
        self._excepted = frozenset(_exact(url) for url in guard.private_ip_exception_urls)
        self._guarded = Lines(GuardedBackend(private=not guard.disallow_private_ip_ranges, resolver=resolver), tls)
        self._exempt = Lines(GuardedBackend(private=True, resolver=resolver), tls)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._guarded.aclose()
        await self._exempt.aclose()

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON behind a URL. Raises `ProviderFault`."""
        status, body = await self._send("GET", url, headers or {}, None)
        if status != httpx.codes.OK:
            raise ProviderFault("upstream", f"the provider answered {status}")
        return _json(body)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Any:
        """The JSON a form is answered with, whatever the status below 500 (RFC 6749 §5.2). Raises `ProviderFault`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if basic is not None:
            headers["Authorization"] = _basic(*basic)
        return await self._posted(url, headers, urlencode(form).encode())

    async def post_json(self, url: str, members: Mapping[str, str]) -> Any:
        """The same for a provider that wants JSON. Raises `ProviderFault`."""
        return await self._posted(url, {"Content-Type": "application/json"}, orjson.dumps(members))

    async def _posted(self, url: str, headers: Mapping[str, str], sent: bytes) -> Any:
        status, body = await self._send("POST", url, headers, sent)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or 300 <= status < 400:
            raise ProviderFault("upstream", f"the provider answered {status}")
        return _json(body)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._once(method, httpx.URL(url), headers, body)
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderFault("upstream", "the provider did not answer in time") from None
        except AddressRefused as refused:
            raise ProviderFault("upstream", f"the provider's address is refused: {refused.detail}") from None
        except (TooLarge, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            raise ProviderFault("upstream", "the provider cannot be reached") from None

    async def _once(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        if url.scheme not in ("http", "https"):
            raise AddressRefused("only http and https are called")
        own = {"User-Agent": AGENT, "Accept": "application/json", "Accept-Encoding": "gzip", **headers}
        request = httpx.Request(
            method,
            url,
            headers=own,
            content=body,
            extensions={"timeout": {"connect": CONNECT, "read": None, "write": None, "pool": None}},
        )
        lines = self._exempt if _exact(str(url)) in self._excepted else self._guarded
        async with lines.line(url) as line:
            response = await line.handle_async_request(request)
            try:
                return response.status_code, await read_body(response)
            finally:
                await response.aclose()


def _basic(user: str, password: str) -> str:
    """RFC 6749 §2.3.1: both are form-encoded first."""
    return "Basic " + b64encode(f"{quote(user, safe='')}:{quote(password, safe='')}".encode()).decode()


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderFault("upstream", "the provider's answer is not JSON") from None


def _exact(url: str) -> str:
    try:
        return str(httpx.URL(url).copy_with(fragment=None))
    except httpx.InvalidURL:
        return url
