// One method against every other one.
function drawPairs() {
  const reference = find("reference").value;
  const others = ranked.filter((name) => name !== reference);
  const found = others.map((name) => [name, pair(name, reference)]);
  const reaches = found.map(([, { apart, half }]) => Math.abs(apart) + half).sort((a, b) => a - b);
  const reach = Math.min(reaches.at(-1), 2 * reaches[Math.floor((reaches.length - 1) / 2)]) || 1e-9; // differences beyond it are arrows
  const share = (value) => Math.max(-1, Math.min(1, value / reach)) * 49;
  const place = (value) => `${(50 + share(value)).toFixed(2)}%`;
  const rest = (value) => `${(50 - share(value)).toFixed(2)}%`;
  const arrow = (value) => (Math.abs(value) <= reach ? "" : value < 0 ? "‹" : "›");
  const open = found.some(([, { told }]) => !told);
  const rows = found.map(([name, { apart, half, told, seeds }]) => {
    const verdict = told ? (apart > 0 ? "better" : "worse") : "not told apart";
    const drawn = element("span", { class: "whisker wide", "aria-hidden": "true" }, element("u"), element("i", { style: `left:${place(apart - half)};right:${rest(apart + half)}` }), element("b", { class: arrow(apart) && "beyond", style: `left:${place(apart)}` }, arrow(apart)));
    const row = element("tr", { class: told ? (apart > 0 ? "better" : "worse") : "unknown" },
      element("th", { scope: "row", class: "name" }, ...breakable(name)),
      element("td", { class: "number" }, signed(apart)),
      element("td", { class: "verdict" }, verdict),
      element("td", { class: "number" }, `${signed(apart - half)} to ${signed(apart + half)}`),
      element("td", {}, drawn));
    if (open) row.append(element("td", { class: "number" }, told ? "" : needed(seeds)));
    return row;
  });
  const ends = element("span", { class: "ends" }, ...[-reach, 0, reach].map((value) => element("i", {}, value ? signed(value) : "0")));
  const titles = ["Method", `Difference from ${reference}`, "Verdict", "95% interval", ends, ...(open ? ["Seeds needed"] : [])];
  const kinds = ["name", "number", "", "number", "", "number"];
  const heads = titles.map((title, number) => element("th", { class: kinds[number], scope: "col" }, title));
  find("pair-table").replaceChildren(element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
}

if (ranked.length > 1) {
  options(find("reference"), ranked);
  find("reference").addEventListener("input", drawPairs);
  drawPairs();
} else {
  find("pairs").hidden = true;
}
