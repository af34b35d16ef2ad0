"""Examples and fields out of JSON schemas, for people to read."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
DEEPEST = 6
PLAIN = {"integer": 1, "number": 0.5, "boolean": True, "string": "text", "null": None}


def resolved(schema: Schema, schemas: Schema) -> Schema:
    """The schema that a `$ref` names, or the one that is given."""
    reference = schema.get("$ref", "")
    return schemas.get(reference.rpartition("/")[2], {}) if reference else schema


def example_of(schema: Schema, schemas: Schema, deep: int = 0) -> Any:
    """What a schema gives as its example, else one that is put together from its parts."""
    schema = resolved(schema, schemas)
    for value in (*schema.get("examples", [])[:1], *([schema["example"]] if "example" in schema else [])):
        return value
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    if "enum" in schema:
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return example_of(choices[0], schemas, deep + 1)
    if deep > DEEPEST:
        return None
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas, deep + 1)]
    if schema.get("type") == "object" or "properties" in schema:
        return {name: example_of(inner, schemas, deep + 1) for name, inner in schema.get("properties", {}).items()}
    if schema.get("format") == "date-time":
        return "2023-01-01T00:00:00"
    return PLAIN.get(str(schema.get("type")))


def fields_of(schema: Schema, schemas: Schema) -> list[dict[str, Any]]:
    """The fields of an object, with what may stand in them."""
    schema = resolved(schema, schemas)
    needed = schema.get("required", [])
    return [
        {"name": name, "type": type_of(inner, schemas), "required": name in needed,
         "description": inner.get("description", ""), "default": inner.get("default")}
        for name, inner in schema.get("properties", {}).items()
    ]  # fmt: skip


def type_of(schema: Schema, schemas: Schema) -> str:
    """`integer`, `list of number`, `text or null`."""
    schema = resolved(schema, schemas)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(type_of(choice, schemas) for choice in choices))
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}), schemas)}"
    return {"string": "time" if schema.get("format") == "date-time" else "text"}.get(kind, kind)
