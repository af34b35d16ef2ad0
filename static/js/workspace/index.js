/* The page of a project: the table of its runs, and their charts. */

import { startColumns } from "./columns.js";
import { startGroups } from "./groups.js";
import { registerKeys } from "./keys.js";
import { start as startLayout } from "./layout.js";
import { Legend } from "./legend.js";
import { Rows } from "./rows.js";
import { Selection } from "./selection.js";
import { startTable } from "./table.js";
import { startViews } from "./views.js";

/** @param {HTMLElement} workspace */
export function start(workspace) {
  startLayout(workspace);
  startTable();
  startColumns();
  startViews();
  startGroups();
  const [legend, selection] = [new Legend(), new Selection()];
  registerKeys(legend, selection);
  new Rows();
  document.addEventListener("rows:loaded", () => {
    legend.show();
    selection.show();
  });
  // What renews itself asks for what the address says now, not for what it said when it was rendered.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const renews = ctx.sourceElement?.id === "runs" || ctx.sourceElement?.id === "charts";
    if (!renews || !ctx.sourceEvent?.type) return;
    ctx.request.action = location.pathname + location.search;
    // What the page has already is not sent again.
    const { version } = /** @type {HTMLElement} */ (ctx.sourceElement).dataset;
    if (version) ctx.request.headers["If-None-Match"] = `"${version}"`;
  });
  // Of a row with the focus each control can be reached; of all others the name alone.
  document.body.addEventListener("focusin", ({ target }) => {
    const row = /** @type {Element} */ (target).closest?.("#table tr[data-id]");
    for (const control of document.querySelectorAll("#table .row-legend :is(button, input)[tabindex='0']")) {
      if (!row?.contains(control)) control.setAttribute("tabindex", "-1");
    }
    for (const control of row?.querySelectorAll(".row-legend :is(button, input)") ?? [])
      control.setAttribute("tabindex", "0");
  });
}
