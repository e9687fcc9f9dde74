"""Which methods a flow offers: the first factors and the second ones each at their own level."""

from typing import Any

import pytest

from limen.domain.configuration import Configuration, FlowKind, FlowSettings, MethodSettings
from limen.domain.method import offers

METHODS = ("password", "code", "profile", "totp", "lookup_secret")
LOGIN, SETTINGS = FlowKind.LOGIN, FlowKind.SETTINGS


def configuration(*on: str) -> Configuration:
    methods = {name: MethodSettings(enabled=True, passwordless_enabled=True) for name in on}
    flows: Any = {kind: FlowSettings() for kind in FlowKind}
    return Configuration(flows=flows, methods=methods, schemas={}, default_schema="person")


@pytest.mark.parametrize(
    ("kind", "aal", "offered"),
    [
        (LOGIN, "aal1", {"password", "code", "profile"}),
        (LOGIN, "aal2", {"totp", "lookup_secret"}),
        (SETTINGS, "aal1", set(METHODS)),
    ],
)
def test_a_login_offers_the_factors_of_its_level_and_only_what_is_on(
    kind: FlowKind, aal: str, offered: set[str]
) -> None:
    assert {name for name in METHODS if offers(configuration(*METHODS), kind, name, aal)} == offered
    assert not {name for name in METHODS if offers(configuration(), kind, name, aal)}
