// Times, references and addresses differ from run to run; a picture should differ only where the page does.
() => {
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (number) => String(number).padStart(2, "0");
  let moment = Date.UTC(2026, 2, 12, 3, 14);
  const nextMoment = () => {
    const date = new Date(moment);
    moment -= 197 * 60_000;
    const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
    return `${day}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  };
  const changes = [
    [/\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d/g, nextMoment],
    [new RegExp(String.raw`\b\d{1,2} [A-Z][a-z]{2} ${new Date().getFullYear()}\b(?!,)`, "g"), "12 Mar 2026"], // not those of birth
    [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2026-03-12 03:14:07"],
    [/\bsince \d\d:\d\d/g, "since 03:14"],
    [/\btry (at )?\d\d:\d\d/g, "try $103:15"],
    [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "3f1c2a90-7d4e-4b58-9a61-0c5e8d2b7f14"],
    [/http:\/\/127\.0\.0\.1:\d+/g, "https://upload.hospital.example"],
    [/ · [\d.]+ [kMG]?B\/s| · \d+ bytes\/s/gi, ""],
    [/ · about \d+ \w+ left/g, ""],
    [/Next try in \d+ seconds?\.|Trying now …/g, "Next try in 5 seconds."],
  ];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("script")) continue; // what the page's scripts go by
    node.data = changes.reduce((text, [pattern, to]) => text.replace(pattern, to), node.data);
  }
  // A picture of the whole page has no lower edge of a window to stick to.
  for (const bar of document.querySelectorAll(".send-bar")) bar.style.position = "static";
  const hints = document.querySelectorAll("td[data-label='Begins with'] code");
  hints.forEach((hint, index) => {
    hint.textContent = `${["7Qm2xKdR", "vT8pWn6e"][index % 2]}…`;
  });
  const secret = document.getElementById("new-token");
  if (secret) secret.textContent = "7Qm2xKdR" + "4vT8pWn6".repeat(4);
}
