/** Whether a series was taken with contrast medium, as far as its header says. Pure. */

const NONE = /^(|NO|NONE|N|NA|N\/A|NIL|0|-|WITHOUT.*|NO CONTRAST.*|NON.?CONTRAST.*)$/i;
const WITHOUT = /\b(W\/?O|WITHOUT|NON?|OHNE|SANS|SIN|SENZA)[ _.-]*(IV[ _.-]*)?(CONTRAST|CONTR|CON|CM|KM|C)\b|\bNON[ _.-]?CONTRAST|\bNATIV|\bNCCT\b|\bPLAIN\b/gi;
const WITH =
  /(^|[^A-Z0-9])(C\+|\+ ?C|CE|CECT|CTA|ANGIO\w*|CONTRAST\w*|POST[ _.-]?(CON\w*|GAD\w*|C)|[KC]M|GAD\w*|ARTERIAL|PORTAL|VENOUS)(?![A-Z0-9])/i;

/** @returns {"agent"|"description"|""} where the header says so */
export function describesContrast(agent, description) {
  if (!NONE.test(agent.trim())) return "agent";
  return WITH.test(description.toUpperCase().replaceAll("_", " ").replace(WITHOUT, " ")) ? "description" : "";
}
