/* Where the marks of runs stand on the lines of a chart, and which of them stand so close that they share a sign. */

import { pointNear } from "../nearest.js";

/** @typedef {import("../card.js").Shown} Shown */
/** @typedef {import("../frame.js").Frame} Frame */
/** A note, or where a run was resumed, forked or rewound, as aimanager/web/marks.py has it; `time` and `created` are seconds since 1970.
 * @typedef {{id: number, run_id: number, kind: "note" | "resume" | "fork" | "rewind", metric: string | null, step: number | null, time: number | null,
 *   text: string, html: string, author: string | null, created: number, may_edit: boolean}} Mark */
/** Marks that share a sign, in pixels from the corner of the plot; `one` is the line of the first.
 * @typedef {{marks: Mark[], one: Shown, across: number, down: number}} Place */

const APART = 24; // Pixels that a pointer or a finger needs for each.

/**
 * The places of the marks that are in view, from left to right.
 * @param {Mark[]} marks
 * @param {Shown[]} shown
 * @param {Frame} frame
 * @returns {Place[]}
 */
export function placesOf(marks, shown, frame) {
  /** @type {Place[]} */
  const places = [];
  for (const one of shown) {
    for (const mark of marks) {
      if (mark.run_id !== one.line.run.id || (mark.metric ?? one.line.metric) !== one.line.metric) continue;
      const at = pointOf(mark, one);
      if (!at) continue;
      const [across, down] = [frame.across(at.x), Number.isFinite(at.value) ? frame.down(at.value) : frame.height];
      if (!(across >= -1 && across <= frame.width + 1)) continue;
      places.push({ marks: [mark], one, across, down: Math.min(Math.max(down, 0), frame.height) });
    }
  }
  return joined(places.sort((a, b) => a.across - b.across));
}

/**
 * The x of a mark on a line and the value that the line has there; null if nothing says where it is.
 * @param {Pick<Mark, "step" | "time">} mark
 * @param {Pick<Shown, "series" | "y">} shown
 */
export function pointOf({ step, time }, { series, y }) {
  if (!series.x.length || (step === null && time === null)) return null;
  const ownX = series.axis === "step" ? step : series.axis === "time" && time !== null ? time * 1000 : null;
  if (ownX !== null) return { x: ownX, value: y[pointNear(series, ownX)] };
  const i = step === null ? nearest(series.times, Number(time)) : nearest(series.steps, step);
  return { x: series.x[i], value: y[i] };
}

/**
 * The index of the value that is nearest, in a column in any order.
 * @param {ArrayLike<number | bigint>} column
 * @param {number} value
 */
function nearest(column, value) {
  let best = 0;
  for (let i = 1; i < column.length; i++) {
    if (Math.abs(Number(column[i]) - value) < Math.abs(Number(column[best]) - value)) best = i;
  }
  return best;
}

/** @param {Place[]} places from left to right */
function joined(places) {
  /** @type {Place[]} */
  const apart = [];
  for (const place of places) {
    const close = apart.find(
      ({ across, down }) => place.across - across < APART && Math.abs(place.down - down) < APART,
    );
    if (close) close.marks.push(...place.marks);
    else apart.push(place);
  }
  return apart;
}

/** What was done to the run at a mark that is no note. @param {Pick<Mark, "kind" | "text">} mark */
export function deedOf({ kind, text }) {
  return kind === "fork" ? `Forked from ${text}` : kind === "rewind" ? "Rewound" : "Resumed";
}
