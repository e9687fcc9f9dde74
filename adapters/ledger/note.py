"""Signed notes: a text with the signatures of its keys below it (C2SP signed-note, Ed25519)."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_DASH = "— "
_MOST_SIGNATURES = 100


class NoteInvalid(ValueError):
    """The text is no note, or no key that is trusted has signed it; the message says which."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and its name, which verify notes."""

    name: str
    public: bytes

    @classmethod
    def of(cls, vkey: str) -> "Verifier":
        """Reads `name+id+key`. Raises `NoteInvalid`."""
        name, _, rest = vkey.strip().partition("+")
        id_, _, encoded = rest.partition("+")
        key = decoded(encoded)
        if not _is_name(name) or len(key) != 33 or key[:1] != _ED25519:
            raise NoteInvalid("this is no verifier key; expected <name>+<id>+<base64>, as limen audit key prints it")
        verifier = cls(name, key[1:])
        if verifier.id.hex() != id_.lower():
            raise NoteInvalid("the verifier key was damaged: its id does not belong to it")
        return verifier

    @property
    def id(self) -> bytes:
        """The key's id: four bytes."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key (its 32-byte seed) and its name."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise NoteInvalid(f"'{self.name}' cannot name a key: it has spaces or a plus, or is empty")

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, text: str) -> str:
        """The text as a note. It ends with a line break."""
        signature = b64encode(self.verifier.id + self._key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.name} {signature}\n"


def text_of(note: str) -> str:
    """The text of a note, whoever signed it. Raises `NoteInvalid`."""
    return _parts(note)[0]


def opened(note: str, *trusted: Verifier) -> str:
    """The text of a note that one of the keys has signed, and none of them falsely. Raises `NoteInvalid`."""
    text, signatures = _parts(note)
    found = False
    for name, data in signatures:
        for verifier in trusted:
            if verifier.name == name and verifier.id == data[:4]:
                if not verifier.verifies(text, data[4:]):
                    raise NoteInvalid("its signature is false")
                found = True
    if not found:
        raise NoteInvalid("it is not signed by a key that is trusted")
    return text


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, found, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not found or lines.pop() or not lines or len(lines) > _MOST_SIGNATURES:
        raise NoteInvalid("this is no signed note")
    if any(character < " " and character != "\n" for character in note):
        raise NoteInvalid("a signed note holds no control characters")
    signatures = []
    for line in lines:
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        data = decoded(encoded)
        if not line.startswith(_DASH) or not _is_name(name) or len(data) < 5:
            raise NoteInvalid("this is no signed note")
        signatures.append((name, data))
    return f"{text}\n", signatures


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def decoded(text: str) -> bytes:
    """Base64 as it is written, and only so: no bit of it may be another. Nothing for anything else."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if b64encode(data).decode() == text else b""
