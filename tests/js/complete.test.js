import assert from "node:assert/strict";
import { test } from "node:test";
import { next, stillFitting, taken } from "../../static/js/workspace/complete.js";

/** @param {string} text @param {number} from @param {number} to */
const offer = (text, from, to) => ({ text, from, to, kind: "field", detail: "" });

test("an offer takes the place of the word at the cursor, and one types on behind a space", () => {
  assert.deepEqual(taken("not dur and x", offer("duration", 4, 7)), { text: "not duration and x", at: 13 });
  assert.deepEqual(taken("sta", offer("status", 0, 3)), { text: "status ", at: 7 });
  assert.deepEqual(taken("status i", offer("in (", 7, 8)), { text: "status in (", at: 11 });
  assert.deepEqual(taken("status in (fa)", offer("failed", 11, 13)), { text: "status in (failed)", at: 17 });
});

test("of the offers those stay that still fit, until the server has answered", () => {
  const offers = [offer("status", 0, 2), offer("started", 0, 2)];
  assert.deepEqual(stillFitting(offers, "st", "sta", 3), [offer("status", 0, 3), offer("started", 0, 3)]);
  assert.deepEqual(stillFitting(offers, "st", "statu", 5), [offer("status", 0, 5)]);
  assert.deepEqual(stillFitting(offers, "st", "status", 6), []);
  assert.deepEqual(stillFitting([offer("failed", 9, 9)], "status = ", "status != ", 10), []);
  assert.deepEqual(stillFitting([offer('"old one"', 9, 9)], "tags has ", 'tags has "ol', 12), [
    offer('"old one"', 9, 12),
  ]);
});

test("the arrows go around the offers, past what was typed", () => {
  assert.equal(next(-1, 1, 3), 0);
  assert.equal(next(2, 1, 3), -1);
  assert.equal(next(-1, -1, 3), 2);
  assert.equal(next(0, -1, 3), -1);
});
