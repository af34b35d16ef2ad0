/* Metrics of the machine say their unit at the end of their name: `system/gpu0_memory_used_bytes`. The rules are those of
   aimanager/web/units.py; tests/wire/units.json holds both. */

import { short, toNumber } from "../format.js";

/** @typedef {import("../format.js").WireNumber} WireNumber */

const OF_MACHINE =
  /^(?:system|sys|gpu|cpu)\/(?:.*\/)?([^/]+?)_(percent|bytes_per_second|bytes|celsius|watts|seconds)$/i;
/** @type {Record<string, string>} */
const SIGNS = { percent: "%", celsius: "°C", watts: "W", seconds: "s" };
/** @type {[number, string][]} */
const SIZES = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/**
 * The unit in a metric's name, null for one of a training.
 * @param {string} name
 */
export function unitOf(name) {
  return OF_MACHINE.exec(name)?.[2]?.toLowerCase() ?? null;
}

/**
 * A value for reading, with its unit where the metric has one.
 * @param {WireNumber | null | undefined} value
 * @param {string} name
 */
export function measured(value, name) {
  const unit = unitOf(name);
  if (unit === null || value === null || value === undefined || !Number.isFinite(toNumber(value))) return short(value);
  const number = toNumber(value);
  if (!unit.startsWith("bytes")) return `${trimmed(number)} ${SIGNS[unit]}`;
  const [size, word] = SIZES.find(([one]) => Math.abs(number) >= one) ?? [1, "B"];
  return `${trimmed(number / size)} ${word}${unit === "bytes" ? "" : "/s"}`;
}

/**
 * What a metric of the machine is called: `GPU 0 memory used`; null for one of a training.
 * @param {string} name
 */
export function titleOf(name) {
  const label = OF_MACHINE.exec(name)?.[1];
  if (label === undefined) return null;
  const words = label
    .replace(/\b(gpu|rank)(\d+)/gi, "$1 $2")
    .replaceAll("_", " ")
    .replace(/(?<![a-z])(gpu|cpu)(?![a-z])/gi, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Four digits, without zeros at the end.
 * @param {number} number */
function trimmed(number) {
  const text = short(number);
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}
