"""Actions: reads every list of actions of a file, and checks each entry against the matrix of placement."""

from collections.abc import Mapping
from typing import Any

from limen.adapters.configuration.check import canonical, check, name_of
from limen.adapters.configuration.draft import Draft
from limen.adapters.configuration.findings import join, section
from limen.adapters.configuration.shape import ANYTHING, TEXT, Leaf, Named, Shape, one_of
from limen.adapters.configuration.web_hook import read_web_hook
from limen.domain.action import Action, ActionSettings
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import LIST_METHODS, PERFORMED, PLACEMENT, SINGLE_LIST_METHODS, SLOTS, placement_fault
from limen.domain.previous_addresses import RECIPIENTS

_ENTRY: Shape = {"hook!": TEXT, "config": ANYTHING}
_CONFIGS: Mapping[str, Shape] = {
    "notify_previous_addresses": {"recipients": one_of(*RECIPIENTS)},
}
_OPEN = ("b2b_sso", "organization")


def read_lists(draft: Draft) -> dict[Slot, tuple[Action, ...]]:
    """The actions of every slot, in the order of the file; faulty entries are reported and left out."""
    lists = {}
    for slot in sorted(SLOTS, key=str):
        pointer = pointer_of(slot)
        keys = pointer.split("/")[1:]
        lists[slot] = _read_list(draft, section(draft.document, *keys[:-1]).get("hooks"), slot, pointer)
    return lists


def pointer_of(slot: Slot) -> str:
    """Where the list of a slot stands in the file."""
    return join("/selfservice/flows", *str(slot).split("."), "hooks")


def short_forms(draft: Draft) -> dict[str, str]:
    """Places where hooks are listed directly under `before:` or `after:`, and a fault that shows the full form."""
    found = {}
    for slot in SLOTS:
        pointer = pointer_of(slot).removesuffix("/hooks")
        keys = pointer.split("/")[1:]
        if isinstance(section(draft.document, *keys[:-1]).get(keys[-1]), list):
            place = f"{keys[-1]}: " + "{hooks: [{hook: …, config: {…}}, …]}"
            found[pointer] = f"a list directly here is not read; the full form is {place}"
    for flow in FlowKind:
        if LIST_METHODS[flow]:
            continue
        for method in SINGLE_LIST_METHODS:
            if method in section(draft.document, "selfservice", "flows", flow, "after"):
                pointer = join("/selfservice/flows", flow, "after", method)
                found[pointer] = f"{flow} has one list, whatever the method: put the hooks under after.hooks"
    return found


def _read_list(draft: Draft, entries: Any, slot: Slot, pointer: str) -> tuple[Action, ...]:
    if entries is None:
        return ()
    if not isinstance(entries, list):
        draft.findings.fault(pointer, f"must be a list, not {name_of(entries)}")
        return ()
    actions: list[Action] = []
    seen: dict[str, int] = {}
    for position, entry in enumerate(entries):
        here = join(pointer, position)
        first = seen.setdefault(canonical(entry), position)
        if first != position:
            draft.findings.fault(here, f"is the same as entry {first} of this list")
        action = _read_entry(draft, entry, slot, position, here)
        if action is not None:
            actions.append(action)
    return tuple(actions)


def _read_entry(draft: Draft, entry: Any, slot: Slot, position: int, pointer: str) -> Action | None:
    before = len(draft.findings.faults)
    hook = entry.get("hook") if isinstance(entry, Mapping) else None
    if hook not in _OPEN:
        check(_ENTRY, entry, pointer, draft.findings)
    if not isinstance(entry, Mapping) or not isinstance(hook, str):
        return None
    wrong = placement_fault(hook, slot, draft.named)
    if wrong is not None:
        draft.findings.fault(join(pointer, "hook"), wrong)
    config = entry.get("config", {})
    web_hook = None
    if hook == "web_hook":
        if "config" not in entry:
            draft.findings.fault(join(pointer, "config"), "is missing")
            return None
        web_hook = read_web_hook(draft, config, join(pointer, "config"))
    else:
        _check_other(draft, hook, entry, slot, pointer)
    if len(draft.findings.faults) > before:
        return None
    name = config.get("id") if hook == "web_hook" or hook in draft.named else None
    identity = name or f"{slot}.{position}"
    settings = draft.settings.actions.get(identity, ActionSettings())
    if hook in draft.named:
        for key in sorted(settings.given & {"retry", "signing_secrets"}):
            draft.findings.warn(
                join("/actions", identity, key), f"limen.yml: '{hook}' is a handler, which has no {key}"
            )
    return Action(hook, identity, pointer, position, web_hook, {} if web_hook else dict(config), settings)


def _check_other(draft: Draft, hook: str, entry: Mapping[str, Any], slot: Slot, pointer: str) -> None:
    """What stands around an action that is no web hook: its config, and what its reader should know."""
    here = join(pointer, "config")
    if hook in draft.named:
        check(Named(ANYTHING), entry.get("config", {}), here, draft.findings)
        if "id" in section(entry, "config"):
            check(Leaf("text", 1, 200), section(entry, "config")["id"], join(here, "id"), draft.findings)
    elif hook in _OPEN:
        check(Named(ANYTHING), entry.get("config", {}), here, draft.findings)
    elif hook in _CONFIGS:
        check(_CONFIGS[hook], entry.get("config", {}), here, draft.findings)
    elif hook in PLACEMENT and "config" in entry:
        draft.findings.fault(here, f"'{hook}' has no config")
    _remark(draft, hook, slot, pointer)
    secrets = section(draft.document, "secrets")
    if hook == "session" and not (secrets.get("cookie") or secrets.get("default")):
        draft.findings.fault(pointer, "'session' needs secrets.cookie or secrets.default")


def _remark(draft: Draft, hook: str, slot: Slot, pointer: str) -> None:
    """What is accepted, and does not do what it says, or not any more."""
    if hook in PLACEMENT and hook not in PERFORMED:
        draft.findings.ignore(pointer)
    if hook in ("verification", "show_verification_ui") and slot.flow is FlowKind.LOGIN:
        draft.findings.warn(pointer, f"'{hook}' is deprecated in {slot}; show_verification_ui belongs to registration")
    if hook == "verification" and slot.flow is FlowKind.REGISTRATION:
        draft.findings.warn(pointer, "'verification' adds nothing: where verification is enabled it starts by itself")
