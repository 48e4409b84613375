// sheets: lists of the report about services and what is behind them, as tables. Which columns a list has stands in one table; a list
// of another shape is shown with what its first row holds. What is not in the report is not shown.
import {NONE, bdi, bytes, count, day, el, fixed, known, percent, plainTable, rate, safe, seconds} from "/words.js";

const amount = v => !known(v) ? NONE : Number.isInteger(v) ? count(v) : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
const word = v => known(v) ? bdi(v) : NONE;
const ifAny = v => known(v) ? bdi(String(v).replaceAll("_", " ")) : "";
const yes = v => v === true ? "yes" : v === false ? "no" : NONE;
const callersOf = list => bdi((list || []).slice(0, 3).map(c => `${c.client} (${count(c.requests)})`).join(", ") + (list?.length > 3 ? ", …" : ""));
const whoOf = list => bdi((list || []).map(c => c.client).slice(0, 5).join(", ") + (list?.length > 5 ? ` and ${list.length - 5} more` : "") || "nobody");

const CACHED = [["^server", "Server", word], ["pattern", "Keys", word], ["commands", "Commands", count], ["hit_ratio", "Hits", percent], ["misses", "Misses", count],
  ["misses_again", "Again", count], ["ttl.p50", "Lifetime set", seconds], ["age_at_hit.p50", "Age at a hit", seconds], ["value_bytes", "Values", bytes],
  ["latency.p50", "p50", seconds], ["latency.p99", "p99", seconds]];
const CACHED_SAYS = "By patterns of keys, medians. Again: misses of what had been there.";

// each: the list of rows in every row of the member, whose columns may name the outer row with ^.
const SHEETS = [
  {member: "dependencies", title: "Who calls whom", says: "Joined by traceparent and X-Request-Id. Time: share of the caller's time that the calls take; passed on: requests that failed as a call of theirs did.", columns: [
    ["caller", "Caller", word], ["callee", "Called", word], ["calls", "Calls", count], ["calls_per_request", "Each request", amount],
    ["time_share", "Time", percent], ["latency_mean_s", "Mean", seconds], ["failed", "Failed", count], ["failures_passed_on", "Passed on", count],
    ["confidence", "Sure", percent]]},
  {member: "backends", each: "servers", title: "Backends", says: "How work is spread over the servers of a service, and who is slower or fails more than its peers.", columns: [
    ["^service", "Service", word], ["server", "Server", word], ["requests", "Requests", count], ["share", "Share", percent],
    ["server_time.mean", "Mean", seconds], ["server_time.p95", "p95", seconds], ["errors", "Errors", count], ["keep_alive.connections", "Connections", count],
    ["beside_peers.slow", "Slower", yes], ["beside_peers.bad", "Fails more", yes]]},
  {member: "capacity", title: "Capacity", keep: r => !known(r.endpoint), says: "Under way at once, and answered a second. Knee: beyond so many at once throughput falls. By the Universal Scalability Law: a model of what clients offered, not a measurement.", columns: [
    ["service", "Service", word], ["server", "Server", word], ["exchanges", "Requests", count], ["concurrency_mean", "Mean", amount], ["concurrency_p95", "Busy", amount],
    ["concurrency_peak", "Most", count], ["throughput_peak", "Most a second", amount], ["usl.knee", "Knee", amount], ["usl.max_throughput", "Limit a second", amount],
    ["headroom", "Free", percent], ["with_caching.headroom", "With caching", percent], ["queueing.index", "Queueing", amount], ["usl.reason", "No fit:", ifAny]]},
  {member: "demand_by_hour", title: "When it is asked for", says: "Requests a minute by hour of the day (UTC).", columns: [
    ["hour", "Hour", count], ["requests", "Requests", count], ["per_minute.p50", "A minute, median", amount], ["per_minute.p95", "p95", amount], ["per_minute.max", "Most", amount]]},
  {member: "redis", each: "patterns", title: "Redis", says: CACHED_SAYS, columns: CACHED},
  {member: "memcached", each: "patterns", title: "memcached", says: CACHED_SAYS, columns: CACHED},
  {member: "llm", title: "Language models"},
  {member: "limits", title: "How much a client may ask", says: "Limits that turn nobody away who behaves.", columns: [
    ["by", "Told apart by", word], ["clients", "Clients", count], ["kept", "Alike", count], ["rate", "A second", amount], ["burst", "At once", count],
    ["turned_away", "Turned away", whoOf],
    ["not_advised", "Not advised:", ifAny]]},
  {member: "versions", title: "Versions of APIs", says: "By their paths.", columns: [
    ["service", "Service", word], ["version", "Version", word], ["endpoints", "Endpoints", count], ["requests", "Requests", count], ["errors", "Errors", count],
    ["clients", "Clients", count], ["last", "Last seen", day], ["callers", "Most of them from", callersOf]]},
  {member: "websockets", title: "WebSockets", says: "Messages and bytes that clients sent, and servers.", columns: [
    ["endpoint", "Endpoint", word], ["opened", "Opened", count], ["open_s", "Open", seconds], ["messages_client", "From clients", count],
    ["messages_server", "From servers", count], ["bytes_client", "From clients", bytes], ["bytes_server", "From servers", bytes], ["whole", "All seen", yes]]},
  {member: "shared_addresses", title: "Addresses of several credentials", says: "Guessing: many credentials, most of them refused.", columns: [
    ["address", "Address", word], ["credentials", "Credentials", count], ["requests", "Requests", count], ["denied", "Denied", count], ["stuffing", "Guessing", yes]]},
  {member: "opaque", title: "Not decoded", says: "What is known of it all the same.", columns: [
    ["server", "Server", word], ["server_name", "Name", word], ["client", "Client", word], ["reason", "Why", ifAny], ["connections", "Connections", count],
    ["bytes_client", "From clients", bytes], ["bytes_server", "From servers", bytes], ["version", "TLS", word], ["alpn_chosen", "Speaks", word], ["hello_s", "Handshake", seconds],
    ["ja4", "JA4", word]]},
  {member: "flows_opaque", title: "Connections not decoded", columns: [["reason", "Reason", ifAny], ["count", "Connections", count]]}];

const at = (row, outer, path) => (path[0] === "^" ? path.slice(1) : path).split(".").reduce((v, name) => v?.[name], path[0] === "^" ? outer : row);
const scalar = v => v === null || ["string", "number", "boolean"].includes(typeof v);

// How a number is shown is told by its name: seconds, bytes, ratios.
function showOf(path) {
  if (/(_s|p50|p95|p99|\.max|seconds|seconds_per_hour)$/.test(path)) return seconds;
  if (/(ratio|share|coverage|confidence)$/.test(path)) return percent;
  if (/^(first|last|from|to|started|ended)$/.test(path)) return day;
  return path.includes("bytes") ? bytes : amount;
}

function columnsOf(row) {
  const paths = Object.entries(row).flatMap(([k, v]) => scalar(v) ? [k] : v && !Array.isArray(v) ? Object.keys(v).filter(n => scalar(v[n])).map(n => `${k}.${n}`) : []);
  return paths.slice(0, 12).map(path => [path, path.replace(/[._]/g, " "), v => typeof v === "number" ? showOf(path)(v) : typeof v === "boolean" ? yes(v) : word(v)]);
}

function rowsOf(sheet, list) {
  if (!Array.isArray(list)) return [];
  const kept = sheet.keep ? list.filter(sheet.keep) : list;
  return sheet.each ? kept.flatMap(outer => (outer[sheet.each] || []).map(row => [row, outer])) : kept.map(row => [row, null]);
}

// The members of the report that are sheets, and what is gathered from its other members.
function listsOf(report, nameOf) {
  return {...report,
    flows_opaque: Object.entries(report.capture.flows_opaque || {}).filter(([, n]) => n).map(([reason, n]) => ({reason, count: n})),
    websockets: report.endpoints.filter(e => e.websocket).map(e => ({...e.websocket, endpoint: nameOf(e)}))};
}

const ROWS = 200;

function sheetOf(sheet, list) {
  const rows = rowsOf(sheet, list);
  if (!rows.length) return null;
  const columns = sheet.columns || columnsOf(rows[0][0]);
  const wordy = columns.map((c, i) => [word, ifAny, yes, callersOf, whoOf].includes(c[2]) || !sheet.columns && rows.every(([row]) => typeof at(row, null, c[0]) !== "number") ? i : -1);
  const table = plainTable(columns.map(c => c[1]), rows.slice(0, ROWS).map(([row, outer]) => columns.map(c => c[2](at(row, outer, c[0])))), undefined, -1, wordy);
  table.setAttribute("aria-label", sheet.title);
  return el("div", {class: "sheet", "data-sheet": sheet.member}, el("h3", {}, sheet.title), sheet.says ? el("p", {class: "says"}, sheet.says) : null, table,
    rows.length > ROWS ? el("p", {class: "dim"}, `${count(rows.length - ROWS)} more in the JSON.`) : null);
}

export function sheetsOf(report, nameOf) {
  const lists = listsOf(report, nameOf);
  return SHEETS.map(s => sheetOf(s, lists[s.member])).filter(Boolean);
}
