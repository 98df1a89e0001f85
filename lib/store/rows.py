"""
The rows of the table: the key of each kind.

    IMAGE#<image>      RECORD                what is stored of an image
    IMAGE#<image>      STREAM#<stream>       the image is, or was, in this stream
    IMAGE#<tag>        TAG                   the digest that the tag points to
    STREAM#<stream>    HISTORY#<version>     a version of the stream's state in numbers
    STREAM#<stream>    STREAM                the tags of the stream, and where its state is
    STREAM#<stream>    VIEW#<destination>    what the destination was notified of
    NOTIFICATION#<id>  NOTIFICATION          a message on its way
    PAUSES             <destination>         the time until which nothing is sent, and why
    RULES              RECORD                the alerts.yml in force
    PASS#<name>        PLACE                 where a pass stopped

A module of this room reads and writes each kind: docs/architecture.md says which one.
"""

from typing import Final

from lib.models import DeliveryId, Destination, Image, StreamId

RECORD: Final = "RECORD"
IMAGE: Final = "IMAGE#"
STREAM: Final = "STREAM#"
STREAM_ROW: Final = "STREAM"
HISTORY: Final = "HISTORY#"
NOTIFICATION: Final = "NOTIFICATION#"
NOTIFICATION_ROW: Final = "NOTIFICATION"
PAUSES: Final = "PAUSES"
_VERSION: Final = 8
"""Digits of a version, so that rows stand in its order."""


def image_key(image: Image) -> dict[str, str]:
    """Return the key of an image."""
    return {"pk": f"{IMAGE}{image.key}", "sk": RECORD}


def membership_key(image: Image, stream: StreamId) -> dict[str, str]:
    """Return the key of the row that says that an image is in a stream."""
    return {"pk": f"{IMAGE}{image.key}", "sk": f"{STREAM}{stream}"}


def tag_key(image: Image) -> dict[str, str]:
    """Return the key of a tag; `image` is its repository, with the tag in place of a digest."""
    return {"pk": f"{IMAGE}{image.key}", "sk": "TAG"}


def history_key(stream: StreamId, version: int) -> dict[str, str]:
    """Return the key of a version of a stream's state."""
    return {"pk": f"{STREAM}{stream}", "sk": f"{HISTORY}{version:0{_VERSION}d}"}


def stream_key(stream: StreamId) -> dict[str, str]:
    """Return the key of a stream."""
    return {"pk": f"{STREAM}{stream}", "sk": STREAM_ROW}


def view_key(stream: StreamId, destination: Destination) -> dict[str, str]:
    """Return the key of a view, in the partition of its stream."""
    return {"pk": f"{STREAM}{stream}", "sk": f"VIEW#{destination}"}


def notification_key(row_id: DeliveryId) -> dict[str, str]:
    """Return the key of a notification."""
    return {"pk": f"{NOTIFICATION}{row_id}", "sk": NOTIFICATION_ROW}


def pause_key(destination: Destination) -> dict[str, str]:
    """Return the key of a destination's pause. One partition, so that one query lists them."""
    return {"pk": PAUSES, "sk": destination}


def rules_key() -> dict[str, str]:
    """Return the key of the record of alerts.yml."""
    return {"pk": "RULES", "sk": RECORD}


def place_key(name: str) -> dict[str, str]:
    """Return the key of the place where a pass stopped."""
    return {"pk": f"PASS#{name}", "sk": "PLACE"}
