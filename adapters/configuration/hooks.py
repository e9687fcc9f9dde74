"""Hooks: reads `hooks` of `limen.yml`, the actions that ask a service on the bus.

::

    hooks:
      - {flow: login, phase: after, method: oidc, hook: bus, id: risk, subject: risk.check, timeout: 2s,
         on_failure: deny, body: file://risk.jsonnet}

`file://` in a `body` is relative to `limen.yml`. Retries and concurrency stand under `actions`, by the hook's id.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from limen.adapters.configuration.check import check
from limen.adapters.configuration.draft import Placed, TemplateSource
from limen.adapters.configuration.findings import Findings, join
from limen.adapters.configuration.shape import TEXT, Leaf, Many, Shape, one_of
from limen.adapters.configuration.uri import Content, encode
from limen.adapters.configuration.values import parse_duration
from limen.adapters.configuration.web_hook import read_template
from limen.domain.action import Action, ActionSettings, BusHook
from limen.domain.configuration import FlowKind, Settings, Slot
from limen.domain.precedence import known_methods

FILE = "limen.yml"
TIMEOUT = 2.0
"""Seconds that an answer over the bus is waited for, tries included, unless the file says otherwise."""

_HOOK: Shape = {
    "flow!": one_of(*FlowKind),
    "phase!": one_of("before", "after"),
    "method": Leaf("text", 1),
    "hook!": one_of("bus"),
    "id!": Leaf("text", 1, 200),
    "subject!": Leaf("text", 1, 200),
    "timeout": Leaf("span"),
    "on_failure": one_of("deny", "continue"),
    "body": TEXT,
}
_WORD = r"[^\x00-\x20.*>\x7f-\U0010ffff]+"
_SUBJECT = re.compile(rf"{_WORD}(\.{_WORD})*")
"""Words of visible ASCII with dots between them: no wildcard (`*`, `>`), no space, no empty word."""
_OURS = ("$", "limen.")


def read_hooks(
    entries: Any, settings: Settings, content: Content, findings: Findings
) -> tuple[tuple[Placed, ...], tuple[TemplateSource, ...]]:
    """The hooks in the order of the file, and their templates; faulty ones are reported and left out."""
    if entries is None:
        return (), ()
    check(Many(_HOOK), entries, "/hooks", findings)
    hooks: list[Placed] = []
    templates: list[TemplateSource] = []
    counts: dict[Slot, int] = {}
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, Mapping):
            continue
        here = join("/hooks", index)
        slot = _slot(entry, here, findings)
        _check_subject(entry.get("subject"), here, findings)
        _check_id(entry.get("id"), index, seen, settings, findings)
        timeout = _timeout(entry.get("timeout"), here, findings)
        template = _template(entry.get("body"), here, content, findings)
        if template is not None:
            templates.append(TemplateSource(join(here, "body"), f"{FILE}#{here}/body", template, settings=True))
        if any(fault.path == here or fault.path.startswith(f"{here}/") for fault in findings.faults) or slot is None:
            continue
        position = counts[slot] = counts.get(slot, -1) + 1
        hooks.append((slot, _action(entry, here, position, template, timeout, settings)))
    return tuple(hooks), tuple(templates)


def by_slot(hooks: Iterable[Placed]) -> dict[Slot, tuple[Action, ...]]:
    """The hooks of each slot, in the order of the file."""
    found: dict[Slot, tuple[Action, ...]] = {}
    for slot, action in hooks:
        found[slot] = (*found.get(slot, ()), action)
    return found


def check_ids(hooks: Iterable[Placed], lists: Iterable[Sequence[Action]], findings: Findings) -> None:
    """An id is spoken of in `actions`, and in the record: a hook may not share it with a configured action."""
    taken = {action.id: action.source for listed in lists for action in listed}
    for _, action in hooks:
        if action.id in taken:
            here = join(action.source.partition("#")[2], "id")
            findings.fault(here, f"is the id of the action at {taken[action.id]}; give another one")


def written(slot: Slot, action: Action) -> dict[str, Any]:
    """A hook as `limen.yml` has it, its template inline, its defaults spelled out."""
    assert action.bus is not None
    entry: dict[str, Any] = {
        "flow": str(slot.flow),
        "phase": slot.phase,
        "hook": action.hook,
        "id": action.id,
        "subject": action.bus.subject,
        "timeout": f"{round(action.settings.timeout * 10**6)}us",
        "on_failure": action.bus.on_failure,
    }
    if slot.method is not None:
        entry["method"] = slot.method
    if action.bus.template is not None:
        entry["body"] = encode(action.bus.template)
    return entry


def _action(
    entry: Mapping[str, Any],
    here: str,
    position: int,
    template: str | None,
    timeout: float | None,
    settings: Settings,
) -> Action:
    """The hook's own `timeout` counts before that of `actions`."""
    told = settings.actions.get(entry["id"], ActionSettings())
    if timeout is None:
        timeout = told.timeout if "timeout" in told.given else TIMEOUT
    told = replace(told, timeout=timeout, signing_secrets=(), given=told.given | {"timeout"})
    source = f"{FILE}#{here}"
    bus = BusHook(entry["subject"], template, f"{source}/body", entry.get("on_failure", "deny"))
    return Action("bus", entry["id"], source, position, settings=told, bus=bus)


def _slot(entry: Mapping[str, Any], here: str, findings: Findings) -> Slot | None:
    flow, phase, method = entry.get("flow"), entry.get("phase"), entry.get("method")
    if flow not in list(FlowKind) or phase not in ("before", "after"):
        return None
    kind = FlowKind(flow)
    if method is None:
        return Slot(kind, phase)
    if not isinstance(method, str) or not method:
        return None
    if phase == "before":
        findings.fault(join(here, "method"), "belongs to 'after': before a flow opens nobody has chosen a method")
        return None
    known = known_methods(kind)
    if method not in known:
        findings.fault(join(here, "method"), f"must be a method that {kind} knows: {', '.join(known)}")
        return None
    return Slot(kind, phase, method)


def _check_subject(subject: Any, here: str, findings: Findings) -> None:
    if not isinstance(subject, str) or not subject:
        return
    if not _SUBJECT.fullmatch(subject):
        findings.fault(
            join(here, "subject"), "must be words with dots between them (risk.check): no space, no '*', no '>'"
        )
    elif subject.startswith(_OURS):
        findings.fault(join(here, "subject"), "may not begin with '$' or 'limen.': events and the server speak there")


def _check_id(id: Any, index: int, seen: dict[str, int], settings: Settings, findings: Findings) -> None:
    if not isinstance(id, str):
        return
    if seen.setdefault(id, index) != index:
        findings.fault(join("/hooks", index, "id"), f"is the id of entry {seen[id]} too")
    if "signing_secrets" in settings.actions.get(id, ActionSettings()).given:
        findings.warn(join("/actions", id, "signing_secrets"), "a hook over the bus is not signed")


def _timeout(value: Any, here: str, findings: Findings) -> float | None:
    span = parse_duration(value, days=True) if isinstance(value, str) else None
    if span == timedelta(0):
        findings.fault(join(here, "timeout"), "must be more than nothing")
    return None if span is None else span.total_seconds()


def _template(body: Any, here: str, content: Content, findings: Findings) -> str | None:
    return read_template(body, join(here, "body"), content, findings) if isinstance(body, str) else None
