/* Moments in the browser's time zone, which is always named. Moments are milliseconds since 1970. */

import { count, twoDigits } from "./format.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * The zone's distance from UTC at that moment, since daylight saving changes it: `UTC`, `UTC+1`, `UTC−3:30`.
 * @param {number} moment
 */
export function zone(moment) {
  const minutes = -new Date(moment).getTimezoneOffset();
  if (!minutes) return "UTC";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${twoDigits(rest)}` : ""}`;
}

/**
 * `2026-11-25 14:05:03.25 UTC+1`
 * @param {number} moment
 */
export function dateTime(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return `${count(moment)} ms`; // Beyond what a date can be.
  const day = [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join("-");
  const fraction = date.getMilliseconds() ? time(moment, 3).slice(8).replace(/0+$/, "") : "";
  return `${day} ${time(moment, 0)}${fraction} ${zone(moment)}`;
}

/**
 * `14:05`, `14:05:03` or `14:05:03.250`
 * @param {number} moment
 * @param {-1 | 0 | 3} decimals of the seconds; -1 leaves the seconds away
 */
export function time(moment, decimals) {
  const date = new Date(moment);
  const minutes = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  if (decimals < 0) return minutes;
  const seconds = `${minutes}:${twoDigits(date.getSeconds())}`;
  return decimals ? `${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}` : seconds;
}

/**
 * `25 Nov 2026`, or `25 Nov`
 * @param {number} moment
 * @param {boolean} withYear
 */
export function day(moment, withYear = true) {
  const date = new Date(moment);
  return `${date.getDate()} ${MONTHS[date.getMonth()]}${withYear ? ` ${date.getFullYear()}` : ""}`;
}

/**
 * `Nov 2026`
 * @param {number} moment
 */
export function month(moment) {
  return day(moment).replace(/^\d+ /, "");
}
