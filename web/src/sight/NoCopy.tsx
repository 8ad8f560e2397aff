/** Stands in the place of a download for an operator who only looks: a link would save the refusal as a file. */
export function NoCopy() {
  return <p className="field-hint">You are looking: no copy can be taken.</p>;
}
