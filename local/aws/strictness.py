"""
Rules of AWS that ministack does not enforce.

Used only by `local.aws.cloud`, with private names of ministack as there. Each rule has a test over
the wire in tests/local/aws/test_strictness.py.

- EventBridge delivers to a queue or a function only if their policy allows the rule. Failed
  deliveries go to the dead-letter queue of the target. A standard queue keeps the message group.
- S3 answers 403 for a missing key to a caller without s3:ListBucket.
- Names that are too long are refused, and missing permissions boundaries.
- Lambda follows a chain of calls through SQS, and stops it after 16.

Long because a rule stands here with the hook that enforces it.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final

from local.aws.name_limits import LIMITS, refusal

Json = Any
Response = tuple[int, Mapping[str, str], bytes]
Handler = Callable[..., Awaitable[Response]]

EVENTS: Final = "events.amazonaws.com"
_RULE_CALLS: Final = frozenset(
    {
        "DeleteRule",
        "DescribeRule",
        "DisableRule",
        "EnableRule",
        "ListTargetsByRule",
        "PutRule",
        "PutTargets",
        "RemoveTargets",
    }
)
_CREATE_FUNCTION: Final = ("POST", "/2015-03-31/functions")
HOPS: Final = "LambdaHops"
"""Attribute of a message that counts the function calls before it; receivers do not see it."""

_hops: ContextVar[int] = ContextVar("hops", default=0)


class Events:
    """EventBridge's delivery to queues and functions."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._events: Json = modules["eventbridge"]
        self._sqs: Json = modules["sqs"]
        self._lambda: Json = modules["lambda_svc"]
        self._evaluator = modules["iam_evaluator"]
        self._actions: Json = modules["iam_actions"]
        self._responses = modules["responses"]

    def install(self) -> None:
        """Wrap ministack's delivery to targets with the checks."""
        self._events._invoke_target = self._checked(  # noqa: SLF001  # no public name
            self._events._invoke_target  # noqa: SLF001  # same
        )
        self._actions.extract_resource_arn = _as_aws_names_them(self._actions.extract_resource_arn)
        self._events._dispatch_to_sqs = self._grouped(  # noqa: SLF001  # same
            self._events._dispatch_to_sqs  # noqa: SLF001  # same
        )

    def _checked(self, invoke: Callable[..., None]) -> Callable[..., None]:
        def invoke_target(target: Json, event: Json, rule: Json, view: Json = None) -> None:
            view = view or self._events._pattern_event_view(event)  # noqa: SLF001  # no public name
            document = view.event_with_detail()
            error = self._error(target["Arn"], rule["Arn"])
            if error is not None:
                self._bury(target, rule["Arn"], document, error)
                return
            invoke({**target, **_sqs_parameters(target, document)}, event, rule, view)

        return invoke_target

    def _error(self, target: str, rule: str) -> str | None:
        """
        Return the error code of a delivery that fails permanently; None for a possible one.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        service = target.split(":")[2]
        if service == "sqs":
            if self._queue(target) is None:
                return "NO_RESOURCE"
            return None if self._may_send(target, rule) else "NO_PERMISSIONS"
        if service == "lambda":
            function = self._lambda._get_func_record_for_ref(target)[0]  # noqa: SLF001  # no public name
            if not function:
                return "NO_RESOURCE"
            return None if self._may_invoke(function, target, rule) else "NO_PERMISSIONS"
        return None

    def _queue(self, arn: str) -> Json:
        return self._sqs._queue_by_arn(arn)  # noqa: SLF001  # no public name

    def _may_send(self, queue: str, rule: str) -> bool:
        account = self._responses.get_account_id()
        return bool(self._sqs.queue_policy_allows(queue, EVENTS, rule, account))

    def _may_invoke(self, function: Json, target: str, rule: str) -> bool:
        """
        Whether the policy of a function allows a rule to invoke it.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        """
        context = self._evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action="lambda:InvokeFunction",
            resource_arn=target,
            region=self._responses.get_region(),
            service_context={
                "aws:sourcearn": rule,
                "aws:sourceaccount": self._responses.get_account_id(),
            },
        )
        policy = function.get("policy") or {"Statement": []}
        result = self._evaluator.evaluate_resource_policy(policy, context, service=EVENTS)
        return bool(result.decision == "Allow")

    def _bury(self, target: Json, rule: str, document: Json, error: str) -> None:
        arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        queue = self._queue(arn) if arn else None
        if queue is None or not self._may_send(arn, rule):
            return
        attributes = {"ERROR_CODE": error, "RULE_ARN": rule, "TARGET_ARN": target["Arn"]}
        self._send(
            queue,
            json.dumps(document),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def _grouped(self, dispatch: Callable[..., None]) -> Callable[..., None]:
        """
        Wrap the delivery to queues, to keep the message group on a standard queue.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """

        def dispatch_to_sqs(arn: Json, payload: str, parameters: Json = None) -> None:
            queue = self._queue(str(arn))
            group = (parameters or {}).get("MessageGroupId")
            if queue is None or queue["is_fifo"] or not group:
                dispatch(arn, payload, parameters)
            else:
                self._send(queue, payload, MessageGroupId=group)

        return dispatch_to_sqs

    def _send(self, queue: Json, body: str, **more: Json) -> None:
        message = {"QueueUrl": queue["url"], "MessageBody": body, **more}
        self._sqs._act_send_message(message, queue["url"])  # noqa: SLF001  # no public name


def _sqs_parameters(target: Mapping[str, Json], document: Json) -> dict[str, Json]:
    """Return a target's message group as text. A path refers to a field of the event."""
    group = (target.get("SqsParameters") or {}).get("MessageGroupId", "")
    if not group.startswith("$."):
        return {}
    value = document
    for name in group.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return {"SqsParameters": {"MessageGroupId": value if isinstance(value, str) else ""}}


def _as_aws_names_them(resource_of: Callable[..., str]) -> Callable[..., str]:
    """
    Wrap the lookup of resources, so that rules and new functions have their ARN.

    Ministack leaves them out, or includes the default bus in the ARN of a rule.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    """

    def look_up(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Json,
        region: str,
        account: str,
    ) -> str:
        resource = resource_of(service, method, path, headers, body, query, region, account)
        operation = headers.get("x-amz-target", "").partition("AWSEvents.")[2]
        if operation in _RULE_CALLS:
            rule = _rule_of(json.loads(body or b"{}"))
            return f"arn:aws:events:{region}:{account}:rule/{rule}" if rule else resource
        if service == "lambda" and (method, path.rstrip("/")) == _CREATE_FUNCTION:
            name = json.loads(body or b"{}").get("FunctionName", "")
            return f"arn:aws:lambda:{region}:{account}:function:{name}"
        return resource

    return look_up


def _rule_of(request: Mapping[str, str]) -> str | None:
    name, bus = request.get("Rule") or request.get("Name"), request.get("EventBusName", "default")
    return name if bus == "default" or not name else f"{bus}/{name}"


class Objects:
    """S3's answers for missing keys."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._s3: Json = modules["s3"]
        self._router = modules["router"]
        self._evaluator = modules["iam_evaluator"]
        self._actions = modules["iam_actions"]
        self._responses = modules["responses"]

    def install(self) -> None:
        """Wrap S3's request handler with the check."""
        self._s3.handle_request = self._checked(self._s3.handle_request)

    def _checked(self, s3: Handler) -> Handler:
        """
        Wrap S3's request handler: 403 for a missing key if the caller may not list.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_Permissions
        """

        async def handle(
            method: str,
            path: str,
            headers: Mapping[str, str],
            body: bytes,
            query: Json,
            *positional: Json,
            **more: Json,
        ) -> Response:
            response = await s3(method, path, headers, body, query, *positional, **more)
            bucket, _, key = path.lstrip("/").partition("/")
            missing = response[0] == HTTPStatus.NOT_FOUND and method in {"GET", "HEAD"} and key
            refused = self._refused(bucket, headers, query) if missing else None
            if refused is None:
                return response
            status, answer_headers, text = refused
            return status, answer_headers, b"" if method == "HEAD" else text

        return handle

    def _refused(self, bucket: str, headers: Mapping[str, str], query: Json) -> Response | None:
        action, arn = "s3:ListBucket", f"arn:aws:s3:::{bucket}"
        caller = self._router.extract_access_key_id(headers, query)
        region = self._responses.get_region()
        denied = self._evaluator.enforce(caller, action, "s3", region, resource_arn=arn)
        if denied is None or not hasattr(denied, "decision"):
            return None
        response: Response = self._actions.access_denied_response(
            "s3", action, denied.principal_arn, str(uuid.uuid4()), resource_arn=arn
        )
        return response


class Names:
    """Length limits of names in templates and calls."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._modules = modules

    def install(self) -> None:
        """Wrap the functions that create resources with the check."""
        for module in ("provisioners", "stacks"):
            cloudformation: Json = self._modules[module]
            cloudformation._provision_resource = _checked_resource(  # noqa: SLF001  # no public name
                cloudformation._provision_resource  # noqa: SLF001  # same
            )
        functions: Json = self._modules["lambda_svc"]
        functions._create_function = self._checked_function(  # noqa: SLF001  # same
            functions._create_function  # noqa: SLF001  # same
        )
        scheduler: Json = self._modules["scheduler"]
        scheduler._create_schedule = self._checked_schedule(  # noqa: SLF001  # same
            scheduler._create_schedule  # noqa: SLF001  # same
        )
        sqs: Json = self._modules["sqs"]
        sqs._HANDLERS["CreateQueue"] = self._checked_queue(  # noqa: SLF001  # same
            sqs._HANDLERS["CreateQueue"]  # noqa: SLF001  # same
        )
        iam: Json = self._modules["iam"]
        iam._IAM_HANDLERS["CreateRole"] = self._checked_role(  # noqa: SLF001  # same
            iam._IAM_HANDLERS["CreateRole"]  # noqa: SLF001  # same
        )

    def _checked_function(self, create: Callable[..., Response]) -> Callable[..., Response]:
        responses: Json = self._modules["responses"]

        def checked(data: Json) -> Response:
            text = _too_long("AWS::Lambda::Function", "functionName", data.get("FunctionName"))
            if text is None:
                return create(data)
            refused: Response = responses.error_response_json("ValidationException", text)
            return refused

        return checked

    def _checked_schedule(self, create: Callable[..., Response]) -> Callable[..., Response]:
        scheduler: Json = self._modules["scheduler"]

        def checked(name: str, body: Json) -> Response:
            text = _too_long("AWS::Scheduler::Schedule", "name", name)
            if text is None:
                return create(name, body)
            refused: Response = scheduler._error(400, "ValidationException", text)  # noqa: SLF001  # no public name
            return refused

        return checked

    def _checked_queue(self, create: Callable[..., Json]) -> Callable[..., Json]:
        sqs: Json = self._modules["sqs"]

        def checked(data: Json, url: str) -> Json:
            if _too_long("AWS::SQS::Queue", "queueName", data.get("QueueName")):
                raise sqs._Err(  # noqa: SLF001  # no public name
                    "InvalidParameterValue",
                    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in"
                    " length",
                )
            return create(data, url)

        return checked

    def _checked_role(self, create: Callable[..., Response]) -> Callable[..., Response]:
        iam: Json = self._modules["iam"]

        def checked(parameters: Json) -> Response:
            name = iam._p(parameters, "RoleName")  # noqa: SLF001  # no public name
            text = _too_long("AWS::IAM::Role", "roleName", name)
            if text is None:
                return create(parameters)
            refused: Response = iam._error(400, "ValidationError", text, ns="iam")  # noqa: SLF001  # same
            return refused

        return checked


def _too_long(kind: str, parameter: str, name: object) -> str | None:
    max_length = LIMITS[kind].max_length
    if not isinstance(name, str) or len(name) <= max_length:
        return None
    return (
        f"1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy"
        f" constraint: Member must have length less than or equal to {max_length}"
    )


def _checked_resource(provision: Callable[..., Json]) -> Callable[..., Json]:
    def checked(kind: str, logical_id: str, properties: Json, stack: str) -> Json:
        reason = refusal(kind, properties or {})
        if reason is not None:
            raise ValueError(f"Resource of type '{kind}' with identifier '{logical_id}': {reason}")
        return provision(kind, logical_id, properties, stack)

    return checked


class Boundaries:
    """Permissions boundaries of roles. IAM refuses one that does not exist."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._iam: Json = modules["iam"]
        self._provisioners: Json = modules["provisioners"]

    def install(self) -> None:
        """Wrap CloudFormation's creation and update of roles with the check."""
        handlers = self._provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]  # noqa: SLF001  # no public name
        for operation in ("create", "update"):
            if operation in handlers:
                handlers[operation] = self._checked(handlers[operation])

    def _checked(self, make: Callable[..., Json]) -> Callable[..., Json]:
        """
        Wrap the creation or update of a role with the check.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_Errors
        """

        def create_or_update(*arguments: Json) -> Json:
            boundary = _properties(arguments).get("PermissionsBoundary")
            if boundary and self._iam._boundary_policy_error(boundary):  # noqa: SLF001  # no public name
                raise ValueError(f"Scope ARN: {boundary} does not exist or is not attachable.")
            return make(*arguments)

        return create_or_update


class Recursion:
    """
    Lambda's protection against recursive loops, through queues.

    Ministack counts calls of Invoke: its functions send the count with each call to AWS. Here a
    message stores the count, and the function that receives it continues from there. AWS does not
    document the count of a batch with messages of different depth. Here it is the maximum.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._sqs: Json = modules["sqs"]
        self._lambda: Json = modules["lambda_svc"]
        self._provisioners: Json = modules["provisioners"]

    def install(self) -> None:
        """Wrap sending of messages and invocation of functions with the count."""
        sqs, functions = self._sqs, self._lambda
        sqs.handle_request = self._counted(sqs.handle_request)
        sqs._build_send_sys_attrs = _with_hops(sqs._build_send_sys_attrs)  # noqa: SLF001  # no public name
        functions._run_sqs_batch = self._guarded(functions._run_sqs_batch)  # noqa: SLF001  # same
        handlers = self._provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]  # noqa: SLF001  # same
        handlers["create"] = self._configured(handlers["create"])
        handlers["update"] = self._configured(handlers["update"])

    def _counted(self, handle: Handler) -> Handler:
        async def counted(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Json
        ) -> Response:
            _hops.set(self._lambda._inbound_invoke_depth(headers))  # noqa: SLF001  # no public name
            return await handle(method, path, headers, body, query)

        return counted

    def _guarded(self, run: Callable[..., None]) -> Callable[..., None]:
        def guarded(
            mapping: Json, function: Json, event: Json, batch: Json, url: str, queue: str
        ) -> None:
            depth = 1 + max(message["sys"].get(HOPS, 0) for message in batch)
            name = mapping["FunctionName"]
            if self._lambda._recursive_loop_drop(name, function, depth) is not None:  # noqa: SLF001  # no public name
                self._drop(url, batch)
                return
            token = self._lambda._invoke_depth.set(depth)  # noqa: SLF001  # same
            try:
                run(mapping, function, event, batch, url, queue)
            finally:
                self._lambda._invoke_depth.reset(token)  # noqa: SLF001  # same

        return guarded

    def _drop(self, url: str, batch: Json) -> None:
        """Move messages to the dead-letter queue of their queue; without one they are deleted."""
        queue = self._sqs._queues[url]  # noqa: SLF001  # no public name
        policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
        if not policy:
            handles = {message["receipt_handle"] for message in batch}
            self._sqs._delete_messages_for_esm(url, handles)  # noqa: SLF001  # same
            return
        for message in batch:
            message["receive_count"] = max(message["receive_count"], int(policy["maxReceiveCount"]))
            message["visible_at"] = 0.0
        self._sqs._dlq_sweep(queue)  # noqa: SLF001  # same

    def _configured(self, make: Callable[..., Json]) -> Callable[..., Json]:
        """Wrap the creation or update of a function, to set a property that ministack ignores."""

        def create_or_update(*arguments: Json) -> Json:
            result = make(*arguments)
            properties = _properties(arguments)
            function = self._lambda._functions.get(result[0])  # noqa: SLF001  # no public name
            if function is not None:
                function["recursive_loop"] = properties.get("RecursiveLoop", "Terminate")
            return result

        return create_or_update


def _properties(arguments: tuple[Json, ...]) -> Json:
    """Return the new properties of a resource: in the arguments of an update, they come last."""
    return next(argument for argument in reversed(arguments) if isinstance(argument, dict))


def _with_hops(attributes_of: Callable[..., Json]) -> Callable[..., Json]:
    def attributes(now: float, message: Json) -> Json:
        return {**attributes_of(now, message), HOPS: _hops.get()}

    return attributes


def install(modules: Mapping[str, ModuleType]) -> None:
    """Make ministack, given by its modules, as strict as AWS."""
    Events(modules).install()
    Objects(modules).install()
    Names(modules).install()
    Boundaries(modules).install()
    Recursion(modules).install()
