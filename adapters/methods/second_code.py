"""`code` as a second factor (`mfa_enabled`): six digits sent to one of the account's own addresses.

With one address and no other second factor the code goes out when the login starts; else the person asks for it. It
goes only to addresses of whoever is signed in (better than Kratos, which sends it to any account's). A code counts for
the flow it was sent for, once.
"""

from typing import Any

from limen.domain.assurance import second_factors
from limen.domain.code import DIGITS
from limen.domain.code_factor import VIA, code_addresses, offered_addresses
from limen.domain.identifier import normalize
from limen.domain.mails import mail
from limen.domain.method import Accepted, Challenged, Exhausted, Refused, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.ui import messages

NAME = "code"


class SecondCode:
    """One-time codes at a login that asks for a second factor."""

    def __init__(self, secrets: Secrets, lifespan: float, most_wrong: int) -> None:
        self.secrets = secrets
        self.lifespan = lifespan
        self.most_wrong = most_wrong

    async def prompt(self, submission: Submission) -> Challenged | None:
        """A code at once, where there is one address and nothing else to choose."""
        identity, profile = submission.identity, submission.profile
        if identity is None or profile is None:
            return None
        rules = submission.people.rules
        addresses = offered_addresses(rules, profile, submission.request.url)
        if len(addresses) != 1 or second_factors(rules, identity, profile) != (NAME,):
            return None
        return self._challenge(submission, addresses[0])

    async def submit(self, submission: Submission) -> Verdict:
        """A code, when one was sent and one is given; else the address that one is wanted at."""
        values = submission.values
        code = values.get("code")
        again = values.get("resend") or (values.get("address") and not code)
        if submission.flow.state == "sent_email" and not again:
            return self._check(submission, code)
        return self._send(submission)

    def _send(self, submission: Submission) -> Verdict:
        addresses, values = _addresses(submission), submission.values
        sent = submission.challenge["address"] if submission.challenge else None
        wanted = values.get("address") or values.get("identifier") or sent
        if not wanted and len(addresses) == 1:
            wanted = addresses[0]
        if not isinstance(wanted, str) or not wanted:
            return Refused("missing", (messages.required("identifier", "identifier"),))
        if normalize(wanted) not in addresses:
            return Refused("unknown", (messages.no_code_user(),))
        return self._challenge(submission, normalize(wanted))

    def _challenge(self, submission: Submission, address: str) -> Challenged:
        code = self.secrets.digits(DIGITS)
        return Challenged(
            address=address,
            via=VIA,
            code=code,
            lifespan=self.lifespan,
            identity=submission.identity,
            mail=mail("login_code_valid", address, code),
            resent=submission.flow.state == "sent_email",
            values={"identifier": address},
        )

    def _check(self, submission: Submission, code: Any) -> Verdict:
        flow, sent, identity = submission.flow, submission.code, submission.identity
        if not isinstance(code, str) or not code.strip():
            return Refused("missing", (messages.required("code", "code"),))
        right = (
            sent is not None
            and sent.is_right(submission.people.keyring, flow.id, code, submission.now)
            and identity is not None
            and sent.identity_id == identity.id
            and sent.address in _addresses(submission)  # one that was given up meanwhile counts no more
        )
        if right and sent is not None:
            shown = ((sent.via, sent.address),)
            return Accepted(identity=identity, authentication=NAME, aal="aal2", verified=shown, used=True)
        if flow.wrong_codes >= self.most_wrong:
            return Exhausted((messages.generic("too many wrong codes; start over"),))
        return Refused("wrong_code", (messages.code_invalid(flow.kind),))


def _addresses(submission: Submission) -> tuple[str, ...]:
    return code_addresses(submission.people.rules, submission.profile) if submission.profile else ()
