/* The ticks of an axis of moments or of seconds since the start. Plotly would show moments in UTC. */

import { clock } from "../format.js";
import { dateTime, day, month, time, zone } from "../local-time.js";
import { evenSteps, numberOf } from "./decimal.js";

/** @typedef {import("./ticks.js").Ticks} Ticks */
/** @typedef {import("./ticks.js").Range} Range */

const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

/**
 * Ticks of an axis of seconds since the start.
 * @param {Range} range
 * @param {number} width
 * @returns {Ticks}
 */
export function elapsedTicks([low, high], width) {
  const span = high - low;
  if (!(span > 0)) return { tickvals: [low], ticktext: [clock(low)] };
  const most = Math.max(1, Math.min(6, Math.floor(width / 70)));
  if (span <= 5) {
    const steps = evenSteps(low, high, Math.min(most, 4));
    const decimals = Math.max(0, -(steps[0]?.power ?? 0));
    if (decimals > 9 || steps.length < 2) {
      return { tickvals: [low + span / 2], ticktext: [clock(low + span / 2)] };
    }
    return { tickvals: steps.map(numberOf), ticktext: steps.map((one) => clock(numberOf(one), decimals)) };
  }
  const step = CLOCK_STEPS.find((one) => span / one <= most) ?? Math.ceil(span / most / 86400) * 86400;
  const tickvals = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) tickvals.push(at);
  return { tickvals, ticktext: tickvals.map((at) => (step < 60 && high < 60 ? `${at} s` : clock(at))) };
}

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((one) => one * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((one) => one * MINUTE),
  ...[1, 2, 3, 6, 12].map((one) => one * HOUR),
];
const DAY_STEPS = [1, 2, 7, 14];
const MONTH_STEPS = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200];
const LAST_DATE = 8.64e15;

/**
 * Ticks of an axis of moments, in milliseconds since 1970, at round times of the browser's zone.
 * @param {Range} range
 * @param {number} width
 * @returns {Ticks}
 */
export function timeTicks([low, high], width) {
  const middle = low + (high - low) / 2;
  if (!(Math.abs(low) < LAST_DATE && Math.abs(high) < LAST_DATE)) {
    return { tickvals: [middle], ticktext: [dateTime(middle)] };
  }
  const most = Math.max(1, Math.min(6, Math.floor(width / 90)));
  const span = (high - low) / most;
  const step = TIME_STEPS.find((one) => one >= span);
  const tickvals = step ? clockMoments(low, high, step) : calendarMoments(low, high, span / DAY);
  if (!tickvals.length) return { tickvals: [middle], ticktext: [time(middle, 3)] };
  const unit = step ?? (span <= 14 * DAY ? DAY : 30 * DAY);
  return { tickvals, ticktext: tickvals.map((moment) => momentLabel(moment, unit)) };
}

/**
 * What the labels of a time axis leave out: the dates and the zone.
 * @param {Range} range
 */
export function timeTitle([low, high]) {
  if (!(Math.abs(low) < LAST_DATE && Math.abs(high) < LAST_DATE)) return "milliseconds since 1970";
  const [from, to] = [day(low), day(high)];
  const zones = [...new Set([zone(low), zone(high)])].join(" to ");
  return `${from === to ? from : `${from} – ${to}`}, ${zones}`;
}

/**
 * @param {number} moment
 * @param {number} step milliseconds
 */
function momentLabel(moment, step) {
  if (step > 14 * DAY) return month(moment);
  if (step >= DAY) return day(moment, false);
  if (step >= MINUTE) return time(moment, -1) === "00:00" ? day(moment, false) : time(moment, -1);
  return time(moment, step < SECOND ? 3 : 0);
}

/**
 * Multiples of a step on the clock of the browser's zone, which may be set forward or back on the way.
 * @param {number} low
 * @param {number} high
 * @param {number} step
 */
function clockMoments(low, high, step) {
  const midnight = new Date(low).setHours(0, 0, 0, 0);
  const moments = [];
  for (let start = midnight; start <= high; start = new Date(start).setHours(24, 0, 0, 0)) {
    const end = Math.min(new Date(start).setHours(24, 0, 0, 0) - 1, high);
    const first = start + Math.max(0, Math.ceil((low - start) / step)) * step;
    for (let moment = first; moment <= end; moment += step) moments.push(moment);
  }
  return moments;
}

/**
 * The starts of days or of months, so many days apart or a little more.
 * @param {number} low
 * @param {number} high
 * @param {number} days
 */
function calendarMoments(low, high, days) {
  const first = new Date(low);
  const byDays = DAY_STEPS.find((one) => one >= days);
  const byMonths = MONTH_STEPS.find((one) => one >= days / 31) ?? 1200 * Math.ceil(days / 36_500);
  const moments = [];
  for (let i = 0; i < 1000; i++) {
    const moment = byDays
      ? new Date(first.getFullYear(), first.getMonth(), first.getDate() + i * byDays)
      : new Date(first.getFullYear(), (Math.floor(first.getMonth() / byMonths) + i) * byMonths, 1);
    if (moment.getTime() > high) break;
    if (moment.getTime() >= low) moments.push(moment.getTime());
  }
  return moments;
}
