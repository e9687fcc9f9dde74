"""`oidc`: OpenID providers. Who serves the callback over HTTP finds the flow by `flow_of_state`."""

from limen.adapters.methods.oidc.client import ProviderClient
from limen.adapters.methods.oidc.discovery import Discovery
from limen.adapters.methods.oidc.exchange import Exchange
from limen.adapters.methods.oidc.method import OidcMethod, OidcSettings
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.trip import flow_of_state
from limen.domain.configuration import Configuration
from limen.domain.tools import Tools

__all__ = ["OidcMethod", "ProviderClient", "flow_of_state", "oidc_method"]


def oidc_method(configuration: Configuration, tools: Tools, client: ProviderClient) -> OidcMethod:
    """The method as a configuration sets it up."""
    config, discovery = configuration.method("oidc").config, Discovery(client)
    listed = [Provider.of(one) for one in config.get("providers", ())]
    settings = OidcSettings(
        providers={one.id: one for one in listed},
        base=config.get("base_redirect_uri") or configuration.base_url,
        then_login=configuration.settings.login_after_oidc_registration,
    )
    return OidcMethod(settings, Exchange(client, discovery), discovery, tools.templates, tools.secrets)
