"""The document says what the server does, and nothing that follows the document breaks the server."""

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from jsonschema_rs import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from aimanager.http.auth import rule_of

EXAMPLES = 12  # For each operation, mode and caller; the nightly run may take more.
API = {"alerts", "auth", "logs", "projects", "runs", "metrics", "health", "openapi", "ws"}


@pytest.fixture
def document(api) -> dict:
    return api().get("/openapi.json").json


@pytest.fixture
def schema(app):
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    rejection = schema.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "413"]  # A text may be too long for a request, too.
    return schema


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_every_route_of_the_api_is_in_the_document_and_the_other_way_round(app, document):
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in API and rule.endpoint != "health.csp_report"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == routed
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_the_document_says_who_may_call_what(app, document):
    adapter = app.url_map.bind("localhost")
    for path, method, operation in operations(document):
        url = re.sub(r"\{\w+\}", "1", path)
        endpoint, _ = adapter.match(url, method, websocket=path.startswith("/ws"))
        rule, said = rule_of(app, endpoint), operation["security"]
        assert (said == []) == (rule == "anyone"), path
        assert ({} in said) == (rule == "public_or_read"), path
        assert ("401" in operation["responses"]) == (rule != "anyone" or endpoint == "auth.login"), path


def test_every_operation_explains_itself(document):
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["responses"], (path, method)
        for answer in operation["responses"].values():
            assert answer["description"]
        assert {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"} == set(
            re.findall(r"\{(\w+)\}", path)
        )


def test_the_bounds_of_a_query_are_in_the_document(api, document):
    bounds = {
        (path, item["name"]): (
            item["schema"].get("minimum"),
            item["schema"].get("maximum", item["schema"].get("exclusiveMaximum")),
        )
        for path, _, operation in operations(document)
        for item in operation["parameters"]
        if item["in"] == "query" and item["schema"].get("type") == "integer"
    }
    assert bounds[("/runs/", "limit")] == (1, 5000)
    assert bounds[("/metrics/{run_id}", "limit")] == (1, 100_000)
    assert bounds.pop(("/runs/{run_id}/logs", "after"))[1]  # It counts from the end, too.
    assert all(low in (0, 1) and high for low, high in bounds.values()), bounds


def test_every_example_is_one(document):
    examined = 0

    def look(node):
        nonlocal examined
        if isinstance(node, list):
            for item in node:
                look(item)
        if not isinstance(node, dict):
            return
        examples = node.get("examples") if isinstance(node.get("examples"), list) else []
        if "schema" in node and "example" in node:
            examples, node = [node["example"]], node["schema"]
        for example in examples:
            validator = Draft202012Validator({**node, "components": document["components"]})
            assert validator.is_valid(example), (example, node)
            examined += 1
        for item in node.values():
            look(item)

    look(document["components"])
    look(document["paths"])
    assert examined > 100


def run_operations(schema, mode, number, headers, objects):
    """Call each operation with data that follows the document, or breaks it, and hold every answer to it."""
    failures = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith("/ws/") or (operation.path == "/auth/logout" and headers):
            continue

        @seed(0)
        @settings(
            max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            if mode == GenerationMode.POSITIVE and case.method != "DELETE":  # Numbers that exist are hard to guess.
                for part in (case.path_parameters, case.query):
                    part.update({name: value for name, value in objects.items() if name in part})
                case.query.update({"name": "loss"} if case.path.endswith("/chart") else {})
            response = case.call(headers=headers)
            # A schema cannot say every rule for a name, a time or a password.
            case.validate_response(response, headers=headers, excluded_checks=[positive_data_acceptance])

        try:
            check()
        except Unsatisfiable:
            assert not operation.body, operation.label
            assert mode == GenerationMode.NEGATIVE, operation.label  # Where nothing is sent, nothing can be wrong.
        except BaseException as error:
            failures.append(f"{operation.label}: {error}")
    assert not failures, "\n\n".join(failures)


@pytest.mark.slow
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "anonymous"])
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["by the book", "against the book"]
)
def test_no_request_breaks_the_server_or_the_document(schema, mode, signed_in, alice, private_run, make_points):
    make_points(alice, private_run, loss=[1, "NaN", 2, "-Infinity"])
    headers = {"Authorization": f"Bearer {alice.token}"} if signed_in else {}
    run_operations(schema, mode, EXAMPLES, headers, {"run_id": private_run, "project_id": 1, "metric_name": "loss"})
