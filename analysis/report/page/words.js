// words: elements, words and numbers of the page. Everything that came from traffic goes in as text, never as markup.
export const $ = id => document.getElementById(id);

export function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) if (v !== null && v !== undefined && v !== false) e.setAttribute(k, v === true ? "" : v);
  e.append(...children.filter(c => c !== null && c !== undefined));
  return e;
}

// ---- words and numbers ----

export const NONE = "–";
// Invisible characters and those that turn the line round are shown by their number.
export const safe = s => String(s ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
  c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
export const bdi = s => el("bdi", {}, safe(s));
export const known = v => v !== null && v !== undefined && !Number.isNaN(v);

export function count(v) {
  if (!known(v)) return NONE;
  if (v < 1e4) return String(v);
  const unit = v >= 1e9 ? [1e9, "G"] : v >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return (v / unit[0]).toFixed(v / unit[0] < 100 ? 1 : 0) + unit[1];
}
export function bytes(v) {
  if (!known(v)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let u = 0;
  while (v >= 999.5 && u < 5) v /= 1000, u++;
  return v.toFixed(u && v < 99.95 ? 1 : 0) + " " + units[u];
}
export function seconds(v) {
  if (!known(v)) return NONE;
  if (v < 0.0009995) return (v * 1e6).toFixed(0) + " µs";
  if (v < 0.9995) return (v * 1e3).toFixed(v < 0.09995 ? 1 : 0) + " ms";
  if (v < 119.95) return v.toFixed(1) + " s";
  if (v < 7200) return Math.floor(v / 60) + "m" + String(Math.floor(v % 60)).padStart(2, "0") + "s";
  return Math.floor(v / 3600) + "h" + String(Math.floor(v % 3600 / 60)).padStart(2, "0") + "m";
}
export const percent = v => known(v) ? (v * 100).toFixed(1) + " %" : NONE;
export const rate = v => !known(v) ? NONE : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v >= .1 || v === 0 ? v.toFixed(2) : String(+v.toPrecision(2));
export const fixed = n => v => known(v) ? v.toFixed(n).replace(/^-(?=0\.0*$)/, "") : NONE;
export const day = t => known(t) ? new Date(t * 1000).toISOString().slice(0, 19).replace("T", " ") : NONE;
export const ttlName = s => s % 86400 === 0 ? s / 86400 + " d" : s % 3600 === 0 ? s / 3600 + " h" : s % 60 === 0 ? s / 60 + " min" : s + " s";
export const ratio = (a, b) => b ? a / b : null;

// Rows from `beyond` on are longer than what was watched. left: numbers of the columns that hold words.
export function plainTable(heads, rows, chosen, beyond = -1, left = []) {
  const word = i => left.includes(i) ? "word" : null;
  return el("div", {class: "scroll", role: "region", "aria-label": heads[0], tabindex: "0"}, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((h, i) => el("th", {scope: "col", class: word(i)}, h)))),
    el("tbody", {}, ...rows.map((cells, r) => el("tr", {class: r === chosen ? "chosen" : beyond >= 0 && r >= beyond ? "dim" : null},
      ...cells.map((c, i) => el("td", {class: word(i)}, c)))))));
}
