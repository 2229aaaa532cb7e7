"""The API's image repository (ECS-1). Its name comes from one place and leaves by an output (OPS-3)."""

from troposphere import GetAtt, Ref, Template
from troposphere.ecr import EncryptionConfiguration, ImageScanningConfiguration, Repository

from generator.model import names
from generator.model.environment import Environment
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, wired


def registry(environment: Environment) -> Template:
    """One repository, without a lifecycle policy: a rollback may want any image."""
    template = Template(Description=f"{environment.prefix}: image repository of the API")
    repository = template.add_resource(
        Repository(
            "ApiRepository",
            RepositoryName=names.repository(environment.prefix),
            ImageTagMutability=environment.registry.image_tag_mutability,
            ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=environment.registry.scan_on_push),
            EmptyOnDelete=environment.registry.empty_on_delete,
        )
    )
    # Changed for a repository that is there, it would have to be replaced, which its name forbids.
    if "images" in environment.hardening.customer_keys:
        repository.EncryptionConfiguration = EncryptionConfiguration(
            EncryptionType="KMS", KmsKey=wired(template, "OperationKeyArn")
        )
    give_out(
        template,
        ApiRepositoryName=Ref(repository),
        ApiRepositoryUri=GetAtt(repository, "RepositoryUri"),
        ApiRepositoryArn=GetAtt(repository, "Arn"),
    )
    return tagged(template, environment)
