"""ECR's layer API, which MiniStack answers without keeping a byte.

The layers go into the store of MiniStack's own registry (its `/v2/` routes), so that either way of pushing is seen by
either way of pulling. A download URL points at that registry on the emulator itself.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import ecr

_PART_BYTES = 10 * 1024 * 1024
# Uploads in progress; not part of the kept state, as an interrupted push starts again.
_uploads: dict[str, bytearray] = {}

Answer = Any


def _missing_repository(name: str) -> Answer | None:
    if name in ecr._repositories:
        return None
    return error_response_json("RepositoryNotFoundException", f"The repository with name '{name}' does not exist", 400)


def _initiate(data: dict[str, Any]) -> Answer:
    name = data.get("repositoryName", "")
    if error := _missing_repository(name):
        return error
    upload = new_uuid()
    _uploads[upload] = bytearray()
    return json_response({"uploadId": upload, "partSize": _PART_BYTES})


def _upload_part(data: dict[str, Any]) -> Answer:
    name, upload = data.get("repositoryName", ""), data.get("uploadId", "")
    if error := _missing_repository(name):
        return error
    kept = _uploads.get(upload)
    if kept is None:
        return error_response_json("UploadNotFoundException", f"The upload '{upload}' does not exist", 400)
    if int(data.get("partFirstByte", -1)) != len(kept):
        return error_response_json(
            "InvalidLayerPartException", f"Expected the part that starts at byte {len(kept)}", 400
        )
    kept += base64.b64decode(data["layerPartBlob"])
    return json_response({"repositoryName": name, "uploadId": upload, "lastByteReceived": len(kept) - 1})


def _complete(data: dict[str, Any]) -> Answer:
    name, upload = data.get("repositoryName", ""), data.get("uploadId", "")
    if error := _missing_repository(name):
        return error
    if upload not in _uploads:
        return error_response_json("UploadNotFoundException", f"The upload '{upload}' does not exist", 400)
    content = bytes(_uploads[upload])
    if not content:
        return error_response_json("EmptyUploadException", "The upload holds no bytes", 400)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    if data.get("layerDigests") != [digest]:
        return error_response_json(
            "InvalidLayerException", f"The bytes received have the digest {digest}, not the one given", 400
        )
    blobs = ecr._layer_blobs.setdefault(name, {})
    if digest in blobs:
        return error_response_json("LayerAlreadyExistsException", f"The layer {digest} already exists", 400)
    blobs[digest] = content
    del _uploads[upload]
    return json_response({"repositoryName": name, "uploadId": upload, "layerDigest": digest})


def _availability(data: dict[str, Any]) -> Answer:
    name = data.get("repositoryName", "")
    if error := _missing_repository(name):
        return error
    blobs = ecr._layer_blobs.get(name, {})
    layers = [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(blobs[digest])}
        for digest in data["layerDigests"]
        if digest in blobs
    ]
    missing = [
        {"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": "Not found"}
        for digest in data["layerDigests"]
        if digest not in blobs
    ]
    return json_response({"layers": layers, "failures": missing})


def _download_url(data: dict[str, Any]) -> Answer:
    name, digest = data.get("repositoryName", ""), data.get("layerDigest", "")
    if error := _missing_repository(name):
        return error
    if digest not in ecr._layer_blobs.get(name, {}):
        return error_response_json("LayersNotFoundException", f"The layer {digest} does not exist", 400)
    gateway = f"https://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    return json_response({"downloadUrl": f"{gateway}/v2/{name}/blobs/{digest}", "layerDigest": digest})


def install() -> None:
    """Replace MiniStack's placeholders."""
    ecr._initiate_layer_upload = _initiate
    ecr._upload_layer_part = _upload_part
    ecr._complete_layer_upload = _complete
    ecr._batch_check_layer_availability = _availability
    ecr._get_download_url_for_layer = _download_url
