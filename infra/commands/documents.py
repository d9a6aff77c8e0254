"""`modelyard documents`."""

from infra.output import say_json


def listed() -> None:
    """Print what this command line asks of a server, as a manifest for one that trusts no other."""
    from infra.client import every_document
    from infra.http.persisted import digest

    say_json({digest(text): text for text in every_document.texts()})
