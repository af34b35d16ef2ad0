/* The menu of a card: one popover for all, beside the button that was pressed. */

/** An entry does something, leads somewhere, or is a heading.
 * @typedef {{label: string, action?: () => unknown, href?: string, pressed?: boolean}} Entry */

export class Menu {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.element = document.createElement("div");
    this.element.className = "popover card-menu";
    this.element.id = "card-menu";
    this.element.popover = "auto";
    root.parentElement?.append(this.element);
    /** @type {HTMLElement | null} */
    this.button = null;
    this.stays = false; // Whether another list takes the place of the one that something was chosen from.
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("toggle", () => this.element.matches(":popover-open") || this.closed());
  }

  get isOpen() {
    return this.element.matches(":popover-open");
  }

  /**
   * @param {HTMLElement} button
   * @param {string} label
   * @param {Entry[]} entries
   */
  open(button, label, entries) {
    this.button = button;
    button.setAttribute("aria-expanded", "true");
    this.element.setAttribute("role", "dialog");
    this.element.setAttribute("aria-label", label);
    this.show(entries);
  }

  /** @param {Entry[]} entries */
  show(entries) {
    const items = document.createElement("div");
    items.className = "items";
    items.append(...entries.map((entry) => this.item(entry)));
    this.put(items);
  }

  /** @param {...Node} content */
  put(...content) {
    this.element.replaceChildren(...content);
    if (!this.button) return;
    if (!this.isOpen) this.element.showPopover();
    const { right, bottom, top } = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const below =
      bottom + 4 + height <= innerHeight - 8 ? bottom + 4 : Math.max(8, Math.min(top, innerHeight - height - 8));
    this.element.style.left = `${Math.round(Math.max(8, right - width))}px`;
    this.element.style.top = `${Math.round(below)}px`;
    /** @type {HTMLElement | null} */ (this.element.querySelector("input, button, a"))?.focus();
  }

  /** @param {Entry} entry */
  item({ label, action, href, pressed }) {
    if (href) {
      const link = document.createElement("a");
      Object.assign(link, { href, textContent: label, download: "" });
      link.className = "button";
      link.addEventListener("click", () => this.close());
      return link;
    }
    if (!action) {
      const heading = document.createElement("p");
      heading.textContent = label;
      return heading;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
    button.addEventListener("click", () => {
      this.stays = false;
      action();
      if (!this.stays) this.close();
    });
    return button;
  }

  /**
   * Another list in the place of this one: of the names that hold what is typed.
   * @param {string} label
   * @param {string[]} names
   * @param {(name: string) => void} choose
   */
  search(label, names, choose) {
    this.stays = true;
    const input = document.createElement("input");
    const list = document.createElement("div");
    list.className = "items";
    Object.assign(input, { type: "search", placeholder: label, ariaLabel: label, autocomplete: "off" });
    const fill = () => {
      const found = names.filter((name) => name.toLowerCase().includes(input.value.trim().toLowerCase())).slice(0, 50);
      list.replaceChildren(...found.map((name) => this.item({ label: name, action: () => choose(name) })));
    };
    input.addEventListener("input", fill);
    input.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") /** @type {HTMLElement | null} */ (list.firstElementChild)?.click();
    });
    fill();
    this.put(input, list);
  }

  close() {
    if (this.isOpen) this.element.hidePopover();
  }

  closed() {
    this.button?.setAttribute("aria-expanded", "false");
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const items = [.../** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("input, button, a"))];
    const now = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    items[(now + by + items.length) % items.length]?.focus();
  }
}
