import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document ??= /** @type {any} */ ({});
const { afterTicks, reordered } = await import("../../static/js/compare/axes.js");

test("an axis goes where it is moved to, the others keep their order", () => {
  assert.deepEqual(reordered(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
  assert.deepEqual(reordered(["a", "b", "c"], 2, 0), ["c", "a", "b"]);
  assert.deepEqual(reordered(["a", "b", "c"], 1, 1), ["a", "b", "c"]);
  assert.deepEqual(reordered(["a", "b", "c"], 0, 9), ["b", "c", "a"]);
});

test("ticked axes come last, those that stay keep their order", () => {
  assert.deepEqual(afterTicks(["c", "a"], ["a", "b", "c"]), ["c", "a", "b"]);
  assert.deepEqual(afterTicks(["c", "a"], ["a"]), ["a"]);
});
