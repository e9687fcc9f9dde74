"""The origins of a relying party: read as browsers write them, and refused where no browser ever would."""

from typing import Any

import pytest

from limen.adapters.configuration import examine
from limen.adapters.configuration.origins import origin_of
from tests.support.authenticator import ORIGIN, RP, Authenticator
from tests.support.engine import open_house, person, uri
from tests.support.keys import SIGNS_IN, Keyring, methods

REFUSED = "is no origin: a scheme, a host and a port, such as https://app.example.org"


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example.org", "https://app.example.org"),
        ("https://app.example.org/", "https://app.example.org"),
        ("HTTPS://App.Example.ORG:443/", "https://app.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("https://app.example.org:80", "https://app.example.org:80"),
        ("http://[::1]:4455/", "http://[::1]:4455"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("android:apk-key-hash:Xy_z-09AB", "android:apk-key-hash:Xy_z-09AB"),
        ("ios:bundle-id:Org.Example.App", "ios:bundle-id:Org.Example.App"),
    ],
)
def test_an_origin_is_read_as_a_browser_writes_it(written: str, origin: str) -> None:
    assert origin_of(written) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        *("app.example.org", "https://", "https:///", "https:app.example.org", "//app.example.org", "android:"),
        *("https://app.example.org/login", "https://app.example.org/?a=1", "https://app.example.org#top"),
        *("https://ada@app.example.org", "https://app.example.org:port", "https://app.example.org:99999"),
        *(" https://app.example.org", "https://app.example.org ", "https://app..example.org", "*"),
    ],
)
def test_what_no_browser_would_say_is_none(text: str) -> None:
    assert origin_of(text) is None


def faults(method: str, *, enabled: bool = True, **rp: Any) -> dict[str, str]:
    party = {"id": "example.org", "display_name": "Example", **rp}
    document = {
        "identity": {"schemas": [{"id": "default", "url": uri(person())}]},
        "secrets": {"default": ["a-secret-of-32-characters-or-more"]},
        "selfservice": {"methods": {method: {"enabled": enabled, "config": {"rp": party}}}},
    }
    return {fault.path: fault.message for fault in examine(document, env={}).faults}


@pytest.mark.parametrize("method", ["webauthn", "passkey"])
def test_an_origin_that_is_none_is_refused_with_its_place(method: str) -> None:
    here = f"/selfservice/methods/{method}/config/rp/origins"
    good, bad = "https://app.example.org/", "https://app.example.org/login"
    assert faults(method, origins=[good, bad]) == {f"{here}/1": REFUSED}
    assert faults(method, origins=[good]) == {}
    assert faults(method, origins=[bad], enabled=False) == {}, "nobody is asked"


def test_the_older_key_for_one_origin_too() -> None:
    assert faults("webauthn", origin="https://example.org/a") == {
        "/selfservice/methods/webauthn/config/rp/origin": REFUSED
    }


@pytest.mark.parametrize("written", [f"{ORIGIN}/", ORIGIN.upper()])
async def test_keys_are_taken_from_an_origin_however_it_is_written(written: str) -> None:
    config = {"rp": RP | {"origins": [written]}}
    on = methods(passkey={"enabled": True, "config": config}, webauthn={"enabled": True, "config": config})
    async with open_house(SIGNS_IN, selfservice=on) as house:
        person = Keyring(house)
        assert (await person.try_register(Authenticator())).completed
        assert (await person.add_key(Authenticator())).completed
