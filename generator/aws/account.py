"""An account's prerequisites, asked of the services that know them."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code

_G_QUOTA = "L-DB2E81BA"
"""Running On-Demand G and VT instances, in virtual CPUs (Service Quotas, read 2026-11)."""


class Prerequisites:
    """Answers over boto3 clients."""

    def __init__(self, sts: Any, ec2: Any, quotas: Any) -> None:
        self._sts, self._ec2, self._quotas = sts, ec2, quotas

    def identity(self) -> tuple[str, str]:
        """The account's number, and the ARN of whoever asks."""
        with aws("asking whose these credentials are"):
            found = self._sts.get_caller_identity()
        return str(found["Account"]), str(found["Arn"])

    def gpu_quota(self) -> float:
        """Virtual CPUs of G and VT instances that may run at the same time."""
        with aws("reading the quota of G instances"):
            return float(self._quotas.get_service_quota(ServiceCode="ec2", QuotaCode=_G_QUOTA)["Quota"]["Value"])

    def virtual_cpus(self, instance_type: str) -> int:
        """Virtual CPUs of an instance type."""
        with aws(f"describing {instance_type}"):
            [found] = self._ec2.describe_instance_types(InstanceTypes=[instance_type])["InstanceTypes"]
        return int(found["VCpuInfo"]["DefaultVCpus"])

    def zones_with(self, instance_type: str) -> Sequence[str]:
        """Availability zones that offer an instance type."""
        with aws(f"looking where {instance_type} is offered"):
            offers = self._ec2.describe_instance_type_offerings(
                LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [instance_type]}]
            )["InstanceTypeOfferings"]
        return sorted(offer["Location"] for offer in offers)

    def has_key_pair(self, name: str) -> bool:
        """Whether an EC2 key pair exists."""
        with aws(f"looking for key pair {name}"):
            try:
                return bool(self._ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"])
            except ClientError as error:
                if error_code(error) != "InvalidKeyPair.NotFound":
                    raise
                return False

    def has_image(self, image: str) -> bool:
        """Whether an AMI exists and may be used."""
        with aws(f"looking for image {image}"):
            try:
                return bool(self._ec2.describe_images(ImageIds=[image])["Images"])
            except ClientError as error:
                if not error_code(error).startswith("InvalidAMIID"):
                    raise
                return False
