"""The report in Chromium: what a reader sees and does, by mouse, by keyboard, without a script."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.common.ledger.report.conftest import ROWS, VERDICTS

pytestmark = pytest.mark.browser

PAGES = ("index.html", "errata.html", "alpha.html", "beta.html")
CHECKS = Path(__file__).with_name("page_checks.js").read_text()
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
CLAIMS = "table.claims tbody tr"


@pytest.fixture(scope="session")
def chromium():
    """A browser of the system; none is downloaded."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install -e '.[browser]'"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no Chromium: none of {', '.join(names)} is on the PATH")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def context(chromium, request):
    """A fresh profile; parametrize it indirectly with its options."""
    made = chromium.new_context(**getattr(request, "param", {}))
    yield made
    made.close()


@pytest.fixture
def visit(context, site):
    """Open a page; at the end nothing may have failed, or been asked of the network."""
    wrong = []

    def opened(name):
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type != "log" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("requestfailed", lambda r: wrong.append(f"failed: {r.url}"))
        page.on("request", lambda r: wrong.append(r.url) if not _local(r.url) else None)
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield opened
    assert not wrong


def _local(url):
    return url.startswith(("file:", "data:"))


def shown(page):
    """The ids of the claims in sight, in their order."""
    rows = page.locator(f"{CLAIMS}:visible .c-claim")
    return rows.all_inner_texts()


def column(page, table, key):
    return page.locator(f"table.{table} tbody .c-{key}").all_inner_texts()


def head(page, table, key):
    return page.locator(f"table.{table} thead .c-{key}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads(visit, name):
    page = visit(name)
    page.wait_for_load_state("load")
    assert page.locator("h1").count() == 1
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_every_link_leads_somewhere(visit, site):
    ids, links = {}, set()
    for name in PAGES:
        page = visit(name)
        ids[name] = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        links |= set(page.evaluate("[...document.links].map(a => a.href)"))
    assert len(links) >= 20
    for link in links:
        address = urlsplit(link)
        file = Path(unquote(address.path))
        assert address.scheme == "file"
        assert file.is_file(), link
        assert file.is_relative_to(site)
        if address.fragment:
            assert unquote(address.fragment) in ids[file.name], link


def test_a_claim_is_reached_from_the_table(visit):
    page = visit("index.html")
    page.locator("table.claims").get_by_role("link", name="A6", exact=True).click()
    page.wait_for_url("**/alpha.html#A6")
    page.wait_for_function("document.querySelector(':target')?.id === 'A6'")


def test_numbers_sort_as_numbers(visit):
    page = visit("alpha.html")
    header = head(page, "tasks", "mean")
    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").click()
    assert column(page, "tasks", "mean") == ["2e-10", "2", "34", "101"]
    assert header.get_attribute("aria-sort") == "ascending"
    header.get_by_role("button").click()
    assert column(page, "tasks", "mean") == ["101", "34", "2", "2e-10"]
    assert header.get_attribute("aria-sort") == "descending"
    assert page.locator("table.tasks [aria-sort=descending]").count() == 1


def test_texts_sort_by_the_numbers_in_them_and_below_numbers(visit):
    page = visit("index.html")
    page.get_by_label("Scale").select_option("all")
    head(page, "claims", "claim").get_by_role("button").click()
    order = ["A1", "A1", "A2", "A3", "A4", "A5", "A6", "A10", "B1"]
    assert column(page, "claims", "claim") == order
    head(page, "claims", "published").get_by_role("button").click()
    assert column(page, "claims", "claim")[:3] == ["A2", "B1", "A6"]
    assert column(page, "claims", "claim")[-3:] == ["A3", "A5", "A4"]
    head(page, "claims", "published").get_by_role("button").click()
    assert column(page, "claims", "claim")[:4] == ["A10", "A1", "A1", "A6"]
    assert set(column(page, "claims", "claim")[-3:]) == {"A3", "A4", "A5"}


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_sorting_by_keyboard(visit, key):
    page = visit("index.html")
    head(page, "claims", "verdict").get_by_role("button").focus()
    page.keyboard.press(key)
    assert shown(page) == ["A1", "A6", "A2", "A10", "A4", "A3", "A5"]
    page.keyboard.press(key)
    assert shown(page) == ["A5", "A3", "A4", "A10", "A2", "A1", "A6"]


def test_search_filters_while_it_is_typed_in(visit):
    page = visit("index.html")
    box = page.get_by_role("searchbox", name="Search")
    status = page.get_by_role("status")
    assert status.inner_text() == f"{len(VERDICTS) + 1} of {ROWS} rows shown"
    assert status.get_attribute("aria-live") == "polite"
    box.press_sequentially("MODEL  beats ")
    assert shown(page) == ["A2"]
    assert status.inner_text() == f"1 of {ROWS} rows shown"
    assert box.input_value() == "MODEL  beats "
    box.fill("<script>")
    assert shown(page) == ["A1"]
    box.fill("no such words")
    assert shown(page) == []
    page.get_by_role("button", name="Show all").click()
    assert len(shown(page)) == ROWS
    assert box.input_value() == ""


def test_verdicts_filter_by_mouse(visit):
    page = visit("index.html")
    fails = page.get_by_role("button", name=re.compile("^fails"))
    assert fails.inner_text() == "fails 1"
    fails.click()
    assert fails.get_attribute("aria-pressed") == "true"
    assert shown(page) == ["A2"]
    page.get_by_role("button", name=re.compile("^stale")).click()
    assert shown(page) == ["A2", "A3"]
    fails.click()
    assert fails.get_attribute("aria-pressed") == "false"
    assert shown(page) == ["A3"]


def test_everything_by_keyboard_alone(visit):
    page = visit("index.html")

    def tab_to(css):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("css => document.activeElement.matches(css)", css):
                return
        raise AssertionError(f"Tab does not reach {css}")

    tab_to("#search")
    page.keyboard.type("model")
    tab_to("#scale")
    page.keyboard.press("ArrowDown")
    assert page.locator("#scale").input_value() == "paper"
    page.keyboard.press("ArrowDown")
    assert len(shown(page)) == 3
    tab_to("[data-verdict=fails]")
    page.keyboard.press("Space")
    assert shown(page) == ["A2"]
    tab_to("[type=reset]")
    page.keyboard.press("Enter")
    assert len(shown(page)) == ROWS


def test_an_address_can_be_shared(visit):
    page = visit("index.html")
    page.get_by_role("searchbox").fill("model & x")
    page.get_by_label("Scale").select_option("all")
    for verdict in ("holds", "not run"):
        page.get_by_role("button", name=re.compile(f"^{verdict}")).click()
    head(page, "claims", "verdict").get_by_role("button").click()
    head(page, "claims", "verdict").get_by_role("button").click()
    there = shown(page)
    assert there == ["A1", "A1"]
    fragment = page.url.partition("#")[2]
    other = visit(f"index.html#{fragment}")
    assert shown(other) == there
    assert other.get_by_role("searchbox").input_value() == "model & x"
    assert other.get_by_label("Scale").input_value() == "all"
    pressed = other.locator(".filter[aria-pressed=true]").all_inner_texts()
    assert [text.rstrip(" 0123456789") for text in pressed] == ["holds", "not run"]
    assert head(other, "claims", "verdict").get_attribute("aria-sort") == "descending"


def test_an_address_that_makes_no_sense_shows_the_usual(visit):
    page = visit("index.html#scale=huge&verdict=perhaps&sort-claims=nothing.down&q=")
    assert len(shown(page)) == len(VERDICTS) + 1
    assert page.get_by_label("Scale").input_value() == "laptop"


def test_going_back_to_an_address(visit):
    page = visit("index.html")
    page.evaluate("location.hash = 'verdict=fails'")
    page.wait_for_function(
        "document.querySelector('[data-verdict=fails].filter').ariaPressed === 'true'"
    )
    assert shown(page) == ["A2"]
    page.go_back()
    page.wait_for_function(
        "document.querySelector('[data-verdict=fails].filter').ariaPressed === 'false'"
    )
    assert len(shown(page)) == len(VERDICTS) + 1


@pytest.mark.parametrize("context", [{"color_scheme": s} for s in ("light", "dark")], indirect=True)
def test_the_theme_is_remembered(visit):
    page = visit("index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    button = page.get_by_role("button", name="Dark")
    before, pressed = page.evaluate(ground), button.get_attribute("aria-pressed")
    button.click()
    after = page.evaluate(ground)
    assert after != before
    assert button.get_attribute("aria-pressed") != pressed
    page.reload()
    assert page.evaluate(ground) == after
    other = visit("alpha.html")
    assert other.evaluate(ground) == after
    other.get_by_role("button", name="Dark").click()
    assert other.evaluate(ground) == before


@pytest.mark.parametrize("width", [320, 360, 768, 1100, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(visit, name, width):
    page = visit(name)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(f"{CHECKS}.overflowing()") == []


def test_a_paper_of_many_claims_scrolls_in_its_box(visit):
    page = visit("index.html")
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate(
        """const strip = document.querySelector(".strip"), sign = strip.firstElementChild;
        strip.style.flexWrap = "nowrap";
        for (let i = 0; i < 40; i++) strip.append(sign.cloneNode(true));"""
    )
    assert page.evaluate(f"{CHECKS}.overflowing()") == []


def test_the_table_of_tasks_scrolls_in_its_own_box(visit):
    page = visit("alpha.html")
    page.set_viewport_size({"width": 360, "height": 800})
    box = page.get_by_role("region", name="Table of tasks")
    assert box.evaluate("e => e.scrollWidth > e.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.s-tasks .scroll').scrollLeft > 0")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("context", [{"color_scheme": s} for s in ("light", "dark")], indirect=True)
def test_everything_can_be_read(visit, name, width):
    page = visit(name)
    page.set_viewport_size({"width": width, "height": 800})
    found = page.evaluate(f"{CHECKS}.lowContrast()")
    assert found["looked"] > 15
    assert found["found"] == []
    assert page.evaluate(f"{CHECKS}.faintMarks()") == []
    for button in page.locator("button[aria-pressed]").all():
        button.hover()
        button.click()
    assert page.evaluate(f"{CHECKS}.lowContrast()")["found"] == []


def test_the_check_of_contrast_can_fail(visit):
    page = visit("errata.html")
    page.evaluate("document.querySelector('.lead').style.color = '#aaa'")
    (line,) = page.evaluate(f"{CHECKS}.lowContrast()")["found"]
    assert "Where a paper" in line


@pytest.mark.parametrize("name", PAGES)
def test_every_control_has_a_name_and_a_size(visit, name):
    page = visit(name)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "searchbox", "combobox", "textbox", "region", "table", "image"}
    nodes = [n for n in tree if not n["ignored"] and n["role"]["value"] in roles]
    assert len(nodes) > 4
    assert [n for n in nodes if not n["name"].get("value", "").strip()] == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate(f"{CHECKS}.smallTargets()") == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_table_stays_a_table_for_screen_readers(visit, width):
    page = visit("index.html")
    page.set_viewport_size({"width": width, "height": 800})
    table = page.get_by_role("table", name="Claims of all papers")
    assert table.get_by_role("columnheader").count() == 8
    assert table.get_by_role("row").count() == len(VERDICTS) + 2
    assert table.get_by_role("rowheader").count() == len(VERDICTS) + 1


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(visit, name):
    levels = visit(name).evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_without_a_script(visit):
    page = visit("index.html")
    assert len(shown(page)) == ROWS
    for control in page.locator("button, input, select").all():
        assert not control.is_visible()
    page = visit("alpha.html")
    assert page.locator("article.claim:visible").count() == 7
    command = page.get_by_text("python -m common.ledger run alpha --claim A2", exact=True)
    assert command.is_visible()
    assert page.locator("button:visible").count() == 0


def test_copying_a_command(visit, context):
    page = visit("alpha.html")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy the command of A2 at laptop scale")
    button.click()
    page.get_by_role("button", name="Copied the command of A2 at laptop scale").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == "python -m common.ledger run alpha --claim A2"
    button.wait_for(timeout=5000)


def test_the_skip_link_comes_first_and_focus_is_seen(visit):
    page = visit("index.html")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "_main"
    page.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    assert page.evaluate(f"{style}.outlineStyle") == "solid"
    assert page.evaluate(f"parseFloat({style}.outlineWidth)") >= 2


@pytest.mark.parametrize(
    ("context", "behaviour"),
    [({"reduced_motion": "reduce"}, "auto"), ({"reduced_motion": "no-preference"}, "smooth")],
    indirect=["context"],
)
def test_motion_is_reduced_where_it_is_asked_for(visit, behaviour):
    page = visit("index.html")
    style = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(style) == behaviour


@pytest.mark.parametrize("context", [{"color_scheme": "dark"}], indirect=True)
def test_on_paper(visit):
    page = visit("alpha.html")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"{CHECKS}.lowContrast()")["found"] == []
    assert page.locator(".scripted:visible").count() == 0
    page.set_viewport_size({"width": 690, "height": 980})  # A4 between margins
    assert page.evaluate(f"{CHECKS}.overflowing()") == []
    folded = page.get_by_text("code common.part5")
    assert folded.evaluate("e => e.getBoundingClientRect().height") > 0
