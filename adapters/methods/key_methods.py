"""Key methods: those that ask authenticators, where the configuration switches them on."""

from limen.domain.configuration import Configuration
from limen.domain.method import Method
from limen.domain.ports import Secrets


def key_methods(configuration: Configuration, secrets: Secrets) -> tuple[Method, ...]:
    """`webauthn` and `passkey`. Their library is loaded only where one of them is on: it takes a while."""
    webauthn, passkey, base = configuration.method("webauthn"), configuration.method("passkey"), configuration.base_url
    methods: list[Method] = []
    if webauthn.enabled:
        from limen.adapters.methods.webauthn import WebauthnMethod

        methods.append(WebauthnMethod(webauthn.config, secrets, base))
    if passkey.enabled:
        from limen.adapters.methods.passkey import PasskeyMethod

        methods.append(PasskeyMethod(passkey.config, secrets, base))
    return tuple(methods)
