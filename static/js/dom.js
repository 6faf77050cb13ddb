/** Small steps on the page. Text from files only ever becomes text. */

import { gettext } from "./translating.js";
import { number } from "./words.js";

const MORE = {
  files: (counts) => gettext("Show %(shown)s more of %(count)s files", counts),
  patients: (counts) => gettext("Show %(shown)s more of %(count)s patients", counts),
  questions: (counts) => gettext("Show %(shown)s more of %(count)s questions", counts),
  series: (counts) => gettext("Show %(shown)s more of %(count)s series", counts),
  studies: (counts) => gettext("Show %(shown)s more of %(count)s studies", counts),
};
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function show(id, isShown = true) {
  byId(id).hidden = !isShown;
}

/** @param {Array<Node|string>} children strings become text; what is null or "" is left out */
export function element(name, className = "", ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("viewBox", "0 0 16 16");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

export function button(text, act) {
  const node = element("button", "button button-small", text);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

/**
 * Put items into a list a portion at a time: thousands of them stay a number and a button.
 * @param {function} draw makes the node of an item
 * @param {string} kind of what there is more of, for the button: a key of `MORE`
 */
export function appendCapped(list, items, draw, portion, kind) {
  let shown = 0;
  const more = button("", () => {
    const first = shown;
    next();
    const focus = list.children[first].querySelector("summary, button, input") ?? list.children[first];
    if (!focus.matches("summary, button, input")) focus.tabIndex = -1;
    focus.focus();
  });

  function next() {
    list.append(...items.slice(shown, shown + portion).map(draw));
    shown = Math.min(items.length, shown + portion);
    const left = items.length - shown;
    more.textContent = MORE[kind]({ shown: number(Math.min(left, portion)), count: number(items.length) });
    if (left === 0) more.remove();
  }

  next();
  return shown < items.length ? [list, more] : [list];
}
