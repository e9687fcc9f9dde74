"""Decoys: what a name is answered with that nobody has, or that has no security key.

WebAuthn Level 3 §14.6.2: the answer would tell who has an account, so there are imaginary credential ids. They are
drawn from a keyed hash of the name, so that the same name is always answered alike, and look like those of
authenticators there are.
"""

from hashlib import sha512
from typing import Final

from limen.adapters.methods.keys.key import Key, encode
from limen.domain.ports import Keyring

LENGTHS: Final = (16, 20, 32, 32, 32, 48, 64, 64)
"""Bytes of credential ids as authenticators make them, about as often as they do."""


def imaginary(keyring: Keyring, name: str) -> tuple[str, ...]:
    """The credential ids of a name: one, and of one name in eight two, for real people have two as well."""
    drawn = sha512(b"".join(keyring.derive("imaginary-key", name, part).bytes for part in "ab")).digest()
    count = 2 if drawn[0] % 8 == 0 else 1
    return tuple(_id(drawn, number) for number in range(count))


def _id(drawn: bytes, number: int) -> str:
    made = sha512(drawn + bytes([number])).digest() + sha512(drawn + bytes([number, 1])).digest()
    return encode(made[: LENGTHS[made[-1] % len(LENGTHS)]])


def nobodys_key(id: str) -> Key:
    """A key with that id which signs nothing: verifying an answer against it takes the same work, and fails.

    The public key is the base point of P-256, whose secret is known to everybody: that it fails is for whoever asks.
    """
    return Key(id=id, public_key=_POINT, counter=0, name="", added_at="", aaguid="", handle="", passwordless=True)


_X: Final = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
_Y: Final = bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
_POINT: Final = encode(bytes.fromhex("a5010203262001215820") + _X + bytes.fromhex("225820") + _Y)
