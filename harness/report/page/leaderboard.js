// Tables that are sorted by a click on a column's title, and the leaderboard's filters.
function sortBy(table, column, descending) {
  const value = (row) => {
    const cell = row.cells[column];
    if (!("value" in cell.dataset)) return row.dataset.method ?? cell.textContent;
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };
  const compare = (one, other) => {
    if (one === null || other === null) return (one === null) - (other === null); // unknown values last
    const order = typeof one === "number" ? one - other : one.localeCompare(other);
    return descending ? -order : order;
  };
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [value(row), row]);
  body.append(...rows.sort(([one], [other]) => compare(one, other)).map(([, row]) => row));
  for (const [number, head] of [...table.tHead.rows[0].cells].entries()) {
    if (number === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    head.querySelector("button").addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const highFirst = head.classList.contains("high-first");
      sortBy(table, column, before ? before === "ascending" : highFirst);
    });
  }
}

function filter() {
  const text = find("find").value.trim().toLowerCase();
  const [kind, status, inside] = [find("kind").value, find("status").value, find("within").checked];
  const rows = [...find("board").tBodies[0].rows];
  for (const row of rows) {
    const { method, kind: its, status: state } = row.dataset;
    const named = method.toLowerCase().includes(text) && (!kind || its === kind) && (!status || state === status);
    row.hidden = !named || (inside && !within.has(method));
    row.classList.toggle("outside", !within.has(method));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  const outside = rows.filter((row) => !row.hidden && !within.has(row.dataset.method)).length;
  const said = [shown < rows.length ? `${shown} of ${rows.length} methods` : "", outside ? `${outside} outside your limits, in grey` : ""];
  find("count").textContent = said.filter((text) => text).join("; ");
}

for (const id of ["find", "kind", "status", "within"]) find(id).addEventListener("input", filter);
whenLimited.push(filter);
filter();
