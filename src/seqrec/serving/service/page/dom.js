/** Make elements without HTML in strings: titles come from data and may say anything. */

/**
 * @param {string} tag
 * @param {Object} [given] Properties; `class`, `data-…`, `aria-…` and `role` become attributes, `on…` listeners.
 * @param {...(Node|string|null|false)} children
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(class|role|for|data-|aria-)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child || child === ""));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Tell a screen reader, which does not see lists move. */
export function say(text) {
  find("said").textContent = text;
}

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Call a function once, after the last of several calls in a row. */
export function later(milliseconds, act) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds, ...values);
  };
}
