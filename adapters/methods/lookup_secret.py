"""`lookup_secret`: twelve codes to keep on paper, each of which counts once, as a second factor.

NIST SP 800-63B §5.1.2. They are kept sealed in the vault, for the person may look at them again, as in Kratos.
"""

import hmac
import json
from collections.abc import Mapping
from typing import Any

from limen.domain.abilities import Glance
from limen.domain.code import MAX_WRONG
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.form_values import truthy
from limen.domain.method import Accepted, Exhausted, Refused, Shown, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.ui import factor_messages, messages
from limen.domain.ui.factors import LOOKUP_SHOWN

CODES = 12
LENGTH = 8
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class LookupSecretMethod:
    """The paper codes of an identity."""

    name = "lookup_secret"
    flows = frozenset({FlowKind.LOGIN, FlowKind.SETTINGS})
    shows = frozenset({FlowKind.SETTINGS})

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """The four buttons of the settings name no method (Kratos)."""
        return flow.kind is FlowKind.SETTINGS and bool(_pressed(values))

    async def submit(self, submission: Submission) -> Verdict:
        """A code at login; in settings one of the four buttons."""
        if submission.flow.kind is FlowKind.LOGIN:
            return await self._login(submission)
        pressed = _pressed(submission.values)
        if "confirm" in pressed:
            return self._confirm(submission)
        if "regenerate" in pressed:
            codes = json.dumps([{"code": self._draw(), "used_at": None} for _ in range(CODES)])
            return Shown("generated", pending=codes, values={LOOKUP_SHOWN: "confirm"})
        assert submission.identity is not None
        if self.name not in submission.identity.credentials:
            return Refused("no_credential", (factor_messages.no_lookup(),))
        if "reveal" in pressed:
            return Shown("revealed", values={LOOKUP_SHOWN: "reveal"})
        if "disable" in pressed:
            return Accepted(removed=(self.name,), authentication=self.name)
        return Refused("missing", (messages.no_method(FlowKind.SETTINGS),))

    def _confirm(self, submission: Submission) -> Verdict:
        """The codes shown come into force, in the place of older ones."""
        if submission.pending is None:
            return Refused("missing", (messages.generic("there are no new codes; ask for some first"),))
        return Accepted(credentials={self.name: submission.pending}, authentication=self.name, aal="aal2", proven=True)

    async def _login(self, submission: Submission) -> Verdict:
        identity, kept = submission.identity, {"lookup_secret": None}
        none = Refused("no_credential", (factor_messages.no_lookup(),), kept)
        if identity is None:
            return none
        secret = await submission.people.credential(identity, self.name)
        if secret is None or self.name not in identity.credentials:
            return none
        typed = submission.values.get("lookup_secret")
        code = "".join(typed.split()).lower() if isinstance(typed, str) else ""
        if not code:
            return Refused("missing", (messages.required("lookup_secret", "lookup_secret"),), kept)
        codes: list[dict[str, Any]] = json.loads(secret)
        found = [one for one in codes if hmac.compare_digest(one["code"].encode(), code.encode())]
        if not found:
            if submission.flow.wrong_codes >= MAX_WRONG:
                return Exhausted((messages.generic("too many wrong codes; start over"),))
            return Refused("wrong_code", (factor_messages.lookup_wrong(),), kept)
        if found[0]["used_at"] is not None:
            return Refused("replayed_code", (factor_messages.lookup_used(),), kept)
        found[0]["used_at"] = submission.now.isoformat()
        return Accepted(identity=identity, spent={self.name: json.dumps(codes)}, authentication=self.name, aal="aal2")

    def _draw(self) -> str:
        """A code of 41 bits; the modulus leaves a bias of less than 2^-80."""
        number = int.from_bytes(self.secrets.bytes(16))
        drawn = []
        for _ in range(LENGTH):
            number, digit = divmod(number, len(_ALPHABET))
            drawn.append(_ALPHABET[digit])
        return "".join(drawn)

    # -- what the form shows

    async def prepare(self, glance: Glance) -> str | None:
        """Nothing: codes are made when they are asked for."""
        del glance
        return None

    async def show(self, glance: Glance) -> Mapping[str, Any]:
        """The new codes, until they are confirmed; the present ones where they were asked for."""
        match glance.kept.get(LOOKUP_SHOWN):
            case "confirm":
                return {"codes": json.loads(glance.pending)} if glance.pending else {}
            case "reveal" if glance.identity is not None:
                secret = await glance.people.credential(glance.identity, self.name)
                return {"codes": json.loads(secret)} if secret else {}
            case _:
                return {}


_BUTTONS = ("confirm", "regenerate", "reveal", "disable")


def _pressed(values: Mapping[str, Any]) -> set[str]:
    """Which of them."""
    return {name for name in _BUTTONS if truthy(values.get(f"lookup_secret_{name}"))}
