"""A real browser, for pages: the system's Chromium without a display, driven by Selenium.

A pytest plugin for its fixture: a module that uses it says `pytest_plugins = ("browser",)`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROGRAMS = ("chromium", "chromedriver")
"""What runs: of the Debian packages chromium and chromium-driver."""


class Programs(NamedTuple):
    """A browser, and what drives it."""

    browser: str
    driver: str


@cache
def programs() -> Programs | None:
    """Those of the system; else those that Selenium's own manager has, or fetches (Chrome for Testing): Ubuntu has
    Chromium as a snap alone. None if there are none to be had."""
    found = [path for one in PROGRAMS if (path := shutil.which(one))]
    if len(found) == len(PROGRAMS):
        return Programs(*found)
    try:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.common.selenium_manager import SeleniumManager
    except ImportError:
        return None
    try:
        paths = SeleniumManager().binary_paths(["--browser", "chrome"])
    except (WebDriverException, OSError):
        return None
    return Programs(paths["browser_path"], paths["driver_path"])


FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--force-device-scale-factor=1",
)


class Browser:
    """What tests ask of it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path) -> None:
        """Shows a report, drawn."""
        from selenium.webdriver.support.ui import WebDriverWait

        self.driver.get_log("browser")
        self.driver.get(page.as_uri())
        WebDriverWait(self.driver, 120, poll_frequency=0.05).until(
            lambda driver: driver.execute_script("return document.documentElement.hasAttribute('data-ready')")
        )
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """What the first such element shows."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def count(self, selector: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def complaints(self) -> list[str]:
        """What the console was told since the page was opened."""
        return [one["message"] for one in self.driver.get_log("browser")]


@contextmanager
def chromium(width: int = 1360, height: int = 900) -> Iterator[Browser]:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    found = programs()
    assert found is not None, lacking()
    options.binary_location = found.browser
    for flag in (*FLAGS, f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found.driver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def lacking() -> str | None:
    """What is not there, and how to have it; None if all is."""
    if programs() is not None:
        return None
    return "a browser (Debian: chromium and chromium-driver; elsewhere Selenium fetches one, if it reaches the network)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a module. They are skipped if there is none; unattended they fail."""
    missing = lacking()
    if missing is not None:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"pages need {missing}")
    with chromium() as found:
        yield found
