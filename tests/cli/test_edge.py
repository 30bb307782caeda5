"""The frame of the command line: help, usage, exit codes, one line per failure, quick start."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import registry
from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable
from registry.cli import edge, lazy, shell
from registry.cli.lazy import COMMANDS
from tests.cli.conftest import Cli

REPO = Path(__file__).resolve().parents[2]
START_S_MAX = 1.2
"""A loose bound for a busy machine; it is about a fifth of this on an idle one."""


def loadable() -> list[lazy.Command]:
    directory = Path(edge.__file__).parent
    return [c for c in COMMANDS if (directory / f"{c.module}.py").exists()]


def test_help_lists_every_command_with_its_own_words(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    for command in COMMANDS:
        assert f"  {command.name} " in shown.out
        assert command.help in shown.out


@pytest.mark.parametrize("command", loadable(), ids=lambda command: command.name)
def test_every_command_teaches_with_an_example(cli: Cli, command: lazy.Command) -> None:
    app = lazy.load(command)
    shown = cli(command.name, "--help")
    assert shown.code == 0
    if not command.group:
        assert shown.out.split("\n")[2].strip() == command.help
    calls = [()] if not command.group else [(i.callback.__name__,) for i in app.registered_commands]
    for rest in calls:
        text = cli(command.name, *rest, "--help").out
        assert f"Example:\n    tanbu {' '.join((command.name, *rest))}" in text
        assert lazy.EPILOG in " ".join(text.split())


def test_nothing_but_the_chosen_command_is_loaded() -> None:
    code = (
        "import sys; from registry.cli.edge import run; run(['points', '--help']);"
        "print(*sorted(m for m in sys.modules if m.startswith(('httpx', 'sqlalchemy', 'fastapi',"
        " 'registry.cli.', 'registry.store', 'registry.net'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "registry.cli.points" in loaded
    assert [m for m in loaded if not m.startswith("registry.cli.")] == []
    assert "registry.cli.entry" not in loaded


def test_a_command_starts_quickly() -> None:
    words = [sys.executable, "-c", "from registry.cli import main; main(['points', '--help'])"]
    best_s = START_S_MAX
    for _ in range(3):
        start_s = time.monotonic()
        subprocess.run(words, capture_output=True, check=True)
        best_s = min(best_s, time.monotonic() - start_s)
    assert best_s < START_S_MAX


def test_without_words_the_help_is_shown(cli: Cli) -> None:
    assert cli().out == cli("--help").out


def test_the_version_is_that_of_the_project(cli: Cli) -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert registry.__version__ == project["version"]
    assert cli("--version", "--json").json == {"version": project["version"]}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("nothing",), "No such command 'nothing'"),
        (("points",), "Missing command"),
        (("points", "commit"), "Missing argument"),
        (("points", "verify", "x", "--count", "many"), "--count"),
        (("points", "verify", "x", "--nothing"), "No such option"),
        (("points", "verify", "no-such-file"), "No such file or directory — no-such-file"),
        (("points", "verify", "/"), "Is a directory"),
        (("--lang", "fr", "points"), "no language 'fr' — --lang — give en or zh"),
        (("points", "--lang"), "no language ''"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(cli: Cli, words: tuple[str, ...], what: str) -> None:
    done = cli(*words)
    assert done.code == 2
    assert what in done.line
    assert done.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Malformed("it is crooked", where="line 2", todo="make it straight"), 2),
        (NotTrusted("it is crooked", where="line 2", todo="make it straight"), 1),
        (Unavailable("it is crooked", where="line 2", todo="make it straight"), 3),
        (Broken("it is crooked", where="line 2", todo="make it straight"), 1),
    ],
)
def test_the_four_kinds_of_error_have_their_codes(
    capsys: pytest.CaptureFixture[str], error: TanbuError, code: int
) -> None:
    def fail() -> int:
        raise error

    shell.use(shell.Shell(as_json=True))
    assert edge.guarded(fail) == code
    captured = capsys.readouterr()
    assert captured.err == "tanbu: it is crooked — line 2 — make it straight\n"
    assert '"kind": "' + type(error).__name__.lower() in captured.out
    shell.use(shell.Shell())


def test_a_bug_is_one_line_too_and_debug_shows_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> int:
        raise ZeroDivisionError("by nought")

    for debug in (False, True):
        shell.use(shell.Shell(debug=debug))
        assert edge.guarded(fail) == 3
        err = capsys.readouterr().err
        assert ("Traceback" in err) is debug
        assert "tanbu: this should not happen: ZeroDivisionError: by nought — run it again" in err
    shell.use(shell.Shell())


def test_a_full_disk_and_an_unreadable_file_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise OSError(28, "No space left on device", "var/x")

    assert edge.guarded(fail) == 2
    assert capsys.readouterr().err.startswith("tanbu: No space left on device — var/x — make room")


def test_a_reader_that_has_gone_is_no_failure_of_ours() -> None:
    code = (
        "import os, sys; os.close(0); r, w = os.pipe(); os.close(r); os.dup2(w, 1);"
        "from registry.cli.edge import main; main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (edge.PIPE_CLOSED, "")


def test_common_options_may_stand_anywhere() -> None:
    environment = {"LANG": "zh_CN.UTF-8"}
    words = ["points", "--json", "a", "--lang=en", "--debug", "--", "--json"]
    chosen, rest = shell.take_common(words, environment)
    assert chosen == shell.Shell(as_json=True, language="en", debug=True)
    assert rest == ["points", "a", "--", "--json"]
    assert shell.take_common(["x"], environment)[0].language == "zh"
    assert shell.take_common(["x", "--lang", "zh", "y"], {}) == (
        shell.Shell(language="zh"),
        ["x", "y"],
    )
    assert shell.take_common([], {"LC_ALL": "C", "LANG": "zh"})[0].language == "en"
