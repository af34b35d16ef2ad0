import assert from "node:assert/strict";
import { test } from "node:test";
import { requestsFor } from "../../static/js/chart/api.js";
import { styleOf } from "../../static/js/chart/colours.js";
import { joined } from "../../static/js/chart/draw.js";
import { Frame } from "../../static/js/chart/frame.js";
import { indexNear, pointedAt, pointNear, rowsAround, rowsAt } from "../../static/js/chart/nearest.js";
import { Series } from "../../static/js/chart/series.js";
import { seriesOf } from "./series.js";

/** @type {import("../../static/js/chart/value-scale.js").ValueScale} */
const SCALE = { type: "linear", range: [0, 10], ticks: null, place: null };
const SIZE = { width: 160, height: 120, margin: { l: 50, r: 10, t: 0, b: 20 } };
/** A plot of 100 by 100 pixels for the steps 0 to 10 and the values 0 to 10. */
const FRAME = new Frame(SIZE, { range: [0, 10] }, SCALE);

/**
 * Lines of runs 1, 2, 3 and so on.
 * @param {number[][]} lines
 */
function shown(...lines) {
  /** @type {any} */
  const all = lines.map((values, i) => ({ line: { run: { id: i + 1 } }, series: seriesOf(values), y: values }));
  return /** @type {import("../../static/js/chart/card.js").Shown[]} */ (all);
}

/** @param {{line: import("../../static/js/chart/line.js").Line}[]} rows */
function ids(rows) {
  return rows.map(({ line }) => line.run.id);
}

test("metrics that are wanted of the same runs share a request", () => {
  /** @type {any[]} */
  const lines = [
    [1, "a"],
    [2, "a"],
    [2, "b"],
    [1, "b"],
    [2, "c"],
  ].map(([id, metric]) => ({ run: { id }, metric }));
  assert.deepEqual(requestsFor(lines), [
    { runs: [1, 2], metrics: ["a", "b"] },
    { runs: [2], metrics: ["c"] },
  ]);
});

test("ten colours are solid and the same ten dashed", () => {
  assert.deepEqual(styleOf(3), { hue: "--hue-3", dash: "" });
  assert.deepEqual(styleOf(13), { hue: "--hue-3", dash: "6,3" });
});

test("lines in one trace have a gap between them", () => {
  const { x, y } = joined([
    { x: [0, 1], y: [5, 6] },
    { x: [0], y: [7] },
  ]);
  assert.deepEqual(Array.from(x), [0, 1, NaN, 0]);
  assert.deepEqual(Array.from(y), [5, 6, NaN, 7]);
});

test("a place on the canvas is that of the data, and back", () => {
  assert.deepEqual([FRAME.across(5), FRAME.down(10), FRAME.xAt(20)], [50, 0, 2]);
  const log = new Frame(SIZE, {}, { ...SCALE, type: "log", range: [0, 2] });
  assert.equal(log.down(10), 50);
  assert.ok(log.down(0) > 100);
});

test("the nearest point is found, the last of several at one step", () => {
  const column = [0, 1, 1, 5];
  assert.deepEqual(
    [-3, 0.9, 2.9, 4, 9].map((x) => indexNear(column, x)),
    [0, 2, 2, 3, 3],
  );
  assert.equal(indexNear([], 1), -1);
});

test("the pointer means the line that is nearest, also between its points", () => {
  const lines = shown([0, 10], [9, 9]);
  assert.deepEqual(ids([pointedAt(lines, FRAME, { across: 5, down: 50 }).meant ?? lines[1]]), [1]);
  assert.deepEqual(ids([pointedAt(lines, FRAME, { across: 1, down: 12 }).meant ?? lines[0]]), [2]);
  assert.equal(pointedAt(lines, FRAME, { across: 1, down: 55 }).meant, null);
});

test("the pointer means the run whose spike it is on", () => {
  const lines = shown([1, 1, 1], [2, 2, 2]);
  lines[0].series.max = [1, 9, 1];
  assert.equal(pointedAt(lines, FRAME, { across: 10, down: 11 }).meant?.line.run.id, 1);
});

test("what stands at a step is sorted by value, what is not finite last", () => {
  const lines = shown([1, 1], [3, NaN], [2, 2], []);
  lines[1].series.bad = [[1, "NaN"]];
  assert.deepEqual(ids(rowsAt(lines, FRAME, 0)), [2, 3, 1]);
  assert.deepEqual(ids(rowsAt(lines, FRAME, 1)), [3, 1, 2]);
  assert.equal(rowsAt(lines, FRAME, 1)[2].kind, "NaN");
});

test("a run that has ended is not in the table behind its end", () => {
  assert.deepEqual(ids(rowsAt(shown([1, 1], Array(11).fill(2)), FRAME, 9)), [2]);
});

test("of many rows those around one are shown", () => {
  const rows = Array.from({ length: 20 }, (_, i) => i);
  assert.deepEqual(rowsAround(rows, 10, 4), { above: 8, part: [8, 9, 10, 11], below: 8 });
  assert.deepEqual(rowsAround(rows, -1, 4), { above: 0, part: [0, 1, 2, 3], below: 16 });
  assert.deepEqual(rowsAround([1, 2], 1, 4), { above: 0, part: [1, 2], below: 0 });
});

test("a metric that a run has not logged yet begins with its first live point", () => {
  const series = Series.empty({ name: "loss", x_axis: "step", last_id: 5 }, null);
  assert.equal(series.append({ ids: [5, 6], steps: [0, 1], values: [1, 2], timestamps: [0, 1] }), 1);
  assert.deepEqual([series.x, series.last, series.total], [[1], [2], 1]);
});

test("along another metric a line may turn back, and its points are found all the same", () => {
  const series = seriesOf([1, 2, 3, 4], { x_axis: "metric:lr" });
  series.x = [0, 2, 1, 3];
  series.isSorted = false;
  assert.deepEqual(series.ends(), [0, 3]);
  assert.equal(pointNear(series, 1.1), 2);
  assert.equal(series.append({ ids: [9], steps: [9], values: [1], timestamps: [1] }), 0);
  assert.ok(series.needsRefetch);
});

test("on a log axis of x a place is that of its logarithm", () => {
  const frame = new Frame(SIZE, { range: [1, 100], type: "log" }, SCALE);
  assert.equal(Math.round(frame.across(10)), 50);
  assert.equal(Math.round(frame.xAt(50)), 10);
});
