/**
 * What the page is about: a history, a moment, two models. It is kept in the address, so that
 * a reload keeps it, the back button undoes, and a link shows others the same.
 *
 * The clock may be turned on: events are added at the time it shows, and it goes on from there.
 */

const listeners = [];

export const state = {
  /** @type {{item: string, at: number, rating: number|null, title: string, year: number|null}[]} */
  events: [],
  /** A user of the training data and what it did. */
  user: null,
  /** @type {{item: string, at: number, rating: number|null, title: string, year: number|null}[]} */
  before: [],
  /** Seconds from now to the question; null: nobody knows. */
  gap: 0,
  /** Seconds by which the clock is ahead of the world's. */
  ahead: 0,
  models: ["", ""],
  genre: "",
  /** Told by the service. */
  served: [],
};

export const now = () => Math.floor(Date.now() / 1000) + state.ahead;

/** When the lists are asked for: never before the last event. */
export function questionTime() {
  if (state.gap === null) return null;
  const last = history().at(-1)?.at ?? 0;
  return Math.max(now() + state.gap, last);
}

export const history = () => [...state.before, ...state.events];

/** Most events of a request. */
const HISTORY = 2000;

/** A history as requests have it: the latest events. */
export const asked = (events) =>
  events.slice(-HISTORY).map(({ item, at, rating }) => (rating === null ? { item, at } : { item, at, rating }));

export const facts = (name) => state.served.find((model) => model.name === name);

export const onChange = (listener) => listeners.push(listener);

/** Change the state and tell everyone; a step can be undone by the back button. */
export function change(values, { step = false } = {}) {
  Object.assign(state, values);
  const address = `#${write()}`;
  if (address !== (location.hash || "#")) {
    window.history[step ? "pushState" : "replaceState"](null, "", address);
  }
  for (const listener of listeners) listener(Object.keys(values));
}

function write() {
  const told = new URLSearchParams();
  if (state.user !== null) told.set("user", state.user);
  if (state.events.length) told.set("history", state.events.map(writeEvent).join(" "));
  if (state.ahead) told.set("ahead", state.ahead);
  if (state.gap !== 0) told.set("in", state.gap ?? "unknown");
  if (state.models.some(Boolean)) told.set("models", state.models.join(","));
  if (state.genre) told.set("genre", state.genre);
  return told.toString();
}

const writeEvent = ({ item, at, rating }) =>
  [encodeURIComponent(item), at, ...(rating === null ? [] : [rating])].join("@");

function readEvent(text) {
  const [item, at, rating] = text.split("@");
  return { item: decodeURIComponent(item), at: Number(at), rating: rating ? Number(rating) : null };
}

/** Read the address; titles are not in it. */
export function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const seconds = (name) => Math.round(Number(told.get(name))) || 0;
  return {
    user: told.get("user"),
    events: (told.get("history") ?? "").split(" ").filter(Boolean).map(readEvent),
    ahead: seconds("ahead"),
    gap: told.get("in") === "unknown" ? null : Math.max(0, seconds("in")),
    models: told.get("models")?.split(",").slice(0, 2) ?? null,
    genre: told.get("genre") ?? "",
  };
}
