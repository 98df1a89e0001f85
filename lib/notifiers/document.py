"""The document: report-1.0.0 with the listed findings, and the alert beside it. For machines."""

import json
from dataclasses import replace
from typing import Final

from lib.core.provenance import commit_url, compare_url
from lib.messages.text import scan_notes
from lib.models import (
    Alert,
    Change,
    ChangeKind,
    Counts,
    Digest,
    Finding,
    Image,
    Json,
    Part,
    Report,
    ScanProblem,
    UnusableReport,
    Upgrade,
    by_severity,
)
from lib.text import truncate
from lib.wire.digest import digest_to_json
from lib.wire.report import report_to_json, running_to_json

# Limits of single fields. Whatever stands in them, image, scan and summary stay below 128 KiB (6
# bytes per character in ASCII), half of what receivers take, so that there is room for findings.
_FIELD: Final = 1000
_NAME: Final = 160
_TAG: Final = 128
_TAGS: Final = 40
_PARTS: Final = 50
_WORD: Final = 80
_ROUTES: Final = 20
_IDS: Final = 10
_LIMITS: Final = (100, 20, 2)
"""How many upgrades and reasons are listed, when the one before is too long."""
_DIGEST_LIMITS: Final = (2_000, 200, 20, 2, 0)
"""How many repositories, images and names a digest lists, likewise."""
_LISTS: Final = ("resolved_vulnerabilities", "repositories", "unscanned")
_SEPARATORS: Final = 16


def render(alert: Alert, room: int) -> tuple[dict[str, Json], bool]:
    """
    Return report-1.0.0 whose findings are the listed ones, with the alert beside them.

    Cut by whole findings to what `dump` makes `room` bytes of, and whether it was: the worst stay,
    and what is missing is counted in `alert.omitted`.
    """
    short = shortened(alert)
    limit = next((n for n in _LIMITS if len(dump(_whole(short, 0, n))) <= room // 2), _LIMITS[-1])
    room -= len(dump(_whole(short, 0, limit)))
    taken = 0
    for change in alert.changes:
        room -= len(dump(_finding(alert, change.finding))) + len(dump(_change(change, 0)))
        room -= _SEPARATORS
        if room < 0:
            break
        taken += 1
    return _whole(short, taken, limit), taken < len(alert.changes)


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


def shortened(alert: Alert) -> Alert:
    """Cut absurdly long fields of image and scan; what ECR allows stays as it is."""
    image, scan = alert.image, alert.scan
    return replace(
        alert,
        image=shortened_image(image),
        scan=replace(
            scan,
            status=truncate(scan.status, _FIELD),
            reason=_cut(scan.reason),
            warnings=scan_notes(alert, platforms=_PARTS),
        ),
        parts=tuple([_shortened_part(part) for part in alert.parts[: _PARTS - 1]]),
    )


def shortened_image(image: Image) -> Image:
    """Cut absurdly long fields of an image; what ECR allows stays as it is."""
    return replace(
        image,
        partition=truncate(image.partition, _FIELD),
        account=truncate(image.account, _FIELD),
        region=truncate(image.region, _FIELD),
        repository=truncate(image.repository, _FIELD),
        digest=truncate(image.digest, _FIELD),
        platform=_cut(image.platform),
        os=_cut(image.os),
        tags=tuple(dict.fromkeys(truncate(tag, _TAG) for tag in image.tags[:_TAGS])),
    )


def _shortened_part(part: Part) -> Part:
    return replace(
        part,
        platform=truncate(part.platform, _WORD),
        digest=truncate(part.digest, _WORD),
        status=truncate(part.status, _WORD),
        reason=part.reason and truncate(part.reason, _WORD),
    )


def _cut(text: str | None) -> str | None:
    return None if text is None else truncate(text, _FIELD)


def _whole(alert: Alert, taken: int, limit: int) -> dict[str, Json]:
    """Return the document with the first `taken` changes."""
    return _report(alert, taken) | {"alert": _summary(alert, taken, limit)}


def _report(alert: Alert, taken: int) -> dict[str, Json]:
    if alert.problem is not None:
        return report_to_json(
            UnusableReport(alert.image, alert.scan, parts=alert.parts, provenance=alert.provenance)
        )
    shown = (change for change in alert.changes[:taken] if change.kind is not ChangeKind.RESOLVED)
    findings = tuple(change.finding for change in shown)
    return report_to_json(Report(alert.image, alert.scan, findings, alert.parts, alert.provenance))


def _finding(alert: Alert, finding: Finding) -> Json:
    return report_to_json(Report(alert.image, alert.scan, (finding,)))["findings"][0]


def _change(change: Change, finding: Json) -> Json:
    return {"kind": change.kind.value, "reason": change.reason, "finding": finding}


def _summary(alert: Alert, taken: int, limit: int) -> dict[str, Json]:
    """Return what the report does not say: why it was sent, what changed, and what is missing."""
    basis, omitted = alert.basis, alert.changes[taken:]
    return {
        "schema": "alert-1.0.0",
        "delivery_id": alert.delivery_id,
        "destination": alert.destination,
        "routes": [truncate(route, _NAME) for route in alert.routes[:_ROUTES]],
        "stream": truncate(alert.stream, _FIELD),
        "evaluated_at": alert.evaluated_at.isoformat() if alert.evaluated_at else None,
        "verdict": truncate(alert.verdict, _FIELD),
        "worst_severity": alert.worst.name if alert.worst is not None else None,
        "problem": _problem(alert.problem) if alert.problem else None,
        "compared_with": {
            "kind": basis.kind.value,
            "image": truncate(basis.image.key, _FIELD) if basis.image else None,
        },
        "counts": None if alert.problem else _counts(alert.counts) | {"total": alert.total},
        "unchanged": alert.unchanged,
        "filtered_out": _filtered_out(alert, limit),
        "upgrades": [_upgrade_entry(upgrade) for upgrade in alert.upgrades[:limit]],
        "upgrades_omitted": max(len(alert.upgrades) - limit, 0),
        "changes": _changes(alert, taken),
        "omitted": _counts(by_severity(omitted)) | {"total": len(omitted)},
        "console_url": truncate(alert.console_url, 2 * _FIELD),
        "report_url": alert.report_url and truncate(alert.report_url, 2 * _FIELD),
        "workloads": None if alert.running is None else running_to_json(alert.running),
        "commit_url": commit_url(alert.provenance),
        "compare_url": compare_url(alert.provenance, alert.basis),
    }


def _changes(alert: Alert, taken: int) -> list[Json]:
    """Refer to findings of the report by their place; RESOLVED ones are not in it."""
    entries = []
    place = 0
    for change in alert.changes[:taken]:
        if change.kind is ChangeKind.RESOLVED:
            entries.append(_change(change, _finding(alert, change.finding)))
            continue
        entries.append(_change(change, place))
        place += 1
    return entries


def _problem(problem: ScanProblem) -> Json:
    return {
        "kind": problem.kind.value,
        "status": truncate(problem.status, _FIELD),
        "reason": truncate(problem.reason, _FIELD),
        "remedy": truncate(problem.remedy, _FIELD),
    }


def _counts(counts: Counts) -> dict[str, Json]:
    return {severity.name: number for severity, number in counts.items()}


def _filtered_out(alert: Alert, limit: int) -> list[Json]:
    shown, others = alert.left_out[:limit], alert.left_out[limit:]
    entries: list[Json] = [
        {"reason": truncate(group.reason, _NAME), "count": group.count} for group in shown
    ]
    if others:
        rest = sum(group.count for group in others)
        entries.append({"reason": f"{len(others)} other reasons", "count": rest})
    return entries


def _upgrade_entry(upgrade: Upgrade) -> Json:
    return {
        "package": truncate(upgrade.package, _NAME),
        "origin": upgrade.origin.value,
        "manager": upgrade.manager and truncate(upgrade.manager, _NAME),
        "installed_versions": [truncate(version, _NAME) for version in upgrade.installed[:_IDS]],
        "fixed_version": upgrade.fixed and truncate(upgrade.fixed, _NAME),
        "fixes": _counts(upgrade.fixes),
        "vulnerability_ids": [truncate(name, _NAME) for name in upgrade.vulnerability_ids[:_IDS]],
    }
