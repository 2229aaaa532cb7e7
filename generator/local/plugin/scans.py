"""ECR's DescribeImageScanFindings, which MiniStack lacks.

Images are trees of files here, without an operating system, and ECR says of such that it cannot scan them. A test may
have it otherwise: an image whose tree holds `scan-findings.json` gets what stands there, `imageScanStatus` and
`imageScanFindings` in the API's own words.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from ministack import app
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

_ACTION = "AmazonEC2ContainerRegistry_V20150921.DescribeImageScanFindings"
_GIVEN = "scan-findings.json"
_UNSUPPORTED = {
    "imageScanStatus": {
        "status": "UNSUPPORTED_IMAGE",
        "description": "UnsupportedImageError: The operating system and/or package manager are not supported.",
    }
}

Answer = Any


def _given(repository: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """What the image's own tree says of its scan."""
    for layer in manifest.get("layers", ()):
        blob = ecr._layer_blobs.get(repository, {}).get(layer["digest"])
        if blob is None:
            continue
        with tarfile.open(fileobj=io.BytesIO(blob), mode="r:*") as tar:
            if _GIVEN in tar.getnames():
                content = tar.extractfile(_GIVEN)
                assert content is not None  # noqa: S101  a regular file, as the publisher packs it
                given: dict[str, Any] = json.load(content)
                return given
    return None


def _findings(data: dict[str, Any]) -> Answer:
    name, wanted = data.get("repositoryName", ""), data.get("imageId", {})
    if name not in ecr._repositories:
        said = f"The repository with name '{name}' does not exist"
        return error_response_json("RepositoryNotFoundException", said, 400)
    image = ecr._find_image(name, wanted)
    if image is None:
        return error_response_json("ImageNotFoundException", f"The image with imageId {wanted} does not exist", 400)
    scanned = _given(name, json.loads(image["imageManifest"])) or _UNSUPPORTED
    return json_response({"repositoryName": name, "imageId": image["imageId"], **scanned})


def install() -> None:
    """Answer the one call, and leave the others to MiniStack."""
    others = app.SERVICE_HANDLERS["ecr"]

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Answer:
        if headers.get("x-amz-target") == _ACTION:
            return _findings(json.loads(body))
        return await others(method, path, headers, body, query_params)

    app.SERVICE_HANDLERS["ecr"] = handle_request
