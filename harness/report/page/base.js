// What all parts of the page share: its data, elements made of text, figures in words, and who is told of limits.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const ranked = data.pairs ? data.pairs.names : [];
const methods = new Map(data.methods.map((method) => [method.name, method]));

/** An element; children that are strings become text, whatever is in them. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A name that may be broken after an underscore, where a column is narrow. */
function breakable(name) {
  return name.split(/(?<=_)/).flatMap((part, number) => (number ? [element("wbr"), part] : [part]));
}

function options(select, names, first = null) {
  const shown = names.map((name) => element("option", { value: name }, name));
  select.replaceChildren(...(first === null ? [] : [element("option", { value: "" }, first)]), ...shown);
}

function score(value) {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value).toFixed(data.metric.digits);
  return value < 0 && Number(text) ? `−${text}` : text;
}

function signed(value) {
  return score(value).startsWith("−") ? score(value) : `+${score(value)}`;
}

/** A score, or a difference of scores, with its unit. */
function inUnit(value) {
  return data.metric.unit ? `${score(value)} ${data.metric.unit}` : score(value);
}

/** A cost in words, as in the table. */
function readable(value, unit) {
  if (value === null || value === undefined) return "–";
  const digits = (number) => {
    const decimals = number >= 100 ? 0 : number >= 10 ? 1 : 2;
    return number.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  };
  if (unit === "seconds") {
    if (value >= 3600) return `${digits(value / 3600)} h`;
    return value >= 120 ? `${digits(value / 60)} min` : `${value.toFixed(1)} s`;
  }
  const names = unit === "bytes" ? ["TB", "GB", "MB", "kB"] : ["T", "B", "M"];
  const sizes = [1e12, 1e9, 1e6, 1e3];
  for (const [number, name] of names.entries()) {
    if (value >= sizes[number]) return `${digits(value / sizes[number])} ${name}`;
  }
  return unit === "bytes" ? `${Math.round(value)} B` : Math.round(value).toLocaleString("en");
}

/** How far the first of two ranked methods is above the second; above 0 is better. */
function pair(one, other) {
  const [i, j] = [ranked.indexOf(one), ranked.indexOf(other)];
  const [high, low] = i < j ? [i, j] : [j, i];
  const number = (high * (2 * ranked.length - high - 1)) / 2 + (low - high - 1);
  const [apart, half, told, seeds] = data.pairs.values[number];
  return { apart: i < j ? apart : -apart, half, told: told === 1, seeds };
}

const whenLimited = []; // functions that are told which methods are within the limits
let within = new Set(data.methods.map((method) => method.name));

/** A colour of the page, also after its scheme has changed, and on paper. */
function colour(name) {
  return `var(--${name})`;
}

/** The function, at most once before the page is drawn again. */
function soon(work) {
  let asked = false;
  return () => {
    if (!asked) requestAnimationFrame(() => ((asked = false), work()));
    asked = true;
  };
}

const views = new Map(); // the charts by element, to free them before they are drawn again

/** Draw a Vega-Lite chart in the colours of the page. */
function draw(place, layers, height) {
  const quiet = { labelColor: colour("muted"), titleColor: colour("muted"), gridColor: colour("line"), domainColor: colour("line"), tickColor: colour("line") };
  const font = getComputedStyle(document.body).fontFamily;
  const spec = {
    width: "container", height, background: null, ...layers, autosize: { type: "fit", contains: "padding" },
    config: { font, view: { stroke: null }, axis: { ...quiet, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", domain: false, ticks: false, labelPadding: 8, titlePadding: 12, gridDash: [2, 3] }, legend: { ...quiet, orient: "bottom", title: null, labelFontSize: 12, symbolSize: 90, symbolOpacity: 1 } },
  };
  views.get(place)?.finalize();
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "svg", container: place, hover: true, logLevel: vega.Error });
  view.tooltip(tip);
  views.set(place, view);
  return view.runAsync();
}

const bubble = element("div", { class: "tip", hidden: "" });
document.body.append(bubble);

/** Show the rows of a tooltip beside the pointer. */
function tip(_, event, __, value) {
  bubble.hidden = !value;
  if (!value) return;
  const rows = Object.entries(value).map(([name, text]) => element("div", {}, element("span", {}, name), ` ${text}`));
  bubble.replaceChildren(...rows);
  const { clientX: x, clientY: y } = event.changedTouches ? event.changedTouches[0] : event;
  const room = document.documentElement.clientWidth - bubble.offsetWidth - 12;
  bubble.style.left = `${Math.max(8, Math.min(x + 14, room))}px`;
  bubble.style.top = `${y + 14}px`;
}

const opened = []; // on paper only
addEventListener("beforeprint", () => {
  opened.push(...document.querySelectorAll("details:not([open])"));
  opened.forEach((each) => (each.open = true));
});
addEventListener("afterprint", () => opened.splice(0).forEach((each) => (each.open = false)));
