"""Text that no database should see: refused with a 400 at every door, whichever field it is in."""

import copy
import json

import pytest

from aimanager.api.fields import Input

BAD = {"NUL": "a\0b", "half of a pair": "a\ud800b"}
ESCAPE = "a\x1bb"


def resolved(schema, document):
    if "$ref" in schema:
        return resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    return schema


def example(schema, document):
    """A valid value of a schema, by its examples."""
    schema = resolved(schema, document)
    if "examples" in schema:
        return copy.deepcopy(schema["examples"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        value = {name: example(field, document) for name, field in fields.items() if not field.get("readOnly")}
        more = schema.get("additionalProperties")
        return {"loss": example(more, document)} if more and not value else value
    if schema.get("type") == "array":
        return [example(schema["items"], document)]
    return {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None}.get(schema.get("type"))


def spoiled(schema, document, bad):
    """Values of a schema in which one text, or the name of one field, is bad; with the path to it."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from spoiled(option, document, bad)
    elif schema.get("type") == "string":
        yield "", bad
    elif schema.get("type") == "array":
        for path, value in spoiled(schema["items"], document, bad):
            yield f"[]{path}", [value]
    elif schema.get("type") == "object" or "properties" in schema:
        whole = example(schema, document)
        for name, field in schema.get("properties", {}).items():
            for path, value in spoiled(field, document, bad):
                yield f".{name}{path}", whole | {name: value}
        more = schema.get("additionalProperties")
        if more or more is None:  # Names that are the sender's own.
            inner = example(more, document) if isinstance(more, dict) and more else 1
            yield ".{}", {bad: inner}
            yield ".{}.nested", {"a": [{"b": bad}]}


@pytest.mark.parametrize("kind", BAD)
def test_no_text_that_is_none_gets_through_any_field_of_any_route(app, api, alice, make_run, kind):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    document = api().get("/openapi.json").json
    make_run(alice)
    tried = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation:
                continue
            url = path.replace("{run_id}", "1").replace("{project_id}", "1")
            url += "?project_id=1" if path == "/runs/" else ""
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for where, value in spoiled(schema, document, BAD[kind]):
                if path.endswith("/logs") and where in (".lines[].text", ".client"):
                    continue  # What a program wrote may be anything; a half of a pair in it is replaced.
                data = as_json(value)
                answer = api(alice).open(url, method=method, data=data, content_type="application/json")
                assert answer.status_code == 400, (method, path, where, answer.text)
                assert answer.json["detail"].startswith("Validation error: ")
                tried += 1
    assert tried > 40


def as_json(value) -> bytes:
    """JSON with escapes, as the bytes of a surrogate are not even UTF-8."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("kind", BAD)
def test_no_text_that_is_none_gets_through_a_query(api, alice, make_run, kind):
    make_run(alice)
    document = api().get("/openapi.json").json
    encoded = {"NUL": "a%00b", "half of a pair": "a%ED%A0%80b"}[kind]
    for path, methods in document["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query" and not path.startswith("/ws"):
                url = path.replace("{run_id}", "1").replace("{project_id}", "1").replace("{metric_name}", "loss")
                answer = api(alice).get(f"{url}?{parameter['name']}={encoded}")
                assert answer.status_code < 500, (url, parameter["name"])
                assert kind != "NUL" or answer.status_code == 400, (url, parameter["name"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/keys", {"name": ESCAPE}),
        ("POST", "/projects/", {"name": ESCAPE}),
        ("POST", "/projects/", {"name": "x", "description": ESCAPE}),
        ("POST", "/runs/?project_id=1", {"notes": ESCAPE}),
        ("POST", "/runs/?project_id=1", {"tags": [ESCAPE]}),
        ("POST", "/metrics/1", {"name": ESCAPE, "value": 1}),
        ("POST", "/metrics/1/batch", {"metrics": {ESCAPE: 1}}),
        ("POST", "/metrics/1/bulk", {"series": {ESCAPE: {"values": [1]}}}),
        ("POST", "/metrics/1/bulk", {"client": ESCAPE, "seq": 1, "series": {"loss": {"values": [1]}}}),
        ("POST", "/metrics/1/bulk", {"client": "x\ny", "seq": 1, "series": {"loss": {"values": [1]}}}),
    ],
)
def test_control_characters_are_refused(api, alice, make_run, method, path, body):
    make_run(alice)
    answer = api(alice).open(path, method=method, json=body)
    assert answer.status_code == 400
    assert "character" in answer.json["detail"]


def test_prose_may_have_lines_and_tabs_and_a_config_any_text(api, alice, make_project):
    project_id = make_project(alice, description="one\r\ntwo\n\tthree")
    config = {"prompt": "a\nb\tc \x1b[1m", "a\nkey": 1, r"\u0000": r"a backslash, \u0000 and no NUL"}
    run = api(alice).post(f"/runs/?project_id={project_id}", {"notes": "a\n\tb", "config": config}).json
    assert api(alice).get(f"/projects/{project_id}").json["description"] == "one\r\ntwo\n\tthree"
    assert (run["notes"], run["config"]) == ("a\n\tb", config)


@pytest.mark.parametrize("blank", [" ", "\u3000\u2003", "\u200b", "\u2800", "\u00a0 \u2060", "\u3164"])
def test_a_name_of_blanks_only_is_no_name(api, alice, make_run, blank):
    run_id = make_run(alice)
    for method, path, body in (
        ("POST", "/projects/", {"name": blank}),
        ("PUT", "/projects/1", {"name": blank}),
        ("POST", "/runs/?project_id=1", {"name": blank}),
        ("PUT", f"/runs/{run_id}", {"name": blank}),
        ("POST", "/auth/keys", {"name": blank}),
        ("POST", f"/metrics/{run_id}", {"name": blank, "value": 1}),
        ("POST", f"/metrics/{run_id}/batch", {"metrics": {blank: 1}}),
        ("POST", f"/metrics/{run_id}/bulk", {"series": {blank: {"values": [1]}}}),
    ):
        answer = api(alice).open(path, method=method, json=body)
        assert (answer.status_code, "blank" in answer.json["detail"]) == (400, True), (path, answer.text)


def test_a_form_with_a_nul_in_any_field_is_refused(app, browser_of, alice, make_project):
    make_project(alice)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("web.") and "POST" in rule.methods and "<" not in rule.rule:
            answer = browser_of(alice).post(rule.rule, data={"anything": "a\0b", "csrf_token": alice.csrf})
            assert answer.status_code == 400 or rule.rule in ("/login", "/register"), rule.rule
    answer = browser_of(alice).post("/app/projects/1", data={"name": "x", "description": "a\0b"})
    assert answer.status_code == 400


def test_a_model_cannot_forget_the_rule_of_its_text():
    with pytest.raises(TypeError, match=r"Forgetful\.word needs a rule"):

        class Forgetful(Input):
            word: list[str] | None = None
