"""Stages are deployed with `make`, as a user does."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acceptance.deployment import DeploymentError, Make

MAKEFILE = """
.PHONY: deploy remove purge
deploy:
\t@echo "$(STAGE) $(REGION) $(YES) $(ADOPT)" >> calls
remove:
\t@echo "Not removed. There is no stack" >&2; exit 1
purge:
\t@touch started; sleep 60
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "deploy/stages").mkdir(parents=True)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


@pytest.fixture
def make(root: Path) -> Make:
    return Make("eu-central-1", root / "log/make.log", root=root)


def test_a_stage_is_deployed_from_its_file(root: Path, make: Make) -> None:
    """The file has the parameters; make gets stage, region and the answer to its question."""
    make.deploy("accept", config=root / "alerts.yml", parameters={"reconcileDays": 1})
    make.deploy("accept", config=root / "alerts.yml", parameters={}, adopt=True)

    assert (root / "calls").read_text().splitlines() == [
        "accept eu-central-1 1 ",
        "accept eu-central-1 1 1",
    ]
    text = (root / "deploy/stages/accept.yml").read_text()
    assert json.loads(text.partition("\n")[2]) == {
        "region": "eu-central-1",
        "config": str(root / "alerts.yml"),
    }


def test_only_a_file_of_ours_is_forgotten(root: Path, make: Make) -> None:
    """One that a person wrote stays; a missing one is no failure."""
    make.deploy("accept", config=root / "alerts.yml", parameters={})
    (root / "deploy/stages/prod.yml").write_text("region: eu-central-1\n")

    for stage in ("accept", "prod", "missing"):
        make.forget(stage)

    assert [path.name for path in (root / "deploy/stages").iterdir()] == ["prod.yml"]


def test_a_failure_is_told_with_the_last_lines(make: Make) -> None:
    """Without those of make itself."""
    with pytest.raises(DeploymentError) as error:
        make.remove("accept")

    assert str(error.value) == "make remove: Not removed. There is no stack"


def appears(path: Path) -> bool:
    """Whether a file is there within a minute."""
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


def test_an_interrupted_command_is_stopped(root: Path) -> None:
    """Nothing goes on in the background, and the interrupt goes on its way."""
    code = (
        # A shell lets what it runs in the background ignore interrupts.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from acceptance.deployment import Make;"
        f"Make('x', Path({str(root)!r}) / 'log', root=Path({str(root)!r})).purge('accept')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        try:
            assert appears(root / "started")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()

    assert b"KeyboardInterrupt" in stderr
    assert time.monotonic() - began < 30
