// The story of one block: who wrote and read it, what each leg held when, and what befell them. Draws nothing.

/** The legs that hold a block, with its place on their disks. Of a code, all legs of its row. */
function legsOf(volume, block) {
  const at = RUN.places.find(([v, first, blocks]) => v === volume && block >= first && block < first + blocks);
  if (!at) return [];
  const [, first, , bits, place] = at, where = place + (block - first);
  return RUN.legs.filter(([, v, leg, , blocks]) => v === volume && (bits >> leg) & 1 && where < blocks)
    .map(([disk, , leg, start]) => ({ disk, leg, lba: start + where }))
    .sort((a, b) => a.leg - b.leg);
}

const covers = (i, first, length, block) => num(i, first) <= block && block < num(i, first) + num(i, length);

/** The content that an operation gives a block; null where it gives it none. */
function contentOf(op) {
  const kind = show(op, "kind");
  return kind === "write" || kind === "write-fua" ? authorOf(op) : kind === "trim" ? "0" : null;
}

/** The closest record that led to this one and that `test` picks. */
function ancestor(i, test, hops = 64) {
  for (let at = T.cause[i]; at >= 0 && hops > 0; at = T.cause[at], hops--) if (test(at)) return at;
  return -1;
}

const OPERATIONS = new Map();
for (let i = 0; i < N; i++) if (is(i, "app.invoked")) OPERATIONS.set(num(i, "op"), i);
const operationOf = (op) => OPERATIONS.get(op) ?? -1;
const writerOf = (content) => [...OPERATIONS.values()].find((i) => contentOf(i) === content) ?? -1;

const STORIES = new Map();

/** All about one block. */
function storyOf(volume, block) {
  const key = `${volume}:${block}`;
  if (!STORIES.has(key)) STORIES.set(key, tell(volume, block));
  return STORIES.get(key);
}

function tell(volume, block) {
  const legs = legsOf(volume, block).map((leg) => ({ ...leg, name: `leg${leg.leg} ${diskName(leg.disk)}`, spans: [{ t0: 0, t1: END, content: "0", i: -1 }], commands: [] }));
  const byDisk = new Map(legs.map((leg) => [leg.disk, leg]));
  const story = { volume, block, legs, ops: [], seen: [], items: [], records: new Uint8Array(N) };
  const item = (i, text, type = "") => { story.items.push({ i, text, type }); story.records[i] = 1; };
  const ops = new Set();
  for (let i = 0; i < N; i++) {
    switch (KINDS[T.kind[i]].group) {
      case "app": ofOperation(i, story, ops, item); break;
      case "disk": ofCommand(i, story, byDisk, item); break;
      case "message":
        if (T.op[i] >= 0 && ops.has(T.op[i])) {
          story.records[i] = 1;
          if (is(i, "net.dropped") && !num(i, "again")) {
            item(i, `${show(i, "kind")} of op${num(T.op[i], "op")} from ${show(i, "from")} never reached ${show(i, "to")}: ${show(i, "why")}`, "key");
          }
        }
        break;
      case "node": case "fault": case "volume": case "world": befell(i, story, byDisk, item); break;
      case "state":
        if (num(i, "volume") === volume && !is(i, "target.mark")) item(i, stateText(i), "quiet");
        break;
    }
  }
  for (const v of RUN.violations) {
    if (v.volume === volume && (v.block === null || v.block === block)) {
      const at = Math.max(0, Math.min(N - 1, indexAt(v.at + 1) - 1));
      story.items.push({ i: at, t: v.at, text: `${v.check}/${v.kind}: found ${v.found}; expected ${v.expected}`, type: "violation" });
    }
  }
  const order = (one) => (one.type === "violation" ? N + one.i : one.i);
  story.items.sort((a, b) => (a.t ?? T.at[a.i]) - (b.t ?? T.at[b.i]) || order(a) - order(b));
  story.bars = new Bars(story.ops, 6);
  return story;
}

/** Deals out colours: to the contents that a failure names first, from a few that nobody takes for each other. */
function colourStory(story) {
  HUES.clear();
  const violation = RUN.violations.find((one) => one.volume === story.volume && one.block === story.block), named = violation ? opsOf(violation) : new Set();
  const strong = [4, 212, 46, 285, 150, 325, 95, 185];
  let next = 0;
  for (const i of story.ops) {
    const content = contentOf(i);
    if (content !== null && named.has(num(i, "op")) && next < strong.length) HUES.set(content, { hue: strong[next++], named: true });
  }
  story.ops.forEach((i, at) => { const content = contentOf(i); if (content !== null && !HUES.has(content)) HUES.set(content, { hue: (at * 137.508 + 80) % 360, named: false }); });
}

function ofOperation(i, story, ops, item) {
  const { volume, block } = story;
  if (is(i, "app.invoked")) {
    const kind = show(i, "kind");
    if (num(i, "volume") !== volume || (kind !== "flush" && !covers(i, "block", "blocks", block))) return;
    const first = num(i, "block"), last = first + num(i, "blocks") - 1, content = contentOf(i);
    const range = kind === "flush" ? "" : last > first ? ` blocks ${first}–${last}` : ` block ${first}`;
    if (kind === "flush") { item(i, `op${num(i, "op")} flush begins`, "quiet"); return; }
    ops.add(i);
    story.ops.push(i);
    item(i, `op${num(i, "op")} ${kind}${range} begins${content && content !== "0" ? `, to leave ${contentName(content)}` : ""}`, content === null ? "" : "key");
  } else if (ops.has(T.op[i])) {
    const op = `op${num(i, "op")}`, kind = show(T.op[i], "kind");
    if (is(i, "app.abandoned")) item(i, `${op} ${kind} is abandoned: its application died`, "key");
    else if (is(i, "app.returned")) item(i, `${op} ${kind} returned ${show(i, "result")}${contentOf(T.op[i]) ? ": acknowledged" : ""}`, contentOf(T.op[i]) || show(i, "result") !== "ok" ? "key" : "quiet");
    else if (is(i, "app.block-read") && num(i, "block") === block) {
      const from = T.source[i] >= 0 ? `, read from ${show(T.source[i], "disk")}` : "", content = authorOf(i);
      story.seen.push({ i, op: T.op[i], content });
      item(i, `${op} was shown ${contentName(content)}${from}`, "key");
    } else if (is(i, "app.block-read")) story.records[i] = 1;
  }
}

function ofCommand(i, story, byDisk, item) {
  const leg = byDisk.get(num(i, "disk"));
  if (!leg) return;
  if (is(i, "disk.submitted")) {
    if (!covers(i, "lba", "blocks", leg.lba)) return;
    leg.commands.push(i);
    story.records[i] = 1;
  } else if (is(i, "disk.media-written")) {
    if (!covers(i, "lba", "blocks", leg.lba)) return;
    const [content, how] = writtenBy(i, story, byDisk);
    hold(leg, i, content);
    item(i, `${leg.name} now holds ${contentName(content)}${how}`, "key");
  } else if (T.begin[i] >= 0 && story.records[T.begin[i]]) {
    story.records[i] = 1;
    if (is(i, "disk.aborted")) item(i, `${leg.name}: the ${show(i, "op")} under way is aborted after ${num(i, "executed")} blocks`, "key");
    else if (show(i, "status") !== "success") item(i, `${leg.name}: ${show(i, "op")} fails with ${show(i, "status")}`, "key");
  }
}

/** What a change of the medium left, and where that came from. */
function writtenBy(i, story, byDisk) {
  const command = T.cause[i], op = command >= 0 ? T.op[command] : -1;
  if (op >= 0) return [contentOf(op) ?? "?", `, by op${num(op, "op")}`];
  const read = ancestor(i, (at) => is(at, "disk.completed") && show(at, "op") === "read" && byDisk.has(num(at, "disk")) && num(at, "disk") !== num(i, "disk"));
  if (read < 0) return ["?", ", by no operation that is known"];
  const from = byDisk.get(num(read, "disk"));
  return [heldAt(from, T.at[read]), `, copied from ${from.name}`];
}

const heldAt = (leg, t) => leg.spans.findLast((span) => span.t0 <= t)?.content ?? "?";

function hold(leg, i, content) {
  leg.spans.at(-1).t1 = T.at[i];
  leg.spans.push({ t0: T.at[i], t1: END, content, i });
}

function befell(i, story, byDisk, item) {
  const name = nameOf(i), leg = byDisk.get(num(i, "disk"));
  if (name === "node.down") item(i, `${show(i, "node")} goes down; ${num(i, "tasks")} tasks die`, "fault");
  else if (name === "node.up") item(i, `${show(i, "node")} is up, life ${num(i, "incarnation")}`, "quiet");
  else if (name === "fault.lifted") item(i, `script[${num(i, "entry")}] ${show(i, "action")} is undone`, "quiet");
  else if (name.startsWith("fault.")) item(i, `script[${num(i, "entry")}] ${show(i, "action")} on ${show(i, "node") || show(i, "disk")}`, "fault");
  else if (name === "volume.state" && num(i, "volume") === story.volume) item(i, `${show(i, "volume")} is ${show(i, "state")}, epoch ${show(i, "epoch")}`, "quiet");
  else if (name === "volume.caches-lost" && num(i, "volume") === story.volume) item(i, "all copies have lost their caches", "fault");
  else if (name.startsWith("world.")) item(i, worldText(i), "quiet");
  else if (leg) {
    if (name === "disk.replace") hold(leg, i, "0");
    const at = num(i, "lba");
    if (at < 0 || (at <= leg.lba && leg.lba < at + Math.max(1, num(i, "count")))) item(i, `${leg.name}: ${plainText(i)}`, "fault");
    if (["disk.raw_write", "disk.flip_bits"].includes(name) && at === leg.lba) hold(leg, i, "?");
    if (name === "disk.restore_old_image" || (name === "disk.cache-lost" && num(i, "lost") > 0)) hold(leg, i, "?");
  }
}

const worldText = (i) => (is(i, "world.phase") ? `phase: ${show(i, "phase")}` : is(i, "world.frozen") ? "everything is frozen and compared" : `script[${num(i, "entry")}]: what it expects did not come`);

/** What the cluster decided, in words where it is known, or as it stands. */
function stateText(i) {
  const modes = (i) => { const bits = num(i, "modes"), legs = RUN.legs.filter(([, v]) => v === num(i, "volume")).map(([, , leg]) => leg); return [...new Set(legs)].sort((a, b) => a - b).map((leg) => `leg${leg} ${["RW", "W", "DEAD", "DEAD"][Math.floor(bits / 4 ** leg) % 4]}`).join(", "); };
  switch (nameOf(i)) {
    case "manager.decided": return `the manager decides epoch ${num(i, "epoch")}: ${modes(i)}; owner ${show(i, "owner")}`;
    case "manager.persisted": return `epoch ${num(i, "epoch")} is on record`;
    case "manager.grantable": return `epoch ${num(i, "epoch")} may be granted`;
    case "client.granted": return `${placeOf(i).split("/")[0]} acts under epoch ${num(i, "epoch")}: ${modes(i)}`;
    case "client.recovered": return `${placeOf(i).split("/")[0]} counts region ${num(i, "region")} as made equal on all legs`;
    case "client.reported": return `${placeOf(i).split("/")[0]} reports leg${num(i, "leg")}: ${show(i, "mode")}`;
    case "target.registering": return `${placeOf(i).split("/")[0]} registers leg${num(i, "leg")} for epoch ${num(i, "epoch")}`;
    case "target.fence-raised": return `${show(i, "disk")} refuses all below epoch ${num(i, "epoch")}`;
    default: return plainText(i);
  }
}

/** A record's name and fields. */
function plainText(i) {
  const kind = KINDS[T.kind[i]];
  return `${kind.name} ${kind.fields.map((field) => `${field.name}=${show(i, field.name)}`).join(" ")}`;
}

/** A record as one line for a person. */
function textOf(i) {
  const name = nameOf(i), op = T.op[i] >= 0 ? ` of op${num(T.op[i], "op")}` : "";
  switch (name) {
    case "app.invoked": return `op${num(i, "op")} ${show(i, "kind")} ${show(i, "volume")} ${num(i, "blocks") ? `block ${num(i, "block")}${num(i, "blocks") > 1 ? `–${num(i, "block") + num(i, "blocks") - 1}` : ""}` : ""}${contentOf(i) && contentOf(i) !== "0" ? ` (${contentName(contentOf(i))})` : ""}`;
    case "app.returned": return `op${num(i, "op")} ${show(i, "kind")} returned ${show(i, "result")}`;
    case "app.abandoned": return `op${num(i, "op")} abandoned: its application died`;
    case "app.block-read": return `op${num(i, "op")} was shown ${contentName(authorOf(i))} at block ${num(i, "block")}${T.source[i] >= 0 ? `, from ${show(T.source[i], "disk")}` : ""}`;
    case "disk.submitted": return `${show(i, "disk")} ${show(i, "op")} lba ${num(i, "lba")}${num(i, "blocks") > 1 ? `–${num(i, "lba") + num(i, "blocks") - 1}` : ""}${op} for ${show(i, "host")}`;
    case "disk.completed": return `${show(i, "disk")} ${show(i, "op")} ${show(i, "status")} after ${show(i, "latency")}${op}`;
    case "disk.aborted": return `${show(i, "disk")} ${show(i, "op")} aborted${op}`;
    case "disk.media-written": return `${show(i, "disk")} lba ${num(i, "lba")}${num(i, "blocks") > 1 ? `–${num(i, "lba") + num(i, "blocks") - 1}` : ""} changed on the medium${op}`;
    case "net.sent": return `${show(i, "from")} → ${show(i, "to")} ${show(i, "kind")}${op}, ${grouped(num(i, "bytes"))} bytes`;
    case "net.delivered": return `${show(i, "from")} → ${show(i, "to")} ${show(i, "kind")} delivered${op}`;
    case "net.dropped": return `${show(i, "from")} → ${show(i, "to")} ${show(i, "kind")} dropped${op}: ${show(i, "why")}`;
    case "node.down": return `${show(i, "node")} goes down; ${num(i, "tasks")} tasks die`;
    case "node.up": return `${show(i, "node")} is up, life ${num(i, "incarnation")}`;
    case "volume.state": return `${show(i, "volume")} is ${show(i, "state")}, epoch ${show(i, "epoch")}`;
    case "fault.applied": case "fault.disk-applied": return `script[${num(i, "entry")}] ${show(i, "action")} on ${show(i, "node") || show(i, "disk")}`;
    case "fault.lifted": return `script[${num(i, "entry")}] ${show(i, "action")} is undone`;
    case "sim.polled": return `task ${num(i, "task")} runs`;
    default: return KINDS[T.kind[i]].group === "state" ? stateText(i) : name.startsWith("world.") ? worldText(i) : plainText(i);
  }
}

/** All that belongs to an operation: its commands and messages. */
function familyOf(op) {
  const mask = new Uint8Array(N);
  for (let i = op; i < N; i++) if (T.op[i] === op) mask[i] = 1;
  return mask;
}

// In short: what the operations that a failure names came to, one sentence each, with the faults between them.

/** The operations that a violation names: in what was found, in the first thing that was expected, and in why. */
function opsOf(violation) {
  const text = [violation.found, violation.expected.split("; or ")[0], ...violation.detail].join(" ");
  return new Set([...violation.ops, ...[...text.matchAll(/\bop(\d+)/g)].map((match) => Number(match[1]))]);
}

function inShort(story, violation) {
  const named = opsOf(violation), ops = story.ops.filter((i) => named.has(num(i, "op"))), lines = [];
  if (!ops.length) return lines;
  const from = T.at[ops[0]], times = (i) => T.at[i] >= from && T.at[i] <= violation.at;
  for (const i of ops) {
    const content = contentOf(i);
    if (content === null) continue;
    lines.push({ i, text: `op${num(i, "op")} writes ${contentName(content)}. ${fateOf(i)}`, type: "key" });
    for (const leg of story.legs) lines.push(onLeg(story, leg, i, content));
  }
  for (const one of story.seen) {
    if (!named.has(num(one.op, "op"))) continue;
    const source = T.source[one.i] >= 0 ? story.legs.find((leg) => leg.disk === num(T.source[one.i], "disk")) : null;
    lines.push({ i: one.i, text: `op${num(one.op, "op")} reads ${contentName(one.content)}${source ? ` from ${source.name}` : ""}`, type: "key" });
  }
  for (const one of story.items) {
    if (!times(one.i) || one.t !== undefined) continue;
    if (one.type === "fault" && !is(one.i, "fault.applied")) lines.push(one);
    else if (is(one.i, "node.up")) lines.push({ ...one, type: "" });
    else if (is(one.i, "client.granted")) lines.push({ ...one, type: "" });
  }
  const copies = story.legs.flatMap((leg) => leg.spans.filter((span) => span.i >= 0 && times(span.i) && (T.cause[span.i] < 0 || T.op[T.cause[span.i]] < 0)).map((span) => ({ leg, span })));
  for (const { leg, span } of copies.slice(0, 12)) lines.push({ i: span.i, text: `${leg.name} is given ${contentName(span.content)}${writtenByText(span.i)}`, type: "" });
  lines.sort((a, b) => T.at[a.i] - T.at[b.i] || a.i - b.i);
  return lines;
}

const writtenByText = (i) => { const read = ancestor(i, (at) => is(at, "disk.completed") && show(at, "op") === "read" && num(at, "disk") !== num(i, "disk")); return read < 0 ? "" : `, copied from ${show(read, "disk")}`; };

function fateOf(op) {
  const end = T.end[op];
  if (end < 0) return "It has not returned.";
  return is(end, "app.abandoned") ? `Its application dies ${roughly(T.at[end] - T.at[op])} later: never acknowledged` : `It returns ${show(end, "result")} after ${roughly(T.at[end] - T.at[op])}${show(end, "result") === "ok" ? ": acknowledged" : ""}`;
}

/** What became of a write on one leg. */
function onLeg(story, leg, op, content) {
  const name = contentName(content), held = leg.spans.find((span) => span.i >= 0 && T.cause[span.i] >= 0 && T.op[T.cause[span.i]] === op);
  if (held) return { i: held.i, text: `${leg.name} holds ${name}`, type: "" };
  const target = diskName(leg.disk).split("/")[0], end = T.end[op] >= 0 ? T.end[op] : N - 1;
  const command = leg.commands.find((i) => T.op[i] === op);
  if (command !== undefined) return { i: T.end[command] >= 0 ? T.end[command] : command, text: `${leg.name} never gets ${name}: its write ${T.end[command] < 0 ? "does not end" : is(T.end[command], "disk.aborted") ? "is aborted" : `ends with ${show(T.end[command], "status")}`}`, type: "fault" };
  for (let i = op; i < N && i <= end + 4000; i++) {
    if (is(i, "net.dropped") && show(i, "to") === target && T.node[op] === num(i, "from") && show(i, "kind").includes("write") && T.begin[i] >= op && T.begin[i] <= end) {
      return { i: T.begin[i], text: `${leg.name} never gets ${name}: a write to ${target} is dropped (${show(i, "why")})`, type: "fault" };
    }
  }
  return { i: end, text: `${leg.name} never gets ${name}: no command with it reaches the disk`, type: "fault" };
}
