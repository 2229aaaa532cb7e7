"""Rules about what is written into templates: secrets in plain text, images that change under their tag."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.plan.exposure.world import World, each, get
from generator.plan.facts import Severity
from generator.plan.policy.rule import Breach, Case, Rule
from generator.plan.tree import Call, Resource, Text

SECRET_NAME: Final = re.compile(
    r"(?i)(pass(word|wd|phrase)?$|passw|secret|token$|api_?key|private_?key|access_?key$|credential|auth$)"
)
"""Names of variables whose value is likely a secret."""

NOT_A_SECRET: Final = re.compile(
    r"(?ix) ( .*(_arn|_name|_id|_url|_uri|_path|_file|_ttl|_header|_prefix|_seconds|_length|_days|_enabled)$ )"
)
"""Names that only say where a secret is, or something else about it."""

HARMLESS: Final = re.compile(
    r"(?i)(|true|false|none|null|\d{1,4}|arn:.*|\{\{resolve:.*|/[\w./-]*|unresolved|\(hidden .*)"
)
"""Values that are no secret whatever the name says: dynamic references, ARNs, paths, switches."""

SECRET_TEXT: Final = re.compile(
    r"""(?x)
    \b(AKIA|ASIA)[0-9A-Z]{16}\b                                  # an AWS access key id
    | -----BEGIN\ ([A-Z]+\ )?PRIVATE\ KEY-----
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b                             # GitHub
    | \bxox[abprs]-[A-Za-z0-9-]{10,}                             # Slack
    | \bsk_live_[A-Za-z0-9]{16,}                                 # Stripe
    | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.           # a JSON web token
    | \b[a-z][a-z0-9+.-]*://[^\s:/@$]+:[^\s:/@$]{3,}@            # user:password@host
    """
)
"""Texts that give a secret away by their form."""

SET_IN_SCRIPT: Final = re.compile(
    r"""(?im)^\s*(?:export\s+|set\s+)?([A-Z_][A-Z0-9_]*)\s*=\s*["']?([^\s"'$]{4,})["']?\s*$"""
)

PLAIN_PROPERTIES: Final = {
    "AWS::RDS::DBInstance": ("MasterUserPassword",),
    "AWS::RDS::DBCluster": ("MasterUserPassword",),
    "AWS::Redshift::Cluster": ("MasterUserPassword",),
    "AWS::SecretsManager::Secret": ("SecretString",),
    "AWS::ElastiCache::ReplicationGroup": ("AuthToken",),
    "AWS::IAM::User": ("LoginProfile",),
}
"""Properties that are secrets."""

FLOATING: Final = re.compile(r"(?i)latest|stable|main|master|edge|nightly|dev|develop|prod|production|release|current")
"""Tags that are moved from image to image."""


def _plain_secret(case: Case) -> Iterator[Breach]:
    for place in sorted(case.both.touched):
        old, new = case.both.before.resource(place), case.both.after.resource(place)
        if new is None:
            continue
        known = set(_secrets(case.both.before, place, old)) if old is not None else set()
        names = dict.fromkeys(
            name for name, value in _secrets(case.both.after, place, new) if (name, value) not in known
        )
        for name in names:
            yield Breach(place, f"{name} of {place[1]} looks like a secret in plain text")


def _secrets(world: World, place: tuple[str, str], resource: Resource) -> Iterator[tuple[str, str]]:
    """What looks like a secret: where, and its value (which is never shown)."""
    properties = world.properties(place, resource)
    for where, name, value in _variables(properties):
        text = value if isinstance(value, str) else _literal(value)
        by_name = isinstance(value, str) and SECRET_NAME.search(name) and not NOT_A_SECRET.fullmatch(name)
        if (by_name and not HARMLESS.fullmatch(text)) or SECRET_TEXT.search(text):
            yield f"{where} {name}", text
    for key in PLAIN_PROPERTIES.get(resource.type, ()):
        value = properties.get(key)
        value = get(value, "Password") if isinstance(value, Mapping) else value
        if isinstance(value, str) and not HARMLESS.fullmatch(value):
            yield key, value
    for script in _scripts(properties):
        for found in SECRET_TEXT.finditer(script):
            yield "the user data", found[0]
        for name, value in SET_IN_SCRIPT.findall(script):
            if SECRET_NAME.search(name) and not NOT_A_SECRET.fullmatch(name) and not HARMLESS.fullmatch(value):
                yield f"the user data's {name}", value


def _variables(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Environment variables: of which container, name, value."""
    for container in each(properties.get("ContainerDefinitions")):
        for item in each(get(container, "Environment")):
            yield "environment variable", str(get(item, "Name")), get(item, "Value")
    for item in each(get(properties, "Environment", "EnvironmentVariables")):
        if get(item, "Type") in (None, "PLAINTEXT"):
            yield "environment variable", str(get(item, "Name")), get(item, "Value")
    variables = get(properties, "Environment", "Variables")
    if isinstance(variables, Mapping):
        for name, value in variables.items():
            yield "environment variable", name, value


def _scripts(properties: Mapping[str, Any]) -> Iterator[str]:
    """User data, its literal parts."""
    data = properties.get("LaunchTemplateData", properties)
    value = get(data, "UserData")
    if value is not None:
        yield _literal(value)


def _literal(value: Any) -> str:
    """The literal text in a value; a `$` stands where a reference is."""
    match value:
        case str():
            return value
        case Text(pieces):
            return "".join(_literal(piece) for piece in pieces)
        case Call(_, argument):
            return _literal(argument)
        case list() | tuple():
            return "\n".join(_literal(item) for item in value)
        case bool() | int() | float():
            return str(value)
        case _:
            return "$"


def _floating_image(case: Case) -> Iterator[Breach]:
    for place in sorted(case.both.touched):
        old, new = case.both.before.resource(place), case.both.after.resource(place)
        if new is None:
            continue
        had = {image for image, _ in _images(case.both.before, place, old)} if old is not None else set()
        for image, words in sorted(set(_images(case.both.after, place, new))):
            if image not in had and (why := _floating(image)):
                yield Breach(place, f"{place[1]} runs {words}: {why}")


def _images(world: World, place: tuple[str, str], resource: Resource) -> Iterator[tuple[str, str]]:
    """The images that a resource runs: what to compare, and what to read."""
    properties = world.properties(place, resource)
    values = [get(container, "Image") for container in each(properties.get("ContainerDefinitions"))]
    values += [get(properties, "Code", "ImageUri"), get(properties, "ContainerProperties", "Image")]
    for value in values:
        if value is not None:
            yield world.text(value), world.words(value, place[0])


def _floating(image: str) -> str:
    """What is wrong with an image's address; nothing for a digest or a tag that says a version."""
    if "@sha256:" in image:
        return ""
    tag = image.rsplit("/", 1)[-1].rpartition(":")[2] if ":" in image.rsplit("/", 1)[-1] else ""
    if image.endswith("}") and ":" not in image.rsplit("}", 2)[-2].rpartition("${")[0]:
        return ""  # a reference may hold the tag
    if not tag:
        return "it has no tag, so it is whatever `latest` is"
    return f"the tag {tag} may be another image tomorrow" if FLOATING.fullmatch(tag) else ""


RULES: Final = (
    Rule("plain-secret", "No secret stands in plain text in a template.", Severity.BLOCKER, _plain_secret),
    Rule("floating-image", "An image is named by version, content or digest.", Severity.WARNING, _floating_image),
)
