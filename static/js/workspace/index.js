/* The page of a project: the table of its runs, and their charts. */

import { start as startLayout } from "./layout.js";
import { Legend } from "./legend.js";

/** @param {HTMLElement} workspace */
export function start(workspace) {
  startLayout(workspace);
  new Legend();
  // What renews itself asks for what the address says now, not for what it said when it was rendered.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.sourceEvent?.type !== "click" && isRenewal(ctx.sourceElement))
      ctx.request.action = location.pathname + location.search;
  });
}

/** @param {Element | undefined} element */
function isRenewal(element) {
  return element?.id === "runs" || element?.id === "charts";
}
