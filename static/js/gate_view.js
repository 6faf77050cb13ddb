/** The questions that a person must answer before images of more than one patient leave the computer. */

import { appendCapped, byId, button, element, icon } from "./dom.js";
import { NOBODY, asksWhich, patientsAskedFor } from "./review.js";
import { birthOf, idOf } from "./sentences.js";
import { gettext, ngettext } from "./translating.js";
import * as words from "./words.js";

const PATIENTS = 50; // shown at once
const QUESTIONS = 20;

const LEGENDS = {
  several_patients: ({ patients }) => ngettext("%(count)s patient: whose images are to be sent?", "%(count)s patients: whose images are to be sent?", patients.length),
  other_patient: () => gettext("These images are of another patient than this upload. Are they to be added?"),
  series_of_two_patients: ({ patients }, name) => gettext("One series has images of %(count)s patients (%(name)s). Whose are to be sent?", { count: words.number(patients.length), name }),
  study_of_two_patients: ({ patients }, name) => gettext("One study stands under %(count)s patients (%(name)s). Whose images are to be sent?", { count: words.number(patients.length), name }),
};
const HINTS = {
  several_patients: gettext("Choose only the patient whom this upload is for. What you don't choose stays on your computer."),
  other_patient: gettext("Tick the patient only if these images belong to this upload. If not, start over, and send them as an upload of their own."),
  series_of_two_patients: gettext("Images of two patients may have been mixed up. If you are not sure, send none of them and ask where they came from."),
  study_of_two_patients: gettext("The patient's ID or birth date may have been corrected in the midst of the study, or two patients mixed up."),
};

/**
 * @param {object} review of `examineSelection`
 * @param {Map<string, Set<string>>} answers changed in place
 * @param {function} nameOf a question -> how its series or study is called
 * @param {function} onAnswer called after each change
 */
export function showGate(review, answers, nameOf, onAnswer) {
  const update = () => {
    for (const block of byId("gate").querySelectorAll("fieldset")) block.update();
    onAnswer();
  };
  const list = element("div", "questions");
  const draw = (question) => questionBlock(question, review, answers, nameOf(question), update);
  const nodes = review.questions.length === 0 ? [] : appendCapped(list, review.questions, draw, QUESTIONS, "questions");
  byId("gate").replaceChildren(...nodes);
}

function questionBlock(question, review, answers, name, update) {
  const list = element("div", "choices");
  const hint = element("p", "muted small", hintOf(question, review));
  const legend = element("legend", "", icon("alert"), LEGENDS[question.code](question, name));
  const block = element("fieldset", "gate", legend, hint, ...appendCapped(list, question.patients, (patient) => choice(patient), PATIENTS, "patients"));
  if (!asksWhich(question)) list.append(nobody());
  else if (question.patients.length > 2) block.append(button(gettext("Choose all %(count)s patients", { count: words.number(question.patients.length) }), chooseAll));

  function given() {
    if (!answers.has(question.id)) answers.set(question.id, new Set());
    return answers.get(question.id);
  }

  function choice(patient) {
    const facts = [idOf(patient), birthOf(patient), patient.sex];
    const amount = `${words.files(patient.count)} · ${words.size(patient.bytes)}`;
    const other = patient.isOther ? element("span", "flag", icon("alert"), gettext("Not in this upload so far")) : "";
    const text = [element("strong", "", patient.name || gettext("No name")), other, element("span", "", facts.filter(Boolean).join(" · ")), element("span", "number muted", amount)];
    return option(patient.key, text);
  }

  function nobody() {
    return option(NOBODY, [element("strong", "", gettext("None of these images"))]);
  }

  function option(key, text) {
    const box = element("input");
    box.type = "checkbox";
    box.value = key;
    box.checked = given().has(key);
    box.addEventListener("change", () => {
      if (box.checked && key === NOBODY) given().clear();
      if (box.checked && key !== NOBODY) given().delete(NOBODY);
      if (box.checked) given().add(key);
      else given().delete(key);
      update();
    });
    return element("label", "choice", box, ...text);
  }

  function chooseAll() {
    for (const { key } of question.patients) given().add(key);
    update();
  }

  /** A patient who is not sent at all can't be chosen for a series. */
  block.update = () => {
    const asked = new Set(patientsAskedFor(question, review.questions, answers).map(({ key }) => key));
    for (const box of block.querySelectorAll("input")) {
      box.disabled = box.value === NOBODY ? asked.size === 0 : !asked.has(box.value);
      box.checked = given().has(box.value) && !box.disabled;
    }
    block.querySelector(".small").textContent = asked.size === 0 ? gettext("First choose the patients above.") : hintOf(question, review);
  };
  block.update();
  return block;
}

/** What helps to decide; whose images the upload has, where others are to be added to it. */
function hintOf({ code, patients }, { names }) {
  if (names.length === 0 || !patients.some(({ isOther }) => isOther)) return HINTS[code];
  const held = gettext("This upload has images of %(names)s.", { names: names.join("; ") });
  return `${held} ${HINTS[code]}`;
}
