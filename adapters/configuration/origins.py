"""Origins: who may ask an authenticator, written as a browser writes it, for its answer is compared to the letter."""

import re
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)


def origin_of(text: str) -> str | None:
    """An origin as it is serialized (RFC 6454 §6.2: lower case, no port that goes without saying); None if it is none.

    Of an address it may have the slash at the end, and no more. An app's origin (`android:apk-key-hash:…`) has no
    other form than its own.
    """
    scheme, _, rest = text.partition(":")
    if not _SCHEME.fullmatch(scheme) or not rest or any(one.isspace() for one in text):
        return None
    scheme = scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        return text
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # a port that is none, a name that is none
        return None
    if not host or "@" in parts.netloc or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}")
