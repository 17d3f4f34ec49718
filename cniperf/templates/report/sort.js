// Sort a table by a click on a column's head. Without scripts tables stay in their own order.
"use strict";
(() => {
  function figure(cell) {
    const found = cell.textContent.replace(/−/g, "-").match(/[-+]?\d+(\.\d+)?/);
    return found ? Number(found[0]) : NaN;
  }

  function byFigure(a, b) {  // cells without a figure come last, whichever way
    return Number.isNaN(a) - Number.isNaN(b) || a - b;
  }

  function sort(table, column, descending) {
    const numbers = table.tHead.rows[0].cells[column].classList.contains("number");
    const key = (row) => numbers ? figure(row.cells[column]) : row.cells[column].textContent;
    const order = numbers ? byFigure : (a, b) => a.localeCompare(b, document.documentElement.lang);
    const rows = Array.from(table.tBodies[0].rows, (row) => [key(row), row]);
    const last = ([each]) => Number.isNaN(each);
    rows.sort((a, b) => (descending && !last(a) && !last(b) ? -1 : 1) * order(a[0], b[0]));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function sortable(table) {
    const head = table.tHead && table.tHead.rows[0];
    if (!head || table.tBodies[0].rows.length < 3) return false;
    return Array.from(table.tBodies[0].rows).every(
      (row) => row.cells.length === head.cells.length && row.cells[0].textContent.trim());
  }

  for (const table of document.querySelectorAll("table")) {
    if (!sortable(table)) continue;
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      if (!head.textContent.trim() || head.querySelector("a")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(table, column, descending);
      });
    });
  }
})();
