"""What a configuration says of OpenID providers, and what of it is refused."""

from base64 import b64encode
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from limen.adapters.configuration import read
from limen.adapters.configuration.presets import PRESETS
from limen.adapters.configuration.reading import examine, examine_checked
from limen.adapters.templates import TemplatePool
from tests.support.engine import JsonDict, configuration

POINTER = "/selfservice/methods/oidc/config/providers"
MAPPER = "base64://" + b64encode(b"{ identity: { traits: {} } }").decode()
GENERIC: JsonDict = {
    "id": "idp",
    "provider": "generic",
    "client_id": "cid",
    "client_secret": "a-secret-to-hide",
    "issuer_url": "https://idp.example",
    "mapper_url": MAPPER,
}
APPLE = {"apple_team_id": "t", "apple_private_key_id": "k", "apple_private_key": "p", "client_secret": None}
PUBLIC = ECKey.generate_key("P-256").as_pem(private=False).decode()
CURVE = ECKey.generate_key("P-384").as_pem(private=True).decode()
RSA = RSAKey.generate_key(2048).as_pem(private=True).decode()


def config(*providers: JsonDict, enabled: bool = True, **settings: Any) -> JsonDict:
    listed = [{name: value for name, value in one.items() if value is not None} for one in providers]
    oidc = {"enabled": enabled, "config": {"providers": listed, **settings}}
    return configuration(selfservice={"methods": {"oidc": oidc}})


def test_a_provider_arrives_with_its_mapper_and_its_secret_is_masked() -> None:
    accepted = read(config(GENERIC, base_redirect_uri="https://id.example/"), env={})
    oidc = accepted.method("oidc")
    (provider,) = oidc.config["providers"]
    assert (oidc.enabled, provider["mapper_url"]) == (True, "{ identity: { traits: {} } }")
    assert (provider["client_secret"], accepted.ignored) == ("a-secret-to-hide", ())
    assert "a-secret-to-hide" not in str(accepted.document)


@pytest.mark.parametrize(
    ("provider", "key", "said"),
    [
        ({"issuer_url": None}, "issuer_url", "is missing"),
        ({"client_secret": None}, "client_secret", "is missing"),
        ({"provider": "x"}, "provider", "is not built yet"),
        ({"provider": "uaepass", "issuer_url": None}, "issuer_url", "is missing"),
        ({"provider": "nobody"}, "provider", "must be one of"),
        ({"provider": "microsoft"}, "microsoft_tenant", "is missing"),
        ({"provider": "apple", **APPLE, "apple_private_key": None}, "apple_private_key", "is missing"),
        *(
            ({"provider": "apple", **APPLE, "apple_private_key": key}, "apple_private_key", "key")
            for key in ("p", "", "ä", "-----BEGIN PRIVATE KEY-----", PUBLIC, CURVE, RSA)
        ),
        ({"subject_source": "me"}, "subject_source", "asked of Microsoft"),
        ({"apple_team_id": "t"}, "apple_team_id", "does not belong"),
        ({"mapper_url": None}, "mapper_url", "is missing"),
        ({"mapper_url": "base64://%"}, "mapper_url", "base64"),
        ({"pkce": "sometimes"}, "pkce", "must be one of"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(provider: JsonDict, key: str, said: str) -> None:
    found = examine(config({**GENERIC, **provider}), env={}).faults
    assert [(fault.path, said in fault.message) for fault in found if fault.path.endswith(key)] == [
        (f"{POINTER}/0/{key}", True)
    ]


@pytest.mark.parametrize("encoded", [False, True])
def test_apple_s_key_is_a_pem_or_that_in_base64(encoded: bool) -> None:
    pem = ECKey.generate_key("P-256").as_pem(private=True)
    text = (b64encode(pem) if encoded else pem).decode()
    apple = {**GENERIC, **APPLE, "provider": "apple", "apple_private_key": text}
    assert examine(config(apple), env={}).faults == ()


def test_two_providers_have_two_ids() -> None:
    (fault,) = examine(config(GENERIC, GENERIC), env={}).faults
    assert fault.path == f"{POINTER}/1/id"


async def test_a_mapper_that_does_not_compile_is_refused_and_one_that_lacks_a_claim_is_not() -> None:
    wants = "base64://" + b64encode(b"local c = std.extVar('claims'); { identity: { traits: { a: c.b } } }").decode()
    broken = "base64://" + b64encode(b"{ identity: ").decode()
    async with TemplatePool(1) as pool:
        fits = await examine_checked(config({**GENERIC, "mapper_url": wants}), templates=pool, env={})
        assert fits.faults == ()
        (fault,) = (await examine_checked(config({**GENERIC, "mapper_url": broken}), templates=pool, env={})).faults
        assert (fault.path, "does not compile" in fault.message) == (f"{POINTER}/0/mapper_url", True)


def test_what_is_switched_off_may_be_half_finished() -> None:
    unbuilt = {**GENERIC, "provider": "x", "mapper_url": "file://not-there"}
    assert read(config(unbuilt, enabled=False), env={}).method("oidc").enabled is False


def test_what_limen_does_not_do_yet_is_named() -> None:
    reading = examine(config({**GENERIC, "organization_id": "o", "aal2_acr_values": ["urn:mfa"]}), env={})
    assert reading.ignored == (f"{POINTER}/0/organization_id", f"{POINTER}/0/aal2_acr_values")


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_knows_all_that_signing_in_takes(name: str) -> None:
    preset = PRESETS[name]
    urls = (preset.issuer, preset.auth_url, preset.token_url, preset.userinfo_url, preset.emails_url)
    assert all(url is None or url.startswith(("https://", "{issuer}/")) for url in urls)
    if preset.auth_url is None:
        assert (preset.scope, preset.members) == (("openid",), {}), "all of it is discovered"
    else:
        assert preset.auth_url
        assert preset.token_url
        assert preset.userinfo_url
        assert preset.members


def test_limens_own_setting_is_part_of_what_is_published() -> None:
    on = read(config(GENERIC), {"oidc": {"login_actions_after_registration": True}}, env={})
    off = read(config(GENERIC), {}, env={})
    assert (on.settings.login_after_oidc_registration, off.settings.login_after_oidc_registration) == (True, False)
    assert on.document["limen"] == {"oidc": {"login_actions_after_registration": True}}
    assert "limen" not in off.document
