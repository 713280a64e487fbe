// Every operation as a bar in the lane of its process, on a canvas as large as what is seen of it: only that is drawn, so that
// there is no limit to how many there are.
const LANE = 22, NAMES = 76, TOP = 20;

function lanes() {
  const filter = { key: "", process: "", functionName: "", outcome: "", node: "" };
  const parent = document.getElementById("lanes");
  // Clients by number, then others by name.
  const order = names.processes.map((name, i) => i).sort((a, b) => {
    const number = (i) => (/^p\d+$/.test(names.processes[i]) ? Number(names.processes[i].slice(1)) : Infinity);
    return number(a) - number(b) || names.processes[a].localeCompare(names.processes[b]);
  });
  let keep = new Uint8Array(ops.count).fill(1), rowOf = new Int32Array(names.processes.length), rows = [];
  let chosen = -1;
  const cited = new Uint8Array(ops.count), numbersOfCited = new Set(report.anomalies.flatMap((anomaly) => anomaly.ops));
  if (numbersOfCited.size > 0) ops.index.forEach((index, i) => { cited[i] = numbersOfCited.has(index) ? 1 : 0; });

  const canvas = element("canvas", { "aria-hidden": "true" });
  const spacer = element("div");
  const box = element("div", { class: "view", tabindex: "0", role: "application", "aria-label": "Timeline. Left and right move, plus and minus zoom, 0 shows the whole, n and p go from operation to operation." }, canvas, spacer);
  const detail = element("p", { class: "detail", role: "status", "aria-live": "polite" }, "Choose an operation by a click, or with n and p.");
  const count = element("span");
  parent.append(filters(), bar(), box, detail);

  function filters() {
    const choice = (name, label, all) => element("label", {}, label, element("select", { name, on: { change: (event) => { filter[name] = event.target.value; refilter(); } } },
      element("option", { value: "" }, "all"), ...all.map((it) => element("option", { value: it }, it))));
    const keys = element("datalist", { id: "keys" }, ...names.keys.slice(0, 2000).map((key) => element("option", { value: key })));
    const key = element("input", { name: "key", list: "keys", placeholder: "all", on: { input: (event) => { filter.key = event.target.value; refilter(); } } });
    return element("p", { class: "bar" }, element("label", {}, "key", key), keys,
      choice("process", "process", order.map((i) => names.processes[i])), choice("functionName", "operation", names.functions),
      choice("outcome", "outcome", OUTCOMES), choice("node", "node", names.nodes), count);
  }

  function refilter() {
    const at = (all, name) => (name === "" ? -1 : all.indexOf(name));
    const key = filter.key === "" ? -1 : names.keys.indexOf(filter.key) + 1;
    const process = at(names.processes, filter.process), f = at(names.functions, filter.functionName);
    const outcome = at(OUTCOMES, filter.outcome), node = filter.node === "" ? -1 : names.nodes.indexOf(filter.node) + 1;
    const used = new Uint8Array(names.processes.length);
    let kept = 0;
    for (let i = 0; i < ops.count; i++) {
      keep[i] = (key < 0 || ops.key[i] === key && key > 0) && (process < 0 || ops.process[i] === process) && (f < 0 || ops.functionOf[i] === f)
        && (outcome < 0 || ops.outcome[i] === outcome) && (node < 0 || ops.node[i] === node) ? 1 : 0;
      if (keep[i]) {
        kept++;
        used[ops.process[i]] = 1;
      }
    }
    rows = order.filter((i) => used[i]);
    rowOf.fill(-1);
    rows.forEach((i, row) => { rowOf[i] = row; });
    count.textContent = kept + " of " + ops.count + " operations";
    if (chosen >= 0 && !keep[chosen]) chosen = -1;
    resize();
  }

  const scale = () => (canvas.clientWidth - NAMES) / (view.to - view.from);
  const xOf = (ms) => NAMES + (ms - view.from) * scale();

  function resize() {
    const ratio = devicePixelRatio || 1;
    const height = Math.min(TOP + rows.length * LANE + 2, Math.max(160, Math.floor(innerHeight * 0.7)));
    const width = box.clientWidth;
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    spacer.style.height = Math.max(0, TOP + rows.length * LANE + 2 - height) + "px";
    draw();
  }

  let asked = false;
  function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; paint(); });
  }

  function paint() {
    const pen = canvas.getContext("2d"), ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    const colours = { ink: style("--ink"), dim: style("--dim"), page: style("--page"), line: style("--line"), one: style("--one"), bad: style("--two") };
    // Read once: a question to the page for each operation would have it laid out as often.
    const at = { width, height, scroll: box.scrollTop, scale: scale() };
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colours.page;
    pen.fillRect(0, 0, width, height);
    pen.font = "11px ui-monospace, monospace";
    bandsIn(pen, width, height);
    const first = Math.max(0, Math.floor((at.scroll - TOP) / LANE)), last = Math.min(rows.length, Math.ceil((at.scroll + height - TOP) / LANE));
    pen.fillStyle = colours.line;
    for (let row = first; row < last; row++) pen.fillRect(NAMES, TOP + (row + 1) * LANE - 1 - at.scroll, width, 0.5);
    bars(pen, at, first, last, colours);
    frame(pen, at, first, last, colours);
  }

  // What is narrower than three pixels is gathered by pixels, so that as much is drawn whatever there is of it.
  function bars(pen, at, first, last, colours) {
    const across = Math.max(1, Math.ceil(at.width - NAMES)), seen = new Uint8Array((last - first) * across), wide = [];
    const from = view.from, scale = at.scale, { start: starts, end: ends, outcome, functionOf, process } = ops;
    eachWithin(from, view.to, (i) => {
      if (!keep[i]) return;
      const row = rowOf[process[i]] - first;
      if (row < 0 || row >= last - first) return;
      const start = (starts[i] - from) * scale, end = ends[i] === Infinity ? start + 1 : (ends[i] - from) * scale;
      if (end - start >= 3 || outcome[i] === 2 || i === chosen || cited[i]) {
        wide.push(i);
        return;
      }
      const kind = outcome[i] === 1 ? 4 : READS.has(functionOf[i]) ? 2 : 1;
      for (let x = Math.max(0, Math.floor(start)), until = Math.max(x + 1, Math.round(end)); x < until && x < across; x++) seen[row * across + x] |= kind;
    });
    // Reads lie within changes, and what failed is their lower half, or the whole where nothing else is.
    const strips = [[(it) => it & 1, colours.one, 0, LANE - 9], [(it) => it & 2, colours.ink, 2, LANE - 13], [(it) => it & 4, colours.bad, 7, LANE - 16],
      [(it) => it === 4, colours.bad, 0, LANE - 9]];
    for (const [isOne, colour, down, high] of strips) {
      pen.fillStyle = colour;
      for (let row = 0; row < last - first; row++) {
        const y = TOP + (row + first) * LANE - at.scroll + 3 + down;
        for (let x = 0, run = 0; x <= across; x++) {
          if (x < across && isOne(seen[row * across + x])) run++;
          else if (run) {
            pen.fillRect(NAMES + x - run, y, run, high);
            run = 0;
          }
        }
      }
    }
    for (const i of wide) wideBar(pen, at, i, colours);
  }

  function wideBar(pen, at, i, colours) {
    const x1 = Math.max(NAMES + (ops.start[i] - view.from) * at.scale, NAMES - 2), y = TOP + rowOf[ops.process[i]] * LANE - at.scroll;
    const end = Number.isFinite(ops.end[i]) ? ops.end[i] : ops.start[i];
    const x2 = Math.max(Math.min(NAMES + (end - view.from) * at.scale, at.width + 2), x1 + 1);
    bar1(pen, i, x1, x2, y + 3, READS.has(ops.functionOf[i]), ops.outcome[i] === 2, colours);
    if (i === chosen || cited[i]) {
      pen.strokeStyle = i === chosen ? colours.ink : colours.bad;
      pen.lineWidth = i === chosen ? 2.5 : 1.5;
      pen.strokeRect(x1 - 2, y + 1, x2 - x1 + 4, LANE - 5);
    }
  }

  // Names on the left and times above, over whatever reaches there.
  function frame(pen, { width, height, scroll }, first, last, { ink, dim, page }) {
    pen.fillStyle = page;
    pen.fillRect(0, 0, NAMES - 2, height);
    pen.fillRect(0, 0, width, TOP - 2);
    pen.fillStyle = ink;
    for (let row = first; row < last; row++) {
      const y = TOP + row * LANE - scroll;
      if (y > TOP - LANE) pen.fillText(names.processes[rows[row]].slice(0, 10), 4, Math.max(y + 14, TOP + 8));
    }
    pen.fillStyle = page;
    pen.fillRect(0, 0, NAMES - 2, TOP - 4);
    pen.fillStyle = dim;
    pen.fillText(seconds(view.from), NAMES, 12);
    const right = seconds(view.to);
    pen.fillText(right, width - pen.measureText(right).width - 4, 12);
    if (width > 500) pen.fillText(seconds((view.from + view.to) / 2), NAMES + (width - NAMES) / 2 - 24, 12);
  }

  function bandsIn(pen, width, height) {
    shadeFaults(pen, xOf, NAMES, width, TOP, height, 1);
  }

  function bar1(pen, i, x1, x2, y, isRead, isOpen, colours) {
    const height = LANE - 9, colour = ops.outcome[i] === 1 ? colours.bad : isRead ? colours.ink : colours.one;
    pen.fillStyle = pen.strokeStyle = colour;
    pen.lineWidth = 1;
    if (isRead) {
      pen.fillStyle = colours.page;
      pen.fillRect(x1, y + 2, x2 - x1, height - 4);
      pen.strokeRect(x1 + 0.5, y + 2.5, Math.max(x2 - x1 - 1, 0.5), height - 5);
    } else pen.fillRect(x1, y, x2 - x1, height);
    if (isOpen) {
      pen.fillStyle = colour;
      for (let k = 0; k < 5; k++) pen.fillRect(x2 + 2 + k * 4, y + height / 2 - 1, 2, 2);
    }
    if (ops.outcome[i] === 1) {
      pen.beginPath();
      pen.moveTo(x1, y);
      pen.lineTo(Math.max(x2, x1 + 5), y + height);
      pen.moveTo(x1, y + height);
      pen.lineTo(Math.max(x2, x1 + 5), y);
      pen.strokeStyle = isRead ? colours.bad : colours.page;
      pen.stroke();
    }
    if (x2 - x1 > 60) {
      pen.save();
      pen.beginPath();
      pen.rect(x1, y - 2, x2 - x1, height + 4);
      pen.clip();
      pen.fillStyle = isRead ? colours.ink : colours.page;
      pen.fillText(keyOf(i) + " " + valueOf(i), x1 + 4, y + 10);
      pen.restore();
    }
  }

  function choose(i) {
    chosen = i;
    if (i < 0) return;
    const took = Number.isFinite(ops.end[i]) ? (ops.end[i] - ops.start[i]).toFixed(3) + " ms" : "never ended";
    const parts = ["#" + ops.index[i], names.processes[ops.process[i]], names.functions[ops.functionOf[i]], keyOf(i), "value " + valueOf(i), OUTCOMES[ops.outcome[i]]];
    if (nodeOf(i)) parts.push("through " + nodeOf(i));
    parts.push("from " + seconds(ops.start[i]));
    if (!report.ops.untimed || !Number.isFinite(ops.end[i])) parts.push(took);
    if (ops.behind[i] > 1) parts.push(ops.behind[i] - 1 + " versions behind");
    detail.textContent = parts.filter((part) => part !== "").join(", ");
    const y = rowOf[ops.process[i]] * LANE;
    if (y < box.scrollTop || y > box.scrollTop + canvas.clientHeight - TOP - LANE) box.scrollTop = Math.max(0, y - 60);
    if (ops.start[i] > view.to || ops.start[i] < view.from) view.set(ops.start[i] - (view.to - view.from) / 2, ops.start[i] + (view.to - view.from) / 2);
    draw();
  }

  function step(by) {
    let i = chosen < 0 ? firstFrom(view.from) - (by > 0 ? 1 : 0) : chosen;
    do i += by; while (i >= 0 && i < ops.count && !keep[i]);
    if (i >= 0 && i < ops.count) choose(i);
  }

  function at(event) {
    const rect = canvas.getBoundingClientRect(), x = event.clientX - rect.left, y = event.clientY - rect.top;
    const row = Math.floor((y - TOP + box.scrollTop) / LANE), ms = view.from + (x - NAMES) / scale();
    let best = -1, distance = 6 / scale();
    eachWithin(ms - distance, ms + distance, (i) => {
      if (!keep[i] || rowOf[ops.process[i]] !== row) return;
      const end = Number.isFinite(ops.end[i]) ? ops.end[i] : ops.start[i];
      const far = ms < ops.start[i] ? ops.start[i] - ms : Math.max(0, ms - end);
      if (far <= distance) {
        distance = far;
        best = i;
      }
    });
    return best;
  }

  function bar() { return zoomBar(); }

  const pointers = new Map();
  let moved = 0;
  box.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event.clientX);
    moved = 0;
  });
  box.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    const by = event.clientX - pointers.get(event.pointerId);
    pointers.set(event.pointerId, event.clientX);
    moved += Math.abs(by);
    if (moved < 4) return;
    if (pointers.size === 2) {
      const after = [...pointers.values()], gap = (all) => Math.max(8, Math.abs(all[0] - all[1]));
      view.zoom(gap(before) / gap(after));
    } else view.set(view.from - by / scale(), view.to - by / scale());
  });
  const release = (event) => {
    const isClick = pointers.delete(event.pointerId) && moved < 4 && event.type === "pointerup";
    if (isClick) choose(at(event));
  };
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release);
  box.addEventListener("pointerleave", release);
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const ms = view.from + (event.clientX - canvas.getBoundingClientRect().left - NAMES) / scale();
    if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(event.deltaY / 200), ms);
    else view.move(event.deltaX / canvas.clientWidth);
  }, { passive: false });
  box.addEventListener("keydown", (event) => {
    const acts = { ArrowLeft: () => view.move(-0.2), ArrowRight: () => view.move(0.2), "+": () => view.zoom(0.5), "=": () => view.zoom(0.5),
      "-": () => view.zoom(2), 0: () => view.set(whole.from, whole.to), n: () => step(1), p: () => step(-1) };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  box.addEventListener("scroll", draw);
  new ResizeObserver(resize).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  following(parent, paint);
  refilter();

  return {
    // Shows an anomaly: its key, and a little before it and after.
    show(anomaly) {
      filter.key = names.keys.includes(anomaly.key) ? anomaly.key : "";
      parent.querySelector("input[name=key]").value = filter.key;
      for (const select of parent.querySelectorAll("select")) {
        select.value = "";
        filter[select.name] = "";
      }
      refilter();
      const from = anomaly.start_ns / 1e6, to = anomaly.end_ns / 1e6, margin = Math.max(2, (to - from) * 0.15);
      view.set(from - margin, to + margin);
      document.getElementById("timeline").scrollIntoView();
      box.focus({ preventScroll: true });
      for (let i = 0; i < ops.count; i++) if (ops.index[i] === anomaly.ops[0]) return choose(i);
    },
  };
}

// Buttons for those who neither drag nor pinch.
function zoomBar() {
  const button = (label, name, act) => element("button", { type: "button", "aria-label": name, title: name, on: { click: act } }, label);
  const where = element("span");
  const tell = () => { where.textContent = seconds(view.from) + " to " + seconds(view.to); };
  view.watchers.push(tell);
  tell();
  return element("span", { class: "bar" }, button("\u2212", "Zoom out", () => view.zoom(2)), button("+", "Zoom in", () => view.zoom(0.5)),
    button("\u25c0", "Earlier", () => view.move(-0.5)), button("\u25b6", "Later", () => view.move(0.5)),
    button("whole run", "Show the whole run", () => view.set(whole.from, whole.to)), where);
}
