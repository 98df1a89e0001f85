"""
Which calls of AWS a Lambda handler can make, read from the code without running it.

From the handler every function, class and method is followed that its code names. A method of
another object is looked for by name in the classes that the handler makes, so the answer may hold
a call that never happens, and holds every call that does.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import botocore.session
from botocore import xform_name

SERVICES: Final = ("dynamodb", "ecr", "ecs", "inspector2", "lambda", "s3", "sns", "sqs", "ssm")
POWERTOOLS: Final = {
    "SecretsProvider": "secretsmanager:GetSecretValue",
    "SSMProvider": "ssm:GetParameter",
}
"""What the classes of Powertools call that take a client of ours."""
IMPLIED: Final = {
    "dynamodb:TransactWriteItems": (),
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
    "ecr:DescribeImageScanFindings": (
        "ecr:DescribeImageScanFindings",
        "inspector2:ListCoverage",
        "inspector2:ListFindings",
    ),
    # Without s3:ListBucket a missing key is "access denied":
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    "s3:GetObject": ("s3:GetObject", "s3:ListBucket"),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject", "s3:ListBucket"),
    "sqs:SendMessageBatch": ("sqs:SendMessage",),
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
}
"""The actions that a call asks for, where they are not the one of its name."""
WRITES: Final = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
"""What each part of a transaction asks for."""

APPLICATION: Final = ("App", "Adapters")
"""The class of the objects of a process, and its base."""
OBJECTS: Final = {
    **dict.fromkeys(("application", "app", "_adapters"), APPLICATION),
    **dict.fromkeys(("stores", "_stores"), ("Stores",)),
    "streams": ("StreamFlows",),
}
"""The classes whose methods make the objects of a process, by the names under which they stand."""
MAKERS: Final = frozenset(name for names in OBJECTS.values() for name in names)

Definition = ast.FunctionDef | ast.ClassDef | ast.expr
Place = tuple[str, str]
"""A module and a name in it."""


def operations() -> dict[str, str]:
    """Return the action of every method of a client, by the name of the method."""
    session = botocore.session.get_session()
    return {
        xform_name(operation): f"{service}:{operation}"
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }


def handlers(root: Path) -> tuple[str, ...]:
    """Return the names of all modules with a handler."""
    return tuple(
        sorted(
            path.stem
            for path in (root / "handlers").glob("*.py")
            if "handler" in dict(_defined(ast.parse(path.read_text("utf-8"))))
        )
    )


class Program:
    """The code of handlers and lib."""

    def __init__(self, root: Path) -> None:
        self.trees = {
            ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): (
                ast.parse(path.read_text("utf-8"))
            )
            for folder in ("handlers", "lib")
            for path in (root / folder).rglob("*.py")
        }
        self.definitions = {
            (module, name): node
            for module, tree in self.trees.items()
            for name, node in _defined(tree)
        }
        self.names = {module: self._names(module) for module in self.trees}
        self.operations = operations()
        self._actions: dict[str, set[str]] = {}

    def _names(self, module: str) -> dict[str, Place]:
        """Return what each name of a module stands for: its own definitions and its imports."""
        own = {name: (place, name) for place, name in self.definitions if place == module}
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    place = (below, "") if below in self.trees else (node.module, alias.name)
                    own[alias.asname or alias.name] = place
        return own

    def actions(self, module: str) -> set[str]:
        """Return the IAM actions of the calls that a handler module can make."""
        if module not in self._actions:
            self._actions[module] = Reach(self, module).actions
        return self._actions[module]


class Reach:
    """What can be reached from one handler."""

    def __init__(self, program: Program, module: str) -> None:
        self._program = program
        self._seen: set[tuple[str, ast.AST]] = set()
        self._classes: dict[Place, ast.ClassDef] = {}
        self._asked: defaultdict[str, set[str]] = defaultdict(set)
        """The attributes asked for of each maker, and under "" of any other object."""
        self.calls: set[str] = set()
        self._written: set[str] = set()
        self._follow((module, "handler"))

    @cached_property
    def actions(self) -> set[str]:
        """The IAM actions that the calls ask for."""
        asked = {action for call in self.calls for action in IMPLIED.get(call, (call,))}
        return asked | (self._written if "dynamodb:TransactWriteItems" in self.calls else set())

    def _follow(self, place: Place) -> None:
        node = self._program.definitions.get(place)
        if isinstance(node, ast.ClassDef):
            self._make(place, node)
        elif node is not None:
            self._read(place[0], node, owner=None)
        elif place[1] in POWERTOOLS:
            self.calls.add(POWERTOOLS[place[1]])

    def _make(self, place: Place, node: ast.ClassDef) -> None:
        if place in self._classes:
            return
        self._classes[place] = node
        for base in node.bases:
            self._read(place[0], base, owner=None)
        for name, member in _members(node).items():
            if name.startswith("__") or name in self._asked[_maker(node)]:
                self._read(place[0], member, owner=place)

    def _read(self, module: str, node: ast.AST, *, owner: Place | None) -> None:
        if (module, node) in self._seen:
            return
        self._seen.add((module, node))
        for part in ast.walk(node):
            match part:
                case ast.Call(
                    func=ast.Attribute(attr="get_paginator" | "generate_presigned_url"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    self.calls.add(self._program.operations[name])
                case ast.Attribute(value=value, attr=name):
                    self._ask(module, value, name, owner)
                case ast.Name(id=name) if place := self._program.names[module].get(name):
                    self._follow(place)
                case ast.Dict(keys=keys):
                    self._written |= {
                        WRITES[key.value]
                        for key in keys
                        if isinstance(key, ast.Constant) and key.value in WRITES
                    }

    def _ask(self, module: str, value: ast.expr, name: str, owner: Place | None) -> None:
        """Follow an attribute of a client, a module, this object or any other one."""
        if _name(value) in {"client", "_client", "_sqs"} and name in self._program.operations:
            self.calls.add(self._program.operations[name])
            return
        if isinstance(value, ast.Name):
            target = self._program.names[module].get(value.id, ("", ""))
            if target[1] == "" and target[0]:
                self._follow((target[0], name))
                return
            if value.id == "self" and owner is not None and owner[1] not in MAKERS:
                self._member(owner, name)
                return
        makers = _makers(value, owner)
        for maker in makers:
            self._asked[maker].add(name)
        for place, made in [*self._classes.items()]:
            if _maker(made) in makers:
                self._member(place, name)

    def _member(self, place: Place, name: str) -> None:
        node = self._program.definitions[place]
        assert isinstance(node, ast.ClassDef)
        member = _members(node).get(name)
        if member is not None:
            self._read(place[0], member, owner=place)


def _maker(node: ast.ClassDef) -> str:
    return node.name if node.name in MAKERS else ""


def _makers(value: ast.expr, owner: Place | None) -> tuple[str, ...]:
    """Return the makers that an expression may stand for; ("",) for any other object."""
    match value:
        case ast.Name(id="self") if owner is not None:
            return APPLICATION if owner[1] in APPLICATION else (owner[1],)
        # The store of that name, not the flows.
        case ast.Attribute(attr="streams", value=inner) if _name(inner) in {"stores", "_stores"}:
            return ("",)
    return OBJECTS.get(_name(value), ("",))


def _defined(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Yield what a module defines: functions, classes, and the values of constants."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value


@cache
def _members(node: ast.ClassDef) -> Mapping[str, ast.FunctionDef]:
    return {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}


def _name(value: ast.expr) -> str:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Name(id=name)):
            return name
    return ""
