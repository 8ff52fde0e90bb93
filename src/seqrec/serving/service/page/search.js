/** A search field with a list below it: the combobox pattern of WAI-ARIA. */

import * as api from "./api.js";
import { find, later, make, say } from "./dom.js";
import { about, readable } from "./text.js";

const LIMIT = 8;

/**
 * @param {Object} actions
 * @param {function(Object)} actions.pick Called with the item that was chosen.
 * @param {function(Error)} actions.failed
 * @param {function(): string} actions.model Whose items are searched.
 * @param {function(string): boolean} actions.has Whether an item is in the history.
 */
export function makeSearch({ pick, failed, model, has }) {
  const field = find("search");
  const list = find("found");
  const nothing = find("nothing");
  let items = [];
  let answered = "";
  let active = -1;
  let asking = new AbortController();

  function close() {
    asking.abort();
    list.hidden = nothing.hidden = true;
    items = [];
    mark(-1);
    field.setAttribute("aria-expanded", "false");
  }

  function mark(place) {
    active = place;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === place));
    if (place < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place]?.scrollIntoView({ block: "nearest" });
  }

  function show(found, query) {
    items = found;
    answered = query;
    list.replaceChildren(...found.map(asOption));
    list.hidden = !found.length;
    nothing.hidden = Boolean(found.length);
    nothing.textContent = `No title matches “${query}”.`;
    field.setAttribute("aria-expanded", String(found.length > 0));
    mark(found.length ? 0 : -1);
    say(found.length ? `${found.length} titles found` : nothing.textContent);
  }

  function asOption(item, place) {
    return make(
      "li",
      { role: "option", id: `found-${place}`, onpointermove: () => active !== place && mark(place),
        onclick: () => choose(place) },
      make("span", { class: "name" }, readable(item.title)),
      make("span", { class: "about" }, has(item.item) ? `${about(item)} · in the history` : about(item)),
    );
  }

  function choose(place) {
    const item = items[place];
    field.value = "";
    close();
    field.focus();
    if (item) pick(item);
  }

  const look = later(90, async () => {
    const query = field.value.trim();
    if (!query) return close();
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const found = await api.search(query, LIMIT, model(), signal);
      if (!signal.aborted && document.activeElement === field) show(found, query);
    } catch (error) {
      if (error.name !== "AbortError") failed(error);
    }
  });

  const keys = {
    ArrowDown: () => (items.length ? mark((active + 1) % items.length) : look()),
    ArrowUp: () => items.length && mark((active - 1 + items.length) % items.length),
    // What is typed may be ahead of the list: the first title of an earlier query is not meant.
    Enter: () => items.length && field.value.trim() === answered && choose(Math.max(active, 0)),
    Escape: () => (list.hidden && nothing.hidden ? (field.value = "") : close()),
  };

  field.addEventListener("input", look);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.isComposing) return;
    event.preventDefault();
    keys[event.key]();
  });
  // A press on an option must not take the focus from the field: it would close the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=range]):not([type=radio]), select, dialog");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
}
