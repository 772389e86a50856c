// The scores of all methods against a cost.
const MOST_NAMES = 14; // in the chart; the others name themselves when they are pointed at

function points(axis, log) {
  const known = data.methods.filter((method) => method.score.length && method.costs[axis.name] !== null);
  const least = Math.min(...known.map((method) => method.costs[axis.name]).filter((cost) => cost > 0));
  const floor = least / 3; // where what costs nothing is drawn on a logarithmic axis
  const front = new Set(data.fronts[axis.name]);
  return known.map((method) => {
    const cost = method.costs[axis.name];
    const [mean, low, high] = method.score;
    const bounds = low === null ? {} : { low, high };
    const label = method.kind === "bound" ? `${method.name} (bound)` : method.name;
    return { method: method.name, label, kind: method.kind, cost: log ? Math.max(cost, floor) : cost, nothing: cost === 0, mean, ...bounds, front: front.has(method.name), real: readable(cost, axis.unit), shown: score(mean), range: low === null ? "–" : `${score(low)} to ${score(high)}`, within: within.has(method.name), named: false, below: false };
  });
}

/** Name the points on the front and bounds, then others, as long as no name would cover another one. */
function name(values, log, width, height) {
  const scale = (field, size) => {
    const numbers = values.flatMap((value) => (field === "cost" ? [log ? Math.log(value.cost) : value.cost] : [value.low ?? value.mean, value.high ?? value.mean]));
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    return (value) => (((field === "cost" && log ? Math.log(value.cost) : value[field]) - low) / (high - low || 1)) * size;
  };
  const [x, y] = [scale("cost", width), scale("mean", height)];
  const taken = [];
  const order = [...values].sort((one, other) => other.front - one.front || data.metric.sign * (other.mean - one.mean));
  const places = [[true, false], [false, false], [true, true], [false, true]]; // right of the point, and below it
  for (const value of order.filter((each) => values.length <= MOST_NAMES || each.front || each.kind === "bound")) {
    const length = value.label.length * 7 + 12;
    const down = data.metric.sign > 0 ? height - y(value) : y(value);
    for (const [right, below] of places) {
      const [left, top] = [right ? x(value) : x(value) - length, down + (below ? 14 : -9)];
      const free = taken.every(([l, t, w]) => left + length < l || l + w < left || Math.abs(top - t) > 15);
      if (!free || left < 0 || left + length > width) continue;
      Object.assign(value, { named: true, right, below });
      taken.push([left, top, length]);
      break;
    }
  }
}

/** The powers of ten between two costs, with what is between them if they are few; else the two costs. */
function ticks(least, most) {
  const steps = most / least > 100 ? [1] : [1, 2, 5];
  const all = Array.from({ length: 31 }, (_, number) => steps.map((step) => step * 10 ** (number - 12))).flat();
  const found = all.filter((tick) => tick >= 0.9 * least && tick <= most);
  return found.length ? found : [least, most];
}

function drawCosts() {
  const place = find("chart");
  const axis = data.axes.find((each) => each.name === find("axis").value);
  if (!axis || !data.metric || !place.clientWidth) return;
  const [log, intervals] = [find("log").checked, find("intervals").checked];
  const [height, below] = place.clientWidth < 600 ? [320, 150] : [420, 110]; // below: the axis and the legend
  const values = points(axis, log);
  name(values, log, place.clientWidth - 80, height - below);
  const { title, unit, sign } = data.metric;
  const format = axis.unit === "count" ? "~s" : axis.unit === "bytes" ? "~s" : "~g";
  const units = { seconds: ", in seconds", bytes: ", in bytes", count: "" };
  const x = { field: "cost", type: "quantitative", scale: log ? { type: "log", nice: false, padding: 16 } : { nice: true, padding: 16 }, axis: { title: `${axis.title}${units[axis.unit]}`, format, grid: false, tickCount: 6 } };
  const least = Math.min(...values.filter((value) => !value.nothing).map((value) => value.cost));
  const floor = log && values.some((value) => value.nothing) ? least / 3 : null;
  if (floor !== null) {
    Object.assign(x.axis, { values: [floor, ...ticks(least, Math.max(...values.map((value) => value.cost)))], labelExpr: `datum.value < ${least / 2} ? "0" : format(datum.value, "${format}")` });
  }
  const y = { field: "mean", type: "quantitative", scale: { zero: false, reverse: sign < 0, padding: 12 }, axis: { title: unit ? `${title}, ${unit}` : title, tickCount: 6 } };
  const drawn = data.kinds.filter((kind) => values.some((value) => value.kind === kind));
  const hue = { field: "kind", type: "nominal", scale: { domain: drawn, range: drawn.map((kind) => colour(`kind-${data.kinds.indexOf(kind)}`)) }, legend: { columns: place.clientWidth < 600 ? 2 : 0 } };
  const quiet = { condition: { test: "datum.within", ...hue }, value: colour("muted") }; // grey outside the limits
  const tooltip = [["method", "Method"], ["shown", title], ["range", "95% interval"], ["real", axis.title], ["kind", "Kind"]].map(([field, label]) => ({ field, type: "nominal", title: label }));
  const layer = [
    ...(floor !== null ? [{ data: { values: [{ cost: floor * Math.sqrt(3) }] }, mark: { type: "rule", color: colour("line"), strokeWidth: 5 }, encoding: { x } }] : []),
    { transform: [{ filter: "datum.front" }], mark: { type: "line", interpolate: "step-after", color: colour("muted"), strokeDash: [3, 3], strokeWidth: 1 }, encoding: { x, y, order: { field: "cost", type: "quantitative" } } },
    ...(intervals ? [{ transform: [{ filter: "isValid(datum.low)" }], mark: { type: "rule", strokeWidth: 2, opacity: 0.4 }, encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: quiet } }] : []),
    ...[false, true].map((filled) => ({ transform: [{ filter: `datum.front == ${filled}` }], mark: { type: "point", opacity: 1, strokeWidth: 2, filled, cursor: "pointer", ...(filled ? {} : { fill: colour("paper") }) }, encoding: { x, y, color: quiet, tooltip, size: { condition: { test: "datum.within", value: 90 }, value: 30 } } })),
    ...[0, 1, 2, 3].map((place) => [place < 2, place % 2 === 1]).map(([right, below]) => ({ transform: [{ filter: `datum.named && datum.right == ${right} && datum.below == ${below}` }], mark: { type: "text", align: right ? "left" : "right", dx: right ? 6 : -6, dy: below ? 14 : -9, fontSize: 12 }, encoding: { x, y, text: { field: "label" }, color: { condition: { test: "datum.within", value: colour("ink") }, value: colour("muted") } } })),
  ];
  const free = values.filter((value) => methods.get(value.method).costs[axis.name] === 0).map((value) => value.method);
  const edge = log && free.length ? `Costs nothing, and is drawn at 0, left of the break in the axis: ${free.join(", ")}.` : "";
  const unknown = data.methods.filter((method) => method.score.length && method.costs[axis.name] === null).length;
  const rest = unknown ? `${unknown} method${unknown === 1 ? " is not drawn: its" : "s are not drawn: their"} cost is unknown.` : "";
  const grey = values.some((value) => !value.within) ? "Small grey points are outside your limits." : "";
  find("free").textContent = [edge, rest, grey].filter((text) => text).join(" ");
  draw(place, { data: { values }, layer }, height);
}

find("chart").after(element("p", { class: "note", id: "free" }));
for (const id of ["axis", "log", "intervals"]) find(id).addEventListener("input", drawCosts);
whenLimited.push(soon(drawCosts));
drawCosts();
