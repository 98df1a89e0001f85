"""Files: written whole, changed by one command at a time, and named when they fail."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.files import locked, write_whole
from lib.errors import DocumentError

ROOT = Path(__file__).parents[2]
ALERTS = """\
version: 1
destinations:
  mail: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:000474600478:mail"}
routes:
  - {name: everything, notify: [mail]}
"""


class TestWriteWhole:
    """All of it or nothing."""

    def test_the_permissions_stay(self, tmp_path: Path) -> None:
        """Whoever could read it still can, and nobody else."""
        path = tmp_path / "alerts.yml"
        path.write_text("old")
        path.chmod(0o640)

        write_whole(path, "neu: ü\r\n")

        assert path.read_bytes() == "neu: ü\r\n".encode()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_stays_one(self, tmp_path: Path) -> None:
        """The file behind it changes."""
        path, link = tmp_path / "alerts.yml", tmp_path / "link.yml"
        path.write_text("old")
        link.symlink_to(path)

        write_whole(link, "new")

        assert link.is_symlink()
        assert path.read_text() == "new"

    def test_a_new_file_is_as_readable_as_others(self, tmp_path: Path) -> None:
        """A report is there to be shown."""
        path, other = tmp_path / "report.html", tmp_path / "other"
        other.touch()

        write_whole(path, "new")

        assert path.stat().st_mode == other.stat().st_mode

    def test_a_pipe_is_written_to(self, tmp_path: Path) -> None:
        """Who reads it gets all of it."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

        write_whole(pipe, "new")

        assert os.read(reader, 10) == b"new"
        os.close(reader)

    def test_what_fails_leaves_nothing_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither half a file nor a part of one beside it; the name is the one that was given."""

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left") as failed:
            write_whole(tmp_path / "report.html", "new")

        assert failed.value.filename == str(tmp_path / "report.html")
        assert list(tmp_path.iterdir()) == []

    def test_a_device_stays_one(self) -> None:
        """It is written to, not replaced."""
        with pytest.raises(OSError, match="No space left"):
            write_whole(Path("/dev/full"), "new")

        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)

    def test_what_is_no_file_is_named(self, tmp_path: Path) -> None:
        """A folder, and a folder that is not there."""
        with pytest.raises(DocumentError, match="is a folder"):
            write_whole(tmp_path, "new")
        with pytest.raises(DocumentError, match=r"there is no folder .*/missing$"):
            write_whole(tmp_path / "missing" / "report.html", "new")


class TestLocked:
    def test_a_second_one_waits(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """And says for what."""
        path = tmp_path / "alerts.yml"
        waiting, order = threading.Event(), list[str]()

        def second() -> None:
            waiting.set()
            with locked(path):
                order.append("second")

        thread = threading.Thread(target=second)
        with locked(path):
            thread.start()
            waiting.wait(10)
            # It cannot be seen from outside that somebody waits for a lock; the order shows it.
            thread.join(0.2)
            order.append("first")
        thread.join(10)

        assert order == ["first", "second"]
        assert f"another command is changing {path}" in capsys.readouterr().err

    def test_a_folder_that_cannot_be_locked_is_said(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The command goes on."""

        def refuse(*_: Any) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("fcntl.flock", refuse)
        with locked(tmp_path / "alerts.yml"), locked(tmp_path / "missing" / "alerts.yml"):
            pass

        assert "cannot be locked" in capsys.readouterr().err


@pytest.mark.slow
def test_parallel_changes_lose_nothing(tmp_path: Path) -> None:
    """Two people, or a script with xargs -P: whoever is told of success is in the file."""
    (tmp_path / "alerts.yml").write_text(ALERTS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = (sys.executable, "-P", "-m", "cli", "suppressions", "add")
    commands = [
        subprocess.Popen(
            [*words, f"CVE-2099-000{n}", "--reason=x"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for n in range(4)
    ]

    codes = [command.wait(60) for command in commands]

    text = (tmp_path / "alerts.yml").read_text()
    assert codes == [0] * 4
    assert [f"CVE-2099-000{n}" in text for n in range(4)] == [True] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["alerts.yml"]


def test_a_change_by_somebody_else_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor does not ask for locks."""
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS)
    monkeypatch.chdir(tmp_path)

    def edited(*_: Any) -> str:
        path.write_text(f"{ALERTS}# by hand\n")
        return ALERTS.replace("mail", "post")

    monkeypatch.setattr("cli.commands.suppressions.added", edited)
    code = main(["suppressions", "add", "CVE-2024-1", "--reason", "x"])

    assert code == 2
    assert "was changed meanwhile" in capsys.readouterr().err
    assert path.read_text().endswith("# by hand\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check-config", "missing.yml"), "missing.yml: there is no such file"),
        (("check-config", "."), ".: cannot be read: Is a directory"),
        (("route", "DOCUMENT", "--config", "/dev/zero"), "/dev/zero:1: "),
        (("normalize", "missing.json"), "missing.json: No such file"),
        (("normalize", "."), ".: Is a directory"),
        (("suppressions", "list", "--config", "missing/alerts.yml"), "there is no such file"),
        (
            ("suppressions", "add", "CVE-1", "--reason", "x", "--config", "missing/a.yml"),
            "no such file",
        ),
        (("suppressions", "import", "missing"), "missing: No such file"),
        (("report", "DOCUMENT", "-o", "missing/x.html"), "there is no folder missing"),
        (("report", "DOCUMENT", "-o", "."), "is a folder"),
        (("report", "DOCUMENT", "-o", "/dev/full"), "/dev/full: No space left"),
        (("report", "DOCUMENT", "-o", "/proc/x.html"), "/proc/x.html: "),
        (("route", "DOCUMENT", "--config", "."), ".: cannot be read"),
        (("repository", "preview", "a/b", "--policy", "missing.json"), "missing.json: No such"),
        (("check-config", "a\0b"), "NUL"),
        (("check-config", "\udcff"), "not text in UTF-8"),
        (("audit", "--config", "missing.yml"), "missing.yml: there is no such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the name that was given, whatever is wrong with it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alerts.yml").write_text(ALERTS)
    document = str(ROOT / "tests" / "findings" / "ecr-enhanced" / "aws-docs-example.json")
    words = [document if word == "DOCUMENT" else word for word in arguments]

    try:
        code = main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)

    err = capsys.readouterr().err
    assert code == 2
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
