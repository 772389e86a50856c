// One method against every other one.
function drawPairs() {
  const reference = find("reference").value;
  const others = ranked.filter((name) => name !== reference);
  const found = others.map((name) => [name, pair(name, reference)]);
  const reach = Math.max(...found.map(([, { apart, half }]) => Math.abs(apart) + half), 1e-9);
  const place = (value) => `${(50 + (value / reach) * 49).toFixed(2)}%`;
  const rest = (value) => `${(50 - (value / reach) * 49).toFixed(2)}%`;
  const open = found.some(([, { told }]) => !told);
  const rows = found.map(([name, { apart, half, told, seeds }]) => {
    const verdict = told ? (apart > 0 ? "better" : "worse") : "not told apart";
    const drawn = element("span", { class: "whisker wide", "aria-hidden": "true" }, element("u"), element("i", { style: `left:${place(apart - half)};right:${rest(apart + half)}` }), element("b", { style: `left:${place(apart)}` }));
    const row = element("tr", { class: told ? (apart > 0 ? "better" : "worse") : "unknown" },
      element("th", { scope: "row", class: "name" }, ...breakable(name)),
      element("td", { class: "number" }, signed(apart)),
      element("td", {}, drawn),
      element("td", { class: "number" }, `${signed(apart - half)} to ${signed(apart + half)}`),
      element("td", {}, verdict));
    if (open) row.append(element("td", { class: "number" }, told ? "" : needed(seeds)));
    return row;
  });
  const titles = ["Method", "Better by", "Drawn", "95%", "Verdict", ...(open ? ["Seeds that would show it"] : [])];
  const kinds = ["name", "number", "", "number", "", "number"];
  const heads = titles.map((title, number) => element("th", { class: kinds[number], scope: "col" }, title === "Drawn" ? element("span", { class: "unseen" }, title) : title));
  find("pair-table").replaceChildren(element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
}

if (ranked.length > 1) {
  options(find("reference"), ranked);
  find("reference").addEventListener("input", drawPairs);
  drawPairs();
} else {
  find("pairs").hidden = true;
}
