"""`make demo`, as a user runs it."""

import subprocess
import sys

import pytest

from local.aws.process import ROOT, EmbeddedAws
from local.demo.story import STORY


@pytest.mark.usefixtures("embedded_aws")
def test_the_demo_tells_its_story_and_ends(embedded_aws: EmbeddedAws) -> None:
    """Every scene is played, every destination notified as the routes say, and nothing else."""
    assert embedded_aws.endpoint
    command = [sys.executable, "-m", "local.demo.__main__", "--once", "--no-browser"]

    demo = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert all(scene.image in demo.stdout for scene in STORY)
    assert "nobody is notified twice" in demo.stdout
