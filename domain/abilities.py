"""Abilities: what a method may do besides judging a submission; the engine asks whether it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.method import Challenged, Method, Submission, Verdict
from limen.domain.people import People
from limen.domain.profile import Profile


@runtime_checkable
class Prompting(Method, Protocol):
    """A method that may send its code when a login for a second factor starts, before anybody asks for it."""

    async def prompt(self, submission: Submission) -> Challenged | None:
        """What is sent at once; None where the person has to ask, or to choose. `submission.values` are empty."""


@runtime_checkable
class Returning(Method, Protocol):
    """A method whose step ends elsewhere (an OpenID provider's page, a link in a mail) and comes back by `resume`."""

    def returns(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """Whether what came back is for this method."""

    def asks(self, submission: Submission) -> bool:
        """Whether `resume` asks somebody else, who answers once: the flow is to be this process' alone before that.

        Raises `RequestRefused` where it is not its person who came back; nothing is appended then.
        """

    async def resume(self, submission: Submission) -> Verdict:
        """Judges what came back: `submission.values` are the query's and the form's fields."""


@runtime_checkable
class Implied(Method, Protocol):
    """A method that need not be named: what is submitted says that it is meant (a provider's button)."""

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """Whether a submission that names no method is for this one."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is looked at: what a factor needs to know to show its part of the form.

    `identity` and `profile` are whose flow it is, where that is known: in settings, at a second factor, and when a
    session is refreshed.
    """

    flow: Flow
    people: People
    identity: Identity | None
    profile: Profile | None = field(repr=False)
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pending: str | None = field(default=None, repr=False)


@runtime_checkable
class Factor(Method, Protocol):
    """A method whose form shows secrets: to be taken over by an authenticator, to be answered, or kept on paper.

    They reach the form of the person alone, never an action's context, and stand in the vault.
    """

    shows: frozenset[FlowKind]
    """The flows whose forms show them."""

    async def prepare(self, glance: Glance) -> str | None:
        """A secret for a flow to keep from its start, None where the form shows none."""

    async def show(self, glance: Glance) -> Mapping[str, Any]:
        """What the form shows of them."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """Which methods have which ability, by name: asked once for a configuration, for to ask takes long."""

    prompting: Mapping[str, Prompting]
    returning: Mapping[str, Returning]
    implied: Mapping[str, Implied]
    factors: Mapping[str, Factor]

    @classmethod
    def of(cls, methods: Mapping[str, Method]) -> "Abilities":
        """What these methods can do, in their order."""
        return cls(
            prompting={name: one for name, one in methods.items() if isinstance(one, Prompting)},
            returning={name: one for name, one in methods.items() if isinstance(one, Returning)},
            implied={name: one for name, one in methods.items() if isinstance(one, Implied)},
            factors={name: one for name, one in methods.items() if isinstance(one, Factor)},
        )
