/* Starts behaviours: an element names its own by data-js="name", once it is in the page. */

import { start as alerts } from "./alerts.js";
import { start as laterCharts } from "./chart/later.js";
import { start as chartSearch } from "./chart/search.js";
import { start as collapse } from "./collapse.js";
import { start as copy } from "./copy.js";
import { start as filterRows } from "./filter-rows.js";
import { start as firstRun } from "./first-run.js";
import { start as keepQuery } from "./keep-query.js";
import { start as live } from "./live.js";
import { start as menu } from "./menu.js";
import { start as offline } from "./offline.js";
import { start as palette } from "./palette.js";
import { start as relativeTime } from "./relative-time.js";
import { start as shortcuts } from "./shortcuts.js";
import { start as summary } from "./summary.js";
import { start as tabs } from "./tabs.js";
import { start as theme } from "./theme.js";
import { start as wayBack } from "./way-back.js";
import { start as complete } from "./workspace/complete.js";
import { start as workspace } from "./workspace/index.js";
import "./keys.js";
import "./print.js";
import "./requests.js";
import "./title.js";
import { toast } from "./toast.js";
import { read } from "./url-state.js";

/** @type {Record<string, (element: any) => void>} */
const behaviours = {
  ago: relativeTime,
  alerts,
  "chart-search": chartSearch,
  collapse,
  complete,
  copy,
  elapsed: relativeTime,
  "filter-rows": filterRows,
  "first-run": firstRun,
  "keep-query": keepQuery,
  "later-charts": laterCharts,
  menu,
  offline,
  palette,
  shortcuts,
  summary,
  tabs,
  theme,
  "way-back": wayBack,
  workspace,
};
/** Those that are large and on few pages come when they are needed. They have a file of their own where scripts are bundled.
 * @type {Record<string, () => Promise<{start: (element: any) => void}>>} */
const onDemand = {
  charts: () => import("./chart/index.js"),
  compare: () => import("./compare/index.js"),
  figure: () => import("./compare/figure.js"),
  logs: () => import("./logs/index.js"),
};
const started = new WeakSet();

/** @param {Element} root */
async function startWithin(root) {
  const elements = /** @type {HTMLElement[]} */ ([root, ...root.querySelectorAll("[data-js]")]).filter(isNew);
  for (const element of elements) started.add(element);
  const [last, first] = [elements.filter(isLive), elements.filter((element) => !isLive(element))];
  for (const element of first) behaviours[nameOf(element)]?.(element);
  await Promise.all(first.map(startOnDemand));
  // The connection last of all, so that everybody is there to hear what it says.
  for (const element of last) live(element);
}

/** @param {HTMLElement} element */
async function startOnDemand(element) {
  const load = onDemand[nameOf(element)];
  if (!load) return;
  if (isPutOff(element)) {
    const shown = new ResizeObserver(() => {
      if (isPutOff(element)) return;
      shown.disconnect();
      startOnDemand(element);
    });
    shown.observe(element);
    return;
  }
  try {
    (await load()).start(element);
  } catch (error) {
    toast("A part of this page could not be loaded. Reload the page to try again.");
    throw error;
  }
}

/** Where the table has the whole page the charts wait until they are shown. @param {HTMLElement} element */
function isPutOff(element) {
  const { js, arranging } = element.dataset;
  if (js !== "charts" || arranging !== undefined || read("full") !== null) return false;
  return element.closest(".workspace[data-layout='table']") !== null;
}

/** @param {HTMLElement} element */
function nameOf(element) {
  return element.dataset.js ?? "";
}

/** @param {HTMLElement} element */
function isNew(element) {
  return element.dataset?.js !== undefined && !started.has(element);
}

/** @param {HTMLElement} element */
function isLive(element) {
  return nameOf(element) === "live";
}

document.addEventListener("htmx:after:process", ({ target }) => {
  if (target instanceof Element) startWithin(target);
});
startWithin(document.body);
