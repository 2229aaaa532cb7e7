"""Development: the specification as written (docs/specification.md).

Edit a value, run `ecgctl render dev`, and review what `templates_out/dev` says will change.
"""

from generator.model.environment import (
    Alarms,
    Api,
    Cdn,
    Environment,
    Hardening,
    HealthCheck,
    Identity,
    Jobs,
    LoadBalancer,
    ModelServer,
    Network,
    Registry,
    RootVolume,
    Security,
    Storage,
    Subnet,
)

ENVIRONMENT = Environment(
    name="dev",
    project="ecg-project-pipeline",
    region="us-east-1",
    account="unresolved",  # the twelve digits of the account; `apply` to a real one asks for them
    network=Network(
        vpc_cidr="10.0.0.0/16",
        public_subnets=(
            Subnet(cidr="10.0.1.0/24", availability_zone="us-east-1a"),
            Subnet(cidr="10.0.2.0/24", availability_zone="us-east-1b"),
        ),
        private_subnets=(
            Subnet(cidr="10.0.10.0/24", availability_zone="us-east-1a"),
            Subnet(cidr="10.0.20.0/24", availability_zone="us-east-1b"),
        ),
        public_addresses=True,
        endpoints=(),
        flow_log_days=None,
    ),
    security=Security(
        http_cidrs=("0.0.0.0/0",),
        cloudfront_only=False,
        ssh_cidrs=("0.0.0.0/0",),  # SG-3: restrict in operation
        open_egress=True,
    ),
    hardening=Hardening(
        customer_keys=("operation",),  # alarms may not use the key that SNS has of its own
        permissions_boundary=False,
        imdsv2_only=False,
        termination_protection=False,
    ),
    storage=Storage(
        cors_origins=("*",),
        cors_methods=("GET", "POST", "PUT", "DELETE"),
        cors_max_age=3000,
        noncurrent_version_days=30,
        incomplete_upload_days=7,
        version_all=False,
        infrequent_access_days=None,
        archive_days=None,
        access_logs=False,
        log_days=None,
    ),
    registry=Registry(
        image_tag_mutability="MUTABLE",
        scan_on_push=True,
        scan_blocks="CRITICAL",
        empty_on_delete=True,
    ),
    jobs=Jobs(
        visibility_timeout=900,
        max_receive_count=5,
        dead_letter_retention_days=14,
        point_in_time_recovery=True,
        backup_days=7,
        deletion_protection=False,
    ),
    load_balancer=LoadBalancer(
        deletion_protection=False,
        drop_invalid_headers=False,
        origin_secrets=(),
        health_check=HealthCheck(interval=30, timeout=5, healthy_threshold=5, unhealthy_threshold=2),
    ),
    cdn=Cdn(price_class="PriceClass_100", firewall=None),
    site=None,
    identity=Identity(
        self_sign_up=False,
        password_length=12,
        password_symbols=True,
        mfa="ON",
        session_days=30,
        page_paths=("/",),
        threat_protection=True,
        deletion_protection=False,
    ),
    model_server=ModelServer(
        instance_type="g4dn.xlarge",
        image_parameter=(
            "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.10-amazon-linux-2023/latest/ami-id"
        ),
        key_name="model-server-key",
        session_manager=False,
        root_volume=RootVolume(size=50, iops=3000, throughput=125, encrypted=True),  # GPU-4, Decision: encrypted
        log_retention_days=7,
    ),
    api=Api(
        desired_count=2,
        scaling=None,
        cpu=512,
        memory=1024,
        memory_reservation=1024,
        minimum_healthy_percent=50,
        maximum_percent=200,
        read_only_root=False,
        container_insights=False,
        rollback_errors=None,
        log_retention_days=7,
    ),
    alarms=Alarms(
        emails=(),
        server_errors=10,
        queue_age=1800,
        latency_ms=None,
        drift_hours=None,
        gpu_busy_percent=None,
        gpu_idle_hours=None,
        visit_minutes=None,
        monthly_budget=None,
        runbooks="docs/runbooks",
    ),
)
