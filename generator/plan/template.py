"""One template's data and its stack's parameters -> a canonical Template, and what is dangling in it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from generator.model.manifest import Manifest, StackManifest
from generator.model.wiring import Wire
from generator.model.yaml_source import Path, Source
from generator.plan.canonical import NOTHING, SUBSTITUTION, Scope, conditions, secret
from generator.plan.tree import Att, Call, Resource, Template

_SNAPSHOT_BY_DEFAULT = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html (2026-11-23):
DB clusters, and instances outside one."""
_ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy")
_PSEUDO_PREFIX = "AWS::"


def template(stack: StackManifest, manifest: Manifest, source: Source, size: int) -> tuple[Template, tuple[str, ...]]:
    """Put a template into canonical form. `size`: bytes of its text. Also returns its mistakes, with `file:line`."""
    data = source.data
    if not isinstance(data, dict) or not isinstance(data.get("Resources"), dict):
        where = source.where(())
        return Template(stack.name, {}, {}, {}, {}, size, source), (f"{where}: a template needs a mapping `Resources`",)
    parameters = _section(data, "Parameters")
    literals, bindings = _values(parameters, stack)
    pseudo = _pseudo(manifest)
    mappings = _section(data, "Mappings")
    decided = conditions(_section(data, "Conditions"), Scope(literals, mappings, pseudo))
    scope = Scope(literals, mappings, pseudo, decided)
    resources: dict[str, Resource] = {}
    mistakes: list[str] = []
    for name, raw in data["Resources"].items():
        if name.startswith("Fn::"):
            resources[name] = Resource(name, "Fn::ForEach", {"Loop": scope.value(raw)})
        elif not isinstance(raw, dict) or not isinstance(raw.get("Type"), str):
            mistakes.append(f"{source.where(('Resources', name))}: resource {name!r} has no `Type`")
        elif decided.get(raw.get("Condition", ""), True) is not False:
            resources[name] = _resource(name, raw, scope)
    outputs, exports = _outputs(_section(data, "Outputs"), scope)
    if "Transform" not in data:  # a macro may add what is referred to
        mistakes += _dangling(data, source)
    return (
        Template(
            stack=stack.name,
            parameters=MappingProxyType(parameters),
            conditions=MappingProxyType(decided),
            resources=MappingProxyType(resources),
            outputs=MappingProxyType(outputs),
            size=size,
            source=source,
            exports=MappingProxyType(exports),
            bindings=MappingProxyType(bindings),
        ),
        tuple(mistakes),
    )


def _section(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _pseudo(manifest: Manifest) -> dict[str, str]:
    china, gov = manifest.region.startswith("cn-"), manifest.region.startswith("us-gov-")
    known = {
        "AWS::Region": manifest.region,
        "AWS::Partition": "aws-cn" if china else "aws-us-gov" if gov else "aws",
        "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
    }
    if manifest.account.isdecimal():
        known["AWS::AccountId"] = manifest.account
    return known


def _values(parameters: Mapping[str, Any], stack: StackManifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters whose value is known now, and what stands for the others."""
    literals: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for name, declared in parameters.items():
        declared = declared if isinstance(declared, dict) else {}
        kind = str(declared.get("Type", "String"))
        value = stack.parameters.get(name, declared.get("Default"))
        if isinstance(value, Wire):
            bindings[name] = Att(value.stack, f"Outputs.{value.output}")
        elif value is None:
            continue
        elif kind.startswith("AWS::SSM::Parameter::Value"):
            bindings[name] = Call("Ssm", str(value))  # the parameter's content, not its name
        elif str(declared.get("NoEcho", "")).lower() == "true":
            literals[name] = secret(value)
        elif kind == "CommaDelimitedList" or kind.startswith("List<"):
            literals[name] = [part.strip() for part in str(value).split(",")] if value != "" else []
        else:
            literals[name] = value if isinstance(value, str | bool | int | float) else str(value)
    return literals, bindings


def _resource(name: str, raw: Mapping[str, Any], scope: Scope) -> Resource:
    kind = raw["Type"]
    given = scope.value(raw.get("Properties") or {})
    properties = given if isinstance(given, dict) else {"Fn::Transform": given}
    snapshot = kind in _SNAPSHOT_BY_DEFAULT and "DBClusterIdentifier" not in properties
    needs = raw.get("DependsOn", ())
    condition = raw.get("Condition")
    return Resource(
        id=name,
        type=kind,
        properties=MappingProxyType(properties),
        deletion_policy=_policy(raw, "DeletionPolicy", scope, "Snapshot" if snapshot else "Delete"),
        update_replace_policy=_policy(raw, "UpdateReplacePolicy", scope, "Delete"),
        depends_on=(needs,) if isinstance(needs, str) else tuple(sorted(map(str, needs))),
        condition=condition if isinstance(condition, str) and not _decided(scope, condition) else None,
        attributes={key: scope.value(raw[key]) for key in _ATTRIBUTES if key in raw},
    )


def _decided(scope: Scope, condition: str) -> bool:
    return isinstance(scope.conditions.get(condition), bool)


def _policy(raw: Mapping[str, Any], key: str, scope: Scope, default: str) -> str:
    """A policy. One that only CloudFormation can resolve counts as the gravest."""
    value = scope.value(raw.get(key, default))
    return value if isinstance(value, str) else "Delete"


def _outputs(raw: Mapping[str, Any], scope: Scope) -> tuple[dict[str, Any], dict[str, Any]]:
    values: dict[str, Any] = {}
    exports: dict[str, Any] = {}
    for name, output in raw.items():
        if not isinstance(output, dict) or scope.conditions.get(str(output.get("Condition"))) is False:
            continue
        value = scope.value(output.get("Value"))
        values[name] = "" if value is NOTHING else value
        if isinstance(output.get("Export"), dict):
            exports[name] = scope.value(output["Export"].get("Name"))
    return values, exports


def _dangling(data: Mapping[str, Any], source: Source) -> Iterator[str]:
    """References to what the template does not have."""
    resources, parameters = data["Resources"], _section(data, "Parameters")
    if any(name.startswith("Fn::") for name in resources):
        return  # a loop makes resources whose names are not written
    names = {*resources, *parameters}
    conditions_, mappings = _section(data, "Conditions"), _section(data, "Mappings")
    modules = tuple(name for name, raw in resources.items() if str(raw.get("Type", "")).endswith("::MODULE"))

    def known(name: str, among: Any) -> bool:
        return name in among or name.startswith((_PSEUDO_PREFIX, *modules))

    for kind, name, path in _uses(data):
        match kind:
            case "Ref" | "Fn::Sub" if not known(name, names):
                yield f"{source.where(path)}: {kind} of {name!r}, which is neither a parameter nor a resource"
            case "Fn::GetAtt" | "DependsOn" if not known(name, resources):
                yield f"{source.where(path)}: {kind} of {name!r}, which is no resource of this template"
            case "Condition" if name not in conditions_:
                yield f"{source.where(path)}: condition {name!r} is not declared"
            case "Fn::FindInMap" if name not in mappings:
                yield f"{source.where(path)}: mapping {name!r} is not declared"


def _uses(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Path]]:
    """Each use of a name: the kind of use, the name, and where it stands."""
    for name, raw in data["Resources"].items():
        if not isinstance(raw, dict):
            continue
        here = ("Resources", name)
        needs = raw.get("DependsOn", ())
        for need in (needs,) if isinstance(needs, str) else needs:
            yield "DependsOn", str(need), (*here, "DependsOn")
        if isinstance(raw.get("Condition"), str):
            yield "Condition", raw["Condition"], (*here, "Condition")
        for key in ("Properties", *_ATTRIBUTES, "DeletionPolicy", "UpdateReplacePolicy"):
            if key in raw:
                yield from _walk(raw[key], (*here, key))
    for name, output in _section(data, "Outputs").items():
        if isinstance(output, dict):
            if isinstance(output.get("Condition"), str):
                yield "Condition", output["Condition"], ("Outputs", name, "Condition")
            for key in ("Value", "Export"):
                yield from _walk(output.get(key), ("Outputs", name, key))
    for name, expression in _section(data, "Conditions").items():
        yield from _walk(expression, ("Conditions", name), inside_conditions=True)


def _walk(value: Any, path: Path, *, inside_conditions: bool = False) -> Iterator[tuple[str, str, Path]]:
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref" and isinstance(argument, str):
                yield "Ref", argument, path
                return
            if key == "Condition" and inside_conditions and isinstance(argument, str):
                yield "Condition", argument, path
                return
            if key.startswith("Fn::"):
                yield from _intrinsic(key, argument, path)
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _walk(item, (*path, key), inside_conditions=inside_conditions)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _walk(item, (*path, index), inside_conditions=inside_conditions)


def _intrinsic(key: str, argument: Any, path: Path) -> Iterator[tuple[str, str, Path]]:
    match key, argument:
        case "Fn::GetAtt", str():
            yield key, argument.split(".", 1)[0], (*path, key)
        case "Fn::GetAtt", [str() as resource, *_]:
            yield key, resource, (*path, key)
        case "Fn::Sub", str() | [str(), {}]:
            pattern, given = (argument, {}) if isinstance(argument, str) else argument
            for name in _variables(pattern):
                if name not in given:
                    yield ("Fn::GetAtt", name.split(".", 1)[0], path) if "." in name else (key, name, path)
        case "Fn::If", [str() as condition, *_]:
            yield "Condition", condition, path
        case "Fn::FindInMap", [str() as table, *_]:
            yield key, table, path


def _variables(pattern: str) -> Iterator[str]:
    for match in SUBSTITUTION.finditer(pattern):
        name = match[1].strip()
        if name and not name.startswith("!"):
            yield name
