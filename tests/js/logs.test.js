import assert from "node:assert/strict";
import { test } from "node:test";
import { countBelow, Hits } from "../../static/js/logs/hits.js";
import { estimate, lineOf, spaces, wanted } from "../../static/js/logs/range.js";

test("the spaces stand for the lines that are not in the page", () => {
  assert.deepEqual(spaces({ first: 1, last: 200, total: 200 }), { above: 0, below: 0 });
  assert.deepEqual(spaces({ first: 101, last: 300, total: 400 }), { above: 1800, below: 1800 });
});

test("no space is taller than browsers draw", () => {
  const { above, below } = spaces({ first: 5_000_000, last: 5_000_200, total: 10_000_000 });
  assert.ok(above + below < 8_100_000);
  assert.equal(estimate(100), 18);
});

test("lines near an end of what is there are asked for, far ones anew", () => {
  const range = { first: 1001, last: 1400, total: 10_000 };
  const [start, end] = [18_000, 18_000 + 400 * 18];
  assert.equal(wanted({ top: start + 3000, height: 600, start, end }, range), null);
  assert.equal(wanted({ top: start + 100, height: 600, start, end }, range), "before");
  assert.equal(wanted({ top: end - 700, height: 600, start, end }, range), "after");
  assert.equal(wanted({ top: 0, height: 600, start, end }, range), 1);
  assert.equal(wanted({ top: 9000, height: 600, start, end }, range), 501);
  assert.equal(wanted({ top: end + 18_000, height: 600, start, end }, range), 2434);
});

test("nothing is asked for beyond the first and the last line", () => {
  assert.equal(wanted({ top: 0, height: 600, start: 0, end: 900 }, { first: 1, last: 50, total: 50 }), null);
});

test("an address names a line", () => {
  assert.equal(lineOf("#L120"), 120);
  for (const hash of ["", "#L", "#L0", "#x", "#L1x", "#L-1"]) assert.equal(lineOf(hash), null);
});

test("hits are gathered from the end to the beginning and stepped through around it", () => {
  const hits = new Hits(1000);
  assert.equal(hits.words, "Searching…");
  hits.takeEarlier({ lines: [900, 950], first: 501, last: 1000 });
  assert.equal(hits.step(-1, 1001), 950);
  assert.equal(hits.words, "2 of 2+");
  hits.takeEarlier({ lines: [20], first: 1, last: 500 });
  assert.ok(hits.done);
  assert.equal(hits.words, "3 of 3");
  assert.deepEqual([hits.step(1, 950), hits.step(1, 20), hits.step(-1, 20)], [20, 900, 950]);
});

test("what comes later is searched, too, and counted once", () => {
  const hits = new Hits(10);
  hits.takeEarlier({ lines: [5], first: 1, last: 10 });
  hits.takeLater({ lines: [12], first: 11, last: 12 });
  hits.takeLater({ lines: [12, 14], first: 11, last: 14 });
  assert.deepEqual(hits.lines, [5, 12, 14]);
});

test("without hits it says so", () => {
  const hits = new Hits(10);
  hits.takeEarlier({ lines: [], first: 1, last: 10 });
  assert.equal(hits.words, "No hits");
  assert.equal(hits.step(1, 3), null);
});

test("numbers below one are counted", () => {
  assert.deepEqual(
    [0, 1, 2, 5, 9].map((n) => countBelow([1, 3, 5], n)),
    [0, 0, 1, 2, 3],
  );
});
