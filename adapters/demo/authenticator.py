"""The authenticator app of the demo's person: it takes over the secret that settings show, and has a clock."""

from dataclasses import dataclass, field

from pyotp.totp import TOTP

from limen.domain.outcome import FlowView
from limen.domain.ports import Clock

STEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Authenticator:
    """An app with one account in it."""

    secret: str = field(repr=False)
    clock: Clock

    @classmethod
    def of(cls, settings: FlowView, clock: Clock) -> "Authenticator":
        """Takes over what the settings show in writing."""
        node = next(one for one in settings.ui.nodes if one.attributes.id == "totp_secret_key")
        return cls(str(node.attributes.text.context.secret), clock)

    @property
    def code(self) -> str:
        """What it shows now."""
        return self._at(0)

    @property
    def earlier(self) -> str:
        """What it showed a step ago; that counts too, and leaves the code of now to be used."""
        return self._at(-1)

    def _at(self, steps: int) -> str:
        return str(TOTP(self.secret).at(int(self.clock.now().timestamp()) + steps * STEP_SECONDS))
