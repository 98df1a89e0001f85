"""The shares that digests are made of, as JSON for the store. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from lib.models import Destination, Moment, Severity, StreamId, UnscannedImage
from lib.models.current import CountedImage, DigestBasis, OpenItem, StreamShare
from lib.wire.report import image_from_json, image_to_json
from lib.wire.values import counts_from_json, counts_to_json, time_to_json

Json = dict[str, Any]

_time: Final = datetime.fromisoformat


def basis_to_json(basis: DigestBasis) -> Json:
    """Return a basis as JSON."""
    return {
        "until": time_to_json(basis.until),
        "rules": basis.rules,
        "place": basis.place,
        "complete": basis.complete,
        "destinations": [
            {
                "destination": name,
                "shares": list(map(_share_to_json, shares)),
                "trend": [
                    {"at": time_to_json(moment.at), "counts": counts_to_json(moment.counts)}
                    for moment in basis.trends.get(name, ())
                ],
            }
            for name, shares in basis.shares.items()
        ],
    }


def basis_from_json(document: Mapping[str, Any]) -> DigestBasis:
    """Return the basis that `basis_to_json` wrote."""
    entries = {Destination(entry["destination"]): entry for entry in document["destinations"]}
    return DigestBasis(
        until=_time(document["until"]),
        rules=document["rules"],
        shares=MappingProxyType(
            {name: tuple(map(_share_from_json, entry["shares"])) for name, entry in entries.items()}
        ),
        trends=MappingProxyType(
            {
                name: tuple(map(_moment_from_json, entry["trend"]))
                for name, entry in entries.items()
                if entry["trend"]
            }
        ),
        place=None if document["place"] is None else StreamId(document["place"]),
        complete=document["complete"],
    )


def _moment_from_json(document: Mapping[str, Any]) -> Moment:
    counts = counts_from_json(document["counts"])
    return Moment(
        _time(document["at"]),
        {severity: number for severity, number in counts.items() if number},
    )


def _share_to_json(share: StreamShare) -> Json:
    return {
        "stream": share.stream,
        "routes": list(share.routes),
        "images": [list(image) for image in share.images],
        "items": list(map(_item_to_json, share.items)),
        "troubles": [
            {"image": image_to_json(trouble.image), "reason": trouble.reason}
            for trouble in share.troubles
        ],
        "alternating": list(share.alternating),
    }


def _share_from_json(document: Mapping[str, Any]) -> StreamShare:
    return StreamShare(
        StreamId(document["stream"]),
        tuple(document["routes"]),
        tuple([CountedImage(*image) for image in document["images"]]),
        tuple(map(_item_from_json, document["items"])),
        tuple(
            [
                UnscannedImage(image_from_json(trouble["image"]), trouble["reason"])
                for trouble in document["troubles"]
            ]
        ),
        tuple(document["alternating"]),
    )


def _item_to_json(item: OpenItem) -> Json:
    return {
        **item._asdict(),
        "severity": item.severity.name,
        "first_observed_at": time_to_json(item.first_observed_at),
    }


def _item_from_json(document: Mapping[str, Any]) -> OpenItem:
    return OpenItem(
        **{
            **document,
            "names": tuple(document["names"]),
            "severity": Severity[document["severity"]],
            "first_observed_at": _time(document["first_observed_at"]),
        }
    )
