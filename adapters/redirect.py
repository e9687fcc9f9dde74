"""Redirects: where an answer sends the request next, and with what.

Source: browsers (Fetch standard §4.4) and Go's client, which Kratos uses: 301, 302 and 303 become GET without a body,
307 and 308 send it again. Unlike in Kratos, credentials go along to the same origin only.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import httpx

MAX_REDIRECTS: Final = 5
_BECOMES_GET: Final = frozenset({301, 302, 303})
_SAME_METHOD: Final = frozenset({307, 308})
ALWAYS_SECRET: Final = frozenset({"authorization", "proxy-authorization", "cookie", "webhook-signature"})
_OF_A_BODY: Final = frozenset({"content-type", "content-encoding", "content-language"})


class Misdirected(Exception):
    """The redirect leads nowhere a web hook goes. The text names no address."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of an attempt. `trusted`: still at the origin the action named, so credentials go along."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    trusted: bool = True


def following(hop: Hop, status: int, location: str | None, credentials: Collection[str]) -> Hop | None:
    """The next hop; None when this answer is the last. Raises `Misdirected` for a place that is none.

    `credentials` are names of headers in lower case, besides those that always are. Once another origin has been
    visited they are gone for good, also when it sends the request back.
    """
    if status not in _BECOMES_GET | _SAME_METHOD or not location:
        return None
    url = _target(hop.url, location)
    trusted = hop.trusted and origin(url) == origin(hop.url)
    headers = hop.headers
    if not trusted:
        secret = ALWAYS_SECRET | set(credentials)
        headers = tuple(pair for pair in headers if pair[0].lower() not in secret)
    if status in _SAME_METHOD:
        return replace(hop, url=url, headers=headers, trusted=trusted)
    headers = tuple(pair for pair in headers if pair[0].lower() not in _OF_A_BODY)
    return Hop("HEAD" if hop.method == "HEAD" else "GET", url, headers, None, trusted)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the default port filled in (RFC 6454)."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _target(base: httpx.URL, location: str) -> httpx.URL:
    try:
        url = base.join(location).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise Misdirected("the target redirects to what is no URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Misdirected("the target redirects to what is neither http nor https")
    return url
