"""Triggers: reads `triggers` of `limen.yml`: what is told of a failed login and of a logout.

::

    triggers:
      login_failed:
        hooks:
          - {hook: web_hook, config: {id: alarm, url: "https://soc.example.org/failed"}}
        password: {hooks: [{hook: tell_the_owner}]}     # overrides the default list for a failed password
      logout: {hooks: [{hook: web_hook, config: {url: "https://app.example.org/signed-out"}}]}

A `web_hook` has the keys it has in a Kratos configuration; its answer is never read, so `response.ignore` goes without
saying. Other names are handlers that the application registered for that place. `file://` in a `body` is relative to
`limen.yml`. Timeouts, retries and signing secrets stand under `actions`, by the hook's id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from limen.adapters.configuration.check import check
from limen.adapters.configuration.draft import Draft, ReadTriggers
from limen.adapters.configuration.findings import Findings, join, section
from limen.adapters.configuration.hooks import FILE
from limen.adapters.configuration.shape import ANYTHING, TEXT, Leaf, Many, Named, Shape
from limen.adapters.configuration.web_hook import read_web_hook
from limen.domain.action import Action, ActionSettings
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import LIST_METHODS, LOGIN_FAILED, LOGOUT, named_slots

_HOOKS: Mapping[str, Shape] = {"hooks": Many(ANYTHING, unique=True)}
_TRIGGERS: Mapping[str, Shape] = {
    "login_failed": {**_HOOKS, **dict.fromkeys(LIST_METHODS[FlowKind.LOGIN], _HOOKS)},
    "logout": _HOOKS,
}
_ENTRY: Shape = {"hook!": TEXT, "config": ANYTHING}
_BUS = "asks, and a trigger only tells: use a web_hook, or let the service follow MethodRefused and SessionRevoked"


def read_triggers(draft: Draft) -> ReadTriggers:
    """The triggers of a `limen.yml` that is being read as `draft`; faulty entries are reported and left out."""
    written = draft.document.get("triggers")
    if written is None:
        return ReadTriggers()
    check(_TRIGGERS, written, "/triggers", draft.findings)
    failed = section(written, "login_failed")
    places: list[tuple[Slot, Any, str]] = [
        (LOGIN_FAILED, failed.get("hooks"), "/triggers/login_failed/hooks"),
        (LOGOUT, section(written, "logout").get("hooks"), "/triggers/logout/hooks"),
    ]
    for method in LIST_METHODS[FlowKind.LOGIN]:
        slot = Slot(LOGIN_FAILED.flow, LOGIN_FAILED.phase, method)
        places.append((slot, section(failed, method).get("hooks"), join("/triggers/login_failed", method, "hooks")))
    lists = {slot: _list(draft, entries, slot, pointer) for slot, entries, pointer in places}
    templates = (replace(one, name=f"{FILE}#{one.pointer}", settings=True) for one in draft.templates)
    return ReadTriggers(
        {slot: listed for slot, listed in lists.items() if listed},
        written,
        dict(draft.masks),
        dict(draft.contents),
        tuple(templates),
    )


def check_trigger_ids(draft: Draft, others: Iterable[Action], findings: Findings) -> None:
    """An id is spoken of in `actions` and in the record: no two of these share one, nor one with another action."""
    taken = {action.id: action.source for action in others}
    for action in (one for listed in draft.triggers.lists.values() for one in listed):
        here = join(action.source.partition("#")[2], "config", "id")
        if action.id in taken:
            findings.fault(here, f"is the id of the action at {taken[action.id]}; give another one")
        taken.setdefault(action.id, action.source)


def _list(draft: Draft, entries: Any, slot: Slot, pointer: str) -> tuple[Action, ...]:
    listed: Sequence[Any] = entries if isinstance(entries, list) else ()
    found = (_entry(draft, entry, slot, at, join(pointer, at)) for at, entry in enumerate(listed))
    return tuple(action for action in found if action is not None)


def _entry(draft: Draft, entry: Any, slot: Slot, position: int, pointer: str) -> Action | None:
    before = len(draft.findings.faults)
    check(_ENTRY, entry, pointer, draft.findings)
    hook = section(entry).get("hook")
    if not isinstance(hook, str):
        return None
    config = entry.get("config")
    web_hook = None
    if hook == "web_hook":
        web_hook = read_web_hook(draft, {} if config is None else config, join(pointer, "config"))
        _check_untold(draft, section(config), join(pointer, "config"))
    else:
        _check_handler(draft, hook, slot, config, pointer)
    if len(draft.findings.faults) > before:
        return None
    identity = section(config).get("id") or f"{slot}.{position}"
    settings = draft.settings.actions.get(identity, ActionSettings())
    source = f"{FILE}#{pointer}"
    if web_hook is None:
        return Action(hook, identity, source, position, config=dict(section(config)), settings=settings)
    web_hook = replace(web_hook, ignore=True, template_name=f"{source}/config/body")
    return Action(hook, identity, source, position, web_hook, settings=settings)


def _check_untold(draft: Draft, config: Mapping[str, Any], pointer: str) -> None:
    """What would read the answer, or wait for it."""
    if section(config, "response").get("parse") is True:
        draft.findings.fault(join(pointer, "response", "parse"), "is for actions that a flow waits for; nobody waits")
    if section(config, "response").get("ignore") is False:
        draft.findings.fault(join(pointer, "response", "ignore"), "cannot be false: nobody waits for the answer")
    if config.get("can_interrupt") is True:
        draft.findings.fault(join(pointer, "can_interrupt"), "cannot be: there is nothing left to interrupt")


def _check_handler(draft: Draft, hook: str, slot: Slot, config: Any, pointer: str) -> None:
    places = {name: named_slots(slots) for name, slots in draft.named.items()}
    allowed = sorted(name for name, slots in places.items() if slot in slots)
    if hook == "bus":
        draft.findings.fault(join(pointer, "hook"), f"'bus' {_BUS}")
    elif hook not in allowed:
        draft.findings.fault(
            join(pointer, "hook"), f"'{hook}' may not stand in {slot}; allowed: {', '.join(['web_hook', *allowed])}"
        )
    if config is not None:
        check(Named(ANYTHING), config, join(pointer, "config"), draft.findings)
        if "id" in section(config):
            check(Leaf("text", 1, 200), config["id"], join(pointer, "config", "id"), draft.findings)
