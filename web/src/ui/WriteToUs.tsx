/** "write to us", in the middle of a sentence: with the address, where the page was built with one. */
export function WriteToUs() {
  const address = document.querySelector<HTMLMetaElement>('meta[name="contact"]')?.content;
  if (!address) return "write to us";
  return (
    <>
      write to us at{" "}
      <a className="address" href={`mailto:${address}`}>
        {address}
      </a>
    </>
  );
}
