"""Reading: from the files to an accepted configuration, or to the list of everything that is wrong with them."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from limen.adapters.configuration.actions import read_lists, short_forms
from limen.adapters.configuration.address_actions import check_address_actions
from limen.adapters.configuration.check import check
from limen.adapters.configuration.conditions import check_conditions
from limen.adapters.configuration.document import LIMEN, documents
from limen.adapters.configuration.draft import Draft, TemplateSource
from limen.adapters.configuration.findings import Findings, in_order, join, standing
from limen.adapters.configuration.hooks import check_ids, read_hooks
from limen.adapters.configuration.identity_schemas import read_schemas
from limen.adapters.configuration.keys import KRATOS
from limen.adapters.configuration.model import build
from limen.adapters.configuration.providers import read_providers
from limen.adapters.configuration.settings import read_settings
from limen.adapters.configuration.source import read_source
from limen.adapters.configuration.triggers import check_trigger_ids, read_triggers
from limen.adapters.configuration.uri import Content, Fetch, fetch_http
from limen.domain.configuration import Configuration
from limen.domain.errors import ConfigurationInvalid, Fault
from limen.domain.placement import PLACEMENT, named_slots
from limen.domain.templating import Templates

Source = Path | str | Mapping[str, Any]
Hooks = Mapping[str, Sequence[str]]
SETTINGS_NAME = "limen.yml"


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the files gave. `configuration` is None exactly when there are `faults`.

    `faults`, `ignored` (JSON pointers) and `warnings` (`pointer: text`) stand in the order of the file; the faults of
    `limen.yml` come last. `templates` are all that were found, to be compiled. `document` and `settings` are the two
    files as they stand.
    """

    configuration: Configuration | None
    faults: tuple[Fault, ...]
    ignored: tuple[str, ...]
    warnings: tuple[str, ...]
    templates: tuple[TemplateSource, ...] = field(default=(), repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings_faults: int = 0

    def accepted(self) -> Configuration:
        """The configuration. Raises `ConfigurationInvalid` with every fault."""
        if self.configuration is None:
            raise ConfigurationInvalid(self.faults)
        return self.configuration


def read(
    config: Source,
    settings: Source | None = None,
    *,
    env: Mapping[str, str] | None = None,
    hooks: Hooks | None = None,
    fetch: Fetch = fetch_http,
) -> Configuration:
    """Reads a Kratos configuration and limen's own settings. Raises `ConfigurationInvalid` with every fault.

    `settings` defaults to the variable `LIMEN_SETTINGS`, then to `limen.yml` beside a `config` that is a file. `env`
    defaults to the process's environment. `hooks` are the names the application registered, and the slots each may
    stand in (`login.before`, `login.after.password`). `fetch` gets the content behind http(s) URIs. Templates are not
    compiled here: `read_checked` does that too. Kratos' own variables (`DSN`, `SECRETS_COOKIE` …) are not read.
    """
    return examine(config, settings, env=env, hooks=hooks, fetch=fetch).accepted()


async def read_checked(
    config: Source,
    settings: Source | None = None,
    *,
    templates: Templates,
    env: Mapping[str, str] | None = None,
    hooks: Hooks | None = None,
    fetch: Fetch = fetch_http,
) -> Configuration:
    """`read`, off the event loop, and every template compiled. Raises `ConfigurationInvalid` with every fault."""
    reading = await examine_checked(config, settings, templates=templates, env=env, hooks=hooks, fetch=fetch)
    return reading.accepted()


async def examine_checked(
    config: Source,
    settings: Source | None = None,
    *,
    templates: Templates,
    env: Mapping[str, str] | None = None,
    hooks: Hooks | None = None,
    fetch: Fetch = fetch_http,
) -> Reading:
    """`examine`, off the event loop, with the faults of templates that do not compile among the others."""
    reading = await asyncio.to_thread(examine, config, settings, env=env, hooks=hooks, fetch=fetch)
    verdicts: dict[tuple[str, bool], str | None] = {}
    for template in reading.templates:
        if (template.source, template.mapper) not in verdicts:
            fault = await templates.fault(template.source, mapper=template.mapper)
            verdicts[template.source, template.mapper] = fault
    wrong = [one for one in reading.templates if verdicts[one.source, one.mapper] is not None]
    if not wrong:
        return reading
    own = len(reading.faults) - reading.settings_faults
    faults, settings_faults = list(reading.faults[:own]), list(reading.faults[own:])
    for template in wrong:
        message = f"does not compile: {verdicts[template.source, template.mapper]}"
        if template.settings:
            settings_faults.append(Fault(template.pointer, f"{SETTINGS_NAME}: {message}"))
        else:
            faults.append(Fault(template.pointer, message))
    return replace(
        reading,
        configuration=None,
        faults=(*in_order(reading.document, faults), *in_order(reading.settings, settings_faults)),
        settings_faults=len(settings_faults),
    )


def examine(
    config: Source,
    settings: Source | None = None,
    *,
    env: Mapping[str, str] | None = None,
    hooks: Hooks | None = None,
    fetch: Fetch = fetch_http,
) -> Reading:
    """Like `read`, but says everything it found instead of raising."""
    env, named = os.environ if env is None else env, dict(hooks or {})
    _check_names(named)
    findings, settings_findings = Findings(), Findings()
    document = read_source(config, findings)
    folder = Path.cwd() if isinstance(config, Mapping) else Path(config).resolve().parent
    if settings is None and isinstance(config, Mapping) and isinstance(document.get(LIMEN), Mapping):
        settings = document.pop(LIMEN)
    found = _settings_source(config, settings, env)
    content = read_source(found if found is not None else {}, settings_findings)
    own = read_settings(content, env, settings_findings)
    beside = folder if found is None or isinstance(found, Mapping) else Path(found).resolve().parent
    listed, templates = read_hooks(content.get("hooks"), own, Content(beside, fetch), settings_findings)
    triggers = read_triggers(Draft(content, Content(beside, fetch), own, named=named, findings=settings_findings))
    draft = Draft(document, Content(folder, fetch), own, listed, triggers, named, findings)
    _take_warnings(draft, settings_findings)
    readable = bool(document) or not findings.faults
    configuration = _read_document(draft, settings_findings) if readable else None
    settings_faults = _of_settings(content, settings_findings)
    return Reading(
        configuration=configuration,
        faults=(*in_order(document, findings.faults), *settings_faults),
        ignored=_ignored(draft),
        warnings=_warnings(draft),
        templates=(*draft.templates, *templates, *triggers.templates),
        document=document,
        settings=content,
        settings_faults=len(settings_faults),
    )


def _read_document(draft: Draft, settings_findings: Findings) -> Configuration | None:
    findings = draft.findings
    short = short_forms(draft)
    check(KRATOS, draft.document, "", findings, draft.mask)
    findings.faults = [fault for fault in findings.faults if fault.path not in short]
    for pointer, message in short.items():
        findings.fault(pointer, message)
    check_conditions(draft)
    read_providers(draft)
    schemas = read_schemas(draft)
    lists = read_lists(draft)
    check_address_actions(draft, schemas, lists)
    check_ids(draft.hooks, lists.values(), settings_findings)
    known = [*(action for actions in lists.values() for action in actions), *(action for _, action in draft.hooks)]
    check_trigger_ids(draft, known, settings_findings)
    known += [action for actions in draft.triggers.lists.values() for action in actions]
    _check_settings_used({action.id for action in known}, draft)
    if findings.faults or settings_findings.faults:
        return None
    return build(draft, lists, schemas, documents(draft), _ignored(draft), _warnings(draft))


def _check_names(named: Hooks) -> None:
    for name, slots in named.items():
        if name in PLACEMENT:
            raise ValueError(f"'{name}' is a built-in action; register the handler under another name")
        named_slots(slots)


def _settings_source(config: Source, settings: Source | None, env: Mapping[str, str]) -> Source | None:
    if settings is None:
        settings = env.get("LIMEN_SETTINGS") or None
    if settings is None and not isinstance(config, Mapping):
        beside = Path(config).resolve().parent / SETTINGS_NAME
        settings = beside if beside.exists() else None
    return settings


def _of_settings(content: Mapping[str, Any], findings: Findings) -> list[Fault]:
    """The faults of `limen.yml`: each says so."""
    return [
        fault if fault.message.startswith(SETTINGS_NAME) else Fault(fault.path, f"{SETTINGS_NAME}: {fault.message}")
        for fault in in_order(content, findings.faults)
    ]


def _take_warnings(draft: Draft, settings_findings: Findings) -> None:
    for pointer, message in settings_findings.warnings:
        draft.findings.warn(pointer, f"{SETTINGS_NAME}: {message}")


def _check_settings_used(ids: set[str], draft: Draft) -> None:
    """A slip in an id would leave an action unsigned; but one `limen.yml` may serve several configurations."""
    for name in draft.settings.actions:
        if name not in ids:
            draft.findings.warn(join("/actions", name), f"{SETTINGS_NAME} speaks of an action that is not there")


def _ignored(draft: Draft) -> tuple[str, ...]:
    return tuple(sorted(draft.findings.ignored, key=lambda pointer: standing(draft.document, pointer)))


def _warnings(draft: Draft) -> tuple[str, ...]:
    found = sorted(draft.findings.warnings, key=lambda warning: standing(draft.document, warning[0]))
    return tuple(f"{pointer}: {message}" for pointer, message in found)
