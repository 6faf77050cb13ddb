/**
 * A page whose parts are fetched again and again: says when it can't reach the server, when the person is signed out,
 * and to who can't see it how the upload stands when that has changed.
 */

const notice = document.getElementById("live-lost");
const announced = document.getElementById("announced");
let standing = headline();

function headline() {
  return document.getElementById("state-title")?.textContent;
}

function lost(isLost) {
  if (notice) notice.hidden = !isLost;
}

document.addEventListener("htmx:before:response", (event) => {
  const response = event.detail.ctx.response.raw;
  if (response.redirected || response.status === 401) {
    event.preventDefault();
    location.reload(); // the sign-in page takes over, and leads back here
    return;
  }
  lost(!response.ok);
});

document.addEventListener("htmx:error", () => lost(true));

document.addEventListener("htmx:after:swap", () => {
  if (!announced || headline() === standing) return;
  standing = headline();
  announced.textContent = standing;
});
