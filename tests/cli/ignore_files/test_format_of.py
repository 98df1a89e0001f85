"""Which tool a file is of."""

import pytest

from cli.ignore_files import format_of
from tests.cli.ignore_files.origins import EXAMPLES
from tests.support.every import every


@every(
    ("name", "format_"),
    [
        (".trivyignore", "trivyignore"),
        ("folder/team.trivyignore", "trivyignore"),
        (".trivyignore.yaml", "trivyignore-yaml"),
        ("Trivyignore.YML", "trivyignore-yaml"),
        (".grype.yaml", "grype"),
        ("grype.yml", "grype"),
        ("grype.json", None),
        ("trivyignore/x", None),
    ],
)
def test_the_name_says_it(name: str, format_: str | None) -> None:
    """Of the file, not of its folder."""
    assert format_of(name, "") == format_


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        (".trivyignore.yaml", "trivyignore-yaml"),
        (".grype.yaml", "grype"),
        ("team.openvex.json", "openvex"),
    ],
)
def test_else_its_text_does(name: str, format_: str) -> None:
    """Whatever it is called."""
    assert format_of("ignored.txt", (EXAMPLES / name).read_text("utf-8")) == format_


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("# ids\n\nCVE-1\n GHSA-2 exp:2027-01-01\n", "trivyignore"),
        ("CVE-1\nnot an id\n", None),
        ("# nothing\n", None),
        ("", None),
        ('{"ignore": []}', None),
        ("suppressions: []", None),
        ("  ignore: []", None),
    ],
)
def test_a_text_that_could_be_anything_is_of_none(text: str, format_: str | None) -> None:
    """The operator says it then."""
    assert format_of("stdin", text) == format_
