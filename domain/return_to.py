"""Return: where a client may want to go after a flow."""

from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from limen.domain.configuration import Configuration
from limen.domain.errors import RequestRefused
from limen.domain.guard import guard

WILDCARD = "*."
PORTS = {"http": 80, "https": 443}


def checked_return(configuration: Configuration, return_to: str | None) -> str | None:
    """An address to return to must be one of those allowed (open redirects are a classic); a path is one of the page's.

    Answers the whole address: `/dashboard` is on the origin of `default_browser_return_url` (Kratos). Of an allowed
    address the host may begin with `*.`, for any name below it (Ory: wildcards). Raises `RequestRefused`
    (`self_service_flow_return_to_forbidden`).
    """
    if return_to is None:
        return None
    guard({"return_to": return_to})
    home = urljoin(configuration.base_url, configuration.default_return_url or "")
    whole = _whole(return_to, home)
    bases = [configuration.base_url, configuration.default_return_url, *configuration.allowed_return_urls]
    if whole is None or not any(_within(whole, urljoin(home, base)) for base in bases if base):
        raise RequestRefused(
            "self_service_flow_return_to_forbidden", "'return_to' is not among selfservice.allowed_return_urls"
        )
    return whole


def _whole(url: Any, home: str) -> str | None:
    """The address with its origin; None where browsers may read it otherwise than it looks."""
    if not isinstance(url, str) or "\\" in url or any(ord(sign) <= 0x20 or ord(sign) == 0x7F for sign in url):
        return None  # browsers take a backslash for a slash, and drop tabs and line breaks
    path = url.startswith("/") and not url.startswith("//")
    return urljoin(home, url) if path else url


def _within(url: str, base: str) -> bool:
    """Whether `url` has the origin of `base` and a path below its path."""
    try:
        wanted, allowed = urlsplit(url), urlsplit(base)
        origin = wanted.scheme == allowed.scheme and _port(wanted) == _port(allowed)
    except ValueError:
        return False
    if not wanted.scheme or (wanted.scheme in PORTS and not wanted.hostname):
        return False
    if not origin or "@" in wanted.netloc or not _named(wanted.hostname or "", allowed.hostname or ""):
        return False
    path = allowed.path.rstrip("/")
    up = ".." in unquote(wanted.path).split("/")
    return not path or (not up and (wanted.path == path or wanted.path.startswith(path + "/")))


def _port(parts: SplitResult) -> int | None:
    return parts.port or PORTS.get(parts.scheme)


def _named(host: str, allowed: str) -> bool:
    """Whether a host is the one allowed, or below it. A wildcard takes a name of two parts: `*.com` is everybody's."""
    if not allowed.startswith(WILDCARD):
        return host == allowed
    below = allowed.removeprefix("*")
    return "." in below[1:].strip(".") and "*" not in below and host.endswith(below) and host != below
