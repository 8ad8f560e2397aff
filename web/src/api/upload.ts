import { ApiFailure, sentenceOf } from "./http";

export interface UploadOptions {
  /** Told how much has been sent, from 0 to 1. */
  onProgress?: (share: number) => void;
}

/**
 * Sends a form with a file and tells how far it is, which fetch cannot. Throws ApiFailure as
 * `request` does.
 */
export function upload<T>(
  path: string,
  fields: Record<string, string | File>,
  key: string,
  { onProgress }: UploadOptions,
): Promise<T> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", key);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) =>
      onProgress?.(total ? loaded / total : 0),
    );
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status >= 200 && status < 300 && response !== null) resolve(response as T);
      else reject(new ApiFailure(status, sentenceOf(response, status)));
    });
    request.addEventListener("error", () =>
      reject(
        new ApiFailure(0, "The file was not sent: there is no connection. Check your network and try again."),
      ),
    );
    request.send(form);
  });
}
