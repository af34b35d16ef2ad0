import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { clock, count, duration, exact, short } from "../../static/js/format.js";

/** @type {{value: number | string, short: string, exact: string}[]} */
const NUMBERS = JSON.parse(readFileSync(new URL("../wire/numbers.json", import.meta.url), "utf8"));

for (const { value, short: rounded, exact: full } of NUMBERS) {
  test(`${value} reads the same from the script as from the server`, () => {
    assert.equal(short(value), rounded);
    assert.equal(exact(value), full);
  });
}

test("what is missing is a dash", () => {
  assert.equal(short(null), "–");
  assert.equal(short(undefined), "–");
});

test("a step has all its digits", () => {
  assert.equal(count(9_007_199_254_740_993n), "9,007,199,254,740,993");
  assert.equal(count(-1000), "−1,000");
});

test("seconds on a clock", () => {
  assert.equal(clock(5.5), "5.500 s");
  assert.equal(clock(5.5, 1), "5.5 s");
  assert.equal(clock(95), "1:35");
  assert.equal(clock(3725), "1:02:05");
  assert.equal(clock(-95), "−1:35");
  assert.equal(clock(85000.08, 2), "23:36:40.08");
  assert.equal(clock(119.999, 1), "2:00.0");
});

test("a duration has its two largest units", () => {
  const texts = [0, 59_000, 61_000, 4 * 3_600_000 + 120_000, 76 * 3_600_000, -5].map(duration);
  assert.deepEqual(texts, ["0 s", "59 s", "1 min 01 s", "4 h 02 min", "3 d 4 h", "0 s"]);
});
