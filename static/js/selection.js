/** What the person has chosen so far, from any number of drops. Pure. */

export function makeSelection() {
  const files = [];
  const discs = [];
  let paths = new Set();

  /**
   * Give each source a path of its own. Two files may share one (two CDs, the same folder twice): both are kept, because only
   * their bytes can tell whether they are the same image; the later one's path says that it is another copy, and `dropped` is
   * the path that it came with.
   */
  function nameSources(sources) {
    return sources.map((source) => {
      const path = unusedPath(wellFormed(source.path));
      paths.add(path);
      return path === source.path ? source : { ...source, path, dropped: wellFormed(source.path) };
    });
  }

  /** Add what `examine` has found. */
  function add(found) {
    files.push(...found.files);
    discs.push(...found.discs);
  }

  /** What was named since the last `add` will not come: its reading was stopped. */
  function forgetUnread() {
    paths = new Set(files.map(({ source }) => source.path));
  }

  function unusedPath(path) {
    if (!paths.has(path)) return path;
    let copy = 2;
    while (paths.has(`copy ${copy}/${path}`)) copy += 1;
    return `copy ${copy}/${path}`;
  }

  return { nameSources, add, forgetUnread, files, discs };
}

/** A name with half a character in it (a foreign file system) can't be written as JSON text. */
function wellFormed(path) {
  return path.replace(/\p{Surrogate}/gu, "\u{fffd}");
}
