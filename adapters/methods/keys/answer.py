"""Answer: what an authenticator says, read and verified (WebAuthn Level 3 §7.1 and §7.2).

py_webauthn does the steps of the specification; what it leaves to its users is done here: the key must be one that was
asked for, its user handle must be the one it was made under, no other site may have framed the page, an id has its
greatest length, and a key that could never be copied does not say that it could.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import CredentialDeviceType

from limen.adapters.methods.keys.key import Key, decode, encode
from limen.adapters.methods.keys.party import ALGORITHMS, Party

LONGEST: Final = 64 * 1024
"""Characters an answer may have; one with the certificates of a TPM takes some 10,000."""
LONGEST_ID: Final = 1023
"""Bytes of a credential id (§7.1 step 25)."""
_SUPPORTED: Final = [COSEAlgorithmIdentifier(number) for number in ALGORITHMS]


class Unreadable(Exception):
    """Not what an authenticator answers: nothing was judged."""


class Wrong(Exception):
    """The answer does not count. Says nothing of why: the person can only try again."""


class CounterWentBack(Wrong):
    """All is right but the signature counter: the key may have been copied (§6.1.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in its JSON form (§5.1, `RegistrationResponseJSON` and `AuthenticationResponseJSON`)."""

    id: str = field(repr=False)
    handle: str | None = field(repr=False)
    parsed: Mapping[str, Any] = field(repr=False)


def read(text: Any) -> Answer:
    """Reads an answer. Raises `Unreadable`."""
    try:
        if not isinstance(text, str) or len(text) > LONGEST:
            raise ValueError
        parsed = json.loads(text)
        response = parsed["response"]
        id_, handle = encode(decode(parsed["rawId"])), response.get("userHandle")
        handle = encode(decode(handle)) if handle else None
        client = json.loads(decode(response["clientDataJSON"]))
        if not isinstance(client, dict) or not isinstance(client.get("challenge"), str):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unreadable from None
    return Answer(id_, handle, parsed)


def verify_new(answer: Answer, party: Party, challenge: str, *, handle: str, name: str, passwordless: bool) -> Key:
    """The key that an authenticator has made (§7.1). Raises `Wrong`. `added_at` is left to the caller."""
    _same_site(answer)
    try:
        made = verify_registration_response(
            credential=dict(answer.parsed),
            expected_challenge=decode(challenge),
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=party.verifies_user,
            supported_pub_key_algs=_SUPPORTED,
        )
    except Exception:  # whatever a hostile answer makes the library trip over (CBOR, ASN.1, points) is no key
        raise Wrong from None
    if len(made.credential_id) > LONGEST_ID or encode(made.credential_id) != answer.id:
        raise Wrong
    return Key(
        id=answer.id,
        public_key=encode(made.credential_public_key),
        counter=made.sign_count,
        name=name,
        added_at="",
        aaguid=made.aaguid,
        handle=handle,
        passwordless=passwordless,
        eligible=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=made.credential_backed_up,
    )


def verify(answer: Answer, party: Party, challenge: str, key: Key, *, handle_needed: bool = False) -> Key:
    """The key as it is after it has answered (§7.2). Raises `Wrong`, `CounterWentBack`.

    `handle_needed`: the answer alone says who it is, so it must come with the user handle (step 6).
    """
    _same_site(answer)
    if answer.id != key.id or (answer.handle != key.handle if answer.handle or handle_needed else False):
        raise Wrong
    try:
        given = verify_authentication_response(
            credential=dict(answer.parsed),
            expected_challenge=decode(challenge),
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=decode(key.public_key),
            credential_current_sign_count=0,  # compared below, once the signature is known to be right
            require_user_verification=party.verifies_user,
        )
    except Exception:  # as above
        raise Wrong from None
    if (given.credential_device_type is CredentialDeviceType.MULTI_DEVICE) is not key.eligible:
        raise Wrong  # step 18: it is made so, or not, for good
    if (given.new_sign_count or key.counter) and given.new_sign_count <= key.counter:
        raise CounterWentBack
    return key.used(given.new_sign_count, backed_up=given.credential_backed_up)


def _same_site(answer: Answer) -> None:
    """§7.1 step 10, §7.2 step 13: no page of another origin had this one in a frame. Raises `Wrong`."""
    client = json.loads(decode(answer.parsed["response"]["clientDataJSON"]))
    if client.get("crossOrigin") not in (None, False) or "topOrigin" in client:
        raise Wrong
