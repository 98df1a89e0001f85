"""The command that edits suppressions, as a person runs it."""

import io
import json
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from cli.__main__ import main, parser
from cli.alerts_file import check_file, read
from cli.commands import suppressions
from cli.failures import guarded
from lib.errors import ConfigError, DocumentError
from tests.cli.ignore_files.origins import EXAMPLES, TODAY

HEAD = """\
version: 1  # of this format
destinations:
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:alerts"}
routes:
  - name: everything
    notify: [audit]
"""
LIST = """\
suppressions:
  # The base image, TICKET-1
  - id: CVE-2023-4911  # glibc
    package: glibc
    expires: 2027-01-31
    reason: not reachable
  - id: CVE-2023-4911
    package: glibc-common
    repository: "legacy/*"
    expires: 2026-12-01
    reason: not reachable
  - id: CVE-2020-1
    expires: 2026-11-22
    reason: old
  - id: CVE-2020-2
    expires: 2026-11-23
    reason: ends today
"""

Run = Callable[..., int]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with suppressions, in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    Path("alerts.yml").write_text(HEAD + LIST, encoding="utf-8")
    return Path("alerts.yml")


@pytest.fixture
def run(path: Path) -> Run:  # noqa: ARG001  # what it runs on
    """Return what runs the command on the day of the tests."""

    def run(*arguments: str, today: date = TODAY) -> int:
        options = parser().parse_args(["suppressions", *arguments])
        return suppressions.run(options, today=today)

    return run


def entries(path: Path) -> list[dict[str, str]]:
    """Return what the file says now."""
    found: list[dict[str, str]] = read(path).document["suppressions"]
    return found


class TestAdd:
    """An entry more."""

    def test_it_stands_below_the_others(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With all that it is limited to; the rest of the file stays."""
        before = path.read_text()

        code = run(
            *("add", "CVE-2024-1", "--reason", "the proxy: off", "--days", "30"),
            *("--package", "curl", "--version", "8.5.0", "--purl", "pkg:deb/debian/curl"),
            *("--path", "usr/*", "--repository", "payments/*", "--digest", f"sha256:{1:064x}"),
        )

        assert code == 0
        assert path.read_text() == before + (
            "  - id: CVE-2024-1\n"
            "    package: curl\n"
            '    version: "8.5.0"\n'
            "    purl: pkg:deb/debian/curl\n"
            '    path: "usr/*"\n'
            '    repository: "payments/*"\n'
            f"    digest: sha256:{1:064x}\n"
            "    expires: 2026-12-23\n"
            '    reason: "the proxy: off"\n'
        )
        assert capsys.readouterr().out.startswith("alerts.yml:24: CVE-2024-1 in curl version 8.5.0")

    def test_without_an_end_it_gets_one(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Which is said."""
        run("add", "CVE-2024-1", "--reason", "x")

        assert entries(path)[-1]["expires"] == "2027-02-21"
        assert capsys.readouterr().out == (
            "alerts.yml:24: CVE-2024-1 until 2027-02-21 (90 days, since no end was given)\n"
        )

    def test_there_is_one_for_each_repository(self, run: Run, path: Path) -> None:
        """An entry has one pattern; the same one twice is once."""
        run("add", "CVE-2024-1", "--reason", "x", "--repository", "a/*", "b", "a/*")

        assert [each["repository"] for each in entries(path)[4:]] == ["a/*", "b"]

    def test_the_list_is_made_when_missing(self, run: Run, path: Path) -> None:
        """At the end of the file."""
        path.write_text(HEAD)

        run("add", "CVE-2024-1", "--reason", "x", "--expires", "2027-01-31")

        assert path.read_text() == (
            f"{HEAD}\nsuppressions:\n  - id: CVE-2024-1\n    expires: 2027-01-31\n    reason: x\n"
        )

    def test_a_key_without_a_list_is_mended(self, run: Run, path: Path) -> None:
        """check-config would not pass what is there, but what will be."""
        path.write_text(f"{HEAD}suppressions:\n")

        assert run("add", "CVE-2024-1", "--reason", "x") == 0
        assert check_file(path, today=TODAY) == ()

    def test_what_is_there_is_not_added_again(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Not even another end, when none is asked for."""
        before = path.read_text()

        run("add", "cve-2023-4911", "--package", "glibc", "--reason", " not  reachable")

        assert path.read_text() == before
        assert capsys.readouterr().out == (
            "alerts.yml:9: CVE-2023-4911 in glibc says so already, until 2027-01-31; "
            "nothing to change\n"
        )

    def test_what_a_wider_entry_covers_is_not_added(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It would have no effect."""
        before = path.read_text()

        run(
            *("add", "CVE-2023-4911", "--package", "glibc", "--repository", "a"),
            *("--reason", "x", "--days", "5"),
        )

        assert path.read_text() == before
        assert capsys.readouterr().out == (
            "alerts.yml:9: this covers CVE-2023-4911 in glibc for a until 2027-01-31; "
            "nothing to add\n"
        )

    @pytest.mark.parametrize(
        ("options", "changes", "said"),
        [
            (
                ["--reason", "not reachable", "--expires", "2027-06-30"],
                {"expires": "2027-06-30"},
                "until 2027-06-30 instead of 2027-01-31",
            ),
            (
                ["--reason", "patched"],
                {"reason": "patched"},
                'for another reason than "not reachable"',
            ),
            (
                ["--reason", "patched", "--days", "1"],
                {"reason": "patched", "expires": "2026-11-24"},
                (
                    "until 2026-11-24 instead of 2027-01-31 and for another reason than "
                    '"not reachable"'
                ),
            ),
        ],
    )
    def test_the_same_with_another_end_or_reason_is_renewed(
        self,
        run: Run,
        path: Path,
        capsys: pytest.CaptureFixture[str],
        options: list[str],
        changes: dict[str, str],
        said: str,
    ) -> None:
        """In its place, with its comments; what it was is said."""
        before = entries(path)

        run("add", "CVE-2023-4911", "--package", "glibc", *options)

        assert entries(path) == [before[0] | changes, *before[1:]]
        assert "  - id: CVE-2023-4911  # glibc\n" in path.read_text()
        assert capsys.readouterr().out == f"alerts.yml:9: CVE-2023-4911 in glibc {said}\n"

    def test_one_that_has_ended_is_renewed_without_asking_for_an_end(
        self, run: Run, path: Path
    ) -> None:
        """It would hold for nothing otherwise."""
        run("add", "CVE-2020-1", "--reason", "old")

        assert entries(path)[2]["expires"] == "2027-02-21"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--days", "0"], "--days takes a number of days from 1 to 3650"),
            (["--days", "3651"], "--days takes a number of days from 1 to 3650"),
            (["--expires", "soon"], "--expires takes a date such as 2027-01-31"),
            (["--expires", "2026-11-22"], "--expires is past: it is 2026-11-23"),
        ],
    )
    def test_an_end_must_be_one(self, run: Run, options: list[str], message: str) -> None:
        """Ahead, and not for ever."""
        with pytest.raises(DocumentError, match=message):
            run("add", "CVE-2024-1", "--reason", "x", *options)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["CVE 1", "--reason", "x"], "suppressions[4].id: must be the id of one vulnerability"),
            (["CVE-1", "--reason", " "], "suppressions[4].reason: must say why"),
            (
                ["CVE-1", "--reason", "x", "--purl", "openssl"],
                "suppressions[4].purl: must be a package URL",
            ),
        ],
    )
    def test_what_check_config_would_not_pass_is_not_written(
        self, run: Run, path: Path, arguments: list[str], message: str
    ) -> None:
        """The error says what is wrong; the file is as it was."""
        before = path.read_bytes()

        with pytest.raises(ConfigError) as caught:
            run("add", *arguments)

        assert str(caught.value).startswith("alerts.yml was not changed, because it would not pass")
        assert f": error: {message}" in str(caught.value)
        assert path.read_bytes() == before

    def test_a_file_with_mistakes_is_not_edited(self, run: Run, path: Path) -> None:
        """They are listed with their lines."""
        path.write_text(HEAD.replace("[audit]", "[audti]"))

        with pytest.raises(ConfigError, match=r"alerts\.yml:6: error: routes"):
            run("add", "CVE-2024-1", "--reason", "x")

    def test_a_dry_run_prints_the_difference(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And changes nothing."""
        path.write_text(f"{HEAD}suppressions: []")

        code = run("add", "CVE-2024-1", "--reason", "x", "--days", "30", "--dry-run")

        captured = capsys.readouterr()
        assert code == 0
        assert path.read_text() == f"{HEAD}suppressions: []"
        assert captured.out.splitlines() == [
            "--- alerts.yml",
            "+++ alerts.yml",
            "@@ -4,4 +4,7 @@",
            " routes:",
            "   - name: everything",
            "     notify: [audit]",
            "-suppressions: []",
            "\\ No newline at end of file",
            "+suppressions:",
            "+  - id: CVE-2024-1",
            "+    expires: 2026-12-23",
            "+    reason: x",
            "alerts.yml:8: CVE-2024-1 until 2026-12-23",
        ]
        assert captured.err == "note: this is a dry run; alerts.yml is as it was\n"

    def test_bytes_that_are_no_text_stay(self, run: Run, path: Path) -> None:
        """A byte order mark, and the line ends of Windows."""
        path.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())

        run("add", "CVE-2024-1", "--reason", "x")

        after = path.read_bytes()
        assert after.startswith(b"\xef\xbb\xbfversion: 1  # of this format\r\n")
        assert after.count(b"\n") == after.count(b"\r\n")


class TestImport:
    """What other tools ignore."""

    @pytest.mark.parametrize(
        ("name", "imported", "skipped"),
        [
            (".trivyignore", 5, 5),
            (".trivyignore.yaml", 5, 6),
            (".grype.yaml", 4, 11),
            ("team.openvex.json", 9, 8),
        ],
    )
    def test_every_format_is_imported(
        self,
        run: Run,
        path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        imported: int,
        skipped: int,
    ) -> None:
        """The summary says how many, and why others are not."""
        path.write_text(HEAD)

        code = run("import", str(EXAMPLES / name))

        lines = capsys.readouterr().out.splitlines()
        assert code == 0
        assert len(entries(path)) == imported
        assert [each.split()[-1] for each in lines[1:4]] == [str(imported), "0", str(skipped)]
        assert len(lines) - lines.index(f"skipped of {EXAMPLES / name}:") - 2 == skipped
        assert {each.level for each in check_file(path, today=TODAY)} <= {"warning"}

    def test_the_summary_is_a_table(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With the lines of the origin."""
        Path(".trivyignore").write_text(
            "CVE-2024-1\nCVE-2020-2\nCVE-2020-1\nAVD-DS-0002\nCVE-2024-2 exp:2026-11-23\n"
        )

        run("import", ".trivyignore")

        assert [each.rstrip() for each in capsys.readouterr().out.splitlines()] == [
            "               ENTRIES",
            "imported       1",
            "already there  1",
            "skipped        3",
            "1 imported entry has no end in .trivyignore: until 2027-02-21 then (--days)",
            "",
            "skipped of .trivyignore:",
            "LINE  RULE         WHY",
            "3     CVE-2020-1   the entry for it ended on 2026-11-22; `suppressions add` renews it",
            "4     AVD-DS-0002  this is not the id of a vulnerability",
            "5     CVE-2024-2   it held until 2026-11-22",
        ]
        assert entries(path)[4:] == [
            {"id": "CVE-2024-1", "expires": "2027-02-21", "reason": "imported from .trivyignore"}
        ]

    def test_a_second_time_adds_nothing(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On a later day, too."""
        run("import", str(EXAMPLES / ".grype.yaml"))
        before = path.read_text()
        capsys.readouterr()

        run("import", str(EXAMPLES / ".grype.yaml"), today=date(2026, 12, 24))

        assert path.read_text() == before
        assert capsys.readouterr().out.splitlines()[1:3] == [
            "imported       0",
            "already there  4",
        ]

    def test_entries_can_be_limited_and_given_a_reason_and_an_end(
        self, run: Run, path: Path
    ) -> None:
        """Where the origin names none."""
        Path("ids").write_text("CVE-2024-1\n# known\nCVE-2024-2 exp:2027-01-01\n")

        run(
            *("import", "ids", "--format", "trivyignore"),
            *("--repository", "legacy/*", "--reason", "as before", "--days", "7"),
        )

        assert entries(path)[4:] == [
            {
                "id": "CVE-2024-1",
                "repository": "legacy/*",
                "expires": "2026-11-30",
                "reason": "as before",
            },
            {
                "id": "CVE-2024-2",
                "repository": "legacy/*",
                "expires": "2026-12-31",
                "reason": "known",
            },
        ]

    def test_a_dry_run_says_what_would_be(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The difference first, then the summary."""
        before = path.read_text()

        run("import", str(EXAMPLES / ".grype.yaml"), "--dry-run")

        assert path.read_text() == before
        out = capsys.readouterr().out
        assert out.startswith("--- alerts.yml\n+++ alerts.yml\n")
        assert "+  - id: CVE-2008-4318\n" in out
        assert "imported       4" in out

    def test_a_file_without_rules_is_said(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It may be of another format."""
        before = path.read_text()
        Path("ignored").write_text("output: json")

        run("import", "ignored", "--format", "grype")

        assert path.read_text() == before
        assert capsys.readouterr().err == (
            "note: ignored holds no rules of the format grype; --format names another\n"
        )

    def test_stdin_is_a_file(self, run: Run, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of the format that its text says."""
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"CVE-2024-1\n")))

        run("import", "-")

        assert entries(path)[-1]["reason"] == "imported from stdin"

    @pytest.mark.parametrize(
        ("content", "options", "message"),
        [
            (b"what is this", [], "ignored is of no known format; name it by --format"),
            (b"a\n\xff", [], "ignored: this is not text in UTF-8: see line 2"),
            (b"PK\x03\x04", [], "ignored: this is a ZIP archive: unpack it first"),
            (b" \n", [], "ignored: it is empty"),
            (b"[[IgnoredVulns]]", [], "ignored: this holds a configuration of osv-scanner"),
            (b"ignore: a", ["--format", "grype"], "ignored:1: ignore must be a list"),
            (b"{", ["--format", "openvex"], "ignored:1: this is not JSON"),
        ],
    )
    def test_what_cannot_be_read_is_located(
        self, run: Run, content: bytes, options: list[str], message: str
    ) -> None:
        """With what to do."""
        Path("ignored").write_bytes(content)

        with pytest.raises(DocumentError) as caught:
            run("import", "ignored", *options)

        assert str(caught.value).startswith(message)


class TestExpire:
    """Entries that end now."""

    def test_an_entry_ends_yesterday(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It stays to be read, with its comments; only the date changes."""
        before = path.read_text()

        assert run("expire", "cve-2023-4911", "--package", "glibc") == 0

        assert path.read_text() == before.replace("2027-01-31", "2026-11-22")
        assert capsys.readouterr().out == (
            "alerts.yml:9: CVE-2023-4911 in glibc ended on 2026-11-22 instead of 2027-01-31\n"
        )

    @pytest.mark.parametrize(
        "options",
        [["--repository", "legacy/*"], ["--line", "13"], ["--package", "glibc-common"]],
    )
    def test_what_limits_it_says_which(self, run: Run, path: Path, options: list[str]) -> None:
        """Or its line does."""
        run("expire", "CVE-2023-4911", *options)

        assert [each["expires"] for each in entries(path)[:2]] == ["2027-01-31", "2026-11-22"]

    def test_of_several_none_is_guessed(self, run: Run, path: Path) -> None:
        """They are listed with their lines."""
        before = path.read_text()

        with pytest.raises(ConfigError) as caught:
            run("expire", "CVE-2023-4911")

        assert str(caught.value).splitlines() == [
            "several entries are meant; say which by --line, or by what it is limited to:",
            "alerts.yml:9: CVE-2023-4911 in glibc",
            "alerts.yml:13: CVE-2023-4911 in glibc-common for legacy/*",
        ]
        assert path.read_text() == before

    def test_those_that_have_ended_are_not_meant(self, run: Run, path: Path) -> None:
        """Where another one holds."""
        run("expire", "CVE-2023-4911", "--line", "9")

        run("expire", "CVE-2023-4911")

        assert [each["expires"] for each in entries(path)[:2]] == ["2026-11-22", "2026-11-22"]

    def test_one_that_has_ended_stays(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing to change."""
        before = path.read_text()

        assert run("expire", "CVE-2020-1") == 0

        assert path.read_text() == before
        assert capsys.readouterr().out == (
            "alerts.yml:18: CVE-2020-1 has ended on 2026-11-22; nothing to change\n"
        )

    @pytest.mark.parametrize(
        "options", [["CVE-2024-1"], ["CVE-2020-2", "--package", "a"], ["CVE-2020-2", "--line", "9"]]
    )
    def test_there_must_be_one(self, run: Run, options: list[str]) -> None:
        """A mistyped id ends nothing."""
        with pytest.raises(DocumentError, match="has no such entry"):
            run("expire", *options)

    @pytest.mark.parametrize("options", [[], ["CVE-2020-1", "--all-expired"]])
    def test_it_is_one_or_all(self, run: Run, options: list[str]) -> None:
        """Not both, and not neither."""
        with pytest.raises(DocumentError, match="takes the id of an entry, or --all-expired"):
            run("expire", *options)

    def test_all_that_have_ended_are_removed(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Those that hold through today are not."""
        before = path.read_text()

        assert run("expire", "--all-expired") == 0

        gone = "  - id: CVE-2020-1\n    expires: 2026-11-22\n    reason: old\n"
        assert path.read_text() == before.replace(gone, "")
        assert capsys.readouterr().out.splitlines() == [
            "alerts.yml:18: CVE-2020-1 ended on 2026-11-22; removed",
            "removed 1 of 4 entries",
        ]

    def test_a_dry_run_removes_nothing(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It shows what would go."""
        before = path.read_text()

        run("expire", "--all-expired", "--dry-run")

        assert path.read_text() == before
        assert "-  - id: CVE-2020-1\n" in capsys.readouterr().out


class TestList:
    """What is there, by its end."""

    def test_entries_come_by_their_end(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        """Those that have ended or will soon are marked."""
        assert run("list") == 0

        assert [each.split() for each in capsys.readouterr().out.splitlines()] == [
            ["ENTRY", "UNTIL", "DAYS", "LEFT", "REASON", "LINE"],
            ["CVE-2020-1", "2026-11-22", "expired", "old", "18"],
            ["CVE-2020-2", "2026-11-23", "0", "(soon)", "ends", "today", "21"],
            [
                *("CVE-2023-4911", "in", "glibc-common", "for", "legacy/*", "2026-12-01"),
                *("8", "(soon)", "not", "reachable", "13"),
            ],
            ["CVE-2023-4911", "in", "glibc", "2027-01-31", "69", "not", "reachable", "9"],
        ]

    def test_only_those_that_have_ended(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        """The day after their last one."""
        run("list", "--expired", "--format", "json")

        assert [each["id"] for each in json.loads(capsys.readouterr().out)] == ["CVE-2020-1"]

    def test_scripts_get_json(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        """Every limit, and null where there is none."""
        run("list", "--format", "json")

        assert json.loads(capsys.readouterr().out)[2] == {
            "id": "CVE-2023-4911",
            "package": "glibc-common",
            "version": None,
            "purl": None,
            "path": None,
            "digest": None,
            "repository": "legacy/*",
            "expires": "2026-12-01",
            "days_left": 8,
            "state": "soon",
            "reason": "not reachable",
            "line": 13,
        }

    def test_another_file_can_be_named(
        self, run: Run, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As with every command."""
        path.rename("other.yml")

        run("list", "--config", "other.yml")

        assert "CVE-2020-2" in capsys.readouterr().out


@pytest.mark.usefixtures("path")
class TestCommand:
    """As the shell calls it."""

    def test_mistakes_are_one_sentence_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And exit code 2."""
        options = parser().parse_args(["suppressions", "expire", "CVE-2023-4911"])

        assert guarded(partial(suppressions.run, today=TODAY), options) == 2

        assert capsys.readouterr().err.splitlines()[1] == (
            "ecr-scan-alerts: alerts.yml:9: CVE-2023-4911 in glibc"
        )

    def test_today_is_the_day_in_utc(self, path: Path) -> None:
        """Without anybody saying it."""
        assert main(["suppressions", "add", "CVE-2024-1", "--reason", "x"]) == 0

        assert entries(path)[-1]["id"] == "CVE-2024-1"

    def test_the_permissions_of_the_file_stay(self, path: Path) -> None:
        """Nobody else can read it afterwards."""
        path.chmod(0o600)

        main(["suppressions", "add", "CVE-2024-1", "--reason", "x"])

        assert path.stat().st_mode & 0o777 == 0o600
