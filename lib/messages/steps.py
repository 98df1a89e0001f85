"""The steps of an alert: upgrades, what comes before and after them, fixes of settings. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from string import ascii_lowercase
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.core.upgrades import is_kernel
from lib.messages.phrases import AUDIT, MARKS, PROBLEM_MARK, counts_text, look_for, severity_word
from lib.messages.titles import DESCRIBED_STEP, TO_DO
from lib.models import Counts, Severity
from lib.text import capitalized, counted, first

_BEFORE_YES: Final = "Before you answer yes"
_TOGETHER: Final = 3
"""Packages of one upgrade that are named."""
_ALL: Final[Mapping[int, str]] = MappingProxyType({1: "it", 2: "both", 3: "all three"})


class UpgradeText(NamedTuple):
    """A package to upgrade, or several of which one line is true."""

    remedy: str
    """Where that is done."""
    package: str
    """The name; of several all of them, or the first ones and how many more."""
    installed: str
    fixed: str
    """The version to go to; empty where the source names none."""
    removes: str
    fixes: Counts
    group: tuple[str, ...] = ()
    """The packages where there are several."""
    adds: Counts = MappingProxyType({})
    """What it removes that no upgrade before it does."""
    score: str = ""
    """The worst score of what it removes, in words."""
    described: str = ""
    """The version that descriptions name where `fixed` is empty, in words."""
    heading: str = ""
    """The remedy as a step above its packages. Commands in it stand in backticks."""
    is_new: bool = False
    """Whether some of its vulnerabilities are news, where that tells packages apart."""

    @property
    def names(self) -> tuple[str, ...]:
        """Each package on its own."""
        return self.group or (self.package,)

    @property
    def labels(self) -> tuple[Sequence[str], str]:
        """The names that are shown, and how many more packages; empty for none."""
        shown = first(self.names, _TOGETHER)
        more = len(self.names) - len(shown)
        return shown, counted(more, "more package") if more else ""

    @property
    def target(self) -> str:
        """The version to go to, from the scanner or from descriptions."""
        return self.fixed or self.described

    @property
    def step(self) -> str:
        """The upgrade in words, without what it is good for."""
        installed = f"from {self.installed}" if self.installed else ""
        return " ".join(filter(None, (self.package, installed, "to", self.target)))

    @property
    def effect(self) -> str:
        """The findings that the upgrade removes, in words."""
        return f"removes {self.removes}"

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.remedy}: {self.step}, {self.effect}"


class Step(NamedTuple):
    """The fix of one setting: whole commands, and the lines of a template."""

    title: str
    """How bad it is, and what deviates: "HIGH: tags can be overwritten"."""
    risk: str
    remark: str
    """What to know before the commands are run. Commands in it stand in backticks."""
    commands: tuple[str, ...]
    """Empty where they are too long, or too strange, to be shown as they are."""
    resource: str
    """Empty where there is no template."""
    template: tuple[str, ...] = ()
    level: Severity = Severity.UNKNOWN
    id: str = ""
    url: str | None = None
    """The page about it."""
    guided: str = ""
    """The command that fixes this setting and others, and asks first; empty where none does."""
    guided_remark: str = ""
    """What to know before that is run."""

    @property
    def mark(self) -> str:
        """The colour of its severity."""
        return MARKS[self.level]

    @property
    def heading(self) -> str:
        """The title with the id."""
        return f"{self.title} ({self.id})" if self.id else self.title

    @property
    def line(self) -> str:
        """The setting, the warning and the commands in one line."""
        end = " ".join(filter(None, (self.remark, " ; ".join(self.commands))))
        return ": ".join(filter(None, (self.heading, end)))

    @property
    def size(self) -> int:
        """Characters of all texts."""
        texts = (self.heading, self.risk, self.remark, *self.commands, *self.template)
        return sum(map(len, texts))

    @property
    def template_title(self) -> str:
        """The heading of the template."""
        return f"CloudFormation, {self.resource}:"


@dataclass(frozen=True, slots=True)
class ToDo:
    """The fixes of an alert: upgrades for an image, steps for a repository."""

    upgrades: tuple[UpgradeText, ...] = ()
    """Those that name a version to go to, of one origin together; as many as asked for."""
    upgrade_count: int = 0
    """All packages with such a version."""
    fixes: Counts = field(default_factory=dict)
    """What all of them remove."""
    all_steps: tuple[Step, ...] = ()
    deploy: str = ""
    """Which deployments still run an image whose findings are resolved in this one."""
    without_fix: str = ""
    rebuild: str = ""
    """How packages of the distribution without a fix version are brought up to date."""
    build: str = ""
    """How to build after upgrades of the base image, where no heading says it."""
    added: str = ""
    """The step that asks whether the release added the packages of what is new."""
    without_version: str = ""
    search: str = ""
    """How to search for the versions of those packages, as a heading of their table."""
    nameless: str = ""
    """The vulnerabilities of which the scanner names no package."""
    then: str = ""
    """Upgrades for what only a headline counts."""
    described: tuple[UpgradeText, ...] = ()
    """Upgrades to versions that descriptions name where the scanner names none."""
    unversioned: tuple[UpgradeText, ...] = ()
    """Packages that name no version to go to; as many as asked for."""
    unversioned_count: int = 0
    hosts: tuple[str, ...] = ()
    """What to do on the hosts about a kernel."""
    later: str = ""
    """The step in the image that can wait for them: the last one."""
    support: str = ""
    """The move off a release without updates, where `later` does not say it."""
    gaps: str = ""
    """What the scanner does not say about fixes and exploits."""
    brief: str = ""
    """The first steps in one line."""
    repeated: str = ""
    """Which message has the same vulnerabilities."""
    title: str = TO_DO

    @property
    def now(self) -> "ToDo":
        """The same without the steps that can wait; with them where there are no others."""
        now = replace(self, later="", support="")
        steps = (now.before, now.upgrades, now.described, now.all_steps, now.after)
        return now if any(steps) else self

    @property
    def before(self) -> list[str]:
        """The steps before the upgrades. Commands in them stand in backticks."""
        return [text for text in (*self.hosts, self.rebuild) if text]

    @property
    def after(self) -> list[str]:
        """The steps after the upgrades."""
        texts = (
            self.added,
            self.deploy,
            self.without_version,
            self.nameless,
            self.then,
            self.support,
            self.later,
        )
        return [text for text in texts if text]

    @property
    def is_numbered(self) -> bool:
        """Whether there are steps that receivers number; those about settings have marks."""
        return bool(self.before or self.upgrades or self.described or self.after)

    @property
    def tabled(self) -> frozenset[str]:
        """The packages without any version to go to, as a page lists them."""
        return frozenset(one.package for one in self.unversioned if not one.described)

    @property
    def commands(self) -> tuple[str, ...]:
        """The steps after upgrades with commands: no name in them begins code."""
        return (self.without_version, self.then, self.later)

    @property
    def look(self) -> str:
        """The step for `unversioned` packages of which no other step says anything; else empty."""
        if self.rebuild or self.without_version or self.without_fix:
            return ""
        upgraded = {name for upgrade in self.upgrades for name in upgrade.names}
        silent = dict.fromkeys(
            one.package for one in self.unversioned if not (one.described or is_kernel(one.package))
        )
        names = [name for name in silent if name not in upgraded]
        if not names:
            return ""
        sentence = look_for(names, self.unversioned_count - len(self.unversioned))
        is_first = not (self.before or self.upgrades or self.described or self.after)
        return capitalized(sentence) if is_first else f"Then {sentence}"

    @property
    def remarks(self) -> list[str]:
        """Remarks beside the steps."""
        return [text for text in (self.without_fix, self.repeated) if text]

    @property
    def notes(self) -> list[str]:
        """The steps and remarks after upgrades that stand a line each, without their heading."""
        return [text for text in (self.build, *self.after, *self.remarks) if text]

    @property
    def lines(self) -> list[str]:
        """All steps in order, a line for each. Commands in them stand in backticks."""
        upgrades = [one.line for one in self.upgrades]
        more = self.more_upgrades(len(upgrades))
        described = [one.line for one in self.by_description]
        settings = [step.line for step in self.all_steps]
        steps = (*self.before, *upgrades, more, *described, *settings)
        return [step for step in (*steps, *self.notes) if step]

    @property
    def by_description(self) -> tuple[UpgradeText, ...]:
        """The `described` upgrades under the heading that says where their versions are from."""
        step = DESCRIBED_STEP
        return tuple(one._replace(remedy=step, heading=step) for one in self.described)

    def groups(self, shown: int) -> dict[str, list[UpgradeText]]:
        """Return the first upgrades, then the `described` ones, under what is to be done."""
        groups: dict[str, list[UpgradeText]] = {}
        for upgrade in (*self.upgrades[:shown], *self.by_description):
            groups.setdefault(upgrade.heading, []).append(upgrade)
        return groups

    def more_upgrades(self, shown: int) -> str:
        """
        Return how many packages the first `shown` lines do not name; empty where that is none.

        What they remove is counted without what those lines remove.
        """
        upgrades = self.upgrades[:shown]
        others = self.upgrade_count - sum(len(upgrade.names) for upgrade in upgrades)
        if others <= 0:
            return ""
        numbers = Counter(self.fixes)
        for upgrade in upgrades:
            numbers.subtract(upgrade.adds)
        more = f"and {counted(others, 'more package')} to upgrade"
        return ": ".join(filter(None, (more, counts_text(numbers))))

    def more_unversioned(self, shown: int) -> str:
        """Return how many packages without a version follow the first `shown`, and how bad."""
        others = self.unversioned_count - shown
        if others <= 0:
            return ""
        severities = {
            severity for package in self.unversioned[shown:] for severity in package.fixes
        }
        worst = severity_word(max(severities, default=Severity.UNKNOWN))
        removes = {package.removes for package in self.unversioned[shown:]}
        if len(removes) == 1 and len(self.unversioned) == self.unversioned_count:
            return f"and {counted(others, 'more package')} ({removes.pop()} each)"
        only = "only" if len(severities) == 1 else "at most"
        return f"and {counted(others, 'more package')} with {only} {worst}"

    def at_once(self, command: int) -> str:
        """
        Return the step that fixes the settings with one command, of at most `command` characters.

        Empty where there is none. The command stands in backticks.
        """
        guided = self._guided(command)
        if not guided:
            return ""
        ids = [step.id for step in self.all_steps if step.guided == guided]
        if len(ids) < len(self.all_steps):
            settings = f"{', '.join(ids[:-1])} and {ids[-1]}" if ids[1:] else ids[0]
        else:
            settings = _ALL.get(len(ids), f"all {len(ids)}")
        return f"Fix {settings}: `{guided}` (shows each change and asks)"

    def before_yes(self, command: int) -> str:
        """Return what to know before that command gets its answers; empty where that is nothing."""
        guided = self._guided(command)
        remarks = [step.guided_remark for step in self.all_steps if guided and step.guided_remark]
        if not remarks:
            return ""
        marks = (f"({letter}) " for letter in ascii_lowercase) if remarks[1:] else repeat("")
        dangers = [f"{mark}{remark}" for mark, remark in zip(marks, remarks, strict=False)]
        return f"{PROBLEM_MARK} {_BEFORE_YES}: {'; '.join(dangers)}"

    def _guided(self, limit: int) -> str:
        guided = next((step.guided for step in self.all_steps if step.guided), "")
        return guided if len(guided) <= limit and "`" not in guided else ""

    def steps(self, *, command: int, limit: int, templates: bool = False) -> tuple[list[Step], str]:
        """
        Return the steps that fit, the worst setting first, and a line about those that do not.

        A command is shown whole or not at all: of at most `command` characters, all within `limit`.
        `templates`: also the lines of templates. Without them, no command of a setting that the
        command of `at_once` fixes.
        """
        guided = self._guided(command)
        shown: list[Step] = []
        for whole in self.all_steps:
            is_guided = bool(guided) and whole.guided == guided and not templates
            step = _advised(whole) if is_guided else _shown(whole, command, templates=templates)
            limit -= step.size
            if limit < 0:
                break
            shown.append(step)
        others = len(self.all_steps) - len(shown)
        return shown, f"and {others} more; {AUDIT} shows them" if others else ""


def _advised(step: Step) -> Step:
    """Return a step whose setting the command above fixes, without its own commands."""
    return step._replace(commands=(), remark="", template=())


def _shown(step: Step, limit: int, *, templates: bool) -> Step:
    if any(len(command) > limit or "`" in command for command in step.commands):
        remark = f"The command is too long to be shown here; {AUDIT} shows it."
        step = step._replace(commands=(), remark=remark)
    return step if templates else step._replace(template=())
