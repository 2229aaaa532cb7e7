"""What may differ from one environment to the next: frozen, typed, in CloudFormation's words.

Whether the values make sense is `generator.model.rules`' business, and reading a file with line numbers is
`generator.model.environment_file`'s; so a test can build any environment it likes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

UNRESOLVED: Final = "unresolved"
"""Stands for a value that the machine which renders cannot know; `apply` to a real account refuses it."""

LOCKABLE: Final = ("CloudFrontPrefixListId", "ModelServerImageId", "VideoPublicKeyPem")
"""Template parameters that an environment's lock file may hold."""


def video_key_parameter(generation: int) -> str:
    """The template parameter, and the name in the lock file, of a generation's public half."""
    return "VideoPublicKeyPem" if generation == 1 else f"VideoPublicKey{generation}Pem"


def lockable(parameter: str) -> bool:
    """Whether a lock file may hold a template parameter."""
    return parameter in LOCKABLE or bool(re.fullmatch(r"VideoPublicKey[2-9]\d*Pem|VideoPublicKey1\d+Pem", parameter))


PriceClass = Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
Mfa = Literal["OFF", "OPTIONAL", "ON"]
ScanBlocks = Literal["CRITICAL", "HIGH", "NONE"]
KeyFor = Literal["videos", "jobs", "operation", "images"]  # operation: logs and alarms; images: under that key, too
CorsMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """One subnet in one availability zone."""

    cidr: str
    availability_zone: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """The VPC (NET-*). Every zone of a private subnet has a public subnet too: it holds that zone's NAT gateway."""

    vpc_cidr: str
    public_subnets: tuple[Subnet, ...]
    private_subnets: tuple[Subnet, ...]
    public_addresses: bool  # does whatever is started in a public subnet get a public address without asking for one?
    endpoints: tuple[str, ...]  # AWS services reached without leaving the VPC, such as `s3` and `ecr.api`
    flow_log_days: int | None  # who talked to whom is kept so long; None: it is not written down


@dataclass(frozen=True, kw_only=True)
class Security:
    """Who may reach the groups from outside (SG-*)."""

    http_cidrs: tuple[str, ...]  # ports 80 and 443 of the load balancer
    cloudfront_only: bool  # the same ports, to CloudFront's own addresses (its managed prefix list)
    ssh_cidrs: tuple[str, ...]  # port 22 of the model server; empty closes it
    open_egress: bool  # may every group reach out to everywhere? Otherwise to what it needs


@dataclass(frozen=True, kw_only=True)
class Hardening:
    """What holds for every resource of its kind, whichever stack it stands in (`generator.parts.guards`)."""

    customer_keys: tuple[KeyFor, ...]  # what is under KMS keys of our own, which rotate every year
    permissions_boundary: bool  # each role is held by the bootstrap stack's boundary
    imdsv2_only: bool  # an instance gives its credentials to whoever first fetched a token
    termination_protection: bool  # no stack is deleted before somebody lifts it


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The buckets (S3-*)."""

    cors_origins: tuple[str, ...]  # web origins whose pages may upload straight to the video bucket; none: the site
    cors_methods: tuple[CorsMethod, ...]  # what those pages may do there
    cors_max_age: int  # seconds that a browser may remember the answer to its preflight request
    noncurrent_version_days: int  # a replaced or deleted video is gone for good after so many days
    incomplete_upload_days: int  # parts of an upload that was never completed are removed after so many days
    version_all: bool  # versions of everything, as of videos; otherwise of videos alone (S3-2)
    infrequent_access_days: int | None  # videos so old are kept where storing is cheap and reading is not
    archive_days: int | None  # older still, in Glacier Instant Retrieval: they open as fast as ever
    access_logs: bool  # who asked which bucket for what is written to a bucket of its own
    log_days: int | None  # logs in buckets are gone after so many days; None keeps them (S3-3)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The API's image repository (ECS-1)."""

    image_tag_mutability: Literal["MUTABLE", "IMMUTABLE"]
    scan_on_push: bool
    scan_blocks: ScanBlocks  # findings as severe as this, or worse, stop an apply before the image runs
    empty_on_delete: bool  # may the repository be deleted with images in it? They can be built again from Git


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The table and the queues behind uploads and analyses."""

    visibility_timeout: int  # seconds that a received job is hidden from other workers
    max_receive_count: int  # deliveries after which a job goes to the dead-letter queue
    dead_letter_retention_days: int
    point_in_time_recovery: bool
    backup_days: int | None  # a copy of the table every night, kept so long; None: no copies
    deletion_protection: bool


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How the load balancer asks a target `GET /health` (ALB-4)."""

    interval: int  # seconds
    timeout: int  # seconds
    healthy_threshold: int  # successes in a row
    unhealthy_threshold: int  # failures in a row


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """The application load balancer (ALB-*)."""

    deletion_protection: bool
    drop_invalid_headers: bool  # requests with headers that are none are refused
    origin_secrets: tuple[int, ...]
    """Generations of the secret header that says a request came through our distribution; CloudFront sends the first,
    the load balancer takes them all. None: it takes every request (docs/prod.md says how to exchange one)."""
    health_check: HealthCheck


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """The web ACL before the distribution: AWS's rules, and a limit for each address."""

    requests_in_five_minutes: int  # of one address; beyond them it is refused until it slows down
    log_days: int


@dataclass(frozen=True, kw_only=True)
class Cdn:
    """The CloudFront distribution (CDN-*)."""

    price_class: PriceClass
    firewall: Firewall | None
    video_keys: tuple[int, ...] = (1,)
    """Generations of the key that signs for `/videos/*`: the API signs with the first, the distribution takes them all
    (docs/runbooks/rotation.md)."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The name of our own under which people know the site; with it, both sides of CloudFront speak TLS only."""

    domain: str  # such as ecg.example.org; its DNS record is made by hand (docs/prod.md)
    viewer_certificate: str  # ARN of the domain's certificate in us-east-1, where CloudFront looks for it
    origin_certificate: str  # ARN of the domain's certificate in the region; in us-east-1 it is the same one


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who may sign in (the user pool)."""

    self_sign_up: bool  # may people make accounts by themselves? Otherwise an administrator does
    password_length: int  # characters at least
    password_symbols: bool  # must a password hold one?
    mfa: Mfa  # a second factor by an authenticator app
    session_days: int  # after so many days without signing in one has to
    page_paths: tuple[str, ...]  # where on the distribution the page takes people back after they signed in
    threat_protection: bool  # leaked passwords and strange sign-ins are refused; a tier that costs more
    deletion_protection: bool


@dataclass(frozen=True, kw_only=True)
class RootVolume:
    """The model server's disk (GPU-3, GPU-4), always gp3 and deleted with its instance."""

    size: int  # GiB
    iops: int
    throughput: int  # MiB/s
    encrypted: bool  # with the AWS-managed key


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Several GPU boxes behind an internal load balancer, each a Ray of its own that serves all of `serve.yaml`.

    docs/decisions/0008-fleet.md says why they are no single Ray cluster.
    """

    minimum: int
    maximum: int
    instance_types: tuple[str, ...]  # dearest wish first; each must hold the box that serve.yaml is made for
    spot_percent: int  # of the boxes beyond `on_demand`; they cost less, and go with two minutes' notice
    on_demand: int  # so many boxes are never Spot
    waiting_per_box: int  # videos in the queue for each box, above which there are more boxes
    warm: int  # stopped boxes, ready but for a start, paid for their disks only; 0: none
    healthy_percent: int  # of the boxes that serve while all are replaced one after the other
    drain_seconds: int  # a box that must go may finish what it reads; as long as `drain_s` of the apps


@dataclass(frozen=True, kw_only=True)
class ModelServer:
    """The GPU box (GPU-*), in private subnet 1, or a fleet of them over all private subnets."""

    instance_type: str  # changing it stops and starts the box
    image_parameter: str  # the public SSM parameter that names the AMI; dev.lock.yaml holds what it resolved to
    key_name: str | None  # an EC2 key pair that exists beforehand; None: nobody signs in by SSH
    session_manager: bool  # a shell through Systems Manager: by IAM, written down, without an open port
    root_volume: RootVolume  # changing it replaces the box
    log_retention_days: int
    fleet: Fleet | None = None  # then `instance_type` is not asked for


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How many tasks there are while the load changes, by whichever of two measures asks for more."""

    minimum: int
    maximum: int
    cpu_percent: int  # of all tasks on average
    requests_per_task: int  # in a minute


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API on Fargate (ECS-*)."""

    desired_count: int
    scaling: Scaling | None  # None: always `desired_count`; otherwise it must be `minimum`
    cpu: int  # units, 1024 to the virtual CPU
    memory: int  # MiB, the task's hard limit
    memory_reservation: int  # MiB, the container's soft limit
    minimum_healthy_percent: int
    maximum_percent: int
    read_only_root: bool  # the container's own files cannot be changed
    container_insights: bool  # CPU, memory and count of each task as metrics, for money
    rollback_errors: int | None  # 5xx answers in a minute at which a deployment goes back
    log_retention_days: int


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """When somebody should look."""

    emails: tuple[str, ...]  # each must confirm the subscription
    server_errors: int  # 5xx answers in five minutes
    queue_age: int  # seconds that the oldest job has waited
    latency_ms: int | None  # the slowest answer but one in a hundred, over five minutes
    drift_hours: int | None  # drift is told, and so long a time in which nobody looked for it; None: neither
    gpu_busy_percent: int | None  # of the time in half an hour, over all boxes; None: boxes do not tell
    gpu_idle_hours: int | None  # in which no GPU did anything
    visit_minutes: int | None  # so often somebody visits the site from outside; None: nobody does
    monthly_budget: int | None  # USD of what carries the environment's tag
    runbooks: str  # what goes before the name of a runbook in an alarm's description: a folder, or its address


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment, the argument of every stack."""

    name: str
    project: str
    region: str
    account: str = UNRESOLVED  # the twelve digits that `apply` must find itself in
    network: Network
    security: Security
    hardening: Hardening
    storage: Storage
    registry: Registry
    jobs: Jobs
    load_balancer: LoadBalancer
    cdn: Cdn
    site: Site | None
    identity: Identity
    model_server: ModelServer
    api: Api
    alarms: Alarms
    prune: tuple[str, ...] = ()
    """What was taken out of this repository and may be removed: `stack:<name>`, `app:<name>`. Nothing else is."""
    locked: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Template parameters resolved elsewhere and committed in `<name>.lock.yaml`, not typed by hand."""

    @property
    def prefix(self) -> str:
        """`{name}` of the specification: what the environment's names begin with."""
        return f"{self.project}-{self.name}"
