/* A search over the rows of a table by their heads: all words must be in them. */

import { matches } from "./chart/search.js";
import { count } from "./format.js";

/** @param {HTMLInputElement} input with data-of, the id of the table */
export function start(input) {
  const apply = () => {
    const rows = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`#${input.dataset.of} tr`));
    let shown = 0;
    for (const row of rows) {
      row.hidden = !matches(row.querySelector("th")?.textContent ?? "", input.value);
      if (!row.hidden) shown += 1;
    }
    const status = input.parentElement?.querySelector("[data-rows-found]");
    const words = input.value.trim() ? `${count(shown)} of ${count(rows.length)}` : "";
    if (status && status.textContent !== words) status.textContent = words;
  };
  input.addEventListener("input", apply);
  // Rows that were renewed are filtered like those before.
  document.addEventListener("htmx:after:settle", apply);
}
