"""Decision: what a submission is about to bring about. Actions may change it until it is committed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identity import Held, Identity
from limen.domain.ports import VaultRow
from limen.domain.profile import Profile
from limen.domain.session import Authentication, Session
from limen.domain.waiting_change import WaitingChange


@dataclass(slots=True)
class Decision:
    """An accepted submission on its way to the commit.

    `identity` is who it is about (a new one, of version 0, in registration); `profile` what they shall be; `previous`
    what they were. `session` is the one to be issued,
    refreshed, or signed in with; None where there is none. `key` is the vault row of a new identity's key. `removed`,
    `held`, `provider`, `spent`, `used` and `proven` are the verdict's. `also` is what a session shows besides: an
    account at a provider that is linked on the way. `exchange` is where a native app began that will ask for the
    session's token with two codes (`limen.domain.token_exchange`); `return_code` is the second of them. `waiting` is
    the change of profile that waited for this verification.
    """

    at: datetime
    method: str
    identity: Identity
    profile: Profile = field(repr=False)
    previous: Profile | None = field(default=None, repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    held: Mapping[str, tuple[Held, ...]] = field(default_factory=dict)
    authentication: str = ""
    provider: str | None = None
    also: tuple[Authentication, ...] = ()
    aal: str = "aal1"
    verified: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    removed: tuple[str, ...] = ()
    spent: Mapping[str, str] = field(default_factory=dict, repr=False)
    used: bool = False
    proven: bool = False
    session: Session | None = None
    session_token: str | None = field(default=None, repr=False)
    exchange: UUID | None = None
    return_code: str | None = field(default=None, repr=False)
    devices: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    key: VaultRow | None = None
    waiting: WaitingChange | None = None

    @property
    def registers(self) -> bool:
        """Whether the identity is a new one."""
        return self.identity.version == 0

    def shown(self) -> Profile:
        """The profile as it will be: the addresses that this very submission proves are verified in it."""
        if not self.verified:
            return self.profile
        addresses = (
            one if one.verified or (one.via, one.value) not in self.verified else one.confirmed(self.at)
            for one in self.profile.verifiable
        )
        return replace(self.profile, verifiable=tuple(addresses))


def switched_off(flow: Flow, decision: Decision) -> bool:
    """Whether an inactive identity is refused here. It may verify an address, which signs nobody in (as in Kratos)."""
    return decision.profile.state != "active" and flow.kind is not FlowKind.VERIFICATION


def stays_out(flow: Flow, decision: Decision) -> bool:
    """Whether an action made a new account inactive: it is stored, and nothing runs or is mailed for it (Kratos)."""
    return flow.kind is FlowKind.REGISTRATION and switched_off(flow, decision)
