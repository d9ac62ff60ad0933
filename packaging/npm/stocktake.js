#!/usr/bin/env node
// Runs the binary of the package for this platform, and ends as it ends.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const platform = `stocktake-${process.platform}-${process.arch}`;
let binary = process.env.STOCKTAKE_BINARY;
if (!binary) {
  try {
    binary = require.resolve(`${platform}/bin/stocktake`);
  } catch {
    console.error(
      `stocktake: there is no binary for this machine: the package ${platform} is not installed.\n` +
        "Install without --omit=optional, or set STOCKTAKE_BINARY to the path of a binary.",
    );
    process.exit(1);
  }
}

const child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
// The terminal sends Ctrl-C to both; only the binary decides when to end.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT") child.kill(signal);
  });
}
child.on("error", (error) => {
  console.error(`stocktake: cannot run ${binary}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code === null ? 128 + constants.signals[signal] : code);
});
