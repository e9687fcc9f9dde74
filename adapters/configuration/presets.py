"""Presets: what is known of OpenID providers by name, as data. Sources: each provider's own pages, and Kratos' names.

A provider with an `issuer` speaks OpenID Connect: the rest is discovered (OpenID Connect Discovery 1.0). The others
speak OAuth 2.0 alone; who somebody is, their API says at `userinfo_url`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider.

    `issuer` may hold `{tenant}`, addresses `{issuer}`, the configured one; `answers_as` is the `iss` that its answers
    carry where no discovery says it (RFC 9207). `subject` is the member of the API's answer that tells people apart,
    `members` which of its members are which claim of OpenID Connect (a dotted name goes inside, a number into a list),
    `composed` claims that are made of them. `emails_url` lists addresses that are not in the answer (GitHub's);
    `vouches`: the address in it is verified.

    `scope` is asked for besides those configured, `scopes` is what those are called there (None: not asked for),
    `offline` the parameters that stand there for the scope `offline_access`. `pkce`: it is known to take PKCE where no
    discovery says so. `echoes_nonce`: its ID tokens hold the nonce. `claims_source` holds unless one is configured.
    `secret_in_body`: `client_secret_post`; `proves_secret`: its API wants Facebook's `appsecret_proof`.
    `authorization`: the scheme that its API wants, in `header`; `token_in_address`: it wants the token there instead.
    `token_parameters` go to the token endpoint besides. `json_names`: that wants JSON, with these names for what RFC
    6749 §4.1.3 calls otherwise, and answers so. `from_tokens`: claims that come with the tokens.
    """

    issuer: str | None = None
    answers_as: str | None = None
    auth_url: str | None = None
    token_url: str | None = None
    userinfo_url: str | None = None
    subject: str = "sub"
    members: Mapping[str, str] = field(default_factory=dict)
    composed: Mapping[str, str] = field(default_factory=dict)
    emails_url: str | None = None
    vouches: bool = False
    scope: tuple[str, ...] = ()
    scopes: Mapping[str, str | None] = field(default_factory=dict)
    offline: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    pkce: bool = False
    echoes_nonce: bool = True
    claims_source: str = "id_token"
    secret_in_body: bool = False
    proves_secret: bool = False
    authorization: str = "Bearer"
    header: str = "Authorization"
    token_in_address: bool = False
    token_parameters: Mapping[str, str] = field(default_factory=dict)
    json_names: Mapping[str, str] = field(default_factory=dict)
    from_tokens: Mapping[str, str] = field(default_factory=dict)


_OPENID = ("openid",)
_LINKEDIN = Preset(
    issuer="https://www.linkedin.com/oauth",
    scope=_OPENID,
    echoes_nonce=False,  # it takes PKCE only from clients that have had it switched on, which `pkce: force` is for
    claims_source="userinfo",
    secret_in_body=True,
)
_GITHUB = Preset(
    answers_as="https://github.com/login/oauth",
    auth_url="https://github.com/login/oauth/authorize",
    token_url="https://github.com/login/oauth/access_token",  # noqa: S106 - an address
    userinfo_url="https://api.github.com/user",
    emails_url="https://api.github.com/user/emails",
    subject="id",
    members={
        "name": "name",
        "preferred_username": "login",
        "nickname": "login",
        "picture": "avatar_url",
        "profile": "html_url",
        "website": "blog",
    },
    pkce=True,
    secret_in_body=True,
)

PRESETS: Mapping[str, Preset] = {
    "generic": Preset(scope=_OPENID),
    "auth0": Preset(scope=_OPENID, claims_source="userinfo"),
    "google": Preset(issuer="https://accounts.google.com", scope=_OPENID, offline={"access_type": "offline"}),
    "microsoft": Preset(issuer="https://login.microsoftonline.com/{tenant}/v2.0", scope=_OPENID, pkce=True),
    "apple": Preset(
        issuer="https://appleid.apple.com",
        scope=_OPENID,
        parameters={"response_mode": "form_post"},
        secret_in_body=True,
    ),
    "gitlab": Preset(issuer="https://gitlab.com", scope=_OPENID, claims_source="userinfo"),
    "slack": Preset(
        issuer="https://slack.com",
        scope=_OPENID,
        scopes={  # what its API before OpenID Connect called them, as files for Kratos have them
            "identity.basic": "profile",
            "identity.email": "email",
            "identity.avatar": "profile",
            "identity.team": None,
        },
        secret_in_body=True,
    ),
    "salesforce": Preset(issuer="https://login.salesforce.com", scope=_OPENID, claims_source="userinfo"),
    "netid": Preset(issuer="https://broker.netid.de/", scope=_OPENID, claims_source="userinfo"),
    "linkedin": _LINKEDIN,
    "linkedin_v2": _LINKEDIN,
    "github": _GITHUB,
    "github-app": _GITHUB,
    "discord": Preset(
        auth_url="https://discord.com/oauth2/authorize",
        token_url="https://discord.com/api/oauth2/token",  # noqa: S106 - an address
        userinfo_url="https://discord.com/api/users/@me",
        subject="id",
        members={
            "name": "global_name",
            "preferred_username": "username",
            "nickname": "username",
            "email": "email",
            "email_verified": "verified",
            "locale": "locale",
        },
        composed={"picture": "https://cdn.discordapp.com/avatars/{id}/{avatar}.png"},
        pkce=True,
    ),
    "facebook": Preset(
        auth_url="https://www.facebook.com/dialog/oauth",
        token_url="https://graph.facebook.com/oauth/access_token",  # noqa: S106 - an address
        userinfo_url="https://graph.facebook.com/me?fields=id,name,first_name,last_name,middle_name,email,picture",
        subject="id",
        members={
            "name": "name",
            "given_name": "first_name",
            "family_name": "last_name",
            "middle_name": "middle_name",
            "email": "email",
            "picture": "picture.data.url",
        },
        vouches=True,
        secret_in_body=True,
        proves_secret=True,
    ),
    "spotify": Preset(
        auth_url="https://accounts.spotify.com/authorize",
        token_url="https://accounts.spotify.com/api/token",  # noqa: S106 - an address
        userinfo_url="https://api.spotify.com/v1/me",
        subject="id",
        members={
            "name": "display_name",
            "nickname": "display_name",
            "email": "email",
            "profile": "external_urls.spotify",
            "picture": "images.0.url",
        },
        pkce=True,
    ),
    "amazon": Preset(
        auth_url="https://www.amazon.com/ap/oa",
        token_url="https://api.amazon.com/auth/o2/token",  # noqa: S106 - an address
        userinfo_url="https://api.amazon.com/user/profile",
        subject="user_id",
        members={"name": "name", "email": "email"},
        pkce=True,
        secret_in_body=True,
    ),
    "yandex": Preset(
        auth_url="https://oauth.yandex.com/authorize",
        token_url="https://oauth.yandex.com/token",  # noqa: S106 - an address
        userinfo_url="https://login.yandex.ru/info?format=json",
        subject="id",
        members={
            "name": "real_name",
            "given_name": "first_name",
            "family_name": "last_name",
            "nickname": "login",
            "email": "default_email",
            "gender": "sex",
            "birthdate": "birthday",
        },
        composed={"picture": "https://avatars.yandex.net/get-yapic/{default_avatar_id}/islands-200"},
        authorization="OAuth",
    ),
    "patreon": Preset(
        auth_url="https://www.patreon.com/oauth2/authorize",
        token_url="https://www.patreon.com/api/oauth2/token",  # noqa: S106 - an address
        userinfo_url="https://www.patreon.com/api/oauth2/v2/identity"
        "?fields%5Buser%5D=first_name,last_name,url,full_name,email,image_url",
        subject="data.id",
        members={
            "name": "data.attributes.full_name",
            "given_name": "data.attributes.first_name",
            "family_name": "data.attributes.last_name",
            "email": "data.attributes.email",
            "picture": "data.attributes.image_url",
            "profile": "data.attributes.url",
        },
        secret_in_body=True,
    ),
    "line": Preset(
        issuer="https://access.line.me",
        scope=_OPENID,
        secret_in_body=True,
        token_parameters={"id_token_key_type": "JWK"},  # its tokens are signed with the client's secret otherwise
    ),
    "lark": Preset(
        auth_url="https://passport.feishu.cn/suite/passport/oauth/authorize",
        token_url="https://passport.feishu.cn/suite/passport/oauth/token",  # noqa: S106 - an address
        userinfo_url="https://passport.feishu.cn/suite/passport/oauth/userinfo",
        subject="open_id",
        members={
            "name": "name",
            "nickname": "en_name",
            "picture": "avatar_url",
            "email": "email",
            "phone_number": "mobile",
        },
        secret_in_body=True,
    ),
    "uaepass": Preset(
        auth_url="{issuer}/idshub/authorize",
        token_url="{issuer}/idshub/token",  # noqa: S106 - an address
        userinfo_url="{issuer}/idshub/userinfo",
        members={
            "name": "fullnameEN",
            "given_name": "firstnameEN",
            "family_name": "lastnameEN",
            "gender": "gender",
            "email": "email",
            "phone_number": "mobile",
        },
        scope=("urn:uae:digitalid:profile:general",),
        parameters={"acr_values": "urn:safelayer:tws:policies:authentication:level:low"},
        pkce=True,
    ),
    "vk": Preset(
        auth_url="https://oauth.vk.com/authorize",
        token_url="https://oauth.vk.com/access_token",  # noqa: S106 - an address
        userinfo_url="https://api.vk.com/method/users.get?fields=photo_200,nickname,bdate,sex&v=5.103",
        subject="response.0.id",
        members={
            "given_name": "response.0.first_name",
            "family_name": "response.0.last_name",
            "nickname": "response.0.nickname",
            "picture": "response.0.photo_200",
            "birthdate": "response.0.bdate",
        },
        from_tokens={"email": "email"},
        secret_in_body=True,
        token_in_address=True,
    ),
    "dingtalk": Preset(
        auth_url="https://login.dingtalk.com/oauth2/auth",
        token_url="https://api.dingtalk.com/v1.0/oauth2/userAccessToken",  # noqa: S106 - an address
        userinfo_url="https://api.dingtalk.com/v1.0/contact/users/me",
        subject="openId",
        members={
            "name": "nick",
            "nickname": "nick",
            "picture": "avatarUrl",
            "email": "email",
            "phone_number": "mobile",
        },
        scope=_OPENID,
        parameters={"prompt": "consent"},
        header="x-acs-dingtalk-access-token",
        authorization="",
        json_names={
            "client_id": "clientId",
            "client_secret": "clientSecret",
            "grant_type": "grantType",
            "access_token": "accessToken",
        },
    ),
}
