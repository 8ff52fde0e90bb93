/** The service's requests. Its errors are one line each, meant to be shown. */

const TOKEN = "seqrec-token";

export class ServiceError extends Error {
  /** @param {number} status Of HTTP; 0: nobody answered. @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);

async function request(method, path, body, signal) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(0, "the service does not answer");
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ServiceError(answer.status, told.error ?? `status ${answer.status}`);
  return told;
}

const get = (path, signal) => request("GET", path, undefined, signal);
const post = (path, body, signal) => request("POST", path, body, signal);

export const isAlive = () => get("healthz").then(() => true, () => false);
export const models = () => get("models");
export const recommend = (question, signal) => post("recommend", question, signal);
export const explain = (why, signal) => post("explain", why, signal);

export async function search(query, limit, model, signal) {
  const asked = new URLSearchParams({ query, limit, ...(model && { model }) });
  return (await get(`items?${asked}`, signal)).items;
}

/** Look up the titles of a history, and what a known user did before it. */
export async function lookUp(user, history, model) {
  const begun = await post("sessions", { history, ...(user && { user, model }) });
  const place = `sessions/${begun.session}`;
  const { events } = await get(place);
  await request("DELETE", place);
  return { events, unknown: begun.unknown };
}
