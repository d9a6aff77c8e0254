"""Pre-start actions, with the arguments that Backend.AI's model services know.

    write_file      filename, body (text, or a list of lines), mode "644", append false
    write_tempfile  body, mode "644", variable: the environment variable that holds its path from then on
    run_command     command (text for the shell, or a list), echo
    mkdir           path
    log             message, debug false

Paths are relative to the folder that the engine runs in. What commands write goes to the replica's log,
whatever `echo` says; a command that fails ends the replica.
"""

from collections.abc import Mapping
from typing import Any

from domain.definitions.definition import PreStartAction

TEXTS = (str, list)
ARGUMENTS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "write_file": {"filename": (str,), "body": TEXTS, "mode": (str, int), "append": (bool,)},
    "write_tempfile": {"body": TEXTS, "mode": (str, int), "variable": (str,)},
    "run_command": {"command": TEXTS, "echo": (bool,)},
    "mkdir": {"path": (str,)},
    "log": {"message": (str,), "debug": (bool,)},
}
NEEDED = frozenset({"filename", "body", "command", "path", "message"})
PLAIN_MODE = 0o644


def title(action: PreStartAction, number: int, of: int) -> str:
    return f"pre-start action {number} of {of}, {action.action}"


def wrong(action: PreStartAction) -> str | None:
    """What is wrong with its arguments."""
    known = ARGUMENTS[action.action]
    for name, value in action.args.items():
        if name not in known:
            return f"there is no argument {name!r}, only {', '.join(known)}"
        kinds = known[name]
        members = value if isinstance(value, list) else []
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if not fits or not all(isinstance(each, str | int | float) for each in members):
            return f"the argument {name!r} has the wrong type"
    missing = [name for name in known if name in NEEDED and not action.args.get(name)]
    if missing:
        return f"the argument {missing[0]!r} is missing"
    return None if "mode" not in action.args or _mode(action.args) else "mode is octal, as 644"


def body(action: PreStartAction) -> str:
    """What is written to the file; a list is its lines."""
    written = action.args["body"]
    return written if isinstance(written, str) else "".join(f"{line}\n" for line in written)


def mode(action: PreStartAction) -> int:
    return _mode(action.args) or PLAIN_MODE


def _mode(args: Mapping[str, Any]) -> int | None:
    try:
        mode = int(str(args.get("mode", "644")).removeprefix("0o"), 8)
    except ValueError:
        return None
    return mode if 0 < mode <= 0o7777 else None
