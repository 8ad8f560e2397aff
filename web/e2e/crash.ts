import { execFile } from "node:child_process";
import { request } from "node:http";
import { promisify } from "node:util";
import { required } from "./person";

/** Crashes of a slice within an hour after which it is left down. */
const crashesAllowed = 6;

/** Ends a slice's container as a crash does, after as many crashes before as leave it down now. */
export async function crashForTheLastTime(slice: number): Promise<void> {
  const before = `array_fill(now(), ARRAY[${crashesAllowed - 1}])`;
  const sql = `UPDATE gateway.slices SET crash_times = ${before} WHERE id = ${slice} AND status = 'assigned' RETURNING id`;
  const answer = await promisify(execFile)("psql", [required("DATABASE_URL"), "-XqtA", "-c", sql]);
  if (answer.stdout.trim() !== String(slice)) throw new Error(`slice ${slice} is not assigned`);
  await kill(`${required("FLEET")}-${slice}`);
}

function kill(container: string): Promise<void> {
  const socketPath = required("DOCKER_HOST").replace(/^unix:\/\//, "");
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method: "POST", path: `/containers/${container}/kill` },
      (response) => {
        response.resume();
        if (response.statusCode === 204) resolve();
        else reject(new Error(`killing ${container} was answered with ${response.statusCode}`));
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}
