"""What a browser may do with the pages: the response-headers policy of the front end's behaviour.

Scripts come from files beside the pages, and from the pages themselves only where their hash is named. Whatever else a
page wants has to be listed here, so an injected script, frame or address finds itself refused.
docs/decisions/0006-page-scripts.md says where the hashes come from.
"""

from typing import Final

from troposphere import Sub, Template
from troposphere.cloudfront import (
    ContentSecurityPolicy,
    ContentTypeOptions,
    FrameOptions,
    ReferrerPolicy,
    ResponseHeadersPolicy,
    ResponseHeadersPolicyConfig,
    SecurityHeadersConfig,
    StrictTransportSecurity,
)

from generator.model.environment import Environment
from generator.parts.wiring import literal, wired_text

_YEAR_S: Final = 31_536_000

UPLOADS: Final = ("https://${VideoBucketName}.s3.amazonaws.com", "https://${VideoBucketRegionalDomainName}")
"""Where browsers send videos: presigned addresses of us-east-1 have the first form, of other regions the second."""

SIGN_IN: Final = "https://*.auth.${AWS::Region}.amazoncognito.com"
"""Where a code is traded for a token. *: the user pool is made after the distribution that it sends people back to."""

DIRECTIVES: Final = (
    ("default-src", ("'none'",)),
    ("script-src", ("'self'", "${PageScripts}")),
    ("style-src", ("'self'",)),
    ("img-src", ("'self'",)),
    ("media-src", ("'self'",)),
    ("font-src", ("'self'",)),
    ("connect-src", ("'self'", *UPLOADS, SIGN_IN)),
    ("base-uri", ("'none'",)),
    ("form-action", ("'none'",)),
    ("frame-ancestors", ("'none'",)),
)
"""The Content-Security-Policy, with the parameters that it takes."""


def content_security_policy() -> str:
    """The policy's text, parameters as `${Name}`."""
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in DIRECTIVES)


def page_headers(template: Template, environment: Environment) -> ResponseHeadersPolicy:
    """Add the policy to the template."""
    literal(template, "PageScripts", "Hashes of the scripts that stand in the pages, as sources of script-src")
    text: Sub = wired_text(template, content_security_policy())
    return template.add_resource(
        ResponseHeadersPolicy(
            "PageHeaders",
            ResponseHeadersPolicyConfig=ResponseHeadersPolicyConfig(
                Name=f"{environment.prefix}-page-headers",
                SecurityHeadersConfig=SecurityHeadersConfig(
                    ContentSecurityPolicy=ContentSecurityPolicy(ContentSecurityPolicy=text, Override=True),
                    ContentTypeOptions=ContentTypeOptions(Override=True),
                    FrameOptions=FrameOptions(FrameOption="DENY", Override=True),
                    ReferrerPolicy=ReferrerPolicy(ReferrerPolicy="same-origin", Override=True),
                    StrictTransportSecurity=StrictTransportSecurity(
                        AccessControlMaxAgeSec=_YEAR_S, IncludeSubdomains=False, Preload=False, Override=True
                    ),
                ),
            ),
        )
    )


def answer_headers(template: Template, environment: Environment) -> ResponseHeadersPolicy:
    """What the API's answers and the videos carry on a site of our own: the API's other headers are its own affair."""
    return template.add_resource(
        ResponseHeadersPolicy(
            "AnswerHeaders",
            ResponseHeadersPolicyConfig=ResponseHeadersPolicyConfig(
                Name=f"{environment.prefix}-answer-headers",
                SecurityHeadersConfig=SecurityHeadersConfig(
                    ContentTypeOptions=ContentTypeOptions(Override=True),
                    StrictTransportSecurity=StrictTransportSecurity(
                        AccessControlMaxAgeSec=_YEAR_S, IncludeSubdomains=False, Preload=False, Override=True
                    ),
                ),
            ),
        )
    )
