import { useBrand } from "../session/SessionProvider";

/** The product's sign and name. */
export function Brand() {
  return (
    <span className="brand">
      <img src="/favicon.svg" alt="" width={28} height={28} />
      {useBrand()}
    </span>
  );
}
