/* What a mark says: who, where, when, and the text. */

import { dateTime } from "../../local-time.js";
import { ago } from "../../relative-time.js";
import { styleOf, swatch } from "../colours.js";
import { position } from "../hover.js";
import { deedOf } from "./places.js";

/** @typedef {import("./places.js").Mark} Mark */

/**
 * @param {Mark} mark
 * @param {import("../line.js").DrawnRun} [run] that it is of, where there are several
 */
export function articleOf(mark, run) {
  const article = document.createElement("article");
  const head = document.createElement("p");
  head.className = "faint";
  const at = mark.step === null ? "" : position(mark.step, "step");
  const time = document.createElement("time");
  time.dateTime = new Date(mark.created * 1000).toISOString();
  time.title = dateTime(mark.created * 1000);
  time.textContent = ago(mark.created * 1000);
  head.append(
    [mark.kind === "note" ? mark.author : deedOf(mark), at, ""].filter((part) => part !== null).join(" · "),
    time,
  );
  if (run) article.append(nameOf(run));
  article.append(head);
  if (mark.kind === "note") article.append(proseOf(mark));
  return article;
}

/** @param {import("../line.js").DrawnRun} run */
function nameOf({ name, colour }) {
  const element = document.createElement("p");
  element.append(swatch(styleOf(colour)), ` ${name}`);
  return element;
}

/** @param {Mark} mark */
function proseOf(mark) {
  const prose = document.createElement("div");
  prose.className = "prose";
  prose.innerHTML = mark.html; // The server has cleaned it.
  return prose;
}
