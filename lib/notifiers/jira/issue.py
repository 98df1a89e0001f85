"""The calls of Jira about one issue, which `jira` decides on."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

from lib.errors import AmbiguousDeliveryError, PermanentDeliveryError, TemporaryDeliveryError
from lib.models import LONG_ANSWER, Json, Upload
from lib.notifiers.jira import adf, identity, workflow
from lib.ports.notifiers import HttpClient

FILE: Final = "scan-report"
"""How the names of attached pages begin."""
GONE: Final = "http-404"
_KEPT: Final = 3
_COMMENTS: Final = 50


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as it was read, and the calls about it."""

    http: HttpClient
    api: str
    key: str
    headers: Mapping[str, str] = field(repr=False)
    answer: str = field(default="{}", repr=False)
    """What Jira answered about the issue: status, resolution and properties."""

    @property
    def url(self) -> str:
        """The address of the issue in the API."""
        return f"{self.api}/issue/{quote(self.key, safe='')}"

    def read(self) -> "Issue":
        """Return the issue as it is now."""
        # All properties, because the client takes longer parts of an address out of the answer.
        query = "fields=status,resolution&properties=*all"
        with reading():
            answer = self.http.get(f"{self.url}?{query}", headers=self.headers, limit=LONG_ANSWER)
        return replace(self, answer=answer.text)

    def belongs_to(self, owner: identity.Owner) -> bool:
        """Return whether the issue was created for this stream, by this stage."""
        own = self._owner()
        return own is not None and own.mark == owner.mark

    def holds(self, delivery: str) -> bool:
        """Return whether the issue was created by a delivery, or has a comment that names it."""
        own = self._owner()
        return (own is not None and own.delivery == delivery) or self._mentions(delivery)

    def _owner(self) -> identity.Owner | None:
        return identity.owner_in(identity.parsed(self.answer).get("properties"))

    def _mentions(self, delivery: str) -> bool:
        query = f"orderBy=-created&maxResults={_COMMENTS}"
        with reading():
            url = f"{self.url}/comment?{query}"
            answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
        return identity.mentioned(answer.text, delivery)

    def status(self) -> workflow.Status:
        """Return whether the issue was closed when it was read."""
        return workflow.status(self.answer)

    def move(self, *, done: bool) -> bool:
        """Take a transition; False when there is none, or Jira refuses it for good."""
        url = f"{self.url}/transitions"
        try:
            with reading():
                answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
            way = workflow.transition(answer.text, done=done)
            if way is None:
                return False
            chosen = {"transition": {"id": way}}
            self.http.post(url, chosen, headers=self.headers, any_answer=True)
        except PermanentDeliveryError:
            # The comment says so. Most often a permission, or a field that the screen asks for.
            return False
        return True

    def edit(self, fields: Json, *, locked: bool) -> None:
        """Set fields. `locked`: many workflows refuse that for a closed issue; then leave it."""
        try:
            self.http.put(self.url, {"fields": fields}, headers=self.headers)
        except PermanentDeliveryError as error:
            if not locked or error.reason == GONE:
                raise

    def attach(self, file: Upload) -> None:
        """
        Add a page unless it is there, and take away the oldest ones of ours beyond three.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments
        """
        url = f"{self.url}?fields=attachment"
        answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
        pages = _pages(answer.text)
        if file.name in (page["filename"] for page in pages):
            return
        allowed = {**self.headers, "X-Atlassian-Token": "no-check"}
        self.http.upload(f"{self.url}/attachments", file, headers=allowed)
        for page in pages[: max(len(pages) + 1 - _KEPT, 0)]:
            number = quote(str(page.get("id")), safe="")
            self.http.delete(f"{self.api}/attachment/{number}", headers=self.headers)

    def comment(self, body: Json, note: str | None) -> None:
        """Add a comment, with a note about the status of the issue on top."""
        content = [adf.panel("note", adf.paragraph(adf.text(note)))] if note else []
        noted = {**body, "content": [*content, *body["content"]]}
        url = f"{self.url}/comment"
        self.http.post(url, {"body": noted}, headers=self.headers, any_answer=True)


@contextmanager
def reading() -> Iterator[None]:
    """Read without a doubt: whatever the answer, nothing was sent."""
    try:
        yield
    except AmbiguousDeliveryError as error:
        raise TemporaryDeliveryError(str(error), reason=error.reason) from None


def _pages(text: str) -> list[dict[str, Json]]:
    """Return the attachments of ours in an answer, oldest first."""
    try:
        found = json.loads(text)["fields"]["attachment"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    listed = found if isinstance(found, list) else []
    ours = [
        file
        for file in listed
        if isinstance(file, dict) and str(file.get("filename", "")).startswith(f"{FILE}-")
    ]
    return sorted(ours, key=lambda file: str(file.get("created", "")))
