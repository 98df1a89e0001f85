"""The facts of an alert: what was scanned, where, when, and where to read on. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lib.messages import checks
from lib.messages.parts import REPORT_NAME, Fact, Link, Platform, Platforms
from lib.messages.phrases import NAME, counts_text, moment_text, names_text
from lib.messages.provenance import in_words, links
from lib.messages.verdict import before
from lib.models import Alert, BasisKind, ChangeKind, Image, Part, Workload
from lib.text import counted, one_line, short, truncate

_DIGEST: Final = 80
_REASON: Final = 160
_PART: Final = 60
_WORKLOADS: Final = 5
_WARNINGS: Final = 3
_ROUTES: Final = 5
_DELIVERY: Final = 64
_SOURCE: Final = "Source"
_COMPARED: Final = "Compared with"
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._/-]{1,255}@sha256:[0-9a-f]{64}", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)


# --- what and where ---------------------------------------------------------------------------


def subject(alert: Alert) -> str:
    """Return what an alert is about, in one word."""
    if not checks.is_check(alert):
        return "image"
    return "tag" if alert.image.tags else "repository"


def facts(alert: Alert) -> list[Fact]:
    """Return what was scanned, where and when, as labels and values."""
    is_check = checks.is_check(alert)
    all_facts = _facts_of_check(alert) if is_check else _facts_of_image(alert)
    return [fact for fact in all_facts if fact.value]


def source(alert: Alert) -> Fact | None:
    """Return what the image was made from, or what to do so that it says so."""
    value = "" if checks.is_check(alert) else in_words(alert.provenance, alert.image.tags)
    return Fact(_SOURCE, value) if value else None


def where(alert: Alert) -> str:
    """Return the account, the region, the tags and the platform in one line."""
    image = alert.image
    tags = f"tags: {tags_text(image)}" if image.tags or not checks.is_check(alert) else ""
    parts = (image.account, image.region, tags, image.platform)
    return " \N{MIDDLE DOT} ".join(short(part) for part in parts if part)


def _facts_of_image(alert: Alert) -> list[Fact]:
    image, scan = alert.image, alert.scan
    platform = ", ".join(short(part, NAME) for part in (image.platform, image.os) if part)
    scanned = (short(f"{scan.source.value}, {scan.status}"), moment_text(scan.completed_at))
    used = "" if image.in_use_count is None else f"{image.in_use_count} tasks or pods"
    return [
        *place(image),
        Fact("Tags", tags_text(image), in_where=True),
        Fact("Digest", truncate(one_line(image.digest), _DIGEST)),
        Fact("Platform", platform),
        Fact("Pushed", moment_text(image.pushed_at)),
        Fact("Run by", workloads_text(alert.running.image) if alert.running is not None else ""),
        Fact("In use by", used),
        Fact("Scanned", ", ".join(filter(None, scanned))),
        *(fact for fact in (comparison(alert), source(alert)) if fact is not None),
    ]


def _facts_of_check(alert: Alert) -> list[Fact]:
    is_move, compared = checks.is_move(alert), comparison(alert)
    return [
        *place(alert.image),
        Fact("Tag", names_text(alert.image.tags)),
        Fact("Moved" if is_move else "Checked", moment_text(alert.scan.completed_at)),
        *([compared] if compared is not None else []),
    ]


def place(image: Image) -> tuple[Fact, Fact]:
    """Return the repository and the account of an image."""
    partition = "" if image.partition == "aws" else f" ({image.partition})"
    account = short(f"{image.account} in {image.region}{partition}")
    repository = Fact("Repository", short(image.repository), in_where=True)
    return repository, Fact("Account", account, in_where=True)


def tags_text(image: Image) -> str:
    """Return the tags of an image in one line."""
    return names_text(image.tags) if image.tags else "none (untagged)"


def comparison(alert: Alert) -> Fact | None:
    """Return what the result was compared with; None where there is no result."""
    if alert.problem is not None or checks.is_move(alert):
        return None
    is_check = checks.is_check(alert)
    if alert.basis.kind is BasisKind.NONE:
        return Fact(_COMPARED, f"nothing: the first {'check' if is_check else 'scan'} known here")
    name = before(alert.basis, alert.image)
    name = name.replace("the last scan", "the last check", 1) if is_check else name
    return Fact(_COMPARED, name)


def platforms(parts: Iterable[Part]) -> Platforms:
    """Return what was found on each platform of an index."""
    return Platforms(tuple(map(_platform, parts)))


def _platform(part: Part) -> Platform:
    if part.counts is not None:
        result = counts_text(part.counts) or "no findings"
    else:
        what = "scan failed" if part.status == "FAILED" else "not scanned"
        result = f"{what}, {truncate(one_line(part.reason or part.status), _PART)}"
    digest = truncate(one_line(part.digest), _DIGEST)
    return Platform(short(part.platform, NAME), result, digest, part.counts is not None)


# --- what runs it -----------------------------------------------------------------------------


def deploy(alert: Alert) -> str:
    """Return which deployments still run an image whose findings are resolved in this one."""
    still = alert.running.before if alert.running is not None else ()
    resolved = sum(change.kind is ChangeKind.RESOLVED for change in alert.changes)
    if not still or not resolved:
        return ""
    name = before(alert.basis, alert.image)
    run = "runs" if len(still) == 1 else "run"
    return f"Deploy it: {workloads_text(still)} still {run} {name}, with {resolved:,} resolved here"


def workloads_text(workloads: Sequence[Workload]) -> str:
    """Return the first workloads by kind, name and cluster, and how many more there are."""
    shown = ", ".join(map(_workload, workloads[:_WORKLOADS]))
    more = len(workloads) - _WORKLOADS
    return f"{shown} and {more:,} more" if more > 0 else shown


def _workload(workload: Workload) -> str:
    kind = "service" if workload.service else "task"
    name, cluster = short(workload.name, NAME), short(workload.cluster, NAME)
    return f"{kind} {name} in {cluster} ({counted(workload.tasks, 'task')})"


# --- where to read on -------------------------------------------------------------------------


def report_link(alert: Alert) -> Link | None:
    """Return the link to the report page, if there is one."""
    if alert.report_url is None:
        return None
    action = "Open the full report"
    return Link(REPORT_NAME, REPORT_NAME, action, alert.report_url, "for some weeks")


def console_link(alert: Alert) -> Link | None:
    """Return the link to the console, which has no page of a tag alone; None without a region."""
    if not alert.console_url:
        return None
    page = "repository" if checks.is_check(alert) else "image"
    name = "ECR console"
    label = f"{page.capitalize()} in the {name}"
    return Link(name, label, f"Open the {page} in the {name}", alert.console_url)


def source_links(alert: Alert) -> tuple[Link, ...]:
    """Return the pages of the commit, of the commits since the image before, and of the build."""
    pages = links(alert.provenance, alert.basis, before(alert.basis, alert.image))
    return tuple(Link(label, label, label, url) for label, url in pages)


def report_command(alert: Alert) -> str:
    """
    Return the command that makes the report page of an image; empty where it is not needed.

    It is needed where pages are stored without links.
    """
    if alert.report_url is not None or alert.page_key is None:
        return ""
    return command_for(alert.image, "report.html")


def command_for(image: Image, output: str) -> str:
    """
    Return the command that writes the report of an image to a file, whose name says the format.

    Empty for a name that a shell or a receiver's markup could read in another way.
    """
    name = f"{image.repository}@{image.digest}"
    if not _IMAGE.fullmatch(name) or not _REGION.fullmatch(image.region):
        return ""
    return f"ecr-scan-alerts report {name} --region {image.region} -o {output}"


# --- the small print --------------------------------------------------------------------------


def warnings(alert: Alert) -> tuple[str, ...]:
    """Return what about the scan itself needs a word."""
    cleaned = filter(None, map(one_line, alert.scan.warnings[:_WARNINGS]))
    texts = tuple(truncate(warning, _REASON) for warning in cleaned)
    if not alert.scan.complete and not texts and not checks.is_check(alert):
        return ("Fewer findings were listed than counted: the list is incomplete",)
    return texts


def footer(alert: Alert) -> str:
    """Return the routes that ask for the alert, and the delivery to ask about."""
    names = ", ".join(short(route, NAME) for route in alert.routes[:_ROUTES])
    more = len(alert.routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    routes = f"Route{'s' if len(alert.routes) > 1 else ''}: {names}. " if names else ""
    repeat = ", may be a repeat" if alert.possible_repeat else ""
    notes = [f"attempt {alert.attempt}{repeat}"] if alert.attempt > 1 else []
    newer = "check" if checks.is_check(alert) else "scan"
    notes += [f"late: a newer {newer} was told before"] if alert.outdated else []
    remark = f" ({', '.join(notes)})" if notes else ""
    return f"{routes}Delivery: {short(alert.delivery_id, _DELIVERY)}{remark}"
