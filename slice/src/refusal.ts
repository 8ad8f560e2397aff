/** A request that cannot be met as asked. The message is a sentence for the person who sent it. */
export class Refusal extends Error {
  readonly status: 400 | 404 | 409 | 413 | 416 | 429;

  constructor(status: 400 | 404 | 409 | 413 | 416 | 429, sentence: string) {
    super(sentence);
    this.name = "Refusal";
    this.status = status;
  }
}
