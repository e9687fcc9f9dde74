"""Issuers: whether a provider is the one it should be. Microsoft's have one for every tenant, and a template for all.

An issuer is compared character by character (OpenID Connect Core §3.1.3.7, RFC 9207 §2.4), but for the final slash of
the one that is configured: who writes it down leaves that out, or puts it there.
"""

import re
from typing import Any, Final

from limen.adapters.methods.oidc.provider import Provider

TENANT: Final = "{tenantid}"
"""What stands in the issuer of Microsoft's shared tenants, in place of the tenant of whoever signs in."""
_GUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def issued_by(issuer: str, named: Any, tenant: Any = None) -> bool:
    """Whether `named` is this issuer, or where that is a template one of it: that of `tenant`, where one is given."""
    if not isinstance(named, str):
        return False
    before, template, after = issuer.partition(TENANT)
    if not template:
        return named == issuer
    if tenant is not None:
        return named == f"{before}{tenant}{after}"
    return re.fullmatch(f"{re.escape(before)}[^/?#]+{re.escape(after)}", named) is not None


def describes(provider: Provider, issuer: Any) -> bool:
    """Whether a document of this issuer is the one that the configured address should give (Discovery §4.3).

    Microsoft's gives the shared tenants' template, or the GUID of the tenant that was asked for by a name.
    """
    wanted = provider.issuer or ""
    if not isinstance(issuer, str):
        return False
    if issuer.rstrip("/") == wanted.rstrip("/"):
        return True
    if provider.kind != "microsoft":
        return False
    if TENANT in issuer:
        return True
    above, _, version = wanted.rpartition("/")
    host, _, tenant = above.rpartition("/")
    if re.fullmatch(_GUID, tenant):  # asked for by that: another one is another tenant
        return False
    return re.fullmatch(f"{re.escape(host)}/{_GUID}/{re.escape(version)}", issuer) is not None
