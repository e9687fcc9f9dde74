"""Caller: sends web hooks over HTTP, one attempt at a time, through the address guard.

Connections are reused. Nothing of the server's environment is taken (no proxies, no .netrc), nothing of an answer is
kept (no cookies), and no error text holds more of a URL than its host.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import version
from typing import Final, Self
from uuid import UUID

import httpx

from limen.adapters.address import AddressRefused, GuardedBackend, Resolver, resolve
from limen.adapters.answer_body import TooLarge, read_body
from limen.adapters.lines import Lines
from limen.adapters.redirect import MAX_REDIRECTS, Hop, Misdirected, following
from limen.domain.configuration import HttpGuard
from limen.domain.ports import Answer, CallFailed, PreparedRequest

AGENT: Final = f"limen/{version('limen')}"
CONNECT: Final = 10.0
"""Seconds a connection may take, so that a dead address leaves time for the next one."""
ANYWHERE: Final = HttpGuard()


class HttpCaller:
    """Sends prepared requests. Belongs to the loop that uses it first; `aclose` ends its connections."""

    def __init__(
        self,
        guard: HttpGuard = ANYWHERE,
        *,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        tls = tls or trust()
        self._excepted = frozenset(_exact(url) for url in guard.private_ip_exception_urls)
        self._guarded = Lines(GuardedBackend(private=not guard.disallow_private_ip_ranges, resolver=resolver), tls)
        # connections of their own: one made for an exception must not serve another URL of that host
        self._exempt = Lines(GuardedBackend(private=True, resolver=resolver), tls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._guarded.aclose()
        await self._exempt.aclose()

    async def call(
        self,
        request: PreparedRequest,
        *,
        request_id: UUID,
        timeout: float,
        sent_at: datetime,
    ) -> Answer:
        """One attempt, redirects included: the last answer counts. All of it takes at most `timeout` seconds.

        Raises `CallFailed`.
        """
        host = "the target"
        try:
            first = _first(request, request_id, sent_at)
            host = first.url.host
            async with asyncio.timeout(timeout):
                return await self._follow(first, request, sent_at)
        except (TimeoutError, httpx.TimeoutException):
            raise CallFailed("timeout", f"{host}: no answer in time") from None
        except AddressRefused as refused:
            raise CallFailed("address", f"{host}: {refused.detail}") from None
        except Misdirected as misdirected:
            raise CallFailed("upstream", f"{host}: {misdirected}") from None
        except TooLarge as large:
            raise CallFailed("too_large", f"{host}: {large}") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
            raise CallFailed("upstream", f"{host}: {_kind(fault)}") from None

    async def _follow(self, hop: Hop, request: PreparedRequest, sent_at: datetime) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            lines = self._exempt if _exact(str(hop.url)) in self._excepted else self._guarded
            async with lines.line(hop.url) as line:
                response = await line.handle_async_request(_sent(hop, request, sent_at))
                try:
                    then = following(hop, response.status_code, response.headers.get("location"), request.credentials)
                    if then is None:
                        return await _answer(response, sent_at)
                finally:
                    await response.aclose()
            hop = then
        raise Misdirected(f"more than {MAX_REDIRECTS} redirects")


def _sent(hop: Hop, request: PreparedRequest, sent_at: datetime) -> httpx.Request:
    """What goes over the wire for one hop, signed where it may be."""
    headers = hop.headers
    if hop.trusted and request.signing_secrets:
        signature = sign(request.signing_secrets, str(request.trigger_id), sent_at, hop.body or b"")
        headers = (*headers, ("webhook-signature", signature))
    return httpx.Request(
        hop.method,
        hop.url.copy_with(userinfo=b""),
        headers=[(name.encode("ascii"), value.encode()) for name, value in headers],
        content=hop.body,
        extensions={"timeout": {"connect": CONNECT, "read": None, "write": None, "pool": None}},
    )


@cache
def trust() -> ssl.SSLContext:
    """The certificates the system trusts, and those httpx brings; read once in a process, which takes 0.1 s or more."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def sign(secrets: tuple[str, ...], message_id: str, at: datetime, body: bytes) -> str:
    """The `webhook-signature` of Standard Webhooks: one `v1,` HMAC-SHA256 for each secret, all of them valid."""
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    digests = (hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def _key(secret: str) -> bytes:
    """A secret is text, or base64 behind `whsec_`."""
    encoded = secret.removeprefix("whsec_")
    if encoded == secret:
        return secret.encode()
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("a signing secret behind whsec_ is base64") from None


def _first(request: PreparedRequest, request_id: UUID, sent_at: datetime) -> Hop:
    """The first hop, with the headers each attempt has of its own."""
    url = httpx.URL(request.url).copy_with(fragment=None)
    if url.scheme not in ("http", "https") or not url.host:
        raise AddressRefused("only http and https are called")
    own = {
        "Ory-Webhook-Request-ID": str(request_id),
        "Ory-Webhook-Trigger-ID": str(request.trigger_id),
        "webhook-id": str(request.trigger_id),
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "Accept-Encoding": "gzip",
    }
    return Hop(request.method, url, tuple(_headers(request, url, own)), request.body)


def _headers(request: PreparedRequest, url: httpx.URL, own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    taken = {name.lower() for name in own} | {"webhook-signature"}
    given = [(name, value) for name, value in request.headers if name.lower() not in taken]
    names = {name.lower() for name, _ in given}
    if "user-agent" not in names:
        yield "User-Agent", AGENT
    if url.userinfo and "authorization" not in names:
        yield "Authorization", "Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    yield from given
    yield from own.items()


def _exact(url: str) -> str:
    """A URL as it is compared with the exceptions: whole, path and query included, in one spelling."""
    try:
        return str(httpx.URL(url).copy_with(fragment=None))
    except httpx.InvalidURL:
        return url


async def _answer(response: httpx.Response, sent_at: datetime) -> Answer:
    return Answer(
        status=response.status_code,
        body=await read_body(response),
        content_type=response.headers.get("content-type", ""),
        retry_after=retry_after(response.headers, sent_at),
    )


def retry_after(headers: Mapping[str, str], sent_at: datetime) -> float | None:
    """Seconds the target asks to wait (RFC 9110 §10.2.3): a number, or a date, counted from the answer's own."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    until = _date(asked)
    if until is None:
        return None
    return max((until - (_date(headers.get("date", "")) or sent_at)).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _kind(fault: Exception) -> str:
    """What went wrong, in words that hold nothing of the request or the answer."""
    cause = str(fault)
    match fault:
        case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in cause:
            return "its certificate is not valid"
        case httpx.ConnectError() if "resolve" in cause:
            return "the host name does not resolve"
        case httpx.ConnectError() if "SSL" in cause or "TLS" in cause:
            return "no TLS connection"
        case httpx.ConnectError():
            return "no connection"
        case httpx.DecodingError():
            return "the answer is not packed as it says"
        case httpx.RemoteProtocolError():
            return "the answer is not HTTP, or ends before its end"
        case httpx.LocalProtocolError() | httpx.InvalidURL() | ValueError():
            return "the request cannot be sent as configured"
        case _:
            return "the connection broke"
