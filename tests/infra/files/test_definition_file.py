"""Definition files: what they say, and what is refused of them."""

import time
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from domain.definitions import drafts
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.ports import DefinitionParser
from domain.definitions.reading import Written
from domain.errors import DefinitionError
from infra.files import yaml
from infra.files.definition_file import DefinitionFileParser

MIB = 2**20
PARSER: DefinitionParser = DefinitionFileParser()


def read(text: str | bytes, file: str = "model-definition.yaml") -> Any:
    return PARSER.parse(file, text.encode() if isinstance(text, str) else text)


def refused(text: str | bytes, file: str = "model-definition.yaml") -> DefinitionError:
    with pytest.raises(DefinitionError) as raised:
        read(text, file)
    assert raised.value.layer is LayerKind.FOLDER
    assert not raised.value.retryable
    return raised.value


def test_plain_scalars_keep_their_text_and_quoted_ones_are_text() -> None:
    text = "a: 8080\nb: '8080'\nc: yes\nd: 2024-01-01\ne: [1.0, \"x\", null]\nf:\ng: |\n  l\n"
    assert read(text) == {
        "a": Written("8080"),
        "b": "8080",
        "c": Written("yes"),
        "d": Written("2024-01-01"),
        "e": [Written("1.0"), "x", Written("null")],
        "f": Written(""),
        "g": "l\n",
    }


def test_keys_are_text_as_written() -> None:
    assert read("on: 1\n8080: 2\n~: 3\n'q': 4\n") == {
        "on": Written("1"),
        "8080": Written("2"),
        "~": Written("3"),
        "q": Written("4"),
    }


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "\ufeff"]
)
def test_an_empty_file_is_an_empty_layer(text: str) -> None:
    assert read(text) == {}
    if "-" not in text:
        assert read(text, "model-definition.toml") == {}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read("\ufeffa: b") == {"a": Written("b")}


def test_windows_line_ends_are_line_ends() -> None:
    assert read("a: b\r\nc: d\r\n") == {"a": Written("b"), "c": Written("d")}
    assert read("a = 'b'\r\n", "m.toml") == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a:\n  b\n c: [", "line 3, column 3: "),
        ("a: [1\nb: 2\n", "line 2, column 2: "),
        ("a: b: c\n", "line 1, column 5: "),
        ("a: *nobody\n", "line 1, column 4: found undefined alias"),
        ("a: &a [*a]\n", "line 1, column 8: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: "),
        ("? [1]\n: 2\n", "line 1, column 3: a key has to be text"),
        ("<<: 5\n", "line 1, column 5: a merge key"),
        ("a: '\n", "line 2, column 1: "),
        ("\ta: b\n", "line 1, column 1: "),
    ],
)
def test_a_syntax_error_tells_its_line_and_column(text: str, at: str) -> None:
    error = refused(text)
    assert error.code == "DEFINITION_SYNTAX"
    assert error.message.startswith(at)


def test_control_characters_are_a_syntax_error() -> None:
    assert refused(b"a: \x00\n").code == "DEFINITION_SYNTAX"


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['x']",
        "a: !!python/name:os.system",
        "a: !!binary aGk=",
        "a: !!str 1",
        "a: !local {b: c}",
        "a: ! 1",
        "!e!x 1",
        "%TAG ! tag:x,2000:\n---\na: !y 1",
    ],
)
def test_every_tag_is_refused_with_its_place(text: str) -> None:
    error = refused(text)
    assert error.code == "DEFINITION_TAG_REFUSED"
    assert "tag" in error.message
    assert error.message.startswith("line ")


def test_the_tag_is_named() -> None:
    assert "'!!python/name:os.system'" in refused("a: !!python/name:os.system").message


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: "),
        ("x: {b: 1, 'b': 2}", "line 1, column 11: "),
        ("<<: {a: 1}\n<<: {b: 1}\n", "line 2, column 1: "),
    ],
)
def test_a_key_that_is_there_twice_is_refused(text: str, at: str) -> None:
    error = refused(text)
    assert error.code == "DEFINITION_DUPLICATE_KEY"
    assert error.message.startswith(at)


@pytest.mark.parametrize("text", ["- a\n", "text\n", "'text'\n", "5", "~", "null"])
def test_a_file_that_holds_no_mapping_is_refused(text: str) -> None:
    assert refused(text).code == "DEFINITION_NOT_A_MAPPING"


def test_a_file_over_one_mebibyte_is_too_large() -> None:
    assert refused(b"#" * (MIB + 1)).code == "DEFINITION_TOO_LARGE"
    assert read(b"#" * MIB) == {}


@pytest.mark.parametrize(
    "content", [b"a: \xff\n", "a: ü".encode("latin-1"), "a: b".encode("utf-16")]
)
@pytest.mark.parametrize("file", ["m.yaml", "m.toml"])
def test_what_is_not_utf_8_is_unreadable(content: bytes, file: str) -> None:
    assert refused(content, file).code == "DEFINITION_UNREADABLE"


def test_aliases_stand_for_what_they_name() -> None:
    assert read("a: &x {b: 1}\nc: *x\nd: [&y z, *y]\n") == {
        "a": {"b": Written("1")},
        "c": {"b": Written("1")},
        "d": [Written("z"), Written("z")],
    }


def test_merge_keys_give_what_the_mapping_does_not_say_itself() -> None:
    text = """
    x-one: &one {interval: 30, path: /one}
    x-two: &two {path: /two, enable: true}
    a: {path: /own, <<: [*one, *two]}
    b: {"<<": kept}
    """
    tree = read(text)
    assert tree["a"] == {
        "path": Written("/own"),
        "interval": Written("30"),
        "enable": Written("true"),
    }
    assert tree["b"] == {"<<": Written("kept")}


def bomb() -> bytes:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines).encode()


def merge_bomb() -> bytes:
    wide = ", ".join(f"k{i}: v" for i in range(5000))
    return (f"a: &a {{{wide}}}\n" + "".join(f"b{i}: {{<<: *a}}\n" for i in range(5000))).encode()


def text_bomb() -> bytes:
    return ("a: &a '" + "x" * 500_000 + "'\nb: [" + "*a, " * 1000 + "]\n").encode()


HOSTILE = {
    "lists.yaml": b"[" * MIB,
    "mappings.yaml": b"{a: " * (MIB // 4),
    "blocks.yaml": b"- " * (MIB // 2),
    "keys.yaml": b"? " * (MIB // 2),
    "many.yaml": b"- a\n" * (MIB // 4),
    "bomb.yaml": bomb(),
    "merges.yaml": merge_bomb(),
    "text.yaml": text_bomb(),
    "colons.yaml": b"a:" * (MIB // 2),
    "lists.toml": b"a=" + b"[" * (MIB - 2),
    "tables.toml": b"a=" + b"{a=" * (MIB // 4),
    "dots.toml": b"a." * (MIB // 2 - 2) + b"a=1",
    "header.toml": b"[" + b"a." * (MIB // 2 - 2) + b"a]",
    "quoted.toml": b'a = {b = """x"""", ' + b"c." * (MIB // 2 - 20) + b"c=1}",
    "keys.toml": b"".join(b"a.b.c.d.e.f.g.h.i.j.k.l.m.n.a%d=1\n" % i for i in range(MIB // 38)),
    "many.toml": b"a=[" + b"1," * (MIB // 2 - 3) + b"]",
    "digits.toml": b"a=" + b"1" * (MIB - 2),
    "quotes.toml": b'"""' * (MIB // 3),
}


@pytest.mark.parametrize("file", HOSTILE)
def test_a_hostile_file_is_refused_quickly(file: str) -> None:
    began = time.process_time()
    error = refused(HOSTILE[file], file)
    assert error.code in ("DEFINITION_UNREADABLE", "DEFINITION_SYNTAX")
    assert time.process_time() - began < 2


@pytest.mark.parametrize("file", ["bomb.yaml", "merges.yaml", "text.yaml"])
def test_what_aliases_stand_for_is_bounded(file: str) -> None:
    error = refused(HOSTILE[file], file)
    assert error.code == "DEFINITION_UNREADABLE"
    assert "aliases" in error.message


def test_nesting_is_bounded() -> None:
    assert read("a: " + "[" * 63 + "]" * 63)
    assert refused("a: " + "[" * 64 + "]" * 64).code == "DEFINITION_UNREADABLE"
    assert read("a=" + "[" * 64 + "]" * 64, "m.toml")
    assert refused("a=" + "[" * 65 + "]" * 65, "m.toml").code == "DEFINITION_UNREADABLE"


@pytest.mark.parametrize("loader", [yaml.LOADER, pyyaml.SafeLoader])
def test_both_of_pyyamls_parsers_read_alike(loader: Any) -> None:
    text = "x-a: &a {b: 1}\nc: [*a, 'q', \"\\u00e9\", v: w]\nd: {<<: *a}\ne:\nf: >-\n  g\n  h\n"
    assert yaml.parse(text, loader) == {
        "x-a": {"b": Written("1")},
        "c": [{"b": Written("1")}, "q", "é", {"v": Written("w")}],
        "d": {"b": Written("1")},
        "e": Written(""),
        "f": "g h",
    }
    for hostile, code in (
        ("[" * 100_000, "DEFINITION_UNREADABLE"),
        ("a: !!x 1", "DEFINITION_TAG_REFUSED"),
        ("a: !e!x 1", "DEFINITION_TAG_REFUSED"),
        ("a: [", "DEFINITION_SYNTAX"),
        ("a: \0", "DEFINITION_SYNTAX"),
    ):
        with pytest.raises(DefinitionError) as raised:
            yaml.parse(hostile, loader)
        assert raised.value.code == code


def test_toml_numbers_keep_their_text_and_times_are_text() -> None:
    text = """
    [[models]]
    name = "m"
    on = true
    version = 1.0
    big = 1_000.5
    port = 8_080
    when = 1979-05-27T07:32:00Z
    day = 1979-05-27
    hour = 07:32:00
    odd = [inf, -inf, nan, 1e3]
    literal = '''a"b'''
    """
    assert read(text, "model-definition.toml") == {
        "models": [
            {
                "name": "m",
                "on": True,
                "version": Written("1.0"),
                "big": Written("1000.5"),
                "port": Written("8080"),
                "when": "1979-05-27T07:32:00Z",
                "day": "1979-05-27",
                "hour": "07:32:00",
                "odd": [Written(".inf"), Written("-.inf"), Written(".nan"), Written("1e3")],
                "literal": 'a"b',
            }
        ]
    }


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("a = \n", "DEFINITION_SYNTAX", "line 1, column 5: "),
        ("a = 1\nb", "DEFINITION_SYNTAX", "line 2, column 2: "),
        ("a = 1979-13-41", "DEFINITION_SYNTAX", ""),
        ("a = 1\na = 2\n", "DEFINITION_DUPLICATE_KEY", "line 2, column 6: "),
        ("[a]\n[a]\n", "DEFINITION_DUPLICATE_KEY", "line 2, column 3: "),
        ("a = {b=1, b=2}\n", "DEFINITION_DUPLICATE_KEY", "line 1, "),
    ],
)
def test_toml_that_is_wrong_tells_its_line_and_column(text: str, code: str, at: str) -> None:
    error = refused(text, "m.toml")
    assert error.code == code
    assert error.message.startswith(at)


@given(
    st.binary(max_size=60)
    | st.text("ab:-[]{}&*!<>|#'\"\\ \n\t,?%=.0", max_size=60).map(str.encode),
    st.sampled_from(["m.yaml", "m.toml"]),
)
def test_any_bytes_are_read_or_refused(content: bytes, file: str) -> None:
    try:
        tree = PARSER.parse(file, content)
    except DefinitionError as error:
        codes = [error.code]
    else:
        codes = [
            error.code for error in drafts.read(Layer(kind=LayerKind.FOLDER, tree=tree)).errors
        ]
    assert all(code.isupper() for code in codes)
