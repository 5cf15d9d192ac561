"""The command `pilot-eval`: parses, calls, and maps errors to exit codes.

Commands are imported when they are called, so that `pilot-eval --help` imports nothing heavy.
"""

from __future__ import annotations

import importlib
import sys

import click

from evaluation import __version__
from evaluation.errors import PilotEvalError

__all__ = ["COMMANDS", "cli", "main"]

# Name to its line in --help; each is evaluation.cli.<name>.command.
COMMANDS: dict[str, str] = {
    "init": "Make a study folder to edit.",
    "check": "Read and check the data of a study; estimate nothing.",
    "estimate": "Estimate a study; write results and reports.",
    "report": "Render the reports of a stored run again.",
    "rerun": "Recompute a stored run and compare every number.",
    "calibrate": "Say how often the methods of a study would cry wolf on its own data.",
    "panel": "Count the admissions in hospital records, by unit and period.",
    "sources": "Say what can be read, and how it must look.",
}

_EPILOG = """\b
Start here:
  pilot-eval estimate                       the embedded sample study
  pilot-eval init my-study                  a folder of your own to edit
  pilot-eval check my-study/study.toml      is the data fit to be used?
  pilot-eval estimate my-study/study.toml --out my-results

\b
Exit codes: 0 done, 2 usage, 10 study file, 11 source data, 12 a blocking data
check, 13 estimation, 14 a rerun that differs, 15 disclosure.
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"evaluation.cli.{cmd_name}").command
        return found

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pilot-eval")
def cli() -> None:
    """Evaluate a health-care pilot with few sites.

    From a study file and outcome data: difference-in-differences estimates with intervals that
    hold, a report for each pilot site, and everything a reviewer needs to get every number again.
    """


def main() -> None:
    """Run the command line; errors meant for users end in one message and their exit code."""
    try:
        cli()
    except PilotEvalError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}.", err=True)
        sys.exit(1)
