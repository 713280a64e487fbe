"use strict";
// What the page was given, decoded: every operation as a row of numbers in arrays, names in tables beside.
const report = JSON.parse(document.getElementById("report-data").textContent);

// All columns, one after the other.
const columns = await (async () => {
  const text = report.ops.packed;
  const raw = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
})();

// Numbers in groups of seven bits, the lowest first. Where each takes one byte the bytes are the numbers.
function numbers(name, Numbers = Uint32Array) {
  const count = report.ops.count;
  let at = 0, length = 0;
  for (const [other, itsLength] of report.ops.lengths) {
    length = itsLength;
    if (other === name) break;
    at += length;
  }
  if (length === count) return columns.subarray(at, at + count);
  const out = new Numbers(count);
  for (let i = 0; i < count; i++) {
    let byte = columns[at++];
    if (byte < 128) {
      out[i] = byte;
      continue;
    }
    let number = byte & 127;
    for (let factor = 128; byte > 127; factor *= 128) {
      byte = columns[at++];
      number += (byte & 127) * factor;
    }
    out[i] = number;
  }
  return out;
}

// Made when it is first asked for.
function once(make) {
  let made = null;
  return () => (made ??= make());
}

const ops = (() => {
  const count = report.ops.count, step = numbers("start", Float64Array), took = numbers("took", Float64Array);
  // Milliseconds since the run began; an end that was never heard of is infinite.
  const base = report.ops.base_ns / 1e6, start = new Float64Array(count), end = new Float64Array(count);
  for (let i = 0, us = 0; i < count; i++) {
    us += step[i];
    start[i] = base + us / 1000;
    end[i] = took[i] === 0 ? Infinity : start[i] + (took[i] - 1) / 1000;
  }
  const value = once(() => numbers("value", Float64Array));
  const index = once(() => {
    const packed = numbers("index", Float64Array), out = new Float64Array(count);
    for (let i = 0, last = 0; i < count; i++) {
      const by = Math.floor(packed[i] / 2);
      last += packed[i] === by * 2 ? by : -by;
      out[i] = last;
    }
    return out;
  });
  return {
    count, start, end, process: numbers("process"), functionOf: numbers("function"), outcome: numbers("outcome"), key: numbers("key"),
    node: numbers("node"), behind: numbers("behind"), get index() { return index(); }, get value() { return value(); },
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

// The whole of what there is, from the first start to the last end; how long the longest took that ended; those that never did.
const whole = (() => {
  const starts = ops.start, ends = ops.end, from = ops.count ? starts[0] : 0, open = [];
  let to = from + 1, longest = 0;
  for (let i = 0; i < ops.count; i++) {
    const start = starts[i], end = ends[i];
    if (end === Infinity) {
      open.push(i);
      if (start > to) to = start;
    } else {
      if (end > to) to = end;
      if (end - start > longest) longest = end - start;
    }
  }
  return { from, to, longest, open };
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

// Calls `act` with each operation that began before `to` and ended at `from` or later, or never did, in the order of their starts.
function eachWithin(from, to, act) {
  const first = firstFrom(from - whole.longest), until = firstFrom(to), { end } = ops;
  for (const i of whole.open) {
    if (i >= first) break;
    act(i);
  }
  for (let i = first; i < until; i++) if (end[i] >= from) act(i);
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
