// page: shows the report and follows it while it grows; as a file of its own it shows the one it carries. Everything that came from
// traffic goes in as text, never as markup.
import {capacityChart, envelopeChart, mapChart, rateChart, shareBar, ttlChart} from "/draw.js";
import {$, NONE, bdi, bytes, count, day, el, fixed, known, percent, plainTable, rate, ratio, safe, seconds, ttlName} from "/words.js";
import {sheetsOf} from "/sheets.js";

const PAGE_ROWS = 100, RATE_POINTS = 240;
// ---- where the report comes from ----

const carried = $("carried") && JSON.parse($("carried").textContent);

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || answer.statusText);
  return answer.json();
}
const getReport = async () => carried ? carried.report : ask("/api/v1/report");
const getSeries = async (metric, step) => carried ? carried[metric] : ask(`/api/v1/timeseries?metric=${metric}&step=${step}`);

// ---- state ----

let report = null, ttl = 60, drawn = null;
const perSecond = n => report.capture.duration_s > 0 ? n / report.capture.duration_s : null;
const rung = e => (e.ttl || []).find(r => r.ttl_s === ttl) || null;

// ---- tables ----

class Table {
  // columns: {title, hint, value(row), show(value, row) -> text or node, low: class that hides it on small screens, tint(value)}
  constructor(name, noun, columns, key, title, detail) {
    Object.assign(this, {name, noun, columns, key, title, detail, sort: 1, up: false, rows: [], most: PAGE_ROWS, open: new Set()});
    this.table = $(name + "-table");
    this.filter = $(name + "-filter");
    this.filter.addEventListener("input", () => { this.most = PAGE_ROWS; this.draw(); });
    $(name + "-more").addEventListener("click", () => { this.most += 5 * PAGE_ROWS; this.draw(); });
    this.table.append(el("caption", {class: "skip"}, noun + "s"), this.head = el("thead"), this.body = el("tbody"));
    this.table.addEventListener("keydown", e => { if (e.key === "Escape") this.close(e); });
  }

  set(rows) {
    this.rows = rows;
    this.draw();
  }

  close(e) {
    const row = e.target.closest("tr.detail, tr.row");
    if (!row || !this.open.delete(row.dataset.key)) return;
    this.draw();
    this.button(row.dataset.key)?.focus();
  }

  button(key) {
    return [...this.body.querySelectorAll("button[data-key]")].find(b => b.dataset.key === key);
  }

  shown() {
    const wanted = this.filter.value.trim().toLowerCase(), value = this.columns[this.sort].value, turn = this.up ? 1 : -1;
    const order = (a, b) => {
      const x = value(a), y = value(b);
      if (!known(x) || !known(y)) return known(y) - known(x);
      return x === y ? 0 : x < y ? -turn : turn;
    };
    return this.rows.filter(r => !wanted || this.title(r).toLowerCase().includes(wanted)).sort(order);
  }

  drawHead() {
    const cells = this.columns.map((c, i) => {
      const sorted = i === this.sort ? (this.up ? "ascending" : "descending") : null;
      const button = el("button", {type: "button", title: c.hint}, typeof c.title === "function" ? c.title() : c.title);
      button.addEventListener("click", () => {
        this.up = i === this.sort ? !this.up : i === 0 || !!c.rises;
        this.sort = i;
        this.draw();
        this.head.querySelectorAll("button")[i].focus();
      });
      return el("th", {scope: "col", class: c.low, "aria-sort": sorted}, button);
    });
    this.head.replaceChildren(el("tr", {}, ...cells));
  }

  drawRow(row) {
    const key = String(this.key(row)), open = this.open.has(key);
    const cells = this.columns.map((c, i) => {
      const v = c.value(row), shown = c.show(v, row);
      if (i) return el("td", {class: [c.low, c.tint && known(v) ? c.tint(v) : null].filter(Boolean).join(" ") || null}, shown);
      const button = el("button", {type: "button", "aria-expanded": String(open), "data-key": key}, ...shown);
      button.addEventListener("click", () => {
        if (!this.open.delete(key)) this.open.add(key);
        this.draw();
        this.button(key)?.focus();
      });
      return el("td", {class: "name"}, button);
    });
    const rows = [el("tr", {class: "row", "data-key": key}, ...cells)];
    if (open) rows.push(el("tr", {class: "detail", "data-key": key}, el("td", {colspan: this.columns.length}, this.detail(row))));
    return rows;
  }

  draw() {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const all = this.shown(), rows = all.slice(0, this.most);
    if (!this.head.contains(document.activeElement)) this.drawHead();
    else {
      const at = [...this.head.querySelectorAll("button")].indexOf(document.activeElement);
      this.drawHead();
      this.head.querySelectorAll("button")[at]?.focus();
    }
    this.body.replaceChildren(...rows.flatMap(r => this.drawRow(r)));
    if (!rows.length) this.body.append(el("tr", {}, el("td", {colspan: this.columns.length}, this.rows.length ? "Nothing matches the filter." : "None.")));
    if (focused) this.button(focused)?.focus();
    const more = $(this.name + "-more");
    more.hidden = all.length <= rows.length;
    more.textContent = `Show more (${count(all.length - rows.length)} hidden)`;
    $(this.name + "-says").textContent = (all.length === this.rows.length ? count(all.length) : `${count(all.length)} of ${count(this.rows.length)}`) +
      " " + this.noun + (all.length === 1 && this.rows.length === 1 ? "" : "s") + this.hint();
  }

  hint() {
    return "";
  }

  // Opens a row's details and goes there.
  reveal(key) {
    this.filter.value = "";
    this.open.add(String(key));
    const place = this.shown().findIndex(r => String(this.key(r)) === String(key));
    this.most = Math.max(this.most, place + 1);
    this.draw();
    const button = this.button(String(key));
    button?.focus({preventScroll: true});
    button?.scrollIntoView({block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"});
  }
}

// ---- endpoints ----

const operationApart = e => e.operation && "/" + e.operation !== e.route ? "#" + e.operation : ""; // a gRPC method is its path already
const endpointTitle = e => `${e.method} ${e.service}${e.route}${operationApart(e)}`;
// Quantiles are midpoints of buckets: none is shown above the longest.
const shownTime = (q, name) => known(q?.max) && q[name] > q.max ? q.max : q?.[name];

const endpointColumns = [
  {title: "Endpoint", hint: "Service and route; {int} and the like stand for what varies", value: endpointTitle, show: (v, e) => [
    el("span", {class: "method"}, bdi(e.method)), " ", el("span", {class: "service"}, bdi(e.service)), bdi(e.route),
    operationApart(e) ? bdi(operationApart(e)) : null].filter(Boolean)},
  {title: "Requests", hint: "Requests seen", value: e => e.requests, show: count},
  {title: "Req/s", hint: "Requests a second over the whole capture", low: "wide", value: e => perSecond(e.requests), show: rate},
  {title: "Repeat", hint: "GETs that repeat an earlier one", low: "wide", value: e => e.repeat_ratio, show: percent},
  {title: () => `Hit, ${ttlName(ttl)}`, hint: "What a cache would have answered, had it kept every answer so long", value: e => rung(e)?.hit_ratio,
   show: (v, e) => el("span", {}, percent(v), known(v) ? shareBar(v, ratio(rung(e).stale_hits, rung(e).lookups) ?? 0) : "")},
  {title: "Stale", hint: "Of those answers, how many would have been out of date", value: e => rung(e)?.stale_ratio, show: percent,
   tint: v => v > .05 ? "warn" : null},
  {title: "p50", hint: "Half of the answers were complete within", low: "wide", value: e => shownTime(e.latency, "p50"), show: seconds},
  {title: "p95", hint: "95 % of the answers were complete within", low: "middle", value: e => shownTime(e.latency, "p95"), show: seconds},
  {title: "Server time", hint: "In all: time to first byte less the network's round trip", low: "wide", value: e => e.server_time?.total, show: seconds},
  {title: "Errors", hint: "Status 500 and above, 429, no answer", low: "middle", value: e => e.errors, show: count, tint: v => v ? "bad" : null}];

function latencyTable(e) {
  const line = (what, q) => [what, ...["p50", "p95", "p99", "max"].map(name => seconds(shownTime(q, name)))];
  return plainTable(["Latency", "p50", "p95", "p99", "max"], [line("whole answer", e.latency), line("server time", e.server_time)]);
}

function ladderTable(e) {
  const rows = e.ttl.map(r => [ttlName(r.ttl_s), percent(r.hit_ratio), percent(r.hit_ratio_warm), percent(r.stale_ratio), count(r.errors_masked),
    bytes(r.bytes_saved), seconds(r.server_seconds_saved)]);
  const beyond = e.ttl.findIndex(r => r.ttl_s > report.capture.duration_s);
  return plainTable(["Cached for", "Hit", "Warm", "Stale", "Masked", "Saved", "Server time"], rows, e.ttl.findIndex(r => r.ttl_s === ttl), beyond);
}

function adviceOf(e) {
  const r = e.recommendation;
  if (!r) return null;
  return el("p", {}, el("strong", {}, "Advice: "), safe(typeof r === "string" ? r : [r.action, r.why].filter(Boolean).join(": ")));
}

/* Whether clients may be given each other's answers, and how long one stays true. */
function sharingOf(e) {
  const s = e.sharing;
  if (!s || !e.eligible) return null;
  const wanting = s.comparisons_needed ? `, ${count(s.comparisons_needed)} more needed` : "";
  return el("p", {}, `May clients share it? ${safe(s.verdict)}: ${safe(s.reason)} (${count(s.comparisons)} comparisons, ` +
    `${count(s.differing)} differed${wanting})`);
}

function lifetimeOf(e) {
  const s = e.staleness;
  if (!s || !known(s.low_s) && !known(s.high_s)) return null;
  const mean = known(s.mean_lifetime_s) ? `${seconds(s.mean_lifetime_s)} on average, ` : "";
  const bounds = [known(s.low_s) && `at least ${seconds(s.low_s)}`, known(s.high_s) && `at most ${seconds(s.high_s)}`].filter(Boolean);
  return el("p", {}, `An answer stays the same for ${mean}${bounds.join(", ")}`);
}

/* What the API itself says of storing, and what most often stands against it. */
function declaredOf(e) {
  const d = e.declared, answers = Object.values(d?.reasons || {}).reduce((a, b) => a + b, 0);
  if (!answers) return null;
  const against = Object.entries(d.reasons).filter(([why]) => !["EXPLICIT", "HEURISTIC", "REVALIDATED"].includes(why)).sort((a, b) => b[1] - a[1])[0];
  return el("p", {}, `Declared: a shared cache may store ${count(d.storable_shared)} of ${count(answers)} answers` +
    (known(d.ttl_median) ? `, for ${seconds(d.ttl_median)} (median)` : "") + (against ? `; ${safe(against[0])} stands against it in ${count(against[1])}` : "") +
    (d.today?.hits ? `. By today's lifetimes caches answer ${percent(d.today.hit_ratio)} of look-ups, ${percent(d.today.stale_ratio)} of them stale` : ""));
}

/* Where copies belong, and who repeats whom. */
function placementOf(e) {
  const p = e.placement, where = {client: "with each client", gateway: "in the gateway's memory", shared: "in a shared cache of its own"}[p?.where];
  return where ? el("p", {}, `Copies belong ${where}: ${safe(p.reason)} (${percent(e.repeat_ratio)} of look-ups repeat, ` +
    `${percent(e.repeat_ratio_client)} one of the same client${known(p.cache_bytes) ? `; ${bytes(p.cache_bytes)} to keep at most` : ""})`) : null;
}

/* What each thing that stands against caching costs. */
function blockersOf(e) {
  const list = (e.blockers || []).filter(b => b.saves_per_day);
  return list.length ? plainTable(["Against caching", "Answers", "Requests a day", "Bytes", "Server time"], list.map(b => [safe(b.words), percent(ratio(b.seen, b.of)),
    count(Math.floor(b.saves_per_day.requests)), bytes(b.saves_per_day.bytes), seconds(b.saves_per_day.server_seconds)])) : null;
}

/* Which parts of the request decide the answer, and which fields of it change with every answer. */
function keyOf(e) {
  const k = e.key_advice || {}, names = list => (list || []).map(d => `${safe(d.name ?? d)}${d.missing_in_vary ? " (not in Vary)" : ""}`).join(", ");
  const lines = [[k.relevant, "The answer depends on "], [k.drop, "It does not depend on "]].filter(([list]) => list?.length);
  const steps = [["learned", "without what does not matter"], ["without_busters", "also without what makes each key new"]].map(([name, words]) => [k.effect?.[name], words])
    .filter(([s]) => s?.saves_per_day).map(([s, words]) => `Kept for ${seconds(s.ttl_s)} ${words}, ${percent(s.hit_ratio)} of look-ups would be hits instead of ${percent(s.hit_ratio_before)}`);
  return lines.length ? el("p", {}, [...lines.map(([list, words]) => words + names(list)), ...steps].join(". ")) : null;
}

/* Writes that come with its changes. */
function writesOf(e) {
  const w = (e.staleness?.writes || []).find(w => w.purge);
  return w ? el("p", {}, `${percent(w.recall)} of its changes come with `, bdi(w.write), ": purge on it") : null;
}

/* The bottlenecks that are of it; what a cache saves stands in the advice. */
function hurtsOf(e) {
  const list = (report.bottlenecks || []).filter(b => b.endpoint === e.id && b.kind !== "cache");
  return list.map(b => el("p", {}, el("strong", {}, `${seconds(b.seconds_per_hour)} an hour, ${safe(b.says)}: `), safe(b.why)));
}

function gradeOf(e) {
  const s = e.statelessness;
  if (!s?.grade) return null;
  const tied = (s.evidence || []).filter(v => v.state === "tied").map(v => `; ${safe(v.says)}`).join("");
  return el("p", {}, `Statelessness: ${safe(s.grade)}, ${s.score} of 100${tied}`);
}

function socketOf(e) {
  const w = e.websocket;
  return w ? el("p", {}, `WebSockets: ${count(w.opened)} opened, ${seconds(w.open_s)} open in all; messages of clients ${count(w.messages_client)}, of servers ` +
    `${count(w.messages_server)}${w.whole ? "" : " (at least: not all was seen)"}`) : null;
}

function endpointDetail(e) {
  const facts = el("div", {},
    el("p", {}, bdi(endpointTitle(e))), adviceOf(e),
    el("p", {}, `${count(e.requests)} requests from ${known(e.clients) || !known(e.clients_at_least) ? "" : "at least "}${count(e.clients ?? e.clients_at_least)} clients; ${bytes(e.response_bytes)} of answers; `,
      el("span", {class: e.errors ? "bad" : null}, `${count(e.errors)} errors`)),
    el("p", {}, `${count(e.eligible)} could be cached in kind, ${count(e.keys)} of them different; content changed in ` +
      `${count(e.staleness?.changes)} of ${count(e.staleness?.observed_gaps)} gaps between equal requests`),
    sharingOf(e), placementOf(e), lifetimeOf(e), writesOf(e), keyOf(e), declaredOf(e), blockersOf(e),
    ...hurtsOf(e), gradeOf(e), socketOf(e), latencyTable(e));
  const box = el("div", {class: "columns"}, facts);
  if (!e.eligible || !e.ttl?.length) {
    facts.append(el("p", {class: "dim"}, "No GET or HEAD with a complete answer: nothing a cache could keep."));
    return box;
  }
  facts.append(el("h3", {}, "Answered by a cache", el("span", {class: "legend fresh"}), "fresh", el("span", {class: "legend stale"}), "stale"),
    ttlChart(e.ttl, ttl, ttlName, "Share of requests that a cache would have answered, by time to live; the table holds the numbers"));
  box.append(el("div", {}, ladderTable(e)));
  return box;
}

// ---- clients ----

const clientTitle = c => `${c.client} ${c.name ?? ""} ${(c.addresses || []).join(" ")}`;
const clientColumns = [
  {title: "Client", hint: "How it was told apart, and 12 digits of a keyed hash", value: c => c.client, show: (v, c) => known(c.name) ? [bdi(v), " ", el("b", {}, bdi(c.name))] : [bdi(v)]},
  {title: "Requests", hint: "Requests seen", value: c => c.requests, show: count},
  {title: "Req/s", hint: "Requests a second over the whole capture", low: "middle", value: c => perSecond(c.requests), show: rate},
  {title: "In 1 s", hint: "Most requests in one second", value: c => c.peak?.["1s"], show: count},
  {title: "10 s", hint: "Most requests in 10 seconds", value: c => c.peak?.["10s"], show: count},
  {title: "60 s", hint: "Most requests in 60 seconds", low: "middle", value: c => c.peak?.["60s"], show: count},
  {title: "Burstiness", hint: "-1 like a clock, 0 random, towards 1 in bursts", low: "wide", value: c => c.burstiness, show: fixed(2)},
  {title: "Polls every", hint: "The period of a poller", low: "wide", value: c => c.poller_period_s, show: seconds},
  {title: "Limit", hint: "Of the bucket of the advised limit it needs; above 100 % it would be turned away", low: "middle", value: c => limitShare(c), show: percent,
   tint: v => v > 1 ? "bad" : null},
  {title: "Errors", hint: "Status 500 and above, 429, no answer", low: "middle", value: c => c.errors, show: count, tint: v => v ? "bad" : null},
  {title: "Throttled", hint: "429, and 503 with Retry-After", low: "wide", value: c => c.throttled, show: count, tint: v => v ? "warn" : null},
  {title: "From", hint: "Its first address", low: "wide", value: c => c.addresses?.[0],
   show: (v, c) => el("span", {}, bdi(v ?? NONE), c.addresses?.length > 1 ? ` +${c.addresses.length - 1}` : "")}];

const limitShare = c => c.limit && known(c.limit.needs) ? ratio(c.limit.needs, c.limit.burst) : null;

function conductOf(c) {
  return c.says?.length ? el("p", {}, c.says.map(safe).join(". ") + ".") : null;
}

/* The limit for all like it, and whether it would be turned away by that. */
function limitOf(c) {
  const l = c.limit;
  if (!l) return null;
  if (!known(l.rate)) return el("p", {class: "dim"}, `No limit is advised for those told apart by ${safe(l.by)}: ${safe(l.not_advised)}`);
  return el("p", {class: l.turned_away ? "bad" : null}, `Limit for all told apart by ${safe(l.by)}: ${count(l.burst)} at once and ${rate(l.rate)} a second. This one needs ` +
    `${count(Math.ceil(l.needs - 1e-9))}: it ${l.turned_away ? "would be turned away" : "would not be turned away"}` +
    (c.recommended ? `. For it alone ${count(c.recommended.burst)} and ${rate(c.recommended.rate)} a second would do` : ""));
}

function activityOf(c) {
  const a = c.activity;
  if (!a?.requests?.length) return null;
  const most = Math.max(...a.requests), unit = a.step_s < 60 ? `${a.step_s} s` : ttlName(a.step_s);
  return el("div", {}, el("h3", {}, `Requests in ${unit}, at most ${count(most)}`),
    rateChart(a.requests.map((n, i) => ({t: a.from + i * a.step_s, all: n, bad: 0})), a.step_s, 460, `Requests of this client over time, at most ${count(most)} in ${unit}`));
}

function clientDetail(c) {
  const envelope = (c.envelope || []).filter(p => known(p.burst)), limit = c.limit && known(c.limit.rate) ? c.limit : null;
  const facts = el("div", {},
    el("p", {}, bdi(c.client), ` (${safe(c.identity)})`, known(c.name) ? ", called " : null, known(c.name) ? bdi(c.name) : null),
    el("p", {}, `${count(c.requests)} requests, ${bytes(c.bytes)} of bodies, ${count(c.errors)} errors, ${count(c.throttled)} throttled`),
    conductOf(c), limitOf(c),
    el("p", {}, "Addresses: ", bdi((c.addresses || []).join(", ") || NONE)),
    activityOf(c),
    plainTable(["Most requests in", "1 s", "10 s", "60 s"], [["whole seconds", count(c.peak?.["1s"]), count(c.peak?.["10s"]), count(c.peak?.["60s"])],
      ["any window", count(c.sliding?.["1s"]), count(c.sliding?.["10s"]), ""]]));
  const box = el("div", {class: "columns"}, facts);
  if (envelope.length)
    box.append(el("div", {}, el("h3", {}, "Token bucket that would reject nothing"),
      envelopeChart(envelope, "Bucket depth by rate, both logarithmic; the table holds the numbers" + (limit ? `. The advised limit is ${limit.burst} at ${rate(limit.rate)} a second` : ""), limit),
      plainTable(["Rate", "Depth"], envelope.filter((p, i) => i % 3 === 0).map(p => [rate(p.rate) + "/s", p.burst.toFixed(1)]))));
  return box;
}

// ---- statelessness ----

const tieColumns = [
  {title: "Endpoint", hint: "Service and route", value: endpointTitle, show: (v, e) => [el("span", {class: "method"}, bdi(e.method)), " ",
    el("span", {class: "service"}, bdi(e.service)), bdi(e.route), operationApart(e) ? bdi(operationApart(e)) : null].filter(Boolean)},
  {title: "Score", hint: "100 less what each signal takes off", rises: true, value: e => e.statelessness.grade ? e.statelessness.score : null, show: count},
  {title: "Grade", hint: "A: any server can answer any request; E: only one can", value: e => e.statelessness.grade, show: v => known(v) ? safe(v) : NONE,
   tint: v => v >= "D" ? "bad" : v >= "C" ? "warn" : null},
  {title: "Requests", hint: "Requests that it stands on", low: "middle", value: e => e.statelessness.requests, show: count},
  {title: "Tied by", hint: "Signals that take something off (?: while they are not told)", value: e => signalsOf(e, "tied"), show: v => safe(v)},
  {title: "Not told", hint: "Signals that the traffic does not show either way", low: "wide", value: e => signalsOf(e, "undetermined"), show: v => safe(v)}];

// With a question mark those that take something off while they are not told.
const signalsOf = (e, state) => (e.statelessness.evidence || []).filter(s => s.state === state || (state === "tied" && s.state === "undetermined" && s.deducted))
  .map(s => s.signal + (s.state === state ? "" : "?")).join(" ");

function tieDetail(e) {
  const s = e.statelessness, words = {tied: "yes", free: "no", undetermined: "not told"};
  return el("div", {class: "columns"}, el("div", {}, el("p", {}, s.grade ? `${safe(s.grade)}, ${s.score} of 100, from ${count(s.requests)} requests of ${count(s.clients)} clients` +
    (s.evidence_least ? `; the weakest signal that decides stands on ${count(s.evidence_least)}` : "") +
    (s.servers === 1 ? ". One server was seen: that another could answer was not put to the test" : !s.servers ? ". No record says which server answered" : "") : "No grade: too little was seen"),
  plainTable(["Signal", "What it would mean, and the evidence", "Seen", "Score", "Of"], (s.evidence || []).map(v => [safe(v.signal),
    el("span", {}, safe(v.means ?? v.name), el("br"), el("span", {class: "dim"}, safe(v.says))),
    el("span", {class: v.state === "tied" ? "warn" : v.state === "undetermined" ? "dim" : null}, words[v.state] ?? safe(v.state)),
    v.deducted ? "−" + v.deducted : "", v.n ? count(v.n) : ""]), undefined, -1, [1, 2])));
}

function drawTies() {
  const list = report.endpoints.filter(e => e.statelessness), services = report.statelessness?.services || [];
  $("ties").hidden = !list.length;
  $("tie-services").replaceChildren(...(services.length ? [plainTable(["Service", "Grade", "Score", "Requests"], services.map(s => [bdi(s.service), known(s.grade) ? safe(s.grade) : NONE,
    known(s.score) ? s.score.toFixed(0) : NONE, count(s.requests)]))] : []));
  ties.set(list);
}

// ---- services ----

/* A picture of who calls whom before its table, and of each capacity that was fitted behind. */
function chartsOf(sheet) {
  if (sheet.dataset.sheet === "dependencies") {
    const edges = report.dependencies.filter(d => d.caller && d.callee).map(d => ({from: safe(d.caller), to: safe(d.callee), calls: d.calls, failed: d.failed}));
    if (edges.length) sheet.insertBefore(el("div", {class: "scroll map", role: "region", tabindex: "0", "aria-label": "Map of services"},
      mapChart(edges, "Services, and a line from each caller to what it calls; the table holds the numbers")), sheet.querySelector(".scroll"));
  } else if (sheet.dataset.sheet === "capacity") {
    for (const c of report.capacity.filter(c => !known(c.endpoint) && c.curve?.length > 1).slice(0, 8)) {
      const u = c.usl && known(c.usl.gamma) ? c.usl : null;
      sheet.append(el("figure", {}, el("figcaption", {}, bdi([c.service, c.server].filter(Boolean).join(" ")), u ? "" : `: no law was fitted (${safe(c.usl?.reason ?? "too little was seen").replaceAll("_", " ")})`),
        capacityChart(c.curve.map(p => ({n: p.concurrency, x: p.throughput, sd: p.throughput_sd})), u, u?.knee, "Answers a second by requests under way at once")));
    }
  }
  return sheet;
}

function drawServices() {
  const list = sheetsOf(report, endpointTitle);
  $("services").hidden = !list.length;
  $("service-sheets").replaceChildren(...list.map(chartsOf));
}

// ---- the top of the page ----

function tile(name, value, note) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, note ? el("small", {}, note) : null));
}

function drawTotals() {
  const t = report.totals, sum = {lookups: 0, hits: 0, stale: 0, known: 0, server: 0};
  for (const e of report.endpoints) {
    const r = rung(e);
    if (!r) continue;
    sum.lookups += r.lookups, sum.hits += r.hits, sum.stale += r.stale_hits, sum.known += r.hits - r.unknown_hits, sum.server += r.server_seconds_saved || 0;
  }
  const errors = report.endpoints.reduce((n, e) => n + e.errors, 0);
  $("totals").replaceChildren(
    tile("Requests", count(t.exchanges), rate(perSecond(t.exchanges)) + " a second"),
    tile("Repeat an earlier GET", percent(t.repeat_ratio), `of ${count(t.eligible)} that could be cached in kind`),
    tile(`Cached for ${ttlName(ttl)}`, percent(ratio(sum.hits, sum.lookups)), `answered; ${percent(ratio(sum.stale, sum.known))} of that stale`),
    tile("Server time it saves", seconds(sum.lookups ? sum.server : null), "before judging what must stay private"),
    tile("Errors", count(errors), `${percent(ratio(errors, t.exchanges))}; ${count(t.unanswered)} unanswered`),
    tile("Endpoints", count(t.endpoints), t.services === 1 ? "of one service" : `of ${count(t.services)} services`),
    tile("Clients", count(t.clients), `${bytes(t.response_bytes)} of answers`));
}

function drawStatuses() {
  const list = Object.entries(report.totals.statuses || {}).sort((a, b) => b[1] - a[1]);
  $("statuses").replaceChildren(...list.slice(0, 14).map(([status, n]) =>
    el("span", {class: status[0] === "5" ? "bad" : status === "429" ? "warn" : null}, el("strong", {}, safe(status)), " " + count(n))));
}

// What the packets were, and what of them could not be read.
function drawWire() {
  const c = report.capture, opaque = Object.entries(c.flows_opaque || {}).filter(([, n]) => n).sort((a, b) => b[1] - a[1]);
  $("wire").textContent = c.window ? "Packets, losses and coverage are not counted by the hour." : !known(c.packets) ? "From exchange records: packets, losses and coverage are unknown." :
    `${count(c.packets)} packets, ${bytes(c.bytes)}, ${count(c.flows)} connections, ` +
    (known(c.kernel_dropped) ? `${count(c.kernel_dropped + c.interface_dropped)} packets dropped, ` : "") +
    (known(c.coverage) ? `${(c.coverage * 100).toFixed(2)} % of the bytes sent were seen` : "no TCP payload") +
    (opaque.length ? `. Not decoded: ${opaque.map(([why, n]) => `${safe(why)} ${count(n)}`).join(", ")}` : "") + ".";
  if (c.privacy === "strict" || c.privacy === "mixed")
    $("wire").textContent += ` Of ${c.privacy === "strict" ? "all" : "some"} clients the network alone is known (--privacy strict).`;
}

// The verdict of the report, and what is missing from it. First on the page, for everything below depends on it.
function drawNotices() {
  const v = report.verdict || {}, c = report.capture;
  const says = (v.says || []).map(safe);
  if (c.window)
    says.unshift(`Only ${day(c.window.from)} to ${day(c.window.to)} UTC, whole hours: advice, sharing and peaks are of the whole audit.`);
  const before = [...$("notices").children].map(p => p.textContent);
  if (says.join("\n") !== before.join("\n")) $("notices").replaceChildren(...says.map(s => el("p", {class: "notice", role: "alert"}, s)));
  $("when").textContent = known(c.started) ? `${day(c.started)} UTC, ${seconds(c.duration_s)}` : "nothing captured yet";
  $("tool").textContent = `${safe(report.tool.name)} ${safe(report.tool.version)}`;
}

function drawAdvice() {
  const list = report.recommendations || [];
  $("advice").hidden = !list.length;
  $("advice-list").replaceChildren(...list.slice(0, 12).map(r => el("li", {},
    el("p", {}, el("span", {class: "kind " + (r.kind === "fix" ? "bad" : "")}, safe(r.kind)), " ", bdi(r.target)),
    r.action ? el("p", {}, safe(r.action)) : null, r.why ? el("p", {class: "dim"}, safe(r.why)) : null)));
}

const EFFORTS = {1: "with a header", 2: "in the configuration", 4: "in the code"}, HURTS = 8;
let allHurts = false;

/* What it is about opens where it is listed. What names neither endpoint nor client is looked for by its target. */
function aboutOf(b) {
  const endpoint = b.endpoint ?? (b.client ? null : report.endpoints.find(e => endpointTitle(e) === b.target)?.id);
  const client = endpoint ? null : b.client ?? report.clients.find(c => c.client === b.target)?.client;
  if (!endpoint && !client) return bdi(b.target);
  const button = el("button", {type: "button", class: "link"}, bdi(b.target));
  button.addEventListener("click", () => endpoint ? endpoints.reveal(endpoint) : clients.reveal(client));
  return button;
}

function hurtItem(b) {
  return el("li", {}, el("p", {}, el("strong", {}, `${seconds(b.seconds_per_hour)} an hour`), `, ${safe(b.says ?? b.kind)}: `, aboutOf(b)),
    b.why ? el("p", {class: "dim"}, "Seen: " + safe(b.why)) : null, b.action ? el("p", {}, "Do: " + safe(b.action) + (EFFORTS[b.effort] ? ` (${EFFORTS[b.effort]})` : "")) : null);
}

function drawHurts() {
  const list = report.bottlenecks || [], shown = allHurts ? list : list.slice(0, HURTS), more = $("hurts-more");
  $("hurts").hidden = !list.length;
  if ($("hurts-list").contains(document.activeElement)) return; // not under somebody's fingers
  $("hurts-list").replaceChildren(...shown.map(hurtItem));
  more.hidden = list.length <= shown.length;
  more.textContent = `Show all ${count(list.length)}`;
}

async function drawRate() {
  const c = report.capture;
  if (!known(c.started) || !known(c.ended)) return;
  const wanted = Math.max(60, Math.ceil(c.duration_s / RATE_POINTS / 60) * 60);
  const series = await Promise.all(["requests", "errors"].map(m => getSeries(m, wanted)));
  const [all, bad] = series.map(s => s.points || []), step = series[0].step;
  if (!all.length) return;
  const points = all.map(([t, n], i) => {
    const seen = Math.max(10, Math.min(t + step, c.ended) - Math.max(t, c.started)); // the first and the last are cut
    return {t, all: n / seen, bad: (bad[i]?.[1] ?? 0) / seen};
  });
  const most = Math.max(...points.map(p => p.all));
  $("rate-figure").hidden = !(most > 0);
  drawn = {points, step, label: `Requests a second over time, at most ${rate(most)}`};
  $("rate-says").replaceChildren(`Requests a second by ${step === 60 ? "the minute" : step / 60 + " minutes"}, at most ${rate(most)}`,
    el("span", {class: "legend bad-box"}), "errors among them");
  fitRate();
}

// Text in a chart keeps its size: a chart is drawn as wide as its place.
function fitRate() {
  const width = $("rate").clientWidth;
  if (drawn && width) $("rate").replaceChildren(rateChart(drawn.points, drawn.step, width, drawn.label));
}

function drawTtls() {
  const all = [...new Set(report.endpoints.flatMap(e => (e.ttl || []).map(r => r.ttl_s)))].sort((a, b) => a - b);
  if (all.length && !all.includes(ttl)) ttl = all[0];
  const select = $("ttl");
  $("ttl-label").hidden = !all.length;
  if (select.options.length !== all.length) select.replaceChildren(...all.map(s => el("option", {value: s}, ttlName(s))));
  select.value = String(ttl);
}

// ---- life ----

const endpoints = new Table("endpoint", "endpoint", endpointColumns, e => e.id, endpointTitle, endpointDetail);
const clients = new Table("client", "client", clientColumns, c => c.client, clientTitle, clientDetail);
const ties = new Table("tie", "endpoint", tieColumns, e => e.id, endpointTitle, tieDetail);
ties.up = true;
endpoints.hint = () => endpoints.rows.length ? ". Hit and stale: had a cache kept every answer for " + ttlName(ttl) : "";

// Of caches alone nothing is shown that HTTP would have.
function drawKinds() {
  const alone = !report.totals.exchanges && !!(report.redis || report.memcached);
  for (const id of ["endpoints", "clients"]) $(id).closest("section").hidden = $(id).hidden = alone;
  $("totals").hidden = alone;
  const skip = document.querySelector("a.skip");
  skip.href = alone ? "#services" : "#endpoints";
  skip.textContent = alone ? "Skip to the caches" : "Skip to the endpoints";
}

function drawAll() {
  drawTtls();
  drawNotices();
  drawTotals();
  drawStatuses();
  drawWire();
  drawAdvice();
  drawHurts();
  endpoints.set(report.endpoints);
  clients.set(report.clients);
  drawTies();
  drawServices();
  drawKinds();
  for (const a of document.querySelectorAll("nav a")) a.hidden = $(a.hash.slice(1)).hidden;
  document.title = `spanwise: ${count(report.totals.exchanges)} requests`;
}

function setState(text, kind = "") {
  $("state").textContent = text;
  $("state").className = "pill " + kind;
}

let version = null, shown = null, loading = false, over = false, notBefore = 0;

async function load() {
  const began = performance.now(), wanted = version;
  loading = true;
  try {
    report = await getReport();
    shown = wanted;
    drawAll();
    await drawRate();
  } catch (e) {
    if (!report) $("when").textContent = "";
    setState(safe(e.message), "trouble");
  }
  loading = false;
  notBefore = performance.now() + Math.max(2000, 10 * (performance.now() - began)); // a large report is asked for less often
  if (over && version !== shown) setTimeout(load, 3000); // no snapshot will ask for it
}

function onSnapshot(s) {
  version = s.version;
  if (s.live) setState(`live, ${rate(s.requests_per_second)} requests a second`, "live");
  else setState(s.ended ? "ended" : "still being written");
  if (version !== shown && !loading && performance.now() > notBefore) load();
}

function follow() {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("snapshot", e => onSnapshot(JSON.parse(e.data)));
  events.addEventListener("trouble", e => setState(safe(JSON.parse(e.data)), "trouble"));
  events.addEventListener("ended", () => {
    events.close();
    over = true;
    if (version !== shown && !loading) load();
  });
  events.addEventListener("error", () => { if (events.readyState !== EventSource.OPEN) setState("not connected", "trouble"); });
}

$("hurts-more").addEventListener("click", () => {
  allHurts = true;
  drawHurts();
});
$("ttl").addEventListener("change", e => {
  ttl = Number(e.target.value);
  drawTotals();
  endpoints.draw();
});
document.addEventListener("keydown", e => {
  if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    e.preventDefault();
    endpoints.filter.focus();
  }
});
new ResizeObserver(fitRate).observe($("rate"));
if (carried) {
  $("state").hidden = true;
  load();
} else follow();
