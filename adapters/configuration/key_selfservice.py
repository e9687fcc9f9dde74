"""Keys under `selfservice`: the flows with their lists of actions, and the methods."""

from typing import Any

from limen.adapters.configuration.key_parts import AAL, REQUEST, TEXTS
from limen.adapters.configuration.shape import (
    ANYTHING,
    BOOL,
    DURATION,
    HOOKS,
    REFERENCE,
    SECRET,
    TEXT,
    URI,
    Later,
    Leaf,
    Many,
    Named,
    Shape,
    one_of,
    unless,
    unless_enabled,
)
from limen.domain.configuration import FlowKind
from limen.domain.placement import LIST_METHODS


def _flow(flow: FlowKind, **own: Shape) -> Shape:
    """One flow: its lists of actions (a method has one only where the rules say so), and what it has of its own."""
    after: dict[str, Any] = {"default_browser_return_url": REFERENCE, "hooks": HOOKS}
    after |= {method: {"default_browser_return_url": REFERENCE, "hooks": HOOKS} for method in LIST_METHODS[flow]}
    return {"ui_url": REFERENCE, "lifespan": DURATION, "before": {"hooks": HOOKS}, "after": after, **own}


_WEB_URL = Leaf("web_url")
_BY_MAIL: dict[str, Shape] = {
    "enabled": BOOL,
    "use": one_of("link", "code"),
    "notify_unknown_recipients": BOOL,
}
FLOWS: Shape = {
    "login": _flow(FlowKind.LOGIN, style=one_of("unified", "identifier_first")),
    "registration": _flow(
        FlowKind.REGISTRATION,
        enabled=BOOL,
        login_hints=Later(BOOL, unless(False)),
        enable_legacy_one_step=BOOL,
        style=one_of("unified", "profile_first"),
    ),
    "settings": _flow(FlowKind.SETTINGS, privileged_session_max_age=DURATION, required_aal=AAL),
    "recovery": _flow(FlowKind.RECOVERY, **_BY_MAIL),
    "verification": _flow(FlowKind.VERIFICATION, **_BY_MAIL),
    "logout": Later({"clear_browser_data": BOOL, "after": {"default_browser_return_url": REFERENCE}}),
    "error": Later({"ui_url": REFERENCE}),
}

_CLAIM: Shape = ANYTHING
_PROVIDER: Shape = {
    "id!": TEXT,
    "provider!": one_of(
        *("github", "github-app", "gitlab", "generic", "google", "microsoft", "discord", "salesforce", "slack"),
        *("facebook", "auth0", "vk", "yandex", "apple", "spotify", "netid", "dingtalk", "patreon", "line", "linkedin"),
        *("linkedin_v2", "lark", "x", "fedcm-test", "amazon", "uaepass"),
    ),
    "client_id!": TEXT,
    "client_secret": SECRET,
    "mapper_url!": URI,
    "label": TEXT,
    "issuer_url": URI,
    "auth_url": URI,
    "token_url": URI,
    "scope": TEXTS,
    "microsoft_tenant": TEXT,
    "subject_source": one_of("userinfo", "me", "oid"),
    "apple_team_id": TEXT,
    "apple_private_key_id": TEXT,
    "apple_private_key": SECRET,
    "requested_claims": {"userinfo": Named(_CLAIM), "id_token": Named(_CLAIM)},
    "organization_id": TEXT,
    "additional_id_token_audiences": TEXTS,
    "aal2_acr_values": TEXTS,
    "aal2_amr_values": TEXTS,
    "claims_source": one_of("id_token", "userinfo"),
    "pkce": one_of("auto", "never", "force"),
    "fedcm_config_url": URI,
    "net_id_token_origin_header": TEXT,
    "account_linking_mode": one_of("confirm_with_existing_credential", "automatic"),
    "update_identity_on_login": one_of("never", "automatic"),
}
_HOST = r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*\Z"
"""A host, with a port and a path where need be: what stands between `https://` and `/range/`."""
_PREFERENCE = one_of("required", "preferred", "discouraged")

METHODS: Shape = {
    "password": {
        "enabled": BOOL,
        "config": {
            "haveibeenpwned_enabled": BOOL,
            "haveibeenpwned_host": Leaf("text", pattern=_HOST),
            "max_breaches": Leaf("int", 0, 100),
            "ignore_network_errors": BOOL,
            "min_password_length": Leaf("int", 6),
            "identifier_similarity_check_enabled": BOOL,
            "migrate_hook": Later(
                {"enabled": BOOL, "config": {**REQUEST, "emit_analytics_event": BOOL}}, unless_enabled
            ),
        },
    },
    "code": {
        "enabled": BOOL,
        "passwordless_enabled": BOOL,
        "mfa_enabled": BOOL,
        "config": {
            "lifespan": DURATION,
            "max_submissions": Leaf("int", 1, 255),
            "missing_credential_fallback_enabled": BOOL,
        },
    },
    "profile": {"enabled": BOOL},
    "link": {"enabled": BOOL, "config": {"base_url": _WEB_URL, "lifespan": DURATION}},
    "totp": {"enabled": BOOL, "config": {"issuer": TEXT}},
    "lookup_secret": {"enabled": BOOL},
    "webauthn": {
        "enabled": BOOL,
        "config": {
            "passwordless": BOOL,
            "rp": {"id!": TEXT, "display_name!": TEXT, "origin": URI, "origins": Many(URI), "icon": Later(URI)},
        },
    },
    "passkey": {
        "enabled": BOOL,
        "config": {
            "rp": {"id!": TEXT, "display_name!": TEXT, "origins": TEXTS},
            "authenticator_selection": {
                "attachment": one_of("platform", "cross-platform"),
                "resident_key": _PREFERENCE,
                "user_verification": _PREFERENCE,
            },
            "attestation": {"preference": one_of("none", "indirect", "direct", "enterprise")},
            "timeouts": {"registration": DURATION, "login": DURATION},
        },
    },
    "oidc": {"enabled": BOOL, "config": {"base_redirect_uri": URI, "providers": Many(_PROVIDER)}},
    "b2b": Later(
        {"config": {"organizations": Many({"id": TEXT, "label": TEXT, "domains": TEXTS, "session_lifespan": DURATION})}}
    ),
}
