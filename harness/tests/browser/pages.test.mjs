// What only a browser can tell of the pages: that they draw, can be zoomed, filtered and used by keyboard, read in the dark and on a
// phone, lead nowhere that there is not, and ask nobody for anything.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import {
  PHONE, assertAnchorsResolve, assertFits, assertReadable, changes, drawn, inSight, launch, onScreen, painted, tabTo, visit,
} from "./browser.mjs";
import { HOSTILE_KEY, Made } from "./made.mjs";

const SCHEMES = ["light", "dark"];
const PARTS = ["charts", "quantiles", "lanes", "stale"];
let browser, made, valid, invalid, busy, changing, hostile, matrix;

before(async () => {
  made = new Made();
  valid = made.simulated("--time 5s --keys 8 --faults partition --r 1 --w 1 --seed 3");
  invalid = made.simulated("--time 3s --seed 3 --plant reply-before-acks");
  busy = made.simulated("--time 8s --rate 6000 --concurrency 8 --faults none --seed 1");
  changing = made.simulated("--time 12s --keys 8 --rate 200 --seed 5 --faults membership,partition,kill");
  hostile = made.hostile();
  matrix = made.matrix("--r 1,2 --w 1 --time 1s --keys 10 --repeat 3 --predict");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  made?.remove();
});

const range = (page) => page.locator("#zoom .bar span").innerText();
const shown = (page) => page.locator("#lanes .bar").first().locator("> span").innerText();
const lanes = (page) => page.locator("#lanes .view");
const chosen = (page) => page.locator("#lanes .detail").innerText();

describe("the report of a run", () => {
  for (const colorScheme of SCHEMES) {
    it(`says its verdict and draws every part, ${colorScheme}`, () => visit(browser, valid.report, { colorScheme }, async (page) => {
      assert.match(await page.locator("#verdict").innerText(), /✓\s*valid/);
      for (const part of PARTS) await inSight(page, part);
      await assertReadable(page, "#verdict, h1, h2, p, nav a, td, th, summary, button, label");
      assert.ok(await page.locator("canvas").count() >= 6, "four charts over time, quantiles, the timeline");
      for (const canvas of await page.locator("canvas").all()) await painted(page, canvas);
      assert.equal(await page.getByText("could not be drawn").count(), 0);
    }));
  }

  it("is zoomed by buttons, by dragging in a chart and by keys, charts and timeline alike", () => visit(browser, valid.report, {}, async (page) => {
    await inSight(page, "charts");
    const whole = await range(page), zoomIn = page.locator("#zoom").getByRole("button", { name: "Zoom in" });
    await changes(page, page.locator("#charts canvas").first(), () => zoomIn.click());
    const zoomed = await range(page);
    assert.notEqual(zoomed, whole);
    const box = await page.locator("#charts .u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 });
    await page.mouse.up();
    const dragged = await range(page);
    assert.notEqual(dragged, zoomed);
    await inSight(page, "lanes");
    await lanes(page).focus();
    for (const key of ["+", "ArrowRight"]) await changes(page, lanes(page).locator("canvas"), () => page.keyboard.press(key));
    assert.notEqual(await range(page), dragged);
    await page.keyboard.press("0");
    assert.equal(await range(page), whole);
    await inSight(page, "charts");
    await changes(page, page.locator("#charts canvas").first(), () => zoomIn.click());
  }));

  for (const [name, options] of [["wide", {}], ["phone", PHONE]]) {
    it(`shows who was what when, by lanes and in words, ${name}`, () => visit(browser, changing.report, options, async (page) => {
      await inSight(page, "charts");
      const members = page.locator("#charts .chart", { hasText: "Members" });
      await painted(page, members.locator("canvas"));
      const lanes = await page.evaluate(() => JSON.parse(document.getElementById("report-data").textContent).members);
      assert.ok(lanes.length > 5 && lanes.some((lane) => lane.stays.some((stay) => stay.role === "joining")), "somebody came in");
      const box = await members.locator(".u-over").boundingBox(), time = await page.locator("#charts canvas").first().boundingBox();
      const own = await members.locator("canvas").boundingBox();
      assert.deepEqual([own.x, own.width], [time.x, time.width], "over the same time as the charts");
      await page.mouse.move(box.x + box.width - 3, box.y + 5);
      await page.waitForFunction((it) => /member/.test(it.textContent), await members.locator(".u-legend").elementHandle());
      await changes(page, members.locator("canvas"), () => page.locator("#zoom").getByRole("button", { name: "Zoom in" }).click());
      await tabTo(page, "#members-in-words summary");
      await page.keyboard.press("Enter");
      assert.equal(await page.locator("#members-in-words tbody tr").count(), lanes.flatMap((lane) => lane.stays).length);
      await assertReadable(page, "#members-in-words td, .key");
      if (name === "phone") await assertFits(page);
    }));
  }

  it("draws what is far from sight only once it comes near", () => visit(browser, valid.report, { viewport: { width: 1280, height: 500 } }, async (page) => {
    await drawn(page);
    const far = ["lanes", "stale"];
    for (const part of far) assert.equal(await page.locator(`#${part} canvas`).count(), 0, part);
    const places = () => page.locator("h2").evaluateAll((all) => all.map((it) => Math.round(it.getBoundingClientRect().top + scrollY)));
    const before = await places();
    await inSight(page, "lanes");
    await painted(page, page.locator("#lanes canvas"));
    const moved = (await places()).slice(0, 4).map((top, i) => Math.abs(top - before[i]));
    assert.deepEqual(moved, [0, 0, 0, 0], "what is above the timeline stays where it is");
  }));

  it("draws no more than there are pixels, however many operations there are", () => visit(browser, busy.report, {}, async (page) => {
    await inSight(page, "lanes");
    const all = Number((await shown(page)).match(/\d+/)[0]);
    await lanes(page).focus();
    await page.keyboard.press("+");
    const strokes = await page.evaluate(() => new Promise((done) => {
      let count = 0;
      for (const name of ["fillRect", "strokeRect", "stroke", "fill"]) {
        const draw = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...given) {
          if (this.canvas.closest("#lanes")) count++;
          return draw.apply(this, given);
        };
      }
      document.querySelector("#lanes .view").dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
      requestAnimationFrame(() => requestAnimationFrame(() => done(count)));
    }));
    assert.ok(all > 15_000 && strokes > 100 && strokes < all / 4, `${strokes} strokes for ${all} operations`);
  }));

  it("filters the timeline by each of what an operation is", () => visit(browser, valid.report, {}, async (page) => {
    await inSight(page, "lanes");
    const [all] = (await shown(page)).match(/\d+/g).map(Number).slice(1);
    let before = all;
    for (const [name, value] of [["functionName", "read"], ["process", "p1"], ["outcome", "ok"], ["node", "n1"]]) {
      await page.locator(`#lanes select[name=${name}]`).selectOption(value);
      const [kept, of] = (await shown(page)).match(/\d+/g).map(Number);
      assert.ok(kept > 0 && kept < before && of === all, `${name}: ${kept} of ${of}`);
      before = kept;
    }
    await page.locator("#lanes input[name=key]").fill("no such key");
    assert.match(await shown(page), /^0 of /);
  }));

  it("is used by keyboard alone", () => visit(browser, invalid.report, {}, async (page) => {
    await drawn(page);
    assert.match(await page.locator("#verdict").innerText(), /✗\s*invalid/);
    await tabTo(page, "nav a[href='#anomalies']");
    await page.keyboard.press("Enter");
    assert.ok(page.url().endsWith("#anomalies"));
    await tabTo(page, "details.around summary");
    await page.keyboard.press("Enter");
    await page.locator("details.around tr.cited").first().waitFor();
    await tabTo(page, "button.show");
    await page.keyboard.press("Enter");
    const first = await chosen(page);
    assert.match(first, /^#\d+, p\d+, /);
    await page.keyboard.press("n");
    assert.notEqual(await chosen(page), first, "the next operation");
    await page.keyboard.press("p");
    assert.equal(await chosen(page), first);
  }));

  it("has no link that leads nowhere, and no button for what is not there", () => visit(browser, invalid.report, {}, async (page) => {
    await assertAnchorsResolve(page);
    for (const article of await page.locator("article").all()) {
      const isOfOperations = await article.getByText(/^Its \d+ operations$/).count() === 1;
      assert.equal(await article.locator("button.show").count(), isOfOperations ? 1 : 0);
      assert.equal(await article.getByText("Its 0 operations").count(), 0);
    }
  }));

  it("fits a phone", () => visit(browser, invalid.report, PHONE, async (page) => {
    for (const part of PARTS) await inSight(page, part);
    await page.locator("details summary").evaluateAll((all) => all.forEach((summary) => { summary.parentElement.open = true; }));
    await assertFits(page);
  }));

  it("says all in words without scripts", () => visit(browser, valid.report, { javaScriptEnabled: false }, async (page) => {
    assert.match(await page.locator("#verdict").innerText(), /valid/);
    assert.ok(await page.locator("#claims tbody tr").count() > 8, "every claim");
    assert.ok(await page.locator("#anomalies figure svg").first().isVisible(), "pictures are markup");
  }));

  it("runs nothing that a record holds", () => visit(browser, hostile, {}, async (page) => {
    for (const part of PARTS) await inSight(page, part);
    assert.match(await page.locator("#verdict").innerText(), /invalid/);
    assert.equal(await page.locator("img").count(), 0);
    await page.locator("details.around summary").first().click();
    await page.locator("details.around td").getByText(HOSTILE_KEY).first().waitFor();
    await lanes(page).focus();
    await page.keyboard.press("n");
    assert.ok((await chosen(page)).includes(HOSTILE_KEY), "the key is a text");
  }));
});

describe("the page of a matrix", () => {
  for (const colorScheme of SCHEMES) {
    it(`says how it ended and shows plots and tables, ${colorScheme}`, () => visit(browser, matrix, { colorScheme }, async (page) => {
      assert.match(await page.locator("#verdict").innerText(), /every claim that was made held/);
      await assertReadable(page, "h1, h2, p, th, td, code, pre, .key");
      assert.ok(await page.locator("svg").count() >= 5, "staleness, two latencies, cost, prediction");
      assert.ok(await page.locator("svg text").evaluateAll((all) => all.every((it) => getComputedStyle(it).fill !== "rgb(0, 0, 0)")));
      assert.ok(await page.locator("tr", { hasText: "N3 R2 W1 lww none" }).count() >= 2);
    }));
  }

  it("fits a phone with its plots whole, and what is wider scrolls by keyboard", () => visit(browser, matrix, PHONE, async (page) => {
    await assertFits(page);
    const plots = await page.locator(".plot, svg.lines").evaluateAll((all) => all.map((it) => {
      const { left, right } = it.getBoundingClientRect(), texts = [...it.querySelectorAll("span, text")].filter((text) => text.textContent)
        .map((text) => text.getBoundingClientRect());
      const outside = texts.filter((text) => text.width > 0 && (text.left < 0 || text.right > innerWidth)).length;
      const letters = Math.min(...texts.filter((text) => text.width > 0).map((text) => text.height));
      return { fits: left >= 0 && right <= innerWidth, outside, letters };
    }));
    assert.ok(plots.length >= 5, `${plots.length} plots`);
    assert.deepEqual(plots.filter((it) => !it.fits || it.outside > 0 || it.letters < 10), []);
    const wide = page.getByRole("region", { name: "all figures" });
    await wide.focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((it) => it.scrollLeft > 0, await wide.elementHandle());
  }));
});

describe("quorate serve", () => {
  let site;
  const at = (page) => new URL(page, site.url).href;
  const own = (asked) => asked.startsWith(site.url);
  before(async () => {
    made.unfinished(valid.run);
    site = await made.serve();
  });
  after(() => site?.stop());

  it("lists the runs, filters them, and says how far one has come", () => visit(browser, at("/"), {}, async (page) => {
    assert.match(await page.locator("#count").innerText(), /^5 of 5$/);
    await page.locator("td[data-live]", { hasText: "operations" }).first().waitFor();
    assert.equal(await page.locator("#runs td", { hasText: /^running$/ }).count(), 1);
    await page.locator("#filter").fill("invalid fresh");
    assert.match(await page.locator("#count").innerText(), /^1 of 5$/);
    assert.equal(await page.locator("#runs tr:visible").count(), 1);
  }, own));

  it("leads from run to run, and every link is answered", () => visit(browser, at("/"), {}, async (page) => {
    const seen = new Set(["/"]), left = ["/"];
    while (left.length > 0) {
      const from = left.pop(), answer = await page.request.get(at(from));
      assert.equal(answer.status(), 200, from);
      if (!answer.headers()["content-type"].startsWith("text/html") || from.endsWith("/report.html")) continue;
      await page.goto(at(from));
      for (const href of await page.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")))) {
        if (!seen.has(href)) left.push(href);
        seen.add(href);
      }
    }
    assert.ok(seen.size > 20, `${seen.size} links`);
  }, own));

  it("puts two runs side by side, chosen by keyboard", () => visit(browser, at("/"), {}, async (page) => {
    for (const [name, run] of [["a", valid.run], ["b", invalid.run]]) {
      await page.locator(`input[name=${name}][value$='${run.split("/").pop()}']`).focus();
      await page.keyboard.press("Space");
    }
    await page.keyboard.press("Enter");
    await page.locator("h1", { hasText: "Two runs" }).waitFor();
    await page.locator("input[type=checkbox]").waitFor();
    await onScreen(page);
    assert.ok((await page.locator("tr.differs", { hasText: "verdict" }).innerText()).includes("≠"));
    const rows = page.locator("table.two tbody tr:visible"), all = await rows.count();
    await tabTo(page, "input[type=checkbox]");
    await page.keyboard.press("Space");
    assert.ok(await rows.count() < all && await rows.count() === await page.locator("tr.differs").count());
  }, own));

  it("shows a report in its sandbox as it is in its file", () => visit(browser, at(`/run/${invalid.run.split("/").slice(-2).join("/")}/report.html`), {}, async (page) => {
    await drawn(page);
    assert.equal(await page.getByText("could not be drawn").count(), 0);
    assert.equal(await page.evaluate(() => origin), "null", "it is nobody's page");
  }, own));

  for (const colorScheme of SCHEMES) {
    it(`fits a phone and can be read, ${colorScheme}`, () => visit(browser, at("/"), { ...PHONE, colorScheme }, async (page) => {
      const two = [valid.run, invalid.run].map((run) => run.split("/").slice(-2).join("/"));
      for (const where of ["/", `/run/${two[0]}`, `/compare?a=${two[0]}&b=${two[1]}`]) {
        await page.goto(at(where));
        await assertFits(page);
        await assertReadable(page, "h1, a, td, th");
        const outside = (all) => all.filter((it) => it.getBoundingClientRect().right > innerWidth).map((it) => it.textContent);
        assert.deepEqual(await page.locator("#runs td:visible, #runs a:visible, #claims td").evaluateAll(outside), [], where);
      }
    }, own));
  }
});
