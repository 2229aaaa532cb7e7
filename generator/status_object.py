"""`status/{env}.json` in the artifacts bucket: what the API and the operations page read; `apply` and `drift` write it.

Whoever reads it shows its age: nobody may be there to write the next one.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import AwsRefused, aws, error_code
from generator.aws.session import Clients
from generator.deployment import Desired
from generator.errors import EcgError
from generator.model.manifest import Manifest
from generator.plan.cost import cost_table
from generator.plan.reading import read
from generator.report.drift_text import drift_data
from generator.report.history_text import history_data
from generator.report.status_json import status_data
from generator.state_bucket import deployer
from generator.status import Observer
from generator.sync.drift.verdict import EnvironmentDrift

_DEPLOYMENTS = 10
"""So many of the last ones stand in a status; `ecgctl history` has them all."""


def keep_status(desired: Desired, clients: Clients, drift: EnvironmentDrift | None = None) -> tuple[str, ...]:
    """Write what the environment is like now; what kept it from being written, for people to see.

    `drift` as it was just found; None keeps what the last look at it said. A status that cannot be written is no
    reason to call a deployment failed.
    """
    try:
        bucket = _bucket(desired.manifest, clients)
        if bucket is None:
            return ("the status is not kept: there is no artifacts bucket yet",)
        key, s3 = f"status/{desired.manifest.name}.json", clients.make("s3")
        found = drift_data(drift) if drift else _before(s3, bucket, key).get("drift")
        observer = Observer.of(desired, clients)
        kept = {
            **status_data(observer.status()),
            "by": deployer(),
            "drift": found,
            "deployments": history_data(observer.deployments(_DEPLOYMENTS)),
            "monthly_cost_usd": _cost(desired),
        }
        with aws(f"writing {key} to {bucket}"):
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(kept).encode(), ContentType="application/json")
    except EcgError as error:
        return (f"the status is not kept: {str(error).splitlines()[0]}",)
    return ()


def _cost(desired: Desired) -> float:
    """What the committed tree costs a month, as `ecgctl cost` has it."""
    return round(cost_table(read(desired.files, f"templates_out/{desired.manifest.name}")).after, 2)


def _bucket(manifest: Manifest, clients: Clients) -> str | None:
    store = manifest.box_store
    live = CloudFormation(clients.make("cloudformation")).describe(manifest.stack_id(store.stack)) if store else None
    return live.outputs.get(store.output) if live and store else None


def _before(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    try:
        with aws(f"reading {key} from {bucket}"):
            try:
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return {}
                raise
        found: dict[str, Any] = json.loads(body)
    except (AwsRefused, ValueError):
        return {}  # it is about to be replaced; an unreadable one keeps nobody from writing a good one
    return found
