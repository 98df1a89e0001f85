"""
Placeholders from examples in a configuration: a deployment with them would notify nobody.

Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from cli.alerts_file import AlertsFile, LocatedProblem
from lib.config.problems import ConfigPath, Problem
from lib.models import Json

_ACCOUNTS: Final = ("123456789012", "111122223333", "444455556666")
"""AWS uses these in its documentation:
https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html"""
_HOST: Final = re.compile(
    # https://www.rfc-editor.org/rfc/rfc2606
    r"(?<![\w.-])(?:(?:[\w-]+\.)*example\.(?:com|net|org|edu)|(?:[\w-]+\.)+(?:example|invalid)"
    # Subdomains of vendors in the sample alerts.yml.
    r"|example\.[\w-]+\.(?:com|net))(?![\w.-])",
    re.IGNORECASE,
)
_PARTS: Final = ("destinations", "alarmEmail", "receiverHosts", "permissionsBoundary")
"""The parts of alerts.yml and of a stage file that are checked."""


def placeholders(file: AlertsFile) -> tuple[LocatedProblem, ...]:
    """Return every placeholder in a file."""
    return tuple(
        LocatedProblem(file.name, file.line_of(path), Problem(path, "").where, message, "error")
        for part in _PARTS
        if part in file.document
        for path, message in _placeholders((part,), file.document[part])
    )


def _placeholders(path: ConfigPath, value: Json) -> Iterator[tuple[ConfigPath, str]]:
    if isinstance(value, str):
        name = _placeholder(value)
        if name:
            yield path, f"{name} is the placeholder of an example; put your own here"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _placeholders((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _placeholders((*path, index), inner)


def _placeholder(text: str) -> str:
    for account in _ACCOUNTS:
        if f":{account}:" in text:
            return f"account {account}"
    host = _HOST.search(text)
    return host[0] if host is not None else ""
