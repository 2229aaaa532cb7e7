"""Who may sign in: a Cognito user pool, the page's client, the operators' group, the client that proves a release; and
the role that makes the service forget somebody.

Nothing of it is in the specification: health data must not be open to whoever finds the address.
"""

import awacs.cloudformation as cloudformation
import awacs.dynamodb as dynamodb
import awacs.s3 as s3
import awacs.sqs as sqs
from awacs.aws import Statement
from troposphere import GetAtt, Join, Ref, Sub, Template
from troposphere.cognito import (
    AccountRecoverySetting,
    AdminCreateUserConfig,
    PasswordPolicy,
    Policies,
    RecoveryOption,
    ResourceServerScopeType,
    TokenValidityUnits,
    UsernameConfiguration,
    UserPool,
    UserPoolAddOns,
    UserPoolClient,
    UserPoolDomain,
    UserPoolGroup,
    UserPoolResourceServer,
)
from troposphere.iam import Role

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow, inline, objects, trusts_account, use_keys
from generator.parts.tags import owner_tags, tagged
from generator.parts.unique import unique
from generator.parts.wiring import give_out, wired, wired_text

OPERATORS = "operator"
"""The group that the API takes for operators (`OIDC_OPERATOR_GROUP`)."""

API = "ecg"
SCOPE = "videos"


def identity(environment: Environment) -> Template:
    """A pool whose accounts an administrator makes, and two clients of it."""
    template = Template(Description=f"{environment.prefix}: sign-in")
    pool = _pool(template, environment)
    domain = template.add_resource(
        # Its name is taken or free in the whole region, hence the suffix.
        UserPoolDomain("UserPoolDomain", UserPoolId=Ref(pool), Domain=unique(environment, "sign-in"))
    )
    template.add_resource(
        UserPoolGroup(
            "OperatorGroup",
            UserPoolId=Ref(pool),
            GroupName=OPERATORS,
            Description="Sees how the environment does; sees nobody's videos",
        )
    )
    page = _page(template, environment, pool)
    proof = _proof(template, environment, pool)
    eraser = _eraser(template, environment)
    give_out(
        template,
        UserPoolId=Ref(pool),
        UserPoolDomainName=Ref(domain),
        UserPoolClientId=Ref(page),
        ProofClientId=Ref(proof),
        EraserRoleArn=GetAtt(eraser, "Arn"),
    )
    return tagged(template, environment)


def _pool(template: Template, environment: Environment) -> UserPool:
    settings = environment.identity
    return template.add_resource(
        UserPool(
            "UserPool",
            UserPoolName=f"{environment.prefix}-users",
            UserPoolTier="PLUS" if settings.threat_protection else "ESSENTIALS",
            UsernameAttributes=["email"],
            UsernameConfiguration=UsernameConfiguration(CaseSensitive=False),
            AutoVerifiedAttributes=["email"],
            AdminCreateUserConfig=AdminCreateUserConfig(AllowAdminCreateUserOnly=not settings.self_sign_up),
            Policies=Policies(
                PasswordPolicy=PasswordPolicy(
                    MinimumLength=settings.password_length,
                    RequireLowercase=True,
                    RequireUppercase=True,
                    RequireNumbers=True,
                    RequireSymbols=settings.password_symbols,
                    TemporaryPasswordValidityDays=7,
                )
            ),
            MfaConfiguration=settings.mfa,
            EnabledMfas=[] if settings.mfa == "OFF" else ["SOFTWARE_TOKEN_MFA"],
            AccountRecoverySetting=AccountRecoverySetting(
                RecoveryMechanisms=[RecoveryOption(Name="verified_email", Priority=1)]
            ),
            DeletionProtection="ACTIVE" if settings.deletion_protection else "INACTIVE",
            UserPoolTags=_as_map(environment),
            **(
                {"UserPoolAddOns": UserPoolAddOns(AdvancedSecurityMode="ENFORCED")}
                if settings.threat_protection
                else {}
            ),
            # Owners of videos are subjects of this pool: a new pool would leave every video without its owner.
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )


def _as_map(environment: Environment) -> dict[str, str]:
    """The environment's tags as this one type takes them."""
    return {tag["Key"]: tag["Value"] for tag in owner_tags(environment).to_dict()}


def _page(template: Template, environment: Environment, pool: UserPool) -> UserPoolClient:
    """The web page: no secret, the code flow, PKCE."""
    settings = environment.identity
    site = "https://${DistributionDomainName}"
    return template.add_resource(
        UserPoolClient(
            "PageClient",
            ClientName=f"{environment.prefix}-page",
            UserPoolId=Ref(pool),
            GenerateSecret=False,
            SupportedIdentityProviders=["COGNITO"],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["code"],
            AllowedOAuthScopes=["openid", "profile", "email"],
            CallbackURLs=[wired_text(template, f"{site}{path}") for path in settings.page_paths],
            LogoutURLs=[wired_text(template, f"{site}/")],
            # Tokens are renewed; there is no way in by password alone, past the sign-in page and its second factor.
            ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],
            PreventUserExistenceErrors="ENABLED",
            EnableTokenRevocation=True,
            AccessTokenValidity=60,
            IdTokenValidity=60,
            RefreshTokenValidity=settings.session_days,
            TokenValidityUnits=TokenValidityUnits(AccessToken="minutes", IdToken="minutes", RefreshToken="days"),
        )
    )


def _proof(template: Template, environment: Environment, pool: UserPool) -> UserPoolClient:
    """What `apply --proof` signs in as: an owner of its own, who can never see a person's videos.

    Its secret is Cognito's own and stands in no template; the deploy role reads it when it proves.
    """
    server = template.add_resource(
        UserPoolResourceServer(
            "ApiResourceServer",
            UserPoolId=Ref(pool),
            Identifier=API,
            Name=f"{environment.prefix}-api",
            Scopes=[ResourceServerScopeType(ScopeName=SCOPE, ScopeDescription="Videos of one's own")],
        )
    )
    return template.add_resource(
        UserPoolClient(
            "ProofClient",
            ClientName=f"{environment.prefix}-proof",
            UserPoolId=Ref(pool),
            GenerateSecret=True,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=[f"{API}/{SCOPE}"],
            ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],  # else Cognito would allow its three defaults
            PreventUserExistenceErrors="ENABLED",
            EnableTokenRevocation=True,
            AccessTokenValidity=60,
            TokenValidityUnits=TokenValidityUnits(AccessToken="minutes"),
            DependsOn=[server.title],
        )
    )


def _eraser(template: Template, environment: Environment) -> Role:
    """What `ecgctl erase` does: every version of an owner's files, the records, a line about it. It reads no file."""
    video, artifacts = wired(template, "VideoBucketArn"), wired(template, "ArtifactsBucketArn")
    stack = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack"
    return template.add_resource(
        Role(
            "EraserRole",
            RoleName=names.account_wide(environment, "eraser-role"),
            Description="Erases all videos of an owner; taken by whom the account lets take it",
            AssumeRolePolicyDocument=trusts_account(),
            Policies=[
                inline(
                    "erasing",
                    allow(
                        "FindTableAndBuckets",
                        [cloudformation.DescribeStacks],
                        # *: CloudFormation ends a stack's ARN in an id of its own
                        [Sub(f"{stack}/{environment.prefix}-{name}/*") for name in ("data", "storage")],
                    ),
                    allow("FindFiles", [s3.ListBucketVersions], [video]),
                    allow("EraseFiles", [s3.DeleteObject, s3.DeleteObjectVersion], [objects(video, "videos/")]),
                    allow("EraseRecords", [dynamodb.Query, dynamodb.DeleteItem], [wired(template, "JobsTableArn")]),
                    allow(
                        "EraseMessages",
                        [sqs.ReceiveMessage, sqs.DeleteMessage],
                        [wired(template, "JobsDeadLetterQueueArn")],
                    ),
                    allow("SaySo", [s3.PutObject], [Join("", [artifacts, "/audit/*"])]),  # *: a key says when
                    *_keys(template, environment),
                )
            ],
        )
    )


def _keys(template: Template, environment: Environment) -> list[Statement]:
    if "jobs" not in environment.hardening.customer_keys:
        return []
    return [use_keys(["dynamodb", "sqs"], [wired(template, "JobsKeyArn")])]
