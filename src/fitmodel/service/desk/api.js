// The service behind the page. The token stays in this tab's session and goes nowhere else.
import { $, show } from "./dom.js";
import { language } from "./text.js";

const TOKEN = "fitmodel.token";
const AT_ONCE = 500; // prospects in one request: the page can tell how far it is

class ServiceError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;
export const forgetToken = () => sessionStorage.removeItem(TOKEN);

async function request(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { "accept-language": language() }; // of what a refusal says
  if (token !== null) headers.authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options, headers: { ...options.headers, ...headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(0, "");
  }
  if (answer.status === 401) {
    await askForToken(token !== null);
    return request(path, options);
  }
  if (!answer.ok) throw new ServiceError(answer.status, await detailOf(answer));
  return answer;
}

async function detailOf(answer) {
  try {
    return (await answer.json()).detail ?? answer.statusText;
  } catch {
    return answer.statusText;
  }
}

let asking = null;

/** Ask for the token; several requests that were refused wait for the same answer. */
function askForToken(wasWrong) {
  asking ??= new Promise((resolve) => {
    show($("token-fault"), wasWrong);
    $("token").value = "";
    $("ask").oncancel = (event) => event.preventDefault();
    $("ask-form").onsubmit = (event) => {
      event.preventDefault();
      // a header holds bytes: any other character cannot be the token
      const given = $("token").value.trim().replace(/[^\x21-\x7e]/g, "?");
      sessionStorage.setItem(TOKEN, given);
      show($("sign-out"));
      $("ask").close();
      asking = null;
      resolve();
    };
    $("ask").showModal();
  });
  return asking;
}

export const metadata = async () => (await request("v1/desk")).json();

/** Where prospects are assessed, with reasons in the page's language. */
const assessments = (reasons) => `v1/assessments?reasons=${reasons}&language=${language()}`;

async function post(prospects, reasons, signal) {
  const body = JSON.stringify(prospects);
  return (await request(assessments(reasons), { method: "POST", body, signal })).json();
}

export const assess = (prospect, reasons, signal) => post(prospect, reasons, signal);

const read = async (path) => (await request(path)).json();
const write = async (path, body) => (await request(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })).json();

export const pipelineRows = ({ full = false, spoken = language() } = {}) => read(`v1/pipeline/rows?language=${spoken}&full=${full}`);
export const pipelineRow = (key) => read(`v1/pipeline/row?language=${language()}&key=${encodeURIComponent(key)}`);
export const timeline = (key) => read(`v1/pipeline/timeline?language=${language()}&key=${encodeURIComponent(key)}`);
export const me = () => read("v1/me");
export const versionInUse = async () => (await read("readyz")).model_version;
export const team = () => read(`v1/team?language=${language()}`);
export const watch = () => read(`v1/watch?language=${language()}`);
export const modelCard = () => read(`v1/model/card?language=${language()}`);
export const modelPlots = () => read(`v1/model/plots?language=${language()}`);
export const modelTable = (name) => read(`v1/model/tables/${encodeURIComponent(name)}?language=${language()}`);
export const modelVersions = () => read(`v1/model/versions?language=${language()}`);
export const promote = (wanted) => write(`v1/model/promotion?language=${language()}`, wanted);
export const quiz = () => read(`v1/quiz?language=${language()}`);
export const quizAnswers = (given) => write(`v1/quiz/answers?language=${language()}`, given);
export const quizScores = () => read(`v1/quiz/scores?language=${language()}`);
export const events = (id) => read(`v1/decisions?id=${encodeURIComponent(id)}`);
export const decide = (decision) => write("v1/decisions", decision);
export const undo = (given) => write("v1/decisions/undo", given);
export const ask = (question) => write("v1/questions", question);

const briefs = (name, form) => `v1/brief?language=${language()}&form=${form}&name=${encodeURIComponent(name)}`;

async function brief(prospect, name, form, signal) {
  const body = JSON.stringify(prospect);
  return request(briefs(name.slice(0, 200), form), { method: "POST", body, signal });
}

/** What the brief says of a prospect, and the same brief as a page to keep or print. */
export const briefOf = async (prospect, name, signal) => (await brief(prospect, name, "json", signal)).json();
export const briefPage = async (prospect, name) => (await brief(prospect, name, "html")).text();

/** Assess many, a few hundred at a time; `onProgress` is called with how many are done. */
export async function assessAll(prospects, reasons, onProgress) {
  const all = [];
  for (let start = 0; start < prospects.length; start += AT_ONCE) {
    onProgress(start);
    const answer = await post(prospects.slice(start, start + AT_ONCE), reasons);
    all.push(...answer.assessments);
  }
  return all;
}
