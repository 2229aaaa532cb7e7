// Lighthouse on pages of one site: a line of JSON for each, {"path", "scores", "performance", "failed", "metrics", "benchmarkIndex"}.
//
//   node tools/lighthouse/run.mjs [--runs N] [--phone] [--quick] CHROMIUM SITE PATH...
//
// As a desktop, or with --phone as Lighthouse's own phone: slow 4G, the processor slowed down four times.
// --quick leaves the performance out, which takes most of the time.
// Scores are 0 to 100, the median of the runs; `failed` names audits that count and were not passed in the last
// run; `benchmarkIndex` is how fast Lighthouse found this machine just then (a desktop has 1500 and more).
import { parseArgs } from "node:util";
import { launch } from "chrome-launcher";
import lighthouse, { defaultConfig, desktopConfig } from "lighthouse";

const { values, positionals } = parseArgs({
  options: {
    runs: { type: "string", default: "1" },
    phone: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [chromePath, site, ...paths] = positionals;
const onlyCategories = ["accessibility", "best-practices", "seo", ...(values.quick ? [] : ["performance"])];
const config = values.phone ? defaultConfig : desktopConfig;

/** No sandbox, as root in a container has none; nothing that talks to its maker. The same as in tests/browser/conftest.py. */
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const METRICS = ["first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift"];

const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

const chrome = await launch({ chromePath, chromeFlags: FLAGS, logLevel: "error" });
try {
  for (const path of paths) {
    const runs = [];
    let last = null;
    for (let run = 0; run < Number(values.runs); run += 1) {
      last = (await lighthouse(site + path, { port: chrome.port, logLevel: "error", onlyCategories }, config)).lhr;
      runs.push(Object.fromEntries(Object.values(last.categories).map(({ id, score }) => [id, Math.round(score * 100)])));
    }
    const scores = Object.fromEntries(Object.keys(runs[0]).map((id) => [id, median(runs.map((one) => one[id]))]));
    const counted = Object.values(last.categories).flatMap(({ id, auditRefs }) =>
      id === "performance" ? [] : auditRefs.filter(({ weight }) => weight > 0).map((ref) => ref.id),
    );
    const failed = counted.filter((id) => (last.audits[id].score ?? 1) < 1);
    const metrics = Object.fromEntries(METRICS.map((id) => [id, last.audits[id]?.displayValue]));
    const [performance, benchmarkIndex] = [runs.map((one) => one.performance), last.environment.benchmarkIndex];
    console.log(JSON.stringify({ path, scores, performance, failed, metrics, benchmarkIndex }));
  }
} finally {
  await chrome.kill();
}
