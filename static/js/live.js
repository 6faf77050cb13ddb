/** A page whose parts are fetched again and again: says when it can't reach the server, and when the person is signed out. */

const notice = document.getElementById("live-lost");

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
