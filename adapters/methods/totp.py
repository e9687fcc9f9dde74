"""`totp`: six digits from an authenticator app, as a second factor.

RFC 6238: SHA-1, 6 digits, steps of 30 seconds, one step of grace on either side (§5.2). A code counts once: the last
step used is kept with the secret, and neither that step nor an earlier one counts again (§5.2; Kratos takes a code
as often as it comes).
"""

import json
from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import segno
from pyotp.totp import TOTP
from pyotp.utils import strings_equal

from limen.domain.abilities import Glance
from limen.domain.code import MAX_WRONG
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.form_values import truthy
from limen.domain.identity import Identity
from limen.domain.identity_schema import IdentitySchema
from limen.domain.method import Accepted, Exhausted, Refused, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.profile import Profile
from limen.domain.ui import factor_messages, messages

STEP = 30
"""Seconds."""
GRACE = 1
"""Steps that a clock may be off."""
SECRET_BYTES = 20
"""RFC 4226 §4, R6: 160 bits."""
LONGEST_ACCOUNT, LONGEST_ISSUER = 80, 40
"""Characters of either that the picture holds: in UTF-8 and percent-encoded each takes up to 12 of its 2331 bytes."""


class TotpMethod:
    """The authenticator app of an identity."""

    name = "totp"
    flows = frozenset({FlowKind.LOGIN, FlowKind.SETTINGS})
    shows = frozenset({FlowKind.SETTINGS})

    def __init__(self, config: Mapping[str, Any], secrets: Secrets, base_url: str) -> None:
        self.secrets = secrets
        self.issuer = str(config.get("issuer") or urlsplit(base_url).hostname or "")

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """The button that unlinks it names no method (Kratos)."""
        return flow.kind is FlowKind.SETTINGS and truthy(values.get("totp_unlink"))

    async def submit(self, submission: Submission) -> Verdict:
        """A code at login; in settings a code that links, or `totp_unlink`."""
        if submission.flow.kind is FlowKind.LOGIN:
            return await self._login(submission)
        identity = submission.identity
        assert identity is not None
        if truthy(submission.values.get("totp_unlink")):
            if self.name not in identity.credentials:
                return Refused("no_credential", (factor_messages.no_totp_device(),))
            return Accepted(removed=(self.name,), authentication=self.name)
        return self._link(submission, identity)

    async def _login(self, submission: Submission) -> Verdict:
        identity, code = submission.identity, _code(submission)
        kept = {"totp_code": None}
        if identity is None:
            return Refused("no_credential", (factor_messages.no_totp_device(),), kept)
        secret = await submission.people.credential(identity, self.name)
        if secret is None or self.name not in identity.credentials:
            return Refused("no_credential", (factor_messages.no_totp_device(),), kept)
        if not code:
            return Refused("missing", (messages.required("totp_code", "totp_code"),), kept)
        record = json.loads(secret)
        step = _step(record["secret"], code, submission.now)
        if step is None:
            if submission.flow.wrong_codes >= MAX_WRONG:
                return Exhausted((messages.generic("too many wrong codes; start over"),))
            return Refused("wrong_code", (factor_messages.totp_wrong(),), kept)
        if step <= record["used"]:
            return Refused("replayed_code", (factor_messages.totp_wrong(),), kept)
        spent = json.dumps(record | {"used": step})
        return Accepted(identity=identity, spent={self.name: spent}, authentication=self.name, aal="aal2")

    def _link(self, submission: Submission, identity: Identity) -> Verdict:
        code, secret = _code(submission), submission.pending
        if self.name in identity.credentials:
            return Refused("linked", (messages.generic("an authenticator app is linked already; unlink it first"),))
        if secret is None:
            return Refused("missing", (messages.generic("there is no secret to link; start over"),))
        if not code:
            return Refused("missing", (messages.required("totp_code", "totp_code"),))
        step = _step(secret, code, submission.now)
        if step is None:
            return Refused("wrong_code", (factor_messages.totp_wrong("totp_code"),))
        record = json.dumps({"secret": secret, "used": step})
        return Accepted(credentials={self.name: record}, authentication=self.name, aal="aal2", proven=True)

    # -- what the form shows

    async def prepare(self, glance: Glance) -> str | None:
        """A new secret where no authenticator is linked."""
        if glance.identity is None or self.name in glance.identity.credentials:
            return None
        return b32encode(self.secrets.bytes(SECRET_BYTES)).decode()

    async def show(self, glance: Glance) -> Mapping[str, Any]:
        """The secret in writing, and as a picture, drawn when it is looked at."""
        secret = glance.pending
        if secret is None or glance.identity is None or glance.profile is None:
            return {}
        schema = glance.people.rules.schemas[glance.profile.schema_id]
        account = _account(schema, glance.identity, glance.profile)
        account, issuer = _cut(account, LONGEST_ACCOUNT), _cut(self.issuer, LONGEST_ISSUER)
        url = TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)
        return {"secret": secret, "picture": lambda: _picture(url)}


def _cut(label: str, longest: int) -> str:
    """What an app calls the account or who it is with: a label, that may be cut."""
    return label if len(label) <= longest else label[: longest - 1] + "…"


def _picture(url: str) -> str:
    """A QR code as a data URI."""
    return segno.make(url, error="m", micro=False).png_data_uri(scale=5)


def _account(schema: IdentitySchema, identity: Identity, profile: Profile) -> str:
    """What the app calls the account: the trait that says so, else the name to sign in with, else the id (Kratos')."""
    names = schema.identifiers(profile.traits).get("password", [])
    return schema.account_name(profile.traits) or (names[0] if names else str(identity.id))


def _code(submission: Submission) -> str:
    """The digits, without the blanks that apps show between them."""
    code = submission.values.get("totp_code")
    return "".join(code.split()) if isinstance(code, str) else ""


def _step(secret: str, code: str, now: datetime) -> int | None:
    """The step a code is of, None where it is of none that counts now. Every one is compared, in constant time."""
    otp, present = TOTP(secret), int(now.timestamp()) // STEP
    found = None
    for step in range(present - GRACE, present + GRACE + 1):
        if strings_equal(code, otp.generate_otp(step)):
            found = step
    return found
