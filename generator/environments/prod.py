"""Production: the same stacks as dev's, hardened and scaled. docs/prod.md says why, setting by setting.

What reads "unresolved" is known only to whoever owns the domain and the account: `ecgctl apply prod` asks for it.
"""

from generator.model.environment import (
    UNRESOLVED,
    Alarms,
    Api,
    Cdn,
    Environment,
    Firewall,
    Fleet,
    Hardening,
    HealthCheck,
    Identity,
    Jobs,
    LoadBalancer,
    ModelServer,
    Network,
    Registry,
    RootVolume,
    Scaling,
    Security,
    Site,
    Storage,
    Subnet,
)

YEAR = 365
MORE_THAN_A_YEAR = 400

ENVIRONMENT = Environment(
    name="prod",
    project="ecg-project-pipeline",
    region="us-east-1",
    account=UNRESOLVED,
    network=Network(
        vpc_cidr="10.1.0.0/16",  # beside dev's, so that both can be reached from one place
        public_subnets=(
            Subnet(cidr="10.1.1.0/24", availability_zone="us-east-1a"),
            Subnet(cidr="10.1.2.0/24", availability_zone="us-east-1b"),
            Subnet(cidr="10.1.3.0/24", availability_zone="us-east-1c"),
        ),
        private_subnets=(
            Subnet(cidr="10.1.16.0/20", availability_zone="us-east-1a"),
            Subnet(cidr="10.1.32.0/20", availability_zone="us-east-1b"),
            Subnet(cidr="10.1.48.0/20", availability_zone="us-east-1c"),
        ),
        public_addresses=False,  # load balancer and NAT bring their own
        endpoints=("s3", "dynamodb", "ecr.api", "ecr.dkr", "logs", "sqs", "ssm", "ssmmessages", "secretsmanager"),
        flow_log_days=YEAR,
    ),
    security=Security(
        http_cidrs=(),
        cloudfront_only=True,
        ssh_cidrs=(),
        open_egress=False,
    ),
    hardening=Hardening(
        customer_keys=("videos", "jobs", "operation", "images"),
        permissions_boundary=True,
        imdsv2_only=True,
        termination_protection=True,
    ),
    storage=Storage(
        cors_origins=(),  # the site's own pages
        cors_methods=("PUT",),
        cors_max_age=3000,
        noncurrent_version_days=30,
        incomplete_upload_days=2,
        version_all=True,
        infrequent_access_days=30,
        archive_days=90,
        access_logs=True,
        log_days=MORE_THAN_A_YEAR,
    ),
    registry=Registry(
        image_tag_mutability="IMMUTABLE",
        scan_on_push=True,
        scan_blocks="HIGH",
        empty_on_delete=False,
    ),
    jobs=Jobs(
        visibility_timeout=900,
        max_receive_count=5,
        dead_letter_retention_days=14,
        point_in_time_recovery=True,
        backup_days=35,
        deletion_protection=True,
    ),
    load_balancer=LoadBalancer(
        deletion_protection=True,
        drop_invalid_headers=True,
        origin_secrets=(1,),
        health_check=HealthCheck(interval=15, timeout=5, healthy_threshold=2, unhealthy_threshold=3),
    ),
    cdn=Cdn(
        price_class="PriceClass_100",
        firewall=Firewall(requests_in_five_minutes=2000, log_days=YEAR),
    ),
    site=Site(
        domain=UNRESOLVED,
        viewer_certificate=UNRESOLVED,
        origin_certificate=UNRESOLVED,
    ),
    identity=Identity(
        self_sign_up=False,
        password_length=14,
        password_symbols=True,
        mfa="ON",
        session_days=1,
        page_paths=("/",),
        threat_protection=True,
        deletion_protection=True,
    ),
    model_server=ModelServer(
        instance_type="g4dn.xlarge",
        image_parameter=(
            "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.10-amazon-linux-2023/latest/ami-id"
        ),
        key_name=None,
        session_manager=True,
        root_volume=RootVolume(size=100, iops=3000, throughput=250, encrypted=True),
        log_retention_days=YEAR,
        fleet=Fleet(
            minimum=2,  # in two zones: one may be lost
            maximum=3,  # one in each zone, and no more than three API tasks keep busy
            instance_types=("g4dn.xlarge", "g5.xlarge"),  # the second where a zone has none of the first
            spot_percent=0,
            on_demand=2,
            waiting_per_box=8,
            warm=0,
            healthy_percent=100,
            drain_seconds=120,
        ),
    ),
    api=Api(
        desired_count=3,  # one in each zone
        scaling=Scaling(minimum=3, maximum=12, cpu_percent=60, requests_per_task=600),
        cpu=1024,
        memory=2048,
        memory_reservation=2048,
        minimum_healthy_percent=100,
        maximum_percent=200,
        read_only_root=True,
        container_insights=True,
        rollback_errors=10,
        log_retention_days=YEAR,
    ),
    alarms=Alarms(
        emails=(),  # who is called stands here, and confirms it by mail
        server_errors=5,
        queue_age=900,
        latency_ms=2000,
        drift_hours=6,  # drift.yml looks every hour, and GitHub may skip some
        gpu_busy_percent=90,
        gpu_idle_hours=12,
        visit_minutes=5,
        monthly_budget=2000,
        runbooks="docs/runbooks",
    ),
)
