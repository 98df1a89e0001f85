"""A link opened, from the pinned message in S3 to the page in a browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from handlers.open_report import open_report
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.models import DeliveryId, Deployments, Workload
from lib.models.views import Dispatch
from tests.store.conftest import table_and_bucket
from tests.support.builders import a_finding
from tests.support.notices import a_message
from tests.support.streams import a_state, a_watched

Boto = Callable[[str], Any]
RUNNING = Deployments((Workload("prod", "shop", service=True, tasks=3),))
MESSAGE = replace(
    a_message(a_state(a_watched(a_finding()), version=2)),
    dispatch=Dispatch(DeliveryId("4" * 32), running=RUNNING),
)


class TheClients(Clients):
    """The clients of a test."""

    def __init__(self, boto: Boto) -> None:
        super().__init__()
        self._boto = boto

    def get(self, service: str, region: str | None = None) -> Any:  # noqa: ARG002  # the class's
        """See `Clients.get`."""
        return self._boto(service)


class OneSecret:
    def read(self, _: Any) -> str:
        return "one secret"

    def renew(self) -> bool:
        return False


class Stage(NamedTuple):
    """A stage with links, its bucket, and the link of a message."""

    app: App
    s3: Any
    name: str
    link: str

    def open(self) -> Any:
        """Open the link in a browser."""
        split = urlsplit(self.link)
        query = dict(parse_qsl(split.query))
        answer = open_report(self.app, {"rawPath": split.path, "queryStringParameters": query})
        address = answer["headers"].get("location")
        if address is None:
            return answer["statusCode"], answer["body"]
        page = requests.get(address, timeout=10)
        return page.status_code, page.text

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the bucket below a prefix."""
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", ())
        return [entry["Key"] for entry in found]

    def expire(self, prefix: str) -> None:
        """Delete objects as their lifecycle does."""
        for key in self.keys(prefix):
            self.s3.delete_object(Bucket=self.name, Key=key)


def an_app(boto: Boto, name: str, **settings: str) -> App:
    """Return the objects of a new process, which has read nothing yet."""
    environment = {
        "TABLE_NAME": name,
        "REPORTS_BUCKET": name,
        "REPORT_LINK_BASE": "https://links.example/",
        "REPORT_LINK_DAYS": "30",
        "REPORT_LINK_SECRET": "ecr-scan-alerts/prod/report-links-1",
    }
    app = App(Settings(environment | settings), clients=TheClients(boto))
    app.stores.secrets = OneSecret()
    return app


def a_stage(boto: Boto, name: str) -> Stage:
    """Return a stage that has sent a message."""
    sender = an_app(boto, name)
    link = sender.pages.page(sender.stores.objects.put_pinned(MESSAGE)).url
    assert link is not None
    return Stage(an_app(boto, name), boto("s3"), name, link)


@pytest.fixture
def cloud(boto: Boto) -> Iterator[tuple[Boto, str]]:
    with table_and_bucket(boto) as place:
        yield place


def test_a_page_is_made_by_the_first_reader_and_kept(cloud: tuple[Boto, str]) -> None:
    """With what the message said of its delivery; the second reader gets the same bytes."""
    stage = a_stage(*cloud)
    before = stage.keys("pages/")
    first, second = stage.open(), stage.open()

    assert before == []
    assert first == second
    status, html = first
    assert status == 200
    assert all(part in html for part in ("CVE-2024-0001", "4" * 32, "shop"))
    assert len(stage.keys("pages/")) == 1


def test_an_expired_page_is_made_again_while_its_message_is_kept(cloud: tuple[Boto, str]) -> None:
    """Then it is gone, and the link says what that means."""
    stage = a_stage(*cloud)
    stage.open()
    stage.expire("pages/")
    again, _ = stage.open()
    stage.expire("pages/")
    stage.expire("pinned/")
    gone, body = stage._replace(app=an_app(*cloud)).open()

    assert (again, gone) == (200, 404)
    assert "payments/api" in body
    assert "may still have vulnerabilities" in body
    assert stage.keys("pages/") == []


@pytest.mark.parametrize("missing", ["TABLE_NAME", "REPORTS_BUCKET"])
def test_nothing_is_kept_where_a_store_does_not_answer(
    cloud: tuple[Boto, str], missing: str
) -> None:
    """A bucket or table that cannot be asked is no report that is gone."""
    stage = a_stage(*cloud)
    app = an_app(*cloud, **{missing: "not-there-0192837465"})
    status, body = stage._replace(app=app).open()

    assert status == 503
    assert "cannot be opened now" in body
    assert stage.keys("pages/") == []
    assert stage.open()[0] == 200
