"""`make demo`, as a user runs it."""

import signal
import subprocess
import sys

import pytest

from local.aws.process import ROOT, EmbeddedAws
from local.demo.story import STORY

END = "Ctrl-C ends it."


@pytest.mark.usefixtures("embedded_aws")
def test_the_demo_tells_its_story_and_its_commands_work(embedded_aws: EmbeddedAws) -> None:
    """Each scene notifies whom the routes say; then the commands that it names are run."""
    assert embedded_aws.endpoint
    command = [sys.executable, "-u", "-m", "local.demo.__main__", "--no-browser"]
    lines = []

    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            lines.append(line.rstrip())
            if END in line:
                break
        output = "\n".join(lines)
        answers = []
        if demo.poll() is None:
            answers = _run_commands(lines)
            demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()

    assert END in output, output
    assert all(scene.image in output for scene in STORY)
    assert "nobody is notified twice" in output
    assert len(answers) == 3
    assert [answer.returncode for answer in answers] == [0, 0, 0], answers
    assert "First scan: " in answers[0].stdout
    assert "SENT" in answers[1].stdout
    assert "a message marked TEST is in the channel" in answers[2].stdout
    assert "nothing is left running" in rest
    assert demo.returncode == 0


def _run_commands(lines: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Run what the demo names, as a person pastes it."""
    (settings,) = (line for line in lines if line.startswith("  export AWS_"))
    commands = [line for line in lines if line.startswith("  ./ecr-scan-alerts ")]
    return [
        subprocess.run(
            ["bash", "-c", f"{settings}\n{command}"],  # noqa: S607  # the one on the path
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands
    ]
