"""URI: fetches the content that a configuration points to.

`base64://` (standard alphabet, whitespace tolerated), `file://` (relative to the configuration file), `http(s)://`
(fetched once a reading). Source: Ory's pages on webhooks and identity schemas.
"""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

Fetch = Callable[[str], bytes]

LIMIT_BYTES = 2**20
FETCH_SECONDS = 10.0


class ContentUnavailable(Exception):
    """The content cannot be had; the message says why without quoting the URI."""


def fetch_http(url: str) -> bytes:
    """The body behind an http(s) URL: 10 s, 1 MiB, at most 5 redirects. Raises `ContentUnavailable`."""
    content = bytearray()
    try:
        with (
            httpx.Client(timeout=FETCH_SECONDS, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ContentUnavailable(f"the server answered {answer.status_code}")
            for part in answer.iter_bytes():
                content += part
                if len(content) > LIMIT_BYTES:
                    raise ContentUnavailable(f"is larger than {LIMIT_BYTES} bytes")
    except httpx.HTTPError as error:
        raise ContentUnavailable(f"cannot be fetched ({type(error).__name__})") from None
    return bytes(content)


class Content:
    """Resolves URIs for one reading; what was fetched over HTTP is fetched once."""

    def __init__(self, folder: Path, fetch: Fetch = fetch_http) -> None:
        self._folder = folder
        self._fetch = fetch
        self._fetched: dict[str, bytes | ContentUnavailable] = {}

    def text(self, uri: str) -> str:
        """The content as text. Raises `ContentUnavailable`."""
        content = self._bytes(uri)
        if len(content) > LIMIT_BYTES:
            raise ContentUnavailable(f"is larger than {LIMIT_BYTES} bytes")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ContentUnavailable("is not UTF-8 text") from None

    def _bytes(self, uri: str) -> bytes:
        scheme = uri.partition("://")[0].lower() if "://" in uri else ""
        if scheme == "base64":
            return _decode(uri[len("base64://") :])
        if scheme in ("http", "https"):
            return self._fetch_once(uri)
        if scheme in ("file", ""):
            return self._file(unquote(uri[len("file://") :]) if scheme else uri)
        raise ContentUnavailable("must begin with base64://, file://, http:// or https://")

    def _file(self, name: str) -> bytes:
        path = self._folder / name
        try:
            with path.open("rb") as file:
                return file.read(LIMIT_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ContentUnavailable(f"the file cannot be read: {reason}") from None

    def _fetch_once(self, url: str) -> bytes:
        if url not in self._fetched:
            try:
                self._fetched[url] = self._fetch(url) if urlsplit(url).hostname else ContentUnavailable("has no host")
            except ContentUnavailable as error:
                self._fetched[url] = error
            except Exception as error:
                self._fetched[url] = ContentUnavailable(f"cannot be fetched ({type(error).__name__})")
        found = self._fetched[url]
        if isinstance(found, ContentUnavailable):
            raise found
        return found


def _decode(data: str) -> bytes:
    bare = re.sub(r"\s+", "", data)
    padded = bare + "=" * (-len(bare) % 4) if "=" not in bare else bare
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise ContentUnavailable("is not base64 in the standard alphabet") from None


def encode(text: str) -> str:
    """Text as a `base64://` URI."""
    return "base64://" + base64.b64encode(text.encode()).decode()
