"""Return: where a client may want to go after a flow."""

from typing import Any
from urllib.parse import urlsplit

from limen.domain.configuration import Configuration
from limen.domain.errors import RequestRefused
from limen.domain.guard import guard


def check_return(configuration: Configuration, return_to: str | None) -> None:
    """An address to return to must be one of those allowed (open redirects are a classic).

    Raises `RequestRefused` (`return_to_not_allowed`).
    """
    if return_to is None:
        return
    guard({"return_to": return_to})
    allowed = [configuration.base_url, configuration.default_return_url, *configuration.allowed_return_urls]
    if not any(_within(return_to, base) for base in allowed if base):
        raise RequestRefused("return_to_not_allowed", "'return_to' is not among selfservice.allowed_return_urls")


def _within(url: Any, base: str) -> bool:
    """Whether `url` has the origin of `base` and a path below its path."""
    if not isinstance(url, str):
        return False
    try:
        wanted, allowed = urlsplit(url), urlsplit(base)
    except ValueError:
        return False
    if (wanted.scheme, wanted.netloc) != (allowed.scheme, allowed.netloc) or "\\" in url:
        return False
    path = allowed.path.rstrip("/")
    return not path or wanted.path == path or wanted.path.startswith(path + "/")
