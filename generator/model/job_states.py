"""The states of a video's job. They are those of services/api (`ecg_api.jobs`), which nothing here may import; a test
holds the two together."""

from typing import Final

STATES: Final = ("created", "uploading", "queued", "analysing", "done", "failed", "deleted")
