/** A door for one library that is published as UMD: it finds no `this` in an ES module, so it is let in as AMD. */

let made = null;

export function define(name, dependencies, factory) {
  made = factory(...dependencies.map(() => undefined));
}
define.amd = true;
globalThis.define = define;

/** What the library made of itself. The door closes behind it. */
export function taken() {
  delete globalThis.define;
  return made;
}
