"""What counts as a definition: the nodes of each tree-sitter grammar and the kind each maps to.

A language is one entry of GRAMMARS: the wheel that holds its grammar, extensions, the node types to look at and a
function that gives the name and kind of what such a node defines (nothing when it defines nothing, a local variable
for instance). `Found.name` is what the scanner should say, `Found.row` the line of the name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tree_sitter import Language, Node, Parser, Query, QueryCursor

CLASSES = ("class", "struct", "interface", "enum", "trait", "impl", "type")


@dataclass(frozen=True)
class Found:
    row: int
    name: str
    kind: str


Finder = Callable[[Node], Iterator[Found]]


@dataclass
class Grammar:
    module: str
    types: str  # of nodes, separated by spaces
    find: Finder
    extensions: tuple[str, ...]
    function: str = "language"
    once: str = ""  # of the clauses of a function only the first defines it: when "next" to each other, or "scope"
    blind: str = ""  # nodes whose inside the grammar does not parse: nothing is judged there
    _made: list[tuple[Parser, Query]] = field(default_factory=list)

    def prepared(self) -> tuple[Parser, Query]:
        if not self._made:
            language = Language(getattr(importlib.import_module(self.module), self.function)())
            wanted = [f"({name}) @x" for name in self.types.split()]
            wanted += [f"({name}) @blind" for name in self.blind.split()]
            query = Query(language, " ".join(wanted))
            self._made.append((Parser(language), query))
        return self._made[0]

    def definitions(self, text: bytes) -> tuple[list[Found], set[int]] | None:
        """Definitions and the rows that are not judged; None when the grammar does not know all of the text (there
        are ERROR nodes)."""
        parser, query = self.prepared()
        tree = parser.parse(text)
        if tree.root_node.has_error:
            return None
        captures = QueryCursor(query).captures(tree.root_node)
        blind = {row for n in captures.get("blind", []) for row in range(n.start_point[0] + 1, n.end_point[0] + 1)}
        found: list[Found] = []
        seen: dict[tuple[str, str], str] = {}
        for node in sorted(captures.get("x", []), key=lambda n: (n.start_byte, -n.end_byte)):
            for one in self.find(node):
                home = str(node.parent.id if node.parent is not None else 0)
                if self.once and one.kind in ("function", "macro", "method"):
                    if (home, one.name) in seen and node.type != "signature":
                        continue
                    if self.once == "next":
                        seen.clear()
                    seen[home, one.name] = one.kind
                elif self.once == "next":
                    seen.clear()
                found.append(one)
        return found, blind


def text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def named(node: Node | None, kind: str) -> Iterator[Found]:
    if node is not None and node.text:
        yield Found(node.start_point[0], text_of(node), kind)


def name_of(node: Node) -> Node | None:
    return node.child_by_field_name("name")


def child(node: Node, *types: str) -> Node | None:
    return next((c for c in node.named_children if c.type in types), None)


def around(node: Node, *types: str) -> str:
    """The type of the nearest node around that is one of these, "" without one."""
    parent = node.parent
    while parent is not None:
        if parent.type in types:
            return parent.type
        parent = parent.parent
    return ""


def type_at(node: Node, up: int) -> str:
    """The type of the node that many levels up."""
    parent: Node | None = node
    for _ in range(up):
        parent = parent.parent if parent is not None else None
    return parent.type if parent is not None else ""


def python(n: Node) -> Iterator[Found]:
    if n.type == "class_definition":
        yield from named(name_of(n), "class")
    elif n.type == "function_definition":
        inside = around(n, "class_definition", "function_definition")
        yield from named(name_of(n), "method" if inside == "class_definition" else "function")
    elif type_at(n, 1) == "expression_statement" and type_at(n, 2) == "module":
        left, right = n.child_by_field_name("left"), n.child_by_field_name("right")
        if left is not None and right is not None and left.type == "identifier":
            yield from named(left, "constant" if text_of(left).isupper() else "variable")


def declared(node: Node | None) -> Node | None:
    """The name inside a declarator of C."""
    names = (
        "identifier", "field_identifier", "type_identifier", "destructor_name", "operator_name",
        "qualified_identifier", "primitive_type", "operator_cast", "template_function",
    )  # fmt: skip
    beside = (
        "ms_call_modifier", "attribute_specifier", "comment", "type_qualifier", "attribute_declaration",
        "ms_based_modifier", "ms_pointer_modifier", "ms_unaligned_ptr_modifier",
    )  # fmt: skip
    while node is not None and node.type not in names:
        inner = node.child_by_field_name("declarator")
        node = inner or next((c for c in node.named_children if c.type not in beside), None)
    return node


def is_function(node: Node | None) -> bool:
    """Whether a declarator of C is one of a function (not of a pointer to one)."""
    while node is not None and node.type in ("pointer_declarator", "reference_declarator"):
        node = child(node, "function_declarator", "pointer_declarator", "reference_declarator")
    return node is not None and node.type == "function_declarator"


def last_part(node: Node | None, kind: str) -> Iterator[Found]:
    """A qualified name begins where its last part does as far as lines go."""
    if node is not None and node.text:
        text = text_of(node)
        at = text.rfind("operator ")  # a cast: its parameters belong to its node
        yield Found(node.end_point[0], text if at < 0 else text[:at] + text[at:].split("(")[0], kind)


def c_family(n: Node) -> Iterator[Found]:
    t = n.type
    if t == "function_definition":
        if n.child_by_field_name("body") is None and child(n, "try_statement") is None:
            return  # = default, = delete
        inside = around(n, "class_specifier", "struct_specifier", "union_specifier", "function_definition")
        head = n.child_by_field_name("declarator")
        method = inside not in ("", "function_definition")
        kind = "method" if method else "function"
        name = declared(head)
        if n.child_by_field_name("type") is None and name is not None and text_of(name).isupper() and not method:
            # TEST(Suite, Name) { … } is no function of that name: the macro makes one of an argument
            given = head.child_by_field_name("parameters") if head is not None else None
            arguments = given.named_children if given is not None else []
            which = 1 if "TEST" in text_of(name) and len(arguments) > 1 else 0
            if which < len(arguments):
                yield Found(name.start_point[0], text_of(arguments[which]), kind)
                return
        yield from last_part(name, kind)
    elif t in ("struct_specifier", "class_specifier", "enum_specifier", "union_specifier"):
        if n.child_by_field_name("body"):
            yield from last_part(name_of(n), {"u": "type", "e": "enum", "c": "class", "s": "struct"}[t[0]])
    elif t == "type_definition":
        yield from last_part(declared(n.child_by_field_name("declarator")), "type")
    elif t in ("preproc_def", "preproc_function_def"):
        guard = n.parent.child_by_field_name("name") if n.parent is not None else None
        if n.child_by_field_name("value") or guard is None or guard.text != (name_of(n) or n).text:
            yield from named(name_of(n), "macro")  # but not the mark of a header that was read
    elif t == "namespace_definition":
        yield from named(name_of(n), "module")
    elif t in ("alias_declaration", "concept_definition"):
        if not around(n, "function_definition", "lambda_expression"):
            yield from named(name_of(n), "type")
    elif t == "init_declarator":
        body = ("compound_statement", "field_declaration_list", "parameter_list", "lambda_expression")
        value = n.child_by_field_name("value")
        if not around(n, *body) and value is not None and value.type not in ("argument_list",):
            kind = "constant" if n.parent and has_const(n.parent) else "variable"
            name = declared(n.child_by_field_name("declarator"))
            if n.parent and name is not None and n.parent.child_by_field_name("declarator") == n:
                yield from last_part(name, kind)


def has_const(node: Node) -> bool:
    return any(c.type == "type_qualifier" and c.text in (b"const", b"constexpr") for c in node.children)


def go(n: Node) -> Iterator[Found]:
    t = n.type
    if t == "function_declaration":
        yield from named(name_of(n), "function")
    elif t in ("method_declaration", "method_elem"):
        if t == "method_declaration" or type_at(n, 2) == "type_spec":
            yield from named(name_of(n), "method")
    elif t == "type_alias":
        yield from named(name_of(n), "type")
    elif t == "type_spec":
        value = n.child_by_field_name("type")
        kind = {"struct_type": "struct", "interface_type": "interface"}.get(value.type if value else "", "type")
        yield from named(name_of(n), kind)
    elif not around(n, "block"):
        for name in n.children_by_field_name("name"):
            if name.type == "identifier" and name.text != b"_":
                yield from named(name, "constant" if t == "const_spec" else "variable")


FUNCTIONS = ("arrow_function", "function_expression", "function", "generator_function")


def script(n: Node) -> Iterator[Found]:
    t = n.type
    name = name_of(n)
    if t in ("function_declaration", "generator_function_declaration", "function_signature"):
        yield from named(name, "function")
    elif t in ("class_declaration", "abstract_class_declaration"):
        yield from named(name, "class")
    elif t == "interface_declaration":
        yield from named(name, "interface")
    elif t == "enum_declaration":
        yield from named(name, "enum")
    elif t == "type_alias_declaration":
        yield from named(name, "type")
    elif t in ("internal_module", "module"):
        yield from property_name(name, "module")
    elif t == "function_expression":
        if type_at(n, 1) not in ("variable_declarator", "assignment_expression", "pair"):
            yield from named(name, "function")
    elif t == "class":
        if type_at(n, 1) not in ("variable_declarator", "assignment_expression", "pair"):
            yield from named(name, "class")
    elif t == "method_definition":
        yield from property_name(name, "method")
    elif t in ("method_signature", "abstract_method_signature"):
        if not around(n, "object_type"):
            yield from property_name(name, "method")
    elif t == "variable_declarator":
        yield from script_variable(n, name)
    elif t == "assignment_expression":
        value, left = n.child_by_field_name("right"), n.child_by_field_name("left")
        if value is not None and left is not None and (value.type in FUNCTIONS or value.type == "class"):
            kind = "class" if value.type == "class" else "function"
            last = left.child_by_field_name("property") if left.type == "member_expression" else left
            if last is not None and last.type.endswith("identifier") and last.text not in (b"exports", b"prototype"):
                yield from property_name(last, kind)
            else:
                yield from named(name_of(value), kind)
    else:  # pair, field_definition, public_field_definition
        value = n.child_by_field_name("value")
        key = n.child_by_field_name("key") or n.child_by_field_name("property") or name
        if value is not None and (value.type in FUNCTIONS or value.type == "class"):
            yield from property_name(key, "class" if value.type == "class" else "method")


def script_variable(n: Node, name: Node | None) -> Iterator[Found]:
    value = n.child_by_field_name("value")
    if name is None or name.type != "identifier":
        return
    if value is not None and value.type in FUNCTIONS:
        yield from named(name, "function")
    elif value is not None and value.type == "class":
        yield from named(name, "class")
    elif type_at(n, 2) in ("program", "export_statement") or (
        type_at(n, 2) == "statement_block" and type_at(n, 3) in ("internal_module", "module")
    ):
        first = n.parent.children[0] if n.parent else None
        yield from named(name, "constant" if first is not None and first.text == b"const" else "variable")
    elif type_at(n, 2) == "ambient_declaration":
        yield from named(name, "constant" if n.parent and n.parent.children[0].text == b"const" else "variable")


def property_name(node: Node | None, kind: str) -> Iterator[Found]:
    if node is None or node.type in ("computed_property_name", "number"):
        return
    name = text_of(node).strip("\"'").removeprefix("#")
    if name:
        yield Found(node.start_point[0], name, kind)


def rust(n: Node) -> Iterator[Found]:
    t = n.type
    name = name_of(n)
    if t in ("function_item", "function_signature_item"):
        inside = around(n, "impl_item", "trait_item", "function_item")
        yield from named(name, "method" if inside in ("impl_item", "trait_item") else "function")
    elif t == "impl_item":
        for_type = n.child_by_field_name("type")
        while for_type is not None and for_type.type in ("reference_type", "pointer_type", "dynamic_type"):
            for_type = for_type.child_by_field_name("type") or for_type.child_by_field_name("trait")
        if for_type is not None and for_type.type in ("array_type", "tuple_type", "unit_type", "function_type"):
            for_type = n.child_by_field_name("trait")  # no name of its own
        yield from named(for_type, "impl")
    elif t == "mod_item":
        if n.child_by_field_name("body"):
            yield from named(name, "module")
    elif t in ("const_item", "static_item"):
        if not around(n, "block") and name is not None and name.text != b"_":
            yield from named(name, "constant" if t == "const_item" else "variable")
    else:
        kinds = {
            "struct_item": "struct", "enum_item": "enum", "trait_item": "trait", "macro_definition": "macro",
        }  # fmt: skip
        yield from named(name, kinds.get(t, "type"))


def java(n: Node) -> Iterator[Found]:
    t = n.type
    kinds = {
        "class_declaration": "class", "record_declaration": "class", "interface_declaration": "interface",
        "enum_declaration": "enum", "annotation_type_declaration": "interface",
    }  # fmt: skip
    if t in ("field_declaration", "constant_declaration"):
        modifiers = child(n, "modifiers")
        words = {text_of(c) for c in modifiers.children} if modifiers is not None else set()
        one = n.child_by_field_name("declarator")
        if {"static", "final"} <= words and one is not None and one.child_by_field_name("value"):
            yield from named(name_of(one), "constant")
    else:
        yield from named(name_of(n), kinds.get(t, "method"))


def ruby(n: Node) -> Iterator[Found]:
    t = n.type
    if t == "assignment":
        left = n.child_by_field_name("left")
        if left is not None and left.type == "constant" and not around(n, "method", "singleton_method"):
            right = n.child_by_field_name("right")
            made = text_of(right).startswith(("Class.new", "Struct.new")) if right is not None else False
            yield from named(left, "class" if made else "constant")
    elif t in ("method", "singleton_method"):
        inside = around(n, "class", "module", "singleton_class", "method", "singleton_method")
        yield from named(name_of(n), "function" if inside in ("", "method", "singleton_method") else "method")
    else:
        yield from named(name_of(n), t)


def php(n: Node) -> Iterator[Found]:
    t = n.type
    if t == "const_element":
        yield from named(n.named_children[0] if n.named_children else None, "constant")
    else:
        kinds = {
            "function_definition": "function", "method_declaration": "method", "class_declaration": "class",
            "interface_declaration": "interface", "trait_declaration": "trait", "enum_declaration": "enum",
            "namespace_definition": "module",
        }  # fmt: skip
        yield from named(name_of(n), kinds[t])


def csharp(n: Node) -> Iterator[Found]:
    t = n.type
    kinds = {
        "class_declaration": "class", "record_declaration": "class", "interface_declaration": "interface",
        "struct_declaration": "struct", "enum_declaration": "enum", "delegate_declaration": "type",
        "namespace_declaration": "module", "file_scoped_namespace_declaration": "module",
        "property_declaration": "variable",
    }  # fmt: skip
    if t == "operator_declaration":
        operator = n.child_by_field_name("operator")
        if operator is not None:
            yield Found(operator.start_point[0], f"operator {text_of(operator)}", "method")
    elif t == "field_declaration":
        words = {text_of(c) for c in n.children if c.type == "modifier"}
        one = child(n, "variable_declaration")
        one = child(one, "variable_declarator") if one is not None else None
        if one is not None and ("const" in words or {"static", "readonly"} <= words) and len(one.children) > 1:
            yield from named(name_of(one), "constant")
    else:
        yield from named(name_of(n), kinds.get(t, "method"))


def bash(n: Node) -> Iterator[Found]:
    if n.type == "function_definition":
        yield from named(name_of(n), "function")
    else:  # NAME=value at the left margin, also behind a word such as export
        holder = n if type_at(n, 1) != "declaration_command" else n.parent
        if holder is not None and holder.parent is not None and holder.parent.type == "list":
            holder = holder if holder.parent.children[0] == holder else None
            outer = holder.parent if holder is not None else None
        else:
            outer = holder
        if outer is not None and holder is not None and holder.start_point[1] == 0 and type_at(outer, 1) == "program":
            word = text_of(holder.children[0])
            yield from named(name_of(n), "constant" if word == "readonly" else "variable")


def kotlin(n: Node) -> Iterator[Found]:
    t = n.type
    bodies = ("function_body", "block", "lambda_literal", "anonymous_function", "anonymous_initializer")
    if t == "function_declaration":
        inside = around(n, "class_body", "enum_class_body", *bodies)
        yield from named(name_of(n), "method" if inside.endswith("class_body") else "function")
    elif t == "secondary_constructor":
        yield Found(n.children[-1].start_point[0] if n.children[0].type != "constructor" else n.start_point[0],
                    "constructor", "method")
    elif t == "object_declaration" or t == "companion_object":
        yield from named(name_of(n), "class")
    elif t == "class_declaration":
        words = {text_of(c) for c in n.children} | {text_of(c) for m in n.children for c in m.children}
        kind = "interface" if "interface" in words else "enum" if "enum" in words else "class"
        yield from named(name_of(n), kind)
    elif t == "type_alias":
        yield from named(n.child_by_field_name("type") or name_of(n), "type")
    elif not around(n, *bodies):
        one = child(n, "variable_declaration")
        names = [c for c in one.named_children if c.type == "identifier"] if one is not None else []
        if names:
            yield from named(names[0], "constant" if any(c.type == "val" for c in n.children) else "variable")


SCALA_BODIES = ("template_body", "compilation_unit", "early_defs", "enum_body")


def scala(n: Node) -> Iterator[Found]:
    t = n.type
    kinds = {
        "class_definition": "class", "object_definition": "class", "trait_definition": "trait",
        "enum_definition": "enum", "type_definition": "type", "package_object": "module",
    }  # fmt: skip
    if t in ("function_definition", "function_declaration"):
        inside = around(n, "template_body", "enum_body", "function_definition", "block", "indented_block")
        yield from named(name_of(n), "method" if inside in ("template_body", "enum_body") else "function")
    elif t in ("val_definition", "var_definition", "val_declaration", "var_declaration"):
        name = n.child_by_field_name("pattern") or name_of(n)
        if name is not None and name.type == "identifier" and type_at(n, 1) in SCALA_BODIES:
            yield from named(name, "constant" if t.startswith("val") else "variable")
    else:
        yield from named(name_of(n), kinds[t])


def lua(n: Node) -> Iterator[Found]:
    if n.type == "function_declaration":
        yield from named(name_of(n), "function")
    elif n.type == "field":
        value, name = n.child_by_field_name("value"), name_of(n)
        computed = n.children[0].type == "[" and name is not None and name.type != "string"
        if value is not None and name is not None and value.type == "function_definition" and not computed:
            yield Found(name.start_point[0], text_of(name).strip("\"'"), "function")
    else:
        names, values = child(n, "variable_list"), child(n, "expression_list")
        if names is None or values is None or not names.named_children:
            return
        first = names.named_children[0]
        if values.named_children and values.named_children[0].type == "function_definition":
            if first.type != "bracket_index_expression":
                yield from named(first, "function")
        elif first.type == "identifier" and "chunk" in (type_at(n, 1), type_at(n, 2)) and n.start_point[1] in (0, 6):
            for name in names.named_children:
                if name.type == "identifier":
                    yield from named(name, "variable")


def swift(n: Node) -> Iterator[Found]:
    t = n.type
    bodies = ("function_body", "statements", "computed_property", "lambda_literal")
    inside = around(n, "class_body", "enum_class_body", "protocol_body", *bodies)
    member = inside.endswith("_body") and inside != "function_body"
    if t in ("function_declaration", "protocol_function_declaration"):
        yield from named(name_of(n), "method" if member else "function")
    elif t in ("init_declaration", "deinit_declaration", "subscript_declaration"):
        word = t.split("_")[0]
        one = next((c for c in n.children if c.type == word), n)
        yield Found(one.start_point[0], word, "method")
    elif t == "protocol_declaration":
        yield from named(name_of(n), "interface")
    elif t in ("typealias_declaration", "associatedtype_declaration"):
        yield from named(name_of(n), "type")
    elif t == "class_declaration":
        declared_by = n.child_by_field_name("declaration_kind")
        kinds = {"class": "class", "actor": "class", "struct": "struct", "enum": "enum", "extension": "impl"}
        yield from named(name_of(n), kinds[text_of(declared_by)] if declared_by is not None else "class")
    elif inside not in bodies:
        name = name_of(n)
        binding = child(n, "value_binding_pattern") or (child(name, "value_binding_pattern") if name else None)
        while name is not None and name.type != "simple_identifier":
            name = name.child_by_field_name("bound_identifier") or child(name, "simple_identifier", "pattern")
        constant = binding is not None and text_of(binding).split()[-1] == "let"
        yield from named(name, "constant" if constant else "variable")


def elixir(n: Node) -> Iterator[Found]:
    if n.type == "unary_operator":
        word = n.named_children[0] if n.named_children else None
        target = word.child_by_field_name("target") if word is not None and word.type == "call" else None
        kinds = {"type": "type", "typep": "type", "opaque": "type", "callback": "method", "macrocallback": "method"}
        if n.children[0].type != "@" or target is None or text_of(target) not in kinds or word is None:
            return
        if type_at(n, 1) in ("arguments", "binary_operator", "pair"):
            return
        kind = kinds[text_of(target)]
    else:
        target = n.child_by_field_name("target")
        kinds = {
            "defmodule": "module", "def": "function", "defp": "function", "defmacro": "macro", "defmacrop": "macro",
            "defprotocol": "interface", "defimpl": "impl", "defguard": "function", "defguardp": "function",
            "defdelegate": "function",
        }  # fmt: skip
        if target is None or target.type != "identifier" or text_of(target) not in kinds:
            return
        kind = kinds[text_of(target)]
        word = n
        if kind == "function":
            home = n.parent
            while home is not None and not (home.type == "call" and text_of(home.children[0]) in kinds):
                home = home.parent
            if home is not None and text_of(home.children[0]) in ("defprotocol", "defimpl"):
                kind = "method"
    arguments = child(word, "arguments")
    name = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    while name is not None and name.type in ("call", "binary_operator", "unary_operator"):
        operator = name.child_by_field_name("operator")
        if name.type == "call":
            target = name.child_by_field_name("target")
            if target is not None and target.text == b"unquote":
                return
            name = target
        elif operator is not None and operator.type not in ("when", "::"):
            name = operator
        else:
            name = name.named_children[0] if name.named_children else None
    if name is not None:
        yield Found(name.start_point[0], text_of(name), kind)


def haskell(n: Node) -> Iterator[Found]:
    t = n.type
    home = type_at(n, 1)
    if t == "header":
        yield from named(n.child_by_field_name("module"), "module")
    elif t in ("data_type", "newtype"):
        yield from named(name_of(n), "struct")
    elif t in ("type_synonym", "type_family", "type_instance", "data_instance", "data_family"):
        if home != "instance_declarations":
            yield from named(name_of(n), "type")
    elif t == "pattern_synonym":
        yield from haskell_pattern(n)
    elif t == "class":
        yield from named(name_of(n), "interface")
    elif t in ("instance", "deriving_instance"):
        yield from named(name_of(n), "impl")
    elif t == "signature":
        if home in ("declarations", "class_declarations"):
            one = name_of(n)
            names = [one] if one is not None else []
            several = n.child_by_field_name("names") or child(n, "binding_list")
            names += several.named_children if several is not None else []
            kind = "method" if home == "class_declarations" else "function"
            for each in names:
                yield Found(each.start_point[0], text_of(each).strip("()"), kind)
    elif home == "declarations":  # function, bind
        name = name_of(n)
        if name is not None:
            yield Found(name.start_point[0], text_of(name).strip("()"), "function")


ZIG_TYPES = {
    "struct_declaration": "struct", "enum_declaration": "enum", "union_declaration": "type",
    "opaque_declaration": "type",
}  # fmt: skip


def haskell_pattern(n: Node) -> Iterator[Found]:
    equation = child(n, "equation", "signature")
    if equation is not None and equation.type == "equation":
        left = equation.child_by_field_name("synonym") or equation.named_children[0]
        while left.type not in ("constructor", "constructor_operator") and left.named_children:
            left = left.named_children[0]
        yield from named(left, "constant")


def zig(n: Node) -> Iterator[Found]:
    t = n.type
    if t == "function_declaration":
        inside = around(n, *ZIG_TYPES, "block")
        yield from named(name_of(n), "method" if inside in ZIG_TYPES else "function")
    elif t == "test_declaration":
        name = child(n, "string", "identifier")
        if name is not None and text_of(name) != '""':
            yield Found(name.start_point[0], text_of(name).strip('"'), "function")
    else:
        name = child(n, "identifier")
        constant = any(c.type == "const" for c in n.children)
        kind = ZIG_TYPES.get(n.named_children[-1].type) if constant and n.named_children else None
        if kind is None and around(n, *ZIG_TYPES, "block") == "block":
            return
        yield from named(name, kind or ("constant" if constant else "variable"))


C_TYPES = (
    "function_definition struct_specifier enum_specifier union_specifier type_definition preproc_def "
    "preproc_function_def init_declarator"
)
JS_TYPES = (
    "function_declaration generator_function_declaration class_declaration function_expression class "
    "method_definition variable_declarator assignment_expression pair"
)
TS_TYPES = (
    f"{JS_TYPES} public_field_definition abstract_class_declaration interface_declaration enum_declaration "
    "type_alias_declaration internal_module module function_signature method_signature abstract_method_signature"
)

GRAMMARS: dict[str, Grammar] = {
    "python": Grammar(
        "tree_sitter_python", "class_definition function_definition assignment", python, (".py",)
    ),
    "go": Grammar(
        "tree_sitter_go",
        "function_declaration method_declaration method_elem type_spec type_alias const_spec var_spec",
        go, (".go",),
    ),
    "rust": Grammar(
        "tree_sitter_rust",
        "function_item function_signature_item struct_item enum_item union_item trait_item type_item associated_type "
        "macro_definition mod_item const_item static_item impl_item",
        rust, (".rs",), blind="macro_invocation macro_definition",
    ),
    "java": Grammar(
        "tree_sitter_java",
        "method_declaration constructor_declaration class_declaration interface_declaration enum_declaration "
        "record_declaration compact_constructor_declaration annotation_type_declaration "
        "annotation_type_element_declaration field_declaration constant_declaration",
        java, (".java",),
    ),
    "javascript": Grammar(
        "tree_sitter_javascript", f"{JS_TYPES} field_definition", script, (".js", ".mjs", ".cjs", ".jsx")
    ),
    "typescript": Grammar(
        "tree_sitter_typescript", TS_TYPES, script, (".ts", ".mts", ".cts"), function="language_typescript"
    ),
    "c": Grammar("tree_sitter_c", C_TYPES, c_family, (".c",)),
    "cpp": Grammar(
        "tree_sitter_cpp",
        f"{C_TYPES} class_specifier namespace_definition alias_declaration concept_definition",
        c_family, (".cc", ".cpp", ".hpp", ".h"),
    ),
    "csharp": Grammar(
        "tree_sitter_c_sharp",
        "method_declaration constructor_declaration destructor_declaration class_declaration interface_declaration "
        "struct_declaration enum_declaration record_declaration property_declaration delegate_declaration "
        "namespace_declaration file_scoped_namespace_declaration operator_declaration field_declaration",
        csharp, (".cs",),
    ),
    "ruby": Grammar("tree_sitter_ruby", "method singleton_method class module assignment", ruby, (".rb",)),
    "php": Grammar(
        "tree_sitter_php",
        "function_definition method_declaration class_declaration interface_declaration trait_declaration "
        "enum_declaration namespace_definition const_element",
        php, (".php",), function="language_php",
    ),
    "bash": Grammar("tree_sitter_bash", "function_definition variable_assignment", bash, (".sh",)),
    "elixir": Grammar("tree_sitter_elixir", "call unary_operator", elixir, (".ex", ".exs"), once="next"),
    "haskell": Grammar(
        "tree_sitter_haskell",
        "header data_type newtype type_synonym type_family type_instance data_family data_instance pattern_synonym "
        "class instance deriving_instance signature function bind",
        haskell, (".hs",), once="scope",
    ),
    "kotlin": Grammar(
        "tree_sitter_kotlin",
        "function_declaration class_declaration object_declaration type_alias property_declaration "
        "secondary_constructor companion_object",
        kotlin, (".kt",),
    ),
    "lua": Grammar("tree_sitter_lua", "function_declaration field assignment_statement", lua, (".lua",)),
    "scala": Grammar(
        "tree_sitter_scala",
        "function_definition function_declaration class_definition object_definition trait_definition enum_definition "
        "type_definition val_definition var_definition val_declaration var_declaration",
        scala, (".scala",),
    ),
    "swift": Grammar(
        "tree_sitter_swift",
        "function_declaration protocol_function_declaration init_declaration deinit_declaration subscript_declaration "
        "protocol_declaration typealias_declaration associatedtype_declaration class_declaration property_declaration "
        "protocol_property_declaration",
        swift, (".swift",),
    ),
    "zig": Grammar(
        "tree_sitter_zig", "function_declaration test_declaration variable_declaration", zig, (".zig",)
    ),
}  # fmt: skip
