"""The guide to the sample book, run as it stands there, against a sample that has been played.

Changed are the port, which must be a free one here, and `tanbu`, which is this Python's.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import texts, tree

GUIDES = ("docs/guides/first-steps.md", "docs/guides/first-steps.zh-CN.md")
RUN_S_MAX = 240


def page(name: str) -> texts.Page:
    return texts.read((tree.REPO / name).read_text(encoding="utf-8"))


def test_both_guides_have_the_same_commands() -> None:
    english, chinese = (page(name) for name in GUIDES)
    assert english.blocks == chinese.blocks
    assert english.levels == chinese.levels


@pytest.mark.slow
def test_the_guide_is_true(tmp_path: Path, free_port: int) -> None:
    shim = tmp_path / ".venv" / "bin" / "tanbu"
    shim.parent.mkdir(parents=True)
    call = f'{shlex.quote(sys.executable)} -P -m registry.cli "$@"'
    shim.write_text(f"#!/bin/sh\nexec {call}\n", encoding="utf-8")
    shim.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tree.REPO),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }
    play = [str(shim), "sample", "--data", "var", "--port", str(free_port), "--json"]
    script = "\n".join(block.text for block in page(GUIDES[0]).blocks if block.language == "sh")
    with subprocess.Popen(
        play, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as sample:
        assert sample.stdout is not None
        assert sample.stdout.readline() == b"{\n", "it is played, and stays up"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(":8000", f":{free_port}")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_S_MAX,
            check=False,
        )
        sample.send_signal(signal.SIGINT)
        _, said = sample.communicate(timeout=60)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert sample.returncode == 0, said.decode()
    assert "样例 SAMPLE 某甲" in done.stdout, "the obligor is opened"
    assert "5 t of CO2 equivalent" in done.stdout
    assert "31,961 t retired" in done.stdout, "the audit counts the five that were retired here"
