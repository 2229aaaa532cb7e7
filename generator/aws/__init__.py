"""The only boto3 in generator/ besides publish/ and local/: sync's ports, implemented.

session          settings of every client, made in one place
cloudformation   Stacks
lease            LeaseStore: an object of S3 with conditional writes
ledger           LedgerStore: objects of S3 that are written once
errors           ClientError -> our errors
"""
