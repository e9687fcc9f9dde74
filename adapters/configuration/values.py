"""Values as Kratos writes them: durations, sizes and addresses."""

import re
from datetime import timedelta
from fractions import Fraction
from urllib.parse import urlsplit

_UNIT_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
_PART = re.compile(r"([0-9]+)(ns|us|µs|μs|ms|s|m|h|d)")
_DURATION = re.compile(r"([0-9]+(ns|us|ms|s|m|h))+", re.ASCII)
_SIZE = re.compile(r"([0-9]+)(B|KB|MB|GB|TB|PB|EB)", re.ASCII)
_SIZE_POWERS = ("B", "KB", "MB", "GB", "TB", "PB", "EB")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_AUTHORITY = re.compile(r"[A-Za-z]+://[^/?#]*")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")


def parse_duration(text: str, *, days: bool = False) -> timedelta | None:
    """Go's way to write a duration (`1h30m10s`, `500ms`), or None. `days` admits `d` too (limen's own file).

    At most 100 years: beyond it is a slip of the hand, and dates overflow.
    """
    if not _DURATION.fullmatch(text if not days else text.replace("d", "h")) or len(text) > 64:
        return None
    seconds = sum((int(count) * _UNIT_SECONDS[unit] for count, unit in _PART.findall(text)), Fraction(0))
    if seconds > 100 * 366 * 86400:
        return None
    return timedelta(microseconds=int(seconds * 10**6))


def parse_size(text: str) -> int | None:
    """A size such as `8MB` in bytes (1 KB is 1024 bytes, as Kratos counts), or None."""
    found = _SIZE.fullmatch(text)
    if found is None or len(text) > 24:
        return None
    return int(found[1]) << 10 * _SIZE_POWERS.index(found[2])


def is_reference(text: str) -> bool:
    """Whether `text` is a URI or a relative reference (RFC 3986)."""
    if not text or _UNPRINTABLE.search(text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme not in ("http", "https") or bool(parts.hostname)


def is_uri(text: str) -> bool:
    """Whether `text` is an absolute URI, whatever its scheme. The data after `base64://` may hold whitespace."""
    if text.lower().startswith("base64://"):
        return True
    return bool(_SCHEME.match(text)) and is_reference(text)


def is_web_url(text: str) -> bool:
    """Whether `text` is an absolute http or https URL with a host."""
    return is_uri(text) and urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)


def escaped(url: str) -> str:
    """A URL whose path and query may hold braces, as it is sent. Kratos takes such a URL, and escapes them."""
    authority = _AUTHORITY.match(url)
    start = authority.end() if authority else len(url)
    return url[:start] + url[start:].replace("{", "%7B").replace("}", "%7D")


def is_hook_url(text: str) -> bool:
    """Whether `text` is the URL of a web hook: an absolute http or https URL, braces in its path or query admitted."""
    return is_web_url(escaped(text))
