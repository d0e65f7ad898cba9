"""Uses the page of `cnn-estimator demo` in a headless Chromium: draws, drops files, picks a test image.

`python tests/demo_in_a_browser.py --model_dir=/tmp/fashion` needs Debian's packages chromium and chromium-driver, and
selenium. It checks that photos and test images get the predictions of cnn_estimator.predict, that a file which is no
image gets a message, that the browser asks no other host, that Ctrl-C ends the command, and that no file is left.
`--screenshot=docs/images/demo.png` writes what the page looks like.
"""

import argparse
import base64
import io
import json
import pathlib
import signal
import tempfile
import urllib.parse

from helpers import REPOSITORY, free_addresses, started
from PIL import Image
from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import cnn_estimator

PHOTO = REPOSITORY / "docs" / "images" / "boot.jpg"
TEST_IMAGE = 12
# A 3, in pixels of the paper from its middle: the first point, then the steps from point to point.
START = (-80, -120)
STEPS = ((50, -30), (70, 0), (40, 50), (-30, 60), (-60, 30), (60, 30), (40, 60), (-50, 60), (-80, 10), (-60, -40))
DROP = """
const [zone, content, name] = arguments;
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], name));
zone.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
"""
SECONDS = 120


class Page:
    """The page in a headless Chromium. A context manager: leaving it closes the browser."""

    def __init__(self, url):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1240,900"):
            options.add_argument(argument)
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        self.browser = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
        self.browser.get(url)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.browser.quit()

    def find(self, css):
        """Waits for an element."""
        return self._wait(lambda browser: (browser.find_elements(By.CSS_SELECTOR, css) or [None])[0])

    def _wait(self, condition):
        missing = [exceptions.NoSuchElementException, exceptions.StaleElementReferenceException]
        return WebDriverWait(self.browser, SECONDS, ignored_exceptions=missing).until(condition)

    def open_tab(self, name):
        self.find("[role=tab]")
        self.browser.find_element(By.XPATH, f"//button[@role='tab'][normalize-space()='{name}']").click()

    def draw(self):
        actions = ActionChains(self.browser, duration=50)
        actions.move_to_element_with_offset(self.find("canvas"), *START).click_and_hold()
        for step in STEPS:
            actions.move_by_offset(*step)
        actions.release().perform()

    def drop(self, path):
        """Drops a file on the page, as a mouse does."""
        content = base64.b64encode(path.read_bytes()).decode()
        self.browser.execute_script(DROP, self.find(".photo label"), content, path.name)

    def prediction(self, beginning):
        """Waits for a prediction that begins with a text; returns its whole text."""
        return self._wait(lambda browser: self._text_of_prediction(beginning))

    def _text_of_prediction(self, beginning):
        text = self.browser.find_element(By.CSS_SELECTOR, ".prediction").text
        return text if text.startswith(beginning) else None

    def hosts(self):
        """Returns the hosts that the browser asked for something."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return {urllib.parse.urlsplit(url).netloc for url in urls if not url.startswith("data:")}


def check_predictions(page, model_dir, screenshot):
    """Asks the page about a drawing, a photo, a file that is no image, and a test image."""
    photo, test_image = cnn_estimator.predict(model_dir, [PHOTO], [TEST_IMAGE]).predictions
    page.draw()
    print(page.prediction("Drawing: the network predicts ").splitlines()[0])
    assert len(page.browser.find_elements(By.CSS_SELECTOR, ".prediction img")) == 2
    if screenshot:
        picture = Image.open(io.BytesIO(page.browser.get_screenshot_as_png()))
        picture.quantize(128).save(screenshot, optimize=True)
    page.open_tab("Photo")
    page.drop(PHOTO)
    assert page.find("input[type=file]").get_attribute("value").endswith(PHOTO.name)
    assert page.prediction("Photo: ").startswith(
        f"Photo: the network predicts {photo.ranked()[0][0]}, after exchanging "
    )
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(b"no image")
        file.flush()
        page.find("input[type=file]").send_keys(file.name)
        page.prediction("Photo: nothing is predicted: not an image in one of the formats")
    page.open_tab("Draw")
    page.prediction("Drawing: the network predicts ")
    page.open_tab("Test image")
    page.prediction("Test image 0: the network predicts ")
    page.find("input[type=number]").send_keys(str(TEST_IMAGE))
    text = page.prediction(f"Test image {TEST_IMAGE}: the network predicts {test_image.ranked()[0][0]}")
    for name, probability in test_image.ranked():
        assert f"{name}\n{probability:.1%}" in text, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", default="/tmp/fashion")
    parser.add_argument("--screenshot", help="the PNG file to write")
    arguments = parser.parse_args()
    (address,) = free_addresses(1)
    before = set(pathlib.Path(tempfile.gettempdir()).glob("cnn_estimator_demo_*"))
    command = ("-m", "cnn_estimator", "demo", f"--model_dir={arguments.model_dir}", f"--port={address.split(':')[1]}")
    with started(*command) as (process, stderr):
        url = process.stdout.readline().strip()
        assert url == f"http://{address}/", stderr.read_text()
        with Page(url) as page:
            check_predictions(page, arguments.model_dir, arguments.screenshot)
            hosts = page.hosts()
        assert hosts == {address}, hosts
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 128 + signal.SIGINT
        assert "Traceback" not in stderr.read_text(), stderr.read_text()
    assert set(pathlib.Path(tempfile.gettempdir()).glob("cnn_estimator_demo_*")) <= before
    print("the page works")


if __name__ == "__main__":
    main()
