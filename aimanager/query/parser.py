"""The grammar, and what becomes of its rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import QueryError
from .fields import Term, check_operator, field_of, kind_of, operators, value_of
from .tree import And, Compare, Exists, Fact, Node, Not, OneOf, Or, Word, leaves

if TYPE_CHECKING:
    from lark import Lark

# They bound what one query costs the server.
MOST_CONDITIONS, DEEPEST, MOST_VALUES = 20, 10, 100

# A bare word ends at a space, an operator, a quote or a parenthesis; in a list also at a comma. Words that end a bare word
# are not part of longer ones: `order` is no `or`.
_GRAMMAR = r"""
?start: either
?either: both (_OR both)*
?both: one (_AND? one)*
?one: _NOT one                             -> negation
    | "(" either ")"                       -> group
    | term OP term                         -> compare
    | term HAS term                        -> compare
    | term IN "(" item ("," item)* ")"     -> one_of
    | term EXISTS                          -> exists
    | term                                 -> word
term: BARE | QUOTED
item: ITEM | QUOTED

OP: "<=" | ">=" | "!=" | "!~" | "==" | "=" | "<" | ">" | "~"
_OR.2: /or(?![^\s<>=!~"()])/i
_AND.2: /and(?![^\s<>=!~"()])/i
_NOT.2: /not(?![^\s<>=!~"()])/i
IN.3: /(not\s+)?in(?=\s*\()/i
HAS.2: /has(?=\s+[^\s<>=!~()])/i
EXISTS.2: /exists(?![^\s<>=!~"()])/i
QUOTED.2: /((config|metrics)\.)?"([^"\\]|\\.)*"(\.(last|min|max|mean|best)(?![^\s<>=!~(),]))?/s
BARE: /(?!(and|or|not)(?![^\s<>=!~"()]))[^\s<>=!~"()]+/i
ITEM: /[^\s<>=!~"(),]+/
%ignore /\s+/
"""


def parse(text: str) -> Node | None:
    """The query that a text is, None for a text without one. Raises QueryError."""
    if not text.strip():
        return None
    from lark import UnexpectedInput

    try:
        node: Node = _parser().parse(text)  # type: ignore[assignment]
    except UnexpectedInput as error:
        _explain(text, error)
    if len(list(leaves(node))) > MOST_CONDITIONS:
        raise QueryError(f"at most {MOST_CONDITIONS} words and conditions", len(text.rstrip()))
    return node


@cache
def _parser() -> Lark:
    """Made when the first query comes: it takes a tenth of a second, most of it to load the library."""
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


class _Builder:
    """A method for each rule of the grammar; what it gets is what the methods of the rule's parts have returned."""

    def term(self, parts: list[Any]) -> Term:
        (token,) = parts
        return Term(str(token), token.start_pos, token.end_pos)

    item = term

    def either(self, parts: list[Node]) -> Node:
        return _limited(Or(tuple(_opened(parts, Or))))

    def both(self, parts: list[Node]) -> Node:
        return _limited(And(tuple(_opened(parts, And))))

    def negation(self, parts: list[Node]) -> Node:
        (part,) = parts
        return part.part if isinstance(part, Not) else _limited(Not(part))

    def group(self, parts: list[Node]) -> Node:
        return parts[0]

    def compare(self, parts: list[Any]) -> Node:
        name, op, value = parts[0], _operator(parts[1]), parts[2]
        field = field_of(name)
        check_operator(field, name, op)
        return Compare(field, op.raw, value_of(field, op, value))

    def one_of(self, parts: list[Any]) -> Node:
        name, op, *items = parts[0], _operator(parts[1]), *parts[2:]
        field = field_of(name)
        if not kind_of(field).lists:
            raise QueryError(f"{operators(field)} after {name.raw}", op.start)
        if len(items) > MOST_VALUES:
            raise QueryError(f"at most {MOST_VALUES} values", items[MOST_VALUES].start)
        values = dict.fromkeys(value_of(field, Term("in", item.start, item.start), item) for item in items)
        return OneOf(field, tuple(values), op.raw.startswith("not"))

    def exists(self, parts: list[Any]) -> Node:
        name, op = parts[0], _operator(parts[1])
        field = field_of(name)
        if not kind_of(field).exists:
            raise QueryError(f"{operators(field)} after {name.raw}", op.start)
        return Exists(field)

    def word(self, parts: list[Term]) -> Node:
        (term,) = parts
        if term.raw == "archived":
            return Compare(Fact("archived"), "=", True)
        text = term.text if term.quoted else term.raw.replace('"', "")
        if not text:
            raise QueryError("a word between the quotes", term.start + 1)
        return Word(text)


def _opened(parts: list[Node], kind: type[And | Or]) -> list[Node]:
    """The parts, with those of a group of the same kind instead of the group."""
    return [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]


def _limited(node: Node) -> Node:
    if _depth(node) > DEEPEST:
        raise QueryError(f"at most {DEEPEST} groups inside each other", 0)
    return node


def _depth(node: Node) -> int:
    """Each part was looked at when it was made: no tree that is looked through here is much deeper than allowed."""
    if isinstance(node, And | Or):
        return 1 + max(map(_depth, node.parts))
    return 1 + _depth(node.part) if isinstance(node, Not) else 0


def _operator(token: Any) -> Term:
    text = " ".join(token.lower().split())
    return Term("=" if text == "==" else text, token.start_pos, token.end_pos)


def _explain(text: str, error: Any) -> NoReturn:
    """Say what was expected where the text is no query."""
    token, is_end = getattr(error, "token", None), False
    if token is not None:
        is_end = token.type == "$END"
    place = len(text.rstrip()) if is_end else error.pos_in_stream
    state = error.interactive_parser
    before = next(iter(state.parser_state.value_stack[-1:]), None)
    if not is_end and text[place] == '"':
        raise QueryError("a closing quote", len(text.rstrip()))
    if getattr(before, "type", "") == "OP":
        op, name = _operator(before), state.parser_state.value_stack[-2]
        field = field_of(name)
        check_operator(field, name, op)
        raise QueryError(f"{kind_of(field, op.raw).expected} after {before}", op.end)
    if token is None:
        raise QueryError("!= or !~" if text[place] == "!" else "a word or a condition", place)
    if token.type == "OP":
        raise QueryError(f"a name before {token}", place)
    accepted = state.accepts()
    if "COMMA" in accepted:
        raise QueryError("a comma or a closing )", place)
    if "ITEM" in accepted:
        raise QueryError("a value", place)
    if is_end and "RPAR" in accepted:
        raise QueryError("a closing )", place)
    if token.type == "RPAR" and "$END" in accepted:
        raise QueryError("an opening ( before )", place)
    raise QueryError("a word or a condition", place)
