"""Documents for programs: alert-1.0.0 with every item that differs, and digest-1.0.0."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from lib.core.provenance import commit_url, compare_url
from lib.core.vulnerabilities import places
from lib.messages.content import Content, Entry, counts_of
from lib.messages.parts import AlertText
from lib.messages.to_do import upgrades_of
from lib.models import Basis, BasisKind, Counts, Digest, Image, Json, Notice, Owner, Upgrade
from lib.models.streams import Evidence, PartState, WatchedImage
from lib.models.views import DeltaItem
from lib.text import first, truncate
from lib.wire.digest import digest_to_json
from lib.wire.report import finding_to_json, image_to_json, provenance_to_json, running_to_json
from lib.wire.values import time_to_json

SCHEMA: Final = "alert-1.0.0"
# Limits of single fields, so that everything but the items stays below 128 KiB (6 bytes for a
# character in ASCII), half of what receivers take.
_FIELD: Final = 1000
_NAME: Final = 160
_IMAGES: Final = 20
_PARTS: Final = 50
_WORD: Final = 80
_ROUTES: Final = 20
UPGRADES: Final = 5
"""Upgrades among the steps; the others are counted there, and listed in `upgrades`."""
_STEPS: Final = 12
_STEP: Final = 400
_IDS: Final = 10
_PLACES: Final = 20
"""Findings of one item; the others are counted."""
_LIMITS: Final = (100, 20, 2)
"""How many upgrades, reasons and ended items are listed, when the one before is too long."""
_DIGEST_LIMITS: Final = (2_000, 200, 20, 2, 0)
"""How many repositories, images and names a digest lists, likewise."""
_LISTS: Final = ("resolved_vulnerabilities", "repositories", "unscanned", "packages")
_SEPARATOR: Final = 1
_TAG: Final = 128
_TAGS: Final = 40


def render(notice: Notice, text: AlertText, room: int) -> tuple[dict[str, Json], bool]:
    """
    Return alert-1.0.0, and whether it was cut.

    Cut by whole items to what `dump` makes `room` bytes of: conditions and the worst that is open
    stay, what ended comes last, and what is missing is counted in `omitted`.
    """
    content = Content(notice.message)
    entries: list[DeltaItem | Entry] = [
        *content.conditions,
        *content.ended_conditions,
        *ranked(content),
    ]
    short = next(
        (n for n in _LIMITS if len(dump(_document(notice, content, text, n))) <= room // 2),
        _LIMITS[-1],
    )
    document = _document(notice, content, text, short)
    room -= len(dump(document)) + len(dump(_omitted(entries)))
    items = []
    for entry in entries:
        item = _condition(entry) if isinstance(entry, DeltaItem) else _vulnerability(entry)
        room -= len(dump(item)) + _SEPARATOR
        if room < 0:
            break
        items.append(item)
    omitted = _omitted(entries[len(items) :])
    return document | {"items": items, "omitted": omitted}, len(items) < len(entries)


def render_digest(digest: Digest, room: int) -> dict[str, Json]:
    """Return digest-1.0.0 of what `dump` makes `room` bytes of; the worst of each list stay."""
    whole = digest_to_json(digest)
    for limit in _DIGEST_LIMITS:
        shown = whole | {name: whole[name][:limit] for name in _LISTS}
        shown["omitted"] = {name: len(whole[name]) - len(shown[name]) for name in _LISTS}
        if len(dump(shown)) <= room:
            break
    return shown


def dump(document: Json) -> str:
    """Return JSON in ASCII, so that its length is its size whatever the findings contain."""
    return json.dumps(document, separators=(",", ":"))


def ranked(content: Content) -> list[Entry]:
    """Return the vulnerabilities of a message: first what is open, the worst first."""
    entries = [entry for group in content.changes.values() for entry in group]
    return sorted(entries, key=lambda entry: (_has_ended(entry), -entry.severity))


def _has_ended(entry: Entry) -> bool:
    return entry.change is None or entry.change.desired is None


def _document(notice: Notice, content: Content, text: AlertText, limit: int) -> dict[str, Json]:
    """Return everything but the items: data in the order in which it is used, then texts."""
    message, state = notice.message, content.state
    delta, view = message.delta, message.view
    routes = dict.fromkeys(
        route
        for item in (*delta.after.values(), *(change.item for change in delta.items))
        for route in item.routes
    )
    upgrades = upgrades_of(content)
    return {
        "schema": SCHEMA,
        "delivery_id": notice.delivery_id,
        "as_of": time_to_json(state.at),
        "urgency": _urgency(text),
        "worst_severity": _worst(content),
        "counts": _counts(content.totals),
        "suppressed": _counts(content.suppressed),
        "counts_for_route": _counts(counts_of(content.open)),
        "unchanged": content.unchanged if message.before is not None else None,
        "image": _image(content.image),
        "items": [],
        "omitted": {},
        "upgrades": [_upgrade(upgrade) for upgrade in upgrades[:limit]],
        "upgrades_omitted": max(len(upgrades) - limit, 0),
        "not_asked_for": _not_asked(content, limit),
        "quietly_ended": [_ended(entry) for entry in content.quietly_ended[:limit]],
        "quietly_ended_omitted": max(len(content.quietly_ended) - limit, 0),
        "images": [_watched(watched) for watched in state.images[:_IMAGES]],
        "compared_with": _compared(content),
        "workloads": None if notice.running is None else running_to_json(notice.running),
        "possible_repeat": notice.possible_repeat,
        "quiet": message.quiet,
        "destination": view.destination,
        "routes": [truncate(route, _NAME) for route in list(routes)[:_ROUTES]],
        "stream": truncate(state.stream, _FIELD),
        "sequence": {"from": max(view.version - 1, 0), "to": view.version},
        "verdict": truncate(text.verdict, _FIELD),
        "state": truncate(text.state, _FIELD),
        "what_to_do": [truncate(step, _STEP) for step in first([*_steps(text)], _STEPS)],
        "note": notice.note and truncate(notice.note, _FIELD),
        "warnings": list(text.warnings),
        "report_url": notice.report_url and truncate(notice.report_url, 2 * _FIELD),
        "console_url": text.console and truncate(text.console.url, 2 * _FIELD),
        **_source(notice, content),
        **_owner(notice.owner),
    }


def _steps(text: AlertText) -> list[str]:
    """Return what to do, step by step, without the marks around commands."""
    problem = [text.problem.remedy] if text.problem is not None else []
    return [step.replace("`", "") for step in (*problem, *text.to_do.lines)]


def _urgency(text: AlertText) -> Json:
    """Return how soon somebody should look; None where nothing is news."""
    if text.urgency is None:
        return None
    return {
        "level": text.urgency.level,
        "reason": text.urgency.reason,
        "condition": text.urgency.condition or None,
        "condition_code": text.urgency.code or None,
        "otherwise": text.urgency.otherwise or None,
        "exploits": text.urgency.exploits,
    }


def _owner(owner: Owner | None) -> dict[str, Json]:
    if owner is None:
        return {}
    team, contact = truncate(owner.team, _NAME), owner.contact
    return {"owner": {"team": team, "contact": contact and truncate(contact, _NAME)}}


def _worst(content: Content) -> str | None:
    """Return the worst severity of what is reported now; conditions and ended items have none."""
    return next((entry.severity.name for entry in ranked(content) if not _has_ended(entry)), None)


# --- images -----------------------------------------------------------------------------------


def shortened_image(image: Image) -> Image:
    """Cut absurdly long fields of an image; what ECR allows stays as it is."""
    return replace(
        image,
        partition=truncate(image.partition, _FIELD),
        account=truncate(image.account, _FIELD),
        region=truncate(image.region, _FIELD),
        repository=truncate(image.repository, _FIELD),
        digest=truncate(image.digest, _FIELD),
        platform=image.platform and truncate(image.platform, _FIELD),
        os=image.os and truncate(image.os, _FIELD),
        tags=tuple(dict.fromkeys(truncate(tag, _TAG) for tag in image.tags[:_TAGS])),
        extra=MappingProxyType({}),
    )


def _image(image: Image) -> Json:
    return image_to_json(shortened_image(image))


def _watched(watched: WatchedImage) -> Json:
    return {
        "image": _image(watched.image),
        "role": watched.role.value,
        "running": watched.running,
        "parts": [_part(part) for part in watched.parts[:_PARTS]],
        "parts_omitted": max(len(watched.parts) - _PARTS, 0),
    }


def _part(part: PartState) -> Json:
    evidence: Evidence | None = next(iter(part.evidence), None)
    return {
        "part": truncate(part.part, _WORD),
        "status": truncate(part.status, _WORD),
        "reason": part.reason and truncate(part.reason, _WORD),
        "source": part.source and part.source.value,
        "monitored": part.monitored,
        "complete": part.reason is None and evidence is not None and evidence.complete,
        "listed_by": truncate(evidence.image.key, _FIELD) if evidence is not None else None,
        "listed_at": time_to_json(evidence.at) if evidence is not None else None,
    }


def _compared(content: Content) -> Json:
    agreed = content.message.before
    if agreed is None:
        return None
    image = agreed.current
    return {
        "at": time_to_json(agreed.at),
        "image": truncate(image.key, _FIELD) if image is not None else None,
    }


def _source(notice: Notice, content: Content) -> dict[str, Json]:
    """Return what the current image was made from."""
    agreed = content.message.before
    image = agreed.current if agreed is not None else None
    moved = image is not None and image.key != content.image.key
    basis = Basis(
        BasisKind.PREVIOUS_IMAGE if moved else BasisKind.NONE,
        image,
        provenance=notice.provenance_before if moved else None,
    )
    provenance = notice.provenance
    return {
        "provenance": provenance_to_json(provenance) if provenance is not None else None,
        "commit_url": commit_url(provenance),
        "compare_url": compare_url(provenance, basis),
    }


# --- items ------------------------------------------------------------------------------------


def _condition(change: DeltaItem) -> Json:
    condition = change.item.condition
    return _item(change) | {
        "severity": None,
        "condition": condition.value if condition is not None else None,
        "part": change.item.id.partition(" ")[2],
        "packages": [],
        "findings": [],
        "findings_omitted": 0,
    }


def _vulnerability(entry: Entry) -> Json:
    listed = places(entry.findings)
    common = _item(entry.change) if entry.change is not None else {}
    return common | {
        "severity": entry.severity.name,
        "condition": None,
        "part": None,
        "packages": [package._asdict() for package in entry.packages[:_PLACES]],
        "findings": [finding_to_json(finding) for finding in listed[:_PLACES]],
        "findings_omitted": max(len(listed) - _PLACES, 0),
    }


def _item(change: DeltaItem) -> dict[str, Json]:
    """Return what conditions and vulnerabilities have in common."""
    item, desired = change.item, change.desired
    return {
        "kind": change.kind.value,
        "reason": truncate(change.reason, _FIELD),
        "id": truncate(item.id, _NAME),
        "names": [truncate(name, _NAME) for name in item.names[:_IDS]],
        "open": desired is not None,
        "routes": [truncate(route, _NAME) for route in item.routes[:_ROUTES]],
        "exploitable": item.exploitable,
        "fixable": item.fixable,
        "images": [image.key for image in desired.images[:_IMAGES]] if desired is not None else [],
    }


def _ended(entry: Entry) -> Json:
    return {"id": truncate(entry.id, _NAME), "severity": entry.severity.name}


def _omitted(entries: Sequence[DeltaItem | Entry]) -> Json:
    vulnerabilities = [entry for entry in entries if isinstance(entry, Entry)]
    conditions = len(entries) - len(vulnerabilities)
    return _counts(counts_of(vulnerabilities)) | {"conditions": conditions}


# --- numbers ----------------------------------------------------------------------------------


def _counts(counts: Counts) -> dict[str, Json]:
    numbers = {severity.name: number for severity, number in counts.items()}
    return numbers | {"total": sum(counts.values())}


def _not_asked(content: Content, limit: int) -> list[Json]:
    groups = content.left_out
    entries = [_reason(group.reason, [group.counts]) for group in groups[:limit]]
    others = groups[limit:]
    if others:
        entries.append(_reason(_rest(len(others)), [group.counts for group in others]))
    return entries


def _reason(reason: str, counts: Iterable[Counts]) -> Json:
    number = sum(sum(numbers.values()) for numbers in counts)
    return {"reason": truncate(reason, _NAME), "count": number}


def _rest(number: int) -> str:
    return f"{number} other reasons"


def _upgrade(upgrade: Upgrade) -> Json:
    return {
        "package": truncate(upgrade.package, _NAME),
        "origin": upgrade.origin.value,
        "manager": upgrade.manager and truncate(upgrade.manager, _NAME),
        "installed_versions": [truncate(version, _NAME) for version in upgrade.installed[:_IDS]],
        "fixed_version": upgrade.fixed and truncate(upgrade.fixed, _NAME),
        "fixes": _counts(upgrade.fixes),
        "vulnerability_ids": [truncate(name, _NAME) for name in upgrade.vulnerability_ids[:_IDS]],
    }
