// Who was in the cluster, as what, and when: a lane for each node below the charts, over the same time as they. What a lane shows is told
// apart by its form, so that it is seen in black and white.
const MEMBER_LANE = 22, MEMBER_FRAME = 64;
const membersHeight = () => report.members.length * MEMBER_LANE + MEMBER_FRAME;
const membersRoom = () => (report.members.length ? membersHeight() + 90 : 0);

// What a node was at a moment.
const stayAt = (lane, ms) => lane.stays.find((stay) => stay.start_ns / 1e6 <= ms && (stay.end_ns === null || ms < stay.end_ns / 1e6));

// For the legend: of each span's middle, whether there is anything to be told of each node.
function membersSeen() {
  const { middles } = spans();
  return [middles, ...report.members.map((lane, i) => middles.map((s) => (stayAt(lane, s * 1000) ? i + 0.5 : null)))];
}

function membersChart(parent) {
  const lanes = report.members;
  if (!lanes.length) return null;
  const made = chart(parent, "Members", lanes.map((lane) => lane.node), "", {
    height: membersHeight(),
    y: { range: () => [0, lanes.length], dir: -1 },
    each: {
      paths: () => null,
      value: (u, value, series, at) => {
        const stay = at === null || at === undefined ? null : stayAt(lanes[series - 1], u.data[0][at] * 1000);
        return stay ? stay.words : "-";
      },
    },
    options: {
      axes: [axis({ values: (u, all) => all.map((s) => s + " s") }),
        axis({ size: SCALE_WIDTH, grid: { show: false }, splits: () => lanes.map((lane, i) => i + 0.5), values: () => lanes.map((lane) => lane.node.slice(0, 7)) })],
    },
  });
  made.hooks.draw = [drawStays];
  made.root.classList.add("members");
  parent.append(element("p", { class: "key" }, "Filled is a member, hatched comes in or goes out, hollow is paused, a line is down, and a dotted one is out."));
  return made;
}

function drawStays(chart) {
  const pen = chart.ctx, { left, top, width, height } = chart.bbox, ratio = devicePixelRatio || 1;
  const inks = { ink: style("--ink"), fill: style("--one"), page: style("--page"), gone: style("--dim") };
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  pen.font = 11 * ratio + "px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  report.members.forEach((lane, i) => {
    const middle = chart.valToPos(i + 0.5, "y", true);
    for (const stay of lane.stays) {
      const x1 = Math.max(left, chart.valToPos(stay.start_ns / 1e9, "x", true));
      const x2 = Math.min(left + width, stay.end_ns === null ? left + width : chart.valToPos(stay.end_ns / 1e9, "x", true));
      if (x2 > x1) drawStay(pen, stay, x1, Math.max(x2 - x1, ratio), middle, ratio, inks);
    }
  });
  pen.restore();
}

function drawStay(pen, stay, x, width, middle, ratio, { ink, fill, page, gone }) {
  const high = (MEMBER_LANE - 6) * ratio, isOut = stay.role === "left" || stay.role === "removed", isBar = !isOut && stay.process !== "down";
  pen.lineWidth = 1.5 * ratio;
  pen.strokeStyle = isOut ? gone : isBar ? fill : ink;
  if (isBar) {
    pen.fillStyle = stay.role === "member" && stay.process === "up" ? fill : page;
    pen.fillRect(x, middle - high / 2, width, high);
    if (stay.role !== "member" && stay.process === "up") hatchBar(pen, x, middle - high / 2, width, high, stay.role !== "leaving", ratio);
    pen.strokeRect(x + ratio / 2, middle - high / 2, Math.max(width - ratio, 0), high);
  } else {
    pen.setLineDash(isOut ? [ratio, 4 * ratio] : []);
    pen.beginPath();
    pen.moveTo(x, middle);
    pen.lineTo(x + width, middle);
    pen.stroke();
    pen.setLineDash([]);
  }
  const room = width - 8 * ratio, wide = pen.measureText(stay.words).width;
  if (wide > room || stay.words === "member") return;
  if (!(isBar && stay.role === "member" && stay.process === "up")) {
    pen.fillStyle = page;
    pen.fillRect(x + 2 * ratio, middle - high / 2 + ratio, wide + 4 * ratio, high - 2 * ratio);
  }
  pen.fillStyle = ink;
  pen.fillText(stay.words, x + 4 * ratio, middle);
}

// Lines that rise where a node comes in, and fall where it goes.
function hatchBar(pen, x, y, width, high, isRising, ratio) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, high);
  pen.clip();
  pen.beginPath();
  for (let at = -high; at < width; at += 6 * ratio) {
    pen.moveTo(x + at, isRising ? y + high : y);
    pen.lineTo(x + at + high, isRising ? y : y + high);
  }
  pen.stroke();
  pen.restore();
}
