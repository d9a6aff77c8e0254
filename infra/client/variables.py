"""The environment variables of a client; a server has no use for them, and lets them be."""

from collections.abc import Mapping

SERVER = "MODELYARD_SERVER"
API_KEY = "MODELYARD_API_KEY"
PROJECT = "MODELYARD_PROJECT"

MEANINGS: Mapping[str, str] = {
    SERVER: "The server that commands such as `deploy` talk to; default: http://127.0.0.1:8400.",
    API_KEY: "The API key that they send.",
    PROJECT: "The project that they work in; default: the key's only one.",
}
