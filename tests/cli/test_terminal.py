"""What people see: tables that hold whatever a document says, and progress where it takes long."""

import io
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest
from rich.cells import cell_len

from cli.terminal import (
    ask_person,
    complain,
    print_json,
    print_lines,
    print_report,
    print_table,
    print_text,
    say,
    stepping,
    working,
)
from tests.support.builders import a_finding, a_report, an_image, an_unusable_report


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


class TestPrintReport:
    def test_nothing_of_a_document_is_markup_or_control(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Brackets stay, escape sequences and line breaks do not."""
        evil = "[/bold]\x1b[31m\n\u202eX"
        report = a_report(
            a_finding(package=evil),
            image=an_image(tags=(evil,), account=evil, digest=evil, platform=evil),
            status=evil,
            warnings=(evil,),
        )

        print_report(report)

        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert out.count("[/bold][31m X") == 7
        assert len(out.splitlines()) == 6

    def test_the_reason_of_a_failed_scan_is_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It comes from the scanner, too."""
        print_report(an_unusable_report("[/bold]\x1b[31m"))

        assert "[/bold][31m: no usable result" in capsys.readouterr().out

    def test_no_findings_need_no_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The counts say so already."""
        print_report(a_report())

        assert capsys.readouterr().out.endswith("0 vulnerabilities (none)\n")

    def test_a_file_has_each_finding_on_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Whole paths for grep; one long path does not push the other rows apart."""
        path = "usr/" * 50
        print_report(a_report(a_finding(path=path), a_finding("CVE-2", version="2")))

        lines = capsys.readouterr().out.splitlines()
        assert f"({path})" in lines[4]
        assert len(lines[5]) < 120

    def test_a_terminal_folds_long_cells(self, screen: Terminal) -> None:
        """No line is wider than the window, and the columns keep their places."""
        path = "usr/" * 50
        with redirect_stdout(screen):
            print_report(a_report(a_finding(path=path, exploit_available="YES")))

        lines = table_of(screen)
        column = lines[0].index("PACKAGE")
        assert max(map(len, lines)) <= 80
        assert len(lines) > 5
        assert all(line[:column].strip() == "" for line in lines[2:])
        assert "".join(line[column:].strip() for line in lines[2:]) in f"openssl ({path})"
        assert lines[1].endswith("yes")

    def test_wide_characters_take_two_columns(self, screen: Terminal) -> None:
        """What is beside them stays under its title."""
        finding = a_finding("CVE-1", package="界" * 40, version="1.0")
        with redirect_stdout(screen):
            print_report(a_report(finding))

        lines = table_of(screen)
        before = lines[1].partition("1.0")[0]
        assert len(before) + before.count("界") == lines[0].index("INSTALLED")

    def test_severities_have_colours_on_a_terminal(self, screen: Terminal) -> None:
        """And only there."""
        with redirect_stdout(screen):
            print_report(a_report(a_finding(severity="CRITICAL")))

        assert "\x1b[1;31mCRITICAL" in screen.getvalue()

    def test_a_window_may_be_too_narrow(
        self, screen: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Titles stay whole."""
        monkeypatch.setenv("COLUMNS", "20")

        with redirect_stdout(screen):
            print_report(a_report(a_finding()))

        assert "VULNERABILITY  PACKAGE" in strip(screen.getvalue())

    def test_large_tables_are_printed_in_seconds(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Row by row: 20,000 took rich ten seconds and more."""
        findings = [a_finding(f"CVE-{number}", package="a") for number in range(20_000)]
        started = time.process_time()

        print_report(a_report(*findings))

        assert time.process_time() - started < 3
        assert len(capsys.readouterr().out.splitlines()) == 20_004


def table_of(screen: Terminal) -> list[str]:
    """Return the lines from the titles on."""
    text = strip(screen.getvalue())
    return text[text.index("SEVERITY") :].splitlines()


def strip(text: str) -> str:
    """Take colours out."""
    for code in ("\x1b[1m", "\x1b[1;31m", "\x1b[31m", "\x1b[0m"):
        text = text.replace(code, "")
    return text


def test_tables_hold_text_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A route's reason can quote a tag."""
    print_table(("WHY",), [("[red]\x1b[31m\nX",)])

    assert capsys.readouterr().out.split("\n")[1].strip() == "[red][31m X"


def test_lines_hold_text_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A receiver's answer is no markup."""
    say("[/red]\x1b[31m\nX")

    assert capsys.readouterr().out == "[/red][31m X\n"


def test_each_complaint_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line says who is speaking."""
    complain("a\nb", "c")

    assert capsys.readouterr().err == "ecr-scan-alerts: a b\necr-scan-alerts: c\n"


@pytest.mark.parametrize(("plain", "text"), [(True, '"\\u00fc"\n'), (False, '"ü"\n')])
def test_json_is_ascii_for_scripts(
    plain: bool,  # noqa: FBT001  # a parameter of the test
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """People may have letters."""
    print_json("ü", plain=plain)

    assert capsys.readouterr().out == text


class TestWorking:
    @pytest.fixture
    def stderr(self, monkeypatch: pytest.MonkeyPatch) -> Terminal:
        monkeypatch.setenv("TERM", "xterm")
        return Terminal()

    def test_short_work_shows_nothing(self, stderr: Terminal) -> None:
        """A flash helps nobody."""
        with redirect_stderr(stderr), working("reading", total=3) as advance:
            advance()

        assert stderr.getvalue() == ""

    def test_long_work_shows_how_far_it_is(self, stderr: Terminal) -> None:
        """Done, total, and what is being done; gone at the end."""
        with redirect_stderr(stderr), working("[reading]", total=3, patience=0) as advance:
            advance()
            wait_for(stderr, "1/3")

        assert "[reading]" in stderr.getvalue()

    def test_one_piece_of_work_has_no_count(self, stderr: Terminal) -> None:
        """0 of 1 says nothing."""
        with redirect_stderr(stderr), working("fetching", total=1, patience=0):
            wait_for(stderr, "fetching")

        assert "0/1" not in stderr.getvalue()

    def test_results_do_not_go_through_the_bar(
        self, stderr: Terminal, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Stdout stays stdout."""
        with redirect_stderr(stderr), working("fetching", patience=0):
            wait_for(stderr, "fetching")
            sys.stdout.write("result\n")

        assert capsys.readouterr().out == "result\n"

    def test_a_log_has_no_bar(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even where colours are forced, as CI systems do."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        with working("reading", total=3, patience=0) as advance:
            advance()

        assert capsys.readouterr().err == ""


class TestStepping:
    def test_what_comes_next_is_named_and_added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The whole grows as it is found out."""
        monkeypatch.setenv("TERM", "xterm")
        stderr = Terminal()

        with redirect_stderr(stderr), stepping("listing", patience=0) as steps:
            steps.expect(2, "payments/[api]")
            steps.advance()
            steps.expect(3, "payments/web")
            wait_for(stderr, "1/5")

        assert "payments/web" in stderr.getvalue()

    def test_a_log_has_no_bar(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nobody watches."""
        with stepping("listing", patience=0) as steps:
            steps.expect(1, "payments/api")
            steps.advance()

        assert capsys.readouterr().err == ""


def wait_for(stderr: Terminal, text: str) -> None:
    """Wait until the bar, which has a thread of its own, has shown a text."""
    deadline = time.monotonic() + 10
    while text not in stderr.getvalue():
        assert time.monotonic() < deadline, stderr.getvalue()


class TestPrintLines:
    ROWS = (("1", "a" * 70, "x" * 50), ("2", "界", "y"))

    def test_a_terminal_has_one_line_for_a_row(self, screen: Terminal) -> None:
        """Cut at the window; columns keep their places beside wide characters."""
        with redirect_stdout(screen):
            print_lines(("ID", "NAME", "WHY"), self.ROWS)

        lines = strip(screen.getvalue()).splitlines()
        assert len(lines) == 3
        assert len(lines[1]) == 80
        assert lines[1].endswith("x…")
        assert cell_len(lines[2][: lines[2].index("y")]) == lines[0].index("WHY")

    def test_whole_lines_are_not_cut(self, screen: Terminal) -> None:
        """Where they were asked for."""
        with redirect_stdout(screen):
            print_lines(("ID", "NAME", "WHY"), self.ROWS, whole=True)

        assert "x" * 50 in screen.getvalue()

    def test_a_table_in_a_pipe_is_not_folded(self, capsys: pytest.CaptureFixture[str]) -> None:
        """However long a cell is: grep has the whole row. No rows are a title alone."""
        print_table(("ID", "WHY"), [("1", "why " * 200)])
        print_table(("ID", "WHY"), [])

        assert len(capsys.readouterr().out.splitlines()) == 3


def test_lines_of_a_text_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """With their indentation, and without control characters."""
    print_text("a\n  b  c\x1b[31m")

    assert capsys.readouterr().out == "a\n  b  c[31m\n"


def test_a_question_is_not_among_the_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stdout may be a file."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    answer = ask_person("Go on? ")

    captured = capsys.readouterr()
    assert (answer, captured.out, captured.err) == ("y", "", "Go on? ")
