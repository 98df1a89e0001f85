"""`suppressions`: entries of alerts.yml, added, listed, expired, or imported from other tools."""

import argparse
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from difflib import unified_diff
from pathlib import Path, PurePath
from typing import Any, Final

from cli.alerts_edits import added, entry_of, removed, renewed
from cli.files import locked
from cli.ignore_files import FORMATS, format_of
from cli.ignore_files.importing import Plan, Wishes, plan, without_refused
from cli.ignore_files.others import other_file
from cli.inputs import STDIN, add_config_option, read_text
from cli.suppressions_file import SuppressionsFile
from cli.terminal import print_json, print_table, remark, say, working
from lib.core.suppressions import Suppression
from lib.errors import ConfigError, DocumentError
from lib.text import clean, counted, one_line

HELP = "add, list, expire or import suppressions"
DESCRIPTION = (
    "Edit the suppressions of alerts.yml. The rest of the file keeps its comments, order and "
    "layout, and no change is written that `check-config` would reject."
)

DAYS: Final = 90
"""Days until an entry expires if no end is given."""
SOON: Final = timedelta(days=30)
_MOST_DAYS: Final = 3650
_EXPIRED: Final = "expired"
_ENDING: Final = "soon"
_LIMITS: Final = ("package", "version", "purl", "path", "digest")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add an entry, or renew an existing one")
    add.add_argument("id", metavar="ID", help="such as CVE-2023-4911")
    add.add_argument("--reason", required=True, help="why the risk is accepted")
    _add_limits(add)
    add.add_argument(
        "--repository",
        metavar="GLOB",
        nargs="+",
        help="only in these repositories; each becomes an entry",
    )
    end = add.add_mutually_exclusive_group()
    end.add_argument(
        "--expires", metavar="DATE", help="the last day on which the entry holds, in UTC"
    )
    _add_days(end, "how many days the entry holds, from today")
    _add_edit_options(add)

    take = actions.add_parser(
        "import",
        help="import the ignore file or VEX document of another tool",
        description=(
            "Add an entry for each rule of .trivyignore, .trivyignore.yaml, .grype.yaml, OpenVEX "
            "(also in attestations), CSAF or CycloneDX VEX. A rule that an entry cannot express as "
            "narrowly is skipped, with its line and the reason."
        ),
    )
    take.add_argument("file", metavar="FILE", help='or "-" for stdin')
    take.add_argument(
        "--format",
        choices=FORMATS,
        help="default: from the name of the file, else from its content",
    )
    take.add_argument("--repository", metavar="GLOB", help="limit each entry to these repositories")
    take.add_argument(
        "--reason", help='the reason of entries that have none (default: "imported from FILE")'
    )
    _add_days(take, "how many days an entry holds that has no end in its file")
    _add_edit_options(take)

    expire = actions.add_parser(
        "expire",
        help="expire an entry now (its last day becomes yesterday), or remove expired entries",
    )
    expire.add_argument("id", metavar="ID", nargs="?", help="such as CVE-2023-4911")
    _add_limits(expire)
    expire.add_argument("--repository", metavar="GLOB", help="the repository, as the entry has it")
    expire.add_argument("--line", type=int, help="the line in which the entry begins")
    expire.add_argument(
        "--all-expired", action="store_true", help="remove all entries that have ended"
    )
    _add_edit_options(expire)

    listed = actions.add_parser(
        "list", help="list entries by their end, with the days that are left"
    )
    listed.add_argument("--expired", action="store_true", help="only entries that have ended")
    listed.add_argument("--format", choices=("json", "text"), default="text")
    add_config_option(listed)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", metavar="NAME", help="only in this package")
    parser.add_argument("--version", help="only in this installed version")
    parser.add_argument("--purl", metavar="PURL", help="only in what this package URL names")
    parser.add_argument("--path", metavar="GLOB", help="only at these paths in the image")
    parser.add_argument("--digest", help="only in this one image")


def _add_days(parser: argparse._ActionsContainer, what: str) -> None:
    parser.add_argument("--days", type=int, metavar="N", help=f"{what} (default: {DAYS})")


def _add_edit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run", action="store_true", help="print the difference, and change nothing"
    )
    add_config_option(parser)


def run(options: argparse.Namespace, *, today: date | None = None) -> int:
    """Run one of the four actions."""
    today = today or datetime.now(UTC).date()
    if options.action == "list":
        return _list(_read(options, today), options, today)
    with locked(Path(options.config)):
        return _edit(_read(options, today), options, today)


def _read(options: argparse.Namespace, today: date) -> SuppressionsFile:
    with working(f"reading {options.config}"):
        return SuppressionsFile.read(options.config, today=today)


def _edit(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    match options.action:
        case "add":
            return _add(file, options, today)
        case "import":
            return _import(file, options, today)
        case _:
            return _expire(file, options, today)


# --- add ----------------------------------------------------------------------------------------


def _add(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    end = _stated_end(options, today)
    text = file.text
    new: list[Suppression] = []
    lines: list[tuple[int, str]] = []
    for repository in dict.fromkeys(options.repository or (None,)):
        entry = _wanted(options, repository, end or _default_end(today))
        same = _first(other.scope == entry.scope for other in file.entries)
        covering = _first(other.covers(entry) for other in file.entries)
        if same is not None:
            values, words = _renewal(file.entries[same], entry, end, today)
            text = renewed(text, same, values) if values else text
            lines.append((same, words))
        elif covering is not None:
            until = file.entries[covering].expires
            lines.append((covering, f"this covers {entry.name} until {until}; nothing to add"))
        else:
            why = "" if end else f" ({DAYS} days, since no end was given)"
            lines.append((len(file.entries) + len(new), f"{entry.name} until {entry.expires}{why}"))
            new.append(entry)
    after = file.changed(added(text, [entry_of(entry) for entry in new]), today=today)
    _finish(file, after, options)
    for index, words in lines:
        say(f"{after.place(index)}: {words}")
    return 0


def _wanted(options: argparse.Namespace, repository: str | None, end: date) -> Suppression:
    return Suppression(
        id=options.id,
        expires=end,
        reason=one_line(options.reason),
        package=options.package,
        path=options.path,
        repository=repository,
        version=options.version,
        purl=options.purl,
        digest=options.digest,
    )


def _first(matches: Iterable[bool]) -> int | None:
    return next((index for index, match in enumerate(matches) if match), None)


def _renewal(
    old: Suppression, entry: Suppression, end: date | None, today: date
) -> tuple[dict[str, str], str]:
    """Return the changes of an entry, as values and in words; an end in the future may stay."""
    expires = old.expires if end is None and old.expires >= today else entry.expires
    values: dict[str, str] = {}
    words = []
    if expires != old.expires:
        values["expires"] = expires.isoformat()
        words.append(f"until {expires} instead of {old.expires}")
    if entry.reason != old.reason:
        values["reason"] = entry.reason
        words.append(f'for another reason than "{old.reason}"')
    text = " and ".join(words) or f"says so already, until {expires}; nothing to change"
    return values, f"{old.name} {text}"


# --- import -------------------------------------------------------------------------------------


def _import(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    name = "stdin" if options.file == STDIN else options.file
    text = read_text(options.file)
    other = None if options.format else other_file(name, text)
    if other is not None:
        raise DocumentError(f"{name}: {other}")
    format_ = options.format or format_of(name, text)
    if format_ is None:
        raise DocumentError(
            f"{name} is of no known format; name it by --format {'|'.join(FORMATS)}"
        )
    end = _stated_end(options, today) or _default_end(today)
    reason = options.reason or f"imported from {PurePath(name).name}"
    wishes = Wishes(today, end, one_line(reason), options.repository)
    with working(f"reading {name}"):
        rules = FORMATS[format_](text, name)
        planned = plan(rules, file.entries, wishes)
        planned = without_refused(planned, file.document, today=today)
        entries = [entry_of(addition.entry) for addition in planned.new]
        after = file.changed(added(file.text, entries), today=today)
    _finish(file, after, options)
    if not rules:
        remark(f"{name} holds no rules of the format {format_}; --format names another")
    _summarize(planned, name, end)
    return 0


def _summarize(planned: Plan, name: str, end: date) -> None:
    print_table(
        ("", "ENTRIES"),
        (
            ("imported", str(len(planned.new))),
            ("already there", str(len(planned.there))),
            ("skipped", str(len(planned.skipped))),
        ),
    )
    endless = sum(addition.endless for addition in planned.new)
    if endless:
        have = counted(endless, "imported entry has", "imported entries have")
        say(f"{have} no end in {name}: until {end} then (--days)")
    if planned.skipped:
        say()
        say(f"skipped of {name}:")
        skipped = sorted(planned.skipped, key=lambda rule: rule.line)
        print_table(("LINE", "RULE", "WHY"), ((str(e.line), e.what, e.why) for e in skipped))


# --- expire -------------------------------------------------------------------------------------


def _expire(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    if options.all_expired == (options.id is not None):
        raise DocumentError("expire takes the id of an entry, or --all-expired")
    if options.all_expired:
        return _remove_expired(file, options, today)
    index = _chosen(file, options, today)
    entry = file.entries[index]
    if entry.expires < today:
        say(f"{file.place(index)}: {entry.name} has ended on {entry.expires}; nothing to change")
        return 0
    # Dated rather than removed, so that the file still states until when it held, and why.
    last = (today - timedelta(days=1)).isoformat()
    after = file.changed(renewed(file.text, index, {"expires": last}), today=today)
    _finish(file, after, options)
    say(f"{after.place(index)}: {entry.name} ended on {last} instead of {entry.expires}")
    return 0


def _chosen(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    limits = {key: getattr(options, key) for key in (*_LIMITS, "repository")}
    indexes = [
        index
        for index, entry in enumerate(file.entries)
        if entry.key == options.id.upper()
        and options.line in (None, file.lines[index])
        and all(value in (None, getattr(entry, key)) for key, value in limits.items())
    ]
    if not indexes:
        raise DocumentError(f"{file.name} has no such entry; `suppressions list` prints them")
    indexes = [index for index in indexes if file.entries[index].expires >= today] or indexes
    if len(indexes) > 1:
        names = (f"{file.place(index)}: {file.entries[index].name}" for index in indexes)
        which = "several entries are meant; say which by --line, or by what it is limited to:"
        raise ConfigError("\n".join((which, *names)))
    return indexes[0]


def _remove_expired(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    expired = [index for index, entry in enumerate(file.entries) if entry.expires < today]
    after = file.changed(removed(file.text, expired), today=today)
    _finish(file, after, options)
    for index in expired:
        entry = file.entries[index]
        say(f"{file.place(index)}: {entry.name} ended on {entry.expires}; removed")
    say(f"removed {len(expired)} of {counted(len(file.entries), 'entry', 'entries')}")
    return 0


# --- list ---------------------------------------------------------------------------------------


def _list(file: SuppressionsFile, options: argparse.Namespace, today: date) -> int:
    rows = sorted(zip(file.entries, file.lines, strict=True), key=lambda row: row[0].expires)
    if options.expired:
        rows = [row for row in rows if row[0].expires < today]
    if options.format == "json":
        print_json([_document(entry, line, today) for entry, line in rows])
        return 0
    columns = ("ENTRY", "UNTIL", "DAYS LEFT", "REASON", "LINE")
    print_table(columns, (_cells(entry, line, today) for entry, line in rows))
    return 0


def _cells(entry: Suppression, line: int, today: date) -> tuple[str, ...]:
    left, state = (entry.expires - today).days, _state(entry, today)
    days = state if state == _EXPIRED else f"{left} ({state})" if state == _ENDING else str(left)
    return (entry.name, entry.expires.isoformat(), days, entry.reason, str(line))


def _state(entry: Suppression, today: date) -> str:
    if entry.expires < today:
        return _EXPIRED
    return _ENDING if entry.expires <= today + SOON else "holds"


def _document(entry: Suppression, line: int, today: date) -> dict[str, Any]:
    limits = {key: getattr(entry, key) for key in ("id", *_LIMITS, "repository")}
    return {
        **limits,
        "expires": entry.expires.isoformat(),
        "days_left": (entry.expires - today).days,
        "state": _state(entry, today),
        "reason": entry.reason,
        "line": line,
    }


# --- common to several actions ------------------------------------------------------------------


def _stated_end(options: argparse.Namespace, today: date) -> date | None:
    """Return the requested last day. Raises `DocumentError`."""
    if options.days is not None:
        if not 0 < options.days <= _MOST_DAYS:
            raise DocumentError(f"--days takes a number of days from 1 to {_MOST_DAYS}")
        return today + timedelta(days=options.days)
    stated = getattr(options, "expires", None)
    if stated is None:
        return None
    try:
        end = date.fromisoformat(stated)
    except ValueError:
        raise DocumentError("--expires takes a date such as 2027-01-31") from None
    if end < today:
        raise DocumentError(f"--expires is past: it is {today} (UTC)")
    return end


def _default_end(today: date) -> date:
    return today + timedelta(days=DAYS)


def _finish(before: SuppressionsFile, after: SuppressionsFile, options: argparse.Namespace) -> None:
    """Write the file if it changed, or print the difference."""
    if options.dry_run:
        for line in _difference(before, after):
            print(line)
        remark(f"this is a dry run; {before.name} is as it was")
    elif after.text != before.text:
        after.write(instead_of=before.text)


def _difference(before: SuppressionsFile, after: SuppressionsFile) -> Iterator[str]:
    old, new = (file.text.splitlines(keepends=True) for file in (before, after))
    for line in unified_diff(old, new, before.name, after.name):
        yield clean(line).rstrip("\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"
