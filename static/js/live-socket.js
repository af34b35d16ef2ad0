/* One WebSocket that is replaced whenever it may have stopped working, and goes on from the last id that arrived:
   no gap, no repeat. The runs that the page watches through it go on with it.

   A connection can freeze without either side being told. So when nothing has arrived for a while the page sends a
   ping, and a socket on which nothing arrives in answer is abandoned. The browser's own `close` would wait for the other side. */

import { Watched } from "./live-watch.js";

const PING_AFTER = 5_000; // Milliseconds without a message.
const PATIENCE = 10_000; // For the answer to a ping, and for a handshake.
const MAX_PATIENCE = 60_000; // A slow line may need longer for one large message, so each try waits twice as long.
const MAX_DELAY = 15_000; // Between two attempts to connect.
const SERVER_RESTARTS = 1012;

/** @typedef {{type: string, last_id?: number} & Record<string, any>} Message */

/** What the owner of a socket is told. `closed` returns whether to connect again.
 * @typedef {object} Listener
 * @property {(again: boolean) => void} opened
 * @property {(message: Message) => void} received
 * @property {(code: number, wasOpen: boolean) => boolean} closed
 * @property {() => void} replaced */

export class LiveSocket {
  /**
   * @param {string} path
   * @param {string | number | null} since the last id that the page has, or null where there are no ids
   * @param {Listener} listener
   * @param {number} run whose socket it is; 0 for that of a project or of home
   */
  constructor(path, since, listener, run = 0) {
    this.path = path;
    this.since = since;
    this.run = run;
    this.watched = new Watched();
    this.listener = listener;
    this.tries = 0;
    this.patience = PATIENCE;
    this.stopped = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} until the next attempt */
    this.reconnectTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} until a ping, or until patience ends */
    this.silenceTimer = undefined;
  }

  connect() {
    clearTimeout(this.reconnectTimer);
    const address = new URL(this.path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.since !== null) address.searchParams.set("since", String(this.since));
    const socket = new WebSocket(address);
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.listenForSilence();
      this.ask(this.watched.question);
      this.listener.opened(this.tries > 0);
      this.tries = 0;
    };
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      this.abandon();
      if (this.listener.closed(code, wasOpen)) this.reconnectIn(reconnectDelay(this.tries, code));
    };
    this.socket = socket;
    this.silenceTimer = setTimeout(() => this.giveUp(), this.patience);
  }

  /**
   * Hear of these runs too, and no more of others.
   * @param {Record<number, number>} runs the last id that the page has, by run
   */
  watch(runs) {
    const { [this.run]: _, ...others } = runs;
    if (this.watched.choose(others)) this.ask(this.watched.question ?? '{"type":"watch","runs":{}}');
  }

  /** @param {string | null} question that is asked again with the next socket if this one is not open */
  ask(question) {
    if (question && this.socket?.readyState === WebSocket.OPEN) this.socket.send(question);
  }

  /** Put a new socket in the place of one that may be frozen, at once. */
  replace() {
    if (this.stopped) return;
    this.abandon();
    this.listener.replaced();
    this.tries += 1;
    this.connect();
  }

  /** Let go of the socket; `replace` connects again. */
  abandon() {
    clearTimeout(this.silenceTimer);
    clearTimeout(this.reconnectTimer);
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  /** Connect never again. */
  stop() {
    this.stopped = true;
    this.abandon();
  }

  /** @param {Message} message */
  receive(message) {
    this.patience = PATIENCE;
    this.listenForSilence();
    // What is on its way of a run that the page left concerns nobody.
    const isOfOther = message.run_id !== undefined && message.run_id !== this.run;
    const news = isOfOther ? this.watched.take(message) : message;
    if (!news) return;
    if (!isOfOther) this.since = nextSince(this.since, message);
    this.listener.received(news);
  }

  listenForSilence() {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.ping(), PING_AFTER);
  }

  ping() {
    this.socket?.send("ping");
    this.silenceTimer = setTimeout(() => this.giveUp(), this.patience);
  }

  /** Nothing arrived for too long: a socket that was open is replaced at once, another attempt waits its turn. */
  giveUp() {
    this.patience = Math.min(MAX_PATIENCE, 2 * this.patience);
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.replace();
      return;
    }
    this.abandon();
    this.listener.replaced();
    this.reconnectIn(reconnectDelay(this.tries));
  }

  /** @param {number} delay milliseconds */
  reconnectIn(delay) {
    if (this.stopped) return;
    clearTimeout(this.reconnectTimer);
    this.tries += 1;
    this.reconnectTimer = setTimeout(() => this.connect(), delay);
  }
}

/**
 * The last id that the page has after a message.
 * @param {string | number | null} since
 * @param {Message} message
 */
export function nextSince(since, { type, last_id }) {
  return (type === "metrics" || type === "resync") && last_id !== undefined ? last_id : since;
}

/**
 * Milliseconds before the next attempt: twice as long after each one, spread so that not all pages come at once.
 * @param {number} tries that failed so far
 * @param {number} code with which the socket was closed
 * @param {number} random from 0 to 1
 */
export function reconnectDelay(tries, code = 0, random = Math.random()) {
  if (code === SERVER_RESTARTS) return random * 500;
  return Math.min(MAX_DELAY, 500 * 2 ** tries) * (0.75 + random / 2);
}
