"""When an action runs, seen from the commit: every row of the table."""

import pytest

from limen.domain.action import Action, BusHook, WebHook
from limen.domain.configuration import FlowKind
from limen.domain.timing import timing_of

PLAIN, PARSING, INTERRUPTING, IGNORED = (
    WebHook("https://example.org"),
    WebHook("https://example.org", parse=True),
    WebHook("https://example.org", can_interrupt=True),
    WebHook("https://example.org", ignore=True),
)


def an_action(hook: str, web_hook: WebHook | None = None) -> Action:
    return Action(hook, "an-id", "/somewhere", 0, web_hook)


@pytest.mark.parametrize("flow", FlowKind)
@pytest.mark.parametrize(
    ("web_hook", "expected"),
    [(PLAIN, "before"), (PARSING, "before"), (INTERRUPTING, "before"), (IGNORED, "delivery")],
)
def test_before_the_flow_opens(flow: FlowKind, web_hook: WebHook, expected: str) -> None:
    assert timing_of(flow, "before", an_action("web_hook", web_hook)) == expected


@pytest.mark.parametrize("flow", FlowKind)
@pytest.mark.parametrize("web_hook", [PARSING, INTERRUPTING])
def test_what_may_interrupt_runs_before_the_commit_in_all_five_flows(flow: FlowKind, web_hook: WebHook) -> None:
    assert timing_of(flow, "after", an_action("web_hook", web_hook)) == "before_commit"


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (FlowKind.LOGIN, "before_commit"),
        (FlowKind.REGISTRATION, "after_commit"),
        (FlowKind.SETTINGS, "after_commit"),
        (FlowKind.RECOVERY, "after_commit"),
        (FlowKind.VERIFICATION, "after_commit"),
    ],
)
def test_a_plain_web_hook_runs_before_the_session_and_otherwise_after_the_commit(flow: FlowKind, expected: str) -> None:
    assert timing_of(flow, "after", an_action("web_hook", PLAIN)) == expected


@pytest.mark.parametrize("flow", FlowKind)
def test_what_nobody_waits_for_is_a_delivery(flow: FlowKind) -> None:
    assert timing_of(flow, "after", an_action("web_hook", IGNORED)) == "delivery"


@pytest.mark.parametrize("flow", FlowKind)
def test_a_hook_over_the_bus_may_interrupt_on_either_side(flow: FlowKind) -> None:
    hook = Action("bus", "an-id", "limen.yml#/hooks/0", 0, bus=BusHook("risk.check"))
    assert timing_of(flow, "before", hook) == "before"
    assert timing_of(flow, "after", hook) == "before_commit"


@pytest.mark.parametrize(
    ("hook", "flow", "expected"),
    [
        ("session", FlowKind.REGISTRATION, "with_commit"),
        ("revoke_active_sessions", FlowKind.LOGIN, "with_commit"),
        ("revoke_active_sessions", FlowKind.RECOVERY, "with_commit"),
        ("revoke_active_sessions", FlowKind.SETTINGS, "with_commit"),
        ("require_verified_address", FlowKind.LOGIN, "before_commit"),
        ("show_verification_ui", FlowKind.REGISTRATION, "with_commit"),
        ("verification", FlowKind.REGISTRATION, "with_commit"),
        ("verify_new_address", FlowKind.SETTINGS, "before_commit"),
        ("notify_previous_addresses", FlowKind.SETTINGS, "with_commit"),
        ("b2b_sso", FlowKind.LOGIN, "ignored"),
        ("hook_of_the_application", FlowKind.REGISTRATION, "before_commit"),
    ],
)
def test_the_other_actions(hook: str, flow: FlowKind, expected: str) -> None:
    assert timing_of(flow, "after", an_action(hook)) == expected


@pytest.mark.parametrize("hook", ["b2b_sso", "organization"])
def test_what_limen_does_not_perform_is_ignored_before_the_flow_too(hook: str) -> None:
    assert timing_of(FlowKind.LOGIN, "before", an_action(hook)) == "ignored"
