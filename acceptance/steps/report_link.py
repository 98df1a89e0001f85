"""Opens the report link of the alert, soon after the bucket was created."""

from acceptance.outcome import Outcome, failed, judged, skipped
from acceptance.step import Step
from acceptance.world import Page, World


def _run(world: World) -> Outcome:
    alert, deployed_at = world.facts.alert, world.facts.deployed_at
    if alert is None or deployed_at is None:
        return failed("there is no alert")
    address = alert["report_url"]
    if not address:
        return skipped("the alert has no link: this region has no function URLs")
    page = world.open_page(address)
    return judge(
        page,
        repository=world.names.scanned,
        age=world.now() - deployed_at,
        new_bucket=world.waits.new_bucket,
    )


def judge(page: Page, *, repository: str, age: float, new_bucket: float) -> Outcome:
    """Judge the opened page, `age` seconds after the deployment. Pure."""
    observation = f"{page.status} from {page.host}, {age / 60:.0f} min after the deployment"
    if page.status != 200 or repository not in page.text:  # noqa: PLR2004  # HTTP
        return failed(f"{observation}: {page.text[:200]}")
    if age > new_bucket:
        return skipped(f"{observation}: it opens, but the bucket was not new any more")
    return judged(observation, right=True)


STEP = Step(
    3,
    "open the report",
    "the link of the alert opens within 10 minutes of the first deployment",
    _run,
    needs=(2,),
)
