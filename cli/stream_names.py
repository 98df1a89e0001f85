"""The stream that a person means: by its id, by its name, or by a tag of its repository."""

from typing import Final

from cli.delivery_rows import stream_name
from cli.deployment import Deployment
from cli.parser import suggestion
from cli.terminal import working
from lib.core.streams import is_settings, repository_image, repository_of, stream_of_tag
from lib.errors import DocumentError
from lib.models import StreamId

_LISTED: Final = 10


def chosen_stream(stage: Deployment, text: str) -> StreamId:
    """Return the stream that is meant. Raises `DocumentError` for none, or for several."""
    with working("reading streams"):
        streams = list(stage.streams.streams())
    matching = [stream for stream in streams if text in (stream, stream_name(stream))]
    matching = matching or _with_tag(stage, streams, text)
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise DocumentError(f"Several streams are called so: {', '.join(sorted(matching))}")
    raise DocumentError(f"There is no stream {text!r}; {_there(streams, text)}")


def _with_tag(stage: Deployment, streams: list[StreamId], text: str) -> list[StreamId]:
    """Return the streams that the tag of "repository:tag" is in, one of each account and region."""
    repository, _, tag = text.rpartition(":")
    return [
        stream
        for stream in streams
        if repository_of(stream) == repository
        and not is_settings(stream)
        and stream_of_tag(repository_image(stream), tag, stage.rules.streams).id == stream
    ]


def _there(streams: list[StreamId], text: str) -> str:
    """Return the streams of the repository that a text names, else a repository like it."""
    repository = text.split(maxsplit=1)[0].rpartition(":")[0] or text.split(maxsplit=1)[0]
    similar = sorted({stream_name(stream) for stream in streams if repository in stream})
    if similar:
        more = ", …" if len(similar) > _LISTED else ""
        return f"there are: {', '.join(similar[:_LISTED])}{more}"
    repositories = {repository_of(stream) for stream in streams}
    return f"there are: none of that repository{suggestion(repository, repositories)}"
