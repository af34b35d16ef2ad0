/* One socket for the page. It raises `live:metrics`, `live:run` and `live:project` on the body, says whether it is
   connected, and after a break goes on from the last id it got: no gap, no repeat. When there is nothing left to listen
   to it stops for good and shows the page's notice of why. */

const QUIET = 50_000; // The server pings every 20 s; after two and a half of them the line is dead.
const AT_MOST = 15_000;
const ENDS = { 4401: "signed out", 4403: "no longer allowed", 4404: "deleted" };
const REFUSALS = { 401: 4401, 403: 4403, 404: 4404 };

export function start(element) {
  new Line(element).open();
}

class Line {
  constructor(element) {
    this.element = element;
    this.since = element.dataset.since ?? null;
    this.tries = 0;
    this.ended = false;
    // A fragment that came anew says "connecting": tell it what is true.
    document.addEventListener("htmx:after:settle", () => this.state && this.say(...this.state));
    addEventListener("online", () => this.again(0));
    addEventListener("pagehide", () => this.close());
    document.addEventListener("visibilitychange", () => document.hidden || this.socket || this.again(0));
  }

  open() {
    const address = new URL(this.element.dataset.socket, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.since !== null) address.searchParams.set("since", this.since);
    clearTimeout(this.timer);
    this.timer = null;
    this.socket = new WebSocket(address);
    this.met = false;
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => this.heard(JSON.parse(event.data));
    this.socket.onclose = (event) => this.closed(event.code);
    this.listen();
  }

  opened() {
    // What changed while nobody listened: the points come by themselves, the facts are asked for.
    if (this.tries > 0) raise("look:again");
    this.tries = 0;
    this.met = true;
    this.say("on", "live");
  }

  heard(message) {
    this.listen();
    if (message.type === "metrics") {
      this.since = message.last_id;
      this.newest(message);
      raise("live:metrics", message);
    } else if (message.type === "run") {
      raise("live:run", message.run);
    } else if (message.type === "project") {
      raise("live:project");
    } else if (message.type === "deleted") {
      this.end(4404);
    } else if (message.type === "resync") {
      if (message.last_id !== undefined) this.since = message.last_id;
      raise("live:resync", message);
      raise("look:again");
    }
  }

  async closed(code) {
    this.socket = null;
    clearTimeout(this.silence);
    if (this.ended) return;
    if (ENDS[code]) return this.end(code);
    this.say("off", "reconnecting");
    const wait = Math.min(AT_MOST, 500 * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.again(code === 1012 ? Math.random() * 500 : wait);
    if (!this.met) this.end(await this.refusal());
  }

  /* A script is not told why a handshake failed. So ask by a plain request, which has a status. */
  async refusal() {
    try {
      const answer = await fetch(this.element.dataset.ask, { redirect: "manual", cache: "no-store" });
      return answer.type === "opaqueredirect" ? 4401 : REFUSALS[answer.status];
    } catch {
      return undefined; // The server is away.
    }
  }

  end(code) {
    if (this.ended || !ENDS[code]) return;
    this.ended = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.socket?.close();
    this.say("off", ENDS[code]);
    document.body.dataset.ended = code;
    const notice = document.querySelector(`.ended[data-code="${code}"]`);
    if (notice) notice.hidden = false;
  }

  again(wait) {
    if (this.socket || this.ended) return;
    clearTimeout(this.timer);
    this.tries += 1;
    this.timer = setTimeout(() => this.open(), wait);
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket?.close(), QUIET);
  }

  close() {
    // The page may come back from the browser's cache: then it opens again.
    addEventListener("pageshow", (event) => event.persisted && this.again(0), { once: true });
    this.socket?.close();
  }

  say(state, text) {
    for (const mark of document.querySelectorAll(".live")) {
      mark.dataset.live = state;
      mark.textContent = text;
    }
    this.state = [state, text];
  }

  /* The facts in the head follow the points without asking the server. */
  newest(message) {
    if (this.element.querySelector(".mark[data-state='stale']")) raise("live:run");
    const heard = this.element.querySelector("[data-heard]");
    if (heard) heard.dateTime = new Date().toISOString();
    const points = this.element.querySelector("[data-points]");
    if (!points) return;
    // A run's ids are 1, 2, 3, so that the last one says how many points there are.
    points.dataset.points = Math.max(Number(points.dataset.points), message.last_id);
    points.textContent = `${Number(points.dataset.points).toLocaleString("en-US")} points`;
  }
}

function raise(name, detail = {}) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
