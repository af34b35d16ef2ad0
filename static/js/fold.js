/* Sections stay folded as they were left: the names of the folded ones are in the address. */

import { readList, writeList } from "./url-state.js";

export function start(section) {
  const name = section.dataset.fold;
  if (readList("folded").includes(name)) section.open = false;
  section.addEventListener("toggle", () => {
    const folded = readList("folded").filter((one) => one !== name);
    if (!section.open) folded.push(name);
    writeList("folded", folded);
  });
}
