"""The entry point `tanbu`: finds the command, runs it, and turns every failure into one line.

This is the command line's edge: the only place that catches everything. Exit codes: 0 good,
1 checked and bad, 2 usage or unreadable input, 3 could not be checked.

Refuses to know: what the commands do.
"""

import sys
from collections.abc import Callable, Sequence
from errno import ENOSPC
from typing import Annotated, NoReturn

import typer

from registry import __version__
from registry.chain.errors import TanbuError
from registry.cli import shell
from registry.cli.lazy import COMMANDS, load
from registry.cli.shell import Exit

HELP = """Tanbu 碳簿: the book of carbon-inclusion credits.

Exit codes: 0 good, 1 checked and bad, 2 usage or unreadable input, 3 could not be checked.

\b
Example:
  tanbu sample --data var        play the sample book and look at it
  tanbu verify --help            how to check a retirement offline
"""
WIDTH = 100
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell reports of a program that SIGINT or SIGPIPE has ended."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code; every failure becomes one line on stderr."""
    shell.use(shell.Shell(as_json="--json" in argv, debug="--debug" in argv))
    return guarded(lambda: _run(argv))


def _run(argv: Sequence[str]) -> int:
    chosen, words = shell.take_common(argv, shell.environment())
    shell.use(chosen)
    return invoke(words or ["--help"])


def guarded(act: Callable[[], int]) -> int:
    """Do something; every failure becomes one line on stderr and an exit code."""
    try:
        return act()
    except TanbuError as error:
        return _tanbu_error(error)
    except typer.TyperException as error:
        shell.fail("usage", error.format_message().rstrip("."), todo="see --help")
        return Exit.USAGE
    except (KeyboardInterrupt, typer.Abort):
        shell.note("tanbu: stopped")
        return INTERRUPTED
    except shell.ReaderGone:
        sys.stdout = None  # else the interpreter would try to flush it
        return PIPE_CLOSED
    except OSError as error:
        return _os_error(error)
    except Exception as error:  # noqa: BLE001  the edge: a bug, too, is one line
        return _bug(error)


def invoke(words: Sequence[str]) -> int:
    """Run the command that the words name; the other commands' modules stay unloaded."""
    name = next((word for word in words if not word.startswith("-")), "")
    answer = typer.main.get_command(build(name))(
        args=list(words), prog_name="tanbu", standalone_mode=False
    )
    return answer if isinstance(answer, int) else Exit.GOOD


def build(name: str) -> typer.Typer:
    """The top level with the command `name` loaded and the others by their help alone."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": WIDTH,
            "terminal_width": WIDTH,
        },
    )
    app.callback(help=HELP)(_top)
    for command in COMMANDS:
        if command.name != name:
            app.command(command.name, help=command.help)(_not_loaded)
        elif command.group:
            app.add_typer(load(command), name=command.name, help=command.help)
        else:
            app.registered_commands.extend(load(command).registered_commands)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        shell.emit({"version": __version__}, f"tanbu {__version__}")
        raise typer.Exit


def _top(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Stand at the top of all commands."""


def _not_loaded() -> None:
    """Stand in for a command that was not chosen."""


def _trace(error: BaseException) -> None:
    if shell.current().debug:
        sys.excepthook(type(error), error, error.__traceback__)


def _tanbu_error(error: TanbuError) -> int:
    _trace(error)
    shell.fail(type(error).__name__.lower(), error.message, error.where, error.todo)
    return shell.exit_code(error)


def _os_error(error: OSError) -> int:
    _trace(error)
    where = str(error.filename or "")
    todo = "make room and run the command again" if error.errno == ENOSPC else ""
    shell.fail("unreadable", error.strerror or str(error), where, todo)
    return Exit.USAGE


def _bug(error: Exception) -> int:
    _trace(error)
    what = f"this should not happen: {type(error).__name__}: {error}"
    shell.fail("bug", what, todo="run it again with --debug and report what it shows")
    return Exit.UNCHECKED
