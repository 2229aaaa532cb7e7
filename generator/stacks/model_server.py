"""The GPU box (GPU-*), or a fleet of them, and what it may do (IAM-3).

cloud-init runs user data once per instance, so new user data on an old box would do nothing. The launch template's
name therefore carries a fingerprint of whatever only the first boot reads: a change of it replaces the box, and the
diff shows it (docs/decisions/0002-user-data-replaces-the-box.md).
"""

import json
from hashlib import sha256

import awacs.logs as logs
import awacs.s3 as s3
from troposphere import Base64, GetAtt, Ref, Sub, Template
from troposphere.ec2 import (
    EBSBlockDevice,
    Instance,
    LaunchTemplate,
    LaunchTemplateBlockDeviceMapping,
    LaunchTemplateData,
    LaunchTemplateSpecification,
    TagSpecifications,
)
from troposphere.iam import InstanceProfile, Role
from troposphere.logs import LogGroup

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow, inline, objects, trusts
from generator.parts.tags import name_tag, owner_tags, tagged
from generator.parts.user_data import user_data
from generator.parts.wiring import give_out, literal, wired, wired_text
from generator.stacks.box_guards import box_guards
from generator.stacks.model_fleet import fleet

ROOT_DEVICE = "/dev/xvda"  # Amazon Linux's; another name would add a second volume and leave the root as it is


def model_server(environment: Environment) -> Template:
    """One instance in private subnet 1, from a launch template that holds its disk; or a fleet where it is set."""
    template = Template(Description=f"{environment.prefix}: GPU model server")
    role = _role(template, environment)
    profile = template.add_resource(
        InstanceProfile(
            "ModelServerInstanceProfile",
            InstanceProfileName=names.account_wide(environment, "model-server-role"),
            Roles=[Ref(role)],
        )
    )
    settings = environment.model_server
    if settings.fleet is not None:
        give_out(template, ModelServerRoleArn=GetAtt(role, "Arn"))
        return fleet(template, environment, settings.fleet, role, profile, _root_device(environment))
    launch = _launch_template(template, environment)
    instance = template.add_resource(
        Instance(
            "ModelServer",
            ImageId=literal(
                template,
                "ModelServerImageId",
                f"What {settings.image_parameter} resolved to",
                "AWS::EC2::Image::Id",
            ),
            # On the instance, not in the launch template: here a change stops and starts the box, there it replaces it.
            InstanceType=settings.instance_type,
            LaunchTemplate=LaunchTemplateSpecification(
                LaunchTemplateName=launch.LaunchTemplateName, Version=GetAtt(launch, "LatestVersionNumber")
            ),
            **({} if settings.key_name is None else {"KeyName": settings.key_name}),
            SubnetId=wired(template, "PrivateSubnet1Id"),
            SecurityGroupIds=[wired(template, "ModelServerSecurityGroupId")],
            IamInstanceProfile=Ref(profile),
            Monitoring=False,
            UserData=Base64(Sub(user_data(), Environment=environment.name)),
            PropagateTagsToVolumeOnCreation=True,
            Tags=name_tag(environment, "model-server"),
        )
    )
    give_out(
        template,
        ModelServerInstanceId=Ref(instance),
        ModelServerPrivateIp=GetAtt(instance, "PrivateIp"),
        ModelServerRoleArn=GetAtt(role, "Arn"),
    )
    return tagged(template, environment)


def _root_device(environment: Environment) -> LaunchTemplateBlockDeviceMapping:
    """The root volume. An instance's own block devices cannot state a throughput (GPU-3); a launch template's can."""
    volume = environment.model_server.root_volume
    return LaunchTemplateBlockDeviceMapping(
        DeviceName=ROOT_DEVICE,
        Ebs=EBSBlockDevice(
            VolumeType="gp3",
            VolumeSize=volume.size,
            Iops=volume.iops,
            Throughput=volume.throughput,
            Encrypted=volume.encrypted,  # without a key id: the AWS-managed key, which needs no grant (GPU-4)
            DeleteOnTermination=True,
        ),
    )


def _launch_template(template: Template, environment: Environment) -> LaunchTemplate:
    device = _root_device(environment)
    first_boot = sha256(json.dumps([user_data(), device.to_dict()], sort_keys=True).encode()).hexdigest()[:8]
    return template.add_resource(
        LaunchTemplate(
            "ModelServerLaunchTemplate",
            # The bucket's name is user data too, known at deploy time only.
            LaunchTemplateName=wired_text(
                template, f"{environment.prefix}-model-server-{first_boot}-${{ArtifactsBucketName}}"
            ),
            LaunchTemplateData=LaunchTemplateData(BlockDeviceMappings=[device]),
            TagSpecifications=[TagSpecifications(ResourceType="launch-template", Tags=owner_tags(environment))],
        )
    )


def _role(template: Template, environment: Environment) -> Role:
    """The box decodes videos from strangers: it reads and writes videos, and otherwise only what runs it."""
    log_group = template.add_resource(
        LogGroup(
            "ModelServerLogGroup",
            LogGroupName=names.log_group(environment.prefix, "ec2", "model-server"),
            RetentionInDays=environment.model_server.log_retention_days,
        )
    )
    video, artifacts = wired(template, "VideoBucketArn"), wired(template, "ArtifactsBucketArn")
    return template.add_resource(
        Role(
            "ModelServerRole",
            RoleName=names.account_wide(environment, "model-server-role"),
            AssumeRolePolicyDocument=trusts("ec2.amazonaws.com"),
            Policies=[
                inline(  # IAM-3, as written: no delete
                    "video-bucket",
                    allow("VideoBucket", [s3.GetObject, s3.PutObject, s3.ListBucket], [video, objects(video)]),
                ),
                inline(
                    "desired-state",
                    allow("ReadDesired", [s3.GetObject], [objects(artifacts, f"serve/{environment.name}/")]),
                    allow("WriteObserved", [s3.PutObject], [objects(artifacts, f"observed/{environment.name}/")]),
                ),
                inline(
                    "own-logs",
                    allow(
                        "WriteLogs",
                        [logs.CreateLogStream, logs.PutLogEvents],
                        [GetAtt(log_group, "Arn")],  # which ends in `:*`: each of its streams,
                    ),
                ),
                *box_guards(template, environment),
            ],
        )
    )
