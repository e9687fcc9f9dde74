"""The authentication methods, each behind the port `limen.domain.method.Method`."""

from limen.adapters.methods.code import CodeMethod
from limen.adapters.methods.identifier_first import IdentifierFirstMethod
from limen.adapters.methods.link import LinkMethod
from limen.adapters.methods.lookup_secret import LookupSecretMethod
from limen.adapters.methods.password import PasswordMethod
from limen.adapters.methods.profile import ProfileMethod
from limen.adapters.methods.totp import TotpMethod

__all__ = [
    "CodeMethod",
    "IdentifierFirstMethod",
    "LinkMethod",
    "LookupSecretMethod",
    "PasswordMethod",
    "ProfileMethod",
    "TotpMethod",
]
