"""alerts.yml with line numbers: what is wrong, where, and what to do."""

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.alerts_file import (
    AlertsFile,
    LocatedProblem,
    check_file,
    load_file,
    read,
    render_problems,
)
from lib.errors import ConfigError
from tests.support.thorough import examples

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)

VALID = """\
version: 1
destinations:
  team-slack:
    type: slack
    webhook: {secret: ecr-scan-alerts/team-webhook}
routes:
  - name: everything
    severity: HIGH
    notify: [team-slack]
suppressions:
  - id: CVE-2023-4911
    expires: 2027-01-31
    reason: >
      not reachable
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where a test writes its file, as somebody in its folder would name it."""
    monkeypatch.chdir(tmp_path)
    return Path("alerts.yml")


def written(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.write_text(text, encoding="utf-8")
    return path


class TestRead:
    """From YAML to plain data and lines."""

    def test_everything_is_plain(self, path: Path) -> None:
        """Mappings, lists, texts and dates arrive as JSON can hold them."""
        text = """\
            text: 'quoted'
            folded: >
              two
              lines
            date: 2027-01-31
            impossible: 2027-02-30
            numbers: [1, 0x1F, 1.5]
            words: [yes, true, ~]
            """

        file = read(written(path, dedent(text)))

        assert file.document == {
            "text": "quoted",
            "folded": "two lines\n",
            "date": "2027-01-31",
            "impossible": "2027-02-30",
            "numbers": [1, 31, 1.5],
            "words": ["yes", True, None],
        }
        kinds = {type(each) for each in [*file.document, *file.document.values()]}
        kinds |= {type(each) for each in file.document["numbers"]}
        assert kinds == {str, list, int, float}

    def test_every_part_has_its_line(self, path: Path) -> None:
        """Keys and list entries know their line; what is not there has that of its parent."""
        file = read(written(path, VALID))

        assert file.line_of(("version",)) == 1
        assert file.line_of(("destinations", "team-slack", "webhook", "secret")) == 5
        assert file.line_of(("routes", 0)) == 7
        assert file.line_of(("routes", 0, "severity")) == 8
        assert file.line_of(("routes", 0, "kinds", 3)) == 7
        assert file.line_of(("nowhere",)) == 1
        assert file.line_of(()) == 1

    def test_an_alias_repeats_its_value(self, path: Path) -> None:
        """Anchors, aliases and merges are YAML; merged keys have the line of their mapping."""
        text = "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\nd: &a 3\n"

        file = read(written(path, text))

        assert file.document == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}, "d": 3}
        assert file.line_of(("c", "x")) == 3

    def test_a_byte_order_mark_is_no_content(self, path: Path) -> None:
        """Some editors write one."""
        assert read(written(path, "\ufeffversion: 1\n")).document == {"version": 1}

    def test_json_is_yaml(self, path: Path) -> None:
        """A JSON file is read, too."""
        assert read(written(path, '{"version": 1}')).document == {"version": 1}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: 1\nb: 2\na: 3\n", "alerts.yml:3: this key stands twice in the same place"),
            ("a:\n\tb: 1\n", "alerts.yml:2: a tab cannot indent YAML; use blanks"),
            ("a:\n  b: [1,\n", "a bracket or brace is not closed"),
            ("a: 1\nb: 'x\n", "a quote is not closed"),
            ("a: 1\nb: c: d\n", "alerts.yml:2: this is not YAML: a colon too many"),
            ("a: 1\nb\nc: 1\n", "alerts.yml:3: this is not YAML: a key needs a colon after it"),
            ("a: *b\n", "alerts.yml:1: this is not YAML: an alias"),
            ("a: *\n", "put a text that begins with * or & in quotes"),
            ("a: @b\n", "put a text that begins with @ or ` in quotes"),
            ("a: 1\n  b: 2\n", "alerts.yml:2: this is not YAML: a colon too many"),
            ("a:\n  - 1\n b: 1\n", "the indentation does not fit the lines above"),
            ("a: 1\n---\nb: 1\n", "only one document is allowed"),
            ("a: {\n", "a value is missing"),
            ('a: "\\x"\n', "look at this line and the one above"),
            ("%YAML 9.9\n---\na: 1\n", "alerts.yml:1: this is not YAML: look at this line"),
            ("a: \x01\n", "alerts.yml:1: this is not YAML: it holds control characters"),
            ("a: !!int x\n", "alerts.yml:1: a tag (!!) does not fit"),
            ("a: !!bool x\n", "alerts.yml:1: a tag (!!) does not fit"),
            ("a:\n  b: .inf\n", "alerts.yml:2: this kind of value is not used here"),
            ("a: !!binary aGk=\n", "alerts.yml:1: this tag (!!) is not used here; remove it"),
            ("a: 1\nb: !!omap [x: 1]\n", "alerts.yml:2: this tag (!!) is not used here"),
            ("a: !!set {x, y}\n", "alerts.yml:1: this tag (!!) is not used here"),
            ("a: !!pairs [x: 1]\n", "alerts.yml:1: this tag (!!) is not used here"),
            ("a: !!python/object/apply:os.system ['id']\n", "alerts.yml:1: this tag (!!) is not"),
            ("a: !own x\n", "alerts.yml:1: this tag (!!) is not used here"),
            ("a: 1\nb: !!str {x: 1}\n", "alerts.yml:2: a tag (!!) does not fit"),
            ("a: !!map [x]\n", "alerts.yml:1: a tag (!!) does not fit"),
            (
                f"a: 1{'0' * 5000}\n",
                "alerts.yml:1: a tag (!!) does not fit the value after it, or a",
            ),
            ("? [a]: []\n", "alerts.yml:1: this is not YAML"),
            ("a: 1\n2: b\n", "alerts.yml:2: this key is not text; put it in quotes"),
            pytest.param(
                "a: " + "[" * 600,  # the parser takes two calls or more for each, of 1,000
                "alerts.yml:1: this is nested too deeply",
                marks=pytest.mark.untraced,
            ),
            ("a: " + "[" * 60 + "]" * 60, "alerts.yml:1: this is nested too deeply"),
        ],
    )
    def test_what_is_not_usable_yaml_is_located(self, path: Path, text: str, message: str) -> None:
        """The error has file, line and advice."""
        with pytest.raises(ConfigError) as caught:
            read(written(path, text))

        assert message in str(caught.value)

    def test_aliases_of_aliases_do_not_explode(self, path: Path) -> None:
        """A few lines can stand for billions of values; they are refused at once."""
        lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
        for name, last in zip("bcdefghij", "abcdefghi", strict=True):
            lines.append(f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]")

        with pytest.raises(ConfigError, match="this is too large"):
            read(written(path, "\n".join(lines)))

    def test_errors_never_hold_values(self, path: Path) -> None:
        """A key that stands twice may hold a secret; the parser's own message would print it."""
        with pytest.raises(ConfigError) as caught:
            read(written(path, "a: the secret\na: another secret\n"))

        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_missing_file_is_said(self, path: Path) -> None:
        """The path is named as it was given."""
        with pytest.raises(ConfigError, match="there is no such file"):
            read(path)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        """Other errors of the file system are said in its words."""
        with pytest.raises(ConfigError, match="cannot be read: "):
            read(tmp_path)

    def test_text_must_be_utf_8(self, path: Path) -> None:
        """Another encoding is an error at the first line that shows it."""
        path.write_bytes(b"a: 1\nb: caf\xe9\n")

        with pytest.raises(ConfigError, match=r"alerts\.yml:2: this is not text in UTF-8"):
            read(path)


class TestCheckFile:
    """Every problem with its line."""

    def test_a_valid_file_has_no_problems(self, path: Path) -> None:
        """Nothing to say."""
        assert check_file(written(path, VALID), today=TODAY) == ()

    def test_the_file_of_this_repository_is_valid(self) -> None:
        """What a newcomer starts from has neither errors nor warnings."""
        assert check_file(ROOT / "alerts.yml", today=TODAY) == ()

    def test_problems_come_in_the_order_of_lines(self, path: Path) -> None:
        """Errors of every kind, each at its own line."""
        text = VALID.replace("notify: [team-slack]", "notify: [team-slak]")
        text = text.replace("severity: HIGH", "severity: high")
        text = text.replace("type: slack", "type: slack\n    chanel: x")

        found = check_file(written(path, text), today=TODAY)

        assert render_problems(found).splitlines() == [
            (
                "alerts.yml:5: error: destinations.team-slack.chanel: is not known here; "
                "did you mean channel?"
            ),
            (
                "alerts.yml:9: error: routes[0].severity (route everything): must be one of "
                "CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL; not 'high'; did you mean HIGH?"
            ),
            (
                "alerts.yml:10: error: routes[0].notify[0] (route everything): 'team-slak' is not "
                "a destination; did you mean team-slack?"
            ),
        ]

    def test_warnings_are_located_too(self, path: Path) -> None:
        """An expired suppression is a warning at its date."""
        found = check_file(written(path, VALID), today=date(2027, 2, 1))

        assert [(each.level, each.line) for each in found] == [("warning", 12)]

    def test_a_file_that_is_not_yaml_is_one_problem(self, path: Path) -> None:
        """A syntax error is shown like any other."""
        found = check_file(written(path, "a: 1\na: 2\n"), today=TODAY)

        assert render_problems(found) == (
            "alerts.yml:2: error: this key stands twice in the same place; remove one of them"
        )

    def test_the_path_is_written_as_it_was_given(self, path: Path) -> None:
        """Terminals open what they can find."""
        file = written(path.absolute(), "")

        (problem,) = check_file(file, today=TODAY)

        assert problem.file == str(file)

    def test_an_empty_file_says_what_belongs_there(self, path: Path) -> None:
        """Nothing is not a configuration."""
        assert check_file(written(path, ""), today=TODAY) == (
            LocatedProblem(
                "alerts.yml",
                1,
                "",
                "must be a mapping with version, destinations and routes; there is nothing here",
                "error",
            ),
        )

    @settings(
        max_examples=examples(40),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(text=st.text(alphabet="ab:-[]{}*&!|>'\"\n\t #,?%@\x00é", max_size=40))
    def test_no_text_is_a_crash(self, path: Path, text: str) -> None:
        """Whatever the file holds, the answer is a list of problems."""
        assert check_file(written(path, text), today=TODAY)


class TestLoadFile:
    """From the file to the configuration, for the commands."""

    def test_a_valid_file_is_loaded(self, path: Path) -> None:
        """Warnings are no obstacle."""
        config = load_file(written(path, VALID), today=date(2027, 2, 1))

        assert [each.name for each in config.routes] == ["everything"]

    def test_errors_have_their_lines(self, path: Path) -> None:
        """Every error is in the message, with its line."""
        text = VALID.replace("severity: HIGH", "severity: high")

        with pytest.raises(ConfigError, match=r"alerts\.yml:8: error: routes\[0\]\.severity"):
            load_file(written(path, text), today=TODAY)


def test_a_file_is_what_was_read() -> None:
    """Lines are looked up by the longest part that has one."""
    file = AlertsFile("alerts.yml", {}, {("a",): 3})

    assert file.line_of(("a", "b", 0)) == 3
