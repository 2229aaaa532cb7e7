"""What Ray itself says of an app: is its configuration valid, does its code import, which deployments does it build?

Run in .venv-serve inside an unpacked package, by `generator.workbench.offline`:
    app_facts.py < {"config": serve.yaml without x-ecg, "app": name}  ->  {"schema", "imports", "deployments"}
`schema` and `imports` are null, or what is wrong as text.
"""

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


def main() -> None:
    """Read the question, print the answer."""
    asked = json.load(sys.stdin)
    # Whatever the app prints when it is imported is not the answer.
    with contextlib.redirect_stdout(sys.stderr):
        answer = _answer(asked["config"], asked["app"])
    json.dump(answer, sys.stdout)


def _answer(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    from pydantic import ValidationError
    from ray.serve.schema import ServeDeploySchema

    answer: dict[str, Any] = {"schema": None, "imports": None, "deployments": []}
    try:
        ServeDeploySchema.model_validate(config)
    except ValidationError as error:
        answer["schema"] = "\n".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return answer
    (application,) = (one for one in config["applications"] if one["name"] == name)
    try:
        answer["deployments"] = _deployments(application)
    except BaseException:  # an app may even call sys.exit when it is imported
        answer["imports"] = traceback.format_exc(limit=-8)
    return answer


def _deployments(application: Mapping[str, Any]) -> list[str]:
    # Names of Ray's own, so the pinned version matters.
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
    from ray.serve._private.build_app import build_app

    module, _, builder = application["import_path"].partition(":")
    build = vars(importlib.import_module(module))[builder]
    app = call_user_app_builder_with_args_if_necessary(build, application["args"])
    return sorted(one.name for one in build_app(app, name=application["name"]).deployments)


if __name__ == "__main__":
    main()
