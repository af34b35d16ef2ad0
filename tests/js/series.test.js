import assert from "node:assert/strict";
import { test } from "node:test";
import { outline } from "../../static/js/chart/draw.js";
import { indexAfter, indexOf } from "../../static/js/chart/series.js";
import { seriesOf } from "./series.js";

/**
 * A live message's columns of points after the first ten.
 * @param {number[]} steps
 * @param {(number | string)[]} values
 */
function live(steps, values = steps.map(() => 1), firstId = 11) {
  const ids = steps.map((_, i) => firstId + i);
  return { ids, steps, values, timestamps: steps.map((step) => 1000 + step) };
}

const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

test("live points are appended, and none twice", () => {
  const series = seriesOf(TEN);
  assert.equal(series.append(live([10, 11], [5, 6])), 2);
  assert.equal(series.append(live([10, 11], [5, 6])), 0);
  assert.deepEqual(series.last.slice(-3), [9, 5, 6]);
  assert.deepEqual([series.total, series.lastId], [12, 12]);
});

test("a point out of order takes its place where all points are here", () => {
  const series = seriesOf(TEN);
  series.append(live([4], [40]));
  assert.deepEqual(series.x.slice(3, 7), [3, 4, 4, 5]);
  assert.equal(series.last[5], 40);
  assert.equal(series.needsRefetch, false);
});

test("a point that belongs into a bucket makes the server draw anew, and the line does not run back", () => {
  const series = seriesOf(TEN, { exact: false, total_points: 1000 });
  series.append(live([4], [40]));
  assert.equal(series.x.length, 10);
  assert.equal(series.needsRefetch, true);
});

test("a long tail of live points is drawn anew", () => {
  const series = seriesOf(TEN, { exact: false, total_points: 1000 });
  series.append(live(Array.from({ length: 200 }, (_, i) => 10 + i)));
  assert.equal(series.needsRefetch, false);
  series.append(live([210], [1], 211));
  assert.equal(series.needsRefetch, true);
});

test("what is not finite is a gap and a mark", () => {
  const series = seriesOf(TEN);
  series.append(live([10, 11], ["NaN", "-Infinity"]));
  assert.deepEqual(series.last.slice(-2), [NaN, NaN]);
  assert.deepEqual(series.bad, [
    [10, "NaN"],
    [11, "-Infinity"],
  ]);
});

test("times are milliseconds, and seconds since the start are counted from the run's first point", () => {
  const byTime = seriesOf(TEN, { x_axis: "time" });
  byTime.append(live([10]));
  assert.deepEqual([byTime.x[0], byTime.x[10]], [1_000_000, 1_010_000]);
  const sinceStart = seriesOf(TEN, { x_axis: "relative" });
  sinceStart.append(live([12]));
  assert.equal(sinceStart.x[10], 12);
});

test("a window has one point more on either side, and counts those inside", () => {
  const series = seriesOf(TEN);
  const part = series.within([2.5, 5]);
  assert.deepEqual([...part.x], [2, 3, 4, 5, 6]);
  assert.equal(part.total, 3);
  assert.deepEqual(part.range, [2.5, 5]);
  assert.equal(series.x.length, 10);
});

test("a window can be cut out only of what has all points", () => {
  assert.ok(seriesOf(TEN).covers([2, 3]));
  assert.ok(!seriesOf(TEN).within([2, 3]).covers([1, 3]));
  assert.ok(!seriesOf(TEN, { exact: false }).covers([2, 3]));
});

test("a live point out of the window is passed over", () => {
  const part = seriesOf(TEN).within([2, 5]);
  assert.equal(part.append(live([10])), 0);
  assert.equal(part.lastId, 11);
});

test("the place in a sorted column is before or after those that are equal", () => {
  const column = [1, 2, 2, 2, 3];
  assert.deepEqual([indexOf(column, 2), indexAfter(column, 2)], [1, 4]);
  assert.deepEqual([indexOf(column, 0), indexAfter(column, 9)], [0, 5]);
});

test("the band is one closed polygon for each unbroken stretch", () => {
  const { x, y } = outline({ x: [0, 1, 2, 3], min: [1, 1, NaN, 5], max: [2, 3, NaN, 6] }, false);
  assert.deepEqual(x, [0, 1, 1, 0, 0, 0, 3, 3, 3, 3]);
  assert.deepEqual(y, [2, 3, 1, 1, 2, NaN, 6, 5, 6, NaN]);
});

test("on a log scale the band ends where nothing is above zero", () => {
  const { x } = outline({ x: [0, 1, 2], min: [1, -2, 1], max: [2, -1, 2] }, true);
  assert.ok(!x.includes(1));
});
