"use strict";
// Rows that have each word of the filter in them.
const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.getElementById("runs").rows];
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    document.getElementById("count").textContent = shown + " of " + rows.length;
  };
  filter.addEventListener("input", apply);
  apply();
}

// Of two runs side by side, what differs alone.
const two = document.querySelector("table.two");
if (two) {
  const box = document.createElement("input"), label = document.createElement("label"), line = document.createElement("p");
  box.type = "checkbox";
  box.addEventListener("change", () => {
    for (const row of two.tBodies[0].rows) row.hidden = box.checked && !row.classList.contains("differs");
  });
  label.append(box, " only what differs");
  line.append(label);
  two.parentElement.before(line);
}

// How far each run has come that goes on; once one has ended, the page is asked for anew.
const INTERVAL_MS = 2000;
for (const place of document.querySelectorAll("[data-live]")) {
  const look = async () => {
    const response = await fetch(place.dataset.live).catch(() => null);
    if (response && response.status === 404) return location.reload();
    if (response && response.ok) {
      const live = await response.json();
      const part = (value, digits, unit) => (value === null ? "" : ", " + value.toFixed(digits) + unit);
      const faults = live.faults.length ? live.faults.join(", ") : "none";
      place.textContent = live.goes_on
        ? (live.ops ?? 0) + " operations" + part(live.seconds, 0, " s") + part(live.ok_percent, 1, " % ok") + (live.p99_ms === null ? "" : ", p99 " + live.p99_ms.toFixed(1) + " ms") + "; faults: " + faults
        : "silent for a minute: it was killed, or is being checked";
      const state = (place.closest("tr") ?? document).querySelector("[data-state]");
      if (state) state.textContent = live.goes_on ? "running" : "unfinished";
      if (!live.goes_on) return null;
    }
    return setTimeout(look, INTERVAL_MS);
  };
  look();
}
