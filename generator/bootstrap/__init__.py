"""The one stack of an environment that an administrator applies by hand; everything else follows from it.

    GitHub ---token---> OIDC provider --> plan role     pull requests, and main on a schedule: reads settings
                                     '--> deploy role   main, through the GitHub environment, and nothing else
                                             | hands over
                                             v
                                          service role  what CloudFormation itself may do, for our stacks only
    state bucket    lease, ledger, deployed trees, large templates; kept when the stack is deleted
    boundary        the most that any role made by our stacks can ever do

permissions   what the service role needs, service by service
roles         who may take which role, and what they may do with it
boundary      the permissions boundary
state         the state bucket
template      Environment -> troposphere.Template

Pure, and apart from `stacks`: it is not in the manifest, because what applies the manifest cannot make its own rights.
Applying it is `generator.account`'s business.
"""
