/* The shortcuts of the list of runs; `j` and `k` move in it as in all lists. */

import { register } from "../shortcuts.js";

const RUNS = { group: "Runs", when: "#table" };

/**
 * @param {import("./legend.js").Legend} legend
 * @param {import("./selection.js").Selection} selection
 */
export function registerKeys(legend, selection) {
  register(
    "x",
    "Select the run",
    onRow((row) => selection.toggle(Number(row.dataset.id))),
    RUNS,
  );
  register(
    "X",
    "Select all runs from the last selected one",
    onRow((row) => selection.toggle(Number(row.dataset.id), true)),
    RUNS,
  );
  register(
    "h",
    "Draw or hide the run",
    onRow((row) => legend.toggle(Number(row.dataset.id))),
    RUNS,
  );
  register(
    "a",
    "Draw the run alone, or all again",
    onRow((row) => legend.showAlone(Number(row.dataset.id))),
    RUNS,
  );
  register(
    "c",
    "Change the run's colour",
    onRow((row) => selection.askColour(row)),
    RUNS,
  );
  register(
    "e",
    "Rename the run",
    onRow((row) => rename(row, selection)),
    RUNS,
  );
  register("C", "Compare the selected runs", () => selection.ids.size > 1 && selection.compare(), RUNS);
  register("Enter", "Open the run", undefined, RUNS);
  register("Escape", "Clear the selection", () => selection.ids.size > 0 && selection.clear(), RUNS);
}

/** @param {(row: HTMLElement) => unknown} act */
function onRow(act) {
  return () => {
    const row = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest("#table tr[data-id]"));
    return row ? act(row) : false;
  };
}

/**
 * @param {HTMLElement} row
 * @param {import("./selection.js").Selection} selection
 */
function rename(row, selection) {
  selection.clear();
  selection.toggle(Number(row.dataset.id));
  selection.ask("rename", row);
}
