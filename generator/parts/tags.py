"""The tags that say whose a resource is, put on from one place."""

from troposphere import Tags, Template

from generator.model.environment import Environment


def owner_tags(environment: Environment) -> Tags:
    """Project, Environment and ManagedBy."""
    return Tags(Project=environment.project, Environment=environment.name, ManagedBy="ecgctl")


def name_tag(environment: Environment, name: str) -> Tags:
    """The `Name` that the EC2 console shows."""
    return Tags(Name=f"{environment.prefix}-{name}")


def tagged(template: Template, environment: Environment) -> Template:
    """The template with the environment's tags on every resource whose type takes them, after the resource's own."""
    for resource in template.resources.values():
        if "Tags" in resource.props:
            resource.Tags = resource.properties.get("Tags", Tags()) + owner_tags(environment)
    return template
