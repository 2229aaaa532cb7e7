"""The ports that more than one stack must agree on."""

from typing import Final

API_PORT: Final = 8000
MODEL_SERVER_PORT: Final = 8080
