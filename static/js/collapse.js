/* Sections stay collapsed as they were left: the names of the collapsed ones are in the address. There may be hundreds, which
   share a listener. */

import { readList, writeList } from "./url-state.js";

/** @param {HTMLDetailsElement} section */
export function start(section) {
  if (readList("collapsed").includes(section.dataset.section ?? "")) section.open = false;
  document.addEventListener("toggle", toggled, { capture: true }); // Once, however often it is said.
}

/** @param {Event} event */
function toggled({ target }) {
  const section = /** @type {HTMLDetailsElement} */ (target);
  if (section.dataset?.js !== "collapse") return;
  const name = section.dataset.section ?? "";
  const others = readList("collapsed").filter((other) => other !== name);
  writeList("collapsed", section.open ? others : [...others, name]);
}
