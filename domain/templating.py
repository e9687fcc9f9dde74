"""Templating: the port of untrusted Jsonnet, evaluated in guarded workers."""

from collections.abc import Mapping
from typing import Any, Protocol


class TemplateCanceled(Exception):
    """The template said `error "cancel"`: no request is made."""


class TemplateFailed(Exception):
    """The template failed. `detail` names the template and line, and never a value from the context."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Templates(Protocol):
    """Evaluates untrusted Jsonnet templates in guarded workers."""

    async def render(self, source: str, ctx: Mapping[str, Any], *, name: str = "template") -> bytes:
        """The JSON text the template gives for `ctx`. Raises `TemplateCanceled` or `TemplateFailed`."""

    async def map(self, source: str, claims: Mapping[str, Any], *, name: str = "mapper") -> bytes:
        """The JSON text a mapper gives for the claims of a provider, its external variable `claims`. Raises alike."""

    async def fault(self, source: str, *, mapper: bool = False) -> str | None:
        """What is wrong with the template (or mapper), without running it on anything; None when it compiles."""
