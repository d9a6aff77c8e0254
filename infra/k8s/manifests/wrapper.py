"""Pre-start actions in a container: a shell does them there, and then becomes the engine.

They are done in the engine's own container, as what an init container writes outside of volumes is gone
when it ends. The script is made of fixed pieces; what people wrote (names, texts, commands) are its
arguments, so that nothing of it is ever read as a script. In each piece they are "$1", "$2", …; then they
are shifted away, and what is left at the end is the engine's command.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.definitions import actions as meaning
from domain.definitions.definition import PreStartAction
from domain.definitions.environment import NAME
from domain.deployments.reason import Reason
from infra.k8s.manifests.refusal import CantStart

SHELL = "/bin/sh"
FAILED = 86  # the exit code of a container whose actions failed
PIECE = 24 * 1024  # characters of a text in one argument: Linux takes no argument over 128 KiB
MOST_ARGUMENTS = 4_096

BEGIN = f"""\
modelyard_failed() {{
  printf 'modelyard: %s\\n' "$modelyard_at: $1"
  if [ -w /dev/termination-log ]; then printf '%s.' "$modelyard_at: $1" >/dev/termination-log; fi
  exit {FAILED}
}}
modelyard_folder=${{TMPDIR:-/tmp}}
"""
AT = """\
modelyard_at=$1
shift
printf 'modelyard: %s\\n' "$modelyard_at"
"""
LOG = """\
printf 'modelyard: %s\\n' "$1"
shift
"""
MKDIR = """\
mkdir -p -- "$1" || modelyard_failed "the folder can't be made"
shift
"""
RUN = """\
(exec {words}) </dev/null || modelyard_failed "it ended with exit code $?"
shift {count}
"""
FILE = """\
modelyard_file=$1
shift
"""
TEMPORARY = """\
mkdir -p -- "$modelyard_folder"
modelyard_file=$modelyard_folder/modelyard-$$-{number}
rm -f -- "$modelyard_file"
"""
EMPTIED = """\
printf '' >"$modelyard_file" || modelyard_failed "$modelyard_file can't be written"
"""
PRINTED = """\
printf '%s' "$1" >>"$modelyard_file" || modelyard_failed "$modelyard_file can't be written"
shift
"""
MODE = """\
chmod -- {mode:o} "$modelyard_file" || modelyard_failed "the mode of $modelyard_file can't be set"
"""
NAMED = """\
printf 'modelyard: wrote %s\\n' "$modelyard_file"
"""
VARIABLE = """\
export {name}="$modelyard_file"
"""
BECOME = """\
unset modelyard_at modelyard_file modelyard_folder
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of the script, and the arguments that it takes."""

    script: str
    arguments: tuple[str, ...] = ()


def wrapped(
    model: str,
    actions: Sequence[PreStartAction],
    argv: Sequence[str] | None,
    shell: str | None,
    *,
    folder: str | None,
    sealed: str | None,
) -> list[str]:
    """The argv that does them and becomes `argv`. `folder` is the one that the engine runs in (None: the
    image's), `sealed` one that can't be written to. Raises CantStart."""
    if argv is None:
        says = (
            f"{model}: its pre-start actions can't be done before the image's own command, which is not "
            "known: give a start command, or have the actions be done in the image."
        )
        raise CantStart(Reason.START_FAILED, says)
    steps = [Step(BEGIN)]
    for number, action in enumerate(actions, 1):
        title = meaning.title(action, number, len(actions))
        problem = meaning.wrong(action) or _impossible(action, folder, sealed)
        if problem:
            raise CantStart(Reason.PRE_START_FAILED, f"{model}: {title}: {problem}.")
        steps += [Step(AT, (title,)), *STEPS[action.action](action, number, shell or SHELL)]
    steps.append(Step(BECOME))
    arguments = [argument for step in steps for argument in step.arguments]
    if len(arguments) > MOST_ARGUMENTS:
        says = f"{model}: its pre-start actions are too long: put their files into the image."
        raise CantStart(Reason.PRE_START_FAILED, says)
    script = "".join(step.script for step in steps)
    return [SHELL, "-c", script, "modelyard", *arguments, *argv]


def _impossible(action: PreStartAction, folder: str | None, sealed: str | None) -> str | None:
    args = action.args
    if "variable" in args and not NAME.fullmatch(args["variable"]):
        return f"{args['variable']!r} is no name of a variable"
    if action.action == "write_file" and folder and sealed:
        path = posixpath.normpath(posixpath.join(folder, args["filename"]))
        if path.startswith(sealed.rstrip("/") + "/"):
            return f"{path} is in the model folder, which pods only read: write it to /tmp"
    return None


def _log(action: PreStartAction, number: int, shell: str) -> list[Step]:
    return [Step(LOG, (action.args["message"],))]


def _mkdir(action: PreStartAction, number: int, shell: str) -> list[Step]:
    return [Step(MKDIR, (action.args["path"],))]


def _run(action: PreStartAction, number: int, shell: str) -> list[Step]:
    command = action.args["command"]
    argv = [shell, "-c", command] if isinstance(command, str) else [str(word) for word in command]
    words = " ".join(f'"${{{place}}}"' for place in range(1, len(argv) + 1))
    return [Step(RUN.format(words=words, count=len(argv)), tuple(argv))]


def _write_file(action: PreStartAction, number: int, shell: str) -> list[Step]:
    filename = action.args["filename"]
    parent = posixpath.dirname(filename)
    steps = [Step(MKDIR, (parent,))] if parent else []
    steps.append(Step(FILE, (filename,)))
    if not action.args.get("append"):
        steps.append(Step(EMPTIED))
    return [*steps, *_printed(action)]


def _write_tempfile(action: PreStartAction, number: int, shell: str) -> list[Step]:
    temporary = Step(TEMPORARY.format(number=number))
    steps = [temporary, Step(EMPTIED), *_printed(action), Step(NAMED)]
    if "variable" in action.args:
        steps.append(Step(VARIABLE.format(name=action.args["variable"])))
    return steps


def _printed(action: PreStartAction) -> list[Step]:
    text = meaning.body(action)
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
    mode = Step(MODE.format(mode=meaning.mode(action)))
    return [*(Step(PRINTED, (piece,)) for piece in pieces), mode]


STEPS: Mapping[str, Callable[[PreStartAction, int, str], list[Step]]] = {
    "log": _log,
    "mkdir": _mkdir,
    "run_command": _run,
    "write_file": _write_file,
    "write_tempfile": _write_tempfile,
}
