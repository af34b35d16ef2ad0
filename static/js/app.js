/* Starts behaviours: an element names its own by data-js="name", once it is in the page. */

import { start as charts } from "./chart/index.js";
import { start as chartSearch } from "./chart/search.js";
import { start as collapse } from "./collapse.js";
import { start as copy } from "./copy.js";
import { start as firstRun } from "./first-run.js";
import { start as live } from "./live.js";
import { start as menu } from "./menu.js";
import { start as relativeTime } from "./relative-time.js";
import { start as shortcuts } from "./shortcuts.js";
import { start as theme } from "./theme.js";
import "./keys.js";
import "./requests.js";
import "./title.js";

/** @type {Record<string, (element: any) => void>} */
const behaviours = {
  ago: relativeTime,
  charts,
  "chart-search": chartSearch,
  collapse,
  copy,
  elapsed: relativeTime,
  "first-run": firstRun,
  live,
  menu,
  shortcuts,
  theme,
};
const started = new WeakSet();

/** @param {Element} root */
function startWithin(root) {
  const elements = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-js]")]);
  if (root.matches("[data-js]")) elements.unshift(/** @type {HTMLElement} */ (root));
  for (const element of elements) {
    if (started.has(element)) continue;
    started.add(element);
    behaviours[element.dataset.js ?? ""]?.(element);
  }
}

document.addEventListener("htmx:after:process", ({ target }) => {
  if (target instanceof Element) startWithin(target);
});
startWithin(document.body);
