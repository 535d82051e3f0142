"""The Typer app: the table of commands, each imported when it is invoked and not before."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from cachekit.cli.common.boundary import boundary


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its name and one line of help. Its function is `cli.NAME.command.NAME`."""

    name: str
    help: str


COMMANDS = (
    Entry("audit", "Will these requests be cached, and if not, why not?"),
    Entry(
        "capture",
        "Run a program and record the requests to models that leave it.",
    ),
    Entry("run", "Run a program and log every call of a model that it makes."),
    Entry("report", "Did the cache work, and what did it cost where it did not?"),
    Entry("replay", "What would other strategies have read, written and cost?"),
    Entry("pull", "Pull Bedrock's invocation log from CloudWatch Logs or S3."),
    Entry("emulate", "Stand in for the providers' APIs, caches and all."),
    Entry("warm", "Keep prefixes in the cache, with proof and a cap."),
    Entry("statusline", "One line on the prompt cache, for Claude Code's status line."),
    Entry("rules", "List the audit's rules, or explain one."),
    Entry(
        "config",
        "Show the effective configuration and where each value comes from.",
    ),
)
"""Adding a command is adding a line. The order is the order of `cachekit --help`."""


class Lazy(TyperCommand):
    """A command that is known by name and help only, until it is invoked or completed."""

    shared: tuple[object, ...] = ()

    def make_context(  # type: ignore[override]  # Typer exports its context under this name only
        self, info_name: str | None, args: list[str], parent: typer.Context | None = None, **extra: object
    ) -> typer.Context:
        """Loads the command and lets it parse the arguments, in its own context."""
        command = load(self.name or "")
        args = [_WITH_VALUE.get(arg, arg) for arg in args]
        command.params.extend(self.shared)  # type: ignore[arg-type]
        context: typer.Context = command.make_context(info_name, args, parent=parent, **extra)  # type: ignore[assignment]
        return context


_WITH_VALUE = {"--strict=possible": "--strict-possible", "--strict=yes": "--strict"}
"""Flags that may have a value: Typer knows an option with a value or without one, but none with both."""


class Group(TyperGroup):
    """The commands of the table, under the error boundary: for users and for `CliRunner` alike."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        for entry in COMMANDS:
            command = Lazy(name=entry.name, short_help=entry.help, help=entry.help, rich_markup_mode=None)
            command.shared = tuple(p for p in self.params if p.name == "no_color")
            self.add_command(command)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """As Typer does it, with our boundary: `cachekit --help | head` ends quietly."""
        with boundary():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Runs the command that was asked for."""
        with boundary():
            return super().invoke(ctx)


def load(name: str) -> TyperCommand:
    """The command of this name, as Typer reads its function's signature."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    handler: Callable[..., None] = getattr(import_module(f"cachekit.cli.{name}.command"), name)
    app.command(name)(handler)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def coloured(env: Mapping[str, str]) -> bool | None:
    """Whether the environment wants colours: NO_COLOR wins over FORCE_COLOR; None leaves it to the terminal."""
    if env.get("NO_COLOR") or env.get("TERM") == "dumb":
        return False
    return True if env.get("FORCE_COLOR", "0") not in ("", "0") else None


def _show_version(wanted: bool) -> None:
    if wanted:
        from cachekit.cli.common.about import version

        typer.echo(f"cachekit {version()}")
        raise typer.Exit


def _without_colour(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.color = False


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # pretty tracebacks print local values, which are keys and prompts
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # acted on by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    no_color: Annotated[  # noqa: ARG001  # acted on by its callback
        bool,
        typer.Option(
            "--no-color",
            callback=_without_colour,
            is_eager=True,
            expose_value=False,  # the commands take the option too, without a parameter for it
            help="No colours (or set NO_COLOR).",
        ),
    ] = False,
) -> None:
    """Did the prompt cache work, why not, and what did that cost?

    Exit codes: 0 fine, 1 findings, 2 wrong use or unreadable input, 3 the outside failed, 70 a bug, 130 interrupted.
    """
    if context.color is None:
        context.color = coloured(os.environ)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # text that the terminal cannot show must not end a command
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="cachekit")
    finally:
        gc.freeze()  # the interpreter ends sooner when it does not look through everything for garbage once more
