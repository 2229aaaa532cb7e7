"""What engineers edit: one module per environment, each with an `ENVIRONMENT`.

dev.py         the development environment, as specified
dev.lock.yaml  values that were resolved elsewhere and stay put until resolved again (AMI id, public key)
prod.release.yaml, where there is one: what `ecgctl promote` released to prod; without it an environment runs what its
               checkout holds
"""
