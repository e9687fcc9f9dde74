"""The root of the commands: what a failure of any of them looks like, and which exit code it has."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

DEBUG = "LIMEN_TRACEBACK"
"""Set in the environment, an unexpected error shows where it came from."""

INTERRUPTED = 130


class Root(TyperGroup):
    """Turns errors into one sentence on the standard error and an exit code; never a traceback."""

    def invoke(self, ctx: Any) -> Any:  # the library that typer builds on, and its Context, differ by version
        """Runs the command. A refusal or failure is exit code 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # who read our output has gone, as `limen log | head` does: nobody is left to tell
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:
            # wrong use and wanted exits are told by the library that reads the command line: they carry their code
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort) or os.environ.get(DEBUG):
                raise
            say_error(error)
            raise typer.Exit(1) from None


def say_error(error: Exception) -> None:
    """Says what is wrong, and what to do about it, on the standard error."""
    from limen.adapters.cli.output import fail
    from limen.domain.errors import BusUnusable, ConfigurationInvalid, FlowNotFound, LimenError, StoreUnusable

    if isinstance(error, ConfigurationInvalid):
        fail("the configuration is refused", [str(fault) for fault in error.faults])
    elif isinstance(error, FlowNotFound):
        fail(f"flow {error.flow_id} is not in this store (or was not by then); limen flow list shows those that are")
    elif isinstance(error, StoreUnusable):
        fail(str(error), ["--store or LIMEN_STORE names the store; limen demo makes one to look at"])
    elif isinstance(error, BusUnusable):
        fail(str(error), ["--bus or LIMEN_BUS names the bus; or bus in limen.yml"])
    elif isinstance(error, LimenError):
        fail(str(error))
    elif isinstance(error, OSError) and (error.filename or error.strerror):
        fail(": ".join(str(part) for part in (error.filename, error.strerror or type(error).__name__) if part))
    else:
        fail(f"unexpected: {type(error).__name__}; set {DEBUG}=1 to see where, and report it")
