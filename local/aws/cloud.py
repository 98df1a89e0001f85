"""
The embedded AWS with ECR scanning: ministack in this process, and a control API for scripts.

`local.aws.process` runs it with the Python of requirements/cloud.txt; nothing else imports it. It
uses private names of ministack, so the version is pinned, and tests/local/aws/test_ecr_scanning.py
calls all of them over the wire. So does `local.aws.strictness`. The control API, on the same
loopback port:

    POST /_recordings   set the result of an image's next scan
    POST /_scans        scan an image now, regardless of the quota
    POST /_events       deliver the event of an image's last scan again
    POST /_pushes       set the push time of an image
    POST /_services     set the services that run an image
    GET  /_calls        the calls of scanning actions, and of actions that read images
    DELETE /_calls      clear the recorded calls
    GET  /_messages     the number of messages of each queue, in flight and delayed ones, too
    POST /_messages     the same, once some queues are empty or some seconds are over
    GET  /_layers/…     download a layer, as from a signed address of S3

Long because scanning, the control API and ministack's private names share one state.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from threading import Thread
from typing import Any, Final

from local.authorizations import Authorizations
from local.aws import (
    function_code,
    function_processes,
    http_server,
    inspector,
    shortcuts,
    strictness,
)
from local.aws.cloudtrail import CHANGES, api_call
from local.aws.coverage import CLUSTERS, COVERAGE, Coverage
from local.aws.delays import Delays
from local.aws.ecr_images import batch_get_image, detail_of
from local.aws.ecr_layers import PATH as LAYERS
from local.aws.ecr_layers import Layers
from local.aws.ecr_lifecycle import PolicyImage, Previews, rules_of
from local.aws.ecr_registry import RegistryRules
from local.aws.ecr_repositories import (
    FILTERS,
    RegistryScanning,
    check_mutability,
    filters_of_properties,
    may_move,
)
from local.aws.ecr_scanning import (
    Call,
    Event,
    Place,
    PushedImage,
    Recording,
    Refusal,
    Scans,
    page_of,
    push,
)
from local.aws.waits import until_empty

Json = Any
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Response = tuple[int, Mapping[str, str], bytes]

SCRIPTS: Final = ("/_recordings", "/_scans", "/_findings", "/_events", "/_pushes", "/_services")
CONTROL_PATHS: Final = (*SCRIPTS, "/_calls", "/_messages", "/_authorizations")
WAIT: Final = ("POST", "/_messages")


class Ministack:
    """The private names of ministack that scanning needs."""

    def __init__(self) -> None:
        # Imported late: ministack reads its settings from the environment at import.
        from ministack import app
        from ministack.core import (
            iam_actions,
            iam_evaluator,
            lambda_runtime,
            responses,
            router,
        )
        from ministack.services import (
            dynamodb,
            ecr,
            eventbridge,
            iam,
            inspector2,
            lambda_svc,
            s3,
            scheduler,
            sqs,
        )
        from ministack.services.cloudformation import provisioners, stacks

        self._app = app
        self._iam_actions = iam_actions
        self._ecr = ecr
        self._inspector = inspector2
        self._eventbridge = eventbridge
        self._lambda = lambda_svc
        self._runtime = lambda_runtime
        self._provisioners = provisioners
        self._responses = responses
        self.authorizations = Authorizations(iam_evaluator)
        self._modules = {
            "dynamodb": dynamodb,
            "eventbridge": eventbridge,
            "iam": iam,
            "iam_actions": iam_actions,
            "iam_evaluator": iam_evaluator,
            "lambda_svc": lambda_svc,
            "provisioners": provisioners,
            "responses": responses,
            "router": router,
            "s3": s3,
            "scheduler": scheduler,
            "sqs": sqs,
            "stacks": stacks,
        }

    def place(self, repository: str) -> Place:
        """Return a repository in the account and region of the current request."""
        return Place(self._responses.get_account_id(), self._responses.get_region(), repository)

    def enter(self, place: Place) -> None:
        """Set account and region of the current request."""
        self._responses.set_request_account_id(place.account)
        self._responses.set_request_region(place.region)

    def image(self, place: Place, image_id: Mapping[str, str]) -> PushedImage:
        """Return an image by tag, digest or both. Raises `Refusal`."""
        where = f"in the registry with id '{place.account}'"
        self.repository(place)
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if digest is None and tag is None:
            raise Refusal("InvalidParameterException", "Invalid parameter at 'imageId'")
        for stored_image in self.stored(place):
            if digest in (None, stored_image["imageDigest"]) and tag in (
                None,
                *stored_image["imageTags"],
            ):
                return _pushed_image(place, stored_image)
        raise Refusal(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'"
            f"}} does not exist within the repository with name '{place.repository}' {where}",
        )

    def manifests(self, place: Place) -> dict[str, str]:
        """Return the manifests of a repository's images by digest."""
        return {image["imageDigest"]: image["imageManifest"] for image in self.stored(place)}

    def scans_on_push(self, place: Place) -> bool:
        """Whether a repository has scan on push."""
        return bool(self.repository(place)["imageScanningConfiguration"].get("scanOnPush"))

    def repository(self, place: Place) -> dict[str, Json]:
        """Return a stored repository. Raises `Refusal`."""
        repository: dict[str, Json] | None
        repository = self._ecr._repositories.get(place.repository)  # noqa: SLF001  # no public name
        if repository is None:
            raise _no_repository(place)
        return repository

    def stored(self, place: Place) -> list[dict[str, Json]]:
        """Return the stored images of a repository, in the order of their pushes."""
        images: list[dict[str, Json]]
        images = self._ecr._images.get(place.repository, [])  # noqa: SLF001  # no public name
        return images

    def lifecycle(self, place: Place) -> str | None:
        """Return the lifecycle policy of a repository."""
        policies = self._ecr._lifecycle_policies  # noqa: SLF001  # no public name
        text: str | None = policies.get(place.repository)
        return text

    def message_counts(self) -> dict[str, int]:
        """Return the number of messages of each queue by its name, at one moment."""
        queues = self._modules["sqs"]._queues._data  # noqa: SLF001  # no public name
        return {queue["name"]: len(queue["messages"]) for queue in queues.values()}

    def publish(self, event: Event) -> None:
        """Put an event on the default bus. PutEvents refuses sources of AWS, as on AWS."""
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

    def extend(self, scanning: "Scanning", settings: "RegistrySettings") -> None:
        """Put these actions before ECR's own, and the control API before all services."""
        self._iam_actions.extract_iam_action = _with_policy_names(
            self._iam_actions.extract_iam_action
        )
        self._iam_actions.extract_resource_arn = _all_repositories(
            self._iam_actions.extract_resource_arn
        )
        self._lambda._sqs_esm_concurrency = _by_group(  # noqa: SLF001  # no public name
            self._lambda._sqs_esm_concurrency  # noqa: SLF001  # same
        )
        self._ecr._repo_shape = _with_filters(self._ecr._repo_shape)  # noqa: SLF001  # same
        self._provisioners._ecr_repo_apply_policies = (  # noqa: SLF001  # same
            self._filtering(
                self._provisioners._ecr_repo_apply_policies  # noqa: SLF001  # same
            )
        )
        self._ecr.handle_request = scanning.behind(settings.behind(self._ecr.handle_request))
        self._inspector._path_handlers.update(scanning.inspector())  # noqa: SLF001  # same
        self._app.app = scanning.with_control_api(self._app.app)
        strictness.install(self._modules)
        function_code.install(self._runtime)
        function_processes.install(self._runtime)
        shortcuts.install(self._modules["dynamodb"], self._modules["iam_evaluator"])
        self.authorizations.install()

    def limit_delays(self, longest: float) -> None:
        """Cut delays of SQS to so many seconds."""
        Delays(self._modules["sqs"], longest).install()

    def _filtering(self, apply: Callable[..., None]) -> Callable[..., None]:
        """Wrap CloudFormation's function for repositories, to store exclusion filters."""

        def applied(name: str, properties: Mapping[str, Json]) -> None:
            self.repository(self.place(name))[FILTERS] = filters_of_properties(properties)
            apply(name, properties)

        return applied

    def serve(self) -> None:
        """Serve until the process ends, where the environment says."""
        # Each function keeps connections open.
        with suppress(ValueError, OSError):
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        asyncio.run(
            http_server.serve(
                self._app.app, os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])
            )
        )


def _by_group(concurrency_of: Callable[..., int]) -> Callable[..., int]:
    """
    Wrap the number of batches in flight, so that groups of a FIFO queue are processed in parallel.

    Ministack processes one batch at a time, because a batch may mix groups. A batch of a single
    message cannot, and the queue returns one message of a group at a time.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """

    def concurrency(mapping: Json, function: Json, config: Json, queue: Json = None) -> int:
        groups = None if mapping.get("BatchSize") == 1 else queue
        # A parameter of a stack, which ministack leaves as a text.
        return int(concurrency_of(mapping, function, config, groups))

    return concurrency


def _with_policy_names(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    """
    Wrap the lookup of IAM actions: batch actions of SQS have the names that policies use.

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
    Wrap the lookup of resources: listing repositories refers to all repositories, as on AWS.

    AWS's refusal shows it: "ecr:DescribeRepositories on resource: arn:aws:ecr:…:repository/*".
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


def _with_filters(shape_of: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Wrap the shape of a repository in answers, to add its exclusion filters."""

    def shape(repository: Mapping[str, Json]) -> Json:
        filters = repository.get(FILTERS)
        return {**shape_of(repository), **({FILTERS: filters} if filters else {})}

    return shape


def _no_repository(place: Place) -> Refusal:
    return Refusal(
        "RepositoryNotFoundException",
        f"The repository with name '{place.repository}' does not exist in the registry with id"
        f" '{place.account}'",
    )


def _pushed_image(place: Place, image: Mapping[str, Json]) -> PushedImage:
    return PushedImage(
        place=place,
        digest=image["imageDigest"],
        tags=tuple(image["imageTags"]),
        media_type=image["imageManifestMediaType"],
        pushed_at=float(image["imagePushedAt"]),
    )


class RegistrySettings:
    """Exclusion filters, lifecycle policies with previews, and the scanning configuration."""

    def __init__(self, ministack: Ministack, previews: Previews, scans: RegistryScanning) -> None:
        self._ministack = ministack
        self._previews = previews
        self._scans = scans
        self._rules = RegistryRules()

    def behind(self, ecr: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """Return ECR's request handler with these actions added."""

        async def handle(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Json
        ) -> Response:
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            request = json.loads(body or b"{}")
            place = self._ministack.place(request.get("repositoryName", ""))
            try:
                answer = self._answer(action, place, request)
            except Refusal as refusal:
                return self._ministack.refuse(refusal)
            if answer is not None:
                return self._ministack.answer(answer)
            response = await ecr(method, path, headers, body, query)
            return self._with_exclusions(action, place, request, response)

        return handle

    def _answer(self, action: str, place: Place, request: Mapping[str, Json]) -> Json:
        """Return the complete answer; None if ministack has to answer a valid request."""
        match action:
            case "GetRegistryScanningConfiguration":
                return self._scans.get(place.account, place.region)
            case "PutRegistryScanningConfiguration":
                return self._scans.put(place.account, place.region, request)
            case "StartLifecyclePolicyPreview":
                return self._start(place, request)
            case "GetLifecyclePolicyPreview":
                self._ministack.repository(place)
                return self._previews.get(place, request)
            case "PutLifecyclePolicy":
                rules_of(request["lifecyclePolicyText"])
            case "CreateRepository" | "PutImageTagMutability":
                check_mutability(request)
            case "PutImage":
                self._check_tag(place, request)
            case "BatchGetImage":
                self._ministack.repository(place)
                return batch_get_image(place, self._ministack.stored(place), request)
        return self._rules.answer(action, place.account, place.region, request)

    def _start(self, place: Place, request: Mapping[str, Json]) -> Json:
        self._ministack.repository(place)
        text = request.get("lifecyclePolicyText") or self._ministack.lifecycle(place)
        if text is None:
            raise Refusal(
                "LifecyclePolicyNotFoundException",
                f"Lifecycle policy does not exist for '{place.repository}'",
            )
        images = [_stored_image(image) for image in self._ministack.stored(place)]
        return self._previews.start(place, text, images, time.time())

    def _check_tag(self, place: Place, request: Mapping[str, Json]) -> None:
        tag, repository = request.get("imageTag"), self._ministack.repository(place)
        tags = (image["imageTags"] for image in self._ministack.stored(place))
        if (
            tag is not None
            and not may_move(repository, tag)
            and any(tag in names for names in tags)
        ):
            raise Refusal(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{place.repository}' repository and"
                " cannot be overwritten because the tag is immutable.",
            )

    def _with_exclusions(
        self, action: str, place: Place, request: Mapping[str, Json], response: Response
    ) -> Response:
        """Store the exclusion filters of a request, and add them to its answer."""
        status, _, body = response
        if action not in ("CreateRepository", "PutImageTagMutability") or status != HTTPStatus.OK:
            return response
        filters = request.get(FILTERS, [])
        self._ministack.repository(place)[FILTERS] = filters
        if not filters:
            return response
        answer = json.loads(body)
        answer.get("repository", answer)[FILTERS] = filters
        return self._ministack.answer(answer)


class Scanning:
    """ECR's scanning actions, scan on push, layers, and the control API."""

    def __init__(
        self, ministack: Ministack, scans: Scans, layers: Layers, registry: RegistryScanning
    ) -> None:
        self._ministack = ministack
        self._coverage = Coverage(scans)
        self._scans = scans
        self._layers = layers
        self._registry = registry

    def behind(self, ecr: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """Return ECR's request handler with scanning added."""

        async def handle(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Json
        ) -> Response:
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            match action:
                case "DescribeImageScanFindings" | "StartImageScan":
                    return self._answer(action, json.loads(body or b"{}"))
                case "GetDownloadUrlForLayer":
                    return self._address(json.loads(body), headers["host"])
                case "UploadLayerPart" | "CompleteLayerUpload":
                    refused = self._uploaded(action, json.loads(body))
                    return refused or await ecr(method, path, headers, body, query)
                case "BatchGetImage":
                    self._read(json.loads(body))
            response = await ecr(method, path, headers, body, query)
            return self._completed(action, response, body)

        return handle

    def inspector(self) -> dict[str, Callable[[Json], Response]]:
        """Return the handlers of Inspector's requests, by their paths."""
        handlers = {COVERAGE: self._coverage.listed, CLUSTERS: self._coverage.clusters}
        return {path: self._inspected(handler) for path, handler in handlers.items()}

    def _inspected(self, handler: Callable[..., Json]) -> Callable[[Json], Response]:
        def handle(data: Json) -> Response:
            return self._ministack.answer(handler(self._ministack.place(""), data))

        return handle

    def _completed(self, action: str, response: Response, body: bytes) -> Response:
        """Complete ministack's answer, and its side effects."""
        match action:
            case _ if action in CHANGES:
                self._changed(action, response, json.loads(body or b"{}"))
            case "DescribeImages":
                return self._described(response, json.loads(body))
            case "PutImage":
                self._pushed(response)
        return response

    def _changed(self, action: str, response: Response, request: Mapping[str, Json]) -> None:
        """Publish CloudTrail's event about a change, also about a refused one."""
        place = self._ministack.place(request.get("repositoryName", ""))
        status, _, body = response
        error = None
        if status != HTTPStatus.OK:
            error = str(json.loads(body).get("__type", "")).rpartition("#")[2]
        self._ministack.publish(api_call(action, place, request, int(time.time()), error=error))

    def _address(self, request: Mapping[str, Json], host: str) -> Response:
        place, digest = self._ministack.place(request["repositoryName"]), request["layerDigest"]
        answer = "ok"
        try:
            response = self._ministack.answer(self._layers.address(place, request, host))
        except Refusal as refusal:
            answer = refusal.code
            response = self._ministack.refuse(refusal)
        self._count("GetDownloadUrlForLayer", place.repository, digest, answer)
        return response

    def _uploaded(self, action: str, request: Mapping[str, Json]) -> Response | None:
        """Store an uploaded layer. Return a refusal, or None for ministack's own answer."""
        try:
            if action == "UploadLayerPart":
                self._layers.upload(request)
            else:
                self._layers.complete(self._ministack.place(request["repositoryName"]), request)
        except Refusal as refusal:
            return self._ministack.refuse(refusal)
        return None

    def _read(self, request: Mapping[str, Json]) -> None:
        digest = request["imageIds"][0].get("imageDigest")
        self._count("BatchGetImage", request["repositoryName"], digest, "ok")

    def _count(self, action: str, repository: str, digest: str | None, answer: str) -> None:
        self._scans.calls.append(Call(action, repository, digest, None, None, answer))

    def _described(self, response: Response, request: Mapping[str, Json]) -> Response:
        """Complete ministack's details of images, and split them into ECR's pages."""
        status, _, body = response
        if status != HTTPStatus.OK:
            return response
        details = json.loads(body)["imageDetails"]
        place = self._ministack.place(request["repositoryName"])
        manifests = self._ministack.manifests(place)
        rows = [detail_of(detail, manifests.get(detail["imageDigest"], "")) for detail in details]
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
        """Publish the event of a push, and scan the image if the repository has scan on push."""
        status, _, body = response
        if status != HTTPStatus.OK:
            return
        answer = json.loads(body)["image"]
        place = self._ministack.place(answer["repositoryName"])
        image_id = answer["imageId"]
        image = self._ministack.image(place, {"imageDigest": image_id["imageDigest"]})
        self._ministack.publish(push(image, image_id.get("imageTag"), int(time.time())))
        # Another tag of a scanned image does not cause a scan.
        own = self._ministack.scans_on_push(place)
        if self._registry.scans_on_push(
            place.account, place.region, place.repository, own=own
        ) and not self._scans.scanned(image):
            self._publish(self._scans.scan(image, time.time()))

    def _publish(self, event: Event | None) -> None:
        if event is not None:
            self._ministack.publish(event)

    def with_control_api(self, application: Application) -> Application:
        """Return the complete application with the control API added."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] in CONTROL_PATHS:
                method, path, body = scope["method"], scope["path"], await _read(receive)
                if (method, path) == WAIT:
                    await until_empty(self._ministack.message_counts, **json.loads(body))
                status, document = self._control(method, path, body)
                await _reply(send, status, document)
            elif scope["type"] == "http" and scope["path"].startswith(LAYERS):
                await self._download(scope["path"], send)
            else:
                await application(_over_tls(scope), receive, send)

        return serve

    async def _download(self, path: str, send: Send) -> None:
        content = self._layers.content(path)
        repository, _, digest = path.removeprefix(LAYERS).rpartition("/")
        self._count("GET", repository.split("/", 2)[-1], digest, "ok" if content else "404")
        status = HTTPStatus.OK if content is not None else HTTPStatus.NOT_FOUND
        await _send(send, status, b"application/octet-stream", content or b"")

    def _control(self, method: str, path: str, body: bytes) -> tuple[HTTPStatus, Json]:
        try:
            match method, path:
                case "GET", "/_calls":
                    return HTTPStatus.OK, [asdict(call) for call in self._scans.calls]
                case "GET" | "POST", "/_messages":
                    return HTTPStatus.OK, self._ministack.message_counts()
                case "GET", "/_authorizations":
                    rows = self._ministack.authorizations.rows
                    return HTTPStatus.OK, [asdict(row) for row in rows]
                case "DELETE", "/_calls":
                    self._scans.calls.clear()
                case "POST", _ if path in SCRIPTS:
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
            case "/_findings":
                image = self._ministack.image(place, {"imageDigest": digest})
                self._publish(inspector.find(self._scans, image, request["finding"], time.time()))
            case "/_services":
                self._coverage.run(place, digest, request["services"])
            case "/_pushes":
                self._ministack.image(place, {"imageDigest": digest})
                for stored_image in self._ministack.stored(place):
                    if stored_image["imageDigest"] == digest:
                        stored_image["imagePushedAt"] = request["pushed_at"]
            case _:
                event = self._scans.last_event(place, digest)
                if event is None:
                    raise Refusal("ScanNotFoundException", f"{digest} was not scanned")
                self._publish(event)


def _stored_image(image: Mapping[str, Json]) -> PolicyImage:
    return PolicyImage(
        digest=image["imageDigest"],
        tags=tuple(image["imageTags"]),
        pushed_at=float(image["imagePushedAt"]),
        members=tuple(
            entry["digest"] for entry in json.loads(image["imageManifest"]).get("manifests", ())
        ),
    )


def _over_tls(scope: Scope) -> Scope:
    """Present a loopback call as one over TLS, because bucket policies refuse other calls."""
    if scope["type"] != "http":
        return scope
    return {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


def _listed(document: Mapping[str, Json]) -> int:
    results = document.get("imageScanFindings", {})
    return sum(len(rows) for rows in results.values() if isinstance(rows, list))


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _reply(send: Send, status: HTTPStatus, document: Json) -> None:
    await _send(send, status, b"application/json", json.dumps(document).encode())


async def _send(send: Send, status: HTTPStatus, media_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", media_type)]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _stop_with_parent() -> None:
    """Stop when the parent process has ended, which closes its end of the pipe."""
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve the embedded AWS until SIGTERM, or until the parent process ends."""
    options = _options()
    ministack = Ministack()
    registry = RegistryScanning()
    settings = RegistrySettings(ministack, Previews(), registry)
    ministack.extend(Scanning(ministack, Scans(), Layers(), registry), settings)
    if options.longest_delay is not None:
        ministack.limit_delays(options.longest_delay)
    Thread(target=_stop_with_parent, name="parent", daemon=True).start()
    ministack.serve()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws.cloud", description=__doc__)
    parser.add_argument("--longest-delay", type=float, help="see local/aws/delays.py")
    return parser.parse_args()


if __name__ == "__main__":
    main()
