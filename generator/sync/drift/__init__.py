"""Drift: what was changed behind CloudFormation's back, and the way back. Pure but for `revert`, which calls its ports.

reading    what CloudFormation found, stack by stack, and the port that asks it (`generator/aws/drift.py`)
ignoring   differences that the team has decided to live with, each with a reason, an owner and a last day
verdict    readings and rules -> EnvironmentDrift: what drifted, what is ignored, and what nobody looked at
revert     drift-aware change sets for what drifted, under the lease, recorded; self-heal is this on a schedule
proposal   the other answer: rules that accept what is live, for a pull request

Drift is not being out of sync: `status` compares Git with the template that a stack runs, drift compares that template
with the resources as they are.
"""
