// The validation scores of each learning rate that was tried.
function drawSearches() {
  const place = find("search-chart");
  if (!place || !place.clientWidth) return;
  const asked = find("searched").value;
  const values = Object.entries(data.searches).flatMap(([method, search]) =>
    search.trials.filter((trial) => trial.rate !== null && trial.score !== null).map((trial) => ({ method, ...trial, used: trial.rate === search.chosen, picked: !asked || method === asked, chance: trial.p === null ? "–" : String(Number(trial.p.toPrecision(2))) })));
  const missing = Object.values(data.searches).flatMap((search) => search.trials).filter((trial) => trial.score === null).length;
  find("trials").textContent = missing ? `${missing} trial${missing === 1 ? " has no score and is" : "s have no score and are"} not drawn.` : "";
  const title = Object.values(data.searches)[0].metric;
  const x = { field: "rate", type: "quantitative", scale: { type: "log", padding: 16, nice: false }, axis: { title: "Learning rate", format: "~g", grid: false, tickCount: 6 } };
  const y = { field: "score", type: "quantitative", scale: { zero: false, padding: 10 }, axis: { title: `${title} on validation rows`, tickCount: 5 } };
  const opacity = { condition: { test: "datum.picked", value: asked || values.length < 60 ? 1 : 0.45 }, value: 0.08 };
  const tooltip = [["method", "Method"], ["rate", "Learning rate"], ["score", title], ["chance", "p, against its own rate"]].map(([field, label]) => ({ field, type: "nominal", title: label }));
  const layer = [
    { mark: { type: "line", strokeWidth: 1.5, color: colour("accent") }, encoding: { x, y, detail: { field: "method" }, opacity } },
    { mark: { type: "point", filled: true, color: colour("accent") }, encoding: { x, y, tooltip, opacity, size: { condition: { test: "datum.used", value: 110 }, value: 26 } } },
  ];
  if (Object.keys(data.searches).length <= 6) {
    layer.push({ transform: [{ filter: "datum.used" }], mark: { type: "text", align: "left", dx: 10, dy: -8, fontSize: 12, color: colour("ink") }, encoding: { x, y, text: { field: "method" }, opacity } });
  }
  draw(place, { data: { values }, layer }, place.clientWidth < 600 ? 240 : 280);
}

if (find("searched")) {
  find("search-chart").after(element("p", { class: "note", id: "trials" }));
  find("searched").addEventListener("input", drawSearches);
  drawSearches();
}
