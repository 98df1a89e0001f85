"""alerts.yml edited as text: the change is made, and everything else stays as it was written."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.alerts_edits import added, entry_of, removed, renewed
from cli.alerts_file import understand
from lib.core.suppressions import Suppression
from lib.errors import ConfigError
from tests.support.every import every
from tests.support.thorough import examples

ENTRY = {"id": "CVE-2024-9", "expires": "2027-01-31", "reason": "why: not"}
LINES = """\
version: 1  # of this format
suppressions:
  # Waits for the base image
  - id: A   # one
    expires: 2027-01-31
    reason: >
      two
      lines

  - expires: '2027-01-31'
    # in the middle
    id: "B"
    reason: b
    # at its end
  # above C
  -
    id: C
    reason: c
    expires: "2027-01-31"

# The next key
streams: [x]
"""


def suppressions(text: str) -> Any:
    """Return the list as any reader has it."""
    return understand(text, "alerts.yml").document["suppressions"]


def ids(text: str) -> list[str]:
    """Return which entries are there."""
    return [each["id"] for each in suppressions(text)]


class TestAdded:
    """More entries below those that are there."""

    @every(
        ("before", "after"),
        [
            ("a: 1\nsuppressions: []\n", "a: 1\nsuppressions:\n  - {}\n"),
            ("suppressions: []  # none\nb: 1\n", "suppressions:  # none\n  - {}\nb: 1\n"),
            ("suppressions:\n# b\nb: 1\n", "suppressions:\n  - {}\n# b\nb: 1\n"),
            ("suppressions:", "suppressions:\n  - {}\n"),
            ("suppressions: ~ # none\n", "suppressions: # none\n  - {}\n"),
            ("a: 1\n", "a: 1\n\nsuppressions:\n  - {}\n"),
            ("a: 1\n\n", "a: 1\n\nsuppressions:\n  - {}\n"),
            ("a: 1", "a: 1\n\nsuppressions:\n  - {}\n"),
            ("a:\n- 1\n", "a:\n- 1\n\nsuppressions:\n- {}\n"),
            ("a:\n    - 1\n", "a:\n    - 1\n\nsuppressions:\n    - {}\n"),
            (
                "suppressions:\n-   id: x\n# b\nb: 1\n",
                "suppressions:\n-   id: x\n-   {}\n# b\nb: 1\n",
            ),
            ("suppressions:\n  - id: x", "suppressions:\n  - id: x\n  - {}\n"),
            (
                "suppressions:\n  - id: x # y\n    # z\n  # w\n",
                "suppressions:\n  - id: x # y\n    # z\n  - {}\n  # w\n",
            ),
            ("suppressions:\n  - {id: x}\n", "suppressions:\n  - {id: x}\n  - {}\n"),
            ("\ufeffsuppressions: []\n", "\ufeffsuppressions:\n  - {}\n"),
        ],
    )
    def test_a_list_of_lines_gets_more_of_them(self, before: str, after: str) -> None:
        """In the indentation of the list, or of the others in the file."""
        indent = re.search(r"^( *- *)\{\}$", after, re.MULTILINE)
        assert indent is not None
        below = "\n" + " " * len(indent[1])
        lines = below.join(["id: CVE-2024-9", "expires: 2027-01-31", 'reason: "why: not"'])

        assert added(before, [ENTRY]) == after.replace("{}\n", f"{lines}\n")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("suppressions: [{id: x}]\n", "suppressions: [{id: x}, {}]\n"),
            ("suppressions: [{id: x},]\n", "suppressions: [{id: x}, {},]\n"),
            ("suppressions: [\n  {id: x}  # y\n]\n", "suppressions: [\n  {id: x},\n  {}  # y\n]\n"),
            ("suppressions: [ # y\n]\n", "suppressions: [{} # y\n]\n"),
            ('{"suppressions": []}', '{"suppressions": [{}]}'),
            ('{"a": 1}', '{"a": 1, "suppressions": [{}]}'),
            ('{\n  "a": [1]\n}\n', '{\n  "a": [1],\n  "suppressions": [{}]\n}\n'),
        ],
    )
    def test_a_list_in_brackets_gets_more_in_them(self, before: str, after: str) -> None:
        """As JSON has it, which is YAML, too."""
        entry = '{"id": "CVE-2024-9", "expires": "2027-01-31", "reason": "why: not"}'

        assert added(before, [ENTRY]) == after.replace("{}", entry)

    def test_several_come_in_their_order(self) -> None:
        """Below all that were there."""
        assert ids(added(LINES, [ENTRY | {"id": "D"}, ENTRY | {"id": "E"}])) == list("ABCDE")

    def test_nothing_to_add_is_no_change(self) -> None:
        """Not even the list is made."""
        assert added("a: 1", []) == "a: 1"

    def test_the_line_ends_are_those_of_the_file(self) -> None:
        """A file of Windows stays one."""
        after = added("a: 1\r\nsuppressions: []\r\n", [ENTRY])

        assert after.count("\r\n") == after.count("\n") == 5

    @every(
        ("value", "written"),
        [
            ("not reachable, no setuid", "not reachable, no setuid"),
            ("1.10", '"1.10"'),
            ("2", '"2"'),
            ("1:2.3-4", '"1:2.3-4"'),
            ("3.0.11-1+deb12u2", "3.0.11-1+deb12u2"),
            ("No", '"No"'),
            ("null", '"null"'),
            ("", '""'),
            ("legacy/*", '"legacy/*"'),
            ("*/api", '"*/api"'),
            ("a #b", '"a #b"'),
            ("a: b", '"a: b"'),
            ("ends:", '"ends:"'),
            (" a", '" a"'),
            ("- a", '"- a"'),
            ("@a", '"@a"'),
            ('say "no"', '"say \\"no\\""'),
            ("größer", '"größer"'),
            ("pkg:npm/%40a/b@1?arch=x", "pkg:npm/%40a/b@1?arch=x"),
            ("2027-01-31", "2027-01-31"),
        ],
    )
    def test_texts_are_quoted_where_they_must_be(self, value: str, written: str) -> None:
        """Bare where every reader takes them for the same text."""
        after = added("suppressions: []\n", [{"id": value}])

        assert after == f"suppressions:\n  - id: {written}\n"

    @pytest.mark.parametrize(
        "text",
        [
            "a: &a [{id: x}]\nsuppressions: *a\n",
            "a: 1\n...\n",
            "suppressions: {id: x}\n",
            "suppressions: text\n",
        ],
    )
    def test_what_is_not_safe_is_refused(self, text: str) -> None:
        """With what to do instead."""
        with pytest.raises(ConfigError, match="by hand"):
            added(text, [ENTRY])

    @pytest.mark.parametrize("text", ["", "- a\n", "text"])
    def test_what_is_no_configuration_is_refused(self, text: str) -> None:
        """There is nothing to which an entry could be added."""
        with pytest.raises(ConfigError, match="no configuration"):
            added(text, [ENTRY])


class TestRenewed:
    """Other values for an entry."""

    @pytest.mark.parametrize(
        ("index", "old", "new"),
        [
            (0, "2027-01-31\n    reason: >", "2026-12-31\n    reason: >"),
            (1, "'2027-01-31'", '"2026-12-31"'),
            (2, '"2027-01-31"', '"2026-12-31"'),
        ],
    )
    def test_only_the_value_changes(self, index: int, old: str, new: str) -> None:
        """In quotes where it was."""
        after = renewed(LINES, index, {"expires": "2026-12-31"})

        assert after == LINES.replace(old, new, 1)

    def test_a_folded_text_can_be_replaced(self) -> None:
        """All of its lines, and none below."""
        after = renewed(LINES, 0, {"reason": "new", "expires": "2026-12-31"})

        assert after == LINES.replace(">\n      two\n      lines", "new").replace(
            "2027-01-31", "2026-12-31", 1
        )

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (
                "suppressions: [{id: x, expires: 2027-01-31, reason: y}]",
                'suppressions: [{id: x, expires: 2026-12-31, reason: "a, b"}]',
            ),
            (
                '{"suppressions": [{"expires": "2027-01-31", "reason": "y"}]}',
                '{"suppressions": [{"expires": "2026-12-31", "reason": "a, b"}]}',
            ),
        ],
    )
    def test_entries_in_braces_stay_in_them(self, before: str, after: str) -> None:
        """A comma in a reason must not end it."""
        assert renewed(before, 0, {"expires": "2026-12-31", "reason": "a, b"}) == after

    @pytest.mark.parametrize(
        "text",
        [
            "a: &a 2027-01-31\nsuppressions:\n  - expires: *a\n",
            "suppressions:\n  - &a {expires: 2027-01-31}\n  - {<<: *a, id: x}\n",
            "suppressions:\n  - {id: x}\n  - {id: y}\n",
        ],
    )
    def test_what_would_change_more_is_refused(self, text: str) -> None:
        """A value that stands somewhere else is not this entry's alone."""
        index = len(suppressions(text)) - 1
        with pytest.raises(ConfigError, match="by hand"):
            renewed(text, index, {"expires": "2026-12-31"})


class TestRemoved:
    """Entries taken out."""

    def test_an_entry_goes_with_the_comments_in_it(self) -> None:
        """Those above it, and above the next, stay."""
        after = removed(LINES, [1])

        assert ids(after) == ["A", "C"]
        assert set(LINES.splitlines()) - set(after.splitlines()) == {
            "  - expires: '2027-01-31'",
            "    # in the middle",
            '    id: "B"',
            "    reason: b",
            "    # at its end",
        }

    def test_one_that_begins_below_its_dash_goes_with_it(self) -> None:
        """No dash is left without an entry."""
        assert removed(LINES, [2]) == LINES.replace(
            '  -\n    id: C\n    reason: c\n    expires: "2027-01-31"\n', ""
        )

    def test_two_blank_lines_do_not_meet(self) -> None:
        """One of them goes with the entry."""
        text = "suppressions:\n  - id: A\n\n  - id: B\n\n  - id: C\n"

        assert removed(text, [1]) == "suppressions:\n  - id: A\n\n  - id: C\n"

    def test_without_entries_the_list_is_empty(self) -> None:
        """It stays a list, and comments stay."""
        after = removed(LINES, {0, 1, 2})

        assert suppressions(after) == []
        assert "suppressions: []\n  # Waits for the base image\n" in after
        assert "  # above C\n" in after

    @pytest.mark.parametrize(
        ("indexes", "after"),
        [
            ([0], "[{id: y}, {id: z}]"),
            ([1], "[{id: x}, {id: z}]"),
            ([2], "[{id: x}, {id: y}]"),
            ([1, 2], "[{id: x}]"),
            ([0, 1, 2], "[]"),
        ],
    )
    def test_entries_in_brackets_go_with_their_commas(self, indexes: list[int], after: str) -> None:
        """JSON has none after the last."""
        text = removed("suppressions: [{id: x}, {id: y}, {id: z}]\n", indexes)

        assert text.replace(" ]", "]") == f"suppressions: {after}\n"

    def test_a_line_in_brackets_goes_as_a_whole(self) -> None:
        """No empty line is left, and comments stay where they are."""
        text = dedent("""\
            suppressions: [
              {id: x},
              {id: y}, # why
              {id: z}
            ]
            """)

        assert removed(text, [0, 2]) == "suppressions: [\n  {id: y} # why\n]\n"

    def test_nothing_to_remove_is_no_change(self) -> None:
        """Not even in a file without the key."""
        assert removed("a: 1", []) == "a: 1"


class TestEntryOf:
    """A suppression as the file has it."""

    def test_limits_come_before_the_end_and_the_reason(self) -> None:
        """What is not limited is not there."""
        entry = Suppression("CVE-1", date(2027, 1, 31), "x", repository="a/*", version="1")

        assert list(entry_of(entry).items()) == [
            ("id", "CVE-1"),
            ("version", "1"),
            ("repository", "a/*"),
            ("expires", "2027-01-31"),
            ("reason", "x"),
        ]


# --- whatever the file looks like ---------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """One entry as somebody wrote it, with what stands above it."""

    above: tuple[str, ...]
    lines: tuple[str, ...]
    id: str

    @property
    def text(self) -> str:
        """Its own lines, in the list."""
        return "\n".join((f"  {self.lines[0]}", *self.lines[1:]))


WORDS = st.sampled_from(["a", "see #7", "- id: X", "x: y", "'quoted", "é"])
COMMENTS = st.lists(WORDS.map("# {}".format) | st.just(""), max_size=2).map(tuple)
NAMES = st.text("ABCDEF", min_size=1, max_size=3)
REASONS = st.sampled_from(
    [
        "plain",
        "'it''s'",
        '"a: b"',
        "plain  # why",
        ">\n      a\n      b",
        "|\n      # text\n\n      b",
    ]
)


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """Return an entry in one of the ways in which people write them."""
    name, comment = draw(NAMES), draw(COMMENTS)
    style = draw(st.sampled_from(["lines", "below", "braces"]))
    if style == "braces":
        lines: tuple[str, ...] = (f"- {{id: {name}, expires: 2027-01-31, reason: r}}  # b",)
    else:
        first = f"- id: {name}" if style == "lines" else f"-\n    id: {name}"
        inner = draw(st.sampled_from(["    # inside", "    package: p  # q"]))
        quote = draw(st.sampled_from(["", "'", '"']))
        end = f"    expires: {quote}2027-01-31{quote}"
        lines = (first, inner, f"    reason: {draw(REASONS)}", end)
    return Piece(comment, lines, name)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[Piece]]:
    """Return the text of a file, and the entries in it."""
    found = draw(st.lists(pieces(), max_size=4))
    head = draw(COMMENTS)
    lines = ["version: 1", *head]
    lines.append("suppressions:" if found else "suppressions: []  # none")
    for each in found:
        lines += [f"  {line}" if line else line for line in each.above]
        lines.append(each.text)
    lines += [*draw(COMMENTS), "streams: [x]", *draw(COMMENTS)]
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    end = draw(st.sampled_from(["\n", ""]))
    return "\n".join(lines).replace("\n", eol) + end, found


def lines_of(text: str) -> Counter[str]:
    """Return the lines of a text that hold anything, each as often as it is there."""
    return Counter(line.rstrip() for line in text.splitlines() if line.strip())


class TestEveryFile:
    """What holds however a file is written."""

    @settings(max_examples=examples(40), deadline=None)
    @given(files(), st.lists(NAMES, min_size=1, max_size=3))
    def test_adding_keeps_every_line(self, file: tuple[str, list[Piece]], names: list[str]) -> None:
        """The comments and entries that were there, as they were; below them the new ones."""
        text, found = file
        entries = [ENTRY | {"id": name} for name in names]

        after = added(text, entries)

        assert suppressions(after) == [*suppressions(text), *entries]
        gone = lines_of(text) - lines_of(after)
        assert gone == (Counter() if found else Counter({"suppressions: []  # none": 1}))
        assert "# none" in after or found

    @settings(max_examples=examples(40), deadline=None)
    @given(files().filter(lambda file: file[1]), st.data())
    def test_renewing_changes_one_line(
        self, file: tuple[str, list[Piece]], data: st.DataObject
    ) -> None:
        """The one with the date; all others and all entries stay."""
        text, found = file
        index = data.draw(st.integers(0, len(found) - 1))

        after = renewed(text, index, {"expires": "2026-12-31"})

        before = suppressions(text)
        expected = [
            *before[:index],
            before[index] | {"expires": "2026-12-31"},
            *before[index + 1 :],
        ]
        assert suppressions(after) == expected
        changed = zip(text.splitlines(), after.splitlines(), strict=True)
        assert sum(old != new for old, new in changed) == 1

    @settings(max_examples=examples(40), deadline=None)
    @given(files().filter(lambda file: file[1]), st.data())
    def test_removing_takes_no_line_of_others(
        self, file: tuple[str, list[Piece]], data: st.DataObject
    ) -> None:
        """Every line that is not of a removed entry stays: other entries, and all comments."""
        text, found = file
        gone = data.draw(st.sets(st.integers(0, len(found) - 1), min_size=1))

        after = removed(text, gone)

        kept = [each for index, each in enumerate(suppressions(text)) if index not in gone]
        assert suppressions(after) == kept
        own = lines_of("\n".join(found[index].text for index in gone))
        lost = lines_of(text) - lines_of(after) - own
        assert lost == (Counter() if kept else Counter({"suppressions:": 1}))
