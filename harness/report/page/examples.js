// The test examples: the source, the references, and every method's answer, with what differs marked.
const ALONE = "The metric is computed over all examples together. The figure of a single one is how much the whole depends on it, and may be outside of the metric's range.";
const FEW = 8; // answers that are shown at once
const { rows: examples, seeds: shownSeeds } = data.examples;
const answering = data.methods.map((method) => method.name).filter((_, number) => examples.some((row) => row.answers[number]?.some((each) => each)));
let every = false; // whether all answers are shown

const answerOf = (row, method, seed) => {
  const found = row.answers[data.methods.findIndex((each) => each.name === method)]?.[seed];
  return found ? { text: row.texts[found[0]], scored: row.scored?.[found[0]] ?? null, score: found[1] } : null;
};

/** A text as words, and whether each is in the longest common subsequence with some of the others. */
function marked(text, others) {
  const words = text.split(/(\s+)/);
  const plain = (word) => word.toLowerCase().replace(/^[^\p{L}\p{N}#]+|[^\p{L}\p{N}#]+$/gu, "") || word;
  const mine = words.filter((_, number) => number % 2 === 0).map(plain);
  const best = others.map((other) => common(mine, other.split(/\s+/).map(plain))).sort((a, b) => count(b) - count(a))[0];
  const differs = (number) => best && words[number] !== "" && !best[number / 2];
  const parts = []; // texts and whether they are marked; a space is, between two words that are
  for (const [number, word] of words.entries()) {
    const mark = number % 2 ? differs(number - 1) && differs(number + 1) : differs(number);
    if (parts.length && parts.at(-1).mark === mark) parts.at(-1).text += word;
    else parts.push({ text: word, mark });
  }
  return parts.map(({ text: part, mark }) => (mark ? element("mark", {}, part) : part));
}

const count = (flags) => flags.filter(Boolean).length;

/** For each word, whether it is in a longest common subsequence of both lists. */
function common(one, other) {
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i][j] = one[i] === other[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const flags = one.map(() => false);
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    if (one[i] === other[j]) (flags[i] = true), i++, j++;
    else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else j++;
  }
  return flags;
}

function answerRow(name, children, figure, kind = "") {
  return element("tr", { class: kind }, element("th", { scope: "row", class: "name" }, ...breakable(name)), element("td", { class: "text", dir: "auto" }, ...children), element("td", { class: "number" }, figure));
}

function drawExample() {
  const row = examples[Number(find("example").value)];
  if (!row) return find("sample").replaceChildren();
  const seed = Number(find("seed").value);
  const against = find("against").value;
  const compared = against && answerOf(row, against, seed);
  const texts = against ? [compared?.scored ?? compared?.text ?? ""] : row.references;
  const [one, other] = [find("one").value, find("other").value];
  const first = [one, other].filter((name) => name);
  const order = [...first, ...answering.filter((name) => !first.includes(name))];
  const shown = every ? order : order.slice(0, FEW);
  const answers = shown.flatMap((name) => {
    const found = answerOf(row, name, seed);
    if (!found) return [];
    const words = (text) => (text ? marked(text, texts) : [element("em", { class: "note" }, "empty")]);
    const part = found.scored === null ? words(found.text) : [found.text, element("span", { class: "scored" }, "scored: ", ...words(found.scored))];
    return [answerRow(name, part, found.score === null ? "not scored" : score(found.score), first.includes(name) ? "picked" : "")];
  });
  const references = row.references.map((text, number) => answerRow(number ? "" : "reference", [text], "", "reference"));
  const heads = ["Method", "Answer", data.metric.title].map((title, number) => element("th", { scope: "col", class: ["name", "", "number whole"][number] }, title));
  const table = element("table", { class: "answers" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...references, ...answers));
  const source = element("div", { class: "source", dir: "auto" }, row.source);
  const more = element("button", { type: "button" }, `Show all ${order.length} methods`);
  more.addEventListener("click", () => ((every = true), drawExample()));
  find("sample").replaceChildren(source, element("div", { class: "scroll" }, table), ...(data.metric.corpus ? [element("p", { class: "note" }, ALONE)] : []), ...(shown.length < order.length ? [more] : []));
}

/** Offer the examples whose texts contain what is searched, in the order that is asked for. */
function offer() {
  const byDifference = find("order").value !== "";
  const text = find("search").value.trim().toLowerCase();
  const seed = Number(find("seed").value);
  const holds = (row) => [row.id, row.source, ...row.references, ...row.texts].some((each) => each.toLowerCase().includes(text));
  let numbers = examples.map((_, number) => number).filter((number) => !text || holds(examples[number]));
  const [one, other] = [find("one").value, find("other").value];
  const apart = (number) => {
    const [a, b] = [one, other].map((name) => answerOf(examples[number], name, seed)?.score ?? null);
    return a === null || b === null ? 0 : a - b;
  };
  if (byDifference) numbers = numbers.sort((a, b) => Math.abs(apart(b)) - Math.abs(apart(a)));
  const before = find("example").value;
  find("example").replaceChildren(...numbers.map((number) => {
    const row = examples[number];
    const note = byDifference ? ` (${signed(apart(number))})` : "";
    return element("option", { value: number }, `${row.id}${note}: ${row.source.slice(0, 60).replace(/\s+/g, " ")}`);
  }));
  if (!byDifference && before && numbers.includes(Number(before))) find("example").value = before;
  const { left_out: out } = data.examples;
  const missing = out.examples ? ` ${out.examples} more are in predictions/.` : "";
  const seeds = out.seeds ? ` Answers with ${out.seeds} more seed${out.seeds > 1 ? "s" : ""} are in predictions/.` : "";
  find("found").textContent = `${numbers.length} of ${examples.length} examples${byDifference ? `, those first on which ${one} and ${other} differ most` : ""}.${missing}${seeds}`;
  drawExample();
}

if (examples.length) {
  find("fold").open = innerWidth > 600;
  find("seed").replaceChildren(...shownSeeds.map((seed, number) => element("option", { value: number }, String(seed))));
  options(find("one"), answering);
  options(find("other"), answering);
  options(find("against"), answering, "the closest reference");
  find("other").selectedIndex = Math.min(1, answering.length - 1);
  for (const id of ["example", "against"]) find(id).addEventListener("input", drawExample);
  for (const id of ["search", "seed", "one", "other", "order"]) find(id).addEventListener("input", offer);
  offer();
} else {
  find("examples").hidden = true;
}
