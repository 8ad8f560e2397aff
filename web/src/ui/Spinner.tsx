/** Says that something is under way; the label is read out, and shown beside it. */
export function Spinner({ label }: { label: string }) {
  return (
    <div className="spinner" role="status">
      <span className="spinner-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {label}…
    </div>
  );
}
