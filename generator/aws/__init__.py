"""The only boto3 in generator/ besides publish/ and local/: sync's ports, implemented.

session          settings of every client, made in one place
cloudformation   Stacks
errors           ClientError -> our errors
"""
