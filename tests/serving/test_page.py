"""The page of the service in a real browser: clicked through, and held against the Python API."""

import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from seqrec.serving.service.app import make_app
from seqrec.tables import columns as c
from tests.cli import browser as chromium_path
from tests.serving.test_service import settings_of

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

PATIENCE = 20_000
"""Milliseconds; only a machine with much else to do needs them."""
MONTH = 30 * 86_400
TOKEN = "a token of sixteen letters"
NAMES = ("ss4rec", "ncf", "ss4rec_plus")
expect.set_options(timeout=PATIENCE)


@contextmanager
def serving(settings):
    """Serve in a thread of this process; yield the address."""
    config = uvicorn.Config(make_app(settings), port=0, log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(home, tmp_path_factory):
    with serving(settings_of(home, tmp_path_factory.mktemp("page"), *NAMES)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    path = chromium_path()
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture
def visit(browser, address):
    """Open the page as somebody; at the end nothing may have been blocked, broken or fetched."""
    opened = []

    def go(to="", at=address, hold=None, **options):
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.complaints = []
        page.asked = []
        page.held = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text))
        page.on("request", lambda request: page.asked.append(request))
        with page.expect_request(hold or "**"):
            if hold:
                page.route(hold, lambda route: hold_back(page, route))
            page.goto(at + to)
        opened.append(context)
        return page

    yield go
    for context in opened:
        for page in context.pages:
            assert all(request.url.startswith(page.url.split("#")[0]) for request in page.asked)
            # A browser reports every answer that is an error; those are looked at by the tests.
            assert [
                said for said in page.complaints if "Failed to load resource" not in said
            ] == []
        context.close()


def listed(page, place=0):
    rows = page.locator("article").nth(place).locator(".row")
    return [row.get_attribute("data-item") for row in rows.all()]


def add(page, text):
    """Search and take the first title found, by keyboard alone."""
    page.get_by_role("combobox", name="Search titles").focus()
    page.keyboard.insert_text(text)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")


def turn(page, name):
    page.locator("#presets label", has_text=name).click()


def expect_list(page, recommender, about, place=0, model="ss4rec"):
    """Wait for a list about something: the one that the Python API makes for that question.

    Args:
        about: Tells from a question and its last event whether it is the one waited for.
    """
    ends = time.monotonic() + PATIENCE / 1000
    question, ours = None, None
    while time.monotonic() < ends:
        asked = [r.post_data_json for r in page.asked if r.url.endswith("/recommend")]
        asked = [each for each in asked if each["model"] == model]
        if asked and asked[-1] != question and about(asked[-1], asked[-1]["history"][-1]):
            question = asked[-1]
            history = [(e["item"], e["at"], e.get("rating")) for e in question["history"]]
            ours = [x.item for x in recommender.recommend(history, at=question["at"], k=10)]
        if question is not None and listed(page, place) == ours:
            return question
        page.wait_for_timeout(20)
    assert (question, listed(page, place)) == (..., ours)
    return question


def ends_with(item):
    return lambda question, last: last["item"] == item


def after(seconds):
    return lambda question, last: abs((question["at"] or 0) - last["at"] - seconds) < 120


def test_titles_are_found_and_added_and_the_list_follows(visit, home):
    page = visit()
    add(page, "film 3 1993")
    expect(page.locator(".event .name")).to_have_text("The Film 3")
    first = expect_list(page, home.recommender("ss4rec"), ends_with("3"))
    assert [event["item"] for event in first["history"]] == ["3"]
    assert abs(first["at"] - time.time()) < 120
    names = page.locator("article").first.locator(".name").all_inner_texts()
    assert names == [f"The Film {item}" for item in listed(page)]
    chosen = listed(page)[1]
    page.locator("article").first.locator(".pick").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".event")).to_have_count(2)
    second = expect_list(page, home.recommender("ss4rec"), ends_with(chosen))
    assert [event["item"] for event in second["history"]] == ["3", chosen]
    expect(page.locator("article").first.locator(".pick").nth(1)).to_be_focused()
    page.get_by_role("button", name="Remove The Film 3").click()
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event button")).to_be_focused()
    page.go_back()
    expect(page.locator(".event")).to_have_count(2)
    page.reload()
    expect(page.locator(".event .name").last).to_have_text("The Film 3")
    expect_list(page, home.recommender("ss4rec"), ends_with(chosen))


def test_the_search_is_a_combobox(visit):
    page = visit("#history=3@100")
    expect(page.locator(".event")).to_have_count(1)
    field = page.get_by_role("combobox", name="Search titles")
    field.fill("film 3 1993")
    found = page.get_by_role("option").first
    expect(found.locator(".name")).to_have_text("The Film 3")
    expect(found).to_contain_text("1993 · Drama, Film-Noir · in the history")
    field.evaluate("field => { field.value = 'film 5'; }")  # typed, not yet looked up
    field.press("Enter")
    expect(found).to_be_visible()
    field.fill("")
    expect(found).to_be_hidden()
    expect(page.locator(".event")).to_have_count(1)
    field.blur()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("film")
    expect(field).to_have_attribute("aria-expanded", "true")
    chosen = page.locator("#found [aria-selected=true]")
    expect(chosen).to_have_attribute("id", field.get_attribute("aria-activedescendant"))
    third = page.get_by_role("option").nth(2).locator(".name").inner_text()
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(chosen.locator(".name")).to_have_text(third)
    field.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-expanded", "true")
    field.fill("nothing of this name")
    expect(page.locator("#nothing")).to_contain_text("No title matches")
    field.fill("<img src=x>")
    expect(page.locator("#nothing")).to_contain_text("<img src=x>")


def test_the_clock_moves_the_question(visit, home):
    page = visit()
    add(page, "film 3 1993")
    add(page, "film 5 1995")
    expect(page.locator(".event")).to_have_count(2)
    turn(page, "In a month")
    expect(page.locator("#moment")).to_contain_text("In a month")
    expect_list(page, home.recommender("ss4rec"), after(MONTH))
    page.get_by_role("slider", name="Any gap").press("End")
    expect(page.locator("#moment")).to_contain_text("In 2 years")
    expect_list(page, home.recommender("ss4rec"), after(730 * 86_400))
    turn(page, "Not known")
    expect_list(page, home.recommender("ss4rec"), lambda question, last: question["at"] is None)
    # What is picked in a month has happened then, and the clock goes on from there.
    turn(page, "In a month")
    expect_list(page, home.recommender("ss4rec"), after(MONTH))
    chosen = listed(page)[0]
    page.locator("article").first.locator(".pick").first.click()
    expect(page.locator(".gap").first).to_have_text("a month later")
    expect(page.locator("#moment")).to_contain_text("Now")
    question = expect_list(page, home.recommender("ss4rec"), ends_with(chosen))
    assert after(MONTH)(question["history"][-1], question["history"][-2])
    turn(page, "In a month")
    expect_list(page, home.recommender("ss4rec"), after(MONTH))


def test_why_names_what_the_api_names(visit, home):
    page = visit()
    for number in (3, 5, 8):
        add(page, f"film {number} {1990 + number}")
        expect(page.locator(".event")).to_have_count((3, 5, 8).index(number) + 1)
    question = expect_list(page, home.recommender("ss4rec"), ends_with("8"))
    item = listed(page)[0]
    button = page.get_by_role("button", name="Why").first
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".reasons li")).to_have_count(3)
    history = [(e["item"], e["at"]) for e in question["history"]]
    ours = home.recommender("ss4rec").explain(item, history, at=question["at"], k=4)
    names = page.locator(".reasons .name").all_inner_texts()
    assert names == [f"The Film {reason.item}" for reason in ours]
    signs = [text[0] for text in page.locator(".factor").all_inner_texts()]
    assert signs == ["×" if reason.effect >= 0 else "÷" for reason in ours]
    button.click()
    expect(page.locator(".reasons")).to_have_count(0)


def test_a_model_without_histories_says_so_and_knows_its_users(visit, home):
    page = visit()
    add(page, "film 3 1993")
    second = page.locator("article").nth(1)
    expect(second.locator(".message")).to_contain_text("for a new visitor it has no answer")
    page.get_by_label("User of the training data").fill("3")
    page.get_by_label("User of the training data").press("Enter")
    expect(second.locator(".row")).not_to_have_count(0)
    assert listed(page, 1) == [x.item for x in home.recommender("ncf").recommend(user="3", k=10)]
    listed_by_ncf = listed(page, 1)
    rows = home.interactions[home.interactions[c.USER] == "3"]
    seen = rows.sort_values(c.POSITION)[c.ITEM].tolist()
    question = expect_list(page, home.recommender("ss4rec"), ends_with(seen[-1]))
    assert [event["item"] for event in question["history"]] == seen
    assert abs(question["at"] - rows[c.TIMESTAMP].max()) < 120  # the clock is at the data's end
    second.locator(".pick").first.click()
    expect(second.locator(f'[data-item="{listed_by_ncf[0]}"]')).to_have_count(0)
    assert listed(page, 1)[: len(listed_by_ncf) - 1] == listed_by_ncf[1:]
    page.get_by_label("User of the training data").fill("nobody")
    page.get_by_label("User of the training data").press("Enter")
    expect(page.locator("#notice")).to_contain_text("nobody")
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(".event")).to_have_count(0)
    expect(second.locator(".message")).to_contain_text("for a new visitor it has no answer")


def test_a_genre_narrows_the_lists(visit):
    page = visit("#history=3@100")
    rows = page.locator("article").first.locator(".row")
    others = rows.filter(has_not_text="Drama")
    expect(others).not_to_have_count(0)
    page.get_by_label("Genre").select_option("Drama")
    expect(others).to_have_count(0)
    expect(rows).not_to_have_count(0)
    assert "genre=Drama" in page.url


def test_ratings_are_asked_for_where_a_model_reads_them(visit, home):
    page = visit()
    add(page, "film 3 1993")
    expect(page.locator(".event")).to_have_count(1)
    assert page.locator(".rating").count() == 0
    page.get_by_label("Model of list 2").select_option("ss4rec_plus")
    page.get_by_label("Rating of The Film 3").select_option("5")
    rated = home.recommender("ss4rec_plus")
    expect_list(page, rated, lambda _, last: last.get("rating") == 5, 1, "ss4rec_plus")


def hold_back(page, route):
    """Keep a request from the service until it is let go."""
    if page.held is None:
        route.continue_()
    else:
        page.held.append(route)


def let_go(page):
    """Let the service have the requests that were held back, and all later ones."""
    held, page.held = page.held, None
    for route in held:
        route.continue_()


@pytest.mark.parametrize("hold", ["**/models", "**/sessions"])
def test_whoever_is_quicker_than_the_service_loses_nothing(visit, hold):
    page = visit("#history=3@100&in=2592000", hold=hold)
    add(page, "film 5 1995")
    expect(page.locator(".event")).to_have_count(2)
    if hold == "**/sessions":
        page.get_by_label("Model of list 2").select_option("ss4rec_plus")
    let_go(page)
    expect(page.locator(".event .name")).to_have_text(["The Film 5", "The Film 3"])
    second = "ss4rec_plus" if hold == "**/sessions" else "ncf"
    expect(page.get_by_label("Model of list 1")).to_have_value("ss4rec")
    expect(page.get_by_label("Model of list 2")).to_have_value(second)
    expect(page.locator("article").first.locator(".row")).not_to_have_count(0)


@pytest.mark.parametrize("told", ["history=3@soon", "history=%25@1", "user=nobody"])
def test_an_address_that_cannot_be_read_is_left(visit, told):
    page = visit(f"#{told}")
    expect(page.locator("#notice")).to_contain_text("The address says what cannot be shown")
    add(page, "film 3 1993")
    expect(page.locator(".row")).not_to_have_count(0)
    assert told not in page.url


def test_what_goes_wrong_is_said(visit):
    page = visit("#history=3@100 nothing@200&models=ghost,ss4rec")
    expect(page.locator("article").first).to_contain_text("No model called “ghost” is served here")
    expect(page.locator("#notice")).to_contain_text("nothing")
    expect(page.locator("article").nth(1).locator(".row")).not_to_have_count(0)
    page.context.set_offline(True)
    turn(page, "In a year")
    expect(page.get_by_role("alert").first).to_contain_text("does not answer")
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("article").nth(1).locator(".row")).not_to_have_count(0)


def test_a_guarded_service_asks_for_its_token(visit, home, tmp_path):
    with serving(settings_of(home, tmp_path, "ss4rec", token=TOKEN)) as address:
        page = visit(at=address)
        page.get_by_role("dialog", name="Token").get_by_role("textbox").fill(
            "not this one, surely"
        )
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("dialog", name="Token")).to_be_visible()
        page.get_by_role("dialog", name="Token").get_by_role("textbox").fill(TOKEN)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("dialog", name="Token")).to_be_hidden()
        add(page, "film 3 1993")
        expect(page.locator(".row")).not_to_have_count(0)
        page.close()


CONTRAST = """() => {
  const light = (rgb) => rgb.map((c) => c / 255).map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    const [r, g, b, alpha = 1] = read(getComputedStyle(node).backgroundColor);
    return alpha === 0 ? behind(node.parentElement) : [r, g, b];
  };
  const words = [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility() && [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()));
  return Math.min(...words.map((node) => {
    const both = [read(getComputedStyle(node).color).slice(0, 3), behind(node)].map(light);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  }));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_can_be_read(visit, width, scheme):
    size = {"width": width, "height": 800}
    page = visit("#history=3@100 5@200&in=2592000", viewport=size, color_scheme=scheme)
    expect(page.locator("article").first.locator(".row")).not_to_have_count(0)
    page.get_by_role("button", name="Why").first.click()
    expect(page.locator(".reasons li")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.evaluate("document.getAnimations().length") == 0
    shade = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (int(shade[4:].split(",")[0]) < 128) is (scheme == "dark")


def mark(before, place, item):
    """What a row says of an item's place in the list before."""
    if item not in before:
        return "new"
    up = before.index(item) - place
    return f"▲ {up}" if up > 0 else f"▼ {-up}" if up < 0 else ""


def test_lists_glide_unless_motion_is_to_be_reduced(visit):
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = visit("#history=3@100", reduced_motion=motion)
        expect(page.locator("article").first.locator(".row")).not_to_have_count(0)
        page.evaluate(
            "() => { window.glides = 0; const own = Element.prototype.animate;"
            "Element.prototype.animate = function (...given) {"
            " window.glides += 1; return own.apply(this, given); }; }"
        )
        before = listed(page)
        page.locator("article").first.locator(".pick").nth(3).click()
        expect(page.locator(".event")).to_have_count(2)
        expect(page.locator(".moved", has_text="new").first).to_be_visible()
        marks = page.locator("article").first.locator(".moved").all_inner_texts()
        assert marks == [mark(before, *placed) for placed in enumerate(listed(page))]
        assert (page.evaluate("window.glides") > 0) is moves
