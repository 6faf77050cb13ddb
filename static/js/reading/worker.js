/** The worker: a module worker, so that a long read or a damaged file never stops the page. */

import { makeServer } from "./serving.js";

const handle = makeServer((message, transfer = []) => self.postMessage(message, transfer));
self.addEventListener("message", (event) => handle(event.data));
