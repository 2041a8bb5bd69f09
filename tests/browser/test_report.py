"""The report in a real browser, as a reader meets it on a telephone and on a desk."""

import shutil

import pytest

from deltavae.report import write_comparison, write_report
from tests.conftest import run_script

pytestmark = pytest.mark.browser

MEASURES = """() => {
  const shown = element => element.getClientRects().length > 0;
  const texts = [...document.querySelectorAll('p, td, dd, dt, h1, h2, h3, figcaption, li, a')];
  const luminance = colour => colour.match(/[0-9.]+/g).slice(0, 3)
    .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return {
    width: document.documentElement.scrollWidth,
    broken: [...document.images].filter(i => !i.complete || !i.naturalWidth).length,
    images: document.images.length,
    unnamed: [...document.images].filter(i => !i.alt).length,
    outside: [...document.images].filter(i => i.getBoundingClientRect().right > innerWidth).length,
    smallest: Math.min(...texts.filter(shown).map(e => parseFloat(getComputedStyle(e).fontSize))),
    lightest: Math.max(...texts.filter(shown).map(e => luminance(getComputedStyle(e).color))),
    longest: Math.max(...[...document.querySelectorAll('main p')]
      .map(e => e.getBoundingClientRect().width / parseFloat(getComputedStyle(e).fontSize))),
    dead: [...document.querySelectorAll('a[href^="#"]')]
      .filter(a => !document.querySelector(a.getAttribute('href'))).length,
  };
}"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium"
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(trained_run, tmp_path_factory):
    run = tmp_path_factory.mktemp("report") / "run"
    shutil.copytree(trained_run, run)
    scored = run_script("evaluate.py", f"--run_dir={run}", "--settings=fast")
    assert scored.returncode == 0, scored.stderr
    other = run.with_name("other")
    shutil.copytree(run, other)
    comparison = write_comparison([run, other], run.with_name("comparison.html"))
    return {"report": write_report(run), "comparison": comparison}


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_the_page_is_readable_and_needs_no_network(browser, pages, name, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    console, errors, requests = [], [], []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(pages[name].as_uri())
    found = page.evaluate(MEASURES)
    page.close()
    assert console == [] and errors == []
    outside = [url for url in requests if not url.startswith(("data:", pages[name].as_uri()))]
    assert outside == []
    assert found["images"] >= (15 if name == "report" else 1)
    assert found["broken"] == found["unnamed"] == found["outside"] == found["dead"] == 0
    assert found["width"] == width, "the page scrolls sideways"
    assert found["smallest"] >= 12, "text below 12 pixels"
    # 4.5 : 1 against white is a luminance of at most 0.183 (WCAG 2, AA)
    assert found["lightest"] <= 0.183
    assert found["longest"] <= 50, "lines of more than 50 em"


def test_less_motion_on_request(browser, pages):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(pages["report"].as_uri())
    sources = page.evaluate("[...document.querySelectorAll('picture img')].map(i => i.currentSrc)")
    moving = page.evaluate("[...document.querySelectorAll('picture img')].map(i => i.src)")
    page.close()
    assert sources and all(a != b for a, b in zip(sources, moving, strict=True))
