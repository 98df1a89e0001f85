"""The completion scripts: what a shell offers after a few letters."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.__main__ import main, parser
from cli.commands import COMMANDS
from cli.reference import render
from cli.selection import NAMES


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `completion` prints."""
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def offered(text: str, *words: str) -> set[str]:
    """Return what bash offers for the last of some words."""
    typed = " ".join(f"'{word}'" for word in words)
    program = (
        f"source /dev/stdin <<'END'\n{text}\nEND\n"
        f"COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}\n"
        "function=$(complete -p ecr-scan-alerts | sed -E 's/.*-F ([^ ]+).*/\\1/')\n"
        f'"$function" ecr-scan-alerts {typed.split()[-1]}; printf "%s\n" "${{COMPREPLY[@]}}"'
    )
    answer = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)  # noqa: S607  # the one on the path
    return set(answer.stdout.split())


def test_bash_completes_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, and what begins like the word."""
    text = script("bash", capsys)

    assert set(COMMANDS) <= offered(text, "ecr-scan-alerts", "")
    assert offered(text, "ecr-scan-alerts", "sc") == {"scan"}


def test_bash_completes_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the command that stands before."""
    text = script("bash", capsys)

    assert "--send" in offered(text, "ecr-scan-alerts", "scan", "--se")
    assert offered(text, "ecr-scan-alerts", "completion", "") >= {"bash", "zsh", "fish"}


@pytest.mark.parametrize("option", ["--severity", "--fail-on"])
def test_severities_are_completed(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In each command that takes them; the parser takes several, so it has no choices."""
    bash, zsh = script("bash", capsys), script("zsh", capsys)

    for command in ("scan", "report", "normalize"):
        assert offered(bash, "ecr-scan-alerts", command, option, "") >= set(NAMES)
        assert offered(bash, "ecr-scan-alerts", command, option, "CR") == {"CRITICAL"}
    choices = set(re.findall(rf'"{option}\[[^"]*\]:[^:"]*:\(([A-Z ]+)\)"', zsh))
    assert " ".join(NAMES) in choices


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script_of_its_own(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names all commands; where the shell is here, it can read the script."""
    text = script(shell, capsys)

    assert all(name in text for name in COMMANDS)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True, capture_output=True)


def test_a_command_is_described_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the words of `--help`: whole descriptions would fill a screen."""
    zsh, fish = script("zsh", capsys), script("fish", capsys)

    for name, command in COMMANDS.items():
        assert f"{name}:'{command.HELP}'" in zsh
        assert f"-a {name} -d '{command.HELP}'" in fish


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish here")
def test_fish_completes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Commands, their commands, options and choices, each with its description."""
    typed = ("sc", "repository ", "scan --se", "scan --severity CR")
    program = script("fish", capsys) + "".join(
        f'complete -C "ecr-scan-alerts {words}"\n' for words in typed
    )
    shown = subprocess.run(
        ["fish", "--no-config"],  # noqa: S607  # the one on the path
        input=program,
        text=True,
        check=True,
        capture_output=True,
        env={**os.environ, "HOME": str(tmp_path)},
    ).stdout
    offers = [line.split("\t")[0] for line in shown.splitlines()]

    assert offers == ["scan", "fix", "preview", "template", "--send", "--severity", "CRITICAL"]


def test_the_parser_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    """It is made once: what a script needs of it is no choice of the command line."""
    before = render(parser())

    script("bash", capsys)

    assert render(parser()) == before
    assert parser().parse_args(["scan", "api:1", "--fail-on", "HIGH,CRITICAL"])
