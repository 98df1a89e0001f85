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
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from lib.core.current import LEFT_OUT
from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import (
    Finding,
    Image,
    Package,
    ScanSource,
    Score,
    Severity,
    StreamId,
    UnlistedVulnerability,
)
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
from lib.wire.texts import TextWriter, compact
from lib.wire.values import NAMES, time_to_json

CURRENT_SCHEMA: Final = "current-1.0.0"
_BATCH: Final = 1_000
"""Vulnerabilities that are written at a time: the texts of rows take more memory than they."""

Json = dict[str, Any]
_Place = tuple[int, int, int]
"""Which image, which of its parts, which evidence of that part: by number, from 0."""
_Places = tuple[_Place, ...]


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


def _reader(model: type, types: Mapping[Any, Codec] = _TYPES) -> Mapper[Any]:
    return Mapper(model, fields_of(model, types))


_FINDING_TYPES: Final = MappingProxyType(
    {
        **_TYPES,
        Package: Codec(from_json=_reader(Package).from_json),
        Score | None: optional(Codec(from_json=_reader(Score).from_json)),
    }
)
_READ_FINDING: Final = _reader(Finding, _FINDING_TYPES)
_READ_LIFECYCLE: Final = _reader(Lifecycle)
_WRITE_FINDING: Final = TextWriter(
    fields_of(Finding, _FINDING_TYPES, left_out=dict.fromkeys(LEFT_OUT, "a copy is without them")),
    nested={
        "package": TextWriter(fields_of(Package, _TYPES)),
        "score": TextWriter(fields_of(Score, _TYPES)),
    },
)
_PUBLIC_NAMES: Final = MappingProxyType({"left_current": "missing_from_current"})
_OWN_NAMES: Final = MappingProxyType({public: own for own, public in _PUBLIC_NAMES.items()})
_WRITE_LIFECYCLE: Final = TextWriter(fields_of(Lifecycle, _TYPES), names=_PUBLIC_NAMES)


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
            finding = _READ_FINDING.from_json(row["finding"])
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
    gone = [
        UnlistedVulnerability(**{**one, "severity": Severity[one["severity"]]})
        for one in stream.get("unlisted", ())
    ]
    return CurrentCopy(state, alternating=tuple(stream["alternating"]), unlisted=tuple(gone))


def _line(kind: str, document: Json) -> str:
    return compact({"line": kind, **document})


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
    if copy.unlisted:
        document["unlisted"] = [
            {**one._asdict(), "severity": one.severity.name} for one in copy.unlisted
        ]
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
    """
    Yield the line of each vulnerability, every row once with the places where it is listed.

    Rows are most of a copy: their texts are put into the lines as they are.
    """
    places = _places(state)
    written = _WRITE_LIFECYCLE.texts([*state.lifecycles.values()])
    lifecycles = dict(zip(state.lifecycles, written, strict=True))
    groups = vulnerabilities_of(state.images)
    for start in range(0, len(groups), _BATCH):
        batch = groups[start : start + _BATCH]
        findings = list(chain.from_iterable([group.findings for group in batch]))
        rows = dict(zip(map(id, findings), _WRITE_FINDING.texts(findings), strict=True))
        for group in batch:
            yield _vulnerability(group, lifecycles.get(group.id), rows, places)


def _vulnerability(
    group: Vulnerability,
    lifecycle: str | None,
    rows: Mapping[int, str],
    places: Mapping[int, _Places],
) -> str:
    names = list(map(compact, group.names))
    more = "" if lifecycle is None else f',"lifecycle":{lifecycle}'
    listed: dict[str, _Places] = {}
    for identity in dict.fromkeys(map(id, group.findings)):
        row = rows[identity]
        listed[row] = listed.get(row, ()) + places[identity]
    findings = [f'{{"finding":{row},"places":{_in_order(own)}}}' for row, own in listed.items()]
    return (
        f'{{"line":"vulnerability","id":{names[0]},'
        f'"severity":"{NAMES[group.severity]}",'
        f'"names":[{",".join(names)}]{more},'
        f'"findings":[{",".join(findings)}]}}'
    )


@lru_cache(maxsize=256)  # many rows, few lists
def _in_order(places: _Places) -> str:
    return compact(sorted(places))


def _places(state: StreamState) -> Mapping[int, _Places]:
    """Return where each row is listed, by its identity."""
    places: dict[int, _Places] = {}
    for place, listed in _lists(state):
        own = (place,)
        for finding in listed:
            places[id(finding)] = places[id(finding)] + own if id(finding) in places else own
    return places


def _lifecycle_from_json(document: Mapping[str, Any]) -> Lifecycle:
    lifecycle: Lifecycle = _READ_LIFECYCLE.from_json(
        {_OWN_NAMES.get(name, name): value for name, value in document.items()}
    )
    return lifecycle


def _lists(state: StreamState) -> Iterator[tuple[_Place, Sequence[Finding]]]:
    """Yield each list of rows of a state, with its place."""
    for number, watched in enumerate(state.images):
        for place, part in enumerate(watched.parts):
            for order, evidence in enumerate(part.evidence):
                yield (number, place, order), evidence.findings
