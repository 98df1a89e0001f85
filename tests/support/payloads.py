"""What receivers get for every story and every digest, by the type and mode of the receiver."""

from collections.abc import Mapping
from typing import Any

from lib.models import Message
from tests.support.digests import digests
from tests.support.notices import notices
from tests.support.receivers import THREADS, notifier, tools


def payloads(mode: str, *, with_digests: bool = True) -> Mapping[str, Any]:
    """Return what a receiver gets as the first message of each stream."""
    made = notifier(mode, tools())
    messages = {**_notices(), **(_digests() if with_digests else {})}
    return {name: made.render(message) for name, message in messages.items()}


def updates(mode: str) -> Mapping[str, Any]:
    """Return what a receiver gets as the next message of each stream."""
    made = notifier(mode, tools())
    return {
        name: made.render(message, thread=THREADS[mode])
        for name, message in {**_notices(), **_digests()}.items()
    }


def _notices() -> Mapping[str, Message]:
    return notices()


def _digests() -> Mapping[str, Message]:
    return {f"digest-{name}": digest for name, digest in digests().items()}
