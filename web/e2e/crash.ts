import { execFile } from "node:child_process";
import { request } from "node:http";
import { promisify } from "node:util";
import { required } from "./person";

/** What the database answers, as psql prints it. */
export async function sql(query: string): Promise<string> {
  const answer = await promisify(execFile)("psql", [required("DATABASE_URL"), "-XqtA", "-c", query]);
  return answer.stdout.trim();
}

/** Crashes of a slice within an hour after which it is left down. */
const crashesAllowed = 6;

/** Ends a slice's container as a crash does, after as many crashes before as leave it down now. */
export async function crashForTheLastTime(slice: number): Promise<void> {
  const before = `array_fill(now(), ARRAY[${crashesAllowed - 1}])`;
  const crashed = await sql(
    `UPDATE gateway.slices SET crash_times = ${before} WHERE id = ${slice} AND status = 'assigned' RETURNING id`,
  );
  if (crashed !== String(slice)) throw new Error(`slice ${slice} is not assigned`);
  await engine("POST", `/containers/${containerOf(slice)}/kill`);
}

const containerOf = (slice: number) => `${required("FLEET")}-${slice}`;

/** Makes an image of a slice as it is, which can be a slice as well, and gives its name. */
export async function imageOf(slice: number): Promise<string> {
  const tag = `of-${containerOf(slice)}-${Date.now()}`;
  await engine(
    "POST",
    `/commit?container=${containerOf(slice)}&repo=whatsapp-slice&tag=${tag}&comment=${tag}`,
  );
  return `whatsapp-slice:${tag}`;
}

/** Takes the names of an image away, and with the last of them the image. */
export async function removeImage(...names: string[]): Promise<void> {
  for (const name of names) await engine("DELETE", `/images/${name}`);
}

function engine(method: string, path: string): Promise<void> {
  const socketPath = required("DOCKER_HOST").replace(/^unix:\/\//, "");
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (response) => {
      response.resume();
      if ((response.statusCode ?? 500) < 300) resolve();
      else reject(new Error(`${method} ${path} was answered with ${response.statusCode}`));
    });
    asked.on("error", reject);
    asked.end();
  });
}
