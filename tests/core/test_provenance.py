"""Where images were made from: what labels and tags say, and what people read of it."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.provenance import (
    NOT_ASKED,
    commit_of,
    commit_url,
    compare_url,
    completed,
    kept,
    normalize_provenance,
    not_read,
)
from lib.errors import SourceError
from lib.messages.provenance import in_words, links
from lib.models import Basis, BasisKind, Provenance
from lib.urls.forges import MAX_URL
from tests.support.builders import an_image
from tests.support.every import every
from tests.support.scenes import HOSTILE, INJECTIONS

REPOSITORY = "https://github.com/example/payments"
COMMIT, OLD = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d", "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c"
BUILT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OCI = "org.opencontainers.image."
LABELS = {
    f"{OCI}revision": COMMIT,
    f"{OCI}source": f"{REPOSITORY}.git",
    f"{OCI}url": "https://ci.example/builds/814",
    f"{OCI}created": "2026-11-23T09:00:00.123456789+01:00",
}


def said(**labels: object) -> Provenance:
    return normalize_provenance(
        [("label", {f"{OCI}{name}": each for name, each in labels.items()})]
    )


class TestNormalize:
    def test_labels_say_where_an_image_was_made_from(self) -> None:
        """Each of them in the one form, and who said it."""
        found = normalize_provenance([("label", LABELS)])

        assert (found.commit, found.repository) == (COMMIT, REPOSITORY)
        assert found.build_url == "https://ci.example/builds/814"
        assert found.created_at == BUILT.replace(microsecond=123456)
        assert found.evidence["commit"] == f"label {OCI}revision"
        assert found.unread_reason is None

    def test_the_first_that_says_it_counts(self) -> None:
        """Annotations before labels, and these before their forerunners."""
        old = {"org.label-schema.vcs-ref": OLD, "org.label-schema.vcs-url": "git@a.example:b/c.git"}
        found = normalize_provenance(
            [
                ("annotation", {f"{OCI}revision": COMMIT}),
                ("index annotation", None),
                ("label", {f"{OCI}revision": OLD, **old}),
            ]
        )

        assert found.commit == COMMIT
        assert found.repository == "https://a.example/b/c"
        assert dict(found.evidence) == {
            "commit": f"annotation {OCI}revision",
            "repository": "label org.label-schema.vcs-url",
        }

    @every(
        "revision",
        [
            "unknown",
            "None",
            "HEAD",
            "main",
            "$GIT_SHA",
            "${GIT_SHA}",
            "<no value>",
            "0" * 40,
            "",
            7,
        ],
    )
    def test_what_stands_in_for_a_commit_is_none(self, revision: object) -> None:
        """Builds write these where they know no commit."""
        assert said(revision=revision).commit is None

    @pytest.mark.parametrize(
        ("revision", "commit"),
        [(COMMIT.upper(), COMMIT), ("1a2b3c4-dirty", "1a2b3c4-dirty"), ("r1234", "r1234")],
    )
    def test_a_revision_is_kept_as_it_is(self, revision: str, commit: str) -> None:
        """That of another kind of repository, too."""
        assert said(revision=f" {revision}\n").commit == commit

    @every(
        "url",
        [
            "http://ci.example/1",
            "javascript:alert(1)",
            "https://user:secret@ci.example/1",
            "https://ci/1",
            "https://[::1",
            "https://ci.example/<b>",
            "https://ci.example/a|b",
            f"https://ci.example/{'a' * MAX_URL}",
            f"{REPOSITORY}/",
        ],
    )
    def test_what_is_no_page_of_a_build_is_left_out(self, url: str) -> None:
        """Only https leads anywhere; the repository itself is known already."""
        assert said(url=url, source=REPOSITORY).build_url is None

    @pytest.mark.parametrize(
        "created",
        [
            "",
            "yesterday",
            "1970-01-01T00:00:00Z",
            "1980-01-01T00:00:01Z",
            "0001-01-01T00:00:00+14:00",
        ],
    )
    def test_a_constant_time_is_none(self, created: str) -> None:
        """Reproducible builds have one."""
        assert said(created=created).created_at is None

    def test_the_configuration_knows_when_it_was_built(self) -> None:
        """It is asked last, and a time without a zone is in UTC."""
        found = normalize_provenance([], created_at="2026-11-23T08:00:00")
        labelled = normalize_provenance([("label", LABELS)], created_at="2020-01-01T00:00:00Z")

        assert (found.created_at, found.evidence["created_at"]) == (BUILT, "image configuration")
        assert labelled.created_at is not None
        assert labelled.created_at.year == 2026

    @every("text", INJECTIONS)
    def test_hostile_labels_come_out_inert(self, text: str) -> None:
        """Nothing of them is markup, a mention, or a link elsewhere than it says."""
        check_inert(
            normalize_provenance([("label", {k: f"{v}{text}" for k, v in HOSTILE.items()})])
        )

    @given(st.dictionaries(st.sampled_from(sorted(HOSTILE)), st.text() | st.none() | st.integers()))
    def test_any_labels_come_out_inert(self, labels: dict[str, object]) -> None:
        """It never fails, either."""
        check_inert(normalize_provenance([("label", labels)], created_at=labels))


def check_inert(found: Provenance) -> None:
    for each in (found.commit, found.repository, found.build_url):
        assert not set(each or "") & set('<>|"`\\ \n\t\x00')
        assert len(each or "") <= MAX_URL
    for url in (found.repository, found.build_url, commit_url(found)):
        assert url is None or (urlsplit(url).scheme, urlsplit(url).username) == ("https", None)


class TestTags:
    @every(
        ("tag", "commit"),
        [
            ("1a2b3c4", "1a2b3c4"),
            (COMMIT, COMMIT),
            ("git-1a2b3c4", "1a2b3c4"),
            ("sha-1a2b3c4", "1a2b3c4"),
            ("main-1a2b3c4", "1a2b3c4"),
            ("feature-x_y-1a2b3c4d5e", "1a2b3c4d5e"),
            ("main-1a2b3c4-arm64", "1a2b3c4"),
            ("v1.2.0-14-g1a2b3c4", "1a2b3c4"),
            ("main-20260102-1a2b3c4", "1a2b3c4"),
            # With a word that says so, any digits are a commit.
            ("sha-deadbee", "deadbee"),
            ("main-git-1234567", "1234567"),
            ("v1.2.0-14-gdeadbee", "deadbee"),
        ],
    )
    def test_a_tag_can_name_a_commit(self, tag: str, commit: str) -> None:
        """Alone, or at the end of what people put before it."""
        assert commit_of([tag]) == commit

    @every(
        "tag",
        [
            "latest",
            "1.4.2",
            "20240101",
            "20240101a",
            "main-20240101",
            "202401011530",
            "deadbeef",
            "build-1234567",
            "0000000",
            "1a2b3c",
            "550e8400e29b41d4a716446655440000",
            "gitea1b2c3d",
            f"sha256-{'a1' * 32}",
            f"sha256-{'a1' * 32}.sig",
            f"{COMMIT}0",
            "1A2B3C4",
            "release-1.2.0-alpine3",
        ],
    )
    def test_other_tags_name_none(self, tag: str) -> None:
        """Dates, versions, numbers of builds, words and other hashes."""
        assert commit_of([tag]) is None

    def test_of_several_the_longest_counts(self) -> None:
        """It says most."""
        assert commit_of(["latest", "1a2b3c4", COMMIT]) == COMMIT
        assert commit_of([]) is None

    @given(st.text(max_size=300))
    def test_a_commit_of_a_tag_is_one(self, tag: str) -> None:
        """Whatever the tag."""
        found = commit_of([tag])

        assert found is None or (set(found) <= set("0123456789abcdef") and found in tag)


class TestCompleted:
    def test_a_tag_says_what_labels_do_not(self) -> None:
        """And alerts.yml where the code is kept; the first pattern that matches counts."""
        sources = [("web/*", "https://a.example/b/c"), ("pay*", f"{REPOSITORY}.git"), ("*", "x")]

        found = completed(Provenance(), an_image(tags=("main-1a2b3c4",)), sources)

        assert found is not None
        assert (found.commit, found.repository) == ("1a2b3c4", REPOSITORY)
        assert dict(found.evidence) == {"commit": "tag", "repository": "alerts.yml"}

    def test_labels_come_first(self) -> None:
        """They are closer to the build than a pattern or a tag."""
        labels = normalize_provenance([("label", LABELS)])

        found = completed(labels, an_image(tags=("9f8e7d6",)), [("*", "https://a.example/b/c")])

        assert found == labels

    def test_what_a_tag_said_is_said_anew(self) -> None:
        """Tags move and alerts.yml is edited; labels stay."""
        labels = normalize_provenance([("label", {f"{OCI}created": "2026-11-23T08:00:00Z"})])
        before = completed(labels, an_image(tags=("1a2b3c4",)), [("*", REPOSITORY)])
        assert before is not None

        after = completed(before, an_image(tags=("9f8e7d6",)))

        assert after is not None
        assert (after.commit, after.repository, after.created_at) == ("9f8e7d6", None, BUILT)

    def test_without_asking_a_tag_still_counts(self) -> None:
        """But an image that says nothing is not blamed for it."""
        found = completed(NOT_ASKED, an_image(tags=("1a2b3c4",)))

        assert found is not None
        assert found.commit == "1a2b3c4"
        assert completed(NOT_ASKED, an_image(), [("*", REPOSITORY)]) is None

    def test_what_was_read_is_kept(self) -> None:
        """A failure is not, so that it is tried again."""
        read, failed = Provenance(commit=COMMIT), not_read(SourceError("no"))

        assert kept(read, None) == read
        assert kept(failed, read) == read
        assert kept(failed, None) is None
        assert kept(None, None) is None

    def test_a_failure_says_why(self) -> None:
        """An error of ours in its words, cut; any other by its kind alone."""
        assert not_read(SourceError("denied\nby policy " + "x" * 900)).unread_reason == (
            "denied by policy " + "x" * 182 + "…"
        )
        assert not_read(KeyError("a-secret")).unread_reason == "KeyError"
        assert not_read(SourceError("")).unread_reason == "SourceError"


class TestWords:
    @every(
        ("found", "words"),
        [
            (None, ""),
            (
                Provenance(commit=COMMIT, repository=REPOSITORY, created_at=BUILT),
                "example/payments at 1a2b3c4 (built 2026-11-23)",
            ),
            (
                Provenance(commit=OLD, repository=REPOSITORY),
                "example/payments at 9f8e7d6, but its tag says 1a2b3c4",
            ),
            (
                Provenance(commit="1a2b3c4", created_at=BUILT),
                (
                    "commit 1a2b3c4 (built 2026-11-23); for a link, name its repository under "
                    "sources in alerts.yml"
                ),
            ),
            (
                Provenance(commit="r1234", repository=REPOSITORY),
                "example/payments at r1234",
            ),
            (
                Provenance(repository=REPOSITORY),
                (
                    "example/payments, commit unknown: build with --label "
                    "org.opencontainers.image.revision=$(git rev-parse HEAD)"
                ),
            ),
            (
                Provenance(),
                (
                    "unknown: build with --label "
                    "org.opencontainers.image.revision=$(git rev-parse HEAD) and …source=URL"
                ),
            ),
            (Provenance(unread_reason="access was denied"), "not read: access was denied"),
        ],
    )
    def test_one_line_says_it(self, found: Provenance | None, words: str) -> None:
        """What is known, or what to do."""
        assert in_words(found, ("main-1a2b3c4",)) == words

    def test_links_lead_to_commit_comparison_and_build(self) -> None:
        """In this order."""
        after = Provenance(COMMIT, REPOSITORY, "https://ci.example/814")
        basis = Basis(BasisKind.PREVIOUS_IMAGE, provenance=Provenance(OLD, REPOSITORY))

        assert links(after, basis, "1.4.1") == [
            ("Commit 1a2b3c4", f"{REPOSITORY}/commit/{COMMIT}"),
            ("Commits since 1.4.1", f"{REPOSITORY}/compare/{OLD}...{COMMIT}"),
            ("Build", "https://ci.example/814"),
        ]
        assert links(None, basis, "1.4.1") == []
        assert links(Provenance(), basis, "1.4.1") == []

    @pytest.mark.parametrize(
        "basis",
        [
            Basis(BasisKind.NONE),
            Basis(BasisKind.PREVIOUS_IMAGE),
            Basis(BasisKind.RESCAN, provenance=Provenance(OLD, REPOSITORY)),
            Basis(BasisKind.PREVIOUS_IMAGE, provenance=Provenance(OLD, "https://gitlab.com/a/b")),
        ],
    )
    def test_only_images_of_one_repository_are_compared(self, basis: Basis) -> None:
        """Two different ones, of which both say what they are made from."""
        assert compare_url(Provenance(COMMIT, REPOSITORY), basis) is None
        assert compare_url(None, basis) is None
