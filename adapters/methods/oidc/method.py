"""`oidc`: signing in and up through OpenID providers, linking and unlinking them. The trip, and what comes back.

Authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700). An account at a
provider is its provider's id here and its `sub` there; whose it is, a reservation says. Tokens are not kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from limen.adapters.methods.oidc.discovery import Discovery
from limen.adapters.methods.oidc.exchange import Exchange, name_in_form
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.id_token import LEEWAY
from limen.adapters.methods.oidc.kept import Kept, carried, proof_of
from limen.adapters.methods.oidc.links import ALREADY, held_by, newly_linked, unlinked
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.said import Said, mapped, over
from limen.adapters.methods.oidc.trip import CALLBACK, Trip, arrived, depart
from limen.adapters.methods.oidc.updating import updated, with_metadata
from limen.adapters.methods.profile import submitted_traits
from limen.domain.configuration import FlowKind
from limen.domain.errors import RequestRefused
from limen.domain.first_factors import linked_providers
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.linking import Linkable
from limen.domain.method import Accepted, Away, Refused, Submission, Turned, Verdict
from limen.domain.ports import Secrets
from limen.domain.profile import Profile
from limen.domain.templating import Templates
from limen.domain.token_exchange import CLAIM
from limen.domain.ui import messages
from limen.domain.ui.providers import COMPLETING

ERRORS: Final = (
    *("access_denied", "invalid_request", "invalid_scope", "server_error", "temporarily_unavailable"),
    *("unauthorized_client", "unsupported_response_type", "interaction_required", "login_required"),
    *("account_selection_required", "consent_required"),
)
"""The errors that are told (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6): anything else comes from who knows where."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """How the method is set up: `base` is where callbacks come to; `then_login` as `limen.yml` says it."""

    providers: Mapping[str, Provider]
    base: str
    then_login: bool = False


class OidcMethod:
    """The OpenID providers of one configuration."""

    name = "oidc"
    flows = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})

    def __init__(
        self,
        settings: OidcSettings,
        exchange: Exchange,
        discovery: Discovery,
        templates: Templates,
        secrets: Secrets,
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self.discovery = discovery
        self.templates = templates
        self.secrets = secrets

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """A provider's button says it all: no method need be named."""
        names = ("link", "unlink") if flow.kind is FlowKind.SETTINGS else ("provider",)
        return any(isinstance(values.get(name), str) for name in names)

    def returns(self, flow: Flow, values: Mapping[str, Any]) -> bool:  # noqa: ARG002 - the port's
        """Whoever comes back from a provider brings its `state`."""
        return "state" in values

    # -- choosing a provider

    async def submit(self, submission: Submission) -> Verdict:
        """A provider is chosen, linked or unlinked; or what one said is completed, without another trip."""
        if submission.flow.kind is FlowKind.SETTINGS:
            return await self._settings(submission)
        chosen, kept = submission.values.get("provider"), Kept.of(submission.pending)
        completes = chosen is None or submission.flow.kind is FlowKind.REGISTRATION
        heard = kept.said is not None and (submission.returned or kept.is_of(submission.values.get(CLAIM)))
        if kept.said is not None and heard and completes and chosen in (None, kept.said.provider):
            return await self._heard(submission, kept, {})
        if not chosen:
            none = self._none_chosen(submission)
            return none if kept.proof is None else replace(none, pending=kept.text())  # it is kept for its app
        provider = self.settings.providers.get(chosen) if isinstance(chosen, str) else None
        if provider is None:
            raise RequestRefused("oidc_provider_not_found", "there is no provider of that id")
        if submission.values.get("id_token") and submission.flow.type == "api":
            return await self._from_app(submission, provider)
        return await self._away(submission, provider)

    def _none_chosen(self, submission: Submission) -> Refused:
        people, kind = submission.people, submission.flow.kind
        if kind is FlowKind.REGISTRATION:
            faults = people.rules.validator.faults(submission.schema_id, submitted_traits(submission))
            if faults:
                return Refused("missing", tuple(faults), _typed(submission))
        return Refused("missing", (messages.no_method(kind),))

    async def _away(self, submission: Submission, provider: Provider) -> Verdict:
        try:
            endpoints = await self.discovery.endpoints(provider, submission.now)
        except ProviderFault as fault:
            return Refused(fault.reason, (messages.generic(fault.text),), _typed(submission))
        typed = _typed(submission)
        trip, url = depart(
            provider,
            endpoints,
            submission.flow,
            self.secrets,
            base=self.settings.base,
            upstream=_upstream(submission.values),
            traits=typed.get("traits", {}),
        )
        return Away(url=url, pending=Kept(trip).text(), provider=provider.id, values=typed)

    async def _from_app(self, submission: Submission, provider: Provider) -> Verdict:
        """A native app has an ID token of the provider already (Kratos: `id_token`, `id_token_nonce`)."""
        nonce = submission.values.get("id_token_nonce")
        try:
            claims = await self.exchange.of_app(
                provider,
                submission.values["id_token"],
                nonce if isinstance(nonce, str) and nonce else None,
                submission.now,
            )
            if submission.flow.refresh and claims["iat"] + LEEWAY < submission.flow.issued_at.timestamp():
                raise ProviderFault("id_token", "its ID token is older than this flow")
            said = await mapped(self.templates, provider, claims)
        except ProviderFault as fault:
            return Refused(fault.reason, (messages.generic(fault.text),), _typed(submission))
        return await self._heard(submission, Kept(said=said), _typed(submission).get("traits", {}))

    # -- coming back

    def asks(self, submission: Submission) -> bool:
        """A code is exchanged once. Raises `RequestRefused` where nobody was sent to a provider."""
        kept, _ = self._arrived(submission)
        return kept.said is None and "error" not in submission.values

    def _arrived(self, submission: Submission) -> tuple[Kept, Trip]:
        kept, url = Kept.of(submission.pending), submission.request.url
        if kept.trip is not None and CALLBACK not in urlsplit(url).path:
            url = kept.trip.landing  # only the fields were handed over: none to compare
        return kept, arrived(kept.trip, submission.values, url)

    async def resume(self, submission: Submission) -> Verdict:
        """Somebody is back from a provider. Raises `RequestRefused` where nobody was sent there."""
        values = submission.values
        kept, trip = self._arrived(submission)
        provider = self.settings.providers[trip.provider]
        if kept.said is not None:  # heard before, when an action said no or the process died: the code is spent
            return await self._heard(submission, kept, trip.traits)
        if "error" in values:
            told = values["error"] if values["error"] in ERRORS else "it gives no reason"
            return Refused("provider_error", (messages.generic(f"the provider says no: {told}"),))
        code = values.get("code") or values.get("authCode")  # DingTalk's name for it
        if not isinstance(code, str) or not code:
            return Refused("provider_error", (messages.generic("the provider gave no code"),))
        try:
            claims = await self.exchange.claims(provider, trip, code, self.settings.base, submission.now)
            said = await mapped(self.templates, provider, {**name_in_form(provider, values), **claims})
        except ProviderFault as fault:
            return Refused(fault.reason, (messages.generic(fault.text),))
        return await self._heard(submission, Kept(trip, said), trip.traits)

    async def _heard(self, submission: Submission, kept: Kept, typed: Mapping[str, Any]) -> Verdict:
        """What follows from what a provider said. `typed` are the traits typed before it was asked.

        What was said stays with the flow until that is completed: an action that refuses costs nobody a second trip.
        """
        said = kept.said
        assert said is not None
        if submission.claim is not None:
            kept = replace(kept, proof=proof_of(submission.claim))
        holder = await submission.people.account_holder(said.provider, said.subject)
        match submission.flow.kind:
            case FlowKind.LOGIN:
                verdict = self._login(submission, said, holder, typed)
            case FlowKind.REGISTRATION:
                verdict = self._register(submission, said, holder, typed)
            case _:
                verdict = await newly_linked(submission, said, holder)
        if isinstance(verdict, Turned):
            shown = {name: submission.values[name] for name in (CLAIM,) if name in submission.values}
            held = held_by(submission.people, said)
            return replace(verdict, pending=carried(verdict.pending, kept), held=held, values=shown)
        if isinstance(verdict, Accepted) and verdict.then_login is not None:
            verdict = replace(verdict, then_login=carried(verdict.then_login, kept))
        if isinstance(verdict, Accepted) or (isinstance(verdict, Refused) and verdict.reason == "traits"):
            return replace(verdict, pending=kept.text())
        return verdict

    def _login(self, submission: Submission, said: Said, holder: Identity | None, typed: Mapping[str, Any]) -> Verdict:
        if holder is not None:
            profile = self._updated(submission, said, holder)
            return Accepted(identity=holder, profile=profile, authentication=self.name, provider=said.provider)
        open_to_all = submission.people.rules.configuration.flow(FlowKind.REGISTRATION).enabled
        if submission.flow.refresh or submission.flow.linking or not open_to_all:
            return Refused("unknown", (messages.account_not_found(),))
        known = replace(said, traits=over(typed, said.traits))
        return Turned(FlowKind.REGISTRATION, "unknown", Kept(said=known).text())

    def _updated(self, submission: Submission, said: Said, holder: Identity) -> Profile | None:
        """What the provider says now over what is there, where the configuration wants that and it fits."""
        if not self.settings.providers[said.provider].updates_identity:
            return None
        people = submission.people
        return updated(people, people.profile(holder), said, submission.now)

    def _register(
        self, submission: Submission, said: Said, holder: Identity | None, typed: Mapping[str, Any]
    ) -> Verdict:
        """What was typed before the trip gives way to what the provider says; what is typed after it does not."""
        if holder is not None:
            return Turned(FlowKind.LOGIN, "known", Kept(said=said).text())
        people, now, by_app = submission.people, submission.now, submission.flow.type == "api"
        given = submission.values.get("traits")
        given = given if isinstance(given, Mapping) else {}
        traits, entered = over(over(typed, said.traits), given), over(typed, given)
        # what the provider said is not shown to whoever knows the id of an app's flow
        kept = {"traits": entered if by_app else traits, COMPLETING: said.provider}
        faults = people.rules.validator.faults(submission.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        profile = with_metadata(
            people.compose(traits, now, schema_id=submission.schema_id, verified=said.verified), said
        )
        if by_app and submission.returned and not entered:
            profile = replace(profile, traits=traits)  # no form was filled in: no empty objects stand for it (Kratos)
        held, provider = held_by(people, said), self.settings.providers[said.provider]
        return Accepted(
            profile=profile,
            credentials={self.name: json.dumps([said.entry])},
            held={self.name: (held,)},
            authentication=self.name,
            provider=said.provider,
            signs_in=not self.settings.then_login,
            then_login=Kept(said=said).text() if self.settings.then_login else None,
            linkable=Linkable(
                self.name, provider.id, provider.label, said.entry, held, said.verified, provider.linking_automatic
            ),
            values=kept,
        )

    # -- settings

    async def _settings(self, submission: Submission) -> Verdict:
        link, unlink = submission.values.get("link"), submission.values.get("unlink")
        if link and unlink:
            return Refused("both", (messages.generic("link one provider or unlink one, not both at once"),))
        if not link and not unlink:
            return Refused("missing", (messages.no_method(FlowKind.SETTINGS),))
        identity, named = submission.identity, str(link or unlink)
        assert identity is not None
        if unlink:
            return await unlinked(submission, identity, named, self.settings.providers)
        provider = self.settings.providers.get(named)
        if provider is None:
            return Refused("unknown_provider", (messages.generic("there is no provider of that id"),))
        if named in linked_providers(identity):
            return ALREADY
        return await self._away(submission, provider)


def _typed(submission: Submission) -> dict[str, Any]:
    """The traits of a registration's form, which are kept for the way back."""
    traits = submitted_traits(submission)
    kept = submission.flow.kind is FlowKind.REGISTRATION and isinstance(traits, Mapping)
    return {"traits": traits} if kept else {}


def _upstream(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """`upstream_parameters`, as an object or as a form's dotted names."""
    given = values.get("upstream_parameters")
    dotted = {
        name.removeprefix("upstream_parameters."): value
        for name, value in values.items()
        if name.startswith("upstream_parameters.")
    }
    return {**dotted, **(given if isinstance(given, Mapping) else {})}
