/* How much of the truth the lines of a card show, in words. */

import { count, short } from "../format.js";

/** @typedef {import("./card.js").Shown} Shown */
/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./view.js").View} View */

/**
 * How much of the truth the lines of a card show, in short and in a sentence.
 * @param {{shown: Shown[], lines: Line[]}} card
 * @param {View} view
 * @returns {[string, string]}
 */
export function exactnessOf({ shown, lines }, view) {
  if (!shown.length) return ["", ""];
  const all = shown.map(({ series }) => series);
  const total = all.reduce((sum, series) => sum + series.total, 0);
  if (view.range && !total) {
    return ["No points in this range", "The line goes on to the points on either side of the range"];
  }
  const isExact = all.every((series) => series.exact);
  const drawn = all.reduce((sum, series) => sum + series.x.length, 0);
  const groups = all.flatMap(({ group }) => group ?? []);
  if (groups.length) return wordsOfGroups(groups);
  const parts = [isExact ? "exact" : `${count(drawn)} of ${count(total)} points`];
  const notAbove = view.log ? all.reduce((sum, series) => sum + notAboveZero(series.last), 0) : 0;
  if (notAbove) parts.push(`${count(notAbove)} not above 0`);
  const bad = all.flatMap((series) => series.bad);
  if (bad.length) parts.push(kindsOf(bad));
  const damaged = lines.filter((line) => line.damage).length;
  if (damaged) parts.push(`${count(damaged)} damaged`);
  return [
    parts.join(" · "),
    isExact
      ? `All ${count(total)} points are drawn`
      : "The line is the last value of each bucket, the band its minimum and maximum",
  ];
}

/**
 * @param {{method: "exact" | "interpolated", n: number}[]} groups
 * @returns {[string, string]}
 */
function wordsOfGroups(groups) {
  const runs = groups.reduce((sum, { n }) => sum + n, 0);
  const what =
    groups.length === 1 ? `mean of ${count(runs)} runs` : `${count(groups.length)} means of ${count(runs)} runs`;
  const isExact = groups.every(({ method }) => method === "exact");
  const band = "The line is the mean, the band one standard deviation on either side";
  return isExact
    ? [`${what} · exact`, `${band}, of all points at equal steps`]
    : [`${what} · interpolated`, `${band}; where runs have no point at a step it is interpolated`];
}

/** @param {number[]} values */
function notAboveZero(values) {
  return values.reduce((sum, value) => sum + (value <= 0 ? 1 : 0), 0);
}

/**
 * NaN and infinities by name: one mark may stand for several.
 * @param {[number, string][]} bad
 */
function kindsOf(bad) {
  return [...new Set(bad.map(([, kind]) => short(kind)))].join(", ");
}
