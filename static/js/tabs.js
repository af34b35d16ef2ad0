/* The tabs of the machine's metrics and of console output appear with the first of them. */

import { start as keepQuery } from "./keep-query.js";

/** @param {HTMLElement} tabs with data-system, a pattern of the names of such metrics, where that tab is not there */
export function start(tabs) {
  keepQuery(tabs);
  if (tabs.dataset.noLogs !== undefined) document.body.addEventListener("live:logs", renew, { once: true });
  if (!tabs.dataset.system) return;
  const ofSystem = new RegExp(tabs.dataset.system, "i");
  /** @param {HTMLElementEventMap["live:metrics"]} event */
  const look = ({ detail }) => {
    if (!Object.keys(detail.series).some((name) => ofSystem.test(name))) return;
    document.body.removeEventListener("live:metrics", look);
    renew();
  };
  document.body.addEventListener("live:metrics", look);
}

function renew() {
  document.body.dispatchEvent(new CustomEvent("tabs:new", { bubbles: true }));
}
