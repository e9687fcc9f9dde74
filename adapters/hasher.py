"""Passwords hashed and verified in a few threads of their own: argon2id (RFC 9106) and bcrypt."""

import asyncio
import base64
import re
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2
import bcrypt

from limen.adapters.system import SystemSecrets
from limen.domain.configuration import HasherSettings
from limen.domain.errors import SubmissionInvalid
from limen.domain.ports import Secrets

T = TypeVar("T")

BCRYPT_BYTES: Final = 72
"""bcrypt looks at no more of a password. Kratos refuses to hash a longer one, and never accepts one at login."""
BCRYPT_COST: Final = 15
"""Costlier hashes are not verified, as in Kratos: one login with an imported hash of cost 31 would take days."""
ARGON2_MEMORY: Final = 1 << 20
ARGON2_ITERATIONS: Final = 10
ARGON2_PARALLELISM: Final = 16
"""Costlier argon2 hashes are not verified either: 1 GiB, 10 passes, 16 lanes."""

_LETTERS = (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode()
_TO_BCRYPT = bytes.maketrans(_LETTERS + b"+/", b"./" + _LETTERS)
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")


class PooledHasher:
    """Implements the `Hasher` port.

    `settings` say how new hashes are made; both kinds are verified whatever they say. At most `workers` passwords are
    worked on at a time, which also bounds the memory: `workers` times `settings.memory`. Salts are drawn from
    `secrets`, the system's unless a test hands in its own.
    """

    def __init__(self, settings: HasherSettings, secrets: Secrets | None = None, *, workers: int = 2) -> None:
        self._settings = settings
        self._secrets = secrets or SystemSecrets()
        self._argon2 = argon2.PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory,
            parallelism=settings.parallelism,
            hash_len=settings.key_length,
            salt_len=settings.salt_length,
            type=argon2.Type.ID,
        )
        self._nobody = _nobodys_hash(settings)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="limen-hasher")

    async def hash(self, password: str) -> str:
        """A PHC string `$argon2id$…`, or `$2b$…`, as the settings say.

        Raises `SubmissionInvalid` at `/password` for more than 72 bytes under bcrypt.
        """
        plain = _encoded(password)
        if self._settings.algorithm == "argon2":
            salt = self._secrets.bytes(self._settings.salt_length)
            return await self._off_loop(lambda: self._argon2.hash(plain, salt=salt))
        if len(plain) > BCRYPT_BYTES:
            raise SubmissionInvalid("/password", f"must not be longer than {BCRYPT_BYTES} bytes")
        setting = _bcrypt_setting(self._settings.cost, self._secrets.bytes(16))
        return await self._off_loop(lambda: bcrypt.hashpw(plain, setting).decode())

    async def verify(self, password: str, hashed: str) -> bool:
        """Whether the password belongs to the hash.

        A hash that is neither argon2 nor bcrypt, or is broken, belongs to no password; finding that out takes as long
        as a wrong password does.
        """
        plain = _encoded(password)
        return await self._off_loop(lambda: self._verified(plain, hashed))

    async def pretend(self, password: str) -> None:
        """The work of a verification under the present settings, for nobody."""
        await self.verify(password, self._nobody)

    def close(self) -> None:
        """Ends the threads; work under way is finished first."""
        self._pool.shutdown(wait=True)

    def _verified(self, plain: bytes, hashed: str) -> bool:
        if hashed.startswith("$argon2"):
            verdict = self._verified_argon2(plain, hashed)
        else:
            verdict = _verified_bcrypt(plain, hashed)
        if verdict is None:
            self._verified(plain, self._nobody)
        return bool(verdict)

    def _verified_argon2(self, plain: bytes, hashed: str) -> bool | None:
        try:
            asked = argon2.extract_parameters(hashed)
            if (
                asked.memory_cost > ARGON2_MEMORY
                or asked.time_cost > ARGON2_ITERATIONS
                or asked.parallelism > ARGON2_PARALLELISM
            ):
                return None
            return self._argon2.verify(hashed, plain)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHash, ValueError):
            return None

    async def _off_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _verified_bcrypt(plain: bytes, hashed: str) -> bool | None:
    """None where the hash cannot be used at all."""
    shape = _BCRYPT.fullmatch(hashed)
    if shape is None or int(shape[1]) > BCRYPT_COST:
        return None
    try:
        right = bcrypt.checkpw(plain[:BCRYPT_BYTES], hashed.encode())
    except ValueError:
        return None
    return right and len(plain) <= BCRYPT_BYTES


def _bcrypt_setting(cost: int, salt: bytes) -> bytes:
    """What bcrypt calls a salt: version, cost, and 16 bytes in its own order of the base64 alphabet."""
    return b"$2b$%02d$" % cost + base64.b64encode(salt).rstrip(b"=").translate(_TO_BCRYPT)


def _encoded(password: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can carry, is a character of its own rather than an error."""
    return password.encode("utf-8", "surrogatepass")


def _nobodys_hash(settings: HasherSettings) -> str:
    """A hash with the parameters of new ones whose digest is all zeros, so that it costs the same and fits nobody."""
    if settings.algorithm == "bcrypt":
        return f"$2b${settings.cost:02d}$" + "." * 53
    salt, digest = (
        base64.b64encode(bytes(length)).decode().rstrip("=") for length in (settings.salt_length, settings.key_length)
    )
    return f"$argon2id$v=19$m={settings.memory},t={settings.iterations},p={settings.parallelism}${salt}${digest}"
