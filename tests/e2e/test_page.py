"""The page at / in Debian's Chromium, driven over the WebDriver protocol. Screenshots go to AKIN_SCREENSHOTS if it is set."""
import base64
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
import requests
from conftest import fill, wait_for

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
ENTER, DOWN, ESCAPE = "\ue007", "\ue015", "\ue00c"


class Browser:
    def __init__(self, width=1280, height=900, dark=False):
        self.profile = tempfile.mkdtemp(prefix="akin-chromium-")
        self.process = subprocess.Popen([DRIVER, "--port=0", "--allowed-ips="], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "started successfully on port" in line:
                self.root = "http://127.0.0.1:" + line.rsplit(" ", 1)[1].strip().rstrip(".")
                break
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]
        if dark:
            flags.append("--force-dark-mode")
        answer = requests.post(self.root + "/session", json={"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"binary": CHROMIUM, "args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}}}, timeout=60)
        self.session = f"{self.root}/session/{answer.json()['value']['sessionId']}"

    def close(self):
        try:
            requests.delete(self.session, timeout=20)
        finally:
            self.process.terminate()
            self.process.wait(10)
            self.process.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def post(self, path, **body):
        answer = requests.post(self.session + path, json=body, timeout=30).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(answer["message"])
        return answer

    def go(self, url):
        self.post("/url", url=url)

    def js(self, script, *args):
        return self.post("/execute/sync", script=script, args=list(args))

    def type(self, css, text):
        found = self.post("/element", using="css selector", value=css)
        self.post(f"/element/{next(iter(found.values()))}/value", text=text)

    def click(self, css):
        found = self.post("/element", using="css selector", value=css)
        self.post(f"/element/{next(iter(found.values()))}/click")

    def texts(self, css):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(x => x.textContent)", css)

    def log(self):
        return self.post("/se/log", type="browser")

    def size(self, width, height):
        self.post("/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride",
                  params={"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def media(self, scheme):
        self.post("/goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def shot(self, name):
        folder = os.environ.get("AKIN_SCREENSHOTS")
        if folder:
            data = requests.get(self.session + "/screenshot", timeout=30).json()["value"]
            pathlib.Path(folder, name + ".png").write_bytes(base64.b64decode(data))


@pytest.fixture(scope="module")
def browser():
    b = Browser()
    yield b
    b.close()


@pytest.fixture(scope="module")
def site(server):
    fill(server, "news")
    server.post("/v1/collections/news/documents", [
        {"id": "evil", "title": "<img src=x onerror=alert(1)>", "text": "<script>document.title='owned'</script> pumpkin & <b>bold</b>",
         "url": "javascript:document.title='owned'"},
        {"id": "umlaut", "title": "Kürbis", "text": "Ünïcödé 🙂 before the word pumpkin, and after it too.", "url": "https://example.org/k"}])
    server.collection("other")
    return server


@pytest.fixture(autouse=True)
def clean(browser, request):
    yield
    if "allows_errors" not in request.keywords:
        wrong = [x for x in browser.log() if x["level"] == "SEVERE" and "favicon" not in x["message"]]
        assert wrong == []


def hits(browser, within="#results"):
    return browser.texts(within + " .hit h3")


def test_results_while_typing(browser, site):
    browser.go(site.url + "/")
    assert browser.js("return document.activeElement.id") == "q"
    browser.type("#q", "pumpkin soup")
    wait_for(lambda: hits(browser)[:1] == ["Soup"])
    assert browser.texts("#results mark")
    assert browser.js("return +document.querySelector('.hit [role=meter]').ariaValueNow") > 0.3
    assert browser.js("return location.search") == "?q=pumpkin+soup"
    browser.shot("results")


def test_side_by_side(browser, site):
    browser.click("input[value=both] + span")
    wait_for(lambda: browser.texts("#results .column > h2") and len(browser.texts("#results .column")) == 2)
    assert browser.js("const [a,b]=[...document.querySelectorAll('.column')].map(x=>x.getBoundingClientRect()); return a.right <= b.left && a.top === b.top")
    assert browser.texts(".column.lexical h2")[0].startswith("By words") and browser.texts(".column.semantic h2")[0].startswith("By meaning")
    browser.shot("both")
    browser.click("input[value=hybrid] + span")
    wait_for(lambda: len(browser.texts("#results .column")) == 1)


def test_text_is_never_markup(browser, site):
    browser.go(site.url + "/?q=pumpkin&mode=lexical")
    wait_for(lambda: "<img src=x onerror=alert(1)>" in hits(browser))
    assert browser.js("return document.querySelectorAll('#results img, #results script, #results b').length") == 0
    assert browser.js("return document.title") == "akin"
    assert browser.js("return [...document.querySelectorAll('#results a')].map(a => a.href)") == ["https://example.org/k"]
    marks = browser.js("return [...document.querySelectorAll('#results .hit')].filter(h => h.querySelector('h3').textContent === 'Kürbis')"
                       ".map(h => h.querySelector('mark').textContent)")
    assert marks == ["pumpkin"]  # byte offsets behind an emoji


def test_more_like_this_and_back(browser, site):
    browser.go(site.url + "/?q=telescope&mode=lexical")
    wait_for(lambda: hits(browser) == ["Stars"])
    browser.click(".hit button[aria-label='More like Stars']")
    wait_for(lambda: browser.texts("#results h2") and "More like “Stars”" in browser.texts("#results h2")[0])
    assert "Stars" not in hits(browser) and len(hits(browser)) >= 5
    browser.shot("similar")
    browser.type("body", ESCAPE)
    wait_for(lambda: hits(browser) == ["Stars"])


def test_likes_change_for_you(browser, site):
    browser.go(site.url + "/?q=bicycle&mode=lexical")
    wait_for(lambda: hits(browser) == ["Bike"])
    before = browser.texts("#you-list b")
    browser.click(".hit button[data-like=bike]")
    wait_for(lambda: browser.texts(".hit button[data-like=bike]") == ["♥ Liked"])
    wait_for(lambda: browser.texts("#you-list b") and browser.texts("#you-list b") != before)
    assert "Bike" not in browser.texts("#you-list b")
    assert browser.texts("#you-why") == ["from what you liked"]
    user = browser.js("return localStorage.getItem('akin.user')")
    liked = [f for f in site.get("/v1/collections/news/feedback", user=user)["data"] if f["type"] == "like"]
    assert [f["document"] for f in liked] == ["bike"]
    browser.shot("for-you")
    browser.go(site.url + "/?q=bicycle&mode=lexical")
    wait_for(lambda: browser.texts(".hit button[data-like=bike]") == ["♥ Liked"])  # kept


def test_stale_answers_are_dropped(browser, site):
    """The answer to the older question comes last and must not be shown."""
    browser.go(site.url + "/")
    wait_for(lambda: browser.js("return document.querySelector('#collection').value") == "news")
    browser.js("""
      const real = window.fetch;
      window.fetch = async (path, o) => {
        const slow = o && o.body && o.body.includes('guitar');
        if (slow) { const { signal, ...rest } = o; const a = await real(path, rest); await new Promise(r => setTimeout(r, 700)); return a; }
        return real(path, o);
      };
      const q = document.getElementById('q');
      q.value = 'guitar'; document.getElementById('form').requestSubmit();
      q.value = 'telescope'; document.getElementById('form').requestSubmit();
    """)
    wait_for(lambda: hits(browser)[:1] == ["Stars"])
    time.sleep(1)
    assert hits(browser)[:1] == ["Stars"]


def test_keyboard(browser, site):
    browser.go(site.url + "/?q=pumpkin")
    wait_for(lambda: hits(browser))
    browser.js("document.activeElement.blur()")
    browser.type("body", "/")
    assert browser.js("return document.activeElement.id") == "q"
    browser.type("#q", DOWN)
    assert browser.js("return document.activeElement.textContent") == "More like this"


def test_states(browser, site):
    browser.go(site.url + "/?q=zzzzqqqq&mode=lexical")
    wait_for(lambda: any("No document has these words" in x for x in browser.texts("#results .empty")))
    browser.js("const s=document.getElementById('collection'); s.value='other'; s.dispatchEvent(new Event('change'))")
    wait_for(lambda: browser.js("return location.search").endswith("c=other"))
    assert browser.js("return document.getElementById('you').hidden")


def test_every_control_has_a_name(browser, site):
    browser.go(site.url + "/?q=pumpkin")
    wait_for(lambda: hits(browser))
    nameless = browser.js("""return [...document.querySelectorAll('button, input, select, [role=meter], a')].filter(x =>
      !(x.getAttribute('aria-label') || x.textContent.trim() || (x.labels && x.labels.length))).map(x => x.outerHTML)""")
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_and_dark(browser, site, scheme):
    browser.size(360, 780)
    browser.media(scheme)
    browser.go(site.url + "/?q=pumpkin&mode=both")
    wait_for(lambda: len(browser.texts("#results .column")) == 2)
    assert browser.js("return document.documentElement.scrollWidth") <= 360
    ground = browser.js("return getComputedStyle(document.body).backgroundColor")
    assert (sum(int(x) for x in ground[4:-1].split(",")) < 384) == (scheme == "dark")
    browser.shot("narrow-" + scheme)
    browser.size(1280, 900)
    browser.go(site.url + "/?q=pumpkin&mode=both")
    wait_for(lambda: len(browser.texts("#results .column")) == 2)
    browser.shot("wide-" + scheme)


@pytest.mark.allows_errors
def test_the_key_is_asked_for(browser, make_server):
    locked = make_server(env={"AKIN_SERVER__ADMIN_KEY": "the-key-of-this-test"})
    browser.go(locked.url + "/")
    wait_for(lambda: browser.js("return !document.getElementById('key').hidden"))
    browser.type("#key-input", "the-key-of-this-test" + ENTER)
    wait_for(lambda: any("no collection yet" in x for x in browser.texts("#results .empty")))
    browser.shot("empty")
    browser.log()


@pytest.mark.allows_errors
def test_a_server_that_is_gone_is_said(browser, make_server):
    gone = make_server()
    fill(gone, "news")
    browser.go(gone.url + "/")
    wait_for(lambda: browser.js("return document.querySelector('#collection').value") == "news")
    gone.stop()
    browser.type("#q", "pumpkin")
    wait_for(lambda: "does not answer" in browser.texts("#status")[0])
    browser.log()


def test_the_routes_for_people(browser, site):
    document = site.get("/openapi.json")
    count = sum("operationId" in o for path, methods in document["paths"].items() if not path.startswith("/page/") for o in methods.values())
    browser.go(site.url + "/docs#recommend")
    wait_for(lambda: len(browser.texts("#routes article")) == count)
    assert browser.js("return Math.abs(document.getElementById('recommend').getBoundingClientRect().top) < 100"), "the address leads to its route"
    browser.shot("docs")
    browser.type("#find", "feedback post")
    wait_for(lambda: 0 < browser.js("return [...document.querySelectorAll('#list li')].filter(x => x.offsetParent).length") < 10)
    visible = "return [...document.querySelectorAll('.example')].filter(x => !x.hidden).map(x => x.dataset.language)"
    assert set(browser.js(visible)) == {"curl"}
    browser.js("document.querySelector('input[name=language][value=python]').click()")
    assert set(browser.js(visible)) == {"python"}
    browser.js("document.querySelector('#searchPost details').open = true")
    wait_for(lambda: browser.texts("#searchPost details table"))
    assert browser.js("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    browser.size(390, 844)
    browser.go(site.url + "/docs")
    wait_for(lambda: browser.texts("#routes article"))
    assert browser.js("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    browser.shot("docs-narrow")
    browser.size(1280, 900)
