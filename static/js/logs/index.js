/* The Logs tab: a window onto a run's lines. Those near what one sees are in the page; the others are a space of about their
   height, so that the scroll bar is that of the whole. The server sends lines as HTML, with all that a program wrote as text. */

import { toast } from "../toast.js";
import { write } from "../url-state.js";
import { BLOCK, lineOf, MOST, spaces, wanted } from "./range.js";
import { LogRows } from "./rows.js";
import { start as startSearch } from "./search.js";
import { startTools } from "./tools.js";

/** @typedef {{rows: [number, string][], first: number, last: number, lastLine: number, settled: number}} Lines */

/** @param {HTMLElement} section with data-run, data-first, data-last, data-lines and data-hits */
export function start(section) {
  const log = new LogWindow(section);
  startTools(log);
  startSearch(log);
  log.begin();
}

export class LogWindow {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    this.scroller = /** @type {HTMLElement} */ (section.querySelector("[data-log-scroll]"));
    this.rows = new LogRows(/** @type {HTMLElement} */ (section.querySelector("[data-log-lines]")));
    this.above = /** @type {HTMLElement} */ (section.querySelector("[data-log-above]"));
    this.below = /** @type {HTMLElement} */ (section.querySelector("[data-log-below]"));
    this.toEnd = /** @type {HTMLElement} */ (section.querySelector("[data-log-end]"));
    this.total = Number(section.dataset.last);
    this.first = Number(section.dataset.first); // From here ...
    this.last = this.total; // ... to here the lines were fetched.
    this.filtered = section.dataset.filtered !== undefined;
    this.following = true;
    this.waiting = 0; // Requests.
    /** @type {Promise<unknown>} */
    this.turn = Promise.resolve();
    this.moves = 0; // Times that somebody has gone somewhere: who is slower than the next one gives way.
    this.behind = false; // Whether something came while lines were fetched.
    this.lastTop = 0;
  }

  begin() {
    this.layOut();
    this.goToEnd();
    let waits = false;
    this.scroller.addEventListener("scroll", () => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        this.scrolled();
      });
    });
    this.toEnd.addEventListener("click", () => this.follow());
    this.scroller.addEventListener("click", (event) => this.clicked(event));
    document.body.addEventListener("live:logs", ({ detail }) => {
      if (detail.run_id === Number(this.section.dataset.run)) this.heard();
    });
    document.body.addEventListener("look:again", () => this.heard());
    addEventListener("hashchange", () => this.goToAddress());
    new ResizeObserver(() => this.following && this.goToEnd()).observe(this.scroller);
    this.goToAddress();
  }

  /** Fetch lines, one request after the other; null when the server cannot be reached: the next look tries again.
   * @param {Record<string, string | number>} query
   * @returns {Promise<Lines | null>} */
  fetch(query) {
    const url = new URL(this.section.dataset.lines ?? "", location.href);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    this.waiting += 1;
    const answer = this.turn.then(() => this.ask(url));
    this.turn = answer.then(() => {
      this.waiting -= 1;
    });
    return answer;
  }

  /** @param {URL} url @returns {Promise<Lines | null>} */
  async ask(url) {
    try {
      const response = await fetch(url);
      if (!response.ok) return null;
      const lines = await response.json();
      this.total = Math.max(this.total, lines.lastLine);
      return lines;
    } catch {
      return null;
    }
  }

  get loading() {
    return this.waiting > 0;
  }

  /** Look for more when one has come near an end of what is there. */
  async scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    const isAtEnd = this.last >= this.total && scrollTop + clientHeight >= scrollHeight - 4;
    if (isAtEnd) this.following = true;
    else if (scrollTop < this.lastTop - 1) this.following = false;
    this.lastTop = scrollTop;
    this.showState();
    if (this.loading) return;
    const next = this.wanted();
    if (next === "before") await this.loadBefore();
    else if (next === "after") await this.loadAfter();
    else if (next !== null) await this.show(next, { atTop: true });
    else return;
    if (this.wanted() !== null) requestAnimationFrame(() => this.scrolled());
  }

  wanted() {
    const start = this.above.offsetHeight;
    const view = { top: this.scroller.scrollTop, height: this.scroller.clientHeight };
    return wanted({ ...view, start, end: start + this.rows.element.offsetHeight }, this.range);
  }

  get range() {
    // Of lines of one kind nobody knows how many there are: only the ends are where they are.
    return this.filtered
      ? { first: Math.min(this.first, 2), last: this.last >= this.total ? 1 : 0, total: 1 }
      : { first: this.first, last: this.last, total: this.total };
  }

  async loadBefore() {
    const lines = await this.fetch({ before: this.first, limit: BLOCK });
    if (!lines) return;
    this.first = lines.rows.length || lines.first < this.first ? lines.first : 1;
    this.keepingPlace(() => {
      this.rows.prepend(lines.rows);
      const gone = this.rows.cut(MOST, "end");
      if (gone !== null) this.last = gone;
    });
  }

  async loadAfter() {
    const lines = await this.fetch({ after: this.last, limit: BLOCK });
    if (!lines) return;
    this.last = Math.max(this.last, lines.last);
    this.keepingPlace(() => {
      this.rows.append(lines.rows);
      const gone = this.rows.cut(MOST, "start");
      if (gone !== null) this.first = gone;
    });
  }

  /**
   * Show a line and those around it.
   * @param {number} line
   * @param {{atTop?: boolean}} how
   */
  async show(line, { atTop = false } = {}) {
    this.following = false;
    this.moves += 1;
    const move = this.moves;
    if (line < this.first || line > this.last || !this.rows.find(line)) {
      const number = Math.min(Math.max(line, 1), this.total);
      const before = await this.fetch({ before: number, limit: BLOCK });
      const after = before && (await this.fetch({ after: number - 1, limit: BLOCK }));
      if (!before || !after || move !== this.moves) return;
      [this.first, this.last] = [before.rows.length ? before.first : 1, after.last];
      this.rows.replace([...before.rows, ...after.rows]);
      this.layOut();
    }
    const row = this.rows.find(line) ?? this.rows.nextTo(line);
    if (!row) return;
    // Twice, as blocks that were not seen before turn out to be taller or not so tall.
    for (let again = 0; again < 2; again++) {
      const place = row.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
      this.scroller.scrollTop += atTop ? place : place - this.scroller.clientHeight / 3;
    }
    this.lastTop = this.scroller.scrollTop;
    this.showState();
  }

  /** Go to the end and stay there as lines come. */
  async follow() {
    this.moves += 1;
    if (this.last < this.total || this.filtered) {
      const lines = await this.fetch({ before: this.total + 1, limit: BLOCK });
      if (!lines) return;
      [this.first, this.last] = [lines.first, Math.max(lines.last, lines.lastLine)];
      this.rows.replace(lines.rows);
    }
    if (lineOf(location.hash)) history.replaceState(history.state, "", location.pathname + location.search);
    this.following = true;
    this.layOut();
    this.goToEnd();
  }

  async goToBeginning() {
    await this.show(1, { atTop: true });
    this.scroller.scrollTop = 0;
  }

  /** Show the line that the address names. */
  async goToAddress() {
    const line = lineOf(location.hash);
    for (const row of this.section.querySelectorAll("[data-here]"))
      delete (/** @type {HTMLElement} */ (row).dataset.here);
    if (line === null) return;
    await this.show(line);
    const row = this.rows.find(line);
    if (row) row.dataset.here = "";
  }

  /** There are new lines, or the last ones were written over. */
  async heard() {
    if (this.loading) {
      this.behind = true;
      return;
    }
    const wasAtEnd = this.last >= this.total;
    // The last of the lines may have been written over, up to where they are settled.
    const after = Math.max(this.first - 1, Math.min(this.last, this.total) - BLOCK);
    if (!wasAtEnd || (!this.following && this.rows.count >= MOST)) {
      const lines = await this.fetch({ after: this.last, limit: 1 });
      if (lines) this.layOut();
    } else {
      const lines = await this.fetch({ after, limit: 5 * BLOCK });
      if (lines && lines.last < lines.lastLine && this.following) await this.follow();
      else if (lines) this.takeNew(lines);
    }
    if (this.behind) {
      this.behind = false;
      this.heard();
    }
    document.body.dispatchEvent(new CustomEvent("logs:grown"));
  }

  /** @param {Lines} lines */
  takeNew(lines) {
    this.last = Math.max(this.last, lines.last);
    this.rows.update(lines.rows);
    if (this.following) {
      const gone = this.rows.cut(MOST, "start");
      if (gone !== null) this.first = gone;
    }
    this.layOut();
    if (this.following) this.goToEnd();
  }

  goToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
    this.showState();
  }

  /**
   * Change what is in the page without moving what one reads.
   * @param {() => void} change
   */
  keepingPlace(change) {
    const anchor = this.rows.firstVisible(this.scroller);
    const before = anchor?.getBoundingClientRect().top ?? 0;
    change();
    this.layOut();
    if (anchor?.isConnected) this.scroller.scrollTop += anchor.getBoundingClientRect().top - before;
    this.lastTop = this.scroller.scrollTop;
  }

  layOut() {
    const { above, below } = this.filtered ? { above: 0, below: 0 } : spaces(this.range);
    this.above.style.height = `${above}px`;
    this.below.style.height = `${below}px`;
    const none = /** @type {HTMLElement} */ (this.section.querySelector("[data-log-none]"));
    none.hidden = this.rows.count > 0;
    this.showState();
    document.body.dispatchEvent(new CustomEvent("logs:drawn"));
  }

  showState() {
    this.toEnd.hidden = this.following;
  }

  /** @param {MouseEvent} event */
  async clicked(event) {
    const more = /** @type {HTMLElement} */ (event.target).closest(".log-more");
    const row = /** @type {HTMLElement | null} */ (more?.closest(".log-line"));
    if (!row) return;
    const lines = await this.fetch({ after: Number(row.id.slice(1)) - 1, limit: 1, whole: 1 });
    if (lines) this.rows.update(lines.rows);
    else toast("The line could not be loaded. Try again.");
  }

  /** Say a choice in the address.
   * @param {Record<string, unknown>} changes */
  remember(changes) {
    write(changes);
  }
}
