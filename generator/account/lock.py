"""Values that only an account or a person knows, written down once: `generator/environments/<env>.lock.yaml`.

Each stands under a comment with its day and source. What is not resolved again stays as it is, comment included.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from generator.aws.errors import aws
from generator.checkout import ENVIRONMENTS
from generator.errors import EcgError
from generator.model.environment import Environment, video_key_parameter

IMAGE = "ModelServerImageId"
PREFIX_LIST = "CloudFrontPrefixListId"
CLOUDFRONT = "com.amazonaws.global.cloudfront.origin-facing"
"""AWS's name of the list of addresses from which CloudFront asks origins; each region has its own of that name."""

PUBLIC_KEY = video_key_parameter(1)
_HEADER = "# Written by `ecgctl lock {name}`. Commit it together with what `ecgctl render {name}` makes of it.\n"
_KEY = re.compile(r"^(\w+):")


class NoPrefixList(EcgError):
    """The region has no list of CloudFront's addresses."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"no managed prefix list is called {name}\n"
            f"  next: choose another region, or set security.cloudfront_only=False and http_cidrs"
        )


class NoPublicKey(EcgError):
    """What was given holds no key that CloudFront takes."""

    exit_code = 2

    def __init__(self, source: str, problem: str) -> None:
        self.source, self.problem = source, problem
        super().__init__(
            f"{source}: {problem}; CloudFront signs with RSA keys of 2048 bits\n"
            f"  next: openssl genrsa -out video.key 2048 && openssl rsa -in video.key -pubout -out video.pub"
        )


@dataclass(frozen=True)
class Resolved:
    """A value, and where it came from."""

    value: str
    source: str


def lock_path(environment: Environment) -> Path:
    """The lock file, below the checkout."""
    return ENVIRONMENTS / f"{environment.name}.lock.yaml"


def lock_text(name: str, before: str, resolved: Mapping[str, Resolved], day: date) -> str:
    """The lock file's new text, parameters in the order of their names."""
    kept = _blocks(before)
    for parameter, one in resolved.items():
        value = one.value if "\n" not in one.value else "|\n" + _indented(one.value)
        kept[parameter] = f"# {day.isoformat()}, {one.source}\n{parameter}: {value.rstrip()}\n"
    return _HEADER.format(name=name) + "".join(f"\n{kept[parameter]}" for parameter in sorted(kept))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


def _blocks(text: str) -> dict[str, str]:
    """Each parameter's own lines, with the comments right above it."""
    blocks: dict[str, str] = {}
    comments, current = "", ""
    for line in text.splitlines(keepends=True):
        if found := _KEY.match(line):
            current = found[1]
            blocks[current] = comments + line
            comments = ""
        elif line.startswith("#"):
            comments, current = comments + line, ""
        elif not line.strip():
            comments = ""
        elif current:
            blocks[current] += line
    return blocks


def resolve_image(parameter: str, ssm: Any) -> Resolved:
    """The AMI that a public SSM parameter names today. Raises AwsRefused."""
    with aws(f"reading the SSM parameter {parameter}"):
        found = ssm.get_parameter(Name=parameter)["Parameter"]
    return Resolved(str(found["Value"]), f"SSM parameter {parameter} version {found.get('Version', '?')}")


def resolve_prefix_list(ec2: Any) -> Resolved:
    """The id of CloudFront's list in the client's region. Raises NoPrefixList, AwsRefused."""
    with aws(f"looking for the managed prefix list {CLOUDFRONT}"):
        filters = [{"Name": "prefix-list-name", "Values": [CLOUDFRONT]}]
        found = ec2.describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    if not found:
        raise NoPrefixList(CLOUDFRONT)
    return Resolved(str(found[0]["PrefixListId"]), f"managed prefix list {CLOUDFRONT}")


def key_from_file(path: Path) -> Resolved:
    """The public half of a PEM file with either half. Raises NoPublicKey."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoPublicKey(path.name, f"cannot be read ({type(error).__name__})") from error
    return Resolved(public_half(text, path.name), f"file {path.name}")


def key_from_secret(name: str, vault: Any) -> Resolved:
    """The public half of the private key that Secrets Manager keeps. Raises NoPublicKey, AwsRefused."""
    with aws(f"reading the secret {name}"):
        text = str(vault.get_secret_value(SecretId=name).get("SecretString", ""))
    return Resolved(public_half(text, f"secret {name}"), f"public half of secret {name}")


def public_half(pem: str, source: str) -> str:
    """The public PEM of a private or public one; the private half goes nowhere. Raises NoPublicKey."""
    reading = ["-pubin"] if "PUBLIC KEY" in pem else []
    public = _openssl(["pkey", *reading, "-pubout"], pem, source)
    described = _openssl(["pkey", "-pubin", "-noout", "-text"], public, source)
    if "2048 bit" not in described or "Modulus" not in described:
        raise NoPublicKey(source, "another kind of key")
    return public


def _openssl(arguments: list[str], given: str, source: str) -> str:
    try:
        done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoPublicKey(source, "the program `openssl` is not installed, so it cannot be read") from None
    if done.returncode != 0:
        raise NoPublicKey(source, "no PEM key")
    return done.stdout
