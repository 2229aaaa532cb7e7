"""What an administrator does with an account: the rim around `bootstrap`, `sync.teardown` and the lock file.

    lock            values that only the account knows -> generator/environments/<env>.lock.yaml
    bootstrapping   the bootstrap stack's template -> templates_out/bootstrap/<env>.yaml -> CloudFormation
    doctor          each prerequisite of a deployment: found, missing or unknown, and the command that mends it
    removal         an environment -> nothing but what is kept, listed by id

Calls go through `generator.aws`; what is decided here is pure and tested with fakes.
"""
