"""The authentication methods, each behind the port `limen.domain.method.Method`."""

from limen.adapters.methods.code import CodeMethod
from limen.adapters.methods.password import PasswordMethod
from limen.adapters.methods.profile import ProfileMethod

__all__ = ["CodeMethod", "PasswordMethod", "ProfileMethod"]
