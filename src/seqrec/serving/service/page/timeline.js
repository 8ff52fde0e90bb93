/** The history as a line through time, the question at its head. */

import { when } from "./clock.js";
import { find, make } from "./dom.js";
import { change, facts, history, now, questionTime, state } from "./state.js";
import { readable, span } from "./text.js";

const SHOWN = 4;
/** Of a known user's events: the latest say most, and a thousand rows say nothing. */

export function drawTimeline() {
  const rows = [];
  const events = history();
  if (events.length) rows.push(question());
  let later = questionTime();
  events.slice(state.before.length).reverse().forEach((event) => {
    rows.push(...gap(later, event.at), own(event));
    later = event.at;
  });
  state.before.slice(-SHOWN).reverse().forEach((event) => {
    rows.push(...gap(later, event.at), known(event));
    later = event.at;
  });
  if (state.user !== null) rows.push(summary());
  find("timeline").replaceChildren(...rows);
  find("clear").hidden = !events.length;
}

const question = () =>
  make("li", { class: "question" }, make("span", { class: "name" }, "The lists"),
    make("span", { class: "about" }, when().toLowerCase()));

/** Name a gap that is worth a word. */
function gap(later, earlier) {
  if (later === null || later - earlier < 3600) return [];
  return [make("li", { class: "gap" }, `${span(later - earlier)} later`)];
}

function about(event) {
  const passed = now() - event.at;
  const ago = passed < 60 ? "just now" : `${span(passed)} ago`;
  return make("span", { class: "about" }, [event.year, ago].filter(Boolean).join(" · "));
}

const name = (event) => make("span", { class: "name" }, readable(event.title));

function own(event) {
  const rated = state.models.some((each) => facts(each)?.reads_ratings);
  return make(
    "li", { class: "event", "data-item": event.item }, make("div", {}, name(event), about(event)),
    rated && rating(event),
    make("button", {
      type: "button", class: "icon", "aria-label": `Remove ${readable(event.title)}`, title: "Remove",
      onclick: () => remove(event),
    }, "×"),
  );
}

const known = (event) =>
  make("li", { class: "event known" }, make("div", {}, name(event), about(event)));

function summary() {
  const more = state.before.length - Math.min(SHOWN, state.before.length);
  const text = more > 0 ? `and ${more} more of user ${state.user}` : `user ${state.user}`;
  return make("li", { class: "gap" }, text);
}

function rating(event) {
  const choices = [["", "–"], ...[1, 2, 3, 4, 5].map((stars) => [stars, `${stars} ★`])];
  const options = choices.map(([value, text]) => make("option", { value }, text));
  const select = make(
    "select", { class: "rating", "aria-label": `Rating of ${readable(event.title)}` }, ...options,
  );
  select.value = event.rating ?? "";
  select.addEventListener("change", () => {
    const rated = { ...event, rating: select.value ? Number(select.value) : null };
    const events = state.events.map((each) => (each === event ? rated : each));
    change({ events }, { step: true });
  });
  return select;
}

function remove(event) {
  const place = state.events.indexOf(event);
  change({ events: state.events.filter((each) => each !== event) }, { step: true });
  // The next row's button, so that a keyboard can go on; the field when none is left.
  const buttons = find("timeline").querySelectorAll("button");
  (buttons[Math.min(state.events.length - place, buttons.length - 1)] ?? find("search")).focus();
}
