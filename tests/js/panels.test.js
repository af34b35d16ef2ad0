import assert from "node:assert/strict";
import { test } from "node:test";
import { placesOf, pointOf } from "../../static/js/chart/panels/places.js";
import { seriesOf } from "./series.js";

const note = {
  id: 1,
  run_id: 7,
  kind: "note",
  metric: "loss",
  step: 2,
  time: null,
  text: "",
  html: "",
  author: "ada",
  created: 0,
  may_edit: false,
};
const frame = /** @type {any} */ ({
  width: 100,
  height: 50,
  across: (/** @type {number} */ x) => 10 * x,
  down: (/** @type {number} */ value) => value,
});

/** @param {number[]} values */
function shownOf(values, fields = {}) {
  const series = seriesOf(values, fields);
  return /** @type {any} */ ({ line: { run: { id: 7 }, metric: "loss" }, series, y: series.last });
}

test("a mark stands where its step is, on every axis", () => {
  assert.deepEqual(pointOf(note, shownOf([4, 5, 6])), { x: 2, value: 6 });
  const timed = shownOf([4, 5, 6], { x_axis: "time" });
  assert.deepEqual(pointOf(note, timed), { x: 1_002_000, value: 6 });
  assert.deepEqual(pointOf({ step: null, time: 1001 }, shownOf([4, 5, 6])), { x: 1, value: 5 });
  assert.deepEqual(pointOf({ step: 2, time: 1001.5 }, timed)?.x, 1_001_500);
  assert.equal(pointOf({ step: null, time: null }, timed), null);
});

test("marks are those of the line's run and metric, or of all its metrics", () => {
  const shown = [shownOf([1, 2, 3])];
  const found = (/** @type {object} */ fields) =>
    placesOf([/** @type {any} */ ({ ...note, ...fields })], shown, frame).length;
  assert.deepEqual([found({}), found({ metric: null }), found({ metric: "acc" }), found({ run_id: 8 })], [1, 1, 0, 0]);
});

test("marks that stand close together share a sign, and one at a value that is not finite stands at the edge", () => {
  const shown = [shownOf([1, 2, 3, NaN, 5, 6])];
  const marks = [0, 1, 5, 3, 9].map((step, id) => /** @type {any} */ ({ ...note, step, id }));
  const places = placesOf(marks, shown, frame);
  assert.deepEqual(
    places.map((place) => [place.marks.map(({ id }) => id), place.across, place.down]),
    [
      [[0, 1], 0, 1],
      [[3], 30, 50],
      [[2], 50, 6],
      [[4], 90, 6],
    ],
  );
});
