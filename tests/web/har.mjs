// Loads HAR documents into the network panel of Chromium's own developer tools: node har.mjs NPM-FOLDER PORT FILE… Prints TAP.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const [, , npm, port, ...files] = process.argv;
const {chromium} = createRequire(npm)("playwright-core");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--remote-allow-origins=*", `--remote-debugging-port=${port}`];
let failures = 0;

function ok(name, passed, said = "") {
  console.log(`${passed ? "ok" : "not ok"} - HAR: ${name}`);
  failures += !passed;
  if (!passed)
    console.log("# " + JSON.stringify(said).slice(0, 1000));
}

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: FLAGS});
const context = await browser.newContext({viewport: {width: 1400, height: 900}});
await (await context.newPage()).goto("about:blank");
const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
const target = targets.find(t => t.type === "page" && t.url === "about:blank");
const tools = await context.newPage();
const trouble = [];
tools.on("pageerror", e => trouble.push(e.message));
tools.on("console", m => { if (m.type() === "error" && /HAR/i.test(m.text())) trouble.push(m.text()); });
// The tools as the browser has them built in, looking at the empty page.
await tools.goto(`http://127.0.0.1:${port}/devtools/devtools_app.html?ws=127.0.0.1:${port}/devtools/page/${target.id}&panel=network`, {timeout: 60000});
await tools.getByRole("tab", {name: "Network"}).first().waitFor({timeout: 60000});
for (const file of files) {
  const text = readFileSync(file, "utf8"), entries = JSON.parse(text).log.entries;
  trouble.length = 0;
  const shown = await tools.evaluate(async text => {
    const {NetworkPanel} = await import("./panels/network/network.js");
    const view = NetworkPanel.NetworkPanel.instance().networkLogView;
    await view.onLoadFromFile(new File([text], "x.har")); // what the panel's button for a HAR file calls
    const har = await import("./models/har/har.js"), log = await import("./models/logs/logs.js");
    return {modules: Object.keys(har).length, requests: log.NetworkLog.NetworkLog.instance().requests().map(r => [r.requestMethod, r.url(), r.statusCode, r.resourceSize])};
  }, text);
  const want = entries.map(e => [e.request.method, e.request.url, e.response.status, e.response.content.size]);
  const name = file.split("/").pop();
  ok(`${name}: the panel has all ${want.length} entries, with method, address, status and size`, JSON.stringify(shown.requests) === JSON.stringify(want), [shown.requests.slice(0, 3), want.slice(0, 3)]);
  const footer = tools.getByText(new RegExp(`^${want.length}( / ${want.length})? requests$`)).first();
  ok(`${name}: and shows them`, await footer.waitFor({timeout: 20000}).then(() => true, () => false), await tools.getByText(/requests/).allInnerTexts());
  ok(`${name}: nothing went wrong in it`, !trouble.length, trouble);
}
await browser.close();
process.exit(failures ? 1 : 0);
