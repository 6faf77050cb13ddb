/**
 * What the scripts say, in the language of the page. A page whose scripts speak includes `uploads/_script_words.html`;
 * without it (English, a test) all is said as it is written in the code. `python -m tests.messages` collects the sentences.
 */

const page = globalThis.document;
const catalog = JSON.parse(page?.getElementById("script-words")?.textContent ?? "{}");

/** The page's language, for numbers and dates. */
export const language = page?.documentElement?.lang || "en";

const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

/** A whole sentence; `values` take the places of its `%(name)s`. */
export function gettext(sentence, values = {}) {
  return filled(catalog[sentence] ?? sentence, values);
}

/** A whole sentence for one and for many; `%(count)s` is the number as the language writes it. Two forms: enough for en and de. */
export function ngettext(one, many, count, values = {}) {
  const forms = catalog[one] ?? [one, many];
  return filled(forms[plurals.select(count) === "one" ? 0 : 1], { count: numbers.format(count), ...values });
}

function filled(sentence, values) {
  return sentence.replace(/%\((\w+)\)s/g, (place, name) => values[name] ?? place);
}
