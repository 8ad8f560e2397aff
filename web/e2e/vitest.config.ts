import { defineConfig } from "vitest/config";

// The whole system in a real browser: linking takes seconds, waiting for a slice may take a minute.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: "verbose",
  },
});
