// Each task with its prompt, answer and matched keywords.

const suiteScore = (row, name) => (name === "reasoning" ? row.reasoning : row.suites[name]);

/** One section for each suite that the row has answers to. */
function suiteParts(row) {
  return Object.entries(row.answers).map(([name, place]) => suitePart(row, name, content.answers[place]));
}

function suitePart(row, name, answers) {
  const title = name === "reasoning" ? "Tasks" : content.suites[name].title;
  if (!answers.tasks.length) return section(title, element("p", {}, "The answers cannot be read; measure them again."));
  const found = suiteScore(row, name);
  const drawn = Object.entries(found.pass_at).map(([k, share]) => `pass@${k} ${share.toFixed(2)}`);
  const shown = answers.tasks.length < found.n ? ` Shown are ${answers.tasks.length}, those not solved first.` : "";
  return section(
    title,
    element(
      "p",
      { class: "dim" },
      `${found.solved} of ${found.n} solved. Answered on ${answers.machine}, ${minute(answers.at)}.${shown}`,
      drawn.length > 0 && ` Of drawn answers: ${drawn.join(", ")}.`,
    ),
    name !== "reasoning" && categoryTable(found),
    element("div", { class: "tasks" }, answers.tasks.map((answer) => taskPart(answer, content.tasks[name]?.[answer.task]))),
  );
}

function categoryTable({ by_category: categories }) {
  return simpleTable(
    ["Category", "Solved", "Asked"],
    Object.entries(categories).map(([name, { solved, n }]) => [name.replaceAll("_", " "), solved, n]),
  );
}

function taskPart(answer, task) {
  return element(
    "details",
    { class: answer.solved ? "task solved" : "task" },
    element(
      "summary",
      {},
      element(
        "span",
        { class: "result" },
        spoken(answer.solved ? "✓" : "✗", answer.solved ? "solved:" : "not solved:"),
      ),
      element("span", { class: "question" }, task?.question ?? answer.task),
      element("span", { class: "said" }, firstWords(answer)),
    ),
    element(
      "dl",
      {},
      pair("Task", `${answer.task}, ${answer.category.replaceAll("_", " ")}`),
      pair("Prompt", element("pre", {}, content.texts[answer.prompt])),
      pair("Answer", element("pre", {}, marked(answer)), element("p", { class: "dim" }, answerWords(answer))),
      task && pair("Matched", keywordWords(answer.accepted, "no accepted keyword")),
      answer.detail && pair("Scorer", answer.detail),
      answer.rejected.length > 0 && pair("Rejected by", keywordWords(answer.rejected)),
      task &&
        pair(
          "Accepted are",
          keywordWords(task.accept),
          task.reject.length > 0 && ["; never ", keywordWords(task.reject)],
        ),
    ),
  );
}

function pair(term, ...values) {
  return element("div", {}, element("dt", {}, term), element("dd", {}, values));
}

function consideredText({ considered, answer }) {
  return typeof considered === "number" ? answer.slice(0, considered) : considered;
}

function firstWords(answer) {
  const text = consideredText(answer).trim().replace(/\s+/g, " ");
  return text.length > 90 ? `${text.slice(0, 88)} …` : text || "(nothing)";
}

function answerWords({ finish, output_tokens: tokens, considered, answer }) {
  const end = { length: "cut at the limit", too_long: "the context cannot hold it" }[finish] ?? "ended by the model";
  const rest =
    typeof considered === "number" && considered < answer.length
      ? "; the grey part, after the model went on to another question, does not count"
      : "";
  return `${plural(tokens, "token")}, ${end}${rest}.`;
}

function keywordWords(keywords, none = "") {
  return keywords.length ? keywords.map((keyword, at) => [at ? ", " : "", element("code", {}, keyword)]) : none;
}

/** The answer as text, with the keywords that were found marked and what did not count in grey. */
function marked(answer) {
  const counted = consideredText(answer);
  const parts = highlight(counted, [
    ...answer.accepted.map((word) => [word, "accepted"]),
    ...answer.rejected.map((word) => [word, "rejected"]),
  ]);
  const rest = typeof answer.considered === "number" ? answer.answer.slice(answer.considered) : "";
  return [...parts, rest && element("span", { class: "rest" }, rest)];
}

function highlight(text, words) {
  const parts = [];
  let at = 0;
  while (at < text.length) {
    const found = nextWord(text, words, at);
    if (!found) break;
    parts.push(text.slice(at, found.start), element("mark", { class: found.kind }, text.slice(found.start, found.end)));
    at = found.end;
  }
  return [...parts, text.slice(at)];
}

/** The first whole word of the list from a place on, the longest where several begin there. */
function nextWord(text, words, from) {
  let best = null;
  for (const [word, kind] of words) {
    const start = wholeWord(text, word, from);
    if (start < 0) continue;
    const found = { start, end: start + word.length, kind };
    if (!best || found.start < best.start || (found.start === best.start && found.end > best.end)) best = found;
  }
  return best;
}

function wholeWord(text, word, from) {
  const letters = /[\p{L}\p{N}]/u;
  const lower = text.toLowerCase();
  // Some letters change their length in lower case; then nothing is marked rather than the wrong thing.
  if (lower.length !== text.length || !word) return -1;
  for (
    let start = lower.indexOf(word.toLowerCase(), from);
    start >= 0;
    start = lower.indexOf(word.toLowerCase(), start + 1)
  ) {
    if (!letters.test(text[start - 1] ?? " ") && !letters.test(text[start + word.length] ?? " ")) return start;
  }
  return -1;
}
