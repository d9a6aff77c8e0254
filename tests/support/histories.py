"""Random schemas whose elements came with several versions, for hypothesis, as SDL for `dated`."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "NEXT")
Age = int  # a place in VERSIONS
AGES = st.integers(0, len(VERSIONS) - 1)


@dataclass(frozen=True)
class Named:
    name: str
    age: Age


@st.composite
def histories(draw: st.DrawFn) -> str:
    """Every type has a field of Query that leads to it, of its own version; whatever refers to a type
    is as new as that or newer; `Stand` stands in for all members that are newer than a view."""
    enums = [Named(f"E{n}", draw(AGES)) for n in range(draw(st.integers(1, 3)))]
    inputs = [Named(f"N{n}", draw(AGES)) for n in range(draw(st.integers(1, 3)))]
    objects = [Named(f"O{n}", draw(AGES)) for n in range(draw(st.integers(1, 4)))]
    faces = [Named(f"I{n}", draw(AGES)) for n in range(draw(st.integers(0, 2)))]
    unions = [Named(f"U{n}", draw(AGES)) for n in range(draw(st.integers(0, 2)))]
    given = [*enums, *inputs, Named("Int", 0)]
    shown = [*enums, *objects, *faces, *unions, Named("Int", 0)]
    parts = [_enum(draw, each) for each in enums]
    parts += [_input(draw, each, given) for each in inputs]
    parts += [f"interface {each.name} {_mark(each.age)} {{ id: Int }}" for each in faces]
    members = " | ".join(["Stand", *(each.name for each in objects)])
    parts += [f"union {each.name} {_mark(each.age)} = {members}" for each in unions]
    parts.append(f"type Stand {_implements(faces)} {{ id: Int }}")
    for each in objects:
        mine = faces if draw(st.booleans()) else []
        parts.append(_object(draw, each, mine, unions, shown, given))
    parts.append(_query([*enums, *objects, *faces, *unions], inputs))
    return "\n".join(parts)


def _mark(age: Age, more: str = "") -> str:
    return f'@added(version: "{VERSIONS[age]}"{more})'


def _implements(faces: Sequence[Named]) -> str:
    return f"implements {' & '.join(each.name for each in faces)}" if faces else ""


def _enum(draw: st.DrawFn, enum: Named) -> str:
    values = [f"{enum.name}_0"]
    said = values[0]
    for number in range(1, draw(st.integers(1, 4))):
        before = draw(st.sampled_from(values))
        values.append(f"{enum.name}_{number}")
        said += f" {values[-1]} {_mark(draw(AGES), f', before: {chr(34)}{before}{chr(34)}')}"
    return f"enum {enum.name} {_mark(enum.age)} {{ {said} }}"


def _input(draw: st.DrawFn, input: Named, given: Sequence[Named]) -> str:
    fields = "first: Int"
    for number in range(draw(st.integers(0, 3))):
        type_ = draw(st.sampled_from(given))
        fields += f" f{number}: [{type_.name}] {_mark(max(draw(AGES), type_.age))}"
    return f"input {input.name} {_mark(input.age)} {{ {fields} }}"


def _object(
    draw: st.DrawFn,
    object: Named,
    faces: Sequence[Named],
    unions: Sequence[Named],
    shown: Sequence[Named],
    given: Sequence[Named],
) -> str:
    fields = "id: Int"
    for number in range(draw(st.integers(0, 3))):
        type_, taken = draw(st.sampled_from(shown)), draw(st.sampled_from(given))
        argument = f"(x: {taken.name} {_mark(max(draw(AGES), taken.age))})"
        fields += f" f{number}{argument}: [{type_.name}!] {_mark(max(draw(AGES), type_.age))}"
    joins = ", ".join(
        f'"{each.name} {VERSIONS[max(draw(AGES), each.age, object.age)]}"'
        for each in [*faces, *unions]
    )
    more = f', before: "Stand", joins: [{joins}]'
    return f"type {object.name} {_implements(faces)} {_mark(object.age, more)} {{ {fields} }}"


def _query(shown: Sequence[Named], inputs: Sequence[Named]) -> str:
    fields = [f"{each.name.lower()}: {each.name} {_mark(each.age)}" for each in shown]
    fields += [f"{each.name.lower()}(x: {each.name}): Int {_mark(each.age)}" for each in inputs]
    return f"type Query {{ stand: Stand {' '.join(fields)} }}"
