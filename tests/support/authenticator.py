"""A software authenticator with a browser before it: it answers what a form asks, and lies where it is told to.

Written from WebAuthn Level 3 §5.8.1 (client data), §6.1 (authenticator data) and §6.5 (attestation); it has no code in
common with what it tests.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from limen.domain import FlowView, Outcome
from tests.support.factors import node

ORIGIN = "http://127.0.0.1:4455"
RP = {"id": "127.0.0.1", "display_name": "Example", "origins": [ORIGIN]}
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40

JsonDict = dict[str, Any]
_numbers = count(1)


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Signer:
    """A key pair of one COSE algorithm."""

    algorithm: int
    private: Any

    @classmethod
    def new(cls, algorithm: int) -> "Signer":
        made: dict[int, Any] = {
            -7: lambda: ec.generate_private_key(ec.SECP256R1()),
            -8: ed25519.Ed25519PrivateKey.generate,
            -257: lambda: rsa.generate_private_key(65537, 2048),
        }
        return cls(algorithm, made[algorithm]())

    @property
    def cose(self) -> bytes:
        """RFC 9053 §7 and RFC 8230 §4."""
        public = self.private.public_key()
        if self.algorithm == -8:
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
        numbers = public.public_numbers()
        if self.algorithm == -257:
            return cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)})
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    def sign(self, data: bytes) -> bytes:
        if self.algorithm == -8:
            signed: bytes = self.private.sign(data)
        elif self.algorithm == -257:
            signed = self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        else:
            signed = self.private.sign(data, ec.ECDSA(hashes.SHA256()))
        return signed


@dataclass
class Authenticator:
    """One key, made by `create` and used by `get`. `counts=False`: it has no signature counter, like most passkeys.

    What it says can be changed: `origin`, `rp_id`, `challenge`, `handle`, `flags`, `cross_origin`, `signer`.
    """

    id: bytes = b""
    algorithm: int = -7
    counts: bool = True
    origin: str = ORIGIN
    rp_id: str | None = None
    challenge: str | None = None
    flags: int = PRESENT | VERIFIED
    cross_origin: Any = False
    handle: str | None = None
    counter: int = 0
    signer: Signer = field(init=False)
    asked: JsonDict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.id or sha256(b"key %d" % next(_numbers)).digest()
        self.signer = Signer.new(self.algorithm)

    def lying(self, **parts: Any) -> "Authenticator":
        """The same key, that says something else."""
        other = replace(self, **{name: value for name, value in parts.items() if name != "signer"})
        other.signer = parts.get("signer", self.signer)
        return other

    @property
    def name(self) -> str:
        return encode(self.id)

    def create(self, options: str) -> str:
        """`navigator.credentials.create`, as JSON."""
        asked = json.loads(options)
        self.asked = asked = asked.get("credentialOptions", asked)["publicKey"]
        assert self.algorithm in [one["alg"] for one in asked["pubKeyCredParams"]]
        if self.handle is None:
            self.handle = asked["user"]["id"]
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + self.signer.cose
        data = self._data(self.rp_id or asked["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", asked["challenge"])
        return self._answer({"clientDataJSON": encode(client), "attestationObject": encode(attestation)})

    def get(self, options: str) -> str:
        """`navigator.credentials.get`, as JSON."""
        self.asked = asked = json.loads(options)["publicKey"]
        self.counter += self.counts
        data = self._data(self.rp_id or asked["rpId"])
        client = self._client("webauthn.get", asked["challenge"])
        response = {
            "clientDataJSON": encode(client),
            "authenticatorData": encode(data),
            "signature": encode(self.signer.sign(data + sha256(client).digest())),
        }
        return self._answer(response | ({"userHandle": self.handle} if self.handle else {}))

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        return sha256(rp_id.encode()).digest() + bytes([self.flags | flags]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": self.challenge or challenge, "origin": self.origin}
        return json.dumps(said | ({} if self.cross_origin is None else {"crossOrigin": self.cross_origin})).encode()

    def _answer(self, response: JsonDict) -> str:
        return json.dumps({"id": self.name, "rawId": self.name, "type": "public-key", "response": response})


def options_of(shown: Outcome | FlowView, name: str) -> str:
    """What a form asks the authenticator: the value of a node."""
    value = node(shown, name).attributes.value
    assert value, f"'{name}' asks nothing"
    return str(value)


def challenge_of(shown: Outcome | FlowView, name: str) -> str:
    asked = json.loads(options_of(shown, name))
    return str(asked.get("credentialOptions", asked)["publicKey"]["challenge"])


def parts(shown: Outcome | FlowView, *groups: str) -> Iterator[str]:
    """The names of a form's nodes, of some groups or of all, in order; a button called `method` by its value."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    for one in flow.ui.nodes or ():
        if not groups or one.group in groups:
            named = one.attributes.name or one.attributes.id
            yield f"method={one.attributes.value}" if named == "method" else named
