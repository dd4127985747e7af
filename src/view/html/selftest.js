// With `#selftest` in the address: uses the page as a person would and leaves what came of it in the document.

if (/[#&]selftest/.test(location.hash)) {
  const results = [];
  const check = (name, good, found = "") => results.push(`${good ? "ok" : "FAILED"} ${name}${found !== "" ? ` (${found})` : ""}`);
  const press = (key) => window.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const inView = (t) => VIEW.t0 <= t && t <= VIEW.t1;
  const errors = [];
  window.addEventListener("error", (event) => errors.push(event.message));
  const act = (name, body) => { try { body(); draw(); renderPanel(); } catch (error) { errors.push(`${name}: ${error.message}`); } };
  const steps = [
    ["opens", () => {
      check("records are there", N > 0 && T.at[N - 1] <= END, N);
      check("causes come before effects", T.cause.every((cause, i) => cause < i));
      for (const [at, v] of RUN.violations.entries()) if (at === 0) check("the violation is in view", inView(v.at), time(v.at));
      if (RUN.violations.some((v) => v.block !== null && v.volume !== null)) {
        const v = RUN.violations.find((one) => one.block !== null && one.volume !== null);
        check("its block's story is told", STATE.story?.block === v.block && STATE.story.items.length > 0, STATE.story?.items.length);
        check("an operation of it is selected", v.ops.length === 0 || (STATE.selected >= 0 && T.op[STATE.selected] >= 0 && v.ops.includes(num(T.op[STATE.selected], "op"))));
        check("its story is in the panel", BODY.querySelectorAll(".row").length > 0 && BODY.textContent.includes("expected"), BODY.querySelectorAll(".row").length);
        const short = inShort(STATE.story, v);
        check("it is told in short", v.ops.length === 0 || (short.length >= 2 && BODY.textContent.includes("In short")), short.map((one) => one.text).join(" | "));
        check("each leg of the block has a lane", STATE.story.legs.length > 0 && STATE.story.legs.every((leg) => leg.spans.length > 0), STATE.story.legs.length);
      }
    }],
    ["whole run", () => { press("0"); check("the whole run is in view", VIEW.t0 <= 0 && VIEW.t1 >= END); }],
    ["search", () => {
      const all = find("app.invoked"), some = Array.from(SEARCH.matches).every((i) => is(i, "app.invoked"));
      check("search finds operations, and nothing else", all > 0 && some, all);
      press("n");
      check("a find is selected", SEARCH.at >= 0 && STATE.selected === SEARCH.matches[SEARCH.at]);
      const first = num(SEARCH.matches[0], "op");
      check("search by operation finds it", find(`op:${first}`) >= 1 && Array.from(SEARCH.matches).includes(operationOf(first)), SEARCH.matches.length);
      press("f");
      check("the filter dims the rest", STATE.focus === SEARCH.mask);
      press("f");
      check("nothing is found for nonsense", find("no-such-thing-anywhere") === 0);
    }],
    ["causes", () => {
      const last = Array.from({ length: N }, (_, i) => N - 1 - i).find((i) => is(i, "app.returned") && T.cause[i] >= 0) ?? N - 1;
      select(last); openTab("record");
      check("the selected record is in the panel", BODY.textContent.includes(`#${seqOf(last)}`));
      press("c");
      check("c goes to the cause", STATE.selected === T.cause[last], nameOf(STATE.selected));
      const cause = STATE.selected;
      press("e");
      check("e goes to an effect", T.cause[STATE.selected] === cause);
      press("b"); press("b");
      check("b goes back", STATE.selected === last);
      let at = last, hops = 0;
      while (T.cause[at] >= 0) { at = T.cause[at]; hops++; }
      check("causes lead to a beginning", hops > 0, hops);
    }],
    ["story", () => {
      const op = Array.from(OPERATIONS.values()).find((i) => num(i, "blocks") > 0 && contentOf(i));
      select(op); press("s");
      check("s tells a block's story", STATE.story !== null && STATE.focusName === "story", STATE.story?.block);
      press("o");
      check("o picks out an operation", STATE.focusName === "op" && STATE.focus[op] === 1);
      const commands = LANES.all.filter((lane) => lane.type === "disk").flatMap((lane) => Array.from(lane.bars.rec)), known = commands.filter((i) => T.op[i] >= 0);
      check("commands know their operations", known.length > commands.length / 5 || commands.length < 100, `${known.length} of ${commands.length}`);
      press("x");
      check("x closes the story", STATE.story === null && STATE.focus === null);
    }],
    ["pointer", () => {
      press("0"); draw();
      const lane = LANES.all.find((one) => one.type === "ops"), i = lane.bars.rec[0];
      zoomTo(i); STATE.selected = -1; draw();
      const spot = spotOf(i), x = (xOf(T.at[i]) + xOf(T.end[i] >= 0 ? T.at[T.end[i]] : END)) / 2;
      check("what is under the pointer is found", T.op[recordAt(x, toScreen(spot.y))] === i);
      hover(x, toScreen(spot.y));
      check("it has a tooltip", !byId("tip").hidden && byId("tip").textContent.length > 10);
      byId("tip").hidden = true;
    }],
    ["looks", () => {
      const before = THEME.bg;
      press("d"); check("d changes the colours", THEME.bg !== before);
      press("d"); check("and back", THEME.bg === before);
      press("?"); check("? shows the keys", !byId("help").hidden && byId("help").textContent.includes("cause"));
      press("Escape"); check("Esc hides them", byId("help").hidden);
      press("4"); check("statistics are shown", BODY.querySelectorAll("svg.chart").length >= 2);
      press("a"); layOut(); check("every CPU has a lane", LANES.all.filter((lane) => lane.type === "cpu" && lane.shown).length === LANES.all.filter((lane) => lane.type === "cpu").length);
      press("a");
    }],
    ["speed", () => {
      closeStory(); showAll();
      const views = 30, start = performance.now();
      for (let n = 0; n < views; n++) { zoom(n < views / 2 ? 0.7 : 1 / 0.7, END * 0.5); draw(); }
      const each = (performance.now() - start) / views;
      check("a view is drawn in time", each < 250, `${each.toFixed(1)} ms each`);
    }],
  ];
  // By a timer, not with the next frame: a browser without a window draws none when the machine has no time for it.
  setTimeout(() => {
    for (const [name, body] of steps) act(name, body);
    check("no error", errors.length === 0, errors.join("; "));
    const out = document.createElement("pre");
    out.id = "selftest";
    out.hidden = true;
    out.textContent = `${results.join("\n")}\n${results.every((line) => line.startsWith("ok")) ? "SELFTEST PASSED" : "SELFTEST FAILED"}`;
    document.body.append(out);
    showFailure();
  }, 100);
}
