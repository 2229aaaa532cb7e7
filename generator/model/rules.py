"""What settings must be to make sense together; `environment_file` adds the lines.

`generator.model.known` says what a rule gets to see; `hardening_rules` has those of what makes an environment hard.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from typing import Any, Final

from generator.model import hardening_rules, names
from generator.model.environment import UNRESOLVED
from generator.model.known import Finding, Findings, Known, Unknown

LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch Logs accepts (docs.aws.amazon.com, API_PutRetentionPolicy)."""

FARGATE_MEMORY: Final[Mapping[int, range | tuple[int, ...]]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units -> MiB that go with them (docs.aws.amazon.com/AmazonECS, fargate-tasks-services)."""

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "storage.cors_max_age": (0, 86400),
    "storage.noncurrent_version_days": (1, 3650),
    "storage.incomplete_upload_days": (1, 365),
    "jobs.visibility_timeout": (30, 43200),
    "jobs.max_receive_count": (1, 1000),
    "jobs.dead_letter_retention_days": (1, 14),
    "identity.password_length": (8, 99),
    "identity.session_days": (1, 3650),
    "load_balancer.health_check.interval": (5, 300),
    "load_balancer.health_check.timeout": (2, 120),
    "load_balancer.health_check.healthy_threshold": (2, 10),
    "load_balancer.health_check.unhealthy_threshold": (2, 10),
    "model_server.root_volume.size": (1, 65536),
    "model_server.root_volume.iops": (3000, 80000),
    "model_server.root_volume.throughput": (125, 2000),
    "model_server.fleet.minimum": (1, 100),
    "model_server.fleet.maximum": (1, 100),
    "model_server.fleet.spot_percent": (0, 100),
    "model_server.fleet.on_demand": (0, 100),
    "model_server.fleet.waiting_per_box": (1, 10_000),
    "model_server.fleet.warm": (0, 100),
    "model_server.fleet.healthy_percent": (0, 100),
    "model_server.fleet.drain_seconds": (1, 3600),
    "api.desired_count": (0, 5000),
    "api.minimum_healthy_percent": (0, 100),
    "api.maximum_percent": (100, 200),
    "alarms.server_errors": (1, 1_000_000),
    "alarms.queue_age": (60, 1_209_600),
    **hardening_rules.RANGES,
}

PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    "name": (r"[a-z][a-z0-9-]*[a-z0-9]", "lower-case letters, digits and hyphens"),
    "project": (r"[a-z][a-z0-9-]*[a-z0-9]", "lower-case letters, digits and hyphens"),
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1"),
    "account": (rf"\d{{12}}|{UNRESOLVED}", f"the twelve digits of an account, or {UNRESOLVED!r}"),
    "model_server.instance_type": (r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an instance type such as g4dn.xlarge"),
    "model_server.image_parameter": (r"/[\w./-]+", "the name of an SSM parameter, which begins with /"),
    "model_server.key_name": (r"\S(.{0,253}\S)?", "the name of an EC2 key pair"),
    **hardening_rules.PATTERNS,
}


def ranges(known: Known) -> Findings:
    """Numbers stay between what AWS, or sense, allows."""
    for setting, value in known.pick(list(RANGES)).items():
        low, high = RANGES[setting]
        if value is not None and not low <= value <= high:
            yield Finding(setting, f"out of range {low} to {high}", "give a number within it")


def patterns(known: Known) -> Findings:
    """Names look like what they name."""
    for setting, value in known.pick(list(PATTERNS)).items():
        pattern, words = PATTERNS[setting]
        if value is not None and not re.fullmatch(pattern, value):
            yield Finding(setting, "not of the form that is needed", f"give {words}")


def name_lengths(known: Known) -> Findings:
    """What is named after project and environment stays within AWS's limits."""
    prefix = f"{known['project']}-{known['name']}"
    for kind, name, limit in names.limited(prefix):
        if len(name) > limit:
            yield Finding(
                "project",
                f"the {kind} {name!r} would have {len(name)} characters, {limit} are allowed",
                f"shorten project or name by {len(name) - limit}",
            )


SUBNETS: Final = ("network.public_subnets", "network.private_subnets")


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def cidrs(known: Known) -> Findings:
    """Every address range is one, in the form that AWS takes."""
    subnets = [path for sections in SUBNETS for path in known.each(sections, "cidr")]
    for setting, value in known.pick(["network.vpc_cidr", *subnets]).items():
        network = _network(value)
        if network is None:
            yield Finding(setting, "not an IPv4 range", "give one such as 10.0.0.0/16, host bits zero")
        elif not 16 <= network.prefixlen <= 28:
            yield Finding(setting, "a VPC or subnet is between /16 and /28", "choose another size")
    for setting in ("security.http_cidrs", "security.ssh_cidrs"):
        for value in known.pick([setting]).get(setting, ()):
            if _network(value) is None:
                yield Finding(setting, f"{value!r} is not an IPv4 range", "give one such as 203.0.113.0/24")


def subnets_fit(known: Known) -> Findings:
    """Subnets lie inside the VPC and apart from each other."""
    vpc = _network(known["network.vpc_cidr"])
    paths = [path for sections in SUBNETS for path in known.each(sections, "cidr")]
    seen: dict[str, IPv4Network] = {}
    for setting, value in known.pick(paths).items():
        network = _network(value)
        if network is None:
            continue
        if vpc is not None and not network.subnet_of(vpc):
            yield Finding(setting, f"not inside the VPC's {vpc}", "choose a range within it, or widen the VPC")
        for other, taken in seen.items():
            if network.overlaps(taken):
                yield Finding(setting, f"overlaps {other}, which is {taken}", "choose a range that is free")
        seen[setting] = network


def zones(known: Known) -> Findings:
    """Two zones or more, of the region, with a NAT gateway (so a public subnet) wherever there is a private subnet."""
    region = known["region"]
    if not re.fullmatch(PATTERNS["region"][0], region):
        return
    by_sections: dict[str, dict[str, str]] = {}
    for sections in SUBNETS:
        if sections in known.lengths and known.lengths[sections] < 2:
            yield Finding(sections, "a load balancer and a service want two zones", "add a subnet in another zone")
        seen: dict[str, str] = {}
        for setting, zone in known.pick(known.each(sections, "availability_zone")).items():
            if not re.fullmatch(re.escape(region) + "[a-z]", zone):
                yield Finding(setting, f"not a zone of {region}", f"give one such as {region}a")
            elif zone in seen:
                yield Finding(setting, f"{seen[zone]} is in {zone} already", "use each zone once")
            else:
                seen[zone] = setting
        by_sections[sections] = seen
    public, private = (by_sections[sections] for sections in SUBNETS)
    if len(public) < known.lengths.get(SUBNETS[0], 0):
        return  # which zones have a gateway is clear only once the public subnets are right
    for zone, setting in private.items():
        if zone not in public:
            yield Finding(setting, f"no public subnet in {zone} to hold its NAT gateway", "add one there")


def video_keys(known: Known) -> Findings:
    """Somebody signs, and each generation is one key."""
    given = known["cdn.video_keys"]
    if not given or len(set(given)) < len(given) or min(given) < 1:
        yield Finding("cdn.video_keys", "not one or several different generations from 1 on", "give (1,), or (2, 1)")


def origins(known: Known) -> Findings:
    """Browsers send an origin without a path; anything else never matches."""
    for value in known["storage.cors_origins"]:
        if value != "*" and not re.fullmatch(r"https?://[^/\s]+", value):
            yield Finding(
                "storage.cors_origins", f"{value!r} is not an origin", "give one such as https://ecg.example.org"
            )


def page_paths(known: Known) -> Findings:
    """People come back to the page from the sign-in."""
    if not known["identity.page_paths"]:
        yield Finding("identity.page_paths", "nobody would come back from the sign-in", "give at least one, such as /")
    for value in known["identity.page_paths"]:
        if not re.fullmatch(r"/[A-Za-z0-9/_.-]*", value):
            yield Finding("identity.page_paths", f"{value!r} is not a path", "give one such as /")


def fargate(known: Known) -> Findings:
    """Fargate sells certain pairs of cpu and memory."""
    cpu, memory = known["api.cpu"], known["api.memory"]
    if cpu not in FARGATE_MEMORY:
        yield Finding("api.cpu", "Fargate does not sell it", f"choose from {_listed(FARGATE_MEMORY)}")
    elif memory not in FARGATE_MEMORY[cpu]:
        yield Finding(
            "api.memory", f"Fargate does not pair it with cpu {cpu}", f"choose from {_listed(FARGATE_MEMORY[cpu])} MiB"
        )


def soft_limit(known: Known) -> Findings:
    """The container's soft limit fits the task."""
    if not 6 <= known["api.memory_reservation"] <= known["api.memory"]:
        yield Finding("api.memory_reservation", "not between 6 and api.memory", "lower it, or raise api.memory")


def deployable(known: Known) -> Findings:
    """ECS may stop or start at least one task in a deployment."""
    if known["api.maximum_percent"] == 100 and known["api.minimum_healthy_percent"] == 100:
        yield Finding(
            "api.maximum_percent", "no task may start before another stops, nor stop first", "raise it above 100"
        )


RETENTIONS: Final = (
    *("api.log_retention_days", "model_server.log_retention_days"),
    *("network.flow_log_days", "cdn.firewall.log_days"),
)


def retention(known: Known) -> Findings:
    """CloudWatch keeps logs for certain numbers of days only."""
    for setting, value in known.pick(list(RETENTIONS)).items():
        if value is not None and value not in LOG_RETENTION_DAYS:
            yield Finding(setting, "CloudWatch Logs does not offer it", f"choose from {_listed(LOG_RETENTION_DAYS)}")


def health_check(known: Known) -> Findings:
    """A health check answers before the next one is due."""
    check = "load_balancer.health_check"
    if known[f"{check}.timeout"] >= known[f"{check}.interval"]:
        yield Finding(f"{check}.timeout", "not shorter than the interval", "lower it, or raise the interval")


def volume(known: Known) -> Findings:
    """gp3 gives 500 operations a second per GiB, and 0.25 MiB/s per operation (EBS user guide, gp3)."""
    root = "model_server.root_volume"
    size, iops, throughput = (known[f"{root}.{setting}"] for setting in ("size", "iops", "throughput"))
    if iops > max(3000, 500 * size):
        yield Finding(f"{root}.iops", f"gp3 gives at most {500 * size} to {size} GiB", "lower it, or raise the size")
    if throughput * 4 > iops:
        yield Finding(f"{root}.throughput", f"gp3 gives at most {iops // 4} to {iops} IOPS", "lower it, or raise iops")


def fleet(known: Known) -> Findings:
    """A fleet can be as large as it must, and has a warm pool only where Auto Scaling offers one."""
    at = "model_server.fleet"
    types, spot = known[f"{at}.instance_types"], known[f"{at}.spot_percent"]
    if not types:
        yield Finding(f"{at}.instance_types", "no box can be started", 'give at least one, such as ("g4dn.xlarge",)')
    for value in types:
        if not re.fullmatch(PATTERNS["model_server.instance_type"][0], value):
            words = PATTERNS["model_server.instance_type"][1]
            yield Finding(f"{at}.instance_types", f"{value!r} is not an instance type", f"give {words}")
    if known[f"{at}.minimum"] > known[f"{at}.maximum"]:
        yield Finding(f"{at}.maximum", "less than the minimum", "raise it, or lower the minimum")
    if known[f"{at}.warm"] and (spot or len(types) > 1):
        yield Finding(
            f"{at}.warm",
            "a warm pool cannot hold Spot boxes, nor boxes of several types",
            "set it to 0, or name one instance type and no Spot",
        )


def scanned(known: Known) -> Findings:
    """Only what is scanned can be found vulnerable."""
    if known["registry.scan_blocks"] != "NONE" and not known["registry.scan_on_push"]:
        yield Finding(
            "registry.scan_blocks", "images are not scanned", "set registry.scan_on_push=True, or this to 'NONE'"
        )


def emails(known: Known) -> Findings:
    """Alarms go to addresses."""
    for value in known["alarms.emails"]:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            yield Finding("alarms.emails", f"{value!r} is not an e-mail address", "give one, or leave the tuple empty")


def prune(known: Known) -> Findings:
    """What may be removed is named by its kind."""
    for value in known["prune"]:
        if not re.fullmatch(r"stack:[a-z][a-z0-9-]*|app:[a-z][a-z0-9_]*", value):
            yield Finding("prune", f"{value!r} is neither a stack nor an app", "write stack:<name> or app:<name>")


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


RULES: Final[tuple[Callable[[Known], Findings], ...]] = (
    ranges,
    patterns,
    name_lengths,
    cidrs,
    subnets_fit,
    zones,
    video_keys,
    origins,
    page_paths,
    fargate,
    soft_limit,
    deployable,
    retention,
    health_check,
    volume,
    fleet,
    scanned,
    emails,
    prune,
    *hardening_rules.RULES,
)


def findings(known: Known) -> Findings:
    """What every rule finds in the settings that are known."""
    for rule in RULES:
        try:
            yield from rule(known)
        except Unknown:
            continue
