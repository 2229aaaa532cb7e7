"""CloudFormation as `sync.health.reading.StackReader`: descriptions, templates and physical ids, side by side."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import AwsRefused, aws, error_code, no_such_stack
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.health.verdict import Unreadable

SIDE_BY_SIDE = 8
"""Calls at once. DescribeStacks is throttled at about ten a second in an account."""


class LiveStacks:
    """Reads stacks over a boto3 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read_stacks(self, names: Sequence[str]) -> Mapping[str, StackReading]:
        """See StackReader."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return dict(zip(names, pool.map(self._read, names), strict=True))

    def named(self, prefix: str) -> Sequence[str] | Unreadable:
        """See StackReader."""
        try:
            with aws("listing stacks"):
                pages = self._client.get_paginator("list_stacks").paginate()
                found = [stack for page in pages for stack in page["StackSummaries"]]
        except AwsRefused as error:
            return Unreadable(f"{error.code}: {error.message}")
        # Deleted stacks stay listed for 90 days.
        there = (stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE")
        return [name for name in there if name.startswith(prefix)]

    def _read(self, name: str) -> StackReading:
        try:
            with aws(f"reading stack {name}"):
                try:
                    description = self._client.describe_stacks(StackName=name)["Stacks"][0]
                except ClientError as error:
                    if no_such_stack(error):
                        return None
                    raise
                return LiveTemplate(description, self._template(name), self._resources(name))
        except AwsRefused as error:
            return Unreadable(f"{error.code}: {error.message}")

    def _template(self, name: str) -> str:
        try:
            body = self._client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        except ClientError as error:
            # An empty shell has none.
            if error_code(error) != "ValidationError":
                raise
            return ""
        # boto3 parses a template that was written as JSON; in lines, it is YAML that people can read, too.
        return body if isinstance(body, str) else json.dumps(body, indent=1, ensure_ascii=False)

    def _resources(self, name: str) -> dict[str, str]:
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
        }
