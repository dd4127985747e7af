// What keys, pointer and buttons do. Draws nothing itself.

let dirty = false;
/** Draws anew, once, when the browser is ready to. */
function refresh() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(() => { dirty = false; draw(); renderPanel(); });
}

// Moving about.

const SPAN_MIN = 200;
function setView(t0, t1) {
  const span = Math.max(SPAN_MIN, Math.min(t1 - t0, END * 1.04)), slack = END * 0.02;
  const start = Math.max(-slack, Math.min(t0, END + slack - span));
  VIEW.t0 = start; VIEW.t1 = start + span;
  refresh();
}
function zoom(factor, at = (VIEW.t0 + VIEW.t1) / 2) { setView(at - (at - VIEW.t0) * factor, at + (VIEW.t1 - at) * factor); }
function pan(part) { const by = (VIEW.t1 - VIEW.t0) * part; setView(VIEW.t0 + by, VIEW.t1 + by); }

function showAll() { VIEW.scroll = 0; setView(-END * 0.01, END * 1.01); }

/** Brings a record into view without changing the scale more than needed. */
function reveal(i) {
  const t = T.at[i], end = T.end[i] >= 0 ? T.at[T.end[i]] : t, span = VIEW.t1 - VIEW.t0;
  if (t < VIEW.t0 + span * 0.03 || Math.min(end, t + span * 0.5) > VIEW.t1 - span * 0.03) setView(t - span * 0.4, t + span * 0.6);
  layOut();
  const spot = spotOf(i), room = STAGE.clientHeight - laneTop();
  if (spot && (spot.y < VIEW.scroll + 20 || spot.y > VIEW.scroll + room - 20)) VIEW.scroll = Math.max(0, spot.y - room / 2);
}

function select(i, keep = true) {
  if (i < 0 || i >= N) return;
  if (keep && STATE.selected >= 0 && STATE.selected !== i) STATE.history.push(STATE.selected);
  STATE.selected = i;
  reveal(i);
  refresh();
}

function zoomTo(i) {
  const t0 = T.at[T.begin[i] >= 0 ? T.begin[i] : i], t1 = T.end[i] >= 0 ? T.at[T.end[i]] : T.at[i], span = Math.max(2000, (t1 - t0) * 2.5);
  setView((t0 + t1 - span) / 2, (t0 + t1 + span) / 2);
  select(i);
}

function followCause() { const i = STATE.selected; if (i >= 0 && T.cause[i] >= 0) select(T.cause[i]); }
function followEffect() { const i = STATE.selected; if (i >= 0 && T.effectAt[i] < T.effectAt[i + 1]) select(T.effects[T.effectAt[i]]); }
function goBack() { const before = STATE.history.pop(); if (before !== undefined) { select(before, false); } }

// What stands out.

function focusOn(mask, name) { STATE.focus = mask; STATE.focusName = mask ? name : ""; PANEL.shown = ""; byId("b-filter").classList.toggle("on", STATE.focusName === "filter"); refresh(); }

function tellStory(volume, block, fitIt = true) {
  STATE.story = storyOf(volume, block);
  colourStory(STATE.story);
  focusOn(STATE.story.records, "story");
  if (fitIt) fitStory();
  openTab("story");
}

/** From the first operation that the failure names to a little after the failure; of another block, all of its story. */
function fitStory() {
  const story = STATE.story, v = RUN.violations.find((one) => one.volume === story.volume && one.block === story.block);
  const times = story.items.filter((one) => one.type === "key").map((one) => T.at[one.i]);
  if (!v) {
    if (!times.length) return;
    const last = Math.min(times.length - 1, 60);
    return setView(times[0] - (times[last] - times[0]) * 0.05 - 500, times[last] + (times[last] - times[0]) * 0.08 + 500);
  }
  const named = opsOf(v);
  const starts = story.ops.filter((i) => named.has(num(i, "op"))).map((i) => T.at[i]);
  const from = starts.length ? Math.min(...starts) : v.at - 1e6, span = Math.max(2000, v.at - from);
  setView(from - span * 0.04, v.at + span * 0.07);
}

function showFailure() {
  const v = RUN.violations.find((one) => one.volume !== null && one.block !== null);
  VIEW.scroll = 0;
  STATE.selected = -1;
  if (v) {
    tellStory(v.volume, v.block);
    const op = v.ops.length ? STATE.story.ops.find((i) => num(i, "op") === v.ops[0]) : undefined;
    if (op !== undefined) { STATE.selected = op; }
    const read = STATE.story.seen.findLast((one) => one.op === op);
    if (read) STATE.selected = read.i;
    return refresh();
  }
  const first = RUN.violations[0];
  if (first) {
    const recent = first.recent.map((seq) => seq - RUN.first).filter((i) => i >= 0 && i < N), at = Math.max(0, Math.min(N - 1, indexAt(first.at + 1) - 1));
    const from = recent.length ? T.at[recent[0]] : first.at - 1e6, span = Math.max(2000, first.at - from);
    STATE.selected = recent.at(-1) ?? at;
    setView(from - span * 0.05, first.at + span * 0.08);
    return openTab("story");
  }
  const stuck = RUN.failed ? [...OPERATIONS.values()].find((i) => T.end[i] < 0) : undefined;
  if (stuck !== undefined) { STATE.selected = stuck; setView(T.at[stuck] - (END - T.at[stuck]) * 0.03, END * 1.01); return openTab("story"); }
  if (RUN.failed) { setView(END * 0.9, END * 1.01); return openTab("story"); }
  showAll();
}

function closeStory() { STATE.story = null; HUES.clear(); PANEL.shown = ""; focusOn(null, ""); }

function storyOfSelected() {
  const of = STATE.selected >= 0 ? blockOf(STATE.selected) : SEARCH.matches.length ? blockOf(SEARCH.matches[0]) : null;
  const asked = SEARCH.text.match(/(?:^|\s)(?:block|vol\w*):(\d+)/);
  if (asked && of) tellStory(of.volume, Number(asked[1])); else if (of) tellStory(of.volume, of.block);
}

function wholeOperation() {
  const i = STATE.selected, op = i >= 0 ? T.op[i] : -1;
  if (op < 0) return;
  focusOn(STATE.focusName === "op" ? null : familyOf(op), "op");
  if (STATE.focusName === "op") zoomTo(op);
}

// Search.

const byId = (id) => document.getElementById(id);
const QUERY = byId("query"), HITS = byId("hits");

function find(text, openIt = true) {
  if (QUERY.value !== text) QUERY.value = text;
  const found = search(text);
  showHits();
  if (STATE.focusName === "filter") focusOn(SEARCH.mask, "filter");
  if (openIt) openTab("find");
  refresh();
  return found;
}

function showHits() { HITS.textContent = !SEARCH.text ? "" : SEARCH.at >= 0 ? `${grouped(SEARCH.at + 1)} of ${grouped(SEARCH.matches.length)}` : `${grouped(SEARCH.matches.length)} found`; }

function nextMatch(step) {
  const n = SEARCH.matches.length;
  if (!n) return;
  if (SEARCH.at < 0) {
    const from = lowerBound(n, VIEW.t0, (at) => T.at[SEARCH.matches[at]]);
    SEARCH.at = step > 0 ? from % n : (from - 1 + n) % n;
  } else SEARCH.at = (SEARCH.at + step + n) % n;
  showHits();
  select(SEARCH.matches[SEARCH.at]);
}

function toggleFilter() { focusOn(STATE.focusName === "filter" ? null : SEARCH.mask, "filter"); }

// Looks.

function setTheme(name) { document.documentElement.dataset.theme = name; readTheme(); PANEL.shown = ""; refresh(); }

const KEYS = [
  ["v", "the failure, with its block and operations", showFailure], ["0", "the whole run", showAll],
  ["+ / −", "closer, further off (also the wheel)", null], ["← →", "earlier, later (also dragging)", null], ["↑ ↓", "scroll the lanes", null], ["z", "zoom to what is selected", () => STATE.selected >= 0 && zoomTo(STATE.selected)],
  [", / .", "the record before, after, on the same node", null], ["c", "the cause of what is selected", followCause], ["e", "its first effect", followEffect], ["b", "back to what was selected before", goBack],
  ["s", "the story of its block", storyOfSelected], ["o", "all of its operation", wholeOperation], ["x", "close the story, dim nothing", closeStory],
  ["/", "search", () => { QUERY.focus(); QUERY.select(); }], ["n / N", "the next find, the one before", null], ["f", "dim everything that doesn't match", toggleFilter],
  ["m", "messages on or off", () => { LANES.show.messages = !LANES.show.messages; refresh(); }], ["p", "CPUs on or off", () => { LANES.show.polls = !LANES.show.polls; refresh(); }], ["a", "every CPU in a lane of its own, or one lane a node", () => { const open = LANES.open.size > 0; LANES.open = new Set(open ? [] : LANES.groups.map((group) => group.key)); refresh(); }],
  ["1 – 5", "the tabs of the panel", null], ["d", "dark or light", () => setTheme(THEME.dark ? "light" : "dark")], ["?", "this help", () => toggleHelp()], ["Esc", "close what is open", null],
];

function toggleHelp(show = byId("help").hidden) {
  byId("help").hidden = !show;
  byId("help").innerHTML = show ? `<div><h2>Keys</h2><div class="cols">${[KEYS.slice(0, 12), KEYS.slice(12)].map((part) => `<table>${part.map(([key, text]) => `<tr><td>${key.split(" ").map((k) => (k === "/" && key.length > 1 ? "/" : k === "–" ? "–" : `<kbd>${esc(k)}</kbd>`)).join(" ")}</td><td>${text}</td></tr>`).join("")}</table>`).join("")}</div>
    <h2 style="margin-top:16px">What is shown</h2><p>Bars are operations of applications and commands of disks: <b style="color:var(--read)">reads</b>, <b style="color:var(--write)">writes</b>, <b style="color:var(--flush)">flushes</b>, <b style="color:var(--trim)">trims</b>; a <b style="color:var(--bad)">red edge</b> says that one failed or was abandoned. Arrows are messages, broken and red where they were lost. Hatched is what was down. Diamonds on top are faults, hatched for as long as they lasted. In the story of a block each content has a colour: what was written, what a leg holds, what a read was shown. <b style="color:var(--select)">Lines</b> lead to a selected record from its causes, broken ones on to its effects.</p></div>` : "";
}

function step(by) {
  const i = STATE.selected < 0 ? indexAt(VIEW.t0) : STATE.selected, node = T.node[i];
  for (let at = i + by; at >= 0 && at < N; at += by) if (T.node[at] === node && !is(at, "sim.polled")) return select(at);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === QUERY) {
    if (event.key === "Enter") { if (QUERY.value !== SEARCH.text) find(QUERY.value); nextMatch(event.shiftKey ? -1 : 1); event.preventDefault(); }
    if (event.key === "Escape") { QUERY.blur(); STAGE.focus(); }
    return;
  }
  const more = { "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), ArrowUp: () => scrollBy(-60), ArrowDown: () => scrollBy(60), ",": () => step(-1), ".": () => step(1), n: () => nextMatch(1), N: () => nextMatch(-1), Enter: () => STATE.selected >= 0 && openTab("record"),
    Escape: () => { if (!byId("help").hidden) toggleHelp(false); else if (!byId("lanes-menu").hidden) byId("lanes-menu").hidden = true; else if (STATE.focusName && STATE.focusName !== "story") focusOn(STATE.story?.records ?? null, "story"); else { STATE.selected = -1; refresh(); } } };
  const tab = ["1", "2", "3", "4", "5"].indexOf(event.key), act = more[event.key] ?? KEYS.find(([key]) => key === event.key)?.[2];
  if (tab >= 0) openTab(["story", "record", "find", "stats", "report"][tab]);
  else if (act) act();
  else return;
  event.preventDefault();
}

function scrollBy(by) { VIEW.scroll = Math.max(0, VIEW.scroll + by); refresh(); }

// The pointer.

const DRAG = { on: false, moved: false, x: 0, y: 0, t0: 0, t1: 0, scroll: 0 };
const ACTS = { cause: followCause, effect: followEffect, back: goBack, family: wholeOperation, story: storyOfSelected, zoom: () => zoomTo(STATE.selected), next: () => nextMatch(1), previous: () => nextMatch(-1), filter: toggleFilter, "story-fit": () => fitStory(), "story-close": closeStory, "story-dim": () => focusOn(STATE.focusName === "story" ? null : STATE.story.records, "story") };

function onClick(x, y) {
  if (x < VIEW.left) {
    const inner = y - laneTop() + VIEW.scroll, lane = LANES.all.find((one) => one.shown && one.y <= inner && inner <= one.y + one.height);
    if (!lane) return;
    const toggle = (set) => { if (!set.delete(lane.group.key)) set.add(lane.group.key); };
    if (lane.type === "cpus" || lane.type === "cpu") toggle(LANES.open); else if (lane.type === "node") toggle(LANES.hidden);
    return refresh();
  }
  const i = recordAt(x, y);
  if (i >= 0) { select(i); if (PANEL.tab !== "record") openTab("record"); } else { STATE.selected = -1; refresh(); }
}

function listen() {
  window.addEventListener("keydown", onKey);
  window.addEventListener("resize", refresh);
  STAGE.addEventListener("wheel", (event) => {
    event.preventDefault();
    const unit = event.deltaMode ? 30 : 1;
    if (event.offsetX < VIEW.left || event.altKey) scrollBy(event.deltaY * unit);
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(((event.deltaX || event.deltaY) * unit) / VIEW.width);
    else zoom(Math.exp(event.deltaY * unit * 0.0022), tOf(event.offsetX));
  }, { passive: false });
  STAGE.addEventListener("pointerdown", (event) => { Object.assign(DRAG, { on: true, moved: false, x: event.offsetX, y: event.offsetY, t0: VIEW.t0, t1: VIEW.t1, scroll: VIEW.scroll }); STAGE.setPointerCapture(event.pointerId); });
  STAGE.addEventListener("pointermove", (event) => {
    if (!DRAG.on) return hover(event.offsetX, event.offsetY);
    if (Math.hypot(event.offsetX - DRAG.x, event.offsetY - DRAG.y) > 4) DRAG.moved = true;
    if (!DRAG.moved) return;
    STAGE.classList.add("dragging"); byId("tip").hidden = true;
    const by = ((event.offsetX - DRAG.x) / (VIEW.width - VIEW.left)) * (DRAG.t1 - DRAG.t0);
    VIEW.scroll = DRAG.scroll - (event.offsetY - DRAG.y);
    setView(DRAG.t0 - by, DRAG.t1 - by);
  });
  STAGE.addEventListener("pointerup", (event) => { if (DRAG.on && !DRAG.moved) onClick(event.offsetX, event.offsetY); DRAG.on = false; STAGE.classList.remove("dragging"); });
  STAGE.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  STAGE.addEventListener("dblclick", (event) => { const i = recordAt(event.offsetX, event.offsetY); if (i >= 0) zoomTo(i); else zoom(0.4, tOf(event.offsetX)); });
  const mini = (event) => { if (event.buttons & 1) { const t = (event.offsetX / MINI.clientWidth) * END, half = (VIEW.t1 - VIEW.t0) / 2; setView(t - half, t + half); } };
  MINI.addEventListener("pointerdown", (event) => { MINI.setPointerCapture(event.pointerId); mini(event); });
  MINI.addEventListener("pointermove", mini);
  let late = 0;
  QUERY.addEventListener("input", () => { clearTimeout(late); late = setTimeout(() => find(QUERY.value), 180); });
  byId("grip").addEventListener("pointerdown", (event) => {
    const panel = byId("panel"), from = event.clientX, width = panel.clientWidth, grip = byId("grip");
    grip.setPointerCapture(event.pointerId);
    grip.onpointermove = (move) => { panel.style.width = `${width + from - move.clientX}px`; refresh(); };
    grip.onpointerup = () => { grip.onpointermove = null; };
  });
  for (const [id, act] of [["b-filter", toggleFilter], ["b-failure", showFailure], ["b-all", showAll], ["b-theme", () => setTheme(THEME.dark ? "light" : "dark")], ["b-help", () => toggleHelp()], ["b-lanes", lanesMenu]]) byId(id).addEventListener("click", () => { act(); byId(id).blur(); });
  TABS.addEventListener("click", (event) => event.target.dataset.tab && openTab(event.target.dataset.tab));
  BODY.addEventListener("click", onPanel);
  byId("help").addEventListener("click", (event) => event.target === byId("help") && toggleHelp(false));
  byId("lanes-menu").addEventListener("change", onLanes);
}

function hover(x, y) {
  const i = recordAt(x, y), tip = byId("tip");
  STAGE.classList.toggle("hot", i >= 0);
  tip.hidden = i < 0;
  if (i < 0) return;
  if (STATE.hot !== i) { tip.innerHTML = tipHtml(i); STATE.hot = i; }
  tip.style.left = `${Math.max(4, Math.min(x + 14, VIEW.width - tip.offsetWidth - 6))}px`;
  tip.style.top = `${y + 22 + tip.offsetHeight > VIEW.height ? y - tip.offsetHeight - 10 : y + 18}px`;
}

function onPanel(event) {
  const at = event.target.closest("[data-op],[data-content],[data-time],[data-query],[data-do],[data-record]");
  if (!at) return;
  const { op, content, query, record } = at.dataset;
  if (at.dataset.do) ACTS[at.dataset.do]();
  else if (op !== undefined) { const i = operationOf(Number(op)); if (i >= 0) select(i); }
  else if (content !== undefined) { const i = writerOf(content); if (i >= 0) select(i); }
  else if (at.dataset.time) { const t = Number(at.dataset.time), half = (VIEW.t1 - VIEW.t0) / 2; setView(t - half, t + half); }
  else if (query !== undefined) find(query);
  else if (record !== undefined) select(Number(record));
}

function lanesMenu() {
  const menu = byId("lanes-menu"), box = (key, on, text) => `<label><input type="checkbox" data-key="${key}" ${on ? "checked" : ""}> ${esc(text)}</label>`;
  menu.hidden = !menu.hidden;
  menu.innerHTML = `${box("messages", LANES.show.messages, "messages")}${box("polls", LANES.show.polls, "CPUs")}<hr>${LANES.groups.filter((group) => group.node >= 0).map((group) => box(group.key, !LANES.hidden.has(group.key), group.title)).join("")}`;
}
function onLanes(event) {
  const { key } = event.target.dataset, on = event.target.checked;
  if (key in LANES.show) LANES.show[key] = on; else if (on) LANES.hidden.delete(key); else LANES.hidden.add(key);
  refresh();
}

// Begin.

(function begin() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  document.documentElement.dataset.theme = wanted.get("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  readTheme();
  const expected = !RUN.failed && RUN.violations.length > 0;
  byId("verdict").textContent = RUN.failed ? RUN.outcome : expected ? "expected" : "pass";
  byId("verdict").className = `badge ${RUN.failed ? "bad" : expected ? "warn" : "good"}`;
  byId("headline").textContent = RUN.headline;
  byId("which").textContent = `${RUN.scenario} seed ${RUN.seed} · ${grouped(N)} events in ${time(RUN.end)} · digest ${RUN.digest.slice(0, 12)}… · stormglass ${RUN.version}`;
  byId("b-failure").hidden = !RUN.failed && !RUN.violations.length;
  renderTabs();
  listen();
  showFailure();
  if (wanted.has("query")) find(wanted.get("query"));
  if (wanted.has("record")) zoomTo(Number(wanted.get("record")) - RUN.first);
  openTab(wanted.get("tab") ?? PANEL.tab);
  refresh();
})();
