"""
Addresses of source repositories, and pages of their commits at known forges. Pure.

    repository_url      an argument of `git clone` or a label -> an https address, or None
    commit_url          the page of a commit; None at an unknown forge
    compare_url         the page of the changes between two commits
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lib.urls.partitions import PARTITIONS, partition_of

MAX_URL: Final = 300
"""Longer URLs take too much of a message."""
_SHORT_COMMIT: Final = 7
_FULL_COMMIT: Final = 40

_HOST: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
_PATH: Final = r"[A-Za-z0-9._~+-]+(?:/[A-Za-z0-9._~+-]+)*"
# Text before the last "@" of the authority is a name or a credential: it is dropped.
_WEB: Final = re.compile(
    rf"(?:git\+)?(?P<scheme>https?|ssh|git)://(?:[^/\s]*@)?(?P<host>{_HOST})(?P<port>:\d{{1,5}})?"
    rf"/+(?P<path>{_PATH})/*",
    re.IGNORECASE | re.ASCII,
)
_SCP: Final = re.compile(
    rf"[A-Za-z0-9._-]+@(?P<host>{_HOST}):/*(?P<path>{_PATH})/*", re.IGNORECASE | re.ASCII
)
_BARE: Final = re.compile(rf"(?P<host>{_HOST})/(?P<path>{_PATH})/*", re.IGNORECASE | re.ASCII)
# https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-git-remote-codecommit.html
_CODECOMMIT: Final = re.compile(
    r"codecommit::(?P<region>[a-z0-9-]{1,30})://(?:[^@/\s]*@)?(?P<name>[A-Za-z0-9._-]{1,100})"
)
# https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html
_CODECOMMIT_HOST: Final = re.compile(
    r"git-codecommit(?:-fips)?\.(?P<region>[a-z0-9-]{1,30})"
    rf"\.(?P<domain>{'|'.join(re.escape(one.domain) for one in PARTITIONS)})"
)
_CODECOMMIT_PATH: Final = "v1/repos/"
_SSH_HOSTS: Final = MappingProxyType(
    {
        # https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port
        "ssh.github.com": "github.com",
        "www.github.com": "github.com",
        # https://docs.gitlab.com/user/gitlab_com/#alternative-ssh-port
        "altssh.gitlab.com": "gitlab.com",
        # https://support.atlassian.com/bitbucket-cloud/docs/troubleshoot-ssh-issues/
        "altssh.bitbucket.org": "bitbucket.org",
    }
)
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_DIRTY: Final = "-dirty"
_GITHUB: Final = "github.com"
_BITBUCKET: Final = "bitbucket.org"
_GITLAB: Final = "gitlab"
"""Part of the host name of self-hosted instances."""


@dataclass(frozen=True, slots=True)
class _Forge:
    """Templates of page addresses."""

    commit: str
    compare: str


_FORGES: Final = MappingProxyType(
    {
        # https://docs.github.com/en/pull-requests/committing-changes-to-your-project/viewing-and-comparing-commits/comparing-commits
        _GITHUB: _Forge("{repository}/commit/{commit}", "{repository}/compare/{old}...{new}"),
        # https://docs.gitlab.com/user/project/repository/compare_revisions/
        _GITLAB: _Forge("{repository}/-/commit/{commit}", "{repository}/-/compare/{old}...{new}"),
        # The newer commit first, then a carriage return.
        _BITBUCKET: _Forge(
            "{repository}/commits/{commit}", "{repository}/branches/compare/{new}%0D{old}"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class _Repository:
    """The parts of an address from `repository_url`."""

    host: str
    path: str

    @property
    def region(self) -> str | None:
        """The region of a CodeCommit repository; None for others."""
        match = _CODECOMMIT_HOST.fullmatch(self.host)
        return match["region"] if match and self.path.startswith(_CODECOMMIT_PATH) else None


def repository_url(text: str) -> str | None:
    """
    Return the https address of a repository, from any way of writing it.

    Credentials, query, ".git" and paths inside the repository are dropped. None for text that is
    no such address.
    """
    text = re.split(r"[?#]", text.strip(), maxsplit=1)[0]
    if len(text) > MAX_URL:
        return None
    codecommit = _CODECOMMIT.fullmatch(text)
    if codecommit is not None:
        region, repository = codecommit["region"], codecommit["name"]
        domain = partition_of(region).domain
        return f"https://git-codecommit.{region}.{domain}/{_CODECOMMIT_PATH}{repository}"
    match = _WEB.fullmatch(text) or _SCP.fullmatch(text) or _BARE.fullmatch(text)
    if match is None:
        return None
    groups = match.groupdict()
    host = groups["host"].lower()
    host = _SSH_HOSTS.get(host, host)
    path = _path(host, groups["path"])
    # The port of ssh is not the port of the web pages.
    port = groups.get("port") if (groups.get("scheme") or "").lower() == "https" else None
    return None if path is None else f"https://{host}{port or ''}/{path}"


def _path(host: str, path: str) -> str | None:
    """Return the path of the repository; None for an invalid one."""
    steps = path.split("/")
    if any(segment in {".", ".."} for segment in steps):
        return None
    if host in {_GITHUB, _BITBUCKET}:
        steps = steps[:2]
    elif _GITLAB in host and "-" in steps:
        # Between the repository and its pages: https://gitlab.com/group/project/-/tree/main
        steps = steps[: steps.index("-")]
    steps[-1:] = [segment.removesuffix(".git") for segment in steps[-1:]]
    hosted = host in {_GITHUB, _BITBUCKET} or _GITLAB in host
    if not all(steps) or len(steps) < (2 if hosted else 1):
        return None
    return "/".join(steps)


def name(repository: str) -> str:
    """Return a short name of a repository: "org/repo" at public forges, else with its host."""
    parts = _parts(repository)
    if parts.region is not None:
        return parts.path.removeprefix(_CODECOMMIT_PATH)
    if parts.host in {_GITHUB, _BITBUCKET, "gitlab.com"}:
        return parts.path
    return f"{parts.host}/{parts.path}"


def is_commit(text: str) -> bool:
    """Whether a text can be the id of a git commit, full or abbreviated."""
    return _COMMIT.fullmatch(text) is not None and text.strip("0") != ""


def short_commit(commit: str) -> str:
    """Return the first digits of a commit; other revisions stay as they are."""
    bare, dirty = _bare(commit)
    return bare[:_SHORT_COMMIT] + dirty if is_commit(bare) else commit


def commit_url(repository: str | None, commit: str | None) -> str | None:
    """Return the page of a commit; None where there is no such page or the forge is unknown."""
    bare = _bare(commit or "")[0]
    if repository is None or not is_commit(bare):
        return None
    parts = _parts(repository)
    if parts.region is not None:
        return _codecommit_url(parts, parts.region, bare)
    forge = _forge(parts.host)
    return None if forge is None else forge.commit.format(repository=repository, commit=bare)


def _codecommit_url(repository: _Repository, region: str, commit: str) -> str | None:
    """Return the page of a commit in the console, which needs the full id."""
    host = partition_of(region).console
    if len(commit) != _FULL_COMMIT or host is None:
        return None
    path = repository.path.removeprefix(_CODECOMMIT_PATH)
    return (
        f"https://{region}.{host}/codesuite/codecommit/repositories/{path}/commit/{commit}"
        f"?region={region}"
    )


def compare_url(repository: str | None, before: str | None, after: str | None) -> str | None:
    """Return the page of the changes between two commits; None where there is none."""
    old, new = _bare(before or "")[0], _bare(after or "")[0]
    if repository is None or not (is_commit(old) and is_commit(new)):
        return None
    forge = _forge(_parts(repository).host)
    if forge is None or old.startswith(new) or new.startswith(old):
        return None
    return forge.compare.format(repository=repository, old=old, new=new)


def _forge(host: str) -> _Forge | None:
    if _GITLAB in host:
        return _FORGES[_GITLAB]
    return _FORGES.get(host)


def _bare(commit: str) -> tuple[str, str]:
    """Split a commit from its mark of uncommitted changes ("-dirty")."""
    return commit.removesuffix(_DIRTY), _DIRTY if commit.endswith(_DIRTY) else ""


def _parts(repository: str) -> _Repository:
    host, _, path = repository.removeprefix("https://").partition("/")
    return _Repository(host.partition(":")[0], path)
