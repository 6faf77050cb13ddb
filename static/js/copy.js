/** Buttons that copy the text of another element: `data-copy` holds its id, `data-copied` what they say
 * then. They show only where the browser lets them. */

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
    button.removeAttribute("aria-label"); // it named what would be copied
  });
}
