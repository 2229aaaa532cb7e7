"""Where other stacks find the model server: one box in dev, a fleet behind a load balancer of its own elsewhere."""

from generator.model.environment import Environment


def host(environment: Environment) -> str:
    """The output of the model server's stack that holds the name or address that answers."""
    return "ModelServerDnsName" if environment.model_server.fleet else "ModelServerPrivateIp"


def dimension(environment: Environment) -> tuple[str, str]:
    """The dimension of its EC2 metrics, and the output that holds its value."""
    if environment.model_server.fleet:
        return "AutoScalingGroupName", "ModelServerGroupName"
    return "InstanceId", "ModelServerInstanceId"
