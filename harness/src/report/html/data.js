"use strict";
// What the page was given, decoded: every operation as a row of numbers in arrays, names in tables beside.
const report = JSON.parse(document.getElementById("report-data").textContent);

// Numbers in groups of seven bits, the lowest first.
function numbers(text, count, Numbers = Float64Array) {
  const raw = atob(text);
  const out = new Numbers(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    let byte = raw.charCodeAt(at++), number = byte & 127;
    for (let factor = 128; byte > 127; factor *= 128) {
      byte = raw.charCodeAt(at++);
      number += (byte & 127) * factor;
    }
    out[i] = number;
  }
  return out;
}

const ops = (() => {
  const packed = report.ops, count = packed.count;
  const column = (name) => numbers(packed[name], count), small = (name) => numbers(packed[name], count, Uint32Array);
  const start = column("start"), took = column("took"), index = column("index");
  // Milliseconds since the run began; an end that was never heard of is infinite.
  const base = packed.base_ns / 1e6, end = new Float64Array(count);
  let us = 0, last = 0;
  for (let i = 0; i < count; i++) {
    us += start[i];
    start[i] = base + us / 1000;
    end[i] = took[i] === 0 ? Infinity : start[i] + (took[i] - 1) / 1000;
    last += index[i] % 2 ? -Math.floor(index[i] / 2) : index[i] / 2;
    index[i] = last;
  }
  return {
    count, start, end, index, process: small("process"), functionOf: small("function"), outcome: small("outcome"),
    key: small("key"), node: small("node"), value: column("value"), behind: small("behind"),
  };
})();

const names = report.ops;
const OUTCOMES = ["ok", "failed", "unknown"];
const LOOK = names.functions.indexOf("read-replica");
const isLook = (i) => ops.functionOf[i] === LOOK;
const READS = new Set(names.functions.map((name, i) => (/^(read|get|dequeue|pop|read-replica)$/.test(name) ? i : -1)));
const keyOf = (i) => (ops.key[i] ? names.keys[ops.key[i] - 1] : "");
const nodeOf = (i) => (ops.node[i] ? names.nodes[ops.node[i] - 1] : "");

function valueOf(i) {
  const packed = ops.value[i];
  if (packed === 0) return "nothing";
  if (packed % 2 === 0) return names.values[packed / 2 - 1];
  const size = Math.floor(packed / 4);
  return String(Math.floor(packed / 2) % 2 ? -size : size);
}

// The whole of what there is: from the first start to the last end.
const whole = (() => {
  let to = 0;
  for (let i = 0; i < ops.count; i++) to = Math.max(to, Number.isFinite(ops.end[i]) ? ops.end[i] : ops.start[i]);
  const from = ops.count ? ops.start[0] : 0;
  return { from, to: Math.max(to, from + 1) };
})();

// Where no times are known the place of an entry stands for milliseconds.
const seconds = (ms) => (report.ops.untimed ? "entry " + Math.round(ms) : (ms / 1000).toFixed(3) + " s");

// The first operation that began at `ms` or later.
function firstFrom(ms) {
  let low = 0, high = ops.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ops.start[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

// An element with attributes, and what is in it; a text stays a text whatever is in it.
function element(name, attributes, ...inner) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(key, value);
  }
  made.append(...inner);
  return made;
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A table of texts, whose columns from `numbersFrom` on are numbers.
function tableOf(label, headings, rows, numbersFrom = 99) {
  const cell = (tag) => (text, i) => element(tag, i >= numbersFrom ? { class: "number" } : {}, text);
  const line = (row) => {
    const made = element("tr", row.cited ? { class: "cited" } : {});
    made.append(...row.map(cell("td")));
    return made;
  };
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": label },
    element("table", {},
      element("thead", {}, element("tr", {}, ...headings.map(cell("th")))),
      element("tbody", {}, ...rows.map(line))));
}
