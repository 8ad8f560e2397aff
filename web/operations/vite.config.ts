import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The script and the style of the operator's pages, which the function admin renders: one file each,
// under a name that stays, because that function does not know this build's.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  publicDir: false,
  build: {
    outDir: "../dist",
    emptyOutDir: false,
    assetsInlineLimit: 0,
    target: "es2022",
    lib: { entry: "main.ts", formats: ["es"], fileName: () => "operations.js", cssFileName: "operations" },
  },
});
