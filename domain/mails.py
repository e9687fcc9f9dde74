"""The messages limen sends to people, in plain text. `template` names are Kratos' courier templates."""

from datetime import datetime
from uuid import UUID

from limen.domain.ports import Mail

_TEXTS = {
    "recovery_code_valid": (
        "Your recovery code",
        "Somebody, hopefully you, wants back into the account of this address.\n\nEnter this code to go on:\n\n"
        "    {code}\n\nIf it was not you, ignore this message: nothing changes without the code.\n",
    ),
    "recovery_code_invalid": (
        "No account here",
        "Somebody asked to recover an account with this address, but there is none.\n\n"
        "If it was you, try the address you registered with. Otherwise ignore this message.\n",
    ),
    "verification_code_valid": (
        "Your verification code",
        "Enter this code to show that this address is yours:\n\n    {code}\n\n"
        "Where the form is gone, this leads to it again:\n\n{link}\n\n"
        "If you did not ask for it, ignore this message.\n",
    ),
    "verification_code_invalid": (
        "No account here",
        "Somebody asked to verify this address, but no account uses it.\n\nIf it was not you, ignore this message.\n",
    ),
    "recovery_valid": (
        "Back into your account",
        "Somebody, hopefully you, wants back into the account of this address.\n\nFollow this link to go on:\n\n"
        "{link}\n\nIt counts once. If it was not you, ignore this message: nothing changes without the link.\n",
    ),
    "recovery_invalid": (
        "No account here",
        "Somebody asked to recover an account with this address, but there is none.\n\n"
        "If it was you, try the address you registered with. Otherwise ignore this message.\n",
    ),
    "verification_valid": (
        "Verify your address",
        "Follow this link to show that this address is yours:\n\n{link}\n\n"
        "It counts once. If you did not ask for it, ignore this message.\n",
    ),
    "verification_invalid": (
        "No account here",
        "Somebody asked to verify this address, but no account uses it.\n\nIf it was not you, ignore this message.\n",
    ),
    "login_code_valid": (
        "Your sign-in code",
        "Enter this code to sign in:\n\n    {code}\n\nIf you are not signing in, ignore this message.\n",
    ),
    "registration_code_valid": (
        "Your registration code",
        "Enter this code to finish your registration:\n\n    {code}\n\n"
        "If you are not registering, ignore this message.\n",
    ),
    "verifiable_address_changed": (
        "An address of your account was changed",
        "The addresses of an account that this address belongs or belonged to were changed.\n\n"
        "    Account: {account}\n    When: {at}\n\n"
        "If it was you, there is nothing to do. If it was not, get in touch with whoever runs this service at once.\n",
    ),
}


def mail(template: str, to: str, code: str | None = None, *, link: str | None = None, withheld: bool = False) -> Mail:
    """The message of a template, for one address; `code` and `link` are written into the text where it has them."""
    subject, text = _TEXTS[template]
    body = text.format(code=code, link=link)
    return Mail(to, subject, body, template, code=code, link=link, withheld=withheld)


def address_changed(to: str, account: UUID, at: datetime) -> Mail:
    """The message to an address from before a change. It says neither the old addresses nor the new ones."""
    template = "verifiable_address_changed"
    subject, body = _TEXTS[template]
    when = at.strftime("%Y-%m-%d %H:%M UTC")
    return Mail(to=to, subject=subject, body=body.format(account=account, at=when), template=template)
