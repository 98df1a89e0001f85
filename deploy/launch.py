"""
The text of a release about its deployment: a link for each region, or commands for CloudShell.

    python -m deploy.launch 1.2.0 --prefix acme-alerts --regions "eu-central-1 eu-central-2"

Without a prefix no bucket has the files yet, so that the commands make one. Pure.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlencode

from deploy.osls import WITH_LINKS, WITHOUT_LINKS, regions_without_links
from deploy.package import ZIP

STACK: Final = "ecr-scan-alerts-prod"
_COMMANDS: Final = """\
In CloudShell of the account and region:

```console
VERSION={version}
BUCKET=ecr-scan-alerts-$(aws sts get-caller-identity --query Account --output text)
aws s3 mb "s3://$BUCKET-$AWS_REGION"
for FILE in {zip} {template} SHA256SUMS; do curl -fLO "{address}/$FILE"; done
sha256sum --check --ignore-missing SHA256SUMS
aws s3 cp {zip} "s3://$BUCKET-$AWS_REGION/ecr-scan-alerts/$VERSION/"
aws cloudformation deploy --stack-name {stack} --template-file {template} \\
  --s3-bucket "$BUCKET-$AWS_REGION" --capabilities CAPABILITY_NAMED_IAM \\
  --parameter-overrides CodeBucketPrefix="$BUCKET" AlarmEmail=you@example.com
```

In a region without function URLs take {without}: {regions}.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the text."""
    parser = argparse.ArgumentParser(prog="python -m deploy.launch", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--prefix", default="", help="of the buckets PREFIX-REGION")
    parser.add_argument("--regions", default="", help="those that have a bucket")
    parser.add_argument("--address", default="", help="where the files of the release are")
    options = parser.parse_args(arguments)
    lines = launch_text(
        options.version,
        prefix=options.prefix,
        regions=options.regions.split(),
        address=options.address,
    )
    print("\n".join(lines))
    return 0


def launch_text(
    version: str, *, prefix: str, regions: Sequence[str], address: str
) -> Iterator[str]:
    """Yield the lines of the text."""
    yield "\n## Deploy\n"
    if prefix and regions:
        yield "Launch the stack; the name of its stage is prod:\n"
        yield from (f"- [{region}]({launch_link(version, prefix, region)})" for region in regions)
        return
    yield _COMMANDS.format(
        version=version,
        zip=ZIP,
        template=WITH_LINKS,
        without=WITHOUT_LINKS,
        stack=STACK,
        address=address,
        regions=", ".join(sorted(regions_without_links())),
    )


def launch_link(version: str, prefix: str, region: str) -> str:
    """Return the address at which CloudFormation asks for the parameters of a new stack."""
    name = WITHOUT_LINKS if region in regions_without_links() else WITH_LINKS
    template = (
        f"https://{prefix}-{region}.s3.{region}.amazonaws.com/ecr-scan-alerts/{version}/{name}"
    )
    query = urlencode(
        {"templateURL": template, "stackName": STACK, "param_CodeBucketPrefix": prefix}
    )
    console = f"https://{region}.console.aws.amazon.com/cloudformation/home"
    return f"{console}?region={region}#/stacks/create/review?{query}"


if __name__ == "__main__":
    raise SystemExit(main())
