/* Search over the names of the charts: all words must be in the name. */

import { write } from "../url-state.js";
import { count } from "./format.js";

export function start(form) {
  const input = form.querySelector("input");
  const look = () => {
    write({ chart: input.value.trim() });
    filter(input.value);
    toTop();
  };
  input.addEventListener("input", look);
  form.addEventListener("submit", (event) => event.preventDefault());
  // Charts that came just now are filtered like the others.
  document.addEventListener("htmx:after:settle", () => filter(input.value));
  if (input.value) filter(input.value);
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = document.querySelectorAll(".chart");
  let found = 0;
  for (const chart of all) {
    const name = chart.dataset.name.toLowerCase();
    const hit = words.every((word) => name.includes(word));
    chart.hidden = !hit;
    found += hit;
  }
  for (const section of document.querySelectorAll(".section:has(.grid)")) tally(section, words.length > 0);
  const status = document.querySelector("[data-found]");
  if (status) status.textContent = words.length ? `${count(found)} of ${count(all.length)} charts` : "";
}

/* A group shows itself if any of its charts is shown, and says how many of how many. */
function tally(section, searching) {
  const all = section.querySelectorAll(".chart").length;
  const shown = section.querySelectorAll(".chart:not([hidden])").length;
  section.hidden = !shown;
  section.querySelector("summary > span").textContent = searching ? `${count(shown)} of ${count(all)}` : count(all);
}

/* The first chart that was found must not be out of sight above. */
function toTop() {
  const charts = document.getElementById("charts");
  if (charts?.getBoundingClientRect().top < 0) charts.scrollIntoView();
}
