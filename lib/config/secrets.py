"""Secrets and control characters in the configuration file. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from lib.config.problems import SECRET, ConfigPath, Problem
from lib.models import Json

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


_LEAK: Final = (
    "this looks like a secret itself. Store it in Secrets Manager or SSM and put its name here; "
    "replace it if others have seen this file"
)


def unsafe_texts(path: ConfigPath, value: Json) -> Iterator[Problem]:
    """Yield a problem for each text that looks like a secret or has a control character."""
    if isinstance(value, str):
        if SECRET.search(value):
            yield Problem(path, _LEAK)
        elif _CONTROL.search(value) and path[-1:] != ("reason",):
            yield Problem(path, "must not hold line breaks or control characters")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unsafe_texts((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unsafe_texts((*path, index), item)
