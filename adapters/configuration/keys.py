"""Keys: every key that Kratos accepts, with the shape of its value, and which of them limen does not act on yet.

Source: what Kratos 26.2.0 accepts. Objects it leaves open are closed here, so that a slip of the pen is found.
"""

from limen.adapters.configuration.key_parts import (
    AAL,
    COUNT,
    HEADERS,
    PORT,
    REQUEST,
    REQUEST_LOG,
    SAME_SITE,
    SECRET_HEADERS,
    SOCKET,
    TEXTS,
    TLS,
)
from limen.adapters.configuration.key_selfservice import FLOWS, METHODS
from limen.adapters.configuration.shape import (
    ANYTHING,
    BOOL,
    DURATION,
    INT,
    NUMBER,
    REFERENCE,
    SECRET,
    SECRET_URI,
    SIZE,
    TEXT,
    URI,
    Later,
    Leaf,
    Many,
    Named,
    Shape,
    one_of,
    unless,
)

SERVE: Shape = {
    "public": {
        "base_url": Leaf("web_url"),
        "host": Later(TEXT),
        "port": Later(PORT),
        "socket": Later(SOCKET),
        "tls": Later(TLS),
        "request_log": Later(REQUEST_LOG),
        "cors": Later(
            {
                "enabled": BOOL,
                "allowed_origins": Many(Leaf("text", 1), unique=True),
                "allowed_methods": Many(
                    one_of("POST", "GET", "PUT", "PATCH", "DELETE", "CONNECT", "HEAD", "OPTIONS", "TRACE")
                ),
                "allowed_headers": TEXTS,
                "exposed_headers": TEXTS,
                "allow_credentials": BOOL,
                "options_passthrough": BOOL,
                "max_age": Leaf("int", 0),
                "debug": BOOL,
            }
        ),
    },
    "admin": Later(
        {"base_url": URI, "host": TEXT, "port": PORT, "socket": SOCKET, "tls": TLS, "request_log": REQUEST_LOG}
    ),
}

_MAIL: Shape = {"subject": URI, "body": {"plaintext": URI, "html": URI}}
_SMS: Shape = {"body": {"plaintext": URI}}
_VALID: Shape = {"email!": _MAIL, "sms": _SMS}
_BOTH: Shape = {"invalid": {"email!": _MAIL}, "valid": _VALID}

COURIER: Shape = {
    "smtp": {
        "connection_uri": Leaf("uri", pattern="^smtps?://", secret=True),
        "from_address": Leaf("email"),
        "from_name": TEXT,
        "headers": HEADERS,
        "local_name": TEXT,
        "client_cert_path": Later(TEXT, unless("")),
        "client_key_path": Later(TEXT, unless("")),
    },
    "delivery_strategy": Later(one_of("smtp", "http"), unless("smtp")),
    "http": Later({"request_config": REQUEST}),
    "channels": Later(Many({"id!": one_of("sms"), "type": one_of("http"), "request_config!": REQUEST})),
    "templates": Later(
        {
            "recovery": _BOTH,
            "recovery_code": _BOTH,
            "verification": _BOTH,
            "verification_code": _BOTH,
            "registration_code": {"valid": _VALID},
            "login_code": {"valid": _VALID},
            "verifiable_address_changed": {"email": _MAIL, "sms": _SMS},
        }
    ),
    "template_override_path": Later(TEXT),
    "message_retries": Later(INT),
    "worker": Later({"pull_count": INT, "pull_wait": DURATION}),
}

_FLAGS: Shape = {
    "cacheable_sessions": BOOL,
    "cacheable_sessions_max_age": DURATION,
    "use_continue_with_transitions": BOOL,
    "choose_recovery_address": BOOL,
    "legacy_continue_with_verification_ui": BOOL,
    "legacy_require_verified_login_error": BOOL,
    "faster_session_extend": BOOL,
    "password_profile_registration_node_group": one_of("password", "default"),
    "legacy_oidc_registration_node_group": BOOL,
    "legacy_allow_insecure_origins": BOOL,
    "refresh_login_choose_address": BOOL,
}
_TRACING: Shape = {
    "provider": one_of("jaeger", "otel", "zipkin"),
    "service_name": TEXT,
    "deployment_environment": TEXT,
    "providers": {
        "jaeger": {"local_agent_address": TEXT, "sampling": {"server_url": URI, "trace_id_ratio": NUMBER}},
        "zipkin": {"server_url": URI, "sampling": {"sampling_ratio": NUMBER}},
        "otlp": {
            "server_url": TEXT,
            "insecure": BOOL,
            "sampling": {"sampling_ratio": NUMBER},
            "authorization_header": SECRET,
        },
    },
}
_TOKENIZER: Shape = {
    "templates": Named(
        {
            "jwks_url!": SECRET_URI,
            "ttl": DURATION,
            "claims_mapper_url": URI,
            "subject_source": one_of("id", "external_id"),
        }
    )
}
_COOKIE: dict[str, Shape] = {"domain": TEXT, "path": TEXT, "secure": TEXT, "same_site": SAME_SITE}
_LONG_SECRETS = Many(Leaf("text", 16, secret=True), unique=True)

KRATOS: Shape = {
    "version": Later(TEXT),
    "dsn": Later(SECRET),
    "serve": SERVE,
    "identity!": {
        "default_schema_id": TEXT,
        "schemas!": Many({"id!": TEXT, "url!": URI, "selfservice_selectable": BOOL}, least=1),
    },
    "selfservice": {
        "default_browser_return_url": REFERENCE,
        "allowed_return_urls": Many(REFERENCE),
        "flows": FLOWS,
        "methods": METHODS,
    },
    "secrets": {
        "default": _LONG_SECRETS,
        "cookie": _LONG_SECRETS,
        "cipher": Many(Leaf("text", 32, 32, secret=True), least=1),
        "pagination": Later(Many(Leaf("text", 16, secret=True), least=1)),
    },
    "hashers": {
        "algorithm": one_of("argon2", "bcrypt"),
        "argon2": {
            "memory": SIZE,
            "iterations": COUNT,
            "parallelism": COUNT,
            "salt_length": Leaf("int", 16),
            "key_length": Leaf("int", 16),
            "expected_duration": Later(DURATION),
            "expected_deviation": Later(DURATION),
            "dedicated_memory": Later(SIZE),
        },
        "bcrypt": {"cost!": Leaf("int", 4, 31)},
    },
    "courier": COURIER,
    "session": {
        "lifespan": DURATION,
        "whoami": {"required_aal": AAL, "tokenizer": Later(_TOKENIZER)},
        "cookie": {**{key: Later(shape) for key, shape in _COOKIE.items()}, "name": TEXT, "persistent": Later(BOOL)},
        "earliest_possible_extend": Later(DURATION),
    },
    "clients": {
        "http": {"disallow_private_ip_ranges": BOOL, "private_ip_exception_urls": Many(REFERENCE)},
        "web_hook": {"header_allowlist": TEXTS},
        "smtp": Later({"disallow_private_ip_ranges": BOOL}, unless({"disallow_private_ip_ranges": False})),
    },
    "ciphers": Later({"algorithm": one_of("noop", "aes", "xchacha20-poly1305")}),
    "cookies": Later(_COOKIE),
    "oauth2_provider": Later({"url": Leaf("uri", secret=True), "headers": SECRET_HEADERS, "override_return_to": BOOL}),
    "security": {"account_enumeration": {"mitigate": BOOL}, "disallow_ref_in_identity_schemas": Later(BOOL)},
    "log": Later(
        {
            "level": one_of("trace", "debug", "info", "warning", "error", "fatal", "panic"),
            "format": one_of("json", "text"),
            "leak_sensitive_values": BOOL,
            "redaction_text": TEXT,
        }
    ),
    "tracing": Later(_TRACING),
    "database": Later(
        {"cleanup": {"batch_size": COUNT, "sleep": {"tables": DURATION}, "older_than": DURATION}},
    ),
    "preview": Later({"default_read_consistency_level": one_of("strong", "eventual")}),
    "feature_flags": Later(_FLAGS),
    "organizations": Later(Many(ANYTHING)),
    "enterprise": Later({"identity_schema_fallback_url_template": TEXT}),
    "revision": Later(TEXT),
    "config": Later(TEXTS),
    "dev": Later(BOOL),
    "help": Later(BOOL),
    "sqa-opt-out": Later(BOOL),
    "watch-courier": Later(BOOL),
    "expose-metrics-port": Later(Leaf("int", 0, 65535)),
}
"""The whole file."""
