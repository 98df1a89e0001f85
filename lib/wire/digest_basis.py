"""The shares that digests are made of, as lines of JSON for the store. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from sys import intern
from types import MappingProxyType
from typing import Any, Final

from lib.models import (
    Counts,
    Destination,
    Moment,
    OmissionKind,
    Omitted,
    Severity,
    StreamId,
    UnlistedVulnerability,
    UnscannedImage,
)
from lib.models.current import CountedImage, DigestBasis, OpenItem, StreamShare
from lib.wire.report import image_from_json, image_to_json
from lib.wire.values import counts_from_json, counts_to_json, time_to_json

Json = dict[str, Any]

_VERSIONS: Final = 2
"""Fields of an item that are versions: installed and fixed."""

_time: Final = datetime.fromisoformat
_compact: Final = json.JSONEncoder(separators=(",", ":")).encode


def basis_to_lines(basis: DigestBasis) -> Iterator[str]:
    """Yield a basis as lines of JSON, without their ends: its facts, then a line for each share."""
    yield _compact(
        {
            "until": time_to_json(basis.until),
            "rules": basis.rules,
            "place": basis.place,
            "complete": basis.complete,
            "destinations": list(basis.shares),
            "trends": [
                list(map(_moment_to_json, basis.trends.get(name, ()))) for name in basis.shares
            ],
        }
    )
    for number, shares in enumerate(basis.shares.values()):
        for share in shares:
            yield _compact({"destination": number, **_share_to_json(share)})


def basis_from_lines(lines: Iterable[str | bytes]) -> DigestBasis:
    """Return the basis that `basis_to_lines` wrote."""
    documents = map(json.loads, lines)
    facts = next(documents)
    names = list(map(Destination, facts["destinations"]))
    shares: dict[Destination, list[StreamShare]] = {name: [] for name in names}
    for document in documents:
        shares[names[document["destination"]]].append(_share_from_json(document))
    trends = {
        name: tuple(map(_moment_from_json, trend))
        for name, trend in zip(names, facts["trends"], strict=True)
        if trend
    }
    return DigestBasis(
        until=_time(facts["until"]),
        rules=facts["rules"],
        shares=MappingProxyType({name: tuple(own) for name, own in shares.items()}),
        trends=MappingProxyType(trends),
        place=None if facts["place"] is None else StreamId(facts["place"]),
        complete=facts["complete"],
    )


def _moment_to_json(moment: Moment) -> Json:
    return {"at": time_to_json(moment.at), "counts": counts_to_json(moment.counts)}


def _moment_from_json(document: Mapping[str, Any]) -> Moment:
    return Moment(_time(document["at"]), _counts_from_json(document["counts"]))


def _counts_from_json(document: Mapping[str, Any]) -> Counts:
    """Return the numbers that are not zero."""
    return {severity: number for severity, number in counts_from_json(document).items() if number}


def _share_to_json(share: StreamShare) -> Json:
    return {
        "stream": share.stream,
        "routes": list(share.routes),
        "images": list(map(_image_to_json, share.images)),
        "items": list(map(_item_to_json, share.items)),
        "troubles": [
            {
                "image": image_to_json(trouble.image),
                "reason": trouble.reason,
                "has_result": trouble.has_result,
                "remedy": trouble.remedy,
            }
            for trouble in share.troubles
        ],
        "alternating": list(share.alternating),
        "oldest_here_since": time_to_json(share.oldest_here_since),
        "unlisted": [[one.id, one.severity.name, *one[2:]] for one in share.unlisted],
    }


def _share_from_json(document: Mapping[str, Any]) -> StreamShare:
    since = document.get("oldest_here_since")  # a basis that was stored before has none
    return StreamShare(
        StreamId(document["stream"]),
        tuple(document["routes"]),
        tuple(map(_image_from_json, document["images"])),
        tuple(map(_item_from_json, document["items"])),
        tuple(
            [
                UnscannedImage(
                    image_from_json(trouble["image"]),
                    trouble["reason"],
                    trouble["has_result"],
                    trouble.get("remedy", ""),
                )
                for trouble in document["troubles"]
            ]
        ),
        tuple(document["alternating"]),
        None if since is None else _time(since),
        tuple(
            [
                UnlistedVulnerability(id_, Severity[severity], *rest)
                for id_, severity, *rest in document.get("unlisted", ())
            ]
        ),
    )


def _image_to_json(image: CountedImage) -> Json:
    return {
        "image": image_to_json(image.image),
        "clean": image.clean,
        "complete": image.complete,
        "omitted": {
            kind.name: {severity.name: number for severity, number in counts.items()}
            for kind, counts in image.omitted.items()
        },
    }


def _image_from_json(document: Mapping[str, Any]) -> CountedImage:
    omitted: Omitted = {
        OmissionKind[kind]: _counts_from_json(counts)
        for kind, counts in document["omitted"].items()
    }
    image = image_from_json(document["image"])
    return CountedImage(image, document["clean"], document["complete"], omitted)


def _item_to_json(item: OpenItem) -> list[Any]:
    """Return the fields of an item in their order: there are hundreds of thousands."""
    id_, names, severity, fixable, exploitable, package, at, *others = item
    words = time_to_json(at)
    return [id_, names, severity.name, fixable, exploitable, package, words, *others]


def _item_from_json(values: Sequence[Any]) -> OpenItem:
    id_, names, severity, fixable, exploitable, package, at, image, others, *more = values
    # A basis that was stored before has fewer fields at the end.
    versions = map(intern, more[:_VERSIONS])
    return OpenItem(
        intern(id_),
        tuple(map(intern, names)),
        Severity[severity],
        fixable,
        exploitable,
        intern(package),
        _time(at),
        intern(image),
        others,
        *(*versions, *more[_VERSIONS:]),
    )
