// A report with lists that the fixture's records do not give, of the shapes that docs and CONTRACT name, and of shapes nobody knows.
const dependency = (caller, callee, calls, failed, share) => ({caller, callee, caller_tier: 0, callee_tier: 1, relayed: false, calls, caller_requests: calls, requests_with_calls: calls,
  calls_per_request: 1.5, time_share: share, own_time_share: 1 - share, covered_seconds: 12, latency_mean_s: 0.012, failed, failures_passed_on: failed, after_answer: 0,
  by_traceparent: calls, by_request_id: 0, by_time: 0, ambiguous: 0, confidence: 0.93, endpoints: []});

const server = (name, share, slow) => ({server: name, role: "server", requests: 900, share, errors: slow ? 31 : 2, unanswered: 0, error_ratio: {value: 0.01, low: 0.005, high: 0.02},
  server_time: {p50: 0.01, p95: slow ? 0.4 : 0.05, p99: 0.5, mean: slow ? 0.09 : 0.02}, keep_alive: {connections: 40, requests_per_connection: 22, used_once: 3, reopened: 2, handshake_seconds: 0.1},
  beside_peers: {requests: 900, server_s: 80, expected_s: 20, time_ratio: 4, z: 9, errors: 31, expected_errors: 2, slow, bad: slow}, first: 1794744001, last: 1794746399, left: false});

const gamma = 40, sigma = 0.04, kappa = 0.001;
const law = n => gamma * n / (1 + sigma * (n - 1) + kappa * n * (n - 1));
const load = (service, name, fits) => ({service, server: name, exchanges: 90000, tunnels: 0, concurrency_mean: 6.2, concurrency_p95: 19, concurrency_peak: 61, throughput_mean: 210,
  throughput_p95: 540, throughput_peak: 611, seconds: {with_answers: 2400, usable: 2100, few: 3, damaged: 0, failing: 0, mixed: 9},
  usl: fits ? {gamma, sigma, kappa, knee: 31, max_throughput: 402, low: 390, high: 420, windows: 2100, reason: null, knee_reason: null} :
    {gamma: null, sigma: null, kappa: null, knee: null, max_throughput: null, low: null, high: null, windows: 12, reason: "not_reached", knee_reason: "not_reached"},
  headroom: fits ? 0.31 : null, with_caching: {headroom: fits ? 0.58 : null, reason: null, load_left: 0.6}, waited_s: 4.5,
  curve: [1, 2, 4, 8, 12, 16, 24, 32, 48].map(n => ({from: n, windows: 90, concurrency: n, throughput: law(n) * (1 + 0.03 * Math.sin(n)), throughput_sd: 12, response_s: n / law(n)}))});

export function madeUp(report) {
  const e = report.endpoints[0];
  e.websocket = {opened: 12, open_s: 912.5, messages_client: 90, messages_server: 12000, bytes_client: 4100, bytes_server: 1800000, whole: true};
  const c = report.clients[0];
  c.limit = {...c.limit, needs: 25, turned_away: true};
  c.says = ["goes through ids one by one", "asks for <b>ever</b> other things"];
  return {...report,
    dependencies: [dependency("https://edge.example", "http://shop.example", 5200, 0, 0.9), dependency("https://edge.example", "http://auth.internal", 4100, 12, 0.2),
      dependency("http://shop.example", "http://stock.internal:9000", 7400, 3, 0.4), dependency("http://shop.example", "http://<img src=x onerror=alert(9)>", 30, 0, 0.01),
      dependency("http://stock.internal:9000", "http://shop.example", 2, 0, 0.01)],
    backends: [{service: "http://shop.example", peers: 2, requests: 1800, balance: "even", imbalance: 0.01, servers: [server("10.20.100.5:80", 0.52, false), server("10.20.100.6:80", 0.48, true)]}],
    capacity: [load("http://shop.example", "10.20.100.5:80", true), load("http://shop.example", "10.20.100.6:80", false), {...load("http://shop.example", "10.20.100.5:80", false), endpoint: e.id}],
    redis: [{server: "10.20.100.9:6379", commands: 9120, patterns: [{pattern: "cart:{int}", commands: 9120, hits: 8000, misses: 1120, hit_ratio: 0.877, misses_again: 40,
      ttl: {p50: 300}, age_at_hit: {p50: 61}, value_bytes: 81920, latency: {p50: 0.0002, p99: 0.0011}}]}],
    llm: [{model: "some-model", requests: 9120, cached: true, hit_ratio: 0.877, lag_s: 300, value_bytes: 81920, latency: {p50: 0.0002, p95: 0.0011}, list: [1, 2]}],
    memcached: [], surprise: [{a: 1}],
    opaque: [{client: "10.1.1.1", server: "10.2.2.2:443", server_name: "pay.example", reason: "no_keys", alpn: ["h2"], alpn_chosen: "h2", ja4: "t13d1516h2_8daaf6152771_b186095e22b6",
      version: "1.3", cipher: "TLS_AES_128_GCM_SHA256", connections: 41, bytes_client: 900000, bytes_server: 9000000, open_s: 4, hello_s: 0.012, first: 1794744001, last: 1794744999}]};
}
