"""The embedded AWS, and the processes that stand in for Fargate and the GPU box.

    system       everything, started and stopped together
    emulator     MiniStack as a child process; connection: how to reach it; authority: TLS and keys
    plugin/      what MiniStack lacks, inside MiniStack's own process
    fargate      ECS's agent -> task (pull, run, report) -> health_check, container_log
    gpu_box      EC2 instances -> user data, systemd_unit; metadata
    roles        the deployed roles' credentials for both
    processes    programs on a tether: nothing outlives us
    viewer       CloudFront's and the load balancer's names on this machine

What is emulated and how it differs from AWS stands in docs/local.md.
"""
