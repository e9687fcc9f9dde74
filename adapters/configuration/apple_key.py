"""Apple key: what Apple's client secret is signed with, as a PEM, or that in base64."""

import base64

from joserfc.errors import JoseError
from joserfc.jwk import ECKey


def signing_key(text: str) -> ECKey:
    """The key: one on the curve P-256, with its private half. Raises `ValueError` for anything else."""
    try:
        pem = text if "-----" in text else base64.b64decode(text, validate=True).decode()
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        raise ValueError("is no key in PEM") from None
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError("is no private key on the curve P-256, which ES256 takes")
    return key
