// How long the report of a run takes to open: `node opening.mjs report.html [times]`. Times by the clock, and what the page's thread
// has worked until then, which others on the machine hardly change. No test: it asserts nothing.
import path from "node:path";
import { pathToFileURL } from "node:url";

import { drawn, launch } from "./browser.mjs";

// Until a part is drawn and the frame after that has begun, from when it was scrolled to.
const untilDrawn = (page, id) => page.evaluate((id) => new Promise((done) => {
  const part = document.getElementById(id), began = performance.now();
  part.scrollIntoView();
  const look = () => (part.dataset.drawn ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))) : requestAnimationFrame(look));
  look();
}), id);

const [file, times = "5"] = process.argv.slice(2);
const browser = await launch();
const all = [];
for (let time = 0; time < Number(times); time++) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    const look = () => { if (document.documentElement.dataset.drawn) performance.mark("drawn"); };
    new MutationObserver(look).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => (await devtools.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  await page.goto(pathToFileURL(path.resolve(file)).href);
  await drawn(page);
  const opened = await page.evaluate(() => ({
    text: performance.getEntriesByName("first-contentful-paint")[0].startTime, load: performance.getEntriesByType("navigation")[0].loadEventEnd,
    "in sight": performance.getEntriesByName("drawn")[0].startTime,
  }));
  opened["work in sight"] = await worked();
  for (const part of ["charts", "quantiles", "lanes", "stale"]) opened["then " + part] = await untilDrawn(page, part);
  opened["work in all"] = await worked();
  all.push(opened);
  await page.close();
}
await browser.close();
for (const name of Object.keys(all[0])) {
  const sorted = all.map((it) => Math.round(it[name])).sort((a, b) => a - b);
  process.stdout.write(`${name.padEnd(16)} ${String(sorted[sorted.length >> 1]).padStart(5)} ms  (${sorted[0]} to ${sorted[sorted.length - 1]})\n`);
}
