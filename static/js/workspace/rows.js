/* The rows of a long table: fetched in blocks as one scrolls. Only the blocks near the view have their rows in
   the page; the others keep their height. The first block is always there, as it says which runs are drawn.

   When runs have changed, rows on the screen are brought up to date where they stand. New rows come at the top if one is
   there; elsewhere a button says how many there are. */

import { count } from "../format.js";
import { current } from "../url-state.js";

const BLOCK = 25; // Rows that come at once: few enough to be put in between two frames.
const AHEAD = 1200; // Pixels beyond the view in which rows are loaded, and beyond which they are let go of.
const [AGAIN, LATEST] = [500, 30_000]; // Milliseconds until rows that did not come are asked for again: at first, at most.
const EVERY = 1000; // Milliseconds between two renewals of the rows on the screen.

export class Rows {
  constructor() {
    /** @type {WeakMap<Element, AbortController>} */
    this.fetching = new WeakMap();
    /** @type {WeakSet<Element>} blocks that are near the view */
    this.near = new WeakSet();
    this.again = AGAIN;
    this.renewedAt = -EVERY;
    this.renewing = false; // A request of the whole table is under way that changes nothing of what it shows.
    this.nearBottom = false;
    /** @type {HTMLElement | null} */
    this.scroller = null;
    /** @type {HTMLTableSectionElement | null} */
    this.first = null;
    /** @type {HTMLElement | null} */
    this.bottom = null;
    /** @type {IntersectionObserver | undefined} */
    this.observer = undefined;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
    document.addEventListener("htmx:before:swap", (event) => this.keepBlocks(event));
    document.addEventListener("htmx:after:settle", () => this.watch());
    document.addEventListener("htmx:config:request", (event) => this.renewInPlace(event));
    document.body.addEventListener("click", ({ target }) => {
      if (/** @type {HTMLElement} */ (target).closest("#new-runs")) this.showNew();
    });
    this.watch();
  }

  get table() {
    return document.getElementById("table");
  }

  /** The blocks after the first one. */
  get blocks() {
    return /** @type {HTMLTableSectionElement[]} */ ([...document.querySelectorAll("#table > tbody[data-block]")]);
  }

  /** Look after the table that is on the page now. */
  watch() {
    const scroller = document.getElementById("scroller");
    const bottom = document.getElementById("more-runs");
    this.first = /** @type {HTMLTableSectionElement | null} */ (document.getElementById("rows"));
    if (scroller === this.scroller && bottom === this.bottom) {
      this.refreshStale();
      this.grow();
      return;
    }
    this.observer?.disconnect();
    this.scroller = scroller;
    this.bottom = bottom;
    this.nearBottom = false;
    if (!scroller) return;
    const options = { root: scroller, rootMargin: `${AHEAD}px 0px` };
    this.observer = new IntersectionObserver((entries) => this.seen(entries), options);
    for (const block of this.blocks) this.observer.observe(block);
    if (bottom) this.observer.observe(bottom);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (target === this.bottom) this.nearBottom = isIntersecting;
      else if (isIntersecting) {
        this.near.add(target);
        this.load(/** @type {HTMLTableSectionElement} */ (target));
      } else {
        this.near.delete(target);
        this.unload(/** @type {HTMLTableSectionElement} */ (target));
      }
    }
    this.grow();
  }

  /** Add a block below the last one, if its end comes near. */
  grow() {
    const last = this.blocks.at(-1) ?? this.first;
    if (!this.nearBottom || !last || !this.table || !endOf(last)) return;
    const block = document.createElement("tbody");
    block.id = `rows-${this.blocks.length + 1}`;
    block.dataset.block = "";
    block.setAttribute("hx-morph-skip", "");
    last.after(block);
    leaveGap(block, 32 * BLOCK);
    this.observer?.observe(block);
  }

  /** @param {HTMLTableSectionElement} block */
  unload(block) {
    this.fetching.get(block)?.abort();
    if (block.contains(document.activeElement) || block.querySelector(".gap")) return;
    block.dataset.end = endOf(block);
    leaveGap(block, block.offsetHeight);
  }

  /** @param {HTMLTableSectionElement} block */
  async load(block) {
    const after = endOf(/** @type {Element} */ (block.previousElementSibling));
    if (this.fetching.has(block) || !after || (block.dataset.after === after && !block.querySelector(".gap"))) return;
    const rows = await this.fetchRows(block, after);
    if (!block.isConnected) return;
    if (!rows) {
      // It failed, or was given up as the block left the view, which may have come back meanwhile.
      if (this.near.has(block)) setTimeout(() => this.load(block), this.again);
      this.again = Math.min(2 * this.again, LATEST);
      return;
    }
    this.again = AGAIN;
    block.dataset.after = after;
    delete block.dataset.end;
    block.replaceChildren(...rows);
    window.htmx.process(block);
    document.dispatchEvent(new CustomEvent("rows:loaded"));
    this.showLoaded();
    const next = /** @type {HTMLTableSectionElement | null} */ (block.nextElementSibling);
    if (next && this.near.has(next)) this.load(next); // It may have waited for where it begins.
    this.grow();
  }

  /**
   * @param {Element} block
   * @param {string} after the cursor of the row before; "" for the first rows
   */
  async fetchRows(block, after) {
    const query = current();
    query.delete("limit");
    query.delete("after");
    if (after) query.set("after", after);
    if (after) query.set("limit", String(BLOCK));
    const control = new AbortController();
    this.fetching.set(block, control);
    try {
      const headers = {
        "HX-Request": "true",
        "HX-Request-Type": "partial",
        "HX-Target": "tbody#rows",
        Accept: "text/html",
      };
      const answer = await fetch(`${location.pathname}?${query}`, { headers, signal: control.signal });
      if (!answer.ok) return null;
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      return [...template.content.children];
    } catch {
      return null;
    } finally {
      this.fetching.delete(block);
    }
  }

  showLoaded() {
    const text = this.bottom?.querySelector("[data-loaded]");
    const loaded = this.blocks.reduce((sum, block) => sum + rowsOf(block), this.first?.rows.length ?? 0);
    if (text) text.textContent = count(loaded);
    if (this.bottom && !endOf(this.blocks.at(-1) ?? /** @type {Element} */ (this.first))) this.bottom.hidden = true;
  }

  /**
   * A table that only renews itself keeps the blocks that were loaded.
   * @param {DocumentEventMap["htmx:before:swap"]} event
   */
  keepBlocks({ detail }) {
    for (const { fragment } of detail.tasks) {
      const first = fragment?.querySelector("#rows");
      if (!first) continue;
      if (this.renewing) first.after(...this.blocks.map((block) => block.cloneNode(false)));
      else this.scroller?.scrollTo({ top: 0 });
      this.renewing = false;
    }
  }

  /** Blocks whose beginning has moved, as there are new rows above them. */
  refreshStale() {
    for (const block of this.blocks) {
      const { top, bottom } = block.getBoundingClientRect();
      if (bottom > -AHEAD && top < innerHeight + AHEAD) this.load(block);
    }
  }

  /**
   * Away from the top nothing is put in or sorted anew: what is on the screen is brought up to date where it stands.
   * @param {DocumentEventMap["htmx:config:request"]} event
   */
  renewInPlace(event) {
    const { sourceElement, sourceEvent } = event.detail.ctx;
    this.renewing = false;
    if (sourceElement?.id !== "runs" || !sourceEvent?.type || !this.scroller) return;
    if (document.querySelector("#runs[data-grouped]")) {
      // A group that is unfolded stays so; its means are renewed when it is folded.
      if (document.querySelector("#table [data-fold][aria-expanded=true]")) event.preventDefault();
      return;
    }
    this.renewing = true;
    if (this.scroller.scrollTop < 32 || sourceEvent.type === "draw:more") return;
    this.renewing = false;
    event.preventDefault();
    this.timer ??= setTimeout(
      () => {
        this.timer = null;
        this.renewedAt = performance.now();
        this.renewVisible();
      },
      Math.max(0, EVERY - (performance.now() - this.renewedAt)),
    );
  }

  async renewVisible() {
    const view = this.scroller?.getBoundingClientRect();
    if (!view || !this.first) return;
    const fresh = await this.fetchRows(this.first, "");
    if (fresh) this.countNew(fresh);
    delete document.getElementById("runs")?.dataset.version; // What is shown from here on is of several answers.
    for (const block of [this.first, ...this.blocks]) {
      const { top, bottom } = block.getBoundingClientRect();
      if (bottom < view.top || top > view.bottom || block.querySelector(".gap")) continue;
      const rows = block === this.first ? fresh : await this.fetchRows(block, block.dataset.after ?? "");
      for (const row of rows ?? []) bringUpToDate(row);
    }
    document.dispatchEvent(new CustomEvent("rows:loaded"));
  }

  /** @param {Element[]} fresh */
  countNew(fresh) {
    const button = document.getElementById("new-runs");
    const total = Number(/** @type {HTMLElement | undefined} */ (fresh[0])?.dataset.total ?? 0);
    const more = total - Number(document.getElementById("runs")?.dataset.total ?? 0);
    if (!button) return;
    button.hidden = more <= 0;
    button.textContent = more === 1 ? "1 new run" : `${count(more)} new runs`;
  }

  showNew() {
    this.scroller?.scrollTo({ top: 0 });
    document.body.dispatchEvent(new CustomEvent("look:again", { bubbles: true }));
  }
}

/**
 * The cursor after the last row of a block, "" at the end of the list.
 * @param {Element} block
 */
function endOf(block) {
  const { end } = /** @type {HTMLElement} */ (block).dataset;
  return end ?? /** @type {HTMLElement | null} */ (block.lastElementChild)?.dataset.after ?? "";
}

/** @param {HTMLTableSectionElement} block */
function rowsOf(block) {
  return block.querySelector(".gap") ? Number(block.dataset.rows ?? 0) : block.rows.length;
}

/**
 * @param {HTMLTableSectionElement} block
 * @param {number} height in pixels
 */
function leaveGap(block, height) {
  block.dataset.rows = String(block.rows.length);
  const row = document.createElement("tr");
  row.className = "gap";
  const cell = document.createElement("td");
  cell.colSpan = 1000;
  cell.style.height = `${height}px`;
  row.append(cell);
  block.replaceChildren(row);
}

/** Put what has changed in a row into the row of the same run. @param {Element} fresh */
function bringUpToDate(fresh) {
  const row = document.getElementById(fresh.id);
  if (!row || row.children.length !== fresh.children.length) return;
  for (const name of ["data-state", "data-colour"]) row.setAttribute(name, fresh.getAttribute(name) ?? "");
  for (const [index, cell] of [...row.children].entries()) {
    const renewed = fresh.children[index];
    if (cell.textContent === renewed.textContent && index > 0) continue;
    const mark = cell.querySelector(".mark");
    if (index === 0) {
      const state = renewed.querySelector(".mark");
      if (mark && state && mark.getAttribute("data-state") !== state.getAttribute("data-state"))
        mark.replaceWith(state);
    } else if (!cell.contains(document.activeElement)) {
      cell.replaceChildren(...renewed.childNodes);
      window.htmx.process(cell);
    }
  }
}
