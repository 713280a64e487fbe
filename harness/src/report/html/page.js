// What brings the page to life. Each part by itself: one that fails takes no other with it, and says so.
const AROUND_MS = 50, AROUND_ROWS = 200;

function alone(where, act) {
  try {
    return act();
  } catch (error) {
    const place = document.getElementById(where);
    if (place) place.append(element("p", { class: "words" }, "This part could not be drawn: " + error));
    return null;
  }
}

// The operations of an anomaly's key that overlap it, or nearly so; more at a time as they are asked for.
function around(details) {
  const anomaly = report.anomalies[Number(details.dataset.anomaly)];
  const cited = new Set(anomaly.ops), key = names.keys.indexOf(anomaly.key) + 1;
  const from = Math.max(whole.from, anomaly.start_ns / 1e6 - AROUND_MS), to = anomaly.end_ns / 1e6 + AROUND_MS;
  const found = [];
  for (let i = 0; i < ops.count && ops.start[i] <= to; i++) {
    const end = Number.isFinite(ops.end[i]) ? ops.end[i] : ops.start[i];
    if (end >= from && (key === 0 || ops.key[i] === key)) found.push(i);
  }
  const place = element("div");
  let shown = 0;
  const more = element("button", { type: "button", on: { click: () => show() } });
  function show() {
    shown = Math.min(found.length, shown + AROUND_ROWS);
    const rows = found.slice(0, shown).map((i) => {
      const row = ["#" + ops.index[i], names.processes[ops.process[i]], names.functions[ops.functionOf[i]], keyOf(i), valueOf(i),
        OUTCOMES[ops.outcome[i]], nodeOf(i), seconds(ops.start[i]), Number.isFinite(ops.end[i]) ? seconds(ops.end[i]) : "never"];
      row.cited = cited.has(ops.index[i]);
      return row;
    });
    place.replaceChildren(tableOf("Operations around", ["", "Who", "Did", "Key", "Value", "Ended", "Node", "Began", "Ended at"], rows));
    more.textContent = "Show more of " + found.length;
    more.hidden = shown === found.length;
  }
  details.append(element("p", {}, (anomaly.key ? "Of " + anomaly.key + ", " : "") + found.length + " from " + seconds(from) + " to " + seconds(to) + "; its own in bold."), place, more);
  show();
}

document.querySelectorAll("pre.command").forEach((pre) => {
  const text = pre.textContent.trim();
  if (!navigator.clipboard) return;
  pre.append(element("button", { type: "button", on: { click: (event) => navigator.clipboard.writeText(text).then(() => { event.target.textContent = "copied"; }) } }, "copy"));
});
let timeline = null, showTimeline = () => {};
document.querySelectorAll("details.around").forEach((details) => {
  details.addEventListener("toggle", () => { if (details.open && details.childElementCount === 1) around(details); });
});
document.querySelectorAll("button.show").forEach((button) => {
  button.addEventListener("click", () => {
    showTimeline();
    if (timeline) timeline.show(report.anomalies[Number(button.dataset.anomaly)]);
  });
});
alone("zoom", () => document.getElementById("zoom").append(zoomBar()));
// Each part is drawn once it comes near what is seen; that is said of all that were near at first.
const parts = { charts: drawCharts, quantiles: drawQuantiles, lanes: () => { timeline = lanes(); }, stale: drawStale };
const unknown = new Set(Object.keys(parts));
for (const [name, draw] of Object.entries(parts)) {
  const now = whenNear(document.getElementById(name), () => alone(name, draw), () => {
    unknown.delete(name);
    if (unknown.size === 0) document.documentElement.dataset.drawn = "yes";
  });
  if (name === "lanes") showTimeline = now;
}
