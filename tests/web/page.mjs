// Looks at the page: node page.mjs NPM-FOLDER PART URL SHOTS [MORE]. Prints TAP.
import {spawn} from "node:child_process";
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {madeUp} from "./lists.mjs";

const [, , npm, part, url, shots, more] = process.argv;
const require = createRequire(npm);
const {chromium} = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
let failures = 0;

function ok(name, passed, said = "") {
  console.log(`${passed ? "ok" : "not ok"} - ${part}: ${name}`);
  if (!passed) {
    failures++;
    console.log("# " + String(typeof said === "string" ? said : JSON.stringify(said)).slice(0, 1500).replace(/\n/g, "\n# "));
  }
}

// A page that keeps what went wrong in it.
async function open(browser, {width = 1280, scheme = "light", path = "", status = 200, script = true, change = null} = {}) {
  const context = await browser.newContext({viewport: {width, height: 900}, colorScheme: scheme, bypassCSP: false, javaScriptEnabled: script});
  const page = await context.newPage();
  page.trouble = [];
  page.on("console", m => { if (m.type() === "error" || m.type() === "warning") page.trouble.push(m.text()); });
  page.on("pageerror", e => page.trouble.push(e.message));
  page.on("dialog", d => { page.trouble.push("dialog " + d.message()); d.dismiss(); });
  page.on("request", r => { if (!r.url().startsWith(url)) page.trouble.push("asked " + r.url()); });
  if (change) await page.route("**/api/v1/report", async route => route.fulfill({json: change(await (await route.fetch()).json())}));
  const answer = await page.goto(url + path);
  ok(`answers ${status} to /${path.slice(0, 8)}`, answer.status() === status || path.startsWith("?") || url.startsWith("file:"), answer.status());
  return page;
}

const rows = page => page.locator("#endpoint-table tr.row");
const loaded = page => page.waitForSelector("#endpoint-table tr.row", {timeout: 15000});
const names = async page => (await page.locator("#endpoint-table td.name").allInnerTexts()).map(t => t.trim());
const quiet = page => ok("nothing went wrong in the browser", !page.trouble.length, page.trouble.join("\n"));
const cell = (page, row, column) => page.locator("#endpoint-table tr.row").nth(row).locator("td").nth(column).innerText();

async function accessible(page, what) {
  // The page's own policy lets no script in; axe comes through the debugger, as a user's tool would.
  await page.evaluate(axe + "; undefined");
  const found = await page.evaluate(() => window.axe.run(document, {resultTypes: ["violations"]}));
  ok("axe: " + what, !found.violations.length, found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html + " " + n.failureSummary).join("\n")}`).join("\n"));
}

async function tables(page) {
  ok("all endpoints are there", await rows(page).count() === 29, await rows(page).count());
  ok("all clients are there", await page.locator("#client-table tr.row").count() === 20);
  ok("most requests first", (await names(page))[0].endsWith("GET http://shop.example/api/products/{int}"), await names(page));
  const head = page.locator("#endpoint-table th");
  const errors = head.filter({hasText: "Errors"});
  await errors.locator("button").click();
  ok("sorted by errors", await errors.getAttribute("aria-sort") === "descending" && (await names(page))[0].includes("/v2/export"), await names(page));
  ok("the sorted column keeps the focus", await page.evaluate(() => document.activeElement.textContent) === "Errors");
  await page.keyboard.press("Enter");
  ok("and the other way round", await errors.getAttribute("aria-sort") === "ascending" && !(await names(page))[0].includes("/v2/export"));
  ok("one column is sorted", await page.locator("#endpoint-table th[aria-sort]").count() === 1);
  await head.first().locator("button").click();
  ok("sorted by name: from the first", await head.first().getAttribute("aria-sort") === "ascending" && (await names(page)).at(-1).includes("POST"), await names(page));
  await head.filter({hasText: "Requests"}).locator("button").click();
}

async function filters(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("USERS");
  ok("/ goes to the filter, which minds no case", await rows(page).count() === 3, await names(page));
  ok("says how many", (await page.locator("#endpoint-says").innerText()).startsWith("3 of 29 endpoints"));
  await page.fill("#endpoint-filter", "nobody asked this");
  ok("says when nothing matches", (await page.locator("#endpoint-table tbody").innerText()).includes("Nothing matches"));
  await page.fill("#endpoint-filter", "");
  await page.fill("#client-filter", "2001:db8");
  ok("clients are found by address", await page.locator("#client-table tr.row").count() === 1);
  await page.fill("#client-filter", "");
}

async function ttl(page) {
  ok("a minute at first", await page.inputValue("#ttl") === "60" && (await cell(page, 0, 4)).includes("56.6 %"), await cell(page, 0, 4));
  await page.selectOption("#ttl", "300");
  ok("five minutes", (await cell(page, 0, 4)).includes("79.8 %") && (await page.locator("#totals").innerText()).includes("5 min"), await cell(page, 0, 4));
  await page.selectOption("#ttl", "60");
}

async function details(page) {
  const first = page.locator("#endpoint-table td.name button").first();
  await first.focus();
  await page.keyboard.press("Enter");
  const detail = page.locator("#endpoint-table tr.detail");
  ok("Enter opens the details", await detail.count() === 1 && await first.getAttribute("aria-expanded") === "true");
  ok("they hold a curve and the whole ladder", await detail.locator("svg[role=img]").count() === 1 &&
    await detail.locator("table").nth(1).locator("tbody tr").count() >= 10);
  ok("the button keeps the focus", await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")) === "true");
  await accessible(page, "details open");
  await page.keyboard.press("Escape");
  ok("Escape closes them", await detail.count() === 0 && await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")) === "false");
  await page.locator("#client-table td.name button", {hasText: "address:"}).first().click();
  ok("details of a client hold its envelope", await page.locator("#client-table tr.detail svg[role=img] path.curve").count() === 1);
}

async function bottlenecks(page) {
  const items = page.locator("#hurts-list li");
  ok("the first bottlenecks: what, seen, do", await items.count() === 8 && /48\.8 s an hour, slower than its like.*Seen:.*Do:/s.test(await items.first().innerText()),
    await items.first().innerText());
  await page.locator("#hurts-more").click();
  ok("and all of them", await items.count() === 9 && await page.locator("#hurts-more").isHidden(), await items.count());
  await items.first().locator("button").click();
  const detail = page.locator("#endpoint-table tr.detail");
  ok("one opens the endpoint that it is about", await detail.count() === 1 && /POST.*checkout.*slower than its like/s.test(await detail.innerText()) &&
    (await page.evaluate(() => document.activeElement.closest("table").id)) === "endpoint-table", await detail.innerText());
  await page.keyboard.press("Escape");
  await items.filter({hasText: "jwt:"}).first().locator("button").click();
  const client = page.locator("#client-table tr.detail[data-key^=\"jwt:\"]");
  ok("or the client, with its requests over time", await client.count() === 1 && await client.locator("svg .area-all").count() > 20, await client.innerText());
  ok("the advised limit is drawn into its envelope, and what it means is said", await client.locator("svg circle.limit").count() === 1 &&
    /would not be turned away/.test(await client.innerText()), await client.innerText());
  await page.keyboard.press("Escape");
}

async function statelessness(page) {
  const rows = page.locator("#tie-table tr.row"), text = await rows.first().innerText();
  ok("grades of endpoints, the worst first", await rows.count() === 29 && /90\s+A\s+905\s+S5\s+S3 S4 S6 S8/.test(text), text);
  await rows.first().locator("button").click();
  const detail = await page.locator("#tie-table tr.detail").innerText();
  ok("all ten signals, and what was wanting for those not told", /S1\b.*S10\b/s.test(detail) && /not told/.test(detail) && detail.includes("one backend was seen"), detail);
  await accessible(page, "signals open");
  await page.keyboard.press("Escape");
}

async function hostile(page) {
  const text = await page.locator("#endpoint-table").innerText();
  for (const name of ["/<script>alert(1)</script>", '/"><img src=x onerror=alert(2)>', "/\\u001b[31mred", "/\\u202eexe.txt", "/{{7*7}}${7*7}", "/商品/一覧"])
    ok("shows as text: " + name, text.includes(name));
  ok("none of it became markup", await page.locator("main img, main script, main iframe, main b, body script").count() === 0);
  ok("no control characters in the page", !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e]/.test(await page.locator("body").innerText()));
}

async function narrow(browser, scheme) {
  const page = await open(browser, {width: 400, scheme});
  await loaded(page);
  await page.waitForSelector("#rate svg");
  await page.locator("#endpoint-table td.name button").first().click();
  ok(`400 columns ${scheme}: nothing sticks out`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    await page.evaluate(() => document.documentElement.scrollWidth));
  await accessible(page, "400 columns, " + scheme);
  await page.screenshot({path: `${shots}/web-400-${scheme}.png`});
  quiet(page);
}

const parts = {
  async page(browser) {
    const page = await open(browser);
    await loaded(page);
    await page.waitForSelector("#rate svg");
    await page.screenshot({path: shots + "/web-1280-light.png"});
    ok("title", (await page.title()) === "spanwise: 3528 requests", await page.title());
    ok("state", await page.locator("#state").innerText() === "ended");
    await accessible(page, "light");
    await tables(page);
    await filters(page);
    await ttl(page);
    await hostile(page);
    await details(page);
    await bottlenecks(page);
    await statelessness(page);
    quiet(page);
    const dark = await open(browser, {scheme: "dark"});
    await loaded(dark);
    ok("dark when that is preferred", await dark.evaluate(() => getComputedStyle(document.body).backgroundColor) !==
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await accessible(dark, "dark");
    await dark.screenshot({path: shots + "/web-1280-dark.png"});
    await narrow(browser, "light");
    await narrow(browser, "dark");
  },
  async lists(browser) {
    const page = await open(browser, {change: madeUp});
    await loaded(page);
    const sheet = name => page.locator(`[data-sheet=${name}]`), text = async name => (await sheet(name).innerText()).replace(/\s+/g, " ");
    ok("who calls whom is drawn, callers left of the called", await sheet("dependencies").locator("svg path.edge").count() === 5 &&
      await sheet("dependencies").locator("svg rect").evaluateAll(r => new Set(r.map(e => e.getAttribute("x"))).size) === 3, await text("dependencies"));
    ok("and listed", (await text("dependencies")).includes("https://edge.example http://shop.example 5200 1.50 90.0 % 12.0 ms"), await text("dependencies"));
    ok("the servers of a service side by side", /10\.20\.100\.6:80 900 48\.0 % 90\.0 ms 400 ms 31 40 yes yes/.test(await text("backends")), await text("backends"));
    ok("capacity with its knee, endpoints left out", await sheet("capacity").locator("tbody tr").count() === 2 && await sheet("capacity").locator("svg").count() === 2 &&
      (await text("capacity")).includes("knee 31") && (await text("capacity")).includes("no law was fitted (not reached)"), await text("capacity"));
    ok("a cache behind, by patterns of its keys", /10\.20\.100\.9:6379 cart:\{int\} 9120 87\.7 % 1120 40 5m00s 61\.0 s 81\.9 kB 200 µs 1\.1 ms/.test(await text("redis")), await text("redis"));
    ok("what is not decoded, and why", /10\.2\.2\.2:443 pay\.example 10\.1\.1\.1 no keys 41 900 kB 9\.0 MB 1\.3 h2 12\.0 ms/.test(await text("opaque")), await text("opaque"));
    ok("a list of a shape that is not known is shown as it is", /model requests cached hit ratio lag s value bytes latency p50 latency p95 some-model 9120 yes 87\.7 % 5m00s 81\.9 kB 200 µs 1\.1 ms/.test(await text("llm")), await text("llm"));
    ok("WebSockets", /12 15m12s 90 12\.0k 4\.1 kB 1\.8 MB yes/.test(await text("websockets")), await text("websockets"));
    ok("what is not there is not shown", await sheet("memcached").count() === 0 && await page.locator("[data-sheet=surprise]").count() === 0);
    await page.locator("#client-table td.name button").first().click();
    ok("who would be turned away is told so", (await page.locator("#client-table tr.detail").innerText()).includes("needs 25: it would be turned away"));
    ok("none of it became markup", await page.locator("main img, main script, main iframe, main b").count() === 0);
    await accessible(page, "all lists");
    quiet(page);
    const small = await open(browser, {width: 390, scheme: "dark", change: madeUp});
    await loaded(small);
    await small.locator("#tie-table td.name button").first().click();
    ok("all lists, 390 columns: nothing sticks out", await small.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await accessible(small, "all lists, 390 columns, dark");
    await small.locator("#services").screenshot({path: shots + "/web-lists-390.png"});
    quiet(small);
  },
  async verdict(browser) {
    const page = await open(browser);
    await page.waitForSelector("#notices p");
    const notice = page.locator("#notices p").first();
    ok("says first what could not be decoded", (await notice.innerText()).includes("TLS") &&
      (await notice.boundingBox()).y < (await page.locator("#seen").boundingBox()).y, await notice.innerText());
    ok("says what the wire held", /packets.*connections.*Not decoded: tls/.test(await page.locator("#wire").innerText()), await page.locator("#wire").innerText());
    ok("draws no empty chart", await page.locator("#rate-figure").isHidden());
    await accessible(page, "verdict");
    await page.screenshot({path: shots + "/web-verdict.png"});
    quiet(page);
  },
  async caches(browser) {
    const page = await open(browser);
    await page.waitForSelector("#service-sheets table");
    const notice = await page.locator("#notices p").first().innerText();
    ok("caches alone: says what there is", notice.includes("222 commands to Redis") && await page.locator("#notices p").count() === 1, notice);
    ok("caches alone: shows no list that HTTP would have", await page.locator("#endpoint-table").isHidden() && await page.locator("#client-table").isHidden() &&
      await page.locator("#totals").isHidden() && await page.locator('nav a[href="#endpoints"]').isHidden() && await page.locator("#services").isVisible());
    await accessible(page, "caches alone");
    await page.screenshot({path: shots + "/web-caches.png"});
    quiet(page);
  },
  async empty(browser) {
    const page = await open(browser);
    await page.waitForSelector("#notices p");
    ok("says that there is nothing", (await page.locator("#endpoint-table tbody").innerText()).includes("None."));
    await accessible(page, "nothing captured");
    quiet(page);
  },
  async token(browser) {
    await open(browser, {status: 401});
    const page = await open(browser, {path: "?token=" + more});
    await loaded(page);
    ok("the token is out of the address", page.url() === url, page.url());
    ok("scripts cannot read the cookie", await page.evaluate(() => document.cookie) === "");
    quiet(page);
  },
  async file(browser) {
    const page = await open(browser);
    await loaded(page);
    await page.waitForSelector("#rate svg");
    await tables(page);
    await hostile(page);
    quiet(page);
    ok("a file leads nowhere", await page.locator("a:not([href^='#'])").count() === 0);
    await page.evaluate(() => { const i = document.createElement("img"); i.src = "http://127.0.0.1:9/x"; document.body.append(i); });
    await page.waitForTimeout(200);
    ok("it may load nothing", page.trouble.some(t => t.includes("Content Security Policy")), page.trouble.join("\n"));
    const plain = await open(browser, {script: false});
    ok("without JavaScript it is the text", (await plain.locator("noscript").innerText()).includes("WHAT COULD BE CACHED"));
    quiet(plain);
  },
  async names(browser) {
    const name = "alice <img src=x> \u202e@example.org";
    const page = await open(browser, {change: report => { report.clients[2].name = name; return report; }});
    await loaded(page);
    await page.fill("#client-filter", "ALICE");
    const found = page.locator("#client-table tr.row");
    ok("a client is found by its name", await found.count() === 1);
    ok("which stands beside it, as text", (await found.innerText()).includes("alice <img src=x> \\u202e@example.org"), await found.innerText());
    await found.locator("button, td").first().click();
    ok("and where it is opened", (await page.locator("#client-table").innerText()).includes(", called alice <img"), await page.locator("#client-table").innerText());
    await page.fill("#client-filter", "");
    ok("others have none", (await page.locator("#client-table").innerText()).split("alice").length <= 3);
    await accessible(page, "names");
    quiet(page);
  },
  async growing(browser) {
    const page = await open(browser);
    await page.waitForSelector("#state.trouble");
    ok("says that the DB is not there", (await page.locator("#state").innerText()).includes("later.db"));
    const writer = spawn(more, {stdio: "ignore"});
    await loaded(page);
    await page.waitForFunction(() => document.getElementById("state").textContent === "ended", null, {timeout: 20000});
    await page.waitForFunction(() => document.title === "spanwise: 3528 requests", null, {timeout: 20000});
    ok("follows it to the end without a reload", await rows(page).count() === 29);
    ok("nothing but the missing DB went wrong", page.trouble.every(t => t.includes("503")), page.trouble.join("\n"));
    writer.kill();
  }
};

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: FLAGS});
try {
  await parts[part](browser);
} catch (e) {
  ok("to the end", false, e.stack);
}
await browser.close();
process.exit(failures ? 1 : 0);
