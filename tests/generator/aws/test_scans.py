"""ECR's scans as sync's facts."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from generator.aws.errors import AwsRefused
from generator.aws.scans import EcrScans
from generator.sync.scan import Finding, Scan

CALL = "describe_image_scan_findings"
ASKED = {"repositoryName": "ecg-dev-api", "imageId": {"imageTag": "src-1"}, "maxResults": 1000}


@pytest.fixture
def ecr() -> Iterator[tuple[EcrScans, Stubber]]:
    """The port over a client that checks each request and answer against ECR's own model."""
    client = boto3.client("ecr", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # type: ignore[call-overload]
    with Stubber(client) as stub:
        yield EcrScans(client), stub
        stub.assert_no_pending_responses()


def finding(name: str, severity: str, **attributes: str) -> dict[str, Any]:
    pairs = [{"key": key, "value": value} for key, value in attributes.items()]
    return {"name": name, "severity": severity, "uri": f"https://s.example/{name}", "attributes": pairs}


def test_the_findings_of_all_pages_are_read_and_the_counts_are_ecrs_own(ecr: tuple[EcrScans, Stubber]) -> None:
    port, stub = ecr
    counts = {"findingSeverityCounts": {"CRITICAL": 1, "LOW": 1}}
    first = finding("CVE-1", "CRITICAL", package_name="openssl", package_version="3.0.1", CVSS2_SCORE="10")
    complete = {"imageScanStatus": {"status": "COMPLETE", "description": ""}}
    page = {**complete, "imageScanFindings": {"findings": [first], **counts}, "nextToken": "t"}
    stub.add_response(CALL, page, ASKED)
    page = {**complete, "imageScanFindings": {"findings": [finding("CVE-2", "LOW")], **counts}}
    stub.add_response(CALL, page, {**ASKED, "nextToken": "t"})
    assert port.read("ecg-dev-api", "src-1") == Scan(
        "COMPLETE",
        "",
        {"CRITICAL": 1, "LOW": 1},
        (
            Finding("CVE-1", "CRITICAL", "openssl 3.0.1", "https://s.example/CVE-1"),
            Finding("CVE-2", "LOW", "?", "https://s.example/CVE-2"),
        ),
    )


def test_findings_of_enhanced_scanning_are_read_and_counted_where_ecr_does_not(ecr: tuple[EcrScans, Stubber]) -> None:
    port, stub = ecr
    details = {
        "vulnerabilityId": "CVE-3",
        "sourceUrl": "https://s.example/CVE-3",
        "vulnerablePackages": [{"name": "zlib", "version": "1.2"}],
    }
    found = {"severity": "HIGH", "title": "CVE-3 - zlib", "packageVulnerabilityDetails": details}
    page = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"enhancedFindings": [found]}}
    stub.add_response(CALL, page, ASKED)
    expected = Finding("CVE-3", "HIGH", "zlib 1.2", "https://s.example/CVE-3")
    assert port.read("ecg-dev-api", "src-1") == Scan("ACTIVE", "", {"HIGH": 1}, (expected,))


@pytest.mark.parametrize(
    ("status", "reason", "word"),
    [
        ("IN_PROGRESS", "", "IN_PROGRESS"),
        ("FAILED", "The scan timed out.", "FAILED"),
        ("UNSUPPORTED_IMAGE", "", "UNSUPPORTED_IMAGE"),
        # What basic scanning says of an image without a known operating system (aws/containers-roadmap issue 2066).
        (
            "FAILED",
            "UnsupportedImageError: The operating system and/or package manager are not supported.",
            "UNSUPPORTED_IMAGE",
        ),
    ],
)
def test_a_scan_without_findings_is_its_status_and_reason(
    ecr: tuple[EcrScans, Stubber], status: str, reason: str, word: str
) -> None:
    port, stub = ecr
    stub.add_response(CALL, {"imageScanStatus": {"status": status, "description": reason}}, ASKED)
    assert port.read("ecg-dev-api", "src-1") == Scan(word, reason)


def test_no_scan_is_none(ecr: tuple[EcrScans, Stubber]) -> None:
    port, stub = ecr
    stub.add_client_error(CALL, "ScanNotFoundException")
    assert port.read("ecg-dev-api", "src-1") is None


def test_a_refusal_says_what_was_being_done(ecr: tuple[EcrScans, Stubber]) -> None:
    port, stub = ecr
    stub.add_client_error(CALL, "AccessDeniedException", "not authorized")
    with pytest.raises(AwsRefused, match=r"reading the scan of ecg-dev-api:src-1: AccessDeniedException"):
        port.read("ecg-dev-api", "src-1")
