"""The command line: `limen`.

Exit codes: 0 is yes or done, 1 a negative answer, 2 wrong use. Data goes to the standard output, everything else to the
standard error. Modules of commands import what they run inside the functions, so that `limen --help` stays quick.
"""


def main() -> None:
    """The entry point of the script `limen`."""
    from limen.adapters.cli.app import app

    app(prog_name="limen")


__all__ = ["main"]
