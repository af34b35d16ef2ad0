/* The columns of the table: sorted, moved, resized, pinned and hidden from their heads, and added from a list. */

import { current, readList, writeList } from "../url-state.js";
import { showPinned, startPinned } from "./pinned.js";
import { place } from "./popover.js";
import { bare, columnKeys, currentSort, go, moved, sortedBy, VALUES, withKey, withValue, withWidth } from "./table.js";

const NARROWEST = 56; // Pixels.
const WIDER = 24; // Pixels of one step by key.

export function startColumns() {
  document.body.addEventListener("click", clicked, { capture: true });
  document.body.addEventListener("pointerdown", resized);
  document.body.addEventListener("dblclick", ({ target }) => {
    const handle = /** @type {HTMLElement} */ (target).closest("[data-resize]");
    if (handle) setWidth(keyOf(handle), null);
  });
  document.body.addEventListener("keydown", keyPressed);
  for (const type of /** @type {const} */ (["dragstart", "dragover", "dragend", "drop"])) {
    document.body.addEventListener(type, dragged);
  }
  document.getElementById("column-menu")?.addEventListener("click", menuChosen);
  startList();
  startPinned();
  document.addEventListener("htmx:after:settle", () => layOut());
  for (const type of ["focusin", "pointerdown"]) document.body.addEventListener(type, focusMoved);
  document.addEventListener("htmx:after:settle", keepFocus);
  layOut();
}

/** @param {Element} element */
function keyOf(element) {
  return /** @type {HTMLElement | null} */ (element.closest("th[data-column]"))?.dataset.column ?? "";
}

/** @param {string} key */
function colOf(key) {
  return /** @type {HTMLTableColElement | null} */ (
    document.querySelector(`#table col[data-col="${CSS.escape(key)}"]`)
  );
}

/** Show what the server does not know. */
function layOut() {
  // An answer that was under way when a column was resized has the width from before.
  for (const text of readList("width")) {
    const col = colOf(text.slice(0, text.lastIndexOf(":")));
    if (col) col.width = text.slice(text.lastIndexOf(":") + 1);
  }
  showPinned();
}

/** The key by which a head's link sorts, with the direction that it would take. @param {Element} head */
function sortKeyOf(head) {
  const link = /** @type {HTMLAnchorElement | null} */ (head.querySelector(":scope > a"));
  return link ? new URL(link.href).searchParams.get("sort") : null;
}

/** @param {MouseEvent} event */
function clicked(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const head = target.closest("#table th[data-column]");
  if (!head) return;
  const key = sortKeyOf(head);
  if (target.closest("[data-column-menu]")) {
    openMenu(/** @type {HTMLElement} */ (head));
  } else if (event.shiftKey && key && target.closest("a")) {
    event.preventDefault();
    event.stopPropagation();
    go({ sort: sortedBy(currentSort(), key) });
  }
}

let menuKey = "";

/** @param {HTMLElement} head */
function openMenu(head) {
  const menu = /** @type {HTMLElement} */ (document.getElementById("column-menu"));
  menuKey = head.dataset.column ?? "";
  const key = bare(sortKeyOf(head) ?? "");
  const others = currentSort().filter((one) => bare(one) !== key);
  const isSorted = head.dataset.sorted !== undefined;
  const has = {
    sort: key !== "",
    further: key !== "" && others.length > 0,
    unsort: isSorted && others.length > 0,
    move: menuKey !== "name",
    pin: menuKey !== "name" && head.dataset.pinned === undefined,
    unpin: head.dataset.pinned !== undefined,
    hide: menuKey !== "name",
  };
  for (const item of /** @type {NodeListOf<HTMLElement>} */ (menu.querySelectorAll("[data-if]"))) {
    item.hidden = !has[/** @type {keyof typeof has} */ (item.dataset.if)];
  }
  const values = /** @type {HTMLElement} */ (menu.querySelector("[data-values]"));
  const { base, of: shown } = head.dataset;
  values.hidden = base === undefined;
  values
    .querySelector("div")
    ?.replaceChildren(...(base ? VALUES.map((of) => valueButton(base, of, of === shown)) : []));
  place(menu, head);
}

/**
 * @param {string} base
 * @param {string} of
 * @param {boolean} isShown
 */
function valueButton(base, of, isShown) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.do = "value";
  button.dataset.of = of;
  button.textContent = of;
  button.setAttribute("aria-label", `${of} of ${base.slice("metrics.".length)}`);
  if (isShown) button.setAttribute("aria-current", "true");
  return button;
}

/** @param {MouseEvent} event */
function menuChosen({ target, currentTarget }) {
  const item = /** @type {HTMLElement} */ (target).closest("button");
  if (!item) return;
  const action = /** @type {HTMLElement} */ (item).dataset.do ?? "";
  if (!["narrower", "wider"].includes(action)) /** @type {HTMLElement} */ (currentTarget).hidePopover();
  act(action, menuKey, item.dataset.of);
}

/**
 * @param {string} action
 * @param {string} key
 * @param {string} [of] which value of the metric
 */
function act(action, key, of = "") {
  const head = /** @type {HTMLElement | null} */ (
    document.querySelector(`#table th[data-column="${CSS.escape(key)}"]`)
  );
  const sort = bare((head && sortKeyOf(head)) ?? "");
  const pins = readList("pin");
  if (action === "ascending") go({ sort });
  else if (action === "descending") go({ sort: `-${sort}` });
  else if (action === "then-ascending") go({ sort: withKey(currentSort(), sort) });
  else if (action === "then-descending") go({ sort: withKey(currentSort(), `-${sort}`) });
  else if (action === "unsort") go({ sort: currentSort().filter((one) => bare(one) !== sort) });
  else if (action === "value" && head) go(withValue(columnKeys(), key, { of, ...metricOf(head) }));
  else if (action === "left") move(key, -1);
  else if (action === "right") move(key, 1);
  else if (action === "pin") go({ pin: [...pins, key] });
  else if (action === "unpin") go({ pin: pins.filter((one) => one !== key) });
  else if (action === "hide")
    go({ show: columnKeys().filter((one) => one !== key), pin: pins.filter((one) => one !== key) });
  else if (action === "narrower") setWidth(key, widthOf(key) - WIDER);
  else if (action === "wider") setWidth(key, widthOf(key) + WIDER);
}

/** @param {HTMLElement} head */
function metricOf({ dataset: { base = "", better = "" } }) {
  return { base, better };
}

/**
 * @param {string} key
 * @param {number} by places
 */
async function move(key, by) {
  const pins = readList("pin");
  focused = key;
  await go({ show: moved(columnKeys(), key, by), pin: pins.includes(key) ? moved(pins, key, by) : pins });
  keepFocus();
}

/** The column whose button has the focus. Once the table has come anew the column may stand elsewhere, and its neighbour have it. */
let focused = "";

function keepFocus() {
  if (!focused || !document.activeElement?.matches("body, [data-column-menu]")) return;
  const head = document.querySelector(`#table th[data-column="${CSS.escape(focused)}"]`);
  /** @type {HTMLElement | null | undefined} */ (head?.querySelector("[data-column-menu]"))?.focus();
}

/** @param {Event} event */
function focusMoved({ target }) {
  const element = /** @type {Element} */ (target);
  focused = element.matches("[data-column-menu]") ? keyOf(element) : "";
}

/** @param {string} key */
function widthOf(key) {
  return colOf(key)?.getBoundingClientRect().width || Number(colOf(key)?.width);
}

/**
 * @param {string} key
 * @param {number | null} width
 */
function setWidth(key, width) {
  const col = colOf(key);
  if (!col) return;
  if (width === null) col.width = col.dataset.default ?? "";
  else col.width = String(Math.max(NARROWEST, Math.round(width)));
  writeList("width", withWidth(readList("width"), key, width === null ? null : Number(col.width)));
  layOut();
}

/** @param {PointerEvent} event */
function resized(event) {
  const handle = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-resize]"));
  if (!handle) return;
  event.preventDefault();
  handle.setPointerCapture(event.pointerId);
  const key = keyOf(handle);
  const [start, width] = [event.clientX, widthOf(key)];
  /** @param {PointerEvent} event */
  const follow = ({ clientX }) => {
    const col = colOf(key);
    if (col) col.width = String(Math.max(NARROWEST, Math.round(width + clientX - start)));
  };
  handle.addEventListener("pointermove", follow);
  handle.addEventListener(
    "lostpointercapture",
    () => {
      handle.removeEventListener("pointermove", follow);
      setWidth(key, Number(colOf(key)?.width));
    },
    { once: true },
  );
}

/** On a head: Alt with an arrow moves its column, Shift with an arrow resizes it. @param {KeyboardEvent} event */
function keyPressed(event) {
  const key = keyOf(/** @type {HTMLElement} */ (event.target));
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!key || !by || event.ctrlKey || event.metaKey || event.altKey === event.shiftKey) return;
  event.preventDefault();
  if (event.shiftKey) setWidth(key, widthOf(key) + by * WIDER);
  else if (key !== "name") move(key, by);
}

let draggedKey = "";

/** @param {DragEvent} event */
function dragged(event) {
  const head = /** @type {HTMLElement | null} */ (
    /** @type {HTMLElement} */ (event.target).closest("#table th[data-column]")
  );
  if (event.type === "dragstart") {
    draggedKey = head?.dataset.column ?? "";
    event.dataTransfer?.setData("text/plain", draggedKey);
    return;
  }
  for (const other of document.querySelectorAll("#table th[data-drop]")) other.removeAttribute("data-drop");
  if (event.type === "dragend") draggedKey = "";
  if (!draggedKey || !head?.dataset.column || head.dataset.column === "name") return;
  event.preventDefault();
  const { left, width } = head.getBoundingClientRect();
  const after = event.clientX > left + width / 2;
  if (event.type === "dragover") head.dataset.drop = after ? "after" : "before";
  if (event.type !== "drop" || head.dataset.column === draggedKey) return;
  const rest = columnKeys().filter((key) => key !== draggedKey);
  rest.splice(rest.indexOf(head.dataset.column) + Number(after), 0, draggedKey);
  go({ show: rest });
}

/** The list of all columns that there are, found by a part of the name. */
function startList() {
  const list = /** @type {HTMLElement | null} */ (document.getElementById("column-list"));
  const find = /** @type {HTMLInputElement | null} */ (list?.querySelector("input") ?? null);
  const found = list?.querySelector("[data-found-columns]");
  if (!list || !find || !found) return;
  let asked = 0;
  const renew = async () => {
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams([...current(), ["find", find.value]]);
    query.delete("show");
    for (const key of columnKeys()) query.append("show", key);
    const answer = await fetch(`${list.dataset.source}?${query}`, { headers: { Accept: "text/html" } });
    if (mine === asked && answer.ok) found.innerHTML = await answer.text();
  };
  find.addEventListener("input", renew);
  list.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "open" && renew());
  found.addEventListener("click", async (event) => {
    const item = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("a[data-key]"));
    if (!item) return;
    event.preventDefault();
    const key = item.dataset.key ?? "";
    const keys = columnKeys();
    await go({ show: keys.includes(key) ? keys.filter((one) => one !== key) : [...keys, key] });
    await renew();
    /** @type {HTMLElement | null} */ (found.querySelector(`a[data-key="${CSS.escape(key)}"]`))?.focus();
  });
  document.body.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement} */ (target).closest("[data-add-column]");
    if (button) place(list, button);
  });
}
