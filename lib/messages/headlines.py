"""The headline of a notice: what happened, what fixes it, and what is not known. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.problems import cause_of, is_unsupported
from lib.messages.advising import is_about_kernel
from lib.messages.changes import (
    GOOD_NEWS,
    changes_of,
    ended_conditions,
    has_rest,
    is_scanned,
    nothing_open,
    standing,
)
from lib.messages.checks import has_steps, state_of_check, verdict_of_check
from lib.messages.comparing import NAME, beginning, cause, is_rescan, same_as, since
from lib.messages.content import Content, Entry, counts_of
from lib.messages.endings import HOSTS, KERNEL, UPGRADE, exploit_of, of_kernel, remedy_of, urgent_of
from lib.messages.phrases import (
    counts_text,
    listed,
    names_text,
    severity_word,
)
from lib.models import Counts
from lib.models.streams import PackageVersion
from lib.models.views import Condition, DeltaItem, Kind
from lib.text import capitalized, counted, one_line, short, truncate

_PHRASES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.BASELINE: "{counts}",
        Kind.NEW: "{n:,} new {severity}",
        Kind.RAISED: "{n:,} raised to {severity}",
        Kind.EXPLOIT_KNOWN: "{counts} with a public exploit now",
        Kind.FIX_AVAILABLE: "{counts} with a fix now",
        Kind.DEPLOYED: "{counts} in an image that started to run",
        Kind.SUPPRESSION_ENDED: "{counts} no longer accepted",
        Kind.RULES_CHANGED: "{counts} reported because alerts.yml changed",
        Kind.FIX_READY: "{counts} fixed, but an older image still runs",
        Kind.RESOLVED: "{counts} fixed",
        Kind.NO_LONGER_REPORTED: "{counts} no longer reported",
    }
)
"""`counts` stands for all of them, `n` and `severity` for those of one severity."""
_WITHOUT_REMEDY: Final = frozenset(
    {Kind.FIX_AVAILABLE, Kind.FIX_READY, Kind.RESOLVED, Kind.NO_LONGER_REPORTED}
)
_WITHOUT_EXPLOIT: Final = GOOD_NEWS | {Kind.EXPLOIT_KNOWN}
_NEWLY_REPORTED: Final = "{counts} newly reported"
_BOTH: Final = 2
_MANY: Final = 6
"""Findings of a first scan among which a package can stand out."""
_PACKAGES: Final = 3
_REASON: Final = 240
_PIECES: Final = 5
"""Kinds of change that the verdict counts one by one; the others are added up."""


def verdict_of(content: Content) -> str:
    """Return what happened in one sentence, with what fixes it: news, else what ended."""
    if content.is_check:
        return _verdict_of_check(content)
    news = [kind for kind in content.changes if kind not in GOOD_NEWS]
    kinds = news if news or content.conditions else [*content.changes]
    pieces = [*_pieces(content, kinds)]
    pieces += [_conditions(content)] if content.conditions else []
    pieces += [] if pieces else _ended_conditions(content)
    is_first = content.message.before is None
    pieces = pieces or [f"{beginning(content)}: {state_of(content)}" if is_first else "nothing new"]
    return sentence("; ".join((*pieces, *_gaps(content))))


def _verdict_of_check(content: Content) -> str:
    def phrase(kind: Kind, entries: Sequence[Entry]) -> str:
        return _amounts(_PHRASES[kind], counts_of(entries))

    reason = next((truncate(one_line(item.reason), _REASON) for item in content.conditions), "")
    return verdict_of_check(content, phrase, f"not checked: {reason}" if reason else "")


def sentence(text: str) -> str:
    """Return a text that begins with a capital, unless it begins with a name."""
    return capitalized(text) if text.partition(" ")[0].strip(":;,").isalpha() else text


def numbers_of(content: Content) -> Sequence[str]:
    """Return what neither a title nor a list of news says in numbers, line by line."""
    if (content.conditions and not content.totals) or has_steps(content):
        return ()
    if has_rest(content) or (is_rescan(content) and changes_of(content)):
        return (changes_of(content),)
    is_first = content.message.before is None and not content.conditions
    if is_first and Kind.BASELINE in content.changes and not content.is_check:
        return ()
    # What the title counts, and its fix, is all that is open.
    is_all = [*content.changes] == [Kind.NEW] and not standing(content) and not content.suppressed
    if is_all and not content.conditions and not content.is_check:
        return ()
    return (totals_of(content),)


def _ended_conditions(content: Content) -> list[str]:
    ended = ended_conditions(content)
    return [ended] if ended else []


def lasting_of(content: Content) -> str:
    """
    Return how many are open and the worst of them, without the version to go to, which ages first.

    PagerDuty keeps the title of the event that opened an incident, whatever later ones say.
    """
    image = content.image
    if content.is_check:
        return f"{short(image.name)}: {_NOT_AS_EXPECTED[bool(image.tags)]}"
    if not content.open:
        return f"{short(image.repository)}: vulnerabilities"
    worst = content.open[0]
    kernel = of_kernel(content.open)
    if kernel:
        return f"{short(image.name)}: {kernel}"
    packages = [short(name, NAME) for name in dict.fromkeys(p.name for p in worst.packages)]
    name = f"{short(worst.id, NAME)}{f' in {listed(packages[:_PACKAGES])}' if packages else ''}"
    name = name if len(content.open) == 1 else f"worst: {name}"
    pieces = (f"{counts_text(counts_of(content.open))} ({name})", urgent_of([worst]))
    return f"{short(image.name)}: {', '.join(filter(None, pieces))}"


def standing_of(content: Content) -> str:
    """Return what is open now and what makes it urgent: how the title of a stream ends."""
    if content.open and not content.is_check:
        kernel = of_kernel(content.open)
        if kernel:
            return kernel
    counts = state_of(content).partition("; ")[0]
    urgent = urgent_of(content.everything) if content.open and not content.is_check else ""
    return ", ".join(filter(None, (counts, urgent)))


_NOT_AS_EXPECTED: Final = ("repository settings need attention", "the tag moved")


def lead_of(content: Content) -> str:
    """Return which package has most of what a first scan found; empty where none stands out."""
    entries = content.headline
    if Kind.BASELINE not in content.changes or len(entries) < _MANY or content.is_check:
        return ""
    packages = Counter(package for entry in entries for package in dict.fromkeys(entry.packages))
    if len(packages) == 1:
        return ""
    (package, number), *_ = packages.most_common(1) or [(PackageVersion("", ""), 0)]
    if number * 2 < len(entries):
        return ""
    name = f"{short(package.name, NAME)} {truncate(one_line(package.version), NAME)}".rstrip()
    return f"{number:,} of the {len(entries):,} are in one package, {name}. Start there."


def _pieces(content: Content, kinds: Sequence[Kind]) -> Iterator[str]:
    """Yield what changed, kind by kind; an upgrade that fixes several of them is named once."""
    changes = [(kind, _counted_for(content, kind)) for kind in kinds]
    upgrades = set[str]()
    total = _total(content)
    for kind, entries in changes[:_PIECES]:
        remedy = "" if kind in _WITHOUT_REMEDY else remedy_of(entries)
        remedy_once = "" if remedy in upgrades else remedy
        exploit = "" if kind in _WITHOUT_EXPLOIT else exploit_of(entries)
        is_kernel = remedy == KERNEL
        place, fix = (KERNEL, "") if is_kernel else ("", remedy_once)
        hosts = HOSTS if is_kernel and HOSTS not in upgrades else ""
        # Beside "in the kernel", the number of all would be read as that of the kernel.
        number = "" if is_kernel else total
        yield f"{_phrase(content, kind, entries)}{place}{number}{fix}{exploit}{hosts}"
        upgrades |= {remedy} if remedy.startswith(UPGRADE) else {hosts}
        total = "" if number else total
    others = sum(len(entries) for _, entries in changes[_PIECES:])
    if others:
        yield counted(others, "other change")


def _total(content: Content) -> str:
    """Return " (13 open)" for a title that counts some of them; a first scan has no others."""
    counted_here = sum(
        len(entries) for kind, entries in content.changes.items() if kind not in GOOD_NEWS
    )
    total = sum(content.totals.values())
    is_first = Kind.BASELINE in content.changes
    is_said = is_first or content.is_check or total in (0, counted_here)
    return "" if is_said else f" ({total:,} open)"


def _counted_for(content: Content, kind: Kind) -> Sequence[Entry]:
    """Return what a headline counts: of a first scan the same for all."""
    return content.headline if kind is Kind.BASELINE else content.changes[kind]


def _phrase(content: Content, kind: Kind, entries: Sequence[Entry]) -> str:
    words = _amounts(_PHRASES[kind], counts_of(entries))
    if kind is Kind.BASELINE:
        return f"{beginning(content)}: {_amount(content, entries)}"
    if kind is Kind.NEW:
        return _new(content, words, entries)
    return words


def _amount(content: Content, entries: Sequence[Entry]) -> str:
    """Return how many a first scan found; of an image that has another name, the only one by id."""
    if same_as(content) and len(entries) == 1:
        (entry,) = entries
        return f"{severity_word(entry.severity)} {short(entry.id, NAME)}"
    return counts_text(counts_of(entries))


def _new(content: Content, words: str, entries: Sequence[Entry]) -> str:
    """Return what is new since when; what no release brought is only newly reported."""
    if cause(content, entries):
        return _amounts(_NEWLY_REPORTED, counts_of(entries))
    if is_rescan(content) and content.state.comparison is None:
        # The same image has no release to name; small print has the day of the scan before.
        return _amounts(_NEWLY_REPORTED, counts_of(entries)) + _behind(content, entries)
    return words + _compared(content) + _behind(content, entries)


def _behind(content: Content, entries: Sequence[Entry]) -> str:
    """Return which images still run and have it, where the current one does not."""
    if not all(map(content.is_behind, entries)):
        return ""
    names = {content.name_of(image): None for entry in entries for image in entry.images}
    return f" in {names_text(list(names))}, which still run{'s' if len(names) == 1 else ''}"


def _compared(content: Content) -> str:
    if content.state.comparison is not None:
        return " that the compared stream does not have"
    name = since(content)
    return f" since {name}" if name else ""


def _amounts(phrase: str, counts: Counts) -> str:
    """Return a phrase for each severity, or one phrase with all counts."""
    if "{counts}" in phrase:
        return phrase.format(counts=_amounts("{n:,} {severity}", counts))
    words = [
        phrase.format(n=number, severity=severity_word(severity))
        for severity, number in counts.items()
    ]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _conditions(content: Content) -> str:
    """Return which parts are without a result; a single part with the reason."""
    first, number = content.conditions[0], len(content.conditions)
    words = {word_for(content, item) for item in content.conditions}
    if number > 1 and not (len(words) == 1 and is_said(content)):
        return f"{number} platforms without a result"
    is_check = content.image.is_repository
    cause = first.reason if is_check else cause_of(first.item.id, first.reason)
    cause = truncate(one_line(cause).removesuffix("."), _REASON)
    subject = _subject(first) if number == 1 else f"{number} platforms "
    title = f"{subject}{word_for(content, first)}"
    return f"{title}: {cause}" if cause else title


def is_said(content: Content) -> bool:
    """Return whether a title says why there is no result: one cause in words, of all conditions."""
    causes = {cause_of(item.item.id, item.reason) for item in content.conditions}
    return len(causes) == 1 and "" not in causes


def word_for(content: Content, condition: DeltaItem) -> str:
    """Return the word for a condition: what the scanner does not support did not fail."""
    if content.image.is_repository:
        return "not checked"
    kind = condition.item.condition
    if kind is None or is_unsupported(condition.item.id):
        kind = Condition.NOT_SCANNED
    return _WORDS[kind]


_WORDS: Final[Mapping[Condition, str]] = MappingProxyType(
    {
        Condition.SCAN_FAILED: "scan failed",
        Condition.NOT_SCANNED: "not scanned",
        Condition.MONITORING_ENDED: "not known to be monitored",
    }
)


def part_of(condition: DeltaItem) -> str:
    """Return the part that a condition is about; empty where the image has a single one."""
    return condition.item.id.partition(" ")[2]


def _subject(condition: DeltaItem) -> str:
    part = short(part_of(condition), NAME)
    return f"{part} " if part else ""


def _gaps(content: Content) -> list[str]:
    """Return what is not known of the current image, where the message is not about that."""
    current = content.state.current
    if current is None or content.conditions:
        return []
    missing = sum(part.reason is not None for part in current.parts)
    if missing and len(current.parts) == 1:
        return [f"{short(current.image.name, NAME)} is not scanned"]
    if missing:
        return [f"{missing} of {len(current.parts)} platforms not scanned"]
    is_cut = any(part.evidence and not part.evidence[0].complete for part in current.parts)
    return ["the list is incomplete"] if is_cut else []


def state_of(content: Content) -> str:
    """Return what is open now, as the end of a sentence, and no more of an all-clear than true."""
    if content.is_check:
        return state_of_check(content)
    if not content.everything:
        return nothing_open(content) + _suppressed(content)
    counts = counts_text(content.totals)
    if not content.open:
        return f"nothing open but what is filtered out: {counts}{_suppressed(content)}"
    return f"{counts} open{_fixes(content.everything)}{_suppressed(content)}"


def totals_of(content: Content) -> str:
    """Return the counts of all that is open, asked for or not: the same for every reader."""
    if not content.everything:
        nothing = "Nothing is open" if is_scanned(content) else "Nothing is known to be open"
        return nothing + _suppressed(content)
    if content.is_check:
        number = counted(len(content.everything), "setting")
        return f"{number} to fix: {counts_text(content.totals)}{_suppressed(content)}"
    counts = counts_text(content.totals)
    return f"{counts} open{_fixes(content.everything)}{_suppressed(content)}"


def _fixes(entries: Sequence[Entry]) -> str:
    """Return how many can be fixed, and of how many kernels; empty where no fix is named."""
    kernels = [entry for entry in entries if is_about_kernel(entry)]
    others = [entry for entry in entries if entry not in kernels]
    if kernels and not others:
        return "; the fix is on the hosts" if any(entry.fixable for entry in kernels) else ""
    fixable, number = sum(entry.fixable for entry in others), len(entries)
    if kernels:
        hosts = f"{len(kernels):,} to fix on the hosts"
        verb = "has" if fixable == 1 else "have"
        return f"; {fixable:,} of {number:,} {verb} a fix, {hosts}" if fixable else f"; {hosts}"
    if not fixable:
        return ""
    if number == 1:
        return "; it has a fix"
    if fixable == number:
        return f"; {'both' if number == _BOTH else 'all'} have a fix"
    return f"; {fixable:,} of {number:,} {'has' if fixable == 1 else 'have'} a fix"


def _suppressed(content: Content) -> str:
    number = sum(content.suppressed.values())
    return f"; {number:,} accepted, not counted" if number else ""
