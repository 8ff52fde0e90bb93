/** Why a title is listed: the events that move its score most, each left out in turn. */

import * as api from "./api.js";
import { make } from "./dom.js";
import { history } from "./state.js";
import { factor, readable } from "./text.js";

const REASONS = 4;

export class Why {
  /** @param {function(): Object} question What the list answers. */
  constructor(question) {
    this.question = question;
    this.item = null;
    this.asking = new AbortController();
  }

  button(item, title) {
    return make("button", {
      type: "button", class: "why", "aria-expanded": "false",
      onclick: (event) => this.toggle(event.currentTarget, item.item),
    }, "Why", make("span", { class: "sr" }, ` ${title}`));
  }

  toggle(button, item) {
    const rows = button.closest("ol");
    this.item = this.item === item ? null : item;
    this.follow(rows);
  }

  /** Open the panel of the chosen row, close all others; ask anew, since the list is new. */
  follow(rows) {
    this.asking.abort();
    for (const row of rows.children) {
      const isOpen = row.dataset.item === this.item;
      row.querySelector(".why")?.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) row.querySelector(".reasons")?.remove();
      else this.fill(row);
    }
  }

  async fill(row) {
    const panel = row.querySelector(".reasons") ?? row.appendChild(make("div", { class: "reasons" }));
    if (history().length < 2) {
      panel.replaceChildren(make("p", {}, "With one title there is nothing to compare: add another."));
      return;
    }
    this.asking = new AbortController();
    const { model, history: events, at } = this.question();
    const why = { item: this.item, model, history: events, at, k: REASONS };
    try {
      const told = await api.explain(why, this.asking.signal);
      panel.replaceChildren(...reasons(told.reasons));
    } catch (error) {
      if (error.name !== "AbortError") panel.replaceChildren(make("p", {}, error.message));
    }
  }
}

function reasons(told) {
  const most = Math.max(...told.map(({ effect }) => Math.abs(effect)), 1e-9);
  return [
    make("p", {}, "How many times likelier it is with each of these in the history than without"),
    make("ul", {}, ...told.map((reason) => asBar(reason, most))),
  ];
}

function asBar({ title, effect }, most) {
  const kind = effect >= 0 ? "for" : "against";
  const bar = make("span", { class: `bar ${kind}`, "aria-hidden": "true" }, make("i"));
  bar.firstChild.style.setProperty("--size", Math.abs(effect) / most);
  const text = effect >= 0 ? `× ${factor(effect)}` : `÷ ${factor(effect)}`;
  return make("li", {}, make("span", { class: "name" }, readable(title)), bar,
    make("span", { class: "factor" }, text));
}
