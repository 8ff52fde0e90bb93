/** Two lists, of two models, about the same history at the same moment. */

import * as api from "./api.js";
import { isCalm, make, say } from "./dom.js";
import { asked, change, facts, history, questionTime, state } from "./state.js";
import { about, readable } from "./text.js";
import { Why } from "./why.js";

const LENGTH = 10;

export class List {
  /**
   * @param {number} place Of two.
   * @param {function(Object)} pick Called with an item that was chosen.
   * @param {function(Error)} failed Called if the service is away.
   */
  constructor(place, pick, failed) {
    this.place = place;
    this.pick = pick;
    this.failed = failed;
    this.asking = new AbortController();
    this.before = null;
    this.choice = make("select", { "aria-label": `Model of list ${place + 1}` });
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    this.reads = make("p", { class: "reads" });
    this.rows = make("ol", { class: "rows" });
    this.message = make("p", { class: "message", role: "status" });
    this.root = make(
      "article", { class: "card list" },
      make("header", {}, this.choice, this.reads), this.message, this.rows,
    );
    this.why = new Why(() => this.question(facts(this.model)));
  }

  get model() {
    return state.models[this.place];
  }

  choose(name) {
    const models = [...state.models];
    models[this.place] = name;
    change({ models }, { step: true });
  }

  /** Show the models to choose from and what the chosen one reads. */
  drawHead() {
    const served = state.served.map(({ name, title }) => make("option", { value: name }, title));
    const missing = this.model && !facts(this.model);
    const none = this.place > 0 && make("option", { value: "" }, "No second list");
    const unknown = missing && make("option", { value: this.model }, this.model);
    this.choice.replaceChildren(...[none, unknown, ...served].filter(Boolean));
    this.choice.value = this.model;
    const told = facts(this.model);
    this.reads.textContent = told ? reads(told) : "";
  }

  /** Ask for the list and show it. */
  async refresh() {
    this.drawHead();
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const model = facts(this.model);
    const refusal = this.refuse(model);
    if (refusal !== null) return this.tell(refusal);
    this.root.setAttribute("aria-busy", "true");
    try {
      const told = await api.recommend(this.question(model), signal);
      if (!signal.aborted) this.show(model, told.items);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      if ([0, 401, 404].includes(error.status)) this.failed(error);
      if (error.status !== 0) this.tell(sentence(error.message));
    } finally {
      if (!signal.aborted) this.root.removeAttribute("aria-busy");
    }
    return undefined;
  }

  /** Say why there can be no list; null if there can. */
  refuse(model) {
    if (!this.model) return "";
    if (!model) return `No model called “${this.model}” is served here. Choose another.`;
    if (!model.reads_histories && state.user === null) {
      return `${model.title} knows only the users it was trained on: for a new visitor it has no `
        + "answer. Load a user of the training data to see its list.";
    }
    if (!history().length) return "Add a title to the history, and the list is here.";
    return null;
  }

  question(model) {
    const common = { model: model.name, ...(state.genre && { genre: [state.genre] }) };
    if (!model.reads_histories) {
      return { ...common, user: state.user, k: Math.min(500, LENGTH + state.events.length) };
    }
    return { ...common, history: asked(history()), at: questionTime(), k: LENGTH };
  }

  tell(text) {
    this.root.removeAttribute("aria-busy");
    this.before = null;
    this.message.textContent = text;
    this.rows.replaceChildren();
    this.root.classList.toggle("off", !this.model);
  }

  show(model, items) {
    const own = new Set(state.events.map((event) => event.item));
    const listed = items.filter((item) => !own.has(item.item)).slice(0, LENGTH);
    const fixed = !model.reads_histories;
    this.root.classList.remove("off");
    this.message.textContent = fixed
      ? `What ${model.title} learnt of user ${state.user}. Neither titles you add nor the clock move it.`
      : listed.length ? "" : "Nothing is left to list.";
    const same = this.shown === model.name;
    this.shown = model.name;
    const before = same ? this.before : null;
    this.before = new Map(listed.map((item, i) => [item.item, i]));
    this.draw(listed, before, fixed);
    this.why.follow(this.rows, model);
    if (this.place === 0) say(`${model.title}: first is ${readable(listed[0]?.title ?? "nothing")}`);
  }

  draw(listed, before, fixed) {
    const old = new Map([...this.rows.children].map((row) => [row.dataset.item, row]));
    const tops = new Map([...old].map(([item, row]) => [item, row.getBoundingClientRect().top]));
    const focused = this.rows.contains(document.activeElement) ? document.activeElement : null;
    const place = [...this.rows.children].indexOf(focused?.closest("li"));
    const rows = listed.map((item, i) => {
      const row = old.get(item.item) ?? this.row(item, fixed);
      row.querySelector(".place").textContent = i + 1;
      moved(row.querySelector(".moved"), before, item.item, i);
      return row;
    });
    this.rows.replaceChildren(...rows);
    if (focused) keepFocus(focused, rows[Math.min(place, rows.length - 1)]);
    if (!isCalm()) glide(rows, tops);
  }

  row(item, fixed) {
    const title = readable(item.title);
    return make(
      "li", { class: "row", "data-item": item.item },
      make(
        "button", { type: "button", class: "pick", title: "Add to the history",
          onclick: () => this.pick(item) },
        make("span", { class: "place" }),
        make("span", { class: "what" },
          make("span", { class: "sr" }, "Add "), make("span", { class: "name" }, title),
          make("span", { class: "about" }, about(item))),
        make("span", { class: "moved" }),
      ),
      !fixed && this.why.button(item, title),
    );
  }
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function reads({ reads_histories, reads_time, reads_ratings }) {
  if (!reads_histories) return "knows its users only";
  return ["reads history", reads_time && "time", reads_ratings && "ratings"].filter(Boolean).join(", ");
}

/** A keyboard goes on where it was: at the same title, or at the same place if that is gone. */
function keepFocus(focused, row) {
  const next = focused.isConnected ? focused : row?.querySelector(".pick");
  next?.focus({ preventScroll: true });
}

/** Say how far a title moved since the list before. */
function moved(mark, before, item, place) {
  const old = before?.get(item);
  const by = old === undefined ? 0 : old - place;
  const isNew = before !== null && old === undefined;
  mark.className = `moved ${isNew ? "new" : by > 0 ? "up" : by < 0 ? "down" : ""}`;
  mark.textContent = isNew ? "new" : by > 0 ? `▲ ${by}` : by < 0 ? `▼ ${-by}` : "";
}

/** Let rows glide from where they were. */
function glide(rows, tops) {
  for (const row of rows) {
    const top = tops.get(row.dataset.item);
    const by = top === undefined ? 0 : top - row.getBoundingClientRect().top;
    const from = top === undefined ? { opacity: 0 } : { transform: `translateY(${by}px)` };
    if (top === undefined || by) {
      row.animate([from, { opacity: 1, transform: "none" }], { duration: 260, easing: "ease-out" });
    }
  }
}
