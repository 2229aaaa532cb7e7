/** PUT with progress: fetch tells nothing about what it has sent. */
import { kindOf, Problem } from "../api/problem";
import type { Put } from "./transfer";

/** A request that moves no byte for so long is given up and sent again. */
const SILENCE_MS = 60_000;

/** What S3 means by a status, where that is not what the API means by it: an address is signed for a time. */
const REFUSALS: Record<number, string> = { 403: "upload_address_over" };

export const putWithProgress: Put = (url, body, headers, sent, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = 0;
    const heard = (): void => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => request.abort(), SILENCE_MS);
    };
    const end = (settle: () => void): void => {
      window.clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      settle();
    };
    const stop = (): void => request.abort();
    request.upload.onprogress = (event) => {
      heard();
      sent(event.loaded);
    };
    request.onload = () =>
      end(() => {
        if (request.status < 300) resolve(request.getResponseHeader("ETag") ?? "");
        else reject(new Problem(kindOf(request.status), { status: request.status, code: REFUSALS[request.status] }));
      });
    request.onerror = () => end(() => reject(new Problem(navigator.onLine ? "unreachable" : "offline")));
    request.onabort = () => end(() => reject(signal.aborted ? signal.reason : new Problem("unreachable")));
    signal.addEventListener("abort", stop);
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    heard();
    request.send(body);
  });
