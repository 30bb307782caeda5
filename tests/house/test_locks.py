"""Everything that is installed is pinned by version and hash, and comes from what is declared."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.house import tree

LOCKS = ["build.txt", "run.txt", "dev.txt", "merkletools.txt"]
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][0-9a-z.]*)(?P<marker> ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def read_lock(text: str) -> tuple[dict[str, str], list[str]]:
    """Parse a requirements file into name → version, and complain of what is not pinned."""
    pins: dict[str, str] = {}
    complaints = []
    logical = re.sub(r"\\\n", " ", text)
    for line in logical.splitlines():
        words = line.split("#")[0].strip()
        if not words:
            continue
        head, *rest = re.split(r"\s+(?=--)", words)
        pin = PIN.fullmatch(head.strip())
        if pin is None:
            complaints.append(f"{head!r} is not pinned to one version")
        elif not rest or not all(HASH.fullmatch(word.strip()) for word in rest):
            complaints.append(f"{head!r} is not held by SHA-256 alone")
        else:
            pins[pin["name"]] = pin["version"]
    return pins, complaints


def lock(name: str) -> dict[str, str]:
    pins, complaints = read_lock((tree.REPO / "requirements" / name).read_text(encoding="utf-8"))
    assert complaints == []
    return pins


def wanted(lines: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~ ]", line)[0] for line in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_with_its_hashes(name: str) -> None:
    assert lock(name)


def test_the_locks_hold_what_pyproject_names() -> None:
    project = tomllib.loads((tree.REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wanted(project["dependencies"]) - set(lock("run.txt")) == set()
    assert wanted(project["optional-dependencies"]["dev"]) - set(lock("dev.txt")) == set()


def test_running_and_testing_use_the_same_versions() -> None:
    dev = lock("dev.txt")
    for name in ("run.txt", "build.txt"):
        assert {p: v for p, v in lock(name).items() if dev.get(p, v) != v} == {}
    assert set(lock("run.txt")) <= set(dev)


def test_the_project_builds_with_what_is_pinned() -> None:
    system = tomllib.loads((tree.REPO / "pyproject.toml").read_text(encoding="utf-8"))
    assert wanted(system["build-system"]["requires"]) == set(lock("build.txt"))


@pytest.mark.parametrize(
    "text",
    [
        "a>=1 --hash=sha256:" + "0" * 64,
        "a==1\n",
        "a==1 --hash=md5:" + "0" * 32,
        "a @ https://example.com/a.whl",
        "-r other.txt",
        "-e .",
    ],
)
def test_a_loose_requirement_is_found(text: str) -> None:
    assert read_lock(text)[1] != []
