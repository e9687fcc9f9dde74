"""Which list runs: a method's list if it has an entry, else the default one; never both; `session` last."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.domain.action import Action
from limen.domain.configuration import Configuration, FlowKind, FlowSettings, Slot
from limen.domain.precedence import choose, known_methods, matrix, ordered, resolve, resolve_hooks

KNOWN = {
    FlowKind.LOGIN: ("password", "webauthn", "passkey", "oidc", "code", "totp", "lookup_secret"),
    FlowKind.REGISTRATION: ("password", "webauthn", "passkey", "oidc", "code"),
    FlowKind.SETTINGS: ("password", "totp", "oidc", "webauthn", "passkey", "lookup_secret", "profile"),
    FlowKind.RECOVERY: ("link", "code"),
    FlowKind.VERIFICATION: ("link", "code"),
}
WITH_METHOD_LISTS = (FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS)
ALL_METHODS = ("password", "webauthn", "passkey", "oidc", "code", "totp", "lookup_secret", "link", "profile")
EVERY_METHOD = [(flow, method) for flow in FlowKind for method in (None, *KNOWN[flow])]
LISTED_METHOD = [(flow, method) for flow in WITH_METHOD_LISTS for method in KNOWN[flow]]


def actions(*hooks: str) -> tuple[Action, ...]:
    return tuple(Action(hook, f"{hook}-{position}", "", position) for position, hook in enumerate(hooks))


def a_configuration(flow: FlowKind, settings: FlowSettings) -> Configuration:
    flows = {kind: FlowSettings() for kind in FlowKind} | {flow: settings}
    return Configuration(flows=flows, methods={}, schemas={}, default_schema="person")


def hooks(chosen: Sequence[Action]) -> list[str]:
    return [action.hook for action in chosen]


@pytest.mark.parametrize("flow", FlowKind)
def test_the_methods_of_each_flow(flow: FlowKind) -> None:
    assert known_methods(flow) == KNOWN[flow]


@pytest.mark.parametrize(("flow", "method"), EVERY_METHOD)
def test_before_runs_the_one_list_whatever_the_method(flow: FlowKind, method: str | None) -> None:
    configuration = a_configuration(flow, FlowSettings(before=actions("hook_1"), after=actions("hook_2")))
    resolved = resolve(configuration, Slot(flow, "before", method))
    assert (hooks(resolved.actions), resolved.rule) == (["hook_1"], "default")


@pytest.mark.parametrize(("flow", "method"), EVERY_METHOD)
@pytest.mark.parametrize("default", [(), ("hook_2",), ("hook_2", "hook_4")])
def test_without_a_list_of_its_own_a_method_gets_the_default(
    flow: FlowKind, method: str | None, default: tuple[str, ...]
) -> None:
    configuration = a_configuration(flow, FlowSettings(after=actions(*default)))
    resolved = resolve(configuration, Slot(flow, "after", method))
    assert (hooks(resolved.actions), resolved.rule) == (list(default), "default")


@pytest.mark.parametrize(("flow", "method"), LISTED_METHOD)
@pytest.mark.parametrize("default", [(), ("hook_2",)])
def test_a_list_of_its_own_overrides_the_default_and_is_never_merged(
    flow: FlowKind, method: str, default: tuple[str, ...]
) -> None:
    settings = FlowSettings(after=actions(*default), after_methods={method: actions("hook_3")})
    configuration = a_configuration(flow, settings)
    for asked in (None, *KNOWN[flow]):
        resolved = resolve(configuration, Slot(flow, "after", asked))
        expected = (["hook_3"], "method") if asked == method else (list(default), "default")
        assert (hooks(resolved.actions), resolved.rule) == expected


@pytest.mark.parametrize(("flow", "method"), LISTED_METHOD)
@pytest.mark.parametrize("default", [(), ("hook_2",)])
def test_an_empty_list_counts_as_none(flow: FlowKind, method: str, default: tuple[str, ...]) -> None:
    configuration = a_configuration(flow, FlowSettings(after=actions(*default), after_methods={method: ()}))
    resolved = resolve(configuration, Slot(flow, "after", method))
    assert (hooks(resolved.actions), resolved.rule) == (list(default), "default")


@pytest.mark.parametrize(
    ("flow", "method"), [(flow, name) for flow in FlowKind for name in ALL_METHODS if name not in KNOWN[flow]]
)
@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_method_the_flow_does_not_know_is_refused_by_name(flow: FlowKind, method: str, phase: str) -> None:
    configuration = a_configuration(flow, FlowSettings())
    with pytest.raises(ValueError, match=f"{flow} knows no method '{method}'; it knows {', '.join(KNOWN[flow])}"):
        resolve(configuration, Slot(flow, "before" if phase == "before" else "after", method))


def test_the_example_of_the_rules() -> None:
    settings = FlowSettings(
        before=actions("hook_1"), after=actions("hook_2"), after_methods={"password": actions("hook_3")}
    )
    rows = {row.slot: row for row in matrix(a_configuration(FlowKind.LOGIN, settings))}
    assert hooks(rows[Slot(FlowKind.LOGIN, "before")].actions) == ["hook_1"]
    assert hooks(rows[Slot(FlowKind.LOGIN, "after", "password")].actions) == ["hook_3"]
    for method in ("oidc", "code", "totp", None):
        assert hooks(rows[Slot(FlowKind.LOGIN, "after", method)].actions) == ["hook_2"]


@pytest.mark.parametrize(("flow", "method"), EVERY_METHOD)
def test_hooks_over_the_bus_are_chosen_among_themselves(flow: FlowKind, method: str | None) -> None:
    own = {Slot(flow, "after", method): actions("own")} if method else {}
    listed = {Slot(flow, "before"): actions("early"), Slot(flow, "after"): actions("default"), **own}
    configuration = replace(a_configuration(flow, FlowSettings(after=actions("hook_2"))), hooks=listed)
    early = resolve_hooks(configuration, Slot(flow, "before"))
    default = resolve_hooks(configuration, Slot(flow, "after"))
    assert (hooks(early.actions), early.rule) == (["early"], "default")
    assert (hooks(default.actions), default.rule) == (["default"], "default")
    found = resolve_hooks(configuration, Slot(flow, "after", method))
    expected = (["own"], "method") if method else (["default"], "default")
    assert (hooks(found.actions), found.rule) == expected
    assert hooks(resolve(configuration, Slot(flow, "after", method)).actions) == ["hook_2"]


def test_the_matrix_has_every_flow_phase_and_method_once() -> None:
    slots = [row.slot for row in matrix(a_configuration(FlowKind.LOGIN, FlowSettings()))]
    expected = [Slot(flow, "before") for flow in FlowKind]
    expected += [Slot(flow, "after", method) for flow, method in EVERY_METHOD]
    assert len(slots) == len(set(slots))
    assert set(slots) == set(expected)


NAMES = st.lists(st.sampled_from(["web_hook", "session", "a", "b"]), max_size=6)


@given(NAMES)
def test_session_runs_last_and_the_others_keep_their_order(names: list[str]) -> None:
    listed = ordered(actions(*names))
    assert hooks(listed) == [n for n in names if n != "session"] + [n for n in names if n == "session"]
    assert sorted(action.position for action in listed) == list(range(len(names)))


@given(NAMES, st.dictionaries(st.sampled_from(ALL_METHODS), NAMES), st.none() | st.sampled_from(ALL_METHODS))
def test_the_choice_is_always_one_whole_list(
    default: list[str], by_method: Mapping[str, list[str]], method: str | None
) -> None:
    chosen, rule = choose(default, by_method, method)
    if method is not None and by_method.get(method):
        assert (list(chosen), rule) == (by_method[method], "method")
    else:
        assert (list(chosen), rule) == (default, "default")
