"""Templates that are too large for a call: objects of S3 under the hash of their text, which CloudFormation reads.

    templates/{sha256}.yaml    written once; what is there is compared before it is used

CloudFormation fetches the object with the rights of whoever asks for the change set, not with the service role's
(aws-cdk #15192; AWS re:Post, "S3 Access Denied error with CloudFormation", both read 2026-11).
"""

import base64
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.model import names
from generator.sync.errors import CallRefused

_THERE = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class AlteredTemplate(CallRefused):
    """What lies under a template's hash is another text; it is neither used nor overwritten."""

    def __init__(self, bucket: str, key: str, found: str) -> None:
        self.bucket, self.key, self.found = bucket, key, found
        super().__init__(
            f"s3://{bucket}/{key} hashes to {found}: someone has altered it\n"
            f"  next: find out who (its versions say when), then aws s3 rm s3://{bucket}/{key} and apply again"
        )


class S3Templates:
    """Where an environment's large templates are put."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def put(self, template: str) -> str:
        """Upload a template unless it is there; its URL, as CreateChangeSet takes it.

        Raises AlteredTemplate, AwsRefused.
        """
        body = template.encode()
        digest = sha256(body)
        key = f"{names.LARGE_TEMPLATES}{digest.hexdigest()}.yaml"
        with aws(f"writing {key} to {self._bucket}"):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/yaml",
                    IfNoneMatch="*",
                    ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
                )
            except ClientError as error:
                if error_code(error) not in _THERE:
                    raise
                found = sha256(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()).hexdigest()
                if found != digest.hexdigest():
                    raise AlteredTemplate(self._bucket, key, found) from None
        # Path style, as the endpoint of the embedded AWS has no bucket in its name; CloudFormation takes either.
        return f"{self._client.meta.endpoint_url}/{self._bucket}/{key}"
