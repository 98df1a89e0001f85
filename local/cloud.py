"""
The embedded AWS, with ECR scanning added: ministack in this process, and a door for scripts.

Run by `local.process` with the Python of requirements/cloud.txt, and never imported elsewhere. It
uses private names of ministack, so its version is pinned, and tests/local/test_ecr_scanning.py
speaks to all of them over the wire. The door, on the same loopback port:

    POST /_recordings   what the next scan of an image finds
    POST /_scans        scan an image now, as ECR would when its quota is over
    POST /_events       deliver the event of an image's last scan once more
    GET  /_calls        the calls of scanning actions so far
    DELETE /_calls      forget them
"""

import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import asdict
from http import HTTPStatus
from threading import Thread
from typing import Any, Final

from local.ecr_scanning import (
    Call,
    Event,
    Place,
    PushedImage,
    Recording,
    Refusal,
    Scans,
    detail_of,
    page_of,
    push,
)
from local.ecr_settings import CHANGES, EcrSettings, api_call

Json = Any
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Response = tuple[int, Mapping[str, str], bytes]

DOOR: Final = ("/_recordings", "/_scans", "/_events", "/_calls")


class Ministack:
    """The few private names of ministack that scanning needs."""

    def __init__(self) -> None:
        # Read at import: ministack takes its settings from the environment then.
        from ministack import app
        from ministack.core import iam_actions, responses
        from ministack.services import ecr, eventbridge, lambda_svc

        self._app = app
        self._iam_actions = iam_actions
        self._ecr = ecr
        self._eventbridge = eventbridge
        self._lambda = lambda_svc
        self._responses = responses

    def place(self, repository: str) -> Place:
        """Return a repository of the account and region that the current request is for."""
        return Place(self._responses.get_account_id(), self._responses.get_region(), repository)

    def enter(self, place: Place) -> None:
        """Make the current request one of this account and region."""
        self._responses.set_request_account_id(place.account)
        self._responses.set_request_region(place.region)

    def image(self, place: Place, image_id: Mapping[str, str]) -> PushedImage:
        """Look an image up by tag, digest or both. Raises `Refusal`."""
        where = f"in the registry with id '{place.account}'"
        if place.repository not in self._ecr._repositories:  # noqa: SLF001  # no public name
            raise Refusal(
                "RepositoryNotFoundException",
                f"The repository with name '{place.repository}' does not exist {where}",
            )
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if digest is None and tag is None:
            raise Refusal("InvalidParameterException", "Invalid parameter at 'imageId'")
        for each in self._ecr._images.get(place.repository, ()):  # noqa: SLF001  # no public name
            if digest in (None, each["imageDigest"]) and tag in (None, *each["imageTags"]):
                return _pushed_image(place, each)
        raise Refusal(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'"
            f"}} does not exist within the repository with name '{place.repository}' {where}",
        )

    def manifests(self, place: Place) -> dict[str, str]:
        """Return the manifest of every image of a repository, by digest."""
        images = self._ecr._images.get(place.repository, ())  # noqa: SLF001  # no public name
        return {each["imageDigest"]: each["imageManifest"] for each in images}

    def scans_on_push(self, place: Place) -> bool:
        """Tell how a repository is configured."""
        repository = self._ecr._repositories[place.repository]  # noqa: SLF001  # no public name
        return bool(repository["imageScanningConfiguration"].get("scanOnPush"))

    def publish(self, event: Event) -> None:
        """Put an event on the default bus. PutEvents refuses sources of AWS, as it does there."""
        record = {
            "EventId": event.id,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
            "EventBusName": "default",
            "Time": event.time,
            "Resources": list(event.resources),
            "Account": event.place.account,
            "Region": event.place.region,
        }
        self._eventbridge._dispatch_event(record)  # noqa: SLF001  # no public name

    def answer(self, document: Json) -> Response:
        """Return an answer of ECR."""
        response: Response = self._responses.json_response(document)
        return response

    def refuse(self, refusal: Refusal) -> Response:
        """Return an error of ECR."""
        response: Response = self._responses.error_response_json(refusal.code, str(refusal))
        return response

    def extend(self, scanning: "Scanning") -> None:
        """Put scanning before ECR's own actions, and the door before everything."""
        self._iam_actions.extract_iam_action = _as_aws_names_it(
            self._iam_actions.extract_iam_action
        )
        self._iam_actions.extract_resource_arn = _all_repositories(
            self._iam_actions.extract_resource_arn
        )
        self._lambda._sqs_esm_concurrency = _by_group(  # noqa: SLF001  # no public name
            self._lambda._sqs_esm_concurrency  # noqa: SLF001  # same
        )
        self._ecr.handle_request = scanning.behind(self._ecr.handle_request)
        self._app.app = scanning.door(self._app.app)

    def serve(self) -> None:
        """Serve until SIGTERM."""
        # Ministack reads the command line; it has none here.
        sys.argv = ["ministack"]
        self._app.main()


def _by_group(concurrency_of: Callable[..., int]) -> Callable[..., int]:
    """
    Return how many batches may be in flight, so that groups of a FIFO queue do not wait in line.

    Ministack takes one batch after the other, as a batch may mix groups; one of a single message
    cannot, and the queue lets out one message of a group at a time.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """

    def concurrency(mapping: Json, function: Json, config: Json, queue: Json = None) -> int:
        return concurrency_of(
            mapping, function, config, None if mapping.get("BatchSize") == 1 else queue
        )

    return concurrency


def _as_aws_names_it(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    """
    Return a lookup of IAM actions that gives batches of SQS the name that policies use.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """

    def look_up(*request: Json) -> str | None:
        action = action_of(*request)
        if action is not None and action.startswith("sqs:"):
            return action.removesuffix("Batch")
        return action

    return look_up


def _all_repositories(resource_of: Callable[..., str]) -> Callable[..., str]:
    """
    Return a lookup of resources in which listing repositories is about all of them, as in AWS.

    AWS says so when it refuses: "ecr:DescribeRepositories on resource: arn:aws:ecr:…:repository/*".
    """

    def look_up(
        service: str, method: str, path: str, headers: Mapping[str, str], *request: Json
    ) -> str:
        resource = resource_of(service, method, path, headers, *request)
        listing = headers.get("x-amz-target", "").endswith(".DescribeRepositories")
        if service != "ecr" or not listing or resource != "*":
            return resource
        region, account = request[2:4]
        return f"arn:aws:ecr:{region}:{account}:repository/*"

    return look_up


def _pushed_image(place: Place, image: Mapping[str, Json]) -> PushedImage:
    return PushedImage(
        place=place,
        digest=image["imageDigest"],
        tags=tuple(image["imageTags"]),
        media_type=image["imageManifestMediaType"],
        pushed_at=float(image["imagePushedAt"]),
    )


class Scanning:
    """ECR's scanning actions, scan on push, and the door."""

    def __init__(self, ministack: Ministack, scans: Scans) -> None:
        self._ministack = ministack
        self._scans = scans
        self._settings = EcrSettings()

    def behind(self, ecr: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """Return ECR's request handler with scanning added."""

        async def handle(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Json
        ) -> Response:
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            match action:
                case "GetRegistryScanningConfiguration" | "PutRegistryScanningConfiguration":
                    return self._configured(action, json.loads(body or b"{}"))
                case "DescribeImageScanFindings" | "StartImageScan":
                    return self._answer(action, json.loads(body or b"{}"))
                case _:
                    response = await ecr(method, path, headers, body, query)
                    return self._completed(action, response, body)

        return handle

    def _completed(self, action: str, response: Response, body: bytes) -> Response:
        """Add to what ministack did and answered."""
        if action in CHANGES:
            return self._changed(action, response, json.loads(body))
        match action:
            case "DescribeImages":
                return self._described(response, json.loads(body))
            case "DescribeRepositories":
                return self._listed(response)
            case "PutImage":
                self._pushed(response)
        return response

    def _configured(self, action: str, request: Mapping[str, Json]) -> Response:
        """Answer about the scanning configuration of the registry."""
        place = self._ministack.place("")
        if action.startswith("Get"):
            found = self._settings.scanning_of(place)
            return self._ministack.answer(
                {"registryId": place.account, "scanningConfiguration": found}
            )
        try:
            found = self._settings.configure(place, request)
            response = self._ministack.answer({"registryScanningConfiguration": found})
        except Refusal as refusal:
            response = self._ministack.refuse(refusal)
        return self._changed(action, response, request)

    def _changed(self, action: str, response: Response, request: Mapping[str, Json]) -> Response:
        """Remember what ministack does not, and let CloudTrail tell of a change."""
        place = self._ministack.place(request.get("repositoryName", ""))
        status, _, body = response
        error = None
        if status != HTTPStatus.OK:
            error = str(json.loads(body).get("__type", "")).rpartition("#")[2]
        elif action in ("CreateRepository", "PutImageTagMutability"):
            self._settings.exclude(place, request)
        self._ministack.publish(api_call(action, place, request, int(time.time()), error=error))
        return response

    def _listed(self, response: Response) -> Response:
        """Complete ministack's answer about repositories."""
        status, _, body = response
        if status != HTTPStatus.OK:
            return response
        rows = json.loads(body)["repositories"]
        places = [self._ministack.place(each["repositoryName"]) for each in rows]
        return self._ministack.answer(
            {"repositories": list(map(self._settings.described, places, rows))}
        )

    def _described(self, response: Response, request: Mapping[str, Json]) -> Response:
        """Complete ministack's answer about images, and cut it into ECR's pages."""
        status, _, body = response
        if status != HTTPStatus.OK:
            return response
        details = json.loads(body)["imageDetails"]
        place = self._ministack.place(request["repositoryName"])
        manifests = self._ministack.manifests(place)
        rows = [detail_of(each, manifests.get(each["imageDigest"], "")) for each in details]
        if request.get("imageIds"):
            return self._ministack.answer({"imageDetails": rows})
        try:
            return self._ministack.answer(page_of(rows, "imageDetails", request))
        except Refusal as refusal:
            return self._ministack.refuse(refusal)

    def _answer(self, action: str, request: Mapping[str, Json]) -> Response:
        answer, findings = "ok", 0
        try:
            image = self._ministack.image(
                self._ministack.place(request["repositoryName"]), request.get("imageId", {})
            )
            if action == "StartImageScan":
                document = self._start(image)
            else:
                document = self._scans.describe(
                    image, request.get("maxResults"), request.get("nextToken")
                )
                findings = _listed(document)
        except Refusal as refusal:
            answer = refusal.code
            response = self._ministack.refuse(refusal)
        else:
            response = self._ministack.answer(document)
        self._scans.calls.append(
            Call(
                action=action,
                repository=request["repositoryName"],
                digest=request.get("imageId", {}).get("imageDigest"),
                max_results=request.get("maxResults"),
                next_token=request.get("nextToken"),
                answer=answer,
                findings=findings,
            )
        )
        return response

    def _start(self, image: PushedImage) -> Json:
        self._publish(self._scans.start(image, time.time()))
        return {
            "registryId": image.place.account,
            "repositoryName": image.place.repository,
            "imageId": {"imageDigest": image.digest},
            "imageScanStatus": {"status": "IN_PROGRESS"},
        }

    def _pushed(self, response: Response) -> None:
        """Announce a push, and scan what was pushed where the repository says so."""
        status, _, body = response
        if status != HTTPStatus.OK:
            return
        pushed = json.loads(body)["image"]
        place = self._ministack.place(pushed["repositoryName"])
        image_id = pushed["imageId"]
        image = self._ministack.image(place, {"imageDigest": image_id["imageDigest"]})
        self._ministack.publish(push(image, image_id.get("imageTag"), int(time.time())))
        # One more tag for an image that was scanned does not scan it again.
        own = self._ministack.scans_on_push(place)
        if self._settings.scans_on_push(place, own=own) and not self._scans.scanned(image):
            self._publish(self._scans.scan(image, time.time()))

    def _publish(self, event: Event | None) -> None:
        if event is not None:
            self._ministack.publish(event)

    def door(self, application: Application) -> Application:
        """Return the whole application with the door added."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] in DOOR:
                status, document = self._through_the_door(
                    scope["method"], scope["path"], await _read(receive)
                )
                await _reply(send, status, document)
            else:
                await application(_over_tls(scope), receive, send)

        return serve

    def _through_the_door(self, method: str, path: str, body: bytes) -> tuple[HTTPStatus, Json]:
        try:
            match method, path:
                case "GET", "/_calls":
                    return HTTPStatus.OK, [asdict(call) for call in self._scans.calls]
                case "DELETE", "/_calls":
                    self._scans.calls.clear()
                case "POST", "/_recordings" | "/_scans" | "/_events":
                    self._script(path, json.loads(body))
                case _:
                    return HTTPStatus.METHOD_NOT_ALLOWED, {"message": f"{method} {path}"}
        except Refusal as refusal:
            return HTTPStatus.NOT_FOUND, {"message": str(refusal)}
        return HTTPStatus.OK, {}

    def _script(self, path: str, request: Mapping[str, Json]) -> None:
        place = Place(request["account"], request["region"], request["repository"])
        digest = request["digest"]
        self._ministack.enter(place)
        match path:
            case "/_recordings":
                recording = Recording.of(request["document"], request.get("options", {}))
                self._scans.record(place, digest, recording)
            case "/_scans":
                image = self._ministack.image(place, {"imageDigest": digest})
                self._publish(self._scans.scan(image, time.time()))
            case _:
                event = self._scans.last_event(place, digest)
                if event is None:
                    raise Refusal("ScanNotFoundException", f"{digest} was not scanned")
                self._publish(event)


def _over_tls(scope: Scope) -> Scope:
    """Present a call on loopback as one over TLS, as all to AWS are: buckets refuse others."""
    if scope["type"] != "http":
        return scope
    return {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


def _listed(document: Mapping[str, Json]) -> int:
    results = document.get("imageScanFindings", {})
    return sum(len(each) for each in results.values() if isinstance(each, list))


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _reply(send: Send, status: HTTPStatus, document: Json) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def _end_with_the_parent() -> None:
    """Stop when whoever started this process is gone: its end of the pipe is closed then."""
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve the embedded AWS until SIGTERM, or until the parent is gone."""
    ministack = Ministack()
    ministack.extend(Scanning(ministack, Scans()))
    Thread(target=_end_with_the_parent, name="parent", daemon=True).start()
    ministack.serve()


if __name__ == "__main__":
    main()
