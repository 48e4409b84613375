// draw: small charts as SVG elements. Only numbers and our own words go in; of traffic the names in mapChart, as text.
const NS = "http://www.w3.org/2000/svg";

export function svg(name, attributes, ...children) {
  const e = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function frame(width, height, label) {
  return svg("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label});
}

const text = (x, y, anchor, says) => svg("text", {x, y, "text-anchor": anchor}, String(says));
const line = (cls, x1, y1, x2, y2) => svg("line", {class: cls, x1, y1, x2, y2});

// A round number at or above v: 1, 2 or 5 times a power of ten.
export function roundUp(v) {
  if (!(v > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(v));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= v * 0.9999);
}

const tidy = v => String(+v.toPrecision(3));
const clock = (t, days) => new Date(t * 1000).toISOString().slice(days ? 5 : 11, 16).replace("T", " ");

// Bars over time: points [{t, all, bad}], `step` seconds apart.
export function rateChart(points, step, width, label) {
  const height = 150, left = 44, bottom = 20, top = 8;
  const chart = frame(width, height, label);
  const most = roundUp(Math.max(...points.map(p => p.all)));
  const y = v => height - bottom - (height - bottom - top) * v / most;
  const each = (width - left) / points.length, days = points.length * step > 86400;
  for (const share of [0, .5, 1]) {
    chart.append(line("grid", left, y(most * share), width, y(most * share)), text(left - 6, y(most * share) + 4, "end", tidy(most * share)));
  }
  points.forEach((p, i) => {
    const x = left + i * each, w = Math.max(each - (each > 4 ? 1 : 0), .5);
    if (p.all > 0) chart.append(svg("rect", {class: "area-all", x, y: y(p.all), width: w, height: y(0) - y(p.all)}));
    if (p.bad > 0) chart.append(svg("rect", {class: "area-bad", x, y: y(p.bad), width: w, height: Math.max(y(0) - y(p.bad), 1.5)}));
  });
  const labels = Math.min(Math.max(2, Math.floor(width / (days ? 170 : 110))), points.length);
  for (let i = 0; i < labels; i++) {
    const at = Math.round(i * (points.length - 1) / Math.max(labels - 1, 1));
    const anchor = i === 0 ? "start" : i === labels - 1 ? "end" : "middle";
    chart.append(text(anchor === "start" ? left : anchor === "end" ? width : left + (at + .5) * each, height - 5, anchor, clock(points[at].t, days)));
  }
  return chart;
}

// What a cache would have answered by TTL: fresh and stale on top of each other, in percent of look-ups.
export function ttlChart(rungs, chosen, name, label) {
  const width = 460, height = 190, left = 46, bottom = 22, top = 8;
  const chart = frame(width, height, label);
  const x = i => left + (width - left - 10) * (rungs.length > 1 ? i / (rungs.length - 1) : .5);
  const y = v => height - bottom - (height - bottom - top) * v;
  const hit = rungs.map(r => r.hit_ratio ?? 0), stale = rungs.map(r => r.lookups ? r.stale_hits / r.lookups : 0);
  const area = (cls, high, low) => svg("path", {class: cls, d: "M" + high.map((v, i) => `${x(i)},${y(v)}`).join("L") +
    low.map((v, i) => `L${x(i)},${y(v)}`).reverse().join("") + "Z"});
  for (const share of [0, .25, .5, .75, 1])
    chart.append(line("grid", left, y(share), width - 10, y(share)), text(left - 6, y(share) + 4, "end", share * 100 + " %"));
  chart.append(area("area-fresh", hit.map((v, i) => v - stale[i]), hit.map(() => 0)), area("area-stale", hit, hit.map((v, i) => v - stale[i])),
    svg("path", {class: "curve", d: "M" + hit.map((v, i) => `${x(i)},${y(v)}`).join("L")}));
  let free = -1;
  rungs.forEach((r, i) => {
    if (r.ttl_s === chosen) chart.append(line("mark", x(i), y(0), x(i), y(1)));
    if (x(i) < free) return;
    chart.append(text(x(i), height - 6, "middle", name(r.ttl_s)));
    free = x(i) + 34;
  });
  return chart;
}

// Depth of the token bucket that rejects nothing, by rate; both on a logarithmic scale. limit: {rate, burst} that is advised, or null.
export function envelopeChart(points, label, limit) {
  const width = 460, height = 190, left = 48, bottom = 22, top = 8;
  const chart = frame(width, height, label), seen = points.filter(p => p.burst > 0);
  if (seen.length < 2) return chart;
  const lx = seen.map(p => Math.log10(p.rate)), most = Math.max(1, Math.ceil(Math.log10(Math.max(limit?.burst ?? 1, ...seen.map(p => p.burst)))));
  const x = v => left + (width - left - 10) * (v - lx[0]) / (lx[lx.length - 1] - lx[0]);
  const y = v => height - bottom - (height - bottom - top) * Math.max(0, v) / most;
  for (let e = 0; e <= most; e++)
    chart.append(line("grid", left, y(e), width - 10, y(e)), text(left - 6, y(e) + 4, "end", 10 ** e));
  for (let e = Math.ceil(lx[0] - 1e-9); e <= lx[lx.length - 1]; e++)
    chart.append(text(x(e), height - 6, "middle", tidy(10 ** e) + "/s"));
  chart.append(svg("path", {class: "curve", d: "M" + seen.map((p, i) => `${x(lx[i])},${y(Math.log10(p.burst))}`).join("L")}));
  if (limit) {
    const lr = Math.min(Math.max(Math.log10(limit.rate), lx[0]), lx[lx.length - 1]), lb = Math.log10(limit.burst), right = lr > (lx[0] + lx[lx.length - 1]) / 2;
    chart.append(line("mark", x(lr), y(0), x(lr), y(most)), line("mark", left, y(lb), width - 10, y(lb)), svg("circle", {class: "limit", cx: x(lr), cy: y(lb), r: 4.5}),
      text(x(lr) + (right ? -8 : 8), y(lb) - 7, right ? "end" : "start", `limit: ${tidy(limit.burst)} at ${tidy(limit.rate)}/s`));
  }
  return chart;
}

// A share of 0..1 as a small bar, the last part of it in another colour.
export function shareBar(all, second) {
  const width = 60, bar = svg("svg", {width, height: 9, viewBox: `0 0 ${width} 9`, "aria-hidden": "true"});
  bar.append(svg("rect", {class: "track", x: 0, y: 0, width, height: 9, rx: 2}));
  if (all > 0) bar.append(svg("rect", {class: "area-fresh", x: 0, y: 0, width: width * (all - second), height: 9, rx: 2}));
  if (second > 0) bar.append(svg("rect", {class: "area-stale", x: width * (all - second), y: 0, width: width * second, height: 9}));
  return bar;
}

// Who calls whom: services in columns from callers to called, a line for each edge, wider the more calls. Names are made safe by whom it
// is called.
export function mapChart(edges, label) {
  const names = [...new Set(edges.flatMap(e => [e.from, e.to]))].slice(0, 40), depth = new Map(names.map(n => [n, 0])), forward = [];
  const leads = (a, b) => {
    const reached = new Set([a]);
    for (const n of reached) for (const e of forward) if (e.from === n) reached.add(e.to);
    return reached.has(b);
  };
  for (const e of [...edges].sort((a, b) => (b.calls || 0) - (a.calls || 0))) // what goes round in a circle does not order
    if (depth.has(e.from) && depth.has(e.to) && !leads(e.to, e.from)) forward.push(e);
  for (let moved = true; moved;) {
    moved = false;
    for (const e of forward) if (depth.get(e.to) <= depth.get(e.from)) depth.set(e.to, depth.get(e.from) + 1), moved = true;
  }
  const tiers = [];
  for (const n of names) (tiers[depth.get(n)] ??= []).push(n);
  const used = tiers.filter(Boolean), wide = 250, gap = 90, box = 34;
  const width = used.length * wide + (used.length - 1) * gap + 2, height = Math.max(...used.map(t => t.length)) * (box + 14) + 10;
  const chart = frame(width, height, label), place = new Map();
  used.forEach((t, i) => t.forEach((n, k) => place.set(n, {x: 1 + i * (wide + gap), y: 8 + (k + (Math.max(...used.map(u => u.length)) - t.length) / 2) * (box + 14)})));
  const most = Math.max(...edges.map(e => e.calls || 1));
  for (const e of edges) {
    const a = place.get(e.from), b = place.get(e.to);
    if (!a || !b || a === b) continue;
    const back = b.x <= a.x, x1 = back ? a.x : a.x + wide, x2 = back ? b.x + wide : b.x, y1 = a.y + box / 2, y2 = b.y + box / 2, bend = back ? -gap / 2 : gap / 2;
    chart.append(svg("path", {class: e.failed ? "edge bad-edge" : "edge", "stroke-width": 1 + 5 * Math.sqrt((e.calls || 1) / most),
      d: `M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`}));
  }
  for (const [n, p] of place) {
    const short = n.length > 34 ? "…" + n.slice(-33) : n;
    chart.append(svg("rect", {class: "node", x: p.x, y: p.y, width: wide, height: box, rx: 5}),
      svg("text", {class: "node-name", x: p.x + wide / 2, y: p.y + box / 2 + 4, "text-anchor": "middle"}, short));
  }
  return chart;
}

// Throughput by what is under way at once: what was measured as dots with their spread, the fitted law as a line, its knee.
export function capacityChart(points, law, knee, label) {
  const width = 460, height = 190, left = 48, bottom = 22, top = 8;
  const chart = frame(width, height, label);
  const farthest = roundUp(Math.max(1, ...points.map(p => p.n), knee ? 1.3 * knee : 0)), steps = Array.from({length: 61}, (_, i) => farthest * i / 60);
  const fit = law ? steps.map(n => law.gamma * n / (1 + law.sigma * (n - 1) + law.kappa * n * (n - 1))).map(v => Math.max(0, v)) : [];
  const most = roundUp(Math.max(1, ...points.map(p => p.x + (p.sd || 0)), ...fit));
  const x = n => left + (width - left - 10) * n / farthest, y = v => height - bottom - (height - bottom - top) * v / most;
  for (const share of [0, .5, 1])
    chart.append(line("grid", left, y(most * share), width - 10, y(most * share)), text(left - 6, y(most * share) + 4, "end", tidy(most * share)));
  if (fit.length) chart.append(svg("path", {class: "curve", d: "M" + fit.map((v, i) => `${x(steps[i])},${y(v)}`).join("L")}));
  for (const p of points) {
    if (p.sd) chart.append(line("whisker", x(p.n), y(Math.max(0, p.x - p.sd)), x(p.n), y(Math.min(most, p.x + p.sd))));
    chart.append(svg("circle", {class: "area-fresh", cx: x(p.n), cy: y(p.x), r: 3}));
  }
  if (knee) chart.append(line("mark", x(knee), y(0), x(knee), y(most)), text(x(knee) + 4, y(most) + 12, "start", "knee " + tidy(knee)));
  for (const share of [0, .5, 1])
    chart.append(text(x(farthest * share), height - 6, share ? share === 1 ? "end" : "middle" : "start", tidy(farthest * share) + (share === 1 ? " at once" : "")));
  return chart;
}
