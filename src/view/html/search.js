// The language of the search box: words parted by spaces, all of which must hold. Draws nothing.

/** A test for records, or null for an empty query. A word is `field:value`, `#seq`, a name with `*`, or plain text. */
function parseQuery(text) {
  const words = text.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const tests = words.map(wordTest);
  return (i) => tests.every((test) => test(i));
}

function wordTest(word) {
  if (/^[-!]./.test(word)) { const test = wordTest(word.slice(1)); return (i) => !test(i); }
  if (/^#\d+$/.test(word)) { const seq = Number(word.slice(1)); return (i) => seqOf(i) === seq; }
  if (/^op\d+$/.test(word)) return wordTest(`op:${word.slice(2)}`);
  const pair = word.match(/^([\w-]+):(.+)$/);
  if (pair) {
    const volume = RUN.names.volumes.indexOf(pair[1]);
    if (volume >= 0 && /^\d+$/.test(pair[2])) return blockTest(Number(pair[2]), volume);
    return fieldTest(pair[1], pair[2]);
  }
  if (word.includes("*")) return kindTest(pattern(word));
  const plain = word.toLowerCase(), known = KINDS.map((kind) => kind.name.includes(plain));
  const nodes = RUN.names.nodes.map((name) => name.toLowerCase() === plain);
  return (i) => known[T.kind[i]] || (T.node[i] >= 0 && nodes[T.node[i]]) || KINDS[T.kind[i]].fields.some((field) => field.kind !== "number" && show(i, field.name).toLowerCase().includes(plain));
}

const pattern = (word) => new RegExp("^" + word.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*") + "$", "i");
function kindTest(expression) {
  const known = KINDS.map((kind) => expression.test(kind.name));
  return (i) => known[T.kind[i]];
}

function fieldTest(field, value) {
  if (field === "node") { const like = pattern(value), known = RUN.names.nodes.map((name) => like.test(name)); return (i) => T.node[i] >= 0 && known[T.node[i]]; }
  if (field === "rec" || field === "record") return kindTest(pattern(value.includes("*") ? value : `*${value}*`));
  if (field === "seq") return wordTest("#" + value);
  if (field === "block") return blockTest(Number(value), -1);
  if (field === "op" && /^\d+$/.test(value)) { const op = Number(value); return (i) => (T.op[i] >= 0 ? num(T.op[i], "op") === op : KINDS[T.kind[i]].group === "app" && num(i, "op") === op); }
  if (field === "cpu") return (i) => T.cpu[i] === Number(String(value).replace("cpu", ""));
  const like = pattern(value), known = KINDS.map((kind) => kind.at.has(field));
  return (i) => known[T.kind[i]] && like.test(show(i, field).replace(/\s/g, ""));
}

/** Operations on the block and commands on its places. */
function blockTest(block, volume) {
  const volumes = volume >= 0 ? [volume] : RUN.names.volumes.map((_, v) => v);
  const lbas = new Map(volumes.flatMap((v) => legsOf(v, block)).map((leg) => [leg.disk, leg.lba]));
  return (i) => {
    const group = KINDS[T.kind[i]].group;
    if (group === "app") {
      const op = T.op[i];
      if (op < 0 || !volumes.includes(num(op, "volume")) || !covers(op, "block", "blocks", block)) return false;
      return !is(i, "app.block-read") || num(i, "block") === block;
    }
    if (group === "disk") {
      const lba = lbas.get(num(i, "disk")), command = num(i, "lba") >= 0 && num(i, "blocks") >= 0 ? i : T.begin[i];
      return lba !== undefined && command >= 0 && covers(command, "lba", "blocks", lba);
    }
    return false;
  };
}

const SEARCH = { text: "", matches: new Int32Array(0), mask: null, at: -1 };

/** Looks for a query: how many there are. */
function search(text) {
  const test = parseQuery(text);
  SEARCH.text = text;
  SEARCH.at = -1;
  SEARCH.mask = test ? new Uint8Array(N) : null;
  const found = [];
  if (test) for (let i = 0; i < N; i++) if (test(i)) { found.push(i); SEARCH.mask[i] = 1; }
  SEARCH.matches = Int32Array.from(found);
  return found.length;
}
