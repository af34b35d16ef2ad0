import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf } from "../../static/js/post.js";
import { completed, listed, nameOf, register, shown } from "../../static/js/shortcuts.js";

const none = { ctrlKey: false, metaKey: false, shiftKey: false };

test("a key press has one name, with Ctrl as with Command", () => {
  assert.equal(nameOf({ ...none, key: "?", shiftKey: true }), "?");
  assert.equal(nameOf({ ...none, key: "k", ctrlKey: true }), "mod+k");
  assert.equal(nameOf({ ...none, key: "K", metaKey: true, shiftKey: true }), "mod+shift+k");
  assert.equal(nameOf({ ...none, key: "ArrowUp", shiftKey: true }), "shift+ArrowUp");
});

test("of two shortcuts with one key the later comes first, and a pair of keys before a single one", () => {
  const away = ["first", "second"].map((label) => register("x", label, () => true));
  away.push(register("g x", "pair", () => true));
  assert.deepEqual(
    completed("", "x").matching.map(({ label }) => label),
    ["second", "first"],
  );
  assert.equal(completed("", "g").waitsFor, "g");
  assert.deepEqual(
    completed("g", "x").matching.map(({ label }) => label),
    ["pair"],
  );
  for (const unregister of away) unregister();
  assert.deepEqual(completed("g", "x").matching, []);
});

test("the list has what is on the page, once, and what is everywhere at its end", () => {
  const away = [
    register("a", "Everywhere it does this"),
    register("b", "On runs", undefined, { group: "Runs", when: "#runs" }),
    register("b", "On runs", undefined, { group: "Runs", when: "#runs" }),
    register("c", "On charts", undefined, { group: "Charts", when: "#charts" }),
  ];
  const groups = listed((selector) => selector === "#runs");
  assert.deepEqual(
    groups.map(([group, all]) => [group, all.map(({ keys }) => keys)]),
    [
      ["Runs", ["b"]],
      ["Everywhere", ["a"]],
    ],
  );
  for (const unregister of away) unregister();
});

test("keys are written as the keyboard at hand has them", () => {
  assert.equal(shown("mod+k", false), "Ctrl K");
  assert.equal(shown("mod+k", true), "⌘K");
  assert.equal(shown("shift+ArrowLeft", false), "Shift ←");
  assert.equal(shown("+", false), "+");
});

test("the events that an answer asks for are those of its header", () => {
  assert.deepEqual(eventsOf(null), []);
  assert.deepEqual(
    eventsOf("saved, look:again").map(([name]) => name),
    ["saved", "look:again"],
  );
  assert.deepEqual(eventsOf('{"toast": {"text": "3 runs deleted"}}'), [["toast", { text: "3 runs deleted" }]]);
});
