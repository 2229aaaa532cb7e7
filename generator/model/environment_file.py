"""A settings file -> Environment, or every mistake in it with its line.

text -> syntax tree -> values with lines -> rules -> Environment. The tree is walked beside the dataclasses of
`generator.model.environment`: what is unknown, missing or of the wrong type is noted and the walk goes on. Single
values are evaluated as Python, so a file may compute them and name constants of its own.
"""

import ast
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from generator.model import environment as settings
from generator.model.environment import Environment
from generator.model.known import Known
from generator.model.problems import InvalidEnvironment, Problem, Where
from generator.model.rules import findings

VARIABLE: Final = "ENVIRONMENT"
FILLED_IN: Final = "locked"
"""The field that comes from the lock file."""

_ABSENT: Final = object()


def load_environment(path: Path, shown_as: str | None = None) -> Environment:
    """Read `generator/environments/<name>.py` and, where there is one, `<name>.lock.yaml` beside it.

    `shown_as` is the file's name in messages. Raises InvalidEnvironment with every mistake of both files.
    """
    file = shown_as or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({error.__class__.__name__})"
        raise InvalidEnvironment(
            [Problem(Where(file, 1), "", what, "name an environment of generator/environments")]
        ) from error
    reader = _Reader(file)
    environment = reader.environment(text, path.stem)
    locked = _locked(path.with_name(f"{path.stem}.lock.yaml"), reader)
    if reader.problems:
        raise InvalidEnvironment(reader.problems)
    assert isinstance(environment, Environment)  # noqa: S101 - whatever made it something else is a problem above
    return replace(environment, locked=locked)


class _Reader:
    """Walks a syntax tree beside the types that it should have; collects values, lines and problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.values: dict[str, Any] = {}
        self.lengths: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self.scope: dict[str, Any] = {}

    def environment(self, text: str, name: str) -> Any:
        try:
            module = ast.parse(text, self.file)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            self.wrong(line, "", f"not Python: {getattr(error, 'msg', error)}", "correct the line")
            return _ABSENT
        target, value = _assignment(module, VARIABLE)
        if value is None:
            self.wrong(1, "", f"{VARIABLE} is not set", f"add `{VARIABLE} = Environment(...)`")
            return _ABSENT
        self.run([node for node in module.body if node is not target])
        environment = self.read(value, Environment, "")
        for finding in findings(Known(self.values, self.lengths)):
            value = self.values.get(finding.setting)
            self.wrong(self.line(finding.setting), finding.setting, finding.what, finding.next_step, value)
        if self.values.get("name", name) != name:
            self.wrong(
                self.line("name"),
                "name",
                "not the file's name",
                f"call it {name!r}, or rename the file",
                self.values["name"],
            )
        return environment

    def run(self, statements: list[ast.stmt]) -> None:
        """Run imports and constants of the file, which is ours as much as this module is."""
        self.scope.update(vars(settings))  # so that a wrong import does not make every setting unknown as well
        for statement in statements:
            try:
                exec(compile(ast.Module([statement], []), self.file, "exec"), self.scope)  # noqa: S102
            except Exception as error:  # whatever the file raises is its author's to see
                self.wrong(statement.lineno, "", f"{type(error).__name__}: {error}", "correct the statement")

    def read(self, node: ast.expr, hint: Any, path: str) -> Any:
        """The value of an expression that should be of type `hint`; `_ABSENT` if it has a problem."""
        self.lines[path] = node.lineno
        hint = self.chosen(node, hint)
        if is_dataclass(hint) and isinstance(node, ast.Call) and self.names(node.func, hint):
            return self.section(node, hint, path)
        items = _items_of(hint)
        if is_dataclass(items) and isinstance(node, ast.Tuple):
            self.lengths[path] = len(node.elts)
            values = [self.read(item, items, f"{path}[{index}]") for index, item in enumerate(node.elts)]
            return _ABSENT if any(value is _ABSENT for value in values) else tuple(values)
        try:
            value = eval(compile(ast.Expression(node), self.file, "eval"), self.scope)  # noqa: S307 - see run()
        except Exception as error:  # as in run()
            self.wrong(node.lineno, path, f"{type(error).__name__}: {error}", "correct the expression")
            return _ABSENT
        if not _fits(value, hint):
            self.wrong(node.lineno, path, f"not {_words(hint)}", f"give {_words(hint)}", value)
            return _ABSENT
        self.note(path, value, node.lineno)
        return value

    def chosen(self, node: ast.expr, hint: Any) -> Any:
        """`Section` of `Section | None` where the expression is one, so that its own settings get their lines."""
        if get_origin(hint) is UnionType and isinstance(node, ast.Call):
            return next((one for one in get_args(hint) if self.names(node.func, one)), hint)
        return hint

    def names(self, node: ast.expr, section: Any) -> bool:
        return isinstance(node, ast.Name) and self.scope.get(node.id) is section

    def section(self, call: ast.Call, section: Any, path: str) -> Any:
        """Read `Section(setting=..., ...)`."""
        hints = {name: hint for name, hint in get_type_hints(section).items() if name != FILLED_IN}
        read: dict[str, Any] = {}
        for argument in call.args:
            self.wrong(argument.lineno, path, "a value without a name", "write setting=value")
        for keyword in call.keywords:
            line = keyword.value.lineno
            if keyword.arg is None:
                self.wrong(line, path, "`**` hides which settings are given", "write each setting by its name")
            elif keyword.arg not in hints:
                self.wrong(line, _below(path, keyword.arg), "no such setting", _nearest(keyword.arg, hints))
                read[keyword.arg] = _ABSENT
            else:
                read[keyword.arg] = self.read(keyword.value, hints[keyword.arg], _below(path, keyword.arg))
        for field in fields(section):
            if field.name in read or field.name == FILLED_IN:
                continue
            if field.default is MISSING and field.default_factory is MISSING:
                self.wrong(
                    call.lineno, _below(path, field.name), "missing", f"add {field.name}={_words(hints[field.name])}"
                )
                read[field.name] = _ABSENT
            else:
                self.note(_below(path, field.name), field.default, call.lineno)
        return _ABSENT if any(value is _ABSENT for value in read.values()) or call.args else section(**read)

    def note(self, path: str, value: Any, line: int) -> None:
        """Remember a value and, of a section made by an expression, each of its settings."""
        self.lines[path] = line
        if is_dataclass(value):
            for field in fields(value):
                self.note(_below(path, field.name), getattr(value, field.name), line)
        elif isinstance(value, tuple) and value and all(is_dataclass(item) for item in value):
            self.lengths[path] = len(value)
            for index, item in enumerate(value):
                self.note(f"{path}[{index}]", item, line)
        else:
            self.values[path] = value

    def line(self, path: str) -> int:
        return self.lines.get(path, self.lines.get("", 1))

    def wrong(self, line: int, setting: str, what: str, next_step: str, value: Any = None) -> None:
        self.problems.append(Problem(Where(self.file, line), setting, what, next_step, value))


def _assignment(module: ast.Module, variable: str) -> tuple[ast.stmt | None, ast.expr | None]:
    """The statement that sets a variable of the module, and what it sets it to."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == variable:
                return node, value
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if name == variable:
                return node, value
    return None, None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _items_of(hint: Any) -> Any:
    """`X` of `tuple[X, ...]`, else None."""
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type, from the small vocabulary that settings use."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, _items_of(hint)) for item in value)
    if get_origin(hint) is UnionType:
        return any(_fits(value, one) for one in get_args(hint))
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    """A type in words."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(value) for value in get_args(hint))
    if get_origin(hint) is tuple:
        item = _words(_items_of(hint)).removeprefix("a ")
        return (
            f"a tuple such as ({item}, {item})"
            if is_dataclass(_items_of(hint))
            else f"a tuple of {item}s, (x,) for one"
        )
    if get_origin(hint) is UnionType:
        return " or ".join(_words(one) for one in get_args(hint))
    if is_dataclass(hint):
        return f"{getattr(hint, '__name__', hint)}(...)"
    return {str: "a text", int: "a whole number", bool: "a True or False", NoneType: "None"}.get(hint, str(hint))


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"the settings are {', '.join(known)}"


def _locked(path: Path, reader: _Reader) -> Mapping[str, str]:
    """The lock file: one mapping of template parameters to texts."""
    if not path.exists():
        return MappingProxyType({})
    from generator.model.yaml_source import InvalidYaml, read  # most environments have no lock file to parse

    file = str(Path(reader.file).with_name(path.name))
    try:
        source = read(path.read_text(encoding="utf-8"), file)
    except InvalidYaml as error:
        reader.problems.append(Problem(Where(file, error.line), "", error.problem, "resolve it again"))
        return MappingProxyType({})
    data = source.data if isinstance(source.data, dict) else {}
    if source.data is not None and not isinstance(source.data, dict):
        reader.problems.append(Problem(Where(file, 1), "", "not a mapping of parameters", "resolve it again"))
    for name, value in data.items():
        where = Where(file, source.lines.get((name,), 1))
        if not settings.lockable(str(name)):
            next_step = _nearest(str(name), settings.LOCKABLE)
            reader.problems.append(Problem(where, str(name), "no such parameter", next_step))
        elif not isinstance(value, str) or not value:
            reader.problems.append(Problem(where, name, "not a text", "quote it, or remove the line", value))
    return MappingProxyType(dict(data))
