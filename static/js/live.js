/* The page's live connection, one socket however many runs are drawn. It raises `live:metrics`, `live:run`, `live:project`,
   `live:marks`, `live:logs`, `live:alerts`, `live:resync`, `live:refused` and `look:again` on the body, those of a run with its `run_id`, and keeps the badge
   true. When there is nothing left to listen to it stops and shows the page's notice of why. */

import { count } from "./format.js";
import { LiveSocket } from "./live-socket.js";

/** Why a connection ends for good, by the code with which the server closes it.
 * @type {Record<number, string>} */
const ENDINGS = { 4401: "Signed out", 4403: "No longer allowed", 4404: "Deleted" };
/** The same, by the status of an ordinary answer.
 * @type {Record<number, number>} */
const CODE_OF_STATUS = { 401: 4401, 403: 4403, 404: 4404 };

/** Messages that are passed on as they are. */
const EVENTS = new Set(["metrics", "project", "marks", "logs", "alerts", "resync", "refused"]);

/** @type {LivePage | null} */
let page = null;
/** @type {Record<number, number>} */
let wanted = {};

/** @param {HTMLElement} element */
export function start(element) {
  page = new LivePage(element);
}

/**
 * Hear of these runs beside what the page was opened for, from the ids after those that it has; those of an earlier call
 * that are not among them are left.
 * @param {Record<number, number>} runs the last id that the page has, by run
 */
export function watch(runs) {
  wanted = runs;
  page?.socket.watch(runs);
}

class LivePage {
  /** @param {HTMLElement} element with data-socket, data-ask and, for a run, data-since */
  constructor(element) {
    this.element = element;
    this.run = Number(element.dataset.run ?? 0);
    /** @type {["on" | "off", string] | null} */
    this.status = null;
    /** @type {import("./live-socket.js").Listener} */
    const listener = {
      opened: (again) => this.opened(again),
      received: (message) => this.received(message),
      closed: (code, wasOpen) => this.closed(code, wasOpen),
      replaced: () => this.show("off", "Reconnecting"),
    };
    const { socket = "", since = null } = element.dataset;
    this.socket = new LiveSocket(socket, since, listener, this.run);
    this.socket.watch(wanted);
    // A fragment that was renewed comes with the server's words for the badge.
    document.addEventListener("htmx:after:settle", () => this.status && this.show(...this.status));
    const replace = () => this.socket.replace();
    addEventListener("online", replace);
    addEventListener("offline", replace);
    // A tab that wakes may have slept for hours: a new socket costs less than a doubt.
    document.addEventListener("visibilitychange", () => document.hidden || replace());
    addEventListener("pagehide", () => this.socket.abandon());
    addEventListener("pageshow", (event) => event.persisted && replace());
    this.socket.connect();
  }

  /** @param {boolean} again whether there was a break */
  opened(again) {
    // What changed meanwhile: points arrive by themselves, facts have to be fetched.
    if (again) raise("look:again");
    this.show("on", "Live");
  }

  /** @param {import("./live-socket.js").Message} message */
  received(message) {
    const isOwn = message.run_id === this.run;
    if (message.type === "deleted") {
      this.end(4404);
    } else if (message.type === "run") {
      raise("live:run", { ...message.run, run_id: message.run.id });
    } else if (EVENTS.has(message.type)) {
      if (isOwn && message.type === "metrics") this.updateFacts(Number(message.last_id));
      raise(`live:${message.type}`, message);
      if (isOwn && message.type === "resync") raise("look:again");
    }
  }

  /**
   * @param {number} code
   * @param {boolean} wasOpen
   */
  closed(code, wasOpen) {
    if (ENDINGS[code]) {
      this.end(code);
      return false;
    }
    this.show("off", "Reconnecting");
    if (!wasOpen) this.askWhy();
    return true;
  }

  /** A script is not told why a handshake failed, so ask by a plain request, which has a status. */
  async askWhy() {
    try {
      const response = await fetch(this.element.dataset.ask ?? "", { redirect: "manual", cache: "no-store" });
      const code = response.type === "opaqueredirect" ? 4401 : CODE_OF_STATUS[response.status];
      if (code) this.end(code);
    } catch {
      // The server is away: the next attempt will find it.
    }
  }

  /** @param {number} code */
  end(code) {
    if (this.socket.stopped) return;
    this.socket.stop();
    this.show("off", ENDINGS[code]);
    document.body.dataset.ended = String(code);
    const notice = /** @type {HTMLElement | null} */ (document.querySelector(`.ended[data-code="${code}"]`));
    if (notice) notice.hidden = false;
  }

  /**
   * @param {"on" | "off"} state
   * @param {string} text
   */
  show(state, text) {
    this.status = [state, text];
    for (const badge of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".live"))) {
      badge.dataset.live = state;
      if (badge.textContent !== text) badge.textContent = text;
    }
  }

  /**
   * The facts in the head follow the points without a request.
   * @param {number} lastId
   */
  updateFacts(lastId) {
    if (this.element.querySelector(".mark[data-state='stale']")) raise("live:run");
    const heard = /** @type {HTMLTimeElement | null} */ (this.element.querySelector("[data-heard]"));
    if (heard) heard.dateTime = new Date().toISOString();
    const points = /** @type {HTMLElement | null} */ (this.element.querySelector("[data-points]"));
    if (!points) return;
    // A run's ids are 1, 2, 3, so that the last one says how many points there are.
    const total = Math.max(Number(points.dataset.points), lastId);
    points.dataset.points = String(total);
    points.textContent = `${count(total)} ${total === 1 ? "point" : "points"}`;
  }
}

/**
 * @param {string} name
 * @param {unknown} detail
 */
function raise(name, detail = {}) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
