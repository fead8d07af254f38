"""The page of a run, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StackDir, clean_environment
from tests.e2e.browser import Browser, install_browser
from tests.integration.probes import plugin

DEMO = plugin("""
    def work(stack):
        print("working <script>document.title = 'hacked'</script> & \\x1b[31mred\\x1b[0m")

    def nap(stack, seconds):
        time.sleep(seconds)

    def with_inner(stack):
        stack.async_run("inner", nap, 0.1)
        stack.async_wait("inner")

    @hookimpl
    def stack_install(stack):
        yield run(work, name="fetch")
        yield async_run("slow-future-with-quite-a-long-name", nap, 0.6)
        for number in range(4):
            yield async_run(f"build-{number}", nap, 0.2)
        yield run(nap, 0.3, name="configure")

    @hookimpl
    def stack_test_config(stack):
        yield async_wait("build-0", "build-1", "build-2", "build-3")
        yield run(with_inner)
        yield async_wait("slow-future-with-quite-a-long-name")
        yield run(nap, 0.05, name="last")
""")

SIZES = (360, 800, 1600)

# The contrast of a text with what is behind it, as WCAG has it.
CONTRAST = """
(() => {
  const numbers = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = numbers(text).slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith("rgb(")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = "body, .about, .result, .cards dt, .cards dd, .note, .legend li, .label small, " +
    ".tick, a.bar.run > span, em, th, td, td a, .took, .plugin, footer, button";
  return [...document.querySelectorAll(texts)].map((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.outerHTML.slice(0, 90)];
  }).filter(([contrast]) => contrast < 4.5);
})()
"""

OUTSIDE = """
[...document.querySelectorAll('.track')].flatMap((track) => {
  const box = track.getBoundingClientRect();
  return [...track.querySelectorAll('.bar')].filter((bar) => {
    const it = bar.getBoundingClientRect();
    return it.left < box.left - 3 || it.right > box.right + 3 || it.width < 0.5;
  }).map((bar) => bar.outerHTML);
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    install_browser()
    made = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run after another of the same steps."""
    directory = tmp_path_factory.mktemp("page")
    environ = clean_environment(ENABLED_SERVICES=",")
    stack = StackDir(directory / "stack", {"extras.d/50-demo.py": DEMO}, environ)
    for _ in range(2):
        stack.run("-n", "2", "stack").ok()
    stack.run("timing", "--html", str(directory / "run.html")).ok()
    return directory / "run.html"


def _opened(browser: Browser, page: Path, **look: Any) -> Browser:
    browser.look_like(**look)
    browser.events.clear()
    browser.open(page.as_uri())
    return browser


def _texts(browser: Browser, selector: str) -> list[str]:
    script = f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent.trim())"
    return list(browser.run(script))


def test_page_shows_the_run(browser: Browser, page: Path) -> None:
    shown = _opened(browser, page, width=1600)

    assert shown.run("document.title").startswith("doit stack: succeeded after ")
    assert _texts(shown, ".main-line .bar.run") == ["fetch", "configure", "with_inner", "last"]
    assert len(_texts(shown, ".row a.bar.future")) == 6
    assert set(_texts(shown, ".row .label a")) == {
        "slow-future-with-quite-a-long-name",
        *(f"build-{number}" for number in range(4)),
        "inner",
    }
    for kind in ("wait", "critical", "queue", "ended", "phase"):
        assert _texts(shown, f".track .bar.{kind}"), kind
    assert shown.run(OUTSIDE) == []
    assert shown.run("document.querySelectorAll('.curve path.area').length") == 2
    assert len(_texts(shown, "details.step")) == 4 + 6 + 2
    assert _texts(shown, "#comparison, #what-if, #critical") == [
        "The critical path",
        "What would make it shorter",
        "Against an earlier run",
    ]
    assert "working <script>document.title = 'hacked'</script> & red" in "\n".join(
        _texts(shown, "pre")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_page_fits_and_is_readable(browser: Browser, page: Path, width: int, scheme: str) -> None:
    shown = _opened(browser, page, width=width, scheme=scheme)
    shown.run("document.querySelectorAll('details.step').forEach((one) => one.open = true)")
    shown.screenshot(f"timing-{width}-{scheme}")

    assert shown.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert shown.run(CONTRAST) == []
    lightness = shown.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(lightness) > 128) is (scheme == "light")
    assert shown.complaints() == []
    assert shown.requests() == [page.as_uri()]


def test_page_keeps_its_bars_on_white_paper(browser: Browser, page: Path) -> None:
    shown = _opened(browser, page, width=800, scheme="dark")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    shown.call("Emulation.setEmulatedMedia", media="print", features=dark)
    try:
        ink = "(what) => getComputedStyle(document.querySelector(what)).printColorAdjust"
        for what in (".bar.future", ".bar.wait", ".legend i", ".mini i"):
            assert shown.run(f"({ink})({what!r})") == "exact", what
        colour = shown.run("getComputedStyle(document.body).backgroundColor")
        assert colour == "rgb(255, 255, 255)"
        assert shown.run(CONTRAST) == []
    finally:
        shown.call("Emulation.setEmulatedMedia", media="", features=[])


def test_page_can_be_used_by_keyboard(browser: Browser, page: Path) -> None:
    shown = _opened(browser, page, width=1600)

    shown.press("Tab", 9)
    assert shown.run("document.activeElement.className") == "skip"
    shown.run("document.querySelector('.main-line a.bar').focus()")
    shown.press("Enter", 13, "\r")
    shown.wait_for("!!document.querySelector('details.step[open]')")
    assert _texts(shown, "details.step[open] .name") == ["fetch"]
    shown.wait_for("document.activeElement.tagName === 'SUMMARY'")
    shown.press("Enter", 13, "\r")
    shown.wait_for("!document.querySelector('details.step[open]')")


def test_page_finds_and_zooms(browser: Browser, page: Path) -> None:
    shown = _opened(browser, page, width=800)

    typed = "const f = document.querySelector('input[type=search]'); f.value = 'BUILD'; "
    shown.run(f"{{ {typed} f.dispatchEvent(new Event('input')) }}")
    assert set(_texts(shown, "details.step:not([hidden]) .name")) == {
        *(f"build-{number}" for number in range(4)),
        "async_wait build-0 and 3 more",
    }
    width = "document.querySelector('.rows').getBoundingClientRect().width"
    before = shown.run(width)
    turned = "const z = document.querySelector('input[type=range]'); z.value = 10; "
    shown.run(f"{{ {turned} z.dispatchEvent(new Event('input')) }}")
    assert shown.run(width) > 5 * before
    assert shown.run("document.documentElement.scrollWidth - innerWidth") <= 0


def test_page_is_complete_without_scripts(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown = _opened(browser, page, width=1600)
        assert shown.run("document.querySelector('.zoom').hidden")
        assert shown.run("document.querySelector('.tools').hidden")
        assert len(_texts(shown, "details.step")) == 12
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
