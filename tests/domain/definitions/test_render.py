"""Placeholders, in every place where a command may have them."""

import json
import shlex
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.definitions import render
from domain.definitions.definition import Model, document, of
from domain.definitions.render import Values
from domain.errors import DefinitionError
from tests.support.definitions import a_model

PLAIN = Values(model_path="/models", port=8000, host="127.0.0.1", name="m")
ARGUMENTS = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))"]


def model(command: Any, **service: Any) -> Model:
    return of({"models": [a_model(start_command=command, **service)]}).models[0]


def values(text: str) -> Values:
    return Values(model_path=text, port=8000, host="127.0.0.1", name=text)


def test_every_placeholder_gets_its_value() -> None:
    command = "serve {model_path} {port} {host} {name}"
    assert render.command(model(command), PLAIN) == "serve /models 8000 127.0.0.1 m"


@pytest.mark.parametrize(
    "command",
    [
        "echo ${port} ${PORT}",
        "echo {{port}}",
        "echo {other} { port } {PORT} {} {a,b}",
        "echo '{{name}}' ${name:-x}",
    ],
)
def test_every_other_brace_is_left_alone(command: str) -> None:
    assert render.command(model(command), PLAIN) == command


def test_a_placeholder_next_to_another_brace_is_still_one() -> None:
    command = """run '{"port":{port}}' ${PORT:-{port}} {{port}} {{port},1}"""
    rendered = """run '{"port":8000}' ${PORT:-8000} {{port}} {8000,1}"""
    assert render.command(model(command), PLAIN) == rendered


def test_values_stand_verbatim_in_a_list() -> None:
    hostile = values('/it\'s; $(rm) "x"')
    command = ["serve", "{model_path}", "--name={name}", "{{port}}"]
    ready = render.argv(model(command), hostile)
    assert ready == ["serve", hostile.model_path, f"--name={hostile.name}", "{{port}}"]


def test_a_string_runs_in_its_shell_a_list_does_not() -> None:
    assert render.argv(model("serve {port}"), PLAIN) == ["/bin/bash", "-c", "serve 8000"]
    assert render.argv(model("a", shell="/bin/sh"), PLAIN) == ["/bin/sh", "-c", "a"]
    assert render.argv(model(["serve", "{port}"]), PLAIN) == ["serve", "8000"]


def test_a_string_without_a_shell_is_split_as_a_shell_would() -> None:
    ready = render.argv(model("serve '{port}' {model_path} a\\ b", shell=None), values("/my dir"))
    assert ready == ["serve", "8000", "/my dir", "a b"]


def test_the_images_own_command_stays() -> None:
    assert render.argv(model(None), PLAIN) is None
    assert render.command(model(None), PLAIN) is None
    bare = of({"models": [{"name": "m", "model_path": "/m"}]})
    assert render.rendered(bare) == bare
    assert render.argv(bare.models[0], PLAIN) is None


def test_the_document_shows_commands_with_the_definitions_own_values() -> None:
    command = "serve {model_path} {host} {port} {name}"
    definition = of({"models": [a_model("my m", start_command=command, port=81)]})
    shown = document(render.rendered(definition))["models"][0]["service"]
    assert shown["start_command"] == "serve /models 0.0.0.0 81 'my m'"
    assert document(definition)["models"][0]["service"]["start_command"] == command


def test_placeholders_are_rendered_in_the_start_command_alone() -> None:
    actions = [{"action": "log", "args": {"text": "{port}"}}]
    definition = of({"models": [a_model("{port}", pre_start_actions=actions, shell="/{port}")]})
    assert render.rendered(definition) == definition


@pytest.mark.parametrize(
    "command",
    [
        "serve '{model_path}'",
        'serve "{model_path}"',
        'serve "a{model_path}b"',
        "serve \\{model_path}",
        "serve $'\\'{model_path}'",
        "serve x # {model_path}",
        'serve "$(cat "{model_path}")"',
        'serve "`echo "{model_path}"`"',
        'serve "$(echo $(echo a) "{model_path}")"',
        'x="${Y:-{model_path}}"',
        "cat <<EOF\n{model_path}\nEOF",
        "cat <<-'EOF'\n\t{model_path}\n\tEOF\n",
    ],
)
def test_a_placeholder_in_quotes_is_refused_only_where_its_value_needs_quotes(command: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        render.command(model(command), values("/my dir"))
    assert refused.value.code == "PLACEHOLDER_IN_QUOTES"
    assert "drop the quotes" in refused.value.message
    ready = render.command(model(command), PLAIN)
    assert ready == command.replace("{model_path}", "/models")


@pytest.mark.parametrize(
    "command",
    [
        "serve 'a' {model_path}",
        'serve "a\\"b" {model_path}',
        'serve "it\'s" {model_path}',
        "serve $(echo {model_path})",
        'serve "$(echo {model_path})"',
        'serve "`echo {model_path}`"',
        "serve a#b {model_path}",
        "cat <<EOF\nx\nEOF\nserve {model_path}",
        "serve (a 'b') {model_path}",
        "x={model_path} serve",
        "cat <<< {model_path}",
    ],
)
def test_a_placeholder_outside_of_quotes_is_quoted(command: str) -> None:
    ready = render.command(model(command), values("/my dir"))
    assert ready == command.replace("{model_path}", "'/my dir'")


def test_without_a_shell_only_quotes_and_backslashes_count() -> None:
    split = model("serve # $( {model_path}", shell=None)
    assert render.argv(split, values("/my dir")) == ["serve", "#", "$(", "/my dir"]
    with pytest.raises(DefinitionError):
        render.argv(model('serve "{model_path}"', shell=None), values("/my dir"))


hostile_text = st.text(
    st.sampled_from("ab '\"\\$`;&|<>(){}[]*?~#!%=\n\té")
    | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(hostile_text)
def test_a_hostile_value_reaches_the_process_as_it_is_through_a_shell(text: str) -> None:
    command = shlex.join(ARGUMENTS) + " {model_path} --name={name} $(printf %s {port})"
    ready = render.argv(model(command, shell="/bin/sh"), values(text))
    assert ready is not None
    ran = subprocess.run(ready, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [text, f"--name={text}", "8000"]


@given(hostile_text)
def test_a_hostile_value_is_one_word_without_a_shell(text: str) -> None:
    ready = render.argv(model("serve {model_path} --name={name}", shell=None), values(text))
    assert ready == ["serve", text, f"--name={text}"]


@pytest.mark.parametrize(
    ("command", "fixed"),
    [
        ("serve --port {port}", False),
        ("serve --port $PORT", False),
        ("serve --port ${PORT}", False),
        ("serve --port ${PORT:-80}", False),
        (["serve", "--port={port}"], False),
        ("serve --port 80", True),
        ("serve $PORTS ${PORTS}", True),
        ("serve {{port}} ${port}", True),
        (["serve"], True),
        (None, True),
    ],
)
def test_a_command_that_names_no_port_has_a_fixed_one(command: Any, fixed: bool) -> None:
    service = model(command).service
    assert service is not None
    assert render.has_fixed_port(service.start_command) is fixed
