"""An apply in a process of its own that kills itself (SIGKILL) at a given call of CloudFormation or S3.

    python killed_apply.py STATE BUCKET ENV VERSION AT      AT 0: never

`test_killed_apply` runs it and then looks at what is left. As in prod, the stacks of an ENV of that name are protected.
"""

import os
import signal
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

from generator.aws.cloudformation import CloudFormation
from generator.aws.lease import S3Lease
from generator.aws.ledger import S3Ledger
from generator.aws.session import Clients
from generator.deployment import SystemClock
from generator.local.connection import REGION, Connection
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.apply import Options, Target, apply

QUEUES = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: %s}
  Dead:
    Type: AWS::SQS::Queue
Outputs:
  QueueName: {Value: !GetAtt Queue.QueueName}
"""
NOTES = """
Parameters:
  QueueName: {Type: String}
Resources:
  Note:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/${AWS::StackName}", Type: String, Value: !Sub "${QueueName} %s"}
"""


def manifest(name: str) -> Manifest:
    protected = name == "prod"
    wires = MappingProxyType({"QueueName": Wire("queues", "QueueName")})
    return Manifest(
        name=name,
        project="killed",
        region=REGION,
        account="unresolved",
        stacks=(
            StackManifest("queues", 0, "queues.yaml", "0", MappingProxyType({}), protected=protected),
            StackManifest("notes", 1, "notes.yaml", "0", wires, protected=protected),
        ),
        artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "a.zip", Wire("queues", "QueueName")),),
        serve=ServeManifest("serve.yaml", "0"),
    )


def files(version: str) -> dict[str, str]:
    return {"queues.yaml": QUEUES % version, "notes.yaml": NOTES % version, "serve.yaml": "applications: []\n"}


class NoArtifacts:
    """Neither publishes nor points."""

    def publish(self, *_: object) -> bool:
        return False

    def show_site(self, *_: object) -> bool:
        return False

    def point_box(self, *_: object) -> str:
        return "nothing"


class Fatal:
    """Passes calls on and kills this process before call number `at`, or right after it where `at` is odd."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def around(self, port: Any) -> Any:
        fatal = self

        class Wire:
            def __getattr__(self, name: str) -> Any:
                method = getattr(port, name)

                def call(*arguments: Any) -> Any:
                    fatal.calls += 1
                    now = fatal.calls == fatal.at
                    if now and fatal.at % 2 == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    answer = method(*arguments)
                    if now:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return answer

                return call

        return Wire()


def main(state: str, bucket: str, name: str, version: str, at: str) -> None:
    clients = Clients(REGION, Connection.running(Path(state)).environment())
    fatal = Fatal(int(at))
    s3 = clients.make("s3")
    target = Target(
        stacks=fatal.around(CloudFormation(clients.make("cloudformation"))),
        artifacts=NoArtifacts(),
        clock=SystemClock(),
        leases=fatal.around(S3Lease(s3, bucket, name)),
        ledger=fatal.around(S3Ledger(s3, bucket)),
        side_by_side=1,
        lease_seconds=3,
    )
    apply(manifest(name), files(version), target, lambda _: None, Options(who=f"run {at}"))
    sys.stdout.write(str(fatal.calls))


if __name__ == "__main__":
    main(*sys.argv[1:])
