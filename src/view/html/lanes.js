// What stands where: lanes of bars and points, one below the other. Draws nothing.

/** Bars of one lane, in the order of their beginnings: each a record and its end, in a row. */
class Bars {
  constructor(records, rowsMax, open = END) {
    const n = records.length;
    this.rec = Int32Array.from(records);
    this.t0 = new Float64Array(n); this.t1 = new Float64Array(n); this.reach = new Float64Array(n);
    this.row = new Uint8Array(n);
    this.rowOf = new Map();
    const free = [];
    let reach = -1;
    for (let b = 0; b < n; b++) {
      const i = records[b], end = T.end[i];
      this.t0[b] = T.at[i];
      this.t1[b] = end >= 0 ? T.at[end] : open ?? T.at[i];
      let row = free.findIndex((t) => t <= this.t0[b]);
      if (row < 0) row = free.length < rowsMax ? free.length : free.indexOf(Math.min(...free));
      free[row] = Math.max(this.t1[b], this.t0[b] + 1);
      this.row[b] = row;
      reach = Math.max(reach, this.t1[b]);
      this.reach[b] = reach;
    }
    this.rows = Math.max(1, free.length);
    this.index = new Map(records.map((i, b) => [i, b]));
  }
  /** The range of those that may be seen between two times. */
  range(t0, t1) {
    return [lowerBound(this.rec.length, t0, (b) => this.reach[b]), lowerBound(this.rec.length, t1, (b) => this.t0[b])];
  }
}

/** Points of one lane, in order of time. */
class Points {
  constructor(records) { this.rec = Int32Array.from(records); }
  range(t0, t1) {
    return [lowerBound(this.rec.length, t0, (p) => T.at[this.rec[p]]), lowerBound(this.rec.length, t1, (p) => T.at[this.rec[p]])];
  }
}

const LANES = { all: [], groups: [], messages: null, faults: null, downs: [], hidden: new Set(), open: new Set(), show: { messages: true, polls: true } };

(function sort() {
  const ops = new Map(), disks = new Map(), cpus = new Map(), notes = new Map(), volumes = new Map(), busy = new Map();
  const messages = [], faults = [], world = [], unplugged = new Map();
  const into = (map, key, i) => { const list = map.get(key); if (list) list.push(i); else map.set(key, [i]); };
  for (let i = 0; i < N; i++) {
    const name = nameOf(i), node = T.node[i], group = KINDS[T.kind[i]].group;
    if (node >= 0 && T.cpu[i] >= 0) into(cpus, `${node}/${T.cpu[i]}`, i);
    if (name === "app.invoked") into(ops, node, i);
    else if (name === "disk.submitted") into(disks, num(i, "disk"), i);
    else if (name === "net.sent") messages.push(i);
    else if (name === "volume.state" || name === "volume.rebuild" || name === "volume.caches-lost") into(volumes, num(i, "volume"), i);
    else if (name === "fault.applied" || name === "fault.disk-applied") faults.push(i);
    else if (name === "disk.unplug") into(unplugged, num(i, "disk"), i);
    else if (name === "world.phase" || name === "world.frozen" || name === "world.expectation-failed") world.push(i);
    if (name === "node.down" || name === "node.paused") LANES.downs.push(i);
    if (group === "node" && num(i, "node") >= 0) into(notes, num(i, "node"), i);
    else if ((group === "state" || group === "connection" || group === "fault") && node >= 0 && !name.startsWith("fault.")) into(notes, node, i);
    if (node >= 0) busy.set(node, (busy.get(node) ?? 0) + 1);
  }
  LANES.messages = new Bars(messages, 1);
  LANES.faults = new Bars(faults, 5, null);
  const add = (lane) => { LANES.all.push(lane); return lane; };
  const head = { key: "run", title: "Run", node: -1, lanes: [] };
  LANES.groups.push(head);
  head.lanes.push(add({ type: "faults", key: "faults", group: head, title: "faults", bars: LANES.faults, points: new Points(world) }));
  RUN.names.volumes.forEach((name, volume) => {
    head.lanes.push(add({ type: "volume", key: `volume/${volume}`, group: head, title: name, volume, points: new Points(volumes.get(volume) ?? []) }));
  });
  const nodes = RUN.names.nodes.map((_, node) => node).filter((node) => busy.has(node) || notes.has(node));
  // Those that applications run on first, then those that have disks, then the rest.
  const diskOf = (node) => RUN.names.disks.map((name, disk) => [name, disk]).filter(([name]) => name.startsWith(nodeName(node) + "/"));
  const rank = (node) => (ops.has(node) ? 0 : diskOf(node).some(([, disk]) => disks.has(disk)) ? (/\/d\d/.test(diskOf(node)[0][0]) ? 1 : 2) : 3);
  nodes.sort((a, b) => rank(a) - rank(b) || a - b);
  for (const node of nodes) {
    const name = nodeName(node), group = { key: `node/${node}`, title: name, node, lanes: [] };
    LANES.groups.push(group);
    group.lanes.push(add({ type: "node", key: `node/${node}`, group, title: name, node, points: new Points(notes.get(node) ?? []) }));
    if (ops.has(node)) group.lanes.push(add({ type: "ops", key: `ops/${node}`, group, title: "applications", node, bars: new Bars(ops.get(node), 40) }));
    for (const [disk_name, disk] of diskOf(node)) {
      if (!disks.has(disk) && !unplugged.has(disk)) continue;
      group.lanes.push(add({ type: "disk", key: `disk/${disk}`, group, title: disk_name.split("/")[1], full: disk_name, node, disk, bars: new Bars(disks.get(disk) ?? [], 40), unplugged: unplugged.get(disk) ?? [] }));
    }
    const own = [...cpus.keys()].filter((key) => key.split("/")[0] === String(node)).map((key) => Number(key.split("/")[1])).sort((a, b) => a - b);
    if (own.length) {
      const all = own.flatMap((cpu) => cpus.get(`${node}/${cpu}`)).sort((a, b) => a - b);
      group.lanes.push(add({ type: "cpus", key: `cpus/${node}`, group, title: own.length === 1 ? "1 CPU" : `${own.length} CPUs`, node, points: new Points(all), cpus: own }));
      for (const cpu of own) {
        group.lanes.push(add({ type: "cpu", key: `cpu/${node}/${cpu}`, group, title: `cpu${cpu}`, node, cpu, points: new Points(cpus.get(`${node}/${cpu}`)) }));
      }
    }
  }
  LANES.byKey = new Map(LANES.all.map((lane) => [lane.key, lane]));
})();

/** Gives each lane that is shown its place; the height of all. */
function layOut() {
  let y = 4;
  for (const group of LANES.groups) {
    group.top = y;
    const hidden = LANES.hidden.has(group.key);
    for (const lane of group.lanes) {
      const open = LANES.open.has(group.key);
      lane.shown = !hidden && !(lane.type === "cpu" && !open) && !(lane.type === "cpus" && (open || !LANES.show.polls)) && !(lane.type === "cpu" && !LANES.show.polls);
      if (hidden && lane.type === "node") lane.shown = true;
      if (!lane.shown) continue;
      const rows = lane.bars?.rows ?? 1;
      lane.rowHeight = rows <= 3 ? 15 : rows <= 8 ? 11 : rows <= 18 ? 8 : 5;
      lane.y = y;
      lane.height = { faults: rows * 16 + 2, volume: 20, node: 24, cpus: 12, cpu: 11 }[lane.type] ?? rows * lane.rowHeight + 2;
      y += lane.height + 2;
    }
    y += 7;
    group.bottom = y - 5;
  }
  return y;
}

/** The lane that a record is in, and how far down in it; null where that lane is not shown. */
function spotOf(i) {
  const group = KINDS[T.kind[i]].group, node = T.node[i];
  const middle = (key, fraction = 0.5) => {
    const lane = LANES.byKey.get(key);
    return lane?.shown ? { lane, y: lane.y + lane.height * fraction } : null;
  };
  const inRow = (key, record) => {
    const lane = LANES.byKey.get(key), b = lane?.bars.index.get(record);
    return lane?.shown && b !== undefined ? { lane, y: lane.y + 1 + (lane.bars.row[b] + 0.5) * lane.rowHeight } : null;
  };
  if (group === "app") return inRow(`ops/${T.op[i] >= 0 ? T.node[T.op[i]] : node}`, T.op[i]) ?? middle(`node/${node}`);
  if (group === "disk") {
    const from = is(i, "disk.submitted") ? i : is(i, "disk.media-written") ? T.cause[i] : T.begin[i];
    return inRow(`disk/${num(i, "disk")}`, from) ?? middle(`disk/${num(i, "disk")}`);
  }
  if (group === "message") return middle(`node/${is(i, "net.sent") ? node : num(i, "to")}`, 0.9);
  if (group === "poll") return middle(`cpu/${node}/${T.cpu[i]}`) ?? middle(`cpus/${node}`) ?? middle(`node/${node}`);
  if (group === "volume") return middle(`volume/${num(i, "volume")}`);
  if (group === "world") return middle("faults");
  if (is(i, "fault.applied") || is(i, "fault.disk-applied")) {
    const lane = LANES.byKey.get("faults");
    return { lane, y: lane.y + 1 + (lane.bars.row[lane.bars.index.get(i)] + 0.5) * 16 };
  }
  if (node >= 0) return middle(`node/${node}`, 0.4);
  if (num(i, "disk") >= 0) return middle(`disk/${num(i, "disk")}`) ?? middle("faults");
  if (num(i, "node") >= 0) return middle(`node/${num(i, "node")}`, 0.4);
  if (num(i, "volume") >= 0) return middle(`volume/${num(i, "volume")}`);
  return middle("faults");
}
