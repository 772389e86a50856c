// The limits that the reader sets, and the best method within them.
const MOST_NAMED = 3; // methods in one sentence
const MOST_SEEDS = 1000; // a larger number is not worth saying
const MOST_COUNTED = 100; // seeds; a larger number is too rough to be said
const grids = new Map(); // by limit, the values at which the answer may change

function limitsSet() {
  const set = new Map();
  for (const [name, { slider, values }] of grids) {
    if (Number(slider.value) < values.length) set.set(name, values[Number(slider.value)]);
  }
  return set;
}

function keeps(name, limits) {
  const needs = methods.get(name).needs;
  return [...limits].every(([limit, most]) => needs[limit] !== null && needs[limit] <= most);
}

/** The best ranked method within the limits, and what is known about it; null if there is none. */
function choose(limits) {
  const inside = ranked.filter((name) => keeps(name, limits));
  if (!inside.length) return null;
  const [method, ...others] = inside;
  const alike = others.filter((name) => !pair(method, name).told);
  const price = method === ranked[0] ? null : pair(ranked[0], method);
  return { method, inside, alike, price, seeds: alike.length ? pair(method, alike[0]).seeds : null };
}

function listed(names) {
  const code = (name) => element("b", {}, name);
  const few = names.length > MOST_NAMED + 1 ? names.slice(0, MOST_NAMED) : names; // never all but one
  const shown = few.flatMap((name, number) => [number ? ", " : "", code(name)]);
  return names.length > few.length ? [...shown, ` and ${names.length - few.length} others`] : shown;
}

/** How many seeds of both would tell two methods apart; rough, as the estimate is. */
function needed(seeds) {
  if (seeds === null) return "more test examples";
  if (seeds > MOST_SEEDS) return `more than ${MOST_SEEDS.toLocaleString("en")}`;
  return seeds > MOST_COUNTED ? "hundreds" : `about ${seeds}`;
}

/** What would decide between the best method and the nearest one that it is not told from. */
function decides(seeds, other) {
  if (seeds === null) return `More seeds would not tell it from ${other}, but more test examples might.`;
  return `If it differs from ${other} as it seems to, ${needed(seeds).replace("hundreds", "hundreds of")} seeds would show it in four of five cases.`;
}

function answered(choice, limits) {
  if (!choice) return [element("p", { class: "best" }, "No method is within these limits.")];
  const found = methods.get(choice.method);
  const lines = [];
  if (!limits.size) {
    lines.push(["Move a limit to see the best method within it, and what it costs."]);
  } else if (choice.price) {
    const { apart, half, told } = choice.price;
    const many = half < Math.abs(apart) ? ` where ${ranked.length} methods are compared` : "";
    const certain = told ? "" : `, which may be chance${many}`;
    lines.push(["The limits cost ", element("b", {}, inUnit(apart)), ` (${score(apart - half)} to ${score(apart + half)}) against ${ranked[0]}${certain}.`]);
  } else {
    lines.push(["It has the best score of all methods, so the limits cost nothing."]);
  }
  if (choice.alike.length) {
    if (limits.size) lines.push(["It cannot be told apart from ", ...listed(choice.alike), "."]);
    lines.push([decides(choice.seeds, choice.alike[0])]);
  } else if (limits.size && choice.inside.length > 1) {
    lines.push([`It is shown to be better than ${choice.inside.length > 2 ? `the ${choice.inside.length - 1} others` : choice.inside[1]} within the limits.`]);
  }
  const best = element("p", { class: "best" }, element("b", { id: "best" }, choice.method), ` ${inUnit(found.score[0])}`);
  const count = element("span", { class: "note" }, ` ${choice.inside.length} of ${ranked.length} methods are within the limits`);
  best.append(count);
  return [best, ...lines.map((line) => element("p", {}, ...line))];
}

function limited() {
  const limits = limitsSet();
  for (const [name, { slider, unit }] of grids) {
    const text = limits.has(name) ? `at most ${readable(limits.get(name), unit)}` : "any";
    find(`${name}-shown`).textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }
  find("limits").classList.toggle("untouched", !limits.size);
  within = new Set(data.methods.map((method) => method.name).filter((name) => keeps(name, limits)));
  find("choice").replaceChildren(...answered(choose(limits), limits));
  whenLimited.forEach((told) => told());
}

if (data.pairs) {
  for (const slider of document.querySelectorAll("[data-limit]")) {
    const name = slider.dataset.limit;
    const known = ranked.map((method) => methods.get(method).needs[name]).filter((need) => need !== null);
    const values = [...new Set(known)].sort((one, other) => one - other);
    slider.closest("label").hidden = values.length < 2;
    slider.max = values.length; // before the value, which it limits
    slider.value = values.length;
    grids.set(name, { slider, values, unit: slider.dataset.unit });
    slider.addEventListener("input", limited);
  }
  limited();
  find("limits").hidden = [...grids.values()].every(({ values }) => values.length < 2);
}
