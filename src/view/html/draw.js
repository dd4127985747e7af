// The timeline and the minimap on their canvases, and what is under the pointer. Changes no state but places.

const VIEW = { t0: 0, t1: END, scroll: 0, width: 0, height: 0, left: 132, axis: 26, strip: 0, content: 0 };
const STATE = { selected: -1, story: null, focus: null, focusName: "", history: [], hot: null };
const STAGE = document.getElementById("timeline"), CTX = STAGE.getContext("2d");
const MINI = document.getElementById("minimap"), MINICTX = MINI.getContext("2d");
/** More messages than these are not drawn one by one. */
const MESSAGES_MAX = 900;
const ARROWS = [];

const xOf = (t) => VIEW.left + ((t - VIEW.t0) / (VIEW.t1 - VIEW.t0)) * (VIEW.width - VIEW.left);
const tOf = (x) => VIEW.t0 + ((x - VIEW.left) / (VIEW.width - VIEW.left)) * (VIEW.t1 - VIEW.t0);
const laneTop = () => VIEW.axis + VIEW.strip;
const toScreen = (y) => y + laneTop() - VIEW.scroll;
const inFocus = (i) => !STATE.focus || STATE.focus[i] === 1;

function fit(canvas, context) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [width, height];
}

function draw() {
  [VIEW.width, VIEW.height] = fit(STAGE, CTX);
  VIEW.strip = STATE.story ? stripHeight(STATE.story) : 0;
  VIEW.content = layOut();
  VIEW.scroll = Math.max(0, Math.min(VIEW.scroll, VIEW.content - (VIEW.height - laneTop())));
  CTX.fillStyle = THEME.bg;
  CTX.fillRect(0, 0, VIEW.width, VIEW.height);
  clipped(0, laneTop(), VIEW.width, VIEW.height - laneTop(), () => {
    drawGroups();
    clipped(VIEW.left, laneTop(), VIEW.width - VIEW.left, VIEW.height - laneTop(), () => {
      drawDowns();
      for (const lane of LANES.all) if (lane.shown && onScreen(lane)) drawLane(lane);
      drawMessages();
      drawSelection();
    });
    drawLabels();
  });
  if (STATE.story) drawStrip(STATE.story);
  drawAxis();
  drawMinimap();
}

function clipped(x, y, width, height, body) {
  CTX.save();
  CTX.beginPath(); CTX.rect(x, y, width, height); CTX.clip();
  body();
  CTX.restore();
}

const onScreen = (lane) => toScreen(lane.y + lane.height) >= laneTop() && toScreen(lane.y) <= VIEW.height;

// Axis.

function tickStep() {
  const least = (VIEW.t1 - VIEW.t0) / Math.max(2, (VIEW.width - VIEW.left) / 110);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? power * 10;
}

/** A time on the axis: in the unit of the view, with as many digits as neighbouring ticks need. */
function tickText(t, step) {
  const [unit, name] = VIEW.t1 < 1e3 ? [1, "ns"] : VIEW.t1 < 1e6 ? [1e3, "µs"] : VIEW.t1 < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  return `${(t / unit).toFixed(digits)} ${name}`;
}

function drawAxis() {
  CTX.fillStyle = THEME.panel; CTX.fillRect(0, 0, VIEW.width, VIEW.axis);
  CTX.font = `11px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  const step = tickStep();
  CTX.strokeStyle = THEME.line; CTX.lineWidth = 1;
  clipped(VIEW.left, 0, VIEW.width - VIEW.left, VIEW.height, () => {
    const flags = [];
    let free = -Infinity;
    for (const violation of RUN.violations.slice(0, 50)) {
      const x = Math.round(xOf(violation.at)) + 0.5;
      if (x < VIEW.left - 1 || x > VIEW.width + 1) continue;
      CTX.strokeStyle = THEME.bad; CTX.lineWidth = 1.5; line(x, VIEW.axis, x, VIEW.height);
      const text = `▲ ${violation.check}: ${violation.kind}`, width = CTX.measureText(text).width + 10;
      const at = Math.min(x - 5, VIEW.width - width - 2);
      if (at < free) continue;
      CTX.fillStyle = THEME.bad; CTX.fillRect(at, 3, width, VIEW.axis - 6);
      CTX.fillStyle = THEME.dark ? "#2b0507" : "#fff"; CTX.fillText(text, at + 5, VIEW.axis / 2);
      free = at + width;
      flags.push([at, free]);
    }
    CTX.strokeStyle = THEME.line; CTX.lineWidth = 1;
    for (let t = Math.ceil(VIEW.t0 / step) * step; t <= VIEW.t1; t += step) {
      const x = Math.round(xOf(t)) + 0.5, text = tickText(t, step), end = x + 8 + CTX.measureText(text).width;
      CTX.globalAlpha = 0.55; line(x, VIEW.axis - 6, x, VIEW.height); CTX.globalAlpha = 1;
      if (flags.some(([from, to]) => x < to && end > from)) continue;
      CTX.fillStyle = THEME.dim; CTX.fillText(text, x + 4, VIEW.axis / 2);
    }
  });
  CTX.strokeStyle = THEME.line; CTX.lineWidth = 1; line(0, VIEW.axis + 0.5, VIEW.width, VIEW.axis + 0.5);
  CTX.fillStyle = THEME.dim; CTX.fillText(`${roughly(VIEW.t1 - VIEW.t0)} in view`, 8, VIEW.axis / 2);
}

function line(x0, y0, x1, y1) { CTX.beginPath(); CTX.moveTo(x0, y0); CTX.lineTo(x1, y1); CTX.stroke(); }

/** Text that is cut to a width; drawn only where some of it fits. */
function label(text, x, y, width, colour) {
  if (width < 14) return;
  let shown = text;
  if (CTX.measureText(text).width > width) {
    const each = CTX.measureText("n").width, keep = Math.floor(width / each) - 1;
    if (keep < 2) return;
    shown = text.slice(0, keep) + "…";
    if (CTX.measureText(shown).width > width + 3) return;
  }
  CTX.fillStyle = colour; CTX.fillText(shown, x, y);
}

// Groups of lanes, and their names.

function drawGroups() {
  for (const group of LANES.groups) {
    const y = toScreen(group.top) - 2, height = group.bottom - group.top + 2;
    CTX.fillStyle = THEME.group; CTX.fillRect(0, y, VIEW.width, height);
  }
}

function drawLabels() {
  CTX.fillStyle = THEME.panel; CTX.fillRect(0, laneTop(), VIEW.left - 1, VIEW.height);
  CTX.fillStyle = THEME.line; CTX.fillRect(VIEW.left - 1, laneTop(), 1, VIEW.height);
  CTX.textBaseline = "middle"; CTX.textAlign = "left";
  for (const lane of LANES.all) {
    if (!lane.shown || !onScreen(lane)) continue;
    const middle = toScreen(lane.y) + Math.min(lane.height, 26) / 2;
    if (lane.type === "node" || lane.type === "volume" || lane.type === "faults") {
      CTX.font = `600 12px ${THEME.sans}`;
      label(lane.title, 10, middle, VIEW.left - 20, LANES.hidden.has(lane.group.key) ? THEME.dim : THEME.text);
      if (lane.type === "node" && LANES.hidden.has(lane.group.key)) { CTX.font = `11px ${THEME.sans}`; label("hidden", 60, middle, 60, THEME.dim); }
    } else {
      CTX.font = `11px ${THEME.sans}`;
      const mark = lane.type === "cpus" ? "▸ " : lane.type === "cpu" && lane === lane.group.lanes.find((one) => one.type === "cpu") ? "▾ " : "";
      label(mark + lane.title, mark ? 10 : 22, middle, VIEW.left - 30, THEME.dim);
    }
  }
}

// Lanes.

function drawLane(lane) {
  const y = toScreen(lane.y);
  if (lane.bars) {
    if (lane.type === "faults") drawFaults(lane, y);
    else if (lane.type === "disk") { drawUnplugged(lane, y); drawBars(lane, y, commandColour, commandText); }
    else drawBars(lane, y, opColour, opText);
  } else if (lane.type === "volume") drawVolume(lane, y);
  else if (lane.type === "node") drawNode(lane, y);
  else drawTicks(lane, y);
}

const opColour = (i) => { const kind = show(i, "kind"); return kind === "read" ? THEME.read : kind === "flush" ? THEME.flush : kind === "trim" ? THEME.trim : THEME.write; };
const opText = (i) => `op${num(i, "op")} ${show(i, "kind")} ${num(i, "blocks") ? num(i, "block") + (num(i, "blocks") > 1 ? `–${num(i, "block") + num(i, "blocks") - 1}` : "") : ""}`;
const commandColour = (i) => { const op = show(i, "op"); return op === "read" ? THEME.read : op === "flush" ? THEME.flush : op === "write" ? THEME.write : THEME.trim; };
const commandText = (i) => `${show(i, "op")} ${num(i, "lba")}${num(i, "blocks") > 1 ? `–${num(i, "lba") + num(i, "blocks") - 1}` : ""}${T.op[i] >= 0 ? ` op${num(T.op[i], "op")}` : ""}`;

/** Whether what a bar stands for went wrong: 0 no, 1 it failed, 2 it never ended. */
function fate(i) {
  const end = T.end[i];
  if (end < 0) return 2;
  const name = nameOf(end);
  if (name === "app.abandoned" || name === "disk.aborted") return 1;
  if (name === "app.returned") return show(end, "result") === "ok" ? 0 : 1;
  return name === "disk.completed" && show(end, "status") !== "success" ? 1 : 0;
}

function drawBars(lane, y, colour, text) {
  const bars = lane.bars, [from, to] = bars.range(VIEW.t0, VIEW.t1), pixels = VIEW.width - VIEW.left;
  if (to - from > pixels * 2.5) { drawDensity(lane, y, from, to, colour); if (!STATE.focus) return; }
  const dense = to - from > pixels * 2.5, height = lane.rowHeight - 1, last = new Float64Array(bars.rows).fill(-1);
  CTX.font = `${Math.min(11, height)}px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  for (const wanted of STATE.focus ? [0, 1] : [1]) {
    last.fill(-1);
    if (dense && !wanted) continue;
    for (let b = from; b < to; b++) {
      const i = bars.rec[b];
      if (bars.t1[b] < VIEW.t0 || (STATE.focus && STATE.focus[i] !== wanted)) continue;
      const x0 = Math.max(xOf(bars.t0[b]), VIEW.left - 4), x1 = Math.min(xOf(bars.t1[b]), VIEW.width + 4), row = bars.row[b];
      if (x1 <= last[row]) continue;
      const width = Math.max(x1 - x0 - (x1 - x0 > 4 ? 1 : 0), 1), at = y + 1 + row * lane.rowHeight;
      last[row] = x0 + width;
      const content = STATE.story && STATE.story.records[i] && lane.type === "ops" ? contentOf(i) : null;
      CTX.globalAlpha = wanted ? 1 : 0.22;
      CTX.fillStyle = content ? contentColour(content) : colour(i);
      CTX.fillRect(x0, at, width, height);
      const wrong = fate(i);
      if (wrong) { CTX.fillStyle = THEME.bad; if (wrong === 1) CTX.fillRect(x0 + width - 3, at, 3, height); else CTX.fillRect(x0, at + height - 2, width, 2); }
      if (height >= 10 && width > 30 && wanted) label(text(i), x0 + 4, at + height / 2 + 0.5, width - 7, "rgba(0,0,0,.82)");
    }
  }
  CTX.globalAlpha = 1;
}

/** So many at a time that single bars can't be told apart: how many are under way, pixel by pixel. */
function drawDensity(lane, y, from, to, colour) {
  const bars = lane.bars, pixels = Math.max(1, Math.floor(VIEW.width - VIEW.left)), change = new Int32Array(pixels + 2), writes = new Int32Array(pixels + 2);
  const scale = pixels / (VIEW.t1 - VIEW.t0), write = THEME.write;
  for (let b = from; b < to; b++) {
    const first = Math.max(0, Math.floor((bars.t0[b] - VIEW.t0) * scale)), last = Math.min(pixels, Math.floor((bars.t1[b] - VIEW.t0) * scale) + 1);
    if (last <= first) continue;
    change[first]++; change[last]--;
    if (colour(bars.rec[b]) === write) { writes[first]++; writes[last]--; }
  }
  let all = 0, of = 0, most = 1;
  for (let x = 0; x < pixels; x++) { all += change[x]; most = Math.max(most, all); }
  all = 0;
  CTX.globalAlpha = STATE.focus ? 0.25 : 0.9;
  for (let x = 0; x < pixels; x++) {
    all += change[x]; of += writes[x];
    const height = (all / most) * (lane.height - 2), part = (of / most) * (lane.height - 2);
    CTX.fillStyle = THEME.write; CTX.fillRect(VIEW.left + x, y + lane.height - 1 - part, 1, part);
    CTX.fillStyle = THEME.read; CTX.fillRect(VIEW.left + x, y + lane.height - 1 - height, 1, height - part);
  }
  CTX.globalAlpha = 1;
}

/** The pattern of what is down, away, or harmed. */
const HATCH = { key: "", pattern: null };
function hatch() {
  if (HATCH.key !== THEME.down) {
    const tile = document.createElement("canvas"); tile.width = tile.height = 8;
    const ink = tile.getContext("2d");
    ink.strokeStyle = THEME.down; ink.lineWidth = 1.6;
    ink.beginPath(); ink.moveTo(-2, 10); ink.lineTo(10, -2); ink.moveTo(-2, 2); ink.lineTo(2, -2); ink.moveTo(6, 10); ink.lineTo(10, 6); ink.stroke();
    HATCH.key = THEME.down; HATCH.pattern = CTX.createPattern(tile, "repeat");
  }
  return HATCH.pattern;
}

function drawFaults(lane, y) {
  const bars = lane.bars, [from, to] = bars.range(VIEW.t0, VIEW.t1);
  CTX.font = `11px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  const free = new Float64Array(bars.rows).fill(-Infinity);
  for (let b = from; b < to; b++) {
    const i = bars.rec[b], lasts = T.end[i] >= 0, x0 = xOf(bars.t0[b]), at = y + 1 + bars.row[b] * 16;
    const x1 = lasts ? xOf(bars.t1[b]) : x0;
    CTX.globalAlpha = inFocus(i) ? 1 : 0.55;
    if (lasts) {
      CTX.globalAlpha *= 0.3; CTX.fillStyle = THEME.bad; CTX.fillRect(x0, at, Math.max(2, x1 - x0), 14);
      CTX.globalAlpha = 1; CTX.fillStyle = hatch(); CTX.fillRect(x0, at, Math.max(2, x1 - x0), 14);
    }
    CTX.fillStyle = THEME.bad;
    CTX.beginPath(); CTX.moveTo(x0, at + 1); CTX.lineTo(x0 + 6, at + 7); CTX.lineTo(x0, at + 13); CTX.lineTo(x0 - 6, at + 7); CTX.fill();
    CTX.globalAlpha = 1;
    const text = `${show(i, "action")} ${show(i, "node") || show(i, "disk")}`, next = nextInRow(bars, b, to), start = Math.max(x0, VIEW.left) + 10;
    if (start < free[bars.row[b]]) continue;
    const width = Math.min(CTX.measureText(text).width, next - start - 8, VIEW.width - start - 4);
    if (width > 90 || width >= CTX.measureText(text).width) {
      if (lasts) { CTX.fillStyle = THEME.group; CTX.fillRect(start - 2, at, width + 4, 14); }
      label(text, start, at + 7.5, width + 1, THEME.bad);
      free[bars.row[b]] = start + width + 6;
    }
  }
  // Phases, freezes, and assertions that did not hold.
  const [first, last] = lane.points.range(VIEW.t0, VIEW.t1);
  for (let p = first; p < last; p++) {
    const x = xOf(T.at[lane.points.rec[p]]);
    CTX.fillStyle = is(lane.points.rec[p], "world.expectation-failed") ? THEME.bad : THEME.accent;
    CTX.fillRect(x - 1, y, 2, lane.height);
  }
}

function nextInRow(bars, b, to) {
  for (let next = b + 1; next < Math.min(to, b + 40); next++) if (bars.row[next] === bars.row[b]) return xOf(bars.t0[next]);
  return Infinity;
}

function drawVolume(lane, y) {
  const points = lane.points.rec;
  CTX.font = `11px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  let rebuild = null;
  const band = (t0, t1, colour, text) => {
    const x0 = Math.max(xOf(t0), VIEW.left), x1 = Math.min(xOf(t1), VIEW.width);
    if (x1 < VIEW.left || x0 > VIEW.width) return;
    CTX.fillStyle = colour; CTX.fillRect(x0, y + 2, Math.max(1, x1 - x0 - 1), lane.height - 4);
    label(text, x0 + 6, y + lane.height / 2 + 0.5, x1 - x0 - 10, THEME.text);
  };
  let open = -1;
  for (const i of points) {
    if (!is(i, "volume.state")) continue;
    band(open < 0 ? 0 : T.at[open], T.at[i], open < 0 ? THEME.faint : THEME[show(open, "state")], open < 0 ? "no owner yet" : stateOf(open));
    open = i;
  }
  band(open < 0 ? 0 : T.at[open], END, open < 0 ? THEME.faint : THEME[show(open, "state")], open < 0 ? "no owner yet" : stateOf(open));
  CTX.strokeStyle = THEME.accent; CTX.lineWidth = 1.5;
  for (const i of points) {
    if (is(i, "volume.caches-lost")) { CTX.fillStyle = THEME.bad; CTX.fillRect(xOf(T.at[i]) - 1, y, 3, lane.height); continue; }
    if (!is(i, "volume.rebuild")) continue;
    const x = xOf(T.at[i]), at = y + lane.height - 3 - (num(i, "done") / Math.max(1, num(i, "total"))) * (lane.height - 6);
    if (rebuild && rebuild.leg === num(i, "leg") && rebuild.done <= num(i, "done")) line(rebuild.x, rebuild.y, x, at);
    rebuild = { x, y: at, leg: num(i, "leg"), done: num(i, "done") };
  }
}
const stateOf = (i) => `${show(i, "state")} · epoch ${num(i, "epoch")}`;

/** Lives of a node, what it decided or was told, and below them the rail from which its messages leave. */
function drawNode(lane, y) {
  const rail = y + lane.height * 0.9;
  CTX.strokeStyle = THEME.dim; CTX.globalAlpha = 0.5; CTX.lineWidth = 1; line(VIEW.left, Math.round(rail) + 0.5, VIEW.width, Math.round(rail) + 0.5); CTX.globalAlpha = 1;
  const [from, to] = lane.points.range(VIEW.t0, VIEW.t1);
  CTX.font = `10.5px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  let free = -Infinity, drawn = -Infinity;
  for (let p = from; p < to; p++) {
    const i = lane.points.rec[p], x = xOf(T.at[i]), group = KINDS[T.kind[i]].group;
    if (x - drawn < 1.5 && group !== "node") continue;
    drawn = x;
    CTX.globalAlpha = inFocus(i) || group === "node" ? 1 : 0.3;
    CTX.fillStyle = group === "node" ? (is(i, "node.up") || is(i, "node.resumed") ? THEME.good : THEME.bad) : group === "fault" ? THEME.bad : group === "connection" ? THEME.msg : THEME.state;
    CTX.beginPath(); CTX.arc(x, y + 9, 3.2, 0, 7); CTX.fill();
    const room = p + 1 < to ? xOf(T.at[lane.points.rec[p + 1]]) - x : VIEW.width - x;
    if (x + 5 < free || room < 46) continue;
    const text = nameOf(i).startsWith("net.") ? `${nameOf(i).slice(4)} ${show(i, "peer") || show(i, "to")}` : nameOf(i).split(".")[1] + (num(i, "epoch") >= 0 ? ` e${num(i, "epoch")}` : "");
    label(text, x + 6, y + 9.5, room - 12, THEME.dim);
    free = x + 6 + Math.min(CTX.measureText(text).width, room);
  }
  CTX.globalAlpha = 1;
}

function drawTicks(lane, y) {
  const [from, to] = lane.points.range(VIEW.t0, VIEW.t1), pixels = Math.max(1, Math.floor(VIEW.width - VIEW.left)), count = new Uint16Array(pixels + 1);
  const scale = pixels / (VIEW.t1 - VIEW.t0), focused = STATE.focus ? new Uint8Array(pixels + 1) : null;
  let most = 1;
  for (let p = from; p < to; p++) {
    const x = Math.floor((T.at[lane.points.rec[p]] - VIEW.t0) * scale);
    if (x < 0 || x > pixels) continue;
    most = Math.max(most, ++count[x]);
    if (focused && STATE.focus[lane.points.rec[p]]) focused[x] = 1;
  }
  for (let x = 0; x <= pixels; x++) {
    if (!count[x]) continue;
    CTX.globalAlpha = focused && !focused[x] ? 0.18 : 0.3 + 0.7 * Math.sqrt(count[x] / most);
    CTX.fillStyle = focused && focused[x] ? THEME.text : THEME.poll;
    CTX.fillRect(VIEW.left + x, y + 2, 1, lane.height - 4);
  }
  CTX.globalAlpha = 1;
}

function drawUnplugged(lane, y) {
  for (const i of lane.unplugged) hatched(T.at[i], T.end[i] >= 0 ? T.at[T.end[i]] : END, y, lane.height, `unplugged`);
}

/** Where a node was down or paused, over all of its lanes. */
function drawDowns() {
  for (const i of LANES.downs) {
    const group = LANES.groups.find((one) => one.node === num(i, "node") && one.lanes.some((lane) => lane.shown));
    if (!group) continue;
    const t1 = T.end[i] >= 0 ? T.at[T.end[i]] : END;
    hatched(T.at[i], t1, toScreen(group.top) - 1, group.bottom - group.top, `${is(i, "node.down") ? "down" : "paused"} ${roughly(t1 - T.at[i])}`);
  }
}

function hatched(t0, t1, y, height, text) {
  const x0 = xOf(t0), x1 = xOf(t1);
  if (x1 < VIEW.left || x0 > VIEW.width) return;
  const from = Math.max(x0, VIEW.left - 4), width = Math.max(2, Math.min(x1, VIEW.width + 4) - from);
  CTX.globalAlpha = 0.1; CTX.fillStyle = THEME.down; CTX.fillRect(from, y, width, height);
  CTX.globalAlpha = 0.35; CTX.fillStyle = hatch(); CTX.fillRect(from, y, width, height);
  CTX.globalAlpha = 1; CTX.fillStyle = THEME.down; CTX.fillRect(from, y, 1.5, height);
  CTX.font = `600 11px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  const wide = CTX.measureText(text).width;
  if (width > wide + 14 && height >= 20) {
    const at = from + 7, middle = y + Math.min(height / 2, 44);
    CTX.fillStyle = THEME.bg; CTX.globalAlpha = 0.85; CTX.fillRect(at - 4, middle - 8, wide + 8, 16); CTX.globalAlpha = 1;
    CTX.fillStyle = THEME.down; CTX.fillText(text, at, middle + 0.5);
  }
}

// Messages.

function drawMessages() {
  ARROWS.length = 0;
  if (!LANES.show.messages) return;
  const bars = LANES.messages, [from, to] = bars.range(VIEW.t0, VIEW.t1), few = to - from <= MESSAGES_MAX;
  CTX.font = `10px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  let drawn = 0;
  for (const wanted of STATE.focus ? [0, 1] : [1]) {
    if (!few && (!STATE.focus || !wanted)) continue;
    for (let b = from; b < to; b++) {
      const i = bars.rec[b];
      if (STATE.focus && STATE.focus[i] !== wanted) continue;
      if (++drawn > MESSAGES_MAX * 3) break;
      drawArrow(i, bars.t0[b], bars.t1[b], wanted === 1, to - from);
    }
  }
  if (!few && !drawn) {
    const text = `${grouped(to - from)} messages here: zoom in to see them`;
    CTX.font = `11px ${THEME.sans}`;
    const wide = CTX.measureText(text).width;
    CTX.fillStyle = THEME.raised; CTX.globalAlpha = 0.9; CTX.fillRect(VIEW.width - wide - 22, VIEW.height - 26, wide + 14, 19);
    CTX.globalAlpha = 1; CTX.fillStyle = THEME.dim; CTX.fillText(text, VIEW.width - wide - 15, VIEW.height - 16);
  }
}

function drawArrow(i, t0, t1, strong, crowd) {
  const from = LANES.byKey.get(`node/${num(i, "from")}`), to = LANES.byKey.get(`node/${num(i, "to")}`);
  if (!from?.shown || !to?.shown) return;
  const x0 = xOf(t0), x1 = xOf(t1), y0 = toScreen(from.y + from.height * 0.9), y1 = toScreen(to.y + to.height * 0.9);
  const lost = T.end[i] >= 0 && is(T.end[i], "net.dropped");
  CTX.globalAlpha = strong ? (STATE.focus ? 0.95 : crowd > 300 ? 0.35 : 0.6) : 0.1;
  CTX.strokeStyle = CTX.fillStyle = lost ? THEME.bad : STATE.focus && strong ? THEME.text : THEME.msg;
  CTX.lineWidth = STATE.focus && strong ? 1.4 : 1;
  if (lost) CTX.setLineDash([4, 3]);
  const part = lost ? 0.86 : 1, xe = x0 + (x1 - x0) * part, ye = y0 + (y1 - y0) * part;
  line(x0, y0, xe, ye);
  CTX.setLineDash([]);
  if (lost) { CTX.lineWidth = 2; line(xe - 4, ye - 4, xe + 4, ye + 4); line(xe - 4, ye + 4, xe + 4, ye - 4); }
  else {
    const angle = Math.atan2(y1 - y0, x1 - x0), size = STATE.focus && strong ? 7 : 5;
    CTX.beginPath(); CTX.moveTo(x1, y1);
    CTX.lineTo(x1 - size * Math.cos(angle - 0.4), y1 - size * Math.sin(angle - 0.4)); CTX.lineTo(x1 - size * Math.cos(angle + 0.4), y1 - size * Math.sin(angle + 0.4)); CTX.fill();
  }
  CTX.globalAlpha = 1;
  if (strong) ARROWS.push({ i, x0, y0, x1: xe, y1: ye });
}

// What is selected, and what led to it.

function drawSelection() {
  const i = STATE.selected;
  if (i < 0) return;
  CTX.lineWidth = 1.6; CTX.strokeStyle = THEME.select; CTX.fillStyle = THEME.select;
  let at = i;
  for (let hops = 0; hops < 24 && T.cause[at] >= 0; hops++) { const cause = T.cause[at]; link(cause, at, 0.9 - hops * 0.03); at = cause; }
  CTX.setLineDash([3, 3]);
  for (let e = T.effectAt[i]; e < T.effectAt[i + 1] && e < T.effectAt[i] + 24; e++) link(i, T.effects[e], 0.7);
  CTX.setLineDash([]);
  CTX.globalAlpha = 1;
  ring(i);
}

function link(from, to, alpha) {
  const a = spotOf(from), b = spotOf(to);
  if (!a || !b) return;
  CTX.globalAlpha = alpha;
  const x0 = xOf(T.at[from]), x1 = xOf(T.at[to]), y0 = toScreen(a.y), y1 = toScreen(b.y);
  CTX.beginPath(); CTX.moveTo(x0, y0); CTX.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1); CTX.stroke();
  CTX.beginPath(); CTX.arc(x0, y0, 2.2, 0, 7); CTX.fill();
}

function ring(i) {
  const spot = spotOf(i);
  if (!spot) return;
  const x = xOf(T.at[i]), y = toScreen(spot.y), b = spot.lane.bars?.index.get(i);
  CTX.lineWidth = 2; CTX.strokeStyle = THEME.select;
  if (b !== undefined) {
    const x1 = Math.min(xOf(spot.lane.bars.t1[b]), VIEW.width + 9), from = Math.max(x, VIEW.left - 9);
    CTX.strokeRect(from - 1, y - spot.lane.rowHeight / 2 - 1, Math.max(4, x1 - from + 1), spot.lane.rowHeight + 1);
  } else { CTX.beginPath(); CTX.arc(x, y, 6, 0, 7); CTX.stroke(); }
}

// The block whose story is told: on top, whatever is scrolled.

const STRIP_ROW = 21;
const stripHeight = (story) => 24 + story.bars.rows * 16 + 4 + story.legs.length * STRIP_ROW + 8;

function drawStrip(story) {
  const top = VIEW.axis, height = VIEW.strip;
  CTX.fillStyle = THEME.raised; CTX.fillRect(0, top, VIEW.width, height);
  CTX.font = `700 12px ${THEME.sans}`; CTX.textBaseline = "middle"; CTX.textAlign = "left";
  label(`${volumeName(story.volume)} block ${story.block}`, 10, top + 13, VIEW.left - 16, THEME.text);
  CTX.font = `11px ${THEME.sans}`;
  label("operations", 22, top + 24 + 8, VIEW.left - 28, THEME.dim);
  story.legs.forEach((leg, at) => label(leg.name, 22, top + 28 + story.bars.rows * 16 + at * STRIP_ROW + 10, VIEW.left - 28, THEME.dim));
  clipped(VIEW.left, top, VIEW.width - VIEW.left, height, () => {
    CTX.font = `11px ${THEME.sans}`;
    label("operations on this block, coloured by the content that they wrote or were shown; below them, what each leg holds of it", VIEW.left + 6, top + 13, VIEW.width - VIEW.left - 12, THEME.dim);
    drawStripOps(story, top + 24);
    story.legs.forEach((leg, at) => drawStripLeg(leg, top + 28 + story.bars.rows * 16 + at * STRIP_ROW));
  });
  CTX.fillStyle = THEME.line; CTX.fillRect(0, top + height - 2, VIEW.width, 2); CTX.fillRect(VIEW.left - 1, top, 1, height);
}

function drawStripOps(story, y) {
  const bars = story.bars, [from, to] = bars.range(VIEW.t0, VIEW.t1), named = opsNamed(story);
  const seen = new Map(story.seen.map((one) => [one.op, one.content]));
  for (let b = from; b < to; b++) {
    const i = bars.rec[b], x0 = Math.max(xOf(bars.t0[b]), VIEW.left - 3), x1 = Math.min(xOf(bars.t1[b]), VIEW.width + 3), at = y + bars.row[b] * 16;
    const content = contentOf(i) ?? seen.get(i) ?? null, write = contentOf(i) !== null, width = Math.max(2, x1 - x0 - 1);
    if (x1 < VIEW.left) continue;
    CTX.fillStyle = content ? contentColour(content, write ? 1 : 0.55) : THEME.faint; CTX.fillRect(x0, at, width, 14);
    if (fate(i)) { CTX.fillStyle = THEME.bad; CTX.fillRect(x0 + width - 3, at, 3, 14); }
    if (named.has(num(i, "op"))) { CTX.strokeStyle = THEME.bad; CTX.lineWidth = 2; CTX.strokeRect(x0 + 1, at + 1, Math.max(2, width - 2), 12); }
    const text = `op${num(i, "op")} ${write ? "writes" : content ? "read" : "reads"}${content ? ` ${contentName(content)}` : ""}`;
    label(text, x0 + 5, at + 7.5, width - 9, write && content !== "0" ? "rgba(0,0,0,.85)" : THEME.text);
  }
}

function drawStripLeg(leg, y) {
  for (const span of leg.spans) {
    const x0 = Math.max(xOf(span.t0), VIEW.left), x1 = Math.min(xOf(span.t1), VIEW.width);
    if (x1 < VIEW.left || x0 > VIEW.width || span.t1 <= span.t0) continue;
    CTX.fillStyle = contentColour(span.content, span.content === "0" ? 0.35 : 0.9); CTX.fillRect(x0, y + 2, Math.max(1, x1 - x0), STRIP_ROW - 4);
    label(contentName(span.content), x0 + 6, y + STRIP_ROW / 2 + 0.5, x1 - x0 - 9, span.content === "0" || span.content === "?" ? THEME.text : "rgba(0,0,0,.85)");
  }
  for (const i of leg.commands) {
    if (T.at[i] > VIEW.t1) break;
    const x0 = xOf(T.at[i]), x1 = xOf(T.end[i] >= 0 ? T.at[T.end[i]] : END);
    if (x1 < VIEW.left) continue;
    CTX.fillStyle = fate(i) ? THEME.bad : show(i, "op") === "read" ? THEME.read : THEME.write; CTX.fillRect(x0, y + STRIP_ROW - 3, Math.max(2, x1 - x0), 3);
  }
}

/** The operations that a failure of this block names. */
const opsNamed = (story) => new Set(RUN.violations.filter((v) => v.volume === story.volume && v.block === story.block).flatMap((v) => [...opsOf(v)]));

// The whole run, small.

const MINIMAP = { width: 0, counts: null, most: 1 };
function drawMinimap() {
  const [width, height] = fit(MINI, MINICTX);
  if (MINIMAP.width !== width) {
    MINIMAP.width = width; MINIMAP.counts = new Uint32Array(width + 1);
    for (let i = 0; i < N; i++) MINIMAP.counts[Math.min(width, Math.floor((T.at[i] / END) * width))]++;
    MINIMAP.most = MINIMAP.counts.reduce((most, count) => Math.max(most, count), 1);
  }
  const m = MINICTX, x = (t) => (t / END) * width;
  m.fillStyle = THEME.panel; m.fillRect(0, 0, width, height);
  m.fillStyle = THEME.poll;
  for (let at = 0; at <= width; at++) { const h = (MINIMAP.counts[at] / MINIMAP.most) * (height - 12); m.fillRect(at, height - h, 1, h); }
  m.fillStyle = THEME.bad;
  for (const i of LANES.faults.rec) m.fillRect(x(T.at[i]), 0, 2, 7);
  m.globalAlpha = 0.35;
  for (const i of LANES.faults.rec) if (T.end[i] >= 0) m.fillRect(x(T.at[i]), 0, Math.max(1, x(T.at[T.end[i]]) - x(T.at[i])), 7);
  m.globalAlpha = 1;
  if (SEARCH.matches.length) {
    m.fillStyle = THEME.select;
    let last = -9;
    for (const i of SEARCH.matches) { const at = x(T.at[i]); if (at - last > 1) { m.fillRect(at, 9, 1.5, 6); last = at; } }
  }
  for (const violation of RUN.violations) { m.fillStyle = THEME.bad; m.fillRect(Math.min(x(violation.at), width - 2), 0, 2, height); }
  const x0 = x(VIEW.t0), x1 = Math.max(x(VIEW.t1), x0 + 3);
  m.globalAlpha = 0.5; m.fillStyle = THEME.bg; m.fillRect(0, 0, x0, height); m.fillRect(x1, 0, width - x1, height); m.globalAlpha = 1;
  m.strokeStyle = THEME.accent; m.lineWidth = 1.5; m.strokeRect(Math.max(0.75, x0), 0.75, Math.min(x1, width - 0.75) - Math.max(0.75, x0), height - 1.5);
}

// What is under the pointer.

/** The record at a place of the canvas, -1 where there is none. */
function recordAt(x, y) {
  if (x < VIEW.left || y < VIEW.axis) return -1;
  if (y < laneTop()) return stripAt(x, y);
  const near = ARROWS.map((arrow) => ({ arrow, far: distance(arrow, x, y) })).filter((one) => one.far < 4).sort((a, b) => a.far - b.far)[0];
  const inner = y - laneTop() + VIEW.scroll, lane = LANES.all.find((one) => one.shown && one.y <= inner && inner <= one.y + one.height);
  const found = lane ? inLane(lane, x, inner) : -1;
  return found >= 0 ? found : near ? near.arrow.i : -1;
}

function distance({ x0, y0, x1, y1 }, x, y) {
  const dx = x1 - x0, dy = y1 - y0, along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

function inLane(lane, x, inner) {
  const slack = ((VIEW.t1 - VIEW.t0) / (VIEW.width - VIEW.left)) * (lane.bars ? 3 : 5), t = tOf(x);
  let best = -1, least = Infinity;
  if (lane.bars) {
    const rowHeight = lane.type === "faults" ? 16 : lane.rowHeight, row = Math.floor((inner - lane.y - 1) / rowHeight), [from, to] = lane.bars.range(t - slack * 3, t + slack * 3);
    for (let b = from; b < to; b++) {
      if (lane.bars.row[b] !== row) continue;
      const end = lane.type === "faults" && T.end[lane.bars.rec[b]] < 0 ? lane.bars.t0[b] : lane.bars.t1[b];
      const far = t < lane.bars.t0[b] ? lane.bars.t0[b] - t : t > end ? t - end : 0;
      if (far <= slack * (lane.type === "faults" ? 3 : 1) && far < least) { least = far; best = lane.bars.rec[b]; }
    }
    if (best >= 0 || lane.type !== "faults") return best;
  }
  if (lane.points) {
    if (lane.type === "volume") { for (const i of lane.points.rec) if (T.at[i] <= t && is(i, "volume.state")) best = i; }
    const [from, to] = lane.points.range(t - slack, t + slack);
    for (let p = from; p < to; p++) { const far = Math.abs(T.at[lane.points.rec[p]] - t); if (far < least) { least = far; best = lane.points.rec[p]; } }
  }
  return best;
}

function stripAt(x, y) {
  const story = STATE.story, t = tOf(x), at = y - VIEW.axis - 24;
  if (at < 0) return -1;
  if (at < story.bars.rows * 16) {
    const row = Math.floor(at / 16), [from, to] = story.bars.range(t, t + 1);
    for (let b = from; b < to; b++) if (story.bars.row[b] === row && story.bars.t0[b] <= t && t <= story.bars.t1[b]) return story.bars.rec[b];
    return -1;
  }
  const leg = story.legs[Math.floor((at - story.bars.rows * 16 - 4) / STRIP_ROW)];
  return leg?.spans.findLast((span) => span.t0 <= t)?.i ?? -1;
}
