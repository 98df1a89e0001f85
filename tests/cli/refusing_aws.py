"""A loopback server that answers every call to AWS as it is told to, and never well."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRET = "hunter2-in-an-answer"
HTML = f"<html><body>502 Bad Gateway {SECRET}</body></html>"
OUTPUTS = {
    "DeliverFunctionName": "deliver",
    "TableName": "table",
    "ReportsBucketName": "reports",
    "DeliveriesQueueUrl": "http://{host}/1/deliveries.fifo",
    "DeliveriesDlqUrl": "http://{host}/1/deliveries-dlq.fifo",
    "FindingEventsQueueUrl": "http://{host}/1/finding-events",
    "ChangedImagesQueueUrl": "http://{host}/1/changed-images.fifo",
    "ChangedImagesDlqUrl": "http://{host}/1/changed-images-dlq.fifo",
    "SyncQueueUrl": "http://{host}/1/syncs",
    "SyncDlqUrl": "http://{host}/1/syncs-dlq",
    "ScanEventsQueueUrl": "http://{host}/1/scans",
    "ScanEventsDlqUrl": "http://{host}/1/scans-dlq",
    "TopicArns": "arn:aws:sns:eu-central-1:000474600478:alerts",
    "ReceiverHosts": ",",
    "UndeliveredEventsDlqUrl": "http://{host}/1/undelivered",
}


@dataclass
class RefusingAws:
    """What the server answers: `code` to every call, except to questions about the stack."""

    code: str = "AccessDeniedException"
    message: str = "not this"
    status: int = 400
    html: bool = False
    hangs: bool = False
    stack: str | None = None
    """The state of the stack of every stage; None: questions about it are refused, too."""
    outputs: Mapping[str, str] = field(default_factory=lambda: OUTPUTS)
    calls: list[str] = field(default_factory=list)
    address: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, operation: str, *, is_json: bool) -> tuple[int, str]:
        if self.hangs:
            self.released.wait(20)
        if operation == "DescribeStacks" and self.stack is not None:
            return 200, self._stacks()
        if self.html:
            return self.status, HTML
        if is_json:
            return self.status, json.dumps({"__type": self.code, "message": self.message})
        error = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        return self.status, f"<ErrorResponse>{error}</ErrorResponse>"

    def _stacks(self) -> str:
        outputs = "".join(
            f"<member><OutputKey>{key}</OutputKey><OutputValue>"
            f"{value.format(host=self.address.removeprefix('http://'))}</OutputValue></member>"
            for key, value in self.outputs.items()
        )
        return (
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
            f"<StackName>ecr-scan-alerts-prod</StackName><StackStatus>{self.stack}</StackStatus>"
            f"<CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>{outputs}</Outputs>"
            "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )


@contextmanager
def serving(aws: RefusingAws) -> Iterator[RefusingAws]:
    """Serve the answers on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            target = self.headers.get("X-Amz-Target", "")
            operation = target.split(".")[-1] or parse_qs(body).get("Action", ["?"])[0]
            aws.calls.append(operation)
            # Lambda has paths instead of a target.
            is_json = bool(target) or self.path.startswith("/20")
            status, text = aws.answer(operation, is_json=is_json)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
            except ConnectionError:
                pass

        do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815  # the base class names them

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    aws.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield aws
    finally:
        aws.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
