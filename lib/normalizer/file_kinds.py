"""
Files that are no JSON, by name: what a file is, and what to do with it. Pure.

Archives and pictures by their first bytes, output of other programs by its first lines.
"""

import re
from typing import Final, NamedTuple

_AGAIN: Final = "run the command again with `--output json`"
_UNPACK: Final = "unpack it first"
_ALONE: Final = "give the JSON alone"

_MAGIC: Final = (
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"BZh", "a file of bzip2", "decompress it first"),
    (b"\xfd7zXZ", "a file of xz", "decompress it first"),
    (b"\x28\xb5\x2f\xfd", "a file of Zstandard", "decompress it first"),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"PAR1", "a Parquet file", "convert its rows to JSON"),
    (b"Obj\x01", "an Avro file", "convert its rows to JSON"),
    (b"ORC", "an ORC file", "convert its rows to JSON"),
    (b"SQLite format 3", "a SQLite database", "export its rows as JSON"),
    (b"%PDF-", "a PDF", "give the document that it was made from"),
    (b"\x89PNG", "a picture", "give the document that it was made from"),
    (b"\x7fELF", "a program", "give what it prints as JSON"),
)
_TAR: Final = b"ustar"
_TAR_PLACE: Final = slice(257, 262)
"""https://www.gnu.org/software/tar/manual/html_node/Standard.html"""


class _Text(NamedTuple):
    """A kind of text: its first lines, its name, and what to do."""

    pattern: re.Pattern[str]
    name: str
    advice: str


_TEXTS: Final = tuple(
    _Text(re.compile(pattern, re.MULTILINE), name, advice)
    for pattern, name, advice in (
        (
            r"^(?:aws: \[ERROR\]: )?An error occurred \((?P<seen>\w+)\) when calling",
            "an error of the AWS CLI",
            "correct what it says, and run the command again",
        ),
        (r"\A\s*(?:aws: error:|usage: aws |Unable to locate credentials)",
         "an error of the AWS CLI", "correct what it says, and run the command again"),
        (r"\A-{5,}\n\|", "a table of the AWS CLI (`--output table`)", _AGAIN),
        (r"\A\s*<(?:![Dd]|[Hh][Tt][Mm][Ll])", "a web page", "save the document, not its page"),
        (r"\A\s*<[?\w]", "XML", "give the answer as JSON"),
        (r"\ANAME\s+INSTALLED\s", "a table of Grype",
         "scan the image with ECR or Amazon Inspector, and fetch its findings"),
        (r"\A(?:.*\n){0,6}Total: \d+ \(", "a table of Trivy",
         "scan the image with ECR or Amazon Inspector, and fetch its findings"),
        (r"\A\s*[\[{]+\s*'", "a value as Python prints it", "write it with `json.dumps`"),
        (r"\A\s*[\[{]", "", ""),
        (r"\A(?:#.*\n|---.*\n|%.*\n|\s)*(?:- )*[\w.@/-]+:(?: |$)",
         "YAML, as the AWS CLI writes it with `--output yaml`", _AGAIN),
        (r"\A[^\n{}\"]+\t", "columns, as the AWS CLI writes them with `--output text`", _AGAIN),
    )
)  # fmt: skip
"""In this order. What looks like JSON has no name here: the place of the mistake says more."""
_COLUMNS: Final = re.compile(r"\A[^\n{}\[\]]*,[^\n{}\[\]]*$", re.MULTILINE)
_SHOWN: Final = 60


def binary_kind(content: bytes) -> str | None:
    """Return the name of a file that is no text, with what to do; None for anything else."""
    if content[_TAR_PLACE] == _TAR:
        return f"this is a tar archive: {_UNPACK}"
    for magic, name, advice in _MAGIC:
        if content.startswith(magic):
            return f"this is {name}: {advice}"
    return None


def text_kind(text: str) -> str | None:
    """Return the name of a text that is no JSON, with what to do; None for an unknown one."""
    if not text.strip():
        return "it is empty; the command before it printed nothing"
    for kind in _TEXTS:
        match = kind.pattern.search(text)
        if match is not None:
            seen = match.groupdict().get("seen")
            named = f"{kind.name} ({seen})" if seen else kind.name
            return f"this is {named}: {kind.advice}" if kind.name else None
    columns = _COLUMNS.match(text)
    if columns is not None:
        return f"this is CSV with the columns {columns[0].strip()[:_SHOWN]}: {_ALONE}"
    first = next(line for line in text.splitlines() if line.strip()).strip()
    return f"not JSON: it begins with {first[:_SHOWN]!r}: {_ALONE}"
