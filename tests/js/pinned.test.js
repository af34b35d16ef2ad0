import assert from "node:assert/strict";
import { test } from "node:test";
import { pinnedRules } from "../../static/js/workspace/pinned.js";

test("a pinned column stands beside those before it", () => {
  const rules = pinnedRules([true, true, true, true, false], [128, 200, 90, 80, 300]);
  assert.match(rules, /nth-child\(3\) \{ position: sticky; left: 328px;/);
  assert.match(rules, /nth-child\(4\) \{ position: sticky; left: 418px;/);
  assert.doesNotMatch(rules, /nth-child\([125]\)/);
});

test("a table without pinned columns needs no rules of its own", () => {
  assert.equal(pinnedRules([true, true, false], [128, 200, 90]), "");
});
