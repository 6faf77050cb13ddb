// Rules of WCAG 2.2 AA that a machine can hold and axe does not; answers a sentence for each breach.
() => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest("[aria-hidden='true']");
  const shown = (selector) => all(selector).filter(isShown);
  const name = (node) => `<${node.tagName.toLowerCase()}${node.id ? ` id="${node.id}"` : ""}> ${node.textContent.trim().slice(0, 40)}`;
  const hold = (rule, nodes, isGood) => nodes.filter((node) => !isGood(node)).forEach((node) => found.push(`${rule}: ${name(node)}`));

  hold("A table has a caption", shown("table"), (node) => node.caption !== null);
  hold("A header cell says what it heads", shown("th"), (node) => node.hasAttribute("scope"));
  hold("An error is tied to its field", shown(".errorlist"), (node) => node.closest(".field") === null || document.querySelector(`[aria-describedby~="${node.id}"]`) !== null);
  const ids = all("[id]").map((node) => node.id);
  hold("An id is there once", all("[id]"), (node) => ids.indexOf(node.id) === ids.lastIndexOf(node.id));
  hold("A label is of something that exists", all("[for]"), (node) => document.getElementById(node.htmlFor) !== null);

  // target size (2.5.8), without axe's allowance for the room around; links in running text are exempt
  const inText = (node) => node.matches("p a, li a, dd a, td a, th a, .help a, .skip-link");
  const target = (node) => node.closest("label") ?? node.labels?.[0] ?? node;
  hold("A target is large enough to hit", shown("a[href], button, select, input, summary").filter((node) => !inText(node)), (node) => {
    const boxes = [node, target(node)].map((one) => one.getBoundingClientRect());
    return boxes.some((box) => box.height >= 24 && box.width >= 24);
  });
  return found;
};
