// The panel beside the timeline: the failure and its block, the selected record, what was found, figures. Draws no canvas.

const BODY = document.getElementById("body"), TABS = document.getElementById("tabs");
const PANEL = { tab: "story", shown: "" };
const esc = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

/** Text in which operations and contents can be clicked. */
function linked(text) {
  return esc(text).replace(/\bop(\d+)\b|\bw(\d+#\d+)\b/g, (whole, op, content) =>
    op ? `<span class="chip" data-op="${op}">op${op}</span>` : `<span class="chip" data-content="${content}"><span class="swatch" style="background:${contentColour(content)}"></span>w${content}</span>`);
}

const MEANINGS = {
  "read-went-back": "A read showed older content after a read had shown newer content that nothing has overwritten since.",
  "stale-read": "A read showed content that an acknowledged write had replaced before the read began.",
  "flushed-though-lost": "A flush succeeded although a read had shown that all copies have lost what it promises.",
  "mirrors-differ": "Legs that are in sync hold different content, and no write-intent mark covers the difference.",
  "lost-write": "What was acknowledged is not on the medium of a leg in sync.",
  "old-epoch-write": "A medium was changed under an epoch that a later registration had fenced off.",
};

function renderTabs() {
  const tabs = [["story", RUN.failed || RUN.violations.length ? "Failure" : "Run"], ["record", "Record"], ["find", "Find"], ["stats", "Statistics"], ["report", "Report"]];
  TABS.innerHTML = tabs.map(([key, title]) => `<button data-tab="${key}" class="${key === PANEL.tab ? "on" : ""}">${title}</button>`).join("");
}

function openTab(tab) {
  PANEL.tab = tab;
  PANEL.shown = "";
  renderTabs();
  renderPanel();
  BODY.scrollTop = 0;
}

/** Brings the panel up to date with what is selected and in view. */
function renderPanel() {
  if (PANEL.tab === "story") renderStory();
  else if (PANEL.tab === "record") put(recordHtml());
  else if (PANEL.tab === "find") put(findHtml());
  else if (PANEL.tab === "stats") { if (PANEL.shown !== "stats") { put(statsHtml()); PANEL.shown = "stats"; } }
  else put(`<h3>To run it again</h3><p><code>${esc(RUN.replay)}</code></p><h3>Report</h3><pre>${linked(RUN.report || RUN.headline)}</pre>`);
}

function put(html) { BODY.innerHTML = html; }

function verdictHtml() {
  if (!RUN.violations.length) {
    const good = !RUN.failed;
    return `<div class="card ${good ? "good" : "bad"}"><h2>${good ? "Every check held" : esc(RUN.signature ?? RUN.outcome)}</h2><div>${linked(RUN.headline)}</div><dl><dt>virtual time</dt><dd>${time(RUN.end)}</dd><dt>events</dt><dd>${grouped(N)}</dd><dt>again</dt><dd><code>${esc(RUN.replay)}</code></dd></dl>${good ? "" : `<pre>${linked(RUN.report)}</pre>`}</div>`;
  }
  return RUN.violations.slice(0, 20).map((v, at) => `<div class="card bad" data-violation="${at}"><h2>${esc(v.check)}/${esc(v.kind)}: ${esc(v.place)}</h2>${MEANINGS[v.kind] ? `<p class="meaning">${MEANINGS[v.kind]}</p>` : ""}<dl>
    <dt>at</dt><dd><span class="chip" data-time="${v.at}">${time(v.at)}</span></dd><dt>found</dt><dd>${linked(v.found)}</dd><dt>expected</dt><dd>${expectedHtml(v.expected)}</dd>${v.detail.map((text, n) => `<dt>${n ? "" : "because"}</dt><dd>${linked(text)}</dd>`).join("")}</dl></div>`).join("");
}

/** What was expected; more than one thing that would have been right is folded away. */
function expectedHtml(text) {
  const [first, ...others] = text.split("; or ");
  return linked(first) + (others.length ? `<details><summary class="muted">or ${others.length} more that would have been right</summary>${others.map(linked).join("<br>")}</details>` : "");
}

function inShortHtml(story) {
  const v = RUN.violations.find((one) => one.volume === story.volume && one.block === story.block), lines = v ? inShort(story, v) : [];
  return lines.length ? `<h3>In short</h3>${lines.map(itemHtml).join("")}${itemHtml({ i: indexAt(v.at + 1) - 1, t: v.at, text: `${v.check}/${v.kind}`, type: "violation" })}` : "";
}

const ROWS_MAX = 250;

function renderStory() {
  const story = STATE.story;
  if (!story) return put(`${verdictHtml()}${ledThereHtml()}<h3>The story of one block</h3><p class="muted">Select an operation or a disk command and press <kbd>s</kbd>, or search for <span class="chip" data-query="block:0">block:0</span> and press <kbd>s</kbd>: who wrote and read the block, what each leg held of it when, and what befell them.</p>${faultsHtml()}`);
  // Only what is in view: the list goes with the timeline.
  const at = (one) => one.t ?? T.at[one.i], items = story.items;
  const from = lowerBound(items.length, VIEW.t0, (n) => at(items[n])), to = lowerBound(items.length, VIEW.t1 + 1, (n) => at(items[n]));
  const first = Math.max(from, Math.min(to - ROWS_MAX, storyAnchor(items, from, to))), last = Math.min(to, first + ROWS_MAX);
  const key = `${story.volume}:${story.block}:${first}:${last}:${STATE.selected}:${items.length}`;
  if (PANEL.shown === key) return;
  const scroll = BODY.scrollTop, same = PANEL.shown !== "";
  PANEL.shown = key;
  const more = (count, text) => (count > 0 ? `<p class="muted">${grouped(count)} ${text}</p>` : "");
  put(`${verdictHtml()}${inShortHtml(story)}<h3>The story of ${esc(volumeName(story.volume))} block ${story.block}</h3>
    <div class="nav"><button data-do="story-fit">Fit in view</button><button data-do="story-dim" class="${STATE.focusName === "story" ? "on" : ""}">Dim the rest</button><button data-do="story-close">Close</button></div>
    ${more(first, "earlier, out of view")}${items.slice(first, last).map(itemHtml).join("")}${more(items.length - last, "later, out of view")}`);
  BODY.scrollTop = same ? scroll : 0;
}

/** Where a long list begins: the end is what matters in a failure. */
const storyAnchor = (items, from, to) => (RUN.violations.length ? to - ROWS_MAX : from);

function itemHtml(one) {
  const at = one.t ?? T.at[one.i], place = one.type === "violation" ? "" : placeOf(one.i).split("/cpu")[0];
  return `<div class="row ${one.type} ${one.i === STATE.selected && one.type !== "violation" ? "on" : ""}" data-record="${one.i}"><time>${time(at)}</time><div>${place ? `<span class="who">${esc(place)}</span>` : ""}${linked(one.text)}</div></div>`;
}

/** What a failure that concerns no block was found in: its own records, or what never came to its end. */
function ledThereHtml() {
  const own = (RUN.violations[0]?.recent ?? []).map((seq) => seq - RUN.first).filter((i) => i >= 0 && i < N);
  if (own.length) return `<h3>What led there</h3>${own.map((i) => rowOf(i)).join("")}`;
  const open = RUN.failed ? [...OPERATIONS.values()].filter((i) => T.end[i] < 0) : [];
  return open.length ? `<h3>Operations that have not returned</h3>${open.slice(0, ROWS_MAX).map((i) => rowOf(i)).join("")}` : "";
}

function faultsHtml() {
  const faults = Array.from(LANES.faults.rec).slice(0, ROWS_MAX);
  if (!faults.length) return "";
  return `<h3>Faults</h3>${faults.map((i) => itemHtml({ i, text: textOf(i) + (T.end[i] >= 0 ? `, undone after ${roughly(T.at[T.end[i]] - T.at[i])}` : ""), type: "" })).join("")}`;
}

const rowOf = (i, type = "") => itemHtml({ i, text: textOf(i), type });

function recordHtml() {
  const i = STATE.selected;
  if (i < 0) return `<p class="muted">Nothing is selected. Click on a bar, an arrow or a point; <kbd>,</kbd> and <kbd>.</kbd> go from record to record.</p>`;
  const kind = KINDS[T.kind[i]], causes = [], effects = Array.from(T.effects.slice(T.effectAt[i], Math.min(T.effectAt[i + 1], T.effectAt[i] + 60)));
  for (let at = T.cause[i]; at >= 0 && causes.length < 40; at = T.cause[at]) causes.push(at);
  const op = T.op[i], block = blockOf(i);
  const fields = kind.fields.map((field) => `<tr><td>${esc(field.name)}</td><td>${linked(field.name === "op" && field.kind === "number" ? `op${show(i, "op")}` : show(i, field.name))}</td></tr>`).join("");
  return `<div class="card"><h2>${esc(textOf(i))}</h2><table class="fields">
    <tr><td>record</td><td>${esc(kind.name)}</td></tr><tr><td>time</td><td>${time(T.at[i])}</td></tr><tr><td>number</td><td>#${seqOf(i)}</td></tr>
    <tr><td>place</td><td>${esc(placeOf(i)) || "–"}</td></tr>${fields}</table>
    <div class="nav"><button data-do="cause">Cause <kbd>c</kbd></button><button data-do="effect">Effect <kbd>e</kbd></button><button data-do="back">Back <kbd>b</kbd></button>
    ${op >= 0 ? `<button data-do="family">All of op${num(op, "op")} <kbd>o</kbd></button>` : ""}${block ? `<button data-do="story">Story of block ${block.block} <kbd>s</kbd></button>` : ""}<button data-do="zoom">Zoom to it <kbd>z</kbd></button></div></div>
    ${T.end[i] >= 0 ? `<h3>It ended, after ${time(T.at[T.end[i]] - T.at[i])}</h3>${rowOf(T.end[i])}` : T.begin[i] >= 0 ? `<h3>It began, ${time(T.at[i] - T.at[T.begin[i]])} before</h3>${rowOf(T.begin[i])}` : ""}
    ${T.source[i] >= 0 ? `<h3>Read by</h3>${rowOf(T.source[i])}` : ""}
    <h3>What it led to</h3>${effects.map((at) => rowOf(at)).join("") || `<p class="muted">nothing of its own</p>`}
    <h3>What led to it, last first</h3>${causes.map((at) => rowOf(at, is(at, "sim.polled") ? "quiet" : "")).join("") || `<p class="muted">nothing: it happened of itself</p>`}`;
}

function findHtml() {
  const { matches, at, text } = SEARCH;
  if (!text) return `<h3>Searching</h3><table>
    <tr><td><span class="chip" data-query="op:1">op:62</span></td><td>an operation with all its commands and messages</td></tr><tr><td><span class="chip">block:24</span> <span class="chip">vol0:24</span></td><td>a block: operations, and commands on its places</td></tr>
    <tr><td><span class="chip">node:t0</span></td><td>what happened on a node</td></tr><tr><td><span class="chip" data-query="disk.*">disk.*</span></td><td>records of these names</td></tr>
    <tr><td><span class="chip" data-query="why:node-down">why:node-down</span></td><td>any field by name and value, with <code>*</code></td></tr><tr><td><span class="chip">#1234</span></td><td>a record by its number</td></tr>
    <tr><td><span class="chip" data-query="-sim.polled net.*">-sim.polled</span></td><td>not this</td></tr></table><p class="muted">All words must hold. <kbd>n</kbd> and <kbd>N</kbd> go from find to find, <kbd>f</kbd> dims everything else.</p>`;
  const first = Math.max(0, Math.min(matches.length - ROWS_MAX, (at < 0 ? 0 : at) - 40)), last = Math.min(matches.length, first + ROWS_MAX);
  return `<h3>${grouped(matches.length)} found</h3><div class="nav"><button data-do="previous">Previous <kbd>N</kbd></button><button data-do="next">Next <kbd>n</kbd></button><button data-do="filter" class="${STATE.focusName === "filter" ? "on" : ""}">Dim the rest <kbd>f</kbd></button></div>
    ${first ? `<p class="muted">${grouped(first)} earlier</p>` : ""}${Array.from(matches.slice(first, last)).map((i) => rowOf(i)).join("")}${matches.length - last ? `<p class="muted">${grouped(matches.length - last)} more</p>` : ""}`;
}

/** The block of a volume that a record is about, the first of several. */
function blockOf(i) {
  const story = STATE.story;
  if (T.op[i] >= 0 && num(T.op[i], "blocks") > 0) {
    const op = T.op[i], volume = num(op, "volume");
    if (is(i, "app.block-read")) return { volume, block: num(i, "block") };
    if (story && story.volume === volume && covers(op, "block", "blocks", story.block)) return { volume, block: story.block };
    return { volume, block: num(op, "block") };
  }
  const command = num(i, "lba") >= 0 ? i : T.begin[i];
  if (command < 0 || num(command, "lba") < 0) return null;
  const lba = num(command, "lba"), leg = RUN.legs.find(([disk, , , start, blocks]) => disk === num(command, "disk") && lba >= start && lba < start + blocks);
  if (!leg) return null;
  const place = lba - leg[3], at = RUN.places.find(([v, , blocks, legs, first]) => v === leg[1] && (legs >> leg[2]) & 1 && place >= first && place < first + blocks);
  return at ? { volume: leg[1], block: at[1] + (place - at[4]) } : null;
}

/** What the pointer is on, in a few lines. */
function tipHtml(i) {
  const end = T.end[i], lasts = end >= 0 ? `${roughly(T.at[end] - T.at[i])}, until ${time(T.at[end])}: ${textOf(end)}` : "";
  const open = end < 0 && /^(app\.invoked|disk\.submitted|net\.sent)$/.test(nameOf(i)) ? `<div class="f" style="color:var(--bad)">did not end</div>` : "";
  return `<b>${esc(textOf(i))}</b><div class="f">${time(T.at[i])} · ${esc(placeOf(i)) || "–"} · ${esc(nameOf(i))} #${seqOf(i)}</div>${lasts ? `<div class="f">${esc(lasts)}</div>` : ""}${open}`;
}
