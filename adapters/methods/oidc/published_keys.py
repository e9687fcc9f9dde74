"""Published keys: those of a provider that ID tokens may be signed with (RFC 7517 §5). joserfc reads each of them."""

from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from limen.adapters.methods.oidc.fault import ProviderFault

Keys = tuple[Key, ...]
MAX_KEYS: Final = 64
_PUBLIC: Final = ("RSA", "EC", "OKP")
"""Kinds of keys of which the provider has another half: `oct` is a shared secret."""


def published(document: Any) -> Keys:
    """The keys of a JWK Set that can be read and that nobody shares. Raises `ProviderFault` where there is none.

    One that we do not know the kind, the curve or the use of, or that is broken, is ignored, as RFC 7517 §5 says.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    read = (_read(one) for one in (listed if isinstance(listed, list) else [])[:MAX_KEYS])
    keys = tuple(key for key in read if key is not None)
    if not keys:
        raise ProviderFault("upstream", "the provider's keys cannot be read")
    return keys


def fitting(keys: Keys, kid: Any) -> Keys:
    """Those that a token may be signed with that names this key; all of them where it names none."""
    return tuple(key for key in keys if kid is None or key.kid == kid)


def _read(member: Any) -> Key | None:
    if not isinstance(member, dict) or member.get("kty") not in _PUBLIC or member.get("use", "sig") != "sig":
        return None
    try:
        return JWKRegistry.import_key(member)
    except (JoseError, KeyError, TypeError, ValueError, AttributeError):
        return None
