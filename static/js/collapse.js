/* Sections stay collapsed as they were left: the names of the collapsed ones are in the address. */

import { readList, writeList } from "./url-state.js";

/** @param {HTMLDetailsElement} section */
export function start(section) {
  const name = section.dataset.section ?? "";
  if (readList("collapsed").includes(name)) section.open = false;
  section.addEventListener("toggle", () => {
    const others = readList("collapsed").filter((other) => other !== name);
    writeList("collapsed", section.open ? others : [...others, name]);
  });
}
