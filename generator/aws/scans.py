"""ECR's scans of images, as `sync.scan.Scans`."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, cannot_be_scanned, error_code
from generator.sync.scan import Finding, Scan

_PAGE = 1000  # the most that ECR gives at once


class EcrScans:
    """Implements Scans: what basic scanning found, or Inspector (ECR's enhanced scanning)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, repository: str, tag: str) -> Scan | None:
        pages = self._client.get_paginator("describe_image_scan_findings")
        asked = {"repositoryName": repository, "imageId": {"imageTag": tag}, "PaginationConfig": {"PageSize": _PAGE}}
        status: Mapping[str, str] = {}
        counts: Mapping[str, int] = {}
        findings: list[Finding] = []
        with aws(f"reading the scan of {repository}:{tag}"):
            try:
                for page in pages.paginate(**asked):
                    status = page.get("imageScanStatus", status)
                    found = page.get("imageScanFindings", {})
                    counts = counts or found.get("findingSeverityCounts", {})
                    findings += [_basic(one) for one in found.get("findings", ())]
                    findings += [_enhanced(one) for one in found.get("enhancedFindings", ())]
            except ClientError as error:
                if error_code(error) == "ScanNotFoundException":
                    return None
                raise
        reason = status.get("description", "")
        word = "UNSUPPORTED_IMAGE" if cannot_be_scanned(status) else status.get("status", "")
        return Scan(word, reason, dict(counts or Counter(one.severity for one in findings)), tuple(findings))


def _basic(finding: Mapping[str, Any]) -> Finding:
    attributes = {one["key"]: one.get("value", "") for one in finding.get("attributes", ())}
    package = " ".join(filter(None, (attributes.get("package_name"), attributes.get("package_version"))))
    return Finding(finding.get("name", ""), finding.get("severity", ""), package or "?", finding.get("uri", ""))


def _enhanced(finding: Mapping[str, Any]) -> Finding:
    details = finding.get("packageVulnerabilityDetails", {})
    packages = [f"{one.get('name', '')} {one.get('version', '')}" for one in details.get("vulnerablePackages", ())]
    name = details.get("vulnerabilityId") or finding.get("title", "")
    return Finding(name, finding.get("severity", ""), ", ".join(packages) or "?", details.get("sourceUrl", ""))
