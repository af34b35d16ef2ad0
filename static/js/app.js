/* Starts behaviours: an element says what it can do with data-js="name", once it is in the page. */

import { start as ago } from "./ago.js";
import { start as chartSearch } from "./chart/search.js";
import { start as charts } from "./chart/index.js";
import { start as copy } from "./copy.js";
import { start as firstRun } from "./first-run.js";
import { start as fold } from "./fold.js";
import { start as keys } from "./keys.js";
import { start as live } from "./live.js";
import { start as menu } from "./menu.js";
import { start as theme } from "./theme.js";
import "./requests.js";
import "./title.js";

const behaviours = {
  ago, elapsed: ago, charts, "chart-search": chartSearch, copy, "first-run": firstRun, fold, keys, live, menu, theme,
};
const started = new WeakSet();

function startWithin(root) {
  const found = [...root.querySelectorAll("[data-js]")];
  if (root.matches?.("[data-js]")) found.unshift(root);
  for (const element of found) {
    if (started.has(element)) continue;
    started.add(element);
    behaviours[element.dataset.js]?.(element);
  }
}

document.addEventListener("htmx:after:process", (event) => startWithin(event.target));
startWithin(document.body);
