"""`modelyard settings`."""

from dataclasses import asdict

from infra.output import AsJson, say_json, say_table


def listed(as_json: AsJson = False) -> None:
    """List every setting with its type, default and meaning."""
    from infra import settings_listing

    rows = [asdict(each) for each in settings_listing.describe()]
    if as_json:
        say_json(rows)
    else:
        say_table(rows)
