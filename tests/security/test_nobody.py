"""Without credentials, what is not there looks like what is not public: 401, a way to the login page, no socket."""

import pytest

MISSING = 987_654


def test_what_is_not_there_is_a_401_for_nobody_and_a_404_for_somebody(app, api, alice):
    tried = 0
    for rule in app.url_map.iter_rules():
        if not rule.arguments & {"run_id", "project_id"} or rule.websocket or rule.endpoint.startswith("web."):
            continue
        path = rule.rule.replace("<name:metric_name>", "loss")
        for name in ("run_id", "project_id"):
            path = path.replace(f"<id:{name}>", str(MISSING))
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            body = {"name": "x", "value": 1} if method in {"POST", "PUT"} else None
            query = "?name=loss" if path.endswith("chart") else ""
            assert api().open(path + query, method=method, json=body).status_code == 401, (method, path)
            status = api(alice).open(path + query, method=method, json=body).status_code
            assert status in {404, 400}, (method, path, status)  # 400: the body was not what this route takes.
            tried += 1
    assert tried > 10
    assert api().get(f"/runs/?project_id={MISSING}").status_code == 401


@pytest.mark.parametrize("path", [f"/app/runs/{MISSING}", f"/app/projects/{MISSING}"])
def test_a_page_that_is_not_there_leads_to_the_login_as_a_private_one_does(api, browser_of, alice, path):
    answer = api().get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={path.replace('/', '%2F')}") or (
        answer.headers["Location"] == f"/login?next={path}"
    )
    assert browser_of(alice).get(path).status_code == 404
