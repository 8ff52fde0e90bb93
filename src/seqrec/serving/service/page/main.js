/** Put the page together. */

import * as api from "./api.js";
import { drawClock, makeClock } from "./clock.js";
import { find, later, make, say } from "./dom.js";
import { List } from "./lists.js";
import { makeSearch } from "./search.js";
import { asked, change, facts, history, now, onChange, readAddress, state } from "./state.js";
import { readable, yearOf } from "./text.js";
import { drawTimeline } from "./timeline.js";

/** In every release of MovieLens; those that the catalogue lacks are not offered. */
const STARTERS = ["Toy Story", "Star Wars", "Fargo", "Pulp Fiction", "Titanic", "Casablanca"];
const RETRY = 2000;

const lists = [0, 1].map((place) => new List(place, pick, failed));
const has = (item) => history().some((event) => event.item === item);

function pick(item) {
  const at = Math.max(now() + (state.gap ?? 0), history().at(-1)?.at ?? 0);
  const event = { item: item.item, at, rating: null, title: item.title, year: item.year ?? yearOf(item.title) };
  say(`${readable(item.title)} is in the history`);
  // The clock goes on from the moment at which the title was picked.
  const ahead = state.ahead + (state.gap ?? 0);
  change({ events: [...state.events, event], ahead, gap: state.gap === null ? null : 0 }, { step: true });
}

const refresh = later(40, () => lists.forEach((list) => list.refresh()));

function draw() {
  drawClock();
  drawTimeline();
  drawGenres();
  find("legend").hidden = !history().length;
  find("starters").hidden = history().length > 0 || !find("starters").querySelector("button");
  refresh();
}

function drawGenres() {
  const genres = [...new Set(state.served.flatMap((model) => model.genres))].sort();
  const options = genres.map((genre) => make("option", { value: genre }, genre));
  find("genre").replaceChildren(make("option", { value: "" }, "Any"), ...options);
  find("genre").value = state.genre;
  find("genre-label").hidden = !genres.length;
}

/** Tell what went wrong where it can be seen; without the service, wait for it. */
function failed(error) {
  if (error.status === 401) return askForToken();
  if (error.status === 404) return load();
  const banner = find("banner");
  if (error.status !== 0) return note(error.message);
  if (!banner.hidden) return undefined;
  banner.textContent = "The service does not answer. Trying again …";
  banner.hidden = false;
  document.body.classList.add("away");
  return setTimeout(retry, RETRY);
}

async function retry() {
  if (!(await api.isAlive())) return setTimeout(retry, RETRY);
  find("banner").hidden = true;
  document.body.classList.remove("away");
  return load();
}

function askForToken() {
  const dialog = find("token");
  if (dialog.open) return;
  dialog.querySelector("input").value = "";
  dialog.showModal();
}

function note(text) {
  find("notice").textContent = text;
  find("notice").hidden = !text;
}

const usual = () => [state.served[0].name, state.served[1]?.name ?? ""];

/**
 * Show what the address says: a user's events and titles are the service's to tell. The address
 * says all that is chosen meanwhile, too: what was asked for before that is no longer wanted.
 */
async function restore() {
  const address = location.hash;
  try {
    const { events, user, models, ...rest } = readAddress();
    const chosen = models ?? usual();
    const found = await lookUp(user, events, chosen);
    if (location.hash !== address) return restore();
    change({ ...rest, ...found, models: chosen });
  } catch (error) {
    if ([0, 401].includes(error.status)) return failed(error);
    if (location.hash !== address) return restore();
    note(`The address says what cannot be shown: ${error.message}`);
    change({ user: null, before: [], events: [], ahead: 0, gap: 0, genre: "", models: usual() });
  }
  return undefined;
}

async function lookUp(user, events, models) {
  if (user === null && !events.length) return { user: null, before: [], events: [] };
  const model = models.find((name) => facts(name));
  const told = await api.lookUp(user, asked(events), model);
  if (told.unknown.length) note(`Left out, not in the catalogue: ${told.unknown.join(", ")}`);
  const all = told.events.map((event) => ({ ...event, year: yearOf(event.title) }));
  const kept = events.length - told.unknown.length;
  return { user, before: all.slice(0, all.length - kept), events: all.slice(all.length - kept) };
}

async function loadUser(user) {
  note("");
  try {
    const { before } = await lookUp(user, [], state.models);
    const last = before.at(-1)?.at ?? now();
    // The clock stands where the data end: they may be of another decade.
    const ahead = last - Math.floor(Date.now() / 1000);
    change({ user, before, events: [], ahead, gap: 0 }, { step: true });
    say(`The history of user ${user} is loaded`);
  } catch (error) {
    failed(error);
  }
}

async function offerStarters() {
  const found = await Promise.all(STARTERS.map((title) => api.search(title, 1, state.served[0].name)));
  const chips = found.flat().map((item) =>
    make("button", { type: "button", class: "chip", onclick: () => pick(item) }, readable(item.title)));
  find("starters").querySelector(".chips").replaceChildren(...chips);
}

/** Begin with what the address says, so that whoever is quicker than the service adds to it. */
function begin() {
  try {
    const { events, models, ...rest } = readAddress();
    const named = events.map((event) => ({ ...event, title: event.item, year: null }));
    Object.assign(state, rest, { events: named, models: models ?? state.models });
  } catch {
    // `restore` says so, unless something else is chosen by then.
  }
}

/** Ask what is served and show it. */
async function load() {
  try {
    state.served = (await api.models()).models;
    if (!state.models.some(Boolean)) state.models = usual();
    await offerStarters();
  } catch (error) {
    return failed(error);
  }
  return restore();
}

function clear() {
  note("");
  change({ user: null, before: [], events: [], ahead: 0, gap: 0 }, { step: true });
  find("search").focus();
}

function start() {
  find("lists").append(...lists.map((list) => list.root));
  makeClock();
  makeSearch({ pick, failed, has, model: () => state.models.find((name) => facts(name)) });
  onChange(draw);
  find("clear").addEventListener("click", clear);
  find("genre").addEventListener("change", (event) => change({ genre: event.target.value }));
  find("user").addEventListener("submit", (event) => {
    event.preventDefault();
    loadUser(find("user-name").value.trim());
  });
  find("token").addEventListener("close", () => {
    api.keepToken(find("token-value").value);
    load();
  });
  addEventListener("popstate", restore);
  begin();
  load();
}

start();
