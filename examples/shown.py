"""What the demo prints, and how."""

from typing import Any

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
Json = dict[str, Any]


def plain(text: str) -> None:
    console.print(text, markup=False)


def heading(text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def told(event: Json) -> None:
    """An event of the log: when, what, the fields of its type, by whom."""
    kind = event["__typename"]
    shown = ("__typename", "cursor", "at", "actor")
    rest = ", ".join(f"{k} {v}" for k, v in event.items() if k not in shown and v not in (None, ""))
    plain(f"  event {event['at'][11:23]} {kind} {f'({rest}) ' if rest else ''}by {event['actor']}")


def explained(payload: Json) -> None:
    """One line a value: what it is, the layer that set it, and what that layer hid."""
    for origin in payload["provenance"]:
        over = ", ".join(f"{s['layer']} {short(s['value'])}" for s in origin["shadowed"])
        line = f"{origin['pointer']} = {short(origin['value'])}"
        plain(f"{line:<66} {origin['layer']:<8} {'over ' + over if over else ''}".rstrip())
    command = payload["definitionDocument"]["models"][0]["service"]["start_command"]
    plain(f"It would run: {command}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 32 else f"{text[:31]}…"


def side(origin: Json | None) -> str:
    return f"{origin['value']!r} ({origin['layer']})" if origin else "nothing"
