"""Settings: limen's own file, `limen.yml`, with `LIMEN_*` over it.

::

    store: sqlite:///limen.db
    payload_retention: 30d
    contexts: asked                             # or all: a simulation can then render what new actions would send
    worker: {interval: 1s, retry: {attempts: 8, initial: 5s, maximum: 1h}}
    templates: {workers: 2}
    actions:                                    # by the hook's config.id
      welcome: {timeout: 10s, retry: {attempts: 3}, concurrency: 4, signing_secrets: [env:WELCOME_SECRET]}
    bus: nats://127.0.0.1:4222                  # see `limen.adapters.configuration.bus`
    hooks: []                                   # see `limen.adapters.configuration.hooks`
    triggers: {}                                # see `limen.adapters.configuration.triggers`
    lockout: {threshold: 10, window: 15m, duration: 15m}        # of failed logins; off unless it stands here
    ledger: {seal: true, events: 1000, interval: 1m, key: ledger.pem, origin: example.org/limen}
    oidc: {login_actions_after_registration: true}   # who registers through a provider goes through a login too

Variables: `LIMEN_STORE`, `LIMEN_BUS` (the URL alone), `LIMEN_PAYLOAD_RETENTION`, `LIMEN_CONTEXTS`,
`LIMEN_WORKER_INTERVAL`, `LIMEN_TEMPLATES_WORKERS`. Durations are Go's (`1h30m`, `500ms`), days (`30d`) too.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from limen.adapters.configuration.bus import overlaid, read_bus
from limen.adapters.configuration.check import check
from limen.adapters.configuration.findings import Findings, join, section
from limen.adapters.configuration.shape import ANYTHING, BOOL, Leaf, Many, Named, Shape, one_of
from limen.adapters.configuration.values import parse_duration
from limen.domain.action import ActionSettings, Retry
from limen.domain.configuration import BusSettings, LedgerSettings, LockoutSettings, Settings

_SPAN = Leaf("span")
_RETRY: Shape = {"attempts": Leaf("int", 1, 100), "initial": _SPAN, "maximum": _SPAN}
SETTINGS: Mapping[str, Shape] = {
    "store": Leaf("text", 1),
    "payload_retention": _SPAN,
    "contexts": one_of("asked", "all"),
    "worker": {"interval": _SPAN, "retry": _RETRY},
    "templates": {"workers": Leaf("int", 1, 64)},
    "actions": Named(
        {
            "timeout": _SPAN,
            "retry": _RETRY,
            "concurrency": Leaf("int", 1),
            "signing_secrets": Many(Leaf("text", 1)),
        }
    ),
    "bus": ANYTHING,
    "hooks": ANYTHING,
    "triggers": ANYTHING,
    "lockout": {"threshold": Leaf("int", 1, 100), "window": _SPAN, "duration": _SPAN},
    "ledger": {
        "seal": BOOL,
        "events": Leaf("int", 1),
        "interval": _SPAN,
        "key": Leaf("text", 1),
        "origin": Leaf("text", 1, 200, pattern=r"^[^\s+]+$"),
    },
    "oidc": {"login_actions_after_registration": BOOL},
}
"""`bus`, `hooks` and `triggers` are checked by who reads them."""
_VARIABLES = {
    "LIMEN_STORE": ("store",),
    "LIMEN_BUS": ("bus",),
    "LIMEN_PAYLOAD_RETENTION": ("payload_retention",),
    "LIMEN_CONTEXTS": ("contexts",),
    "LIMEN_WORKER_INTERVAL": ("worker", "interval"),
    "LIMEN_TEMPLATES_WORKERS": ("templates", "workers"),
}


def read_settings(values: Mapping[str, Any], env: Mapping[str, str], findings: Findings) -> Settings:
    """The settings of a file that is already parsed. What is wrong goes to `findings`; then defaults stand in."""
    values = _overlaid(values, env)
    before = len(findings.faults)
    check(SETTINGS, values, "", findings)
    _check_positive(values, findings)
    secrets = _signing_secrets(section(values, "actions"), env, findings)
    bus = read_bus(values.get("bus"), env, findings)
    if len(findings.faults) > before:
        return Settings()
    return _build(values, secrets, bus)


def _overlaid(values: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    result = dict(values)
    for variable, keys in _VARIABLES.items():
        value: Any = env.get(variable)
        if not value:
            continue
        if keys == ("templates", "workers") and value.isdecimal():
            value = int(value)
        if keys == ("bus",):
            value = overlaid(result.get("bus"), value)
        if len(keys) == 1:
            result[keys[0]] = value
        else:
            result[keys[0]] = {**section(result, keys[0]), keys[1]: value}
    return result


def _check_positive(values: Mapping[str, Any], findings: Findings) -> None:
    """A deadline of nothing would fail every action; a pause of nothing would never let go."""
    places: list[tuple[str | int, ...]] = [("worker", "interval"), ("payload_retention",), ("ledger", "interval")]
    places += [("lockout", "window"), ("lockout", "duration")]
    places += [("actions", name, "timeout") for name in section(values, "actions")]
    for keys in places:
        value = section(values, *keys[:-1]).get(str(keys[-1]))
        if isinstance(value, str) and parse_duration(value, days=True) == timedelta(0):
            findings.fault(join("", *keys), "must be more than nothing")


def _signing_secrets(
    actions: Mapping[str, Any], env: Mapping[str, str], findings: Findings
) -> dict[str, tuple[str, ...]]:
    """The secrets of each action, `env:NAME` replaced by that variable's value."""
    resolved: dict[str, tuple[str, ...]] = {}
    for name in actions:
        listed = section(actions, name).get("signing_secrets")
        values = []
        for position, value in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(value, str) and value.startswith("env:"):
                variable = value.removeprefix("env:")
                value = env.get(variable, "")
                if not value:
                    here = join("/actions", name, "signing_secrets", position)
                    findings.fault(here, f"limen.yml: the environment variable {variable} is not set")
            values.append(value)
        resolved[name] = tuple(values)
    return resolved


def _build(values: Mapping[str, Any], secrets: Mapping[str, tuple[str, ...]], bus: BusSettings | None) -> Settings:
    default, worker = Settings(), section(values, "worker")
    retention = values.get("payload_retention")
    return Settings(
        store=values.get("store"),
        bus=bus,
        actions={name: _action(section(values, "actions", name), secrets[name]) for name in section(values, "actions")},
        payload_retention=(parse_duration(retention, days=True) if retention else None) or default.payload_retention,
        contexts=values.get("contexts", default.contexts),
        worker_interval=_seconds(worker, "interval", default.worker_interval),
        worker_retry=_retry(section(worker, "retry"), default.worker_retry),
        template_workers=section(values, "templates").get("workers", default.template_workers),
        ledger=_ledger(section(values, "ledger")),
        lockout=_lockout(section(values, "lockout")) if "lockout" in values else None,
        login_after_oidc_registration=section(values, "oidc").get("login_actions_after_registration", False),
    )


def _lockout(values: Mapping[str, Any]) -> LockoutSettings:
    default = LockoutSettings()
    spans = {name: _seconds(values, name, getattr(default, name).total_seconds()) for name in ("window", "duration")}
    return LockoutSettings(
        threshold=values.get("threshold", default.threshold),
        **{name: timedelta(seconds=value) for name, value in spans.items()},
    )


def _ledger(values: Mapping[str, Any]) -> LedgerSettings:
    default = LedgerSettings()
    return replace(default, **{**values, "interval": _seconds(values, "interval", default.interval)})


def _action(values: Mapping[str, Any], secrets: tuple[str, ...]) -> ActionSettings:
    default = ActionSettings()
    return ActionSettings(
        timeout=_seconds(values, "timeout", default.timeout),
        retry=_retry(section(values, "retry"), default.retry),
        concurrency=values.get("concurrency"),
        signing_secrets=secrets,
        given=frozenset(values),
    )


def _retry(values: Mapping[str, Any], default: Retry) -> Retry:
    return Retry(
        attempts=values.get("attempts", default.attempts),
        initial=_seconds(values, "initial", default.initial),
        maximum=_seconds(values, "maximum", default.maximum),
    )


def _seconds(values: Mapping[str, Any], key: str, default: float) -> float:
    found = parse_duration(values[key], days=True) if key in values else None
    return default if found is None else found.total_seconds()
