"""Pairing: the plan of another configuration beside the one that was recorded, action by action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from limen.domain.action import Action, ActionSettings, WebHook
from limen.domain.action_events import PlannedAction
from limen.domain.configuration import Configuration
from limen.domain.plan import Planned
from limen.domain.precedence import VERIFY_NEW_ADDRESS
from limen.domain.simulation.turn import BLOCKING


@dataclass(frozen=True, slots=True)
class Pair:
    """An action of the new plan and the recorded one it takes the place of; None where it is new.

    `before` is the recorded one's action as its configuration had it; None for a Python handler, and where that
    configuration is not to be had any more. `same`: it asks the same, in the same way; `moved`: its turn is another.
    """

    planned: Planned
    old: PlannedAction | None = None
    before: Action | None = None
    same: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Pairing:
    """The new plan of a slot, in order, and what of the recorded plan is not in it any more.

    `identical`: nothing differs, and nothing in it has to be looked at to know what comes of it.
    """

    pairs: tuple[Pair, ...]
    removed: tuple[PlannedAction, ...]
    old: Mapping[str, Action]
    identical: bool


def pair(new: Sequence[Planned], old: Sequence[PlannedAction], actions: Mapping[str, Action] | None) -> Pairing:
    """Puts two plans side by side. `actions` are the recorded configuration's, by source; None where it is gone.

    An action is first paired with one that asks the same in the same way, then with one of its own id.
    """
    known = actions or {}
    plan = [one for one in new if one.timing != "ignored"]
    open_ = list(range(len(old)))
    found: dict[int, int] = {}
    for fits in (_same, _namesake):
        for index, planned in enumerate(plan):
            if index in found:
                continue
            match = next((n for n in open_ if fits(planned, old[n], known.get(old[n].source))), None)
            if match is not None:
                found[index] = match
                open_.remove(match)
    pairs, highest = [], -1
    for index, planned in enumerate(plan):
        match = found.get(index)
        if match is None:
            pairs.append(Pair(planned))
            continue
        before = known.get(old[match].source)
        same = _same(planned, old[match], before)
        pairs.append(Pair(planned, old[match], before, same, moved=match < highest))
        highest = max(highest, match)
    removed = tuple(old[n] for n in open_)
    settled = all(one.same and not one.moved and _settled(one) for one in pairs)
    return Pairing(tuple(pairs), removed, known, identical=settled and not removed)


def actions_of(configuration: Configuration) -> dict[str, Action]:
    """Every action of a configuration by the place it stands at: its lists, and its hooks over the bus."""
    listed = list(configuration.hooks.values())
    for flow in configuration.flows.values():
        listed += [flow.before, flow.after, *flow.after_methods.values()]
    return {action.source: action for actions in listed for action in actions}


def same_target(one: Action, other: Action) -> bool:
    """Whether both ask at the same place, in the same words around the body."""
    if one.bus is not None and other.bus is not None:
        return one.bus.subject == other.bus.subject
    if one.web_hook is None or other.web_hook is None or one.settings.signing_secrets != other.settings.signing_secrets:
        return False
    return _target(one.web_hook) == _target(other.web_hook)


def template_of(action: Action) -> str | None:
    """The Jsonnet source of its body; None where it has none."""
    asking = action.web_hook or action.bus
    return asking.template if asking is not None else None


def _target(hook: WebHook) -> tuple[object, ...]:
    headers = sorted((name.lower(), value) for name, value in hook.headers.items())
    return hook.url, hook.method.upper(), headers, hook.auth


def _same(planned: Planned, old: PlannedAction, before: Action | None) -> bool:
    if planned.timing != old.timing or planned.ref.hook != old.hook:
        return False
    if planned.action is None or before is None:
        return planned.action is None and old.hook == "python" and planned.ref.id == old.id
    named = _named(planned.action), _named(before)
    if named[0] != named[1] or (named[0] and planned.ref.id != old.id):
        return False
    return _words(planned.action) == _words(before)


def _words(action: Action) -> object:
    """What an action says, wherever it stands, and who it says that it is."""
    hook = replace(action.web_hook, template_name="") if action.web_hook else None
    bus = replace(action.bus, template_name="") if action.bus else None
    return action.hook, hook, bus, action.config, action.settings.signing_secrets


def _namesake(planned: Planned, old: PlannedAction, _: Action | None) -> bool:
    return planned.ref.hook == old.hook and planned.ref.id == old.id


def _named(action: Action) -> bool:
    """Whether the file gives it an id; the others are called after their place."""
    return not (action.id.endswith(f".{action.position}") and action.id.count(".") >= 2)


def _settled(pair: Pair) -> bool:
    """Whether nothing needs to be looked at: no handler that answers, and the same patience as before."""
    if pair.planned.timing not in BLOCKING and (pair.planned.action is None or not pair.planned.delivered):
        return True
    if pair.planned.action is None or pair.before is None:
        return False
    if not pair.planned.action.asks:
        return pair.planned.delivered or (
            pair.planned.handler is None and pair.planned.ref.hook in ("require_verified_address", VERIFY_NEW_ADDRESS)
        )
    return patience(pair.planned.action.settings) == patience(pair.before.settings)


def patience(settings: ActionSettings) -> tuple[object, ...]:
    """How long an action is waited for, and how often it is tried."""
    return settings.timeout, settings.retry.attempts, settings.retry.initial, settings.retry.maximum
