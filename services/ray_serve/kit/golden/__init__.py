"""Golden cases: inputs that an app carries in its package, and what must come out.

    apps/<app>/golden/<case>/input.mp4, expected.json
        cases         the folder -> cases, each with its expectations
        expectations  expectations and an outcome -> differences; pure
        proof         every case through an app's own `analyze` -> progress, then one report

    POST /<app>/golden             on the box, in the app's own replicas (`kit.ingress`)
    python -m kit.golden APP       at the workbench, in Ray's local testing mode (`__main__`)

The code path is that of a caller's request. Only the objects are others: `kit.storage.objects_of` reads a golden case's
video from the package, and keeps what is written in the request's own folder.
"""

from kit.golden.cases import Case, GoldenUnreadable, cases
from kit.golden.expectations import Difference, Expectations, compare
from kit.golden.proof import SCHEMA, Analyze, prove

__all__ = ["SCHEMA", "Analyze", "Case", "Difference", "Expectations", "GoldenUnreadable", "cases", "compare", "prove"]
