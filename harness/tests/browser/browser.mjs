// A headless Chromium, and pages in it that are watched: whatever they ask of a network, say on the console or throw is noted.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const WIDE = { width: 1280, height: 900 };
export const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

export const launch = () => chromium.launch({ executablePath: process.env.QUORATE_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

// Opens a page, does `act` with it, and checks that it was quiet: that it asked for nothing but what `mayAsk` allows.
export async function visit(browser, url, options, act, mayAsk = (asked) => asked === url) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const strange = [];
  context.on("request", (request) => {
    if (!mayAsk(request.url().split("#")[0]) && !request.url().startsWith("data:")) strange.push("request " + request.url());
  });
  context.on("console", (said) => { if (["error", "warning"].includes(said.type())) strange.push("console " + said.text()); });
  context.on("weberror", (error) => strange.push("thrown " + error.error()));
  context.on("dialog", (dialog) => { strange.push("dialog " + dialog.message()); dialog.dismiss(); });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await page.goto(url);
    // Without scripts there is no way to wait for it, and nothing is pressed.
    if (options.javaScriptEnabled !== false) await onScreen(page);
    await act(page);
    assert.deepEqual(strange, []);
  } finally {
    await context.close();
  }
}

// Until a page that was just opened is seen: Chromium drops the keys that are pressed before its first paint.
export const onScreen = (page) => page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);

// Until the scripts of a report have drawn what is in sight; and a part of it that they draw once it is.
export const drawn = (page) => page.locator("html[data-drawn=yes]").waitFor({ state: "attached" });
export async function inSight(page, id) {
  await page.locator("#" + id).evaluate((part) => part.scrollIntoView());
  await page.locator(`#${id}[data-drawn=yes]`).waitFor();
}

// Until there is more on a canvas, which may be drawn once it is in sight, than its ground.
export async function painted(page, canvas) {
  await canvas.scrollIntoViewIfNeeded();
  await page.waitForFunction((it) => {
    const { data } = it.getContext("2d").getImageData(0, 0, it.width, it.height);
    return new Set(new Uint32Array(data.buffer)).size > 3;
  }, await canvas.elementHandle());
}

// Does something, until a canvas shows something else.
export async function changes(page, canvas, act) {
  const before = await canvas.evaluate((it) => it.toDataURL());
  await act();
  await page.waitForFunction(([it, before]) => it.toDataURL() !== before, [await canvas.elementHandle(), before]);
}

// Of each element the ratio of its text's luminance to that of what it stands on (WCAG 2.2, 1.4.3).
export const contrasts = (page, selector) => page.locator(selector).evaluateAll((elements) => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return elements.filter((it) => it.checkVisibility()).map((it) => {
    const [one, other] = [luminance(getComputedStyle(it).color), luminance(ground(it))].sort((a, b) => b - a);
    return { text: it.textContent.slice(0, 40), ratio: (one + 0.05) / (other + 0.05) };
  });
});

export async function assertReadable(page, selector) {
  const all = await contrasts(page, selector);
  assert.ok(all.length > 0, selector + " is there");
  assert.deepEqual(all.filter(({ ratio }) => ratio < 4.5), [], "texts that are too faint");
}

// The page is as wide as its window: what is wider scrolls by itself.
export async function assertFits(page) {
  const [content, window] = await page.evaluate(() => [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]);
  assert.ok(content <= window && window <= 400, `${content} pixels in a window of ${window}`);
}

// Every link within the page leads to a part of it.
export async function assertAnchorsResolve(page) {
  const [count, dead] = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href^='#']")].map((link) => link.getAttribute("href"));
    return [all.length, all.filter((href) => !document.getElementById(href.slice(1)))];
  });
  assert.ok(count > 0, "there are links");
  assert.deepEqual(dead, []);
}

// Goes on by Tab until what has the focus fits, as whoever has no mouse would; each stop has to be seen.
export async function tabTo(page, selector) {
  for (let stop = 0; stop < 300; stop++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate((wanted) => {
      const it = document.activeElement;
      return { is: it.matches(wanted), seen: getComputedStyle(it).outlineStyle !== "none", what: it.outerHTML.slice(0, 80) };
    }, selector);
    assert.ok(at.seen, "the focus can't be seen at " + at.what);
    if (at.is) return;
  }
  assert.fail(selector + " is not reached by Tab");
}
