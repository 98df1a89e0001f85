"""Where images were made from, as deployed: what is asked of ECR, and where messages lead."""

import re
from collections import Counter
from typing import Any

import requests

from local.aws.manifests import MANIFEST, config_of, digest_of, manifest_of
from local.demo.app import App
from tests.e2e.conftest import configured
from tests.e2e.test_alerts import basic, messages_about, opened_locally

REPOSITORY = "https://github.com/example/payments"
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
NEXT = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c"


def labelled(commit: str) -> dict[str, str]:
    return {
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.source": f"{REPOSITORY}.git",
        "org.opencontainers.image.created": "2026-11-23T08:00:00Z",
    }


def reads_of(app: App, repository: str) -> list[str]:
    """Return the calls that asked where images of a repository were made from."""
    calls = (each for each in app.aws.calls() if each["repository"] == repository)
    return [each["action"] for each in calls if each["action"] in ("GetDownloadUrlForLayer", "GET")]


def page_about(app: App, repository: str) -> str:
    """Return the report page that the first message in Slack leads to."""
    message = messages_about(app, repository, "slack")[0]
    (link, *_) = re.findall(r"https://[^|\s\"<>]*lambda-url[^|\s\"<>]*", message.raw)
    answer = requests.get(opened_locally(app, link.replace("&amp;", "&")), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


class TestSource:
    def test_labels_link_to_the_commit(self, app: App, repository: Any) -> None:
        """Message, mail, issue and report page lead to the commit; three calls at most."""
        name = repository("everywhere")
        app.aws.forget_calls()

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), labels=labelled(COMMIT))
        app.wait_until_quiet()

        found = messages_about(app, name)
        assert {each.receiver for each in found} == {"slack", "jira", "sns"}
        assert all(f"{REPOSITORY}/commit/{COMMIT}" in each.raw for each in found)
        (slack,) = messages_about(app, name, "slack")
        assert "Commit 1a2b3c4" in slack.raw
        assert "example/payments at 1a2b3c4 (built 2026-11-23)" in page_about(app, name)
        # The first one is to know whether the push is one of an index.
        calls = [each["action"] for each in app.aws.calls() if each["repository"] == name]
        # Twice whether it is an index, by push and scan, which may come in any order; once for it.
        assert calls.count("BatchGetImage") <= 3
        assert reads_of(app, name) == ["GetDownloadUrlForLayer", "GET"]

    def test_the_next_image_links_to_what_changed(self, app: App, repository: Any) -> None:
        """Between the commits of both images, whoever says what they are."""
        name = repository()
        annotations = labelled(NEXT)
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), labels=labelled(COMMIT))
        app.wait_until_quiet()
        app.aws.forget_calls()

        app.aws.push(name, "1.4.2", basic("CVE-2026-0002"), annotations=annotations)
        app.wait_until_quiet()

        assert f"{REPOSITORY}/compare/{COMMIT}...{NEXT}" in messages_about(app, name)[-1].raw
        # Annotations stand in the manifest.
        assert reads_of(app, name) == []

    def test_a_tag_names_the_commit(self, app: App, repository: Any) -> None:
        """With its repository in alerts.yml it links there; without, it says what is missing."""
        named, other = repository("traced"), repository("untraced")

        for name in (named, other):
            app.aws.push(name, "main-1a2b3c4", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        assert f"{REPOSITORY}/commit/1a2b3c4" in messages_about(app, named)[0].raw
        said = messages_about(app, other)[0].raw
        assert "commit 1a2b3c4; for a link, name its repository under sources" in said
        assert "/commit/" not in said

    def test_an_image_that_says_nothing_says_what_to_add(self, app: App, repository: Any) -> None:
        """The advice is the option of the build."""
        name = repository()

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        advice = "unknown: build with --label org.opencontainers.image.revision="
        assert advice in page_about(app, name)

    def test_a_rescan_asks_nothing_again(self, app: App, repository: Any) -> None:
        """What an image says of itself never changes."""
        name = repository()
        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), labels=labelled(COMMIT))
        app.wait_until_quiet()
        app.aws.forget_calls()

        app.aws.rescan(name, digest, basic("CVE-2026-0001", "CVE-2026-0002"))
        app.wait_until_quiet()

        calls = [each["action"] for each in app.aws.calls() if each["repository"] == name]
        assert set(calls) == {"DescribeImageScanFindings"}
        assert f"/commit/{COMMIT}" in messages_about(app, name)[-1].raw

    def test_an_index_is_made_from_what_one_of_its_images_says(
        self, app: App, repository: Any
    ) -> None:
        """Annotations of the index, and labels of one image of it."""
        name = repository()
        images = {
            app.aws.push(
                name, None, basic("CVE-2026-0001"), content=each, labels=labelled(COMMIT)
            ): each
            for each in ("linux/amd64", "linux/arm64")
        }
        app.aws.push_index(name, "1.0.0", images)
        app.wait_until_quiet()

        (message,) = messages_about(app, name, "slack")
        assert f"{REPOSITORY}/commit/{COMMIT}" in message.raw
        # The scans of its images can end before the index is pushed: then each is asked, too.
        reads = Counter(reads_of(app, name))
        assert reads["GetDownloadUrlForLayer"] == reads["GET"] in (1, 2, 3)

    def test_what_cannot_be_read_holds_nothing_up(self, app: App, repository: Any) -> None:
        """The alert goes out, says that it was not read, and the log says why."""
        name = repository()
        manifest = manifest_of(config_of(name, "1.4.1", "", labelled(COMMIT)), {})
        app.aws.record(name, digest_of(manifest), basic("CVE-2026-0001"))

        app.aws.client("ecr").put_image(
            repositoryName=name,
            imageTag="1.4.1",
            imageManifest=manifest,
            imageManifestMediaType=MANIFEST,
        )
        app.wait_until_quiet()

        assert "not read: ECR did not answer" in page_about(app, name)
        lines = [
            each for each in app.log("processScan") if each.get("message") == "provenance not read"
        ]
        assert [each["level"] for each in lines if name in each["image"]] == ["WARNING"]

    def test_switched_off_it_asks_nothing(self, app: App, repository: Any) -> None:
        """Then the message has no word about it."""
        name = repository()
        app.aws.forget_calls()

        with configured(app, TRACEABILITY="false"):
            app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), labels=labelled(COMMIT))
            app.wait_until_quiet()

        assert reads_of(app, name) == []
        assert "Source" not in messages_about(app, name)[0].raw
