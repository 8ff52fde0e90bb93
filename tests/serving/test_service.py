"""The service says what the Python API says, and refuses in one line what it does not take."""

import json
import shutil
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from seqrec import Recommender
from seqrec.serving.service.app import make_app
from seqrec.serving.service.settings import Settings
from seqrec.tables import columns as c

TOKEN = "a token of sixteen letters"


def settings_of(home, folder, *names, **more):
    given = {
        "models": {name: home.model(name) for name in names or ("ss4rec", "ncf", "sasrec")},
        "sessions": f"sqlite:{folder / 'sessions.db'}",
        "hosts": ("testserver",),
        "watch_seconds": 3600.0,
        **more,
    }
    return Settings.model_validate(given)


@pytest.fixture(scope="module")
def client(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    with TestClient(make_app(settings_of(home, folder)), raise_server_exceptions=False) as client:
        yield client


def as_json(events):
    return [{"item": item, "at": at, "rating": rating} for item, at, rating in events]


def begin(client, events=()):
    answer = client.post("/sessions", json={"history": as_json(events)})
    assert answer.status_code == 201
    return answer.json()["session"]


def listed(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [(item["item"], item["score"]) for item in body.get("list", body)["items"]]


def agree(one, other):
    """Lists of (item, score): scores to rounding, and the same items where scores differ more."""
    np.testing.assert_allclose([s for _, s in one], [s for _, s in other], rtol=1e-4, atol=1e-5)
    assert [item for item, _ in one] == [item for item, _ in other]


@pytest.mark.parametrize("when", ["known", "in a month", "unknown"])
def test_service_session_and_api_agree_for_every_user(client, home, when):
    recommender = home.recommender("ss4rec")
    for user in home.interactions[c.USER].unique()[::2]:
        events = home.events(user)
        _, known = home.test_event(user)
        at = {"known": known, "in a month": known + 30 * 86_400, "unknown": None}[when]
        ours = [(x.item, x.score) for x in recommender.recommend(events, at=at, k=50)]
        question = {"history": as_json(events), "at": at, "k": 50}
        agree(listed(client.post("/recommend", json=question)), ours)
        session = begin(client, events[:3])
        for event in as_json(events[3:-1]):
            client.post(f"/sessions/{session}/events", json=event)
        last = {**as_json(events[-1:])[0], "recommend": {"at": at, "k": 50}}
        agree(listed(client.post(f"/sessions/{session}/events", json=last)), ours)
        again = client.post(f"/sessions/{session}/recommend", json={"at": at, "k": 50})
        agree(listed(again), ours)


def test_every_model_answers_about_one_session(client, home):
    events = home.events("3")
    session = begin(client, events)
    for name in ("ss4rec", "sasrec"):
        answer = client.post(f"/sessions/{session}/recommend", json={"model": name, "k": 5})
        ours = home.recommender(name).recommend(events, k=5)
        agree(listed(answer), [(x.item, x.score) for x in ours])
        assert answer.json()["model"] == name
    refused = client.post(f"/sessions/{session}/recommend", json={"model": "ncf"})
    assert refused.status_code == 422
    assert "reads no histories" in refused.json()["error"]


def test_known_users_are_answered(client, home):
    for name in ("ss4rec", "ncf"):
        answer = client.post("/recommend", json={"user": "3", "model": name, "k": 4})
        ours = home.recommender(name).recommend(user="3", k=4)
        agree(listed(answer), [(x.item, x.score) for x in ours])


def test_filters_and_titles(client, home):
    question = {
        "history": [{"item": "Film 3, The", "at": "2001-09-09T01:46:40"}],
        "genre": "drama",
        "year": [1995, None],
        "k": 3,
    }
    ours = home.recommender("ss4rec").recommend(
        [("3", 10**9)], genre="Drama", year=(1995, None), k=3
    )
    answer = client.post("/recommend", json=question)
    agree(listed(answer), [(x.item, x.score) for x in ours])
    first = answer.json()["items"][0]
    assert (first["title"], first["year"]) == (ours[0].title, ours[0].year)
    assert first["genres"] == ["Drama", "Film-Noir"]
    many = client.post("/recommend/many", json={"questions": [question, {"user": "3"}]}).json()
    assert [len(each["items"]) for each in many["lists"]] == [3, len(many["lists"][1]["items"])]
    both = [many["lists"][0], answer.json()]
    agree(*([(item["item"], item["score"]) for item in each["items"]] for each in both))


def test_what_was_seen_is_listed_if_that_is_asked_for(client, home):
    events = home.events("5")
    session = begin(client, events)
    for seen_too, length in ((True, 20), (False, 20 - len({item for item, _, _ in events}))):
        options = {"exclude_seen": not seen_too, "k": 50}
        for path, question in (
            ("/recommend", {"history": as_json(events), **options}),
            (f"/sessions/{session}/recommend", options),
        ):
            assert len(listed(client.post(path, json=question))) == length


def test_unknown_items_are_named(client):
    history = [{"item": "3", "at": 10}, {"item": "Nothing", "at": 20}]
    assert client.post("/recommend", json={"history": history}).json()["unknown"] == ["Nothing"]
    new = client.post("/sessions", json={"history": history}).json()
    assert (new["unknown"], new["events"]) == (["Nothing"], 1)


def test_a_session_is_shown_and_forgotten(client):
    session = begin(client, [("3", 100, 4.0)])
    before = int(time.time())
    added = client.post(f"/sessions/{session}/events", json={"item": "film 4, the (1994)"}).json()
    assert added["events"] == 2
    assert added["list"] is None
    assert before <= added["at"] <= time.time()
    shown = client.get(f"/sessions/{session}").json()["events"]
    assert shown == [
        {"item": "3", "title": "Film 3, The (1993)", "at": 100, "rating": 4.0},
        {"item": "4", "title": "Film 4, The (1994)", "at": added["at"], "rating": None},
    ]
    assert client.delete(f"/sessions/{session}").status_code == 204
    assert client.delete(f"/sessions/{session}").status_code == 404
    assert client.get(f"/sessions/{session}").status_code == 404
    assert client.post(f"/sessions/{session}/recommend", json={}).status_code == 404


def test_an_explanation_is_that_of_the_api(client, home):
    events = home.events("5")
    ours = home.recommender("ss4rec").explain("7", events, k=3)
    session = begin(client, events)
    for asked in ({"history": as_json(events)}, {"session": session}):
        told = client.post("/explain", json={"item": "7", "k": 3, **asked}).json()
        assert [reason["item"] for reason in told["reasons"]] == [reason.item for reason in ours]
        effects = [reason["effect"] for reason in told["reasons"]]
        assert effects == pytest.approx([reason.effect for reason in ours], abs=1e-5)


def test_items_models_health_figures_and_description(client):
    found = client.get("/items", params={"query": "the film", "limit": 2}).json()["items"]
    assert len(found) == 2
    assert client.get("/items", params={"query": "fil 1993"}).json()["items"][0]["item"] == "3"
    models = client.get("/models").json()
    assert models["default"] == "ss4rec"
    told = {each["name"]: each for each in models["models"]}
    assert told["ncf"]["reads_histories"] is False
    assert told["ss4rec"]["years"] == [1990, 2009]
    assert client.get("/healthz").json() == {"status": "ok"}
    assert 'seqrec_requests_total{path="/healthz",status="200"}' in client.get("/metrics").text
    described = client.get("/openapi.json").json()
    assert "/sessions/{session}/events" in described["paths"]
    assert "Question" in described["components"]["schemas"]


# What is wrong, and the status it gets. A session is put in for "{session}".
EVENT = {"item": "3", "at": 100}
WRONG = [
    ("/recommend", b"", 422),
    ("/recommend", b"{", 400),
    ("/recommend", b"\xff\xfe\x00", 400),
    ("/recommend", b"[]", 422),
    ("/recommend", b"null", 422),
    ("/recommend", b'"history"', 422),
    ("/recommend", b"[" * 100_000, 400),
    ("/recommend", b'{"history":[{"item":"3","at":NaN}]}', 422),
    ("/recommend", b'{"history":[{"item":"3","at":1e999}]}', 422),
    ("/recommend", {}, 422),
    ("/recommend", {"history": []}, 422),
    ("/recommend", {"history": "3"}, 422),
    ("/recommend", {"history": [EVENT], "user": "3"}, 422),
    ("/recommend", {"history": [{"item": "3"}]}, 422),
    ("/recommend", {"history": [{"item": {"$ne": 1}, "at": 1}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": -5}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": 1_700_000_000_000}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": "tomorrow"}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": True}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": 1, "rating": "good"}]}, 422),
    ("/recommend", {"history": [{"item": "3", "at": 1, "rating": 1e300}]}, 422),
    ("/recommend", {"history": [{"item": "3" * 301, "at": 1}]}, 422),
    ("/recommend", {"history": [{"item": "'; DROP TABLE sessions; --", "at": 1}]}, 422),
    ("/recommend", {"history": [{"item": "<script>alert(1)</script>", "at": 1}]}, 422),
    ("/recommend", {"history": [{"item": "../../etc/passwd", "at": 1}]}, 422),
    ("/recommend", {"history": [{"item": "${jndi:ldap://x}\n\0", "at": 1}]}, 422),
    ("/recommend", {"history": [EVENT], "at": 50}, 422),
    ("/recommend", {"history": [EVENT] * 2001}, 422),
    ("/recommend", {"history": [EVENT], "k": 0}, 422),
    ("/recommend", {"history": [EVENT], "k": 10**9}, 422),
    ("/recommend", {"history": [EVENT], "k": "ten"}, 422),
    ("/recommend", {"history": [EVENT], "model": "ss4rec_"}, 404),
    ("/recommend", {"history": [EVENT], "model": "/etc/passwd"}, 404),
    ("/recommend", {"history": [EVENT], "genre": ["Westen"]}, 422),
    ("/recommend", {"history": [EVENT], "among": ["nothing"]}, 422),
    ("/recommend", {"history": [EVENT], "year": [1, 2, 3]}, 422),
    ("/recommend", {"history": [EVENT], "year": [1800, 1801]}, 422),
    ("/recommend", {"history": [EVENT], "path": "model.pkl"}, 422),
    ("/recommend", {"user": "nobody"}, 422),
    ("/recommend", {"history": [EVENT], "model": "ncf"}, 422),
    ("/recommend/many", {"questions": [{"user": "3"}] * 65}, 422),
    ("/recommend/many", {"questions": []}, 422),
    ("/sessions/{session}/events", {"item": "nothing"}, 422),
    ("/sessions/{session}/events", {"item": "3", "at": 50}, 409),
    ("/sessions/{session}/events", {"item": "3", "at": 9_000_000_000}, 422),
    ("/sessions/{session}/events", {"item": "3", "recommend": {"k": -1}}, 422),
    ("/sessions/{session}/events", {"item": "3", "recommend": {"history": []}}, 422),
    ("/sessions/{session}/recommend", {"at": 50}, 422),
    ("/sessions/AAAAAAAAAAAAAAAAAAAAAA/events", {"item": "3"}, 404),
    ("/sessions/..%2f..%2fetc/events", {"item": "3"}, 404),
    ("/sessions/short/events", {"item": "3"}, 422),
    ("/explain", {"item": "3", "session": "AAAAAAAAAAAAAAAAAAAAAA"}, 404),
    ("/explain", {"item": "3", "history": [EVENT]}, 422),
    ("/explain", {"item": "nothing", "history": [EVENT, EVENT]}, 422),
    ("/nothing", {}, 404),
]


@pytest.mark.parametrize(("path", "body", "status"), WRONG)
def test_a_wrong_request_gets_one_clear_line(client, path, body, status):
    session = begin(client, [("3", 100, 4.0)])
    path = path.format(session=session)
    given = {"content": body} if isinstance(body, bytes) else {"content": json.dumps(body)}
    answer = client.post(path, **given, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    (error,) = answer.json().values()
    assert error
    assert "\n" not in error
    assert len(error) <= 500
    assert "Traceback" not in error
    assert client.get("/healthz").status_code == 200
    assert len(client.get(f"/sessions/{session}").json()["events"]) == 1


def test_sizes_kinds_and_names_are_checked_before_the_body_is_read(client):
    kind = {"Content-Type": "application/json"}
    for content, headers, status in (
        (b"x" * 300_000, kind, 413),
        ((b"x" * 1000 for _ in range(300)), kind, 413),  # without a length
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{}", {**kind, "Host": "evil.example"}, 400),
        (b"{}", {**kind, "Content-Length": "-1"}, 413),
    ):
        answer = client.post("/recommend", content=content, headers=headers)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert client.get("/sessions/short").status_code == 422
    assert client.put("/recommend").status_code == 405
    assert client.get("/items").status_code == 422
    assert client.get("/items", params={"query": "x" * 101}).status_code == 422


def test_nothing_that_was_asked_is_logged(client, caplog):
    secret = "a-title-nobody-should-read"
    client.post("/recommend", json={"history": [{"item": secret, "at": 1}]})
    client.post(f"/sessions/{secret}/events", json={"item": secret})
    assert secret not in caplog.text


def test_answers_have_a_policy_and_are_not_kept(client):
    for answer in (client.get("/models"), client.post("/recommend", content=b"{")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_from_elsewhere_a_token_is_needed(home, tmp_path):
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        with pytest.raises(ValueError, match="SEQREC_TOKEN"):
            settings_of(home, tmp_path, host=host)
        with pytest.raises(ValueError, match="too short"):
            settings_of(home, tmp_path, host=host, token="short")
    settings = settings_of(home, tmp_path, "ss4rec", host="0.0.0.0", token=TOKEN)
    assert TOKEN not in repr(settings)
    with TestClient(make_app(settings)) as client:
        assert client.get("/models").status_code == 401
        wrong = client.get("/models", headers={"Authorization": "Bearer another one, as long"})
        assert wrong.status_code == 401
        right = client.get("/models", headers={"Authorization": f"Bearer {TOKEN}"})
        assert right.status_code == 200
        assert client.get("/healthz").status_code == 200


def test_another_version_is_taken_into_use_and_sessions_go_on(home, tmp_path):
    place = tmp_path / "ss4rec"
    home.save("ss4rec", place / "weights", "first")
    settings = settings_of(home, tmp_path, models={"ss4rec": place}, watch_seconds=0.05)
    events = home.events("5")
    with TestClient(make_app(settings)) as client:
        session = begin(client, events)
        path = f"/sessions/{session}/recommend"
        before = client.post(path, json={"k": 50})
        assert before.json()["version"] == "first"
        home.save("ss4rec", place / "weights", "second", d_state=8)
        deadline = time.monotonic() + 20
        while (after := client.post(path, json={"k": 50})).json()["version"] == "first":
            assert after.status_code == 200
            assert time.monotonic() < deadline
        ours = Recommender.load(place).recommend(events, k=50)
        agree(listed(after), [(x.item, x.score) for x in ours])
        shutil.copytree(place / "weights/second", place / "weights/third")  # a copy: no version
        home.save("ss4rec", place / "weights", "fourth")
        damaged = place / "weights/fourth/weights/model.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-1])
        refused = 'seqrec_refused_versions_total{model="ss4rec"} 1.0'
        while refused not in client.get("/metrics").text:
            assert time.monotonic() < deadline + 20
        assert client.post(path, json={}).json()["version"] == "second"


def test_sessions_outlive_the_service(home, tmp_path):
    settings = settings_of(home, tmp_path, "ss4rec")
    with TestClient(make_app(settings)) as client:
        session = begin(client, home.events("5"))
        first = client.post(f"/sessions/{session}/recommend", json={"k": 50})
    with TestClient(make_app(settings)) as client:
        agree(listed(client.post(f"/sessions/{session}/recommend", json={"k": 50})), listed(first))
