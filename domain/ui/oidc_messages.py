"""What limen says of OpenID providers, under Kratos' ids and in our own words; the rest is in `messages`."""

from limen.domain.message import Message


def link_first(identifier: str, provider: str, login_url: str) -> Message:
    """1010016: the address is somebody's; whoever proves that account has the provider linked to it."""
    context = {
        "available_credential_types": [],
        "available_providers": [],
        "duplicateIdentifier": identifier,
        "duplicate_identifier": identifier,
        "newLoginUrl": login_url,
        "new_login_url": login_url,
        "provider": provider,
    }
    text = f"There is an account for {identifier} already. Sign in to it once, and {provider} is linked to it."
    return Message(1010016, text, "info", context)


def other_account() -> Message:
    """4010009: what was proven is another account than the one the provider is to be linked to."""
    return Message(4010009, "That is another account than the one to be linked. Sign in to that one.")


def link_in_settings() -> Message:
    """4000001: the account has a second factor, and one factor alone adds no way in to it."""
    return Message(4000001, "This account has a second factor. Sign in to it, and link the provider in its settings.")


def sign_in(provider: str, provider_id: str) -> Message:
    """1010002: the button of a provider in login."""
    return Message(1010002, f"Sign in with {provider}", "info", {"provider": provider, "provider_id": provider_id})


def confirm_with(provider: str) -> Message:
    """1010018: the button of a provider where an account is to be proven."""
    return Message(1010018, f"Confirm with {provider}", "info", {"provider": provider})


def sign_up(provider: str, provider_id: str) -> Message:
    """1040002: the button of a provider in registration."""
    return Message(1040002, f"Sign up with {provider}", "info", {"provider": provider, "provider_id": provider_id})


def complete() -> Message:
    """1040003: the traits that a provider left open are there; go on."""
    return Message(1040003, "Go on", "info")


def link(provider: str) -> Message:
    """1050002: the button that links a provider."""
    return Message(1050002, f"Link {provider}", "info", {"provider": provider})


def unlink(provider: str) -> Message:
    """1050003: the button that unlinks a provider."""
    return Message(1050003, f"Unlink {provider}", "info", {"provider": provider})
