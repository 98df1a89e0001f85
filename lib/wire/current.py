"""
The copy of a stream as lines of JSON: `schemas/current-1.0.0.json`. Pure.

    stream           one line: which stream, which version of its state, since when
    image            a line for each watched image: its role, its parts, what their scans are
    vulnerability    a line for each open one, worst first: when it came, its rows, where they are

Fields that have their default are left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import Finding, Image, Package, ScanSource, Score, StreamId
from lib.models.current import CurrentCopy
from lib.models.streams import (
    Arrival,
    Comparison,
    Evidence,
    Lifecycle,
    PartState,
    Role,
    Stamp,
    StreamState,
    Vulnerability,
    WatchedImage,
)
from lib.wire.fields import CODECS, Codec, Mapper, fields_of, optional
from lib.wire.report import image_from_json, image_to_json
from lib.wire.values import time_to_json

CURRENT_SCHEMA: Final = "current-1.0.0"

Json = dict[str, Any]
_Place = tuple[int, int, int]
"""Which image, which of its parts, which evidence of that part: by number, from 0."""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _stamp_to_json(stamp: Stamp) -> Json:
    return {"version": stamp.version, "at": time_to_json(stamp.at)}


def _stamp_from_json(document: Mapping[str, Any]) -> Stamp:
    return Stamp(document["version"], _time(document["at"]))


_STAMP: Final = Codec(_stamp_to_json, _stamp_from_json)
_IMAGE: Final = Codec(image_to_json, image_from_json)
_TYPES: Final = MappingProxyType(
    {
        **CODECS,
        Arrival: Codec(str, Arrival),
        Role: Codec(str, Role),
        Stamp: _STAMP,
        Stamp | None: optional(_STAMP),
        datetime: Codec(time_to_json, _time),
        Image: _IMAGE,
        ScanSource | None: optional(CODECS[ScanSource]),
    }
)


def _compact(
    model: type,
    codecs: Mapping[Any, Codec] = _TYPES,
) -> Mapper[Any]:
    """Return the writer and reader of a dataclass, without fields that have their default."""
    fields = fields_of(model, codecs)
    return Mapper(model, fields, rare=tuple([field.name for field in fields]))


def _codec(mapper: Mapper[Any]) -> Codec:
    return Codec(mapper.to_json, mapper.from_json)


_FINDING: Final = _compact(
    Finding,
    {
        **_TYPES,
        Package: _codec(_compact(Package)),
        Score | None: optional(_codec(_compact(Score))),
    },
)
_LIFECYCLE: Final = _compact(Lifecycle)
_PUBLIC_NAMES: Final = MappingProxyType({"left_current": "missing_from_current"})
_OWN_NAMES: Final = MappingProxyType({public: own for own, public in _PUBLIC_NAMES.items()})


def copy_to_lines(copy: CurrentCopy) -> Iterator[str]:
    """Yield the lines of a copy, without their ends."""
    state = copy.state
    yield _line("stream", _stream_to_json(copy))
    for watched in state.images:
        yield _line("image", _image_to_json(watched))
    yield from _vulnerabilities(state)


def copy_from_lines(lines: Iterable[str | bytes]) -> CurrentCopy:
    """Return the copy that `copy_to_lines` wrote."""
    documents = [json.loads(line) for line in lines]
    rows: dict[_Place, list[Finding]] = {}
    for document in documents:
        for row in document.get("findings", ()):
            finding = _FINDING.from_json(row["finding"])
            for place in row["places"]:
                rows.setdefault(tuple(place), []).append(finding)
    images = [document for document in documents if document["line"] == "image"]
    stream = documents[0]
    state = StreamState(
        stream=StreamId(stream["stream"]),
        version=stream["version"],
        at=_time(stream["at"]),
        created_at=_time(stream["created_at"]),
        images=tuple([_image_from_json(image, n, rows) for n, image in enumerate(images)]),
        lifecycles=MappingProxyType(
            {
                document["id"]: _lifecycle_from_json(document["lifecycle"])
                for document in documents
                if "lifecycle" in document
            }
        ),
        conditions=MappingProxyType(
            {key: _stamp_from_json(stamp) for key, stamp in stream["conditions"].items()}
        ),
        comparison=_comparison_from_json(stream.get("comparison")),
    )
    return CurrentCopy(state, alternating=tuple(stream["alternating"]))


def _line(kind: str, document: Json) -> str:
    return _dumps({"line": kind, **document})


# One encoder for all rows: `json.dumps` makes another one for each call with other separators.
_dumps: Final = json.JSONEncoder(separators=(",", ":")).encode


def _stream_to_json(copy: CurrentCopy) -> Json:
    state = copy.state
    document = {
        "schema": CURRENT_SCHEMA,
        "stream": state.stream,
        "version": state.version,
        "at": time_to_json(state.at),
        "created_at": time_to_json(state.created_at),
        "conditions": {key: _stamp_to_json(stamp) for key, stamp in state.conditions.items()},
        "alternating": list(copy.alternating),
    }
    if state.comparison is None:
        return document
    return {**document, "comparison": _comparison_to_json(state.comparison)}


def _comparison_to_json(comparison: Comparison) -> Json:
    first = comparison.first
    return {
        "digest": comparison.digest,
        "names": sorted(comparison.names),
        "first": None if first is None else sorted(first),
    }


def _comparison_from_json(document: Mapping[str, Any] | None) -> Comparison | None:
    if document is None:
        return None
    first = document["first"]
    return Comparison(
        document["digest"],
        frozenset(document["names"]),
        None if first is None else frozenset(first),
    )


# --- images -----------------------------------------------------------------------------------


def _image_to_json(watched: WatchedImage) -> Json:
    return {
        "image": image_to_json(watched.image),
        "role": watched.role.value,
        "running": watched.running,
        "parts": [_part_to_json(part) for part in watched.parts],
    }


def _part_to_json(part: PartState) -> Json:
    return {
        "part": part.part,
        "status": part.status,
        "reason": part.reason,
        "source": part.source,
        "monitored": part.monitored,
        "evidence": [
            {
                "image": image_to_json(evidence.image),
                "part": evidence.part,
                "source": evidence.source,
                "at": time_to_json(evidence.at),
                "complete": evidence.complete,
            }
            for evidence in part.evidence
        ],
    }


_Listed = Mapping[_Place, list[Finding]]


def _image_from_json(document: Mapping[str, Any], number: int, rows: _Listed) -> WatchedImage:
    parts = [
        PartState(
            part["part"],
            part["status"],
            part["reason"],
            None if part["source"] is None else ScanSource(part["source"]),
            part["monitored"],
            tuple(
                [
                    _evidence_from_json(evidence, rows.get((number, place, order), ()))
                    for order, evidence in enumerate(part["evidence"])
                ]
            ),
        )
        for place, part in enumerate(document["parts"])
    ]
    return WatchedImage(
        image_from_json(document["image"]),
        Role(document["role"]),
        document["running"],
        tuple(parts),
    )


def _evidence_from_json(document: Mapping[str, Any], findings: Iterable[Finding]) -> Evidence:
    return Evidence(
        image_from_json(document["image"]),
        document["part"],
        ScanSource(document["source"]),
        _time(document["at"]),
        document["complete"],
        tuple(findings),
    )


# --- vulnerabilities --------------------------------------------------------------------------


def _vulnerabilities(state: StreamState) -> Iterator[str]:
    """Yield the line of each vulnerability, every row once with the places where it is listed."""
    lists = list(_lists(state))
    if len(lists) == 1:
        yield from _of_one_list(state, lists[0][0])
        return
    rows = _Rows()
    for place, findings in lists:
        for finding in findings:
            rows.add(finding, place)
    for vulnerability in vulnerabilities_of(state.images):
        written = dict.fromkeys([rows.text(finding) for finding in vulnerability.findings])
        listed = ",".join(
            [f'{{"finding":{text},"places":{_dumps(rows.places[text])}}}' for text in written]
        )
        document = _vulnerability_to_json(vulnerability, state)
        # Rows are most of a copy, and are written once: their text is put in as it is.
        yield f'{_line("vulnerability", document)[:-1]},"findings":[{listed}]}}'


def _of_one_list(state: StreamState, place: _Place) -> Iterator[str]:
    """Yield the same lines of one image with one list, where no row can stand twice."""
    for vulnerability in vulnerabilities_of(state.images):
        document = _vulnerability_to_json(vulnerability, state)
        document["findings"] = [
            {"finding": _FINDING.to_json(finding), "places": [place]}
            for finding in vulnerability.findings
        ]
        yield _line("vulnerability", document)


def _vulnerability_to_json(vulnerability: Vulnerability, state: StreamState) -> Json:
    document: Json = {
        "id": vulnerability.id,
        "severity": vulnerability.severity.name,
        "names": list(vulnerability.names),
    }
    lifecycle = state.lifecycles.get(vulnerability.id)
    if lifecycle is not None:
        document["lifecycle"] = _lifecycle_to_json(lifecycle)
    return document


def _lifecycle_to_json(lifecycle: Lifecycle) -> Json:
    document = _LIFECYCLE.to_json(lifecycle)
    return {_PUBLIC_NAMES.get(name, name): value for name, value in document.items()}


def _lifecycle_from_json(document: Mapping[str, Any]) -> Lifecycle:
    lifecycle: Lifecycle = _LIFECYCLE.from_json(
        {_OWN_NAMES.get(name, name): value for name, value in document.items()}
    )
    return lifecycle


class _Rows:
    """The rows of a state as they are written, each with its places."""

    def __init__(self) -> None:
        self.places: dict[str, list[_Place]] = {}
        """Of each text of a row: images and parts can list the same one."""
        self._texts: dict[int, str] = {}

    def add(self, finding: Finding, place: _Place) -> None:
        text = self._texts[id(finding)] = _dumps(_FINDING.to_json(finding))
        self.places.setdefault(text, []).append(place)

    def text(self, finding: Finding) -> str:
        """Return a row that was added as it is written."""
        return self._texts[id(finding)]


def _lists(state: StreamState) -> Iterator[tuple[_Place, Sequence[Finding]]]:
    """Yield each list of rows of a state, with its place."""
    for number, watched in enumerate(state.images):
        for place, part in enumerate(watched.parts):
            for order, evidence in enumerate(part.evidence):
                yield (number, place, order), evidence.findings
