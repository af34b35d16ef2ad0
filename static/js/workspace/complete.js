/* The search box of a project: it offers what may come next, and points at the letter where a query is wrong.

   A combobox: the focus stays in the field and the arrows move the choice in the list. Nothing is chosen until somebody does
   so: whoever types on, or presses Enter, gets what was typed. */

/** A text that may stand in the place of the letters `from` to `to`.
 * @typedef {{text: string, from: number, to: number, kind: string, detail: string}} Offer */

const PAUSE = 80; // Milliseconds without a key before the server is asked.

/**
 * Those offers that still fit after somebody typed on, until the server has answered.
 * @param {Offer[]} offers
 * @param {string} asked the text that they were offered for
 * @param {string} text the text as it is now
 * @param {number} at where the cursor is
 * @returns {Offer[]}
 */
export function stillFitting(offers, asked, text, at) {
  return offers
    .filter(({ from }) => from <= at && text.slice(0, from) === asked.slice(0, from))
    .map((offer) => ({ ...offer, to: at }))
    .filter(({ text: offered, from }) => {
      const word = wanted(text.slice(from, at));
      return offered.toLowerCase().includes(word) && wanted(offered) !== word;
    });
}

/**
 * The text with an offer taken, and where the cursor is then: behind it and a space, so that one can type on.
 * @param {string} text
 * @param {Offer} offer
 */
export function taken(text, { text: offered, from, to }) {
  const behind = text.slice(to);
  const space = offered.endsWith("(") || /^[\s,)]/.test(behind) ? "" : " ";
  const before = text.slice(0, from) + offered + space;
  return { text: before + behind, at: before.length + Number(behind.startsWith(" ")) };
}

/**
 * Which choice is next; -1, before the first and after the last one, is what was typed.
 * @param {number} current
 * @param {number} by
 * @param {number} count
 */
export function next(current, by, count) {
  return ((current + 1 + by + count + 1) % (count + 1)) - 1;
}

/** @param {string} word */
function wanted(word) {
  return word.replace(/^"|"$/g, "").toLowerCase();
}

class Complete {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.address = form.dataset.complete ?? "";
    this.field = /** @type {HTMLInputElement} */ (form.querySelector("input[name=q]"));
    /** @type {Offer[]} */
    this.offers = [];
    this.asked = "";
    this.current = -1;
    /** @type {AbortController | null} */
    this.request = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.pause = undefined;
    this.list = listElement();
    form.append(this.list);
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-controls": this.list.id };
    for (const [name, value] of Object.entries({ ...attributes, spellcheck: "false", autocapitalize: "none" }))
      this.field.setAttribute(name, value);
    this.show([]);
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.field.addEventListener("blur", () => this.close());
    form.addEventListener("submit", () => this.close());
    // The field keeps the focus.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => this.clicked(/** @type {Element} */ (target)));
  }

  get isOpen() {
    return !this.list.hidden;
  }

  get at() {
    return this.field.selectionStart ?? this.field.value.length;
  }

  typed(pause = PAUSE) {
    this.show(stillFitting(this.offers, this.asked, this.field.value, this.at));
    this.forget();
    // An empty box offers all there is, but only to who asks for it.
    if (pause && !this.field.value.trim()) return this.close();
    this.pause = setTimeout(() => this.ask(), pause);
  }

  /** Ask the server, and drop the answer if it comes after something else was typed. */
  async ask() {
    const [text, request] = [this.field.value, new AbortController()];
    this.request = request;
    try {
      const query = new URLSearchParams({ q: text, at: String(this.at) });
      const answer = await fetch(`${this.address}?${query}`, { signal: request.signal });
      const offers = answer.ok ? await answer.json() : [];
      if (this.request !== request) return;
      this.asked = text;
      this.show(offers);
    } catch {
      // One can type without: what was offered is still right, or was taken away when it was not.
    }
  }

  forget() {
    clearTimeout(this.pause);
    this.request?.abort();
    this.request = null;
  }

  close() {
    this.forget();
    this.show([]);
  }

  /** @param {Offer[]} offers */
  show(offers) {
    const chosen = this.offers[this.current]?.text;
    this.current = offers.findIndex(({ text }) => text === chosen);
    this.offers = offers;
    const word = offers.length ? this.field.value.slice(offers[0].from, this.at) : "";
    this.list.replaceChildren(...offers.map((offer, index) => optionElement(offer, index, wanted(word))));
    this.list.hidden = !offers.length;
    document.body.toggleAttribute("data-completing", offers.length > 0);
    this.field.setAttribute("aria-expanded", String(this.isOpen));
    this.mark();
  }

  /** Show which offer is chosen. */
  mark() {
    for (const [index, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(index === this.current));
      if (index === this.current) option.scrollIntoView({ block: "nearest" });
    }
    if (this.current < 0) this.field.removeAttribute("aria-activedescendant");
    else this.field.setAttribute("aria-activedescendant", idOf(this.current));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { key } = event;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) this.typed(0);
      else {
        this.current = next(this.current, key === "ArrowDown" ? 1 : -1, this.offers.length);
        this.mark();
      }
    } else if ((key === "Enter" || (key === "Tab" && !event.shiftKey)) && this.current >= 0) {
      event.preventDefault();
      this.take(this.offers[this.current]);
    } else if (key === "Escape" && this.isOpen) {
      // Only the list is closed: what was typed stays, and so does the focus.
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (key === "Escape") {
      // Browsers would empty the field, and with it the filter.
      event.preventDefault();
      this.field.blur();
    } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) this.close();
  }

  /** @param {Element} target */
  clicked(target) {
    const option = target.closest("[role=option]");
    if (option) this.take(this.offers[[...this.list.children].indexOf(option)]);
  }

  /** @param {Offer} offer */
  take(offer) {
    const { text, at } = taken(this.field.value, offer);
    this.show([]);
    this.field.value = text;
    this.field.setSelectionRange(at, at);
    this.field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

/** The fault of a query stands under the box, with its tip under the letter where it is. */
class Fault {
  /** @param {HTMLInputElement} field */
  constructor(field) {
    this.field = field;
    document.addEventListener("htmx:after:swap", () => this.place());
    field.addEventListener("scroll", () => this.place());
    addEventListener("resize", () => this.place());
    this.place();
  }

  place() {
    const fault = /** @type {HTMLElement | null} */ (document.querySelector("#runs > .fault"));
    this.field.setAttribute("aria-invalid", String(fault !== null));
    if (!fault) this.field.removeAttribute("aria-describedby");
    else {
      this.field.setAttribute("aria-describedby", fault.id);
      const { left, right } = this.field.getBoundingClientRect();
      const start = Math.max(8, Math.min(left, innerWidth - fault.offsetWidth - 8));
      const tip = Math.max(left + 8, Math.min(this.letterAt(Number(fault.dataset.letter)), right - 8)) - start;
      // Not on the fault itself, from which the next answer would take it.
      const { style } = document.documentElement;
      style.setProperty("--fault", `${start}px`);
      style.setProperty("--fault-shift", "0");
      style.setProperty("--tip", `${Math.max(10, Math.min(tip, fault.offsetWidth - 10))}px`);
    }
  }

  /** Where the middle of a letter is on the screen. @param {number} letter counted from 1, without spaces before */
  letterAt(letter) {
    const { value, scrollLeft } = this.field;
    const { fontWeight, fontSize, fontFamily, paddingLeft } = getComputedStyle(this.field);
    const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    context.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    const place = value.length - value.trimStart().length + letter - 1;
    const width = context.measureText(value.slice(0, place)).width;
    const half = context.measureText(value[place] ?? " ").width / 2;
    return this.field.getBoundingClientRect().left + 1 + Number.parseFloat(paddingLeft) + width + half - scrollLeft;
  }
}

function listElement() {
  const list = document.createElement("div");
  list.id = "search-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "What may come next");
  return list;
}

/**
 * @param {Offer} offer
 * @param {number} index
 * @param {string} word the part of it that was typed, which is shown in bold
 */
function optionElement({ text, detail }, index, word) {
  const option = document.createElement("div");
  option.id = idOf(index);
  option.setAttribute("role", "option");
  const start = word ? text.toLowerCase().indexOf(word) : -1;
  const name = document.createElement("span");
  if (start < 0) name.textContent = text;
  else {
    const bold = document.createElement("b");
    bold.textContent = text.slice(start, start + word.length);
    name.append(text.slice(0, start), bold, text.slice(start + word.length));
  }
  const about = document.createElement("small");
  about.textContent = detail;
  // A space between them, for those who hear them.
  option.append(name, " ", about);
  return option;
}

/** @param {number} index */
function idOf(index) {
  return `search-option-${index}`;
}

/** @param {HTMLFormElement} form */
export function start(form) {
  const { field } = new Complete(form);
  new Fault(field);
}
