// The validation scores of each learning rate that was tried.
const rate = (value) => (value === null ? "no rate" : String(Number(value.toPrecision(3))));

/** Which rate a method used, and whether it is its own. */
function used(method) {
  const { chosen, own } = data.searches[method];
  if (own === null || chosen === null) return `${method} used ${rate(chosen)}.`;
  return chosen === own ? `${method} used its own rate, ${rate(own)}.` : `${method} used ${rate(chosen)} in place of its own ${rate(own)}.`;
}

function drawSearches() {
  const place = find("search-chart");
  if (!place || !place.clientWidth) return;
  const asked = find("searched").value;
  const values = Object.entries(data.searches).flatMap(([method, search]) =>
    search.trials.filter((trial) => trial.rate !== null && trial.score !== null).map((trial) => ({ method, ...trial, used: trial.rate === search.chosen, edge: search.edge && trial.rate === search.chosen, picked: !asked || method === asked, chance: trial.p === null ? "–" : String(Number(trial.p.toPrecision(2))) })));
  const missing = Object.values(data.searches).flatMap((search) => search.trials).filter((trial) => trial.score === null).length;
  const lost = missing ? `${missing} trial${missing === 1 ? " has no score and is" : "s have no score and are"} not drawn.` : "";
  const edges = Object.keys(data.searches).filter((method) => data.searches[method].edge && (!asked || method === asked));
  const edge = edges.length ? ["Best at the edge of the rates that were tried (triangles), so that a better one may lie beyond: ", ...listed(edges), ". "] : [];
  find("trials").replaceChildren(...(asked ? [used(asked), " "] : []), ...edge, lost);
  const title = Object.values(data.searches)[0].metric;
  const x = { field: "rate", type: "quantitative", scale: { type: "log", padding: 16, nice: false }, axis: { title: "Learning rate", format: "~g", grid: false, tickCount: 6 } };
  const y = { field: "score", type: "quantitative", scale: { zero: false, padding: 10 }, axis: { title: `${title} on validation rows`, tickCount: 5 } };
  const opacity = { condition: { test: "datum.picked", value: asked || values.length < 60 ? 1 : 0.3 }, value: 0.12 };
  const shape = { condition: { test: "datum.edge", value: "triangle-up" }, value: "circle" };
  const tooltip = [["method", "Method"], ["rate", "Learning rate"], ["score", title], ["chance", "p, against its own rate"]].map(([field, label]) => ({ field, type: "nominal", title: label }));
  const layer = [
    { mark: { type: "line", strokeWidth: 1.5, color: colour("accent") }, encoding: { x, y, detail: { field: "method" }, opacity } },
    { mark: { type: "point", filled: true, color: colour("accent") }, encoding: { x, y, tooltip, opacity, shape, size: { condition: { test: "datum.used", value: 110 }, value: 26 } } },
  ];
  if (asked || Object.keys(data.searches).length <= 6) {
    layer.push({ transform: [{ filter: "datum.used && datum.picked" }], mark: { type: "text", align: "left", dx: 10, dy: -8, fontSize: 12, color: colour("ink") }, encoding: { x, y, text: { field: "method" }, opacity } });
  }
  draw(place, { data: { values }, layer }, place.clientWidth < 600 ? 240 : 280);
}

if (find("searched")) {
  find("search-chart").after(element("p", { class: "note", id: "trials" }));
  find("searched").value = ranked.find((name) => name in data.searches) ?? "";
  find("searched").addEventListener("input", drawSearches);
  drawSearches();
}
