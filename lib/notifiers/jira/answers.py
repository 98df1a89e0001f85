"""What the secret of a Jira destination and some of Jira's answers say. Pure."""

import json
from collections.abc import Set as AbstractSet

from lib.errors import ConfigError, PermanentDeliveryError


def credentials(secret: str) -> tuple[str, str]:
    """Return user and token. Raises `ConfigError`, outside of any handler that holds the secret."""
    try:
        document = json.loads(secret)
    except ValueError:
        document = None
    if isinstance(document, dict):
        user, token = document.get("email", document.get("user")), document.get("token")
        if isinstance(user, str) and isinstance(token, str) and user and token:
            return user, token
    raise ConfigError('The credentials of Jira must be JSON: {"email": "…", "token": "…"}')


def is_of_the_project(error: PermanentDeliveryError) -> bool:
    """Return whether Jira refuses every issue: there is no such project, or no such type in it."""
    return not _fields(error).isdisjoint(("project", "issuetype"))


def is_of_the_type(error: PermanentDeliveryError) -> bool:
    """Return whether Jira refuses an issue for its type alone."""
    return _fields(error) == {"issuetype"}


def _fields(error: PermanentDeliveryError) -> AbstractSet[str]:
    """Return the fields that Jira refuses."""
    try:
        errors = json.loads(error.answer)["errors"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return frozenset()
    return errors.keys() if isinstance(errors, dict) else frozenset()


def key_in(text: str) -> str | None:
    """Return the key of the issue that was created; None where the answer names none."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    key = answer.get("key") if isinstance(answer, dict) else None
    return key if isinstance(key, str) and key else None
