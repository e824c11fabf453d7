#!/usr/bin/env python3
"""The page of a link in a real browser: headless Chromium opens it over HTTPS on the port of SMP, runs its script under the
page's own security policy, and the document that comes out shows the link.

    pages_test.py BIN

Ends with 77 (skipped) where there is no Chromium, and unless PLEXUS_BROWSER_TEST is set: a browser takes its time.
"""

import html.parser
import os
import re
import shutil
import subprocess
import sys

from operations_test import Operated, check

SKIPPED = 77
PATIENCE = 300  # for a browser on a loaded machine


class Page(html.parser.HTMLParser):
    """What of a document the test looks at, by id."""

    def __init__(self, text):
        super().__init__()
        self.attributes, self.texts, self.paths, self.inside = {}, {}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "path":
            self.paths.append(known.get("d", ""))
        if "id" in known:
            self.attributes[known["id"]] = known
        if tag not in ("meta", "link", "br"):
            self.inside.append(known.get("id"))

    def handle_endtag(self, tag):
        if self.inside:
            self.inside.pop()

    def handle_data(self, data):
        if self.inside and self.inside[-1]:
            self.texts[self.inside[-1]] = self.texts.get(self.inside[-1], "") + data


def browse(browser, world, path):
    """The document after its scripts have run, and what the browser complained of."""
    done = subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", f"--user-data-dir={world.folder}/browser", "--ignore-certificate-errors",
         "--host-resolver-rules=MAP pages.example 127.0.0.1", "--enable-logging=stderr", "--virtual-time-budget=10000",
         "--dump-dom", f"https://pages.example:{world.port}{path}"],
        capture_output=True, text=True, timeout=PATIENCE)
    check(done.returncode == 0, f"the browser ended with {done.returncode}: {done.stderr[-2000:]}")
    return Page(done.stdout), [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def main():
    if not os.environ.get("PLEXUS_BROWSER_TEST"):
        print("skipped: PLEXUS_BROWSER_TEST=1 runs it")
        sys.exit(SKIPPED)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("skipped: there is no Chromium (Debian: apt-get install chromium)")
        sys.exit(SKIPPED)
    with Operated(sys.argv[1]) as world:
        world.hears("READY=1")
        host = f"pages.example:{world.port}"
        key = "abcDEF_-0123456789" * 2
        cases = (
            (f"/i#{key}/{key}", "One-time invitation", f"simplex:/i#{key}/{key}?h=pages.example"),
            (f"/a#{key}?h=other.example", "Contact address", f"simplex:/a#{key}?h=pages.example,other.example"),
            (f"/c#{key}", "Channel", f"simplex:/c#{key}?h=pages.example"),
            (f"/g#{key}", "Group", f"simplex:/g#{key}?h=pages.example"),
            (f"/r#{key}", "Relay", f"simplex:/r#{key}?h=pages.example"),
            (f"/contact#/?v=2-7&smp={key}", "Contact address", f"simplex:/contact#/?v=2-7&smp={key}"),
            (f"/invitation#/?v=2-7&smp={key}", "One-time invitation", f"simplex:/invitation#/?v=2-7&smp={key}"),
            # What stands in a link is text, whatever it looks like.
            ("/a#<img/src=x/onerror=alert(1)>", "Contact address", None))
        for path, title, app in cases:
            page, complaints = browse(browser, world, path)
            check(not complaints, f"{path}: {complaints}")
            check(page.texts.get("title") == title, f"{path}: the title is {page.texts.get('title')}")
            check("hidden" not in page.attributes["link"] and "hidden" in page.attributes["none"], f"{path}: not shown")
            check("img" not in [name for name in page.attributes], f"{path}: markup came out of the link")
            if app is not None:
                check(page.attributes["open"]["href"] == app, f"{path}: the app opens {page.attributes['open']['href']}")
                check(page.texts["text"] == f"/c https://{host}{path}", f"{path}: the text is {page.texts['text']}")
            check(len(page.paths) == 1 and len(re.findall("h1v1h-1z", page.paths[0])) > 200, f"{path}: no QR code")
        page, complaints = browse(browser, world, "/a")
        check(not complaints, f"{complaints}")
        check("hidden" in page.attributes["link"] and "hidden" not in page.attributes["none"], "a page without a link")
        print("pages: passed")


if __name__ == "__main__":
    main()
