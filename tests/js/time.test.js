import assert from "node:assert/strict";
import { test } from "node:test";
import { elapsedTicks, timeTicks, timeTitle } from "../../static/js/chart/time-ticks.js";
import { dateTime, zone } from "../../static/js/local-time.js";
import { ago } from "../../static/js/relative-time.js";

process.env.TZ = "Europe/Berlin";
const NOON = Date.UTC(2026, 10, 25, 11); // 12:00 in Berlin.
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

test("a moment is written in the zone of the browser, which is named", () => {
  assert.equal(dateTime(NOON), "2026-11-25 12:00:00 UTC+1");
  assert.equal(dateTime(NOON + 250), "2026-11-25 12:00:00.25 UTC+1");
  assert.equal(dateTime(Date.UTC(2026, 6, 1, 12)), "2026-07-01 14:00:00 UTC+2");
  assert.equal(dateTime(1e17), "100,000,000,000,000,000 ms");
});

test("zones may be west of Greenwich, or half an hour off", () => {
  try {
    for (const [name, text] of [
      ["UTC", "UTC"],
      ["America/St_Johns", "UTC−3:30"],
      ["Asia/Kolkata", "UTC+5:30"],
    ]) {
      process.env.TZ = name;
      assert.equal(zone(NOON), text);
    }
  } finally {
    process.env.TZ = "Europe/Berlin";
  }
});

/** @type {[string, number, number, string[]][]} */
const SPANS = [
  [
    "milliseconds",
    NOON,
    10,
    ["12:00:00.000", "12:00:00.002", "12:00:00.004", "12:00:00.006", "12:00:00.008", "12:00:00.010"],
  ],
  ["seconds", NOON, 40 * SECOND, ["12:00:00", "12:00:10", "12:00:20", "12:00:30", "12:00:40"]],
  ["minutes", NOON, 20 * MINUTE, ["12:00", "12:05", "12:10", "12:15", "12:20"]],
  ["hours over midnight", NOON + 6 * HOUR, 12 * HOUR, ["18:00", "20:00", "22:00", "26 Nov", "02:00", "04:00", "06:00"]],
  ["days", NOON, 4 * DAY, ["26 Nov", "27 Nov", "28 Nov", "29 Nov"]],
  ["months", NOON, 150 * DAY, ["Dec 2026", "Jan 2027", "Feb 2027", "Mar 2027", "Apr 2027"]],
  ["years", NOON, 1500 * DAY, ["Jan 2027", "Jan 2028", "Jan 2029", "Jan 2030", "Jan 2031"]],
];

for (const [what, start, span, labels] of SPANS) {
  test(`the ticks of ${what} are at round local times`, () => {
    const { tickvals, ticktext } = timeTicks([start, start + span], 600);
    assert.deepEqual(ticktext, labels);
    assert.ok(tickvals.every((moment) => moment >= start && moment <= start + span));
  });
}

test("days begin at local midnight when the clock is set back between them", () => {
  const { tickvals } = timeTicks([Date.UTC(2026, 9, 23, 22), Date.UTC(2026, 9, 27, 23)], 600);
  assert.deepEqual(
    tickvals.map((moment) => new Date(moment).getHours()),
    tickvals.map(() => 0),
  );
});

test("an axis names its dates and its zone, and both where the clock is set back", () => {
  assert.equal(timeTitle([NOON, NOON + HOUR]), "25 Nov 2026, UTC+1");
  assert.equal(timeTitle([Date.UTC(2026, 9, 24), Date.UTC(2026, 9, 26)]), "24 Oct 2026 – 26 Oct 2026, UTC+2 to UTC+1");
});

test("a narrow axis has one tick, and dates beyond the calendar do not hang", () => {
  assert.deepEqual(timeTicks([NOON + 0.1, NOON + 0.3], 600).ticktext, ["12:00:00.000"]);
  assert.equal(timeTicks([1e17, 2e17], 600).ticktext.length, 1);
  assert.ok(timeTicks([-8e15, 8e15], 600).ticktext.length < 20);
});

/** @type {[number, number, string[]][]} */
const ELAPSED = [
  [0, 30, ["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]],
  [0, 3600, ["0 s", "10:00", "20:00", "30:00", "40:00", "50:00", "1:00:00"]],
  [0, 1, ["0.0 s", "0.5 s", "1.0 s"]],
  [85_000.08, 85_000.09, ["23:36:40.080", "23:36:40.085", "23:36:40.090"]],
];

for (const [low, high, labels] of ELAPSED) {
  test(`the ticks from ${low} to ${high} seconds after the start`, () => {
    assert.deepEqual(elapsedTicks([low, high], 500).ticktext, labels);
  });
}

test("a moment is told from now", () => {
  const texts = [-HOUR, 4 * SECOND, 59 * SECOND, 185 * SECOND, 5 * HOUR, 3 * DAY].map((age) => ago(NOON - age, NOON));
  assert.deepEqual(texts, ["just now", "just now", "59 s ago", "3 min ago", "5 h ago", "3 d ago"]);
  assert.equal(ago(NOON - 400 * DAY, NOON), "21 Oct 2025");
});
