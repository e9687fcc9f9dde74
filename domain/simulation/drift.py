"""Drift: what of an action's context another configuration would make differently than the recorded one.

The contexts of actions are on record as they were. Where the new configuration would have made a part of them
differently, a template is asked whether it looks there: evaluated with these parts raising an error when they are
looked at (Jsonnet evaluates lazily), it gives the same body exactly when it does not.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from limen.domain.configuration import Configuration, FlowKind
from limen.domain.self_verification import verifies_by_itself

Path = tuple[str, ...]
_IDENTITIES: tuple[Path, ...] = (
    ("identity",),
    ("previous_identity",),
    ("flow", "identity"),
    ("session", "identity"),
)


def drift(old: Configuration, new: Configuration, kind: FlowKind) -> frozenset[Path]:
    """The places in the context of this kind of flow that the two configurations fill differently."""
    found: set[Path] = set()
    before, after = old.flow(kind), new.flow(kind)
    if _form(old, kind) != _form(new, kind):
        found.add(("flow", "ui"))
    if before.use != after.use:
        found.add(("flow", "active"))
    if before.lifespan != after.lifespan:
        found.add(("flow", "expires_at"))
    if old.session_lifespan != new.session_lifespan:
        found.add(("session", "expires_at"))
    if old.guard.header_allowlist != new.guard.header_allowlist:
        found.add(("request_headers",))
    if old.session_cookie != new.session_cookie:
        found.add(("request_cookies",))
    if kind in (FlowKind.REGISTRATION, FlowKind.SETTINGS) and _verifies(old) != _verifies(new):
        found |= {(*path, "verifiable_addresses") for path in _IDENTITIES}
    if old.base_url != new.base_url:
        found |= {(*path, "schema_url") for path in _IDENTITIES}
    if old.schemas != new.schemas or old.default_schema != new.default_schema:
        found |= set(_IDENTITIES)
    return frozenset(found)


def schemas_differ(drift: frozenset[Path]) -> bool:
    """Whether the identities themselves may be others: they go by other schemas."""
    return ("identity",) in drift


def _verifies(configuration: Configuration) -> bool:
    """Whether new addresses are sent a code or link with the commit, and say so."""
    return verifies_by_itself(configuration)


def _form(configuration: Configuration, kind: FlowKind) -> tuple[object, ...]:
    """What the form of a flow is drawn from."""
    flow = configuration.flow(kind)
    return (
        configuration.methods,
        configuration.schemas,
        configuration.default_schema,
        configuration.base_url,
        configuration.default_return_url,
        flow.return_url,
        flow.return_urls,
        flow.use,
        flow.privileged_session_max_age,
        flow.style,
        configuration.hides_accounts,
    )


def looked_into(template: str, ctx: Mapping[str, Any], paths: Iterable[Path]) -> str | None:
    """The template with these parts of its context turned into errors; None where the context has none of them."""
    there = [path for path in paths if _has(ctx, path)]
    if not there:
        return None
    mines: dict[str, Any] = {}
    for path in sorted(there):
        _lay(mines, path)
    return (
        f"local template = (\n{template}\n);\n"
        f"if std.isFunction(template) then function(ctx) template(ctx=ctx + {_jsonnet(mines)}) else template"
    )


def _has(ctx: Any, path: Path) -> bool:
    for name in path:
        if not isinstance(ctx, Mapping) or name not in ctx:
            return False
        ctx = ctx[name]
    return ctx is not None


def _lay(mines: dict[str, Any], path: Path) -> None:
    """Puts an error at a path, unless what is above it is one already."""
    for name in path[:-1]:
        below = mines.setdefault(name, {})
        if below is None:
            return
        mines = below
    mines[path[-1]] = None


def _jsonnet(mines: Mapping[str, Any]) -> str:
    parts = []
    for name, below in mines.items():
        quoted = json.dumps(name)
        parts.append(f"{quoted}: error 'drift'" if below is None else f"{quoted}+: {_jsonnet(below)}")
    return "{" + ", ".join(parts) + "}"
