"""Where a client may go after a flow: what is allowed, and what only looks like it."""

from typing import Any

import pytest

from limen.domain.configuration import Configuration
from limen.domain.errors import RequestRefused
from limen.domain.return_to import checked_return

HOME = "https://home.example"


def allowing(*urls: str) -> Configuration:
    blank: Any = object.__new__(Configuration)
    for name, value in {"base_url": "", "default_return_url": HOME + "/", "allowed_return_urls": urls}.items():
        object.__setattr__(blank, name, value)
    return blank  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("base", "url", "whole"),
    [
        ("https://*.example.org", "https://app.example.org/x", None),
        ("https://*.example.org", "https://a.b.example.org", None),
        ("https://*.example.org/app", "https://a.example.org/app/x?y=1", None),
        ("https://*.example.org:8443", "https://a.example.org:8443/", None),
        ("https://App.example.org", "HTTPS://app.EXAMPLE.org:443/x", None),
        (HOME, "/dashboard", HOME + "/dashboard"),
        (HOME, "/dashboard?a=b#c", HOME + "/dashboard?a=b#c"),
        ("/app", "/app/x", HOME + "/app/x"),
        ("com.example.app://signed-in", "com.example.app://signed-in", None),
        ("com.example.app:/signed-in", "com.example.app:/signed-in/x", None),
    ],
)
def test_what_is_allowed(base: str, url: str, whole: str | None) -> None:
    assert checked_return(allowing(base), url) == (whole or url)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://*.example.org", "https://example.org/"),
        ("https://*.example.org", "https://evilexample.org/"),
        ("https://*.example.org", "https://app.example.org.evil.example/"),
        ("https://*.example.org", "http://app.example.org/"),
        ("https://*.example.org", "https://app.example.org:8443/"),
        ("https://*.example.org", "https://evil.example/.example.org"),
        ("https://*.example.org", "https://app.example.org@evil.example/"),
        ("https://*.example.org", "https://evil.example\\.example.org/"),
        ("https://*.example.org", "https://evil.example#.example.org"),
        ("https://*.org", "https://example.org/"),
        ("https://*", "https://example.org/"),
        ("https://*.*.org", "https://a.b.org/"),
        ("https://app.*.org", "https://app.b.org/"),
        (HOME, "//evil.example/x"),
        (HOME, "/\\evil.example"),
        (HOME, "\\/evil.example"),
        (HOME, "/\t/evil.example"),
        (HOME, " https://home.example/"),
        (HOME, "https://user:secret@home.example/"),
        (HOME, "https://home.example:444/"),
        (HOME, "https://home.example:port/"),
        (HOME, "https:home.example"),
        (HOME, "javascript:alert(1)"),
        (HOME, "dashboard"),
        (HOME, ""),
        (HOME + "/app", "https://home.example.org/app"),
        ("https://other.example/app", "https://other.example/app/../admin"),
        ("https://other.example/app", "https://other.example/app/%2e%2e/admin"),
        ("https://other.example/app", "https://other.example/application"),
    ],
)
def test_what_only_looks_like_it(base: str, url: str) -> None:
    with pytest.raises(RequestRefused) as told:
        checked_return(allowing(base), url)
    assert told.value.id == "self_service_flow_return_to_forbidden"
