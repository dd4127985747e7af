// The run as typed arrays, its names, and its times as text. Draws nothing.

const RUN = JSON.parse(document.getElementById("data").textContent);
const N = RUN.records;

/** A column of LEB128 numbers. `each` is given the place, the low 32 bits and the rest. */
function column(name, each) {
  const text = atob(RUN.columns[name]);
  let place = 0, lo = 0, hi = 0, shift = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at), part = byte & 0x7f;
    if (shift < 28) lo += part * 2 ** shift;
    else if (shift === 28) { lo += (part & 15) * 2 ** 28; hi += part >> 4; }
    else hi += part * 2 ** (shift - 32);
    shift += 7;
    if (byte < 0x80) { each(place++, lo, hi); lo = hi = shift = 0; }
  }
  RUN.columns[name] = null;
}

/** Record by record, by index. A place in another array is -1 where there is none. */
const T = {
  at: new Float64Array(N), kind: new Uint16Array(N), node: new Int32Array(N), cpu: new Int32Array(N),
  cause: new Int32Array(N), end: new Int32Array(N), op: new Int32Array(N), source: new Int32Array(N),
  begin: new Int32Array(N).fill(-1), first: new Uint32Array(N + 1), lo: null, hi: null, effectAt: null, effects: null,
};

(function decode() {
  let now = 0;
  column("at", (i, lo, hi) => { now += hi * 2 ** 32 + lo; T.at[i] = now; });
  column("kind", (i, lo) => { T.kind[i] = lo; });
  column("node", (i, lo) => { T.node[i] = lo - 1; });
  column("cpu", (i, lo) => { T.cpu[i] = lo - 1; });
  column("cause", (i, lo) => { T.cause[i] = lo ? i - lo : -1; });
  column("end", (i, lo) => { T.end[i] = lo ? i + lo : -1; if (lo) T.begin[i + lo] = i; });
  column("operation", (i, lo) => { T.op[i] = lo ? i - lo + 1 : -1; });
  column("source", (i, lo) => { T.source[i] = lo ? i - lo : -1; });
  let words = 0;
  for (let i = 0; i < N; i++) { T.first[i] = words; words += RUN.kinds[T.kind[i]].fields.length; }
  T.first[N] = words;
  T.lo = new Uint32Array(words);
  T.hi = new Uint32Array(words);
  column("words", (i, lo, hi) => { T.lo[i] = lo; T.hi[i] = hi; });
  T.effectAt = new Uint32Array(N + 2);
  for (let i = 0; i < N; i++) if (T.cause[i] >= 0) T.effectAt[T.cause[i] + 2]++;
  for (let i = 2; i < N + 2; i++) T.effectAt[i] += T.effectAt[i - 1];
  T.effects = new Uint32Array(T.effectAt[N + 1]);
  for (let i = 0; i < N; i++) if (T.cause[i] >= 0) T.effects[T.effectAt[T.cause[i] + 1]++] = i;
})();

const KINDS = RUN.kinds.map((kind) => ({ ...kind, at: new Map(kind.fields.map((f, i) => [f.name, i])), group: groupOf(kind.name) }));
const END = Math.max(RUN.end, N ? T.at[N - 1] : 0, 1);

/** What a record is about, by its name. */
function groupOf(name) {
  if (name === "sim.polled") return "poll";
  if (/^disk\.(submitted|completed|aborted|media-written)$/.test(name)) return "disk";
  if (/^net\.(sent|delivered|dropped|faulted)$/.test(name)) return "message";
  if (/^net\.(connecting|accepted|connected|closed|routed)$/.test(name)) return "connection";
  const family = name.split(".")[0];
  if (family === "app" || family === "volume" || family === "world") return family;
  if (/^node\.(up|down|paused|resumed)$/.test(name)) return "node";
  if (["fault", "disk", "net", "memory", "cpu", "node"].includes(family)) return "fault";
  return "state";
}

const nameOf = (i) => KINDS[T.kind[i]].name;
const is = (i, name) => i >= 0 && nameOf(i) === name;
const seqOf = (i) => RUN.first + i;

/** A field as a number; -1 where the record has none of this name. */
function num(i, field) {
  const at = KINDS[T.kind[i]].at.get(field);
  if (at === undefined) return -1;
  const word = T.first[i] + at;
  return T.hi[word] * 2 ** 32 + T.lo[word];
}

/** A field as the trace shows it; empty where the record has none of this name. */
function show(i, field) {
  const kind = KINDS[T.kind[i]], at = kind.at.get(field);
  if (at === undefined) return "";
  const word = T.first[i] + at, lo = T.lo[word], hi = T.hi[word], of = kind.fields[at];
  const plain = hi < 2 ** 21 ? String(hi * 2 ** 32 + lo) : ((BigInt(hi) << 32n) | BigInt(lo)).toString();
  switch (of.kind) {
    case "node": return RUN.names.nodes[lo] ?? `n${lo}`;
    case "disk": return RUN.names.disks[lo] ?? `disk${lo}`;
    case "volume": return RUN.names.volumes[lo] ?? `vol${lo}`;
    case "site": return RUN.names.sites[lo] ?? `site${lo}`;
    case "cpu": return `cpu${lo}`;
    case "nanos": return time(hi * 2 ** 32 + lo);
    case "flag": return lo ? "true" : "false";
    case "name": return of.names?.[plain] ?? "?";
    case "signed": return BigInt.asIntN(64, (BigInt(hi) << 32n) | BigInt(lo)).toString();
    default:
      if (of.name === "author" && plain !== "0") return contentName(authorOf(i));
      return plain;
  }
}

/** A span or point of time in the largest unit that it has one of, exact. */
function time(ns) {
  const [unit, name] = ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const whole = Math.floor(ns / unit), rest = Math.round(ns - whole * unit);
  const digits = rest ? "." + String(rest).padStart(Math.log10(unit), "0").replace(/0+$/, "") : "";
  return `${whole}${digits}\u00a0${name}`;
}

/** About so long, in three digits or so. */
function roughly(ns) {
  const [unit, name] = ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const value = ns / unit;
  return `${value >= 100 || unit === 1 ? Math.round(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)}\u00a0${name}`;
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const nodeName = (node) => RUN.names.nodes[node] ?? `n${node}`;
const diskName = (disk) => RUN.names.disks[disk] ?? `disk${disk}`;
const volumeName = (volume) => RUN.names.volumes[volume] ?? `vol${volume}`;

/** Where a record happened, in words. */
const placeOf = (i) => (T.node[i] < 0 ? (num(i, "disk") >= 0 ? show(i, "disk") : "") : nodeName(T.node[i]) + (T.cpu[i] >= 0 ? `/cpu${T.cpu[i]}` : ""));

// What a block holds: "0" for zeroes, "writer#sequence" for what an application wrote, "?" for anything else.

/** The content that a record is about: of an `app.invoked` what it writes, of an `app.block-read` what it was shown. */
function authorOf(i) {
  const word = T.first[i] + (KINDS[T.kind[i]].at.get("author") ?? 0), lo = T.lo[word], hi = T.hi[word];
  const writer = hi >>> 16, sequence = (hi & 0xffff) * 2 ** 32 + lo;
  return writer === 0 ? "0" : writer === 0xffff ? "?" : `${writer}#${sequence}`;
}
const contentName = (content) => (content === "0" ? "zeroes" : content === "?" ? "unknown bytes" : `w${content}`.replace(/#0$/, ""));
/** The colours of the contents in the story that is told: far apart where they are neighbours, strong where a failure names them. */
const HUES = new Map();
function contentColour(content, alpha = 1) {
  if (content === "0") return `rgba(140,150,162,${alpha * 0.75})`;
  if (content === "?") return `rgba(205,60,60,${alpha * 0.6})`;
  const [writer, sequence] = content.split("#").map(Number), told = HUES.get(content);
  const hue = told?.hue ?? (writer * 71 + sequence * 137.508 + 180) % 360, saturation = told ? (told.named ? 85 : 38) : 60;
  return `hsla(${hue.toFixed(0)},${saturation}%,${THEME.dark ? 60 : told?.named ? 54 : 62}%,${alpha})`;
}

/** Colours, as the style sheet has them. */
const THEME = { dark: false };
function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["bg", "panel", "raised", "line", "faint", "text", "dim", "accent", "read", "write", "flush", "trim", "msg",
    "poll", "bad", "good", "warn", "state", "healthy", "degraded", "rebuilding", "offline", "down", "group", "select", "sans", "mono"]) {
    THEME[name] = style.getPropertyValue("--" + name).trim();
  }
  THEME.dark = document.documentElement.dataset.theme === "dark";
}

/** The first place in a sorted array (of which `of` picks the numbers) that isn't below `value`. */
function lowerBound(length, value, of) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(middle) < value) low = middle + 1; else high = middle;
  }
  return low;
}
const indexAt = (t) => lowerBound(N, t, (i) => T.at[i]);
