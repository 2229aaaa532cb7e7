"""What each environment is to be once it is deployed: the specification's values in dev, their hardened ones in prod.

Written down by hand, beside generator/environments/: a setting that changes by mistake differs from what stands here.
What is the same in both stands in the tests.
"""

from dataclasses import dataclass

ANYWHERE = "0.0.0.0/0"
CLOUDFRONT = "pl-0000000000000ec60"
"""Stands for the list of CloudFront's own addresses (generator/local/system.py)."""

Subnet = tuple[str, str, str, bool]
"""Output, range, zone, public."""
Rule = tuple[int, int, str]
"""From port, to port, from whom."""


@dataclass(frozen=True)
class Specified:
    """One environment."""

    vpc: str
    subnets: tuple[Subnet, ...]
    public_addresses: bool
    """Whether what starts in a public subnet gets one."""
    web: frozenset[Rule]
    """Who may ask the load balancer."""
    ssh: frozenset[Rule]
    role: str
    """What goes before names that an account can hold once."""
    tags: str
    """Of images: may they be overwritten?"""
    cpu: str
    memory: str
    reservation: int
    read_only: bool
    desired: int
    healthy_percent: int
    log_days: int
    key_pair: str | None
    volume: int
    """GiB."""
    versioned: frozenset[str]
    """Buckets, by their outputs."""
    customer_keys: frozenset[str]
    cors_methods: tuple[str, ...]
    cors_origin: str
    aliases: tuple[str, ...]
    origin_protocol: str
    origin_port: tuple[str, int]
    hsts_on_answers: bool
    protected: str
    """The load balancer from deletion: `true`, `false`."""
    listeners: tuple[tuple[str, int, str], ...]
    """Protocol, port, default action."""
    health_check: tuple[int, int, int, int]
    """Interval and timeout in seconds; how many in a row make a target healthy and unhealthy."""

    def outputs_of(self, *, public: bool) -> list[str]:
        """The outputs with the ids of its public or its private subnets."""
        return [output for output, _, _, each in self.subnets if each is public]


DEV = Specified(
    vpc="10.0.0.0/16",
    subnets=(
        ("PublicSubnet1Id", "10.0.1.0/24", "us-east-1a", True),
        ("PublicSubnet2Id", "10.0.2.0/24", "us-east-1b", True),
        ("PrivateSubnet1Id", "10.0.10.0/24", "us-east-1a", False),
        ("PrivateSubnet2Id", "10.0.20.0/24", "us-east-1b", False),
    ),
    public_addresses=True,
    web=frozenset({(80, 80, ANYWHERE), (443, 443, ANYWHERE)}),
    ssh=frozenset({(22, 22, ANYWHERE)}),
    role="",
    tags="MUTABLE",
    cpu="512",
    memory="1024",
    reservation=1024,
    read_only=False,
    desired=2,
    healthy_percent=50,
    log_days=7,
    key_pair="model-server-key",
    volume=50,
    versioned=frozenset({"VideoBucketName"}),
    customer_keys=frozenset({"operation"}),
    cors_methods=("GET", "POST", "PUT", "DELETE"),
    cors_origin="*",
    aliases=(),
    origin_protocol="http-only",
    origin_port=("HTTPPort", 80),
    hsts_on_answers=False,
    protected="false",
    listeners=(("HTTP", 80, "forward"),),
    health_check=(30, 5, 5, 2),
)

PROD = Specified(
    vpc="10.1.0.0/16",
    subnets=(
        ("PublicSubnet1Id", "10.1.1.0/24", "us-east-1a", True),
        ("PublicSubnet2Id", "10.1.2.0/24", "us-east-1b", True),
        ("PublicSubnet3Id", "10.1.3.0/24", "us-east-1c", True),
        ("PrivateSubnet1Id", "10.1.16.0/20", "us-east-1a", False),
        ("PrivateSubnet2Id", "10.1.32.0/20", "us-east-1b", False),
        ("PrivateSubnet3Id", "10.1.48.0/20", "us-east-1c", False),
    ),
    public_addresses=False,
    web=frozenset({(443, 443, CLOUDFRONT)}),
    ssh=frozenset(),
    role="ecg-project-pipeline-prod-",
    tags="IMMUTABLE",
    cpu="1024",
    memory="2048",
    reservation=2048,
    read_only=True,
    desired=1,  # ECS begins with one; on AWS Auto Scaling makes three of it, here nothing does (docs/local.md)
    healthy_percent=100,
    log_days=365,
    key_pair=None,
    volume=100,
    versioned=frozenset({"FrontendBucketName", "VideoBucketName", "ArtifactsBucketName"}),
    customer_keys=frozenset({"videos", "jobs", "operation", "images"}),
    cors_methods=("PUT",),
    cors_origin="https://ecg.localhost",
    aliases=("ecg.localhost",),
    origin_protocol="https-only",
    origin_port=("HTTPSPort", 443),
    hsts_on_answers=True,
    protected="true",
    listeners=(("HTTP", 80, "redirect"), ("HTTPS", 443, "fixed-response")),
    health_check=(15, 5, 2, 3),
)

SPECIFIED = {"dev": DEV, "prod": PROD}
