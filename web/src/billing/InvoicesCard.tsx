import { useEffect, useState } from "react";
import { billing, type Invoice } from "../api/billing";
import { ApiFailure } from "../api/http";
import { Notice } from "../ui/Notice";
import { Spinner } from "../ui/Spinner";
import { shortDateOf } from "../ui/time";

type Known =
  | { kind: "asking" }
  | { kind: "failed"; sentence: string }
  | { kind: "known"; invoices: Invoice[] };

/** What was paid, and what is to be. Asked anew whenever `paid` is another. */
export function InvoicesCard({ paid }: { paid: string }) {
  const [known, setKnown] = useState<Known>({ kind: "asking" });
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is asked depends on neither, but is news after them
  useEffect(() => {
    let gone = false;
    billing.invoices().then(
      ({ invoices }) => {
        if (!gone) setKnown({ kind: "known", invoices });
      },
      (error) => {
        if (!(error instanceof ApiFailure)) throw error;
        if (!gone) setKnown({ kind: "failed", sentence: error.sentence });
      },
    );
    return () => {
      gone = true;
    };
  }, [paid, tries]);

  return (
    <section className="card data-card" aria-labelledby="invoices">
      <h2 id="invoices">Invoices</h2>
      {known.kind === "asking" && <Spinner label="Asking Stripe" />}
      {known.kind === "failed" && (
        <>
          <Notice kind="bad">{known.sentence}</Notice>
          <button
            type="button"
            className="text-button"
            onClick={() => {
              setKnown({ kind: "asking" });
              setTries(tries + 1);
            }}
          >
            Ask again
          </button>
        </>
      )}
      {known.kind === "known" && known.invoices.length === 0 && <p>There are none yet.</p>}
      {known.kind === "known" && known.invoices.length > 0 && <Table invoices={known.invoices} />}
    </section>
  );
}

function Table({ invoices }: { invoices: Invoice[] }) {
  return (
    <div className="invoices">
      <table aria-labelledby="invoices">
        <thead>
          <tr>
            <th scope="col">Invoice</th>
            <th scope="col">Date</th>
            <th scope="col" className="amount">
              Amount
            </th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {invoices.map(({ id, number, at, amount, currency, status, url }) => (
            <tr key={id}>
              <th scope="row">
                {url ? (
                  <a href={url} target="_blank" rel="noreferrer">
                    {number || "Invoice"}
                    <span className="visually-hidden"> (opens in a new tab)</span>
                  </a>
                ) : (
                  number || "Invoice"
                )}
              </th>
              <td>{shortDateOf(at)}</td>
              <td className="amount">
                {amount} {currency.toUpperCase()}
              </td>
              <td className={status === "open" || status === "uncollectible" ? "status unpaid" : "status"}>
                {statusWords[status]}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const statusWords: Record<Invoice["status"], string> = {
  paid: "Paid",
  open: "To be paid",
  void: "Void",
  uncollectible: "Not paid",
};
