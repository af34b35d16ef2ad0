/* Search over the names of the charts: all words must be in the name. */

import { count } from "../format.js";
import { write } from "../url-state.js";

/** @param {HTMLFormElement} form */
export function start(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  input.addEventListener("input", () => {
    write({ chart: input.value.trim() });
    filter(input.value);
    scrollToCharts();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  // Charts that came just now are filtered like the others.
  document.addEventListener("htmx:after:settle", applySearch);
  if (input.value) filter(input.value);
}

/** Charts may be others, or in other places, than when the words were typed. */
export function applySearch() {
  const input = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-js='chart-search'] input"));
  if (input) filter(input.value);
}

/**
 * Whether all words of a query are in a name, in any order and case.
 * @param {string} name
 * @param {string} query
 */
export function matches(name, query) {
  return wordsOf(query).every((word) => name.toLowerCase().includes(word));
}

/** @param {string} query */
function wordsOf(query) {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

/** @param {string} query */
function filter(query) {
  const searching = wordsOf(query).length > 0;
  const charts = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#charts .chart:not([data-gone])"));
  let shown = 0;
  for (const chart of charts) {
    chart.hidden = !matches(chart.dataset.name ?? "", query);
    if (!chart.hidden) shown += 1;
  }
  const sections = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".section:has(.grid)"));
  for (const section of sections) updateSection(section, searching);
  const status = document.querySelector("[data-found]");
  if (status) status.textContent = searching ? `${count(shown)} of ${count(charts.length)} charts` : "";
}

/**
 * A section is shown if any of its charts is, and says how many of how many.
 * @param {HTMLElement} section
 * @param {boolean} searching
 */
function updateSection(section, searching) {
  const all = section.querySelectorAll(".chart:not([data-gone])").length;
  const shown = section.querySelectorAll(".chart:not([hidden], [data-gone])").length;
  section.hidden = !shown;
  const label = section.querySelector("summary > span");
  if (label) label.textContent = searching ? `${count(shown)} of ${count(all)}` : count(all);
}

/** The first chart that matches must not be out of sight above. */
function scrollToCharts() {
  const charts = document.getElementById("charts");
  if (charts && charts.getBoundingClientRect().top < 0) charts.scrollIntoView();
}
