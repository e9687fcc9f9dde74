"""A whole Kratos file is read: nothing it says is lost, what limen does not act on is named."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey

from limen.adapters.configuration import examine, read
from limen.domain.action import Auth, WebHook
from limen.domain.configuration import FlowKind, HasherSettings, Slot
from limen.domain.precedence import resolve

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}


def base64_uri(text: str) -> str:
    return "base64://" + base64.b64encode(text.encode()).decode()


TEMPLATE = "function(ctx) { id: ctx.identity.id }"
HOOK = f"{{hook: web_hook, config: {{url: 'https://crm.example/hook', method: POST, body: '{base64_uri(TEMPLATE)}'}}}}"
APPLE_KEY = base64.b64encode(ECKey.generate_key("P-256").as_pem(private=True)).decode()

COMPLETE = f"""
version: v26.2.0
dsn: postgres://limen:hidden@db/limen
dev: false
sqa-opt-out: true
watch-courier: true
expose-metrics-port: 9100
help: false
revision: abc
config: [kratos.yml]
serve:
  public:
    base_url: https://id.example/
    host: 0.0.0.0
    port: 4433
    socket: {{owner: limen, group: limen, mode: 0755}}
    tls: {{key: {{path: key.pem}}, cert: {{base64: Zm9v}}}}
    request_log: {{disable_for_health: true}}
    cors: {{enabled: true, allowed_origins: ["https://*.example"], allowed_methods: [GET, POST], max_age: 60}}
  admin: {{base_url: "https://admin.example/", host: 127.0.0.1, port: 4434}}
identity:
  default_schema_id: person
  schemas:
    - {{id: person, url: "{base64_uri(json.dumps(SCHEMA))}"}}
    - {{id: robot, url: "{base64_uri(json.dumps(SCHEMA))}", selfservice_selectable: true}}
secrets:
  default: [a-default-secret-of-length]
  cookie: [a-cookie-secret-of-length, an-older-cookie-secret]
  cipher: [0123456789abcdef0123456789abcdef]
  pagination: [a-pagination-secret-of-length]
ciphers: {{algorithm: xchacha20-poly1305}}
hashers:
  algorithm: bcrypt
  bcrypt: {{cost: 10}}
  argon2: {{memory: 8MB, iterations: 2, parallelism: 1, salt_length: 24, key_length: 48, expected_duration: 250ms}}
cookies: {{domain: id.example, path: /, same_site: Lax}}
session:
  lifespan: 1h30m10s
  earliest_possible_extend: 10m
  cookie: {{name: sid, persistent: false, same_site: Strict}}
  whoami:
    required_aal: aal1
    tokenizer: {{templates: {{jwt: {{jwks_url: "file:///jwks.json", ttl: 1m, subject_source: external_id}}}}}}
courier:
  smtp:
    connection_uri: smtps://user:hidden@mail.example:465/
    from_address: id@example.org
    from_name: Example
    headers: {{X-Sender: id}}
    local_name: id.example
  message_retries: 3
  worker: {{pull_count: 5, pull_wait: 2s}}
  delivery_strategy: smtp
  template_override_path: /templates
  templates: {{recovery_code: {{valid: {{email: {{subject: "file://subject.gotmpl", body: {{html: "file://b"}}}}}}}}}}
  channels:
    - {{id: sms, type: http, request_config: {{url: "https://sms.example/", method: POST, headers: {{X-Key: hidden}}}}}}
clients:
  http: {{disallow_private_ip_ranges: true, private_ip_exception_urls: ["http://10.0.0.1/hook"]}}
  web_hook: {{header_allowlist: [accept, x-request-id]}}
  smtp: {{disallow_private_ip_ranges: true}}
oauth2_provider: {{url: "https://hydra.example/", headers: {{Authorization: hidden}}, override_return_to: true}}
security: {{account_enumeration: {{mitigate: true}}}}
log: {{level: debug, format: json, leak_sensitive_values: false}}
tracing:
  provider: otel
  providers: {{otlp: {{server_url: "localhost:4318", insecure: true, sampling: {{sampling_ratio: 0.5}}}}}}
database: {{cleanup: {{batch_size: 10, sleep: {{tables: 1m}}, older_than: 720h}}}}
preview: {{default_read_consistency_level: eventual}}
feature_flags: {{cacheable_sessions: true, use_continue_with_transitions: true}}
organizations: []
enterprise: {{identity_schema_fallback_url_template: "https://x/"}}
selfservice:
  default_browser_return_url: https://app.example/
  allowed_return_urls: ["https://app.example/", /relative]
  methods:
    password:
      enabled: true
      config:
        haveibeenpwned_enabled: true
        haveibeenpwned_host: pwned.example:8443
        max_breaches: 3
        ignore_network_errors: false
        min_password_length: 10
        identifier_similarity_check_enabled: false
        migrate_hook: {{enabled: true, config: {{url: "https://old.example/", method: POST}}}}
    code: {{enabled: true, passwordless_enabled: true, config: {{lifespan: 15m, max_submissions: 3}}}}
    profile: {{enabled: true}}
    link: {{enabled: true, config: {{lifespan: 1h}}}}
    totp: {{enabled: true, config: {{issuer: Example}}}}
    lookup_secret: {{enabled: false}}
    webauthn: {{enabled: true, config: {{rp: {{id: e, display_name: E, origins: ["https://e.example"]}}}}}}
    passkey: {{enabled: true, config: {{rp: {{id: e, display_name: E}}}}}}
    oidc:
      enabled: true
      config:
        providers:
          - {{id: g, provider: google, client_id: c, client_secret: hidden, mapper_url: "base64://e30="}}
          - {{id: ms, provider: microsoft, client_id: c, client_secret: hidden, microsoft_tenant: t, mapper_url: "base64://e30="}}
          - {{id: a, provider: apple, client_id: c, apple_team_id: t, apple_private_key_id: k,
             apple_private_key: {APPLE_KEY}, mapper_url: "base64://e30="}}
    b2b: {{config: {{organizations: [{{id: 6d8c7d55-5f5e-4cde-9a3c-5fd7d5a2f5a1, domains: [e.example]}}]}}}}
  flows:
    error: {{ui_url: "https://app.example/error"}}
    logout: {{after: {{default_browser_return_url: "https://app.example/bye"}}}}
    login:
      ui_url: https://app.example/login
      lifespan: 10m
      style: identifier_first
      before: {{hooks: [{HOOK}]}}
      after:
        default_browser_return_url: https://app.example/in
        hooks: [{HOOK}, {{hook: revoke_active_sessions}}]
        password: {{hooks: [{{hook: require_verified_address}}, {HOOK}], default_browser_return_url: /pw}}
        oidc: {{hooks: []}}
    registration:
      enabled: true
      style: unified
      login_hints: true
      before: {{hooks: [{HOOK}]}}
      after:
        hooks: [{HOOK}]
        password: {{hooks: [{{hook: session}}, {HOOK}, {{hook: show_verification_ui}}]}}
        code: {{hooks: [{{hook: verification}}]}}
    settings:
      privileged_session_max_age: 5m
      required_aal: aal1
      after:
        profile:
          hooks:
            - {{hook: verify_new_address}}
            - {{hook: notify_previous_addresses, config: {{recipients: all}}}}
        totp: {{hooks: [{{hook: revoke_active_sessions}}]}}
    recovery:
      enabled: true
      use: link
      notify_unknown_recipients: true
      after: {{hooks: [{{hook: revoke_active_sessions}}]}}
    verification: {{enabled: true, use: code, lifespan: 2h, after: {{hooks: [{HOOK}]}}}}
"""

IGNORED = [
    "/version",
    "/dsn",
    "/dev",
    "/sqa-opt-out",
    "/watch-courier",
    "/expose-metrics-port",
    "/help",
    "/revision",
    "/config",
    "/serve/public/host",
    "/serve/public/port",
    "/serve/public/socket",
    "/serve/public/tls",
    "/serve/public/request_log",
    "/serve/public/cors",
    "/serve/admin",
    "/secrets/pagination",
    "/ciphers",
    "/hashers/argon2/expected_duration",
    "/cookies",
    "/session/earliest_possible_extend",
    "/session/cookie/persistent",
    "/session/cookie/same_site",
    "/session/whoami/tokenizer",
    "/courier/message_retries",
    "/courier/worker",
    "/courier/template_override_path",
    "/courier/templates",
    "/courier/channels",
    "/clients/smtp",
    "/oauth2_provider",
    "/log",
    "/tracing",
    "/database",
    "/preview",
    "/feature_flags",
    "/organizations",
    "/enterprise",
    "/selfservice/methods/password/config/migrate_hook",
    "/selfservice/methods/b2b",
    "/selfservice/flows/error",
    "/selfservice/flows/logout",
    "/selfservice/flows/registration/login_hints",
]


def complete() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPLETE)
    return document


def minimal(**selfservice: Any) -> dict[str, Any]:
    schemas = [{"id": "default", "url": base64_uri(json.dumps(SCHEMA))}]
    return {"identity": {"schemas": schemas}, "selfservice": selfservice}


def test_a_file_with_every_section_has_no_fault_and_names_what_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "identity.yml"
    path.write_text(COMPLETE)
    reading = examine(path, env={})
    assert reading.faults == ()
    assert list(reading.ignored) == IGNORED


def test_what_limen_acts_on_arrives() -> None:
    configuration = read(complete(), env={})
    assert configuration.base_url == "https://id.example/"
    assert configuration.default_return_url == "https://app.example/"
    assert configuration.allowed_return_urls == ("https://app.example/", "/relative")
    assert configuration.session_lifespan == timedelta(hours=1, minutes=30, seconds=10)
    assert configuration.whoami_required_aal == "aal1"
    assert configuration.default_schema == "person"
    assert set(configuration.schemas) == {"person", "robot"}
    assert configuration.selectable_schemas == {"robot"}
    assert configuration.secrets.cookie == ("a-cookie-secret-of-length", "an-older-cookie-secret")
    assert configuration.secrets.master == ("0123456789abcdef0123456789abcdef",)
    assert configuration.guard.disallow_private_ip_ranges
    assert configuration.guard.private_ip_exception_urls == ("http://10.0.0.1/hook",)
    assert configuration.guard.header_allowlist == ("Accept", "X-Request-Id")
    assert configuration.hasher == HasherSettings("bcrypt", 8192, 2, 1, 24, 48, 10)
    assert configuration.courier.connection_uri == "smtps://user:hidden@mail.example:465/"
    assert configuration.courier.from_name == "Example"
    assert configuration.courier.headers == {"X-Sender": "id"}


def test_the_flows_arrive() -> None:
    configuration = read(complete(), env={})
    login = configuration.flow(FlowKind.LOGIN)
    assert (login.lifespan, login.ui_url) == (timedelta(minutes=10), "https://app.example/login")
    assert (login.return_url, login.return_urls) == ("https://app.example/in", {"password": "/pw"})
    settings = configuration.flow(FlowKind.SETTINGS)
    assert (settings.privileged_session_max_age, settings.required_aal) == (timedelta(minutes=5), "aal1")
    assert (login.style, configuration.hides_accounts) == ("identifier_first", True)
    recovery = configuration.flow(FlowKind.RECOVERY)
    assert (recovery.enabled, recovery.use, recovery.notify_unknown_recipients) == (True, "link", True)
    assert configuration.flow(FlowKind.VERIFICATION).lifespan == timedelta(hours=2)


def test_the_methods_arrive_with_their_config() -> None:
    configuration = read(complete(), env={})
    assert configuration.method("code").passwordless_enabled
    assert configuration.method("code").config == {"lifespan": timedelta(minutes=15), "max_submissions": 3}
    assert configuration.method("password").config["min_password_length"] == 10
    assert not configuration.method("lookup_secret").enabled


@pytest.mark.parametrize(
    ("login", "mitigate", "hides"),
    [("unified", None, False), ("identifier_first", None, True), ("identifier_first", False, False)],
)
def test_a_login_that_asks_for_the_identifier_first_hides_accounts_unless_told_not_to(
    login: str, mitigate: bool | None, hides: bool
) -> None:
    said = {} if mitigate is None else {"security": {"account_enumeration": {"mitigate": mitigate}}}
    assert read(minimal(flows={"login": {"style": login}}) | said, env={}).hides_accounts is hides


def test_a_registration_is_in_two_steps_unless_told_not_to() -> None:
    """As in Kratos, where the older key counts before the newer one."""
    two_steps = {
        (): "profile_first",
        (("style", "unified"),): "unified",
        (("enable_legacy_one_step", False), ("style", "profile_first")): "profile_first",
        (("enable_legacy_one_step", True), ("style", "profile_first")): "unified",
    }
    for said, style in two_steps.items():
        configuration = read(minimal(flows={"registration": dict(said)}), env={})
        assert configuration.flow(FlowKind.REGISTRATION).style == style


def test_each_list_is_resolved() -> None:
    configuration = read(complete(), env={})
    password = resolve(configuration, Slot(FlowKind.LOGIN, "after", "password"))
    assert [action.hook for action in password.actions] == ["require_verified_address", "web_hook"]
    oidc = resolve(configuration, Slot(FlowKind.LOGIN, "after", "oidc"))
    assert [action.hook for action in oidc.actions] == ["web_hook", "revoke_active_sessions"]
    assert oidc.rule == "default"
    registration = resolve(configuration, Slot(FlowKind.REGISTRATION, "after", "password"))
    assert [action.hook for action in registration.actions] == ["web_hook", "show_verification_ui", "session"]


def test_an_action_knows_its_place_and_its_template() -> None:
    first = read(complete(), env={}).flow(FlowKind.LOGIN).after_methods["password"][1]
    assert first.source == "/selfservice/flows/login/after/password/hooks/1"
    assert (first.id, first.position) == ("login.after.password.1", 1)
    assert first.web_hook is not None
    assert first.web_hook.template == TEMPLATE


def test_a_web_hook_arrives_whole() -> None:
    config = {
        "id": "welcome",
        "url": "https://crm.example/hook?key=1",
        "method": "put",
        "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        "auth": {"type": "api_key", "config": {"name": "X-Key", "value": "hidden", "in": "cookie"}},
        "response": {"parse": True},
    }
    hooks = [{"hook": "web_hook", "config": config}]
    (action,) = (
        read(minimal(flows={"verification": {"before": {"hooks": hooks}}}), env={}).flow(FlowKind.VERIFICATION).before
    )
    assert action.id == "welcome"
    assert action.web_hook == WebHook(
        url="https://crm.example/hook?key=1",
        method="PUT",
        template=None,
        template_name="/selfservice/flows/verification/before/hooks/0/config/body",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        auth=Auth("api_key", "X-Key", "hidden", "cookie"),
        parse=True,
    )


def test_defaults_are_those_of_kratos() -> None:
    configuration = read(minimal(), env={})
    enabled = {kind: settings.enabled for kind, settings in configuration.flows.items()}
    assert enabled == {"login": True, "registration": True, "settings": True, "recovery": False, "verification": False}
    on = {name for name, method in configuration.methods.items() if method.enabled}
    assert on == {"password", "code", "profile"}
    assert configuration.session_lifespan == timedelta(hours=24)
    assert configuration.hasher.memory == 131072
    assert configuration.guard.header_allowlist is None


@pytest.mark.parametrize("host", ["https://pwned.example", "pwned.example?x", "user@pwned.example", "a b", ""])
def test_the_host_of_the_breached_password_check_is_a_host(host: str) -> None:
    methods = {"password": {"config": {"haveibeenpwned_host": host}}}
    reading = examine(minimal(methods=methods), env={})
    assert [fault.path for fault in reading.faults] == ["/selfservice/methods/password/config/haveibeenpwned_host"]


def test_a_passwordless_code_is_on_whatever_enabled_says() -> None:
    methods = {"code": {"enabled": False, "passwordless_enabled": True}}
    assert read(minimal(methods=methods), env={}).method("code").enabled


def test_the_example_to_embed_is_accepted_and_calls_nobody() -> None:
    configuration = read(EXAMPLES / "embedded.yml", env={})
    assert configuration.ignored == ("/dsn",)
    assert configuration.method("password").enabled
    assert configuration.method("code").passwordless_enabled
    lists = [(flow.before, flow.after, *flow.after_methods.values()) for flow in configuration.flows.values()]
    assert {action.hook for flow in lists for actions in flow for action in actions} == {"session"}
