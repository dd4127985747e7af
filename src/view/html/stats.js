// What the run came to in figures, as the program counted them. Counts nothing itself.

function statsHtml() {
  const stats = RUN.stats;
  let html = "";
  html += `<h3>Latency of operations</h3>${latencyTable(stats.operations)}`;
  html += `<h3>Operations returned a second, over virtual time</h3>${chart([{ values: stats.rate.returned.map((n) => (n * 1e9) / stats.rate.step), colour: THEME.accent }], stats.rate.step, " IO/s")}`;
  html += `<h3>Operations under way</h3>${chart([{ values: stats.rate.in_flight, colour: THEME.write }], stats.rate.step, "")}`;
  for (const rebuild of stats.rebuilds) {
    const { volume, leg, points } = rebuild;
    html += `<h3>Rebuild of ${esc(volume)} leg${leg}</h3><p class="muted">from ${time(points[0].at_ns)} to ${time(points.at(-1).at_ns)}: ${points.at(-1).done} of ${points.at(-1).total} regions</p>`;
  }
  html += `<h3>Latency of disk commands</h3>${latencyTable(stats.disks)}`;
  html += `<h3>Volume states</h3><table>${stats.states.map((one) => `<tr><td>${esc(one.volume)}</td><td>${esc(one.state)}</td><td class="num">${roughly(one.ns)}</td><td class="num">${((one.ns / END) * 100).toFixed(1)} %</td></tr>`).join("")}</table>`;
  html += `<h3>Records</h3><table>${stats.records.map(([name, count]) => `<tr class="find" data-query="rec:${esc(name)}"><td><span class="chip">${esc(name)}</span></td><td class="num">${grouped(count)}</td></tr>`).join("")}</table>`;
  return html;
}

function latencyTable(rows) {
  if (!rows.length) return `<p class="muted">none</p>`;
  const cells = (row) => [row.p50_ns, row.p90_ns, row.p99_ns, row.max_ns].map((ns) => `<td class="num">${roughly(ns)}</td>`).join("");
  return `<table><tr><th></th><th class="num">count</th><th class="num">50 %</th><th class="num">90 %</th><th class="num">99 %</th><th class="num">max</th></tr>${
    rows.map((row) => `<tr><td>${esc(row.name)}</td><td class="num">${grouped(row.count)}</td>${cells(row)}</tr>`).join("")}</table>`;
}

function chart(series, step, unit) {
  const most = Math.max(1, ...series.flatMap((one) => one.values)), n = Math.max(1, series[0].values.length), width = 400, height = 74;
  const paths = series.map((one) => {
    const path = one.values.map((value, at) => `${((at / n) * width).toFixed(1)},${(height - 2 - (value / most) * (height - 18)).toFixed(1)} ${(((at + 1) / n) * width).toFixed(1)},${(height - 2 - (value / most) * (height - 18)).toFixed(1)}`);
    return `<polyline fill="none" stroke="${one.colour}" stroke-width="1.4" vector-effect="non-scaling-stroke" points="${path.join(" ")}"/>`;
  });
  return `<div class="muted" style="display:flex;justify-content:space-between"><span>at most ${grouped(Math.round(most))}${unit}</span><span>${roughly(step)} a step</span></div><svg class="chart" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${paths.join("")}</svg>`;
}
