"""Apple's client secret, which is no secret but a token that is signed for each exchange (Apple: creating one)."""

from datetime import datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError

from limen.adapters.configuration.apple_key import signing_key
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.provider import AppleKey, Provider

APPLE: Final = "https://appleid.apple.com"
LIFESPAN: Final = timedelta(minutes=5)


def apple_secret(provider: Provider, key: AppleKey, now: datetime) -> str:
    """A token of five minutes, signed with the team's key. Raises `ProviderFault`."""
    claims = {
        "iss": key.team,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFESPAN).timestamp()),
        "aud": APPLE,
        "sub": provider.client_id,
    }
    try:
        return jwt.encode({"alg": "ES256", "kid": key.id}, claims, signing_key(key.pem))
    except (JoseError, ValueError):
        raise ProviderFault("upstream", "the configured key cannot sign for Apple") from None
