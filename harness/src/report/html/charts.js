// Rate, availability, latency and staleness over the part of the run that is looked at, with the faults behind; they are
// aggregated anew for each part, so that zooming shows more and not only larger.
const BUCKETS = 240;

// A look at a part of the run; whoever shows it is told when it changes.
const view = {
  from: whole.from, to: whole.to, watchers: [],
  set(from, to) {
    const least = 0.01, length = Math.max(least, Math.min(to - from, whole.to - whole.from));
    from = Math.max(whole.from, Math.min(from, whole.to - length));
    if (from === this.from && from + length === this.to) return;
    this.from = from;
    this.to = from + length;
    for (const watcher of this.watchers) watcher();
  },
  zoom(factor, at = (this.from + this.to) / 2) {
    this.set(at - (at - this.from) * factor, at + (this.to - at) * factor);
  },
  move(share) {
    const by = (this.to - this.from) * share;
    this.set(this.from + by, this.to + by);
  },
};

const quantile = (sorted, share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];

// The spans that the part is cut into that is looked at: of each moment its number, below 0 or from BUCKETS on outside; and their middles.
function spans() {
  const { from, to } = view, width = (to - from) / BUCKETS;
  return {
    width, of: (ms) => Math.floor((ms - from) / width), zeros: () => new Uint32Array(BUCKETS),
    middles: Array.from({ length: BUCKETS }, (none, b) => (from + (b + 0.5) * width) / 1000),
  };
}

// Rate, availability and latency in each. Operations count where they began, latencies where they ended.
function aggregate() {
  const { width, of, zeros, middles } = spans(), { start, end, outcome, functionOf } = ops;
  const counts = [zeros(), zeros(), zeros()], lengths = zeros();
  eachWithin(view.from, view.to, (i) => {
    if (functionOf[i] === LOOK) return;
    const began = of(start[i]);
    if (began >= 0) counts[outcome[i]][began]++;
    if (outcome[i] !== 0) return;
    const ended = of(end[i]);
    if (ended < BUCKETS) lengths[ended]++;
  });
  // Latencies of each span side by side in one array, each part sorted by itself.
  const starts = new Uint32Array(BUCKETS + 1);
  for (let b = 0; b < BUCKETS; b++) starts[b + 1] = starts[b] + lengths[b];
  const next = starts.slice(), latencies = new Float64Array(starts[BUCKETS]);
  eachWithin(view.from, view.to, (i) => {
    if (outcome[i] !== 0 || functionOf[i] === LOOK) return;
    const ended = of(end[i]);
    if (ended < BUCKETS) latencies[next[ended]++] = end[i] - start[i];
  });
  const rate = [[], [], []], available = [], quantiles = [[], [], []];
  for (let b = 0; b < BUCKETS; b++) {
    const began = counts[0][b] + counts[1][b] + counts[2][b];
    for (let o = 0; o < 3; o++) rate[o].push(counts[o][b] * 1000 / width);
    available.push(began ? counts[0][b] * 100 / began : null);
    const sorted = latencies.subarray(starts[b], starts[b + 1]).sort();
    [0.5, 0.99, 1].forEach((q, k) => quantiles[k].push(sorted.length ? Math.max(quantile(sorted, q), 0.001) : null));
  }
  return [[middles, ...rate], [middles, available], [middles, ...quantiles]];
}

// How many reads that began in each span were behind, and how far.
function aggregateStale() {
  const { of, zeros, middles } = spans();
  const reads = zeros(), stale = zeros(), furthest = zeros();
  for (let i = firstFrom(view.from), until = firstFrom(view.to); i < until; i++) {
    const behind = ops.behind[i], began = of(ops.start[i]);
    if (behind === 0 || began >= BUCKETS) continue;
    reads[began]++;
    if (behind > 1) stale[began]++;
    if (behind - 1 > furthest[began]) furthest[began] = behind - 1;
  }
  const share = [], versions = [];
  for (let b = 0; b < BUCKETS; b++) {
    share.push(reads[b] ? stale[b] * 100 / reads[b] : null);
    versions.push(reads[b] ? furthest[b] : null);
  }
  return [[middles, share, versions]];
}

// How far from what is seen something is drawn already.
const NEAR = "300px";

// Has `draw` be called once a place comes near what is seen, and says with `known` whether it is near at first.
function whenNear(place, draw, known) {
  const room = { charts: 700 + membersRoom(), quantiles: 330, stale: 260, lanes: 420 }[place.id];
  // So that nothing jumps when what is above or below is drawn.
  if (room) place.style.minHeight = room + "px";
  const show = () => {
    watcher.disconnect();
    removeEventListener("beforeprint", show);
    draw();
    place.style.minHeight = "";
    place.dataset.drawn = "yes";
  };
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((it) => it.isIntersecting)) show();
    known();
  }, { rootMargin: NEAR });
  watcher.observe(place);
  addEventListener("beforeprint", show);
  return () => { if (!place.dataset.drawn) show(); };
}

// Has `draw` be called before the next frame whenever another part is looked at; out of sight, once the place is near again.
function following(place, draw) {
  let isNear = true, isDue = false, isAsked = false;
  const ask = () => {
    if (isAsked || !isNear || !isDue) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = isDue = false;
      draw();
    });
  };
  new IntersectionObserver((seen) => {
    isNear = seen[seen.length - 1].isIntersecting;
    ask();
  }, { rootMargin: NEAR }).observe(place);
  view.watchers.push(() => {
    isDue = true;
    ask();
  });
}

// Diagonal lines, so that a fault is seen in black and white; made once for each colour.
const hatches = new Map();
function hatch(context, ratio) {
  const name = style("--band-line") + ratio, known = hatches.get(name);
  if (known) return known;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8 * ratio;
  const pen = tile.getContext("2d");
  pen.strokeStyle = style("--band-line");
  pen.globalAlpha = 0.35;
  pen.lineWidth = ratio;
  pen.beginPath();
  pen.moveTo(0, 8 * ratio);
  pen.lineTo(8 * ratio, 0);
  pen.stroke();
  const made = context.createPattern(tile, "repeat");
  hatches.set(name, made);
  return made;
}

// Stretches of time in which faults were on, those that overlap as one, so that many at once hide nothing: of all, and of those that had
// an effect.
const faultSpans = once(() => {
  const merged = (faults) => {
    const all = faults.map((fault) => [fault.start_ns / 1e6, fault.end_ns === null ? whole.to : fault.end_ns / 1e6]).sort((a, b) => a[0] - b[0]);
    const out = [];
    for (const [from, to] of all) {
      const last = out[out.length - 1];
      if (last && from <= last[1]) last[1] = Math.max(last[1], to);
      else out.push([from, to]);
    }
    return out;
  };
  return { all: merged(report.faults), effective: merged(report.faults.filter((fault) => fault.effective !== false)) };
});

// Shades them between `left` and `right`, where `x` says where a moment is; each fault's beginning is a line.
function shadeFaults(pen, x, left, right, top, height, ratio) {
  const fill = (colour, all) => {
    pen.fillStyle = colour;
    for (const [from, to] of all) {
      const x1 = Math.max(left, x(from)), x2 = Math.min(right, x(to));
      if (x2 >= left && x1 <= right) pen.fillRect(x1, top, Math.max(x2 - x1, ratio), height);
    }
  };
  fill(style("--band"), faultSpans().all);
  fill(hatch(pen, ratio), faultSpans().effective);
  pen.fillStyle = style("--band-line");
  for (const fault of report.faults) {
    const at = x(fault.start_ns / 1e6);
    if (at >= left && at <= right) pen.fillRect(at, top, ratio, height);
  }
}

// Draws the faults behind a chart, each with its number in the table where there is room.
function bands(chart) {
  const pen = chart.ctx, { left, top, width, height } = chart.bbox, ratio = devicePixelRatio || 1, right = left + width;
  const x = (ms) => chart.valToPos(ms / 1000, "x", true);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  shadeFaults(pen, x, left, right, top, height, ratio);
  pen.restore();
}

// Their numbers, above what is drawn of the rest: on two lines, so that those of faults that begin together can be read.
function bandNumbers(chart) {
  const pen = chart.ctx, { left, top, width } = chart.bbox, ratio = devicePixelRatio || 1, ends = [left, left];
  pen.save();
  pen.fillStyle = style("--ink");
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.font = 11 * ratio + "px system-ui, sans-serif";
  const numbered = report.faults.map((fault, number) => [chart.valToPos(fault.start_ns / 1e9, "x", true), fault.end_ns, "F" + (number + 1)]);
  for (const [start, end, name] of numbered.sort((a, b) => a[0] - b[0])) {
    const until = end === null ? left + width : chart.valToPos(end / 1e9, "x", true);
    const at = Math.max(start, left) + 3 * ratio, wide = pen.measureText(name).width;
    const line = ends.findIndex((end) => end <= at);
    if (until < left || at + wide > left + width || line < 0) continue;
    pen.fillText(name, at, top + (12 + 12 * line) * ratio);
    ends[line] = at + wide + 2 * ratio;
  }
  pen.restore();
}

// The room of values beside a chart, the same for all, so that what is at one time stands below each other: of `1000 ms`, the widest.
const SCALE_WIDTH = 70;
const DASHES = [[], [7, 4], [2, 3]];
const INKS = ["--one", "--two", "--three"];

function axis(more) {
  return Object.assign({
    stroke: () => style("--dim"), grid: { stroke: () => style("--line"), width: 0.5 },
    ticks: { stroke: () => style("--line"), width: 0.5 }, font: "12px system-ui, sans-serif",
  }, more);
}

// A chart over time in its own box; dragging in it looks at a part.
function chart(parent, title, labels, unit, more) {
  const box = element("div", { class: "chart", role: "img", "aria-label": title + " over time" }, element("h3", {}, title));
  parent.append(box);
  const show = (u, value) => (value === null || value === undefined ? "-" : value.toPrecision(3) + unit);
  const height = (more && more.height) || 170;
  const options = Object.assign({
    width: box.clientWidth || 600, height, cursor: { sync: { key: "time" }, drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => view.set(whole.from, whole.to) } },
    scales: { x: { time: false, range: () => [view.from / 1000, view.to / 1000] } },
    series: [{ label: "at", value: (u, value) => (value === null || value === undefined ? "-" : value.toFixed(3) + " s") },
      ...labels.map((label, i) => Object.assign({
        label, value: show, stroke: () => style(INKS[i] || INKS[0]), dash: DASHES[i], width: 1.5, points: { show: false }, spanGaps: false,
      }, more && more.each))],
    axes: [axis({ values: (u, all) => all.map((s) => s + " s") }), axis({ size: SCALE_WIDTH, values: (u, all) => all.map((v) => (v === null ? "" : v + unit)) })],
    hooks: {
      drawClear: [bands],
      draw: [bandNumbers],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
        u.setSelect({ width: 0, height: 0, left: 0, top: 0 }, false);
        view.set(from * 1000, to * 1000);
      }],
    },
  }, more && more.options);
  if (more && more.y) options.scales.y = more.y;
  const made = new uPlot(options, [[], ...labels.map(() => [])], box);
  new ResizeObserver(() => made.setSize({ width: box.clientWidth, height })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => made.redraw());
  return made;
}

function drawCharts() {
  const parent = document.getElementById("charts");
  const shown = [
    chart(parent, "Rate", ["ok", "failed", "unknown"], "/s"),
    chart(parent, "Availability: operations begun then that succeeded", ["available"], " %", { y: { range: () => [0, 100.5] } }),
    chart(parent, "Latency of successful operations", ["p50", "p99", "max"], " ms", { y: { distr: 3 } }),
  ];
  const ofMembers = membersChart(parent);
  keepDrawn(parent, ofMembers ? [...shown, ofMembers] : shown, () => (ofMembers ? [...aggregate(), membersSeen()] : aggregate()));
}

// Gives charts the figures of the part that is looked at, now and whenever it is another.
function keepDrawn(place, charts, figures) {
  const draw = () => {
    const all = figures();
    charts.forEach((made, i) => made.setData(all[i]));
  };
  following(place, draw);
  draw();
}

function drawStale() {
  const parent = document.getElementById("stale");
  if (!ops.behind.some((behind) => behind > 0)) {
    parent.append(element("p", {}, "Not known: the record tells no versions of registers."));
    return;
  }
  const made = chart(parent, "Reads behind what was acknowledged", ["share of reads", "versions behind at most"], "", { y: { range: (u, low, high) => [0, Math.max(1, high)] } });
  parent.append(element("p", {}, "The first line is in percent of the reads begun then, the second in versions."));
  staleByNode(parent);
  keepDrawn(parent, [made], aggregateStale);
}

function staleByNode(parent) {
  const counts = () => new Float64Array(names.nodes.length + 1), reads = counts(), stale = counts(), furthest = counts();
  for (let i = 0; i < ops.count; i++) {
    const behind = ops.behind[i], node = ops.node[i];
    if (behind === 0) continue;
    reads[node]++;
    if (behind > 1) stale[node]++;
    if (behind - 1 > furthest[node]) furthest[node] = behind - 1;
  }
  const rows = names.nodes.map((name, n) => [name, String(reads[n + 1]), String(stale[n + 1]),
    reads[n + 1] ? (stale[n + 1] * 100 / reads[n + 1]).toFixed(2) + " %" : "-", String(furthest[n + 1])]);
  parent.append(tableOf("Stale reads by coordinator", ["Through", "Reads", "Behind", "Share", "Versions behind at most"], rows, 1));
}

// Whole numbers in their order, eleven bits at a time: of half a million latencies ten times as fast as by comparing them.
function sortedNumbers(all) {
  let from = all, to = new Uint32Array(all.length);
  for (let shift = 0; shift < 32; shift += 11) {
    const next = new Uint32Array(2049);
    for (let i = 0; i < from.length; i++) next[((from[i] >>> shift) & 2047) + 1]++;
    if (next[1] === from.length) continue;
    for (let digit = 1; digit < 2048; digit++) next[digit] += next[digit - 1];
    for (let i = 0; i < from.length; i++) to[next[(from[i] >>> shift) & 2047]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}

// Latency by function at a few quantiles, and as a curve whose scale has as much room from 99 to 99.9 as from 0 to 90.
function drawQuantiles() {
  const parent = document.getElementById("quantiles");
  const wanted = names.functions.map((name, f) => [name, f]).filter(([name]) => name !== "read-replica");
  const shares = [0.5, 0.9, 0.99, 0.999, 1];
  const sorted = wanted.map(([, f]) => {
    const all = new Uint32Array(ops.count);
    let found = 0;
    for (let i = 0; i < ops.count; i++) if (ops.functionOf[i] === f && ops.outcome[i] === 0) all[found++] = Math.round((ops.end[i] - ops.start[i]) * 1000);
    const micros = sortedNumbers(all.subarray(0, found)), latencies = new Float64Array(found);
    for (let i = 0; i < found; i++) latencies[i] = micros[i] / 1000;
    return latencies;
  });
  const rows = wanted.map(([name], k) => [name, String(sorted[k].length), ...shares.map((share) => (sorted[k].length ? quantile(sorted[k], share).toFixed(2) : "-"))]);
  parent.append(tableOf("Latency by quantile", ["Operation", "Succeeded", ...shares.map((share) => (share === 1 ? "max" : "p" + +(share * 100).toFixed(1)) + ", ms")], rows, 1));
  const curves = sorted.map((latencies, k) => [wanted[k][0], latencies]).filter(([, latencies]) => latencies.length > 9).slice(0, 3);
  if (!curves.length) return;
  const most = Math.log10(Math.max(...curves.map(([, latencies]) => latencies.length)));
  const x = Array.from({ length: 200 }, (none, i) => i * most / 199);
  const data = [x, ...curves.map(([, latencies]) => x.map((nines) => (nines > Math.log10(latencies.length) ? null : Math.max(0.001, quantile(latencies, 1 - 10 ** -nines)))))];
  const percent = (nines) => "p" + +(100 - 100 * 10 ** -nines).toFixed(4);
  const made = chart(parent, "Latency by quantile", curves.map(([name]) => name), " ms", {
    y: { distr: 3 },
    options: {
      scales: { x: { time: false } }, cursor: { drag: { x: false, y: false } }, hooks: {},
      axes: [axis({ splits: () => Array.from({ length: Math.floor(most) + 1 }, (none, i) => i), values: (u, all) => all.map((v) => (v === 0 ? "p0" : percent(v))) }), axis({ size: SCALE_WIDTH, values: (u, all) => all.map((v) => (v === null ? "" : v + " ms")) })],
    },
  });
  made.setData(data);
}
